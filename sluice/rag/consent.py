"""Whether a user lets their chats be used for evaluation: no, until they say yes; and no again when they say so.

In the history table, in a partition of its own, so that it costs the Query and the PutItem of a chat nothing: HASH is a
name that no user can have, as users are one line of text, and RANGE is the user.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sluice.rag.history import HistoryNotWritten, HistoryUnavailable, explain_unavailable, iso

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PARTITION = "\nconsent"
PAGE = 500


@dataclass(frozen=True)
class Consent:
    user: str
    evaluation: bool = False
    at: str | None = None  # when they last said so; None if they never did


class Consents:
    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.dynamodb = dynamodb
        self.table = table
        self.now = now

    def set_consent(self, user: str, evaluation: bool) -> Consent:
        """The user's word; the last one counts. It outlives their turns, and is kept when it is taken back."""
        at = iso(self.now().astimezone(UTC))
        item: dict[str, Any] = {
            "user": {"S": PARTITION},
            "turn": {"S": user},
            "evaluation": {"BOOL": evaluation},
            "at": {"S": at},
        }
        try:
            self.dynamodb.put_item(TableName=self.table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise explain_unavailable(error, self.table, HistoryNotWritten, "written") from error
        return Consent(user, evaluation, at)

    def of(self, user: str) -> Consent:
        """Read consistently: who has just taken it back is known to have."""
        response = self._query({":turn": {"S": user}}, {"#turn": "turn"}, " AND #turn = :turn", Limit=1)
        return _consent(response["Items"][0]) if response["Items"] else Consent(user)

    def list_consenting_users(self) -> Iterator[str]:
        """The users who say yes, in no order that means anything."""
        further: dict[str, Any] = {}
        while True:
            response = self._query({}, {}, "", Limit=PAGE, **further)
            yield from (each.user for each in map(_consent, response["Items"]) if each.evaluation)
            if "LastEvaluatedKey" not in response:
                return
            further = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def _query(self, values: dict[str, Any], names: dict[str, str], more: str, **request: Any) -> Any:
        try:
            return self.dynamodb.query(
                TableName=self.table,
                KeyConditionExpression=f"#user = :user{more}",
                ExpressionAttributeNames={"#user": "user"} | names,
                ExpressionAttributeValues={":user": {"S": PARTITION}} | values,
                ConsistentRead=True,
                **request,
            )
        except (ClientError, BotoCoreError) as error:
            raise explain_unavailable(error, self.table, HistoryUnavailable, "read") from error


def _consent(item: dict[str, Any]) -> Consent:
    allows = item.get("evaluation", {}).get("BOOL") is True
    return Consent(item["turn"]["S"], allows, item.get("at", {}).get("S"))
