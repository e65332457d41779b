"""What a set of cases is made of, counted as they are read: nothing of them is held."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.evaluation import prompt
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.scorers.language import detect_language

Count = Callable[[str], int]
OTHER = "other"


@dataclass
class Stats:
    cases: int = 0
    turns: int = 0
    chats: int = 0  # with repeats: how often a chat is held
    requests: int = 0  # with repeats: how often a model is asked
    weight: float = 0.0
    critical: int = 0
    unreviewed: int = 0
    passages: int = 0
    longest: int = 0  # turns of the longest chat
    tags: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    expectations: Counter[str] = field(default_factory=Counter)
    through: Counter[str] = field(default_factory=Counter)
    goes_on_with: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] | None = None  # what is sent: in all, and in the longest request; None if nothing counts them

    def as_json(self) -> dict[str, Any]:
        counters = ("tags", "languages", "expectations", "through", "goes_on_with")
        counts = {name: dict(getattr(self, name).most_common()) for name in counters}
        return {**vars(self), **counts, "tokens": dict(self.tokens) if self.tokens is not None else None}


def count_cases(cases: Iterable[Case], count: Count | None = None) -> Stats:
    """Counts what cases are made of; `count` says how many tokens a text is, by the model's own tokenizer."""
    stats = Stats(tokens=Counter({"sent": 0, "longest": 0}) if count else None)
    for case in cases:
        stats.cases += 1
        stats.turns += len(case.turns)
        stats.chats += case.repeats
        stats.requests += case.repeats * len(case.turns)
        stats.weight += case.weight
        stats.critical += case.critical
        stats.unreviewed += not case.reviewed
        stats.longest = max(stats.longest, len(case.turns))
        stats.tags.update(dict.fromkeys(case.tags, 1))
        stats.languages[detect_language("\n".join(turn.user for turn in case.turns)) or OTHER] += 1
        stats.through[case.through] += 1
        stats.goes_on_with[case.goes_on_with] += len(case.turns) > 1
        stats.passages += sum(len(turn.passages) for turn in case.turns)
        for expect in (case.expect, *(turn.expect for turn in case.turns)):
            stats.expectations.update(expect.keys())
        if count and stats.tokens is not None:
            add_tokens(stats.tokens, case, count)
    return stats


def add_tokens(tokens: Counter[str], case: Case, count: Count) -> None:
    for sent in build_requests(case):
        number = sum(count(text) for text in sent)
        tokens["sent"] += case.repeats * number
        tokens["longest"] = max(tokens["longest"], number)


def build_requests(case: Case) -> Iterator[tuple[str, ...]]:
    """Yields the texts surely sent in each turn: without answers the model is yet to give, or what retrieval finds."""
    for number, turn in enumerate(case.turns):
        earlier = [(each.user, written_answer(case, each)) for each in case.turns[:number]]
        yield tuple(each["content"] for each in prompt.build_messages(turn.user, turn.passages, earlier, case.system))


def written_answer(case: Case, turn: Turn) -> str:
    return (turn.answer or "") if case.goes_on_with == "written" else ""
