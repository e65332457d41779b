"""What Evaluate and Deploy judge by: read, complete, and known to be usable before anything costs time."""

import http.client
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.evaluation import settings as wire
from sluice.evaluation.cases.case import Case, require_reviewed
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.cases.selection import join_ids, select_cases
from sluice.evaluation.cases.spool import StoredCases
from sluice.evaluation.compare.hashes import compute_hashes
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.rag_target import HttpRag
from sluice.evaluation.report import Report
from sluice.evaluation.scoring import ScoringServices
from sluice.evaluation.settings import EvaluationSettings
from sluice.registry.packages import Package
from sluice.steps.inputs import Deploy, Evaluate
from sluice.steps.judge_clients import Clients, build_scoring_services

RAG_SECONDS = 30.0


class OtherEndpoint(SluiceError):
    """The RAG server does not ask the endpoint that is judged."""


@dataclass(frozen=True)
class RunContext:
    """What is judged by what. `endpoint`: None for the job's own model server; `machine`: the type of its machines."""

    settings: EvaluationSettings
    cases: Collection[Case]
    left_out: tuple[str, ...]  # ids of cases that cannot be asked here
    help: ScoringServices
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
        count = len(self.left_out)
        return (f"{count} cases go through the RAG server and were left out; {later}: {join_ids(self.left_out)}.",)

    def hashes(self, package: Package) -> dict[str, str]:
        """Return what a comparison with another package's report rests on."""
        place = "endpoint" if self.endpoint else "job"
        machine = f"{self.machine} {place}"
        return compute_hashes(tuple(self.cases), self.settings.scoring(), package.image, package.environment, machine)

    def complete(self, report: Report, package: Package, *warnings: str) -> Report:
        """Return the report with what was judged in which environment, by what, and what was not."""
        return replace(
            report,
            environment=dict(package.environment),
            hashes=self.hashes(package),
            warnings=(*report.warnings, *self.warnings, *warnings),
        )

    def check_rag(self) -> None:
        """Raise OtherEndpoint unless the RAG server's answers come from the endpoint under judgement."""
        if self.rag and self.endpoint:
            endpoint = read_rag_endpoint(self.rag.url)
            if endpoint != self.endpoint:
                raise OtherEndpoint(
                    f"The RAG server {self.rag.url} asks {endpoint or 'no endpoint'}, and {self.endpoint} is judged.",
                    "Its cases would say something about another version.",
                )


def prepare_run(inputs: Evaluate | Deploy, clients: Clients, endpoint: str | None, machine: str) -> RunContext:
    """Read what is judged by what. Raises UsageError for anything that would only show when the model serves."""
    settings = wire.read_settings(Path(inputs.settings))
    every = require_reviewed(StoredCases(Path(inputs.cases)))
    cases, left_out = select_cases(every, settings.rag, on_endpoint=endpoint is not None)
    through_rag = any(case.through == "rag" for case in cases)
    rag = HttpRag(settings.rag.url, RAG_SECONDS * 4) if through_rag and settings.rag.url else None
    services = build_scoring_services(settings, clients)
    survey = CaseRequirements(cases)
    survey.check(rag is not None, services)
    survey.import_functions()
    return RunContext(settings, cases, left_out, services, rag, endpoint, machine)


def read_rag_endpoint(url: str) -> str | None:
    """Ask a RAG server which endpoint it asks; None if it names none. Raises OtherEndpoint."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=RAG_SECONDS)
    try:
        connection.request("GET", parts.path.rstrip("/") + "/readyz")
        body: Any = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OtherEndpoint(f"The RAG server {url} does not say which endpoint it asks: {error}.") from None
    finally:
        connection.close()
    endpoint = body.get("endpoint") if isinstance(body, Mapping) else None
    return endpoint if isinstance(endpoint, str) else None
