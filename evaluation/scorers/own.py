"""A function of one's own, `module:function` in a file beside the cases: it says whether an answer will do."""

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from evaluation.said import Help, Kind, Said, Score
from lmi.errors import UsageError

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def beside(folder: Path) -> None:
    """Modules of this folder can be named from now on."""
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.append(place)


def problems(argument: Any) -> Iterator[str]:
    if not isinstance(argument, str) or not NAME.fullmatch(argument):
        yield f"must be module:function, such as checks:is_polite, not {argument!r}."
        return
    try:
        function(argument)
    except UsageError as error:
        yield error.message


@cache
def function(name: str) -> Callable[..., Any]:
    """Raises UsageError if there is none."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UsageError(f"there is no module {error.name}: put it beside the cases.") from None
    except AttributeError:
        raise UsageError(f"{module} has no {attribute}.") from None
    except Exception as error:  # somebody else's module: whatever it does while it is imported, it is told
        raise UsageError(f"{module} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise UsageError(f"{name} is no function.")
    return found  # type: ignore[no-any-return]


def scored(said: Said, argument: Any, help: Help) -> Score:
    """The function takes the answer, or `Said`; it returns true or false, or that and why."""
    try:
        result = function(argument)(said)
    except Exception as error:  # somebody else's function: its failure is the case's, and is told
        return Score("python", False, f"{argument} failed: {type(error).__name__}: {error}")
    passed, why = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
    if not isinstance(passed, bool):
        return Score("python", False, f"{argument} returned {passed!r}, which is neither true nor false")
    return Score("python", passed, str(why) or f"{argument} says {'yes' if passed else 'no'}")


KINDS = {
    "python": Kind(
        "python",
        "A function of yours in a file beside the cases: takes what was said, returns true or false, and perhaps why.",
        {"type": "string", "pattern": f"^{NAME.pattern}$"},
        problems,
        lambda argument: f"{argument} says yes",
        scored,
        ("checks:is_polite",),
    )
}
