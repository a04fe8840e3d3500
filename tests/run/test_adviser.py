"""An adviser: asked outside of any episode, with what a policy has: retries, stand-ins, a budget, pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import Field

from llmi_agent import (
    ArtifactStore,
    ModelPrice,
    Options,
    PolicyError,
    UnavailableError,
    registry_of,
)
from llmi_agent.document.messages import reference
from llmi_agent.run.adviser import Adviser
from llmi_agent.testing import ScriptedModel, random_png

QUICK = Options(retry_wait=0.0)


class Flaky(ScriptedModel):
    """Raises what it is told to, once for each, before it answers."""

    errors: list[Exception] = Field(default_factory=list)

    def _answer(self, messages: list[BaseMessage]) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return super()._answer(messages)


@pytest.fixture
def adviser(tmp_path: Path) -> Callable[..., Adviser]:
    def make(model: Any, **given: Any) -> Adviser:
        given.setdefault("options", QUICK)
        return Adviser.of(model, registry_of(), ArtifactStore(tmp_path / "store"), **given)

    return make


def asked(text: str = "?") -> list[BaseMessage]:
    return [HumanMessage(text)]


async def test_it_answers_many_questions_at_once(adviser: Callable[..., Adviser]) -> None:
    one = adviser(ScriptedModel(script=lambda messages: str(messages[-1].text) + "!"))
    questions = [one.ask("judge", asked(str(number))) for number in range(40)]
    assert [each.text for each in await asyncio.gather(*questions)] == [f"{n}!" for n in range(40)]
    assert one.costs.unknown == 40


async def test_it_asks_again_what_has_failed_and_then_somebody_else(
    adviser: Callable[..., Adviser],
) -> None:
    flaky = Flaky(script=["at last"], errors=[ConnectionError("gone")])
    assert (await adviser(flaky).ask("judge", asked())).text == "at last"
    broken = Flaky(script=["never"], errors=[ValueError("no")] * 9)
    heir = ScriptedModel(script=["instead"])
    assert (await adviser(broken, fallback=[heir]).ask("judge", asked())).text == "instead"


async def test_what_every_model_fails_to_answer_is_an_error(
    adviser: Callable[..., Adviser],
) -> None:
    broken = Flaky(script=["never"], errors=[ValueError("sk-no")] * 9)
    with pytest.raises(PolicyError, match="failed"):
        await adviser(broken).ask("judge", asked())


async def test_a_deadline_holds_for_all_of_it(adviser: Callable[..., Adviser]) -> None:
    slow = adviser(ScriptedModel(script=["a long answer, in many pieces"], pause=5.0))
    with pytest.raises(TimeoutError):
        await slow.ask("judge", asked(), deadline=0.05)


async def test_what_was_heard_before_the_deadline_is_said(
    adviser: Callable[..., Adviser],
) -> None:
    one = adviser(
        Flaky(
            script=["a long answer, in many pieces"],
            pause=30.0,
            errors=[ConnectionError("gone"), ConnectionError("gone"), ConnectionError("shut")],
        ),
        options=QUICK.model_copy(update={"model_retries": 5}),
    )
    said = r"ConnectionError: gone \(2 times\); ConnectionError: shut"
    with pytest.raises(TimeoutError, match=said):
        await one.ask("judge", asked(), deadline=0.5)


async def test_an_answer_that_is_still_being_written_at_the_deadline_is_said_to_be(
    adviser: Callable[..., Adviser],
) -> None:
    one = adviser(ScriptedModel(script=["word " * 10_000], pause=0.01))
    with pytest.raises(TimeoutError, match=r"it was still writing, after \d+ characters"):
        await one.ask("judge", asked(), deadline=0.5)


async def test_whose_budget_it_is_that_allows_no_answer(adviser: Callable[..., Adviser]) -> None:
    one = adviser(ScriptedModel(script=["?"]), budget=1.0)
    with pytest.raises(UnavailableError, match=r"the command has a budget of \$1;"):
        await one.ask("judge", asked())


async def test_a_budget_is_shared_by_all_questions(adviser: Callable[..., Adviser]) -> None:
    priced = QUICK.model_copy(update={"prices": {"ScriptedModel": ModelPrice(input=0, output=1e6)}})
    one = adviser(ScriptedModel(script=["1234567 " * 125]), options=priced, budget=1000.0)
    for _ in range(3):
        await one.ask("judge", asked())
    with pytest.raises(UnavailableError, match="budget"):
        await one.ask("judge", asked())
    assert 0 < one.costs.usd <= 1000


async def test_it_is_shown_pictures_that_others_keep(adviser: Callable[..., Adviser]) -> None:
    class Lent:
        def read(self, digest: str) -> bytes:
            return random_png(8, 8)

        def path(self, digest: str) -> Path:
            raise KeyError(digest)

    model = ScriptedModel(script=["seen"])
    one = adviser(model, options=QUICK.model_copy(update={"vision": True}))
    assert one.sees
    message = HumanMessage([{"type": "text", "text": "?"}, reference("ab" * 32, "image/png")])
    await one.ask("judge", [message], pictures=Lent())
    ((shown,),) = model.asked
    assert [block["type"] for block in shown.content if isinstance(block, dict)] == [
        "text",
        "image",
    ]
    assert "base64" in shown.content[1]  # type: ignore[operator]


async def test_it_repeats_no_secret(
    adviser: Callable[..., Adviser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    one = adviser(ScriptedModel(script=["it is sk-canary-0123456789, I think"], chunk=3))
    assert "canary" not in (await one.ask("judge", asked())).text


async def test_another_seed_is_sent_for_another_answer(adviser: Callable[..., Adviser]) -> None:
    seen: list[Any] = []

    class Seeded(ScriptedModel):
        seed: int | None = None

        def _answer(self, messages: list[BaseMessage]) -> str:
            seen.append(self.seed)
            return super()._answer(messages)

    one = adviser(Seeded(script=["x"]))
    for seed in (1, 2, 1):
        await one.ask("judge", asked(), seed=seed)
    assert seen[0] == seen[2] != seen[1]
