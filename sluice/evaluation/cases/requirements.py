"""What can be said of cases before a replay: how many chats they make, and what it takes to replay them."""

from collections.abc import Iterable, Iterator

from sluice.errors import UsageError
from sluice.evaluation import scorers
from sluice.evaluation.cases.case import Case
from sluice.evaluation.compare.hashes import python_functions
from sluice.evaluation.scorers.python import import_function
from sluice.evaluation.scoring import ScoringServices

MOST_LISTED = 5
MISSING = {
    "rag": ("go through the RAG server, and none was named", "Name its address: evaluation.rag, or --rag URL."),
    "judge": ("need a judge model, and none was named", "Name one: evaluation.judge."),
    "embed": ("need embeddings, and nothing was named that makes them", "Name it: evaluation.embeddings."),
}


class CaseRequirements:
    def __init__(self, cases: Iterable[Case], least: int = 1) -> None:
        """`least` is how often every case is replayed at the least, whatever its own `repeats` is."""
        self._least = least
        self._of_user: dict[str, int] = {}  # repeats
        self._needed: dict[str, dict[str, None]] = {}  # what -> ids of cases, in order
        self._functions: dict[str, None] = {}  # module:function of every python expectation
        self.chats = 0
        shared: dict[str, int] = {}  # user -> cases
        for case in cases:
            repeats = max(case.repeats, least)
            if case.user is None:
                self.chats += repeats
            else:
                shared[case.user] = shared.get(case.user, 0) + 1
                self._of_user[case.user] = max(repeats, self._of_user.get(case.user, 1))
            for need in needs(case):
                self._needed.setdefault(need, {})[case.id] = None
            self._functions.update(dict.fromkeys(python_functions([case])))
        self.chats += sum(number * self._of_user[user] for user, number in shared.items())

    def repeats(self, case: Case) -> int:
        """Cases that share a user are repeated together, as often as the one among them that asks for the most."""
        return max(case.repeats, self._least) if case.user is None else self._of_user[case.user]

    def check(self, rag: bool, services: ScoringServices) -> None:
        """Raise UsageError if a case needs a service that is not available."""
        available = {"rag": rag, "judge": services.judge is not None, "embed": services.embed is not None}
        for need, cases in self._needed.items():
            if not available[need]:
                ids, (what, hint) = list(cases), MISSING[need]
                more = " ..." if len(ids) > MOST_LISTED else ""
                raise UsageError(f"{len(ids)} cases {what}: {', '.join(ids[:MOST_LISTED])}{more}.", hint)

    def import_functions(self) -> None:
        """Import the functions that `python` expectations name. Raises UsageError for one that cannot be imported.

        Only for a replay: `check` is for whoever merely looks, and runs nothing of the cases.
        """
        for name in self._functions:
            import_function(name)


def needs(case: Case) -> Iterator[str]:
    """Yield "rag", "judge" or "embed" for each thing in the case that needs it."""
    if case.through == "rag":
        yield "rag"
    for expect in (case.expect, *(turn.expect for turn in case.turns)):
        for name, argument in expect.items():
            if need := scorers.get_scorer(name).needs(argument):
                yield need
