"""What can be told of a regular expression without running it: that no answer matches it, or that every one does.

Answers are compared with every run of white space made one blank, none at the ends, and letters composed (NFC). What a
pattern asks of them is read off its parse tree; where that is not certain, nothing is claimed.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

Node = tuple[Any, Any]  # an operation and its arguments, as Python's own parser has them
Kind = Literal["blank", "dead", "char", "other", "start", "end", "gap"]

LINE = "a line break or a tab, but every run of white space in an answer is made one blank before it is compared"
BLANKS = "two blanks in a row, but every run of white space in an answer is made one blank before it is compared"
EDGE = "a blank at its very beginning or end, but answers are compared without these"
ANCHOR = "something before the beginning or after the end of the answer"
DECOMPOSED = "a letter and its accent as two characters, but answers are compared composed (NFC)"
NOTHING = "something that is not followed by anything, nor by nothing"
STARTS = {"AT_BEGINNING", "AT_BEGINNING_STRING"}
ENDS = {"AT_END", "AT_END_STRING"}
# What goes wrong with a pattern that is too deep or too large, or with the tree of another Python.
UNREADABLE = (ImportError, AttributeError, TypeError, ValueError, LookupError, OverflowError, RecursionError)
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


@dataclass(frozen=True)
class Token:
    """What one place of a match must be: white space, a character, the start, or nothing certain (a gap)."""

    kind: Kind
    text: str = ""


@lru_cache(maxsize=512)
def parsed(pattern: str) -> Any:
    """Python's own parse tree, or None; it is not public, so whatever it does not have is taken for not known."""
    try:
        parser = import_module("re._parser")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parser.parse(unicodedata.normalize("NFC", pattern), re.IGNORECASE)  # as the scorer compiles it
    except (re.error, *UNREADABLE):
        return None


def never(pattern: str) -> str | None:
    """What the pattern asks for that no answer has, in words that complete "asks for"; None if it may match."""
    tree = parsed(pattern)
    try:
        return _impossible(list(tree)) if tree is not None else None
    except UNREADABLE:
        return None


def always(pattern: str) -> Literal["", "every answer", "every answer that is not empty"]:
    """Whether the pattern matches whatever is said."""
    tree = parsed(pattern)
    try:
        return _universal(list(_inlined(list(tree)))) if tree is not None else ""
    except UNREADABLE:
        return ""


def shortest(pattern: str) -> int:
    """The fewest characters that a match has; 0 if that is not known."""
    tree = parsed(pattern)
    try:
        return int(tree.getwidth()[0]) if tree is not None else 0
    except UNREADABLE:
        return 0


def quick(pattern: str) -> bool:
    """Whether trying it on a short text cannot take long: at most two repeats, none within another."""
    tree = parsed(pattern)
    try:
        return tree is not None and sum(_repeats(node) for node in tree) <= 2
    except UNREADABLE:
        return False


def _repeats(node: Node) -> int:
    """How many repeats a node has; far too many where one is within another, or where it looks back at a group."""
    operation, arguments = node[0].name, node[1]
    if operation in REPEATS:
        return 1 if all(_repeats(each) == 0 for each in arguments[2]) else 99
    if operation in {"SUBPATTERN", "ATOMIC_GROUP"}:
        return sum(_repeats(each) for each in _body(node))
    if operation == "BRANCH":
        return sum(_repeats(each) for branch in arguments[1] for each in branch)
    return 0 if operation in {"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"} else 99


# --- no answer matches ---------------------------------------------------------------------------------------------


def _impossible(nodes: Sequence[Node]) -> str | None:
    inner = next(filter(None, (_impossible_within(node) for node in nodes)), None)
    return inner or _clash(list(_tokens(nodes)))


def _impossible_within(node: Node) -> str | None:
    """What is impossible inside one node that must match."""
    operation, arguments = node[0].name, node[1]
    if operation == "BRANCH":
        reasons = [_impossible(list(each)) for each in arguments[1]]
        return reasons[0] if reasons and all(reasons) else None
    if operation in REPEATS:
        return _impossible(list(arguments[2])) if arguments[0] > 0 else None
    if operation in {"SUBPATTERN", "ATOMIC_GROUP", "ASSERT"}:
        return _impossible(list(_body(node)))
    return NOTHING if _fails(node) else None


def _fails(node: Node) -> bool:
    """Whether nothing at all matches it: `(?!)` and `(?<!)`, for which Python 3.13 and newer have an operation."""
    operation, arguments = node[0].name, node[1]
    return operation == "FAILURE" or (operation == "ASSERT_NOT" and not list(arguments[1]))


def _clash(tokens: Sequence[Token]) -> str | None:
    consumed = ended = False
    run = ""
    for before, token in zip((Token("gap"), *tokens), (*tokens, Token("gap")), strict=True):
        run = run + token.text if token.kind == "char" else ""
        if token.kind == "dead":
            return LINE
        if token.kind == "blank" and before.kind in {"blank", "start"}:
            return BLANKS if before.kind == "blank" else EDGE
        if token.kind == "end" and before.kind == "blank":
            return EDGE
        if (token.kind == "start" and consumed) or (token.kind in {"blank", "char", "other"} and ended):
            return ANCHOR
        if len(run) > 1 and not _composed(run):
            return DECOMPOSED
        consumed = consumed or token.kind in {"blank", "char", "other"}
        ended = ended or token.kind == "end"
    return None


