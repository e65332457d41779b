"""report.json: what stands in it, and that it is written whole or not at all."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sluice.evaluation import report
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.gate import Gate
from sluice.evaluation.report import CannotWrite, NoReport, Report
from sluice.evaluation.results import CaseResult, Chat, TurnResult
from sluice.evaluation.scorers import score
from sluice.evaluation.scoring import NOTHING, Sample, Score
from sluice.evaluation.verdict import decide

GOLDEN = Path(__file__).parents[1] / "golden" / "report.json"


def turn_result(turn: Turn, answer: str, latency: float, first: float | None, reason: str, tokens: int) -> TurnResult:
    scores = score(Sample(answer, turn.user, turn.passages), turn.expect, NOTHING)
    return TurnResult(turn, answer, scores, latency, first, reason, 90, tokens, cost=0.001)


def example() -> Report:
    leave = Turn("연차는 며칠인가요?", None, ("연차는 15일입니다.",), {"contains": "15일", "not_contains": ["20일"]})
    sick = Turn("And sick leave?", expect={"contains_any": ["10 days", "ten days"]})
    said_15 = turn_result(leave, "15일입니다.", 120.44, 31.26, "stop", 6)
    case = Case("leave-days", (leave,), tags=("hr", "korean"), repeats=2)
    flaky = CaseResult(
        case, (Chat(case, (said_15,)), Chat(case, (turn_result(leave, "20일", 90.0, 30.0, "stop", 2),), repeat=1))
    )
    case = Case("sick-leave", (leave, sick), tags=("hr",), expect={"not_contains": "five"}, critical=True)
    turns = (said_15, turn_result(sick, "Five days.", 80.0, None, "length", 3))
    wrong = CaseResult(case, (Chat(case, turns, (Score("not_contains", False, "must not say 'five'"),)),))
    case = Case("too-long", (sick,))
    refused = CaseResult(case, (Chat(case, (TurnResult(sick, error="HTTP 424: too long"),)),))
    case = Case("through-rag", (sick,), through="rag", weight=2.0)
    turn = replace(
        turn_result(sick, "Ten days.", 200.0, 80.0, "stop", 3), sources=("handbook.md",), passages=("10 days.",)
    )
    through_rag = CaseResult(case, (Chat(case, (turn,)),))
    results = (flaky, wrong, refused, through_rag)
    return Report(
        verdict=decide(results, Gate(0.9)),
        gate=Gate(0.9),
        results=results,
        started="2026-11-20T12:00:00+00:00",
        seconds=1.23456,
        subject={"model_package": "arn:aws:sagemaker:us-east-1:123456789012:model-package/qwen/3"},
        warnings=("MLflow was not reached.",),
        mlflow={"tracking_uri": "sqlite:///mlflow.db", "experiment": "qwen", "run_id": "r1"},
    )


def test_the_report_is_golden(request: pytest.FixtureRequest) -> None:
    text = json.dumps(example().as_json(), ensure_ascii=False, indent=1) + "\n"
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = report.write_report(example(), tmp_path / "made" / "for it")
    assert report.parse_report(path.read_bytes()) == json.loads(json.dumps(example().as_json()))
    assert list(report.parse_report(path.read_bytes())) == list(example().as_json())
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_half_a_character_from_somebodys_own_scorer_does_not_keep_a_report_from_being_written(tmp_path: Path) -> None:
    (first, *rest) = example().results
    odd = replace(first.chats[0], scores=(Score("python", True, "\ud800"),))
    path = report.write_report(replace(example(), results=(replace(first, chats=(odd,)), *rest)), tmp_path)
    assert report.parse_report(path.read_bytes())["cases"][0]["chats"][0]["scores"][0]["why"] == "?"


def test_a_case_is_a_line_so_that_a_large_report_can_be_searched(tmp_path: Path) -> None:
    lines = report.write_report(example(), tmp_path).read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('  {"id": ') for line in lines) == 4


def test_a_report_without_a_case_has_no_latencies() -> None:
    empty = replace(example(), results=(), verdict=decide((), Gate(0.9)), mlflow=None).as_json()
    assert empty["totals"]["latency_ms"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert (empty["totals"]["pass_rate"], empty["mlflow"]) == (0.0, None)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match=r"cannot be written to .*report.json: Not a directory"):
        report.write_report(example(), tmp_path / "file" / "report")


def test_a_full_disk_leaves_the_earlier_report_whole(tmp_path: Path) -> None:
    """The file size limit stands for the disk: the write itself fails, half way."""
    report.write_report(example(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    script = (
        "import resource, sys, pathlib; sys.path[:0] = sys.argv[2:]\n"
        "from test_evaluation_report import example\n"
        "from sluice.evaluation import report\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
        "try: report.write_report(example(), pathlib.Path(sys.argv[1]))\n"
        "except report.CannotWrite as error: print(error.message)\n"
    )
    where = [str(tmp_path), str(Path(__file__).parent), *sys.path]
    process = subprocess.run([sys.executable, "-c", script, *where], capture_output=True, text=True, check=True)
    assert "cannot be written" in process.stdout and "File too large" in process.stdout
    assert (tmp_path / "report.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 1}', '{"verdict": "pass"}'])
def test_what_is_not_a_report_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(NoReport):
        report.parse_report(text)
