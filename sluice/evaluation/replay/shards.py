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
from sluice.evaluation.replay.journal import Journal, read_results
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.results import Results

LOOK = 5.0  # seconds between two looks at the others


class Incomplete(TargetDown):
    """A part is missing, so there is no verdict: it would be one on a part."""


@dataclass(frozen=True)
class Instance:
    """Which of a job's instances this is."""

    index: int
    count: int

    @property
    def first(self) -> bool:
        """Whether it is the instance that merges all journals and decides."""
        return self.index == 0


def parse_instance(config: Mapping[str, Any]) -> Instance:
    """This instance, by the resourceconfig.json that SageMaker writes on every instance of a Processing job."""
    names = sort_hosts(config)
    return Instance(names.index(config["current_host"]), len(names))


def sort_hosts(config: Mapping[str, Any]) -> list[str]:
    """The names of all instances, algo-2 before algo-10."""
    return sorted(config["hosts"], key=lambda name: (len(name), name))


class Shard(Collection[Case]):
    """The cases of one instance, in the order of the file."""

    def __init__(self, cases: Collection[Case], instance: Instance) -> None:
        self._cases = cases
        self._instance = instance

    def __iter__(self) -> Iterator[Case]:
        return (case for case in self._cases if find_shard(case, self._instance.count) == self._instance.index)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def find_shard(case: Case, count: int) -> int:
    name = case.id if case.user is None else f"user {case.user}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count


def merge(cases: Collection[Case], plan: Plan, subject: Mapping[str, Any], journals: Sequence[Journal]) -> Results:
    """The results of all cases in their order, as if one instance had replayed them. Raises Incomplete."""
    requirements, about = CaseRequirements(cases, plan.repeats), plan.about(subject)
    keys = [tuple(records.chat_key(case, n, about) for n in range(requirements.repeats(case))) for case in cases]
    missing = sum(1 for of_case in keys for key in of_case if not any(key in journal for journal in journals))
    if missing:
        raise Incomplete(f"{missing} of {requirements.chats} chats are in no instance's journal.")
    return read_results(journals, keys)


@dataclass(frozen=True)
class InstanceState:
    """What an instance writes for the others every so often, and once more when its journal lies where they find it."""

    chats: int = 0  # that have ended
    ended: bool = False
    down: str | None = None  # why it cannot go on

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "InstanceState":
        return cls(**json.loads(content))


def wait_for_instances(
    look: Callable[[int], InstanceState | None],
    others: Iterable[int],
    silence: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Return when all others have ended. `look` returns an instance's state, None if it has written none yet.

    Raises Incomplete if one is down, or has written nothing new for `silence` seconds: then it is dead, or as good as.
    """
    states: dict[int, InstanceState | None] = dict.fromkeys(others)
    changed_at = dict.fromkeys(states, now())
    while waiting := [index for index, state in states.items() if not (state and state.ended)]:
        for index in waiting:
            state = look(index)
            if state and state.down:
                raise Incomplete(f"Instance {index + 1} could not go on: {state.down}")
            if state != states[index]:
                states[index], changed_at[index] = state, now()
            elif now() - changed_at[index] > silence:
                raise Incomplete(f"Instance {index + 1} has told nothing for {silence:g} s.")
        if any(not (state and state.ended) for state in states.values()):
            sleep(LOOK)
