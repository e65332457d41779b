"""Pipeline executions against a running local AWS, with plain boto3 and definitions written by hand."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import IMAGE, ROLE, LocalAws, eventually, local_aws, rule
from localaws_steps import Pipelines, definition, fail, gate, get, job, join, step
from processes import processes_with

BUCKET = "runs"
GOLDEN = Path(__file__).parents[1] / "golden"
ARGUMENTS = [{"Name": "Least", "Type": "Float", "DefaultValue": 0.9}, {"Name": "Who", "Type": "String"}]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    model_server = rule(Path(__file__).parents[1] / "support" / "stub_model_server.py")
    with local_aws(tmp_path_factory.mktemp("localaws"), (model_server,), time_scale=0.01) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture
def pipelines(aws: LocalAws) -> Pipelines:
    return Pipelines(aws)


def report(name: str = "Report") -> list[dict[str, str]]:
    return [{"PropertyFileName": name, "OutputName": "report", "FilePath": "report.json"}]


def read(path: str, of: str = "Judge") -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{of}.PropertyFiles.Report"), "Path": path}}


def package(name: str = "Register", **more: Any) -> dict[str, Any]:
    arguments = {
        "ModelPackageGroupName": "chat",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": "stub:1"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        **more,
    }
    return {"Name": name, "Type": "RegisterModel", "Arguments": arguments}


def judge(rate: float) -> dict[str, Any]:
    """Writes the model package it judged and a pass rate into its report."""
    write = """printf '{"package": "%s", "rate": RATE}' "$PACKAGE" > /opt/ml/processing/report/report.json"""
    uri = join("s3:/", BUCKET, get("Execution.PipelineName"), get("Execution.PipelineExecutionId"), on="/")
    return step(
        "Judge",
        write.replace("RATE", str(rate)),
        outputs={"report": uri},
        PropertyFiles=report(),
        Environment={"PACKAGE": get("Steps.Register.ModelPackageArn")},
    )


def release(rate: float) -> list[dict[str, Any]]:
    enough = [{"Type": "GreaterThanOrEqualTo", "LeftValue": read("rate"), "RightValue": get("Parameters.Least")}]
    closed = fail("Closed", join(get("Parameters.Who"), ", the rate is only ", read("rate")))
    branches = {"IfSteps": [step("Deploy", 'echo "$P"', Environment={"P": read("package")})], "ElseSteps": [closed]}
    return [
        package(),
        judge(rate),
        {"Name": "Gate", "Type": "Condition", "Arguments": {"Conditions": enough, **branches}},
    ]


def test_a_release_registers_judges_and_deploys(aws: LocalAws, pipelines: Pipelines):
    pipelines.submit("good", *release(0.95), Parameters=ARGUMENTS)
    arn = pipelines.start("good", Who="kim")
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Succeeded"
    steps = pipelines.steps(arn)
    assert list(steps) == ["Register", "Judge", "Gate", "Deploy"]
    registered = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    assert registered.endswith("model-package/chat/1")
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    name = steps["Deploy"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    deployed = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    assert deployed["Environment"] == {"P": registered}, "it came through the report of the step before"
    assert name.startswith(f"pipelines-{arn.rpartition('/')[2]}-Deploy-")


def test_a_gate_that_closes_fails_the_execution_with_its_words(pipelines: Pipelines):
    pipelines.submit("bad", *release(0.5), Parameters=ARGUMENTS)
    arn = pipelines.start("bad", Who="김 선생님", Least="0.6")
    ended = pipelines.end(arn)
    assert (ended["PipelineExecutionStatus"], ended["FailureReason"]) == ("Failed", "김 선생님, the rate is only 0.5")
    steps = pipelines.steps(arn)
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert steps["Closed"]["Metadata"]["Fail"]["ErrorMessage"] == "김 선생님, the rate is only 0.5"
    assert (steps["Closed"]["StepStatus"], steps["Gate"]["StepStatus"]) == ("Failed", "Succeeded")
    assert "Deploy" not in steps


def test_starting_returns_at_once_and_a_token_starts_once(pipelines: Pipelines, tmp_path: Path):
    pipelines.submit("once", step("Wait", f"while ! [ -e {tmp_path}/go ]; do sleep 0.02; done"))
    token = "t" * 40
    start = pipelines.sagemaker.start_pipeline_execution
    arguments = {
        "PipelineName": "once",
        "PipelineExecutionDisplayName": "first",
        "PipelineExecutionDescription": "왜냐하면",
    }
    first, second = (start(ClientRequestToken=token, **arguments)["PipelineExecutionArn"] for _ in range(2))
    assert first == second
    described = pipelines.describe(first)
    assert described["PipelineExecutionStatus"] == "Executing"
    assert described["PipelineExecutionDisplayName"] == "first"
    assert described["PipelineExecutionDescription"] == "왜냐하면"
    assert "FailureReason" not in described
    with pytest.raises(ClientError, match=r"ConflictException.*ClientRequestToken"):
        start(ClientRequestToken=token, PipelineName="once")
    with pytest.raises(ClientError, match=r"ConflictException.*running executions"):
        pipelines.sagemaker.delete_pipeline(PipelineName="once")
    (tmp_path / "go").touch()
    pipelines.end(first)
    pipelines.sagemaker.delete_pipeline(PipelineName="once")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        pipelines.describe(first)


def test_an_execution_is_started_by_name_or_arn_with_values_that_are_checked(pipelines: Pipelines):
    arn = pipelines.submit("typed", fail("Stop", get("Parameters.Who")), Parameters=ARGUMENTS)
    run = pipelines.start(arn, Who="me")
    assert pipelines.end(run)["FailureReason"] == "me"
    answer = pipelines.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=run)
    assert answer["PipelineParameters"] == [{"Name": "Least", "Value": "0.9"}, {"Name": "Who", "Value": "me"}]
    for wrong, message in (
        ({}, "need a value: Who"),
        ({"Who": "x", "Why": "y"}, "Unknown parameter 'Why'"),
        ({"Who": "x", "Least": "y"}, "of type Float"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{message}"):
            pipelines.start("typed", **wrong)
    with pytest.raises(ClientError, match=r"ResourceNotFound.*'nothing'"):
        pipelines.start("nothing")
    assert len(pipelines.sagemaker.list_pipeline_executions(PipelineName="typed")["PipelineExecutionSummaries"]) == 1


def test_independent_steps_run_at_the_same_time(pipelines: Pipelines, tmp_path: Path):
    meet = f"mkfifo {tmp_path}/{{0}} 2>/dev/null; true"
    a = meet.format("door") + f"; echo hello > {tmp_path}/door"
    b = meet.format("door") + f"; read x < {tmp_path}/door; [ $x = hello ]"
    ended, _ = pipelines.run("meeting", step("A", a), step("B", b))
    assert ended["PipelineExecutionStatus"] == "Succeeded", "each waits for the other"


@pytest.mark.parametrize("where", ["pipeline", "execution"])
def test_parallelism_is_limited_as_configured(pipelines: Pipelines, tmp_path: Path, where: str):
    alone = f"mkdir {tmp_path}/room && sleep 0.03 && rmdir {tmp_path}/room"
    name = f"narrow-{where}"
    pipelines.submit(name, *(step(letter, alone) for letter in "ABCD"))
    if where == "pipeline":
        pipelines.sagemaker.update_pipeline(
            PipelineName=name, ParallelismConfiguration={"MaxParallelExecutionSteps": 1}
        )
    ended = pipelines.end(pipelines.start(name, parallel=1 if where == "execution" else None))
    assert ended["PipelineExecutionStatus"] == "Succeeded", ended
    assert ended["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 1}


def test_when_a_step_fails_running_ones_end_and_later_ones_never_start(pipelines: Pipelines, tmp_path: Path):
    slow = f"touch {tmp_path}/begun; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done"
    bad = f"while ! [ -e {tmp_path}/begun ]; do sleep 0.02; done; echo no luck; exit 7"
    pipelines.submit(
        "half", step("Slow", slow), step("Bad", bad), step("Later", after=("Slow",)), step("Never", after=("Bad",))
    )
    arn = pipelines.start("half")
    eventually(lambda: pipelines.step_is(arn, "Bad", "Failed"))
    assert pipelines.describe(arn)["PipelineExecutionStatus"] == "Executing"
    (tmp_path / "go").touch()
    ended = pipelines.end(arn)
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert ended["FailureReason"].startswith("Step failure: One or multiple steps failed. Bad: AlgorithmError: ")
    assert "exit code 7" in ended["FailureReason"] and "no luck" in ended["FailureReason"]
    steps = pipelines.steps(arn)
    assert {name: one["StepStatus"] for name, one in steps.items()} == {"Slow": "Succeeded", "Bad": "Failed"}
    assert steps["Bad"]["FailureReason"] in ended["FailureReason"]
    assert steps["Bad"]["AttemptCount"] == 1 and steps["Bad"]["StartTime"] <= steps["Bad"]["EndTime"]


def test_a_killed_step_fails_the_execution_and_leaves_no_process(pipelines: Pipelines):
    ended, steps = pipelines.run("killed", step("Work", "sleep 4811 & kill -KILL $$"), step("Next", after=("Work",)))
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert "killed by signal 9 (SIGKILL)" in steps["Work"]["FailureReason"]
    assert list(steps) == ["Work"]
    assert processes_with("sleep 4811") == []


def test_stop_ends_running_jobs_and_starts_nothing_more_until_retried(pipelines: Pipelines, tmp_path: Path):
    pipelines.submit("stopped", step("Work", f"[ -e {tmp_path}/go ] || sleep 4812"), step("Next", after=("Work",)))
    arn = pipelines.start("stopped")
    eventually(lambda: processes_with("sleep 4812"))
    pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    assert pipelines.describe(arn)["PipelineExecutionStatus"] in ("Stopping", "Stopped")
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = pipelines.steps(arn)
    assert {name: one["StepStatus"] for name, one in steps.items()} == {"Work": "Stopped"}
    assert processes_with("sleep 4812") == []
    with pytest.raises(ClientError, match=r"ConflictException.*Stopped"):
        pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    (tmp_path / "go").touch()
    pipelines.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert list(pipelines.steps(arn)) == ["Work", "Next"]


def test_a_job_stopped_by_someone_else_fails_its_step(pipelines: Pipelines):
    pipelines.submit("elsewhere", step("Work", "sleep 4813"))
    arn = pipelines.start("elsewhere")
    eventually(lambda: processes_with("sleep 4813"))
    name = pipelines.steps(arn)["Work"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    pipelines.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Failed"


def test_retry_keeps_what_succeeded_and_runs_the_rest_again(pipelines: Pipelines, tmp_path: Path):
    count = step("Count", f"echo x >> {tmp_path}/count")
    work = step("Work", f"[ -e {tmp_path}/ready ]", after=("Count",))
    pipelines.submit("again", count, work, gate(1, 1, [step("Last", after=("Work",))], []))
    arn = pipelines.start("again")
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Failed"
    (tmp_path / "ready").touch()
    for _ in range(2):
        pipelines.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)
        ended = pipelines.end(arn)
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in ended
    assert {one["StepStatus"] for one in pipelines.steps(arn).values()} == {"Succeeded"}
    assert len(pipelines.steps(arn)) == 4
    assert (tmp_path / "count").read_text() == "x\n"
    with pytest.raises(ClientError, match=r"ConflictException.*Only a failed or stopped"):
        pipelines.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("no-file", None, "Cannot read the property file s3://runs/no-file/report.json: There is no object"),
        ("no-json", "{oops", "is not JSON"),
        ("no-value", "{}", "rate of s3://runs/no-value/report.json: there is no 'rate'"),
    ],
)
def test_a_report_that_cannot_be_read_fails_the_gate_with_a_reason(
    pipelines: Pipelines, name: str, content: str | None, message: str
):
    write = "true" if content is None else f"echo '{content}' > /opt/ml/processing/report/report.json"
    work = step("Judge", write, outputs={"report": f"s3://{BUCKET}/{name}"}, PropertyFiles=report())
    ended, steps = pipelines.run(name, work, gate(read("rate"), 1, [], []))
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert message in steps["Gate"]["FailureReason"]


def test_execution_variables_and_nested_gates_reach_the_steps(aws: LocalAws, pipelines: Pipelines):
    variables = (
        "PipelineName",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "PipelineArn",
        "StartDateTime",
        "ProcessingJobName",
    )
    inner = gate(
        get("Steps.Outer.Outcome"),
        "True",
        [step("Tell", Environment={key: get(f"Execution.{key}") for key in variables})],
        [],
        "Inner",
    )
    pipelines.submit("nested", gate(get("Execution.PipelineName"), "nested", [inner], [fail("No", "no")], "Outer"))
    arn = pipelines.start("nested")
    assert pipelines.end(arn)["PipelineExecutionStatus"] == "Succeeded"
    name = pipelines.steps(arn)["Tell"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    environment = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)["Environment"]
    assert environment["PipelineName"] == "nested"
    assert environment["PipelineExecutionArn"] == arn
    assert arn == f"{environment['PipelineArn']}/execution/{environment['PipelineExecutionId']}"
    assert environment["ProcessingJobName"] == name
    assert environment["StartDateTime"].startswith("20")


def test_steps_and_executions_are_listed_in_pages_both_ways(pipelines: Pipelines):
    chain = [step(f"S{number}", after=(f"S{number - 1}",) if number else ()) for number in range(5)]
    pipelines.run("pages", *chain, step("Other", DisplayName="다른 것"))
    for _ in range(2):
        pipelines.end(pipelines.start("pages"))
    sagemaker = pipelines.sagemaker
    listed = sagemaker.list_pipeline_executions(PipelineName="pages", SortOrder="Ascending")[
        "PipelineExecutionSummaries"
    ]
    arns = [one["PipelineExecutionArn"] for one in listed]
    newest = sagemaker.list_pipeline_executions(PipelineName="pages", MaxResults=2)
    assert [one["PipelineExecutionArn"] for one in newest["PipelineExecutionSummaries"]] == [arns[2], arns[1]]
    rest = sagemaker.list_pipeline_executions(PipelineName="pages", MaxResults=2, NextToken=newest["NextToken"])
    assert [one["PipelineExecutionArn"] for one in rest["PipelineExecutionSummaries"]] == [arns[0]]
    assert "NextToken" not in rest
    late = sagemaker.list_pipeline_executions(PipelineName="pages", CreatedAfter=time.time() + 3600)
    assert late["PipelineExecutionSummaries"] == []
    paginator = sagemaker.get_paginator("list_pipeline_execution_steps")
    pages = paginator.paginate(PipelineExecutionArn=arns[0], SortOrder="Ascending", PaginationConfig={"PageSize": 4})
    assert [len(page["PipelineExecutionSteps"]) for page in pages] == [4, 2]
    assert pipelines.steps(arns[0])["Other"]["StepDisplayName"] == "다른 것"
    newest_first = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arns[0])["PipelineExecutionSteps"]
    assert newest_first[0]["StepName"] == "S4"
    with pytest.raises(ClientError, match="PipelineExecutionArn is required"):
        sagemaker.list_pipeline_execution_steps()


def test_an_execution_keeps_its_own_definition_and_can_be_renamed(pipelines: Pipelines):
    first = definition(fail("Stop", "one"))
    pipelines.sagemaker.create_pipeline(PipelineName="versions", PipelineDefinition=first, RoleArn=ROLE)
    arn = pipelines.start("versions")
    second = definition(fail("Stop", "two"))
    pipelines.sagemaker.update_pipeline(PipelineName="versions", PipelineDefinition=second)
    own_definition = pipelines.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert own_definition["PipelineDefinition"] == first
    assert pipelines.sagemaker.describe_pipeline(PipelineName="versions")["PipelineDefinition"] == second
    assert pipelines.end(pipelines.start("versions"))["FailureReason"] == "two"
    pipelines.sagemaker.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDisplayName="renamed")
    assert pipelines.describe(arn)["PipelineExecutionDisplayName"] == "renamed"


def test_a_definition_is_refused_when_it_is_submitted(aws: LocalAws, pipelines: Pipelines):
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*step type Lambda \(Steps\[0\] 'L'\)") as refused:
        pipelines.submit("lambda", {"Name": "L", "Type": "Lambda", "Arguments": {}})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match=r"ValidationException.*no parameter 'X' is declared"):
        pipelines.submit("undeclared", fail("Stop", get("Parameters.X")))
    unknown = {"AppSpecification": {"ImageUri": "unknown:1"}}
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*image unknown:1 without a ContainerEntrypoint"):
        pipelines.submit("image", {**step("Work"), "Arguments": {**job(), **unknown}})
    pipelines.submit("fine", fail("Stop", "x"))
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*SelectiveExecutionConfig of StartPipelineExecution"):
        pipelines.sagemaker.start_pipeline_execution(
            PipelineName="fine", SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Stop"}]}
        )
    with pytest.raises(ClientError, match=r"ValidationException.*Pipeline names must be unique within"):
        pipelines.submit("fine", fail("Stop", "y"))
    with pytest.raises(ClientError, match=r"ValidationException.*not JSON"):
        pipelines.sagemaker.update_pipeline(PipelineName="fine", PipelineDefinition="nope")
    assert "lambda" not in str(pipelines.sagemaker.list_pipelines())


def test_a_definition_may_lie_in_s3(aws: LocalAws, pipelines: Pipelines):
    aws.client("s3").put_object(Bucket=BUCKET, Key="definition.json", Body=definition(fail("Stop", "from S3")).encode())
    place = {"Bucket": BUCKET, "ObjectKey": "definition.json"}
    pipelines.sagemaker.create_pipeline(PipelineName="stored", PipelineDefinitionS3Location=place, RoleArn=ROLE)
    assert pipelines.end(pipelines.start("stored"))["FailureReason"] == "from S3"
    with pytest.raises(ClientError, match=r"ValidationException.*There is no object s3://runs/none"):
        pipelines.sagemaker.update_pipeline(
            PipelineName="stored", PipelineDefinitionS3Location={"Bucket": BUCKET, "ObjectKey": "none"}
        )


def test_every_change_of_status_is_an_event(aws: LocalAws, pipelines: Pipelines):
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="changes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"pipelineArn": [{"suffix": "pipeline/loud"}]}}
    events.put_rule(Name="changes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="changes", Targets=[{"Id": "1", "Arn": arn}])
    pipelines.run("loud", step("Work"))
    changes: list[str] = []

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            detail = event["detail"]
            status = detail.get("currentStepStatus") or detail["currentPipelineExecutionStatus"]
            changes.append(f"{detail.get('stepName', 'execution')} {status}")
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(changes) >= 4

    eventually(all_told)
    assert changes == ["execution Executing", "Work Executing", "Work Succeeded", "execution Succeeded"]


def test_ten_executions_at_once_all_end_well(pipelines: Pipelines):
    pipelines.submit("many", step("A"), step("B"), step("C", after=("A", "B")))
    arns = [pipelines.start("many") for _ in range(10)]
    assert {pipelines.end(arn)["PipelineExecutionStatus"] for arn in arns} == {"Succeeded"}


def hosting(endpoint: str, health: int = 3600, **environment: str) -> list[dict[str, Any]]:
    """Three steps, as the service's own types do it: model, configuration, endpoint."""
    model = {"PrimaryContainer": {"Image": IMAGE, "Environment": environment}, "ExecutionRoleArn": ROLE}
    variant = {"VariantName": "AllTraffic", "ModelName": get("Steps.Model.ModelName"), "InstanceType": "ml.g5.xlarge"}
    variant |= {"InitialInstanceCount": 1, "ContainerStartupHealthCheckTimeoutInSeconds": health}
    config = {"EndpointConfigName": endpoint, "ProductionVariants": [variant]}
    serve = {"EndpointName": endpoint, "EndpointConfigName": get("Steps.Config.EndpointConfigName")}
    return [
        {"Name": "Model", "Type": "Model", "Arguments": model},
        {"Name": "Config", "Type": "EndpointConfig", "Arguments": config},
        {"Name": "Endpoint", "Type": "Endpoint", "Arguments": serve},
    ]


