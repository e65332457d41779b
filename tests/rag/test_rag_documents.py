"""Documents over HTTP: added, replaced, listed, deleted, and refused with a reason."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fake_rag import BASE, World, settings
from fastapi.testclient import TestClient

from sluice.errors import UsageError
from sluice.rag.app import create_app
from sluice.rag.documents import Documents
from sluice.rag.passages import Passage

MARKDOWN = {"content-type": "text/markdown; charset=utf-8"}
PLAIN = {"content-type": "text/plain"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestClient]:
    world = World()
    app = create_app(settings(tmp_path, max_document_bytes=2000, refresh_seconds=3600), world.clients)
    with TestClient(app, BASE, raise_server_exceptions=False) as client:
        yield client


def told(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    return str(answer.json()["error"]["message"])


def listed(server: TestClient) -> list[str]:
    return [document["id"] for document in server.get("/v1/documents").json()["documents"]]


def test_markdown_text_and_json_are_taken(server: TestClient) -> None:
    one = server.post("/v1/documents?id=a", content="# 제목\n\n하나.\n\n둘.", headers=MARKDOWN)
    assert one.status_code == 201
    assert one.json() | {"added": ""} == {
        "id": "a", "title": "제목", "characters": 5, "passages": 2, "added": "", "replaced": False,
    }  # fmt: skip
    two = server.post("/v1/documents", params={"id": "b", "title": "글"}, content="# not a heading", headers=PLAIN)
    assert (two.json()["title"], two.json()["passages"]) == ("글", 1)
    three = server.post("/v1/documents", json={"text": "본문입니다.", "title": "셋", "id": "docs/c.md"})
    assert three.status_code == 201
    assert listed(server) == ["a", "b", "docs/c.md"]


def test_the_same_id_replaces_and_the_same_text_without_id_is_the_same_document(server: TestClient) -> None:
    server.post("/v1/documents?id=a", content="Old text.", headers=PLAIN)
    again = server.post("/v1/documents?id=a", content="New text.", headers=PLAIN)
    assert (again.status_code, again.json()["replaced"]) == (200, True)
    first = server.post("/v1/documents", content="No id.", headers=PLAIN).json()["id"]
    assert server.post("/v1/documents", content="No id.", headers=PLAIN).json()["id"] == first
    assert listed(server) == ["a", first]


def test_documents_are_deleted_once(server: TestClient) -> None:
    server.post("/v1/documents?id=docs/a.md", content="Text.", headers=PLAIN)
    assert server.delete("/v1/documents/docs/a.md").status_code == 204
    assert "docs/a.md" in told(server.delete("/v1/documents/docs/a.md"), 404, "unknown_document")
    assert listed(server) == []


def test_the_list_has_pages(server: TestClient) -> None:
    for id in "abcde":
        server.post(f"/v1/documents?id={id}", content="Text.", headers=PLAIN)
    page = server.get("/v1/documents?limit=3").json()
    assert [document["id"] for document in page["documents"]] == list("abc")
    rest = server.get("/v1/documents", params={"limit": 3, "after": page["next"]}).json()
    assert ([document["id"] for document in rest["documents"]], rest["next"]) == (list("de"), None)


@pytest.mark.parametrize(
    ("content", "headers", "status", "code", "why"),
    [
        ("x" * 2001, PLAIN, 413, "too_large", "2,000"),
        ("가나다".encode("cp949"), PLAIN, 400, "invalid_utf8", "byte 0"),
        (b"{}\xff", {"content-type": "application/json"}, 400, "invalid_utf8", "byte 2"),
        ("", PLAIN, 422, "empty_document", "no text"),
        ("# Only\n\n## headings\n", MARKDOWN, 422, "empty_document", "no text"),
        ("<p>hi</p>", {"content-type": "text/html"}, 415, "unsupported_media_type", "text/html"),
        ("hi", {"content-type": ""}, 415, "unsupported_media_type", "none"),
        ("{", {"content-type": "application/json"}, 422, "invalid_request", "JSON"),
        ("{}", {"content-type": "application/json"}, 422, "invalid_request", "text: Field required"),
        ('{"text": "x", "format": "pdf"}', {"content-type": "application/json"}, 422, "invalid_request", "format"),
        ('{"text": "x", "id": "a\\nb"}', {"content-type": "application/json"}, 422, "invalid_request", "id: "),
        ('{"text": "' + "x" * 2001 + '"}', {"content-type": "application/json"}, 413, "too_large", "2,001"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(
    server: TestClient, content: Any, headers: dict[str, str], status: int, code: str, why: str
) -> None:
    assert why in told(server.post("/v1/documents", content=content, headers=headers), status, code)
    assert listed(server) == []


def test_a_body_without_a_declared_length_is_cut_off_too(server: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    told(server.post("/v1/documents", content=endless(), headers=PLAIN), 413, "too_large")


def test_control_characters_do_not_reach_the_passages(server: TestClient) -> None:
    server.post("/v1/documents?id=a", content="Parking\x00 is \x1b[31mfree.", headers=PLAIN)
    answer = server.post("/v1/chat", json={"user": "mina", "message": "Is parking free?"}).json()
    assert answer["sources"][0]["passage"] == "Parking is [31mfree."


def test_a_failed_replacement_leaves_the_old_document(tmp_path: Path) -> None:
    with closing(Documents(tmp_path / "d.sqlite3")) as documents:
        documents.put("a", "Old", [Passage("", "Old text.")])
        with pytest.raises(UnicodeEncodeError):
            documents.put("a", "New", [Passage("", "Fine."), Passage("\ud800", "Not fine.")])
        assert [document.title for document in documents.list()] == ["Old"]
        with documents.snapshot() as db:
            assert db.execute("select text from passage").fetchall() == [("Old text.",)]


def test_closed_documents_leave_no_connection_open_not_even_one_that_is_in_use(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "d.sqlite3")
    with documents.snapshot() as busy:
        with documents.snapshot() as idle:
            pass
        documents.close()
        assert busy.execute("select count(*) from document").fetchone() == (0,)
    for connection in (idle, busy):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")


def test_a_file_that_cannot_hold_documents_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and longer than the header of one would be" * 20)
    for path in (tmp_path / "text", tmp_path / "missing" / "d.sqlite3", tmp_path):
        with pytest.raises(UsageError, match="SLUICE_DOCUMENTS"):
            Documents(path)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("create table theirs(x)")
    with pytest.raises(UsageError, match="something else"):
        Documents(tmp_path / "other.db")


def test_history_over_http_has_pages_and_limits(server: TestClient) -> None:
    for number in range(5):
        server.post("/v1/chat", json={"user": "미나", "message": f"Hello {number}"})
    page = server.get("/v1/history", params={"user": "미나"}).json()
    assert [turn["question"] for turn in page["turns"]] == ["Hello 4", "Hello 3", "Hello 2"]
    rest = server.get("/v1/history", params={"user": "미나", "before": page["next"], "limit": 10}).json()
    assert [turn["question"] for turn in rest["turns"]] == ["Hello 1", "Hello 0"]
    assert rest["next"] is None
    told(server.get("/v1/history"), 422, "invalid_request")
    told(server.get("/v1/history?user=a&limit=0"), 422, "invalid_request")


def test_ready_says_who_answers_and_otherwise_why_nobody_does(tmp_path: Path) -> None:
    world = World()
    app = create_app(settings(tmp_path, refresh_seconds=0.1), world.clients)
    with TestClient(app, BASE) as server:
        world.registry.wait_for_looks(1)
        assert server.get("/healthz").json() == {"status": "ok"}
        while (answer := server.get("/readyz")).status_code != 200:
            assert "not been reached" in answer.text
        assert {"endpoint": "chat-v1", "version": 1, "documents": 0}.items() <= answer.json().items()
        assert answer.json()["registry"]["age_seconds"] >= 0
        world.registry.cannot_be_reached()
        world.registry.wait_for_looks(world.registry.looks + 2)
        kept = server.get("/readyz")
        assert (kept.status_code, "failure" in kept.json()["registry"]) == (200, True)
        world.registry.is_back()
        world.registry.nothing_is_live()
        world.table.fails("Query", "ResourceNotFoundException")
        seen = ""
        while seen.count(".") < 2 or server.get("/readyz").json().get("reasons", [])[1:] == []:
            seen = server.get("/readyz").text
        answer = server.get("/readyz")
        assert answer.status_code == 503
        assert "is live" in answer.json()["reasons"][0] and "sluice-history" in answer.json()["reasons"][1]
        assert answer.json()["error"]["code"] == "not_ready"
