"""Each call has a seed of its own, and the same one wherever and whenever it is made."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import ToolCall, ToolContext, ToolResult
from llmi_agent.host.registry import registry_of
from llmi_agent.records.journal import journal_beside
from llmi_agent.run.seeds import call_seed, member_seed
from llmi_agent.run.session import Session
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, make_call


def test_no_two_calls_of_a_group_share_a_seed() -> None:
    grid = list(product([0, 1, -1, 2**40], [None, *range(40)], range(20), range(5)))
    seeds = {call_seed(member_seed(seed, member), slot, n) for seed, member, slot, n in grid}
    assert len(seeds) == len(grid)
    assert all(0 <= each < 2**31 for each in seeds)


def test_no_two_members_share_a_seed() -> None:
    members = {member_seed(seed, member) for seed in range(10) for member in range(5_000)}
    assert len(members) == 50_000
    assert all(0 <= each < 2**53 for each in members)


def test_seeds_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert (call_seed(0, 0, 0), call_seed(-3, 1, 2), call_seed(2**70, 0, 1)) == (
        1583385222,
        490757935,
        323961955,
    )
    assert (member_seed(7, None), member_seed(7, 0), member_seed(7, 1)) == (
        7,
        7075867863950758,
        8572336909000583,
    )


async def seeds_of(folder: Path, seed: int, calls: list[dict[str, Any]], **spec: Any) -> list[int]:
    """The seeds that a tool is given in a run with the seed `seed`."""
    given: list[int] = []

    def note(call: ToolCall, context: ToolContext) -> ToolResult:
        given.append(context.seed)
        return tool.picture(call, context)

    tool = FakeTool("fake", "search", [note], **spec)
    store = ArtifactStore(folder)
    registry = registry_of(tool)
    toolkit = Toolkit(
        registry, registry.bind({}, {}), store, journal_beside(store), Options(seed=seed)
    )
    made = make_call(tool.spec, query="cats")
    async with Session("e", toolkit) as session:
        for each in calls:
            await session.result(replace(made, **each))
    return given


async def test_a_tool_is_given_a_seed_for_the_slot_and_the_attempt(tmp_path: Path) -> None:
    calls = [{"slot": 0}, {"slot": 1}, {"slot": 0, "attempt": 1}]
    given = await seeds_of(tmp_path / "a", 5, calls)
    assert given == [call_seed(5, 0, 0), call_seed(5, 1, 0), call_seed(5, 0, 1)]
    assert await seeds_of(tmp_path / "b", 5, calls[::-1]) == given[::-1]


async def test_a_tool_that_uses_no_seed_sees_none(tmp_path: Path) -> None:
    assert await seeds_of(tmp_path, 5, [{"slot": 0}, {"slot": 1}], uses_seed=False) == [0, 0]
