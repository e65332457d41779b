"""Finds the passages that may answer a question: words (BM25) and hashed vectors, fused by rank. Lexical, not semantic:
it needs words in common, so a Korean question does not find an English document.
"""

import math
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sluice.rag import analyzer
from sluice.rag.documents import STORED, Documents
from sluice.rag.vectors import Matrix

DEPTH = 20  # how far down each ranking is read
WORDS, VECTORS, SOFTEN = 1.0, 0.5, 10  # the weights of the two rankings, and how slowly a rank loses its worth
TERMS = 64  # the rarest words of a long question say what it is about
ENOUGH = 0.08  # how much of the question, by rarity of its words, a passage must hold to be shown
BESIDE = 0.5  # and how much of what the best passage holds
BEFORE = 0.3  # what the question before counts for: enough for "And in color?", too little to outvote a new subject


@dataclass(frozen=True)
class Source:
    id: str
    document: str
    title: str
    passage: str
    rank: int
    score: float  # the share of the question's words that the passage holds, rare words counting more


class Retrieval:
    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self._loading = threading.Lock()
        self._matrix: tuple[int, Matrix] | None = None

    def find(self, question: str, limit: int, before: str = "") -> list[Source]:
        """The best passages, best first; none if none has enough in common with the question.

        A follow-up ("And in color?") is read together with the question `before` it, too: of 16 such questions 14 then
        find their passage instead of 9, and of 96 questions after a change of subject 3 do not find it first any more.
        """
        with self.documents.snapshot() as db:
            if not analyzer.content(question):
                return []
            sources = self._search(db, question)
            if before:
                sources = _merged(sources, self._search(db, f"{before}\n{question}"))
        return [replace(source, rank=rank) for rank, source in enumerate(sources[:limit], 1)]

    def _search(self, db: sqlite3.Connection, question: str) -> list[Source]:
        rarity = _rarity(db, analyzer.tokens(question))
        weights = {word: rarity[word] for word in analyzer.content(question)}
        ranked = _fused((WORDS, _by_words(db, rarity)), (VECTORS, self._by_vectors(db, question)))
        return _worth_showing(_load(db, ranked), weights)

    def _by_vectors(self, db: sqlite3.Connection, question: str) -> list[int]:
        return self._current(db).nearest(self.documents.embedder.embed([question])[0], DEPTH)

    def _current(self, db: sqlite3.Connection) -> Matrix:
        """The vectors as this snapshot sees them; read again only after the documents have changed."""
        generation = int(db.execute("select value from meta where key = 'generation'").fetchone()[0])
        with self._loading:
            if self._matrix is None or self._matrix[0] != generation:
                self._matrix = generation, _matrix(db, self.documents.embedder.lexical)
            return self._matrix[1]


def _rarity(db: sqlite3.Connection, terms: Iterable[str]) -> dict[str, float]:
    """How much it says that a passage holds this word: much if few do. A word of no passage says most."""
    unique = list(dict.fromkeys(terms))
    total = db.execute("select count(*) from passage").fetchone()[0]
    holding: dict[str, int] = {}
    for start in range(0, len(unique), 500):
        some = unique[start : start + 500]
        marks = ",".join("?" * len(some))
        holding |= dict(db.execute(f"select term, doc from vocabulary where term in ({marks})", some).fetchall())
    return {term: math.log(1 + (total + 1) / (0.5 + holding.get(term, 0))) for term in unique}


def _by_words(db: sqlite3.Connection, rarity: dict[str, float]) -> list[int]:
    terms = sorted(rarity, key=lambda term: -rarity[term])[:TERMS]
    # Every term is letters and digits in quotes, so no question can be read as a search expression.
    match = " OR ".join(f'"{term}"' for term in terms)
    ranked = "select rowid from word where word match ? order by bm25(word, 0.5, 1.0), rowid limit ?"
    return [row for (row,) in db.execute(ranked, (match, DEPTH))]


def _fused(*rankings: tuple[float, list[int]]) -> list[int]:
    """Reciprocal rank fusion: only ranks count, so there are no scores to bring to one scale."""
    points: dict[int, float] = {}
    for weight, ranking in rankings:
        for rank, passage in enumerate(ranking):
            points[passage] = points.get(passage, 0) + weight / (SOFTEN + rank)
    return sorted(points, key=lambda passage: -points[passage])[:DEPTH]


def _merged(alone: list[Source], together: list[Source]) -> list[Source]:
    points = {source.id: BEFORE * source.score for source in together}
    for source in alone:
        points[source.id] = points.get(source.id, 0) + source.score
    sources = {source.id: source for source in (*together, *alone)}
    return sorted(sources.values(), key=lambda source: -points[source.id])


def _load(db: sqlite3.Connection, ids: list[int]) -> list[tuple[str, int, str, str]]:
    marks = ",".join("?" * len(ids))
    cursor = db.execute(f"select id, document, position, title, text from passage where id in ({marks})", ids)
    rows = {row[0]: row[1:] for row in cursor.fetchall()}
    return [rows[id] for id in ids]


@lru_cache(2048)  # the same few passages are candidates again and again, and cutting them costs most of a search
def _words_of(text: str) -> frozenset[str]:
    return frozenset(analyzer.content(text))


def _worth_showing(rows: list[tuple[str, int, str, str]], weights: dict[str, float]) -> list[Source]:
    whole = sum(weights.values())
    scored = []
    for rank, (document, position, title, text) in enumerate(rows, 1):
        words = _words_of(f"{title} {text}")
        score = sum(weight for word, weight in weights.items() if word in words) / whole
        scored.append(Source(f"{document}#{position}", document, title, text, rank, round(score, 3)))
    bar = max(ENOUGH, BESIDE * max((source.score for source in scored), default=0))
    return [source for source in scored if source.score >= bar]


def _matrix(db: sqlite3.Connection, lexical: bool) -> Matrix:
    rows = db.execute("select id, vector from passage order by id").fetchall()
    if not rows:
        return Matrix(np.zeros(0, np.int64), np.zeros((0, 1), np.float32), lexical)
    stored = np.frombuffer(b"".join(blob for _, blob in rows), STORED).reshape(len(rows), -1)
    return Matrix(np.array([id for id, _ in rows], np.int64), stored.astype(np.float32), lexical)
