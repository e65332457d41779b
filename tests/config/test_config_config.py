"""pipeline.yaml: what it may say, and what a person is told when it says something else."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from release_example import SHIPPED, content, shipped, written

from sluice import shipped as shipped_files
from sluice.config.model import ConfigError, for_local, load
from sluice.errors import UsageError
from sluice.evaluation.gate import Gate
from sluice.evaluation.settings import EvaluationSettings
from sluice.pipelines import stack
from sluice.preflight.adapters import pipeline_yaml


def complaints(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(path)
    return [str(problem) for problem in error.value.problems]


def complaint(folder: Path, **changes: object) -> str:
    messages = complaints(written(folder, **changes))
    assert len(messages) == 1, messages
    return messages[0]


def test_the_shipped_file_is_the_real_one():
    config = shipped()
    assert config.model.id == "Qwen/Qwen3-4B-Instruct-2507"
    assert config.lmi.image == "djl-inference:0.35.0-lmi17.0.0-cu128"
    assert config.lmi.options == {"max_model_len": 4096, "max_rolling_batch_size": 16}
    assert config.deployment.instance_type == config.evaluation.instance_type == "ml.g5.xlarge"
    assert (config.region, config.approval) == ("us-east-1", "manual")


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        shipped().name = "other"


def test_relative_paths_are_seen_from_the_files_own_folder(tmp_path, monkeypatch):
    path = written(tmp_path, model__source="../weights", evaluation__cases="my/cases")
    monkeypatch.chdir("/")
    config = load(path)
    assert config.model.folder == tmp_path.parent / "weights"
    assert config.evaluation.cases == tmp_path / "my" / "cases"


def test_an_s3_prefix_is_kept_and_ends_in_a_slash(tmp_path):
    config = load(written(tmp_path, model__source="s3://bucket/models/qwen3"))
    assert config.model.source == "s3://bucket/models/qwen3/"
    assert config.model.folder is None


def test_most_keys_have_defaults(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(
        """
