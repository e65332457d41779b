"""Whether chats may become evaluation cases: no until their user says yes, and no again once they take it back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_rag import BASE, TABLE, FakeTable, World, settings, table_of
from fastapi.testclient import TestClient

from sluice.rag import consent
from sluice.rag.app import create_app
from sluice.rag.consent import Consent, Consents
from sluice.rag.history import History, HistoryNotWritten, HistoryUnavailable

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)


@pytest.fixture(params=["fake", "moto"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    with table_of(request.param) as client:
        yield client


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings(tmp_path), World().clients), BASE, raise_server_exceptions=False) as client:
        yield client


def test_nobody_has_consented_until_they_say_so_and_the_last_word_counts(dynamodb: Any) -> None:
    consents = Consents(dynamodb, TABLE, lambda: AT)
    assert consents.of("mina") == Consent("mina", False, None)
    assert consents.set_consent("mina", True) == Consent("mina", True, "2026-05-01T09:00:00.000000Z")
    assert consents.of("mina").evaluation
    consents.set_consent("mina", False)
    assert consents.of("mina") == Consent("mina", False, "2026-05-01T09:00:00.000000Z")


def test_those_who_say_yes_are_listed_however_many_there_are(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "PAGE", 3)
    consents = Consents(dynamodb, TABLE)
    for number in range(8):
        consents.set_consent(f"사용자 {number}", number % 2 == 0)
    assert sorted(consents.list_consenting_users()) == ["사용자 0", "사용자 2", "사용자 4", "사용자 6"]


def test_consent_stands_beside_the_chats_and_never_among_them(dynamodb: Any) -> None:
    history, consents = History(dynamodb, TABLE, 90), Consents(dynamodb, TABLE)
    consents.set_consent("mina", True)
    history.add("mina", "안녕?", "네.", version=1, endpoint="chat-v1")
    assert [turn.question for turn in history.recent("mina")] == ["안녕?"]
    assert list(consents.list_consenting_users()) == ["mina"]


def test_it_is_read_consistently() -> None:
    table = FakeTable()
    Consents(table, TABLE).of("mina")
    list(Consents(table, TABLE).list_consenting_users())
    assert [request["ConsistentRead"] for request in table.requests] == [True, True]


def test_the_longest_user_that_a_chat_can_have_can_consent(dynamodb: Any) -> None:
    user = "😀" * 256
    Consents(dynamodb, TABLE).set_consent(user, True)
    assert Consents(dynamodb, TABLE).of(user).evaluation


def test_a_table_that_cannot_be_used_is_told_and_never_taken_for_a_no() -> None:
    table = FakeTable()
    table.fails("Query", "AccessDeniedException")
    table.fails("PutItem", "ThrottlingException")
    with pytest.raises(HistoryUnavailable, match="AccessDenied"):
        Consents(table, TABLE).of("mina")
    with pytest.raises(HistoryNotWritten, match="Throttling"):
        Consents(table, TABLE).set_consent("mina", True)


def test_a_user_says_so_over_http_and_takes_it_back(server: TestClient) -> None:
    assert server.get("/v1/consent?user=mina").json() == {"user": "mina", "evaluation": False, "at": None}
    said = server.put("/v1/consent", json={"user": "mina", "evaluation": True})
    assert (said.status_code, said.json()["evaluation"]) == (200, True)
    assert server.get("/v1/consent?user=mina").json() == said.json()
    assert server.put("/v1/consent", json={"user": "mina", "evaluation": False}).json()["evaluation"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"user": "mina"},
        {"evaluation": True},
        {"user": "mina", "evaluation": "yes"},
        {"user": "mina", "evaluation": 1},
        {"user": "mina", "evaluation": True, "marketing": True},
        {"user": "two\nlines", "evaluation": True},
        {"user": " ", "evaluation": True},
    ],
)
def test_only_a_plain_yes_or_no_of_one_user_is_taken(server: TestClient, body: dict[str, Any]) -> None:
    answer = server.put("/v1/consent", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


def test_a_word_that_is_not_sent_as_json_is_not_taken(server: TestClient) -> None:
    raw = b'{"user": "mina", "evaluation": true}'
    answer = server.put("/v1/consent", content=raw, headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert server.get("/v1/consent?user=mina").json()["evaluation"] is False


@pytest.mark.parametrize("address", ["/v1/history?user=%0Aconsent", "/v1/consent?user=%0Aconsent"])
def test_the_partition_of_the_consents_can_be_named_from_nowhere(server: TestClient, address: str) -> None:
    server.put("/v1/consent", json={"user": "mina", "evaluation": True})
    answer = server.get(address)
    assert (answer.status_code, "mina" in answer.text) == (422, False)
    chat = server.post("/v1/chat", json={"user": consent.PARTITION, "message": "hello"})
    assert chat.status_code == 422
