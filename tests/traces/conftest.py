"""A home with runs of every kind, made once: what is listed, shown, counted, checked and written again here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from llmi_agent.base.errors import LlmiError
from llmi_agent.config.options import Options
from llmi_agent.contract.policy import TOKENS
from llmi_agent.contract.tool import Failed, Image, Produced, Provenance, ToolResult, ToolRetry
from llmi_agent.records.codec import entry_of, events_of
from llmi_agent.records.events import CallEnded, CallStarted, Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_agent.traces.rewarding import give
from llmi_graphs import build_graph

CANARY = "canary-b1946ac92492d2347c6235b4d2611184"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> ]]> --> \u202egnihton\u202c \u2066x\u2069 \x07\x1b[31m {{ 7*7 }} "
    "</style></pre></details><a href='javascript:alert(3)'>go</a> https://evil.example/p.png"
)
SEARCH = slot("search", "A harbour", query="harbour")
EDIT = slot("edit", "Cropped", img_index=0, prompt="crop")
GOOD = f"# Harbours\n\nAn old one \N{SNOWMAN}.\n\n{SEARCH}\n\nThe same.\n\n{EDIT}\n\nThe end."


class Sampling(BaseChatModel):
    """Writes in pieces of three characters, each of one token, whose id is how many came before it."""

    draft: str = GOOD

    @property
    def _llm_type(self) -> str:
        return "sampling"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for number, start in enumerate(range(0, len(self.draft), 3)):
            said = {"completion": [number], "logprobs": [-(number % 7) / 2]}
            if not number:
                said["prompt"] = [1, 2, 3]
            text = self.draft[start : start + 3]
            piece = AIMessageChunk(text, response_metadata={TOKENS: said})
            yield ChatGenerationChunk(message=piece)


class Broken(BaseChatModel):
    """Fails after its first words."""

    words: str = "# Half a"

    @property
    def _llm_type(self) -> str:
        return "broken"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(self.words))
        raise ValueError(f"the server went away with {CANARY}")


@dataclass
class Home:
    """A store with its journal, and which run is which."""

    root: Path
    names: dict[str, str] = field(default_factory=dict)
    """Episodes by what they are."""

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.root / "artifacts")

    def copy(self, to: Path) -> Home:
        """One that may be damaged."""
        shutil.copytree(self.root, to)
        return Home(to, dict(self.names))


async def run(
    home: Home,
    name: str,
    script: Sequence[str] | BaseChatModel = (GOOD, "SKIP"),
    tools: Sequence[FakeTool] = (),
    prompt: str = "Write of harbours.",
    *,
    fallback: Sequence[Any] = (),
    options: dict[str, Any] | None = None,
    **request: Any,
) -> None:
    """One more run, whose episode is noted under its name."""
    model = script if isinstance(script, BaseChatModel) else ScriptedModel(script=list(script))
    graph = build_graph(
        model=model,
        fallback=fallback,
        tools=tools or [FakeTool("s", "search"), FakeTool("e", "edit")],
        store=home.store,
        secrets={"CANARY_API_KEY": CANARY},
        options=Options(**{"retry_wait": 0.0, **(options or {})}),
    )
    before = set(journal_beside(home.store).episodes())
    with suppress(LlmiError):
        await graph.ainvoke({"messages": [HumanMessage(prompt)], **request})
    (home.names[name],) = set(journal_beside(home.store).episodes()) - before


def two(call: Any, context: Any) -> Produced:
    """Two candidates."""
    made = (Image(random_png(seed=n + call.slot), Provenance("two", code="plot()")) for n in (5, 6))
    return Produced(tuple(made), usd=0.25)


def searched(call: Any, context: Any) -> ToolResult:
    """The first slot's picture cannot be had; others can."""
    if call.slot:
        return two(call, context)
    lost = Failed("unreachable", f"no route, key {CANARY}")
    return Failed("quota", "used up", usd=0.0) if call.attempt else lost


def mending() -> list[FakeTool]:
    """Tools of which some calls fail and are made again, repaired, or done by another."""
    again = ToolRetry("too vague")
    return [
        FakeTool("s", "search", [searched], usd=0.01),
        FakeTool("d", "diffusion", [two]),
        FakeTool("c", "code", [again, Failed("crashed", "NameError: x"), two], executes_code=True),
        FakeTool("e", "edit", [Failed("refused", "not this one")]),
    ]


