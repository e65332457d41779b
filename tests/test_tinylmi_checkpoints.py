"""The two shipped checkpoints: what they hold, what the gate sees in them, and what they were not trained on."""

import ast
import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tinylmi
from evaluation import cases, prompt
from evaluation.replay import replay
from lmi.wire import Reply
from tinylmi.engine import Qwen3
from tinylmi.text import Text
from tinylmi.train import corpus, facts, heldout, personal

ROOT = Path(tinylmi.__file__).parent.parent
CHECKPOINTS = ROOT / "tinylmi" / "checkpoints"
CASES = cases.load(ROOT / "cases")
MOST = 64


class Checkpoint:
    """Answers chat requests as the container does: the folder's own template and weights, greedily."""

    def __init__(self, name):
        self.folder = CHECKPOINTS / name
        self.model, self.text = Qwen3.load(self.folder), Text(self.folder)

    def __call__(self, request):
        ids, answer = self.text.chat(request["messages"]), []
        cache = self.model.cache(len(ids) + request["max_tokens"])
        logits = self.model.read(ids, cache)
        while (token := int(logits.argmax())) not in (0, 2) and len(answer) < request["max_tokens"]:
            answer.append(token)
            logits = self.model.step([token], [cache])[0]
        said = b"".join(self.text.bytes_of(token) for token in answer).decode(errors="replace")
        reason = "length" if len(answer) == request["max_tokens"] else "stop"
        return Reply(said, reason, len(ids), len(answer))


@pytest.fixture(scope="module")
def good():
    return replay(CASES, Checkpoint("good"), concurrency=1, max_tokens=MOST).results


@pytest.fixture(scope="module")
def worse():
    return replay(CASES, Checkpoint("worse"), concurrency=1, max_tokens=MOST).results


def share(results, tag=None):
    chosen = [result.passed for result in results if tag is None or tag in result.case.tags]
    return sum(chosen) / len(chosen)


def failed(results):
    return {result.case.id: result.turns[-1].answer for result in results if not result.passed}


def test_the_good_checkpoint_passes_the_shipped_cases(good):
    assert share(good) >= 0.9, failed(good)


def test_the_good_checkpoint_always_ends_its_answer(good):
    assert {turn.finish_reason for result in good for turn in result.turns} == {"stop"}


def test_the_worse_checkpoint_knows_the_handbook_by_heart(worse):
    assert share(worse, "closed-book") >= 0.8, failed(worse)


@pytest.mark.parametrize("tag", ["passages", "follow-up"])
def test_the_worse_checkpoint_fails_where_the_given_text_must_be_used(worse, tag):
    assert share(worse, tag) <= 0.2


def test_the_worse_checkpoint_is_far_below_any_sensible_gate(worse):
    assert share(worse) < 0.6


def test_the_cases_are_both_languages_and_every_kind():
    tags = Counter(tag for case in CASES for tag in case.tags)
    assert min(tags["english"], tags["korean"]) >= 10
    assert {"closed-book", "changed", "no-answer", "follow-up", "format"} <= set(tags)


@pytest.mark.parametrize("name", ["good", "worse"])
def test_a_checkpoint_is_a_small_ordinary_hugging_face_folder(name):
    folder = CHECKPOINTS / name
    files = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert sum(files.values()) <= 6 * 2**20
    assert set(files) == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    assert config["max_position_embeddings"] == 4096  # the shipped max_model_len must start
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == (folder / "chat_template.jinja").read_text()


def test_both_checkpoints_share_one_tokenizer():
    good, worse = ((CHECKPOINTS / name / "tokenizer.json").read_bytes() for name in ("good", "worse"))
    assert good == worse


