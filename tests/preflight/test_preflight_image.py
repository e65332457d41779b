"""The image: what its tag and registry say, what its vLLM knows, and whether host and card can run it."""

from dataclasses import replace

import checking
import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from sluice.lmi import model, tables
from sluice.preflight.deployment_spec import DeploymentSpec, Job, settings
from sluice.preflight.finding import Location
from sluice.preflight.image import checks as image

OWN = {rule.code for rule in image.RULES}
EXAMPLES = [rule for rule in image.RULES if rule.bad]
HOST = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
COPY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
TAG = "0.35.0-lmi17.0.0-cu128"
CUDA_13 = "0.36.0-lmi27.0.0-cu130"
AMI_12, AMI_13 = "al2-ami-sagemaker-inference-gpu-3-1", "al2023-ami-sagemaker-inference-gpu-4-1"
QWEN3 = model.find_model("Qwen/Qwen3-4B-Instruct-2507")
PLACES = {key: Location(f"--{key.replace('_', '-')}") for key in ("image", "instance_type", "ami", "region")}
IN_YAML = {"form": "yaml", "places": {"image": Location("lmi.image"), "job": Location("evaluation.instance_type")}}


def setup(name=TAG, instance="ml.g5.xlarge", ami=None, architecture=None, environment=None, **others):
    fields = {
        "image": name,
        "instance_type": instance,
        "ami": ami,
        "model": replace(QWEN3, architecture=architecture) if architecture else None,
        "environment": settings((name, value, Location(name)) for name, value in (environment or {}).items()),
        "places": PLACES,
    }
    return DeploymentSpec(**fields | others)


def findings_of(of):
    return [finding for check in image.CHECKS for finding in check(of)]


def outcomes(of):
    return {(each.code, each.place.where, each.severity) for each in findings_of(of)}


def the(code, of):
    (finding,) = [each for each in findings_of(of) if each.code == code]
    return finding


def release(number):
    return tables.by("releases", "release")[number]["tag"]


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_a_page_shows_what_its_rule_finds_and_nothing_beside_it(rule, tmp_path):
    _, bad = checking.of_example(tmp_path, rule.bad)
    assert checking.codes(bad) & OWN == {rule.code}
    _, good = checking.of_example(tmp_path, rule.good)
    assert checking.codes(good) & OWN == set()


def test_what_works_is_not_mentioned():
    assert findings_of(setup()) == []
    assert findings_of(setup(None)) == []
    assert findings_of(setup(f"{HOST}/djl-inference:{TAG}@sha256:{'0' * 64}", region="us-east-1")) == []
    assert findings_of(setup(f"{HOST}/djl-inference:{TAG}-v1.2", architecture="Qwen3ForCausalLM")) == []


# The tag


@pytest.mark.parametrize(
    ("name", "severity", "line"),
    [
        ("djl-inference", "error", f"--image djl-inference:{TAG}"),
        ("djl-inference:latest", "error", f"--image djl-inference:{TAG}"),
        ("djl-inference:0.34.0", "error", "--image djl-inference:0.34.0-lmi16.0.0-cu128"),
        ("djl-inference:0.36.0-lmi18", "error", "--image djl-inference:0.36.0-lmi18.0.0-cu128"),
        ("0.34.0", "error", "--image djl-inference:0.34.0-lmi16.0.0-cu128"),
        ("lmi16", "error", "--image djl-inference:0.34.0-lmi16.0.0-cu128"),
        ("djl-lmi:0.34.0", "error", "--image djl-inference:0.34.0-lmi16.0.0-cu128"),
        (f"{HOST}/djl-inference:0.34.0-lmi16.0.0", "error", f"--image {HOST}/djl-inference:0.34.0-lmi16.0.0-cu128"),
        (f"djl-inference@sha256:{'0' * 64}", "warning", ""),
        (f"{COPY}/djl-inference:prod", "warning", ""),
    ],
)
def test_a_tag_that_is_not_full_is_told_with_the_one_that_was_meant(name, severity, line):
    assert {(each.code, each.severity, each.fix) for each in findings_of(setup(name))} == {("IMG001", severity, line)}


