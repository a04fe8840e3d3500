"""The cache: what is found again, what is not, and what clearing it leaves alone."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
import types
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.tool import (
    Attachment,
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolResult,
)
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.registry import Registered, Registry, registry_of
from llmi_agent.records import cache
from llmi_agent.records.cache import GRACE_SECONDS, Cache
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.records.outcome import Candidate, Finished, Outcome
from llmi_agent.records.record import Entry
from llmi_agent.run.call_ends import end
from llmi_agent.run.seeds import member_seed
from llmi_agent.run.session import Session
from llmi_agent.run.toolkit import Toolkit
from llmi_agent.store import artifacts
from llmi_agent.store.artifacts import ArtifactStore, Size
from llmi_agent.testing import FakeTool, ScriptedModel, make_call, random_png, slot
from llmi_graphs import build_graph

DAY = 86_400.0
ALWAYS = Options(cache=True)
OLD_TABLE = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY, episode TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX records_of_episode ON records (episode, id);
"""
"""As LLMI made it before there was a cache."""


@dataclass
class Runs:
    """Runs of one installed tool in one store, each in an episode of its own."""

    store: ArtifactStore
    tool: FakeTool
    events: list[dict[str, Any]] = field(default_factory=list)

    def registry(self, *hooks: object, **of_plugin: Any) -> Registry:
        installed = Registered(
            self.tool.spec,
            "p",
            **{"distribution": "p", "version": "1", **of_plugin},
            make=self.made,
        )
        host = PluginHost(strict=True)
        for number, hook in enumerate(hooks):
            host.add(hook, f"hooks-{number}")
        return Registry([installed], host)

    def session(
        self,
        episode: str,
        *hooks: object,
        attachments: tuple[Attachment, ...] = (),
        of_plugin: dict[str, Any] | None = None,
        registry: Registry | None = None,
        **of_toolkit: Any,
    ) -> Session:
        registry = registry or self.registry(*hooks, **(of_plugin or {}))
        bindings = registry.bind({}, {})
        journal = journal_beside(self.store)
        toolkit = Toolkit(registry, bindings, self.store, journal, **of_toolkit)
        return Session(episode, toolkit, attachments, emit=lambda e: self.events.append(dict(e)))

    async def run(
        self, episode: str, *hooks: object, call: ToolCall | None = None, **of_session: Any
    ) -> Outcome:
        async with self.session(episode, *hooks, **of_session) as session:
            return await session.result(replace(call or self.call(), episode=episode))

    def call(self, query: str = "cats", **fields: Any) -> ToolCall:
        return make_call(self.tool.spec, query=query, **fields)

    def made(self) -> FakeTool:
        return self.tool

    def kinds(self, episode: str) -> list[str]:
        return [record.kind for record in journal_beside(self.store).read(episode)]

    def cache(self) -> Cache:
        return Cache(journal_beside(self.store), self.store)

    def age(self, seconds: float) -> None:
        """Make all files that much older than they are."""
        then = time.time() - seconds
        for path in self.store.root.glob("??/*"):
            os.utime(path, (then, then))


@pytest.fixture
def runs(store: ArtifactStore) -> Runs:
    return Runs(store, FakeTool("fake", "search", deterministic=True, usd=0.5))


def chance(store: ArtifactStore, *answers: Any) -> Runs:
    return Runs(store, FakeTool("fake", "search", answers, usd=0.5))


def picture(seed: int = 1, **fields: Any) -> Produced:
    return Produced((Image(random_png(seed=seed), Provenance("a fake")),), **fields)


def blank() -> Produced:
    import io

    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.new("RGB", (64, 48), "white").save(out, "PNG")
    return Produced((Image(out.getvalue(), Provenance("a fake")),))


def finished(outcome: Outcome) -> Finished:
    assert isinstance(outcome, Finished), outcome
    return outcome


def digest_of(outcome: Outcome) -> str:
    return finished(outcome).candidates[0].digest


