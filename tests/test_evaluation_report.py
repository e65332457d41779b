import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation import report
from evaluation.cases import Case, Turn
from evaluation.replay import CaseResult, TurnResult
from evaluation.report import CannotWrite, NoReport, Report
from evaluation.scorers import score
from evaluation.verdict import Gate, decide

GOLDEN = Path(__file__).parent / "golden" / "report.json"


def example() -> Report:
    leave = Turn("연차는 며칠인가요?", ("연차는 15일입니다.",), {"contains": ("15일",), "not_contains": ("20일",)})
    sick = Turn("And sick leave?", expect={"contains_any": ("10 days", "ten days")})
    good = CaseResult(
        Case("leave-days", (leave,), ("hr", "korean")),
        (TurnResult(leave, "15일입니다.", score("15일입니다.", leave.expect), 120.44, 31.26, "stop", 90, 6),),
    )
    wrong = CaseResult(
        Case("sick-leave", (leave, sick)),
        (
            TurnResult(leave, "15일", score("15일", leave.expect), 100.0, 30.0, "stop", 90, 4),
            TurnResult(sick, "Five days.", score("Five days.", sick.expect), 80.0, None, "length", 120, 3),
        ),
    )
    refused = CaseResult(Case("too-long", (sick,)), (TurnResult(sick, latency_ms=3.0, error="HTTP 424: too long"),))
    results = (good, wrong, refused)
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
    path = report.write(example(), tmp_path / "made" / "for it")
    assert report.parse(path.read_bytes()) == example().as_json()
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_a_report_without_a_case_has_no_latencies() -> None:
    empty = replace(example(), results=(), verdict=decide((), Gate(0.9)), mlflow=None).as_json()
    assert empty["totals"]["latency_ms"] == {"p50": None, "p95": None, "max": None}
    assert (empty["totals"]["pass_rate"], empty["mlflow"]) == (0.0, None)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match=r"cannot be written to .*report.json: Not a directory"):
        report.write(example(), tmp_path / "file" / "report")


def test_a_full_disk_leaves_the_earlier_report_whole(tmp_path: Path) -> None:
    """The file size limit stands for the disk: the write itself fails, half way."""
    report.write(example(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    script = (
        "import resource, sys, pathlib; sys.path[:0] = sys.argv[2:]\n"
        "from test_evaluation_report import example\n"
        "from evaluation import report\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
        "try: report.write(example(), pathlib.Path(sys.argv[1]))\n"
        "except report.CannotWrite as error: print(error.message)\n"
    )
    where = [str(tmp_path), *sys.path]
    done = subprocess.run([sys.executable, "-c", script, *where], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout and "File too large" in done.stdout
    assert (tmp_path / "report.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 2}', '{"verdict": "pass"}'])
def test_what_is_not_a_report_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(NoReport):
        report.parse(text)
