"""What was not looked at: rules that need a word that the configuration does not say, so that silence is no praise."""

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.preflight.deployment_spec import DeploymentSpec

OF_A_RELEASE = (  # whose options are judged: what a value does differs between two images
    *("LMI004", "LMI005", "LMI006", "LMI007", "LMI008", "LMI010", "LMI011", "LMI013", "LMI015", "LMI016", "LMI017"),
    *("LMI018", "LMI019", "LMI020", "LMI021", "LMI025", "LMI026", "LMI027", "LMI028", "LMI029"),
)
OF_THE_IMAGE = (
    *("IMG001", "IMG002", "IMG003", "IMG004", "IMG005", "IMG006", "IMG007", "IMG008", "IMG010", "IMG011", "IMG013"),
)
OF_MEMORY = (
    *("MEM001", "MEM002", "MEM003", "MEM004", "MEM005", "MEM007", "MEM008", "MEM009", "MEM012"),
)  # how much room there is: of a model, on an instance, in a release
NEEDS: Mapping[str, tuple[str, ...]] = {  # field of DeploymentSpec -> the rules that say nothing without it
    "image": (*OF_A_RELEASE, *OF_THE_IMAGE, *OF_MEMORY, "MEM010", "MEM011"),
    "instance_type": (
        *("LMI019", "IMG006", "IMG008", "IMG010", "IMG013"),
        *(*OF_MEMORY, "MEM010", "HST010", "HST011"),
    ),
    "model": ("LMI018", "LMI027", "LMI028", "IMG003", *OF_MEMORY, "MEM011"),
    "model_data": ("ENV005", "HST003", "HST004", "HST005", "HST019"),
}
FLAGS: Mapping[str, str] = {
    "image": "--image",
    "instance_type": "--instance-type",
    "model": "--model or --model-config",
    "model_data": "--model-data",
}


@dataclass(frozen=True)
class NotApplied:
    """Rules that could not be applied, and what they would have to be told."""

    without: str  # --image
    rules: tuple[str, ...]


def list_not_applied(setup: DeploymentSpec, words: Mapping[str, str] = FLAGS) -> tuple[NotApplied, ...]:
    """By what is missing. `words`: how the reader would say it. A rule that needs two things is named with both."""
    missing = {
        "image": setup.image is None,
        "instance_type": setup.instance_type is None,
        "model": setup.model is None,
        # Where a model of the hub is named, nothing need be mounted.
        "model_data": setup.model_data is None and not (setup.variable("HF_MODEL_ID") or setup.option("model_id")),
    }
    return tuple(NotApplied(words[key], tuple(sorted(NEEDS[key]))) for key in NEEDS if missing[key] and key in words)


def describe_not_applied(not_applied: tuple[NotApplied, ...]) -> str:
    """Without --image 42 rules were not applied, without --instance-type 17."""
    first, *others = not_applied
    parts = [f"without {first.without} {_counted(first)} not applied"]
    text = ", ".join([*parts, *(f"without {each.without} {len(each.rules)}" for each in others)])
    return f"{text[0].upper()}{text[1:]}{' (some need more than one of these)' if others else ''}."


def _counted(each: NotApplied) -> str:
    return f"{len(each.rules)} rule{'s were' if len(each.rules) > 1 else ' was'}"
