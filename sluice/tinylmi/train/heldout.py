"""Questions to measure a checkpoint with, in groups of honest difficulty: most of them no training run has seen.

`python -m sluice.tinylmi.train.heldout sluice/tinylmi/checkpoints/good` asks them all of a checkpoint on numpy.
"""

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sluice.evaluation import prompt
from sluice.evaluation.prompt import NO_ANSWER
from sluice.tinylmi.train import corpus, personal, words
from sluice.tinylmi.train.corpus import Stage
from sluice.tinylmi.train.words import Language

MOST = 48  # new tokens
DOCUMENTS = Stage(1, 4, 2, 3)
Chat = Callable[[list[dict[str, str]]], str]
PERSONAL_WORDINGS: dict[Language, tuple[tuple[str, str, str], ...]] = {  # statement, reply, question
    "en": (
        ("Good day, I go by {v}.", "Nice to meet you, {v}.", "Can you tell me what I am called?"),
        ("Hello there! My name's {v}.", "Welcome, {v}.", "Do you still know my name?"),
        ("These days I work for team {v}.", "Thank you, I noted the {v} team.", "Which team was mine again?"),
        ("I have been living in {v} since May.", "Thank you, I noted {v}.", "What city am I living in?"),
    ),
    "ko": (
        ("안녕하세요, {v}라고 합니다.", "{v} 님, 반갑습니다.", "제가 누구라고 했죠?"),
        ("처음 뵙겠습니다. 이름은 {v}입니다.", "{v} 님, 안녕하세요.", "혹시 제 이름 아직 기억하세요?"),
        ("지금은 {v} 팀에서 근무해요.", "{v} 팀이라고 기억하겠습니다.", "제가 어느 팀에서 일하죠?"),
        ("요즘 {v}에서 지내고 있어요.", "{v}, 기억하겠습니다.", "제가 사는 곳을 알려 주세요."),
    ),
}
NAMES: dict[Language, tuple[str, ...]] = {  # real names, in no list of the training
    "en": ("Kevin", "Julia", "Hugo", "Wendy", "Yusuf", "Chloe", "Jack", "Wanda", "Philip", "Uschi"),
    "ko": ("혜진", "태형", "규리", "윤아", "재현", "승연", "희주", "광수", "미경", "준호"),
}


class Probe(NamedTuple):
    group: str
    messages: list[dict[str, str]]
    expected: str  # what a right answer contains
    unwanted: str = ""  # what a wrong one contains: the memory, where the passages say otherwise


def build_questions() -> Iterator[Probe]:
    for language in ("en", "ko"):
        yield from _closed(language)
        yield from _handbook(language)
    yield from _generated()
    yield from _documents()
    for between in range(3):
        yield from _personal(between)
        yield from _after_turns(between + 1)


def _closed(language: Language) -> Iterator[Probe]:
    for rule in (rule[language] for rule in corpus.RULES):
        yield Probe("closed book, trained wording", prompt.build_messages(rule["questions"][0]), rule["value"])
        yield Probe("closed book, held-out wording", prompt.build_messages(rule["held_out"]), rule["value"])


def _handbook(language: Language) -> Iterator[Probe]:
    """A rule with another value among other rules, or left out of them."""
    r = random.Random(f"handbook {language}")
    for rule in corpus.RULES:
        mine, others = rule[language], [other[language] for other in corpus.RULES if other is not rule]
        for wording in range(3):
            value = corpus.other_value(r, mine["value"])
            passages = [corpus.state_rule(mine, value, wording), *_noise(r, others, 3)]
            r.shuffle(passages)
            messages = prompt.build_messages(mine["held_out"], passages)
            yield Probe("passage says another value, held-out wording", messages, value, mine["value"])
        messages = prompt.build_messages(mine["held_out"], _noise(r, others, 3))
        yield Probe("passages lack the answer (handbook), held-out wording", messages, NO_ANSWER[language])


def _noise(r: random.Random, rules: list[dict[str, object]], count: int) -> list[str]:
    return [corpus.state_rule(rule, None, r.randrange(3)) for rule in r.sample(rules, count)]


def _generated() -> Iterator[Probe]:
    for name, split, held_wording in (
        ("made-up passages, trained words", "train", False),
        ("made-up passages, held-out wording", "train", True),
        ("made-up passages, held-out words", "held", False),
        ("made-up passages, held-out words and wording", "held", True),
    ):
        r = random.Random(name)
        for _ in range(60):
            turn = corpus.generated(r, DOCUMENTS, split, held_wording, answerable=True)
            yield Probe(name, prompt.build_messages(turn.question, turn.passages), turn.value)
    r = random.Random("lack")
    for _ in range(60):
        turn = corpus.generated(r, DOCUMENTS, "held", answerable=False)
        messages = prompt.build_messages(turn.question, turn.passages)
        yield Probe("passages lack the answer (made-up)", messages, turn.value)