def test_a_short_version_is_said_to_stand_for_several():
    assert "11 releases with CUDA 12.8, 12.9, 13.0" in the("IMG001", setup("djl-inference:0.36.0")).message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("djl-inference:0.33.0-tensorrtllm0.21.0-cu128", "TensorRT-LLM"),
        ("djl-inference:0.26.0-deepspeed0.12.6-cu121", "DeepSpeed"),
        (f"{HOST}/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6", "Text Generation Inference"),
        (f"{HOST}/vllm:0.26.0-gpu-py312-cu130-ubuntu22.04-sagemaker", "the AWS vLLM image"),
        (f"{COPY}/chat:prod", "cannot be told"),
        ("something", "cannot be told"),
    ],
)
def test_another_image_is_let_through_with_a_note_and_refused_for_a_release(name, words):
    finding = the("IMG002", setup(name))
    assert finding.severity == "note" and words in finding.message
    assert the("IMG002", setup(name, **IN_YAML)).severity == "error"


@pytest.mark.parametrize(
    ("name", "severity", "line"),
    [
        ("0.35.0-lmi17.0.0-cu129", "warning", f"--image djl-inference:{TAG}"),
        ("0.34.0-lmi17.0.0-cu128", "warning", f"--image djl-inference:{TAG}"),
        ("0.35.0-lmi17.0.1-cu128", "warning", f"--image djl-inference:{TAG}"),
        ("0.40.0-lmi31.0.0-cu128", "note", ""),
        ("0.20.0-lmi3.0.0-cu118", "warning", ""),
    ],
)
def test_a_tag_that_is_not_in_the_table_is_told(name, severity, line):
    finding = the("IMG004", setup(name))
    assert (finding.severity, finding.fix) == (severity, line)


def test_a_release_whose_options_are_not_known_is_a_note_and_stops_a_release():
    assert outcomes(setup(release(14))) == {("IMG011", "--image", "note")}
    assert outcomes(setup(release(14), **IN_YAML)) == {("IMG011", "lmi.image", "error")}
    assert outcomes(setup("0.40.0-lmi31.0.0-cu128", **IN_YAML)) == {("IMG004", "lmi.image", "error")}


# The registry


@pytest.mark.parametrize(
    ("name", "region", "severity", "line"),
    [
        (f"{HOST}/djl-inference:{TAG}", "eu-west-1", "error",
         f"--image 763104351884.dkr.ecr.eu-west-1.amazonaws.com/djl-inference:{TAG}"),
        (f"763104351884.dkr.ecr.eu-south-1.amazonaws.com/djl-inference:{TAG}", "eu-south-1", "error",
         f"--image 692866216735.dkr.ecr.eu-south-1.amazonaws.com/djl-inference:{TAG}"),
        (f"727897471807.dkr.ecr.cn-north-1.amazonaws.com/djl-inference:{TAG}", "cn-north-1", "error",
         f"--image 727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/djl-inference:{TAG}"),
        (f"763104330519.dkr.ecr.us-east-1.amazonaws.com/djl-inference:{TAG}", "us-east-1", "error",
         f"--image {HOST}/djl-inference:{TAG}"),
        (f"{COPY}/my-djl:{TAG}", "us-east-1", "note", ""),
        (f"{COPY}/my-djl:{TAG}", "eu-west-1", "error", ""),
        (f"public.ecr.aws/deep-learning-containers/djl-inference:{TAG}", "us-east-1", "error",
         f"--image {HOST}/djl-inference:{TAG}"),
        (f"ghcr.io/someone/djl-inference:{TAG}", "us-east-1", "warning", ""),
    ],
)  # fmt: skip
def test_a_registry_that_does_not_fit_is_told_with_the_one_that_does(name, region, severity, line):
    finding = the("IMG005", setup(name, region=region))
    assert (finding.severity, finding.fix) == (severity, line)


