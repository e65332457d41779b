"""What an LMI container makes of its options: which it reads, which it ignores without a word, and which end its start.

The container prints an ignored name as if it had been applied, and a start that fails is tried again until the health
check's time is up; so both are found out here first. `tinylmi` fails by the same rules as the container.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lmi import tables

SPELLING = re.compile(r"OPTION_[A-Z_0-9]+")
DTYPES = ("auto", "fp32", "fp16", "bf16")
SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
MEANT = {  # what people write, where the letters alone would suggest something else
    "max_len": "max_model_len",
    "max_length": "max_model_len",
    "max_tokens": "max_model_len",
    "max_seq_len": "max_model_len",
    "max_input_len": "max_model_len",
    "max_batch_size": "max_rolling_batch_size",
    "max_concurrency": "max_rolling_batch_size",
    "num_gpus": "tensor_parallel_degree",
    "tp": "tensor_parallel_degree",
}
LEGACY = "chooses another handler than the asynchronous one, with other replies"
FALSE_PASSED_FROM = 26
AUTO_LENGTH_FROM = 19
ASYNC_FROM = 17


@dataclass(frozen=True)
class Finding:
    option: str  # max_len, lower case, without OPTION_
    effect: Literal[
        "stops", "ignored", "legacy"
    ]  # the start fails; nothing happens; the replies are not the chat form's
    why: str
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.why} {self.instead}".strip()


def option_name(variable: str) -> str | None:
    """`max_model_len` for `OPTION_MAX_MODEL_LEN`; None if the container would not read a variable spelled so."""
    return variable.removeprefix("OPTION_").lower() if SPELLING.fullmatch(variable) else None


def reads(name: str, release: int) -> bool:
    """Whether the containers of this release do anything with this option."""
    known = _table().get(name)
    return known is not None and known["since"] <= release <= known.get("until", release)


def kind(name: str) -> str | None:
    """int, float, bool, flag (a switch of vLLM) or stops; None if it is text or something richer."""
    value = _table().get(name, {}).get("type")
    return value if isinstance(value, str) else None


def nearest(name: str, release: int) -> str | None:
    """The option that was probably meant."""
    name = name.lower()
    known = [each for each in _table() if reads(each, release) and kind(each) != "stops"]
    if name in known:
        return name
    if name in MEANT:
        return MEANT[name]
    close = difflib.get_close_matches(name, known, 1, 0.75)
    return close[0] if close else None


def one_spelling(options: Mapping[str, str]) -> dict[str, str]:
    """Options under the container's own names; where both spellings are given, it takes vLLM's."""
    table = _table()
    own = {name: value for name, value in options.items() if "same_as" not in table.get(name, {})}
    return own | {table[name]["same_as"]: value for name, value in options.items() if name not in own}


def length(value: str, release: int) -> int | None:
    """A context length as vLLM reads it (16k is 16000, 16K is 16384); None is `auto`. Raises ValueError."""
    if release >= AUTO_LENGTH_FROM and value in {"auto", "-1"}:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgG]?)", value.strip())
    number = float(found[1]) * SUFFIXES.get(found[2], 1) if found else 0
    if number < 1 or number != int(number):
        raise ValueError(value)
    return int(number)


Rule = Callable[[str, str, Mapping[str, str], int], Iterator[Finding]]  # name, value, all options, release


def findings(options: Mapping[str, str], release: int) -> list[Finding]:
    """All that is wrong with a container's options (names in lower case without OPTION_, values as text)."""
    return [finding for name, value in options.items() for finding in _examine(name, value, options, release)]


def _examine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if not reads(name, release):
        near = nearest(name, release)
        instead = f"Did you mean {near}?" if near else "Remove it."
        yield Finding(name, "ignored", f"LMI {release} does not read it and would ignore it.", instead)
    elif kind(name) == "stops":
        use = _table()[name]["use"]
        yield Finding(name, "stops", f"ends the start of LMI {release}, whatever its value.", f"Use {use} instead.")
    elif name in RULES:
        yield from RULES[name](name, value, options, release)
    else:
        yield from _typed(name, value, release)


