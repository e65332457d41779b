"""A checkpoint's folder on this machine, looked at by names, sizes and headers: no weights are read."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".tensors")
TOKENIZER = ("token", "vocab", "merges", "spiece", "spm", "sentencepiece", "tiktoken", "tekken")
POINTER = b"version https://git-lfs"
MOST_BYTES = 64_000_000  # a JSON file or a header that is larger is none
DEEPEST, MOST_FOLDERS = 4, 200


@dataclass(frozen=True)
class Checkpoint:
    """In a folder. `account.checkpoint.InS3` is one in S3: it has its own `uri`, `sizes`, `nested` and last methods."""

    folder: Path

    @property
    def uri(self) -> str:
        """Where it is, if not on this machine: an S3 prefix that ends in a slash."""
        return ""

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file at the root; nothing of a folder that cannot be read."""
        try:
            with os.scandir(self.folder) as entries:
                return {each.name: each.stat().st_size for each in entries if each.is_file()}
        except OSError:
            return {}

    @property
    def has_config(self) -> bool:
        return "config.json" in self.sizes

    @property
    def has_tokenizer(self) -> bool:
        return any(part in name.lower() for name in self.sizes for part in TOKENIZER)

    @cached_property
    def has_template(self) -> bool:
        """Whether chat messages can be put into words: a template of its own, or one within the tokenizer's."""
        own = {"chat_template.jinja", "chat_template.json", "tekken.json"}
        if own & self.sizes.keys() or self._is_folder("additional_chat_templates"):
            return True
        content = self._json("tokenizer_config.json")
        return not isinstance(content, dict) or bool(content.get("chat_template"))

    @property
    def weights(self) -> list[str]:
        return sorted(name for name in self.sizes if name.endswith(WEIGHTS) and name != "training_args.bin")

    @cached_property
    def pointers(self) -> list[str]:
        """Files in whose place Git LFS left its note of some 130 bytes."""
        small = (name for name, size in self.sizes.items() if 0 < size < 1024)
        return sorted(name for name in small if self._begins(name, len(POINTER)) == POINTER)

    @cached_property
    def missing(self) -> list[str]:
        """What the index names and is not there; safetensors go before .bin, as in vLLM."""
        for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
            content = self._json(index)
            named = content.get("weight_map") if isinstance(content, dict) else None
            if isinstance(named, dict):
                shards = {each for each in named.values() if isinstance(each, str)}
                return sorted(each for each in shards if not self._is_there(each))
        return []

    @cached_property
    def cut(self) -> list[str]:
        """safetensors files that are shorter than their own header says."""
        there = (name for name in self.weights if name.endswith(".safetensors") and name not in self.pointers)
        return [name for name in there if self.sizes[name] < self._said_size(name)]

    def nested(self) -> Iterator[str]:
        """Folders below that hold a config.json, as paths from this one; not too deep and not too many."""
        for looked, (root, folders, names) in enumerate(os.walk(self.folder), 1):
            within = Path(root).relative_to(self.folder)
            if len(within.parts) >= DEEPEST or looked >= MOST_FOLDERS:
                folders.clear()
            folders.sort()
            if within.parts and "config.json" in names:
                yield within.as_posix()

    def _said_size(self, name: str) -> int:
        """The bytes that a safetensors file must have: 8, the header's, and as far as its last tensor reaches."""
        start = self._begins(name, 8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= MOST_BYTES:
            return 10 if len(start) < 8 else 0
        try:
            header = json.loads(self._begins(name, 8 + length)[8:])
            ends = [each["data_offsets"][1] for key, each in header.items() if key != "__metadata__"]
            return 8 + length + max(ends, default=0)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return 0 if self.sizes[name] >= 8 + length else 8 + length

    def _begins(self, name: str, count: int) -> bytes:
        try:
            with (self.folder / name).open("rb") as file:
                return file.read(count)
        except OSError:
            return b""

    def _json(self, name: str) -> Any:
        if not 0 < self.sizes.get(name, 0) <= MOST_BYTES:
            return None
        try:
            return json.loads(self._begins(name, MOST_BYTES))
        except (ValueError, RecursionError):
            return None

    def _is_folder(self, name: str) -> bool:
        return (self.folder / name).is_dir()

    def _is_there(self, name: str) -> bool:
        try:
            return (self.folder / name).is_file()
        except (OSError, ValueError):
            return False
