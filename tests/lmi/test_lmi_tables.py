"""The figures hold together, say where they come from, and agree with the packages installed."""

import copy
import json

import jsonschema
import pytest

from sluice.lmi import images, model, options, parameters, tables
from sluice.lmi import provenance as script
from sluice.lmi.provenance import Columns

LATENT = ("kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
SCHEMA = json.loads((script.FOLDER / "schema.json").read_text(encoding="utf-8"))


def small(**changes):
    """A table of two rows that nothing is wrong with, but for the changes."""
    table = {
        "about": "Fruit.",
        "as_of": "2026-11-25",
        "key": ["name"],
        "sources": {"market": {"what": "the market", "url": "https://example.org/market", "how": "seen"}},
        "columns": {
            "name": {"type": "string", "about": "the fruit", "source": "market"},
            "price": {"type": "number", "unit": "USD", "about": "of one", "source": "market", "optional": True},
            "ripe": {"type": "boolean", "about": "whether it is", "source": "market"},
        },
        "rows": [{"name": "apple", "price": 1, "ripe": True}, {"name": "pear", "ripe": False}],
    }
    return table | changes


def with_column(**column):
    table = small()
    table["columns"]["name"] |= column
    return table


@pytest.mark.parametrize("name", script.NAMES)
def test_every_table_has_the_one_schema_and_its_rows_fit_their_columns(name):
    table = script.load(name)
    jsonschema.validate(table, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert list(script.check_table(table)) == []


@pytest.mark.parametrize("name", script.READERS)
def test_every_table_says_what_the_installed_packages_say(name):
    table = script.load(name)
    problems = [str(each) for each in script.differences(table, script.READERS[name](table))]
    assert problems == [], "run python -m sluice.lmi.provenance --write"


@pytest.mark.parametrize("name", script.NAMES)
def test_every_table_is_kept_in_the_one_form(name):
    assert (script.FOLDER / f"{name}.json").read_text(encoding="utf-8") == script.format_table(script.load(name))


@pytest.mark.parametrize("name", script.NAMES)
def test_tables_are_read_as_they_lie(name):
    assert tables.read(name) == script.load(name)


@pytest.mark.parametrize(
    "change",
    [
        {"as_of": "yesterday"},
        {"key": []},
        {"rows": []},
        {"more": 1},
        {"sources": {"market": {"what": "the market", "url": "https://example.org"}}},
        {"columns": {"name": {"type": "text", "about": "x", "source": "market"}}},
        {"rows": [{"name": "apple", "ripe": None}]},
    ],
)
def test_the_schema_refuses_another_head(change):
    jsonschema.validate(small(), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(small(**change), SCHEMA)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (small(), None),
        (small(rows=[{"name": "apple"}]), "apple: ripe: is missing"),
        (small(rows=[{"name": "apple", "ripe": 1}]), "apple: ripe: 1 is no boolean"),
        (small(rows=[{"name": "apple", "ripe": True, "price": True}]), "apple: price: True is no number"),
        (small(rows=[{"name": "apple", "ripe": True, "size": 2}]), "apple: size: there is no such column"),
        (small(rows=[{"name": "apple", "ripe": True}] * 2), "apple: is there twice"),
        (small(key=["price"]), "key: 'price' is no column that every row has"),
        (with_column(source="shop"), "columns.name: no source is called 'shop'"),
        (with_column(among=["apple"]), "pear: name: 'pear' is not among apple"),
        (with_column(refers="trees.name"), "pear: name: trees.name has no 'pear'"),
        (
            small(
                sources={**small()["sources"], "shop": {"what": "a shop", "url": "https://example.org", "how": "seen"}}
            ),
            "sources.shop: no column comes from it",
        ),
    ],
)
def test_a_row_that_does_not_fit_its_columns_is_named(table, problem):
    problems = list(script.check_table(table, {"trees": {"rows": [{"name": "apple"}]}}.__getitem__))
    assert problems == ([problem] if problem else [])


def test_what_a_package_says_replaces_what_the_table_says_and_nothing_else():
    market = Columns("market 2", [{"name": "pear", "ripe": True}, {"name": "plum", "ripe": True}], False, {"price": 0})
    assert script.update_rows(small(), market) == [
        {"name": "apple", "price": 1, "ripe": True},
        {"name": "pear", "ripe": True},
        {"price": 0, "name": "plum", "ripe": True},
    ]
    assert [str(each) for each in script.differences(small(), market)] == [
        "pear: ripe: True in market 2, False in the table",
        "plum: is new in market 2",
    ]


def test_a_package_that_knows_every_row_removes_the_others():
    market = Columns("market 2", [{"name": "pear", "ripe": False}])
    assert script.update_rows(small(), market) == [{"name": "pear", "ripe": False}]
    assert [str(each) for each in script.differences(small(), market)] == ["apple: there is no such row by market 2"]


def test_a_new_release_of_the_sdk_is_one_more_row():
    table = script.load("releases")
    newest = copy.deepcopy(table)
    newest["rows"] = [row for row in table["rows"] if row["release"] != 29]
    added = script.update_rows(newest, script.releases(newest))[-1]
    assert added["tag"] == "0.38.0-lmi29.0.0-cu130"
    assert list(script.check_table(newest | {"rows": [added]})) == []


def test_every_release_is_named_by_its_tag():
    for row in tables.rows("releases"):
        if script.TAG.fullmatch(row["tag"]):
            assert script.parse_tag(row["tag"]).items() <= row.items()


@pytest.mark.parametrize("row", [row for row in tables.rows("models") if "published" in row], ids=lambda row: row["id"])
def test_the_count_of_parameters_is_the_published_one(row):
    assert parameters.count_parameters(row).total == row["published"]


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", 5.57),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", 41.6),
        ("Qwen/Qwen3-30B-A3B-FP8", 31.2),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", 5.73),
        ("openai/gpt-oss-20b", 13.76),
        ("openai/gpt-oss-120b", 65.25),
    ],
)
def test_quantised_weights_weigh_what_their_files_do(name, gigabytes):
    assert tables.by("models", "id")[name]["weights_bytes"] / 1e9 == pytest.approx(gigabytes, rel=0.01)