async def test_a_deterministic_call_is_made_once(store: ArtifactStore) -> None:
    runs = Runs(store, FakeTool("fake", "search", [picture(note="n", usd=0.5)], deterministic=True))
    first = finished(await runs.run("a"))
    runs.events.clear()
    second = finished(await runs.run("b"))
    assert len(runs.tool.calls) == 1
    assert (second.candidates, second.note) == (first.candidates, "n")
    assert (first.usd, second.usd) == (0.5, 0.0)
    assert runs.kinds("b") == ["call_started", "call_ended"]
    assert [(event["type"], event["state"], event["tool"]) for event in runs.events] == [
        ("slot", "cached", "fake")
    ]


def changed(runs: Runs) -> dict[str, dict[str, Any]]:
    """What may be different about the second run, as arguments of `run`."""
    data, other = runs.store.put(b"data"), runs.store.put(b"other")
    table = Attachment("t.csv", "text/csv", data, 4)
    return {
        "nothing": {},
        "version": {"of_plugin": {"version": "2"}},
        "distribution": {"of_plugin": {"distribution": "q"}},
        "params": {"call": runs.call("dogs")},
        "description": {"call": replace(runs.call(), description="another")},
        "input picture": {"call": runs.call(inputs=(data,))},
        "attachment": {"attachments": (table,)},
        "its content": {"attachments": (replace(table, digest=other),)},
        "its name": {"attachments": (replace(table, name="u.csv"),)},
        "settings": {"settings": {"fake": {"size": 2}}},
        "a nested setting": {"settings": {"fake": {"size": {"x": 1}}}},
        "folders": {"options": Options(folders=(Path("pictures"),))},
        "seed": {"options": Options(seed=1)},
        "slot, and with it the seed": {"call": runs.call(slot=2)},
        "attempt, and with it the seed": {"call": replace(runs.call(), attempt=1)},
    }


async def test_whatever_the_tool_can_see_makes_it_another_call(runs: Runs) -> None:
    for number, (what, arguments) in enumerate(changed(runs).items(), 1):
        await runs.run(f"first {what}", **arguments)
        assert len(runs.tool.calls) == number, what
        await runs.run(f"second {what}", **arguments)
        assert len(runs.tool.calls) == number, what


async def test_what_the_tool_cannot_see_does_not(runs: Runs) -> None:
    await runs.run("a")
    options = Options(call_timeout=7, retries=3, budget=0.0)
    await runs.run(
        "b", options=options, settings={"other": {"size": 2}}, secrets={"OTHER_KEY": "x"}
    )
    assert len(runs.tool.calls) == 1


@pytest.mark.parametrize(("uses_seed", "calls"), [(False, 1), (True, 5)])
async def test_members_of_a_group_share_what_no_seed_decides(
    store: ArtifactStore, uses_seed: bool, calls: int
) -> None:
    runs = Runs(store, FakeTool("fake", "search", usd=0.5, uses_seed=uses_seed))
    for member in range(3):
        options = Options(cache=True, seed=member_seed(0, member))
        await runs.run(f"member {member}", options=options)
    options = Options(cache=True, seed=member_seed(0, 0))
    for number, call in enumerate((runs.call(slot=1), replace(runs.call(), attempt=1))):
        await runs.run(f"another {number}", options=options, call=call)
    assert len(runs.tool.calls) == calls


async def test_another_account_may_be_shown_something_else(store: ArtifactStore) -> None:
    runs = Runs(store, FakeTool("fake", "search", needs=("FAKE_KEY",)))
    runs.tool.spec = replace(runs.tool.spec, deterministic=True)
    registry = runs.registry()
    for key in ("first-key", "second-key", "first-key"):
        toolkit = Toolkit(
            registry,
            registry.bind({}, {"FAKE_KEY": key}),
            store,
            journal_beside(store),
            secrets={"FAKE_KEY": key},
        )
        async with Session(f"{key}-{len(runs.tool.calls)}", toolkit) as session:
            await session.result(runs.call())
    assert len(runs.tool.calls) == 2
    raw = (store.root / "journal.db").read_bytes()
    assert b"first-key" not in raw.replace(b"first-key-", b"")


