"""When a schedule is due: AWS's `rate(...)`, `cron(...)` and `at(...)` expressions, in any IANA time zone. All pure."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = timedelta(minutes=1)
UNITS = {"minute": MINUTE, "hour": timedelta(hours=1), "day": timedelta(days=1)}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # day 1 is Sunday, as on AWS
SUNDAY, SATURDAY = 1, 7


class InvalidExpression(ValueError):
    """The expression is not one that AWS documents; the text says why."""


@dataclass(frozen=True)
class Rate:
    """Every so often, counted from the start of the schedule; a day is 24 hours, whatever the clocks do."""

    period: timedelta
    regular: bool  # `1 minute` or `2 minutes`: EventBridge rules refuse `1 minutes`, EventBridge Scheduler does not

    def next(self, moment: datetime, zone: ZoneInfo, start: datetime) -> datetime | None:
        if moment < start:
            return start
        return start + self.period * ((moment - start) // self.period + 1)


@dataclass(frozen=True)
class At:
    """One point in time. A wall-clock time that daylight saving skips is taken at the offset before the change."""

    local: datetime

    def next(self, moment: datetime, zone: ZoneInfo, start: datetime) -> datetime | None:
        due = self.local.replace(tzinfo=zone).astimezone(UTC)
        return due if due > moment else None


@dataclass(frozen=True)
class Cron:
    """At wall-clock times: one that daylight saving skips is left out, one that it repeats is due once."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    days_of_month: tuple[str, ...]  # () where the field is `?`
    days_of_week: tuple[str, ...]

    def next(self, moment: datetime, zone: ZoneInfo, start: datetime) -> datetime | None:
        after = max(moment, start - timedelta(microseconds=1))
        local = after.astimezone(zone).replace(tzinfo=None)
        for day in self._days(local.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    due = _exact(datetime.combine(day, time(hour, minute), zone))
                    if due is not None and due > after:
                        return due
        return None

    def _days(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for day in self._days_of(year, month):
                    if (candidate := date(year, month, day)) >= first:
                        yield candidate

    def _days_of(self, year: int, month: int) -> list[int]:
        days: set[int] = set()
        for item in self.days_of_month:
            days |= _days_of_month(item, year, month)
        for item in self.days_of_week:
            days |= _days_of_week(item, year, month)
        return sorted(days)


Expression = Rate | At | Cron


def parse_expression(expression: str) -> Expression:
    """Return the parsed expression; raises `InvalidExpression` with the reason."""
    match = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression)
    if match is None:
        raise InvalidExpression("it must be rate(value unit), cron(fields) or at(yyyy-mm-ddThh:mm:ss)")
    kind, inside = match.groups()
    if kind == "cron":
        return _cron(inside)
    return _rate(inside) if kind == "rate" else _at(inside)


def load_time_zone(name: str) -> ZoneInfo:
    """Return the zone; raises `InvalidExpression` for a name that is not in the IANA data base."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last two for `../x` and for a folder such as `Asia`
        raise InvalidExpression(f"{name!r} is not an IANA time zone such as Asia/Seoul") from None


def next_after(
    expression: str, moment: datetime, timezone: str = "UTC", start: datetime | None = None
) -> datetime | None:
    """The first time after `moment` (and not before `start`) that the expression names, in UTC; None if there is none.

    A rate counts from `start`, and the start is its first time; without one it first comes a period after `moment`.
    """
    moment = moment.astimezone(UTC)
    try:
        start = start.astimezone(UTC) if start else moment
        return parse_expression(expression).next(moment, load_time_zone(timezone), start)
    except OverflowError:  # beyond the year 9999
        return None


def _rate(inside: str) -> Rate:
    match = re.fullmatch(r"([0-9]+) +(minute|hour|day)(s?)", inside.strip())
    if match is None or (value := int(match[1])) == 0:
        raise InvalidExpression(
            "a rate is a whole number above 0 and minute(s), hour(s) or day(s), as in rate(5 minutes)"
        )
    try:
        period = value * UNITS[match[2]]
    except OverflowError:
        raise InvalidExpression(f"a rate of {value} {match[2]}s is too long") from None
    return Rate(period, regular=(value == 1) == (match[3] == ""))


def _at(inside: str) -> At:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside):
        raise InvalidExpression("at() takes yyyy-mm-ddThh:mm:ss, without a zone")
    try:
        return At(datetime.fromisoformat(inside))
    except ValueError as reason:
        raise InvalidExpression(f"at({inside}) is not a date and time: {reason}") from None


def _cron(inside: str) -> Cron:
    fields = inside.upper().split()
    if len(fields) != 6:
        raise InvalidExpression(
            f"cron takes six fields (minutes hours day-of-month month day-of-week year), not {len(fields)}"
        )
    minutes, hours, dom, months, dow, years = fields
    if (dom == "?") == (dow == "?"):
        raise InvalidExpression("one of day-of-month and day-of-week must be `?`, and only one")
    return Cron(
        _values("minutes", minutes, 0, 59),
        _values("hours", hours, 0, 23),
        _values("month", months, 1, 12, MONTHS),
        _values("year", years, 1970, 2199),
        _day_items("day-of-month", dom, r"(|\d+(?=W))(L|W)", 31),
        _day_items("day-of-week", dow, r"(\w*)(L|#\d)", 7, DAYS),
    )


def _values(field: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[int, ...]:
    values: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        if "/" in item and not (step.isdecimal() and int(step) > 0):
            raise InvalidExpression(f"{field} {item!r}: after `/` comes a positive whole number")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(field, first, low, high, names)
            end = _number(field, last, low, high, names) if dash else high if step else begin
        if begin > end:
            raise InvalidExpression(f"{field} {item!r}: a range goes upwards")
        values.update(range(begin, end + 1, int(step or 1)))
    return tuple(sorted(values))


def _number(field: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + 1
    if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
        among = f", or {names[0]} to {names[-1]}" if names else ""
        raise InvalidExpression(f"{field} {text!r} is not within {low} to {high}{among}")
    return int(text)


def _day_items(field: str, text: str, special: str, high: int, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The items of a day field as numbers, but for those that depend on the month: `L`, `15W`, `6L`, `3#2`."""
    if text == "?":
        return ()
    items: list[str] = []
    for item in text.split(","):
        match = re.fullmatch(special, item)
        if match is None:
            items += map(str, _values(field, item, 1, high, names))
            continue
        day, mark = match.groups()
        if mark[0] == "#" and (item != text or mark[1] not in "12345"):
            raise InvalidExpression(f"{field} {text!r}: `#` takes 1 to 5, and stands alone in its field")
        items.append(mark if not day and mark == "L" else f"{_number(field, day, 1, high, names)}{mark}")
    return tuple(items)


def _days_of_month(item: str, year: int, month: int) -> set[int]:
    last = monthrange(year, month)[1]
    if item == "L":
        return {last}
    if not item.endswith("W"):
        return {int(item)} if int(item) <= last else set()
    day = int(item[:-1])
    if day > last:
        return set()
    weekday = _weekday(year, month, day)  # the nearest Monday to Friday, but within the same month
    if weekday == SATURDAY:
        return {day - 1 if day > 1 else day + 2}
    if weekday == SUNDAY:
        return {day + 1 if day < last else day - 2}
    return {day}


def _days_of_week(item: str, year: int, month: int) -> set[int]:
    weekday = SATURDAY if item == "L" else int(item[0])
    first = 1 + (weekday - _weekday(year, month, 1)) % 7
    days = list(range(first, monthrange(year, month)[1] + 1, 7))
    if item[1:] == "L":
        return {days[-1]}
    if "#" in item:
        return set(days[int(item[-1]) - 1 : int(item[-1])])
    return set(days)


def _weekday(year: int, month: int, day: int) -> int:
    return (date(year, month, day).weekday() + 1) % 7 + 1


def _exact(local: datetime) -> datetime | None:
    """The first moment at which the clocks of the zone show this time; None if they never do."""
    moment = local.astimezone(UTC)
    return moment if moment.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None) else None
