"""`sluice cases`: lint, stats, new, import and harvest, as a user runs them."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result
from fake_rag import TABLE
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from release_example import PLACE, written

from sluice.cli.cases.command import cases
from sluice.cli.main import sluice
from sluice.config.model import load
from sluice.datasets import new_case
from sluice.errors import SluiceError, UsageError
from sluice.evaluation.cases import loader
from sluice.evaluation.cases.requirements import CaseRequirements
from sluice.evaluation.compare.hashes import digest_of_scoring
from sluice.evaluation.replay.engine import replay
from sluice.pipelines import upload
from sluice.rag.consent import Consents
from sluice.rag.history import History

ROOT = Path(__file__).parents[2]
GOOD = "cases:\n  - id: first\n    tags: [한국어]\n    turns:\n      - {user: 안녕?, expect: {contains: x}}\n"


def never(messages: Any) -> Any:
    """A model that nobody may ask."""
    raise AssertionError("asked")


def run(*arguments: str | Path) -> Result:
    """Errors come out as what `sluice` would print."""
    result = CliRunner().invoke(cases, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- lint ----------------------------------------------------------------------------------------------------------


def test_the_shipped_cases_are_clean() -> None:
    result = run("lint", ROOT / "cases")
    assert (result.exit_code, "0 mistakes" in result.output) == (0, True)


def test_lint_tells_file_line_and_place_and_fails(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("contains", "contain"))
    result = run("lint", path)
    assert result.exit_code == 1
    assert (
        f"{path}:5: cases[0].turns[0].expect.contain: there is no such key. Did you mean `contains`?" in result.output
    )
    assert f"{path}: 1 case, 2 mistakes" in result.output, "and so nothing is expected"


def test_lint_as_json_is_one_document(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "  - {id: second, reviewed: false, turns: [{user: hi}]}\n  - {id: third}\n")
    result = run("lint", path, "--json")
    document = json.loads(result.output)
    assert result.exit_code == 1
    assert (document["cases"], document["turns"], document["unreviewed"]) == (3, 2, ["second"])
    assert document["mistakes"] == [
        {"file": str(path), "line": 7, "place": "cases[2].turns", "what": "is missing."},
    ]


LOOKING = {
    "check": lambda file: ["check", "--file", file],
    "check of the compiled pipelines": lambda file: ["check", "--file", file, "--compile"],
    "plan": lambda file: ["plan", "--file", file, "--target", "aws"],
    "lint": lambda file: ["cases", "lint", "--file", file],
    "lint of the cases alone": lambda file: ["cases", "lint", str(Path(file).parent / "cases")],
    "stats": lambda file: ["cases", "stats", "--file", file],
}
LEAVES_A_FILE = "from pathlib import Path\nPath({!r}).touch()\ndef polite(said): return True\n"


@pytest.fixture
def pull_request(tmp_path: Path) -> Path:
    """A release whose cases name functions of somebody else, in modules that write a file as they are imported."""
    theirs = tmp_path.name  # no other test has imported a module of this name
    marks = LEAVES_A_FILE.format(str(tmp_path / "was-imported"))
    for name in ("_alone.py", "/__init__.py", "/deep.py"):
        write(tmp_path / "cases", marks, f"{theirs}{name}")
    expects = f"{{python: {theirs}_alone:polite}}", f"{{python: {theirs}.deep:polite}}"
    turns = [f"  - {{id: c{n}, turns: [{{user: 안녕?, expect: {each}}}]}}" for n, each in enumerate(expects)]
    write(tmp_path / "cases", "\n".join(["cases:", *turns]))
    return written(
        tmp_path, evaluation__cases="cases", model__source=str(ROOT / "sluice" / "tinylmi" / "checkpoints" / "good")
    )


@pytest.mark.parametrize("looking", LOOKING.values(), ids=LOOKING)
def test_whoever_looks_at_cases_runs_nothing_of_them(pull_request: Path, looking: Any, monkeypatch: Any) -> None:
    folder = pull_request.parent
    monkeypatch.setenv("SLUICE_STATE", str(folder / "state"))
    with mock_aws():
        result = CliRunner().invoke(sluice, looking(str(pull_request)), standalone_mode=False)
    assert not isinstance(result.exception, Exception), result.exception
    assert "is no Python" not in result.output and "put it beside the cases" not in result.output
    assert not (folder / "was-imported").exists()
    with pytest.raises(ModuleNotFoundError):  # nor can a library that tries its optional parts come upon one
        import_module(f"{folder.name}_alone")


def test_what_is_uploaded_and_hashed_is_found_without_running_it(pull_request: Path) -> None:
    folder, theirs = pull_request.parent / "cases", pull_request.parent.name
    uploads = upload.prepare_uploads(load(pull_request), PLACE).uploads
    named = next(each.files for each in uploads if each.what == "cases")
    assert {f"{theirs}_alone.py", f"{theirs}/deep.py"} <= set(named)
    before = digest_of_scoring(tuple(loader.read_cases(folder)), {})
    (folder / theirs / "deep.py").write_text("def polite(said): return False")
    assert digest_of_scoring(tuple(loader.read_cases(folder)), {}) != before
    assert not (pull_request.parent / "was-imported").exists()


def test_a_replay_runs_them_and_says_before_it_asks_which_cannot_be(pull_request: Path) -> None:
    folder, fails = pull_request.parent / "cases", f"{pull_request.parent.name}_fails"
    CaseRequirements(tuple(loader.read_cases(folder))).import_functions()
    assert (pull_request.parent / "was-imported").exists()
    write(folder, "raise OSError('no disk')\npolite = print\n", f"{fails}.py")
    lines = f"cases: [{{id: a, turns: [{{user: hi, expect: {{python: '{fails}:polite'}}}}]}}]"
    cases = tuple(loader.read_cases(write(folder, lines, "fails.yaml")))
    with pytest.raises(UsageError, match=f"{fails} cannot be imported: OSError: no disk"):
        replay(cases, never)


def test_lint_knows_what_check_knows_of_cases(tmp_path: Path) -> None:
    path = write(
        tmp_path, GOOD + GOOD.replace("cases:\n", "").replace("first", "second").replace("x}", "x, not_contains: X}")
    )
    result = run("lint", path)
    assert result.exit_code == 0, "a warning is no mistake"
    assert "EVL003" in result.output and "fails with every model" in result.output


def test_unreviewed_cases_are_counted_and_not_held_against_the_rules(tmp_path: Path) -> None:
    result = run("lint", write(tmp_path, GOOD + "  - {id: new, reviewed: false, turns: [{user: 안녕?}]}\n"))
    assert (result.exit_code, "EVL004" in result.output) == (0, False)
    assert "1 unreviewed, which cannot gate" in result.output


def test_lint_of_a_release_looks_at_its_cases_by_its_settings(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("contains: x", "judge: is polite"), "chats/a.yaml")
    file = written(tmp_path, evaluation__cases="chats", local={})
    result = run("lint", "--file", file)
    assert result.exit_code == 1
    assert "judge model, and none was named" in result.output
    write(tmp_path, GOOD, "chats/a.yaml")
    result = run("lint", "--file", file)
    assert (result.exit_code, "EVL005" in result.output) == (0, True)


def test_without_a_path_and_a_release_lint_asks_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("lint", "stats"):
        with pytest.raises(UsageError, match=r"no pipeline\.yaml here"):
            run(command)


# --- stats ---------------------------------------------------------------------------------------------------------

MANY = """
cases:
  - id: a
    tags: [hr, korean]
    weight: 2.5
    critical: true
    repeats: 3
    turns:
      - {user: 연차는 며칠인가요?, passages: [하나, 둘], expect: {contains: x, number: 3}}
      - {user: 그럼 병가는요?, expect: {contains: y}}
  - {id: b, tags: [hr], through: rag, turns: [{user: How many days?, expect: {refuses: true}}], expect: {language: en}}
  - {id: c, reviewed: false, turns: [{user: "123"}]}
