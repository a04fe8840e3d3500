"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.base.resources import exhausted

_NEW = ".new"
_OLD = 3600.0
"""Seconds after which a file that nobody has written to since is taken for what a killed export left."""


def sweep(path: Path) -> None:
    """Remove what killed exports left of this file, or of files in this folder; what others still write stays."""
    folder, own = (path, "") if path.is_dir() else (path.parent, path.name[:200])
    pattern = re.compile(rf"\.{re.escape(own) or '.+'}\.[0-9a-f]{{8}}{re.escape(_NEW)}")
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            if pattern.fullmatch(each.name) and time.time() - each.stat().st_mtime > _OLD:
                each.unlink()


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path beside, to be written to; it becomes `path` when the block ends well. Raises LlmiError if it cannot."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    new = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}{_NEW}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield new
        new.replace(path)
    except OSError as error:
        raise exhausted(error) or LlmiError(
            f"cannot write {path}: {error.strerror or error}"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            new.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Raises LlmiError if it cannot be written."""
    with beside(path) as new:
        new.write_bytes(data)
