"""Real chats as candidates: cut where the user went away, redacted throughout, unreviewed, with nothing invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from sluice.datasets import harvest, yaml_writer
from sluice.datasets.harvest import MOST_TURNS, PAUSE, HistoryTurn, draft_case, question_key, split_chats
from sluice.errors import UsageError
from sluice.evaluation.cases import case as cases
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.loader import CaseProblem, CaseReader

START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def make_turn(question: str, answer: str = "네.", after: timedelta = timedelta(0), **more: Any) -> HistoryTurn:
    at = (START + after).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return HistoryTurn(f"{at}-0a1b2c3d", at, question, answer, more.pop("version", 3), **more)


def talk(count: int, minutes: float = 1) -> list[HistoryTurn]:
    return [make_turn(f"질문 {number}?", after=timedelta(minutes=minutes * number)) for number in range(count)]


def test_a_pause_begins_another_chat() -> None:
    turns = [*talk(3), *[replace(turn, at=make_turn("", after=PAUSE * 2).at) for turn in talk(2)]]
    assert [len(chat) for chat in split_chats(turns)] == [3, 2]
    at_once = [make_turn("a"), make_turn("b", after=PAUSE)]
    assert [len(chat) for chat in split_chats(at_once)] == [2]


def test_a_long_talk_is_cut_into_chats_that_a_person_can_read() -> None:
    assert [len(chat) for chat in split_chats(talk(MOST_TURNS * 2 + 1))] == [MOST_TURNS, MOST_TURNS, 1]
    assert list(split_chats([])) == []


def test_a_candidate_has_what_was_said_and_nothing_else() -> None:
    draft = draft_case("u-17", [make_turn("연차는 며칠인가요?", "20일입니다."), make_turn("병가는요?", "10일입니다.")])
    assert draft.case == {
        "id": draft.case["id"],
        "tags": ["harvested", "korean"],
        "reviewed": False,
        "turns": [
            {"user": "연차는 며칠인가요?", "answer": "20일입니다."},
            {"user": "병가는요?", "answer": "10일입니다."},
        ],
    }
    assert draft.notes == ["Answered by version 3. Replaced: nothing."]


def test_a_follow_up_still_makes_sense_after_redaction() -> None:
    draft = draft_case(
        "mina.kim",
        [
            make_turn("저는 김민아이고 번호는 010-1234-5678이에요.", "김민아 님, 반갑습니다."),
            make_turn("제 번호가 뭐였죠?", "010-1234-5678입니다, mina.kim 님."),
        ],
    )
    assert draft.case["turns"] == [
        {"user": "저는 [이름 1]이고 번호는 [전화번호 1]이에요.", "answer": "[이름 1] 님, 반갑습니다."},
        {"user": "제 번호가 뭐였죠?", "answer": "[전화번호 1]입니다, [이름 2] 님."},
    ]
    assert draft.notes == ["Answered by version 3. Replaced: names 2, phone numbers 1."]


def test_neither_the_user_nor_the_time_stands_in_a_candidate() -> None:
    text = yaml_writer.render_case(draft_case("mina-7", talk(2)))
    assert "mina" not in text and "2026" not in text and "0a1b2c3d" not in text


def test_the_same_chat_has_the_same_id_and_another_has_another() -> None:
    ids = [draft_case("a", chat).case["id"] for chat in (talk(1), talk(2), [make_turn("x", after=timedelta(hours=1))])]
    assert ids[0] == ids[1] != ids[2]


def test_a_chat_that_was_answered_from_documents_goes_through_the_rag_server() -> None:
    draft = draft_case("u", [make_turn("?", sources=("사내 규정 › 휴가", "handbook by John Smith"))])
    assert draft.case["through"] == "rag"
    assert draft.notes[1] == "Answered from: 사내 규정 › 휴가, handbook by [이름 1]."


def test_an_answer_that_was_cut_off_is_no_written_one() -> None:
    draft = draft_case("u", [make_turn("a", "완전한 답."), make_turn("b", "잘린", whole=False), make_turn("c", " ")])
    assert ["answer" in turn for turn in draft.case["turns"]] == [True, False, False]
    assert "The answer of turn 2 was cut off, and is left out." in draft.notes


def test_chats_that_ask_the_same_are_alike_whatever_was_answered() -> None:
    one, other = (draft_case("u", [make_turn("연차는  며칠?", answer)]) for answer in ("20일", "15일"))
    assert question_key(one) == question_key(other) != question_key(draft_case("u", [make_turn("병가는?")]))


@pytest.mark.parametrize(
    "hostile", ["<script>", "\x1b[2J", "a: b # c\n- d", "😀\u202e\ufeff\x00", "'\"\\", "y" * 10_000]
)
def test_candidates_are_read_as_cases_whatever_was_said_and_none_of_them_can_gate(hostile: str) -> None:
    drafts = [draft_case("u", [make_turn(hostile, hostile), make_turn("?", hostile)]), draft_case("u", talk(1))]
    contents = yaml.safe_load("".join(yaml_writer.render_file(drafts, harvest.HEAD)))["cases"]
    problems: list[CaseProblem] = []
    read = [CaseReader("", problems).parse_case(case, "") for case in contents]
    assert problems == []
    assert [case.turns[0].expect for case in read if case] == [{}, {}]
    with pytest.raises(UsageError, match="2 cases are unreviewed and cannot gate"):
        cases.require_reviewed([case for case in read if case])


def test_the_head_of_the_file_says_how_to_review(tmp_path: Any) -> None:
    file = tmp_path / "candidates.yaml"
    file.write_text("".join(yaml_writer.render_file([draft_case("u", talk(1))], harvest.HEAD)), encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Candidates from real chats of users who agreed.")
    assert "not\n# perfect" in text and "remove\n# `reviewed: false`" in text
    assert [case.reviewed for case in loader.read_cases(file)] == [False]
