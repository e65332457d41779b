"""settings.json: the steps read back exactly what the definition's author wrote, and nothing of another version."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from release_example import shipped, written

from sluice.config.model import load
from sluice.errors import UsageError
from sluice.evaluation import settings
from sluice.evaluation.gate import Gate, Thresholds
from sluice.evaluation.replay.prices import Prices
from sluice.evaluation.settings import FILE, EvaluationSettings, HelperModel, RagSettings

EVERYTHING = EvaluationSettings(
    gate=Gate(
        0.8,
        Thresholds(max_p95_ms=900.0),
        {"korean": Thresholds(min_pass_rate=0.95), "느림": Thresholds(max_p50_ms=1.0)},
        against_champion=True,
        latency_margin=0.2,
        let_inconclusive_through=True,
    ),
    champion_at_deploy=True,
    repeats=3,
    seed=7,
    requests_per_second=12.5,
    judge=HelperModel("judge-1", "https://judge.example.com/v1", key_variable="KEY", votes=5),
    embeddings=HelperModel("amazon.titan-embed-text-v2:0", region="us-west-2"),
    rag=RagSettings("https://chat.example.com", leave_out=True),
    job_prices=Prices(prompt=0.1, completion=0.4),
    endpoint_prices=Prices(instance_hour=2.8),
)


@pytest.mark.parametrize("criteria", [EvaluationSettings(), EVERYTHING, shipped().settings])
def test_the_steps_read_back_what_was_written(tmp_path: Path, criteria: EvaluationSettings) -> None:
    (tmp_path / FILE).write_bytes(criteria.as_json())
    assert settings.read_settings(tmp_path) == settings.read_settings(tmp_path / FILE) == criteria


def test_the_same_settings_are_the_same_bytes() -> None:
    assert (
        EvaluationSettings(repeats=2).as_json()
        == EvaluationSettings(repeats=2).as_json()
        != EvaluationSettings().as_json()
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps(json.loads(EvaluationSettings().as_json()) | {"later": 1}),
        json.dumps({key: value for key, value in json.loads(EvaluationSettings().as_json()).items() if key != "seed"}),
        json.dumps(json.loads(EvaluationSettings().as_json()) | {"gate": {"min_pass_rate": 0.9}}),
    ],
)
def test_what_another_version_wrote_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UsageError, match="holds no settings of this version"):
        settings.read_settings(tmp_path)


def test_settings_that_are_not_there_are_one_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read from .*settings\.json: No such file"):
        settings.read_settings(tmp_path)


def test_the_file_of_a_release_says_all_of_it(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        evaluation__gate={
            "min_pass_rate": 0.8,
            "max_p95_ms": 900,
            "tags": {"korean": {"min_pass_rate": 0.95}, "느림": {"max_p50_ms": 1}},
            "champion": {"latency_margin": 0.2, "at_deploy": True},
            "inconclusive": "deploy",
        },
        evaluation__repeats=3,
        evaluation__seed=7,
        evaluation__requests_per_second=12.5,
        evaluation__judge={
            "model": "judge-1", "url": "https://judge.example.com/v1", "key_variable": "KEY", "votes": 5,
        },
        evaluation__embeddings={"model": "amazon.titan-embed-text-v2:0", "region": "us-west-2"},
        evaluation__price_per_million_tokens={"prompt": 0.1, "completion": 0.4},
    )  # fmt: skip
    tokens = EVERYTHING.job_prices
    expected = {**vars(EVERYTHING), "rag": RagSettings(), "endpoint_prices": tokens}
    assert vars(load(file).settings) == expected


def test_a_machines_hour_is_the_price_where_the_file_names_it(tmp_path: Path) -> None:
    changes = {"prices": {"ml.g5.xlarge": 1.4, "ml.g5.2xlarge": 2.0}, "deployment__instance_type": "ml.g5.2xlarge"}
    loaded = load(written(tmp_path, **changes, deployment__instance_count=3)).settings
    assert (loaded.job_prices, loaded.endpoint_prices) == (Prices(instance_hour=1.4), Prices(instance_hour=6.0))
    assert loaded.plan(on_endpoint=False).prices.instance_hour == 1.4
    assert loaded.plan(on_endpoint=True).prices.instance_hour == 6.0


def test_where_a_key_is_and_how_long_is_waited_for_decide_no_score() -> None:
    judge = EVERYTHING.judge
    assert judge
    same = replace(judge, key_variable="OTHER", key_secret="arn", timeout_seconds=1.0, retry_seconds=1.0)
    assert replace(EVERYTHING, judge=same).scoring() == EVERYTHING.scoring()
    for changes in ({"model": "judge-2"}, {"url": "https://other"}, {"votes": 3}, {"max_tokens": 64}):
        assert replace(EVERYTHING, judge=replace(judge, **changes)).scoring() != EVERYTHING.scoring()
