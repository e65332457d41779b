"""Advice is a promise: every line that `sluice check` says to write is written, and the whole is checked again."""

from collections.abc import Mapping
from typing import Any

import checking
import corpus
import pytest
from configuration import Configuration, of_example
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.lmi import aliases, model, options, tables
from sluice.preflight import checks, mending, rule_pages
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Location

NO_LINE = ("PIP002",)  # writes a command


def of_corpus(each: Mapping[str, Any]) -> Configuration:
    if "pipeline" in each:
        return Configuration(release=each["pipeline"])
    flags = {f"--{name.replace('_', '-')}": each[name] for name in corpus.FLAGS if name in each}
    flags.setdefault("--image", checking.IMAGE)
    if each.get("network_isolation"):
        flags["--network-isolation"] = ""
    environment = {name: str(value) for name, value in each.get("environment", {}).items()}
    return Configuration(environment, flags, each.get("properties"), each.get("model_config"))


EVERY = [pytest.param(of_example(rule.bad), id=rule.code) for rule in rule_pages.load_rules().values() if rule.bad] + [
    pytest.param(of_corpus(each.values[0]), id=each.id) for each in corpus.CONFIGURATIONS
]


def errors(findings: list[dict[str, Any]]) -> set[str]:
    return checking.codes(findings, "error")


@pytest.mark.parametrize("configuration", EVERY)
def test_a_line_that_is_written_brings_no_new_error_and_is_not_asked_for_again(configuration, tmp_path):
    before = configuration.check(tmp_path)
    for finding in before:
        if not finding["fix"] or finding["code"] in NO_LINE:
            continue
        after = configuration.write(finding).check(tmp_path)
        assert errors(after) <= errors(before), finding["fix"]
        assert (finding["code"], finding["fix"]) not in {(each["code"], each["fix"]) for each in after}


@pytest.mark.parametrize("configuration", EVERY)
def test_all_lines_together_bring_no_new_error(configuration, tmp_path):
    before = configuration.check(tmp_path)
    mended = configuration
    for finding in sorted(before, key=lambda each: -(each["line"] or 0)):  # so that lines of a file keep their numbers
        if finding["fix"] and finding["code"] not in NO_LINE:
            mended = mended.write(finding)
    assert errors(mended.check(tmp_path)) <= errors(before)


@pytest.mark.parametrize("configuration", EVERY)
def test_no_two_findings_write_different_values_for_one_name(configuration, tmp_path):
    assert two_values(configuration.check(tmp_path)) == []


def two_values(findings: list[dict[str, Any]]) -> list[set[str]]:
    lines: dict[str, set[str]] = {}
    for each in findings:
        if each["fix"]:
            about = Finding(each["code"], "note", Location(each["where"]), "", each["fix"], "verified", "")
            lines.setdefault(mending.fixed_name(about), set()).add(each["fix"])
    return [each for each in lines.values() if len(each) > 1]


# --- whatever somebody writes ---------------------------------------------------------------------------------------

NAMES = sorted(
    {
        *aliases.SYNONYMS,
        *aliases.FOREIGN,
        *aliases.REPLACED,
        *aliases.SAMPLING,
        *(row["name"] for row in tables.rows("options")),
    }
    | {row["name"] for row in tables.rows("old_options")}
)
VALUES = ["5", "8", "0.5", "1", "true", "false", "True", "auto", "fp8", "4096", "131072", "1000000", "16k", "hermes",
          "Qwen/Qwen3-0.6B", "[1, 2]", '{"a": 1}', "'x'", "disable", "float16", "-1", "90"]  # fmt: skip
MODELS = ["Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen3-32B", "Qwen/Qwen2.5-7B-Instruct-AWQ", "openai/gpt-oss-20b"]


def container(environment: Mapping[str, str], release: int, instance: str, name: str) -> DeploymentSpec:
    tag = tables.by("releases", "release")[release]["tag"]
    pairs = tuple(
        Setting(key, value, Location(key, "my.env", line)) for line, (key, value) in enumerate(environment.items())
    )
    return DeploymentSpec(
        f"djl-inference:{tag}", pairs, instance_type=instance, model=model.find_model(name), model_id=name,
        model_data="s3://models/it/", places={"instance_type": Location("--instance-type")},
    )  # fmt: skip


def rewritten(environment: Mapping[str, str], finding: Finding) -> dict[str, str] | None:
    name, equals, value = finding.fix.partition("=")
    if not equals or finding.fix.startswith("--"):
        return None
    return {key: text for key, text in environment.items() if key != finding.place.where} | {name: value}


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), min_size=1, max_size=3),
    st.sampled_from(sorted(options.RELEASES)),
    st.sampled_from(["ml.g5.xlarge", "ml.g5.12xlarge", "ml.g6e.2xlarge"]),
    st.sampled_from(MODELS),
)
def test_whatever_is_written_no_advice_breaks_a_start(written, release, instance, name):
    environment = {f"OPTION_{key.upper()}": value for key, value in written.items()}
    before = checks.check_spec(container(environment, release, instance, name))
    lines: dict[str, str] = {}
    for finding in before:
        mended = rewritten(environment, finding) if finding.fix else None
        if mended is None:
            continue
        assert lines.setdefault(mending.fixed_name(finding), finding.fix) == finding.fix
        after = checks.check_spec(container(mended, release, instance, name))
        assert set(mending.count_errors(after)) <= set(mending.count_errors(before)), (finding.code, finding.fix)


FOREIGN = [*aliases.FOREIGN, *aliases.REPLACED, "draft_model_id", "speculative_draft_model", "spec_length"]


@pytest.mark.parametrize("option", FOREIGN)
@pytest.mark.parametrize("value", ["5", "true", "Qwen/Qwen3-0.6B"])
def test_an_option_of_another_engine_is_never_turned_into_one_that_ends_the_start(option, value):
    for release in sorted(options.RELEASES):
        environment = {"OPTION_MAX_MODEL_LEN": "4096", f"OPTION_{option.upper()}": value}
        for finding in checks.check_spec(container(environment, release, "ml.g5.xlarge", MODELS[0])):
            if mended := rewritten(environment, finding) if finding.fix else None:
                after = checks.check_spec(container(mended, release, "ml.g5.xlarge", MODELS[0]))
                assert [each for each in after if each.severity == "error"] == [], finding.fix
