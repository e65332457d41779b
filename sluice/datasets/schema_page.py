"""docs/cases.md: the case format for readers, written from the code so that it cannot rot."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sluice.datasets.case_keys import CASE, TURN, Json, Key
from sluice.datasets.importers import promptfoo_table
from sluice.datasets.pii import redaction
from sluice.datasets.yaml_writer import FlowMapping, dump_yaml
from sluice.evaluation import prompt, scorers
from sluice.evaluation.scoring import ScorerSpec

WORDS = {
    "string": "text",
    "boolean": "true or false",
    "number": "number",
    "integer": "whole number",
    "object": "mapping",
}

INTRODUCTION = """# Chat cases

A case is a chat that a version must get right: what the user says, turn by turn, and what each answer must hold.
`sluice replay` asks a model all of it, and a release goes on only if enough cases hold
([pipeline.yaml](pipeline-yaml.md): `evaluation.cases` names the file, or a folder of such files).

This page is written from the code by `python -m sluice.datasets.schema`; a test fails when it is stale.

```yaml
# yaml-language-server: $schema=../cases.schema.json
cases:
  - id: leave-days-ko
    tags: [korean, leave]
    turns:
      - user: 연차 휴가는 며칠인가요?
        passages: ["모든 직원은 매년 20일의 연차 휴가를 받습니다."]
        expect: {contains: 20일, language: ko}
      - user: 그럼 병가는요?              # the answer above goes along, as in a real chat
        expect: {refuses: true}

  - id: leave-days-en
    tags: [english, leave]
    critical: true
    turns:
      - user: How many days of annual leave do I get?
        passages: ["Every employee receives 20 days of annual leave a year."]
        expect:
          contains: {any: [20 days, twenty days], none: 15 days}
          max_tokens: 60
```

- The first line makes an editor complete and check the file (VS Code with its YAML extension, PyCharm, Neovim).
- Files are UTF-8: YAML as above, or `*.jsonl` with a case a line. A large file is read case by case.
- Unknown keys are refused, with what was probably meant. A text that YAML would read as something else needs quotes:
  `"15"`, `"8:30"`, `"no"`.
- `sluice cases lint` says what is wrong and where; an editor sees most of it while you type.
"""

OWN = """## A check of your own

`python: module:function` names a function in a file beside the cases. It takes what was said and returns true or false,
or that and why:

```python
# checks.py
def is_polite(said):  # .answer .question .passages .earlier .sources .tool_calls .finish_reason .latency_ms ...
    return said.answer.rstrip().endswith(("요.", "다.")), "ends as a polite sentence does"
```

Only a replay runs it. `sluice check`, `plan`, `cases lint` and `cases stats` look whether the file is there, is Python
and has that name, and run nothing of it: read the file of a pull request before you replay it.
"""

REASONING = """**Reasoning is no part of an answer.** What a model writes between `<think>` and `</think>` (and
`<thinking>`, `<thought>`, `<seed:think>`, `[THINK]`, `◁think▷`) no expectation looks at, nor does a judge, nor is it
ground for `grounded`: neither where the opening mark is in the prompt already and the answer holds the closing one
alone, nor where the tokens ran out before it, which leaves an empty answer. A mark between quotes or backticks is only
spoken of, and stays. Reasoning that a server sends in a field of its own (`reasoning_content`, `reasoning`) is not in
the answer in the first place. Reports show the answer with all that is in it, and `max_tokens` and `latency` count it.

**Numbers.** `number` and `grounded` read digits with commas and decimals, Korean units after them and after each
other (`3천만`, `1억 2천만`, `2조 3,000억`, `20여만`), and Korean words where nothing else can be meant (`만 오천 원`,
`백이십`, `스무 명`, but not `만일`, `천천히` or `두 가지`). `영하 5도` is -5. `60조` is 60, unless money or an amount
is spoken of.
"""

GOING_ON = """## What a turn builds on

