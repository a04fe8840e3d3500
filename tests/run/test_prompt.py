"""The system prompt teaches what the strict reader accepts."""

from __future__ import annotations

import pytest

from llmi_agent.contract.kinds import WELL_KNOWN, Kind, Params
from llmi_agent.contract.tool import Failed
from llmi_agent.draft import Dialect, Slot, parse
from llmi_agent.run.prompt import repair_request, system_prompt


class MapParams(Params):
    place: str


OWN = Kind("map", MapParams, "a map of a place.", {"place": "Oslo"}, "A map of Oslo")
KINDS = [*WELL_KNOWN.values(), OWN]
PARAMS = {kind.name: kind.params for kind in KINDS}


@pytest.mark.parametrize("dialect", ["json", "python"])
def test_the_prompts_own_examples_parse_strictly(dialect: Dialect) -> None:
    examples = system_prompt(KINDS, dialect).partition("The kinds:")[2].partition("Rules:")[0]
    slots = parse(examples, PARAMS, inputs=1, dialect=dialect, reader="strict").slots
    assert [slot.kind for slot in slots if isinstance(slot, Slot)] == list(PARAMS)
    for slot, kind in zip(slots, KINDS, strict=True):
        assert isinstance(slot, Slot)
        assert slot.params == kind.example
        assert slot.description == kind.title


def test_the_prompt_names_only_the_kinds_that_are_bound() -> None:
    prompt = system_prompt([OWN])
    assert "`map`" in prompt
    assert "`search`" not in prompt


def test_a_repair_request_says_the_reason_and_the_way_out() -> None:
    failure = Failed("bad_params", "nothing matches 'zebra'")
    request = repair_request(3, "A zebra", failure, {"map": OWN})
    for words in ("Slot 3", "A zebra", "bad_params", "nothing matches 'zebra'", "map", "SKIP"):
        assert words in request
