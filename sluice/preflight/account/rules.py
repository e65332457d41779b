"""The rules about the account, AWS001 to AWS028: pages only, so that they can be shown without asking anything."""

from sluice.preflight.account.reads import READS
from sluice.preflight.finding import Confidence, Rule, Severity

DOCS = "https://docs.aws.amazon.com"
SIMULATOR = f"{DOCS}/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html"
ROLES = f"{DOCS}/sagemaker/latest/dg/sagemaker-roles.html"
QUOTAS = f"{DOCS}/general/latest/gr/sagemaker.html"
UNCOMPRESSED = f"{DOCS}/sagemaker/latest/dg/large-model-inference-uncompressed.html"
VPC = f"{DOCS}/sagemaker/latest/dg/host-vpc.html"
UNVERIFIED = "Asked with --target aws; not verified on AWS."


def _rule(code: str, title: str, severity: Severity, confidence: Confidence, source: str, page: str) -> Rule:
    return Rule(code, title, severity, confidence, source, f"{page}\n\n{UNVERIFIED}", bad="", good="")


def _table() -> str:
    calls: dict[str, list[str]] = {}
    about: dict[str, dict[str, None]] = {}
    for (service, name), read in READS.items():
        calls.setdefault(read.permission, []).append(f"{service} {name}")
        about.setdefault(read.permission, {})[read.about] = None
    rows = [f"| `{each}` | {', '.join(calls[each])} | {'; '.join(about[each])} |" for each in calls]
    return "\n".join(["| permission | call | what it tells |", "|---|---|---|", *rows])


