"""Other tools' cases: what can be taken over means the same here, and what cannot is told by name, never dropped."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sluice.datasets import importers, yaml_writer
from sluice.datasets.importers import promptfoo_asserts, promptfoo_table
from sluice.datasets.importers.import_log import ImportLog
from sluice.datasets.yaml_writer import Draft, Ids
from sluice.errors import UsageError
from sluice.evaluation import scorers
from sluice.evaluation.cases import loader
from sluice.evaluation.scoring import NOTHING, Sample


class Import:
    """A folder with somebody's files, and what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = ImportLog()

    def has(self, name: str, content: Any) -> "Import":
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str | bytes):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        elif name.endswith(".jsonl"):
            path.write_text("".join(json.dumps(each) + "\n" for each in content))
        else:
            path.write_text(json.dumps(content) if name.endswith(".json") else yaml.safe_dump(content, sort_keys=False))
        return self

    def cases(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        """What is in the written file; it is read as a case file is, too."""
        out = self.folder / "out" / "cases.yaml"
        drafts = importers.import_cases(self.folder / name, self.log, kind)
        yaml_writer.write_file(out, (piece.encode() for piece in yaml_writer.render_file(drafts, ["taken over"])))
        cases: list[dict[str, Any]] = yaml.safe_load(out.read_text(encoding="utf-8"))["cases"] or []
        assert [case.id for case in loader.read_cases(out)] == [case["id"] for case in cases] if cases else True
        return cases

    def one(self, name: str, kind: str | None = None) -> dict[str, Any]:
        (case,) = self.cases(name, kind)
        return case

    @property
    def missing(self) -> list[str]:
        return list(self.log.missing)

    @property
    def changed(self) -> str:
        return "; ".join(self.log.changed)


@pytest.fixture
def importer(tmp_path: Path) -> Import:
    return Import(tmp_path)


def config(*asserts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"prompts": ["{{q}}"], "tests": [{"vars": {"q": "연차는 며칠?"}, "assert": list(asserts)}]} | more


# --- promptfoo's assertions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assertion", "expect"),
    [
        ({"type": "contains", "value": "20일"}, {"contains": "20일"}),
        ({"type": "contains", "value": 20}, {"contains": "20"}),
        ({"type": "icontains", "value": "Paris"}, {"contains": "Paris"}),
        ({"type": "contains-all", "value": ["a", "b"]}, {"contains": ["a", "b"]}),
        ({"type": "contains-all", "value": '"1,000", in stock'}, {"contains": ["1,000", "in stock"]}),
        ({"type": "contains-any", "value": ["a", "b"]}, {"contains_any": ["a", "b"]}),
        ({"type": "icontains-any", "value": "a, b"}, {"contains_any": ["a", "b"]}),
        ({"type": "not-contains", "value": "x"}, {"not_contains": "x"}),
        ({"type": "not-icontains-any", "value": ["x", "y"]}, {"not_contains": ["x", "y"]}),
        ({"type": "equals", "value": "Yes."}, {"equals": "Yes."}),
        ({"type": "equals", "value": {"a": 1}}, {"json": {"const": {"a": 1}}}),
        ({"type": "not-equals", "value": "Yes."}, {"matches": r"^(?!Yes\.$)"}),
        ({"type": "starts-with", "value": "Yes, sir"}, {"matches": "^Yes, sir"}),
        ({"type": "not-starts-with", "value": "No"}, {"matches": "^(?!No)"}),
        ({"type": "regex", "value": r"\d{4}"}, {"matches": r"\d{4}"}),
        ({"type": "regex", "value": r"a\n\nb"}, {"matches": r"a\s+b"}),
        ({"type": "not-regex", "value": "x+"}, {"matches": "^(?!.*(?:x+))"}),
        ({"type": "is-json"}, {"json": True}),
        ({"type": "is-json", "value": {"type": "object"}}, {"json": {"type": "object"}}),
        ({"type": "contains-json", "value": "type: object"}, {"json": {"type": "object"}}),
        ({"type": "similar", "value": "hi"}, {"similar": {"to": "hi", "least": 0.75, "by": "embedding"}}),
        (
            {"type": "similar", "value": "hi", "threshold": 0.9},
            {"similar": {"to": "hi", "least": 0.9, "by": "embedding"}},
        ),
        ({"type": "llm-rubric", "value": "is polite"}, {"judge": "is polite"}),
        ({"type": "not-llm-rubric", "value": "is rude"}, {"judge": "This must not be so: is rude"}),
        ({"type": "g-eval", "value": ["a", "b"]}, {"judge": "All of this holds. (1) a (2) b"}),
        ({"type": "is-refusal"}, {"refuses": True}),
        ({"type": "not-is-refusal"}, {"refuses": False}),
        ({"type": "latency", "threshold": 5000}, {"latency": 5000}),
        ({"type": "finish-reason", "value": "STOP"}, {"finish_reason": "stop"}),
        ({"type": "word-count", "value": {"min": 2, "max": 5}}, {"matches": r"^\S+(?: \S+){1,4}$"}),
        ({"type": "word-count", "value": 3}, {"matches": r"^\S+(?: \S+){2,2}$"}),
        ({"type": "tool-call-f1", "value": "search, book"}, {"tool_calls": [{"name": "search"}, {"name": "book"}]}),
        ({"type": "assert-set", "assert": [{"type": "icontains", "value": "a"}]}, {"contains": "a"}),
    ],
    ids=lambda value: str(value.get("type", "")) if isinstance(value, dict) else "",
)
def test_an_assertion_becomes_an_expectation(
    importer: Import, assertion: dict[str, Any], expect: dict[str, Any]
) -> None:
    case = importer.has("promptfooconfig.yaml", config(assertion)).one("promptfooconfig.yaml")
    assert case["turns"][0]["expect"] == expect
    assert importer.missing == []


