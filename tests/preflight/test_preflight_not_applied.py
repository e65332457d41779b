"""Which rules a configuration leaves silent by what it does not say: tried with the example of each rule."""

from dataclasses import replace

import checking
import pytest
from configuration import of_example

from sluice.preflight import not_applied, rule_pages

FLAGS = {"image": "--image", "instance_type": "--instance-type", "model": "--model", "model_data": "--model-data"}
EXAMPLES = {
    rule.code: of_example(rule.bad)
    for rule in rule_pages.load_rules().values()
    if rule.bad and rule.code.startswith(("LMI", "ENV", "IMG", "MEM", "HST"))
}


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if example.release is None])
def test_a_rule_needs_what_it_is_silent_without(code, tmp_path):
    example = EXAMPLES[code]
    for field, flag in FLAGS.items():
        if flag in example.flags:
            others = {name: value for name, value in example.flags.items() if name != flag}
            silent = code not in checking.codes(replace(example, flags=others).check(tmp_path))
            assert silent is (code in not_applied.NEEDS[field]), field


def test_every_rule_that_is_named_is_there():
    assert {code for codes in not_applied.NEEDS.values() for code in codes} <= rule_pages.rule_codes()
    assert all(len(set(codes)) == len(codes) for codes in not_applied.NEEDS.values())


def test_a_model_of_the_hub_needs_nothing_mounted(tmp_path):
    (tmp_path / "my.env").write_text("HF_MODEL_ID=Qwen/Qwen3-4B-Instruct-2507\n")
    assert "--model-data" not in checking.run("--env-file", str(tmp_path / "my.env")).output.splitlines()[1]