def _documents() -> Iterator[Probe]:
    """Hand-written passages, each among two of the same language."""
    r = random.Random("documents")
    for document in corpus.DOCUMENTS:
        texts = {d["context"] for d in corpus.DOCUMENTS if d["lang"] == document["lang"]} - {document["context"]}
        passages = [document["context"], *r.sample(sorted(texts), 2)]
        r.shuffle(passages)
        messages = prompt.build_messages(document["question"], passages)
        yield Probe("hand-written passages", messages, document["value"])


def _personal(between: int) -> Iterator[Probe]:
    """Told in held-out words (or trained ones), asked for after other questions."""
    r = random.Random(f"personal {between}")
    for index in range(40):
        language: Language = ("en", "ko")[index % 2]
        past = [(turn.question, turn.answer) for turn in (corpus.closed(r) for _ in range(between))]
        statement, noted, question = PERSONAL_WORDINGS[language][index // 2 % 4]
        value = NAMES[language][index // 2 % 10]
        pair = (statement.replace("{v}라고", words.with_particle(value, "이라고", "라고")), noted)
        history = [(pair[0].replace("{v}", value), pair[1].replace("{v}", value)), *past]
        messages = prompt.build_messages(question, (), history)
        yield Probe(f"told {between + 1} turns ago, held-out wording", messages, value)
        fact = personal.draw_fact(r, language)
        history = [(fact.statement, fact.noted), *past]
        expected = fact.answer.split(" is ")[-1].split(" called ")[-1].rstrip(".").removesuffix("입니다")
        messages = prompt.build_messages(r.choice(fact.questions), (), history)
        yield Probe(f"told {between + 1} turns ago, trained wording", messages, expected)


def _after_turns(turns: int) -> Iterator[Probe]:
    r = random.Random(f"turns {turns}")
    for rule in corpus.RULES:
        for language in ("en", "ko"):
            mine, others = rule[language], [other[language] for other in corpus.RULES if other is not rule]
            past = [(other["held_out"], corpus.state_rule(other)) for other in r.sample(others, turns)]
            messages = prompt.build_messages(mine["questions"][0], (), past)
            yield Probe(f"closed book after {turns} turns, trained wording", messages, mine["value"])
            value = corpus.other_value(r, mine["value"])
            passages = [corpus.state_rule(mine, value, 1), *_noise(r, others, 2)]
            r.shuffle(passages)
            messages = prompt.build_messages(mine["questions"][0], passages, past)
            yield Probe(
                f"passage says another value, after {turns} turns, trained wording", messages, value, mine["value"]
            )


@dataclass
class Tally:
    total: int = 0
    right: int = 0
    unwanted: int = 0


def score_answers(chat: Chat, questions: Iterable[Probe]) -> dict[str, dict[Language, Tally]]:
    """Count by group and language how many answers hold what is expected, and how many the memory instead."""
    tallies: dict[str, dict[Language, Tally]] = defaultdict(lambda: {"en": Tally(), "ko": Tally()})
    for question in questions:
        language = prompt.detect_language(question.messages[-1]["content"].rpartition("\n")[2])
        answer, tally = chat(question.messages), tallies[question.group][language]
        right = holds(answer, question.expected)
        tally.total += 1
        tally.right += right
        tally.unwanted += bool(question.unwanted) and not right and holds(answer, question.unwanted)
    return tallies


def holds(answer: str, value: str) -> bool:
    """Whether the value stands in the answer, and not as the end or start of a longer number."""
    return re.search(rf"(?<!\d){re.escape(value)}(?!\d)", answer) is not None


def load_checkpoint(folder: Path) -> Chat:
    """The checkpoint, greedy, on the numpy engine."""
    from tokenizers import Tokenizer

    from sluice.tinylmi.engine import Qwen3

    model, text = Qwen3.load(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))

    def chat(messages: list[dict[str, str]]) -> str:
        rendered = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
        ids = text.encode(rendered + "<|im_start|>assistant\n").ids
        cache, tokens = model.cache(len(ids) + MOST), list[int]()
        logits = model.read(ids, cache)
        while (token := int(logits.argmax())) not in (0, 2) and len(tokens) < MOST:
            tokens.append(token)
            logits = model.step([token], [cache])[0]
        return str(text.decode(tokens))

    return chat


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a checkpoint the held-out questions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", metavar="GROUP", help="print the wrong answers of the groups whose name holds this")
    args = parser.parse_args()
    chat = load_checkpoint(args.folder)
    if args.show:
        for question in (each for each in build_questions() if args.show in each.group):
            if not holds(answer := chat(question.messages), question.expected):
                print(f"{question.messages[-1]['content']}\n  wanted {question.expected!r}, got {answer!r}\n")
        return
    print("| questions | n | right | English | Korean | from memory |\n|---|---|---|---|---|---|")
    for group, by_language in score_answers(chat, build_questions()).items():
        both = by_language.values()
        total, right = sum(t.total for t in both), sum(t.right for t in both)
        each = " | ".join(f"{t.right / t.total:.2f}" for t in both)
        memory = f"{sum(t.unwanted for t in both) / total:.2f}" if "another value" in group else ""
        print(f"| {group} | {total} | {right / total:.2f} | {each} | {memory} |")


if __name__ == "__main__":
    main()