def test_every_region_of_the_table_has_a_registry_that_fits():
    for row in tables.rows("registries"):
        domain = "amazonaws.com.cn" if row["region"].startswith("cn-") else "amazonaws.com"
        name = f"{row['account']}.dkr.ecr.{row['region']}.{domain}/djl-inference:{TAG}"
        assert findings_of(setup(name, region=row["region"])) == []


def test_another_image_in_another_account_is_none_of_our_business():
    name = "257758044811.dkr.ecr.us-east-2.amazonaws.com/tei:2.0.1-tei1.2.3"
    assert outcomes(setup(name, region="us-east-2")) == {("IMG002", "--image", "note")}


# The architecture


@pytest.mark.parametrize(
    ("number", "architecture", "severity", "better"),
    [
        (13, "Qwen3ForCausalLM", "error", 17),
        (14, "Qwen3ForCausalLM", "error", 17),
        (15, "Qwen3ForCausalLM", "warning", 17),
        (14, "Gemma3ForConditionalGeneration", "error", 17),
        (15, "GptOssForCausalLM", "error", 17),
        (16, "BeeForConditionalGeneration", "error", 17),
        (15, "Qwen3NextForCausalLM", "error", 17),
        (16, "Qwen3VLForConditionalGeneration", "error", 17),
        (17, "Gemma4ForCausalLM", "warning", 24),
        (17, "BartForConditionalGeneration", "warning", 16),
        (17, "NobodyKnowsForCausalLM", "note", None),
    ],
)
def test_a_release_that_does_not_know_the_model_is_told_with_one_that_does(number, architecture, severity, better):
    finding = the("IMG003", setup(release(number), architecture=architecture))
    assert finding.severity == severity
    assert finding.fix == (f"--image djl-inference:{release(better)}" if better else "")


@pytest.mark.parametrize("number", range(16, 29))
def test_qwen3_is_known_from_lmi_16_on(number):
    assert "IMG003" not in {each.code for each in findings_of(setup(release(number), architecture="Qwen3ForCausalLM"))}


def test_one_reason_to_move_is_enough():
    assert outcomes(setup(release(13), architecture="Qwen3ForCausalLM")) == {("IMG003", "--image", "error")}


def test_a_model_that_does_not_chat_is_told():
    embeds = setup(architecture="BertForSequenceClassification", places=PLACES | {"model_id": Location("--model")})
    assert outcomes(embeds) == {("IMG014", "--model", "note")}


# The host


