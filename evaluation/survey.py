"""What is known of cases before the first is asked: how many chats they make, and whether they can be replayed."""

from collections.abc import Iterable, Iterator, Mapping

from evaluation import scorers
from evaluation.cases import Case
from evaluation.said import Help
from lmi.errors import UsageError

SHOWN = 5
MISSING = {
    "rag": ("go through the RAG server, and none was named", "Name its address: evaluation.rag, or --rag URL."),
    "judge": ("need a judge model, and none was named", "Name one: evaluation.judge."),
    "embed": ("need embeddings, and nothing was named that makes them", "Name it: evaluation.embeddings."),
}


class Survey:
    """Raises UsageError if a case needs what was not given: a RAG server, a judge model, embeddings."""

    def __init__(self, cases: Iterable[Case], repeats: int, rag: bool, help: Help) -> None:
        self._least = repeats
        self._of_user: dict[str, int] = {}
        self.chats = 0
        given = {"rag": rag, "judge": help.judge is not None, "embed": help.embed is not None}
        missing: dict[str, dict[str, None]] = {}
        shared: dict[str, int] = {}
        for case in cases:
            wanted = max(case.repeats, repeats)
            if case.user is None:
                self.chats += wanted
            else:
                shared[case.user] = shared.get(case.user, 0) + 1
                self._of_user[case.user] = max(wanted, self._of_user.get(case.user, 1))
            for need in needs(case):
                if not given[need]:
                    missing.setdefault(need, {})[case.id] = None
        self.chats += sum(cases * self._of_user[user] for user, cases in shared.items())
        complain(missing)

    def repeats(self, case: Case) -> int:
        """Cases that share a user are repeated together, as often as the one among them that asks for the most."""
        return max(case.repeats, self._least) if case.user is None else self._of_user[case.user]


def complain(missing: Mapping[str, Iterable[str]]) -> None:
    for need, cases in missing.items():
        ids = list(cases)
        what, hint = MISSING[need]
        more = " ..." if len(ids) > SHOWN else ""
        raise UsageError(f"{len(ids)} cases {what}: {', '.join(ids[:SHOWN])}{more}.", hint)


def needs(case: Case) -> Iterator[str]:
    """rag, judge, embed; each as often as it is needed."""
    if case.through == "rag":
        yield "rag"
    for expect in (case.expect, *(turn.expect for turn in case.turns)):
        for name, argument in expect.items():
            if need := scorers.kind(name).needs(argument):
                yield need
