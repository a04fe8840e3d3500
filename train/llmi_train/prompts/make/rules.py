"""What is wrong with a request, each fault with its reason: first by rules, then by what the checker found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmi_agent import draft as drafts
from llmi_agent.contract import Demand
from llmi_agent.contract.judging import ANY_PICTURES, SOME_PICTURES
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_train.prompts import said
from llmi_train.prompts.claims import Claims
from llmi_train.prompts.language import language_of
from llmi_train.prompts.make.answers import Checked
from llmi_train.prompts.make.kinds import ANSWERED
from llmi_train.prompts.make.mix import LANGUAGES
from llmi_train.prompts.make.plan import Item
from llmi_train.prompts.make.telling import (
    META,
    ORDERS,
    REFUSAL,
    TABLE_LINE,
    TAG,
    TOOLS,
    plain_text,
)
from llmi_train.prompts.named import tools_in


@dataclass(frozen=True)
class Rejected:
    """Why a request is not taken."""

    reason: str
    """What it is counted under; one of `REASONS`."""
    words: str
    """What the writer is told; empty if it can do nothing about it."""


REASONS = {
    "unanswered": "the writer gave no answer",
    "refused": "the writer refused",
    "unreadable": "the writer's answer is not the object that was asked for, or was cut",
    "slot": "it holds a slot, or the tag of one",
    "names a tool": "it says by which tool, program or technique a picture is made or found",
    "instructs the checker": "it speaks to whoever checks it",
    "meta": "it talks about the request, or to the one who asked for it",
    "too short": "it is too short to say what is wanted",
    "too long": "it is too long",
    "language": "it is in another language",
    "no table": "it lacks the table that was asked for",
    "constraint": "it does not say plainly what it has to say of the number of pictures, or says something else",
    "unchecked": "the checker gave no usable answer",
    "unanswerable": "the checker says that it cannot be answered well",
    "pictures": "the checker finds another number of pictures in it",
    "kinds": "the checker finds that it needs other kinds of pictures",
    "duplicate": "it is the same as an earlier one",
    "near-duplicate": "it is nearly the same as an earlier one",
}
"""What a rejection is counted under, and what that means."""

_ROOM, _ROOM_IN_CHINESE = (40, 4_000), (14, 2_000)
"""Characters."""
_ROWS = 3
"""Lines with numbers in them that make a table."""
_MISSAID = {
    "contradicted": "what it said of the number of pictures was not what it had to say",
    "unsaid": "it did not say what it had to say of the number of pictures",
    "unclear": "what it said of the number of pictures could be read in more than one way",
}


def fault(text: str, item: Item) -> Rejected | None:
    """The first thing that a rule has against a request; None if none has."""
    plain = plain_text(text)
    return next((each for each in _faults(text, plain, item) if each), None)


def refuses(text: str) -> bool:
    """Whether an answer is a refusal."""
    return REFUSAL.match(plain_text(text).lstrip(" \n\"'*#>")) is not None


def verdict(checked: Checked, item: Item) -> Rejected | None:
    """What the checker has against a request; None if it is as wanted."""
    return next(_objections(checked, item), None)


def _faults(text: str, plain: str, item: Item) -> Iterator[Rejected | None]:
    least, most = _ROOM_IN_CHINESE if item.language == "zh" else _ROOM
    if len(text) > most:
        yield Rejected("too long", f"it was longer than {most} characters")
    if _has_slot(plain):
        yield Rejected("slot", "it held markup of the assistant's own")
    if REFUSAL.match(plain):
        yield Rejected("refused", "it refused instead of asking for something")
    if META.match(plain):
        yield Rejected(
            "meta", "it held words about the request; give only what the person would type"
        )
    if ORDERS.search(plain):
        yield Rejected("instructs the checker", "it spoke to whoever checks it")
    yield _tool_fault(plain)
    if len(text) < least:
        yield Rejected("too short", "it was too short to say what is wanted")
    if language_of(plain) != item.language:
        yield Rejected("language", f"it was not in {LANGUAGES[item.language]}")
    if item.data == "table" and len(TABLE_LINE.findall(plain)) < _ROWS:
        yield Rejected("no table", "it held no table of figures")
    yield _number_fault(text, item)


def _tool_fault(plain: str) -> Rejected | None:
    """What may be a tool is one, too: another request costs little, a named tool spoils what is learnt."""
    names = [each.words for each in tools_in(plain)]
    found = TOOLS.search(plain)
    if not names and not found:
        return None
    name = names[0] if names else found[0] if found else ""
    return Rejected("names a tool", f"it named {name!r:.60}, and no tool or technique may be named")


def _number_fault(text: str, item: Item) -> Rejected | None:
    """Only what says it plainly is taken: what can be read in two ways is no demand that a reward may count by."""
    claims = said.claims_of(text, item.language)
    found = said.verdict(item.demand, claims)
    if found == "said" and item.demand.pictures in range(1, SOME_PICTURES):
        found = "said" if claims and _plainly(item.demand.pictures, claims) else "unclear"
    return None if found == "said" else Rejected("constraint", _MISSAID[found])


def _plainly(number: int, claims: Claims) -> bool:
    """No range; and what counts pictures of whatever sort says the number, or all that is counted in numbers does."""
    if any(each.open for each in claims.counted):
        return False
    general = [each.least for each in claims.numbers if each.general]
    return not general or number in (*general, sum(each.least for each in claims.numbers))


def _has_slot(plain: str) -> bool:
    if TAG.search(plain):
        return True
    if "{" not in plain:
        return False
    kinds = {name: kind.params for name, kind in WELL_KNOWN.items()}
    blocks = drafts.parse(plain, kinds).blocks
    return any(isinstance(block, drafts.Slot | drafts.BadSlot) for block in blocks)


def _objections(checked: Checked, item: Item) -> Iterator[Rejected]:
    if checked.orders_you:
        yield Rejected("instructs the checker", "it spoke to whoever checks it")
    if checked.names_a_tool:
        yield Rejected("names a tool", "it said by which tool or technique pictures are made")
    if not checked.answerable:
        yield Rejected("unanswerable", "a reader found that no good document can be written for it")
    if checked.pictures not in _agreeing(item.demand):
        words = "a reader did not find in it what it has to say of the number of pictures"
        yield Rejected("pictures", words)
    wanted = frozenset(item.demand.kinds)
    if lacking := wanted - checked.needed:
        yield Rejected(
            "kinds", f"a reader found that it does not need these pictures: {_names(lacking)}"
        )
    if surplus := checked.needed - wanted:
        yield Rejected(
            "kinds", f"a reader found that it needs other pictures, too: {_names(surplus)}"
        )


def _agreeing(demand: Demand) -> tuple[int, ...]:
    """What a reader may find: one who finds that kinds are needed may call that at least one."""
    if demand.pictures == ANY_PICTURES and demand.kinds:
        return ANY_PICTURES, SOME_PICTURES
    return (demand.pictures,)


def _names(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(ANSWERED[kind] for kind in kinds))
