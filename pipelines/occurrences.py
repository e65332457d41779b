"""How often a schedule comes round in a month, which is what its cost depends on."""

import re
from datetime import date, timedelta

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # EventBridge counts them from 1
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS_A_YEAR = 12
HOURS_A_MONTH = 730  # 8,760 a year
PERIODS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}  # hours
YEAR = 2027  # any year that is not a leap year will do


def per_month(expression: str) -> float | None:
    """Return the times in an average month; None for `at`, which comes once, and for what cannot be counted."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return HOURS_A_MONTH / (int(rate[1]) * PERIODS[rate[2]])
    fields = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", expression)
    if fields is None:
        return None
    minutes, hours, of_month, months, of_week, _ = fields.groups()
    try:
        a_day = len(parse_field(minutes, range(60))) * len(parse_field(hours, range(24)))
        return a_day * days_a_year(of_month, months, of_week) / MONTHS_A_YEAR
    except ValueError:
        return None


def days_a_year(of_month: str, months: str, of_week: str) -> int:
    within = parse_field(months, range(1, 13), MONTHS)
    if re.search(r"[LW#]", of_month + re.sub(r"[A-Z]{3}", "", of_week)):
        return len(within) * len((of_month + of_week).split(","))  # one particular day of each month
    if of_month != "?":
        days = parse_field(of_month, range(1, 32))
        return sum(day.day in days and day.month in within for day in year())
    weekdays = parse_field(of_week, range(1, 8), DAYS)
    return sum(day.isoweekday() % 7 + 1 in weekdays and day.month in within for day in year())


def year() -> list[date]:
    return [date(YEAR, 1, 1) + timedelta(days=number) for number in range(365)]


def parse_field(field: str, allowed: range, names: tuple[str, ...] = ()) -> set[int]:
    """Parse `*`, `5`, `1-5`, `*/15` or `MON,WED`. Raises ValueError for anything else."""
    numbers: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = allowed[0], allowed[-1]
        else:
            ends = [parse_number(end, allowed, names) for end in span.split("-", 1)]
            first, last = ends[0], ends[-1] if len(ends) > 1 or not step else allowed[-1]
        selected = (
            range(first, last + 1) if first <= last else [*range(first, allowed[-1] + 1), *range(allowed[0], last + 1)]
        )
        numbers.update(list(selected)[:: int(step or 1)])
    return numbers


def parse_number(text: str, allowed: range, names: tuple[str, ...]) -> int:
    value = names.index(text.upper()) + 1 if text.upper() in names else int(text)
    if value not in allowed:
        raise ValueError(text)
    return value
