"""`sluice check`: every way a configuration can be wrong is a finding with its place, and asks no AWS."""

import json
import re
import subprocess
import sys
from pathlib import Path

import checking
import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"OPTION_MAX_MODEL_LEN": "4096", "OPTION_MAX_ROLLING_BATCH_SIZE": "16", "TENSOR_PARALLEL_DEGREE": "1"}


@pytest.fixture
def environment(tmp_path):
    """An environment file somebody has, and what is found in it."""

    def written(*lines: str, **options: str) -> tuple[int, list[dict]]:
        (tmp_path / "my.env").write_text("\n".join(lines) + "\n")
        flags = checking.FLAGS | {f"--{name.replace('_', '-')}": value for name, value in options.items()}
        return checking.told("--env-file", str(tmp_path / "my.env"), *checking.flags(flags))

    return written


def test_the_shipped_file_has_no_error_and_no_warning():
    code, findings = checking.told("--file", str(ROOT / "pipeline.yaml"), "--strict")
    assert code == 0
    assert {each["severity"] for each in findings} <= {"note"}


@pytest.mark.parametrize(
    ("changes", "code", "place", "message"),
    [
        ({"evaluation.gate.min_pass_rate": 1.9}, "CFG001", "evaluation.gate.min_pass_rate", "at most 1"),
        ({"aproval": "manual"}, "CFG001", "aproval", "Did you mean approval"),
        ({"deployment.startup_seconds": 10}, "CFG001", "deployment.startup_seconds", "at least 60"),
        ({"evaluation.target": "endpoint"}, "CFG002", "evaluation.endpoint", "name the running endpoint"),
        ({"evaluation.cases": "nowhere"}, "CFG003", "evaluation.cases", "no such file"),
        ({"local.model": "nowhere"}, "CFG004", "local.model", "nowhere"),
        ({"lmi.options": {"max_len": 4096}}, "LMI014", "lmi.options.max_len", "max_model_len"),
        ({"lmi.image": "djl-inference:0.35.0"}, "IMG001", "lmi.image", "0.35.0"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_was_meant(tmp_path, changes, code, place, message):
    ended, findings = checking.of_release(tmp_path, changes)
    assert ended == 1
    (finding,) = [each for each in findings if each["code"] == code]
    assert finding["where"] == place
    assert message in finding["message"] + finding["fix"]
    assert finding["file"] == str(tmp_path / "pipeline.yaml")


def test_a_finding_has_the_line_of_its_key(tmp_path):
    file = checking.release(tmp_path, {"lmi.options": {"max_len": 4096}})
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "max_len" in text)
    _, findings = checking.told("--file", str(file))
    assert [each["line"] for each in findings if each["code"] == "LMI014"] == [line]


def test_a_configuration_of_ones_own_needs_no_pipeline_yaml(environment):
    code, findings = environment("# mine", "export OPTION_MAX_LEN=4096", 'TENSOR_PARALLEL_DEGREE="1"')
    assert code == 1
    (finding,) = [each for each in findings if each["code"] == "LMI014"]
    assert (finding["where"], finding["line"]) == ("OPTION_MAX_LEN", 2)
    assert finding["fix"] == "OPTION_MAX_MODEL_LEN=4096"


def test_serving_properties_are_read_as_java_reads_them(tmp_path):
    (tmp_path / "serving.properties").write_text("! mine\nengine = Python\noption.max_\\\n  len: 4096\n")
    _, findings = checking.told(
        "--serving-properties", str(tmp_path / "serving.properties"), *checking.flags(checking.FLAGS)
    )
    (finding,) = [each for each in findings if each["code"] == "LMI014"]
    assert (finding["where"], finding["line"]) == ("option.max_len", 3)


def test_a_containers_own_json_is_read_too(tmp_path):
    request = {"ModelName": "m", "PrimaryContainer": {"Image": "x", "Environment": {"OPTION_MAX_LEN": "4096"}}}
    (tmp_path / "model.json").write_text(json.dumps(request, indent=1))
    _, findings = checking.told("--env-file", str(tmp_path / "model.json"), *checking.flags(checking.FLAGS))
    assert ("LMI014", "OPTION_MAX_LEN") in {(each["code"], each["where"]) for each in findings}


IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
IN_S3 = {"S3DataSource": {"S3Uri": "s3://b/qwen3", "S3DataType": "S3Prefix", "CompressionType": "None"}}
CONTAINER = {"Image": IMAGE, "ModelDataSource": IN_S3, "Environment": {"OPTION_DTYPE": "bfloat16"}}


@pytest.mark.parametrize(
    "described",
    [
        {"ModelName": "m", "PrimaryContainer": CONTAINER, "EnableNetworkIsolation": True},
        {"ModelName": "m", "Containers": [CONTAINER, {"Image": "other"}], "EnableNetworkIsolation": True},
        {"InferenceSpecification": {"Containers": [CONTAINER]}},
        CONTAINER,
    ],
    ids=["a model", "a model of several containers", "a model package", "a container"],
)
def test_the_image_and_the_weights_in_a_containers_own_json_count_as_well(tmp_path, described):
    (tmp_path / "model.json").write_text(json.dumps(described, indent=1))
    code, findings = checking.told("--env-file", str(tmp_path / "model.json"))
    assert code == 1
    met = {(each["code"], each["where"]): each["line"] for each in findings}
    assert met[("LMI006", "OPTION_DTYPE")] and met[("HST003", "ModelDataSource")], "rules of LMI 17, and of its data"
    assert not [each for each in findings if each["where"] in {"Image", "ModelName", "--image"}]


def test_a_containers_own_json_without_variables_is_no_list_of_variables(tmp_path):
    described = {"PrimaryContainer": {"Image": "djl-inference:0.35.0", "ModelDataUrl": "s3://b/m.tar.gz"}}
    (tmp_path / "model.json").write_text(json.dumps(described))
    _, findings = checking.told("--env-file", str(tmp_path / "model.json"))
    assert {("IMG001", "Image"), ("HST005", "ModelDataUrl")} <= {(each["code"], each["where"]) for each in findings}


def test_a_flag_stands_before_what_the_json_says(tmp_path):
    (tmp_path / "model.json").write_text(
        json.dumps({"PrimaryContainer": CONTAINER | {"Image": "djl-inference:0.35.0"}})
    )
    file = str(tmp_path / "model.json")
    assert "IMG001" in checking.codes(checking.told("--env-file", file)[1])
    assert "IMG001" not in checking.codes(checking.told("--env-file", file, "--image", IMAGE)[1])


@pytest.mark.parametrize("odd", [None, 5, "x", [], [5], {}, {"Image": 5}, {"Image": "x", "Environment": [1]}])
def test_json_that_is_nearly_a_containers_own_is_read_or_refused_in_words(tmp_path, odd):
    network = {"Subnets": odd, "SecurityGroupIds": odd}
    for key in ("PrimaryContainer", "Containers", "InferenceSpecification", "Environment", "Image"):
        content = {
            key: odd,
            "ModelDataUrl": "s3://b/m/",
            "VpcConfig": network,
            "ModelDataSource": {"S3DataSource": odd},
        }
        (tmp_path / "model.json").write_text(json.dumps(content))
        result = checking.run("--env-file", str(tmp_path / "model.json"))
        assert result.exception is None or result.exception.exit_code == 2, result.exception


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"OPTION_MAX_LEN 4096", ":1: is no NAME=value line"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"{", "is not JSON"),
        (b'{"a": [1]}', "holds no environment"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, content, message):
    (tmp_path / "my.env").write_bytes(content)
    result = checking.run("--env-file", str(tmp_path / "my.env"))
    assert result.exception.exit_code == 2
    assert message in result.exception.message


@pytest.mark.parametrize(
    "arguments",
    [
        ("--file", "pipeline.yaml", "--env-file", "my.env"),
        ("--file", "pipeline.yaml", "--image", "djl-inference:0.35.0-lmi17.0.0-cu128"),
        ("--endpoint", "mine"),
        ("--endpoint", "mine", "--target", "aws", "--image", "x"),
        ("--model-package", "arn", "--endpoint", "mine", "--target", "aws"),
        ("--env-file", "my.env", "--target", "aws"),
        ("--env-file", "nowhere.env"),
        ("--explain", "NOP000"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments):
    result = checking.run(*arguments)
    assert result.exception.exit_code == 2
    assert result.exception.message


def test_a_warning_is_an_exit_code_of_its_own_if_one_is_strict(tmp_path):
    (tmp_path / "my.env").write_text("OPTION_MAX_MODEL_LEN=4096\nOPTION_MAX_ROLLING_BATCH_SIZE=1\n")
    arguments = ("--env-file", str(tmp_path / "my.env"), *checking.flags(checking.FLAGS))
    assert checking.told(*arguments)[0] == 0
    assert checking.told(*arguments, "--strict")[0] == 3


def test_a_rule_is_silenced_in_the_file_with_a_reason(environment):
    lines = ("OPTION_MAX_LEN=4096", "OPTION_MAX_MODEL_LEN=4096")
    assert environment(*lines)[0] == 1
    code, findings = environment(*lines, "# sluice: silence LMI014 kept for an older image")
    assert code == 0
    assert "LMI014" not in checking.codes(findings)


@pytest.mark.parametrize(
    ("comment", "code"),
    [
        ("# sluice: silence LMI014", "CHK001"),
        ("# sluice: silence LMI999 no such rule", "CHK001"),
        ("# sluice: silence HST010 long mended", "CHK002"),
    ],
)
def test_a_silence_that_cannot_be_honoured_is_told(environment, comment, code):
    _, findings = environment("OPTION_MAX_MODEL_LEN=4096", comment)
    assert code in checking.codes(findings)


def test_a_silence_without_a_reason_silences_nothing(environment):
    code, findings = environment("OPTION_MAX_LEN=4096", "OPTION_MAX_MODEL_LEN=4096", "# sluice: silence LMI014")
    assert code == 1
    assert {"LMI014", "CHK001"} <= checking.codes(findings)


def test_a_release_silences_under_checks(tmp_path):
    changes = {"lmi.options": {"max_model_len": 4096, "max_len": 4096}}
    assert checking.of_release(tmp_path, changes)[0] == 1
    suppress = {"checks.suppress": {"LMI014": "kept for an older image"}}
    assert checking.of_release(tmp_path, changes | suppress)[0] == 0


def test_the_summary_counts_and_the_terminal_says_what_to_write(tmp_path):
    file = checking.release(tmp_path, {"lmi.options": {"max_len": 4096}})
    printed = checking.run("--file", str(file)).output
    assert (
        "error LMI014" in printed
        and "write   max_model_len: 4096" in printed
        and "because verified in source" in printed
    )
    summary = json.loads(checking.run("--file", str(file), "--json").output)["summary"]
    assert summary["errors"] >= 1 and set(summary) == {"errors", "warnings", "notes", "silenced"}


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_example_of_the_readme_is_what_the_command_says(readme, tmp_path, monkeypatch):
    text = (ROOT / readme).read_text(encoding="utf-8")
    _, _, example = text.partition("$ cat my.env\n")
    environment, _, rest = example.partition("\n\n$ sluice check ")
    command, _, output = rest.partition("\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.env").write_text(environment)
    assert checking.run(*command.split()).output.rstrip() == output.partition("\n```")[0].rstrip()


BARE = ("--model-data", "s3://models/qwen3-4b/")  # neither image nor instance nor model


def test_that_nothing_was_found_is_said_only_of_what_was_looked_at(tmp_path):
    (tmp_path / "my.env").write_text("OPTION_MAX_MODEL_LEN=4096\n")
    first, second, *_ = checking.run("--env-file", str(tmp_path / "my.env"), *BARE).output.splitlines()
    assert first.endswith("my.env: nothing wrong was found in what could be looked at")
    assert re.match(r"Without --image \d+ rules were not applied, without --instance-type \d+, without --model", second)
    whole = checking.run("--env-file", str(tmp_path / "my.env"), *checking.flags(checking.FLAGS)).output.splitlines()
    assert whole[0].endswith("my.env: nothing wrong was found") and len(whole) == 1


def test_json_names_the_rules_that_were_not_applied_and_what_they_want(tmp_path):
    (tmp_path / "my.env").write_text("OPTION_DTYPE=bfloat16\n")
    file = ("--env-file", str(tmp_path / "my.env"))
    missing = json.loads(checking.run(*file, *BARE, "--json").output)["not_applied"]
    rules = {each["without"]: set(each["rules"]) for each in missing}
    assert set(rules) == {"--image", "--instance-type", "--model or --model-config"}
    assert "LMI006" in rules["--image"] and "MEM001" in rules["--instance-type"] & rules["--image"]
    assert json.loads(checking.run(*file, *checking.flags(checking.FLAGS), "--json").output)["not_applied"] == []


def test_sarif_notifies_of_what_was_not_applied(tmp_path):
    (tmp_path / "my.env").write_text("OPTION_MAX_MODEL_LEN=4096\n")
    log = json.loads(checking.run("--env-file", str(tmp_path / "my.env"), *BARE, "--sarif").output)
    (invocation,) = log["runs"][0]["invocations"]
    (notification,) = invocation["toolConfigurationNotifications"]
    assert invocation["executionSuccessful"] is True and notification["level"] == "note"
    assert "Without --image" in notification["message"]["text"]


def test_a_release_whose_model_nobody_knows_says_what_was_not_applied(tmp_path):
    file = checking.release(tmp_path, {"model.id": "Mine/My-Own-7B"})
    assert "Without a config.json in model.source" in checking.run("--file", str(file)).output
    assert "not applied" not in checking.run("--file", str(ROOT / "pipeline.yaml")).output


def test_sarif_names_the_rule_the_file_and_the_line(tmp_path):
    file = checking.release(tmp_path, {"lmi.options": {"max_len": 4096}})
    log = json.loads(checking.run("--file", str(file), "--sarif").output)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    result = next(each for each in run["results"] if each["ruleId"] == "LMI014")
    assert log["version"] == "2.1.0"
    assert rules[result["ruleIndex"]]["id"] == "LMI014"
    assert result["level"] == "error"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == str(file) and location["region"]["startLine"] > 1


def test_what_is_only_in_the_compiled_pipelines_is_said_not_to_have_been_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("SLUICE_STATE", str(tmp_path / "state"))
    _, findings = checking.told("--file", str(ROOT / "pipeline.yaml"))
    assert "PIP002" in checking.codes(findings)


def test_the_pre_commit_hook_runs_a_command_that_there_is():
    import yaml

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"].split()[:2] == ["sluice", "check"]
    assert checking.run("--help").exit_code == 0


def test_check_asks_no_aws_and_needs_neither_boto3_nor_the_sdk():
    code = """
import sys
from click.testing import CliRunner
from sluice.cli.check.command import check
done = CliRunner().invoke(check, ["-f", "pipeline.yaml"])
heavy = ("boto3", "botocore", "sagemaker", "moto", "mlflow", "fastapi", "numpy", "tokenizers")
print(done.output, [name for name in heavy if name in sys.modules])
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip().endswith("[]"), printed.stdout