async def test_a_tool_whose_author_works_on_it_is_another_tool(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "worked_on"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / ".#draw.py").symlink_to("nobody@nowhere")
    monkeypatch.syspath_prepend(str(tmp_path))
    runs = Runs(store, FakeTool("fake", "search", deterministic=True))
    runs.tool.spec = replace(runs.tool.spec, load="worked_on.draw:Draw")
    for code in ("a = 1", "a = 2"):
        (package / "helper.py").write_text(code)
        cache._source.cache_clear()
        await runs.run(f"first {code}")
        await runs.run(f"second {code}")
    assert len(runs.tool.calls) == 2
    assert "worked_on" not in sys.modules, "looking for its code must not import it"


@pytest.mark.parametrize("load", ["no_such_module:Tool", "made_by_hand.inner:Tool", "sys:Tool"])
async def test_a_module_without_files_has_no_code_to_look_at(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, load: str
) -> None:
    monkeypatch.setitem(sys.modules, "made_by_hand", types.ModuleType("made_by_hand"))
    runs = Runs(store, FakeTool("fake", "search", deterministic=True))
    runs.tool.spec = replace(runs.tool.spec, load=load)
    await runs.run("a")
    await runs.run("b")
    assert len(runs.tool.calls) == 1


async def test_settings_that_cannot_be_compared_are_no_reason_to_fail(runs: Runs) -> None:
    odd = {"sizes": {"x": 1, ("a", "b"): 2}}
    for episode in ("a", "b"):
        assert isinstance(await runs.run(episode, settings={"fake": odd}), Finished)
    assert len(runs.tool.calls) == 2


async def test_paid_and_chance_results_are_found_only_where_that_is_wanted(
    store: ArtifactStore,
) -> None:
    runs = chance(store, picture(1), picture(2))
    first, second = await runs.run("a"), await runs.run("b")
    assert digest_of(first) != digest_of(second)
    third = await runs.run("c", options=ALWAYS)
    assert digest_of(third) == digest_of(second), "the last one is found"
    assert len(runs.tool.calls) == 2


async def test_a_tool_from_code_is_never_taken_for_another_one(store: ArtifactStore) -> None:
    runs = Runs(store, FakeTool("fake", "search", deterministic=True))
    for episode in ("a", "b"):
        await runs.run(episode, registry=registry_of(runs.tool), options=ALWAYS)
    assert len(runs.tool.calls) == 2


async def test_a_result_without_its_picture_is_made_again(runs: Runs) -> None:
    first = await runs.run("a")
    runs.store.path(digest_of(first)).unlink()
    second = await runs.run("b")
    assert digest_of(second) in runs.store
    await runs.run("c")
    assert len(runs.tool.calls) == 2


@pytest.mark.parametrize(
    "answer", [Failed("unreachable", "x"), Failed("bad_params", "x", usd=0.1), blank()]
)
async def test_failures_and_blank_pictures_are_not_found_again(
    store: ArtifactStore, answer: ToolResult
) -> None:
    runs = chance(store, answer, picture())
    await runs.run("a", options=ALWAYS)
    assert isinstance(await runs.run("b", options=ALWAYS), Finished)
    assert len(runs.tool.calls) == 2
    assert runs.cache().contents().reusable == {"fake": 1}


class Watcher:
    """Hooks that answer as told and remember what they saw."""

    def __init__(self, answer: ToolResult | None = None) -> None:
        self.answer = answer
        self.asked = 0
        self.seen: list[ToolResult] = []

    @hookimpl
    def llmi_before_call(self, call: ToolCall) -> ToolResult | None:
        self.asked += 1
        return self.answer

    @hookimpl
    async def llmi_after_call(self, result: ToolResult) -> None:
        self.seen.append(result)


async def test_a_veto_holds_for_what_is_on_record_too(runs: Runs) -> None:
    await runs.run("a")
    veto = Watcher(Failed("refused", "not today"))
    outcome = await runs.run("b", veto)
    assert (outcome, veto.asked, veto.seen) == (veto.answer, 1, [outcome])
    assert isinstance(await runs.run("c"), Finished)


async def test_hooks_see_a_result_that_is_found_as_one_that_cost_nothing(runs: Runs) -> None:
    first = await runs.run("a")
    watcher = Watcher()
    await runs.run("b", watcher)
    (seen,) = watcher.seen
    assert isinstance(seen, Produced)
    assert seen.usd == 0.0
    assert seen.images[0].data == runs.store.read(digest_of(first))


