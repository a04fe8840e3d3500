"""What counts as the same again: parameters that say the same in other clothes, and prose that stands there before."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]+")
_ARTICLES = frozenset({"a", "an", "the"})
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)
"""Characters of scripts that put no blanks between words."""
_DECORATES = frozenset(
    "title suptitle set_title set_xlabel set_ylabel xlabel ylabel text figtext annotate legend grid tight_layout".split()
)
"""Calls in plotting code that change no data."""
_DECORATION = frozenset(
    "title label color colors c cmap palette alpha figsize fontsize linewidth lw linestyle ls marker dpi".split()
)
"""Arguments in plotting code that change no data."""
WINDOW = 10
"""How much must be the same in a row to be repeated: a word weighs 2, a character of a script without blanks 1."""


def words(text: str) -> list[str]:
    """The words of a text, folded; of scripts without blanks each character by itself."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [part for word in _WORD.findall(folded) for part in _parts(word)]


def _parts(word: str) -> Iterator[str]:
    start = 0
    for found in _UNSPACED.finditer(word):
        if found.start() > start:
            yield word[start : found.start()]
        yield found[0]
        start = found.end()
    if start < len(word):
        yield word[start:]


def says_something(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)


def params_form(kind: str, params: Mapping[str, Any]) -> str:
    """What a slot asks for: the same for the same words in any order, case and punctuation, and for the same code whatever
    its names, comments and titles."""
    said = {
        name: _code_form(value) if name == "code" else _form(value)
        for name, value in params.items()
    }
    return json.dumps([kind, said], sort_keys=True)


def _form(value: Any) -> Any:
    match value:
        case str():
            found = sorted(words(value))
            told = [each for each in found if each not in _ARTICLES] or found
            return " ".join(told) or value.strip().casefold()
        case list():
            return [_form(each) for each in value]
        case dict():
            return {name: _form(each) for name, each in value.items()}
    return value


def _code_form(code: Any) -> Any:
    if not isinstance(code, str):
        return _form(code)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _Plain().visit(ast.parse(code))
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(code.split())  # not Python, which the tool will say, too


class _Plain(ast.NodeTransformer):
    """Code without what changes no data: names of its own, titles, colours, texts that nothing takes."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                self._names.setdefault(each.id, f"v{len(self._names)}")
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._names.get(node.id, node.id), ast.Load())

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        value = node.value
        if isinstance(value, ast.Constant) or (
            isinstance(value, ast.Call) and _name(value.func) in _DECORATES
        ):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [each for each in node.keywords if each.arg not in _DECORATION]
        return self.generic_visit(node)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Attribute():
            return function.attr
        case ast.Name():
            return function.id
    return ""


def repeated(text: str) -> float:
    """The share of a text, by words, that stands in it before: in runs of `WINDOW` and more, whatever is around them.

    Changing one word of a paragraph saves that word and no other. The time is linear.
    """
    said = words(text)
    sizes = [1 if _UNSPACED.fullmatch(each) else 2 for each in said]
    again = [False] * len(said)
    first: dict[tuple[str, ...], int] = {}
    for start, end in _windows(sizes):
        run = tuple(said[start:end])
        if first.setdefault(run, start) <= start - len(run):
            again[start:end] = [True] * len(run)
    whole = sum(sizes)
    return (
        sum(size for size, seen in zip(sizes, again, strict=True) if seen) / whole if whole else 0.0
    )


def _windows(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where each run that is just long enough starts and ends."""
    end, weight = 0, 0
    for start, size in enumerate(sizes):
        while weight < WINDOW and end < len(sizes):
            weight += sizes[end]
            end += 1
        if weight < WINDOW:
            return
        yield start, end
        weight -= size
