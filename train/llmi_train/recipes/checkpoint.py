"""What a checkpoint's files say of it before anything of it is loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_HEADER = 100_000_000
"""Bytes; the form allows no more."""


@dataclass(frozen=True)
class Shape:
    """The sizes that memory follows from; 0: not said."""

    parameters: float
    hidden: int = 0
    layers: int = 0
    vocabulary: int = 0
    inner: int = 0
    """Of a layer's perceptron; of a mixture, of those experts that a token goes through."""
    key_values: int = 0
    """Numbers that a token leaves behind in the cache of one layer."""
    experts: int = 0


def shape_of(config: Mapping[str, Any], parameters: float) -> Shape:
    """From its config.json, or from the values of it that a recipe names."""
    own = config.get("text_config")
    text = {**config, **own} if isinstance(own, Mapping) else config

    def size(name: str, default: int = 0) -> int:
        value = text.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    heads = size("num_attention_heads")
    width = size("head_dim") or (size("hidden_size") // heads if heads else 0)
    active = size("num_experts_per_tok")
    inner = active * size("moe_intermediate_size") if active else size("intermediate_size")
    return Shape(
        parameters,
        size("hidden_size"),
        size("num_hidden_layers"),
        size("vocab_size"),
        inner,
        2 * width * size("num_key_value_heads", heads),
        size("num_experts"),
    )


def parameters_in(folder: Path) -> float | None:
    """How many numbers its weights are, by the heads of its files; None if none can be read."""
    count = 0
    for path in sorted(folder.glob("*.safetensors")):
        if path.name.startswith("adapter_"):
            continue
        try:
            count += sum(_sizes(path))
        except (OSError, ValueError, TypeError, AttributeError, KeyError, struct.error):
            return None
    return float(count) or None


def _sizes(path: Path) -> Iterator[int]:
    """Of each tensor. The form: eight bytes of a length, and so much JSON."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MOST_HEADER:
            raise ValueError("no head")
        head = json.loads(file.read(length))
    for name, tensor in head.items():
        if name != "__metadata__":
            yield math.prod(tensor["shape"])


def unlike(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """In what a config.json is another one than what a recipe is written for, in words."""
    own = config.get("text_config")
    text = own if isinstance(own, Mapping) else {}
    found = []
    for name, value in wanted.items():
        said = [each[name] for each in (config, text) if name in each] or [_rope(config, name)]
        if value not in said and said[0] is not None:
            found.append(f"{name} is {said[0]!r:.60} and not {value!r}")
    return found


def _rope(config: Mapping[str, Any], name: str) -> Any:
    """transformers 5 writes what concerns positions in a table of its own."""
    table = config.get("rope_parameters")
    return table.get(name) if isinstance(table, Mapping) else None