"""


def test_stats_count_what_cases_are_made_of(tmp_path: Path) -> None:
    document = json.loads(run("stats", write(tmp_path, MANY), "--json").output)
    assert document == {
        "cases": 3,
        "turns": 4,
        "chats": 5,
        "requests": 8,
        "weight": 4.5,
        "critical": 1,
        "unreviewed": 1,
        "passages": 2,
        "longest": 2,
        "tags": {"hr": 2, "korean": 1},
        "languages": {"ko": 1, "en": 1, "other": 1},
        "expectations": {"contains": 2, "number": 1, "language": 1, "refuses": 1},
        "through": {"model": 2, "rag": 1},
        "goes_on_with": {"answers": 1},
        "tokens": None,
    }


def test_stats_for_people_name_the_same(tmp_path: Path) -> None:
    result = run("stats", write(tmp_path, MANY))
    for words in (
        "3 cases, 4 turns",
        "8 requests in 5 chats",
        "ko 1",
        "contains 2",
        "hr 2",
        "4.5",
        "1, which cannot gate",
    ):
        assert words in result.output


def test_tokens_are_counted_by_a_tokenizer_that_is_at_hand(tmp_path: Path) -> None:
    tokenizer = ROOT / "sluice" / "tinylmi" / "checkpoints" / "good" / "tokenizer.json"
    document = json.loads(run("stats", write(tmp_path, MANY), "--tokenizer", tokenizer, "--json").output)
    assert 0 < document["tokens"]["longest"] < document["tokens"]["sent"]
    with pytest.raises(UsageError, match="there is no such file"):
        run("stats", write(tmp_path, MANY), "--tokenizer", tmp_path / "nowhere")


def test_stats_of_a_release_are_those_of_its_cases(tmp_path: Path) -> None:
    write(tmp_path, MANY, "chats/a.yaml")
    assert "3 cases" in run("stats", "--file", written(tmp_path, evaluation__cases="chats")).output


# --- new -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_new_case_can_be_read_at_once_and_cannot_gate_yet(tmp_path: Path, language: str) -> None:
    file = tmp_path / "cases" / "mine.yaml"
    run("new", "my-case", "--file", file, "--language", language)
    (case,) = loader.read_cases(file)
    assert (case.id, case.reviewed, list(case.turns[0].expect)) == ("my-case", False, ["contains"])
    assert ("검토" in file.read_text(encoding="utf-8")) == (language == "ko")
    run("new", "another", "--file", file, "--language", language)
    assert [case.id for case in loader.read_cases(file)] == ["my-case", "another"]


def test_without_a_file_a_new_case_gets_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", "휴가 일수")
    assert [case.id for case in loader.read_cases(tmp_path / "cases" / "휴가-일수.yaml")] == ["휴가 일수"]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.rstrip("\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        "# mine\n\n" + GOOD + "\n# the end\n",
        "cases:\n- id: a\n  turns:\n  - user: |\n      two\n      lines\n    expect: {contains: x}   # why\n",
        "cases:\n      - id: a\n        turns: [{user: hi, expect: {contains: x}}]\n",
        "cases:\n",
        "cases: # none yet\n",
        "",
    ],
)
def test_everything_that_was_in_the_file_is_there_still(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(text.encode())
    new_case.append_case(file, "new", "ko")
    after = file.read_bytes().decode()
    assert after.startswith(text)
    assert (b"\r\n" in file.read_bytes()) == ("\r\n" in text)
    assert [case.id for case in loader.read_cases(file)][-1] == "new"


def test_json_lines_get_another_line(tmp_path: Path) -> None:
    file = write(tmp_path, '{"id": "a", "turns": [{"user": "hi", "expect": {"contains": "x"}}]}', "a.jsonl")
    new_case.append_case(file, "new", "en")
    assert [case.id for case in loader.read_cases(file)] == ["a", "new"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD, "has a case 'first' already"),
        ("cases: [{id: a, turns: [{user: hi, expect: {contains: x}}]}]\n", "is not a plain list of cases"),
        ("other: []\n", "is not a plain list of cases"),
        ("- a\n", "is not a plain list of cases"),
        ("cases: [\n", "cannot be read"),
        ("# only this\n", "has comments only"),
        (GOOD.replace("first", "other") + "...\n", "a case cannot be added at its end"),
        (GOOD + "  - {id: a, id: b}\n", "is given twice"),
    ],
)
def test_a_file_that_cannot_take_a_case_is_not_touched(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        new_case.append_case(file, "first", "en")
    assert file.read_text(encoding="utf-8") == text
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_files_permissions_stay(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    file.chmod(0o640)
    new_case.append_case(file, "new", "en")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@given(st.text(min_size=1, max_size=30))
def test_any_id_of_one_line_can_be_had(tmp_path_factory: pytest.TempPathFactory, id: str) -> None:
    file = tmp_path_factory.mktemp("any") / "a.yaml"
    try:
        run("new", "--file", file, "--", id)
    except UsageError:
        assert not id.strip() or not id.isprintable()
        return
    assert [case.id for case in loader.read_cases(file)] == [id]


# --- import --------------------------------------------------------------------------------------------------------

PROMPTFOO = """
prompts: ["{{q}}"]
tests:
  - vars: {q: 연차는?}
    assert: [{type: icontains, value: 20일}, {type: javascript, value: "true"}]
