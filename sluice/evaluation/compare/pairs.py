"""The same cases as two models went through them, side by side: from a replay or from a stored report."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sluice.evaluation.results import CaseResult, Chat

Side = Sequence[CaseResult] | Mapping[str, Any]  # results, or a report that was read back


@dataclass(frozen=True)
class ChatOutcome:
    passed: bool
    answers: tuple[str, ...]  # one per turn
    latencies: tuple[float, ...]  # ms, of the turns that were answered
    first_tokens: tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """A case with as many of its chats as both models have: with more repeats, one of them would look flakier."""

    id: str
    tags: tuple[str, ...]
    weight: float
    before: tuple[ChatOutcome, ...]  # the champion's chats
    after: tuple[ChatOutcome, ...]  # the challenger's

    @cached_property
    def difference(self) -> float:
        """The challenger's share of chats that passed, less the champion's: -1 is lost, 1 is gained."""
        return rate(self.after) - rate(self.before)

    @cached_property
    def latencies(self) -> tuple[list[float], list[float]]:
        """The challenger's and the champion's latencies in ms, of all turns that were answered."""
        return times(self.after, "latencies"), times(self.before, "latencies")

    @cached_property
    def first_tokens(self) -> tuple[list[float], list[float]]:
        return times(self.after, "first_tokens"), times(self.before, "first_tokens")

    @property
    def repeats(self) -> int:
        return len(self.after)

    @property
    def flaky(self) -> bool:
        return 0 < rate(self.before) < 1 or 0 < rate(self.after) < 1

    @property
    def noise(self) -> float:
        """The variance that a single chat on each side has by itself, as the repeats show it (two at least)."""
        spare = self.repeats / (self.repeats - 1)
        return math.fsum(spare * share * (1 - share) for share in (rate(self.before), rate(self.after)))


def rate(chats: Sequence[ChatOutcome]) -> float:
    return sum(chat.passed for chat in chats) / len(chats)


def times(chats: Sequence[ChatOutcome], what: Literal["latencies", "first_tokens"]) -> list[float]:
    return [time for chat in chats for time in getattr(chat, what)]


def pair_cases(before: Side, after: Side) -> list[Pair]:
    """The cases that both have, in the order of their ids."""
    champion, challenger = outcomes_by_id(before), outcomes_by_id(after)
    pairs = []
    for name in sorted(champion.keys() & challenger.keys()):
        tags, weight, chats = challenger[name]
        earlier = champion[name][2]
        both = min(len(chats), len(earlier))
        if both:
            pairs.append(Pair(name, tags, weight, earlier[:both], chats[:both]))
    return pairs


OutcomesById = dict[str, tuple[tuple[str, ...], float, tuple[ChatOutcome, ...]]]  # id -> tags, weight, chats


def outcomes_by_id(side: Side) -> OutcomesById:
    if isinstance(side, Mapping):
        return {
            case["id"]: (tuple(case["tags"]), float(case["weight"]), tuple(map(outcome_of_entry, case["chats"])))
            for case in side["cases"]
        }
    return {
        result.case.id: (result.case.tags, result.case.weight, tuple(map(outcome_of_chat, result.chats)))
        for result in side
    }


def outcome_of_chat(chat: Chat) -> ChatOutcome:
    turns = [(turn.answer, turn.error, turn.latency_ms, turn.first_token_ms) for turn in chat.turns]
    return build_outcome(chat.passed, turns)


def outcome_of_entry(chat: Mapping[str, Any]) -> ChatOutcome:
    turns = [(turn["answer"], turn["error"], turn["latency_ms"], turn["first_token_ms"]) for turn in chat["turns"]]
    return build_outcome(chat["passed"], turns)


def build_outcome(passed: bool, turns: Iterable[tuple[str, str | None, float, float | None]]) -> ChatOutcome:
    turns = list(turns)
    good = [(latency, first) for _, error, latency, first in turns if error is None]
    return ChatOutcome(
        passed,
        tuple(answer for answer, *_ in turns),
        tuple(latency for latency, _ in good),
        tuple(first for _, first in good if first is not None),
    )
