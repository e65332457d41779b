"""The figures hold together, say where they come from, and agree with the packages installed."""

import copy
import json

import jsonschema
import pytest

from lmi import images, tables
from pipelines import tables as script
from pipelines.tables import Reading

SCHEMA = json.loads((script.FOLDER / "schema.json").read_text(encoding="utf-8"))


def small(**changes):
    """A table of two rows that nothing is wrong with, but for the changes."""
    made = {
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
    return made | changes


def with_column(**column):
    table = small()
    table["columns"]["name"] |= column
    return table


@pytest.mark.parametrize("name", script.NAMES)
def test_every_table_has_the_one_schema_and_its_rows_fit_their_columns(name):
    table = script.load(name)
    jsonschema.validate(table, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert list(script.problems(table)) == []


@pytest.mark.parametrize("name", script.READERS)
def test_every_table_says_what_the_installed_packages_say(name):
    table = script.load(name)
    found = [str(each) for each in script.differences(table, script.READERS[name](table))]
    assert found == [], "run python -m pipelines.tables --write"


@pytest.mark.parametrize("name", script.NAMES)
def test_every_table_is_kept_in_the_one_form(name):
    assert (script.FOLDER / f"{name}.json").read_text(encoding="utf-8") == script.text(script.load(name))


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
    found = list(script.problems(table, {"trees": {"rows": [{"name": "apple"}]}}.__getitem__))
    assert found == ([problem] if problem else [])


def test_what_a_package_says_replaces_what_the_table_says_and_nothing_else():
    market = Reading("market 2", [{"name": "pear", "ripe": True}, {"name": "plum", "ripe": True}], False, {"price": 0})
    assert script.updated(small(), market) == [
        {"name": "apple", "price": 1, "ripe": True},
        {"name": "pear", "ripe": True},
        {"price": 0, "name": "plum", "ripe": True},
    ]
    assert [str(each) for each in script.differences(small(), market)] == [
        "pear: ripe: True in market 2, False in the table",
        "plum: is new in market 2",
    ]


def test_a_package_that_knows_every_row_removes_the_others():
    market = Reading("market 2", [{"name": "pear", "ripe": False}])
    assert script.updated(small(), market) == [{"name": "pear", "ripe": False}]
    assert [str(each) for each in script.differences(small(), market)] == ["apple: there is no such row by market 2"]


def test_a_new_release_of_the_sdk_is_one_more_row():
    table = script.load("releases")
    newest = copy.deepcopy(table)
    newest["rows"] = [row for row in table["rows"] if row["release"] != 29]
    added = script.updated(newest, script.releases(newest))[-1]
    assert added["tag"] == "0.38.0-lmi29.0.0-cu130"
    assert list(script.problems(newest | {"rows": [added]})) == []


def test_every_release_is_named_by_its_tag():
    for row in tables.rows("releases"):
        if found := images.TAG.fullmatch(row["tag"]):
            told = int(found["lmi"]), found["djl"], found["cuda"]
            assert told == (row["release"], row["djl"], row["cuda"].replace(".", ""))


def test_every_registry_is_where_its_uri_says():
    example = images.parse(images.EXAMPLE)
    for region in images.ACCOUNTS:
        assert f".dkr.ecr.{region}.{script.domain(region)}/" in example.uri(region)


def test_the_script_tells_every_column_and_that_all_is_well(capsys):
    assert script.main([]) == 0
    told = capsys.readouterr().out
    for name in script.NAMES:
        for column in script.load(name)["columns"]:
            assert f"  {column} (" in told
    assert told.endswith("agree with the packages installed.\n")