The last TURNS turns are sent along, as the RAG server does. With `goes_on_with: answers` (the usual) they are the
model's own, so a slip in turn 1 can spoil turn 2, as it would for a user. With `goes_on_with: written` they are the
`answer`s in the file: each turn is judged by itself, and two models see the very same chat. The model's own answers go
along as they came, with the reasoning in them, if any: the chat templates of models that reason take it out themselves.

```yaml
cases:
  - id: follow-up-ko
    goes_on_with: written
    turns:
      - user: 점심 식대는 하루에 얼마인가요?
        answer: 점심 식대는 하루 15,000원입니다.
      - user: 일주일에 닷새 일하면 모두 얼마죠?
        expect: {number: 75000}
```

## Through the RAG server

`through: rag` asks a running RAG server instead of the model: it finds the passages itself, makes the prompt, and keeps
the history, of which it shows the model the last TURNS turns. So a case can say that a fact from turn 1 is gone at turn
5, and that one user never sees another's:

```yaml
cases:
  - id: forgets-after-three-turns-ko
    through: rag
    turns:
      - user: 제 이름은 정우예요.
      - user: 결혼 휴가는 며칠인가요?
      - user: 수습은 몇 개월인가요?
      - user: 급여일은 며칠인가요?
      - user: 제 이름이 뭐였죠?
        expect: {not_contains: 정우}

  - id: tells-its-project
    through: rag
    user: mina
    turns:
      - user: My project is called Bluebird.
        expect: {contains: Bluebird}

  - id: keeps-users-apart
    through: rag
    user: jun
    turns:
      - user: What is my project called?
        expect: {not_contains: Bluebird}
```

## Reviewed or not

`reviewed: false` is a case that no person has read: `sluice cases new`, `import` and `harvest` write it where something
is left to decide. Such a case may have no expectation yet, and it **can never gate**: a release whose cases hold one
stops with its id. Read it, say what the answer must hold, and remove the line.
""".replace("TURNS", str(prompt.TURNS))

COMMANDS = (
    (
        "`sluice cases lint [PATH]`",
        "every mistake with its line, and what `sluice check` knows of cases; exits with 1",
    ),
    (
        "`sluice cases stats [PATH]`",
        "cases and turns, tags, languages, expectations, weights; tokens with `--tokenizer`",
    ),
    (
        "`sluice cases new ID`",
        "a commented case to fill in, at the end of a `--file` that stays as it is; `--language ko`",
    ),
    ("`sluice cases import FILE`", "cases from promptfoo, OpenAI evals, chat files or JSON lines"),
    ("`sluice cases harvest --out FILE`", "candidates from the chats of users who said yes"),
)
IMPORT = """Without PATH, lint and stats take what `pipeline.yaml` names, and lint all rules that need a release.

### Import

`sluice cases import FILE [--from KIND] [--out FILE]` finds out what a file is by its content. What has no counterpart
here is told by name and counted, and stands as a comment above its case; nothing is dropped in silence. What is
written passes `sluice cases lint`; where nothing says what an answer must hold, the case is unreviewed.
"""
KINDS = (
    (
        "`promptfoo`",
        "promptfooconfig.yaml, with tests inline, in YAML, JSON, JSON lines or CSV (`__expected`)",
        "prompts are filled in, by Jinja instead of Nunjucks; tests of one `conversationId` become turns of one case",
    ),
    (
        "`openai-evals`",
        "JSON lines with `input` and `ideal`",
        "`contains`, or `contains_any` for several; examples in the prompt become written turns",
    ),
    (
        "`messages`",
        "OpenAI's `messages` and ShareGPT's `conversations`",
        "the assistant's words become written answers, the last of them `similar`; all of it unreviewed",
    ),
    (
        "`jsonl`",
        "JSON lines with a `question` (`user`, `prompt`) and an `answer` (`expected`), or any expectation by its name",
        "a short answer becomes `contains`; a long one `similar`, unreviewed",
    ),
)
REPLACED = textwrap.fill(
    f"- **Redacted.** Replaced are {', '.join(redaction.ABOUT.values())}. The placeholders stay the same within a chat "
    "(`[이름 1]`, `[NAME 1]`), so a follow-up still makes sense. The user's id is in no file.",
    width=118,
    subsequent_indent="  ",
)
HARVEST = f"""### Harvest