@pytest.mark.parametrize(
    ("expect", "right", "wrong"),
    [
        ({"type": "not-equals", "value": "Yes."}, ["yes, sure", "no"], ["Yes.", "yes."]),
        ({"type": "starts-with", "value": "A+ (b)"}, ["A+ (b) c"], ["x A+ (b)", "AA (b)"]),
        ({"type": "not-regex", "value": "^ab"}, ["xab", "a b"], ["abc"]),
        ({"type": "word-count", "value": {"max": 2}}, ["하나", "하나 둘"], ["하나 둘 셋"]),
        ({"type": "word-count", "value": {"min": 2}}, ["하나 둘", "a b c d"], ["하나"]),
    ],
)
def test_what_became_a_pattern_still_tells_right_from_wrong(
    importer: Import, expect: dict[str, Any], right: list[str], wrong: list[str]
) -> None:
    converted = importer.has("c.yaml", config(expect)).one("c.yaml")["turns"][0]["expect"]
    for answers, passed in ((right, True), (wrong, False)):
        for answer in answers:
            assert all(score.passed == passed for score in scorers.score(Sample(answer), converted, NOTHING)), answer


def test_several_assertions_of_one_kind_are_put_together(importer: Import) -> None:
    asserts = [
        {"type": "contains", "value": "a"},
        {"type": "icontains-all", "value": ["b", "a"]},
        {"type": "contains-any", "value": ["c", "d"]},
        {"type": "contains-any", "value": ["e.", "f"]},
        {"type": "latency", "threshold": 500},
        {"type": "latency", "threshold": 300},
        {"type": "llm-rubric", "value": "is nice"},
        {"type": "llm-rubric", "value": "is short"},
    ]
    assert importer.has("c.yaml", config(*asserts)).one("c.yaml")["turns"][0]["expect"] == {
        "contains": ["a", "b"],
        "contains_any": ["c", "d"],
        "matches": r"e\.|f",
        "latency": 300,
        "judge": "All of this holds. (1) is nice (2) is short",
    }


