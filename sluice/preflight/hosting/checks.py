"""What SageMaker's endpoints ask for: timeouts, model data, networks, update strategies, names, volumes."""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sluice.lmi import startup_time, tables
from sluice.lmi.startup_time import Phase, Timeout
from sluice.preflight.deployment_spec import DeploymentSpec
from sluice.preflight.finding import Finding, Location, Rule
from sluice.preflight.hosting import model_data
from sluice.preflight.hosting.model_data import format_correction

VARIANT = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html"
CLUSTER = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html"
VPC = "https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"

HST001 = Rule(
    "HST001",
    "A timeout outside 60 to 3600 seconds",
    "error",
    "documented",
    VARIANT,
    "`ContainerStartupHealthCheckTimeoutInSeconds` and `ModelDataDownloadTimeoutInSeconds` are each from 60 to 3600 "
    "seconds. CreateEndpointConfig refuses anything else. A model that needs more than an hour must load faster: "
    "from a prefix instead of an archive, on an instance with a faster network, with fewer bytes.",
    bad="--startup-seconds 30",
    good="--startup-seconds 900",
)
HST002 = Rule(
    "HST002",
    "A timeout that loading should not keep",
    "warning",
    "inferred",
    VARIANT,
    "The health check's time runs from the start of the container to its first healthy answer: Java and Python "
    "start, the weights go to the GPU, vLLM compiles and captures CUDA graphs. When it is over SageMaker gives the "
    "endpoint up, although nothing is wrong. The download has a timeout of its own; of a model that the container "
    "itself fetches from the hub, the download counts as start. The figures are spans of published starts "
    "(`sluice/lmi/tables/loading.json`), not a promise. A warning: even a fast start would not be in time. A note: a "
    "slow one would not.",
    bad="--startup-seconds 60",
    good="--startup-seconds 900",
)
HST006 = Rule(
    "HST006",
    "A network of your own: S3 must be reachable from it",
    "note",
    "documented",
    VPC,
    "With `VpcConfig` the container reaches everything through the given subnets. S3 needs a gateway endpoint (free) "
    "in the route table of each subnet, or a NAT gateway; the hub needs a NAT gateway; the security groups must let "
    "HTTPS out. Otherwise the model does not arrive, and the endpoint fails after its timeouts. What stands in the "
    "route tables only the account knows: `--target aws` looks.",
    bad="vpc: {subnets: [subnet-0a1b, subnet-0c2d], security_groups: [sg-0e3f]}",
    good="vpc: null",
)
HST007 = Rule(
    "HST007",
    "Subnets in one zone",
    "warning",
    "documented",
    VPC,
    "SageMaker asks for at least two subnets in different availability zones, even for one instance. One subnet is one "
    "zone: if that zone has no instance of the type left, or never had, the endpoint fails for want of capacity while "
    "the next zone has some.",
    bad="vpc: {subnets: [subnet-0a1b], security_groups: [sg-0e3f]}",
    good="vpc: {subnets: [subnet-0a1b, subnet-0c2d], security_groups: [sg-0e3f]}",
)
HST008 = Rule(
    "HST008",
    "Canary, linear or rolling with one instance",
    "error",
    "documented",
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html",
    "A canary is at most half of the instances, a linear step 10 to 50 %, a rolling batch 5 to 50 %. Of one instance "
    "there is no half: UpdateEndpoint refuses it. With one instance only the switch all at once works, or a new "
    "endpoint that is judged before the traffic moves.",
    bad="",
    good="",
)
HST009 = Rule(
    "HST009",
    "A name that SageMaker does not take",
    "error",
    "documented",
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html",
    "Endpoints, their configurations, models, variants, model package groups and jobs have at most 63 characters, "
    "pipelines 256: letters, digits and hyphens, with a letter or digit at both ends. Underscores, dots, slashes and "
    "blanks are refused.",
    bad="",
    good="",
)
HST010 = Rule(
    "HST010",
    "A volume size where there is a local disk",
    "error",
    "documented",
    "https://github.com/aws/sagemaker-python-sdk/pull/4828",
    "Instances with local NVMe disks (g4dn, g5, g6, p4d, p5 and others) use these, and an endpoint's "
    "`VolumeSizeInGB` is refused: leave it out. Elsewhere it is 1 to 512. A Processing job may name a size, but none "
    "above the local disk's.",
    bad="--volume-gb 200",
    good="--instance-type ml.g5.xlarge",
)
HST011 = Rule(
    "HST011",
    "An instance type that is not to be had",
    "error",
    "verified",
    VARIANT,
    "SageMaker's API has a list of types for endpoints and another for Processing jobs, and refuses what is not on "
    "it: `g5.xlarge` without `ml.`, a size that the family does not have, p4d in a Processing job. A region has only "
    "some of them; where EC2 has none, SageMaker has none (a warning, as EC2's lists are dated). A family that this "
    "version does not know is only a warning: it may be new.",
    bad="--instance-type ml.g5.3xlarge",
    good="--instance-type ml.g5.4xlarge",
)
HST012 = Rule(
    "HST012",
    "Autoscaling bounds that do not fit",
    "error",
    "documented",
    "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-policy.html",
    "A variant scales between a least and a most number of instances, each at least 1 and the least not above the "
    "most. Zero is only for endpoints of inference components and for asynchronous ones. A start outside the bounds "
    "is scaled into them as soon as the policy is there.",
    bad="",
    good="",
)
HST014 = Rule(
    "HST014",
    "An update needs both fleets",
    "note",
    "documented",
    "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html",
    "While an endpoint is updated, or a new one is judged beside it, both run: the quota 'for endpoint usage' of the "
    "instance type must allow twice the instances, and both are paid for that long. New accounts often have a quota of "
    "0 or 1; the first deployment then works and the second fails.",
    bad="",
    good="",
)
HST020 = Rule(
    "HST020",
    "A network that SageMaker does not take",
    "error",
    "documented",
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html",
    "`VpcConfig` has 1 to 16 subnets and 1 to 5 security groups, both; CreateModel refuses anything else.",
    bad="",
    good="",
)
RULES = (
    *(HST001, HST002, HST006, HST007, HST008, HST009, HST010, HST011, HST012, HST014, HST020),
    *model_data.RULES,
)

