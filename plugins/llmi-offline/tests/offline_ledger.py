"""Accounts for every number in a report: each must be claimed by a rule that computes it anew."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date

import llmi_offline
from llmi_agent.testing import slot

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
MONTH = f"(?:{'|'.join(MONTHS)})"
DAY = rf"\d{{1,2}} {MONTH} \d{{4}}"
NUMBER = r"\N{MINUS SIGN}?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_TOKEN = re.compile(rf"{NUMBER}|\b(?:two|three|four|five|six|seven|eight|nine|ten)\b")
_SLOT = re.compile(r"<imgen>(.*?)</imgen>", re.DOTALL)

Rule = tuple[str, Callable[[re.Match[str]], Iterable[object]]]


def write_report(
    prompt: str, attached: Sequence[llmi_offline.Attached], kinds: Collection[str]
) -> str:
    """The report with its slots in canonical form."""
    return llmi_offline.write_report(
        prompt, attached, kinds, lambda kind, title, params: slot(kind, title, **params)
    )


def slots(draft: str) -> list[dict]:
    return [json.loads(payload) for payload in _SLOT.findall(draft)]


def prose(draft: str) -> str:
    """The text, then the captions, one a line: all that a reader sees besides the pictures."""
    captions = [slot["description"] for slot in slots(draft)]
    return _SLOT.sub("", draft) + "\n" + "\n".join(captions)


def code(draft: str) -> list[str]:
    return [slot["params"]["code"] for slot in slots(draft) if slot["source"] == "code"]


def three(value: float) -> str:
    """Three significant figures, whole numbers from 100."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(float(f"{value:.2e}"))))
    return f"{value:,.{max(0, 2 - size)}f}".replace("-", "\N{MINUS SIGN}")


def exact(value: float) -> str:
    whole = float(value).is_integer()
    return (f"{int(value):,}" if whole else f"{value:,}").replace("-", "\N{MINUS SIGN}")


def two(r: float) -> str:
    places = 4 if 0.995 <= abs(r) < 1 else 2
    return f"{r:.{places}f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def day(when: date) -> str:
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def audit(text: str, rules: Iterable[Rule]) -> list[str]:
    """What is wrong: numbers that differ from the recomputed ones, numbers that no rule claims."""
    claimed: set[int] = set()
    faults: list[str] = []
    for pattern, compute in rules:
        found = list(re.finditer(pattern, text))
        if not found:
            faults.append(f"no sentence like: {pattern}")
        for match in found:
            expected = [str(value) for value in compute(match)]
            if list(match.groups()) != expected:
                faults.append(f"{match[0]!r}: {list(match.groups())} should be {expected}")
            for group in range(1, len(match.groups()) + 1):
                claimed.update(range(*match.span(group)))
    faults += [
        f"unclaimed {token[0]!r} in {text[max(0, token.start() - 60) : token.end() + 30]!r}"
        for token in _TOKEN.finditer(text)
        if not claimed.issuperset(range(*token.span()))
    ]
    return faults