async def test_what_a_hook_says_is_not_the_tools_result(runs: Runs) -> None:
    await runs.run("a", Watcher(picture()))
    await runs.run("b")
    assert len(runs.tool.calls) == 1


async def test_what_is_found_needs_no_permit_and_no_budget(store: ArtifactStore) -> None:
    begun = asyncio.Event()

    async def work(call: ToolCall, context: ToolContext) -> ToolResult:
        if "slow" in str(call.params):
            begun.set()
            await asyncio.sleep(60)
        return picture(usd=0.5)

    runs = chance(store, work)
    await runs.run("a")
    options = Options(cache=True, budget=0.5, concurrency={"search": 1})
    async with runs.session("b", options=options) as session:
        slow = asyncio.create_task(session.result(runs.call("slow", slot=1)))
        await begun.wait()
        outcome = await asyncio.wait_for(session.result(runs.call()), 5)
        assert finished(outcome).usd == 0.0
        assert session.ledger.costs.of_slot(0) == 0.0
    assert isinstance(await slow, Failed)


async def test_a_vendors_job_of_this_very_call_goes_first(store: ArtifactStore) -> None:
    jobs: list[str | None] = []
    begun = asyncio.Event()

    async def vendor(call: ToolCall, context: ToolContext) -> ToolResult:
        jobs.append(context.job)
        if call.episode == "b" and not context.job:
            await context.record_job("job-7")
            begun.set()
            await asyncio.sleep(60)
        return picture()

    runs = chance(store, vendor)
    async with runs.session("b") as session:
        cut = asyncio.create_task(session.result(replace(runs.call(), episode="b")))
        await begun.wait()
    await cut
    await runs.run("a", options=ALWAYS)
    await runs.run("b", options=ALWAYS)
    assert jobs == [None, None, "job-7"]


async def test_a_run_goes_on_with_what_it_has_found(runs: Runs) -> None:
    first = await runs.run("a")
    await runs.run("b")
    runs.cache().clear()
    again = await runs.run("b")
    assert digest_of(again) == digest_of(first)
    assert len(runs.tool.calls) == 1
    assert runs.kinds("b") == ["call_started", "call_ended"]


async def test_a_document_is_made_again_without_a_call(store: ArtifactStore) -> None:
    runs = Runs(store, FakeTool("fake", "search", deterministic=True, usd=0.0))
    draft = "# T\n\n" + slot("search", "One", query="a") + "\n\n" + slot("search", query="b")
    documents = []
    for _ in range(2):
        graph = build_graph(
            model=ScriptedModel(script=[draft]), tools=runs.registry(), store=store, secrets={}
        )
        answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
        documents.append(answer["document"])
    first, second = ([block.get("digest") for block in each["blocks"]] for each in documents)
    assert first == second
    assert len(runs.tool.calls) == 2


def old_file(store: ArtifactStore) -> Path:
    """A journal as an older LLMI has left it, with one run."""
    store.root.mkdir(parents=True)
    path = store.root / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD_TABLE)
        connection.execute(
            "INSERT INTO records (episode, kind, key, data, at) VALUES ('old', 'opened', '', '{}', 1.0)"
        )
    connection.close()
    return path


async def test_a_file_of_an_older_llmi_is_brought_up_to_date(runs: Runs) -> None:
    path = old_file(runs.store)
    await runs.run("a")
    await runs.run("b")
    assert len(runs.tool.calls) == 1
    assert [record.kind for record in Journal(path).read("old")] == ["opened"]
    with sqlite3.connect(path) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT data FROM records WHERE reuse = ? ORDER BY id DESC LIMIT 1",
            ("x",),
        ).fetchall()
    connection.close()
    assert "USING INDEX records_to_reuse (reuse=?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.parametrize("old", [False, True])
