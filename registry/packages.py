"""Versions of a model in the SageMaker Model Registry: what was judged how, who approved it, and which one is live.

Live is `ModelLifeCycle {Stage: Production, StageStatus: Live}` with the endpoint's name in the metadata. Should two
versions say Live, the later `live_since` wins: that is why one write moves it. A version that was replaced says Live
until its endpoint is gone, so that whoever cleans up can find it; only then is it archived.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.errors import SluiceError
from sluice.registry import metadata
from sluice.wording import one_line

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import ModelLifeCycleTypeDef

STAGE = "Production"
LIVE: "ModelLifeCycleTypeDef" = {"Stage": STAGE, "StageStatus": "Live"}
ARCHIVED: "ModelLifeCycleTypeDef" = {"Stage": STAGE, "StageStatus": "Archived"}
PAGE = 100  # the most that the service lists at once
OVERRIDE = "approved_anyway"  # in the metadata: the verdict that a person has overridden
UNJUDGED = "none"


class NothingLive(SluiceError):
    """No version of the group is live."""

    def __init__(self, group: str, why: str = "") -> None:
        super().__init__(
            f"No version of {group!r} is live{why and ': ' + why}.",
            "Approve one with `sluice approve`, or release one with `sluice run`.",
        )


class NothingApproved(SluiceError):
    """There is no version that a deploy could take."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"No version of {group!r} is approved and still to be served.",
            "`sluice versions` lists them; `sluice approve` approves one, `sluice deploy --version N` rolls back.",
        )


class UnknownPackage(SluiceError):
    """The registry holds no such version."""


@dataclass(frozen=True)
class Package:
    """One version. What only a description tells (metadata, image, environment, weights) is empty in a list."""

    arn: str
    group: str
    version: int
    approval: str
    status: str
    created: datetime
    stage: str = ""
    stage_status: str = ""
    why: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    model_uri: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return (self.stage, self.stage_status) == (STAGE, "Live")

    @property
    def is_serving(self) -> bool:
        """Whether it was put live on an endpoint, and not only marked so."""
        return self.is_live and bool(self.endpoint_name)

    @property
    def is_archived(self) -> bool:
        return self.stage_status == "Archived"

    @property
    def verdict(self) -> str:
        return self.metadata.get("verdict", "")

    @property
    def verdict_why(self) -> str:
        return self.metadata.get("verdict_why", "")

    @property
    def is_overridden(self) -> bool:
        """Whether a person has let it through all the same, knowing the verdict that it has now."""
        return self.metadata.get(OVERRIDE) == (self.verdict or UNJUDGED)

    @property
    def judgement(self) -> str:
        """The verdict and its reason, as a clause of a sentence."""
        if not self.verdict:
            return "it was not judged"
        return f"its verdict is {self.verdict}" + (f": {self.verdict_why.rstrip('.')}" if self.verdict_why else "")

    @property
    def report(self) -> str:
        return self.metadata.get("report", "")

    @property
    def endpoint_name(self) -> str:
        return self.metadata.get("endpoint_name", "")

    @property
    def live_since(self) -> str:
        return self.metadata.get("live_since", "")

    @property
    def mlflow_run(self) -> str:
        return self.metadata.get("mlflow_run", "")


def list_versions(sagemaker: "SageMakerClient", group: str, approval: str | None = None) -> Iterator[Package]:
    """Read every version, newest first, page by page; a group that is not there yet has none."""
    for page in list_pages(sagemaker, group, approval):
        yield from page


def list_pages(
    sagemaker: "SageMakerClient", group: str, approval: str | None = None, size: int = PAGE
) -> Iterator[list[Package]]:
    request: dict[str, Any] = {
        "ModelPackageGroupName": group,
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": size,
    } | ({"ModelApprovalStatus": approval} if approval else {})
    while True:
        try:
            answer = sagemaker.list_model_packages(**request)
        except ClientError as error:
            if is_missing(error):
                return
            raise
        yield [from_summary(summary, group) for summary in answer["ModelPackageSummaryList"]]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def describe(sagemaker: "SageMakerClient", arn: str) -> Package:
    """Read one version with all that is known about it. Raises UnknownPackage."""
    try:
        answer = sagemaker.describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        if is_missing(error):
            raise UnknownPackage(f"The registry holds no {arn}.", "`sluice versions` lists what it holds.") from None
        raise
    return from_description(answer)


def find(sagemaker: "SageMakerClient", group: str, version: int) -> Package:
    """Read one version by its number, in one list call and one description. Raises UnknownPackage."""
    newest = next((package for page in list_pages(sagemaker, group, size=1) for package in page), None)
    if newest is None:
        raise UnknownPackage(f"{group!r} has no versions yet.", "`sluice run` registers the first.")
    try:
        return describe(sagemaker, f"{newest.arn.rpartition('/')[0]}/{version}")
    except UnknownPackage:
        raise UnknownPackage(
            f"{group!r} has no version {version}; the newest is {newest.version}.", "`sluice versions` lists them."
        ) from None


def newest_approved(sagemaker: "SageMakerClient", group: str) -> Package:
    """Read the newest approved version that no other has replaced. Raises NothingApproved."""
    package = next(list_approved(sagemaker, group), None)
    if package is None:
        raise NothingApproved(group)
    return package


def list_approved(sagemaker: "SageMakerClient", group: str) -> Iterator[Package]:
    """Read every approved version that no other has replaced, newest first, described.

    What was replaced comes back only by its number, whether its endpoint is gone already (Archived) or not yet (Live).
    """
    champion = find_champion(sagemaker, group)
    for package in list_versions(sagemaker, group, "Approved"):
        is_replaced = package.is_live and champion is not None and package.arn != champion.arn
        if not package.is_archived and not is_replaced:
            yield describe(sagemaker, package.arn)


