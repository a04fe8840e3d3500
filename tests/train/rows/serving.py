"""A server with vLLM's API that reads messages through a template of ChatML, and a graph that it is the policy of.

As a program, it begins a group and is killed in the middle of its third draft: `serving.py HOME`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore
from llmi_agent.config.options import Options
from llmi_agent.testing import FakeTool, slot
from llmi_graphs import build_graph
from llmi_vllm.testing import END, THINK, THOUGHT, FakeVLLM, Manner, Sent, token_id, tokens_of

SLOT = slot("search", "The fox 🦊", query="fox")
GOOD = f"# The fox 🦊\n\nIt is réd.\n\n{SLOT}\n\nThe end.\n"
BAD = GOOD.replace('"query"', '"nothing"')
"""Its slot has to be repaired."""


class ChatML(FakeVLLM):
    """A prompt is the messages between `im_start` and END; an answer goes into the next prompt as it was sampled, and without its
    reasoning, if there is any. respelt: of earlier answers, words are in other tokens."""

    def __init__(self, script: Any, manner: Manner | None = None, *, respelt: bool = False) -> None:
        super().__init__(script, manner or Manner(tokens=3, weights="w1"))
        self._respelt = respelt

    def _sampled(self, body: dict[str, Any]) -> Sent:
        sent = super()._sampled(body)
        return replace(sent, prompt=tuple(self._prompt(body["messages"])))

    def _prompt(self, messages: list[dict[str, Any]]) -> list[int]:
        found: list[int] = []
        for each in messages:
            own = tokens_of(str(each["content"]))
            if self._respelt and each["role"] == "assistant":
                own = [bytes([byte]) for token in own for byte in token]
            found += [*self._head(each["role"]), *map(token_id, own), token_id(END)]
            found += map(token_id, tokens_of("\n"))
        return [*found, *self._head("assistant")]

    def _head(self, role: str) -> list[int]:
        return [151644, *map(token_id, tokens_of(f"{role}\n"))]


def graph_of(server: FakeVLLM, root: Path, **given: Any) -> Any:
    """Writes through this server into the home at `root`."""
    own = {"options": Options(retry_wait=0.01, temperature=1.0), "record": "full", **given}
    store = ArtifactStore(root / "artifacts")
    tools = [FakeTool("s", "search")]
    return build_graph(
        model="vllm/fox", api_base=f"{server.url}/v1", tools=tools, store=store, secrets={}, **own
    )


async def write(graph: Any, prompt: str, group: str, members: int, **request: Any) -> list[str]:
    """A group's members; returns their episodes."""
    asked = {"messages": [HumanMessage(prompt)], "group": group, "split": "train", **request}
    states = [await graph.ainvoke({**asked, "member": n, "seed": n}) for n in range(members)]
    return [state["document"]["episode"] for state in states]


def scripted(*drafts: str, before: Callable[[int], None] = lambda _: None) -> Any:
    """Writes these drafts in turn, and SLOT where a slot is to be repaired. before: gets the number of a draft that comes."""
    written: list[str] = []

    def script(messages: list[dict[str, Any]]) -> str:
        if "could not be filled" in str(messages[-1]["content"]):
            return SLOT
        before(len(written))
        written.append(drafts[len(written) % len(drafts)])
        return written[-1]

    return script


__all__ = [
    "BAD",
    "END",
    "GOOD",
    "SLOT",
    "THINK",
    "THOUGHT",
    "ChatML",
    "graph_of",
    "scripted",
    "write",
]


def _killed(number: int) -> None:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    with ChatML(scripted(GOOD, before=_killed)) as server:
        asyncio.run(write(graph_of(server, Path(sys.argv[1])), "The fox.", "g", 4))
