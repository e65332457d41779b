"""Text to tokens and back: the model's own chat template, its tokenizer, and answers that grow token by token.

Only the template makes control tokens. Text from a user that spells one (`<|im_end|>`) stays text: it is taken out
before the template sees it and put back when the tokens are made, so nobody can end their own turn and speak as the
system. For all other text the tokens are those of the whole prompt encoded at once.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from sluice.tinylmi.folder import CheckpointError, read_json

PRIVATE = range(0xF0000, 0xFFFFE)  # characters without a meaning: they stand for control tokens in a user's text
TEMPLATE_FILE = "chat_template.jinja"


class PromptError(ValueError):
    """The template does not accept these messages."""


class Text:
    """One model's tokenizer and chat template."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = _read_tokenizer(folder)
        self._tokenizer.encode_special_tokens = True  # special tokens are found by `_specials` alone
        about = json.loads(self._tokenizer.to_str())
        self._control = {each["content"]: each["id"] for each in about["added_tokens"] if each["special"]}
        spelled = sorted(map(re.escape, self._control), key=len, reverse=True)
        self._specials = re.compile("|".join(spelled) or r"(?!)")
        self._bytes = _token_bytes(self._tokenizer, about["added_tokens"])
        self._longest = max(map(len, self._bytes), default=1) or 1
        self._settings = read_json(folder / "tokenizer_config.json", required=False)
        self._template = _compile(folder, self._settings)

    def chat(self, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any] | None = None) -> list[int]:
        """The tokens of a chat that waits for the assistant's answer; raises PromptError."""
        if self._template is None:
            raise PromptError("this model has no chat template; send `inputs` instead of `messages`")
        veil = self._veil("".join(text for message in messages for text in message.values()))
        veiled = [{key: _replaced(text, veil) for key, text in message.items()} for message in messages]
        special_tokens = {name: self._token(name) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
        try:
            rendered = self._template.render(
                {**special_tokens, **(options or {}), "messages": veiled, "add_generation_prompt": True}
            )
        except (TemplateError, TypeError, ValueError) as error:  # TypeError: the template met a shape it does not know
            raise PromptError(f"the chat template refuses these messages: {error}") from None
        return self._encode(rendered, {stand_in: spelled for spelled, stand_in in veil.items()})

    def plain(self, text: str) -> list[int]:
        """The tokens of a text as it is: no template, no control tokens."""
        return self._pieces(text)

    def at_least(self, text: str) -> int:
        """A number of tokens that the text surely has, found without cutting it (composing characters quarters it)."""
        return len(text.encode()) // (4 * self._longest)

    def bytes_of(self, token: int) -> bytes:
        """What a token adds to an answer: nothing, for a control token or an id beyond the vocabulary."""
        return self._bytes[token] if token < len(self._bytes) else b""

    def control(self, spelled: str) -> int | None:
        return self._control.get(spelled)

    def _veil(self, text: str) -> dict[str, str]:
        """A stand-in, which the text does not use, for each control token that it spells."""
        spelled = set(self._specials.findall(text))
        if not spelled:
            return {}
        free = (char for char in map(chr, PRIVATE) if char not in text)
        return dict(zip(sorted(spelled), free, strict=False))

    def _encode(self, rendered: str, unveil: Mapping[str, str]) -> list[int]:
        ids: list[int] = []
        start = 0
        for match in self._specials.finditer(rendered):
            ids += self._pieces(_replaced(rendered[start : match.start()], unveil))
            ids.append(self._control[match.group()])
            start = match.end()
        return ids + self._pieces(_replaced(rendered[start:], unveil))

    def _pieces(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids) if text else []

    def _token(self, name: str) -> str | None:
        value = self._settings.get(name)
        return value.get("content") if isinstance(value, dict) else value


class AnswerText:
    """The text of an answer as its tokens arrive; a character cut in two at the end is never said."""

    def __init__(self, text: Text, stop: Sequence[str] = ()) -> None:
        self._text, self._stop = text, tuple(stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""  # may be the beginning of a stop string
        self.stopped_by: str | None = None

    def add(self, token: int) -> str:
        """The text that is certain now. Once `stopped_by` is set the answer is over."""
        self._pending += self._decoder.decode(self._text.bytes_of(token))
        matches = [(at, stop) for stop in self._stop if (at := self._pending.find(stop)) >= 0]
        if matches:
            at, self.stopped_by = min(matches)
            certain, self._pending = self._pending[:at], ""
            return certain
        keep = max((_overlap(self._pending, stop) for stop in self._stop), default=0)
        cut = len(self._pending) - keep
        certain, self._pending = self._pending[:cut], self._pending[cut:]
        return certain

    def end(self) -> str:
        """What was held back, now that no stop string can follow."""
        rest, self._pending = self._pending, ""
        return rest


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text are the beginning of the stop string."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)


def _replaced(text: str, by: Mapping[str, str]) -> str:
    if not by:
        return text
    longest_first = sorted(map(re.escape, by), key=len, reverse=True)
    return re.sub("|".join(longest_first), lambda match: by[match.group()], text)


def _read_tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    about = read_json(path)
    decoder = about.get("decoder") or {}
    kinds = {decoder.get("type"), *(each.get("type") for each in decoder.get("decoders", ()))}
    if "ByteLevel" not in kinds:
        raise CheckpointError(f"{path} is not a byte-level tokenizer such as Qwen's.")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every fault of the file
        raise CheckpointError(f"{path} cannot be read: {error}") from None


def _token_bytes(tokenizer: Tokenizer, added: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Each token's bytes: byte-level vocabularies spell a byte as one printable character."""
    byte_of = {char: byte for byte, char in _byte_spelling()}
    own = {each["id"]: b"" if each["special"] else each["content"].encode() for each in added}
    table = [b""] * tokenizer.get_vocab_size(with_added_tokens=True)
    for spelled, token in tokenizer.get_vocab(with_added_tokens=True).items():
        if token >= len(table):
            table += [b""] * (token + 1 - len(table))
        table[token] = own[token] if token in own else bytes(byte_of[char] for char in spelled if char in byte_of)
    return table


def _byte_spelling() -> Iterator[tuple[int, str]]:
    """GPT-2's table: printable bytes stand for themselves, the others for characters from 256 on, in order."""
    following = 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            yield byte, chr(byte)
        else:
            yield byte, chr(following)
            following += 1


def _compile(folder: Path, settings: Mapping[str, Any]) -> Template | None:
    """The chat template: from its own file, else from tokenizer_config.json, where it may be one of several."""
    source = settings.get("chat_template")
    if isinstance(source, list):
        source = next((each.get("template") for each in source if each.get("name") == "default"), None)
    try:
        if (folder / TEMPLATE_FILE).exists():
            source = (folder / TEMPLATE_FILE).read_text(encoding="utf-8")
        if source is None:
            return None
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        return environment.from_string(source)
    except (TemplateError, OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"The chat template in {folder} cannot be used: {error}") from None


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)
