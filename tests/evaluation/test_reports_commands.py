"""`sluice report` and `sluice compare`, and the files that a report is written into."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_sagemaker import FakeAws
from release_example import shipped
from report_example import approved, case, chat, example, report, score, turn
from stub_model import StubModel, serving

from sluice.cli.evaluation.compare import build_comparison, read_gate
from sluice.cli.evaluation.sources import Reader, kind_of
from sluice.cli.main import sluice
from sluice.errors import SluiceError, UsageError
from sluice.evaluation.reports import files


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(sluice, list(map(str, arguments)), catch_exceptions=True)


def written(folder: Path, name: str, content: dict[str, Any]) -> Path:
    file = folder / name
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return file


def report_of(passed: int, failed: int, **more: Any) -> dict[str, Any]:
    """So many cases that passed and failed, named alike in every report."""
    cases = [
        case(f"c{n}", chat(turn("q", f"a{n}", score("s", n < passed, "w"), ms=500.0))) for n in range(passed + failed)
    ]
    return report(cases, verdict="pass", hashes={"cases": "1", "scorers": "2"}, **more)


def test_a_report_is_written_in_every_form_that_is_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, "report.json", example())
    page, comment, document = (tmp_path / "out" / name for name in ("r.html", "r.md", "r.xml"))
    result = run("report", file, "--html", page, "--markdown", comment, "--junit", document)
    assert (result.exit_code, result.output) == (0, "")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert comment.read_text("utf-8").startswith("## Fail")
    assert document.read_text("utf-8").startswith("<?xml")


def test_a_report_is_shown_without_a_form_and_from_its_folder(tmp_path: Path) -> None:
    written(tmp_path, "report.json", example())
    result = run("report", tmp_path)
    assert result.exit_code == 0 and result.output.startswith("fail  qwen3-4b-chat version 7")


def test_a_form_goes_to_standard_output(tmp_path: Path) -> None:
    assert run("report", written(tmp_path, "r.json", approved()), "--markdown", "-").output.startswith("## Pass")


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is not JSON"), ('{"schema_version": 1}', "not a report of schema version 2"), (None, "cannot be read")],
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "r.json"
    if content is not None:
        file.write_text(content)
    result = run("report", file)
    assert isinstance(result.exception, SluiceError) and message in result.exception.message


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    file = written(tmp_path, "r.json", approved())
    result = run("report", file, "--html", file / "below" / "r.html")
    assert isinstance(result.exception, SluiceError) and "cannot be written to" in result.exception.message


def test_two_reports_that_are_alike_pass(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a.json", report_of(190, 10)), written(tmp_path, "b.json", report_of(190, 10))
    result = run("compare", a, b)
    assert result.exit_code == 0
    assert result.output.startswith("pass") and "0 lost, 0 gained" in result.output


def test_a_report_that_is_worse_fails_and_its_lost_cases_are_shown(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a.json", report_of(200, 0)), written(tmp_path, "b.json", report_of(150, 50))
    page = tmp_path / "page.html"
    result = run("compare", a, b, "--html", page)
    assert result.exit_code == 1
    assert result.output.startswith("fail") and "50 lost, 0 gained" in result.output
    assert '<body class="fail">' in page.read_text("utf-8") and "Lost" in page.read_text("utf-8")


def test_too_few_cases_are_inconclusive_and_that_is_no_pass(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a.json", report_of(9, 1)), written(tmp_path, "b.json", report_of(8, 2))
    result = run("compare", a, b, "--json")
    content = json.loads(result.output)
    assert result.exit_code == 1 and content["verdict"] == content["comparison"]["verdict"] == "inconclusive"
    assert content["comparison"]["lost"] == ["c8"] and content["summary"] == content["comparison"]["why"]


def test_the_margin_is_what_is_asked_for(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a.json", report_of(200, 0)), written(tmp_path, "b.json", report_of(180, 20))
    assert run("compare", a, b, "--margin", "0.3").exit_code == 0
    assert run("compare", a, b, "--margin", "0.01").exit_code == 1


def test_reports_on_other_cases_are_compared_with_a_note(tmp_path: Path) -> None:
    a = written(tmp_path, "a.json", report_of(20, 0))
    b = written(tmp_path, "b.json", report_of(20, 0) | {"hashes": {"cases": "9", "scorers": "2"}})
    assert "Note: The cases are not the same in A and B." in run("compare", a, b).output


def test_what_could_not_be_judged_cannot_be_compared(tmp_path: Path) -> None:
    a = written(tmp_path, "a.json", report_of(20, 0))
    b = written(tmp_path, "b.json", report([], verdict="error", summary="Could not be judged: it was down."))
    result = run("compare", a, b)
    assert isinstance(result.exception, SluiceError) and "it was down" in result.exception.message


def test_a_mistyped_file_is_told_before_anything_is_replayed(tmp_path: Path) -> None:
    result = run("compare", "http://127.0.0.1:9/", tmp_path / "none.json", "--cases", tmp_path)
    assert isinstance(result.exception, UsageError) and "none.json cannot be read" in result.exception.message


def test_all_forms_lie_beside_the_report(tmp_path: Path) -> None:
    assert files.write_all(tmp_path, example()) == ()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["junit.xml", "report.html", "report.md"]


def test_a_page_that_cannot_be_drawn_or_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (warning,) = files.write_all(tmp_path, example())
    assert warning.startswith("report.html was not written: IsADirectoryError")
    assert (tmp_path / "junit.xml").exists()


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    file = tmp_path / "cases.yaml"
    turns = [{"user": "연차는 며칠인가요?", "expect": {"contains": "15일"}}]
    file.write_text(json.dumps({"cases": [{"id": f"c{number}", "turns": turns} for number in range(80)]}))
    return file


def test_two_urls_are_replayed_and_compared(tmp_path: Path, cases: Path) -> None:
    good, worse = StubModel(), StubModel()
    good.answers("15일입니다.")
    worse.answers("20일입니다.")
    page = tmp_path / "page.html"
    with serving(good), serving(worse):
        result = run("compare", good.url, worse.url, "--cases", cases, "--html", page)
        same = run("compare", good.url, good.url, "--cases", cases)
    assert result.exit_code == 1 and "80 lost, 0 gained" in result.output
    assert "<del>15</del>일입니다." in page.read_text("utf-8")
    assert same.exit_code == 0 and len(good.asked) == 160 and len(worse.asked) == 80


def test_a_stored_report_is_compared_with_a_url(tmp_path: Path, cases: Path) -> None:
    model = StubModel()
    model.answers("15일입니다.")
    with serving(model):
        run("replay", "--url", model.url, "--cases", cases, "--out", tmp_path / "before")
        result = run("compare", tmp_path / "before", model.url, "--cases", cases, "--json")
    content = json.loads(result.output)
    assert result.exit_code == 0 and content["comparison"]["pairs"] == 80 and content["warnings"] == []


class Account:
    """An account whose registry and bucket are in memory."""

    def __init__(self) -> None:
        self.aws = FakeAws()
        self.sagemaker = self.aws.sagemaker

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def has_judged(self, content: dict[str, Any]) -> None:
        """One more version, with this report."""
        number = len(self.sagemaker.packages) + 1
        place = f"s3://bucket/{number}/report.json"
        self.sagemaker.registers(verdict=content["verdict"], report=place)
        self.aws.s3.holds(place, content)


def reader(account: Account) -> Reader:
    version_reader = Reader(Path("pipeline.yaml"), "local")
    version_reader.__dict__ |= {"config": shipped(), "target": account}
    return version_reader


def test_a_version_is_known_by_its_stored_report() -> None:
    account = Account()
    account.has_judged(report_of(10, 0))
    assert reader(account).read_stored("1")["totals"]["passed"] == 10
    with pytest.raises(SluiceError, match="has no version 2"):
        reader(account).read_stored("2")


def test_two_versions_are_compared_by_their_reports() -> None:
    account = Account()
    account.has_judged(report_of(200, 0, subject={"version": "1"}, environment={"OPTION_DTYPE": "bf16"}))
    account.has_judged(report_of(150, 50, subject={"version": "2"}, environment={"OPTION_DTYPE": "fp8"}))
    flags = {"margin": None, "latency_margin": None, "confidence": None}
    a, b = (reader(account).read_stored(version) for version in ("1", "2"))
    content = build_comparison(a, b, read_gate(reader(account), "1", "2", flags), replayed=False)
    assert content["verdict"] == "fail" and content["comparison"]["champion"]["version"] == "1"
    assert (
        content["comparison"]["champion"]["environment"] == {"OPTION_DTYPE": "bf16"}
        and content["comparison"]["replayed"] is False
    )


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("7", "version"), ("http://127.0.0.1:8080/invocations", "url"), ("report.json", "file"), ("out/run-7", "file"),
        ("qwen3-4b-chat-v7", "endpoint"),
    ],
)  # fmt: skip
def test_what_is_named_is_known_by_its_looks(source: str, kind: str) -> None:
    assert kind_of(source) == kind


def test_what_several_criteria_say_is_said_once_and_counted(tmp_path: Path) -> None:
    tagged = {
        side: [each | {"tags": ["all", "every"]} for each in report_of(*side)["cases"]]
        for side in ((200, 0), (100, 100))
    }
    a, b = (written(tmp_path, f"{n}.json", report_of(*side) | {"cases": tagged[side]}) for n, side in enumerate(tagged))
    content = json.loads(run("compare", a, b, "--json").output)
    assert content["summary"].endswith("(100 cases worse, 0 better). Likewise 2 other criteria.")
    assert [each["of"] for each in content["decided"]] == ["all", "all", "every"]