@pytest.mark.parametrize(
    ("assertion", "named"),
    [
        ({"type": "javascript", "value": "output.length < 5"}, "javascript"),
        ({"type": "python", "value": "len(output) < 5"}, "python"),
        ({"type": "cost", "threshold": 0.001}, "cost"),
        ({"type": "not-is-json"}, "not-is-json"),
        ({"type": "not-contains-all", "value": ["a", "b"]}, "not-contains-all: some of the texts may be there"),
        ({"type": "contains", "value": "x", "weight": 0}, "contains with weight 0"),
        ({"type": "contains", "value": "x", "transform": "output.trim()"}, "contains after a transform"),
        ({"type": "similar", "value": ["a", "b"]}, "similar to one of several texts"),
        ({"type": "assert-set", "threshold": 0.5, "assert": [{"type": "contains", "value": "x"}]}, "assert-set with"),
        ({"type": "regex", "value": "(15"}, "regex that"),
        ({"type": "is-json", "value": {"type": "objekt"}}, "json that is no JSON schema"),
        ({"type": "contains"}, "contains without a value"),
        ({"type": "made-up"}, "made-up, not known here"),
        ({"type": "contains", "value": "file://check.js"}, "contains from the script check.js"),
    ],
)
def test_an_assertion_without_counterpart_is_told_by_name(
    importer: Import, assertion: dict[str, Any], named: str
) -> None:
    importer.has("c.yaml", config(assertion, {"type": "icontains", "value": "20"})).has("check.js", "")
    case = importer.one("c.yaml")
    assert case["turns"][0]["expect"] == {"contains": "20"}
    assert [each for each in importer.missing if each.startswith(named)], importer.missing
    assert f"# Not taken over: {importer.missing[0]}" in (importer.folder / "out" / "cases.yaml").read_text(
        encoding="utf-8"
    )


def test_a_case_of_which_nothing_is_left_to_expect_is_unreviewed(importer: Import) -> None:
    case = importer.has("c.yaml", config({"type": "javascript", "value": "true"})).one("c.yaml")
    assert case["reviewed"] is False and "expect" not in case["turns"][0]


def test_every_kind_of_assertion_has_a_word_in_the_documentation() -> None:
    documented = " ".join(names for names, _ in promptfoo_table.list_assertions())
    kinds = {*promptfoo_asserts.PLAIN, *promptfoo_table.ELSEWHERE} - {"similar:cosine", "model-graded-factuality"}
    assert [name for name in kinds if name not in documented] == []
    assert not promptfoo_asserts.PLAIN.keys() & promptfoo_table.ELSEWHERE.keys()


def test_what_compares_otherwise_here_is_told(importer: Import) -> None:
    asserts = [
        {"type": "contains", "value": "A"},
        {"type": "regex", "value": "a"},
        {"type": "contains-json"},
        {"type": "icontains", "value": "b", "weight": 2},
    ]
    raw = config(*asserts)
    raw["tests"][0] |= {"threshold": 0.5, "options": {"transform": "output.trim()"}}
    importer.has("c.yaml", raw).cases("c.yaml")
    for word in ("case, width and blanks", "one line here", "its one code block", "weights", "threshold", "transform"):
        assert word in importer.changed


# --- promptfoo's configurations ------------------------------------------------------------------------------------


def test_every_prompt_with_every_test_is_a_case(importer: Import) -> None:
    raw = {
        "prompts": ["Kurz: {{q}}", {"raw": "{{ q | upper }}!", "label": "loud"}],
        "tests": [
            {"description": "First one", "vars": {"q": "a?"}, "assert": [{"type": "icontains", "value": "x"}]},
            {"vars": {"q": "b?"}, "assert": [{"type": "icontains", "value": "y"}]},
        ],
    }
    cases = importer.has("my.yaml", raw).cases("my.yaml")
    assert [(case["id"], case["turns"][0]["user"]) for case in cases] == [
        ("first-one-p1", "Kurz: a?"),
        ("my-2", "Kurz: b?"),
        ("first-one-loud", "A?!"),
        ("my-4", "B?!"),
    ]


def test_lists_of_texts_are_tried_one_by_one_and_other_lists_are_not(importer: Import) -> None:
    raw = {
        "prompts": ["{{a}} {{b}} {{c[0].n}}"],
        "tests": [{"vars": {"a": ["1", "2"], "b": ["x", "y"], "c": [{"n": 7}]}}],
    }
    assert [case["turns"][0]["user"] for case in importer.has("c.yaml", raw).cases("c.yaml")] == [
        "1 x 7", "1 y 7", "2 x 7", "2 y 7",
    ]  # fmt: skip


def test_default_tests_lie_under_every_test(importer: Import) -> None:
    raw = config({"type": "icontains", "value": "x"})
    raw["defaultTest"] = {
        "vars": {"q": "never asked", "tone": "kind"},
        "assert": [{"type": "latency", "threshold": 900}],
        "metadata": {"suite": "hr"},
        "options": {"prefix": "Be {{tone}}. "},
    }
    raw["tests"].append(
        {"vars": {"q": "b"}, "options": {"disableDefaultAsserts": True}, "assert": [{"type": "is-json"}]}
    )
    first, second = importer.has("c.yaml", raw).cases("c.yaml")
    assert first["turns"] == [{"user": "Be kind. 연차는 며칠?", "expect": {"latency": 900, "contains": "x"}}]
    assert second["turns"] == [{"user": "Be kind. b", "expect": {"json": True}}]
    assert first["tags"] == ["suite:hr"]


