"""What `sluice replay` is asked to do: the command line, and for what it does not say the file, if that is needed."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from sluice.errors import SluiceError, UsageError
from sluice.evaluation.cases.case import Case
from sluice.evaluation.gate import Gate
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.prices import Prices
from sluice.evaluation.replay.target import HttpTarget, RagTarget, Target
from sluice.evaluation.scoring import NOTHING, ScoringServices

if TYPE_CHECKING:
    from sluice.config.model import PipelineConfig
    from sluice.evaluation.settings import Settings

EVERYDAY, STANDARD = Gate(), Plan()
PLANNED = ("concurrency", "max_tokens", "repeats", "seed", "temperature", "requests_per_second", "retry_seconds")
Given = Mapping[str, Any]


class Closes(Protocol):
    def close(self) -> None: ...


def nobody(_: dict[str, Any]) -> NoReturn:
    raise UsageError("Some cases ask the model alone, and only a RAG server was named.", "Add --url or --endpoint.")


@dataclass(frozen=True)
class ReplayRequest:
    cases: Path
    target: Target = nobody
    rag: RagTarget | None = None
    subject: dict[str, str] = field(default_factory=dict)
    gate: Gate = EVERYDAY
    plan: Plan = STANDARD
    help: ScoringServices = NOTHING
    settings: "Settings | None" = None  # the file's
    opened: tuple[Closes, ...] = ()

    def close(self) -> None:
        for each in self.opened:
            each.close()

    def cached(self, folder: Path) -> "ReplayRequest":
        """Answers of the model alone are kept; those of the RAG server cannot be, as it has a history."""
        from sluice.evaluation.replay.cache import CachedTarget

        kept = CachedTarget(self.target, folder, self.subject)
        return replace(self, target=kept, plan=replace(self.plan, cached=True))

    def check(self, cases: Collection[Case]) -> None:
        """Raises UsageError if a case asks the model alone, and none was named."""
        if self.target is nobody and any(case.through == "model" for case in cases):
            nobody({})

    def hashes(self, cases: Collection[Case]) -> dict[str, str]:
        """What another report must have in common with this one to be compared; the environment is not known here."""
        from sluice.evaluation.cases.case import digest
        from sluice.evaluation.compare.hashes import digest_of_scoring
        from sluice.evaluation.settings import Settings

        scoring = (self.settings or Settings()).scoring()
        scoring |= {name: value for name, value in vars(self.plan).items() if name in scoring}
        return {"cases": digest(cases), "scorers": digest_of_scoring(cases, scoring)}


def asked_of(given: Given, file_named: bool) -> ReplayRequest:
    """pipeline.yaml is not read, nor what it takes to read it, where the command line says everything."""
    by_address = given["url"] or (given["rag"] and given["endpoint"] is None and given["version"] is None)
    said = given["cases"] and by_address and not file_named
    return changed(on_url(ReplayRequest(given["cases"]), given) if said else from_file(given), given)


def from_file(given: Given) -> ReplayRequest:
    from sluice.cli.target import read

    config = read(given["file"], given["target"])
    settings = config.settings
    asked = ReplayRequest(
        cases=given["cases"] or config.evaluation.cases,
        gate=settings.gate.without_champion(),
        plan=settings.plan(on_endpoint=True),
        help=help_of(config, settings),
        settings=settings,
    )
    if settings.rag.url and not given["rag"]:
        asked = through_rag(asked, settings.rag.url)
    return on_url(asked, given) if given["url"] else on_endpoint(asked, given, config)


def help_of(config: "PipelineConfig", settings: "Settings") -> ScoringServices:
    if not settings.judge and not settings.embeddings:
        return NOTHING
    from sluice.steps.job import Aws
    from sluice.steps.judge_clients import build_scoring_services

    return build_scoring_services(settings, Aws(config.region))


def on_url(asked: ReplayRequest, given: Given) -> ReplayRequest:
    if not given["url"]:
        return asked
    more = {"model": given["model"]} if given["model"] else {}
    target = HttpTarget(given["url"], more=more, headers=key_of(given["key_variable"]))
    subject = {**asked.subject, "url": given["url"], **more}
    return replace(asked, target=target, subject=subject, opened=(*asked.opened, target))


def key_of(variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    key = os.environ.get(variable, "").strip()
    if not (key and key.isascii() and key.isprintable()):
        raise UsageError(f"--key-variable names {variable}, which holds no key here.")
    return {"Authorization": f"Bearer {key}"}


def on_endpoint(asked: ReplayRequest, given: Given, config: "PipelineConfig") -> ReplayRequest:
    from sluice.cli.target import open_target
    from sluice.registry import packages
    from sluice.steps.endpoint_target import EndpointTarget

    account = open_target(given["target"], config)
    endpoint, subject = given["endpoint"], {}
    if endpoint is None:
        live = packages.find_live(account.sagemaker, config.registry.group)
        if given["version"] not in (None, live.version):
            raise SluiceError(
                f"Version {given['version']} has no endpoint: version {live.version} is live.",
                "`sluice deploy --version` puts it live; --endpoint names any endpoint.",
            )
        endpoint, subject = live.endpoint_name, {"model_package": live.arn}
    target = EndpointTarget(account.runtime(given["concurrency"] or asked.plan.concurrency), endpoint)
    return replace(asked, target=target, subject={**asked.subject, **subject, "endpoint": endpoint})


def through_rag(asked: ReplayRequest, url: str) -> ReplayRequest:
    from sluice.evaluation.replay.rag_target import HttpRag

    rag = HttpRag(url)
    return replace(asked, rag=rag, subject={**asked.subject, "rag": url}, opened=(*asked.opened, rag))


def changed(asked: ReplayRequest, given: Given) -> ReplayRequest:
    """What the command line says wins."""
    plan = replace(asked.plan, **{name: given[name] for name in PLANNED if given[name] is not None})
    if given["price_per_million"]:
        plan = replace(plan, prices=Prices(*given["price_per_million"]))
    elif given["price_per_hour"] is not None:
        plan = replace(plan, prices=Prices(instance_hour=given["price_per_hour"]))
    gate = asked.gate
    if (rate := given["min_pass_rate"]) is not None:
        gate = replace(gate, min_pass_rate=rate, overall=replace(gate.overall, min_pass_rate=None))
    asked = replace(asked, plan=plan, gate=gate)
    return through_rag(asked, given["rag"]) if given["rag"] else asked
