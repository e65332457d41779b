"""When schedules are due: AWS's documented examples, daylight saving, and what is no expression."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.localaws.events import cron

SEOUL, NEW_YORK, LONDON = "Asia/Seoul", "America/New_York", "Europe/London"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(expression: str, after: str, count: int, zone: str = "UTC", start: str | None = None) -> list[str]:
    due_times, moment = [], at(after)
    for _ in range(count):
        due = cron.next_after(expression, moment, zone, at(start) if start else None)
        if due is None:
            return [*due_times, "never"]
        assert due.tzinfo is UTC
        due_times.append(due.strftime("%Y-%m-%d %H:%M"))
        moment = due
    return due_times


# The meanings are those that AWS's reference gives.
DOCUMENTED = [
    ("cron(0 10 * * ? *)", ["2026-11-20 10:00", "2026-11-21 10:00"]),  # 10:00 every day
    ("cron(15 12 * * ? *)", ["2026-11-20 12:15", "2026-11-21 12:15"]),  # 12:15 every day
    ("cron(0 18 ? * MON-FRI *)", ["2026-11-20 18:00", "2026-11-23 18:00"]),  # 18:00, Monday to Friday
    ("cron(0 8 1 * ? *)", ["2026-12-01 08:00", "2027-01-01 08:00"]),  # 08:00 on the first of the month
    ("cron(0/15 * * * ? *)", ["2026-11-20 00:15", "2026-11-20 00:30"]),  # every 15 minutes
    ("cron(0/10 * ? * MON-FRI *)", ["2026-11-20 00:10", "2026-11-20 00:20"]),  # every 10 minutes, Monday to Friday
    ("cron(0/5 8-17 ? * MON-FRI *)", ["2026-11-20 08:00", "2026-11-20 08:05"]),  # every 5 minutes, 08:00 to 17:55
    ("cron(1/10 0 * * ? *)", ["2026-11-20 00:01", "2026-11-20 00:11"]),  # every tenth minute, from the first
    ("cron(0 9 ? * 2#1 *)", ["2026-12-07 09:00", "2027-01-04 09:00"]),  # the first Monday of the month
    ("cron(0 0 ? * 3#2 *)", ["2026-12-08 00:00", "2027-01-12 00:00"]),  # the second Tuesday
    ("cron(0 0 ? * TUE#5 *)", ["2026-12-29 00:00", "2027-03-30 00:00"]),  # months without a fifth are left out
    ("cron(0 0 3W * ? *)", ["2026-12-03 00:00", "2027-01-04 00:00"]),  # the weekday nearest to the third
    ("cron(0 0 1W * ? *)", ["2026-12-01 00:00", "2027-01-01 00:00"]),
    ("cron(0 0 31W * ? *)", ["2026-12-31 00:00", "2027-01-29 00:00"]),  # 2027-01-31 is a Sunday
    ("cron(0 0 L * ? *)", ["2026-11-30 00:00", "2026-12-31 00:00"]),  # the last day of the month
    ("cron(0 0 ? * L *)", ["2026-11-21 00:00", "2026-11-28 00:00"]),  # the last day of the week: Saturday
    ("cron(0 0 ? * 6L *)", ["2026-11-27 00:00", "2026-12-25 00:00"]),  # the last Friday of the month
    ("cron(15 10 ? * 6L 2027-2028)", ["2027-01-29 10:15", "2027-02-26 10:15"]),
    ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    ("cron(0 3 ? JAN,JUL sun *)", ["2027-01-03 03:00", "2027-01-10 03:00"]),
    ("cron(30 4/6 1,15 1-3/2 ? *)", ["2027-01-01 04:30", "2027-01-01 10:30"]),
    ("cron(0 0 1 1 ? 2026/2)", ["2028-01-01 00:00", "2030-01-01 00:00"]),
]


@pytest.mark.parametrize(("expression", "expected"), DOCUMENTED, ids=[expression for expression, _ in DOCUMENTED])
def test_a_documented_expression_is_due_when_aws_says(expression: str, expected: list[str]) -> None:
    assert times(expression, "2026-11-20T00:00:00", len(expected)) == expected


def test_first_of_a_saturday_goes_forward_within_its_month() -> None:
    assert times("cron(0 0 1W 5 ? *)", "2027-01-01T00:00:00", 1) == ["2027-05-03 00:00"]  # 2027-05-01 is a Saturday


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 0 30 2 ? *)", "2026-01-01T00:00:00", ["never"]),  # there is no such day
        ("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00", ["never"]),
        ("cron(59 23 31 12 ? 2199)", "2026-01-01T00:00:00", ["2199-12-31 23:59", "never"]),
        ("at(2026-11-20T03:00:00)", "2026-11-20T02:59:59", ["2026-11-20 03:00", "never"]),
        ("at(2026-11-20T03:00:00)", "2026-11-20T03:00:00", ["never"]),
        ("rate(999999999 days)", "2026-11-20T03:00:00", ["never"]),
    ],
)
def test_what_comes_to_an_end_says_so(expression: str, after: str, expected: list[str]) -> None:
    assert times(expression, after, len(expected)) == expected


def test_mondays_at_three_in_seoul_are_sundays_at_six_in_utc() -> None:
    assert times("cron(0 3 ? * MON *)", "2026-11-20T00:00:00", 2, SEOUL) == ["2026-11-22 18:00", "2026-11-29 18:00"]


def test_the_first_of_the_month_in_seoul_may_be_the_last_in_utc() -> None:
    assert times("cron(0 8 1 * ? *)", "2026-11-20T00:00:00", 1, SEOUL) == ["2026-11-30 23:00"]


def test_one_time_in_seoul() -> None:
    assert times("at(2026-12-25T09:00:00)", "2026-11-20T00:00:00", 2, SEOUL) == ["2026-12-25 00:00", "never"]


def test_wall_clock_times_move_with_daylight_saving() -> None:
    daily = times("cron(0 9 * * ? *)", "2027-03-13T00:00:00", 3, NEW_YORK)
    assert daily == ["2027-03-13 14:00", "2027-03-14 13:00", "2027-03-15 13:00"]


def test_a_time_that_spring_skips_is_left_out() -> None:
    skipped = times("cron(30 2 * * ? *)", "2027-03-13T00:00:00", 2, NEW_YORK)  # 2027-03-14 has no 02:30
    assert skipped == ["2027-03-13 07:30", "2027-03-15 06:30"]


def test_a_time_that_autumn_repeats_is_due_once() -> None:
    repeated = times("cron(30 1 * * ? *)", "2027-11-06T00:00:00", 3, NEW_YORK)  # 2027-11-07 has two 01:30
    assert repeated == ["2027-11-06 05:30", "2027-11-07 05:30", "2027-11-08 06:30"]


def test_within_the_repeated_hour_nothing_comes_again() -> None:
    assert times("cron(0/30 1 * * ? *)", "2027-10-31T00:29:59", 3, LONDON) == [
        "2027-10-31 00:30",  # 01:30, the first time
        "2027-11-01 01:00",
        "2027-11-01 01:30",
    ]


def test_a_day_of_a_rate_is_24_hours_whatever_the_clocks_do() -> None:
    daily = times("rate(1 day)", "2027-03-13T12:00:00", 2, NEW_YORK)
    assert daily == ["2027-03-14 12:00", "2027-03-15 12:00"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-11-20T08:00:00", "2026-11-20 09:00"),  # before the start: the start itself
        ("2026-11-20T09:00:00", "2026-11-20 09:05"),
        ("2026-11-20T09:04:59", "2026-11-20 09:05"),
        ("2026-11-21T00:00:01", "2026-11-21 00:05"),
    ],
)
def test_a_rate_counts_from_its_start(after: str, expected: str) -> None:
    assert times("rate(5 minutes)", after, 1, start="2026-11-20T09:00:00") == [expected]


def test_cron_begins_at_the_start_and_not_before() -> None:
    assert times("cron(0 10 * * ? *)", "2026-11-20T00:00:00", 1, start="2026-12-01T10:00:00") == ["2026-12-01 10:00"]
    assert times("cron(0 10 * * ? *)", "2026-11-20T00:00:00", 1, start="2026-12-01T10:00:01") == ["2026-12-02 10:00"]


BAD = [
    ("0 3 * * ? *", "it must be rate"),
    ("rate(0 minutes)", "above 0"),
    ("rate(-1 minutes)", "above 0"),
    ("rate(1.5 hours)", "above 0"),
    ("rate(5 weeks)", "above 0"),
    ("rate(99999999999999999999 days)", "too long"),
    ("at(2026-11-20)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2026-11-20T03:00:00Z)", "without a zone"),
    ("at(2026-02-30T03:00:00)", "not a date"),
    ("cron(0 3 * * ?)", "six fields"),
    ("cron(0 3 * * MON *)", "must be `?`"),
    ("cron(0 3 ? * ? *)", "must be `?`"),
    ("cron(60 3 * * ? *)", "minutes '60'"),
    ("cron(0 24 * * ? *)", "hours '24'"),
    ("cron(0 3 0 * ? *)", "day-of-month '0'"),
    ("cron(0 3 32 * ? *)", "day-of-month '32'"),
    ("cron(0 3 3L * ? *)", "day-of-month '3L'"),
    ("cron(0 3 W * ? *)", "day-of-month ''"),
    ("cron(0 3 1 13 ? *)", "month '13'"),
    ("cron(0 3 1 FOO ? *)", "JAN to DEC"),
    ("cron(0 3 ? * 0 *)", "day-of-week '0'"),
    ("cron(0 3 ? * 8 *)", "SUN to SAT"),
    ("cron(0 3 ? * 3#6 *)", "1 to 5"),
    ("cron(0 3 ? * 3#1,6#3 *)", "stands alone"),
    ("cron(0 3 ? * FRI-MON *)", "goes upwards"),
    ("cron(0 3 * * ? 1969)", "year '1969'"),
    ("cron(0 3 * * ? 2200)", "year '2200'"),
    ("cron(0/0 3 * * ? *)", "after `/`"),
    ("cron(*/x 3 * * ? *)", "after `/`"),
    ("cron(?  3 * * ? *)", "minutes '?'"),
    ("cron(1,,2 3 * * ? *)", "minutes ''"),
    ("cron(٣ 3 * * ? *)", "minutes '٣'"),
]


@pytest.mark.parametrize(("expression", "why"), BAD, ids=[expression for expression, _ in BAD])
def test_what_is_no_expression_is_refused_with_the_reason(expression: str, why: str) -> None:
    with pytest.raises(cron.InvalidExpression, match=why.replace("?", r"\?")):
        cron.parse_expression(expression)


@pytest.mark.parametrize("name", ["Asia", "Seoul", "../etc/passwd", "", "UTC+9", "KST9"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(cron.InvalidExpression, match="IANA"):
        cron.load_time_zone(name)


def test_rules_and_schedules_spell_rates_differently_so_parsing_tells_them_apart() -> None:
    texts = ("1 minute", "1 minutes", "5 minutes", "5 minute")
    spelled = {text: cron.parse_expression(f"rate({text})") for text in texts}
    assert [text for text, rate in spelled.items() if isinstance(rate, cron.Rate) and rate.regular] == [
        "1 minute",
        "5 minutes",
    ]


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  # hypothesis wants naive bounds
    zone=st.sampled_from([SEOUL, NEW_YORK, LONDON, "Australia/Lord_Howe", "UTC"]),
    expression=st.sampled_from(["cron(0/20 * * * ? *)", "cron(30 1,2 * * ? *)", "cron(0 0 L * ? *)", "rate(7 hours)"]),
)
def test_times_go_forward_and_none_is_left_out(moment: datetime, zone: str, expression: str) -> None:
    """Whatever lies between a moment and its next time has the same next time."""
    after = moment.replace(tzinfo=UTC)
    moments = [after]
    for _ in range(4):
        due = cron.next_after(expression, moments[-1], zone, at("2000-01-01T00:00:00"))
        assert due is not None
        moments.append(due)
    for earlier, later in pairwise(moments):
        assert earlier < later
        between = earlier + (later - earlier) / 2
        assert cron.next_after(expression, between, zone, at("2000-01-01T00:00:00")) == later
        assert cron.next_after(expression, later - timedelta(microseconds=1), zone, at("2000-01-01T00:00:00")) == later