def test_variables_may_hold_variables_and_values_too(importer: Import) -> None:
    raw = config({"type": "icontains", "value": "{{want}}"})
    raw["tests"][0]["vars"] = {"q": "About {{topic}}", "topic": "leave", "want": "{{topic}} days"}
    turn = importer.has("c.yaml", raw).one("c.yaml")["turns"][0]
    assert turn == {"user": "About leave", "expect": {"contains": "leave days"}}


def test_a_chat_prompt_keeps_its_system_text_and_its_examples(importer: Import) -> None:
    messages = [
        {"role": "system", "content": "Be {{tone}}."},
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "{{q}}"},
    ]
    raw = config({"type": "icontains", "value": "x"}, prompts=["file://chat.json"])
    raw["tests"][0]["vars"] |= {"tone": 'so "kind"\n'}
    case = importer.has("c.yaml", raw).has("chat.json", messages).one("c.yaml")
    assert case["system"] == 'Be so "kind"\n.'
    assert case["goes_on_with"] == "written"
    assert case["turns"] == [
        {"user": "1+1?", "answer": "2"},
        {"user": "연차는 며칠?", "expect": {"contains": "x"}},
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ messages | dump }}",
        '[{% for message in messages %}{"role": "{{ message.role }}", "content": {{ message.content | dump }}}'
        "{% if not loop.last %},{% endif %}{% endfor %}]",
    ],
)
def test_a_prompt_made_of_messages_is_a_chat(importer: Import, prompt: str) -> None:
    messages = [
        {"role": "user", "content": "안녕"},
        {"role": "assistant", "content": '"네"'},
        {"role": "user", "content": "?"},
    ]
    raw = {"prompts": [prompt], "tests": [{"vars": {"messages": messages}, "assert": [{"type": "is-json"}]}]}
    case = importer.has("c.yaml", raw).one("c.yaml")
    assert case["turns"] == [{"user": "안녕", "answer": '"네"'}, {"user": "?", "expect": {"json": True}}]


CONVERSATION = """[
{% for completion in _conversation %}
  {"role": "user", "content": "{{ completion.input }}"},
  {"role": "assistant", "content": "{{ completion.output }}"},
{% endfor %}
  {"role": "user", "content": "{{ question }}"}
]"""


def test_tests_of_one_conversation_are_the_turns_of_one_case(importer: Import) -> None:
    def test(question: str, conversation: str, value: str) -> dict[str, Any]:
        about = {"metadata": {"conversationId": conversation}} if conversation else {}
        return {"vars": {"question": question}, "assert": [{"type": "icontains", "value": value}]} | about

    raw = {
        "prompts": ["file://prompt.json"],
        "tests": [
            test("Who?", "one", "Z"),
            test("Where?", "two", "W"),
            test("And he?", "one", "H"),
            test("?", "", "x"),
        ],
    }
    cases = importer.has("c.yaml", raw).has("prompt.json", CONVERSATION).cases("c.yaml")
    assert [(case["id"], [turn["user"] for turn in case["turns"]]) for case in cases] == [
        ("one", ["Who?", "And he?"]),
        ("c-2", ["Where?"]),
        ("c-3", ["?"]),
    ]
    assert cases[0]["turns"][1]["expect"] == {"contains": "H"}
    assert "goes_on_with" not in cases[0], "its later turns build on the model's own answers"


def test_tests_without_a_conversation_id_go_on_with_each_other_too(importer: Import) -> None:
    tests = [{"vars": {"question": str(number)}, "assert": [{"type": "is-json"}]} for number in range(6)]
    case = (
        importer.has("c.yaml", {"prompts": ["file://p.json"], "tests": tests}).has("p.json", CONVERSATION).one("c.yaml")
    )
    assert len(case["turns"]) == 6
    assert "only the last 3 are sent along" in importer.changed


