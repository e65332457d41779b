"""Whether the bucket, the history table and the key exist and are fit for what is done with them."""

from collections.abc import Iterator

from sluice.preflight.account.context import CheckContext
from sluice.preflight.account.errors import Missing
from sluice.preflight.account.roles import OTHER_ACCOUNT
from sluice.preflight.account.sources import DOCS, account_rule
from sluice.preflight.finding import Finding, Location

NO_BUCKET = account_rule(
    "AWS014",
    "The bucket does not exist",
    "error",
    "documented",
    f"{DOCS}/AmazonS3/latest/API/API_HeadBucket.html",
    "Nothing can be read from it or written to it: uploads fail before anything is started, a model's download when "
    "the endpoint is made.",
)
OTHER_REGION = account_rule(
    "AWS015",
    "The bucket is in another region",
    "error",
    "documented",
    f"{DOCS}/sagemaker/latest/APIReference/API_S3ModelDataSource.html",
    "Model data and the endpoint must be in one region: CreateModel refuses others. Copy the files, or release where "
    "they are.",
)
NO_TABLE = account_rule(
    "AWS018",
    "The history table is not there, or not of this shape",
    "error",
    "verified",
    "sluice/rag/history.py",
    "The RAG server keeps one item a turn under `user` (partition key) and `turn` (sort key), both text. Without the "
    "table, or with other keys, every question ends in an error. The release itself does not touch it.",
)
NO_EXPIRY = account_rule(
    "AWS019",
    "Old turns stay in the history",
    "warning",
    "verified",
    "sluice/rag/history.py",
    "Each turn carries the second at which it may go, in `expires`; DynamoDB deletes it only where time to live is "
    "enabled for that attribute. Otherwise chats are kept for ever, whatever `history.keep_days` says.",
)
BAD_KEY = account_rule(
    "AWS020",
    "The KMS key cannot be used",
    "error",
    "documented",
    f"{DOCS}/kms/latest/developerguide/key-state.html",
    "The key does not exist, is disabled, is about to be deleted, or is not of the symmetric kind that SageMaker, S3 "
    "and DynamoDB encrypt with. Jobs end when they write their report, and CreateEndpoint is refused. The key's own "
    "policy is not looked at: it must allow the execution role as well.",
)

KEYS = {("user", "HASH"), ("turn", "RANGE")}
EXPIRES = "expires"
FOR_DATA = ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")


def check_bucket(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS014 and AWS015."""
    if context.requirements.bucket:
        yield from check_bucket_exists(
            context, context.requirements.bucket, context.requirements.at("bucket"), "uploads fail"
        )


def check_bucket_exists(context: CheckContext, name: str, place: Location, outcome: str) -> Iterator[Finding]:
    """Findings about a bucket that must exist and be in the release's region."""
    try:
        head = context.account.call("s3", "HeadBucket", Bucket=name)
    except Missing:
        yield NO_BUCKET.at(place, f"There is no bucket {name!r}: {outcome}.")
        return
    headers = (head.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    region = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
    if region and region != context.region:
        yield OTHER_REGION.at(
            place,
            f"Bucket {name} is in {region}, the endpoint in {context.region}: CreateModel refuses the model's data.",
        )


def check_table(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS018: the history table is not there, or not of this shape."""
    name = context.requirements.table
    if name is None:
        return
    place = context.requirements.at("table")
    try:
        description = context.account.call("dynamodb", "DescribeTable", TableName=name)["Table"]
    except Missing:
        yield NO_TABLE.at(
            place,
            f"There is no table {name!r} in {context.region}: the RAG server answers no question without its history.",
        )
        return
    kinds = {each["AttributeName"]: each["AttributeType"] for each in description.get("AttributeDefinitions", [])}
    keys = {(each["AttributeName"], each["KeyType"]) for each in description["KeySchema"]}
    if keys != KEYS or any(kinds.get(name) != "S" for name, _ in KEYS):
        schema = ", ".join(f"{name} ({kind}, {kinds.get(name, '?')})" for name, kind in sorted(keys))
        yield NO_TABLE.at(
            place, f"Table {name} has the keys {schema}; the RAG server writes user (HASH, S) and turn (RANGE, S)."
        )
    elif description["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        yield NO_TABLE.at(
            place, f"Table {name} is {description['TableStatus']}: until it is ACTIVE no question is answered."
        )


def check_expiry(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS019: old turns stay in the history."""
    name = context.requirements.table
    if name is None:
        return
    try:
        expiry_settings = (
            context.account.call("dynamodb", "DescribeTimeToLive", TableName=name).get("TimeToLiveDescription") or {}
        )
    except Missing:
        return  # the table's own finding
    on = expiry_settings.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if not on or expiry_settings.get("AttributeName") != EXPIRES:
        what = f"goes by {expiry_settings['AttributeName']!r}" if on else "is off"
        yield NO_EXPIRY.at(
            context.requirements.at("table"),
            f"Time to live of table {name} {what}, not by {EXPIRES!r}: turns are kept for ever.",
        )


def check_key(context: CheckContext) -> Iterator[Finding]:
    """Yields AWS005 and AWS020."""
    name = context.requirements.kms_key
    if name is None:
        return
    place, parts = context.requirements.at("kms_key"), name.split(":")
    if len(parts) > 5 and parts[3] != context.region:
        yield OTHER_ACCOUNT.at(
            place, f"The key is in {parts[3]}, the release in {context.region}: nothing there can be encrypted with it."
        )
        return
    try:
        metadata = context.account.call("kms", "DescribeKey", KeyId=name)["KeyMetadata"]
    except Missing:
        yield BAD_KEY.at(place, f"There is no KMS key {name!r} in {context.region}: jobs and endpoints cannot be made.")
        return
    if metadata.get("KeyState") != "Enabled":
        yield BAD_KEY.at(
            place, f"KMS key {name} is {metadata.get('KeyState')}: what is encrypted with it cannot be used."
        )
    elif (kind := (metadata.get("KeyUsage", FOR_DATA[0]), metadata.get("KeySpec", FOR_DATA[1]))) != FOR_DATA:
        yield BAD_KEY.at(
            place, f"KMS key {name} is of another kind ({', '.join(kind)}); a symmetric key for encryption is needed."
        )