"""


def test_an_import_passes_lint_and_says_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "cases" / "taken.yaml"
    result = run("import", write(tmp_path, PROMPTFOO, "promptfooconfig.yaml"), "--out", out)
    assert "is promptfoo: 1 case, 1 turn" in result.stderr
    assert "not taken over: javascript (tests[0])" in result.stderr
    assert run("lint", out).exit_code == 0
    assert "# Not taken over: javascript." in out.read_text(encoding="utf-8")


def test_without_out_the_cases_are_printed_alone(tmp_path: Path) -> None:
    result = run("import", write(tmp_path, PROMPTFOO, "c.yaml"))
    assert yaml.safe_load(result.stdout)["cases"][0]["turns"][0]["expect"] == {"contains": "20일"}


def test_an_import_as_json_counts_what_was_written_and_what_was_not(tmp_path: Path) -> None:
    out = tmp_path / "taken.yaml"
    document = json.loads(run("import", write(tmp_path, PROMPTFOO, "c.yaml"), "--out", out, "--json").stdout)
    assert document == {
        "kind": "promptfoo",
        "out": str(out),
        "cases": 1,
        "turns": 1,
        "unreviewed": 0,
        "missing": {"javascript": ["tests[0]"]},
        "changed": {},
    }
    with pytest.raises(UsageError, match="--json needs --out"):
        run("import", tmp_path / "c.yaml", "--json")


def test_a_file_of_another_kind_can_be_named(tmp_path: Path) -> None:
    lines = write(tmp_path, '{"prompt": "hi", "messages": [], "answer": "hello"}\n', "a.jsonl")
    result = run("import", lines, "--from", "jsonl")
    assert yaml.safe_load(result.stdout)["cases"][0]["turns"] == [{"user": "hi", "expect": {"contains": "hello"}}]


def test_nobodys_cases_are_written_over(tmp_path: Path) -> None:
    out = write(tmp_path, GOOD)
    source = write(tmp_path, PROMPTFOO, "c.yaml")
    with pytest.raises(UsageError, match="is there already, and perhaps edited"):
        run("import", source, "--out", out)
    with pytest.raises(UsageError, match="cases are written as YAML"):
        run("import", source, "--out", tmp_path / "a.json")
    assert out.read_text(encoding="utf-8") == GOOD


def test_an_import_of_nothing_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        SluiceError, match=r"(?s)Nothing in the file could be taken over.*without a question"
    ) as refused:
        run("import", write(tmp_path, '{"prompt": ""}\n', "a.jsonl"), "--out", tmp_path / "out.yaml")
    assert refused.value.exit_code == 1
    assert not (tmp_path / "out.yaml").exists()


# --- harvest -------------------------------------------------------------------------------------------------------


class Chats:
    """A history table that people have talked into."""

    def __init__(self, dynamodb: Any) -> None:
        self.now = datetime(2026, 5, 1, 9, tzinfo=UTC)
        self.history = History(dynamodb, TABLE, 3650, lambda: self.now)
        self.consents = Consents(dynamodb, TABLE)

    def add(self, user: str, *questions: str, answer: str = "네.", days: float = 0, **more: Any) -> None:
        self.now += timedelta(days=days, hours=1)
        for question in questions:
            self.now += timedelta(minutes=1)
            self.history.add(user, question, answer, version=3, endpoint="chat-v3", **more)

    def consent(self, user: str, evaluation: bool = True) -> None:
        self.consents.set_consent(user, evaluation)


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chats]:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "turn", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("user", "turn")],
        )
        yield Chats(client)


@pytest.fixture
def harvest(tmp_path: Path) -> Any:
    """Harvests as a user would, and reads what was written."""
    file = written(tmp_path, region="us-east-1", history__table=TABLE)

    def harvested(*arguments: str, out: str = "out.yaml") -> tuple[list[Any], str]:
        result = run("harvest", "--target", "aws", "--file", file, "--out", tmp_path / out, *arguments)
        return list(loader.read_cases(tmp_path / out)), result.output

    return harvested


def questions(harvested: list[Any]) -> list[list[str]]:
    return [[turn.user for turn in case.turns] for case in harvested]


def test_only_chats_of_users_who_consented_are_harvested(chats: Chats, harvest: Any) -> None:
    chats.add("mina", "연차는?", "병가는?")
    chats.add("jun", "secret of jun?")
    chats.add("yuna", "secret of yuna?")
    chats.consent("mina")
    chats.consent("yuna")
    chats.consent("yuna", False)
    harvested, output = harvest()
    assert questions(harvested) == [["연차는?", "병가는?"]]
    assert [case.reviewed for case in harvested] == [False]
    assert "1 case, 2 turns; 1 unreviewed, which cannot gate; from 1 user who consented" in output
    assert "not perfect" in output


def test_who_takes_it_back_is_gone_from_the_next_harvest(chats: Chats, harvest: Any) -> None:
    chats.add("mina", "a?")
    chats.add("jun", "b?")
    chats.consent("mina")
    chats.consent("jun")
    assert questions(harvest(out="one.yaml")[0]) == [["a?"], ["b?"]]
    chats.consent("jun", False)
    assert questions(harvest(out="two.yaml")[0]) == [["a?"]]


def test_consent_is_asked_for_anew_when_a_users_turn_comes(chats: Chats, harvest: Any) -> None:
    """Between the list of users and a user's own chats, somebody may take it back."""
    chats.add("a", "first?")
    chats.add("b", "second?")
    chats.consent("a")
    chats.consent("b")
    listed = chats.consents.list_consenting_users
    chats.consents.dynamodb.meta.events.register("after-call.dynamodb.Query", lambda **_: chats.consent("b", False))
    assert list(listed()) == ["a", "b"]
    assert questions(harvest()[0]) == [["first?"]]