def test_scenarios_are_their_tests_with_each_of_their_data(importer: Import) -> None:
    scenario = {
        "config": [{"vars": {"language": "Korean", "hi": "안녕"}}, {"vars": {"language": "French", "hi": "Bonjour"}}],
        "tests": [{"vars": {"q": "hello"}, "assert": [{"type": "icontains", "value": "{{hi}}"}]}],
    }
    cases = importer.has("c.yaml", {"prompts": ["In {{language}}: {{q}}"], "scenarios": [scenario]}).cases("c.yaml")
    assert [(case["turns"][0]["user"], case["turns"][0]["expect"]["contains"]) for case in cases] == [
        ("In Korean: hello", "안녕"),
        ("In French: hello", "Bonjour"),
    ]


CSV = (
    "q,__expected,__expected2,__description,__metadata:level,__metadata:tags[],__suffix,__config:__expected2:threshold,__note\n"
    '"연차, 병가?","contains-all: ""1,000""",similar(0.9): hi,My test,easy,"a,b",!,,\n'
    "x,grade: is nice,latency: 500,,,,,700,n\n"
    "y,Paris,not-contains:Rome,,,,,,\n"
    "z,fn:output.length > 3,,,,,,,\n"
)


def test_tests_in_csv_with_expected_columns(importer: Import) -> None:
    importer.has("c.yaml", {"prompts": ["{{q}}"], "tests": "file://tests/*.csv"}).has("tests/t.csv", CSV)
    first, second, third, fourth = importer.cases("c.yaml")
    assert first == {
        "id": "my-test",
        "tags": ["level:easy", "tags:a", "tags:b"],
        "turns": [
            {
                "user": "연차, 병가?!",
                "expect": {"contains": "1,000", "similar": {"to": "hi", "least": 0.9, "by": "embedding"}},
            }
        ],
    }
    assert second["turns"][0]["expect"] == {"judge": "is nice", "latency": 700}
    assert third["turns"][0]["expect"] == {"equals": "Paris", "not_contains": "Rome"}
    assert fourth["reviewed"] is False
    assert importer.missing == ["the column __note", "javascript"]


def test_a_csv_of_tests_needs_no_configuration_and_asks_its_prompt_column(importer: Import) -> None:
    importer.has("t.csv", "prompt,__expected\nhello,contains:hi\n")
    assert importer.one("t.csv")["turns"] == [{"user": "hello", "expect": {"contains": "hi"}}]


def test_tests_lie_in_files_of_several_forms(importer: Import) -> None:
    test = {"vars": {"q": "from a file"}, "assert": [{"type": "is-json"}]}
    importer.has(
        "c.yaml", {"prompts": ["{{q}}"], "tests": ["file://a.yaml", "file://b.json", "file://c.jsonl", "file://d"]}
    )
    importer.has("a.yaml", [test]).has("b.json", [test, test]).has("c.jsonl", [test]).has("d/e.yaml", [test])
    assert len(importer.cases("c.yaml")) == 5


def test_variables_and_values_lie_in_files(importer: Import) -> None:
    raw = config({"type": "icontains", "value": "file://want.txt"}, {"type": "is-json", "value": "file://s.json"})
    raw["tests"][0]["vars"] = "file://vars.yaml"
    importer.has("c.yaml", raw).has("want.txt", "20일\n").has("s.json", {"type": "object"})
    importer.has("vars.yaml", {"q": "file://q.txt"}).has("q.txt", "며칠?\n")
    assert importer.one("c.yaml")["turns"] == [
        {"user": "며칠?", "expect": {"contains": "20일", "json": {"type": "object"}}}
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tests": "file://gen.py:create"}, "tests from the script gen.py"),
        ({"tests": ["https://docs.google.com/x"]}, "tests from https://..."),
        ({"tests": ["huggingface://datasets/x"]}, "tests from huggingface://..."),
        ({"tests": [{"path": "file://gen.py", "config": {}}]}, "tests from the script gen.py"),
        ({"tests": [{"vars": {"q": "file://gen.py"}}]}, "a test whose variables come from the script gen.py"),
        ({"providers": ["openai:gpt-5"]}, "providers: what is asked is said when cases are replayed"),
        ({"redteam": {}}, "the key 'redteam' of the configuration"),
        ({"tests": [{"vars": {"q": "a"}, "provider": "x"}]}, "provider of a test"),
        ({"tests": [{"vars": {"q": "a"}, "options": {"storeOutputAs": "x"}}]}, "options.storeOutputAs"),
        ({"prompts": ["{{q}}", "file://gen.py"]}, "a prompt from the script gen.py"),
        ({"prompts": ["{{q}}", "langfuse://x"]}, "a prompt from langfuse"),
        ({"prompts": ["{{q}}", "{% bad %}"]}, "a template that cannot be filled in"),
        ({"tests": [{"vars": {"q": ""}}]}, "a chat with an empty question"),
    ],
)
def test_what_only_promptfoo_can_do_is_told(importer: Import, changes: dict[str, Any], named: str) -> None:
    importer.has("c.yaml", config({"type": "is-json"}) | changes).has("gen.py", "").cases("c.yaml")
    assert [each for each in importer.missing if each.startswith(named)], importer.missing