def _typed(name: str, value: str, release: int) -> Iterator[Finding]:
    wanted = kind(name)
    try:
        if wanted == "int":
            int(value)
        elif wanted == "float":
            float(value)
    except ValueError:
        words = {"int": "a whole number", "float": "a number"}[str(wanted)]
        yield Finding(name, "stops", f"must be {words}, not {value!r}.")
    if wanted in {"bool", "flag"} and value.lower() not in {"true", "false"}:
        yield Finding(name, "stops", f"must be true or false, not {value!r}.")
    elif wanted == "flag" and value.lower() == "false" and release < FALSE_PASSED_FROM:
        yield Finding(name, "ignored", f"false is not passed on before LMI {FALSE_PASSED_FROM}.", "Remove it.")


def _dtype(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value not in DTYPES:
        why = f"{value!r} is refused: only {', '.join(DTYPES)} pass both of the container's checks."
        yield Finding(name, "stops", why, "Remove it, or write auto or bf16.")


def _quantize(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value in {"bitsandbytes4", "bitsandbytes8"}:
        yield Finding(name, "stops", f"{value} is refused by the asynchronous handler.", "Write bitsandbytes.")


def _max_model_len(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    try:
        length(value, release)
    except ValueError:
        yield Finding(name, "stops", f"must be a number of tokens, not {value!r}.", "Write 4096.")


def _from(least: int, most: int | None = None) -> Rule:
    def rule(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            words = f"must be {most}" if least == most else f"must be a whole number from {least}"
            yield Finding(name, "stops", f"{words}, not {value!r}.")

    return rule


def _degree(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value != "max":
        yield from _from(1)(name, value, options, release)


def _engine(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value != "Python":
        yield Finding(name, "stops", f"must be Python, not {value!r}.", "Remove it.")


def _rolling_batch(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value not in {"auto", "disable", "vllm", "lmi-dist", "trtllm", "scheduler"}:
        yield Finding(name, "stops", f"there is no rolling batch {value!r}.", "Remove it.")
    elif release < ASYNC_FROM or value == "auto":
        return
    elif value != "disable":
        yield Finding(name, "legacy", f"{value} {LEGACY}.", "Remove it.")
    elif options.get("async_mode", "").lower() != "true":
        yield Finding(name, "legacy", f"disable alone {LEGACY}.", "Remove it, or set async_mode to true.")


def _async_mode(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value.lower() not in {"true", "false"}:
        yield Finding(name, "stops", f"must be true or false, not {value!r}.")
    elif value.lower() == "false" and release >= ASYNC_FROM:
        yield Finding(name, "legacy", f"false {LEGACY}.", "Remove it.")


def _batch_size(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    yield from _typed(name, value, release)
    if value.isdigit() and int(value) > 1:
        why = "more than 1 turns continuous batching off."
        yield Finding(name, "legacy", why, "Use max_rolling_batch_size instead.")


def _model(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    yield Finding(name, "stops", "replaces the path of the model that was found.", "Remove it.")


def _sessions(name: str, value: str, options: Mapping[str, str], release: int) -> Iterator[Finding]:
    if value.lower() == "false" and release >= ASYNC_FROM:
        yield Finding(name, "legacy", "false makes every request end in an error.", "Remove it.")


RULES: dict[str, Rule] = {
    "dtype": _dtype,
    "quantize": _quantize,
    "quantization": _quantize,
    "max_model_len": _max_model_len,
    "max_rolling_batch_size": _from(1),
    "pipeline_parallel_degree": _from(1, 1),
    "tensor_parallel_degree": _degree,
    "engine": _engine,
    "rolling_batch": _rolling_batch,
    "async_mode": _async_mode,
    "batch_size": _batch_size,
    "model": _model,
    "enable_stateful_sessions": _sessions,
}


def _table() -> Mapping[str, Mapping[str, Any]]:
    return tables.by("options", "name")


# the LMI releases whose options are known here
RELEASES = frozenset(row["release"] for row in tables.rows("releases") if row["options_known"])