`sluice cases harvest --out FILE [--user ID] [--since DATE] [--limit N]` turns real chats from the history table into
candidates. It takes `dynamodb:Query` on that table, and nothing else.

- **Only users who consented.** The RAG server keeps each user's word ([rag-server.md](rag-server.md#consent)); without
  it, nothing of theirs is read. It is asked for anew, consistently, as each user's turn comes. Who takes it back is
  gone from the next harvest; what was harvested before is in your files, and yours to remove.
{REPLACED}
- **Not perfect.** Redaction goes by patterns: a name that nothing announces, or a story that only one person can tell,
  may pass it. [benchmarks](../benchmarks/README.md#redaction) has the share of planted secrets that it finds. That is
  why every candidate is `reviewed: false`, and an unreviewed case can never gate: a person reads it first, for what
  still tells who was speaking.
- **Nothing is invented.** A candidate has the questions, the answers that were given (as `answer`), and no expectation.
"""


def build_reference() -> str:
    return "\n".join(reference_lines()).rstrip() + "\n"


def reference_lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from key_table("A case", CASE)
    yield from key_table("A turn", TURN)
    yield "## Expectations"
    yield ""
    yield "All expectations of a turn must hold. `expect` beside `turns` is about all answers of the chat as one text."
    yield "Korean and English are compared alike: composed letters (NFC), full-width as ordinary ones, upper and lower"
    yield "case, and runs of blanks make no difference."
    yield ""
    yield REASONING
    for name in scorers.NAMES:
        yield from expectation_lines(scorers.get_scorer(name))
    yield ""
    yield OWN
    yield GOING_ON
    yield "## The toolbox"
    yield ""
    yield from table_rows(("", ""), COMMANDS)
    yield IMPORT
    yield from table_rows(("`--from`", "what it reads", "what becomes of it"), KINDS)
    yield "promptfoo's assertions:"
    yield ""
    yield from table_rows(("assertion", "here"), promptfoo_table.list_assertions())
    yield HARVEST


def table_rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def key_table(title: str, keys: Mapping[str, Key]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    rows = ((f"`{name}`", describe_values(key.schema), key.default, key.about) for name, key in keys.items())
    yield from table_rows(("key", "value", "default", "meaning"), rows)


def expectation_lines(kind: ScorerSpec) -> Iterator[str]:
    yield ""
    yield f"### `{kind.name}`"
    yield ""
    yield kind.about
    yield ""
    yield f"Takes {describe_values(kind.schema)}."
    yield ""
    yield "```yaml"
    for example in kind.examples:
        yield f"expect: {dump_yaml(FlowMapping({kind.name: example})).strip()}"
    yield "```"


def describe_values(schema: Any) -> str:
    """Returns in words what a value may be."""
    if "$ref" in schema:
        return {"turn": "list of turns", "expect": "expectations"}[str(schema["$ref"]).rpartition("/")[2]]
    if "oneOf" in schema:
        return " or ".join(describe_values(each) for each in schema["oneOf"])
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if schema["type"] == "array":
        return describe_list(schema["items"])
    if "properties" in schema:
        parts = [f"`{name}` ({describe_values(each)})" for name, each in schema["properties"].items()]
        return "a mapping with " + ", ".join(parts)
    return WORDS[schema["type"]] + describe_limits(schema)


def describe_list(items: Json) -> str:
    of = describe_values(items)
    if "$ref" in items:
        return of
    return "list of texts" if of == "text" else f"list of: {of}"


def describe_limits(schema: Json) -> str:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    if least is None or schema["type"] == "string":
        return ""
    from_ = "above" if "exclusiveMinimum" in schema else "from"
    return f" {from_} {least:g}" + (f" to {schema['maximum']:g}" if "maximum" in schema else "")
