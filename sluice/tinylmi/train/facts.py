"""Made-up facts: a statement about a subject, the questions that ask for it, and the value that a right answer holds.

`facts.json` holds the wordings. In them {s} is the subject and {v} the value; Korean also has {s은}, {s이}, {s을} …
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.tinylmi.train import words
from sluice.tinylmi.train.words import Language

Draw = Callable[[random.Random, Language], str]


@dataclass(frozen=True)
class Attribute:
    """One thing to know about a subject."""

    draw: Draw
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    held_out: str  # asked only in the held-out sets


@dataclass(frozen=True)
class Fact:
    subject: str
    attribute: int
    statement: str
    questions: tuple[str, ...]
    held_out: str
    value: str


def _hours(r: random.Random, language: Language) -> str:
    start, end = words.time_of_day(r, language), words.time_of_day(r, language)
    return f"from {start} to {end}" if language == "en" else f"{start}부터 {end}까지"


DRAWS: Mapping[str, Draw] = {
    "value": words.value,
    "money": words.money,
    "time_of_day": words.time_of_day,
    "hours": _hours,
    "place": words.place,
    "person": words.person,
    "contact": words.contact,
    "day": words.day,
    "duration": words.duration,
    "many": lambda r, _: str(r.randint(2, 900)),
    "small": lambda r, _: str(r.randint(2, 40)),
    "code": lambda r, _: words.code(r),
    "colour": lambda r, language: r.choice(words.COLOURS[language]),
    "thing": lambda r, language: r.choice(words.THINGS[language]),
}


def _read() -> dict[Language, tuple[Attribute, ...]]:
    raw = json.loads(Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))
    return {language: tuple(_attribute(item) for item in items) for language, items in raw.items()}


def _attribute(item: dict[str, list[str]]) -> Attribute:
    return Attribute(
        DRAWS[str(item["value"])], tuple(item["statements"]), tuple(item["questions"]), str(item["held_out"])
    )


ATTRIBUTES = _read()


def draw_fact(
    r: random.Random, language: Language, subject: str | None = None, attribute: int | None = None, split: str = "train"
) -> Fact:
    """A fact about `subject` (or a new one)."""
    about = subject or words.draw_subject(r, language, split)
    index = r.randrange(len(ATTRIBUTES[language])) if attribute is None else attribute
    topic = ATTRIBUTES[language][index]
    value = topic.draw(r, language)
    statement = fill_template(r.choice(topic.statements), about, value)
    statement = statement[0].upper() + statement[1:].replace(".m..", ".m.")
    questions = tuple(fill_template(question, about, value) for question in topic.questions)
    return Fact(about, index, statement, questions, fill_template(topic.held_out, about, value), value)


def fill_template(template: str, subject: str, value: str = "") -> str:
    """The template with its subject and value, Korean particles included."""
    forms = {
        "{s은}": words.with_particle(subject, "은", "는"),
        "{s이}": words.with_particle(subject, "이", "가"),
        "{s을}": words.with_particle(subject, "을", "를"),
        "{s에}": subject + "에",
        "{s}": subject,
    }
    if value:
        forms["{v}을(를)"] = words.with_particle(value, "을", "를")
        forms["{v}(으)로"] = words.with_particle(value, "으로", "로")
        forms["{v}"] = value
    for slot, text in forms.items():
        template = template.replace(slot, text)
    return template
