"""What is known of cases before the first is asked: how many chats they make, and what it takes to replay them."""

from collections.abc import Iterable, Iterator

from sluice.errors import UsageError
from sluice.evaluation import scorers
from sluice.evaluation.cases.case import Case
from sluice.evaluation.compare.hashes import python_functions
from sluice.evaluation.scorers.python import import_function
from sluice.evaluation.scoring import ScoringServices

SHOWN = 5
MISSING = {
    "rag": ("go through the RAG server, and none was named", "Name its address: evaluation.rag, or --rag URL."),
    "judge": ("need a judge model, and none was named", "Name one: evaluation.judge."),
    "embed": ("need embeddings, and nothing was named that makes them", "Name it: evaluation.embeddings."),
}


class CaseRequirements:
    def __init__(self, cases: Iterable[Case], least: int = 1) -> None:
        """`least`: how often every case is replayed, whatever it says itself."""
        self._least = least
        self._of_user: dict[str, int] = {}  # repeats
        self._needed: dict[str, dict[str, None]] = {}  # what -> ids of cases, in order
        self._functions: dict[str, None] = {}  # module:function of every python expectation
        self.chats = 0
        shared: dict[str, int] = {}  # user -> cases
        for case in cases:
            wanted = max(case.repeats, least)
            if case.user is None:
                self.chats += wanted
            else:
                shared[case.user] = shared.get(case.user, 0) + 1
                self._of_user[case.user] = max(wanted, self._of_user.get(case.user, 1))
            for need in needs(case):
                self._needed.setdefault(need, {})[case.id] = None
            self._functions.update(dict.fromkeys(python_functions([case])))
        self.chats += sum(number * self._of_user[user] for user, number in shared.items())

    def repeats(self, case: Case) -> int:
        """Cases that share a user are repeated together, as often as the one among them that asks for the most."""
        return max(case.repeats, self._least) if case.user is None else self._of_user[case.user]

    def check(self, rag: bool, help: ScoringServices) -> None:
        """Raises UsageError if a case needs what was not given."""
        given = {"rag": rag, "judge": help.judge is not None, "embed": help.embed is not None}
        for need, cases in self._needed.items():
            if not given[need]:
                ids, (what, hint) = list(cases), MISSING[need]
                more = " ..." if len(ids) > SHOWN else ""
                raise UsageError(f"{len(ids)} cases {what}: {', '.join(ids[:SHOWN])}{more}.", hint)

    def import_functions(self) -> None:
        """Imports the functions of one's own that the cases name. Raises UsageError for one that cannot be.

        Only for a replay: `check` is for whoever merely looks, and runs nothing of the cases.
        """
        for name in self._functions:
            import_function(name)


def needs(case: Case) -> Iterator[str]:
    """rag, judge, embed; each as often as it is needed."""
    if case.through == "rag":
        yield "rag"
    for expect in (case.expect, *(turn.expect for turn in case.turns)):
        for name, argument in expect.items():
            if need := scorers.get_scorer(name).needs(argument):
                yield need