MENDED = "\n\n".join(
    [
        "# Mended",
        SEARCH,
        slot("code", "Plot", code="x"),
        slot("search", "B", query="b"),
        EDIT,
        "<imgen>{nothing}</imgen>",
        "End.",
    ]
)


def mended(messages: list[Any]) -> str:
    """The draft, and what it is repaired with, in whatever order it is asked for."""
    asked = str(messages[-1].content)
    if "too vague" in asked:
        return slot("code", "Plot", code="y")
    if "NameError" in asked:
        return slot("code", "Plot again", code="z")
    return MENDED if len(messages) == 2 else "SKIP"


async def written(root: Path) -> Home:
    """Runs of every kind."""
    home = Home(root)
    table = attach_bytes(home.store, "ships.csv", b"year,ships\n2020,4\n2021,9\n")
    photo = attach_bytes(home.store, "photo.png", random_png(seed=99))
    files = [vars(table), vars(photo)]
    await run(home, "good", attachments=files, split="train")
    await run(home, "mended", ScriptedModel(script=mended), mending())
    no = [Failed("quota", f"used up {HOSTILE}")]
    await run(home, "failed", tools=[FakeTool("s", "search", no), FakeTool("e", "edit")])
    await run(home, "halted", Broken(), options={"retries": 0})
    await run(
        home,
        "restarted",
        Broken(words=GOOD[:90]),
        fallback=[ScriptedModel(script=[GOOD])],
        options={"retries": 0},
    )
    for member in range(3):
        await run(home, f"member {member}", group="a-group", member=member)
    await run(home, "continued", prompt="And again.", continues=home.names["good"])
    await run(home, "tokens", Sampling(), options={"record": "full"})
    await run(
        home,
        "hostile",
        [f"# {HOSTILE}\n\n{HOSTILE}\n\n{slot('search', HOSTILE, query=HOSTILE)}"],
        prompt=HOSTILE,
    )
    await run(home, "long prompt", prompt="שלום עולם مرحبا 港口的历史 " * 400)
    rewarded(home)
    await cut(home)
    await recalled(home)
    return home


def rewarded(home: Home) -> None:
    """Rewards of every form."""
    journal = journal_beside(home.store)
    for member, value in enumerate((0.25, 0.5, 0.75)):
        episode = home.names[f"member {member}"]
        give(journal, episode, Rewarded(component="total", value=0.1, profile="rules-1"))
        give(
            journal,
            episode,
            Rewarded(component="total", value=value, profile="rules-1"),
            Rewarded(
                component="taste", value=None, status="error", error="the judge was ill", judge="j"
            ),
            Rewarded(
                component="taste", value=value, scope="slot", about="0", judge="j", rubric="r"
            ),
        )


async def cut(home: Home) -> None:
    """A run of which the last records never came, as after `kill -9`."""
    elsewhere = Home(home.root.with_name("elsewhere"))
    await run(elsewhere, "cut", [f"# Cut\n\n{SEARCH}\n\nThe end."])
    episode = home.names["cut"] = elsewhere.names["cut"]
    events = list(events_of(journal_beside(elsewhere.store).read(episode)))
    read = next(n for n, (_, event) in enumerate(events) if event.type == "draft_read")
    lost = ("call_ended", "slot_settled")
    early = [
        (at, event)
        for at, event in events[: read + 1]
        if event.type not in lost
        and not getattr(event, "inputs", ())  # an edit waits for its picture
    ]
    kept = [replace(entry_of(event), at=at) for at, event in early]
    journal_beside(home.store).write(episode, *kept)


async def recalled(home: Home) -> None:
    """A run whose first call was found on record."""
    elsewhere = Home(home.root.with_name("elsewhere"))
    await run(elsewhere, "recalled")
    episode = home.names["recalled"] = elsewhere.names["recalled"]
    events = list(events_of(journal_beside(elsewhere.store).read(episode)))
    first = next(event.call for _, event in events if isinstance(event, CallStarted))
    entries = []
    for at, event in events:
        said: Any = event
        if getattr(event, "call", "") == first:
            if isinstance(event, CallStarted):
                said = replace(event, cached=True)
            elif isinstance(event, CallEnded):
                said = replace(event, by="cache")
            else:
                continue
        entries.append(replace(entry_of(said), at=at))
    journal_beside(home.store).write(episode, *entries)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home; not to be changed."""
    return asyncio.run(written(tmp_path_factory.mktemp("runs") / "home"))