def _composed(text: str) -> bool:
    """Whether an answer may hold this text, in some case; parts of composed text are composed."""
    spelled = {text, text.lower(), text.upper(), text.casefold()}
    return any(unicodedata.normalize("NFC", each) == each for each in spelled)


def _tokens(nodes: Sequence[Node]) -> Iterator[Token]:
    """What must stand there one after the other; what repeats stands there once or twice."""
    for node in nodes:
        operation, arguments = node[0].name, node[1]
        if operation in {"SUBPATTERN", "ATOMIC_GROUP"}:
            yield from _tokens(list(_body(node)))
        elif operation in REPEATS and arguments[0] > 0:
            for _ in range(min(arguments[0], 2)):
                yield from _tokens(list(arguments[2]))
        elif operation == "AT":
            place = arguments.name
            yield Token("start" if place in STARTS else "end" if place in ENDS else "gap")
        elif operation in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            yield _character(node)
        else:
            yield Token("gap")


def _character(node: Node) -> Token:
    operation, arguments = node[0].name, node[1]
    if operation == "LITERAL":
        text = chr(arguments)
        return Token("blank" if text == " " else "dead" if text.isspace() else "char", text)
    if operation == "IN":
        kinds = {_member(each) for each in arguments}
        if kinds == {"dead"}:
            return Token("dead")
        if kinds <= {"dead", "blank"}:
            return Token("blank")
    return Token("other")


def _member(member: Node) -> str:
    """What one entry of a character class lets in."""
    operation, arguments = member[0].name, member[1]
    if operation == "LITERAL":
        text = chr(arguments)
        return "blank" if text == " " else "dead" if text.isspace() else "other"
    return "blank" if operation == "CATEGORY" and arguments.name == "CATEGORY_SPACE" else "other"


def _body(node: Node) -> Sequence[Node]:
    body: Sequence[Node] = node[1] if node[0].name == "ATOMIC_GROUP" else node[1][-1]
    return body


# --- every answer matches ------------------------------------------------------------------------------------------


def _universal(nodes: list[Node]) -> Literal["", "every answer", "every answer that is not empty"]:
    started, ended = bool(nodes) and _is_at(nodes[0], STARTS), bool(nodes) and _is_at(nodes[-1], ENDS)
    rest = nodes[1 if started else 0 : -1 if ended and len(nodes) > (1 if started else 0) else None]
    whole = started and ended
    needed = [node for node in rest if not _optional(node)]
    if whole and not any(_anything(node) for node in rest):
        return ""
    if not needed:
        return "every answer"
    alone = len(needed) == 1 and _one_of_any(needed[0], whole)
    return "every answer that is not empty" if alone else ""


def _inlined(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if node[0].name == "SUBPATTERN":
            yield from _inlined(list(_body(node)))
        else:
            yield node


def _is_at(node: Node, places: set[str]) -> bool:
    return node[0].name == "AT" and node[1].name in places


def _optional(node: Node) -> bool:
    """Whether nothing at all will do for it."""
    operation, arguments = node[0].name, node[1]
    if operation in REPEATS:
        return arguments[0] == 0 or all(_optional(each) for each in arguments[2])
    if operation == "BRANCH":
        return any(all(_optional(each) for each in branch) for branch in arguments[1])
    return operation == "SUBPATTERN" and all(_optional(each) for each in _body(node))


def _anything(node: Node) -> bool:
    """Whether it matches text of any length: .* or .+"""
    operation, arguments = node[0].name, node[1]
    if operation not in REPEATS or operation == "POSSESSIVE_REPEAT":
        return False
    least, most, body = arguments
    unlimited = int(most) >= int(import_module("re._constants").MAXREPEAT)
    return least <= 1 and unlimited and len(body) == 1 and _any_character(body[0])


def _one_of_any(node: Node, whole: bool) -> bool:
    """Whether one character, whichever, will do for it."""
    if node[0].name in REPEATS:
        if whole:
            return _anything(node)
        return node[1][0] == 1 and len(node[1][2]) == 1 and _one_of_any(node[1][2][0], whole)
    visible = node[0].name == "IN" and [_named(each) for each in node[1]] == ["CATEGORY_NOT_SPACE"]
    return _any_character(node) or (visible and not whole)


def _any_character(node: Node) -> bool:
    operation, arguments = node[0].name, node[1]
    if operation == "SUBPATTERN":
        return len(_body(node)) == 1 and _any_character(_body(node)[0])
    if operation == "NOT_LITERAL":
        return chr(arguments) != " " and chr(arguments).isspace()
    if operation == "IN":
        names = {_named(each) for each in arguments}
        if "NEGATE" in names:
            return {_member(each) for each in arguments if _named(each) != "NEGATE"} == {"dead"}
        return any(
            name.replace("CATEGORY_", "CATEGORY_NOT_") in names for name in names if name.startswith("CATEGORY_")
        )
    return bool(operation == "ANY")


def _named(member: Node) -> str:
    operation: str = member[0].name
    return str(member[1].name) if operation == "CATEGORY" else operation