NO_ACCOUNT = _rule(
    "AWS001",
    "The account cannot be asked",
    "error",
    "documented",
    f"{DOCS}/cli/latest/userguide/cli-configure-files.html",
    "There are no credentials, they have run out, or AWS does not answer from here. Nothing about the account was "
    "checked; what the files say was. `aws sts get-caller-identity` asks the same question: it takes no permission.",
)
DENIED = _rule(
    "AWS002",
    "A permission is missing for a check",
    "note",
    "documented",
    f"{DOCS}/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    "The caller may not ask one of the questions. The finding names the permission and what was therefore not "
    "checked; the release itself may well be fine. Whoever wants every check made allows these, all of which only "
    "read:\n\n"
    f"{_table()}\n\nNo release needs them.",
)
UNANSWERED = _rule(
    "AWS003",
    "Something could not be checked",
    "note",
    "inferred",
    f"{DOCS}/general/latest/gr/rande.html",
    "A service did not answer, had too many requests, does not exist in this region, or, on a local AWS, is not "
    "played at all. What it would have told is unknown, neither right nor wrong. Try again later if it was busy.",
)
NO_STACK = _rule(
    "AWS004",
    "Nothing is prepared in the account",
    "error",
    "verified",
    "infra/stack.yaml",
    "There is no finished stack, so there is no bucket, no role and no table: `sluice run --target aws` stops before "
    "it sends anything. `sluice bootstrap --target aws` makes it. A stack that is being changed, or whose change "
    "failed, is finished by CloudFormation or in its console.",
)
OTHER_ACCOUNT = _rule(
    "AWS005",
    "A role or key of another account or region",
    "error",
    "documented",
    f"{DOCS}/IAM/latest/UserGuide/id_roles_use_passrole.html",
    "A role can be handed only to services of its own account, so CreatePipeline and CreateModel refuse one from "
    "elsewhere. The credentials belong to the account that the finding names; mostly the wrong profile is active. A "
    "KMS key is used only in its own region.",
)
NO_ROLE = _rule(
    "AWS006",
    "The role does not exist, or not under this ARN",
    "error",
    "documented",
    "https://github.com/aws/sagemaker-python-sdk/issues/43",
    "SageMaker answers that it could not assume the role. An ARN holds the role's path as well: "
    "`role/service-role/Name` and `role/Name` are not the same to SageMaker, although IAM finds the role by its last "
    "word alone.",
)
NO_TRUST = _rule(
    "AWS007",
    "The role does not trust the service that is to use it",
    "error",
    "documented",
    ROLES,
    "The execution role must let `sagemaker.amazonaws.com` assume it, the trigger role `events.amazonaws.com` and "
    "`scheduler.amazonaws.com`. Otherwise CreateProcessingJob and CreateModel answer `Could not assume role` "
    "(awslabs/predictive-maintenance-using-machine-learning#3), and approvals and schedules start nothing, without a "
    "word. The trust policy of the role needs a statement with `Effect: Allow`, `Action: sts:AssumeRole` and that "
    "service as its principal.",
)
NOT_ALLOWED = _rule(
    "AWS008",
    "The role is not allowed what a step does",
    "error",
    "documented",
    SIMULATOR,
    "IAM was asked to simulate the calls that each step makes, with the role's own policies, its boundary and the "
    "organization's policies. A step whose call is not allowed fails when it comes to it: the deploy step after the "
    "GPU time of the evaluation was paid. Logs and metrics that are not allowed are a warning: the step runs, but "
    "nobody sees why it failed. Where the answer depends on a condition that cannot be known here, it is a note.\n\n"
    "Not simulated: policies of buckets, keys and repositories, which may allow or forbid on their own.",
)
ENDPOINT_QUOTA = _rule(
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
JOB_QUOTA = _rule(
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
SCALING_QUOTA = _rule(
    "AWS011",
    "The endpoint cannot scale as far as it is told to",
    "warning",
    "documented",
    QUOTAS,
    "Autoscaling asks for more instances than the account may have. The endpoint serves, but under load it stays at "
    "the quota, and only the scaling activity says why.",
)
NO_QUOTA = _rule(
    "AWS012",
    "Service Quotas does not know this instance type for this use",
    "warning",
    "inferred",
    QUOTAS,
    "Each type that a region offers for endpoints or for Processing jobs has a quota of its own name. One without is "
    "probably not offered there.",
)
NO_IMAGE = _rule(
    "AWS013",
    "The image is not in the region's registry",
    "error",
    "documented",
    "https://aws.github.io/deep-learning-containers/reference/available_images/",
    "CreateModel and CreateProcessingJob look for the image and refuse what they do not find. A tag is spelled "
    "differently, is not published in this region, or not yet.",
)
NO_BUCKET = _rule(
    "AWS014",
    "The bucket does not exist",
    "error",
    "documented",
    f"{DOCS}/AmazonS3/latest/API/API_HeadBucket.html",
    "Nothing can be read from it or written to it: uploads fail before anything is started, a model's download when "
    "the endpoint is made.",
)
OTHER_REGION = _rule(
    "AWS015",
    "The bucket is in another region",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/APIReference/API_S3ModelDataSource.html",
    "Model data and the endpoint must be in one region: CreateModel refuses others. Copy the files, or release where "
    "they are.",
)
NO_MODEL = _rule(
    "AWS016",
    "There is nothing under the model's prefix",
    "error",
    "documented",
    UNCOMPRESSED,
    "The prefix, or the archive, does not exist: CreateModel refuses it, or the endpoint fails while it downloads "
    "nothing. Keys are case-sensitive, and a prefix is not a folder: every letter counts.",
)
ARCHIVED = _rule(
    "AWS017",
    "A file is archived",
    "error",
    "documented",
    f"{DOCS}/AmazonS3/latest/userguide/restoring-objects.html",
    "Objects in the classes GLACIER and DEEP_ARCHIVE cannot be read until they are restored, which takes hours. The "
    "download fails.",
)
NO_TABLE = _rule(
    "AWS018",
    "The history table is not there, or not of this shape",
    "error",
    "verified",
    "sluice/rag/history.py",
    "The RAG server keeps one item a turn under `user` (partition key) and `turn` (sort key), both text. Without the "
    "table, or with other keys, every question ends in an error. The release itself does not touch it.",
)
NO_EXPIRY = _rule(
    "AWS019",
    "Old turns stay in the history",
    "warning",
    "verified",
    "sluice/rag/history.py",
    "Each turn carries the second at which it may go, in `expires`; DynamoDB deletes it only where time to live is "
    "enabled for that attribute. Otherwise chats are kept for ever, whatever `history.keep_days` says.",
)
BAD_KEY = _rule(
    "AWS020",
    "The KMS key cannot be used",
    "error",
    "documented",
    f"{DOCS}/kms/latest/developerguide/key-state.html",
    "The key does not exist, is disabled, is about to be deleted, or is not of the symmetric kind that SageMaker, S3 "
    "and DynamoDB encrypt with. Jobs end when they write their report, and CreateEndpoint is refused. The key's own "
    "policy is not looked at: it must allow the execution role as well.",
)
NO_NETWORK = _rule(
    "AWS021",
    "Subnets or security groups that do not go together",
    "error",
    "documented",
    VPC,
    "SageMaker attaches network interfaces in the subnets, with the security groups. Both must exist, all in one VPC; "
    "CreateModel and CreateProcessingJob refuse others.",
)
ONE_ZONE = _rule(
    "AWS022",
    "All subnets are in one zone",
    "warning",
    "documented",
    VPC,
    "The documentation asks for two subnets in two zones, even for a single instance. In one zone, a type that is "
    "short there leaves the endpoint in Creating until it fails, and an outage of the zone is one of the endpoint.",
)
NO_WAY_TO_S3 = _rule(
    "AWS023",
    "S3 cannot be reached from a subnet",
    "error",
    "documented",
    VPC,
    "The network interfaces have no public address, so a route to an internet gateway leads nowhere "
    "(awsdocs/amazon-sagemaker-developer-guide#79). Without an S3 gateway endpoint in the subnet's route table, a "
    "NAT or another way out, the model is never downloaded: the endpoint fails with `Please ensure that an S3 VPC "
    "endpoint exists`. A gateway endpoint costs nothing:\n\n"
    "    aws ec2 create-vpc-endpoint --vpc-id VPC --service-name com.amazonaws.REGION.s3 --route-table-ids TABLE\n\n"
    "Any other route out is taken for a way, as where it ends cannot be seen here.",
)
NO_WAY_TO_SAGEMAKER = _rule(
    "AWS024",
    "The jobs cannot reach SageMaker itself",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/dg/interface-vpc-endpoint.html",
    "The evaluation records its verdict and the deployment makes the endpoint by calls to SageMaker, from inside the "
    "VPC. They need a NAT or another way out, or interface endpoints with private DNS for `sagemaker.api` and, to "
    "replay the cases on the endpoint, `sagemaker.runtime`. Without, the job waits for its time-outs and fails, the "
    "evaluation's after the GPU time was paid.",
)
NO_WAY_OUT = _rule(
    "AWS025",
    "The security groups let nothing out",
    "warning",
    "inferred",
    VPC,
    "No outbound rule covers TCP 443 (IPv4), by which S3 and all services are reached: the download does not begin.",
)
FEW_ADDRESSES = _rule(
    "AWS026",
    "The subnets have few free addresses left",
    "warning",
    "inferred",
    VPC,
    "Each instance takes addresses in the subnets, two in the documentation's count. With fewer than that free, the "
    "endpoint or an update of it fails.",
)
PRICE = _rule(
    "AWS027",
    "The price is another than the table's",
    "note",
    "documented",
    f"{DOCS}/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html",
    "Prices come with a table that has a date. The Price List is today's; where they differ by more than 5 %, or the "
    "table lacks the type or region, the Price List is right. It is the on-demand price without savings plans.",
)
NOT_SERVING = _rule(
    "AWS028",
    "The endpoint that is to be judged does not serve",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/APIReference/API_DescribeEndpoint.html",
    "With `evaluation.target: endpoint` the cases are replayed on a running endpoint. It does not exist, or is not in "
    "service, so there would be no verdict.",
)

RULES: tuple[Rule, ...] = (
    NO_ACCOUNT, DENIED, UNANSWERED, NO_STACK, OTHER_ACCOUNT, NO_ROLE, NO_TRUST, NOT_ALLOWED, ENDPOINT_QUOTA, JOB_QUOTA,
    SCALING_QUOTA, NO_QUOTA, NO_IMAGE, NO_BUCKET, OTHER_REGION, NO_MODEL, ARCHIVED, NO_TABLE, NO_EXPIRY, BAD_KEY,
    NO_NETWORK, ONE_ZONE, NO_WAY_TO_S3, NO_WAY_TO_SAGEMAKER, NO_WAY_OUT, FEW_ADDRESSES, PRICE, NOT_SERVING,
)  # fmt: skip
