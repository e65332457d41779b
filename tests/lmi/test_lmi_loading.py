"""What a start takes: spans of published starts, held against others that were published as a whole."""

import gzip
import json
from pathlib import Path

import pytest

from sluice.lmi import startup_time, tables
from sluice.lmi.model import ModelFacts

QWEN3_8B = ModelFacts(
    *("Qwen/Qwen3-8B", "Qwen3ForCausalLM"), parameters=8_190_735_360, weights_bytes=16_381_470_720, layers=36,
    hidden=4096, heads=32, kv_heads=8, head_dim=128, intermediate=12288, vocab=151936, max_positions=40960, tied=False,
)  # fmt: skip


def spans(instance_type="ml.g6.2xlarge", model=QWEN3_8B, **options):
    return {each.name: each for each in startup_time.estimate_phases(model, instance_type, options)}


def test_the_phases_come_in_their_order():
    assert list(spans()) == [
        *("instance provisioning", "image pull", "model download", "server start", "weight load"),
        *("torch.compile", "CUDA graphs"),
    ]


def test_no_phase_takes_less_at_most_than_at_least():
    assert all(0 <= each.seconds_low <= each.seconds_high for each in spans().values())


@pytest.mark.parametrize("total", [258, 525])  # AWS's own: with the image cached, and with it pulled
def test_what_aws_measured_as_a_whole_lies_within_the_sum(total):
    phases = spans().values()
    assert sum(each.seconds_low for each in phases) < total < sum(each.seconds_high for each in phases)


def test_the_download_is_as_aws_measured_it_on_the_instance_where_it_did():
    download = spans()["model download"]
    assert (round(download.seconds_low), round(download.seconds_high)) == (77, 167)


def test_a_slower_network_takes_longer_and_a_faster_one_less():
    instances = ("ml.g5.xlarge", "ml.g6.2xlarge", "ml.g5.12xlarge")
    high = {name: spans(name)["model download"].seconds_high for name in instances}
    assert high["ml.g5.xlarge"] == pytest.approx(2 * high["ml.g6.2xlarge"])
    assert high["ml.g5.12xlarge"] < high["ml.g6.2xlarge"] / 4


def test_an_instance_that_nobody_knows_counts_as_the_measured_one():
    assert spans("ml.new.2xlarge")["model download"] == spans()["model download"]


def test_enforce_eager_leaves_out_what_it_leaves_out():
    assert {"torch.compile", "CUDA graphs"}.isdisjoint(spans(enforce_eager="true"))
    assert {"torch.compile", "CUDA graphs"} <= spans(enforce_eager="false").keys()


def test_without_a_model_there_is_nothing_said_about_its_bytes():
    assert {"model download", "weight load"}.isdisjoint(spans(model=None))
    assert "server start" in spans(model=None)


def test_what_runs_within_a_timeout_is_added_up():
    phases = list(spans().values())
    low, high = startup_time.total_seconds(phases, "download_seconds")
    assert (low, high) == (phases[2].seconds_low, phases[2].seconds_high)
    assert startup_time.total_seconds(phases, "startup_seconds")[1] == pytest.approx(
        sum(each.seconds_high for each in phases[3:])
    )


def test_every_figure_says_where_it_is_from():
    assert all("https://" in each.source for each in spans().values())
    assert {each.name for each in spans().values() if each.assumed} >= {"instance provisioning", "model download"}


def test_networks_are_those_that_ec2_tells():
    moto = pytest.importorskip("moto")
    file = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    machines = json.loads(gzip.decompress(file.read_bytes()))
    cards = {name: each["NetworkInfo"]["NetworkCards"][0] for name, each in machines.items() if "NetworkInfo" in each}
    for row in tables.rows("networks"):
        card = cards[row["instance"].removeprefix("ml.")]
        assert row["baseline_gbps"] == card["BaselineBandwidthInGbps"]
        assert row["peak_gbps"] == card["PeakBandwidthInGbps"]