def test_a_variable_that_is_not_given_is_told(importer: Import) -> None:
    importer.has("c.yaml", config({"type": "is-json"}, prompts=["{{q}} {{nobody}}"])).cases("c.yaml")
    assert "the variable 'nobody' is not given" in importer.changed


def test_repeats_and_assertion_templates_are_kept(importer: Import) -> None:
    raw = config({"$ref": "#/assertionTemplates/polite"}, {"$ref": "#/assertionTemplates/none"})
    raw |= {
        "assertionTemplates": {"polite": {"type": "icontains", "value": "please"}},
        "evaluateOptions": {"repeat": 3},
    }
    case = importer.has("c.yaml", raw).one("c.yaml")
    assert (case["repeats"], case["turns"][0]["expect"]) == (3, {"contains": "please"})
    assert importer.missing == ["the reference #/assertionTemplates/none, not known here"]


def test_a_template_gets_nowhere_but_into_its_text(importer: Import) -> None:
    raw = config({"type": "is-json"}, prompts=["{{ ''.__class__.__mro__ }}", "{{ q.__init__.__globals__ }}", "{{q}}"])
    cases = importer.has("c.yaml", raw).cases("c.yaml")
    assert [case["turns"][0]["user"] for case in cases] == ["연차는 며칠?"]


# --- OpenAI evals, chats, plain lines ------------------------------------------------------------------------------


def test_samples_of_openai_evals(importer: Import) -> None:
    importer.has("match.jsonl", [
        {"input": [{"role": "system", "content": "Solve."}, {"role": "user", "content": "1+1?"}], "ideal": "2"},
        {"input": "수도는?", "ideal": ["서울", "Seoul"]},
        {"input": [
            {"role": "system", "content": "2+2", "name": "example_user"},
            {"role": "system", "content": "4", "name": "example_assistant"},
            {"role": "user", "content": "3+3"}], "ideal": 6},
        {"input": [{"role": "user", "content": "joke"}], "completion": "x"},
    ])  # fmt: skip
    one, two, three, four = importer.cases("match.jsonl")
    assert one == {"id": "match-1", "system": "Solve.", "turns": [{"user": "1+1?", "expect": {"contains": "2"}}]}
    assert two["turns"][0]["expect"] == {"contains_any": ["서울", "Seoul"]}
    assert three["turns"] == [{"user": "2+2", "answer": "4"}, {"user": "3+3", "expect": {"contains": "6"}}]
    assert three["goes_on_with"] == "written"
    assert four["reviewed"] is False
    assert "Includes" in importer.changed and any("without an ideal answer" in each for each in importer.missing)


OPENAI = {
    "messages": [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "연차는?"},
        {"role": "assistant", "content": "20일입니다."},
        {"role": "user", "content": [{"type": "text", "text": "And sick "}, {"type": "text", "text": "leave?"}]},
        {"role": "assistant", "content": "10 days."},
    ]
}
SHAREGPT = {
    "id": "Chat 7",
    "system": "You are kind.",
    "conversations": [
        {"from": "human", "value": "연차는?"},
        {"from": "gpt", "value": "20일입니다."},
        {"from": "human", "value": "And sick leave?"},
        {"from": "gpt", "value": "10 days."},
    ],
}


@pytest.mark.parametrize(("record", "id"), [(OPENAI, "chats-1"), (SHAREGPT, "chat-7")])
def test_chats_to_train_on_are_candidates(importer: Import, record: dict[str, Any], id: str) -> None:
    assert importer.has("chats.jsonl", [record]).one("chats.jsonl") == {
        "id": id,
        "system": "You are kind.",
        "goes_on_with": "written",
        "reviewed": False,
        "turns": [
            {"user": "연차는?", "answer": "20일입니다."},
            {
                "user": "And sick leave?",
                "answer": "10 days.",
                "expect": {"similar": {"to": "10 days.", "least": 0.6}},
            },
        ],
    }
    assert importer.missing == []


