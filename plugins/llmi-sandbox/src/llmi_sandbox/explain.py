"""An exception of the policy's code, told so that the policy can repair it."""

from __future__ import annotations

import errno
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmi_sandbox.confine import library_roots

FILE = "<code>"
"""The file name that the policy's code is compiled under."""
_LONGEST = 2000
_MESSAGE = 800
_FRAMES = 3
_SHUT = (
    "the code may read and write its working folder only (attachments are not written to), and has neither a "
    "network nor other programs"
)
_NO_WAY = (errno.EACCES, errno.EPERM, errno.EROFS)
_HINTS: Mapping[type[BaseException], str] = {
    ModuleNotFoundError: "matplotlib, numpy, pandas and seaborn are installed; nothing can be added",
    MemoryError: "the data is larger than the memory the code may use; sample or aggregate it",
    EOFError: "nobody can answer input()",
}
_FORMULA = r"in matplotlib a text between two '$' is a formula; write '\$' for a dollar sign"
_SIGNS: Mapping[str, str] = {
    "ParseException": _FORMULA,
    "ParseSyntax": _FORMULA,
    "texmanager.py": "there is no LaTeX here; leave usetex out, formulas between two '$' are drawn without it",
    "destination is read-only": (
        "pandas hands out arrays that cannot be written to; assign with df.loc, or copy: .to_numpy(copy=True)"
    ),
}


def failure(error: BaseException, code: str, namespace: Mapping[str, Any], doing: str) -> str:
    """What failed, on which line, and what may help; at most about 2 kB, without the host's paths.

    `doing` says what was under way, for an error that no line of the code stands for.
    """
    lines = code.splitlines()
    if isinstance(error, SyntaxError) and error.filename == FILE:
        told = [f"the code is not valid Python: {error.msg}, on line {error.lineno}"]
        told += _quoted(lines, [error.lineno or 1])
    else:
        numbers = [
            number for frame, number in traceback.walk_tb(error.__traceback__) if _is_users(frame)
        ]
        where = f" on line {numbers[-1]}" if numbers else f" {doing}"
        told = [f"the code failed{where}: {_named(error)}"]
        told += _quoted(lines, list(dict.fromkeys(numbers))[-_FRAMES:])
    hint = _hint(error, namespace)
    told += [f"hint: {hint}"] if hint else []
    return _without_paths("\n".join(told))[:_LONGEST]


def _is_users(frame: Any) -> bool:
    return bool(frame.f_code.co_filename == FILE)


def _named(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the code's own exception class may do anything
        text = "(its message cannot be read)"
    if len(text) > _MESSAGE:
        text = f"{text[: _MESSAGE // 2]} ... {text[-_MESSAGE // 2 :]}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _quoted(lines: list[str], numbers: list[int]) -> list[str]:
    return [
        f"{number:5} | {lines[number - 1].rstrip()[:200]}"
        for number in numbers
        if 0 < number <= len(lines)
    ]


def _hint(error: BaseException, namespace: Mapping[str, Any]) -> str:
    if isinstance(error, KeyError):
        return _columns(namespace)
    if isinstance(error, FileNotFoundError):
        return f"the working folder holds {_listing()}"
    if hint := next((hint for sign, hint in _SIGNS.items() if sign in _trail(error)), ""):
        return hint
    if isinstance(error, OSError) and (error.errno in _NO_WAY or "urlopen" in str(error)):
        return _SHUT
    return next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "")


def _trail(error: BaseException) -> str:
    """What the error says, and the files that it came through."""
    files = (frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))
    return " ".join((_named(error), *files))


def _columns(namespace: Mapping[str, Any]) -> str:
    """The columns of the code's tables: the usual reason of a KeyError."""
    frame = getattr(sys.modules.get("pandas"), "DataFrame", ())
    tables = [(name, value) for name, value in namespace.items() if isinstance(value, frame)]
    return "; ".join(
        f"{name} has the columns {', '.join(map(repr, list(table.columns)[:30]))}"
        for name, table in tables[:4]
    )


def _listing() -> str:
    names = sorted(path.name for path in Path().iterdir())[:30]
    return ", ".join(map(repr, names)) if names else "no files"


def _without_paths(text: str) -> str:
    known = (sysconfig.get_path("purelib"), sys.prefix, sys.base_prefix)
    for path in (str(Path.cwd()), *library_roots(), *known):
        if len(path) > 1:
            text = text.replace(path, "...")
    return text
