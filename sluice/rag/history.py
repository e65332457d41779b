"""Each user's turns in DynamoDB: one item a turn, so that a turn costs the same however long the chat has become.

Key: user (HASH) and turn (RANGE), an id that sorts by time. The last turns are one Query, a new turn is one PutItem.
"""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sluice.errors import SluiceError

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_ITEM = 400 * 1024  # DynamoDB's limit, names of attributes included
ROOM = 8192  # kept free of that: not everyone who speaks this API counts alike
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "LimitExceededException",
}


class HistoryUnavailable(SluiceError):
    """The table cannot be read or written. `retry_after`: seconds after which it is worth another try."""

    def __init__(self, message: str, hint: str, retry_after: int | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class HistoryNotWritten(HistoryUnavailable):
    """The answer was made, but it is not in the history: the next question would not know of it."""


@dataclass(frozen=True)
class Turn:
    user: str
    turn: str
    question: str
    answer: str
    version: int
    endpoint: str
    at: str
    sources: tuple[Mapping[str, str], ...] = ()
    interrupted: bool = False  # the reader went away before the end
    shortened: bool = False  # the answer did not fit in one item

    def size(self) -> int:
        return _size(_item(self, 0))


class TurnIds:
    """Ids that sort by time, also within one microsecond and when the clock steps back."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self._last = datetime.fromtimestamp(0, UTC)
        self._lock = threading.Lock()

    def next(self) -> tuple[str, datetime]:
        with self._lock:
            self._last = max(self.now().astimezone(UTC), self._last + timedelta(microseconds=1))
            at = self._last
        return f"{iso(at)}-{secrets.token_hex(4)}", at


class History:
    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        keep_days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.dynamodb = dynamodb
        self.table = table
        self.keep_days = keep_days
        self.now = now
        self._ids = TurnIds(now)

    def recent(self, user: str, limit: int = 3) -> list[Turn]:
        """The newest turns, newest first, in one Query."""
        return self.page(user, limit)[0]

    def page(self, user: str, limit: int, before: str = "") -> tuple[list[Turn], str | None]:
        """The newest turns before the turn with that id, and where the next page starts, if there may be one.

        Read consistently: who asks again at once is known to have asked before.
        """
        names = {"#user": "user"} | ({"#turn": "turn"} if before else {})
        values = {":user": {"S": user}} | ({":before": {"S": before}} if before else {})
        try:
            answer = self.dynamodb.query(
                TableName=self.table,
                KeyConditionExpression="#user = :user" + (" AND #turn < :before" if before else ""),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=limit,
                ConsistentRead=True,
            )
        except (ClientError, BotoCoreError) as error:
            raise explain_unavailable(error, self.table, HistoryUnavailable, "read") from error
        # The service deletes expired items when it gets to it, up to days later.
        expired = self.now().timestamp()
        turns = [_turn(item) for item in answer["Items"] if float(item.get("expires", {"N": "inf"})["N"]) > expired]
        return turns, answer.get("LastEvaluatedKey", {}).get("turn", {}).get("S")

    def add(
        self,
        user: str,
        question: str,
        answer: str,
        *,
        version: int,
        endpoint: str,
        sources: Sequence[Mapping[str, str]] = (),
        interrupted: bool = False,
    ) -> Turn:
        """Write one turn in one PutItem; an answer too large for an item is shortened, and the turn says so."""
        id, at = self._ids.next()
        turn = Turn(user, id, question, answer, version, endpoint, iso(at), tuple(sources), interrupted)
        item = _item(_fitted(turn), int((at + timedelta(days=self.keep_days)).timestamp()))
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(#turn)",
                ExpressionAttributeNames={"#turn": "turn"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            # A write that arrived although its answer was lost is repeated by the client, and then meets itself.
            if error.response.get("Item") != item:
                raise explain_unavailable(error, self.table, HistoryNotWritten, "written") from error
        except BotoCoreError as error:
            raise explain_unavailable(error, self.table, HistoryNotWritten, "written") from error
        return _turn(item)

    def check(self) -> None:
        """Raise if the table cannot be read: the same call, with the same permission, that a chat makes first."""
        self.recent(" readiness", 1)


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _item(turn: Turn, expires: int) -> dict[str, Any]:
    flags = {name: {"BOOL": True} for name in ("interrupted", "shortened") if getattr(turn, name)}
    return {
        "user": {"S": turn.user},
        "turn": {"S": turn.turn},
        "question": {"S": turn.question},
        "answer": {"S": turn.answer},
        "version": {"N": str(turn.version)},
        "endpoint": {"S": turn.endpoint},
        "at": {"S": turn.at},
        "sources": {"L": [{"M": {key: {"S": text} for key, text in source.items()}} for source in turn.sources]},
        "expires": {"N": str(expires)},
        **flags,
    }


def _turn(item: Mapping[str, Any]) -> Turn:
    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    return Turn(
        user=text("user"),
        turn=text("turn"),
        question=text("question"),
        answer=text("answer"),
        version=int(item.get("version", {}).get("N", 0)),
        endpoint=text("endpoint"),
        at=text("at"),
        sources=tuple(
            {key: value.get("S", "") for key, value in source.get("M", {}).items()}
            for source in item.get("sources", {}).get("L", [])
        ),
        interrupted="interrupted" in item,
        shortened="shortened" in item,
    )


def _fitted(turn: Turn) -> Turn:
    over = turn.size() - (MAX_ITEM - ROOM)
    if over <= 0:
        return turn
    shortened = turn.answer.encode()[: max(0, len(turn.answer.encode()) - over - 32)].decode(errors="ignore")
    return replace(turn, answer=shortened, shortened=True)


def _size(value: Any) -> int:
    """Bytes as DynamoDB counts them, or a few more."""
    if isinstance(value, Mapping):
        return sum(len(str(key).encode()) + _size(part) + 4 for key, part in value.items())
    if isinstance(value, list):
        return sum(_size(part) + 4 for part in value)
    return len(str(value).encode())


def explain_unavailable(
    error: Exception, table: str, kind: type[HistoryUnavailable], action: str
) -> HistoryUnavailable:
    details = error.response.get("Error", {}) if isinstance(error, ClientError) else {}
    code = str(details.get("Code", ""))
    why = f"{code}: {details.get('Message', '')}" if code else str(error)
    hint = "Try again in a moment."
    if code == "ResourceNotFoundException":
        hint = "`sluice bootstrap` creates the table; SLUICE_HISTORY_TABLE names it."
    elif code in {"AccessDeniedException", "UnrecognizedClientException"}:
        hint = "The server's role needs dynamodb:Query and dynamodb:PutItem on the table."
    retry_after = 1 if code in THROTTLED or not code else None
    return kind(f"The history table {table!r} could not be {action}: {why}", hint, retry_after)
