"""The runner from Python: what it gives, tells and remembers, with the real graph and tools that cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Produced, ToolCall, ToolContext, ToolResult
from llmi_agent.document.render import write_document
from llmi_agent.records.journal import journal_beside
from llmi_agent.runner import rendering
from llmi_agent.runner.episodes import Episodes, Order
from llmi_agent.runner.job import Failure, Job, Written
from llmi_agent.runner.runner import Runner
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph

DRAFT = f"# The harbour\n\nIt is old.\n\n{slot('search', query='harbour')}\n"
PRICED = Options(prices={"a_search": 0.25, "ScriptedModel": "0/0"})  # type: ignore[dict-item]


def runner_with(store: ArtifactStore, work: Any = None, model: Any = None) -> Runner:
    tool = FakeTool("a_search", "search", [work or paid])
    model = model or ScriptedModel(script=lambda _: DRAFT, chunk=10)
    graph = build_graph(model=model, tools=[tool], options=PRICED, store=store, secrets={})
    return Runner(graph, store, order=Order("mine", ("b/model",), "http://localhost:1"))


@pytest.fixture
def runner(store: ArtifactStore) -> Iterator[Runner]:
    yield runner_with(store)
    journal_beside(store).close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def paid(call: ToolCall, context: ToolContext) -> ToolResult:
    produced = FakeTool("x", "search").picture(call, context)
    assert isinstance(produced, Produced)
    return replace(produced, usd=0.25)


class Endless:
    """A tool that says when it begins, and whether it was cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False

    async def __call__(self, call: ToolCall, context: ToolContext) -> ToolResult:
        self.begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError("unreachable")


