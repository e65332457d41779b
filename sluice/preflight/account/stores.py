"""Whether the bucket, the history table and the key exist and are fit for what is done with them."""

from collections.abc import Iterator

from sluice.preflight.account.context import Scene
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


def bucket(scene: Scene) -> Iterator[Finding]:
    if scene.wanted.bucket:
        yield from of_bucket(scene, scene.wanted.bucket, scene.wanted.at("bucket"), "uploads fail")


def of_bucket(scene: Scene, name: str, place: Location, outcome: str) -> Iterator[Finding]:
    """Findings about a bucket that must exist and be in the release's region."""
    try:
        found = scene.account.ask("s3", "HeadBucket", Bucket=name)
    except Missing:
        yield NO_BUCKET.at(place, f"There is no bucket {name!r}: {outcome}.")
        return
    headers = (found.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    region = found.get("BucketRegion") or headers.get("x-amz-bucket-region")
    if region and region != scene.region:
        yield OTHER_REGION.at(
            place,
            f"Bucket {name} is in {region}, the endpoint in {scene.region}: CreateModel refuses the model's data.",
        )


def table(scene: Scene) -> Iterator[Finding]:
    name = scene.wanted.table
    if name is None:
        return
    place = scene.wanted.at("table")
    try:
        found = scene.account.ask("dynamodb", "DescribeTable", TableName=name)["Table"]
    except Missing:
        yield NO_TABLE.at(
            place,
            f"There is no table {name!r} in {scene.region}: the RAG server answers no question without its history.",
        )
        return
    kinds = {each["AttributeName"]: each["AttributeType"] for each in found.get("AttributeDefinitions", [])}
    keys = {(each["AttributeName"], each["KeyType"]) for each in found["KeySchema"]}
    if keys != KEYS or any(kinds.get(name) != "S" for name, _ in KEYS):
        shown = ", ".join(f"{name} ({kind}, {kinds.get(name, '?')})" for name, kind in sorted(keys))
        yield NO_TABLE.at(
            place, f"Table {name} has the keys {shown}; the RAG server writes user (HASH, S) and turn (RANGE, S)."
        )
    elif found["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        yield NO_TABLE.at(place, f"Table {name} is {found['TableStatus']}: until it is ACTIVE no question is answered.")


def expiry(scene: Scene) -> Iterator[Finding]:
    name = scene.wanted.table
    if name is None:
        return
    try:
        found = scene.account.ask("dynamodb", "DescribeTimeToLive", TableName=name).get("TimeToLiveDescription") or {}
    except Missing:
        return  # the table's own finding
    on = found.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if not on or found.get("AttributeName") != EXPIRES:
        what = f"goes by {found['AttributeName']!r}" if on else "is off"
        yield NO_EXPIRY.at(
            scene.wanted.at("table"),
            f"Time to live of table {name} {what}, not by {EXPIRES!r}: turns are kept for ever.",
        )


def key(scene: Scene) -> Iterator[Finding]:
    name = scene.wanted.kms_key
    if name is None:
        return
    place, parts = scene.wanted.at("kms_key"), name.split(":")
    if len(parts) > 5 and parts[3] != scene.region:
        yield OTHER_ACCOUNT.at(
            place, f"The key is in {parts[3]}, the release in {scene.region}: nothing there can be encrypted with it."
        )
        return
    try:
        found = scene.account.ask("kms", "DescribeKey", KeyId=name)["KeyMetadata"]
    except Missing:
        yield BAD_KEY.at(place, f"There is no KMS key {name!r} in {scene.region}: jobs and endpoints cannot be made.")
        return
    if found.get("KeyState") != "Enabled":
        yield BAD_KEY.at(place, f"KMS key {name} is {found.get('KeyState')}: what is encrypted with it cannot be used.")
    elif (kind := (found.get("KeyUsage", FOR_DATA[0]), found.get("KeySpec", FOR_DATA[1]))) != FOR_DATA:
        yield BAD_KEY.at(
            place, f"KMS key {name} is of another kind ({', '.join(kind)}); a symmetric key for encryption is needed."
        )
