import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scorers import score


def passes(answer: str, **expect: str | tuple[str, ...]) -> bool:
    wanted = {name: (texts,) if isinstance(texts, str) else texts for name, texts in expect.items()}
    return all(score.passed for score in score(answer, wanted))


@pytest.mark.parametrize(
    ("answer", "expect"),
    [
        ("You get 15 days.", {"contains": "15 DAYS"}),
        ("You get\n 15\tdays.", {"contains": "15 days"}),
        ("연차는 15일입니다.", {"contains": "15일"}),
        (unicodedata.normalize("NFD", "연차는 십오일"), {"contains": "십오일"}),
        ("STRASSE", {"equals": "straße"}),
        ("It is blue.", {"contains_any": ("red", "Blue")}),
        ("red and blue", {"contains_all": ("red", "blue")}),
        ("red", {"not_contains": ("blue", "green")}),
        ("Call 02-123-4567 now", {"matches": r"\d{2}-\d{3}-\d{4}"}),
        ("  문서에서 찾을 수\n없습니다. ", {"equals": "문서에서 찾을 수 없습니다."}),
    ],
)
def test_what_a_reader_would_let_pass_passes(answer: str, expect: dict[str, str]) -> None:
    assert passes(answer, **expect)


@pytest.mark.parametrize(
    ("answer", "expect"),
    [
        ("You get 20 days.", {"contains": "15 days"}),
        ("연차는 20일입니다.", {"contains": "15일"}),
        ("green", {"contains_any": ("red", "blue")}),
        ("red", {"contains_all": ("red", "blue")}),
        ("blue", {"not_contains": ("blue", "green")}),
        ("no number", {"matches": r"\d"}),
        ("", {"equals": "x"}),
    ],
)
def test_what_a_reader_would_not_let_pass_fails(answer: str, expect: dict[str, str]) -> None:
    assert not passes(answer, **expect)


def test_a_score_says_what_was_looked_for_and_what_was_said() -> None:
    (found,) = score("연차는 20일입니다.", {"contains": ("15일",)})
    assert found.why == "looked for '15일', the answer says '연차는 20일입니다.'"
    (found,) = score("", {"contains": ("15일",)})
    assert found.why == "looked for '15일', the answer says nothing"
    (found,) = score("red", {"contains_all": ("red", "blue")})
    assert found.why == "looked for 'blue', the answer says 'red'"
    (found,) = score("It is 20 days", {"not_contains": ("20 days",)})
    assert found.why == "must not say '20 days', the answer says 'It is 20 days'"


def test_a_long_answer_is_quoted_short() -> None:
    (found,) = score("word " * 500, {"contains": ("15",)})
    assert len(found.why) < 220
    assert found.why.endswith(" ...'")


@given(st.text(min_size=1).filter(str.strip), st.text(), st.text())
def test_an_answer_contains_what_is_put_into_it(wanted: str, before: str, after: str) -> None:
    # between blanks, as a combining mark at a seam makes another letter
    assert passes(f"{before} {wanted} {after}", contains=wanted)
