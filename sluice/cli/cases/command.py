"""`sluice cases`: what is wrong with chat cases and what they are made of, new ones, and other people's."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sluice.cli import output
from sluice.errors import UsageError
from sluice.wording import counted

FILE = click.Path(path_type=Path)
PIPELINE = Path("pipeline.yaml")
LISTED = 40  # of one kind in the terminal; --json has all


class Ordered(click.Group):
    """Its commands in the order in which they are written here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"]})
def cases() -> None:
    """Check, count, add, import and harvest chat cases.

    docs/cases.md says how a case is written.
    """


@cases.command()
@click.argument("path", type=FILE, required=False)
@click.option(
    "--file", "-f", "pipeline", type=FILE, help="With this release's rules too.  [without PATH: pipeline.yaml]"
)
@output.json_option
def lint(path: Path | None, pipeline: Path | None, as_json: bool) -> None:
    """Say what is wrong with case files, line by line.

    PATH is a file or a folder; without it, what pipeline.yaml names. Exits with 1 if anything is wrong.
    """
    from sluice.cli.cases import lint as cases_lint

    config: Any = load_release(pipeline or PIPELINE) if pipeline or path is None else None
    if cases_lint.show_problems(path or config.evaluation.cases, config, as_json):
        raise click.exceptions.Exit(1)


def load_release(file: Path) -> Any:
    """pipeline.yaml, which takes longer to read than most cases: only where it is wanted."""
    from sluice.config import model

    if file == PIPELINE and not file.exists():
        raise UsageError("There is no pipeline.yaml here.", "Name the case file or folder, such as cases.")
    return model.load(file)


@cases.command()
@click.argument("path", type=FILE, required=False)
@click.option("--tokenizer", type=FILE, help="A tokenizer.json that counts tokens.  [without PATH: the model's own]")
@click.option("--file", "-f", "pipeline", type=FILE, default=PIPELINE, show_default=True, help="Names the cases.")
@output.json_option
def stats(path: Path | None, tokenizer: Path | None, pipeline: Path, as_json: bool) -> None:
    """Count what the cases are made of."""
    from sluice.datasets import stats as counting
    from sluice.evaluation.cases import loader
    from sluice.preflight.cases import tokens

    if tokenizer and not tokenizer.is_file():
        raise UsageError(f"{tokenizer}: there is no such file.", "Name a checkpoint's tokenizer.json.")
    if path is None:
        config = load_release(pipeline)
        path, folder = config.evaluation.cases, config.model.folder
        tokenizer = tokenizer or (folder / "tokenizer.json" if folder else None)
    counts = counting.count_cases(loader.read_cases(path), tokens.counter(tokenizer))
    if as_json:
        output.print_json(counts.as_json())
        return
    longest = f"the longest chat has {counts.longest}"
    output.say(f"{path}: {counted(counts.cases, 'case')}, {counted(counts.turns, 'turn')}, {longest}")
    requests = counted(counts.requests, "request")
    rows = {
        "asked": f"{requests} in {counted(counts.chats, 'chat')}, repeats included",
        "languages": join_counts(counts.languages),
        "expectations": join_counts(counts.expectations),
        "tags": join_counts(counts.tags),
        "through": join_counts(counts.through),
        "goes on with": join_counts(counts.goes_on_with),
        "passages": f"{counts.passages:,}",
        "weight": f"{counts.weight:g}",
        "critical": f"{counts.critical:,}",
        "unreviewed": f"{counts.unreviewed:,}" + (", which cannot gate" if counts.unreviewed else ""),
    }
    if counts.tokens is not None:
        sent, most = counts.tokens["sent"], counts.tokens["longest"]
        rows["tokens"] = f"{sent:,} sent at least, {most:,} in the longest request"
    for name, words in rows.items():
        if words:
            output.say(f"  {name:13} {words}")


def join_counts(counter: Counter[str]) -> str:
    entries = [f"{name} {number:,}" for name, number in counter.most_common() if number]
    return ", ".join(entries[:LISTED]) + (f" and {len(entries) - LISTED} more" if len(entries) > LISTED else "")


@cases.command()
@click.argument("id")
@click.option("--file", "-f", type=FILE, help="Where to add it.  [default: cases/ID.yaml]")
@click.option("--language", type=click.Choice(["en", "ko"]), default="en", show_default=True, help="Of its comments.")
def new(id: str, file: Path | None, language: str) -> None:
    """Add a case to fill in; everything else in the file stays as it is."""
    from sluice.datasets import new_case
    from sluice.datasets.yaml_writer import Ids

    if not id.strip() or not id.isprintable():
        raise UsageError("A case needs an id of one line.", "Such as leave-days-ko.")
    file = file or Path("cases") / f"{Ids().of(id, 'case')}.yaml"
    new_case.append_case(file, id, language)
    output.say(f"{file} has the case {id}. It cannot gate until you remove `reviewed: false`.")


@cases.command("import")
@click.argument("file", type=FILE)
@click.option("--from", "kind", type=click.Choice(["promptfoo", "openai-evals", "messages", "jsonl"]),
              help="What the file is; otherwise it is found out.")  # fmt: skip
@click.option("--out", type=FILE, help="The case file to write; otherwise it is printed.")
@output.json_option
def import_(file: Path, kind: str | None, out: Path | None, as_json: bool) -> None:
    """Take cases over from promptfoo, OpenAI evals, chat files or JSON lines.

    What has no counterpart is told by name and counted.
    """
    from sluice.cli.cases import sources

    sources.import_cases(file, kind, out, as_json)


@cases.command()
@click.option("--out", type=FILE, required=True, help="The file to write.")
@click.option("--user", help="Only of this one.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Not of before this day, in UTC.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many chats, the newest."
)
@click.option(
    "--file", "-f", "pipeline", type=FILE, default=PIPELINE, show_default=True, help="Names the history table."
)
@click.option("--target", type=click.Choice(["local", "aws"]), default="local", show_default=True,
              help="Which AWS the table is in.")  # fmt: skip
@output.json_option
def harvest(
    out: Path, user: str | None, since: datetime | None, limit: int, pipeline: Path, target: Any, as_json: bool
) -> None:
    """Make candidates of the chats of users who consented.

    Redacted, by patterns that are not perfect; unreviewed, so that none can gate before a person has read it.
    """
    from sluice.cli.cases import sources as cases_taken
    from sluice.cli.target import open_target, read_config

    config = read_config(pipeline, target)
    dynamodb = open_target(target, config).client("dynamodb")
    cases_taken.harvest_cases(
        dynamodb, config.history.table, out, user, since.replace(tzinfo=UTC) if since else None, limit, as_json
    )
