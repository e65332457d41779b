"""The documents that answers come from: cut into passages and kept in one SQLite file, with all that search needs.

One writer at a time; readers see whole documents, before or after, never in between (WAL).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from sluice.errors import SluiceError, UsageError
from sluice.rag import analyzer
from sluice.rag.passages import Passage
from sluice.rag.vectors import Embedder, HashedNgrams, Vectors

SCHEMA = 1
TABLES = """
create table meta(key text primary key, value) without rowid;
create table document(id text primary key, title text not null, characters integer not null, passages integer not null,
                      added text not null) without rowid;
create table passage(id integer primary key autoincrement, document text not null, position integer not null,
                     title text not null, text text not null, vector blob not null);
create index passage_of on passage(document);
create virtual table word using fts5(title, text, tokenize = "unicode61 remove_diacritics 0");
create virtual table vocabulary using fts5vocab(word, row);
insert into meta values ('schema', 1), ('generation', 0), ('embedder', '');
"""
STORED = np.float16  # half the file; the ranking does not notice
BUSY_SECONDS = 10


class UnknownDocument(SluiceError):
    def __init__(self, document: str) -> None:
        super().__init__(f"There is no document {document!r}.", "GET /v1/documents lists what there is.")


@dataclass(frozen=True)
class Document:
    id: str
    title: str
    characters: int
    passages: int
    added: str


class Documents:
    def __init__(self, path: Path, embedder: Embedder | None = None) -> None:
        self.path = path
        self.embedder = embedder or HashedNgrams()
        self._writing = threading.Lock()
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._closed = False
        self._open()

    def put(self, id: str, title: str, passages: list[Passage], now: datetime | None = None) -> tuple[Document, bool]:
        """Add a document, or replace the one with this id in one step; says whether it replaced one."""
        vectors = self.embedder.embed([f"{passage.title} {passage.text}" for passage in passages])
        document = Document(
            id,
            title,
            sum(len(passage.text) for passage in passages),
            len(passages),
            (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        )
        with self._transaction() as db:
            replaced = _remove(db, id)
            db.execute(
                "insert into document values (?, ?, ?, ?, ?)",
                (id, title, document.characters, document.passages, document.added),
            )
            for position, (passage, vector) in enumerate(zip(passages, vectors, strict=True), 1):
                _add(db, id, position, passage, vector)
        return document, replaced

    def delete(self, id: str) -> None:
        with self._transaction() as db:
            if not _remove(db, id):
                raise UnknownDocument(id)

    def list(self, limit: int = 100, after: str = "") -> list[Document]:
        """By id; the next page starts after the last id of this one."""
        with self.snapshot() as db:
            rows = db.execute("select * from document where id > ? order by id limit ?", (after, limit)).fetchall()
        return [Document(*row) for row in rows]

    def count(self) -> int:
        with self.snapshot() as db:
            return int(db.execute("select count(*) from document").fetchone()[0])

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file as long as the block lasts."""
        try:
            db = self._readers.get_nowait()
        except Empty:
            db = self._connect()
            db.execute("pragma query_only = 1")
        try:
            db.execute("begin")
            yield db
        finally:
            db.rollback()
            self._readers.put(db)
            if self._closed:  # meanwhile: nobody else would close this one
                self._close_readers()

    def close(self) -> None:
        """Close every connection: those in use when their snapshot ends."""
        self._closed = True
        self._close_readers()

    def _close_readers(self) -> None:
        while True:
            try:
                self._readers.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing, closing(self._connect()) as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("update meta set value = value + 1 where key = 'generation'")
                db.commit()
            except BaseException:
                db.rollback()
                raise

    def _connect(self) -> sqlite3.Connection:
        # A connection moves from thread to thread, but only one thread at a time holds it.
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _open(self) -> None:
        if not self.path.parent.is_dir():
            raise UsageError(
                f"SLUICE_DOCUMENTS: the folder {self.path.parent} does not exist.", "Create it, or name another file."
            )
        try:
            with closing(self._connect()) as db:
                db.execute("pragma journal_mode = wal")
                self._prepare(db)
        except sqlite3.Error as error:
            raise UsageError(
                f"SLUICE_DOCUMENTS: {self.path} cannot be used as the document store: {error}.",
                "Name a file that does not exist yet, or one that Sluice wrote.",
            ) from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("begin immediate")  # two servers may start on one new file
        if not db.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            if db.execute("select 1 from sqlite_master").fetchone():
                raise sqlite3.DatabaseError("it is a database of something else")
            for statement in TABLES.strip().rstrip(";").split(";\n"):
                db.execute(statement)
        meta = dict(db.execute("select key, value from meta").fetchall())
        if meta.get("schema", SCHEMA) != SCHEMA:
            raise sqlite3.DatabaseError(f"it has schema {meta['schema']}, this version reads {SCHEMA}")
        if meta.get("embedder") != self.embedder.name:
            self._embed_again(db)
        db.commit()

    def _embed_again(self, db: sqlite3.Connection) -> None:
        for id, title, text in db.execute("select id, title, text from passage").fetchall():
            db.execute(
                "update passage set vector = ? where id = ?", (_blob(self.embedder.embed([f"{title} {text}"])[0]), id)
            )
        db.execute("update meta set value = ? where key = 'embedder'", (self.embedder.name,))
        db.execute("update meta set value = value + 1 where key = 'generation'")


def _add(db: sqlite3.Connection, document: str, position: int, passage: Passage, vector: Vectors) -> None:
    row = db.execute(
        "insert into passage(document, position, title, text, vector) values (?, ?, ?, ?, ?)",
        (document, position, passage.title, passage.text, _blob(vector)),
    )
    db.execute(
        "insert into word(rowid, title, text) values (?, ?, ?)",
        (row.lastrowid, " ".join(analyzer.tokens(passage.title)), " ".join(analyzer.tokens(passage.text))),
    )


def _remove(db: sqlite3.Connection, document: str) -> bool:
    db.execute("delete from word where rowid in (select id from passage where document = ?)", (document,))
    db.execute("delete from passage where document = ?", (document,))
    return db.execute("delete from document where id = ?", (document,)).rowcount > 0


def _blob(vector: Vectors) -> bytes:
    return vector.astype(STORED).tobytes()
