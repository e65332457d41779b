"""The `lmi` section of pipeline.yaml becomes the container's environment; what it would trip over is found first."""

import json
from collections.abc import Iterator, Mapping

from lmi import images, options
from lmi.errors import UsageError

MOST_ENTRIES = 16  # of a model package; the documentation says so, the API's model would take 100
LONGEST_VALUE = 256  # of a Processing job, in which the package is judged with this very environment
OWN_KEY = "TENSOR_PARALLEL_DEGREE"
NOT_READ = ("SM_VLLM_", "VLLM_MAX_MODEL_LEN", "MAX_MODEL_LEN")  # other images' spellings
Scalar = str | int | float | bool
Problem = tuple[tuple[str, ...], str]  # where in the section, and what


def environment(
    image: str, settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str], path: str = "lmi"
) -> dict[str, str]:
    """OPTION_* for each setting, the degree, and the extra variables; raises UsageError with every problem."""
    found = problems(image, settings, degree, extra)
    if found:
        lines = [f"  {'.'.join((path, *where))}: {what}" for where, what in found]
        raise UsageError("\n".join(["The container's settings cannot be used:", *lines]))
    return _written(settings, degree, extra)


def problems(image: str, settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str]) -> list[Problem]:
    """What this image would refuse or ignore, and what SageMaker would not accept."""
    try:
        release = images.parse(image).release
    except UsageError as error:
        return [(("image",), f"{error.message} {error.hint}".strip())]
    if release is None or release not in options.RELEASES:
        known = f"LMI {min(options.RELEASES)} to {max(options.RELEASES)}"
        what = image if release is None else f"LMI {release}"
        return [(("image",), f"The options of {what} are not known here, only those of {known}.")]
    return [*_of_settings(settings, degree, release), *_of_extra(extra), *_of_size(settings, degree, extra)]


def _of_settings(settings: Mapping[str, Scalar], degree: int | str, release: int) -> Iterator[Problem]:
    texts = {name: written(value) for name, value in settings.items()}
    for name, value in texts.items():
        if name == OWN_KEY.lower():
            yield ("options", name), "has a key of its own: tensor_parallel_degree, beside options."
        elif name != name.lower() or name.startswith("option_"):
            plain = name.lower().removeprefix("option_")
            yield ("options", name), f"is written in lower case, without OPTION_: {plain}."
        elif not value:
            yield ("options", name), "is empty, which the container takes for unset. Remove it."
    for finding in options.findings(texts, release):
        if finding.option != OWN_KEY.lower() and finding.option == finding.option.lower():
            yield ("options", finding.option), str(finding)
    for finding in options.findings({OWN_KEY.lower(): str(degree)}, release):
        yield (finding.option,), str(finding)
    table = options.one_spelling(dict.fromkeys(texts, ""))
    if len(table) < len(texts):
        pairs = sorted(name for name in texts if name not in table)
        yield ("options", pairs[0]), "is given twice, in two spellings. Keep one."


def _of_extra(extra: Mapping[str, str]) -> Iterator[Problem]:
    for name in extra:
        where = ("env", name)
        if name.startswith("OPTION_"):
            yield where, f"belongs in options, as {name.removeprefix('OPTION_').lower()}."
        elif name in {OWN_KEY, "SM_NUM_GPUS"}:
            yield where, "has a key of its own: tensor_parallel_degree."
        elif name == "HF_MODEL_ID":
            yield where, "would load a second model beside the package's own. Remove it."
        elif name.startswith(NOT_READ):
            yield where, "is not read by LMI images. Write it under options, as max_model_len for example."


def _of_size(settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str]) -> Iterator[Problem]:
    entries = len(settings) + len(extra) + 1
    if entries > MOST_ENTRIES:
        yield ("options",), f"makes {entries} environment variables; a model package has at most {MOST_ENTRIES}."
    for section, values in (("options", settings), ("env", extra)):
        for name, value in values.items():
            if len(written(value)) > LONGEST_VALUE:
                yield (section, name), f"is {len(written(value))} characters long; at most {LONGEST_VALUE} are allowed."


def _written(settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str]) -> dict[str, str]:
    named = {f"OPTION_{name.upper()}": written(value) for name, value in settings.items()}
    return {**named, OWN_KEY: str(degree), **extra}


def written(value: Scalar) -> str:
    """A YAML scalar as a container reads it."""
    return value if isinstance(value, str) else json.dumps(value)
