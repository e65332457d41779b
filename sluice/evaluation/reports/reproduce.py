"""The commands that judge the same again, exactly as they are typed."""

import shlex
from dataclasses import dataclass

from sluice.evaluation.reports.plain_text import number
from sluice.evaluation.reports.report_view import Json, ReportView, section, words

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
class Step:
    why: str
    command: str


def steps(told: ReportView) -> list[Step]:
    about, plan = section(told.told, "subject"), section(told.told, "plan")
    found: list[Step] = []
    commit = words(about, "git_commit") or words(about, "commit")
    if commit and commit != "unknown":
        found.append(Step("The same code and the same cases:", line("git", "checkout", commit)))
    if words(about, "execution"):
        found.append(Step("The whole release once more, from the file:", "sluice run --again"))
    found.append(Step(replayed(about), replay(told, about, plan)))
    if version := words(about, "version"):
        found.append(
            Step("This page from the stored report:", line("sluice", "report", version, "--html", "report.html"))
        )
        if other := words(told.champion, "version"):
            found.append(Step("The comparison alone:", line("sluice", "compare", other, version)))
    return found


def replayed(about: Json) -> str:
    if words(about, "url") or words(about, "endpoint"):
        return "The same cases on the same endpoint:"
    return "The same cases on the version, once it is live:"


def replay(told: ReportView, about: Json, plan: Json) -> str:
    """A replay on a URL says everything itself; any other takes the gate from the file."""
    asked = ["sluice", "replay"]
    where = next((name for name in ("url", "endpoint", "version") if words(about, name)), "")
    names = {"url": ("url", "model", "rag"), "endpoint": ("endpoint", "rag"), "version": ("version",)}.get(
        where, ("rag",)
    )
    for name in names:
        if value := words(about, name):
            asked += [f"--{name}", value]
    if cases := words(plan, "cases"):
        asked += ["--cases", cases]
    rate = number(section(told.told, "gate").get("min_pass_rate"))
    if rate is not None and where == "url":
        asked += ["--min-pass-rate", f"{rate:g}"]
    for name, flag in FLAGS.items():
        if (figure := number(plan.get(name))) is not None and (figure or name != "temperature"):
            asked += [flag, f"{figure:g}"]
    return line(*asked)


def line(*words: str) -> str:
    """As a shell takes it: a name with a blank or a semicolon in it stays one word."""
    return shlex.join(words)
