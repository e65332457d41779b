"""Passages as vectors. The default embedder is lexical: it sees characters, not meaning, and says so in its name.

A semantic one can be plugged in: anything with a name and `embed`. Vectors are stored, so a new name means new vectors.
"""

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sluice.rag import analyzer

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """Changes whenever the same text would get another vector."""

    @property
    def lexical(self) -> bool:
        """True if each number counts something of the text, so that what is rare in the documents should weigh more."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text."""


class HashedNgrams:
    """Character 2- to 4-grams of the words that matter, hashed into 2,048 counts: forgives particles and typos."""

    name = "lexical-ngrams-1"
    lexical = True
    size = 2048

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.size), np.float32)
        for row, text in zip(rows, texts, strict=True):
            padded = f" {analyzer.bare(text)} "
            for length in (2, 3, 4):
                for at in range(len(padded) - length + 1):
                    row[zlib.crc32(padded[at : at + length].encode()) % self.size] += 1
        return np.sqrt(rows)


class Matrix:
    """The vectors of all passages, ready to be compared with one question by brute force."""

    def __init__(self, ids: npt.NDArray[np.int64], rows: Vectors, lexical: bool) -> None:
        self.ids = ids
        self._weights = _rarity(rows) if lexical else np.ones(rows.shape[1], np.float32)
        rows *= self._weights  # in place: with many passages a copy would cost as much memory again
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths == 0, 1, lengths)
        self._rows = rows

    def nearest(self, question: Vectors, limit: int) -> list[int]:
        """The ids of the most similar passages, best first; those with nothing in common are left out."""
        if not len(self.ids):
            return []
        # Not `@`: that starts a thread per core for each question, which is slower as soon as two are asked at once.
        closeness = np.einsum("ij,j->i", self._rows, question * self._weights)
        best = np.argsort(-closeness, kind="stable")[:limit]
        return [int(self.ids[at]) for at in best if closeness[at] > 0]


def _rarity(rows: Vectors) -> Vectors:
    counted: Vectors = np.log(1 + len(rows) / (1 + (rows > 0).sum(axis=0, dtype=np.float32))).astype(np.float32)
    return counted
