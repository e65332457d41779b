"""The IAM types of stacks: roles and their policies."""

import json
from collections.abc import Mapping
from typing import Any

from sluice.localaws.cloudformation.resources import Properties, Resource, compare_tags


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Role(Resource):
    type, service, name_property = "AWS::IAM::Role", "iam", "RoleName"
    create_only = frozenset({"Path"})
    settings = (
        *("AssumeRolePolicyDocument", "Description", "MaxSessionDuration"),
        *("ManagedPolicyArns", "Policies", "Tags"),
    )

    @property
    def attributes(self) -> Mapping[str, str]:
        role = self.api.get_role(RoleName=self.name)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def create(self, properties: Properties) -> None:
        path = {"Path": properties["Path"]} if "Path" in properties else {}
        trust = _document(properties["AssumeRolePolicyDocument"])
        self.api.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust, **path)

    def put(self, name: str, value: Any) -> None:
        iam, role = self.api, self.name
        match name:
            case "AssumeRolePolicyDocument":
                iam.update_assume_role_policy(RoleName=role, PolicyDocument=_document(value))
            case "Description":
                iam.update_role(RoleName=role, Description=value or "")
            case "MaxSessionDuration":
                iam.update_role(RoleName=role, MaxSessionDuration=int(value or 3600))
            case "ManagedPolicyArns":
                self._attach(set(self.properties.get(name, [])), set(value or []))
            case "Policies":
                self._write({each["PolicyName"]: each["PolicyDocument"] for each in value or []})
            case "Tags":
                gone, new = compare_tags(self.properties.get(name), value)
                if gone:
                    iam.untag_role(RoleName=role, TagKeys=gone)
                if new:
                    iam.tag_role(RoleName=role, Tags=new)

    def _attach(self, before: set[str], after: set[str]) -> None:
        for arn in sorted(before - after):
            self.api.detach_role_policy(RoleName=self.name, PolicyArn=arn)
        for arn in sorted(after - before):
            self.api.attach_role_policy(RoleName=self.name, PolicyArn=arn)

    def _write(self, policies: Mapping[str, Any]) -> None:
        for each in self.properties.get("Policies", []):
            if each["PolicyName"] not in policies:
                self.api.delete_role_policy(RoleName=self.name, PolicyName=each["PolicyName"])
        for policy, document in policies.items():
            self.api.put_role_policy(RoleName=self.name, PolicyName=policy, PolicyDocument=_document(document))

    def delete(self) -> None:
        self._attach(set(self.properties.get("ManagedPolicyArns", [])), set())
        self._write({})
        self.api.delete_role(RoleName=self.name)


class InlinePolicy(Resource):
    """A policy written into roles; it has no name property of its own, since several roles may hold it."""

    type, service = "AWS::IAM::Policy", "iam"
    create_only = frozenset({"PolicyName"})
    settings = ("Roles", "PolicyDocument")

    def create(self, properties: Properties) -> None:
        self.policy = properties["PolicyName"]

    def apply(self, properties: Properties) -> None:
        self._drop(set(self.properties.get("Roles", [])) - set(properties.get("Roles", [])))
        for role in properties.get("Roles", []):
            document = _document(properties["PolicyDocument"])
            self.api.put_role_policy(RoleName=role, PolicyName=self.policy, PolicyDocument=document)
        self.properties = dict(properties)

    def put(self, name: str, value: Any) -> None:
        """`apply` writes both settings together."""

    def _drop(self, roles: set[str]) -> None:
        for role in sorted(roles):
            self.api.delete_role_policy(RoleName=role, PolicyName=self.policy)

    def delete(self) -> None:
        self._drop(set(self.properties.get("Roles", [])))


class ManagedPolicy(Resource):
    type, service, name_property = "AWS::IAM::ManagedPolicy", "iam", "ManagedPolicyName"
    create_only = frozenset({"Path", "Description"})
    settings = ("PolicyDocument", "Roles")

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"PolicyArn": self.arn}

    def create(self, properties: Properties) -> None:
        more = {name: properties[name] for name in self.create_only if name in properties}
        document = _document(properties["PolicyDocument"])
        self.arn: str = self.api.create_policy(PolicyName=self.name, PolicyDocument=document, **more)["Policy"]["Arn"]
        self.properties = {"PolicyDocument": properties["PolicyDocument"]}

    def put(self, name: str, value: Any) -> None:
        if name == "Roles":
            self._attach(set(self.properties.get(name, [])), set(value or []))
            return
        self._drop_old_versions()  # a policy has five at most
        self.api.create_policy_version(PolicyArn=self.arn, PolicyDocument=_document(value), SetAsDefault=True)

    def _drop_old_versions(self) -> None:
        for version in self.api.list_policy_versions(PolicyArn=self.arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                self.api.delete_policy_version(PolicyArn=self.arn, VersionId=version["VersionId"])

    def _attach(self, before: set[str], after: set[str]) -> None:
        for role in sorted(before - after):
            self.api.detach_role_policy(RoleName=role, PolicyArn=self.arn)
        for role in sorted(after - before):
            self.api.attach_role_policy(RoleName=role, PolicyArn=self.arn)

    def delete(self) -> None:
        self._attach(set(self.properties.get("Roles", [])), set())
        self._drop_old_versions()
        self.api.delete_policy(PolicyArn=self.arn)
