"""What SageMaker's endpoints take and refuse, and what lies in the folder that would be mounted."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.lmi import tables
from sluice.lmi.model import ModelFacts
from sluice.preflight.deployment_spec import DeploymentSpec, Job, Network, Setting
from sluice.preflight.finding import Finding, Location
from sluice.preflight.hosting import checks as hosting

QWEN3_4B = ModelFacts(
    *("Qwen/Qwen3-4B-Instruct-2507", "Qwen3ForCausalLM"), parameters=4_022_468_096, weights_bytes=8_044_936_192,
    layers=36, hidden=2560, heads=32, kv_heads=8, head_dim=128, intermediate=9728, vocab=151936, max_positions=262144,
    tied=True,
)  # fmt: skip
QWEN3_32B = replace(QWEN3_4B, name="Qwen/Qwen3-32B", weights_bytes=65_524_246_528, layers=64)
GOOD = DeploymentSpec(
    image="djl-inference:0.35.0-lmi17.0.0-cu128",
    region="us-east-1",
    instance_type="ml.g5.xlarge",
    model=QWEN3_4B,
    model_data="s3://models/qwen3-4b/",
    startup_seconds=900,
    download_seconds=900,
    job=Job("ml.g5.xlarge", 60, 3600),
    names={"endpoint": "qwen3-4b-chat", "group": "qwen3-4b-chat", "pipeline": "qwen3-4b-chat"},
    places={
        "startup_seconds": Location("deployment.startup_seconds", "pipeline.yaml", 45),
        "job_runtime_seconds": Location("evaluation.max_runtime_minutes"),
        "instance_type": Location("--instance-type"),
        "model_data": Location("--model-data"),
        "job": Location("evaluation.instance_type"),
    },
)
TWO = ("subnet-0a", "subnet-0b")


def findings_of(setup: DeploymentSpec) -> list[Finding]:
    return [each for check in hosting.CHECKS for each in check(setup)]


def met(setup: DeploymentSpec) -> set[tuple[str, str]]:
    return {(each.code, each.severity) for each in findings_of(setup)}


def only(setup: DeploymentSpec, code: str) -> Finding:
    (finding,) = (each for each in findings_of(setup) if each.code == code)
    return finding


def test_nothing_is_found_where_nothing_is_wrong():
    assert findings_of(GOOD) == []


def test_nothing_is_said_about_what_a_file_does_not_say():
    assert findings_of(DeploymentSpec()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"startup_seconds": 59}, ("HST001", "error")),
        ({"startup_seconds": 3601}, ("HST001", "error")),
        ({"download_seconds": 0}, ("HST001", "error")),
        ({"startup_seconds": 60, "model": QWEN3_32B}, ("HST002", "warning")),
        ({"startup_seconds": 120}, ("HST002", "note")),
        ({"download_seconds": 60, "model": QWEN3_32B}, ("HST002", "warning")),
        ({"job": Job("ml.g5.xlarge", 60, 60)}, ("HST002", "warning")),
        ({"job": Job("ml.g5.xlarge", 60, 300)}, ("HST002", "note")),
        ({"model_data": "s3://models/qwen3-4b"}, ("HST003", "error")),
        ({"model_data": "s3://models"}, ("HST003", "error")),
        ({"model_data": "s3://models/"}, ("HST004", "warning")),
        ({"model_data": "s3://models/qwen3/config.json"}, ("HST004", "error")),
        ({"model_data": "s3://models/qwen3/model.safetensors"}, ("HST004", "error")),
        ({"model_data": "s3://models/qwen3/model.tar.gz"}, ("HST005", "warning")),
        ({"model_data": "s3://models/qwen3/model.tar.gz/"}, ("HST005", "error")),
        ({"model_data": "s3://models/qwen3/model.zip"}, ("HST005", "error")),
        ({"model_data": "models/qwen3-4b"}, ("HST019", "error")),
        ({"model_data": "gs://models/qwen3-4b/"}, ("HST019", "error")),
        ({"model_data": "S3://models/qwen3-4b/"}, ("HST019", "error")),
        ({"network": Network(TWO, ("sg-0c",))}, ("HST006", "note")),
        ({"network": Network(("subnet-0a",), ("sg-0c",))}, ("HST007", "warning")),
        ({"network": Network(("subnet-0a", "subnet-0a"), ("sg-0c",))}, ("HST007", "warning")),
        ({"network": Network(TWO, ())}, ("HST020", "error")),
        ({"network": Network((), ("sg-0c",))}, ("HST020", "error")),
        ({"strategy": "canary"}, ("HST008", "error")),
        ({"strategy": "linear"}, ("HST008", "error")),
        ({"strategy": "rolling"}, ("HST008", "error")),
        ({"strategy": "in_place"}, ("HST014", "note")),
        ({"strategy": "new_endpoint"}, ("HST014", "note")),
        ({"strategy": "canary", "instance_count": 2}, ("HST014", "note")),
        ({"names": {"endpoint": "chat_4b"}}, ("HST009", "error")),
        ({"names": {"endpoint": "-chat"}}, ("HST009", "error")),
        ({"names": {"endpoint": ""}}, ("HST009", "error")),
        ({"names": {"group": "a" * 64}}, ("HST009", "error")),
        ({"names": {"pipeline": "a" * 257}}, ("HST009", "error")),
        ({"volume_gb": 200}, ("HST010", "error")),
        ({"job": Job("ml.g5.xlarge", 251, 3600)}, ("HST010", "error")),
        ({"instance_type": "ml.c5.xlarge", "volume_gb": 513}, ("HST010", "error")),
        ({"instance_type": "g5.xlarge"}, ("HST011", "error")),
        ({"instance_type": "ml.g5.3xlarge"}, ("HST011", "error")),
        ({"instance_type": "p5"}, ("HST011", "error")),
        ({"instance_type": "ml.g12.xlarge"}, ("HST011", "warning")),
        ({"job": Job("ml.p4d.24xlarge", 60, 3600)}, ("HST011", "error")),
        ({"instance_type": "ml.g6e.xlarge", "region": "eu-west-1"}, ("HST011", "warning")),
        ({"scaling": (0, 2)}, ("HST012", "warning")),
        ({"scaling": (3, 2)}, ("HST012", "error")),
        ({"scaling": (0, 0)}, ("HST012", "error")),
        ({"scaling": (2, 4)}, ("HST012", "warning")),
        ({"scaling": (1, 1)}, ("HST012", "note")),
    ],
    ids=str,
)
def test_a_rule_is_met(changes, expected):
    assert expected in met(replace(GOOD, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"startup_seconds": 60 * 60},
        {"download_seconds": 60, "model": None},
        {"model_data": "s3://models/team/qwen3.5-4b/"},  # a dot makes no file
        {"model_data": "/opt/ml/model"},
        {"network": Network(TWO, ("sg-0c",)), "model_data": None},
        {"strategy": "rolling", "instance_count": 2},
        {"strategy": "all_at_once"},
        {"names": {"endpoint": "a" * 63, "pipeline": "a" * 256, "table": "sluice_history.v1", "whatever": "a b"}},
        {"instance_type": "ml.c5.xlarge", "volume_gb": 512},
        {"instance_type": "ml.m5.xlarge"},  # that it has no GPU is told elsewhere
        {"instance_type": "ml.g6e.xlarge", "region": "xx-somewhere-1"},
        {"instance_type": "ml.p6e-gb200.36xlarge"},  # in SageMaker's list, in none of EC2's
        {"job": Job("ml.g5.xlarge", 250, 7200)},
        {"scaling": (1, 4)},
    ],
    ids=str,
)
def test_what_works_has_no_error(changes):
    errors = {each.code for each in findings_of(replace(GOOD, **changes)) if each.severity == "error"}
    assert errors - {"HST019"} == set()


def test_a_timeout_is_told_with_what_it_stands_against():
    large = replace(GOOD, model=QWEN3_32B, instance_type="ml.g5.12xlarge", job=None)
    finding = only(replace(large, startup_seconds=60), "HST002")
    assert "ContainerStartupHealthCheckTimeoutInSeconds is 60 s" in finding.message
    assert "weight load 75 to 560 s" in finding.message
    assert finding.fix == "startup_seconds: 1200"
    assert str(finding.place) == "pipeline.yaml:45: deployment.startup_seconds"


def test_a_model_that_the_container_fetches_itself_is_fetched_within_the_health_checks_time():
    changed = replace(GOOD, startup_seconds=300, download_seconds=60)
    assert met(changed) == {("HST002", "note")}
    fetching = replace(changed, model_data=None, model=QWEN3_32B)
    assert "model download" in only(fetching, "HST002").message
    assert only(fetching, "HST002").place == GOOD.at("startup_seconds")


def test_eager_mode_needs_less_time():
    eager = replace(GOOD, startup_seconds=180, environment=(Setting("OPTION_ENFORCE_EAGER", "true", Location("x")),))
    assert findings_of(eager) == []
    assert met(replace(eager, environment=())) == {("HST002", "note")}


@pytest.mark.parametrize(
    ("changes", "code", "fix"),
    [
        ({"model_data": "s3://models/qwen3"}, "HST003", "--model-data s3://models/qwen3/"),
        ({"model_data": "s3://models/qwen3/model.tar.gz"}, "HST005", "--model-data s3://models/qwen3/"),
        ({"model_data": "s3://models/qwen3/config.json"}, "HST004", "--model-data s3://models/qwen3/"),
        ({"instance_type": "g5.xlarge"}, "HST011", "--instance-type ml.g5.xlarge"),
        ({"names": {"endpoint": "my_endpoint"}}, "HST009", "endpoint: my-endpoint"),
        ({"names": {"endpoint": "a" * 70}}, "HST009", "endpoint: " + "a" * 63),
    ],
    ids=str,
)
def test_the_fix_is_the_line_to_write(changes, code, fix):
    assert only(replace(GOOD, **changes), code).fix == fix


def test_an_archive_of_serving_properties_is_fine():
    changed = replace(
        GOOD, model_data="s3://b/lmi/model.tar.gz", properties=(Setting("engine", "Python", Location("e")),)
    )
    assert met(changed) == {("HST005", "note")}


def test_from_the_hub_a_network_needs_more_than_the_s3_endpoint():
    changed = replace(GOOD, network=Network(TWO, ("sg-0c",)), model_data=None)
    assert "S3 needs a gateway endpoint" in only(changed, "HST006").message
    hub = replace(changed, environment=(Setting("HF_MODEL_ID", "Qwen/Qwen3-8B", Location("HF_MODEL_ID")),))
    assert "the hub needs a NAT gateway" in only(hub, "HST006").message


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("OPTION_TOKENIZER", "Qwen/Qwen3-4B-Instruct-2507", True),
        ("OPTION_TOKENIZER", "/opt/ml/model", False),
        ("OPTION_SPECULATIVE_CONFIG", '{"model": "org/draft", "num_speculative_tokens": 3}', True),
        ("OPTION_SPECULATIVE_CONFIG", '{"method": "ngram", "num_speculative_tokens": 3}', False),
        ("OPTION_SPECULATIVE_CONFIG", "{", False),
    ],
)
def test_isolation_lets_no_part_be_fetched(name, value, refused):
    changed = replace(GOOD, network_isolation=True, environment=(Setting(name, value, Location(name)),))
    assert met(changed) == ({("HST013", "error")} if refused else set())
    assert findings_of(replace(changed, network_isolation=False)) == []


# --- the folder that is uploaded -----------------------------------------------------------------------------------


def tensors(count: int, whole: bool = True) -> bytes:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [count], "data_offsets": [0, 2 * count]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(2 * count if whole else count)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 4967215360\n"
INDEX = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})
WHOLE = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
    "model.safetensors": tensors(8),
}
SHARDED = {key: value for key, value in WHOLE.items() if key != "model.safetensors"} | {
    "model.safetensors.index.json": INDEX.encode(),
    "model-00001-of-00002.safetensors": tensors(8),
    "model-00002-of-00002.safetensors": tensors(8),
}


def without(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name not in names}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def of_folder(root: Path, files: dict[str, bytes], **changes) -> DeploymentSpec:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    places = {"model_data": Location("model.source", str(root.parent / "pipeline.yaml"), 12)}
    return DeploymentSpec(form="yaml", model_data=str(root), places=places, **changes)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (WHOLE, set()),
        (SHARDED, set()),
        ({}, {("HST004", "error")}),
        (without(WHOLE, "config.json"), {("HST004", "error")}),
        (below("snapshots/0a1b", WHOLE), {("HST004", "error")}),
        ({"params.json": b"{}", "consolidated.safetensors": tensors(8), "tekken.json": b"{}"}, {("HST004", "warning")}),
        ({"serving.properties": b"option.model_id=s3://b/m/\n"}, set()),
        (without(SHARDED, "model-00002-of-00002.safetensors"), {("HST015", "error")}),
        (WHOLE | {"model.safetensors": POINTER}, {("HST015", "error")}),
        (WHOLE | {"model.safetensors": tensors(8, whole=False)}, {("HST015", "error")}),
        (WHOLE | {"model.safetensors": b""}, {("HST015", "error")}),
        (WHOLE | {"model.safetensors": b"\xff" * 40}, set()),  # whatever this is, it is not known to be short
        (without(WHOLE, "model.safetensors"), {("HST015", "error")}),
        (WHOLE | {"model.py": b""}, {("HST016", "note")}),
        (without(WHOLE, "tokenizer.json", "tokenizer_config.json"), {("HST017", "error")}),
        (WHOLE | {"tokenizer_config.json": b"{}"}, {("HST018", "warning")}),
        (WHOLE | {"tokenizer_config.json": b"{}", "chat_template.jinja": b"x"}, set()),
        (WHOLE | {"tokenizer_config.json": b"not json"}, set()),
        (WHOLE | {"model.safetensors.index.json": b"[]"}, set()),
    ],
)
def test_a_folder_is_looked_at(tmp_path, files, expected):
    folder = tmp_path / "model"
    folder.mkdir()
    assert met(of_folder(folder, files)) == expected


def test_the_shard_that_is_missing_is_named(tmp_path):
    files = without(SHARDED, "model-00002-of-00002.safetensors")
    assert (
        "model-00002-of-00002.safetensors, which is not there"
        in only(of_folder(tmp_path / "m", files), "HST015").message
    )


def test_a_checkpoint_in_a_folder_below_is_named_as_the_file_would(tmp_path):
    finding = only(of_folder(tmp_path / "models", below("hub/qwen", WHOLE)), "HST004")
    assert finding.fix == "source: models/hub/qwen"
    assert (finding.place.where, finding.place.line) == ("model.source", 12)


def test_a_folder_that_is_not_there_yet_is_a_note(tmp_path):
    assert met(of_folder(tmp_path / "later", {})) == {("HST004", "note")}


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    of_folder(tmp_path, {"model.tar.gz": b"", "model.safetensors": b""})
    for name, code in (("model.tar.gz", "HST005"), ("model.safetensors", "HST004")):
        assert met(DeploymentSpec(form="yaml", model_data=str(tmp_path / name))) == {(code, "error")}


def test_a_model_from_elsewhere_needs_no_checkpoint_in_the_folder(tmp_path):
    adapters = {"adapters/a/adapter_config.json": b"{}"}
    elsewhere = (Setting("OPTION_MODEL_ID", "s3://models/base/", Location("x")),)
    assert findings_of(of_folder(tmp_path / "m", adapters, environment=elsewhere)) == []


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("OPTION_TOKENIZER", without(WHOLE, "tokenizer.json", "tokenizer_config.json")),
        ("OPTION_CHAT_TEMPLATE", WHOLE | {"tokenizer_config.json": b"{}"}),
        ("OPTION_LOAD_FORMAT", without(WHOLE, "model.safetensors")),
    ],
)
def test_what_an_option_provides_need_not_lie_in_the_folder(tmp_path, name, files):
    assert findings_of(of_folder(tmp_path / "m", files, environment=(Setting(name, "x", Location(name)),))) == []


def test_the_shipped_checkpoints_are_whole():
    for name in ("good", "worse"):
        folder = Path(__file__).parents[2] / "sluice" / "tinylmi" / "checkpoints" / name
        assert findings_of(DeploymentSpec(form="yaml", model_data=str(folder))) == []


# --- figures -------------------------------------------------------------------------------------------------------


def test_regions_have_what_ec2_says_they_have():
    moto = pytest.importorskip("moto")
    folder = Path(moto.__file__).parent / "ec2" / "resources" / "instance_type_offerings" / "region"
    types = [each["instance"] for each in tables.rows("instance_types") if each["accelerator"] == "gpu"]
    for row in tables.rows("regions"):
        if "offered" in row:
            offers = json.loads(gzip.decompress((folder / f"{row['region']}.json.gz").read_bytes()))
            offered = {f"ml.{each['InstanceType']}" for each in offers}
            listed = row["offered"].split()
            ours = {each for each in types if each in listed or each.rpartition(".")[0] in listed}
            assert offered & set(types) <= ours, row["region"]


TEXT = (
    st.none() | st.text(max_size=30) | st.sampled_from(["s3://", "s3:///", "s3://a", "ml..", "ml.g5.", "\0", "/", "."])
)
NUMBER = st.none() | st.integers(-(10**9), 10**9)
NAMES = st.sampled_from(["OPTION_TOKENIZER", "OPTION_SPECULATIVE_CONFIG", "OPTION_ENFORCE_EAGER", "HF_MODEL_ID"])
SETTINGS = st.lists(st.builds(Setting, NAMES, st.text(max_size=9), st.just(Location("x"))), max_size=2).map(tuple)


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        DeploymentSpec,
        form=st.sampled_from(["yaml", "env", "properties"]),
        region=TEXT,
        instance_type=TEXT,
        instance_count=st.integers(-1, 3),
        model=st.sampled_from([None, QWEN3_4B, replace(QWEN3_4B, weights_bytes=0, layers=0)]),
        model_data=TEXT,
        network_isolation=st.booleans(),
        network=st.none() | st.builds(Network, st.tuples(st.text(max_size=3)), st.just(())),
        volume_gb=NUMBER,
        startup_seconds=NUMBER,
        download_seconds=NUMBER,
        strategy=st.sampled_from([None, "canary", "in_place", "all_at_once"]),
        scaling=st.none() | st.tuples(st.integers(-2, 3), st.integers(-2, 3)),
        names=st.dictionaries(st.sampled_from(["endpoint", "table", "x"]), st.text(max_size=80), max_size=2),
        job=st.none() | st.builds(Job, st.text(max_size=9), st.integers(), st.integers()),
        environment=SETTINGS,
    )
)
def test_whatever_is_written_ends_in_findings(setup):
    assert all(each.message and each.place.where for each in findings_of(setup))