TIMEOUTS: tuple[tuple[Timeout, str], ...] = (
    ("startup_seconds", "ContainerStartupHealthCheckTimeoutInSeconds"),
    ("download_seconds", "ModelDataDownloadTimeoutInSeconds"),
)
LEAST_SECONDS, MOST_SECONDS = 60, 3600
MOST_VOLUME_GB, MOST_JOB_VOLUME_GB = 512, 16_384
STEPWISE = {"canary": "A canary", "linear": "A linear step", "rolling": "A rolling batch"}
SIDE_BY_SIDE = {"new_endpoint", "in_place", "canary", "linear", "all_at_once"}


@dataclass(frozen=True)
class Form:
    pattern: str
    longest: int
    words: str


HYPHENATED = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
RESOURCE = Form(HYPHENATED, 63, "letters, digits and hyphens, with a letter or digit at both ends")
PIPELINE = Form(HYPHENATED, 256, RESOURCE.words)
TABLE = Form(r"[a-zA-Z0-9_.-]{3,}", 255, "3 or more letters, digits, underscores, dots and hyphens")
FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("endpoint", "endpoint_config", "config", "variant", "job", "processing_job"), RESOURCE),
    **dict.fromkeys(("model", "group", "model_package_group"), RESOURCE),
    **dict.fromkeys(("pipeline", "release_pipeline", "deploy_pipeline"), PIPELINE),
    "table": TABLE,
}


