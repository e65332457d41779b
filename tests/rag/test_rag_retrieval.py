"""Search finds the right passage for Korean and English questions, and nothing for small talk or broken queries."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rag_library as library
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from sluice.rag import analyzer
from sluice.rag.documents import Documents
from sluice.rag.passages import Passage
from sluice.rag.retrieval import Retrieval, Source
from sluice.rag.vectors import HashedNgrams, Vectors

LANGUAGES = {"ko": library.KOREAN, "en": library.ENGLISH}


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retrieval]:
    with closing(Documents(tmp_path_factory.mktemp("library") / "d.sqlite3")) as documents:
        for language, entries in LANGUAGES.items():
            documents.put(language, "", [Passage("", passage) for passage, _ in entries])
        yield Retrieval(documents)


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Documents]:
    with closing(Documents(tmp_path / "d.sqlite3")) as documents:
        yield documents


def position(source: Source) -> int:
    return int(source.id.partition("#")[2]) - 1


def hits(retrieval: Retrieval, language: str) -> tuple[float, float]:
    asked = [(question, right) for right, (_, some) in enumerate(LANGUAGES[language]) for question in some]
    found = [([position(source) for source in retrieval.find(question, 4)], right) for question, right in asked]
    return (
        sum(got[:1] == [right] for got, right in found) / len(asked),
        sum(right in got[:3] for got, right in found) / len(asked),
    )


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_right_passage_is_found(retrieval: Retrieval, language: str) -> None:
    first, third = hits(retrieval, language)
    assert first >= 0.93
    assert third >= 0.95


def test_a_follow_up_is_understood_with_the_question_before(retrieval: Retrieval) -> None:
    def found(before: bool) -> int:
        return sum(
            (language, right) in [(s.document, position(s)) for s in retrieval.find(then, 4, first if before else "")]
            for language, first, then, right in library.FOLLOW_UPS
        )

    assert found(before=False) <= 10
    assert found(before=True) >= 13


def test_a_change_of_subject_is_not_outvoted_by_the_question_before(retrieval: Retrieval) -> None:
    for entries in LANGUAGES.values():
        questions = [some[0] for _, some in entries]
        kept = sum(
            [position(source) for source in retrieval.find(question, 4, questions[right - 7])][:1] == [right]
            for right, question in enumerate(questions)
        )
        assert kept >= 21  # of 24


def test_small_talk_and_other_subjects_find_nothing(retrieval: Retrieval) -> None:
    asked = [question for line in library.SMALL_TALK + library.ELSEWHERE for question in line.split("|")]
    found = [question for question in asked if retrieval.find(question, 4)]
    assert len(found) <= 1, found


def test_small_talk_after_a_question_does_not_bring_its_passages_back(retrieval: Retrieval) -> None:
    before = ("회원증은 어디서 만들어요?", "Do you lend laptops?")
    found = [
        talk
        for first, line in zip(before, library.SMALL_TALK, strict=True)
        for talk in line.split("|")
        if retrieval.find(talk, 4, first)
    ]
    assert len(found) <= 2, found


def test_sources_are_ranked_and_scored(retrieval: Retrieval) -> None:
    found = retrieval.find("컬러 인쇄는 얼마예요?", 4)
    assert [source.rank for source in found] == list(range(1, len(found) + 1))
    assert found[0].passage == "흑백 인쇄는 한 장에 50원, 컬러 인쇄는 200원입니다."
    assert 0 < found[0].score <= 1


BROKEN = (
    '"|\'|" OR 1|text:x|a NEAR b|NEAR(|*|^a|col : a|(|)|-|a AND|NOT|AND OR NOT|{text} : a|a + b|;drop table passage|'
    "％|😀|ﷺ|ㅋㅋㅋ|ᄒ|한"
)


@pytest.mark.parametrize("query", [*BROKEN.split("|"), "|", "", " ", "\x00", "x\x00y", "가" * 5000, "a b " * 2000])
def test_no_question_breaks_the_search(retrieval: Retrieval, query: str) -> None:
    retrieval.find(query, 4)
    retrieval.find(query, 4, query)


@given(st.text(max_size=80), st.text(max_size=20))
@hypothesis(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_question_at_all_breaks_the_search(retrieval: Retrieval, query: str, before: str) -> None:
    retrieval.find(query, 4, before)


def test_the_words_of_search_expressions_are_searched_as_words(documents: Documents) -> None:
    documents.put(
        "d", "", [Passage("", 'Write NEAR(a b) AND "quotes" in column: text.'), Passage("", "Bread is baked.")]
    )
    assert [position(source) for source in Retrieval(documents).find('"quotes" column:text', 4)] == [0]


def test_headings_are_searched_too(documents: Documents) -> None:
    documents.put("d", "", [Passage("연차 휴가", "1년에 15일입니다."), Passage("병가", "1년에 10일입니다.")])
    assert Retrieval(documents).find("연차는 며칠이에요?", 1)[0].passage == "1년에 15일입니다."


def test_a_change_of_the_documents_is_seen_by_the_next_search(documents: Documents) -> None:
    retrieval = Retrieval(documents)
    assert retrieval.find("parking", 4) == []
    Documents(documents.path).put("d", "", [Passage("", "Parking is free.")])  # another server on the same file
    assert [source.passage for source in retrieval.find("parking", 4)] == ["Parking is free."]
    documents.put("d", "", [Passage("", "Parking costs 2 euros.")])
    assert [source.passage for source in retrieval.find("parking", 4)] == ["Parking costs 2 euros."]
    documents.delete("d")
    assert retrieval.find("parking", 4) == []


def test_searches_and_changes_at_the_same_time_see_whole_documents(documents: Documents) -> None:
    retrieval = Retrieval(documents)
    documents.put("d", "", [Passage("", f"Parking rule {n} of edition 0.") for n in range(4)])
    wrong: list[object] = []

    def read() -> None:
        try:
            for _ in range(40):
                editions = {source.passage.split()[-1] for source in retrieval.find("parking rule edition", 4)}
                if len(editions) != 1:
                    wrong.append(editions)
        except Exception as error:  # a thread's exception would be lost
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for edition in range(1, 15):
        documents.put("d", "", [Passage("", f"Parking rule {n} of edition {edition}.") for n in range(4)])
    for reader in readers:
        reader.join()
    assert wrong == []


class Meaning:
    """A stand-in for an embedder that knows what words mean."""

    name = "meaning-1"
    lexical = False

    def embed(self, texts: list[str]) -> Vectors:
        return np.array([[float("car" in text or "parking" in text.lower()), 1.0] for text in texts], np.float32)


def test_another_embedder_makes_new_vectors_for_what_is_stored(tmp_path: Path) -> None:
    Documents(tmp_path / "d.sqlite3").put("d", "", [Passage("", "Bread rolls."), Passage("", "Parking is free.")])
    with closing(Documents(tmp_path / "d.sqlite3", Meaning())) as documents:
        with documents.snapshot() as db:
            sizes = [len(vector) for (vector,) in db.execute("select vector from passage")]
        assert sizes == [4, 4]
        assert Retrieval(documents).find("free parking", 1)[0].passage == "Parking is free."
    assert HashedNgrams().embed(["x"]).shape == (1, 2048)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("연차는", "연차"), ("１２,０００원", "12000원"), ("한글", "한글"), ("Books", "book"), ("policies", "policy"),
        ("running", "runs"), ("ＡＢＣ", "abc"), ("G5", "g5"),
    ],
)  # fmt: skip
def test_spellings_of_one_word_meet(one: str, other: str) -> None:
    assert set(analyzer.tokens(one)) & set(analyzer.tokens(other))


def test_every_token_is_letters_and_digits() -> None:
    text = 'a"b 한글-12,000.5 ml.g5.xlarge 東京タワー ñandú _x_ 3월31일 "quoted" \x00'
    assert all(token.isalnum() for token in analyzer.tokens(text))
