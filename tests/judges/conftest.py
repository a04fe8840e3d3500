"""Exhibits and judges for tests, and a server that a judge's model is asked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Exhibit, Shown
from llmi_agent.host.registry import registry_of
from llmi_agent.run.adviser import Adviser
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import OpenAIServer, ScriptedModel, ballot_for, random_png

DRAFT = (
    "# Harbours\n\nAn old one.\n\n"
    '<imgen>{"source": "search", "description": "A harbour", "params": {"query": "harbour"}}</imgen>\n\nThe end.'
)
TEXT = "# Harbours\n\nAn old one.\n\n[Figure 1: A harbour]\n\nThe end."
KEY = "sk-judge-7f3b9c2d41e8"


@pytest.fixture
def exhibit(store: ArtifactStore) -> Exhibit:
    """A document with one picture."""
    return exhibit_with(store, 1)


def exhibit_with(store: ArtifactStore, pictures: int, **fields: Any) -> Exhibit:
    """A document with so many pictures, in every second slot."""
    figures = tuple(
        Shown(n, 2 * n - 2, "search", f"A harbour {n}", store.put(random_png(seed=n)))
        for n in range(1, pictures + 1)
    )
    given = {"prompt": "Of harbours.", "draft": DRAFT, "text": TEXT, "figures": figures}
    return Exhibit(**{**given, "pictures": store, **fields})


Answer = str | Callable[[list[Any]], str]


def scripted(
    store: ArtifactStore, *answers: Answer, **options: Any
) -> tuple[Adviser, ScriptedModel]:
    """An adviser that answers by a script, the last answer for ever; and its model, which knows what it was asked."""
    told = iter(range(1_000_000))

    def answer(messages: list[Any]) -> str:
        given = answers[min(next(told), len(answers) - 1)]
        return given if isinstance(given, str) else given(messages)

    model = ScriptedModel(script=answer, chunk=100_000)
    settings = Options(**{"vision": True, "model_retries": 0, **options})
    return Adviser.of(model, registry_of(), store, options=settings, secrets={}), model


def marks(*by_entry: object, **fields: Any) -> Callable[[list[Any]], str]:
    """A ballot with these marks, one an entry, the last for all that follow."""

    def fill(messages: list[Any]) -> str:
        seen: list[str] = []

        def mark(asked: Any, entry: str, field: str) -> object:
            if entry not in seen:
                seen.append(entry)
            return by_entry[min(seen.index(entry), len(by_entry) - 1)]

        return ballot_for(messages, mark, **fields)

    return fill


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server that answers every judge's question with fours."""
    with OpenAIServer(marks(4), chunk=200, key=KEY) as running:
        yield running


def served(
    server: OpenAIServer, store: ArtifactStore, budget: float | None = None, **options: Any
) -> Adviser:
    """A model of that server, asked through litellm."""
    settings = Options(**{"vision": True, "retry_wait": 0.0, "model_retries": 1, **options})
    return Adviser.of(
        "openai/judge",
        registry_of(),
        store,
        api_base=f"{server.url}/v1",
        options=settings,
        secrets={"OPENAI_API_KEY": KEY},
        budget=budget,
    )


def values(scores: Sequence[Any]) -> list[float | None]:
    """Their values."""
    return [each.value for each in scores]


@pytest.fixture
def page() -> str:
    """The page on judges."""
    return (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")
