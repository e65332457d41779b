"""How messages word what many of them have: a count, a share, a text in one line, the name that was meant."""

import math
from collections.abc import Iterable, Iterator
from typing import Any


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 case, 1,200 cases."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 1 in percent, rounded down: what just missed the gate does not read as if it had reached it."""
    tenths = math.floor(share * 1000 + 1e-6)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def one_line(text: str, most: int) -> str:
    """The text in one line of at most so many characters; three dots stand for what was cut off."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 4].rstrip() + " ..."


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant by the word, whatever its case; None if none is near."""
    import difflib  # only a mistake needs it, and start-up counts

    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(word.lower(), by_lower, 5, 0.6)
    swapped = [each for each in close if sorted(each) == sorted(word.lower())]  # us-esat-1 is us-east-1, not us-west-1
    return by_lower[(swapped or close)[0]] if close else None


def suggestion(word: str, names: Iterable[str]) -> str:
    """The last sentence of a message about an unknown word: the nearest name, or all that there are."""
    names = list(names)
    near = nearest(word, names)
    return f"Did you mean `{near}`?" if near is not None else f"It takes {', '.join(names)}."


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, each with its keys as a path: gate.min_pass_rate."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flatten(below, f"{path}.{key}" if path else key)
    else:
        yield path, value
