"""What a version is judged by is complete before anything costs time; whoever cannot be asked is not passed over."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_sagemaker import ARN, GROUP, FakeAws
from steps_example import settled
from stub_rag import StubRag, stub_rag

from sluice.errors import UsageError
from sluice.evaluation.settings import RagSettings
from sluice.registry import packages
from sluice.steps.evaluate import evaluate
from sluice.steps.inputs import Evaluate
from sluice.steps.run_context import OtherEndpoint, RunContext, prepare_run

CASES = """
cases:
  - {id: alone, turns: [{user: hi, expect: {contains: echo}}]}
  - {id: together, through: rag, turns: [{user: how many days?, expect: {contains: echo, cites: handbook}}]}
"""


@pytest.fixture
def rag() -> Iterator[StubRag]:
    with stub_rag() as server:
        yield server


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.sagemaker.serves("chat", aws.sagemaker.registers())
    return aws


@pytest.fixture
def inputs(tmp_path: Path) -> Evaluate:
    (tmp_path / "cases.yaml").write_text(CASES)
    return Evaluate(
        model_package=f"{ARN}:model-package/{GROUP}/1",
        report_uri="s3://sluice/reports/1",
        experiment="chat",
        execution="e1",
        settings=settled(tmp_path / "settings"),
        cases=str(tmp_path / "cases.yaml"),
        report=str(tmp_path / "report"),
        target="chat",
    )


def prepare(inputs: Evaluate, endpoint: str | None = "chat", **changes: Any) -> RunContext:
    settled(Path(inputs.settings), **changes)
    return prepare_run(inputs, FakeAws(), endpoint, "ml.g5.xlarge")


def test_cases_through_the_rag_server_stop_a_release_that_cannot_ask_them(inputs: Evaluate) -> None:
    with pytest.raises(UsageError, match=r"1 cases go through the RAG server.*: together\.") as failure:
        prepare(inputs)
    assert "leave_out: true" in failure.value.hint and "sluice replay --rag" in failure.value.hint


@pytest.mark.parametrize("endpoint", ["chat", None])
def test_they_are_left_out_only_if_the_file_says_so_and_the_report_tells(
    inputs: Evaluate, endpoint: str | None
) -> None:
    judging = prepare(inputs, endpoint, rag=RagSettings(leave_out=True))
    assert [case.id for case in judging.cases] == ["alone"] and judging.rag is None
    assert judging.warnings == (
        "1 cases go through the RAG server and were left out; `sluice replay --rag` asks them: together.",
    )


def test_a_job_leaves_them_to_the_deploy_step_which_can_ask_them(inputs: Evaluate) -> None:
    rag = RagSettings("http://127.0.0.1:9")
    assert [case.id for case in prepare(inputs, None, rag=rag).cases] == ["alone"]
    assert prepare(inputs, None, rag=rag).warnings[0].startswith("1 cases go through the RAG server")
    on_endpoint = prepare(inputs, "chat", rag=rag)
    assert [case.id for case in on_endpoint.cases] == ["alone", "together"] and on_endpoint.warnings == ()


def test_nothing_but_such_cases_is_nothing_to_judge_by(inputs: Evaluate) -> None:
    Path(inputs.cases).write_text(CASES.replace("{id: alone,", "{id: alone, through: rag,"))
    with pytest.raises(UsageError, match="nothing is left to judge a version by"):
        prepare(inputs, rag=RagSettings(leave_out=True))


def test_a_rag_server_is_asked_if_it_asks_the_endpoint_under_judgement(
    aws: FakeAws, inputs: Evaluate, rag: StubRag
) -> None:
    rag.asks("chat")
    settled(Path(inputs.settings), rag=RagSettings(rag.url))
    assert evaluate(inputs, aws).startswith("pass: 2 of 2 cases passed")
    assert [each["message"] for each in rag.asked] == ["how many days?"]


@pytest.mark.parametrize("other", ["chat-v7", None])
def test_one_that_asks_another_endpoint_would_say_something_about_another_version(
    aws: FakeAws, inputs: Evaluate, rag: StubRag, other: str | None
) -> None:
    rag.asks(other)
    settled(Path(inputs.settings), rag=RagSettings(rag.url))
    with pytest.raises(OtherEndpoint, match=f"asks {other or 'no endpoint'}, and chat is judged"):
        evaluate(inputs, aws)
    assert aws.runtime.asked_on == [] and rag.asked == []


def test_one_that_is_not_there_stops_the_step_too(inputs: Evaluate) -> None:
    with pytest.raises(OtherEndpoint, match="does not say which endpoint it asks"):
        prepare(inputs, rag=RagSettings("http://127.0.0.1:9")).check_rag()


@pytest.mark.parametrize(
    ("expect", "problem"),
    [("{judge: is polite}", "need a judge model"), ("{similar: {to: x, by: embedding}}", "need embeddings")],
)
def test_a_helper_that_is_not_named_is_told_with_the_cases_that_need_it(
    inputs: Evaluate, expect: str, problem: str
) -> None:
    Path(inputs.cases).write_text(f"cases: [{{id: one, turns: [{{user: hi, expect: {expect}}}]}}]")
    with pytest.raises(UsageError, match=f"1 cases {problem}.*: one"):
        prepare(inputs)


def test_what_is_compared_with_a_stored_report_is_what_decides_a_score_or_a_time(inputs: Evaluate) -> None:
    Path(inputs.cases).write_text(CASES.partition("  - {id: together")[0])
    aws = FakeAws()
    aws.sagemaker.registers()
    package = packages.describe(aws.sagemaker, inputs.model_package)
    first = prepare(inputs).hashes(package)
    assert prepare(inputs, repeats=5).hashes(package) == first
    for changes, key in (({"max_tokens": 9}, "scorers"), ({"concurrency": 2}, "scorers"), ({"seed": 1}, "scorers")):
        hashes = prepare(inputs, **changes).hashes(package)
        assert {name for name in first if hashes[name] != first[name]} == {key}
    changed = prepare(inputs, None).hashes(package)
    assert {name for name in first if changed[name] != first[name]} == {"environment"}
    other = prepare(inputs).hashes(replace(package, environment={"OPTION_DTYPE": "fp16"}))
    assert {name for name in first if other[name] != first[name]} == {"environment"}
