"""What users tell about themselves in one turn and ask for in a later one; the wordings are in `personal.json`."""

import json
import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sluice.tinylmi.train import words
from sluice.tinylmi.train.words import Language

NOT_TOLD: dict[Language, str] = {"en": "You have not told me that.", "ko": "아직 말씀해 주지 않으셨습니다."}


@dataclass(frozen=True)
class Kind:
    """A name, a team, a city … In the wordings {v} is what was told; Korean particles follow it."""

    values: tuple[str, ...]
    made_up: bool  # other values may be made-up words
    statements: tuple[str, ...]
    noted: tuple[str, ...]
    questions: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class PersonalFact:
    kind: int
    statement: str
    noted: str
    questions: tuple[str, ...]
    answer: str


def _read() -> dict[Language, tuple[Kind, ...]]:
    raw = json.loads(Path(__file__).with_name("personal.json").read_text(encoding="utf-8"))
    return {language: tuple(_kind(item) for item in items) for language, items in raw.items()}


def _kind(item: dict[str, Any]) -> Kind:
    values, statements, noted, questions = (tuple(item[key]) for key in ("values", "told", "noted", "asked"))
    return Kind(values, item["made_up"], statements, noted, questions, item["answer"])


KINDS = _read()


def draw_fact(r: random.Random, language: Language, kind: int | None = None) -> PersonalFact:
    """Something a user tells. A third of it is names, which users tell most."""
    index = (0 if r.random() < 0.3 else r.randrange(len(KINDS[language]))) if kind is None else kind
    topic = KINDS[language][index]
    if topic.values and not (topic.made_up and r.random() < 0.6):
        value = r.choice(topic.values)
    else:
        value = words.made_up(r, language)
        if language == "en" and r.random() < 0.8:
            value = value.capitalize()
    statement, noted = _fill(r.choice(topic.statements), value), _fill(r.choice(topic.noted), value)
    return PersonalFact(index, statement, noted, topic.questions, _fill(topic.answer, value))


def _fill(template: str, value: str) -> str:
    for slot, text in {
        "{v}을(를)": words.with_particle(value, "을", "를"),
        "{v}이(가)": words.with_particle(value, "이", "가"),
        "{v}(으)로": words.with_particle(value, "으로", "로"),
        "{v}예요": words.with_particle(value, "이에요", "예요"),
        "{v}야": words.with_particle(value, "이야", "야"),
        "{v}라고": words.with_particle(value, "이라고", "라고"),
        "{v}": value,
    }.items():
        template = template.replace(slot, text)
    return template[0].upper() + template[1:]


def same_kind(fact: PersonalFact, text: str) -> bool:
    """Whether `text` tells something of the same kind, in either language."""
    return any(_outline(template).search(text) for kinds in KINDS.values() for template in kinds[fact.kind].statements)


@cache
def _outline(template: str) -> re.Pattern[str]:
    return re.compile(
        re.escape(re.sub(r"\{v\}(을\(를\)|이\(가\)|\(으\)로|예요|야|라고)?", "\0", template)).replace("\0", ".+")
    )
