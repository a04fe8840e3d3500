"""The GPUs of this machine, asked of the driver's own program, so that no library is loaded for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

_ASK = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")
_SECONDS = 20.0
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Gpu:
    """One of them."""

    name: str
    memory: float
    """Bytes."""


def gpus(environ: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Those that a process may use (CUDA_VISIBLE_DEVICES); none if no NVIDIA driver is there."""
    try:
        asked = subprocess.run(
            _ASK, capture_output=True, text=True, check=True, timeout=_SECONDS, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found: dict[str, Gpu] = {}
    for line in asked.stdout.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4 and parts[3].isdecimal():
            number, uuid, name, memory = parts
            found[number] = found[uuid] = Gpu(name, int(memory) * _MIB)
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    numbers = [each for each in found if each.isdecimal()] if visible is None else _named(visible)
    return [found[each] for each in numbers if each in found]


def _named(visible: str) -> list[str]:
    """Up to the first that is none, as CUDA reads it."""
    return [each.strip() for each in visible.split(",") if each.strip()]


def memory() -> float | None:
    """Bytes of main memory; None if that is not said."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return None