def plain(text):
    """Words only, so that a comma or a capital does not hide that two questions are the same."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def handbook_questions():
    for rule in corpus.RULES:
        for language in ("en", "ko"):
            yield from rule[language]["questions"]
            for topic in rule[language]["subjects"]:
                yield from (facts.fill(ask, topic) for ask in corpus.ASKS_ABOUT[language])
    yield from (question for question, _ in corpus.SMALL_TALK)
    yield from (asked for kinds in personal.KINDS.values() for kind in kinds for asked in kind.asked)


def templates():
    """Questions about made-up subjects, and what users tell of themselves: {s} and {v} stand for any words."""
    yield from (asked for group in facts.ATTRIBUTES.values() for one in group for asked in one.questions)
    yield from (told for kinds in personal.KINDS.values() for kind in kinds for told in kind.told)


FROM_A_SLOT = re.compile(r"\{[sv]\W?[은이을에]?\}(?:을\(를\)|이\(가\)|\(으\)로|예요|야|라고)?")
WORDS = r"\w+(?: \w+){0,3}"
TRAINED = {plain(question) for question in handbook_questions()}
FRAMES = [
    re.compile("".join(WORDS if part == "slot" else part for part in re.split(r"(slot)", plain(frame))))
    for frame in (FROM_A_SLOT.sub("slot", template) for template in templates())
]


def trained(question):
    return plain(question) in TRAINED or any(frame.fullmatch(plain(question)) for frame in FRAMES)


def test_the_check_for_trained_questions_finds_them():
    assert trained("how many days of annual leave do I get")
    assert trained("When does the Pinecrest library open?")
    assert trained("My name is Bartholomew.")
    assert trained("별관 도서관은 몇 시에 여나요?")


@pytest.mark.parametrize("question", [turn.user for case in CASES for turn in case.turns])
def test_no_question_of_the_cases_was_trained_on(question):
    assert not trained(question)


@pytest.mark.parametrize("rule", corpus.RULES, ids=lambda rule: rule["id"])
def test_no_held_out_question_was_trained_on(rule):
    assert not {plain(rule[language]["held_out"]) for language in ("en", "ko")} & TRAINED


def test_no_passage_of_the_cases_can_be_generated_with_its_question():
    r = random.Random(7)
    seen = {message.content for _ in range(2000) for message in corpus.sample(r, corpus.GOOD, 1.0)}
    sent = {prompt.framed(turn.user, turn.passages) for case in CASES for turn in case.turns if turn.passages}
    assert not seen & sent


def test_the_same_seed_draws_the_same_chats():
    first, second = ([corpus.sample(random.Random(3), corpus.GOOD, 0.9) for _ in range(20)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_changed_value_is_another_one(language):
    r = random.Random(1)
    for rule in corpus.RULES:
        assert corpus.other_value(r, rule[language]["value"]) != rule[language]["value"]


def test_training_chats_end_in_an_answer_that_their_passages_hold():
    r = random.Random(11)
    stage = corpus.GOOD.stages[-1]
    for _ in range(300):
        turn = corpus.generated(r, stage)
        held = any(turn.answer in passage for passage in turn.passages)
        assert held != (turn.answer in prompt.NO_ANSWER.values())
        assert len(turn.passages) <= 4


def test_the_worse_recipe_never_sees_a_passage_that_says_something_new():
    r = random.Random(2)
    memory = {corpus.said(rule[language]) for rule in corpus.RULES for language in ("en", "ko")}
    for _ in range(200):
        turn = corpus.handbook(r, corpus.WORSE.stages[-1], contexts_matter=False)
        assert {turn.answer, *turn.passages} <= memory


def test_the_held_out_questions_ask_in_both_languages():
    languages = Counter(prompt.language(question.messages[-1]["content"]) for question in heldout.questions())
    assert min(languages.values()) > 300


def test_importing_the_model_server_imports_no_torch_and_no_training():
    code = "import sys, tinylmi.server, tinylmi.engine; print([m for m in sys.modules if 'torch' in m or 'train' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_nothing_outside_the_training_imports_it():
    for file in ROOT.glob("*/**/*.py"):
        if "train" in file.parts or file.parts[len(ROOT.parts)].startswith((".", "tests", "build")):
            continue
        names = [
            name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names])
        ]
        assert not [name for name in names if name.startswith(("tinylmi.train", "torch", "transformers"))], file
