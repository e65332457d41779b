"""Corrections of services beside SageMaker: what moto would pass over is done, or refused by name."""

import json
from typing import Any

from moto.dynamodb.responses import DynamoHandler
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, S3Backend

from sluice.localaws.server.api_errors import NotImplementedLocally

ONLY_OVER_TLS = {"Bool": {"aws:SecureTransport": "false"}}
_put_bucket_policy = S3Backend.put_bucket_policy
_update_table = DynamoHandler.update_table


def install() -> None:
    """Corrects S3, IAM and DynamoDB of moto; idempotent, to be called before the first request."""
    S3Backend.put_bucket_policy = _put_readable_policy
    FakeBucket.get_permission = _permission_by_policy
    DynamoHandler.update_table = _update_table_and_its_encryption


def _put_readable_policy(backend: Any, bucket_name: str, policy: bytes) -> None:
    """moto enforces a bucket policy as if its statements had no conditions, so those are refused, but for one.

    That one denies what does not come over TLS. It is kept and shown, and never met: this machine talks to itself.
    """
    for statement in _statements(policy):
        condition = statement.get("Condition")
        if condition and not _asks_for_tls(statement):
            raise NotImplementedLocally(f"the condition {json.dumps(condition)} in a bucket policy")
    _put_bucket_policy(backend, bucket_name, policy)


def _permission_by_policy(bucket: Any, action: str, resource: str) -> Any:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    counting = [statement for statement in _statements(bucket.policy) if not _asks_for_tls(statement)]
    return IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": counting})).is_action_permitted(action, resource)


def _statements(policy: bytes) -> list[dict[str, Any]]:
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        return []  # moto answers MalformedPolicy where AWS does
    return statements if isinstance(statements, list) else [statements]


def _asks_for_tls(statement: dict[str, Any]) -> bool:
    return statement.get("Effect") == "Deny" and _as_text(statement.get("Condition")) == ONLY_OVER_TLS


def _as_text(condition: Any) -> Any:
    """`false` may be written with or without quotes."""
    if isinstance(condition, dict):
        return {name: _as_text(value) for name, value in condition.items()}
    return str(condition).lower() if isinstance(condition, bool) else condition


def _update_table_and_its_encryption(handler: Any) -> Any:
    """moto takes a table's encryption when the table is made, and never again."""
    if (encryption := handler.body.get("SSESpecification")) is not None:
        table = handler.dynamodb_backend.get_table(handler.body["TableName"])
        aws_key = table._get_default_encryption_key(table.account_id, table.region_name)
        table.sse_specification = {"KMSMasterKeyId": aws_key, **encryption}
    return _update_table(handler)
