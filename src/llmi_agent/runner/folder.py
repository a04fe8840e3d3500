"""The folder that a run writes to: its own by default, and known to be writable before a model is called."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_agent.base.text import slug

PARENT = Path("llmi-out")


@contextmanager
def reserved(out: Path | None, parent: Path | None, prompt: str) -> Iterator[Path]:
    """The folder to write to: `out` itself, else a new one in `parent` that is named after the prompt.

    It exists while the block runs; folders that were made for it and stay empty are removed afterwards. Raises
    InputError if it cannot be made or written to.
    """
    made: list[Path] = []
    try:
        yield _prepared(out, parent or PARENT, prompt, made)
    finally:
        for each in reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir()


def holds_report(folder: Path) -> bool:
    """Whether an earlier run wrote there."""
    from llmi_agent.document.render.files import REPORTS

    return any((folder / name).exists() for name in REPORTS.values())


def _prepared(out: Path | None, parent: Path, prompt: str, made: list[Path]) -> Path:
    try:
        folder = _fresh(parent, slug(prompt), made) if out is None else _make(out, made)
        probe = folder / f".llmi-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write to {out or parent}: {error.strerror or error}; "
            "choose another folder with --out"
        ) from None
    return folder


def _make(folder: Path, made: list[Path]) -> Path:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    made += reversed(missing)
    return folder


def _fresh(parent: Path, name: str, made: list[Path]) -> Path:
    _make(parent, made)
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            made.append(folder)
            return folder
    raise AssertionError("unreachable: count() does not end")