@pytest.mark.parametrize(
    ("tag", "instance", "ami", "expected"),
    [
        (TAG, "ml.g5.xlarge", None, set()),
        (TAG, "ml.g5.xlarge", AMI_12, set()),
        (TAG, "ml.g6e.xlarge", None, set()),
        (TAG, "ml.g5.xlarge", AMI_13, {("IMG007", "--ami", "error")}),
        (TAG, "ml.g6.xlarge", AMI_13, {("IMG007", "--ami", "error")}),
        (release(21), "ml.p5.48xlarge", AMI_13, {("IMG007", "--ami", "error")}),
        (release(22), "ml.g7e.2xlarge", AMI_13, set()),
        (release(22), "ml.g9.xlarge", AMI_13, {("IMG007", "--ami", "warning")}),
        (CUDA_13, "ml.g5.xlarge", None, {("IMG006", "--image", "warning")}),
        (CUDA_13, "ml.p4d.24xlarge", None, {("IMG006", "--image", "warning")}),
        (CUDA_13, "ml.g5.xlarge", AMI_12, {("IMG006", "--ami", "warning")}),
        (CUDA_13, "ml.g5.xlarge", AMI_13, {("IMG006", "--ami", "warning")}),
        (CUDA_13, "ml.g6.xlarge", None, {("IMG006", "--image", "warning")}),
        (CUDA_13, "ml.g6e.xlarge", None, {("IMG006", "--image", "warning")}),
        (CUDA_13, "ml.g6.xlarge", AMI_13, set()),
        (CUDA_13, "ml.g6e.xlarge", AMI_13, set()),
        (CUDA_13, "ml.p5en.48xlarge", AMI_13, set()),
        (CUDA_13, "ml.p6-b200.48xlarge", None, set()),
        (CUDA_13, "ml.g9.xlarge", None, set()),
        (TAG, "ml.g4dn.xlarge", None, {("IMG008", "--instance-type", "error")}),
        (TAG, "ml.g4dn.xlarge", AMI_12, {("IMG008", "--instance-type", "warning")}),
        (release(14), "ml.g4dn.xlarge", None,
         {("IMG011", "--image", "note"), ("IMG008", "--instance-type", "warning")}),
        (CUDA_13, "ml.g4dn.xlarge", AMI_13, {("IMG008", "--instance-type", "warning")}),
        (CUDA_13, "ml.p3.2xlarge", None, {("IMG008", "--instance-type", "error")}),
        (TAG, "ml.p3.2xlarge", None, {("IMG008", "--instance-type", "warning")}),
        (TAG, "ml.p2.xlarge", None, {("IMG008", "--instance-type", "error")}),
        (TAG, "ml.g5.xlarge", "al2-ami-sagemaker-inference-neuron-2", {("IMG012", "--ami", "error")}),
        (TAG, "ml.g5.xlarge", "gpu-3-1", {("IMG012", "--ami", "warning")}),
        (TAG, "ml.m5.xlarge", None, {("IMG010", "--instance-type", "error")}),
        (TAG, "ml.c7g.4xlarge", None, {("IMG010", "--instance-type", "error")}),
        (TAG, "ml.inf2.8xlarge", None, {("IMG010", "--instance-type", "error")}),
        (TAG, "ml.trn1.32xlarge", None, {("IMG010", "--instance-type", "error")}),
        (TAG, "ml.p6e-gb200.36xlarge", None, {("IMG010", "--instance-type", "error")}),
        (release(14), "ml.g7e.2xlarge", None, {("IMG013", "--image", "error")}),
        ("0.29.0-neuronx-sdk2.19.1", "ml.inf2.8xlarge", None, {("IMG002", "--image", "note")}),
        ("0.29.0-neuronx-sdk2.19.1", "ml.g5.xlarge", None,
         {("IMG002", "--image", "note"), ("IMG010", "--instance-type", "error")}),
        ("0.35.0-cpu-full", "ml.m5.xlarge", None, {("IMG002", "--image", "note")}),
    ],
)  # fmt: skip
def test_image_instance_and_host_fit_or_it_is_told_what_does_not(tag, instance, ami, expected):
    assert outcomes(setup(tag, instance, ami)) == expected


def test_an_arm_processor_is_named_as_the_reason():
    for instance in ("ml.c7g.4xlarge", "ml.m6gd.xlarge", "ml.r8g.large", "ml.p6e-gb200.36xlarge"):
        assert "ARM" in the("IMG010", setup(instance=instance)).message
    for instance in ("ml.c5.xlarge", "ml.m7i.large", "ml.r5d.xlarge"):
        assert "no GPU" in the("IMG010", setup(instance=instance)).message


def test_what_nobody_could_settle_is_said_to_be_open():
    finding = the("IMG006", setup(CUDA_13, "ml.g5.xlarge", AMI_13))
    assert finding.confidence == "inferred"
    assert "refused" in finding.message and "CreateEndpointConfig" in finding.message


def test_bfloat16_on_a_card_without_it_never_starts():
    spec = setup(instance="ml.g4dn.xlarge", ami=AMI_12, environment={"OPTION_DTYPE": "bf16"})
    assert outcomes(spec) == {("IMG008", "OPTION_DTYPE", "error")}
    assert the("IMG008", spec).fix == "OPTION_DTYPE=fp16"