def test_several_processes_may_open_a_file_for_the_first_time_at_once(
    store: ArtifactStore, old: bool
) -> None:
    path = old_file(store) if old else store.root / "journal.db"
    script = (
        "import sys, time\n"
        "from llmi_agent.records.journal import Journal\n"
        "from llmi_agent.records.record import Entry\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "Journal(sys.argv[1]).write(sys.argv[2], Entry('opened', data='{}', reuse='tool:x'))\n"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), f"run-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for each in crowd:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in crowd:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in crowd:
        each.communicate(timeout=60)
    assert [each.returncode for each in crowd] == [0] * 4
    assert len(Journal(path).episodes()) == 4 + old


async def test_clearing_forgets_results_and_nothing_else(runs: Runs) -> None:
    first = await runs.run("a")
    runs.age(DAY)
    cleared = runs.cache().clear()
    assert (cleared.results, cleared.runs, cleared.files) == (1, 0, Size())
    assert digest_of(first) in runs.store
    assert runs.kinds("a")[-1] == "call_ended"
    await runs.run("b")
    assert len(runs.tool.calls) == 2


async def test_clearing_runs_deletes_what_only_they_referred_to(
    store: ArtifactStore, runs: Runs
) -> None:
    first = await runs.run("a")
    assert any(b"fake" in path.read_bytes() for path in store.root.glob("journal.db*"))
    left = store.root / "ab" / ".new-left-by-a-killed-process"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    runs.age(2 * GRACE_SECONDS)
    cleared = runs.cache().clear(runs=True)
    assert (cleared.runs, cleared.running, cleared.files.files) == (1, 0, 2)
    assert cleared.files.bytes > 1000
    assert cleared.young == Size()
    assert digest_of(first) not in store
    assert not left.exists()
    assert runs.kinds("a") == []
    assert not any(b"fake" in path.read_bytes() for path in store.root.glob("journal.db*"))


async def test_a_run_that_goes_on_keeps_everything(runs: Runs) -> None:
    await runs.run("a", call=runs.call("dogs"))
    async with runs.session("b") as session:
        first = await session.result(replace(runs.call(), episode="b"))
        await session.journal.committed()
        runs.age(2 * GRACE_SECONDS)
        cleared = runs.cache().clear(runs=True)
        assert (cleared.runs, cleared.running, cleared.files.files) == (1, 1, 1)
        assert digest_of(first) in runs.store
        assert "call_ended" in runs.kinds("b")
        await session.result(replace(runs.call("mice"), episode="b"))
    assert len(runs.tool.calls) == 3


async def test_a_run_that_starts_meanwhile_keeps_what_it_has_put_or_found(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the one moment when it counts: after the references have been read, before the files are deleted."""
    first = await runs.run("a", attachments=())
    attached = runs.store.put(b"a table")
    unused = runs.store.put(b"another table")
    runs.age(2 * GRACE_SECONDS)
    read = Journal.digests

    def starts(journal: Journal) -> set[str]:
        found = read(journal)
        runs.store.put(b"a table")
        known = runs.store.renew(digest_of(first))
        assert known
        return found

    monkeypatch.setattr(Journal, "digests", starts)
    cleared = runs.cache().clear(runs=True)
    assert (cleared.files.files, cleared.young.files) == (1, 2)
    assert runs.store.read(attached) == b"a table"
    assert digest_of(first) in runs.store
    assert unused not in runs.store


async def test_a_result_that_is_found_keeps_its_pictures_from_being_deleted(runs: Runs) -> None:
    first = await runs.run("a")
    runs.age(2 * GRACE_SECONDS)
    found = Watcher()
    watched = runs.session("b", found)
    async with watched as session:
        await session.result(replace(runs.call(), episode="b"))
        gone, young = runs.store.sweep((), time.time() - GRACE_SECONDS)
    assert (gone, young.files) == (Size(), 1)
    assert digest_of(first) in runs.store


def test_a_file_that_is_renewed_at_the_last_moment_stays(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = store.put(b"bytes")
    os.utime(store.path(digest), (1.0, 1.0))
    look = artifacts._status

    def renewed_after(path: Path) -> os.stat_result | None:
        status = look(path)
        store.renew(path.name)
        return status

    monkeypatch.setattr(artifacts, "_status", renewed_after)
    assert store.sweep((), time.time() - 60) == (Size(), Size(1, 5))
    assert store.read(digest) == b"bytes"
    assert [path.name for path in store.path(digest).parent.iterdir()] == [digest]


def test_a_file_that_is_deleted_at_the_last_moment_is_written_anew(store: ArtifactStore) -> None:
    digest = store.put(b"bytes")
    assert store.sweep((), time.time() + 60) == (Size(1, 5), Size())
    assert not store.renew(digest)
    store.put(b"bytes")
    assert store.read(digest) == b"bytes"


def test_a_store_that_may_only_be_read_has_what_it_has(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = store.put(b"bytes")

    def refuse(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(os, "utime", refuse)
    assert store.renew(digest)
    assert not store.renew("0" * 64)


async def test_what_is_younger_than_asked_for_stays(runs: Runs) -> None:
    old = await runs.run("a", call=runs.call("dogs"))
    young = await runs.run("b")
    journal = journal_beside(runs.store)
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE records SET at = at - ? WHERE episode = 'a'", (10 * DAY,))
    connection.close()
    runs.age(10 * DAY)
    os.utime(runs.store.path(digest_of(young)))
    cleared = runs.cache().clear(runs=True, older_than=5 * DAY)
    assert (cleared.results, cleared.runs, cleared.files.files) == (1, 1, 1)
    assert digest_of(old) not in runs.store
    assert journal.episodes() == []
    assert runs.kinds("b")[-1] == "call_ended"
    await runs.run("c")
    await runs.run("d", call=runs.call("dogs"))
    assert len(runs.tool.calls) == 3


async def test_clearing_twice_at_once_is_no_error(runs: Runs) -> None:
    for number in range(20):
        await runs.run(f"e{number}", call=runs.call(f"query {number}"))
    runs.age(2 * GRACE_SECONDS)
    both = await asyncio.gather(
        *(asyncio.to_thread(runs.cache().clear, runs=True) for _ in range(3))
    )
    runs.cache().clear(runs=True)
    assert runs.cache().contents().files == Size()
    assert sum(each.results for each in both) == 20


async def test_a_run_that_is_held_cannot_be_opened_before_it_is_read(runs: Runs) -> None:
    """A second session must not go on with what it read before the first one had ended."""
    reads: list[str] = []
    session = runs.session("a")
    journal = session.toolkit.journal

    class Spy(Journal):
        def read(self, episode: str) -> Any:
            reads.append(episode)
            return super().read(episode)

    other = replace(session.toolkit, journal=Spy(journal.path))
    with pytest.raises(InputError, match="still going on"):
        Session("a", other)
    assert reads == []
    await session.aclose()


def test_digests_are_found_wherever_a_record_mentions_them(store: ArtifactStore) -> None:
    journal = journal_beside(store)
    first, second = "ab" * 32, "cd" * 32
    journal.write(
        "a", Entry("opened", data=json.dumps({"url": f"artifact:{first}", "text": f"é{second}"}))
    )
    assert {first, second} <= journal.digests()


async def test_contents_say_what_is_kept(runs: Runs) -> None:
    assert runs.cache().contents() == cache.Contents(0, Size(), {})
    journal_beside(runs.store).write("a", Entry("opened", data='{"prompt": "x"}'))
    first = await runs.run("a")
    await runs.run("b")
    await runs.run("c", call=runs.call("dogs"))
    contents = runs.cache().contents()
    assert (contents.runs, contents.files.files, contents.reusable) == (1, 2, {"fake": 2})
    assert contents.files.bytes > runs.store.path(digest_of(first)).stat().st_size


def test_a_result_with_one_picture_that_shows_something_is_useful(runs: Runs) -> None:
    artifact, _ = runs.store.put_image(random_png())
    shown = Candidate(**vars(artifact), provenance=Provenance("x"))
    hidden = shown.model_copy(update={"blank": True})
    journal = journal_beside(runs.store)

    journal.write("z", Entry("call_ended"))
    for candidates, useful in (((hidden, shown), "fake:x"), ((hidden,), None)):
        ended = end(runs.call(), Finished(candidates=candidates), "tool", "fake:x")
        assert ended.reuse == useful