name: small
region: ap-northeast-2
model: {id: Qwen/Qwen3-0.6B, source: m}
lmi: {image: "djl-inference:0.35.0-lmi17.0.0-cu128"}
registry: {group: small}
evaluation: {cases: c}
deployment: {endpoint: small}
""",
        encoding="utf-8",
    )
    config = load(path)
    assert (config.approval, config.schedule, config.deployment.strategy) == ("manual", None, "new_endpoint")
    assert config.evaluation.gate.min_pass_rate == 0.9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regoin": "us-east-1"}, "regoin: unknown key. Did you mean region?"),
        ({"evaluation__concurency": 3}, "evaluation.concurency: unknown key. Did you mean concurrency?"),
        ({"keep_days": 3}, "keep_days: unknown key. It belongs in history."),
        ({"instance_type": "ml.g5.xlarge"}, "instance_type: unknown key. It belongs in evaluation or deployment."),
        ({"approval": "automatc"}, "Did you mean automatic?"),
        ({"evaluation__target": "cloud"}, "evaluation.target: must be job or endpoint, not 'cloud'."),
        ({"evaluation__gate__min_pass_rate": 90}, "evaluation.gate.min_pass_rate: must be at most 1, not 90."),
        ({"evaluation__gate__min_pass_rate": float("nan")}, "must be a finite number"),
        ({"deployment__startup_seconds": 30}, "deployment.startup_seconds: must be at least 60, not 30."),
        ({"deployment__download_seconds": 3601}, "must be at most 3600"),
        ({"deployment__instance_count": "1"}, "deployment.instance_count: must be a whole number, not '1'."),
        ({"deployment__instance_type": "ml.g5.xlrge"}, "an instance type such as ml.g5.xlarge"),
        ({"deployment__drain_seconds": True}, "deployment.drain_seconds: must be a whole number, not true."),
        ({"name": 15}, "name: must be a text, not the number 15: put it in quotes."),
        ({"name": "Qwen"}, "name: must be lower-case letters"),
        ({"name": "q" * 56}, "name: has 56 characters, but at most 55 are allowed."),
        ({"name": None}, "name: must be a text, not empty."),
        ({"region": "us-esat-1"}, "Did you mean us-east-1?"),
        ({"region": "Seoul"}, "region: must be a region such as us-east-1, not 'Seoul'."),
        ({"model": []}, "model: must be a section of `key: value` lines, not a list."),
        ({"model__source": "s3://B"}, "an S3 prefix such as"),
        ({"model__source": "https://x/y"}, "an S3 prefix such as"),
        ({"evaluation__cases": 3}, "evaluation.cases: must be the path of a file or folder"),
        ({"lmi__image": "djl-inference"}, "must be an image with its full tag"),
        ({"lmi__image": "djl-inference:latest"}, "must be an image with its full tag"),
        ({"lmi__options": {"tensor_parallel_degree": 2}}, "has a key of its own: tensor_parallel_degree"),
        ({"checks__suppress": {"MEM004": ""}}, "must be the reason, in words"),
        ({"checks__suppress": {"memory": "no"}}, "must be a rule's code such as MEM004"),
        ({"checks__silence": {"MEM004": "no"}}, "checks.silence: is now called checks.suppress."),
        ({"prices": {"ml.g5.xlarge": 0}}, "must be more than 0"),
        ({"lmi__options": {"max_model_len": [1]}}, "must be a text, a number, true or false, not a list."),
        ({"lmi__env": {"OPTION_DTYPE": "auto"}}, "belongs in options, as dtype"),
        ({"lmi__env": {"A": 1}}, "lmi.env.A: must be a text, not the number 1: put it in quotes."),
        ({"registry__group": "-chat"}, "registry.group: must be letters, digits and hyphens"),
        ({"schedule__expression": "every day"}, "must be cron("),
        ({"schedule__expression": "cron(0 3 * * MON *)"}, "cron needs a ?"),
        ({"schedule__expression": "rate(1 hours)"}, "must be cron("),
        ({"schedule__timezone": "Asia/Soul"}, "Did you mean Asia/Seoul?"),
        ({"vpc": {"subnets": ["subnet-1"]}}, "vpc.security_groups: is missing."),
        ({"vpc": {"subnets": [], "security_groups": ["sg-1"]}}, "vpc.subnets: must not be empty."),
        ({"vpc": {"subnets": ["net"], "security_groups": ["sg-1"]}}, "vpc.subnets[0]: must be a subnet's id"),
        ({"role_arn": "me"}, "role_arn: must be a role's ARN, not 'me'."),
        ({"tags": {"aws:x": "y"}}, "not begin with aws:"),
        ({"tags": {"a": "x" * 256}}, "tags: is too much"),
        ({"deployment__endpoint": "e" * 46}, "at most 45 are allowed."),
        ({"evaluation__target": "endpoint"}, "evaluation.endpoint: is missing: with target endpoint"),
        ({"evaluation__endpoint": "chat"}, "evaluation.endpoint: is only for target endpoint"),
        ({"evaluation__gate__max_p95_msec": 1}, "evaluation.gate.max_p95_msec: unknown key. Did you mean max_p95_ms?"),
        ({"evaluation__gate__max_p95_ms": 0}, "evaluation.gate.max_p95_ms: must be more than 0, not 0."),
        (
            {"evaluation__gate__tags": {"ko": {"min_pas_rate": 1}}},
            "evaluation.gate.tags.ko.min_pas_rate: unknown key. Did",
        ),
        ({"evaluation__gate__tags": {"ko": {"min_pass_rate": 2}}}, "evaluation.gate.tags.ko.min_pass_rate: must be at"),
        ({"evaluation__gate__tags": {"ko": {}}}, "evaluation.gate.tags.ko: says nothing. It takes min_pass_rate"),
        ({"evaluation__gate__tags": {" ko": {"min_pass_rate": 1}}}, "must be a tag as cases have it"),
        ({"evaluation__gate__tags": ["ko"]}, "evaluation.gate.tags: must be a section"),
        ({"evaluation__gate__champion": {"margin": 0}}, "evaluation.gate.champion.margin: must be more than 0, not 0."),
        ({"evaluation__gate__champion": {"margin": 5}}, "evaluation.gate.champion.margin: must be less than 1, not 5."),
        ({"evaluation__gate__champion": {"confidence": 0.4}}, "evaluation.gate.champion.confidence: must be more than"),
        (
            {"evaluation__gate__inconclusive": "wait"},
            "evaluation.gate.inconclusive: must be stop or deploy, not 'wait'.",
        ),
        ({"evaluation__repeats": 0}, "evaluation.repeats: must be at least 1, not 0."),
        ({"evaluation__instances": 2.5}, "evaluation.instances: must be a whole number"),
        ({"evaluation__requests_per_second": 0}, "evaluation.requests_per_second: must be more than 0"),
        ({"evaluation__judge": {}}, "evaluation.judge.model: is missing."),
        ({"evaluation__judge": {"model": "gpt:latest"}}, "must be the name of a model with its version"),
        ({"evaluation__judge": {"model": "m", "votes": 0}}, "evaluation.judge.votes: must be at least 1"),
        ({"evaluation__judge": {"model": "m", "url": "openai.com"}}, "evaluation.judge.url: must be a URL"),
        (
            {"evaluation__judge": {"model": "m", "key_secret": "sk-1"}},
            "evaluation.judge.key_secret: must be a secret's ARN",
        ),
        (
            {"evaluation__judge": {"model": "m", "url": "https://u:p@x"}},
            "evaluation.judge.url: holds a name or a password",
        ),
        (
            {"evaluation__judge": {"model": "m", "url": "https://x", "region": "us-east-1"}},
            "evaluation.judge.region: is only for Bedrock",
        ),
        (
            {"evaluation__embeddings": {"model": "m", "key_variable": "KEY"}},
            "evaluation.embeddings.key_variable: is only for a url",
        ),
        (
            {"evaluation__rag": {"url": "https://chat.example.com"}},
            "evaluation.rag.url: has no use here: the RAG server asks a new endpoint only once it is live",
        ),
        (
            {"evaluation__target": "endpoint", "evaluation__endpoint": "chat", "evaluation__instances": 2},
            "evaluation.instances: is only for target job",
        ),
        (
            {"evaluation__gate__max_cost_per_answer": 0.001},
            "evaluation.gate.max_cost_per_answer: cannot be held: nothing says what an answer costs. Add "
            "evaluation.price_per_million_tokens, or ml.g5.xlarge to prices.",
        ),
        (
            {"evaluation__gate__tags": {"ko": {"max_cost_per_answer": 1}}, "deployment__instance_type": "ml.g6.xlarge"},
            "evaluation.gate.tags.ko.max_cost_per_answer: cannot be held: nothing says what an answer costs. Add "
            "evaluation.price_per_million_tokens, or ml.g5.xlarge and ml.g6.xlarge to prices.",
        ),
        ({"evaluation__price_per_million_tokens": {"prompt": 1}}, "price_per_million_tokens.completion: is missing."),
    ],
)
def test_what_is_wrong_is_said_with_its_path(tmp_path, changes, message):
    assert message in complaint(tmp_path, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation__gate__max_cost_per_answer": 0.001, "prices": {"ml.g5.xlarge": 1.4}},
        {
            "evaluation__gate__max_cost_per_answer": 0.001,
            "evaluation__price_per_million_tokens": {"prompt": 0.1, "completion": 0.4},
        },
        {"evaluation__rag": {"url": "https://chat.example.com"}, "deployment__strategy": "in_place"},
        {"evaluation__rag": {"leave_out": True}},
        {"evaluation__gate__champion": {}, "evaluation__judge": {"model": "anthropic.claude-3-5-haiku-20241022-v1:0"}},
        {"evaluation__gate__tags": {"한국어 존댓말": {"min_pass_rate": 1, "max_first_token_ms": 900.5}}},
    ],
)
def test_what_fits_together_is_taken(tmp_path, changes):
    load(written(tmp_path, **changes))


def test_a_file_without_the_newer_keys_judges_as_it_always_did(tmp_path):
    evaluation = {"cases": "cases", "gate": {"min_pass_rate": 0.8}}
    read = load(written(tmp_path, evaluation=evaluation)).settings
    assert read == EvaluationSettings(gate=Gate(0.8))
    assert not read.gate.against_champion and read.judge is None


def test_the_shipped_file_compares_with_the_champion_by_a_margin():
    gate = shipped().settings.gate
    assert gate.against_champion and gate.margin == 0.1 and not gate.let_inconclusive_through


def test_the_stack_is_told_whose_keys_and_models_evaluations_use(tmp_path):
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:judge-AbCdEf"
    nobody = {"JudgeSecretArn": "", "EmbeddingsSecretArn": "", "UseBedrock": "no"}
    assert nobody.items() <= stack.stack_parameters(shipped()).items()
    judge = {"model": "judge-1", "url": "https://judge.example.com/v1", "key_secret": secret}
    changes = {"evaluation__judge": judge, "evaluation__embeddings": {"model": "amazon.titan-embed-text-v2:0"}}
    parameters = stack.stack_parameters(load(written(tmp_path, **changes)))
    assert {"JudgeSecretArn": secret, "EmbeddingsSecretArn": "", "UseBedrock": "yes"}.items() <= parameters.items()


def test_a_fixed_name_may_be_as_long_as_sagemaker_takes(tmp_path):
    load(written(tmp_path, deployment__endpoint="e" * 63, deployment__strategy="in_place"))


@pytest.mark.parametrize(
    "expression", ["cron(0 3 ? * MON *)", "rate(1 day)", "rate(12 hours)", "at(2027-01-31T03:00:00)"]
)
def test_schedules_are_read_as_aws_writes_them(tmp_path, expression):
    load(written(tmp_path, schedule__expression=expression))


def test_every_problem_is_told_at_once_with_its_line(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(
        SHIPPED.read_text(encoding="utf-8")
        .replace("region: us-east-1", "regoin: us-east-1")
        .replace("instance_count: 1", "instance_count: 0"),
        encoding="utf-8",
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as error:
        load(path)
    problems = {problem.path: problem for problem in error.value.problems}
    assert set(problems) == {"region", "regoin", "deployment.instance_count"}
    assert lines[problems["regoin"].line - 1].startswith("regoin:")
    assert "instance_count: 0" in lines[problems["deployment.instance_count"].line - 1]
    assert str(path) in error.value.message
    assert f"line {problems['regoin'].line}: regoin: unknown key" in error.value.message


def test_a_missing_section_names_what_it_is_for(tmp_path):
    changed = content()
    del changed["registry"]
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert complaints(path) == ["registry: is missing. Where its versions are recorded."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("- a\n- b\n", "must be a section of `key: value` lines, not a list."),
        ("just words\n", "not 'just words'"),
        ("name: a\nname: b\n", "is given twice"),
        ("name: [a\n", "pipeline.yaml:"),
        ("a:\tb: c\n", "pipeline.yaml:"),
    ],
)
def test_a_file_that_is_no_section_is_one_message(tmp_path, text, message):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load(path)
    assert message in error.value.message


def test_a_file_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        load(tmp_path / "pipeline.yaml")


def test_local_runs_use_the_local_section():
    config = shipped()
    local = for_local(config, mlflow="sqlite:///runs.db")
    assert local.model.folder == shipped_files.find_checkpoint("shipped:good")
    assert local.deployment.drain_seconds == 1
    assert local.evaluation.mlflow == "sqlite:///runs.db"
    assert local.model.id == config.model.id
    assert config.evaluation.mlflow is None


def test_a_named_mlflow_server_wins_over_the_local_default(tmp_path):
    config = load(written(tmp_path, evaluation__mlflow="https://mlflow.example.com"))
    assert for_local(config, mlflow="sqlite:///runs.db").evaluation.mlflow == "https://mlflow.example.com"


def test_without_a_local_model_a_folder_is_taken_and_a_prefix_is_refused(tmp_path):
    folder = load(written(tmp_path, local={}))
    assert for_local(folder).model == folder.model
    prefix = load(written(tmp_path, local={}, model__source="s3://bucket/m/"))
    with pytest.raises(UsageError, match="which the local AWS does not have"):
        for_local(prefix)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.sampled_from(["ml.g5.xlarge", "s3://bucket/x", "endpoint", "cron(0 3 ? * MON *)", "\ud800", "a\0b", "~x/y"])
)
keys = st.text(max_size=8) | st.integers() | st.none()
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(keys, scalars | st.lists(scalars), max_size=3)
places = st.sampled_from(
    [(key,) for key in content()]
    + [(section, key) for section, below in content().items() if isinstance(below, dict) for key in below]
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(places, values), min_size=1, max_size=3))
def test_no_value_in_any_place_ends_in_a_traceback(tmp_path_factory, changes):
    changed = content()
    for place, value in changes:
        *sections, key = place
        section = changed
        for name in sections:
            section = section[name] if isinstance(section.get(name), dict) else {}
        section[key] = value
    reads_or_refuses(tmp_path_factory, yaml.safe_dump(changed, allow_unicode=True).encode(errors="surrogatepass"))


BITS = """name|model|lmi|: |:|- |[|]|{|}|&a |*a|!!int |!!set |'|"|# |? |<<|!!float x|2026-13-45|0x|1e400|~|%|@|가나"""
yaml_bits = st.sampled_from([*BITS.split("|"), "|", "\n", "\n  ", "\t", "!!python/object:os.system"])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.lists(yaml_bits | st.text(max_size=4), max_size=30).map("".join))
def test_no_text_ends_in_a_traceback(tmp_path_factory, text):
    reads_or_refuses(tmp_path_factory, text.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    "text",
    [
        "name: !!int x",
        "name: !!float x",
        "name: !!timestamp x",
        "name: 2026-13-45",
        "name: !!bool maybe",
        "name: " + "9" * 5000,
        "name: &a {b: *a}",
        "a: " + "[" * 3000,
        "? [a, b]\n: c",
        "name: '\\ud800'",
        'name: "\\ud800"',
        "model: {<<: 3}",
    ],
)
def test_yaml_at_its_worst_is_refused_in_words(tmp_path_factory, text):
    with pytest.raises(UsageError):
        reads_or_refuses(tmp_path_factory, text.encode(), refuse=True)


def reads_or_refuses(folders, content: bytes, refuse: bool = False) -> None:
    path = folders.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(content)
    try:
        load(path)
    except UsageError as error:
        assert error.message and len(error.message) < 20_000
        if refuse:
            raise


def test_the_cases_of_a_release_are_read_once_and_checked_again_by_nobody(tmp_path):
    cases = tmp_path / "cases.yaml"
    cases.write_text("cases:\n- {id: one, turns: [{user: hello, expect: {contains: hello}}]}\n", encoding="utf-8")
    config = load(written(tmp_path, evaluation__cases=str(cases)))
    first = config.read_cases()
    cases.unlink()
    assert config.read_cases() is first
    assert [case.id for case in for_local(config).read_cases()] == ["one"]
    assert [finding.code for finding in pipeline_yaml.check_config(config) if finding.code == "CFG003"] == []
