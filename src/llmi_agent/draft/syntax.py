"""The readers of a payload's syntax: each makes a dict of the text, or says why it cannot."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NoReturn, TypeAlias

from llmi_agent.draft import lenient_json
from llmi_agent.draft.types import Dialect, Strictness

MAX_PAYLOAD: Final = 200_000
"""The most characters of a payload, as written and in canonical form."""

_Readers: TypeAlias = tuple[Callable[[str], dict[Any, Any]], ...]

_SHAPE = '{"source": ..., "description": ..., "params": {...}}'
_FENCE = re.compile(r"(`{3,}|~{3,})[A-Za-z]*\s*")
_STRINGS = re.compile(r"""(?:[^"']++|"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')*+""", re.DOTALL)
_CODE_HEAD = "{'source': 'code', 'description': '"
_CODE_MIDDLE = "', 'params': {'code': '"
_CODE_TAIL = "'}}"


class SyntaxProblemError(ValueError):
    """A text that this reader cannot make a dict of; another one may."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the payload cannot be read ({cause}); write {_SHAPE}")


@cache
def readers(dialect: Dialect, reader: Strictness) -> _Readers:
    """The readers to try in turn. Each raises SyntaxProblemError, whatever the text."""
    # Loose comes before a literal where JSON is meant: "\/" and "\u" are other strings in Python.
    others = (_loose, *_PYTHON) if dialect == "json" else (*_JSON, _loose)
    own = _JSON if dialect == "json" else _PYTHON
    return own if reader == "strict" else (*own, *others)


def unfenced(payload: str) -> str:
    """The payload without blanks and a Markdown fence around it."""
    text = payload.strip()
    fence = _FENCE.match(text)
    return text[fence.end() :].removesuffix(fence[1]).rstrip() if fence else text


def ends_in_string(text: str) -> bool:
    """Whether the text of an object ends inside of one of its strings, as far as quotes tell."""
    strings = _STRINGS.match(text)
    if strings is None or strings.end() == len(text):
        return False
    body = unfenced(text)
    if not body.startswith("{"):
        return False
    try:
        object_end(body, 0)
    except SyntaxProblemError:
        return "}" not in body or not is_object(text)
    return False


def is_object(payload: str) -> bool:
    """Whether the lenient reader can make an object of it."""
    for read in readers("json", "lenient"):
        try:
            read(unfenced(payload))
        except SyntaxProblemError:
            continue
        return True
    return False


def object_end(text: str, start: int) -> int:
    """Where the JSON object, or other value, that begins at `start` ends. Raises SyntaxProblemError."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError) as error:
        raise SyntaxProblemError(_cause(error)) from None


def _json(payload: str) -> dict[Any, Any]:
    try:
        return _dict(_DECODER.decode(payload))
    except (ValueError, RecursionError) as error:
        raise SyntaxProblemError(_cause(error)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _literal(payload: str) -> dict[Any, Any]:
    try:
        with warnings.catch_warnings():
            # An escape like "\d" in plotting code is no business of whoever reads drafts.
            warnings.simplefilter("ignore")
            return _dict(ast.literal_eval(payload))
    except SyntaxError as error:
        raise SyntaxProblemError(f"no Python literal: {error.msg}") from None
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        # The messages of literal_eval hold addresses, and would differ from run to run.
        cause = "nested too deeply" if isinstance(error, RecursionError | MemoryError) else ""
        raise SyntaxProblemError(cause or "no Python literal of an object") from None


def _open_code(payload: str) -> dict[Any, Any]:
    """The published rule: a `code` payload in exactly this spelling may hold quotes unescaped.

    Like there, the code is taken as it stands, without resolving escapes.
    """
    text = payload.strip()
    description, middle, code = text.removeprefix(_CODE_HEAD).partition(_CODE_MIDDLE)
    spelled = text.startswith(_CODE_HEAD) and middle and code.endswith(_CODE_TAIL)
    if not spelled or "'" in description:
        raise SyntaxProblemError("no code payload in the published spelling")
    code = code.removesuffix(_CODE_TAIL)
    return {"source": "code", "description": description, "params": {"code": code}}


def _loose(payload: str) -> dict[Any, Any]:
    try:
        return _dict(lenient_json.loads(payload))
    except ValueError as error:
        raise SyntaxProblemError(_cause(error)) from None


def _dict(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    return value


def _cause(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


_JSON: _Readers = (_json,)
_PYTHON: _Readers = (_literal, _open_code)
