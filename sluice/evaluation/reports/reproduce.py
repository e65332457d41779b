"""The commands that judge the same again, exactly as they are typed."""

import shlex
from dataclasses import dataclass

from sluice.evaluation.reports.plain_text import number
from sluice.evaluation.reports.report_view import Json, ReportView, mapping_at, text_at

# What a plan calls it -> what `sluice replay` calls it; a test holds these against the command's own options.
FLAGS = {
    "repeats": "--repeats",
    "seed": "--seed",
    "temperature": "--temperature",
    "concurrency": "--concurrency",
    "requests_per_second": "--requests-per-second",
    "max_tokens": "--max-tokens",
}


@dataclass(frozen=True)
class Command:
    """A command line as a shell takes it, and the sentence that stands before it."""

    why: str
    command: str


def list_commands(view: ReportView) -> list[Command]:
    """The commands that evaluate the same again, the widest first."""
    about, plan = mapping_at(view.report, "subject"), mapping_at(view.report, "plan")
    commands: list[Command] = []
    commit = text_at(about, "git_commit") or text_at(about, "commit")
    if commit and commit != "unknown":
        commands.append(Command("The same code and the same cases:", shell_line("git", "checkout", commit)))
    if text_at(about, "execution"):
        commands.append(Command("The whole release once more, from the file:", "sluice run --again"))
    commands.append(Command(describe_replay(about), replay_command(view, about, plan)))
    if version := text_at(about, "version"):
        page = shell_line("sluice", "report", version, "--html", "report.html")
        commands.append(Command("This page from the stored report:", page))
        if other := text_at(view.champion, "version"):
            commands.append(Command("The comparison alone:", shell_line("sluice", "compare", other, version)))
    return commands


def describe_replay(about: Json) -> str:
    if text_at(about, "url") or text_at(about, "endpoint"):
        return "The same cases on the same endpoint:"
    return "The same cases on the version, once it is live:"


def replay_command(view: ReportView, about: Json, plan: Json) -> str:
    """A replay on a URL says everything itself; any other takes the gate from the file."""
    arguments = ["sluice", "replay"]
    where = next((name for name in ("url", "endpoint", "version") if text_at(about, name)), "")
    names = {"url": ("url", "model", "rag"), "endpoint": ("endpoint", "rag"), "version": ("version",)}
    for name in names.get(where, ("rag",)):
        if value := text_at(about, name):
            arguments += [f"--{name}", value]
    if cases := text_at(plan, "cases"):
        arguments += ["--cases", cases]
    rate = number(mapping_at(view.report, "gate").get("min_pass_rate"))
    if rate is not None and where == "url":
        arguments += ["--min-pass-rate", f"{rate:g}"]
    for name, flag in FLAGS.items():
        if (figure := number(plan.get(name))) is not None and (figure or name != "temperature"):
            arguments += [flag, f"{figure:g}"]
    return shell_line(*arguments)


def shell_line(*words: str) -> str:
    """As a shell takes it: a name with a blank or a semicolon in it stays one word."""
    return shlex.join(words)