def find_champion(sagemaker: "SageMakerClient", group: str) -> Package | None:
    """Read the version that users are served by, or None."""
    try:
        return find_live(sagemaker, group)
    except NothingLive:
        return None


def find_live(sagemaker: "SageMakerClient", group: str) -> Package:
    """Read the version that serves users: one list call, one description unless two say Live. Raises NothingLive."""
    for page in list_pages(sagemaker, group):
        live_packages = [describe(sagemaker, package.arn) for package in page if package.is_live]
        if live_packages:
            # a version that was set Live by hand may name no endpoint
            reachable = [package for package in live_packages if package.endpoint_name]
            if not reachable:
                raise NothingLive(group, f"version {live_packages[0].version} says Live, but names no endpoint")
            return max(reachable, key=live_order)
    raise NothingLive(group)


def list_replaced(sagemaker: "SageMakerClient", champion: Package) -> list[Package]:
    """Read what went live before the champion and still says so: its endpoint is perhaps not gone yet."""
    listed = [package for package in list_versions(sagemaker, champion.group) if package.is_live]
    others = [describe(sagemaker, package.arn) for package in listed if package.arn != champion.arn]
    return [other for other in others if live_order(other) < live_order(champion)]


def live_order(package: Package) -> tuple[str, int]:
    """Return what orders the versions that say Live: the greatest is the live one."""
    return package.live_since, package.version


def approve(sagemaker: "SageMakerClient", arn: str, why: str, overridden: str | None = None) -> None:
    """Write the approval and its reason. `overridden`: the verdict ("" if there is none) that a person lets through."""
    override: dict[str, Any] = (
        {} if overridden is None else {"CustomerMetadataProperties": {OVERRIDE: overridden or UNJUDGED}}
    )
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=one_line(why, 1024), **override
    )


def override_verdict(sagemaker: "SageMakerClient", package: Package) -> None:
    """Write that a person lets this version through in spite of its verdict, or without one."""
    sagemaker.update_model_package(
        ModelPackageArn=package.arn, CustomerMetadataProperties={OVERRIDE: package.verdict or UNJUDGED}
    )


def reject(sagemaker: "SageMakerClient", arn: str, why: str) -> None:
    """Write the rejection and its reason; an earlier override of the verdict ends with it."""
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription=one_line(why, 1024),
        CustomerMetadataProperties={OVERRIDE: "no"},
    )


def record_verdict(
    sagemaker: "SageMakerClient", arn: str, verdict: str, why: str, report: str, mlflow: Mapping[str, str] | None = None
) -> None:
    """Write on the package how it was judged and where the report lies; its approval stays as it is.

    `mlflow` is the report's: tracking_uri, experiment, run_id. The run has the package's ARN as a tag.
    """
    properties = {"verdict": verdict, "verdict_why": why, "report": report}
    if mlflow:
        properties |= {"mlflow_run": mlflow["run_id"], "mlflow_experiment": mlflow["experiment"]}
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=metadata.clean(properties))


def move_live(sagemaker: "SageMakerClient", arn: str, endpoint_name: str, now: datetime) -> None:
    """Write that this version is the live one, from this one write on."""
    properties = {"endpoint_name": endpoint_name, "live_since": now.astimezone(UTC).isoformat(timespec="milliseconds")}
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelLifeCycle=LIVE, CustomerMetadataProperties=metadata.clean(properties)
    )


def archive(sagemaker: "SageMakerClient", arn: str) -> None:
    """Write that another version has replaced this one."""
    sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=ARCHIVED)


def from_summary(summary: Mapping[str, Any], group: str) -> Package:
    stage = summary.get("ModelLifeCycle") or {}
    return Package(
        arn=summary["ModelPackageArn"],
        group=summary.get("ModelPackageGroupName", group),
        version=summary.get("ModelPackageVersion", 0),
        approval=summary.get("ModelApprovalStatus", ""),
        status=summary["ModelPackageStatus"],
        created=summary["CreationTime"],
        stage=stage.get("Stage", ""),
        stage_status=stage.get("StageStatus", ""),
    )


def from_description(answer: Mapping[str, Any]) -> Package:
    stage = answer.get("ModelLifeCycle") or {}
    containers = (answer.get("InferenceSpecification") or {}).get("Containers") or [{}]
    container = containers[0]
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return Package(
        arn=answer["ModelPackageArn"],
        group=answer.get("ModelPackageGroupName", ""),
        version=answer.get("ModelPackageVersion", 0),
        approval=answer.get("ModelApprovalStatus", ""),
        status=answer["ModelPackageStatus"],
        created=answer["CreationTime"],
        stage=stage.get("Stage", ""),
        stage_status=stage.get("StageStatus", ""),
        why=answer.get("ApprovalDescription", ""),
        metadata=dict(answer.get("CustomerMetadataProperties") or {}),
        image=container.get("Image", ""),
        model_uri=source.get("S3Uri") or container.get("ModelDataUrl", ""),
        environment=dict(container.get("Environment") or {}),
    )


def is_missing(error: ClientError) -> bool:
    """SageMaker has no code of its own for "there is no such thing": the text of a ValidationException says it."""
    details = error.response.get("Error", {})
    message = str(details.get("Message", "")).lower()
    words = ("does not exist", "not found", "could not find", "cannot find")
    return details.get("Code") in {"ResourceNotFound", "ResourceNotFoundException"} or any(w in message for w in words)
