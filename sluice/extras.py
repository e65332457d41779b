"""The optional packages (extras): what each is for, and the one line that says how to install one that is missing."""

from collections.abc import Mapping
from importlib.util import find_spec

from sluice.errors import SluiceError

DISTRIBUTION = "sluice-sagemaker"
# extra -> the top-level modules that it brings; a module of several extras is asked for by the first one named here
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "judge": ("scipy",),
    "serve": ("numpy", "fastapi", "uvicorn"),
    "local": ("moto", "flask", "h11", "tokenizers", "jinja2", "starlette", "httpx", "scipy"),
    "pipeline": ("sagemaker", "mlflow"),
}


class ExtraMissing(SluiceError):
    """An optional package is not installed."""

    def __init__(self, module: str, *extras: str) -> None:
        names = ",".join(extras)
        super().__init__(
            f"This needs {module}, which is not installed.", f"Install it: pip install '{DISTRIBUTION}[{names}]'"
        )


def require_extras(*extras: str) -> None:
    """Raises ExtraMissing, naming all of `extras`, if a module of one of them is not installed."""
    for extra in extras:
        for module in EXTRAS[extra]:
            if find_spec(module) is None:
                raise ExtraMissing(module, *extras)


def explain_missing_module(error: ModuleNotFoundError) -> ExtraMissing | None:
    """Returns what to install for an import that failed; None if no extra brings that module."""
    module = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return ExtraMissing(module, extra) if extra else None
