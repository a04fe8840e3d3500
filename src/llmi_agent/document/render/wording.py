"""Words for people: what a renderer says about dates, sizes, costs, kinds and failures."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmi_agent.contract.tool import Reason
    from llmi_agent.document.model import Document, Figure, Missing
    from llmi_agent.records.costs import Costs

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_REASONS: dict[Reason, str] = {
    "bad_params": "The request for it could not be met",
    "refused": "The request was refused",
    "quota": "The service's quota is used up",
    "timeout": "It took too long",
    "unreachable": "The service could not be reached",
    "bad_output": "What came back was not a usable picture",
    "crashed": "The tool stopped with an error",
    "unavailable": "No tool was available for it",
    "cancelled": "The run was stopped before it was made",
    "budget": "The run's budget was used up",
}
_MADE = {
    "search": "found by search",
    "diffusion": "generated",
    "code": "drawn by code",
    "edit": "edited",
}


def clean(text: str) -> str:
    """`text` without characters that no file or page may hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def clean_data(value: Any) -> Any:
    """`clean` for every string in plain data."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean_data(key): clean_data(item) for key, item in value.items()}
        case list() | tuple():
            return [clean_data(item) for item in value]
    return value


def line(text: str) -> str:
    """`text` on one line."""
    return " ".join(clean(text).split())


def shortened(text: str, limit: int) -> str:
    """`text`, cut at `limit` characters with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def day(created: str) -> str:
    """An ISO 8601 moment as a date to read: "4 March 2026". What cannot be read stays as it is."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return line(created)
    month = "January February March April May June July August September October November December"
    return f"{moment.day} {month.split()[moment.month - 1]} {moment.year}"


def size(count: int) -> str:
    """A number of bytes to read: "12 kB"."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return (
                f"{amount:.0f} {unit}"
                if amount >= 10 or unit == "bytes"
                else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:.1f} GB"


def dollars(usd: float | None) -> str:
    """A cost to read: "$0.0034"; empty if it is not known."""
    if usd is None or not math.isfinite(usd):
        return ""
    if usd == 0:
        return "free"
    return f"${usd:.2f}" if abs(usd) >= 1 else f"${usd:.2g}"


def bill(costs: Costs) -> str:
    """What a run cost: "$0.043, partly estimated", "at least $0.04 (1 call of unknown cost)"; empty if it was free."""
    if costs.unknown:
        calls = f"{plural(costs.unknown, 'call')} of unknown cost"
        return f"at least {dollars(costs.usd)} ({calls})" if costs.usd else calls
    if not costs.usd:
        return ""
    if not costs.estimated:
        return dollars(costs.usd)
    share = "" if costs.estimated >= costs.usd else "partly "
    return f"{dollars(costs.usd)}, {share}estimated"


def plural(count: int, noun: str) -> str:
    """ "1 figure", "2 figures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def author(document: Document) -> str:
    """Who wrote the text. A program is never presented as a language model."""
    name = line(document.policy)
    if not document.language_model:
        return f"the {name} writer, which is not a language model"
    return name or "an unnamed policy"


def reason(missing: Missing) -> str:
    """Why a figure is missing, as a sentence."""
    said = line(missing.message).rstrip(".")
    return f"{_REASONS[missing.reason]}: {said}." if said else f"{_REASONS[missing.reason]}."


def made_kind(figure: Figure) -> str:
    """The kind that made the picture: after a fallback, not the one that was asked for."""
    if figure.kind == "search" and "query" not in figure.params and "prompt" in figure.params:
        return "diffusion"
    if figure.kind == "diffusion" and "query" in figure.params:
        return "search"
    return figure.kind


def made(figure: Figure) -> str:
    """How the picture came to be: "drawn by code"."""
    if figure.provenance.placeholder:
        return "held by a placeholder"
    return _MADE.get(made_kind(figure), f"made by {line(figure.tool)}")


def tally(document: Document) -> str:
    """ "5 figures: 2 drawn by code, 2 edited, 1 found by search; 1 missing"."""
    counts = Counter(made(figure) for figure in document.figures)
    shares = ", ".join(f"{count} {how}" for how, count in counts.most_common())
    told = plural(len(document.figures), "figure") + (f": {shares}" if shares else "")
    return told + (f"; {len(document.missing)} missing" if document.missing else "")
