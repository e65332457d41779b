"""A model's Hugging Face folder: its JSON files and weights, or one clear reason why they cannot be served."""

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.errors import SluiceError

Array = NDArray[np.float32]
WIDTH = {"BF16": 2, "F16": 2, "F32": 4}
LARGEST_HEADER = 100 * 2**20


class CheckpointError(SluiceError):
    """The model folder is missing, broken, or holds a model that this engine does not compute."""


def read_json(path: Path, required: bool = True) -> dict[str, Any]:
    """A JSON object; an optional file that is not there is an empty one."""
    if not path.exists() and not required:
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no {path.name}.", _what_is_there(path.parent)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object.")
    return value


def read_weights(folder: Path) -> dict[str, Array]:
    """All tensors as float32, from one safetensors file or from the shards that an index names."""
    index = folder / "model.safetensors.index.json"
    names: Iterable[str] = ["model.safetensors"]
    if index.exists():
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise CheckpointError(f"{index} has no weight_map.")
        names = sorted(set(shards.values()))
    weights: dict[str, Array] = {}
    for name in names:
        weights |= _read_safetensors(folder / name)
    return weights


def _read_safetensors(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(min(size, LARGEST_HEADER)))
        data = np.memmap(path, np.uint8, "r", offset=8 + size)
        described = {name: about for name, about in header.items() if name != "__metadata__"}
        return {name: _tensor(data, **about) for name, about in described.items()}
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no {path.name}.", _what_is_there(path.parent)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file: {error}", "Copy the model's files again."
        ) from None


def _tensor(data: NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]) -> Array:
    start, end = data_offsets
    if dtype not in WIDTH:
        raise ValueError(f"its type {dtype} is not one of {', '.join(WIDTH)}")
    if end > len(data) or end - start != WIDTH[dtype] * int(np.prod(shape)):
        raise ValueError("it ends too early")
    raw = np.array(data[start:end])  # a copy, so that odd offsets do not matter
    if dtype == "BF16":  # the upper half of a float32
        values = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif dtype == "F16":
        values = raw.view(np.float16).astype(np.float32)
    else:
        values = raw.view(np.float32)
    return values.reshape(shape)


def _what_is_there(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder. The model's files must be there, config.json at its root."
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    if not names:
        return "The folder is empty."
    return f"It holds {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}; config.json belongs at its root."
