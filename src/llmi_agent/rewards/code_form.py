"""When two pieces of plotting code draw the same: what of them changes no data."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TypeGuard

from PIL import ImageColor

_TITLES = frozenset(
    "title suptitle set_title set_xlabel set_ylabel xlabel ylabel legend grid tight_layout".split()
)
"""Functions that add titles and frames, and nothing that is drawn."""
_PLOTS = frozenset(
    "figure subplots plot bar barh scatter hist hist2d boxplot violinplot pie step stem errorbar fill_between fill axvline axhline "
    "axvspan axhspan imshow contour contourf pcolormesh lineplot barplot scatterplot histplot heatmap".split()
)
"""Functions that draw data. Elsewhere, as in a diagram of nodes, a colour or a label may be all that is drawn."""
_COLOURS = frozenset("color c".split())
_STYLES = frozenset(
    "title label cmap palette alpha figsize fontsize linewidth lw linestyle ls marker dpi".split()
)
"""Arguments of these that change no data if they are written out."""
_CODE = re.compile(r"#[0-9a-f]{3,8}|[bgrcmykw]|c[0-9]|tab:[a-z]+|xkcd:[a-z /]+", re.IGNORECASE)


def code_form(code: str) -> str:
    """The same for code that draws the same, whatever its own names, comments, titles, and colours by name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(_Plain().visit(ast.parse(code)))
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
            isinstance(value, ast.Call) and _path(value.func)[-1] in _TITLES
        ):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        path = _path(node.func)
        if path[-1] in _PLOTS:
            named = _takes_columns(path)
            node.keywords = [each for each in node.keywords if not _decorates(each, named)]
        return self.generic_visit(node)


def _path(function: ast.expr) -> list[str]:
    """The names that lead to a function, the first one empty if it is none: `df.plot.scatter` has three."""
    names: list[str] = []
    while isinstance(function, ast.Attribute):
        names.append(function.attr)
        function = function.value
    names.append(function.id if isinstance(function, ast.Name) else "")
    return names[::-1]


def _takes_columns(path: list[str]) -> bool:
    """Whether it reads the name of a colour as that of a column first: pandas' and Plotly Express's functions do."""
    return path[0] in ("px", "express") or bool({"plot", "express", "hvplot"} & {*path[:-1]})


def _decorates(argument: ast.keyword, columns: bool) -> bool:
    """Whether it can be told from the argument itself that it changes no data."""
    value = argument.value
    if argument.arg in _COLOURS:
        return not columns and _text(value) and _is_colour(value.value)
    if argument.arg == "figsize":
        return isinstance(value, ast.Tuple | ast.List)
    return argument.arg in _STYLES and isinstance(value, ast.Constant)


def _text(value: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_colour(name: object) -> bool:
    said = str(name)
    return said.lower() in ImageColor.colormap or bool(_CODE.fullmatch(said))
