"""What Evaluate and Deploy judge by: read, complete, and known to be usable before anything costs time.

Cases that go through the RAG server can be asked only where that server asks the endpoint under judgement. Inside the
evaluation job there is none, and a new endpoint is unknown to it until the version is live. So either it is named, for
an endpoint that keeps its name; or the file leaves these cases to `sluice replay --rag`; or the release stops here.
"""

import http.client
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evaluation.cases import Case, gating
from evaluation.hashes import hashes
from evaluation.plan import Plan
from evaluation.rag_target import HttpRag
from evaluation.report import Report
from evaluation.said import Help
from evaluation.spool import Cases
from evaluation.survey import Survey
from lmi.errors import SluiceError, UsageError
from registry.packages import Package
from steps import settings as wire
from steps.helping import Clients, helped
from steps.inputs import Deploy, Evaluate
from steps.settings import Settings

SHOWN = 5
RAG_SECONDS = 30.0


class OtherEndpoint(SluiceError):
    """The RAG server does not ask the endpoint that is judged."""


@dataclass(frozen=True)
class Judging:
    """`endpoint` is the one that is judged; None: the job's own model server. `machine` is the type of its machines."""

    settings: Settings
    cases: Collection[Case]
    left_out: tuple[str, ...]  # ids of cases that cannot be asked here
    help: Help
    rag: HttpRag | None
    endpoint: str | None
    machine: str

    @property
    def plan(self) -> Plan:
        return self.settings.plan(self.endpoint is not None)

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.left_out:
            return ()
        later = "Deploy asks them" if self.settings.rag.url else "`sluice replay --rag` asks them"
        return (
            f"{len(self.left_out)} cases go through the RAG server and were left out; {later}: {ids(self.left_out)}.",
        )

    def hashes(self, package: Package) -> dict[str, str]:
        """What a comparison with another package's report rests on."""
        place = "endpoint" if self.endpoint else "job"
        machine = f"{self.machine} {place}"
        return hashes(tuple(self.cases), self.settings.scoring(), package.image, package.environment, machine)

    def complete(self, report: Report, package: Package, *warnings: str) -> Report:
        """The report with what was judged in which environment, by what, and what was not."""
        return replace(
            report,
            environment=dict(package.environment),
            hashes=self.hashes(package),
            warnings=(*report.warnings, *self.warnings, *warnings),
        )

    def check_rag(self) -> None:
        """Raises OtherEndpoint unless the RAG server's answers come from the endpoint under judgement."""
        if self.rag and self.endpoint:
            found = endpoint_of(self.rag.url)
            if found != self.endpoint:
                raise OtherEndpoint(
                    f"The RAG server {self.rag.url} asks {found or 'no endpoint'}, and {self.endpoint} is judged.",
                    "Its cases would say something about another version.",
                )


def ready(inputs: Evaluate | Deploy, clients: Clients, endpoint: str | None, machine: str) -> Judging:
    """Raises UsageError for anything that would only show when the model serves."""
    settings = wire.read(Path(inputs.settings))
    every = gating(Cases(Path(inputs.cases)))
    cases, left_out = chosen(every, settings.rag, on_endpoint=endpoint is not None)
    through_rag = any(case.through == "rag" for case in cases)
    rag = HttpRag(settings.rag.url, RAG_SECONDS * 4) if through_rag and settings.rag.url else None
    help = helped(settings, clients)
    Survey(cases).check(rag is not None, help)
    return Judging(settings, cases, left_out, help, rag, endpoint, machine)


def chosen(cases: Collection[Case], rag: wire.Rag, on_endpoint: bool) -> tuple[Collection[Case], tuple[str, ...]]:
    """The cases that can be asked here, and the ids of those that cannot. Raises UsageError if these stop a release."""
    through = tuple(case.id for case in cases if case.through == "rag")
    if not through or (rag.url and on_endpoint):
        return cases, ()
    if not rag.url and not rag.leave_out:
        raise UsageError(
            f"{len(through)} cases go through the RAG server, which a release cannot ask about a version that is not"
            f" live: {ids(through)}.",
            "Leave them to `sluice replay --rag` with `evaluation: {rag: {leave_out: true}}`, or move them out of "
            "evaluation.cases.",
        )
    if len(through) == len(cases):
        raise UsageError("Every case goes through the RAG server, so nothing is left to judge a version by.")
    return OfTheModel(cases), through


class OfTheModel(Collection[Case]):
    """Those of some cases that the model is asked directly."""

    def __init__(self, cases: Collection[Case]) -> None:
        self._cases = cases

    def __iter__(self) -> Iterator[Case]:
        return (case for case in self._cases if case.through == "model")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def ids(found: Sequence[str]) -> str:
    return ", ".join(found[:SHOWN]) + (" ..." if len(found) > SHOWN else "")


def endpoint_of(url: str) -> str | None:
    """The endpoint that a RAG server asks, as it says itself."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=RAG_SECONDS)
    try:
        connection.request("GET", parts.path.rstrip("/") + "/readyz")
        told: Any = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OtherEndpoint(f"The RAG server {url} does not say which endpoint it asks: {error}.") from None
    finally:
        connection.close()
    endpoint = told.get("endpoint") if isinstance(told, Mapping) else None
    return endpoint if isinstance(endpoint, str) else None
