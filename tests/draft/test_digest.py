"""By what a slot is told from others."""

from __future__ import annotations

from llmi_agent.draft import BadSlot, Slot, slot_digest


def test_a_verdict_holds_for_its_slot_wherever_it_stands_and_for_those_on_record_before_slots_knew_that() -> (
    None
):
    for place in ((0, 0), (3, 70)):
        assert slot_digest(Slot(0, "search", "t", {"query": "q"}, place)) == "7717fd32e819f397"
        assert slot_digest(BadSlot(0, "<imgen>", "why", place)) == "fbc0f193b4fc79aa"
