"""Runs the policy's code. It is sent, as text, to a Python kernel in the sandbox, so it imports nothing of LLMI.

What it finds goes back as display messages, which E2B hands on as results: the pictures, each with the text
`FIGURE`, then a report as JSON with the text `REPORT`.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib
import inspect
import io
import os
import random
import re
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

FIGURE = "llmi figure"
REPORT = "llmi report"
MOST = 8
"""Pictures of one run that are handed back."""
_FILE = "<code>"
_ALIASES = {"np": "numpy", "pd": "pandas", "sns": "seaborn"}
_LOOK = {"figure.figsize": (8.0, 5.0), "figure.dpi": 150.0, "figure.max_open_warning": 0}
_PIXELS = 12_000_000
_BYTES = 32 * 1024 * 1024
_KEPT = 16 * 1024
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}

_UNCHANGED = (
    "this changes a temporary copy, so the table itself stays as it was (since pandas 3). Assign the result instead: "
    "df['column'] = df['column'].fillna(0), or df = df.sort_values('column'); set single values in one step: "
    "df.loc[rows, 'column'] = value"
)
_FORMULA = r"in matplotlib a text between two '$' is a formula; write '\$' for a dollar sign"
_BY_WORD = {
    "ParseException": _FORMULA,
    "ParseSyntax": _FORMULA,
    "latex": "there is no LaTeX here; leave usetex out, formulas between two '$' are drawn without it",
    "StdinNotImplemented": "nobody can answer input()",
}


def perform(code: str, seed: int, attachments: str, internet: bool) -> None:
    """Run `code` in a new folder that holds copies of the files in the folder `attachments`."""
    given = _move(Path(attachments).absolute())
    printed = _Tail()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        pyplot, names = _namespace(code, seed)
        error, pictures = _drawn(code, names, pyplot, internet)
    pictures = pictures or ([] if error else _saved(given))
    display = importlib.import_module("IPython.display").display
    for media_type, data in pictures:
        picture = base64.b64encode(data).decode()
        display({media_type: picture, "text/plain": FIGURE}, raw=True)
    version = importlib.import_module("matplotlib").__version__
    report = {"error": error, "printed": printed.text[-400:], "matplotlib": version}
    display({"application/json": report, "text/plain": REPORT}, raw=True)


class _Tail(io.TextIOBase):
    """Keeps the end of what is printed: a flood of it neither fills memory nor the line to LLMI."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = (self.text + text)[-_KEPT:]
        return len(text)


def _move(attachments: Path) -> set[str]:
    """Go to a new folder with the attachments in it; returns their names."""
    os.chdir(tempfile.mkdtemp(prefix="llmi-"))
    given = sorted(attachments.iterdir()) if attachments.is_dir() else []
    for path in given:
        shutil.copyfile(path, path.name)
    return {path.name for path in given}


def _namespace(code: str, seed: int) -> tuple[Any, dict[str, Any]]:
    """pyplot, and the globals to run `code` with. Of the libraries, those that it mentions are imported."""
    warnings.simplefilter("ignore")
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("agg")  # the kernel's own backend would hand figures back on its own terms
    matplotlib.rcParams.update(_LOOK)
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    pyplot.show = lambda *_, **__: None
    names = {"__name__": "__main__", "matplotlib": matplotlib, "plt": pyplot}
    for alias, module in _ALIASES.items():
        if re.search(rf"\b({alias}|{module})\b", code):
            names[alias] = importlib.import_module(module)
    if "pandas" in sys.modules:
        _refuse_lost_changes(sys.modules["pandas"])
    random.seed(seed)
    importlib.import_module("numpy").random.seed(seed)
    return pyplot, names


def _refuse_lost_changes(pandas: Any) -> None:
    """Have pandas raise where the code changes a temporary copy: nobody would see the change, nor a warning of it."""
    if int(pandas.__version__.split(".")[0]) < 3 or hasattr(pandas.Series.dropna, "llmi"):
        return
    error = pandas.errors.ChainedAssignmentError
    error.__init__ = _refuse
    for kind in dict.fromkeys((*pandas.Series.__mro__, *pandas.DataFrame.__mro__)):
        for name, method in list(vars(kind).items()):
            if inspect.isfunction(method) and "inplace" in inspect.signature(method).parameters:
                setattr(kind, name, _watched(method, error))


def _refuse(warning: Warning, *arguments: object) -> None:
    if sys._getframe(2).f_code.co_filename == _FILE:
        warning.args = (_UNCHANGED,)
        raise warning
    Exception.__init__(warning, *arguments)


class _Sample:
    def references(self, *_: Any, **__: Any) -> int:
        return sys.getrefcount(self)


