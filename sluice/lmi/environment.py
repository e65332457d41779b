"""The `lmi` section of pipeline.yaml as the container's environment; what is wrong with it, `preflight` says."""

import json
from collections.abc import Iterator, Mapping

from sluice.errors import UsageError

MOST_ENTRIES = 16  # of a model package; the documentation says so, the API's model would take 100
LONGEST_VALUE = 256  # of a Processing job, in which the package is judged with this very environment
OWN_KEY = "TENSOR_PARALLEL_DEGREE"
NOT_READ = ("SM_VLLM_", "VLLM_MAX_MODEL_LEN", "MAX_MODEL_LEN")  # other images' spellings
Scalar = str | int | float | bool


def build_environment(
    image: str, settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str]
) -> dict[str, str]:
    """OPTION_* for each setting, the degree, and the extra variables.

    Raises UsageError where two of them are one variable: only one of its values could reach the container.
    """
    whole: dict[str, str] = {}
    for name, value in _variables(settings, degree, extra):
        if name in whole:
            message = f"{name} is written twice for {image}: as {whole[name]!r} and as {value!r}."
            raise UsageError(message, "Keep it in one place: an option under lmi.options, all else under lmi.env.")
        whole[name] = value
    return whole


def _variables(
    settings: Mapping[str, Scalar], degree: int | str, extra: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        yield variable_name(name), format_scalar(value)
    yield OWN_KEY, str(degree)
    yield from extra.items()


def variable_name(option: str) -> str:
    """The variable of an option. A key with a capital stays as it is, and the container does not read it."""
    return f"OPTION_{option.upper() if option == option.lower() else option}"


def format_scalar(value: Scalar) -> str:
    """A YAML scalar as a container reads it."""
    return value if isinstance(value, str) else json.dumps(value)