def test_an_endpoint_step_creates_then_updates_and_waits_until_it_serves(aws: LocalAws, pipelines: Pipelines):
    tell_step = step("Tell", Environment={"STATUS": get("Steps.Endpoint.EndpointStatus")})
    pipelines.submit("host", *hosting("hosted", VERSION="1"), tell_step)
    for version in ("1", "2"):
        changed = definition(*hosting("hosted", VERSION=version), tell_step)
        pipelines.sagemaker.update_pipeline(PipelineName="host", PipelineDefinition=changed)
        arn = pipelines.start("host")
        assert pipelines.end(arn)["PipelineExecutionStatus"] == "Succeeded", pipelines.describe(arn)
        steps = pipelines.steps(arn)
        assert steps["Endpoint"]["Metadata"]["Endpoint"]["Arn"].endswith(":endpoint/hosted")
        assert "/hosted-" in steps["Config"]["Metadata"]["EndpointConfig"]["Arn"], "a suffix of its own"
        assert steps["Model"]["Metadata"]["Model"]["Arn"]
        answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="hosted", Body=b"{}")
        assert json.loads(answer["Body"].read())["environment"]["VERSION"] == version
    aws.client("sagemaker").delete_endpoint(EndpointName="hosted")


def test_an_endpoint_that_never_serves_fails_its_step(aws: LocalAws, pipelines: Pipelines):
    ended, steps = pipelines.run("unhost", *hosting("unhosted", health=60, PING="never"))
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert "endpoint unhosted is Failed" in steps["Endpoint"]["FailureReason"]
    assert steps["Config"]["StepStatus"] == "Succeeded"


def test_what_hosting_does_not_do_is_refused_at_submission_too(pipelines: Pipelines):
    model, config, endpoint = hosting("two")
    variants = config["Arguments"]["ProductionVariants"]
    config["Arguments"]["ProductionVariants"] = [variants[0], {**variants[0], "VariantName": "Other"}]
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*2 ProductionVariants .*Steps\[1\] 'Config'"):
        pipelines.submit("two", model, config, endpoint)
