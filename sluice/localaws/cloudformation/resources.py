"""The resource types that stacks may hold here: each made, changed and removed by the calls that CloudFormation makes.

A type lists every property that it acts upon; what is not listed is refused before a stack begins.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from sluice.localaws.server.in_process_client import client

Properties = Mapping[str, Any]


class Resource(ABC):
    """`made_with` go into the call that makes the thing, and cannot change; `settings` are put on it afterwards."""

    type: ClassVar[str]
    service: ClassVar[str]
    name_property: ClassVar[str] = ""
    made_with: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, account_id: str, region: str) -> None:
        self.name, self.account_id, self.region = name, account_id, region
        self.properties: Properties = {}

    @classmethod
    def known(cls) -> set[str]:
        return {cls.name_property, *cls.made_with, *cls.settings} - {""}

    @property
    def api(self) -> Any:
        return client(self.service, self.account_id, self.region)

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @property
    def attributes(self) -> Mapping[str, str]:
        """For Fn::GetAtt."""
        return {}

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    def make(self, given: Properties) -> None:
        self.create(given)
        self.apply(given)

    def apply(self, given: Properties) -> None:
        """Only what differs from before is put, or taken away (None)."""
        for name in self.settings:
            if given.get(name) != self.properties.get(name):
                self.put(name, given.get(name))
        self.properties = dict(given)

    def replaced_by(self, given: Properties) -> bool:
        return any(given.get(name) != self.properties.get(name) for name in self.made_with)

    @abstractmethod
    def create(self, given: Properties) -> None: ...

    @abstractmethod
    def put(self, name: str, value: Any) -> None: ...

    @abstractmethod
    def delete(self) -> None: ...

    def is_created(self) -> bool:
        return True


class Bucket(Resource):
    type, service, name_property = "AWS::S3::Bucket", "s3", "BucketName"
    settings = (
        "VersioningConfiguration",
        "BucketEncryption",
        "PublicAccessBlockConfiguration",
        "OwnershipControls",
        "LifecycleConfiguration",
        "Tags",
    )

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:s3:::{self.name}", "DomainName": f"{self.name}.s3.amazonaws.com"}

    def create(self, given: Properties) -> None:
        if any(bucket["Name"] == self.name for bucket in self.api.list_buckets()["Buckets"]):
            raise ValueError(f"{self.name} already exists")  # in us-east-1, S3 lets an owner make a bucket twice
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.api.create_bucket(Bucket=self.name, **({} if self.region == "us-east-1" else where))

    def delete(self) -> None:
        self.api.delete_bucket(Bucket=self.name)

    def put(self, name: str, value: Any) -> None:
        api, bucket = self.api, self.name
        match name:
            case "VersioningConfiguration":
                api.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=value or {"Status": "Suspended"})
            case "BucketEncryption" if value:
                api.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=_encryption(value))
            case "PublicAccessBlockConfiguration" if value:
                api.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=value)
            case "OwnershipControls" if value:
                api.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=value)
            case "LifecycleConfiguration" if value:
                rules = [lifecycle_rule(rule) for rule in value["Rules"]]
                api.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
            case "Tags" if value:
                api.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": value})
            case _:
                self._take_away(name)

    def _take_away(self, name: str) -> None:
        {
            "BucketEncryption": self.api.delete_bucket_encryption,
            "PublicAccessBlockConfiguration": self.api.delete_public_access_block,
            "OwnershipControls": self.api.delete_bucket_ownership_controls,
            "LifecycleConfiguration": self.api.delete_bucket_lifecycle,
            "Tags": self.api.delete_bucket_tagging,
        }[name](Bucket=self.name)


def _encryption(value: Any) -> dict[str, Any]:
    """CloudFormation leaves out `Apply`."""
    rules = [dict(rule) for rule in value["ServerSideEncryptionConfiguration"]]
    for rule in rules:
        rule["ApplyServerSideEncryptionByDefault"] = rule.pop("ServerSideEncryptionByDefault")
    return {"Rules": rules}


LIFECYCLE_ALIKE = ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
LIFECYCLE_KNOWN = {*LIFECYCLE_ALIKE, "Id", "Prefix", "ExpirationInDays"}


def lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """CloudFormation spells some members of a rule differently than S3."""
    found = {name: rule[name] for name in LIFECYCLE_ALIKE if name in rule}
    found["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        found["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    return found


class BucketPolicy(Resource):
    type, service = "AWS::S3::BucketPolicy", "s3"
    made_with = frozenset({"Bucket"})
    settings = ("PolicyDocument",)

    def create(self, given: Properties) -> None:
        self.bucket = given["Bucket"]

    def put(self, name: str, value: Any) -> None:
        self.api.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(value))

    def delete(self) -> None:
        self.api.delete_bucket_policy(Bucket=self.bucket)


class Table(Resource):
    type, service, name_property = "AWS::DynamoDB::Table", "dynamodb", "TableName"
    made_with = frozenset({"AttributeDefinitions", "KeySchema", "BillingMode"})
    settings = (
        "TimeToLiveSpecification",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "DeletionProtectionEnabled",
        "Tags",
    )

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:dynamodb:{self.region}:{self.account_id}:table/{self.name}"}

    def create(self, given: Properties) -> None:
        self.api.create_table(TableName=self.name, **{name: given[name] for name in self.made_with if name in given})

    def delete(self) -> None:
        self.api.delete_table(TableName=self.name)

    def put(self, name: str, value: Any) -> None:
        api, table = self.api, self.name
        match name:
            case "TimeToLiveSpecification":
                off = {**self.properties.get(name, {}), "Enabled": False}
                api.update_time_to_live(TableName=table, TimeToLiveSpecification=value or off)
            case "PointInTimeRecoverySpecification":
                on = value or {"PointInTimeRecoveryEnabled": False}
                api.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
            case "SSESpecification":
                given = {("Enabled" if key == "SSEEnabled" else key): part for key, part in (value or {}).items()}
                api.update_table(TableName=table, SSESpecification=given or {"Enabled": False})
            case "DeletionProtectionEnabled":
                api.update_table(TableName=table, DeletionProtectionEnabled=bool(value))
            case "Tags":
                gone, new = changed_tags(self.properties.get(name), value)
                if gone:
                    api.untag_resource(ResourceArn=self.attributes["Arn"], TagKeys=gone)
                if new:
                    api.tag_resource(ResourceArn=self.attributes["Arn"], Tags=new)


def changed_tags(before: Any, after: Any) -> tuple[list[str], list[dict[str, str]]]:
    """The keys to remove, and the tags to put."""
    keys = {tag["Key"] for tag in after or []}
    return [tag["Key"] for tag in before or [] if tag["Key"] not in keys], list(after or [])


class LogGroup(Resource):
    type, service, name_property = "AWS::Logs::LogGroup", "logs", "LogGroupName"
    settings = ("RetentionInDays", "Tags")

    @property
    def arn(self) -> str:
        return f"arn:aws:logs:{self.region}:{self.account_id}:log-group:{self.name}"

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"{self.arn}:*"}

    def create(self, given: Properties) -> None:
        self.api.create_log_group(logGroupName=self.name)

    def delete(self) -> None:
        self.api.delete_log_group(logGroupName=self.name)

    def put(self, name: str, value: Any) -> None:
        if name == "Tags":
            gone, new = changed_tags(self.properties.get(name), value)
            if gone:
                self.api.untag_resource(resourceArn=self.arn, tagKeys=gone)
            if new:
                self.api.tag_resource(resourceArn=self.arn, tags={tag["Key"]: tag["Value"] for tag in new})
        elif value is None:
            self.api.delete_retention_policy(logGroupName=self.name)
        else:
            self.api.put_retention_policy(logGroupName=self.name, retentionInDays=int(value))


class LogsPolicy(Resource):
    type, service, name_property = "AWS::Logs::ResourcePolicy", "logs", "PolicyName"
    settings = ("PolicyDocument",)

    def create(self, given: Properties) -> None:
        """Putting the document makes it."""

    def put(self, name: str, value: Any) -> None:
        self.api.put_resource_policy(policyName=self.name, policyDocument=value)

    def delete(self) -> None:
        self.api.delete_resource_policy(policyName=self.name)


class Rule(Resource):
    type, service, name_property = "AWS::Events::Rule", "events", "Name"
    at_once = ("Description", "EventPattern", "ScheduleExpression", "State")
    settings = (*at_once, "Targets")

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:events:{self.region}:{self.account_id}:rule/{self.name}"}

    def create(self, given: Properties) -> None:
        if any(rule["Name"] == self.name for rule in self.api.list_rules(NamePrefix=self.name)["Rules"]):
            raise ValueError(f"{self.name} already exists")
        self._put_rule(given)

    def apply(self, given: Properties) -> None:
        if any(given.get(name) != self.properties.get(name) for name in self.at_once):
            self._put_rule(given)
        super().apply(given)

    def _put_rule(self, given: Properties) -> None:
        members = {name: given[name] for name in self.at_once if name in given}
        if "EventPattern" in members:
            members["EventPattern"] = json.dumps(members["EventPattern"])
        self.api.put_rule(Name=self.name, **members)

    def put(self, name: str, value: Any) -> None:
        if name != "Targets":
            return
        wanted = {target["Id"] for target in value or []}
        gone = {target["Id"] for target in self.properties.get(name, [])} - wanted
        if gone:
            self.api.remove_targets(Rule=self.name, Ids=sorted(gone))
        if value:
            self.api.put_targets(Rule=self.name, Targets=value)

    def delete(self) -> None:
        self.put("Targets", None)
        self.api.delete_rule(Name=self.name)
