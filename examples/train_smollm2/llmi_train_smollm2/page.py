"""Documents before and after training side by side, and the figures of each stage: one page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STYLE = """body{font:15px system-ui,sans-serif;margin:2rem;color:#222}h2{font-size:1rem;margin:2.5rem 0 .5rem;max-width:60rem}
table{border-collapse:collapse;font-size:13px}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}iframe{width:100%;height:46rem;border:1px solid #bbb;background:#fff}
.worth{font-size:13px;color:#444;margin:.2rem 0}"""


@dataclass(frozen=True)
class Side:
    """A document of one policy."""

    name: str
    path: Path
    """Its page; it may not be there."""
    said: str
    """What it is worth, in words."""


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines) + "\n"


def write(
    path: Path, title: str, rows: Sequence[Sequence[str]], pairs: Mapping[str, Sequence[Side]]
) -> None:
    """pairs: by the prompt, its documents from left to right."""
    head, *rest = rows
    table = _row(head, "th") + "".join(_row(each, "td") for each in rest)
    body = "".join(_pair(prompt, sides) for prompt, sides in pairs.items())
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{html.escape(title)}</h1><table>{table}</table>{body}</html>",
        encoding="utf-8",
    )


def _pair(prompt: str, sides: Sequence[Side]) -> str:
    shown = "".join(_side(each) for each in sides)
    return f'<h2>{html.escape(prompt)}</h2><div class="pair">{shown}</div>'


def _side(side: Side) -> str:
    said = f'<p class="worth"><b>{html.escape(side.name)}</b>: {html.escape(side.said)}</p>'
    if not side.path.is_file():
        return f"<div>{said}<p>There is no document.</p></div>"
    page = html.escape(side.path.read_text(encoding="utf-8"), quote=True)
    # What a model wrote runs nothing here.
    return f'<div>{said}<iframe sandbox title="{html.escape(side.name)}" srcdoc="{page}"></iframe></div>'


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(each)}</{tag}>' for each in cells)}</tr>"
