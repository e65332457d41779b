"""What the pairs show: not worse by more than the margin, worse by more than it, or not known. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sluice.evaluation.compare.bootstrap import resampled_mean, resampled_ratios
from sluice.evaluation.compare.pairs import Pair
from sluice.evaluation.compare.statistics import (
    Differences,
    Interval,
    cases_needed,
    holm,
    mcnemar_worse,
    ratio_needed,
    repeats_needed,
    score_interval,
    tally_differences,
    worse_than,
)
from sluice.evaluation.criteria import EVERY, Criterion, VerdictName, describe_cases_needed
from sluice.evaluation.gate import Gate
from sluice.wording import counted

TAGS_SHARE = 0.2  # of the error that "it is worse" may have, where there are tags; the rest is the whole set's
WORST_FIRST: tuple[VerdictName, ...] = ("fail", "inconclusive", "pass")


@dataclass(frozen=True)
class Tag:
    tag: str
    pairs: int
    difference: float
    low: float
    high: float
    p: float  # of being worse by more than the margin
    p_corrected: float  # for several tags, and for the whole set beside them


@dataclass(frozen=True)
class Comparison:
    pairs: tuple[Pair, ...]
    decided: tuple[Criterion, ...]
    difference: Interval | None = None
    repeats_needed: int | None = None
    tags: tuple[Tag, ...] = ()
    latency: Mapping[str, Interval] = field(default_factory=dict)  # challenger / champion

    @property
    def verdict(self) -> VerdictName:
        return next(word for word in WORST_FIRST if any(each.verdict == word for each in self.decided))

    @property
    def deciding(self) -> list[Criterion]:
        return [each for each in self.decided if each.verdict == self.verdict]

    @property
    def why(self) -> str:
        return " ".join(each.why for each in self.deciding)

    @property
    def cases_needed(self) -> int | None:
        needed = [each.cases_needed for each in self.deciding]
        return None if None in needed else max(each for each in needed if each is not None)

    @property
    def flips(self) -> tuple[int, int]:
        return flips(self.pairs)


def compare_pairs(pairs: Sequence[Pair], gate: Gate) -> Comparison:
    tags = tuple(compare_tags(pairs, gate))
    error = (1 - gate.confidence) * (1 - TAGS_SHARE if tags else 1.0)
    differences = differences_of(pairs)
    difference = interval(pairs, differences, gate.confidence, 1 - error)
    repeats = more_repeats(pairs, differences, gate)
    latency = latencies(pairs, gate)
    decided = [overall_criterion(pairs, differences, difference, repeats, gate)]
    decided += [tag_criterion(tag, gate) for tag in tags if tag.p_corrected <= 1 - gate.confidence]
    if gate.latency_margin is not None:
        decided.append(latency_criterion(latency.get("p50_ratio"), gate.latency_margin, gate, len(pairs)))
    repeats_asked = repeats if decided[0].verdict == "inconclusive" else None
    return Comparison(tuple(pairs), tuple(decided), difference, repeats_asked, tags, latency)


def differences_of(pairs: Sequence[Pair]) -> Differences:
    return tally_differences([pair.difference for pair in pairs], [pair.weight for pair in pairs])


def interval(pairs: Sequence[Pair], differences: Differences, low: float, high: float) -> Interval:
    """The score interval; with repeats or weights no narrower than what a bootstrap over cases finds."""
    scored = score_interval(differences, low, high)
    if all(pair.repeats == 1 and pair.weight == pairs[0].weight for pair in pairs):
        return scored
    drawn = resampled_mean([pair.difference for pair in pairs], [pair.weight for pair in pairs], low, high)
    return Interval(scored.estimate, min(scored.low, drawn.low), max(scored.high, drawn.high))


def flips(pairs: Sequence[Pair]) -> tuple[int, int]:
    """How many cases pass less often than before, and how many more often."""
    return sum(pair.difference < 0 for pair in pairs), sum(pair.difference > 0 for pair in pairs)


def overall_criterion(
    pairs: Sequence[Pair], differences: Differences, difference: Interval, repeats: int | None, gate: Gate
) -> Criterion:
    """All cases together, by where the interval lies."""
    margin, change = (
        f"{100 * gate.margin:g} points",
        f"{points(difference.estimate)} over {counted(len(pairs), 'case')}",
    )
    verdict: VerdictName = "inconclusive"
    needed = None
    if difference.low >= -gate.margin - 1e-9:
        verdict = "pass"
        why = f"Not worse than the champion by more than {margin}: {change}, at worst {points(difference.low, -1)}."
    elif difference.high < -gate.margin:
        verdict = "fail"
        worse, better = flips(pairs)
        best = f"at best {points(difference.high, 1)} ({counted(worse, 'case')} worse, {better} better)"
        why = f"Worse than the champion by more than {margin}: {change}, {best}."
    else:
        needed = cases_needed(differences, -gate.margin, gate.confidence, len(pairs))
        between = f"{points(difference.low, -1)} to {points(difference.high, 1)}"
        again = f", or {repeats} repeats of these" if repeats else ""
        why = (
            f"Not known whether it is worse than the champion by more than {margin}: "
            f"{describe_cases_needed(needed)}{again}. {change} ({between})."
        )
    return Criterion("against the champion", EVERY, difference.estimate, describe_margin(gate), verdict, why, needed)


def more_repeats(pairs: Sequence[Pair], differences: Differences, gate: Gate) -> int | None:
    repeats = min(pair.repeats for pair in pairs)
    if repeats < 2:
        return None  # without repeats nobody knows how much of the spread is chance
    weights = math.fsum(pair.weight for pair in pairs)
    noise = math.fsum(pair.weight * pair.noise for pair in pairs) / weights
    return repeats_needed(differences, -gate.margin, gate.confidence, noise, repeats)


def compare_tags(pairs: Sequence[Pair], gate: Gate) -> Iterator[Tag]:
    """Each tag by itself. A tag can close the gate, and not open it: few cases cannot show that it is not worse."""
    tags = sorted({tag for pair in pairs for tag in pair.tags})
    tagged = {tag: [pair for pair in pairs if tag in pair.tags] for tag in tags}
    differences = {tag: differences_of(each) for tag, each in tagged.items()}
    p = [max(worse_than(differences[tag], -gate.margin), mcnemar_worse(*flips(tagged[tag]))) for tag in differences]
    for (tag, each), own, corrected in zip(tagged.items(), p, holm(p), strict=True):
        bounds = interval(each, differences[tag], gate.confidence, gate.confidence)
        yield Tag(tag, len(each), bounds.estimate, bounds.low, bounds.high, own, min(1.0, corrected / TAGS_SHARE))


def tag_criterion(tag: Tag, gate: Gate) -> Criterion:
    change = f"{points(tag.difference)} over {counted(tag.pairs, 'case')}"
    why = (
        f"Worse than the champion by more than {100 * gate.margin:g} points on tag {tag.tag!r}: {change}"
        f" (p = {tag.p_corrected:.2g}, corrected for several tags)."
    )
    return Criterion("against the champion", tag.tag, tag.difference, describe_margin(gate), "fail", why)


def latencies(pairs: Sequence[Pair], gate: Gate) -> dict[str, Interval]:
    """How many times the champion's time this model takes, by the cases that both answered."""
    ratios_by_name: dict[str, Interval] = {}
    for names, shares, timed in (
        (("p50_ratio", "p95_ratio"), (0.50, 0.95), [pair.latencies for pair in pairs]),
        (("first_token_p50_ratio",), (0.50,), [pair.first_tokens for pair in pairs]),
    ):
        both = [(after, before) for after, before in timed if after and before]
        ratios = resampled_ratios([after for after, _ in both], [before for _, before in both], shares, gate.confidence)
        ratios_by_name |= dict(zip(names, ratios or (), strict=False))
    return ratios_by_name


