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
    from sluice.evaluation.settings import EvaluationSettings

EVERYDAY, STANDARD = Gate(), Plan()
PLAN_OPTIONS = ("concurrency", "max_tokens", "repeats", "seed", "temperature", "requests_per_second", "retry_seconds")
Options = Mapping[str, Any]


class Closes(Protocol):
    def close(self) -> None: ...


def refuse_model_cases(_: dict[str, Any]) -> NoReturn:
    raise UsageError("Some cases ask the model alone, and only a RAG server was named.", "Add --url or --endpoint.")


@dataclass(frozen=True)
class ReplayRequest:
    cases: Path
    target: Target = refuse_model_cases
    rag: RagTarget | None = None
    subject: dict[str, str] = field(default_factory=dict)
    gate: Gate = EVERYDAY
    plan: Plan = STANDARD
    help: ScoringServices = NOTHING
    settings: "EvaluationSettings | None" = None  # the file's
    opened: tuple[Closes, ...] = ()

    def close(self) -> None:
        for each in self.opened:
            each.close()

    def with_cache(self, folder: Path) -> "ReplayRequest":
        """Answers of the model alone are kept; those of the RAG server cannot be, as it has a history."""
        from sluice.evaluation.replay.cache import CachedTarget

        target = CachedTarget(self.target, folder, self.subject)
        return replace(self, target=target, plan=replace(self.plan, cached=True))

    def check(self, cases: Collection[Case]) -> None:
        """Raises UsageError if a case asks the model alone, and none was named."""
        if self.target is refuse_model_cases and any(case.through == "model" for case in cases):
            refuse_model_cases({})

    def hashes(self, cases: Collection[Case]) -> dict[str, str]:
        """What another report must have in common with this one to be compared; the environment is not known here."""
        from sluice.evaluation.cases.case import digest
        from sluice.evaluation.compare.hashes import digest_of_scoring
        from sluice.evaluation.settings import EvaluationSettings

        scoring = (self.settings or EvaluationSettings()).scoring()
        scoring |= {name: value for name, value in vars(self.plan).items() if name in scoring}
        return {"cases": digest(cases), "scorers": digest_of_scoring(cases, scoring)}


def read_request(options: Options, file_named: bool) -> ReplayRequest:
    """pipeline.yaml is not read, nor what it takes to read it, where the command line says everything."""
    by_address = options["url"] or (options["rag"] and options["endpoint"] is None and options["version"] is None)
    complete = options["cases"] and by_address and not file_named
    return apply_options(
        with_url(ReplayRequest(options["cases"]), options) if complete else read_from_file(options), options
    )


def read_from_file(options: Options) -> ReplayRequest:
    from sluice.cli.target import read_config

    config = read_config(options["file"], options["target"])
    settings = config.settings
    request = ReplayRequest(
        cases=options["cases"] or config.evaluation.cases,
        gate=settings.gate.without_champion(),
        plan=settings.plan(on_endpoint=True),
        help=build_services(config, settings),
        settings=settings,
    )
    if settings.rag.url and not options["rag"]:
        request = with_rag(request, settings.rag.url)
    return with_url(request, options) if options["url"] else with_endpoint(request, options, config)


def build_services(config: "PipelineConfig", settings: "EvaluationSettings") -> ScoringServices:
    if not settings.judge and not settings.embeddings:
        return NOTHING
    from sluice.steps.job import Aws
    from sluice.steps.judge_clients import build_scoring_services

    return build_scoring_services(settings, Aws(config.region))


def with_url(request: ReplayRequest, options: Options) -> ReplayRequest:
    if not options["url"]:
        return request
    more = {"model": options["model"]} if options["model"] else {}
    target = HttpTarget(options["url"], more=more, headers=read_key(options["key_variable"]))
    subject = {**request.subject, "url": options["url"], **more}
    return replace(request, target=target, subject=subject, opened=(*request.opened, target))


def read_key(variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    key = os.environ.get(variable, "").strip()
    if not (key and key.isascii() and key.isprintable()):
        raise UsageError(f"--key-variable names {variable}, which holds no key here.")
    return {"Authorization": f"Bearer {key}"}


def with_endpoint(request: ReplayRequest, options: Options, config: "PipelineConfig") -> ReplayRequest:
    from sluice.cli.target import open_target
    from sluice.registry import packages
    from sluice.steps.endpoint_target import EndpointTarget

    account = open_target(options["target"], config)
    endpoint, subject = options["endpoint"], {}
    if endpoint is None:
        live = packages.find_live(account.sagemaker, config.registry.group)
        if options["version"] not in (None, live.version):
            raise SluiceError(
                f"Version {options['version']} has no endpoint: version {live.version} is live.",
                "`sluice deploy --version` puts it live; --endpoint names any endpoint.",
            )
        endpoint, subject = live.endpoint_name, {"model_package": live.arn}
    target = EndpointTarget(account.runtime(options["concurrency"] or request.plan.concurrency), endpoint)
    return replace(request, target=target, subject={**request.subject, **subject, "endpoint": endpoint})


def with_rag(request: ReplayRequest, url: str) -> ReplayRequest:
    from sluice.evaluation.replay.rag_target import HttpRag

    rag = HttpRag(url)
    return replace(request, rag=rag, subject={**request.subject, "rag": url}, opened=(*request.opened, rag))


def apply_options(request: ReplayRequest, options: Options) -> ReplayRequest:
    """What the command line says wins."""
    plan = replace(request.plan, **{name: options[name] for name in PLAN_OPTIONS if options[name] is not None})
    if options["price_per_million"]:
        plan = replace(plan, prices=Prices(*options["price_per_million"]))
    elif options["price_per_hour"] is not None:
        plan = replace(plan, prices=Prices(instance_hour=options["price_per_hour"]))
    gate = request.gate
    if (rate := options["min_pass_rate"]) is not None:
        gate = replace(gate, min_pass_rate=rate, overall=replace(gate.overall, min_pass_rate=None))
    request = replace(request, plan=plan, gate=gate)
    return with_rag(request, options["rag"]) if options["rag"] else request
