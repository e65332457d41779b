"""Whether the account may run what the release adds to what runs now: for the endpoint, and for the Processing jobs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sluice.preflight.account import fleets
from sluice.preflight.account.context import CheckContext, counted
from sluice.preflight.account.errors import NotAnswered
from sluice.preflight.account.fleets import Fleet
from sluice.preflight.account.sources import DOCS, QUOTAS, account_rule
from sluice.preflight.finding import Finding, Location

UNANSWERED = account_rule(
    "AWS003",
    "Something could not be checked",
    "note",
    "inferred",
    f"{DOCS}/general/latest/gr/rande.html",
    "A service did not answer, had too many requests, does not exist in this region, or, on a local AWS, is not "
    "played at all. What it would have told is unknown, neither right nor wrong. Try again later if it was busy.",
)
ENDPOINT_QUOTA = account_rule(
    "AWS009",
    "The quota for endpoints is too small",
    "error",
    "documented",
    QUOTAS,
    "Every instance type has a quota for endpoints, often 0 in a new account, and there is one across all endpoints. "
    "What runs now counts, of all endpoints of the account and region. A release starts its instances beside those "
    "that serve now, whether it makes a new endpoint or updates one (blue/green), so for a while both fleets count. "
    "Above the quota CreateEndpoint and UpdateEndpoint are refused with ResourceLimitExceeded.\n\n"
    "The quota is raised by request, which takes from minutes to days.",
)
JOB_QUOTA = account_rule(
    "AWS010",
    "The quota for Processing jobs is too small",
    "error",
    "documented",
    QUOTAS,
    "Processing jobs have quotas of their own, apart from those for endpoints: a type that an endpoint may use can "
    "still be 0 for jobs. The judgement runs in a GPU job, the deployment in a small CPU job; each needs one. Above "
    "the quota CreateProcessingJob is refused with ResourceLimitExceeded. Another type, or `evaluation.target: "
    "endpoint`, needs no request.",
)
SCALING_QUOTA = account_rule(
    "AWS011",
    "The endpoint cannot scale as far as it is told to",
    "warning",
    "documented",
    QUOTAS,
    "Autoscaling asks for more instances than the account may have. The endpoint serves, but under load it stays at "
    "the quota, and only the scaling activity says why.",
)
NO_QUOTA = account_rule(
    "AWS012",
    "Service Quotas does not know this instance type for this use",
    "warning",
    "inferred",
    QUOTAS,
    "Each type that a region offers for endpoints or for Processing jobs has a quota of its own name. One without is "
    "probably not offered there.",
)

OF_ENDPOINT, OF_JOB = "{} for endpoint usage", "{} for processing job usage"
ACROSS_ENDPOINTS = "Number of instances across active endpoints"
ACROSS_JOBS = "Number of instances across all processing jobs"
MOST_LISTED = 3


@dataclass(frozen=True)
class Limit:
    name: str
    code: str
    most: int


def check_quotas(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS003, AWS009, AWS010, AWS011 and AWS012 for the endpoint and the jobs. The quotas are listed once for
    all of them."""
    kind, jobs = context.setup.instance_type, _jobs(context)
    names = [OF_ENDPOINT.format(kind), ACROSS_ENDPOINTS] if kind else []
    names += [*map(OF_JOB.format, jobs), ACROSS_JOBS] if jobs else []
    if not names:
        return
    limits = read_quotas(context, names)
    if kind:
        yield from _of_endpoint(context, kind, limits)
    if jobs:
        yield from _of_jobs(context, jobs, limits)


def _jobs(context: CheckContext) -> dict[str, Location]:
    """The instance types of the release's jobs, one of each at a time."""
    jobs = {kind: context.requirements.at("jobs") for kind in context.requirements.jobs}
    return jobs | ({context.setup.job.instance_type: context.setup.at("job")} if context.setup.job else {})


