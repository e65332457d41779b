"""Drawings as inline SVG: how long answers took, how long they were, and how far apart two versions are.

They are drawn for a width of 360 units, so that their letters are as large as the text on a telephone and on a desk.
Colours are the page's: each shape has a class.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sluice.evaluation.reports.html.markup import Html, joined, tag
from sluice.evaluation.reports.plain_text import count, milliseconds

WIDTH = 360
X_MIN, X_MAX = 4, 356
BINS = 28
LETTER = 6.0  # about as wide as a letter of 11 units is
LEVELS = 3  # of names above a drawing
GUTTER = 44  # right of the dots, for what the heights mean


@dataclass(frozen=True)
class Mark:
    """A place on the axis that has a name: a percentile, or a limit of the gate."""

    value: float
    name: str
    limit: bool = False


@dataclass(frozen=True)
class Scale:
    """Values to places between LEFT and RIGHT; a logarithmic one for what spreads over magnitudes."""

    low: float
    high: float
    log: bool = False
    right: float = X_MAX

    def at(self, value: float) -> float:
        low, high, value = (math.log(max(each, 1e-9)) if self.log else each for each in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return X_MIN + min(max(share, 0.0), 1.0) * (self.right - X_MIN)

    def bin(self, value: float) -> int:
        return min(int((self.at(value) - X_MIN) / (X_MAX - X_MIN) * BINS), BINS - 1)


def picture(name: str, height: int, *shapes: Html, about: str) -> Html:
    """An image with words for those who do not see it."""
    return tag(
        "svg",
        tag("title", name),
        tag("desc", about),
        *shapes,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=f"{name}. {about}",
        class_="plot",
    )


def scale(values: Sequence[float], log: bool) -> Scale:
    if log:
        return Scale(max(min(values), 0.1) / 1.15, max(*values, 0.2) * 1.15, log=True)
    step = round_step(max(values) / 4)
    return Scale(0, step * max(math.ceil(max(values) / step), 1))


def round_step(value: float) -> float:
    """1, 2, 5, 10 ...: the smallest that is not below."""
    power = 10.0 ** math.floor(math.log10(max(value, 0.25)))
    return max(next(power * each for each in (1, 2, 5, 10) if power * each >= value - 1e-9), 1.0)


def ticks(axis: Scale, most: int = 6) -> list[float]:
    if not axis.log:
        step = round_step(axis.high / 5)
        return [step * number for number in range(int(axis.high / step + 1e-9) + 1)]
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    for kinds in ((1, 2, 5), (1, 3), (1,)):
        values = [
            10.0**power * kind for power in powers for kind in kinds if axis.low <= 10.0**power * kind <= axis.high
        ]
        if len(values) <= most:
            return values
    return values[:: math.ceil(len(values) / most)]


def axis_line(axis: Scale, y: float, describe: Callable[[float], str]) -> Html:
    line = tag("line", x1=X_MIN, x2=X_MAX, y1=y, y2=y, class_="axis")
    return joined(line, *(tick(axis.at(value), y, describe(value)) for value in ticks(axis)))


def tick(x: float, y: float, name: str) -> Html:
    mark = tag("line", x1=place(x), x2=place(x), y1=y, y2=y + 4, class_="axis")
    return joined(mark, letters(x, y + 16, name, "tick"))


def letters(x: float, y: float, text: str, kind: str) -> Html:
    """Text centred at a place, or flush with the border that it would cross."""
    half = len(text) * LETTER / 2
    anchor = "start" if x - half < X_MIN else "end" if x + half > X_MAX else "middle"
    x = X_MIN if anchor == "start" else X_MAX if anchor == "end" else x
    return tag("text", text, x=place(x), y=place(y), text_anchor=anchor, class_=kind)


def place(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def histogram(values: Sequence[float], axis: Scale, floor: float, height: float, kind: str = "bar") -> Html:
    """Bars that stand on `floor`, as one shape."""
    bins = [0] * BINS
    for value in values:
        bins[axis.bin(value)] += 1
    tallest = max(bins)
    width = (X_MAX - X_MIN) / BINS
    bars = [
        f"M{place(X_MIN + number * width + 0.75)} {place(floor)}v-{place(max(size / tallest * height, 1.5))}"
        f"h{place(width - 1.5)}V{place(floor)}z"
        for number, size in enumerate(bins)
        if size
    ]
    return tag("path", d="".join(bars), class_=kind)


def marks(axis: Scale, marks_to_draw: Sequence[Mark], top: float, floor: float) -> Html:
    """Lines with their names above them, left of the line where there is room; names never lie on each other."""
    lines: list[Html] = []
    names: list[Html] = []
    ends = [-math.inf] * LEVELS
    for mark in sorted(marks_to_draw, key=lambda each: each.value):
        x, width, kind = axis.at(mark.value), len(mark.name) * LETTER, "limit" if mark.limit else "mark"
        start = max(x - width - 3, X_MIN)
        level = next((number for number, end in enumerate(ends) if start > end + 6), LEVELS - 1)
        ends[level] = max(start + width, x)
        y = top - 4 - 13 * level
        lines.append(tag("line", x1=place(x), x2=place(x), y1=place(y - 8), y2=place(floor), class_=kind))
        names.append(tag("text", mark.name, x=place(start), y=place(y), class_=f"{kind}-name"))
    return joined(*lines, *names)


def durations(
    whole: Sequence[float], first: Sequence[float], marks_shown: Sequence[Mark], shown_first: Sequence[Mark]
) -> Html:
    """Two distributions over one logarithmic axis: the whole answer, and its first token."""
    limits = [mark.value for mark in (*marks_shown, *shown_first)]
    axis = scale([*whole, *first, *limits], log=True)
    floor = 108
    parts = [
        letters(X_MIN, 10, "Whole answer", "name"),
        histogram(whole, axis, floor, 46),
        marks(axis, marks_shown, 58, floor),
    ]
    if first:
        parts += [tag("line", x1=X_MIN, x2=X_MAX, y1=floor, y2=floor, class_="axis")]
        parts += [letters(X_MIN, floor + 22, "First token", "name")]
        floor = 218
        parts += [histogram(first, axis, floor, 42, "bar second"), marks(axis, shown_first, 172, floor)]
    parts.append(axis_line(axis, floor, short_time))
    about = f"{len(whole)} answers took between {milliseconds(min(whole))} and {milliseconds(max(whole))}: " + listed(
        marks_shown
    )
    return picture("How long answers took", floor + 22, *parts, about=about)


def short_time(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def listed(marks_shown: Sequence[Mark]) -> str:
    return ", ".join(mark.name for mark in marks_shown) + "."


def lengths(tokens: Sequence[float], marks_shown: Sequence[Mark]) -> Html:
    axis = scale([*tokens, *(mark.value for mark in marks_shown), 1], log=False)
    parts = [histogram(tokens, axis, 218, 160), marks(axis, marks_shown, 46, 218), axis_line(axis, 218, count)]
    about = f"Between {count(min(tokens))} and {count(max(tokens))} tokens: " + listed(marks_shown)
    return picture("How long answers were", 240, *parts, about=about)


def scatter(good: Sequence[tuple[float, float]], bad: Sequence[tuple[float, float]]) -> Html:
    """Tokens against time, one dot an answer; the answers that did not pass are rings."""
    both = [*good, *bad]
    across = replace(scale([each[0] for each in both] + [1], log=False), right=X_MAX - GUTTER)
    up = scale([each[1] for each in both], log=True)

    def height(value: float) -> float:
        return 190 - (up.at(value) - X_MIN) / (X_MAX - X_MIN) * 176

    def dots(points: Sequence[tuple[float, float]], kind: str) -> Html | None:
        # dots that fall on one another are drawn once: the drawing stays small however many answers there are
        places = dict.fromkeys((round(across.at(x)), round(height(y))) for x, y in points)
        return tag("path", d="".join(f"M{x} {y}h0" for x, y in places), class_=kind) if places else None

    levels = [(place(height(value)), short_time(value)) for value in ticks(up, 4)]
    lines = [tag("line", x1=X_MIN, x2=X_MAX, y1=y, y2=y, class_="grid") for y, _ in levels]
    names = [
        tag("text", name, x=X_MAX, y=place(float(y) - 4), text_anchor="end", class_="tick over") for y, name in levels
    ]
    shapes = [each for each in (dots(good, "dots"), dots(bad, "dots bad-ring"), dots(bad, "dots bad-hole")) if each]
    about = f"{len(both)} answers, {len(bad)} of which did not pass."
    return picture("Time against tokens", 212, *lines, *shapes, *names, axis_line(across, 190, count), about=about)


def interval(low: float, estimate: float, high: float, margin: float | None) -> Html:
    """A difference of pass rates in points, with its confidence interval, zero, and the margin that was allowed."""
    edges = [abs(each) for each in (low, high, margin or 0.0)]
    most = max(*edges, 1.0) * 1.2
    axis = Scale(-most, most)
    parts = [tag("line", x1=X_MIN, x2=X_MAX, y1=64, y2=64, class_="axis")]
    if margin is not None:
        edge = axis.at(-margin)
        parts.append(tag("rect", x=X_MIN, y=20, width=place(edge - X_MIN), height=44, class_="worse"))
        parts.append(tag("line", x1=place(edge), x2=place(edge), y1=20, y2=64, class_="limit"))
        parts.append(letters(edge, 14, f"margin −{margin:g}", "limit-name"))
    zero = axis.at(0)
    parts.append(tag("line", x1=place(zero), x2=place(zero), y1=20, y2=64, class_="mark"))
    parts.append(tag("line", x1=place(axis.at(low)), x2=place(axis.at(high)), y1=42, y2=42, class_="span"))
    parts.append(tag("circle", cx=place(axis.at(estimate)), cy=42, r=5, class_="dot"))
    parts += [
        letters(X_MIN, 82, "← worse", "tick"),
        letters(zero, 82, "the same", "tick"),
        letters(X_MAX, 82, "better →", "tick"),
    ]
    about = f"{estimate:+.1f} points, between {low:+.1f} and {high:+.1f}."
    return picture("Difference to the champion", 90, *parts, about=about)


def bar(share: float, threshold: float | None) -> Html:
    """A pass rate within a table; its figure stands beside it."""
    parts = [tag("rect", x=0, y=3, width=80, height=4, class_="track")]
    parts.append(tag("rect", x=0, y=3, width=place(min(max(share, 0), 1) * 80), height=4, class_="fill"))
    if threshold is not None:
        x = min(max(threshold, 0), 1) * 80
        parts.append(tag("line", x1=place(x), x2=place(x), y1=0, y2=10, class_="limit"))
    return tag("svg", *parts, viewBox="0 0 80 10", class_="bar-inline", aria_hidden="true")
