"""Processing jobs: the job's own command runs, with its inputs and outputs, and says clearly how it ended."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localaws_fixture import LocalAws, eventually, local_aws, rule
from localaws_steps import CLUSTER, job
from processes import processes_with

BUCKET = "jobs"
LOGS = "/aws/sagemaker/ProcessingJobs"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("localaws")
    stub = folder / "stub.py"
    stub.write_text("import sys; print('stub was asked to', *sys.argv[1:])")
    with local_aws(folder, (rule(stub),), time_scale=0.01) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        yield server


def create(aws: LocalAws, name: str, script: str = "true", **more: Any) -> str:
    arn: str = aws.client("sagemaker").create_processing_job(ProcessingJobName=name, **job(script, **more))[
        "ProcessingJobArn"
    ]
    return arn


def describe(aws: LocalAws, name: str) -> dict[str, Any]:
    described: dict[str, Any] = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    return described


def end(aws: LocalAws, name: str) -> dict[str, Any]:
    eventually(lambda: describe(aws, name)["ProcessingJobStatus"] not in ("InProgress", "Stopping"))
    return describe(aws, name)


def run(aws: LocalAws, name: str, script: str = "true", **more: Any) -> dict[str, Any]:
    create(aws, name, script, **more)
    return end(aws, name)


def put(aws: LocalAws, key: str, text: str) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def stored(aws: LocalAws, prefix: str) -> dict[str, str]:
    s3 = aws.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    return {key[len(prefix) :]: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys}


def test_a_job_reads_its_input_writes_its_output_and_leaves_a_message(aws: LocalAws):
    put(aws, "in/질문.txt", "서울의 날씨?")
    ended = run(
        aws,
        "whole",
        "cd /opt/ml/processing/in; cat 질문.txt; mkdir $OUT/deep; cp * $OUT/deep; echo 끝 > /opt/ml/output/message",
        inputs={"in": f"s3://{BUCKET}/in"},
        outputs={"out": f"s3://{BUCKET}/out/"},
        Environment={"OUT": "/opt/ml/processing/out", "KEPT": "yes"},
    )
    assert ended["ProcessingJobStatus"] == "Completed"
    assert ended["ExitMessage"] == "끝\n"
    assert ended["Environment"] == {"OUT": "/opt/ml/processing/out", "KEPT": "yes"}
    assert ended["CreationTime"] <= ended["ProcessingStartTime"] <= ended["ProcessingEndTime"]
    assert stored(aws, "out/") == {"deep/질문.txt": "서울의 날씨?"}
    assert "서울의 날씨?" in aws.log_lines(LOGS)
    streams = aws.client("logs").describe_log_streams(logGroupName=LOGS)["logStreams"]
    assert any(one["logStreamName"].startswith("whole/algo-1-") for one in streams)


def test_a_job_can_read_about_itself(aws: LocalAws):
    outputs = {"out": f"s3://{BUCKET}/about"}
    run(aws, "about", "cp /opt/ml/config/*.json /opt/ml/processing/out", outputs=outputs)
    files = stored(aws, "about/")
    assert json.loads(files["processingjobconfig.json"])["ProcessingJobArn"].endswith(":processing-job/about")
    assert json.loads(files["resourceconfig.json"])["current_host"] == "algo-1"


def several(count: int) -> dict[str, Any]:
    return {"ProcessingResources": {"ClusterConfig": CLUSTER | {"InstanceCount": count}}}


def test_on_several_instances_each_runs_on_its_own_and_knows_the_others(aws: LocalAws):
    script = (
        "cd /opt/ml; host=$(grep -o 'algo-.' config/resourceconfig.json | head -1);"
        " cp config/resourceconfig.json processing/out/$host.json; echo $host > output/message; echo $host is here"
    )
    ended = run(aws, "several", script, outputs={"out": f"s3://{BUCKET}/several"}, **several(3))
    assert (ended["ProcessingJobStatus"], ended["ExitMessage"]) == ("Completed", "algo-1\n")
    hosts = ["algo-1", "algo-2", "algo-3"]
    assert {name: json.loads(text) for name, text in stored(aws, "several/").items()} == {
        f"{host}.json": {"current_host": host, "hosts": hosts} for host in hosts
    }
    assert {f"{host} is here" for host in hosts} <= set(aws.log_lines(LOGS))
    streams = aws.client("logs").describe_log_streams(logGroupName=LOGS, logStreamNamePrefix="several/")["logStreams"]
    assert [one["logStreamName"].rpartition("-")[0] for one in streams] == [f"several/{host}" for host in hosts]


def test_objects_sharded_by_key_go_round_among_the_instances_and_others_to_each(aws: LocalAws):
    for number in range(5):
        put(aws, f"dealt/{number}", "x")
    request = job(
        "cd /opt/ml/processing; host=$(grep -o 'algo-.' /opt/ml/config/resourceconfig.json | head -1);"
        " ls dealt > out/$host; ls all >> out/$host",
        inputs={"dealt": f"s3://{BUCKET}/dealt", "all": f"s3://{BUCKET}/dealt"},
        outputs={"out": f"s3://{BUCKET}/hands"},
        **several(2),
    )
    request["ProcessingInputs"][0]["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"
    aws.client("sagemaker").create_processing_job(ProcessingJobName="dealt", **request)
    assert end(aws, "dealt")["ProcessingJobStatus"] == "Completed"
    every = [str(number) for number in range(5)]
    assert {name: text.split() for name, text in stored(aws, "hands/").items()} == {
        "algo-1": ["0", "2", "4", *every],
        "algo-2": ["1", "3", *every],
    }


def test_the_first_instance_that_fails_ends_the_job_and_the_others(aws: LocalAws):
    script = "grep -q 'current_host.: .algo-2' /opt/ml/config/resourceconfig.json && exit 3; sleep 600 & wait"
    ended = run(aws, "one-of-three", script, **several(3))
    assert ended["ProcessingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("AlgorithmError: algo-2: The container ended with exit code 3")
    assert processes_with("one-of-three") == []


def test_several_instances_are_stopped_and_run_out_of_time_together(aws: LocalAws):
    create(aws, "several-stopped", "sleep 600 & wait", **several(2))
    eventually(lambda: describe(aws, "several-stopped").get("ProcessingStartTime"))
    aws.client("sagemaker").stop_processing_job(ProcessingJobName="several-stopped")
    assert end(aws, "several-stopped")["ProcessingJobStatus"] == "Stopped"
    late = run(aws, "several-late", "sleep 600 & wait", StoppingCondition={"MaxRuntimeInSeconds": 30}, **several(2))
    assert late["ProcessingJobStatus"] == "Stopped" and "MaxRuntimeExceeded" in late["FailureReason"]
    assert processes_with("several-stopped") == processes_with("several-late") == []


@pytest.mark.parametrize(
    "uri, names",
    [
        ("shapes/folder", ["a.txt", "sub/b.txt"]),
        ("shapes/folder/", ["a.txt", "sub/b.txt"]),
        ("shapes/folder/a.txt", ["a.txt"]),
        ("shapes/part-", ["part-0", "part-1"]),
        ("shapes/list.manifest", ["a.txt", "sub/b.txt"]),
    ],
)
def test_an_input_may_be_a_folder_an_object_the_beginning_of_names_or_a_manifest(
    aws: LocalAws, uri: str, names: list[str]
):
    for key in ("folder/a.txt", "folder/sub/b.txt", "part-0", "part-1"):
        put(aws, f"shapes/{key}", "x")
    put(aws, "shapes/list.manifest", json.dumps([{"prefix": f"s3://{BUCKET}/shapes/folder/"}, "a.txt", "sub/b.txt"]))
    name = "shape-" + "".join(letter if letter.isalnum() else "-" for letter in uri + "x")
    find = "cd /opt/ml/processing/in && find . -type f | sort > /opt/ml/output/message"
    ended = run(aws, name, find, inputs={"in": f"s3://{BUCKET}/{uri}"})
    assert ended["ExitMessage"].split() == [f"./{one}" for one in names]


@pytest.mark.parametrize(
    "name, sides, message",
    [
        (
            "no-object",
            {"inputs": {"in": f"s3://{BUCKET}/nothing/here"}},
            "ClientError: .*'in': No object begins with s3://jobs/nothing",
        ),
        ("no-bucket", {"inputs": {"in": "s3://nowhere/x"}}, "There is no bucket 'nowhere'"),
        ("no-manifest", {"inputs": {"in": f"s3://{BUCKET}/broken.manifest"}}, "is no manifest"),
        (
            "no-target",
            {"outputs": {"out": "s3://nowhere/x"}},
            "ClientError: Cannot upload output 'out': There is no bucket",
        ),
    ],
)
def test_a_transfer_that_cannot_be_is_a_clear_reason(aws: LocalAws, name: str, sides: dict[str, Any], message: str):
    put(aws, "broken.manifest", "{}")
    ended = run(aws, name, "touch /opt/ml/processing/out/x", **sides)
    assert ended["ProcessingJobStatus"] == "Failed"
    assert re.search(message, ended["FailureReason"]), ended["FailureReason"]


def test_a_failed_job_says_its_exit_code_and_last_lines_and_uploads_nothing(aws: LocalAws):
    script = "touch /opt/ml/processing/out/half; echo first; echo '모델이 없습니다' >&2; exit 3"
    ended = run(aws, "fails", script, outputs={"out": f"s3://{BUCKET}/half"})
    assert ended["ProcessingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("AlgorithmError: The container ended with exit code 3.")
    assert ended["FailureReason"].endswith("first | 모델이 없습니다")
    assert stored(aws, "half") == {}


def test_a_killed_job_says_so(aws: LocalAws):
    ended = run(aws, "killed", "kill -KILL $$")
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "killed by signal 9 (SIGKILL), exit code 137" in ended["FailureReason"]


def test_a_command_that_does_not_exist_is_a_failed_job(aws: LocalAws):
    ended = run(aws, "no-command", AppSpecification={"ImageUri": "tools:1", "ContainerEntrypoint": ["/no/such/thing"]})
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "exit code 127" in ended["FailureReason"]


def test_a_job_over_its_time_is_stopped_with_all_its_processes(aws: LocalAws):
    ended = run(aws, "slow", "sleep 4711.1 & sleep 4711.2", StoppingCondition={"MaxRuntimeInSeconds": 30})
    assert ended["ProcessingJobStatus"] == "Stopped"
    assert ended["FailureReason"].startswith("MaxRuntimeExceeded: The job ran longer than the 30 seconds")
    assert processes_with("sleep 4711") == []


def test_stop_ends_a_job_and_its_processes(aws: LocalAws):
    create(aws, "stopped", "echo begun; sleep 4712 & trap '' TERM; sleep 4712")
    eventually(lambda: len(processes_with("sleep 4712")) >= 2)
    aws.client("sagemaker").stop_processing_job(ProcessingJobName="stopped")
    assert describe(aws, "stopped")["ProcessingJobStatus"] in ("Stopping", "Stopped")
    assert end(aws, "stopped")["ProcessingJobStatus"] == "Stopped"
    assert processes_with("sleep 4712") == []
    aws.client("sagemaker").stop_processing_job(ProcessingJobName="stopped")


def test_an_image_with_a_rule_runs_its_own_command_and_without_one_a_job_brings_an_entrypoint(aws: LocalAws):
    app = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/stub:1", "ContainerArguments": ["echo", "hello"]}
    assert run(aws, "image", AppSpecification=app)["ProcessingJobStatus"] == "Completed"
    assert "stub was asked to echo hello" in aws.log_lines(LOGS)
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*the image other:1 without a ContainerEntrypoint"):
        create(aws, "other", AppSpecification={"ImageUri": "other:1"})


def test_a_name_is_used_once(aws: LocalAws):
    create(aws, "once")
    with pytest.raises(ClientError, match=r"ResourceInUse.*already exists"):
        create(aws, "once")


def test_what_is_not_done_is_refused_by_name_and_what_is_wrong_by_place(aws: LocalAws):
    with pytest.raises(ClientError, match=r"NotImplementedLocally.*network isolation") as refused:
        create(aws, "alone", NetworkConfig={"EnableNetworkIsolation": True})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match=r"ValidationException.*ContainerArguments\[0\]: 300 characters, at most 256"):
        create(aws, "long", AppSpecification={"ImageUri": "i", "ContainerArguments": ["x" * 300]})
    with pytest.raises(ClientError, match=r"ValidationException.*ml.imaginary"):
        create(aws, "type", ProcessingResources={"ClusterConfig": {**CLUSTER, "InstanceType": "ml.imaginary"}})
    with pytest.raises(ClientError, match="Could not find requested job"):
        describe(aws, "alone")


def test_a_message_that_is_no_text_fails_the_job_and_a_long_one_is_cut(aws: LocalAws):
    ended = run(aws, "bytes", r"printf '\377\376' > /opt/ml/output/message")
    assert (ended["ProcessingJobStatus"], ended["FailureReason"]) == (
        "Failed",
        "ClientError: /opt/ml/output/message is not UTF-8.",
    )
    ended = run(aws, "long-text", "for i in $(seq 500); do printf 가나; done > /opt/ml/output/message")
    assert ended["ProcessingJobStatus"] == "Completed"
    assert ended["ExitMessage"] == ("가나" * 500)[:341], "1 KB, and no half of a letter"


def test_links_are_not_uploaded(aws: LocalAws):
    script = "cd /opt/ml/processing/out; echo x > real; ln -s real link; ln -s / root"
    run(aws, "links", script, outputs={"out": f"s3://{BUCKET}/links"})
    assert stored(aws, "links/") == {"real": "x\n"}


def test_jobs_are_listed_in_pages_with_filters(aws: LocalAws):
    for number in range(5):
        run(aws, f"listed-{number}", "exit 1" if number == 3 else "true")
    sagemaker = aws.client("sagemaker")

    def listed(**filters: Any) -> list[str]:
        summaries = sagemaker.list_processing_jobs(NameContains="listed-", **filters)["ProcessingJobSummaries"]
        return [one["ProcessingJobName"] for one in summaries]

    sizes = {"PageSize": 2}
    pages = sagemaker.get_paginator("list_processing_jobs").paginate(NameContains="listed-", PaginationConfig=sizes)
    names = [[one["ProcessingJobName"] for one in page["ProcessingJobSummaries"]] for page in pages]
    assert names == [["listed-0", "listed-1"], ["listed-2", "listed-3"], ["listed-4"]]
    assert listed(StatusEquals="Failed") == ["listed-3"]
    assert listed(SortBy="Name", SortOrder="Descending", MaxResults=1) == ["listed-4"]
    assert listed(CreationTimeAfter=time.time() + 3600) == []
    assert len(listed(CreationTimeAfter=time.time() - 3600)) == 5
    with pytest.raises(ClientError, match="NextToken is not from this list"):
        listed(NextToken="abc")


def test_tags_are_kept(aws: LocalAws):
    arn = create(aws, "tagged", Tags=[{"Key": "team", "Value": "chat"}])
    assert aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "chat"}]


def test_a_job_that_leaves_a_process_behind_is_cleaned_up(aws: LocalAws):
    assert run(aws, "litter", "sleep 4713 & exit 0")["ProcessingJobStatus"] == "Completed"
    assert processes_with("sleep 4713") == []


def test_nothing_is_left_of_a_job_on_disk(aws: LocalAws):
    run(aws, "tidy", "touch /opt/ml/processing/x 2>/dev/null; touch /opt/ml/x")
    eventually(lambda: not list((aws.server.settings.state / "jobs").glob("*tidy*")))
