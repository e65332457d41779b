"""The version that is live beside the one under judgement: found in the registry, known by its report or replayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import SluiceError
from sluice.evaluation import report as reports
from sluice.evaluation.cases.selection import DirectCases
from sluice.evaluation.report import NoReport
from sluice.evaluation.results import CaseResult, strip_texts
from sluice.evaluation.verdict import decide
from sluice.registry import packages
from sluice.registry.packages import NothingLive, Package
from sluice.steps.job import Aws, print_line
from sluice.steps.run_context import RunContext

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

NONE = "No champion: nothing else is live, so the version was judged by thresholds alone."


def find_champion_besides(sagemaker: "SageMakerClient", package: Package) -> Package | None:
    """Read the live version of the same group; None if there is none, or it is this one."""
    try:
        live = packages.find_live(sagemaker, package.group)
    except NothingLive:
        return None
    return None if live.arn == package.arn else live


@dataclass(frozen=True)
class Comparison:
    """Compares the results of an evaluation with the champion's: what `evaluate` takes as `compare`.

    `hashes` are of this judgement: the champion's own report is as good as a replay only where all of them are its own.
    """

    aws: Aws
    champion: Package
    context: RunContext
    hashes: Mapping[str, str]

    def __call__(self, results: Sequence[CaseResult]) -> dict[str, Any] | None:
        # NumPy and SciPy take a second to import, and only a comparison needs them
        from sluice.evaluation.compare.champion import compare, decide_replay, describe_missing_comparison

        context, gate = self.context, self.context.settings.gate
        report = self.read_report()
        repeats = {case.id: max(case.repeats, context.settings.repeats) for case in context.cases}
        choice = decide_replay(report, self.hashes, repeats)
        if not choice.replay and report:
            print_line(f"Compared with version {self.champion.version} by its report: {choice.why}")
            return compare(results, report, gate, about=self.about, replayed=False)
        if decide(strip_texts(results), gate.without_champion()).verdict == "fail":
            print_line(
                f"Not compared: the version fails by itself, and version {self.champion.version} has users to answer."
            )
            return None
        print_line(f"Version {self.champion.version} is replayed on {self.champion.endpoint_name}: {choice.why}")
        try:
            return compare(results, self.replay_champion(), gate, about=self.about, replayed=True)
        except SluiceError as error:
            return describe_missing_comparison(f"The champion could not be replayed: {error.message}", gate, self.about)

    @property
    def about(self) -> dict[str, Any]:
        champion = self.champion
        return {
            "model_package": champion.arn,
            "version": str(champion.version),
            "report": champion.report or None,
            "environment": dict(champion.environment),
            "image": champion.image,
            "endpoint": champion.endpoint_name,
            "mlflow_run": champion.mlflow_run or None,
        }

    def read_report(self) -> dict[str, Any] | None:
        """Read the champion's report; None if it cannot be read, so that the champion is replayed."""
        if not self.champion.report:
            return None
        location = urlsplit(self.champion.report)
        try:
            body = self.aws.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read()
            return reports.parse_report(body, self.champion.report)
        except (ClientError, BotoCoreError, NoReport) as error:
            print_line(f"The champion's report {self.champion.report} cannot be used: {error}")
            return None

    def replay_champion(self) -> Sequence[CaseResult]:
        """Replay the champion on its own endpoint, beside its users' requests. Raises TargetDown."""
        from sluice.evaluation.replay.engine import replay
        from sluice.steps.endpoint_target import EndpointTarget

        context = self.context
        plan = context.settings.plan(on_endpoint=True)
        target = EndpointTarget(self.aws.runtime, self.champion.endpoint_name)
        # what the RAG server answers comes from the endpoint under judgement, so those cases have no pair
        outcome = replay(DirectCases(context.cases), target, plan, services=context.help, subject=self.about)
        if outcome.down:
            raise outcome.down
        return outcome.results