def test_the_line_to_write_is_one_that_works():
    assert the("IMG008", setup(instance="ml.g4dn.4xlarge")).fix == "--instance-type ml.g5.4xlarge"
    assert the("IMG012", setup(ami="gpu-3-1")).fix == f"--ami {AMI_12}"
    assert the("IMG012", setup(CUDA_13, "ml.g6.xlarge", "gpu-4")).fix == f"--ami {AMI_13}"
    for finding in (the("IMG006", setup(CUDA_13)), the("IMG006", setup(CUDA_13, "ml.g6.xlarge"))):
        name, value = finding.fix.split()
        key = "name" if name == "--image" else "ami"
        mended = {"name": CUDA_13, "instance": "ml.g5.xlarge" if key == "name" else "ml.g6.xlarge"} | {key: value}
        assert findings_of(setup(**mended)) == []


def test_a_release_cannot_ask_for_a_host_image_so_it_is_told_another_image():
    in_yaml = setup(CUDA_13, "ml.g6.xlarge", **IN_YAML)
    assert the("IMG006", in_yaml).fix == f"image: djl-inference:{TAG}"


def test_the_evaluation_job_runs_the_image_too():
    job = Job("ml.g5.xlarge", 60, 3600)
    assert outcomes(setup(CUDA_13, "ml.g7e.2xlarge", job=job, **IN_YAML)) == {("IMG009", "lmi.image", "warning")}
    no_gpu = replace(job, instance_type="ml.m5.xlarge")
    assert outcomes(setup(job=no_gpu, **IN_YAML)) == {("IMG010", "evaluation.instance_type", "error")}
    t4 = replace(job, instance_type="ml.g4dn.xlarge")
    assert outcomes(setup(job=t4, **IN_YAML)) == {("IMG008", "evaluation.instance_type", "warning")}


# Whatever is written

TAGS = [row["tag"] for row in tables.rows("releases")]
TYPES = [row["instance"] for row in tables.rows("instance_types")]
AMIS = [row["ami"] for row in tables.rows("amis")]
ARCHITECTURES = [row["architecture"] for row in tables.rows("architectures")]
PARTS = st.sampled_from(
    [HOST, COPY, "djl-inference", "vllm", ":", "@", "/", "latest", "0.36.0", "lmi", "sha256", *TAGS]
)
IMAGES = st.none() | st.text(max_size=20) | st.lists(PARTS, max_size=6).map("".join) | st.sampled_from(TAGS)


@drawn(max_examples=400, deadline=None)
@given(
    IMAGES,
    st.none() | st.sampled_from(TYPES) | st.text(max_size=12),
    st.none() | st.sampled_from(AMIS) | st.text(max_size=12),
    st.sampled_from([None, *ARCHITECTURES]) | st.text(max_size=12),
    st.sampled_from([None, "us-east-1", "cn-north-1", "mars-north-1"]) | st.text(max_size=8),
    st.sampled_from(["env", "yaml", "properties"]),
    st.none() | st.builds(Job, st.sampled_from(TYPES) | st.text(max_size=8), st.integers(), st.integers()),
)
def test_whatever_is_written_ends_in_findings(name, instance, ami, architecture, region, form, job):
    of = setup(name, instance, ami, architecture, region=region, form=form, job=job)
    for each in findings_of(of):
        assert each.message and each.place.where


@pytest.mark.parametrize("number", range(15, 25))
def test_no_cuda_12_release_is_an_error_on_the_instances_it_is_made_for(number):
    for instance in (
        "ml.g5.xlarge",
        "ml.g5.12xlarge",
        "ml.g6.xlarge",
        "ml.g6e.2xlarge",
        "ml.p4d.24xlarge",
        "ml.p5.48xlarge",
    ):
        assert findings_of(setup(release(number), instance)) == []