def _of_endpoint(context: CheckContext, kind: str, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    place, adds = context.setup.at("instance_type"), _adds(context)
    running: Sequence[Fleet] = ()
    try:
        running = tuple(fleets.list_endpoint_fleets(context))
    except NotAnswered as why:
        yield _counted_nothing(why, place)
    own, across = limits.get(OF_ENDPOINT.format(kind)), limits.get(ACROSS_ENDPOINTS)
    if own:
        yield from _of_fleet(context, own, [each for each in running if each.instance_type == kind], adds, place)
        yield from _of_scaling(context, own, kind, adds)
    else:
        yield _unknown(context, OF_ENDPOINT.format(kind), kind, place)
    if across:
        yield from _of_fleet(context, across, running, adds, place)


def _of_scaling(context: CheckContext, limit: Limit, kind: str, adds: int) -> Iterator[Finding]:
    most = context.setup.scaling[1] if context.setup.scaling else 0
    if most > limit.most >= adds:  # less than a start takes is an error already
        yield SCALING_QUOTA.at(
            context.setup.at("scaling"),
            f"Scaling may ask for {most} {kind}, but {limit.name!r} is {limit.most} in {context.region}: the endpoint "
            f"stops growing there. {_request(limit, most, context.region)}",
        )


def _adds(context: CheckContext) -> int:
    """How many instances start beside those that run. A rolling update replaces them in steps, at least one by one."""
    return 1 if context.setup.strategy == "rolling" else context.setup.instance_count


def _of_fleet(
    context: CheckContext, limit: Limit, running: Sequence[Fleet], adds: int, place: Location
) -> Iterator[Finding]:
    used = sum(each.count for each in running)
    if used + adds <= limit.most:
        return
    if context.requirements.deployed:
        what = f"an update of this endpoint starts {adds} more"
        call = "UpdateEndpoint"
    else:
        what = f"the release starts {adds} more before any is taken away"
        call = "UpdateEndpoint" if context.setup.strategy not in {None, "new_endpoint"} else "CreateEndpoint"
    yield ENDPOINT_QUOTA.at(
        place,
        f"{limit.name!r} is {limit.most} in {context.region}; {_now(running)}, and {what}: {call} is refused with "
        f"ResourceLimitExceeded. {_request(limit, used + adds, context.region)}",
        severity="warning" if context.requirements.deployed else None,
    )


def _of_jobs(context: CheckContext, jobs: Mapping[str, Location], limits: Mapping[str, Limit]) -> Iterator[Finding]:
    anywhere = list(jobs.values())[-1]
    running: Sequence[Fleet] = ()
    try:
        running = tuple(fleets.list_job_fleets(context))
    except NotAnswered as why:
        yield _counted_nothing(why, anywhere)
    for kind, place in jobs.items():
        if limit := limits.get(OF_JOB.format(kind)):
            yield from _of_job(context, limit, [each for each in running if each.instance_type == kind], place)
        else:
            yield _unknown(context, OF_JOB.format(kind), kind, place)
    if across := limits.get(ACROSS_JOBS):
        yield from _of_job(context, across, running, anywhere)


def _unknown(context: CheckContext, name: str, kind: str, place: Location) -> Finding:
    return NO_QUOTA.at(
        place, f"Service Quotas has no {name!r} in {context.region}: {kind} is probably not offered there."
    )


def _of_job(context: CheckContext, limit: Limit, running: Sequence[Fleet], place: Location) -> Iterator[Finding]:
    used = sum(each.count for each in running)
    if used + 1 > limit.most:
        # A job of somebody else ends some time; a quota that leaves no room for any job does not.
        yield JOB_QUOTA.at(
            place,
            f"{limit.name!r} is {limit.most} in {context.region}; {_now(running)}, and the release needs 1: "
            f"CreateProcessingJob is refused with ResourceLimitExceeded. {_request(limit, used + 1, context.region)}",
            severity="error" if limit.most < 1 else "warning",
        )


def read_quotas(context: CheckContext, names: Sequence[str]) -> Mapping[str, Limit]:
    """Those that the account has, else AWS's own; listing stops when all are found, as there are thousands."""
    limits: dict[str, Limit] = {}
    for operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
        for page in context.account.pages("service-quotas", operation, ServiceCode="sagemaker"):
            for each in page["Quotas"]:
                if each["QuotaName"] in names:
                    limit = Limit(each["QuotaName"], each["QuotaCode"], int(each["Value"]))
                    limits.setdefault(limit.name, limit)
            if len(limits) == len(names):
                return limits
    return limits


def _now(running: Sequence[Fleet]) -> str:
    counts: dict[str, int] = {}
    for each in running:
        counts[each.owner] = counts.get(each.owner, 0) + each.count
    used = [f"{name}: {count}" for name, count in counts.items() if count]
    if not used:
        return "none runs now"
    more = f" and {len(used) - MOST_LISTED} more" if len(used) > MOST_LISTED else ""
    number = sum(counts.values())
    return f"{number} {'runs' if number == 1 else 'run'} now ({', '.join(used[:MOST_LISTED])}{more})"


def _request(limit: Limit, least: int, region: str) -> str:
    return (
        f"Ask for {counted(least, 'instance')}: aws service-quotas request-service-quota-increase --service-code "
        f"sagemaker --quota-code {limit.code} --desired-value {least} --region {region}"
    )


def _counted_nothing(why: NotAnswered, place: Location) -> Finding:
    return UNANSWERED.at(
        place,
        f"It was not counted {why.read.about} ({why.read.permission} answered {why.code}), so the quota is compared "
        "with what the release adds alone.",
    )