def test_one_user_can_be_asked_for_and_must_have_consented(chats: Chats, harvest: Any) -> None:
    chats.add("mina", "a?")
    chats.add("jun", "b?")
    chats.consent("mina")
    chats.consent("jun")
    assert questions(harvest("--user", "jun")[0]) == [["b?"]]
    chats.consent("jun", False)
    with pytest.raises(SluiceError, match="jun has not consented to evaluation, or has taken it back"):
        harvest("--user", "jun", out="two.yaml")


def test_what_was_said_is_redacted_and_its_speaker_is_named_nowhere(chats: Chats, harvest: Any, tmp_path: Path) -> None:
    chats.add("mina-kim", "저는 김민아예요. 010-1234-5678", "제 이름이 뭐죠?", answer="김민아 님이고 mina@x.kr입니다.")
    chats.consent("mina-kim")
    harvest()
    text = (tmp_path / "out.yaml").read_text(encoding="utf-8")
    for secret in ("민아", "1234", "mina", "@x.kr", "2026-05"):
        assert secret not in text
    assert "Replaced: names 1, phone numbers 1, e-mail addresses 1." in text


def test_since_and_limit_take_the_newest(chats: Chats, harvest: Any) -> None:
    for number in range(5):
        chats.add("mina", f"day {number}?", days=1)
    chats.consent("mina")
    assert questions(harvest("--since", "2026-05-04")[0]) == [["day 2?"], ["day 3?"], ["day 4?"]]
    assert questions(harvest("--limit", "2", out="two.yaml")[0]) == [["day 3?"], ["day 4?"]]
    with pytest.raises(SluiceError, match="no chat of theirs since 2027-01-01"):
        harvest("--since", "2027-01-01", out="three.yaml")


