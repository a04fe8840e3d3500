"""The card of a set of prompts: what is in it, how it came to be, what it cost, and what it is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from llmi_agent.base.text import one_line
from llmi_agent.document.render.wording import bill
from llmi_agent.records.costs import Costs
from llmi_train.prompts.make.kept import Spending
from llmi_train.prompts.make.mix import LANGUAGES
from llmi_train.prompts.make.plan import Item, said_of
from llmi_train.prompts.make.rules import REASONS

FOR = (
    "It is for training and comparing policies that write documents with pictures, with rewards that count pictures and look "
    "at their kinds: what each prompt demands was drawn before the prompt was written, was looked for in it by a rule, and was "
    "found in it by the checker, who was not told it."
)
NOT_FOR = (
    "The requests are a language model's idea of what people ask for, and share its habits and its errors: they are no sample of "
    "what people do ask, and nothing to learn facts or to judge knowledge by. Figures in their tables are made up. That the "
    "checker agreed is no proof: read a sample. Near-duplicates within the set are left out; likeness to other sets, such as "
    "those that a policy is evaluated on, was not looked for."
)


class Share(BaseModel):
    """How many were made, of how many that the mix wants."""

    model_config = ConfigDict(frozen=True)

    wanted: int
    made: int


class Voice(BaseModel):
    """A model that was asked."""

    model_config = ConfigDict(frozen=True)

    asked: str
    """The name that it was asked for by."""
    answered: dict[str, int]
    """Answers by who gave them, as the vendor says."""


class Card(BaseModel):
    """All of it, as JSON has it."""

    model_config = ConfigDict(frozen=True)

    wanted: int
    made: int
    pictures: dict[str, Share]
    kinds: dict[str, Share]
    """By kinds that are needed together; "none" where there are none."""
    languages: dict[str, Share]
    data: dict[str, Share]
    """Of those with a chart: where its numbers come from."""
    topics: dict[str, int]
    splits: dict[str, int]
    attachments: int
    rejected: dict[str, int]
    """Requests that were not taken, by reason."""
    failed_checks: int
    """Answers of the checker that were none; it was asked again."""
    writer: Voice
    checker: Voice
    same_model: bool
    """Whoever wrote also checked."""
    seed: int
    split: str
    cost: Spending
    """Of all answers, those included that were not taken."""
    ended: str
    """Why it is not all there; empty if it is."""
    mix: dict[str, Any]


def shares(plan: Sequence[Item], made: Iterable[Item]) -> dict[str, dict[str, Share]]:
    """What the mix wants and what was made of it, for the card."""
    made = list(made)
    return {name: _counted(of, plan, made) for name, of in _FACETS.items()}


def _pictures(item: Item) -> str | None:
    return said_of(item.demand.pictures)


def _kinds(item: Item) -> str | None:
    return "+".join(item.demand.kinds) or "none"


def _language(item: Item) -> str | None:
    return item.language


def _data(item: Item) -> str | None:
    return item.data if "code" in item.demand.kinds else None


_FACETS = {"pictures": _pictures, "kinds": _kinds, "languages": _language, "data": _data}


def _counted(
    of: Callable[[Item], str | None], plan: Sequence[Item], made: Sequence[Item]
) -> dict[str, Share]:
    wanted = Counter(name for item in plan if (name := of(item)) is not None)
    got = Counter(name for item in made if (name := of(item)) is not None)
    return {name: Share(wanted=wanted[name], made=got[name]) for name in sorted(wanted, key=_order)}


def _order(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return 1e9, name


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Most first, and by name among equals."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def card_in_markdown(card: Card, name: str) -> str:
    """For people. name: the file's."""
    return "\n".join(_lines(card, name)) + "\n"


def _lines(card: Card, name: str) -> Iterator[str]:
    yield f"# {_cell(name)}: prompts to train on"
    yield ""
    yield f"{card.made:,} of {card.wanted:,} prompts, made by `llmi-train prompts make`. {card.ended}".rstrip()
    yield ""
    yield from _paragraphs(FOR, NOT_FOR)
    yield "## How it was made"
    yield ""
    yield f"- writer: {_voice(card.writer)}"
    same = (
        "; the same model, so its errors go unseen where it errs twice" if card.same_model else ""
    )
    yield f"- checker: {_voice(card.checker)}{same}"
    yield f"- seed {card.seed}, split {card.split}"
    yield f"- cost: {_cost(card.cost)}"
    yield f"- checks that gave no usable answer, and were asked again: {card.failed_checks:,}"
    yield ""
    yield from _share_table("Number of pictures (-1 none, 0 open, Inf at least one)", card.pictures)
    yield from _share_table("Kinds of pictures", card.kinds)
    yield from _share_table(
        "Languages", {LANGUAGES.get(n, n): s for n, s in card.languages.items()}
    )
    yield from _share_table("Numbers of charts", card.data)
    yield from _count_table("Splits", card.splits)
    yield from _count_table("Requests that were not taken", card.rejected, REASONS)
    yield from _count_table("Topics", card.topics)


def _paragraphs(*texts: str) -> Iterator[str]:
    for text in texts:
        yield text
        yield ""


def _share_table(title: str, rows: Mapping[str, Share]) -> Iterator[str]:
    if not rows:
        return
    yield f"## {title}\n\n| | wanted | made |\n|---|---:|---:|"
    for name, share in rows.items():
        yield f"| {_cell(name)} | {share.wanted:,} | {share.made:,} |"
    yield ""


def _count_table(
    title: str, rows: Mapping[str, int], words: Mapping[str, str] | None = None
) -> Iterator[str]:
    if not rows:
        return
    yield f"## {title}\n\n| | |\n|---|---:|"
    for name, count in rows.items():
        meaning = f": {words[name]}" if words and name in words else ""
        yield f"| {_cell(name)}{meaning} | {count:,} |"
    yield ""


def _voice(voice: Voice) -> str:
    answered = ", ".join(
        f"{_cell(name)} ({count:,} answers)" for name, count in voice.answered.items()
    )
    return f"{_cell(voice.asked)}, answered by {answered or 'nobody'}"


def _cost(spent: Spending) -> str:
    costs = Costs(usd=spent.usd, estimated=spent.estimated, unknown=spent.unknown)
    return bill(costs) or "nothing"


def _cell(text: str) -> str:
    """A name of others as one cell of a table."""
    return one_line(text, 200).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