async def test_a_job_becomes_a_document_and_files(runner: Runner, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    kept = attach_bytes(runner.store, "u.csv", b"c\n3\n")
    told: list[Mapping[str, Any]] = []
    job = Job("Write.", (table, kept), tmp_path / "out", ("html", "json"))
    written = await runner.write(job, told.append)
    assert isinstance(written, Written)
    assert (written.document.title, len(written.document.figures)) == ("The harbour", 1)
    assert [each.name for each in written.document.attachments] == ["t.csv", "u.csv"]
    assert [each.name for each in written.files] == ["report.html", "document.json"]
    assert all(each.is_file() for each in written.files)
    assert (written.replaced, written.seconds > 0) == (False, True)
    assert told[0] == {"type": "opened", "episode": written.episode, "record": "events"}
    assert {"text", "slot", "document"} <= {each["type"] for each in told}
    assert (await runner.write(job)).replaced


async def test_without_a_folder_no_file_is_written(runner: Runner, tmp_path: Path) -> None:
    written = await runner.write(Job("Write."))
    assert (written.files, written.replaced) == ((), False)
    assert names(tmp_path) == ["artifacts"]


async def test_a_store_in_memory_will_do(tmp_path: Path) -> None:
    """With files and without, from paths and from what is kept already, failed or gone on with."""
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    store = ArtifactStore.in_memory()
    runner = runner_with(store)
    kept = attach_bytes(store, "u.csv", b"c\n3\n")
    without = await runner.write(Job("Write."))
    assert (len(without.document.figures), without.files) == (1, ())
    out = tmp_path / "out"
    job = Job("Write.", (tmp_path / "t.csv", kept), out, ("html", "md", "json"))
    written = await runner.write(job)
    assert [each.name for each in written.document.attachments] == ["t.csv", "u.csv"]
    assert names(out) == ["document.json", "images", "report.html", "report.md"]
    again = await runner.write(Job(resume=written.episode, out=out))
    assert (again.episode, again.replaced) == (written.episode, True)
    failure = await runner.attempt(Job("Write.", (tmp_path / "nope.csv",)))
    assert isinstance(failure, Failure)
    assert "nope.csv cannot be read" in failure.message
    assert names(tmp_path) == ["out", "t.csv"]


async def test_an_order_is_remembered_for_going_on(runner: Runner, tmp_path: Path) -> None:
    written = await runner.write(Job("Write.", out=tmp_path / "out", formats=("md",)))
    recalled = Episodes(runner.store).recall(written.episode[:6])
    out = str(tmp_path / "out")
    assert recalled.order == Order("mine", ("b/model",), "http://localhost:1", out, ("md",))
    assert (recalled.episode, recalled.prompt) == (written.episode, "Write.")
    assert recalled.flags["fallback"] == ("b/model",)
    assert recalled.flags["use.search"] == "a_search"
    assert recalled.flags["options.prices"]["a_search"] == 0.25


@pytest.mark.parametrize("works", [True, False])
async def test_of_a_run_that_is_not_recorded_nothing_is_noted_beside_it(
    store: ArtifactStore, tmp_path: Path, works: bool
) -> None:
    model = ScriptedModel(script=[DRAFT if works else ""])
    options = PRICED.model_copy(update={"model_retries": 0})
    tools = [FakeTool("a_search", "search", [paid])]
    graph = build_graph(
        model=model, tools=tools, options=options, store=store, secrets={}, record="none"
    )
    life = Runner(graph, store).life(Job("Write.", out=tmp_path / "out"))
    ended = await life.attempt()
    assert not life.recorded
    assert not Path(store.root / "journal.db").exists()  # noqa: ASYNC240 - a test may wait
    if isinstance(ended, Failure):
        assert not works
        assert ended.costs.total is None, "what it cost is not known afterwards"
    else:
        assert ended.document.costs.total == 0.25
        assert names(tmp_path / "out") == ["report.html"]


async def test_a_life_that_was_cut_is_gone_on_with(store: ArtifactStore, tmp_path: Path) -> None:
    tool = Endless()
    life = runner_with(store, tool).life(Job("Write."))
    running = asyncio.create_task(life.write())
    await asyncio.wait_for(tool.begun.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert tool.cancelled
    assert life.episode
    assert life.asked

    mute = ScriptedModel(script=lambda _: pytest.fail("the draft is on record"))
    told: list[Mapping[str, Any]] = []
    job = Job(resume=life.episode, out=tmp_path / "out")
    written = await runner_with(store, model=mute).write(job, told.append)
    assert written.episode == life.episode
    assert told[0] == {"type": "resumed", "episode": life.episode}
    assert len(written.document.figures) == 1
    assert written.files[0].is_file()


async def test_what_is_not_on_record_is_begun_anew_if_there_is_a_prompt(runner: Runner) -> None:
    written = await runner.write(Job("Write.", resume="feed"))
    assert written.episode != "feed"
    with pytest.raises(InputError, match="there is no run feed"):
        await runner.write(Job(resume="feed"))


async def test_what_was_begun_otherwise_is_not_gone_on_with(runner: Runner, tmp_path: Path) -> None:
    """The document of another prompt, or of other files, is not what is wanted."""
    table, other, extra = (tmp_path / name for name in ("t.csv", "x/t.csv", "more.csv"))
    other.parent.mkdir()
    for path, content in ((table, "1"), (other, "2"), (extra, "1")):
        path.write_text(f"a\n{content}\n")
    episode = (await runner.write(Job("Write.", (table,)))).episode
    for job, words in (
        (Job("Write!", resume=episode), "was begun with another prompt"),
        (Job("Write. ", (table,), resume=episode), "was begun with another prompt"),
        (Job("Write.", (other,), resume=episode), "t.csv has changed since run"),
        (Job("Write.", (table, extra), resume=episode), "was begun without more.csv"),
    ):
        told: list[Mapping[str, Any]] = []
        failure = await runner.attempt(job, told.append)
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, InputError)
        assert words in failure.message
        assert episode in failure.message
        assert told == []
    for files in ((), (table,)):
        assert (await runner.write(Job("Write.", files, resume=episode))).episode == episode


async def test_a_prompt_with_a_secret_is_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOO_API_KEY", "canary-123456")
    prompt = "Tell canary-123456 and canary-123456 that it rains."
    first = runner_with(ArtifactStore.in_memory())
    episode = (await first.write(Job(prompt))).episode
    opened = first.episodes.known(episode)
    assert opened
    assert opened.opened
    assert "canary" not in opened.opened.prompt
    monkeypatch.delenv("FOO_API_KEY")  # whoever asks may not know what is secret
    assert (await first.write(Job(prompt, resume=episode))).episode == episode
    for other in (
        "Tell canary-123456 and canary-123456 that it snows.",
        "Tell canary-123456 that it rains.",
        "Tell  and  that it rains.",
        "Tell x and  that it rains.",
        "tell canary-123456 and canary-123456 that it rains.",
    ):
        with pytest.raises(InputError, match="another prompt"):
            await first.write(Job(other, resume=episode))


async def test_to_be_cancelled_is_no_failure(store: ArtifactStore) -> None:
    tool = Endless()
    running = asyncio.create_task(runner_with(store, tool).attempt(Job("Write.")))
    await asyncio.wait_for(tool.begun.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_failure_is_data_with_what_it_has_cost(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    failure = await runner.attempt(Job("Write.", out=tmp_path / "taken"))
    assert isinstance(failure, Failure)
    assert f"cannot write {tmp_path}/taken" in failure.message
    assert isinstance(failure.error, LlmiError)
    assert not failure.unexpected
    assert (failure.costs.usd, failure.costs.unknown) == (0.25, 0)
    assert failure.episode
    (tmp_path / "taken").unlink()
    written = await runner.write(Job(resume=failure.episode, out=tmp_path / "taken"))
    assert written.document.costs.usd == 0.25


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Job(" "), "the prompt is empty"),
        (Job("Write.", (Path("nope.csv"),)), "nope.csv cannot be read"),
        (Job("Write.", formats=("pdf",), out="o"), "there is no format 'pdf'"),
        (Job("Write.", formats="html", out="o"), "formats must be a list, not 'html'"),  # type: ignore[arg-type]
        (Job("Write.", "rain.csv"), "a list of files, not 'rain.csv'"),  # type: ignore[arg-type]
        (Job("Write.", Path("rain.csv")), "a list of files, not 'rain.csv'"),  # type: ignore[arg-type]
    ],
)
async def test_a_job_that_cannot_be_done_fails_with_one_sentence(
    runner: Runner, job: Job, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failure = await runner.attempt(job)
    assert isinstance(failure, Failure)
    assert words in failure.message
    assert "\n" not in failure.message
    assert not failure.unexpected
    assert failure.episode is None  # nothing was asked for it


async def test_a_fault_is_told_from_a_failure_and_keeps_secrets(store: ArtifactStore) -> None:
    class Graph:
        async def astream(self, input: Any, *, stream_mode: Any) -> Any:  # noqa: A002
            yield "custom", "what another graph may say"
            raise ExceptionGroup("g", [KeyError("hush-hush-123")])

    failure = await Runner(Graph(), store, secrets={"A_KEY": "hush-hush-123"}).attempt(Job("x"))
    assert isinstance(failure, Failure)
    assert failure.unexpected
    assert isinstance(failure.error, KeyError)
    assert failure.message == "this should not have happened: KeyError: '[secret]'"
    assert (failure.episode, failure.costs.usd, failure.costs.unknown) == (None, 0.0, 0)


async def test_many_jobs_at_once_are_rendered_one_at_a_time(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = [0]

    def counting(*arguments: Any) -> list[Path]:
        at_once.append(at_once[-1] + 1)
        files = write_document(*arguments)
        at_once.append(at_once[-1] - 1)
        return files

    monkeypatch.setattr(rendering, "write_document", counting)
    jobs = [Job("Write.", out=tmp_path / str(n), seed=n) for n in range(12)]
    written = await asyncio.gather(*map(runner.write, jobs))
    assert len({each.episode for each in written}) == 12
    assert (max(at_once), len(at_once)) == (1, 25)


def test_a_runner_serves_one_event_loop_after_the_other(runner: Runner, tmp_path: Path) -> None:
    async def several(start: int) -> list[Written]:
        jobs = [Job("Write.", out=tmp_path / str(start + n)) for n in range(4)]
        return await asyncio.gather(*map(runner.write, jobs))

    written = [each for start in (0, 4) for each in asyncio.run(several(start))]
    assert all(each.files[0].is_file() for each in written)
