"""A function of one's own, `module:function` in a file beside the cases: it says whether an answer will do.

Only a replay imports it. Whoever merely looks at cases (`check`, `plan`, `cases lint`, `cases stats`) may look at
somebody else's pull request with keys at hand, so there the file is parsed, and nothing in it runs.
"""

import ast
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sluice.errors import UsageError
from sluice.evaluation.scoring import Sample, Score, ScorerSpec, ScoringServices

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
FOLDERS: list[Path] = []  # of case files, the one that was read last first


def add_folder(folder: Path) -> None:
    """Modules of this folder can be named from now on. None can be imported by others: a file beside the cases that
    has the name of a library's optional part would else run while somebody only looks."""
    place = folder.resolve()
    if place in FOLDERS:
        FOLDERS.remove(place)
    FOLDERS.insert(0, place)


def find_problems(argument: Any) -> Iterator[str]:
    """What is wrong with it, found without running anything of it."""
    if not isinstance(argument, str) or not NAME.fullmatch(argument):
        yield f"must be module:function, such as checks:is_polite, not {argument!r}."
        return
    module, _, attribute = argument.partition(":")
    try:
        file = find_file(module)
        if attribute not in (names := find_names(file)) and not names & {"*", "__getattr__"}:
            yield f"{module} has no {attribute}."
    except UsageError as error:
        yield error.message


def find_file(module: str) -> Path:
    """The file of a module beside the cases, found by its path: to find a part, Python would import its package.

    Raises UsageError if there is none, or if importing it would bring another one.
    """
    first = module.partition(".")[0]
    for folder in FOLDERS:
        place = folder.joinpath(*module.split("."))
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):  # as Python prefers
            if file.is_file():
                if first in sys.stdlib_module_names:
                    raise UsageError(f"{first} is a module of Python's own: give the file another name.")
                return file
    raise UsageError(f"there is no module {module}: put it beside the cases.")


def find_names(file: Path) -> set[str]:
    """What the file binds at its top level, by its syntax alone; `*` if it takes over all of another module."""
    try:
        with warnings.catch_warnings(action="ignore"):
            parsed = ast.parse(file.read_bytes())
        return set(_bound(parsed))
    except SyntaxError as error:
        raise UsageError(f"{file.name} is no Python: {error.msg}, line {error.lineno}.") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{file.name} cannot be read: {error or type(error).__name__}.") from None


def _bound(node: ast.AST) -> Iterator[str]:
    for each in ast.iter_child_nodes(node):
        match each:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name  # what is within has names of its own
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Lambda():
                pass
            case _:
                yield from _bound(each)


@cache
def import_function(name: str) -> Callable[..., Any]:
    """Imports it: for a replay. Raises UsageError if there is none."""
    module, _, attribute = name.partition(":")
    file = find_file(module)
    folder = str(file.parents[module.count(".") + (file.name == "__init__.py")])
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        imported = import_module(module)
        own_function = getattr(imported, attribute)
    except ModuleNotFoundError as error:
        raise UsageError(f"there is no module {error.name}: put it beside the cases.") from None
    except AttributeError:
        raise UsageError(f"{module} has no {attribute}.") from None
    except Exception as error:  # somebody else's module: whatever it does while it is imported, it is told
        raise UsageError(f"{module} cannot be imported: {type(error).__name__}: {error}") from None
    if Path(imported.__file__ or "").resolve() != file.resolve():
        raise UsageError(f"{module} is the name of another module here: give {file} another one.")
    if not callable(own_function):
        raise UsageError(f"{name} is no function.")
    return own_function  # type: ignore[no-any-return]


def score(sample: Sample, argument: Any, services: ScoringServices) -> Score:
    """The function takes the answer, or `Sample`; it returns true or false, or that and why."""
    try:
        result = import_function(argument)(sample)
    except Exception as error:  # somebody else's function: its failure is the case's, and is told
        return Score("python", False, f"{argument} failed: {type(error).__name__}: {error}")
    passed, why = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
    if not isinstance(passed, bool):
        return Score("python", False, f"{argument} returned {passed!r}, which is neither true nor false")
    return Score("python", passed, str(why) or f"{argument} says {'yes' if passed else 'no'}")


SCORERS = {
    "python": ScorerSpec(
        "python",
        "A function of yours in a file beside the cases: takes what was said, returns true or false, and perhaps why.",
        {"type": "string", "pattern": f"^{NAME.pattern}$"},
        find_problems,
        lambda argument: f"{argument} says yes",
        score,
        ("checks:is_polite",),
    )
}