def test_chats_that_ask_the_same_are_taken_once(chats: Chats, harvest: Any) -> None:
    for user in ("a", "b", "c"):
        chats.add(user, "연차는 며칠?")
        chats.consent(user)
    harvested, output = harvest()
    assert len(harvested) == 1
    assert "2 chats that ask the same were left out" in output


def test_a_chat_with_sources_is_a_case_for_the_rag_server(chats: Chats, harvest: Any) -> None:
    chats.add("a", "?", sources=[{"id": "d#1", "title": "사내 규정"}])
    chats.consent("a")
    assert [case.through for case in harvest()[0]] == ["rag"]


def test_a_history_of_many_turns_is_read_to_its_end(chats: Chats, harvest: Any) -> None:
    for number in range(23):
        chats.add("a", *[f"{number} {each}?" for each in range(10)])
    chats.consent("a")
    assert sum(len(case.turns) for case in harvest("--limit", "1000")[0]) == 230


def test_nobody_consented_is_an_error_and_no_file(chats: Chats, harvest: Any, tmp_path: Path) -> None:
    chats.add("mina", "a?")
    with pytest.raises(SluiceError, match="No user has consented") as refused:
        harvest()
    assert "PUT /v1/consent" in refused.value.hint
    chats.consent("jun")
    with pytest.raises(SluiceError, match="1 user consented, and there is no chat of theirs"):
        harvest()
    assert not (tmp_path / "out.yaml").exists()


def test_a_harvest_as_json(chats: Chats, harvest: Any, tmp_path: Path) -> None:
    chats.add("mina", "a?")
    chats.consent("mina")
    document = json.loads(harvest("--json")[1])
    assert document == {
        "out": str(tmp_path / "out.yaml"),
        "users": 1,
        "alike": 0,
        "cases": 1,
        "turns": 1,
        "unreviewed": 1,
    }


def test_the_commands_stand_in_the_order_in_which_they_are_used() -> None:
    listed = run("--help").output.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.strip().splitlines()] == ["lint", "stats", "new", "import", "harvest"]
