"""The whole report: which tables and pictures there are, and the sections in order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from llmi_offline.blocks import Block, Figure, WriteSlot, draft_of
from llmi_offline.errors import NeedsAttachment, UnreadableTable
from llmi_offline.facts.study import Study, study
from llmi_offline.phrases import clean, listed, markdown, plain
from llmi_offline.pictures import Look, described, look_at, photo_report
from llmi_offline.sections import opening
from llmi_offline.sections.calendar import calendar
from llmi_offline.sections.course import course, panel
from llmi_offline.sections.grouping import grouping
from llmi_offline.sections.happenings import events
from llmi_offline.sections.holdings import holdings, single_row
from llmi_offline.sections.limits import ORIGIN, limits
from llmi_offline.sections.numbers import numbers
from llmi_offline.sections.standouts import standouts
from llmi_offline.tables import Table, read_table
from llmi_offline.topic import topic_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from llmi_offline.attached import Attached

_MOST_TABLES = 6
_COARSE = ("month", "quarter", "year")


def compose(
    prompt: str, attached: Sequence[Attached], kinds: Collection[str], write_slot: WriteSlot
) -> str:
    """The report on the attached tables, or on the attached pictures if there is no table.

    Raises NeedsAttachment with neither, UnreadableTable if no attached table can be read.
    """
    pictures = [file for file in attached if file.is_picture]
    looks = look_at(pictures)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        tables, faults = _tables(attached)
        if tables:
            blocks = _on_tables(prompt, tables, faults, looks, frozenset(kinds))
        elif looks and not faults:
            blocks = photo_report(topic_of(prompt, [look.name for look in looks]), looks)
        else:
            raise faults[0] if faults else NeedsAttachment(_named(attached))
    return draft_of(blocks, frozenset(kinds), len(pictures), write_slot)


def _tables(attached: Sequence[Attached]) -> tuple[list[Table], list[UnreadableTable]]:
    tables: list[Table] = []
    faults: list[UnreadableTable] = []
    for file in attached:
        if file.is_table:
            try:
                tables.append(read_table(file.name, file.data))
            except UnreadableTable as fault:
                faults.append(fault)
    return tables, faults


def _named(attached: Sequence[Attached]) -> str:
    return listed([clean(file.name) for file in attached[:3]])


def _on_tables(
    prompt: str,
    tables: Sequence[Table],
    faults: Sequence[UnreadableTable],
    looks: Sequence[Look],
    kinds: frozenset[str],
) -> list[Block]:
    topic = topic_of(prompt, [table.name for table in tables])
    studies = [study(table, prompt) for table in tables[:_MOST_TABLES]]
    first = studies[0]
    title = opening.title(topic, studies)
    photo = opening.photograph(topic, first) if "search" in kinds else None
    scene = opening.illustration(topic) if "diffusion" in kinds else None
    blocks: list[Block] = [f"# {markdown(title)}", scene or "", *_leads(studies)]
    blocks += _attached_pictures(looks)
    for seen in studies:
        blocks += _sections(
            seen, photo if seen is first else None, "##" if len(studies) == 1 else "###"
        )
    blocks += ["## What this report cannot say", *_faults(tables, faults), limits(studies)]
    chart = next((b for b in blocks if isinstance(b, Figure) and b.kind == "code"), None)
    if "code" in kinds and "search" in kinds and chart:  # nothing found to close with: the chart
        scene = None
    blocks += [*_ending(chart, looks, photo or scene, title), ORIGIN]
    return [block for block in blocks if isinstance(block, Figure) or block.strip()]


def _leads(studies: Sequence[Study]) -> list[Block]:
    if len(studies) == 1:
        return [opening.lead(studies[0])]
    names = listed([f"*{markdown(seen.table.name)}*" for seen in studies])
    told = f"This page describes {names}, one after the other."
    return [f"{told} {opening.lead(studies[0], alone=False)}".strip()]


def _attached_pictures(looks: Sequence[Look]) -> list[Block]:
    return [described(look) for look in looks[:3]]


def _sections(seen: Study, photo: Figure | None, mark: str) -> list[Block]:
    if len(seen.frame) == 1:
        name: list[Block] = [] if mark == "##" else [f"## {markdown(seen.table.name)}"]
        return [*name, f"{mark} What the data holds", *single_row(seen), photo or ""]
    parts: list[tuple[str, list[Block]]] = [
        ("What the data holds", [*holdings(seen), photo or ""]),
        ("How it moves over time", _over_time(seen)),
        ("How the groups compare", grouping(seen)),
        ("How the numbers go together", numbers(seen)),
    ]
    drawn = sum(isinstance(block, Figure) for _, content in parts for block in content)
    few = drawn - (photo is not None) < 1
    parts.append(("What stands out", standouts(seen, few=few)))
    blocks: list[Block] = [] if mark == "##" else [f"## {markdown(seen.table.name)}"]
    for heading, content in parts:
        if any(isinstance(block, Figure) or block.strip() for block in content):
            blocks += [f"{mark} {heading}", *content]
    return blocks


def _over_time(seen: Study) -> list[Block]:
    clock = seen.clock
    if not clock:
        return []
    if clock.panel:
        shown = panel(seen, clock)
        if shown:
            return shown
    if not clock.single and not (clock.dense and clock.grain in _COARSE):
        return events(seen, clock)
    return (calendar(seen, clock) if seen.rhythmic else []) or course(seen, clock)


def _ending(
    chart: Figure | None,
    looks: Sequence[Look],
    picture: Figure | None,
    title: str,
) -> list[Block]:
    """One edit: of the attached picture, else of the one found or painted, else of the first chart."""
    if looks:
        return [opening.titled(looks[0].index, title, plain(looks[0].name))]
    if picture:
        return [opening.panorama(picture)]
    return [opening.print_copy(chart)] if chart else []


def _faults(tables: Sequence[Table], faults: Sequence[UnreadableTable]) -> list[str]:
    told = [markdown(fault) for fault in faults[:3]]
    rest = len(tables) - _MOST_TABLES
    if rest > 0:
        told.append(
            f"Only the first {_MOST_TABLES} tables are described; {rest} more were attached."
        )
    return told