@pytest.mark.parametrize("row", tables.rows("models"), ids=lambda row: row["id"])
def test_a_model_is_counted_the_same_from_a_config_of_its_own(row):
    """The count that meets any config.json leaves out biases and some norms: less than half a percent."""
    alike = {
        "architectures": [row["architecture"]],
        "model_type": "falcon" if not row.get("gated", True) else "decoder",
        "num_hidden_layers": row["layers"],
        "hidden_size": row["hidden"],
        "num_attention_heads": row["heads"],
        "num_key_value_heads": row["kv_heads"],
        "head_dim": row["head_dim"],
        "intermediate_size": row["intermediate"],
        "vocab_size": row["vocab"],
        "tie_word_embeddings": row["tied"],
        "max_position_embeddings": row["max_positions"],
        "num_experts": row.get("experts"),
        "moe_intermediate_size": row.get("moe_intermediate"),
        "shared_expert_intermediate_size": row.get("shared_intermediate"),
        "mlp_only_layers": list(range(row["layers"] - row["moe_layers"])) if "moe_layers" in row else None,
        **{key: row.get(key) for key in LATENT},
    }
    counted = model.from_config(alike, row["id"]).parameters
    assert counted == pytest.approx(row["parameters"] - row.get("beside", 0), rel=0.005)


def test_layers_that_look_back_a_little_say_how_far():
    for row in tables.rows("models"):
        assert ("sliding_window" in row) == ("window_layers" in row)
        assert row.get("window_layers", 0) <= row["layers"]


def test_every_registry_is_where_its_uri_says():
    example = images.parse_image(images.EXAMPLE)
    for region in images.ACCOUNTS:
        assert f".dkr.ecr.{region}.{script.domain(region)}/" in example.uri(region)


def test_the_script_tells_every_column_and_that_all_is_well(capsys):
    assert script.main([]) == 0
    printed = capsys.readouterr().out
    for name in script.NAMES:
        for column in script.load(name)["columns"]:
            assert f"  {column} (" in printed
    assert printed.endswith("agree with the packages installed.\n")


def test_a_price_that_was_not_read_is_an_assumption():
    for row in tables.rows("prices"):
        assert row["assumed"] == (row["how"] != "list")


def test_the_instances_that_a_release_needs_have_a_price_in_the_home_region():
    priced = {row["instance"] for row in tables.rows("prices") if row["region"] == "us-east-1"}
    small = {"ml.t3.medium", "ml.m5.large", "ml.m5.xlarge"}
    large = {row["instance"] for row in tables.rows("instances") if row["gpu"] in {"A10G", "L4", "L40S"}}
    assert small | large | {"ml.p4d.24xlarge", "ml.p5.48xlarge"} <= priced


def test_a_range_of_releases_does_not_end_before_it_begins():
    for name in ("options", "old_options", "values"):
        assert all(row["since"] <= row.get("until", row["since"]) for row in tables.rows(name))
    for row in tables.rows("architectures"):
        assert row["since_release"] <= row.get("until_release", row["since_release"])


def test_what_has_no_end_holds_for_a_release_that_is_yet_one_row():
    newest = max(row["release"] for row in tables.rows("releases"))
    assert options.is_read("max_model_len", newest + 1)
    assert not options.is_read("swap_space", newest + 1)


def test_a_value_is_listed_only_for_releases_that_read_its_option():
    for row in tables.rows("values"):
        option = tables.by("options", "name")[row["option"]]
        assert option["since"] <= row["since"]
        assert row.get("until", 99) <= option.get("until", 99) or row.get("until") == option.get("until")


def test_an_architecture_is_first_in_the_release_whose_engine_has_it():
    engines = {row["release"]: row.get("vllm") for row in tables.rows("releases")}
    for row in tables.rows("architectures"):
        carried = engines[row["since_release"]]
        assert row["since_vllm"] in {carried, "0.23.0"}  # LMI 27 carries its own build of 0.23


@pytest.mark.parametrize(
    ("architecture", "release"),
    [
        ("LlamaForCausalLM", 9),
        ("Qwen2ForCausalLM", 9),
        ("Gemma2ForCausalLM", 11),
        ("Qwen3ForCausalLM", 15),
        ("Qwen3MoeForCausalLM", 15),
        ("Gemma3ForConditionalGeneration", 15),
        ("GptOssForCausalLM", 16),
        ("Exaone4ForCausalLM", 16),
        ("Qwen3NextForCausalLM", 16),
    ],
)
def test_well_known_architectures_begin_where_they_did(architecture, release):
    assert tables.by("architectures", "architecture")[architecture]["since_release"] == release
