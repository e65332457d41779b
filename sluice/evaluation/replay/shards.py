"""Cases shared out over the instances of one job, and what each learned put together to what one would have learned.

Every instance reads all cases and takes its own by a hash of their ids: that needs no list that somebody keeps, is the
same on every machine, and shares out one file as well as many (S3's sharding by key can only hand out whole files).
Cases that name the same user stay together, as they share a history. Each instance writes a journal; the first one
waits for the others, and judges only what is whole. The way between them (S3) is not this module's: see
`sluice.steps.evaluate`.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sluice.evaluation.cases.case import Case
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.replay import records
from sluice.evaluation.replay.failures import TargetDown
from sluice.evaluation.replay.journal import Journal, results
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.results import Results

LOOK = 5.0  # seconds between two looks at the others


class Incomplete(TargetDown):
    """A part is missing, so there is no verdict: it would be one on a part."""


@dataclass(frozen=True)
class Here:
    """Which of a job's instances this is."""

    index: int
    count: int

    @property
    def first(self) -> bool:
        """The one that puts together what all have learned, and judges it."""
        return self.index == 0


def here(config: Mapping[str, Any]) -> Here:
    """From `/opt/ml/config/resourceconfig.json`, which SageMaker writes on every instance of a Processing job."""
    found = hosts(config)
    return Here(found.index(config["current_host"]), len(found))


def hosts(config: Mapping[str, Any]) -> list[str]:
    """The names of all instances, algo-2 before algo-10."""
    return sorted(config["hosts"], key=lambda name: (len(name), name))


class Shard(Collection[Case]):
    """The cases of one instance, in the order of the file."""

    def __init__(self, cases: Collection[Case], where: Here) -> None:
        self._cases = cases
        self._where = where

    def __iter__(self) -> Iterator[Case]:
        return (case for case in self._cases if belongs(case, self._where.count) == self._where.index)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def belongs(case: Case, count: int) -> int:
    name = case.id if case.user is None else f"user {case.user}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count


def merged(cases: Collection[Case], plan: Plan, subject: Mapping[str, Any], journals: Sequence[Journal]) -> Results:
    """The results of all cases in their order, as if one instance had replayed them. Raises Incomplete."""
    survey, about = CaseRequirements(cases, plan.repeats), plan.about(subject)
    keys = [tuple(records.key(case, n, about) for n in range(survey.repeats(case))) for case in cases]
    missing = sum(1 for of_case in keys for key in of_case if not any(key in journal for journal in journals))
    if missing:
        raise Incomplete(f"{missing} of {survey.chats} chats are in no instance's journal.")
    return results(journals, keys)


@dataclass(frozen=True)
class State:
    """What an instance tells the others of itself, every so often, and when its journal lies where they find it."""

    chats: int = 0  # that have ended
    ended: bool = False
    down: str | None = None  # why it cannot go on

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, told: bytes) -> "State":
        return cls(**json.loads(told))


def wait(
    look: Callable[[int], State | None],
    others: Iterable[int],
    silence: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Until all others have ended. `look` tells an instance's state, None if it has told none yet.

    Raises Incomplete if one is down, or has told nothing new for `silence` seconds: then it is dead, or as good as.
    """
    seen: dict[int, State | None] = dict.fromkeys(others)
    heard = dict.fromkeys(seen, now())
    while waiting := [index for index, state in seen.items() if not (state and state.ended)]:
        for index in waiting:
            state = look(index)
            if state and state.down:
                raise Incomplete(f"Instance {index + 1} could not go on: {state.down}")
            if state != seen[index]:
                seen[index], heard[index] = state, now()
            elif now() - heard[index] > silence:
                raise Incomplete(f"Instance {index + 1} has told nothing for {silence:g} s.")
        if any(not (state and state.ended) for state in seen.values()):
            sleep(LOOK)