def test_a_tool_call_is_what_its_turn_expects_and_the_chat_ends_there(importer: Import) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Seoul"}'}}
    function = {"name": "weather", "parameters": {"type": "object"}}
    record = {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "sunny", "tool_call_id": "1"},
            {"role": "assistant", "content": "Sunny."},
        ],
        "tools": [{"type": "function", "function": function}],
    }
    case = importer.has("c.jsonl", [record]).one("c.jsonl")
    calls = [{"name": "weather", "arguments": {"city": "Seoul"}}]
    assert case["turns"] == [{"user": "Weather?", "expect": {"tool_calls": calls}}]
    assert case["tools"] == [function]
    assert importer.missing == ["a tool's result and what follows"]


def test_an_answer_that_nobody_is_to_imitate_is_no_candidate(importer: Import) -> None:
    record = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "bad", "weight": 0}]}
    assert "expect" not in importer.has("c.jsonl", [record]).one("c.jsonl")["turns"][0]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "without messages"),
        ([{"role": "system", "content": "x"}], "in which the user says nothing"),
        ([{"role": "narrator", "content": "x"}], "with the role 'narrator'"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "with pictures"),
        ([{"role": "user", "content": {"a": 1}}], "with a message that is no text"),
        ([{"role": "user", "content": " "}], "with an empty question"),
        (["hello"], "with a message that has no role"),
    ],
)
def test_a_chat_that_cannot_be_a_case_is_told(importer: Import, messages: list[Any], why: str) -> None:
    good = {"messages": [{"role": "user", "content": "hi"}]}
    importer.has("c.jsonl", [good, {"messages": messages}])
    assert len(importer.cases("c.jsonl")) == 1
    assert any(each.startswith(f"a chat {why}") for each in importer.missing), importer.missing


@pytest.mark.parametrize(
    ("record", "turn"),
    [
        ({"question": "수도는?", "answer": "서울"}, {"user": "수도는?", "expect": {"contains": "서울"}}),
        ({"user": "hi", "expected": "hello"}, {"user": "hi", "expect": {"contains": "hello"}}),
        ({"prompt": "1+1", "answer": 2}, {"user": "1+1", "expect": {"contains": "2"}}),
        ({"prompt": "hi", "contains": ["a"], "number": 3}, {"user": "hi", "expect": {"contains": ["a"], "number": 3}}),
        ({"질문": "수도는?", "정답": "서울"}, {"user": "수도는?", "expect": {"contains": "서울"}}),
        ({"item": {"question": "a", "answer": "b"}}, {"user": "a", "expect": {"contains": "b"}}),
        (
            {"instruction": "Translate.", "input": "hi", "output": "안녕"},
            {"user": "Translate.\n\nhi", "expect": {"contains": "안녕"}},
        ),
        (
            {"question": "?", "context": "one\n two", "answer": "x"},
            {"user": "?", "passages": ["one two"], "expect": {"contains": "x"}},
        ),
    ],
)
def test_plain_lines(importer: Import, record: dict[str, Any], turn: dict[str, Any]) -> None:
    case = importer.has("q.jsonl", [record]).one("q.jsonl")
    assert (case["turns"], "reviewed" in case) == ([turn], False)


def test_a_long_answer_is_only_a_candidate(importer: Import) -> None:
    case = importer.has("q.jsonl", [{"question": "why?", "answer": "because " * 20}]).one("q.jsonl")
    assert (case["reviewed"], case["turns"][0]["expect"]["similar"]["least"]) == (False, 0.6)
    assert "unreviewed" in importer.changed


def test_a_line_without_a_question_or_with_foreign_keys_is_told(importer: Import) -> None:
    importer.has("q.jsonl", [{"question": "a", "answer": "b", "difficulty": 3}, {"answer": "c"}, ["x"]])
    assert len(importer.cases("q.jsonl")) == 1
    assert any("difficulty" in each for each in importer.missing)
    assert importer.log.missing["a record without a question (user, question, prompt, query, ...)"] == [
        "line 2",
        "line 3",
    ]


def test_an_expectation_that_cannot_be_is_told_and_its_case_left_out(importer: Import) -> None:
    importer.has("q.jsonl", [{"question": "a", "matches": "(15"}, {"question": "b", "contains": "x"}])
    assert [case["turns"][0]["user"] for case in importer.cases("q.jsonl")] == ["b"]
    assert "turns[0].expect.matches" in importer.missing[0] and "not a regular expression" in importer.missing[0]