def latency_criterion(ratio: Interval | None, margin: float, gate: Gate, pairs: int) -> Criterion:
    """The median latency, with a margin of its own: a question of its own, asked only where the file asks it."""
    most = 1 + margin
    allowed = f"{most:.2f} times is allowed"
    verdict: VerdictName = "inconclusive"
    value, needed = None, None
    if ratio is None:
        why = "The latencies cannot be compared: there are none."
    else:
        value = ratio.estimate
        so = f"The median latency is {value:.2f} times the champion's"
        if ratio.high <= most:
            verdict, why = "pass", f"{so}, at most {ratio.high:.2f}; {allowed}."
        elif ratio.low > most:
            verdict, why = "fail", f"{so}, at least {ratio.low:.2f}; {allowed}."
        else:
            needed = ratio_needed(ratio, most, gate.confidence, pairs)
            why = f"{so} ({ratio.low:.2f} to {ratio.high:.2f}) and {allowed}; {describe_cases_needed(needed)}."
    limit = f"at most {most:.2f} times the champion's median"
    return Criterion("latency against the champion", EVERY, value, limit, verdict, why, needed)


def describe_margin(gate: Gate) -> str:
    return f"not worse by more than {100 * gate.margin:g} points"


def points(share: float, outwards: int = 0) -> str:
    """Percentage points; a bound is rounded outwards, so that it never reads better than it is."""
    tenths = 1000 * share
    rounded = math.floor(tenths + 1e-6) if outwards < 0 else math.ceil(tenths - 1e-6) if outwards > 0 else round(tenths)
    return f"{rounded / 10 + 0.0:+.1f}" + ("" if outwards else " points")