def check_timeouts(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST001 and HST002."""
    phases = _phases(setup)
    for key, name in TIMEOUTS:
        seconds = _seconds(setup, key)
        if seconds is None:
            continue
        place = setup.at(key)
        if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            message = (
                f"{name} is {seconds:,}, and CreateEndpointConfig takes {LEAST_SECONDS} to {MOST_SECONDS}: it refuses "
                "the configuration."
            )
            nearest = LEAST_SECONDS if seconds < LEAST_SECONDS else MOST_SECONDS
            yield HST001.at(place, message, format_correction(place, str(max(nearest, _comfortable(phases, key)))))
        else:
            yield from _too_short(place, seconds, [phase for phase in phases if phase.within == key], name)


def check_job_runtime(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST002 for the evaluation job, which serves the model before it asks the first question."""
    if setup.job is None or setup.job.runtime_seconds < 1 or setup.model is None:
        return
    phases = startup_time.estimate_phases(setup.model, setup.job.instance_type, _options(setup))
    low, high = (sum(each) for each in zip(*((p.seconds_low, p.seconds_high) for p in phases), strict=True))
    seconds, place = setup.job.runtime_seconds, setup.at("job_runtime_seconds")
    if seconds < high:
        message = (
            f"The job is stopped after {_minutes(seconds)}, and until its model answers the first question it should "
            f"take {_span(low, high)}: {_describe_phases(phases)}."
        )
        yield HST002.at(place, message, severity="warning" if seconds < low else "note")


def check_network(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST006, HST007 and HST020."""
    if setup.network is None:
        return
    place, subnets, groups = setup.at("network"), set(setup.network.subnets), set(setup.network.security_groups)
    for what, ids, most in (("subnets", subnets, 16), ("security groups", groups, 5)):
        if not 1 <= len(ids) <= most:
            yield HST020.at(place, f"{len(ids)} {what}: CreateModel takes 1 to {most} and refuses this.")
    if len(subnets) == 1:
        message = (
            f"{next(iter(subnets))} is in one zone. SageMaker asks for subnets in two zones, even for one instance; if "
            f"this zone has no {setup.instance_type or 'instance'} to give, the endpoint fails for want of capacity."
        )
        yield HST007.at(place, message)
    if subnets:
        yield HST006.at(place, _reached(setup))


def check_update_strategy(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST008 and HST014."""
    name = setup.strategy
    if name is None:
        return
    place, count = setup.at("strategy"), max(setup.instance_count, setup.scaling[0] if setup.scaling else 0)
    if name in STEPWISE and count <= 1:
        message = (
            f"{STEPWISE[name]} is at most half of the instances, and there is one: UpdateEndpoint refuses {name}. "
            "Take two instances, or switch all at once."
        )
        yield HST008.at(place, message)
    elif name in SIDE_BY_SIDE and setup.instance_type:
        both = 2 * max(count, 1)
        what = "From the second version on, the new endpoint and the old one" if name == "new_endpoint" else (
            "During an update the new fleet and the old one"
        )  # fmt: skip
        message = (
            f"{what} run side by side for a while: the quota '{setup.instance_type} for endpoint usage' must be "
            f"{both} or more."
        )
        yield HST014.at(place, message)


def check_names(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST009: a name that SageMaker does not take."""
    for kind, name in setup.names.items():
        form, what = FORMS.get(kind), kind.replace("_", " ")
        if form is None:
            continue
        place = setup.at(kind)
        if len(name) > form.longest:
            message = (
                f"This {what}'s name has {len(name)} characters, and SageMaker takes {form.longest}: it is refused."
            )
            yield HST009.at(place, message, format_correction(place, _allowed(name, form)))
        elif not re.fullmatch(form.pattern, name):
            message = f"{name!r} is no name for a {what}: it takes {form.words}, and anything else is refused."
            yield HST009.at(place, message, format_correction(place, _allowed(name, form)))


def check_volumes(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST010: a volume size where there is a local disk."""
    disks = {name: row["nvme_gb"] for name, row in tables.by("instances", "instance").items()}
    if setup.volume_gb is not None:
        local, place = disks.get(setup.instance_type, 0), setup.at("volume_gb")
        if local:
            message = (
                f"{setup.instance_type} has {local:,} GB of local disk, and CreateEndpointConfig refuses "
                "VolumeSizeInGB with such instances. Leave it out."
            )
            yield HST010.at(place, message)
        elif not 1 <= setup.volume_gb <= MOST_VOLUME_GB:
            message = f"VolumeSizeInGB is {setup.volume_gb:,}, and CreateEndpointConfig takes 1 to {MOST_VOLUME_GB}."
            yield HST010.at(place, message, format_correction(place, str(MOST_VOLUME_GB)))
    if setup.job is not None:
        local, place = disks.get(setup.job.instance_type, 0), setup.at("job_volume_gb")
        most = local or MOST_JOB_VOLUME_GB
        if not 1 <= setup.job.volume_gb <= most:
            message = (
                f"A Processing job on {setup.job.instance_type} takes 1 to {most:,} GB, not {setup.job.volume_gb:,}: "
                "CreateProcessingJob refuses it."
            )
            yield HST010.at(place, message, format_correction(place, f"{most:g}"), source=CLUSTER)


def check_instance_types(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST011: an instance type that is not to be had."""
    uses = [("hosting", setup.instance_type, setup.at("instance_type"))]
    if setup.job is not None:
        uses.append(("processing", setup.job.instance_type, setup.at("job")))
    for use, name, place in uses:
        if name:
            yield from _instance(setup, use, name, place)


def check_scaling_bounds(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields HST012: autoscaling bounds that do not fit."""
    if setup.scaling is None:
        return
    (least, most), place = setup.scaling, setup.at("scaling")
    if least < 0 or most < 1 or least > most:
        message = f"From {least} to {most} instances is no range: both are at least 1, the first not above the second."
        yield HST012.at(place, message)
        return
    if least == 0:
        message = (
            "Down to 0 instances scales only an endpoint of inference components or an asynchronous one; for a plain "
            "variant the policy is refused. From 0, requests fail for the minutes that a start takes."
        )
        yield HST012.at(place, message, severity="warning")
    if not least <= setup.instance_count <= most:
        message = f"It starts with {setup.instance_count} and is scaled to between {least} and {most} at once."
        yield HST012.at(place, message, severity="warning")
    if least == most:
        yield HST012.at(place, f"From {least} to {most}: nothing is ever scaled.", severity="note")


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    *(
        check_timeouts,
        check_job_runtime,
        check_network,
        check_update_strategy,
        check_names,
        check_volumes,
        check_instance_types,
        check_scaling_bounds,
    ),
    *model_data.CHECKS,
)


def _phases(setup: DeploymentSpec) -> list[Phase]:
    """The endpoint's start; what the container fetches by itself counts as its start."""
    phases = startup_time.estimate_phases(setup.model, setup.instance_type or "", _options(setup))
    if setup.model_data is not None:
        return phases
    return [_fetched(phase) if phase.within == "download_seconds" else phase for phase in phases]


def _fetched(phase: Phase) -> Phase:
    return Phase(phase.name, phase.seconds_low, phase.seconds_high, phase.source, True, "startup_seconds")


def _options(setup: DeploymentSpec) -> dict[str, str]:
    return {name: setting.value for name, setting in setup.options.items()}


def _seconds(setup: DeploymentSpec, key: Timeout) -> int | None:
    return setup.startup_seconds if key == "startup_seconds" else setup.download_seconds


def _too_short(place: Location, seconds: int, phases: list[Phase], name: str) -> Iterator[Finding]:
    low, high = sum(p.seconds_low for p in phases), sum(p.seconds_high for p in phases)
    if seconds >= high:
        return
    never = seconds < low
    message = (
        f"{name} is {seconds:,} s, and this should take {_span(low, high)}: {_describe_phases(phases)}. "
        f"{'Even a fast' if never else 'A slow'} start would be given up as failed."
    )
    enough = _comfortable(phases, phases[0].within)
    fix = format_correction(place, str(enough)) if enough > seconds else ""
    yield HST002.at(place, message, fix, severity="warning" if never else "note")


def _comfortable(phases: list[Phase], within: Timeout) -> int:
    """Half as much again as the slowest published start, in whole minutes."""
    _, high = startup_time.total_seconds(phases, within)
    return min(MOST_SECONDS, max(300, 60 * math.ceil(high * 1.5 / 60)))


def _describe_phases(phases: list[Phase]) -> str:
    return ", ".join(f"{p.name} {_span(p.seconds_low, p.seconds_high)}" for p in phases)


def _span(low: float, high: float) -> str:
    return f"{low:,.0f} to {high:,.0f} s"


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds:,} s"


def _reached(setup: DeploymentSpec) -> str:
    fetched = setup.variable("HF_MODEL_ID")
    from_hub = fetched is not None and not fetched.value.startswith(("s3://", "/"))
    ways = "the hub needs a NAT gateway" if from_hub else "S3 needs a gateway endpoint, or a NAT gateway"
    return (
        f"The model comes in through these subnets: {ways}, in the route table of each of them, and the security "
        "groups must let HTTPS (443) out. Otherwise the endpoint fails after its timeouts. `--target aws` looks."
    )


def _allowed(name: str, form: Form) -> str:
    """The nearest name that would be taken."""
    if form is TABLE:
        return re.sub(r"[^a-zA-Z0-9_.-]+", "-", name)[: form.longest].ljust(3, "0")
    return re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")[: form.longest].strip("-") or "NAME"


def _instance(setup: DeploymentSpec, use: str, name: str, place: Location) -> Iterator[Finding]:
    instance_types = tables.by("instance_types", "instance")
    row = instance_types.get(name)
    if row is None:
        yield _unknown(name, place, instance_types, use)
    elif row["accelerator"] != "gpu":
        return  # that a GPU is wanted is the image's affair
    elif not row[use]:
        yield _not_for(use, name, place)
    else:
        yield from _not_there(setup, name, place)


def _unknown(name: str, place: Location, instance_types: Mapping[str, tables.Row], use: str) -> Finding:
    usable = [each for each, row in instance_types.items() if row[use]]
    family = name.rpartition(".")[0]
    sizes = [each.rpartition(".")[2] for each in usable if each.rpartition(".")[0] == family]
    near = (
        f"ml.{name}"
        if f"ml.{name}" in instance_types
        else next(iter(difflib.get_close_matches(name, usable, 1, 0.6)), "")
    )
    fix = format_correction(place, near) if near else ""
    if sizes:
        message = f"{family} has no such size: SageMaker's API lists {', '.join(sizes)}, and refuses {name}."
        return HST011.at(place, message, fix)
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", name):
        return HST011.at(place, f"{name!r} is no SageMaker instance type: they read ml.FAMILY.SIZE.", fix)
    as_of = tables.read("instance_types")["as_of"]
    message = f"SageMaker's API lists no {family} (as of {as_of}): unless it is newer than that, {name} is refused."
    return HST011.at(place, message, fix, severity="warning", confidence="inferred")


def _not_for(use: str, name: str, place: Location) -> Finding:
    if use == "hosting":
        return HST011.at(place, f"{name} is for Processing jobs only: CreateEndpointConfig refuses it.")
    message = (
        f"Endpoints may use {name}, but CreateProcessingJob does not list it and refuses the job. Judge on an "
        "endpoint, or on another type with as much GPU memory."
    )
    return HST011.at(place, message, source=CLUSTER)


def _not_there(setup: DeploymentSpec, name: str, place: Location) -> Iterator[Finding]:
    """EC2 having none of a type in a region is a good reason to doubt that SageMaker has."""
    region = tables.by("regions", "region").get(setup.region)
    if region is None:
        return
    there = f"{region.get('offered', '')} {region.get('priced', '')}".split()
    if name in there or name.rpartition(".")[0] in there or not _seen_anywhere(name):
        return
    others = ", ".join(sorted({each for each in there if each.count(".") == 1})) or "none with a GPU"
    message = (
        f"EC2 lists no {name.removeprefix('ml.')} in {setup.region} (as of {tables.read('regions')['as_of']}), and "
        f"SageMaker runs on EC2: expect a quota of 0 there. Families that it lists: {others}."
    )
    yield HST011.at(place, message, severity="warning", confidence="inferred", source=_regions_source())


def _seen_anywhere(name: str) -> bool:
    family = name.rpartition(".")[0]
    rows = (f"{row.get('offered', '')} {row.get('priced', '')}".split() for row in tables.rows("regions"))
    return any(name in there or family in there for there in rows)


def _regions_source() -> str:
    url: str = tables.read("regions")["sources"]["ec2"]["url"]
    return url
