"""What is known about how a figure was made. Pages and Markdown files say the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmi_agent.document.render.links import safe_url
from llmi_agent.document.render.wording import (
    clean,
    clean_data,
    dollars,
    line,
    made,
    made_kind,
    shortened,
)

if TYPE_CHECKING:
    from llmi_agent.contract.tool import Provenance
    from llmi_agent.document.model import Figure

_LONGEST = 4_000
_LONGEST_ADDRESS = 120
_PARAMS = {"query": "Query", "prompt": "Prompt", "img_index": "Input picture"}


@dataclass(frozen=True)
class Fact:
    """One line of a figure's record."""

    label: str
    value: str
    url: str | None = None
    """Where the value links to; only ever a safe address."""


def credit(figure: Figure) -> list[Fact]:
    """The small line under the caption: how the picture was made, its title, owner and licence.

    What a page says in words of its own, a placeholder or an edit of another figure, is left out.
    """
    provenance = figure.provenance
    owner = line(provenance.attribution or provenance.creator or "")
    licence = line(provenance.licence or "")
    how = made(figure)
    title = line(provenance.title or "")
    said = provenance.placeholder or figure.edited_from is not None
    facts = [] if said else [Fact("Made", how[:1].upper() + how[1:])]
    if title and title not in (line(figure.caption), owner) and not said:
        facts.append(Fact("Title", f"“{title}”"))
    if provenance.made_from and figure.edited_from is None:
        facts.append(Fact("From", f"Made from {line(provenance.made_from)}"))
    if owner:
        facts.append(Fact("By", owner, safe_url(provenance.page_url)))
    if licence and licence not in owner:
        facts.append(Fact("Licence", licence, safe_url(provenance.licence_url)))
    return facts


def how_made(figure: Figure) -> list[Fact]:
    """Everything else that is known, as labels and values; what is not known is left out."""
    rows = [*_making(figure), *_parameters(figure), *_origin(figure.provenance)]
    return [row for row in rows if row.value]


def program(figure: Figure) -> str:
    """The code that drew the picture; empty if none did."""
    return clean(figure.provenance.code or str(figure.params.get("code", ""))).strip("\n")


def _making(figure: Figure) -> list[Fact]:
    provenance = figure.provenance
    kind = line(made_kind(figure))
    asked = "" if kind == line(figure.kind) else f" (asked for: {line(figure.kind)})"
    return [
        Fact("Kind", kind + asked),
        Fact("Instead, because", line(figure.instead_of)),
        Fact("Tool", line(figure.tool)),
        Fact("Provider", line(provenance.provider)),
        Fact("Model", line(provenance.model or "")),
        Fact("Made from", line(provenance.made_from or "")),
        Fact("Seed", "" if provenance.seed is None else str(provenance.seed)),
        Fact("Attempts", str(figure.attempts)),
        Fact("Cost", dollars(figure.usd)),
    ]


def _parameters(figure: Figure) -> list[Fact]:
    return [
        Fact(_label(figure, name), shortened(_plain(name, value), _LONGEST))
        for name, value in figure.params.items()
        if name != "code" and not (name == "img_index" and figure.edited_from is not None)
    ]


def _label(figure: Figure, name: str) -> str:
    if figure.kind == "edit" and name == "prompt":
        return "Instruction"
    return _PARAMS.get(name, line(name))


def _plain(name: str, value: Any) -> str:
    if name == "img_index" and isinstance(value, int):
        return f"number {value + 1}"
    if isinstance(value, str):
        return clean(value).strip()
    return json.dumps(clean_data(value), ensure_ascii=False, default=str)


def _origin(provenance: Provenance) -> list[Fact]:
    return [
        Fact("Title", line(provenance.title or "")),
        Fact("Creator", line(provenance.creator or "")),
        Fact("Licence", line(provenance.licence or ""), safe_url(provenance.licence_url)),
        _address("Licence text", provenance.licence_url if not provenance.licence else None),
        _address("Page", provenance.page_url),
        _address("Picture", provenance.source_url),
    ]


def _address(label: str, address: str | None) -> Fact:
    return Fact(label, shortened(line(address or ""), _LONGEST_ADDRESS), safe_url(address))
