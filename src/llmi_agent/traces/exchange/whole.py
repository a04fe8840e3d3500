"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.base.resources import exhausted


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path beside, to be written to; it becomes `path` when the block ends well. Raises LlmiError if it cannot."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    new = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.new")
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
