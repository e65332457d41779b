"""The resource types that stacks may hold here: each made, changed and removed by the calls that CloudFormation makes.

A type lists every property that it acts upon; what is not listed is refused before a stack begins.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from sluice.localaws.server.in_process_client import create_client

Properties = Mapping[str, Any]


class Resource(ABC):
    """`create_only` goes into the call that creates it and cannot change; `settings` are put on it afterwards."""

    type: ClassVar[str]
    service: ClassVar[str]
    name_property: ClassVar[str] = ""
    create_only: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, account_id: str, region: str) -> None:
        self.name, self.account_id, self.region = name, account_id, region
        self.properties: Properties = {}

    @classmethod
    def property_names(cls) -> set[str]:
        return {cls.name_property, *cls.create_only, *cls.settings} - {""}

    @property
    def api(self) -> Any:
        return create_client(self.service, self.account_id, self.region)

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @property
    def attributes(self) -> Mapping[str, str]:
        """The values that Fn::GetAtt can read."""
        return {}

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    def make(self, properties: Properties) -> None:
        self.create(properties)
        self.apply(properties)

    def apply(self, properties: Properties) -> None:
        """Put the settings that differ from before; one that is gone is put as None, which removes it."""
        for name in self.settings:
            if properties.get(name) != self.properties.get(name):
                self.put(name, properties.get(name))
        self.properties = dict(properties)

    def replaced_by(self, properties: Properties) -> bool:
        return any(properties.get(name) != self.properties.get(name) for name in self.create_only)

    @abstractmethod
    def create(self, properties: Properties) -> None: ...

    @abstractmethod
    def put(self, name: str, value: Any) -> None: ...

    @abstractmethod
    def delete(self) -> None: ...

    def is_created(self) -> bool:
        return True


class Bucket(Resource):
    type, service, name_property = "AWS::S3::Bucket", "s3", "BucketName"
    settings = (
        *("VersioningConfiguration", "BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls"),
        *("LifecycleConfiguration", "Tags"),
    )

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:s3:::{self.name}", "DomainName": f"{self.name}.s3.amazonaws.com"}

    def create(self, properties: Properties) -> None:
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
                rules = [to_s3_lifecycle_rule(rule) for rule in value["Rules"]]
                api.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
            case "Tags" if value:
                api.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": value})
            case _:
                self._remove_setting(name)

    def _remove_setting(self, name: str) -> None:
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


def to_s3_lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """Translate a rule for S3, which spells some members differently than CloudFormation."""
    s3_rule = {name: rule[name] for name in LIFECYCLE_ALIKE if name in rule}
    s3_rule["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        s3_rule["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        s3_rule["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    return s3_rule


class BucketPolicy(Resource):
    type, service = "AWS::S3::BucketPolicy", "s3"
    create_only = frozenset({"Bucket"})
    settings = ("PolicyDocument",)

    def create(self, properties: Properties) -> None:
        self.bucket = properties["Bucket"]

    def put(self, name: str, value: Any) -> None:
        self.api.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(value))

    def delete(self) -> None:
        self.api.delete_bucket_policy(Bucket=self.bucket)


class Table(Resource):
    type, service, name_property = "AWS::DynamoDB::Table", "dynamodb", "TableName"
    create_only = frozenset({"AttributeDefinitions", "KeySchema", "BillingMode"})
    settings = (
        *("TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification"),
        *("DeletionProtectionEnabled", "Tags"),
    )

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:dynamodb:{self.region}:{self.account_id}:table/{self.name}"}

    def create(self, properties: Properties) -> None:
        members = {name: properties[name] for name in self.create_only if name in properties}
        self.api.create_table(TableName=self.name, **members)

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
                encryption = {("Enabled" if key == "SSEEnabled" else key): part for key, part in (value or {}).items()}
                api.update_table(TableName=table, SSESpecification=encryption or {"Enabled": False})
            case "DeletionProtectionEnabled":
                api.update_table(TableName=table, DeletionProtectionEnabled=bool(value))
            case "Tags":
                gone, new = compare_tags(self.properties.get(name), value)
                if gone:
                    api.untag_resource(ResourceArn=self.attributes["Arn"], TagKeys=gone)
                if new:
                    api.tag_resource(ResourceArn=self.attributes["Arn"], Tags=new)


def compare_tags(before: Any, after: Any) -> tuple[list[str], list[dict[str, str]]]:
    """Return the keys to remove and the tags to put."""
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

    def create(self, properties: Properties) -> None:
        self.api.create_log_group(logGroupName=self.name)

    def delete(self) -> None:
        self.api.delete_log_group(logGroupName=self.name)

    def put(self, name: str, value: Any) -> None:
        if name == "Tags":
            gone, new = compare_tags(self.properties.get(name), value)
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

    def create(self, properties: Properties) -> None:
        """Does nothing: putting the document creates the policy."""

    def put(self, name: str, value: Any) -> None:
        self.api.put_resource_policy(policyName=self.name, policyDocument=value)

    def delete(self) -> None:
        self.api.delete_resource_policy(policyName=self.name)


class EventRule(Resource):
    type, service, name_property = "AWS::Events::Rule", "events", "Name"
    at_once = ("Description", "EventPattern", "ScheduleExpression", "State")
    settings = (*at_once, "Targets")

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"Arn": f"arn:aws:events:{self.region}:{self.account_id}:rule/{self.name}"}

    def create(self, properties: Properties) -> None:
        if any(rule["Name"] == self.name for rule in self.api.list_rules(NamePrefix=self.name)["Rules"]):
            raise ValueError(f"{self.name} already exists")
        self._put_rule(properties)

    def apply(self, properties: Properties) -> None:
        if any(properties.get(name) != self.properties.get(name) for name in self.at_once):
            self._put_rule(properties)
        super().apply(properties)

    def _put_rule(self, properties: Properties) -> None:
        members = {name: properties[name] for name in self.at_once if name in properties}
        if "EventPattern" in members:
            members["EventPattern"] = json.dumps(members["EventPattern"])
        self.api.put_rule(Name=self.name, **members)

    def put(self, name: str, value: Any) -> None:
        if name != "Targets":
            return
        target_ids = {target["Id"] for target in value or []}
        gone = {target["Id"] for target in self.properties.get(name, [])} - target_ids
        if gone:
            self.api.remove_targets(Rule=self.name, Ids=sorted(gone))
        if value:
            self.api.put_targets(Rule=self.name, Targets=value)

    def delete(self) -> None:
        self.put("Targets", None)
        self.api.delete_rule(Name=self.name)
