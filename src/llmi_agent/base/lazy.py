"""Packages whose names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy(
    package: str, places: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], list[str]]:
    """The `__getattr__` and the `__all__` of a package; `places` maps modules below it to the names that they have."""
    homes = {name: f"{package}.{place}" for place, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, sorted(homes)
