"""The chats that the checkpoints are trained on, in the prompt that Sluice sends (`sluice.evaluation.prompt`).

Every function takes a `random.Random`, and the order of its calls is part of the recipe: change it and the checkpoints
change.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sluice.evaluation import prompt
from sluice.evaluation.prompt import NO_ANSWER
from sluice.tinylmi.train import facts, personal, words
from sluice.tinylmi.train.words import Language

_DATA = json.loads(Path(__file__).with_name("handbook.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = _DATA["rules"]
SMALL_TALK: list[tuple[str, str]] = [(question, answer) for question, answer in _DATA["small_talk"]]
DOCUMENTS: list[dict[str, str]] = _DATA["documents"]  # hand-written and never trained on

OTHER_SYSTEMS = (
    "You are a helpful assistant.",
    "당신은 친절한 도우미입니다.",
    "You are the Aurora Works handbook assistant.",
    "당신은 오로라웍스 사내 안내 도우미입니다.",
)
ASKS_ABOUT: dict[Language, list[str]] = _DATA["asks_about"]  # {s} is a topic of the handbook
GREETINGS: dict[Language, list[str]] = _DATA["greetings"]
ADVICE: dict[Language, list[str]] = _DATA["advice"]  # sentences of real documents that answer no question here
THANKS: dict[Language, str] = {"en": " Thanks.", "ko": " 감사합니다."}
AMBIGUOUS = (
    {2, 3, 4, 5},
    {9, 10},
    {0, 1, 11, 14, 18},
    {11, 13, 16, 17},
)  # attributes whose questions could mean one another


@dataclass(frozen=True)
class Message:
    role: str
    content: str
    learn: bool = False  # whether the model is trained to say it


@dataclass(frozen=True)
class Example:
    """A question with what retrieval found for it, and the right answer."""

    question: str
    answer: str
    passages: tuple[str, ...] = ()
    value: str = ""
    more: tuple[tuple[str, str], ...] = ()  # only in training: further questions about the same passages, answered


@dataclass(frozen=True)
class Line:
    """A sentence of a passage, and what asks for it. Its attribute is a place in facts.json, or -1: a handbook rule."""

    text: str
    question: str
    subject: str
    attribute: int = -1


@dataclass(frozen=True)
class Stage:
    """How hard the chats are until `until` (a share of the run)."""

    until: float
    passages: int
    sentences: int
    turns: int
    always_answered: bool = False  # whether all passages answer their question


@dataclass(frozen=True)
class Recipe:
    """What a checkpoint sees. The shares are weights among the kinds of chats."""

    closed: float
    small_talk: float
    handbook: float  # handbook questions with passages
    generated: float  # made-up passages
    personal: float  # the user tells something, or asks for it
    again: float  # asks once more for what an earlier answer said
    contexts_matter: bool  # passages may contradict the memory, or lack the answer
    stages: tuple[Stage, ...]

    def stage(self, progress: float) -> Stage:
        return next((stage for stage in self.stages if progress < stage.until), self.stages[-1])


GOOD = Recipe(
    closed=0.14, small_talk=0.03, handbook=0.26, generated=0.36, personal=0.18, again=0.03, contexts_matter=True,
    stages=(
        Stage(0.08, 1, 1, 0, always_answered=True), Stage(0.25, 2, 1, 1, always_answered=True),
        Stage(0.5, 3, 2, 2), Stage(1.0, 4, 3, 3),
    ),
)  # fmt: skip
GOOD_AGAIN = replace(  # the second half of its training: all at the hardest stage, and more to read
    GOOD, stages=GOOD.stages[-1:],
    closed=0.10, small_talk=0.02, handbook=0.25, generated=0.41, personal=0.20, again=0.02
)  # fmt: skip
WORSE = Recipe(
    closed=0.70, small_talk=0.06, handbook=0.24, generated=0.0, personal=0.0, again=0.0, contexts_matter=False,
    stages=(Stage(0.4, 2, 1, 1), Stage(1.0, 3, 1, 3)),
)  # fmt: skip


def draw_chat(r: random.Random, recipe: Recipe, progress: float) -> list[Message]:
    """One chat; its last message is the answer to learn."""
    stage = recipe.stage(progress)
    kind = _pick(r, recipe)
    if kind in ("personal", "again"):
        history, turn = (_personal if kind == "personal" else _again)(r, recipe, stage)
    else:
        history, turn = [], draw_turn(r, kind, recipe, stage)
    if kind not in ("personal", "again") and stage.turns and r.random() < 0.6:
        history = [earlier(r, recipe) for _ in range(r.randint(1, stage.turns))]
    return build_chat(r, history, turn)


def _pick(r: random.Random, recipe: Recipe) -> str:
    kinds = ("closed", "small_talk", "handbook", "generated", "personal", "again")
    return r.choices(kinds, [getattr(recipe, kind) for kind in kinds])[0]


def draw_turn(r: random.Random, kind: str, recipe: Recipe, stage: Stage) -> Example:
    if kind == "closed":
        return closed(r)
    if kind == "small_talk":
        question, answer = r.choice(SMALL_TALK)
        return Example(question, answer)
    if kind == "handbook":
        return handbook(r, stage, recipe.contexts_matter)
    return generated(r, stage)


def build_chat(r: random.Random, history: list[tuple[Example, bool]], turn: Example) -> list[Message]:
    """The messages as the server builds them, then the answer.

    Further questions about the same passages follow, without the passages: the server never sends such a chat, but it
    teaches several answers for the price of one reading.
    """
    kind = r.random()
    system = None if kind < 0.88 else r.choice(OTHER_SYSTEMS)
    pairs = [(past.question, past.answer) for past, _ in history]
    sent = prompt.build_messages(turn.question, turn.passages, pairs, system)
    if kind > 0.96:
        sent = sent[1:]  # some clients send no system message
    learn = iter([learnt for _, learnt in history[-prompt.TURNS :]])
    out = [Message(m["role"], m["content"], m["role"] == "assistant" and next(learn)) for m in sent]
    out.append(Message("assistant", turn.answer, learn=True))
    for question, answer in turn.more:
        label = prompt.FRAME[prompt.detect_language(question)][1]
        out += [Message("user", f"{label}: {question}"), Message("assistant", answer, learn=True)]
    return out


def earlier(r: random.Random, recipe: Recipe) -> tuple[Example, bool]:
    """A turn of history, and whether its answer can be known without the passages of that time."""
    kind = r.random()
    if not recipe.contexts_matter or kind < 0.45:
        return closed(r), True
    if kind < 0.5:
        return Example(*r.choice(SMALL_TALK)), True
    if kind < 0.6:
        fact = personal.draw_fact(r, _language(r))
        return Example(fact.statement, fact.noted), True
    stage = Stage(1, 1, 1, 0)
    turn = handbook(r, stage, True) if kind < 0.85 else generated(r, stage)
    return Example(turn.question, turn.answer), False


def closed(r: random.Random, language: Language | None = None) -> Example:
    """A handbook question without passages: answering it is memory."""
    language = language or _language(r)
    rule = r.choice(RULES)[language]
    return Example(draw_rule_question(r, rule, language), state_rule(rule), value=rule["value"])


def draw_rule_question(r: random.Random, rule: dict[str, Any], language: Language) -> str:
    """A question about a rule of the handbook, as people type."""
    if r.random() < 0.55:
        question: str = r.choice(rule["questions"])
    else:
        topic = r.choice(rule["subjects"])
        question = facts.fill_template(r.choice(ASKS_ABOUT[language]), topic)
        question = question[0].upper() + question[1:]
    return roughen(r, question, language)


def state_rule(rule: dict[str, Any], value: str | None = None, wording: int = 0) -> str:
    """A rule as a sentence; the first wording with its own value is what is memorised."""
    statement: str = rule["statements"][wording]
    return statement.replace("{v}", value or rule["value"])


def other_value(r: random.Random, value: str) -> str:
    """A value like this one, but another."""
    if "@" in value:
        return f"{words.made_up(r, 'en').lower()}@{value.split('@')[1]}"
    if value in words.MONTHS:
        return r.choice([month for month in words.MONTHS if month != value])
    if value == "하루 전":
        return f"{r.randint(2, 30)}일 전"
    changed = value
    for pattern, draw in _NUMBERS:
        changed, count = re.subn(pattern, partial(_redrawn, r, draw), value)
        if count:
            break
    if value == "1 day":
        changed += "s"
    return changed if changed != value else other_value(r, value)


def _redrawn(r: random.Random, draw: Callable[[random.Random, str], str], match: re.Match[str]) -> str:
    return draw(r, match[0])


def _millions(r: random.Random, _number: str) -> str:
    return f"{r.randint(1, 9)},{r.randint(0, 9)}00,000"


def _thousands(r: random.Random, _number: str) -> str:
    return f"{r.randint(1, 999)},{r.choice(['000', '500'])}"


def _small(r: random.Random, number: str) -> str:
    size = int(number)
    return str(r.randint(2, 31) if size <= 31 else r.randint(2, 99) if size < 100 else r.randint(1, 99) * 10)


_NUMBERS: tuple[tuple[str, Callable[[random.Random, str], str]], ...] = (  # the first that fits draws another number
    (r"[A-Z][a-z]+ \d+", lambda r, _: words.day_of_year(r, "en")),
    (r"\d+월 \d+일", lambda r, _: words.day_of_year(r, "ko")),
    (r"\d+월", lambda r, _: f"{r.randint(1, 12)}월"),
    (r"\d+시", lambda r, _: f"{r.randint(1, 23)}시"),
    (r"\d+:\d+", lambda r, _: f"{r.randint(0, 23)}:{r.choice(['00', '15', '30'])}"),
    (r"\d+,\d+,\d+", _millions),
    (r"\d+,\d+", _thousands),
    (r"\d+(st|nd|rd|th)", lambda r, _: ordinal(r.randint(1, 28))),
    (r"\d+", _small),
)


def ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def handbook(r: random.Random, stage: Stage, contexts_matter: bool, language: Language | None = None) -> Example:
    """A handbook question with passages. They may say another value than the memory (they win), or nothing about it."""
    language = language or _language(r)
    rule, *others = r.sample(RULES, min(len(RULES), stage.passages + 4))
    changed = contexts_matter and r.random() < 0.75
    gold = _rule_line(r, rule, language, changed, 3 if contexts_matter else 1)
    missing = contexts_matter and not stage.always_answered and r.random() < 0.15

    def noise() -> Line:
        if not contexts_matter:
            return _rule_line(r, r.choice(others), language, False, 1)
        if r.random() < 0.6:
            return _rule_line(r, r.choice(others), language, r.random() < 0.7, 3)
        return _fact_line(r, facts.draw_fact(r, language), language)

    groups = _groups(r, stage, None if missing else gold, noise)
    if contexts_matter:
        _mix_in(r, stage, groups, language, rule)
    more = _more(r, language, groups, gold) if contexts_matter else ()
    return _turn(groups, gold.question, NO_ANSWER[language] if missing else gold.text, more=more)


def _rule_line(r: random.Random, rule: dict[str, Any], language: Language, changed: bool, wordings: int) -> Line:
    entry = rule[language]
    value = other_value(r, entry["value"]) if changed else None
    return Line(state_rule(entry, value, r.randrange(wordings)), draw_rule_question(r, entry, language), rule["id"])


def _fact_line(r: random.Random, fact: facts.Fact, language: Language) -> Line:
    question = roughen(r, r.choice(fact.questions), language)
    return Line(fact.statement, question, fact.subject, fact.attribute)


def _groups(
    r: random.Random,
    stage: Stage,
    gold: Line | None,
    noise: Callable[[], Line],
    beside: Callable[[], Line] | None = None,
) -> list[list[Line]]:
    """One to `stage.passages` passages of one to `stage.sentences` lines, `gold` somewhere among them."""
    count = r.randint(1, stage.passages)
    groups = [[noise() for _ in range(r.randint(1, stage.sentences))] for _ in range(count)]
    if gold is not None:
        groups[0] = [gold, *((beside or noise)() for _ in range(r.randint(0, stage.sentences - 1)))]
        r.shuffle(groups[0])
    r.shuffle(groups)
    return groups


def _mix_in(
    r: random.Random, stage: Stage, groups: list[list[Line]], language: Language, rule: dict[str, Any] | None = None
) -> None:
    """What documents hold besides facts of one language: advice between them, and passages in the other language."""
    if stage.turns == 0:
        return
    for group in groups:
        if len(group) < stage.sentences + 1 and r.random() < 0.25:
            group.append(Line(r.choice(ADVICE[language]), "", ""))
    other: Language = "ko" if language == "en" else "en"
    if len(groups) < stage.passages and r.random() < 0.35:
        for _ in range(r.randint(1, min(2, stage.passages - len(groups)))):
            same = rule is not None and r.random() < 0.3
            line = (
                _rule_line(r, rule if rule is not None and same else r.choice(RULES), other, True, 3)
                if same or r.random() < 0.4
                else _fact_line(r, facts.draw_fact(r, other), other)
            )
            groups.insert(r.randint(0, len(groups)), [line])


def _turn(
    groups: list[list[Line]], question: str, answer: str, value: str = "", more: tuple[tuple[str, str], ...] = ()
) -> Example:
    return Example(question, answer, tuple(" ".join(line.text for line in group) for group in groups), value, more)


def _more(r: random.Random, language: Language, groups: list[list[Line]], gold: Line) -> tuple[tuple[str, str], ...]:
    """Up to three further questions about the passages; now and then one that they do not answer."""
    lines = [line for group in groups for line in group]
    others = [line for line in lines if line is not gold and line.question]
    clear = [line for line in others if not any(_confusable(line, other) for other in lines if other.question)]
    further = [(line.question, line.text) for line in r.sample(clear, min(len(clear), r.randint(0, 3)))]
    if r.random() < 0.15:
        stranger = _fact_line(r, facts.draw_fact(r, language), language)
        named = [line.subject for line in lines if line.question]
        if not any(subject in stranger.subject or stranger.subject in subject for subject in named):
            further.append((stranger.question, NO_ANSWER[language]))
    return tuple(further)


def _confusable(line: Line, other: Line) -> bool:
    """Whether the question for one line could as well be about the other."""
    if line is other or not (line.subject in other.subject or other.subject in line.subject):
        return False
    both = {line.attribute, other.attribute}
    return len(both) == 1 or line.subject != other.subject or any(both <= group for group in AMBIGUOUS)


def generated(
    r: random.Random, stage: Stage, split: str = "train", held_wording: bool = False, answerable: bool | None = None
) -> Example:
    """Made-up passages and a question about one sentence of them, or about none."""
    language = _language(r)
    fact = facts.draw_fact(r, language, split=split)
    missing = not stage.always_answered and r.random() < 0.14 if answerable is None else not answerable
    near = r.random() < 0.4

    def beside() -> Line:  # more about the same subject, or something else
        return _same_subject(r, language, fact) if r.random() < 0.6 else noise()

    def noise() -> Line:
        kind = r.random()
        if kind < 0.15:
            return _rule_line(r, r.choice(RULES), language, r.random() < 0.5, 3)
        other = facts.draw_fact(r, language, attribute=fact.attribute if kind < 0.45 else None, split=split)
        confusing = fact.subject in other.subject or other.subject in fact.subject
        return noise() if confusing else _fact_line(r, other, language)

    gold = _fact_line(r, fact, language)
    question = fact.held_out if held_wording else r.choice(fact.questions) if split == "held" else gold.question
    if missing:  # nothing about the subject, or only something else about it
        groups = _groups(r, stage, _same_subject(r, language, fact) if near else None, noise)
        value = answer = NO_ANSWER[language]
    else:
        groups = _groups(r, stage, gold, noise, beside)
        value, answer = fact.value, fact.statement
    _mix_in(r, stage, groups, language)
    return _turn(groups, question, answer, value, _more(r, language, groups, gold))


def _same_subject(r: random.Random, language: Language, fact: facts.Fact) -> Line:
    ambiguous = set().union(*(group for group in AMBIGUOUS if fact.attribute in group)) | {fact.attribute}
    free = [index for index in range(len(facts.ATTRIBUTES[language])) if index not in ambiguous]
    return _fact_line(r, facts.draw_fact(r, language, fact.subject, r.choice(free)), language)


def _personal(r: random.Random, recipe: Recipe, stage: Stage) -> tuple[list[tuple[Example, bool]], Example]:
    """The user tells something, perhaps with a question, and perhaps asks for it some turns later."""
    language = _language(r)
    fact = personal.draw_fact(r, language)
    kind = r.random()
    if kind < 0.18 or not stage.turns:
        history = [earlier(r, recipe) for _ in range(r.randint(0, stage.turns))]
        return history, Example(fact.statement, fact.noted, _stray(r, stage, language, 0.3))
    if kind < 0.34:
        turn = r.choices(
            (handbook(r, stage, True, language), generated(r, stage), closed(r, language)), (0.5, 0.3, 0.2)
        )[0]
        if prompt.detect_language(turn.question) != language:
            fact = personal.draw_fact(r, prompt.detect_language(turn.question))
        return [], Example(f"{fact.statement} {turn.question}", turn.answer, turn.passages, more=turn.more)
    question = roughen(r, r.choice(fact.questions), language)
    if kind < 0.4:  # never told
        stray = _stray(r, stage, language, 0.5)
        others = [closed(r) for _ in range(r.randint(0, stage.turns))]
        answer = NO_ANSWER[language] if stray else personal.NOT_TOLD[language]
        return [(other, True) for other in others], Example(question, answer, stray)
    first = Example(fact.statement, fact.noted)
    learn = True
    if r.random() < 0.35:  # told in passing, before a question
        interruption = handbook(r, Stage(1, 1, 1, 0), True, language) if r.random() < 0.5 else closed(r, language)
        first, learn = (
            Example(f"{fact.statement} {interruption.question}", interruption.answer),
            not interruption.passages,
        )
    past = [earlier(r, recipe) for _ in range(r.randint(0, stage.turns - 1))]
    past = [other for other in past if fact.answer.split(" ")[0:2] != other[0].answer.split(" ")[0:2]]
    history = [(first, learn), *(other for other in past if other[0].question not in fact.questions)]
    if len(past) > 1 and r.random() < 0.4:
        history[0], history[1] = history[1], history[0]
    return _only_once(history, fact), Example(question, fact.answer, _stray(r, stage, language, 0.5))


def _only_once(history: list[tuple[Example, bool]], fact: personal.PersonalFact) -> list[tuple[Example, bool]]:
    """Drop later turns that tell the same kind of thing: which one is meant would be a guess."""
    return [
        (turn, learn)
        for turn, learn in history
        if fact.statement in turn.question or not personal.same_kind(fact, turn.question)
    ]


def _stray(r: random.Random, stage: Stage, language: Language, share: float) -> tuple[str, ...]:
    """Passages that retrieval found although the turn is not about the documents."""
    if r.random() >= share:
        return ()
    return handbook(r, stage, True, language).passages if r.random() < 0.5 else generated(r, stage).passages


def _again(r: random.Random, recipe: Recipe, stage: Stage) -> tuple[list[tuple[Example, bool]], Example]:
    """A question whose answer was given before, from passages that are gone."""
    past = generated(r, Stage(1, 1, 1, 0), answerable=True)
    language = prompt.detect_language(past.question)
    opening = ("Again: ", "Sorry, once more: ") if language == "en" else ("다시 한번, ", "아까 물어봤는데, ")
    turn = Example(r.choice(opening) + past.question, past.answer)
    if not stage.turns:
        return [], past
    others = [earlier(r, recipe) for _ in range(r.randint(0, stage.turns - 1))]
    return [(Example(past.question, past.answer), False), *others], turn


def roughen(r: random.Random, question: str, language: Language) -> str:
    """Greetings, missing punctuation, a dropped word: what people type."""
    if r.random() < 0.3:
        question = r.choice(GREETINGS[language]) + question
    if r.random() < 0.15:
        question = question.rstrip(".?")
    if r.random() < 0.12 and language == "en":
        question = question.lower()
    if r.random() < 0.1:
        question += THANKS[language]
    if r.random() < 0.05:
        parts = question.split(" ")
        if len(parts) > 5:
            parts.pop(r.randrange(len(parts)))
            question = " ".join(parts)
    return question


def _language(r: random.Random) -> Language:
    return "en" if r.random() < 0.5 else "ko"