# --- what a file is, and how cases are written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("promptfooconfig.yaml", {"prompts": ["x"], "tests": []}, "promptfoo"),
        ("c.json", {"providers": [], "tests": []}, "promptfoo"),
        ("tests.yaml", [{"vars": {"q": "x"}}], "promptfoo"),
        ("tests.jsonl", [{"vars": {"q": "x"}}], "promptfoo"),
        ("tests.csv", "q,__expected\na,b\n", "promptfoo"),
        ("plain.csv", "question,answer\na,b\n", "jsonl"),
        ("e.jsonl", [{"input": "a", "ideal": "b"}], "openai-evals"),
        ("e.jsonl", [{"input": [{"role": "user", "content": "a"}]}], "openai-evals"),
        ("m.jsonl", [OPENAI], "messages"),
        ("m.json", [SHAREGPT], "messages"),
        ("q.jsonl", [{"question": "a"}], "jsonl"),
        ("q.jsonl", [{"input": "a", "output": "b"}], "jsonl"),
    ],
)
def test_what_a_file_is_shows_in_it(importer: Import, name: str, content: Any, kind: str) -> None:
    assert importers.detect_format(importer.has(name, content).folder / name) == kind


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.yaml", {"cases": []}, "is a case file already"),
        ("c.jsonl", [{"id": "a", "turns": []}], "is a case file already"),
        ("c.jsonl", [{"x": 1}], "nothing in it tells what it is"),
        ("c.jsonl", "", "nothing in it tells what it is"),
        ("c.yaml", "a: [", "c.yaml:"),
        ("c.jsonl", b"\xff\xfe", "is not UTF-8"),
        ("c.json", "{", "is not JSON"),
    ],
)
def test_a_file_that_is_none_of_them_is_told(importer: Import, name: str, content: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(importers.import_cases(importer.has(name, content).folder / name, ImportLog()))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("c.yaml", "c.jsonl", "c.json", "c.csv"):
        with pytest.raises(UsageError, match="there is no such file"):
            importers.detect_format(tmp_path / name)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
def test_whatever_is_written_is_read_back_as_it_was(texts: list[tuple[str, str, str]]) -> None:
    ids = Ids()
    drafts = [
        Draft(
            {"id": ids.of(a, "x"), "tags": [b], "turns": [{"user": a, "answer": c, "expect": {"contains": [b]}}]}, [c]
        )
        for a, b, c in texts
    ]
    written = "".join(yaml_writer.render_file(drafts, [texts[0][0]]))
    cases = yaml.safe_load(written)["cases"]
    assert cases == [draft.case for draft in drafts]
    assert len({case["id"] for case in cases}) == len(cases)


KEYS = (
    *(
        "messages",
        "conversations",
        "role",
        "content",
        "from",
        "value",
        "input",
        "ideal",
        "question",
        "answer",
        "vars",
        "x",
    ),
    *("assert", "type", "tests", "prompts", "tool_calls", "function", "name", "arguments", "contains", "defaultTest"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)


@given(ANYTHING)
def test_whatever_a_line_holds_is_taken_over_or_told(tmp_path_factory: pytest.TempPathFactory, line: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_text(json.dumps(line) + "\n")
    for kind in importers.NAMES:
        log = ImportLog()
        try:
            drafts = list(importers.import_cases(path, log, kind))
        except UsageError as error:
            assert error.message
            continue
        assert drafts or log.missing


@pytest.mark.parametrize(
    "odd", ["\x85", "a\u2028b", "\u2029", "\x00\x1b", "\ufeff", "tab\there", " a\n b \n", "yes", "1_000", "😀"]
)
def test_an_odd_text_comes_back_as_it_was(odd: str) -> None:
    written = "".join(yaml_writer.render_file([Draft({"id": "a", "turns": [{"user": odd}]}, [odd])], [odd]))
    assert yaml.safe_load(written)["cases"][0]["turns"][0]["user"] == odd


def test_half_a_character_is_replaced_before_it_is_written(importer: Import) -> None:
    importer.has("q.jsonl", '{"question": "a\\ud800b", "answer": "c"}\n')
    assert importer.one("q.jsonl")["turns"][0]["user"] == "a\N{REPLACEMENT CHARACTER}b"
