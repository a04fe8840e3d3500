"""Runs that a former LLMI has on record are listed, gone on with and reused as if they were today's."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.document.compose import recompose
from llmi_agent.document.model import Document
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.registry import Registered, Registry
from llmi_agent.records.cache import Cache
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.record import SCHEMA
from llmi_agent.runner.episodes import Episodes
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import ScriptedModel, slot
from llmi_graphs import build_graph

DATA = Path(__file__).parent / "data"
PRICE = 0.25
"""Of a call, by what the tool says; 0.3 were set aside."""


class Past:
    """The store of the former LLMI, and its tools and model as they are now."""

    def __init__(self, store: ArtifactStore, calls: list[str], make: Any) -> None:
        self.store, self.calls, self._make = store, calls, make
        self.model = ScriptedModel(script=["# Anew\n\n" + slot("search", "One", query="anew")])

    def graph(self, **options: Any) -> Any:
        return build_graph(
            model=self.model,
            tools=Registry([self._tool(kind) for kind in ("search", "edit", "diffusion")], _host()),
            store=self.store,
            secrets={},
            options=Options(
                retry_wait=0.0,
                prices={"ScriptedModel": ModelPrice(input=1.0, output=2.0)},
                **options,
            ),
        )

    def _tool(self, kind: str) -> Registered:
        spec = ToolSpec(
            name=f"former_{kind}",
            kind=kind,
            description="a tool",
            load="former_tool:Former",
            usd=0.3,
            uses_seed=False,
        )
        return Registered(spec, "p", distribution="p", version="1", make=self._make)

    @property
    def episodes(self) -> Episodes:
        return Episodes(self.store)

    def episode(self, prompt: str) -> str:
        return {each.prompt: each.episode for each in self.episodes.listed(9)}[prompt]

    async def resumed(self, prompt: str, **options: Any) -> Document:
        answer = await self.graph(**options).ainvoke({"resume": self.episode(prompt)})
        return Document.model_validate(answer["document"])


def _host() -> PluginHost:
    return PluginHost(strict=True)


def restored(folder: Path) -> None:
    """The journal and the pictures, where a store keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "journal.db") as connection:
        connection.executescript((DATA / "former_runs.sql").read_text())
        for digest, data in connection.execute("SELECT digest, data FROM pictures"):
            path = folder / digest[:2] / digest
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        connection.execute("DROP TABLE pictures")
    connection.close()


@pytest.fixture
def past(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.delitem(sys.modules, "former_tool", raising=False)
    import former_tool  # type: ignore[import-not-found]

    restored(store.root)
    return Past(store, former_tool.CALLS, former_tool.Former)


def test_they_are_listed(past: Past) -> None:
    listed = {each.prompt: each for each in past.episodes.listed(9)}
    states = {p: (e.done, e.drafted, e.settled, e.calls) for p, e in listed.items()}
    assert states == {
        "Done.": (True, True, 2, 2),
        "Writing.": (False, False, 1, 1),
        "A job.": (False, True, 2, 3),
        "Repaired.": (False, True, 3, 5),
    }
    assert {each.model for each in listed.values()} == {"ScriptedModel"}


async def test_a_finished_one_is_the_same_again(past: Past) -> None:
    document = await past.resumed("Done.")
    assert [figure.caption for figure in document.figures] == ["One", "Two"]
    assert document.figures[1].edited_from == 1
    assert document.costs.usd > 2 * PRICE
    assert document.costs.unknown == 0
    assert (past.calls, past.model.asked) == ([], [])
    known = past.episodes.known(document.episode)
    assert known is not None
    assert known.read is not None
    again = recompose(document.episode, known, 0.0)
    assert again.model_copy(update={"created": document.created}) == document


async def test_one_that_was_cut_while_the_model_wrote_asks_for_the_draft_alone(past: Past) -> None:
    before = past.episodes.known(past.episode("Writing."))
    assert before is not None
    past.model.script = ["# Anew\n\n" + slot("search", "One", query="one ahead")]
    document = await past.resumed("Writing.")
    assert document.title == "Anew"
    assert [figure.caption for figure in document.figures] == ["One"]
    assert (past.calls, len(past.model.asked)) == ([], 1)
    drafts = [each for each in document.costs.charges if each.call == "model"]
    assert [each.usd is None for each in drafts] == [True, False], "the first may have been paid"


async def test_a_vendors_job_is_picked_up(past: Past) -> None:
    document = await past.resumed("A job.")
    assert [figure.caption for figure in document.figures] == ["One", "Two", "Three"]
    assert (past.calls, past.model.asked) == (["job [job-7]"], [])
    assert [each.usd for each in document.costs.charges if each.call == "tool"] == [PRICE] * 3


async def test_a_repair_is_not_asked_again_and_what_was_set_aside_is_counted(past: Past) -> None:
    document = await past.resumed("Repaired.")
    assert [figure.caption for figure in document.figures] == ["Mended", "Three", "Four"]
    assert [missing.reason for missing in document.missing] == ["refused"]
    assert (past.calls, past.model.asked) == (["hang"], [])
    charges = Counter(
        (each.name, each.slot, each.usd) for each in document.costs.charges if each.call == "tool"
    )
    assert charges["former_diffusion", 3, None] == 1, "the call that was cut may have been paid"
    assert charges["former_diffusion", 3, PRICE] == 1


async def test_what_was_set_aside_is_held_against_the_budget(past: Past) -> None:
    document = await past.resumed("Repaired.", budget=1.3)
    assert [missing.reason for missing in document.missing] == ["refused", "budget"]
    assert past.calls == []


async def test_a_document_goes_on_from_a_finished_one(past: Past) -> None:
    past.model.script = ["# Blue\n\n" + slot("edit", "Blue", img_index=1, prompt="blue")]
    request = {"messages": [HumanMessage("Blue.")], "continues": past.episode("Done.")}
    answer = await past.graph().ainvoke(request)
    (figure,) = Document.model_validate(answer["document"]).figures
    assert figure.caption == "Blue"
    asked = "\n".join(message.text for message in past.model.asked[0])
    assert "[Figure 1: One]" in asked
    assert "Words." in asked


async def test_its_results_are_found_again(past: Past) -> None:
    past.model.script = ["# T\n\n" + slot("search", "One", query="one")]
    answer = await past.graph(cache=True).ainvoke({"messages": [HumanMessage("Again.")]})
    (figure,) = Document.model_validate(answer["document"]).figures
    assert figure.usd == 0.0
    assert past.calls == []


def test_the_cache_counts_and_clears_them(past: Past) -> None:
    cache = Cache(journal_beside(past.store), past.store)
    contents = cache.contents()
    assert (contents.runs, contents.files.files) == (4, 7)
    assert set(contents.reusable) == {"former_search", "former_edit"}
    cleared = cache.clear(runs=True)
    assert (cleared.runs, cleared.running) == (4, 0)
    assert past.episodes.listed(9) == []


def test_they_are_of_the_schema_before(past: Past) -> None:
    journal = Journal(past.store.root / "journal.db")
    schemas = {each.schema for run in journal.episodes() for each in journal.read(run)}
    assert schemas == {1}
    assert SCHEMA > 1
    journal.close()
