"""A rule is a page that anybody can read; a finding is that rule met at one place of one file."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]  # it will not work; it may not be what you want; you should know
Confidence = Literal["verified", "documented", "inferred"]  # read or run in source; AWS or the project says so; follows
WORDS = {"verified": "verified in source", "documented": "documented", "inferred": "inferred"}


@dataclass(frozen=True)
class Location:
    """Where a value stands: its key as the reader of the file knows it, and the line."""

    where: str  # lmi.options.max_len, OPTION_MAX_LEN, --instance-type
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        head = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return f"{head}: {self.where}" if head else self.where


@dataclass(frozen=True)
class Finding:
    code: str
    severity: Severity
    place: Location
    message: str  # what will happen on SageMaker, and when
    fix: str  # the line to write instead; empty if there is no single one
    confidence: Confidence
    source: str  # the page that says so


@dataclass(frozen=True)
class Rule:
    """One thing that goes wrong.

    `bad` and `good` are the same few lines before and after: NAME=value for the container's environment, --flag value
    as `sluice check` takes it, dotted.key: value for pipeline.yaml. Tests run both.
    """

    code: str  # LMI001
    title: str
    severity: Severity  # the usual one
    confidence: Confidence
    source: str
    page: str  # Markdown: what happens and when, why, what to do
    bad: str
    good: str

    def at(
        self,
        place: Location,
        message: str,
        fix: str = "",
        *,
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        source: str = "",
    ) -> Finding:
        return Finding(
            self.code,
            severity or self.severity,
            place,
            message,
            fix,
            confidence or self.confidence,
            source or self.source,
        )
