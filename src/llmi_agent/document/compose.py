"""From a draft and its verdicts to the document: figures are numbered, missing ones said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from llmi_agent.base.errors import InputError
from llmi_agent.document.model import Block, Document, Figure, Missing, TextBlock, title_of
from llmi_agent.document.notes import notes
from llmi_agent.document.tables import whole_tables
from llmi_agent.draft import BadSlot, Draft, Slot, Text, blocks_of
from llmi_agent.records.events import SlotPlanned
from llmi_agent.records.known import Known
from llmi_agent.records.outcome import Dropped, Filled, Kept

UNSETTLED = Dropped(reason="cancelled", message="the run ended before there was a picture")


def compose(
    episode: str, known: Known, draft: Draft, verdicts: Mapping[int, Kept | Dropped], created: float
) -> Document:
    """The document of an episode, of which this is on record, and whose slots came to these verdicts.

    created: seconds since the epoch.
    """
    assert known.opened is not None, "an episode begins with what it was opened with"
    costs = known.costs
    inputs = len(known.opened.inputs)
    kept = [slot for slot in draft.slots if isinstance(verdicts[slot.index], Kept)]
    numbers = {slot.index: number for number, slot in enumerate(kept, 1)}
    blocks: list[Block] = []
    for block in whole_tables(draft.blocks, partial(_named, numbers)):
        if isinstance(block, Text):
            if block.text.strip():
                blocks.append(TextBlock(markdown=block.text.strip("\n")))
            continue
        verdict = verdicts[block.index]
        if isinstance(verdict, Kept):
            usd = costs.of_slot(block.index)
            blocks.append(_figure(block.index, verdict, numbers, inputs, usd))
        else:
            blocks.append(_missing(block, verdict))
    writer = known.writer
    is_model = writer is None or writer.language_model
    texts = [block.markdown for block in blocks if isinstance(block, TextBlock)]
    return Document(
        title=title_of(texts, known.opened.prompt),
        prompt=known.opened.prompt,
        policy=(writer.model if writer else "") or known.model,
        language_model=is_model,
        episode=episode,
        created=datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds"),
        attachments=known.opened.attachments,
        bindings=known.bindings,
        costs=costs,
        cut=known.cut,
        notes=tuple(notes(draft, known.opened.prompt)) if is_model else (),
        blocks=tuple(blocks),
    )


def recompose(episode: str, known: Known, created: float) -> Document:
    """The document again, from the records alone: no tool, no model, no reader of drafts is asked.

    Raises InputError if the draft is not complete on record.
    """
    draft = draft_of(episode, known)
    last = {slot: each.verdict for slot, each in known.settled.items()}
    verdicts = {slot.index: last.get(slot.index, UNSETTLED) for slot in draft.slots}
    return compose(episode, known, draft, verdicts, created)


def draft_of(episode: str, known: Known) -> Draft:
    """The draft on record, as it was read. Raises InputError if it is not complete."""
    source = known.draft
    if known.opened is None or source is None or known.read is None:
        raise InputError(f"there is no complete draft on record of the run {episode}")
    slots = (_slot(source, each) for each in known.planned.values())
    return Draft(blocks_of(source, slots, known.read.texts, known.read.wrapper))


def _slot(source: str, planned: SlotPlanned) -> Slot | BadSlot:
    start, end = planned.span
    if planned.reason:
        return BadSlot(planned.slot, source[start:end], planned.reason, planned.span)
    return Slot(planned.slot, planned.kind, planned.description, {}, planned.span)


def _named(numbers: Mapping[int, int], slot: Slot | BadSlot) -> str:
    """What stands for a figure where none can."""
    number = numbers.get(slot.index)
    return f"Figure {number}" if number else "(figure missing)"


def _figure(
    slot: int, verdict: Kept, numbers: Mapping[int, int], inputs: int, usd: float | None
) -> Figure:
    source = verdict.params.get("img_index")
    return Figure(
        **{name: getattr(verdict, name) for name in Filled.model_fields},
        number=numbers[slot],
        slot=slot,
        edited_from=numbers.get(source - inputs) if isinstance(source, int) else None,
        usd=usd,
    )


def _missing(slot: Slot | BadSlot, verdict: Dropped) -> Missing:
    return Missing(
        slot=slot.index,
        kind=slot.kind if isinstance(slot, Slot) else "",
        caption=slot.description if isinstance(slot, Slot) else "",
        reason=verdict.reason,
        message=verdict.message,
        attempts=verdict.attempts,
    )
