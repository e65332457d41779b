"""How often a schedule comes round, counted over a whole year."""

import pytest

from sluice.pipelines.occurrences import per_month


@pytest.mark.parametrize(
    ("expression", "a_year"),
    [
        ("rate(7 days)", 8760 / 168),
        ("rate(1 hour)", 8760),
        ("rate(30 minutes)", 17520),
        ("cron(0 3 ? * MON *)", 52),
        ("cron(0 3 * * ? *)", 365),
        ("cron(0 3 ? * MON-FRI *)", 261),
        ("cron(0 3 ? * FRI-MON *)", 209),
        ("cron(0 3 ? * 2,4 *)", 104),
        ("cron(0/15 9-17 * * ? *)", 365 * 36),
        ("cron(0 3 1 * ? *)", 12),
        ("cron(0 3 31 * ? *)", 7),
        ("cron(0 3 L * ? *)", 12),
        ("cron(0 3 15W * ? *)", 12),
        ("cron(0 3 ? * MON#1 *)", 12),
        ("cron(0 3 ? * 6L *)", 12),
        ("cron(0 3 1 JAN,JUL ? *)", 2),
        ("cron(0 3 1 */3 ? *)", 4),
    ],
)
def test_a_schedule_comes_so_often_a_year(expression, a_year):
    assert per_month(expression) == pytest.approx(a_year / 12)


@pytest.mark.parametrize("expression", ["at(2027-01-31T03:00:00)", "cron(0 99 * * ? *)", "cron(x y ? * z *)", "now"])
def test_what_comes_once_or_cannot_be_counted_has_no_rate(expression):
    assert per_month(expression) is None
