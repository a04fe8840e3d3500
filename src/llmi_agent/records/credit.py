"""What a picture that was made from another one owes it: credit, and its name. Nothing else is inherited."""

from __future__ import annotations

from dataclasses import replace

from llmi_agent.contract.tool import Provenance

_OWNER = ("creator", "attribution")
_LICENCE = ("licence", "licence_url")


def derived(own: Provenance, source: Provenance, name: str) -> Provenance:
    """The provenance of an edit: `own`, as its tool says it, with the credit of the picture that it was made from.

    The owner comes with the owner's page, the licence with its text: what the tool says itself is not mixed with the
    source's. A picture made from a placeholder is one.

    name: what the source is called, in words for people.
    """
    kept = {field: getattr(source, field) for field in _credited(own)}
    if "creator" in kept:
        kept["page_url"] = source.page_url or own.page_url
    placeholder = own.placeholder or source.placeholder
    return replace(own, **kept, placeholder=placeholder, made_from=name)


def _credited(own: Provenance) -> tuple[str, ...]:
    """The fields that are the source's: all of a group of which the tool says nothing."""
    groups = (_OWNER, _LICENCE)
    return tuple(
        field
        for group in groups
        if not any(getattr(own, each) for each in group)
        for field in group
    )
