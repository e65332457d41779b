"""`sluice replay` on a URL: what it prints, what it leaves, and how an interrupted one goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stub_model import StubModel, serving

from sluice.cli.evaluation.replay import replay
from sluice.errors import UsageError
from sluice.evaluation.replay.journal import FILE


@pytest.fixture
def model() -> Iterator[StubModel]:
    model = StubModel()
    with serving(model):
        yield model


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.yaml"
    turn = {"user": "q", "expect": {"contains": "echo"}}
    path.write_text(json.dumps({"cases": [{"id": f"c{n}", "turns": [turn, turn]} for n in range(4)]}))
    return path


def run(model: StubModel, cases: Path, *more: object) -> Result:
    arguments = ["--url", model.url, "--cases", str(cases), *map(str, more)]
    return CliRunner().invoke(replay, arguments, catch_exceptions=False)


def test_the_verdict_is_told_and_is_the_exit_code(model: StubModel, cases: Path) -> None:
    result = run(model, cases)
    assert result.exit_code == 0 and "4 of 4 cases passed" in result.output
    model.answers("no")
    assert run(model, cases).exit_code == 1
    assert run(model, cases, "--min-pass-rate", 0).exit_code == 0


def test_the_report_is_one_document_with_what_it_takes_to_compare_it(model: StubModel, cases: Path) -> None:
    result = run(model, cases, "--json", "--seed", 3, "--repeats", 2, "--price-per-million", 1000, 2000)
    report = json.loads(result.stdout)
    assert report["subject"] == {"url": model.url}
    assert report["plan"] | {"seed": 3, "repeats": 2} == report["plan"]
    assert set(report["hashes"]) == {"cases", "scorers"}
    assert report["totals"]["cost_per_answer"] == pytest.approx((7 * 1000 + 2 * 2000) / 1e6)
    other = json.loads(run(model, cases, "--json", "--max-tokens", 9).stdout)
    assert other["hashes"]["cases"] == report["hashes"]["cases"]
    assert other["hashes"]["scorers"] != report["hashes"]["scorers"]


def test_the_other_forms_are_written(model: StubModel, cases: Path, tmp_path: Path) -> None:
    run(model, cases, "--html", tmp_path / "r.html", "--markdown", tmp_path / "r.md", "--junit", tmp_path / "r.xml")
    assert all((tmp_path / name).stat().st_size > 100 for name in ("r.html", "r.md", "r.xml"))


def test_an_interrupted_replay_goes_on_where_its_journal_is(model: StubModel, cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def answer(_: Any) -> str:
        model.hang_up = len(model.asked) == 5
        return "echo"

    model.answers(answer)
    stopped = run(model, cases, "--out", out, "--concurrency", 1)
    assert stopped.exit_code == 1 and "is gone" in stopped.output
    assert f"2 chats are kept: the same with `--resume {out}` goes on there." in stopped.stderr
    assert json.loads((out / "report.json").read_text())["verdict"] == "error"

    model.hang_up = False
    model.answers("echo")
    model.asked.clear()
    result = run(model, cases, "--resume", out, "--concurrency", 1)
    assert result.exit_code == 0 and len(model.asked) == 4
    assert "holds 2 chats of a replay that did not end" in result.stderr
    assert "2 chats were taken from the journal" in result.stdout
    assert json.loads((out / "report.json").read_text())["verdict"] == "pass"
    assert not (out / FILE).exists(), "a replay that has ended is not gone on with"


def test_a_replay_that_has_ended_is_asked_anew(model: StubModel, cases: Path, tmp_path: Path) -> None:
    for _ in range(2):
        run(model, cases, "--out", tmp_path / "out")
    assert len(model.asked) == 16
    with pytest.raises(UsageError, match="holds no journal"):
        run(model, cases, "--resume", tmp_path / "out")


def test_with_a_cache_nothing_is_asked_twice_and_nothing_passes(model: StubModel, cases: Path, tmp_path: Path) -> None:
    first = run(model, cases, "--cache", tmp_path / "cache")
    requests_before = len(model.asked)
    again = run(model, cases, "--cache", tmp_path / "cache")
    assert len(model.asked) == requests_before
    for result in (first, again):
        assert result.exit_code == 1 and "inconclusive" in result.output


def test_a_server_may_want_its_model_and_a_key(model: StubModel, cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    result = run(model, cases, "--model", "qwen3", "--key-variable", "SOME_KEY", "--json")
    assert model.asked[0]["model"] == "qwen3"
    assert model.keys[0] == "Bearer secret"
    assert "secret" not in result.output
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(UsageError, match="SOME_KEY, which holds no key"):
        run(model, cases, "--key-variable", "SOME_KEY")


def test_cases_that_ask_the_model_need_one(cases: Path) -> None:
    with pytest.raises(UsageError, match="only a RAG server was named"):
        CliRunner().invoke(replay, ["--rag", "http://127.0.0.1:1", "--cases", str(cases)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("more", "message"),
    [(("--endpoint", "e"), "Give only one of"), (("--out", "a", "--resume", "b"), "leave out --out")],
)
def test_what_contradicts_itself_is_refused(model: StubModel, cases: Path, more: Any, message: str) -> None:
    result = run(model, cases, *more)
    assert result.exit_code == 2 and message in result.output


def test_progress_is_told_in_plain_lines_where_no_terminal_is(
    model: StubModel, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluice.cli.evaluation.replay.QUIET", 0.0)
    result = run(model, cases, "--json")
    assert "4 of 4 chats" in result.stderr
    json.loads(result.stdout)


def test_of_a_large_replay_the_terminal_is_given_what_failed(model: StubModel, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    lines = [
        {"id": f"c{n}", "turns": [{"user": "q", "expect": {"contains": "x" if n == 7 else "echo"}}]}
        for n in range(2100)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    result = run(model, path, "--out", tmp_path / "out", "--min-pass-rate", 1)
    assert "2099 of 2100 cases passed" in result.output and "c7" in result.output
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["cases"]) == 2100
