"""What was judged and how: the settings beside the champion's, and the commands that do it again."""

from collections.abc import Mapping

from sluice.evaluation.reports import reproduce as again
from sluice.evaluation.reports.html.cases import section
from sluice.evaluation.reports.html.markup import Child, Html, foreign, joined, row, table, tag
from sluice.evaluation.reports.report_view import ReportView
from sluice.evaluation.reports.report_view import mapping_at as part
from sluice.wording import counted

VALUE = 300
ABOUT = {
    "model_package": "Model package",
    "group": "Group",
    "version": "Version",
    "image": "Image",
    "model": "Weights",
    "execution": "Execution",
    "endpoint": "Endpoint",
    "url": "URL",
}


def configuration(view: ReportView) -> Html | None:
    ours, theirs = settings_of(view.report, part(view.report, "subject")), settings_of(view.champion, view.champion)
    content: list[Child] = [difference(view, ours, theirs) if theirs else facts("The container's settings", ours)]
    content.append(
        facts("What was judged", {ABOUT.get(key, key): value for key, value in part(view.report, "subject").items()})
    )
    content.append(
        facts(
            "How it was replayed",
            {
                **part(view.report, "plan"),
                **{f"hash of {key}": value for key, value in part(view.report, "hashes").items()},
            },
        )
    )
    if mlflow := part(view.report, "mlflow"):
        content.append(facts("In MLflow", mlflow))
    return section("configuration", "Configuration", *content) if any(content) else None


def settings_of(holder: Mapping[str, object], about: Mapping[str, object]) -> dict[str, object]:
    """The container's environment, with its image as one more setting."""
    settings = dict(part(holder, "environment"))
    return {"image": about["image"], **settings} if about.get("image") else settings


def difference(view: ReportView, ours: Mapping[str, object], theirs: Mapping[str, object]) -> Html:
    """The container's settings that are not the same, and the others folded away."""
    names = sorted({*ours, *theirs}, key=lambda name: (name != "image", name))
    changed = [name for name in names if ours.get(name) != theirs.get(name)]
    same = [name for name in names if name not in changed]
    heads = ["Setting", f"Champion, {view.champion_name}", view.short.capitalize()]
    top: Html = tag("p", "The container's image and settings are the champion's.")
    if changed:
        body = [row(tag("code", name), setting(theirs, name, "del"), setting(ours, name, "ins")) for name in changed]
        top = table("Settings that differ", heads, body)
    if not same:
        return top
    label = tag("summary", counted(len(same), "setting is the same", "settings are the same"))
    return joined(top, tag("details", label, facts("The same settings", {name: ours.get(name) for name in same})))


def setting(values: Mapping[str, object], name: str, mark: str) -> Html:
    if name not in values:
        return tag("span", "not set", class_="note")
    return tag(mark, foreign("code", str(values[name]), VALUE))


def facts(title: str, values: Mapping[str, object]) -> Html | None:
    """Names and values that need no heads."""
    texts = {str(name): in_words(value) for name, value in values.items()}
    items = [
        tag("div", foreign("dt", name, 60), tag("dd", foreign("code", value, VALUE)))
        for name, value in texts.items()
        if value
    ]
    if not items:
        return None
    return tag("div", tag("h3", title), tag("dl", *items, class_="facts"))


def in_words(value: object) -> str:
    """A value in one line; nothing for what was not set."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, each in value.items() if (text := in_words(each)))
    return "" if value is None or value == [] else "yes" if value is True else "no" if value is False else str(value)


def reproduce(view: ReportView) -> Html:
    steps = [
        joined(tag("p", step.why), tag("pre", tag("code", step.command), tabindex=0))
        for step in again.list_commands(view)
    ]
    return section("reproduce", "How to reproduce", *steps)
