"""The rules about memory: what clearly does not fit, what cannot be told, what works with a word beside it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from sluice.lmi import model, options, tables
from sluice.preflight.deployment_spec import DeploymentSpec, Job, settings
from sluice.preflight.finding import Location
from sluice.preflight.memory import checks as memory

QWEN3_4B = model.find_model("Qwen/Qwen3-4B-Instruct-2507")
QWEN3_8B = model.find_model("Qwen/Qwen3-8B")
QWEN3_14B = model.find_model("Qwen/Qwen3-14B")
QWEN3_32B = model.find_model("Qwen/Qwen3-32B")
PLACES = {
    "instance_type": Location("--instance-type"),
    "job": Location("evaluation.instance_type"),
    "model_id": Location("--model"),
}


def setup(environment=None, instance="ml.g5.xlarge", facts=QWEN3_4B, release=17, properties=None, **others):
    tag = tables.by("releases", "release")[release]["tag"]
    pairs = [
        (name, value, Location(name, "e.env", line))
        for line, (name, value) in enumerate((environment or {}).items(), 1)
    ]
    fields = {
        "image": f"djl-inference:{tag}",
        "environment": settings(pairs),
        "properties": settings((name, value, Location(name)) for name, value in (properties or {}).items()),
        "region": "us-east-1",
        "instance_type": instance,
        "model": facts,
        "model_id": facts.name if facts else None,
        "places": PLACES,
    }
    return DeploymentSpec(**fields | others)


def findings_of(of):
    return [finding for check in memory.CHECKS for finding in check(of)]


def codes(of):
    return {finding.code: finding.severity for finding in findings_of(of)}


def the(code, of):
    (finding,) = [each for each in findings_of(of) if each.code == code]
    return finding


LENGTH = {"OPTION_MAX_MODEL_LEN": "4096", "OPTION_MAX_ROLLING_BATCH_SIZE": "16"}


def test_what_fits_is_not_mentioned():
    assert findings_of(setup(LENGTH)) == []


def test_without_a_length_the_models_own_counts_and_the_line_to_write_is_named():
    finding = the("MEM001", setup())
    assert finding.severity == "error"
    assert finding.place.where == "OPTION_MAX_MODEL_LEN"
    assert "262,144" in finding.message and "36.0 GiB" in finding.message and "11.0 GiB" in finding.message
    assert finding.fix == "OPTION_MAX_MODEL_LEN=65536"
    assert codes(setup({"OPTION_MAX_MODEL_LEN": "65536"})).get("MEM001") is None


@pytest.mark.parametrize(
    "name",
    [
        "OPTION_MAX_LEN",
        "OPTION_MAX_SEQ_LEN",
        "OPTION_MAX_TOKENS",
        "OPTION_Max_Model_Len",
        "MAX_MODEL_LEN",
        "SM_VLLM_MAX_MODEL_LEN",
    ],
)
def test_a_length_under_a_name_that_is_not_read_does_not_help_and_is_the_place(name):
    finding = the("MEM001", setup({name: "4096"}))
    assert finding.place == Location(name, "e.env", 1)
    assert f"{name} is not read" in finding.message
    assert finding.message.endswith(f"What fits: the 4,096 tokens of {name}.")
    assert finding.fix == "", "the rule about the name writes those"


def test_a_length_that_was_meant_and_does_not_fit_either_is_written_shorter():
    finding = the("MEM001", setup({"OPTION_MAX_LEN": "131072"}))
    assert "What fits: a context of 65,536 tokens; " in finding.message
    assert finding.fix == "OPTION_MAX_MODEL_LEN=65536"


def test_the_same_in_serving_properties():
    finding = the("MEM001", setup(properties={"option.max_len": "131072"}, form="properties"))
    assert (finding.place.where, finding.fix) == ("option.max_len", "option.max_model_len=65536")


def test_serving_properties_win_over_the_environment():
    assert "MEM001" in codes(setup(LENGTH, properties={"option.max_model_len": "262144"}))


@pytest.mark.parametrize("value", ["many", "", "0", "-5", "9" * 400, "²", "4096 tokens"])
def test_a_length_that_is_none_is_left_to_the_rules_about_options(value):
    assert "MEM001" not in codes(setup({"OPTION_MAX_MODEL_LEN": value})) or value == ""


def test_a_length_that_vllm_chooses_itself_is_no_misfit():
    assert codes(setup({"OPTION_MAX_MODEL_LEN": "auto"}, release=24)) == {}


def test_weights_that_leave_nothing_are_told_at_the_instance_with_one_that_has_room():
    finding = the("MEM002", setup(LENGTH, facts=QWEN3_32B))
    assert (finding.severity, finding.place.where) == ("error", "--instance-type")
    assert "61.0 GiB" in finding.message and "an hour in us-east-1" in finding.message
    instance = finding.fix.removeprefix("--instance-type ")
    assert codes(setup(LENGTH, facts=QWEN3_32B, instance=instance)).get("MEM002") is None
    assert set(codes(setup(LENGTH, facts=QWEN3_32B))) == {"MEM002", "MEM005"}


def test_on_several_cards_the_same_weights_fit():
    assert codes(setup(LENGTH, facts=QWEN3_32B, instance="ml.g5.12xlarge")) in ({}, {"MEM004": "note"})


def test_the_image_s_cuda_limits_which_instances_are_named():
    named = the("MEM002", setup(LENGTH, facts=QWEN3_32B, release=27)).message
    assert "g5" not in named.partition("What fits:")[2]


def test_a_region_limits_which_instances_are_named():
    named = the("MEM002", setup(LENGTH, facts=QWEN3_14B, region="ap-east-1")).message.partition("What fits:")[2]
    assert "g6" not in named and "g7" not in named


@pytest.mark.parametrize("length", ["73728", "86016"])
def test_what_cannot_be_told_is_a_warning_with_the_estimates_error(length):
    finding = the("MEM003", setup({"OPTION_MAX_MODEL_LEN": length}))
    assert finding.severity == "warning"
    assert "Too close to call" in finding.message and "Published starts" in finding.message
    assert finding.fix == "OPTION_MAX_MODEL_LEN=65536"


def test_an_encoder_makes_it_less_certain():
    sees = replace(QWEN3_4B, multimodal=True)
    assert "encoder" in the("MEM003", setup({"OPTION_MAX_MODEL_LEN": "61440"}, facts=sees)).message
    assert the("MEM001", setup(facts=sees)).confidence == "inferred"


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"OPTION_KV_CACHE_DTYPE": "fp8", "OPTION_MAX_MODEL_LEN": "131072"}, None),
        ({"OPTION_MAX_MODEL_LEN": "131072"}, "MEM001"),
        ({"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "131072", "OPTION_MAX_MODEL_LEN": "16384"}, "MEM003"),
        ({"OPTION_MAX_NUM_BATCHED_TOKENS": "262144", "OPTION_MAX_MODEL_LEN": "16384"}, "MEM002"),
        ({"OPTION_DTYPE": "fp32", "OPTION_MAX_MODEL_LEN": "32768"}, "MEM001"),
        ({"OPTION_QUANTIZE": "fp8", "OPTION_MAX_MODEL_LEN": "86016"}, None),
        ({"OPTION_CPU_OFFLOAD_GB": "6", "OPTION_MAX_MODEL_LEN": "90112"}, None),
        ({"OPTION_KV_CACHE_MEMORY_BYTES": "1000000000"}, None),  # vLLM takes its word
    ],
)
def test_options_that_take_room_or_give_it_are_counted(environment, code):
    wrong = {
        each for each, severity in codes(setup(environment, instance="ml.g6.xlarge")).items() if severity != "note"
    }
    assert wrong == ({code} if code else set())


def test_steps_that_take_all_the_room_are_what_is_to_be_changed():
    environment = {"OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "262144", "OPTION_MAX_MODEL_LEN": "16384"}
    assert the("MEM002", setup(environment)).fix == "OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS=2048"


def test_numbers_that_are_none_count_as_not_given():
    words = {
        f"OPTION_{name.upper()}": "²" for name in ("gpu_memory_utilization", "max_rolling_batch_size", "cpu_offload_gb")
    }
    assert codes(setup(LENGTH | words)) == {}


def test_a_degree_that_never_starts_is_left_to_another_rule():
    assert (
        findings_of(setup({"TENSOR_PARALLEL_DEGREE": "2"})) == findings_of(setup({"TENSOR_PARALLEL_DEGREE": "x"})) == []
    )


def test_more_than_the_model_was_made_for_is_one_finding():
    finding = the("MEM011", setup({"OPTION_MAX_MODEL_LEN": "300000"}))
    assert "262,144" in finding.message and finding.fix == "OPTION_MAX_MODEL_LEN=65536"
    assert set(codes(setup({"OPTION_MAX_MODEL_LEN": "300000"}))) == {"MEM011"}


@pytest.mark.parametrize("name", ["OPTION_HF_OVERRIDES", "VLLM_ALLOW_LONG_MAX_MODEL_LEN"])
def test_a_maximum_that_is_lifted_does_not_count(name):
    assert "MEM011" not in codes(setup({"OPTION_MAX_MODEL_LEN": "300000", name: "1"}))


def test_a_model_with_a_stretched_rope_starts_as_it_was_before():
    stretched = replace(QWEN3_8B, max_positions=131072, default_positions=4096)
    assert "MEM001" not in codes(setup(facts=stretched, instance="ml.g5.2xlarge"))
    assert "MEM001" in codes(setup(facts=stretched, instance="ml.g5.2xlarge", release=16))


@pytest.mark.parametrize(
    ("environment", "severity"),
    [
        ({"OPTION_MAX_MODEL_LEN": "32768", "OPTION_MAX_ROLLING_BATCH_SIZE": "16"}, "note"),
        ({"OPTION_MAX_MODEL_LEN": "32768"}, "note"),
        ({"OPTION_MAX_MODEL_LEN": "4096"}, None),  # 19 long ones at a time are not worth a word
        ({"OPTION_MAX_MODEL_LEN": "4096", "OPTION_MAX_ROLLING_BATCH_SIZE": "64"}, "note"),
    ],
)
def test_long_requests_that_wait_are_a_note(environment, severity):
    assert codes(setup(environment)).get("MEM004") == severity


def test_host_memory_and_the_next_larger_size():
    finding = the("MEM005", setup(LENGTH, facts=QWEN3_8B))
    assert (finding.severity, finding.fix) == ("warning", "--instance-type ml.g5.2xlarge")
    assert "15.3 GiB" in finding.message and "16 GiB" in finding.message
    assert "MEM005" not in codes(setup(LENGTH, facts=QWEN3_8B, instance="ml.g5.2xlarge"))


def test_weights_beyond_the_disk():
    huge = replace(QWEN3_4B, weights_bytes=8 * 10**12)
    finding = the("MEM006", setup(LENGTH, facts=huge, instance="ml.p5.4xlarge"))
    assert "8,000 GB" in finding.message


def test_fp8_on_a_card_without_it():
    both = {"OPTION_QUANTIZE": "fp8", "OPTION_KV_CACHE_DTYPE": "fp8"}
    assert [each.place.where for each in findings_of(setup(LENGTH | both)) if each.code == "MEM007"] == list(both)
    assert "MEM007" not in codes(setup(LENGTH | both, instance="ml.g6.xlarge"))


def test_weights_that_are_loaded_whole_before_they_are_made_fp8():
    fp8 = LENGTH | {"OPTION_QUANTIZE": "fp8"}
    assert codes(setup(fp8, facts=QWEN3_14B, instance="ml.g6.2xlarge"))["MEM012"] == "warning"
    assert "MEM012" not in codes(setup(fp8, facts=QWEN3_14B, instance="ml.g6e.2xlarge"))


@pytest.mark.parametrize(
    ("degree", "words"),
    [("1", "4 copies run side by side"), ("2", "2 copies run side by side"), ("4", None)],
)
def test_copies_of_the_model(degree, words):
    named = [
        each.message
        for each in findings_of(setup(LENGTH | {"TENSOR_PARALLEL_DEGREE": degree}, "ml.g5.12xlarge"))
        if each.code == "MEM008"
    ]
    assert (words is None and named == []) or words in named[0]


def test_cards_that_stay_idle():
    three = setup(LENGTH | {"TENSOR_PARALLEL_DEGREE": "3"}, "ml.g5.12xlarge", facts=replace(QWEN3_4B, heads=24))
    (finding,) = [each for each in findings_of(three) if each.code == "MEM008"]
    assert "one copy runs, and 1 cards stay idle" in finding.message
    refused = setup(LENGTH | {"TENSOR_PARALLEL_DEGREE": "3"}, "ml.g5.12xlarge")
    assert "MEM008" not in codes(refused), "32 heads do not divide by 3, which is said elsewhere"


@pytest.mark.parametrize(
    ("share", "release", "found_as"),
    [
        ("0.4", 17, "warning"),
        ("0.3", 17, "error"),
        ("0.9", 17, None),
        ("0.95", 17, None),
        ("0.98", 17, "warning"),
        ("0.95", 16, "warning"),
        ("0.98", 27, None),
    ],
)
def test_a_share_of_the_card_that_is_too_small_or_too_large(share, release, found_as):
    instance = "ml.g6.xlarge" if release > 24 else "ml.g5.xlarge"
    environment = LENGTH | {"OPTION_GPU_MEMORY_UTILIZATION": share}
    assert {
        code: severity
        for code, severity in codes(setup(environment, instance, release=release)).items()
        if code != "MEM004"
    } == ({"MEM009": found_as} if found_as else {})


def test_a_share_that_is_too_large_is_seen_without_the_model():
    assert codes(setup({"OPTION_GPU_MEMORY_UTILIZATION": "0.98"}, facts=None)) == {
        "MEM009": "warning",
        "MEM010": "note",
    }


def test_a_release_whose_options_are_not_known_here_is_taken_to_read_them():
    assert codes(setup(LENGTH, release=14)).get("MEM001") is None
    assert "MEM001" in codes(setup(release=14))


def test_pipeline_stages_never_start_and_are_left_to_another_rule():
    assert findings_of(setup({"OPTION_PIPELINE_PARALLEL_DEGREE": "2"})) == []


def test_a_model_that_is_not_known_is_a_note_and_nothing_else():
    finding = the("MEM010", setup({}, facts=None, model_id="somebody/else"))
    assert (finding.severity, finding.place.where) == ("note", "--model")
    assert set(codes(setup({}, facts=None))) == {"MEM010"}


@pytest.mark.parametrize(
    "without", [{"instance_type": None}, {"instance_type": "ml.nothing"}, {"image": None}, {"image": "vllm:latest"}]
)
def test_without_an_instance_or_a_release_nothing_is_said(without):
    assert findings_of(replace(setup(), **without)) == []


def test_the_job_that_judges_is_looked_at_too_where_its_instance_is_another():
    smaller = setup(LENGTH, "ml.g5.12xlarge", QWEN3_32B, job=Job("ml.g5.xlarge", 30, 3600), form="yaml")
    finding = the("MEM002", smaller)
    assert finding.place.where == "evaluation.instance_type"
    assert finding.fix.startswith("instance_type: ")
    assert "MEM002" not in codes(setup(LENGTH, "ml.g5.12xlarge", QWEN3_32B, job=Job("ml.g5.12xlarge", 30, 3600)))


NAMES = [f"OPTION_{row['name'].upper()}" for row in tables.rows("options")] + [
    "TENSOR_PARALLEL_DEGREE",
    "OPTION_MAX_LEN",
]
VALUES = st.sampled_from(
    ["", "0", "-1", "1e400", "nan", "inf", "auto", "max", "true", "fp8", "٤٢", "²", "9" * 400, "16k", "0.5"]
) | st.text(max_size=8)


@drawn(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    st.sampled_from([row["instance"] for row in tables.rows("instances")]),
    st.sampled_from([row["id"] for row in tables.rows("models")]),
    st.sampled_from(sorted(options.RELEASES)),
)
def test_whatever_is_written_it_ends_in_findings(environment, instance, name, release):
    for finding in findings_of(setup(environment, instance, model.find_model(name), release)):
        assert finding.message and finding.place.where and finding.source


@pytest.mark.parametrize("rule", memory.RULES, ids=lambda rule: rule.code)
def test_a_line_to_write_is_never_one_that_fails_as_well(rule):
    """What MEM001 to MEM003 propose is silent about the same cause."""
    assert rule.code.startswith("MEM")
    for length in (None, "40000", "80000", "120000", "262144"):
        before = setup({"OPTION_MAX_MODEL_LEN": length} if length else {})
        for finding in findings_of(before):
            if finding.code == rule.code and finding.fix.startswith("OPTION_MAX_MODEL_LEN="):
                name, _, value = finding.fix.partition("=")
                assert not {"MEM001", "MEM002", "MEM003"} & set(codes(setup({name: value})))