def _watched(method: Any, error: type[Warning]) -> Any:
    temporary = _Sample().references(inplace=True)  # nothing holds the object but the call

    @functools.wraps(method)
    def watched(self: Any, *arguments: Any, **named: Any) -> Any:
        if named.get("inplace") is True and sys.getrefcount(self) <= temporary:
            caller = sys._getframe(1)
            held = any(value is self for value in caller.f_locals.values())
            if caller.f_code.co_filename == _FILE and not held:
                raise error(_UNCHANGED)
        return method(self, *arguments, **named)

    watched.llmi = True  # type: ignore[attr-defined]
    return watched


def _drawn(
    code: str, names: dict[str, Any], pyplot: Any, internet: bool
) -> tuple[str, list[tuple[str, bytes]]]:
    """What went wrong, if anything, and the figures that the code left open."""
    doing = "while it was read"
    try:
        program = compile(code, _FILE, "exec", dont_inherit=True)
        doing = "while its figure was drawn"
        try:
            exec(program, names)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        return "", _open_figures(pyplot)
    except BaseException as error:  # noqa: BLE001 - whatever the policy's code raises is its own
        return _explained(error, code, names, doing, internet), []


def _open_figures(pyplot: Any) -> list[tuple[str, bytes]]:
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    # A figure's own background is its only child until something is drawn.
    filled = [figure for figure in figures if len(figure.get_children()) > 1]
    return [("image/png", _png(figure)) for figure in (filled or figures)[:MOST]]


def _png(figure: Any) -> bytes:
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi, (_PIXELS / max(width * height, 1e-9)) ** 0.5)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.15)
    return out.getvalue()


def _saved(given: set[str]) -> list[tuple[str, bytes]]:
    """The pictures that the code itself saved, oldest first."""
    paths = [
        path
        for path in Path().rglob("*")
        if path.suffix.lower() in _TYPES
        and str(path) not in given
        and path.is_file()
        and path.stat().st_size <= _BYTES
    ]
    paths.sort(key=lambda path: (path.stat().st_mtime_ns, str(path)))
    return [(_TYPES[path.suffix.lower()], path.read_bytes()) for path in paths[:MOST]]


def _explained(
    error: BaseException, code: str, names: dict[str, Any], doing: str, internet: bool
) -> str:
    """The error for the one who wrote the code: the failing lines, what it says, and what may help."""
    lines = code.splitlines()
    if isinstance(error, SyntaxError) and error.filename == _FILE:
        numbers = [error.lineno or 1]
        told = f"the code is not valid Python: {error.msg}, on line {numbers[0]}"
    else:
        frames = traceback.walk_tb(error.__traceback__)
        numbers = [line for frame, line in frames if frame.f_code.co_filename == _FILE]
        where = f" on line {numbers[-1]}" if numbers else f" {doing}"
        told = f"the code failed{where}: {_said(error)}"
    shown = [line for line in dict.fromkeys(numbers[-3:]) if 0 < line <= len(lines)]
    excerpt = [f"{line:5} | {lines[line - 1].rstrip()[:200]}" for line in shown]
    hint = _hint(error, names, internet)
    return "\n".join([told, *excerpt, *([f"hint: {hint}"] if hint else [])])[:2000]


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the code's own exception class may do anything
        text = "(its message cannot be read)"
    if len(text) > 800:
        text = f"{text[:400]} ... {text[-400:]}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _hint(error: BaseException, names: dict[str, Any], internet: bool) -> str:
    match error:
        case KeyError():
            hint = _columns(names)
        case FileNotFoundError():
            found = ", ".join(repr(path.name) for path in sorted(Path().iterdir())[:30])
            hint = f"the working folder holds {found or 'no files'}"
        case ModuleNotFoundError():
            hint = "draw with matplotlib, numpy, pandas and seaborn; nothing can be added"
        case MemoryError():
            hint = "the data is larger than the sandbox's memory; sample or aggregate it"
        case OSError(filename=None) if not internet:
            hint = "the sandbox has no network; work with the attachments"
        case EOFError():
            hint = "nobody can answer input()"
        case _:
            hint = next((text for word, text in _BY_WORD.items() if word in repr(error)), "")
    return hint


def _columns(names: dict[str, Any]) -> str:
    """The columns of the code's tables: a KeyError is usually a misspelt one."""
    frame = getattr(sys.modules.get("pandas"), "DataFrame", ())
    tables = [(name, value) for name, value in names.items() if isinstance(value, frame)]
    return "; ".join(
        f"{name} has the columns {', '.join(map(repr, list(table.columns)[:30]))}"
        for name, table in tables[:4]
    )
