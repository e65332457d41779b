"""What `sluice` says of a report in the terminal."""

import re

import pytest
from report_example import approved, case, chat, example, report, turn
from report_hostile import hostile, large

from sluice.cli.evaluation.report_output import show_failed_cases, show_report


def test_what_failed_is_told_first_and_then_why(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(example())
    output = capsys.readouterr().out
    order = ["fail  qwen3-4b-chat version 7", "The critical case", "What failed"]
    order += ["failed name-after-two-turns-ko critical, lost", "flaky  sick-leave-ko"]
    order += ["Why", "name-after-two-turns-ko, turn 3 of 3", "why       looked for '정우'"]
    order += ["Against version 6: −2.1 points, 2 lost, 1 gained.", "52 turns in 61.2 s; p50 840 ms, p95 2,890 ms."]
    places = [output.index(each) for each in order]
    assert places == sorted(places)


def test_the_criteria_that_were_not_reached_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(example())
    lines = re.findall(r"^(fail|pass|inconclusive) ", capsys.readouterr().out, re.MULTILINE)
    assert lines == ["fail", "fail", "fail", "inconclusive", "pass", "pass"]


def test_the_champions_answer_stands_above_that_of_a_lost_case(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(example())
    assert re.search(r"champion  You get 22 days.*\n    answer    You get 15 days", capsys.readouterr().out)


def test_a_report_that_passed_says_so_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(approved())
    output = capsys.readouterr().out
    assert output.startswith("pass  qwen3-4b-chat version 8\n48 of 48 cases passed") and "What failed" not in output


def test_many_failures_are_counted_and_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_failed_cases(large(300, 200), most=3)
    output = capsys.readouterr().out
    assert "and 188 more cases." in output and "and 197 more cases; the report has them all." in output
    assert len(output.splitlines()) < 60


def test_nothing_that_a_model_said_reaches_the_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(hostile(), most=50)
    output = capsys.readouterr().out
    assert not set(output) & set("\x1b\x07\x9b\r\x00\x08\u202e\u2066\u200b")
    assert max(map(len, output.splitlines())) < 2000


def test_markup_of_the_terminal_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(
        report([case("[red]id[/red]", chat(turn("[bold]q", "[/] a", error="[link=x]e[/link]")))], summary="[blink]s")
    )
    output = capsys.readouterr().out
    assert "[red]id[/red]" in output and "[link=x]e[/link]" in output and "[blink]s" in output


def test_an_empty_report_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    show_report({"verdict": "error", "summary": "Could not be judged: no case was replayed."})
    assert capsys.readouterr().out == "error  a model\nCould not be judged: no case was replayed.\n\n\n"
