import shlex
import subprocess
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import UsageError
from sluice.steps.inputs import Deploy, Evaluate, from_arguments, to_arguments

EVALUATE = Evaluate(
    model_package="arn:aws:sagemaker:us-east-1:123456789012:model-package/chat/3",
    report_uri="s3://bucket/reports/chat/abc",
    experiment="chat",
    execution="arn:aws:sagemaker:us-east-1:123456789012:pipeline/chat/execution/abc",
)
DEPLOY = Deploy(
    group="chat", endpoint="chat", instance_type="ml.g5.xlarge", role_arn="arn:aws:iam::1:role/r", execution="e",
    drain_seconds=1.5, subnets="subnet-1,subnet-2", tags="team=chat",
)  # fmt: skip


@pytest.mark.parametrize("inputs", [EVALUATE, DEPLOY, replace(EVALUATE, mlflow_uri="https://m", startup_seconds=3)])
def test_a_step_reads_back_what_the_definition_wrote(inputs: Evaluate | Deploy) -> None:
    module, *argv = to_arguments(inputs)
    words = [word for part in argv for word in shlex.split(part)] if inputs.through_shell else argv
    assert module == inputs.module
    assert from_arguments(type(inputs), words) == inputs


def test_what_is_none_or_empty_is_left_out() -> None:
    assert "--mlflow-uri" not in to_arguments(EVALUATE)
    assert "--kms-key" not in to_arguments(replace(DEPLOY, kms_key=""))


def test_a_pipeline_variable_passes_untouched() -> None:
    class Variable:
        pass

    variable = Variable()
    assert variable in to_arguments(replace(EVALUATE, model_package=variable))


def test_an_argument_survives_the_shell_line_that_the_image_makes_of_it() -> None:
    odd = replace(EVALUATE, server_command="serve --name 'a b' $HOME; echo", mlflow_uri="https://m/?a=1&b=2")
    arguments = to_arguments(odd)[1:]
    # what an entrypoint does that evaluates its arguments: joined by blanks, parsed again
    line = 'eval "set -- $*"; for word in "$@"; do printf "%s\\n" "$word"; done'
    process = subprocess.run(["sh", "-c", line, "entrypoint", *arguments], capture_output=True, text=True, check=True)
    assert from_arguments(Evaluate, process.stdout.splitlines()) == odd


@given(st.from_regex(r"[A-Za-z0-9:/_.=,+-]{1,200}", fullmatch=True).filter(lambda text: not text.startswith("--")))
def test_an_ordinary_value_looks_the_same_on_the_wire(value: str) -> None:
    assert value in to_arguments(replace(EVALUATE, report_uri=value))


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["--model-pakage", "x"], "unknown flag --model-pakage"),
        (["x"], "'x' stands before any flag"),
        (["--startup-seconds", "most"], "--startup-seconds is 'most', which is not a number"),
        (["--startup-seconds", "2.5"], "--startup-seconds is '2.5'"),
        (["--cases"], "--cases needs a value"),
        (["--experiment", "x"], "--model-package, --report-uri, --execution must be given"),
    ],
)
def test_flags_that_cannot_be_read_are_told(argv: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        from_arguments(Evaluate, argv)


def test_a_choice_is_held_to_its_words() -> None:
    with pytest.raises(UsageError, match="--strategy is 'canary', but must be one of new_endpoint, in_place"):
        from_arguments(Deploy, ["--strategy", "canary"])


def test_every_argument_fits_what_a_processing_job_takes() -> None:
    for inputs in (EVALUATE, DEPLOY):
        arguments = to_arguments(inputs)
        assert len(arguments) + 3 <= 100
        assert all(len(argument) <= 256 for argument in arguments)
        assert 2 * len(fields(inputs)) >= len(arguments) - 1
