"""The definitions as the SDK builds them: golden, valid, and made without network or credentials.

This is the one module that pays for importing the SDK; the others read the golden files.
"""

import json
import os
import shlex
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from release_example import PLACE, SOURCES, shipped, written

from sluice.config.model import load
from sluice.pipelines import compile_cache, definition, validation
from sluice.pipelines.plan import Definitions, diff
from sluice.steps import inputs

GOLDEN = Path(__file__).parents[1] / "golden"
VPC = {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]}


class NoNetwork:
    """Stands in for socket.socket: whoever opens one fails the test."""

    def __init__(self, *_, **__):
        raise AssertionError("compiling must not open a socket")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Every variant, compiled in one go, without network and without credentials."""
    folder = tmp_path_factory.mktemp("definitions")
    variants = {
        "manual": shipped(),
        "automatic": load(written(folder, approval="automatic")),
        "lenient": load(written(folder, evaluation__gate__inconclusive="deploy", evaluation__instances=3)),
        "endpoint": load(written(folder, evaluation__target="endpoint", evaluation__endpoint="chat-v7")),
        "guarded": load(
            written(
                folder,
                approval="automatic",
                vpc=VPC,
                kms_key="alias/chat",
                tags={"team": "search", "비용": "연구"},
                evaluation__mlflow="https://mlflow.example.com/?a=1&b=2",
            )
        ),
    }
    patch = pytest.MonkeyPatch()
    patch.setattr(socket, "socket", NoNetwork)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    before = dict(os.environ)
    try:
        compiled_now = {
            name: definition.compile_definitions(config, PLACE, SOURCES) for name, config in variants.items()
        }
        assert dict(os.environ) == before
    finally:
        patch.undo()
    return compiled_now


def step(pipeline: dict, name: str) -> dict:
    return next(each for each in validation.every_step(pipeline["Steps"]) if each["Name"] == name)


@pytest.mark.parametrize("variant", ["manual", "automatic"])
@pytest.mark.parametrize("pipeline", ["release", "deploy"])
def test_the_definition_is_the_golden_one(compiled, variant, pipeline, request):
    # who approves decides nothing in the deploy pipeline
    file = GOLDEN / ("definition_deploy.json" if pipeline == "deploy" else f"definition_release_{variant}.json")
    document = getattr(compiled[variant], pipeline)
    if request.config.getoption("--update-golden"):
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert document == json.loads(file.read_text(encoding="utf-8")), "read the diff, then pytest --update-golden"


@pytest.mark.parametrize("variant", ["manual", "automatic", "lenient", "endpoint", "guarded"])
def test_every_variant_is_what_aws_would_take(compiled, variant):
    validation.validate_definition("release", compiled[variant].release)
    validation.validate_definition("deploy", compiled[variant].deploy)


def test_a_manual_release_ends_at_the_gate_and_an_automatic_one_deploys(compiled):
    gate = step(compiled["manual"].release, "Gate")["Arguments"]
    assert gate["IfSteps"] == []
    assert [each["Name"] for each in step(compiled["automatic"].release, "Gate")["Arguments"]["IfSteps"]] == ["Deploy"]
    assert [each["Name"] for each in gate["ElseSteps"]] == ["GateClosed"]


def test_only_a_pass_opens_the_gate_unless_the_file_lets_the_inconclusive_through(compiled):
    (strict,), (lenient,) = (
        step(compiled[name].release, "Gate")["Arguments"]["Conditions"] for name in ("manual", "lenient")
    )
    assert (strict["Type"], strict["RightValue"]) == ("Equals", "pass")
    assert (lenient["Type"], lenient["Values"]) == ("In", ["pass", "inconclusive"])


def test_the_closed_gate_says_what_the_report_says(compiled):
    closed = step(compiled["manual"].release, "GateClosed")["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    assert closed[0] == "The gate stays closed: " and closed[1]["Std:JsonGet"]["Path"] == "summary"


def test_several_machines_share_the_evaluation_and_none_of_them_the_deployment(compiled):
    release = compiled["lenient"].release
    assert step(release, "Evaluate")["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    deploy = step(compiled["lenient"].deploy, "Deploy")["Arguments"]
    assert deploy["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1


def test_how_a_version_is_judged_travels_as_a_file_and_is_told_in_words(compiled):
    for pipeline, name in ((compiled["manual"].release, "Evaluate"), (compiled["manual"].deploy, "Deploy")):
        description = step(pipeline, name)
        inputs_by_name = {each["InputName"]: each["S3Input"] for each in description["Arguments"]["ProcessingInputs"]}
        assert inputs_by_name["settings"]["S3Uri"] == {"Get": "Parameters.SettingsUri"}
        assert description["Description"].startswith("gate.min_pass_rate=0.9; gate.champion.margin=0.1; ")


def test_where_a_key_is_found_stands_in_no_definition(tmp_path):
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:judge-AbCdEf"
    judge = {"model": "judge-1", "url": "https://judge.example.com/v1", "key_secret": secret, "key_variable": "KEY"}
    config = load(written(tmp_path, evaluation__judge=judge))
    definitions = definition.compile_definitions(config, PLACE, SOURCES)
    document = json.dumps([definitions.release, definitions.deploy])
    assert "judge.model=judge-1" in document and secret not in document and "KEY" not in document


def test_a_description_is_never_longer_than_a_step_may_have(tmp_path):
    tags = {f"tag-{number}": {"min_pass_rate": 0.5, "max_p95_ms": 900.0} for number in range(100)}
    description = definition.describe_settings(load(written(tmp_path, evaluation__gate__tags=tags)))
    assert len(description) == 3072 and description.endswith(" ...")


def test_another_threshold_is_told_by_its_key(compiled, tmp_path):
    config = load(written(tmp_path, evaluation__gate__min_pass_rate=0.8))
    changed = definition.compile_definitions(config, PLACE, replace(SOURCES, settings="s3://bucket/settings/new/"))
    assert list(diff(compiled["manual"].deploy, changed.deploy)) == [
        ("Parameters[SettingsUri].DefaultValue", SOURCES.settings, "s3://bucket/settings/new/"),
        ("Steps[Deploy].Description.gate.min_pass_rate", "0.9", "0.8"),
    ]


def test_evaluate_keeps_the_images_entrypoint_and_is_the_package_itself(compiled):
    evaluate = step(compiled["manual"].release, "Evaluate")["Arguments"]
    register = step(compiled["manual"].release, "Register")["Arguments"]
    container = register["InferenceSpecification"]["Containers"][0]
    assert "ContainerEntrypoint" not in evaluate["AppSpecification"]
    assert evaluate["AppSpecification"]["ImageUri"] == container["Image"]
    assert container["Environment"].items() <= evaluate["Environment"].items()
    assert evaluate["Environment"]["HF_MODEL_ID"] == "/opt/ml/processing/model"


def test_on_an_endpoint_evaluate_needs_neither_the_model_nor_its_image(compiled):
    evaluate = step(compiled["endpoint"].release, "Evaluate")["Arguments"]
    assert "scikit-learn" in evaluate["AppSpecification"]["ImageUri"]
    assert [each["InputName"] for each in evaluate["ProcessingInputs"]] == ["cases", "code", "settings"]
    assert evaluate["Environment"] == {"AWS_DEFAULT_REGION": "us-east-1"}
    arguments = evaluate["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--target") + 1] == "chat-v7"


def test_network_key_and_tags_reach_the_jobs_and_what_they_make(compiled):
    release = compiled["guarded"].release
    evaluate, deploy = step(release, "Evaluate")["Arguments"], step(release, "Deploy")["Arguments"]
    for job in (evaluate, deploy):
        assert job["NetworkConfig"]["VpcConfig"] == {
            "Subnets": VPC["subnets"],
            "SecurityGroupIds": VPC["security_groups"],
        }
        assert job["ProcessingOutputConfig"]["KmsKeyId"] == "alias/chat"
        assert {"Key": "비용", "Value": "연구"} in job["Tags"]
    read_back = inputs.from_arguments(inputs.Deploy, plain(deploy["AppSpecification"]["ContainerArguments"])[1:])
    assert (read_back.subnets, read_back.security_groups, read_back.kms_key) == (
        "subnet-1,subnet-2",
        "sg-1",
        "alias/chat",
    )
    assert read_back.tags == "team=search,비용=연구"


@pytest.mark.parametrize(
    ("instance", "local"),
    [
        ("ml.g5.xlarge", True),
        ("ml.p6-b200.48xlarge", True),
        ("ml.m5.xlarge", False),
        ("ml.m5d.xlarge", True),
        ("ml.t3.medium", False),
        ("ml.inf2.xlarge", False),
    ],
)
def test_which_instances_have_disks_of_their_own_says_the_table_or_else_the_name(instance, local):
    assert definition.has_local_disk(instance) is local


def test_a_disk_that_sagemaker_encrypts_itself_gets_no_key(compiled):
    release = compiled["guarded"].release
    cluster = {
        name: step(release, name)["Arguments"]["ProcessingResources"]["ClusterConfig"]
        for name in ("Evaluate", "Deploy")
    }
    assert "VolumeKmsKeyId" not in cluster["Evaluate"]  # g5 has NVMe of its own
    assert cluster["Deploy"]["VolumeKmsKeyId"] == "alias/chat"


def test_the_evaluate_step_reads_back_what_the_definition_wrote(compiled):
    arguments = step(compiled["guarded"].release, "Evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments[:3] == ["python3", "/opt/ml/processing/code/run.py", "sluice.steps.evaluate"]
    line = " ".join(plain(arguments)[3:])  # the LMI image's entrypoint evaluates its arguments as one shell line
    read_back = inputs.from_arguments(inputs.Evaluate, shlex.split(line))
    assert (read_back.machine, read_back.commit) == ("ml.g5.xlarge", "reference")
    assert read_back.mlflow_uri == "https://mlflow.example.com/?a=1&b=2"
    assert read_back.server_command == "dockerd-entrypoint.sh serve"


def test_the_deploy_pipeline_takes_the_package_and_the_reason_as_parameters(compiled):
    deploy = compiled["manual"].deploy
    assert {each["Name"]: each["DefaultValue"] for each in deploy["Parameters"]} == {
        "ModelPackageArn": "newest-approved",
        "Reason": "schedule",
        "CasesUri": SOURCES.cases,
        "CodeUri": SOURCES.code,
        "SettingsUri": SOURCES.settings,
    }
    arguments = step(deploy, "Deploy")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--model-package") + 1] == {"Get": "Parameters.ModelPackageArn"}
    assert arguments[arguments.index("--approve") + 1] == "no"


def test_the_two_reports_of_an_automatic_release_do_not_overwrite_each_other(compiled):
    release = compiled["automatic"].release
    folders = [
        step(release, name)["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]["Std:Join"]
        for name in ("Evaluate", "Deploy")
    ]
    assert folders[0]["Values"][0] != folders[1]["Values"][0]


def test_one_changed_option_is_one_changed_value_in_each_place(compiled, tmp_path):
    config = load(written(tmp_path, lmi__options={"max_model_len": 8192, "max_rolling_batch_size": 16}))
    changed = definition.compile_definitions(config, PLACE, SOURCES)
    assert list(diff(compiled["manual"].release, changed.release)) == [
        (
            "Steps[Register].Arguments.InferenceSpecification.Containers[0].Environment.OPTION_MAX_MODEL_LEN",
            "4096",
            "8192",
        ),
        ("Steps[Evaluate].Arguments.Environment.OPTION_MAX_MODEL_LEN", "4096", "8192"),
    ]
    assert list(diff(compiled["manual"].deploy, changed.deploy)) == []


def test_what_was_compiled_once_comes_from_the_cache(compiled, tmp_path):
    first = compile_cache.compile_cached(shipped(), PLACE, SOURCES, tmp_path)
    file = next(tmp_path.glob("*.json"))
    content = json.loads(file.read_text(encoding="utf-8"))
    assert first == compiled["manual"] == Definitions(content["release"], content["deploy"])
    file.write_text('{"release": {}', encoding="utf-8")
    assert compile_cache.compile_cached(shipped(), PLACE, SOURCES, tmp_path) == first
    assert json.loads(file.read_text(encoding="utf-8")) == content


def test_an_instance_type_that_aws_does_not_have_is_named_with_the_nearest(tmp_path):
    config = load(written(tmp_path, evaluation__instance_type="ml.g5.3xlarge"))
    with pytest.raises(validation.InvalidDefinition) as error:
        compile_cache.compile_cached(config, PLACE, SOURCES, tmp_path)
    assert "Evaluate.ProcessingResources.ClusterConfig.InstanceType" in error.value.message
    assert "Did you mean ml.g5." in error.value.message


def plain(arguments: list) -> list[str]:
    return [each if isinstance(each, str) else "reference" for each in arguments]
