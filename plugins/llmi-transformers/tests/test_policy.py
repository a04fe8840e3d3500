"""The policy as a run has it: in a process of its own, for many callers at once."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import queue
import shutil
import signal
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import sampled
import torch
from langchain_core.messages import HumanMessage, SystemMessage

from llmi_agent import ArtifactStore
from llmi_agent.config.options import Options
from llmi_agent.contract import PolicyFailed
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import ModelEnded, ModelStarted
from llmi_agent.records.journal import journal_beside
from llmi_agent.testing import FakeTool, check_light_import
from llmi_graphs import build_graph
from llmi_transformers import desk
from llmi_transformers.asking import NEUTRAL, prompt_of
from llmi_transformers.batch import Batch
from llmi_transformers.chat import Chat
from llmi_transformers.engine import Engine, engine_of
from llmi_transformers.folder import folder_of
from llmi_transformers.policy import make
from llmi_transformers.post import Answering
from llmi_transformers.settings import Settings
from llmi_transformers.testing import tiny_checkpoint, tiny_tokenizer
from llmi_transformers.wire import Ask, Begun, Open, Piece, Stop, Waits

ASKED = [SystemMessage("Write."), HumanMessage("The fox")]
WITHOUT_SYSTEM = "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}{% endfor %}<|start|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = tiny_tokenizer(template=WITHOUT_SYSTEM)
    return tiny_checkpoint(tmp_path_factory.mktemp("policy"), tokenizer=tokenizer)


@pytest.fixture(scope="module", autouse=True)
def kept(folder: Path) -> Iterator[Engine]:
    """The process stays for all tests."""
    engine = engine_of(folder_of(str(folder)), Settings())
    yield engine
    del engine
    gc.collect()


@pytest.fixture(scope="module")
def long(folder: Path) -> int:
    """A seed whose answer is a long one."""
    of = sampled.loaded(folder)
    prompt = of.tokenizer.encode("The fox<|start|>")
    rows = [sampled.row(of, prompt, most=200, seed=n) for n in range(8)]
    sampled.written(of, rows)
    return next(each.sampling.seed for each in rows if each.finish == "length")


async def test_what_is_said_is_what_was_sampled(folder: Path) -> None:
    """Many callers, of different loops, ask at once."""
    said = await asyncio.gather(
        *(sampled.ask(folder, ASKED, seed=n, max_tokens=5 + n) for n in range(24))
    )
    of = sampled.loaded(folder)
    prompt = tuple(
        of.tokenizer.apply_chat_template(
            [{"role": "user", "content": "The fox"}], return_dict=False
        )
    )
    for n, each in enumerate(said):
        tokens = each.tokens
        assert not each.lack
        assert tokens.prompt == prompt
        assert tokens.mode == "processed_logprobs"
        row = sampled.row(of, prompt, most=5 + n, seed=n)
        sampled.written(of, [row])
        assert list(tokens.completion) == row.ids
        assert tokens.logprobs == pytest.approx(row.logprobs, abs=1e-4)
        assert each.finish == [row.finish]
        assert each.usage == [
            {
                "input_tokens": len(prompt),
                "output_tokens": len(row.ids),
                "total_tokens": len(prompt) + len(row.ids),
            }
        ]
        speaking = row.ids[:-1] if row.finish == "stop" else row.ids
        assert each.text == of.tokenizer.decode(speaking, skip_special_tokens=True)
        assert sum(count for count, _ in tokens.pieces) == len(row.ids)
        assert sum(length for _, length in tokens.pieces) == len(each.text)
    assert len({each.finish[0] for each in said}) == 2


def test_loops_of_several_threads_share_it(folder: Path) -> None:
    async def both() -> list[Any]:
        def other(seed: int) -> Any:
            return asyncio.run(sampled.ask(folder, ASKED, seed=seed, max_tokens=9))

        return await asyncio.gather(
            asyncio.to_thread(other, 1),
            asyncio.to_thread(other, 2),
            sampled.ask(folder, ASKED, seed=1, max_tokens=9),
        )

    one, two, same = asyncio.run(both())
    assert one.tokens.completion == same.tokens.completion != two.tokens.completion
    assert make(sampled.request(folder)).chat.invoke(ASKED, max_tokens=3).text is not None


async def test_without_tokens_nothing_is_said_of_them_and_stop_strings_hold(folder: Path) -> None:
    whole = await sampled.ask(folder, ASKED, tokens=False, seed=5, max_tokens=40)
    assert whole.text
    assert not whole.told
    stop = whole.text[7:9]
    cut = await sampled.ask(folder, ASKED, tokens=False, seed=5, max_tokens=40, stop=[stop])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish == ["stop"]
    with pytest.raises(PolicyFailed, match="cut the text and not what was sampled"):
        await sampled.ask(folder, ASKED, stop=[stop])


async def test_who_stops_listening_frees_the_row(folder: Path, long: int) -> None:
    """One row at a time: the next one begins only when it is free."""
    secrets = {"LLMI_TRANSFORMERS_BATCH": "1"}
    made = make(sampled.request(folder, **secrets))
    assert made.asks
    stream = made.chat.astream(ASKED, **made.asks({"seed": long}))
    waits = asyncio.create_task(sampled.ask(folder, ASKED, secrets=secrets, seed=long))
    next_ = asyncio.create_task(
        sampled.ask(folder, ASKED, secrets=secrets, seed=long, max_tokens=3)
    )
    assert await anext(stream)
    waits.cancel()
    await stream.aclose()  # type: ignore[attr-defined]
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert len((await asyncio.wait_for(next_, 60)).tokens.completion) == 3


def test_who_waits_hears_of_it_as_long_as_others_are_written_and_no_longer(
    folder: Path, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row at a time. What hangs in the middle of an answer says nothing: silence is a failure then."""
    monkeypatch.setattr(desk, "_WAITS", 0.0)
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    said: list[Any] = []
    hangs = threading.Event()
    steps = count()

    def step(batch: Batch, step: Any = Batch.step) -> None:
        if next(steps) == 8:
            hangs.set()
            orders.get()  # until the test goes on
        step(batch)

    monkeypatch.setattr(Batch, "step", step)
    messages = [{"role": "user", "content": "The fox"}]
    for call in (1, 2):
        orders.put(Ask(call, messages, {**NEUTRAL, "seed": long, "max_tokens": 20}))
    opening = Open(folder_of(str(folder)), Settings(batch=1))
    writer = threading.Thread(target=desk.Desk(opening, orders, said.extend).work)
    writer.start()
    assert hangs.wait(60)
    waits = said.count(Waits(2))
    assert waits == 8
    time.sleep(0.2)
    assert said.count(Waits(2)) == waits
    orders.put(None)
    deadline = time.monotonic() + 60
    while not any(isinstance(each, Piece) and each.call == 2 and each.finish for each in said):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    orders.put(Stop())
    writer.join(60)
    ours = [each for each in said if each.call == 2]
    assert isinstance(ours[0], Begun)
    last = max(place for place, each in enumerate(ours) if isinstance(each, Waits))
    assert all(isinstance(each, Waits) for each in ours[1 : last + 1])
    assert not any(isinstance(each, Waits) and each.call == 1 for each in said)


async def test_an_answer_that_waited_is_the_same(folder: Path, long: int) -> None:
    class Slow(Answering):
        async def answer(self, *given: Any) -> AsyncGenerator[Any]:
            yield Begun(0, (1,), "v")
            yield Waits(0)
            yield Piece(0, "ab", (2, 3), (-0.1, -0.2), ((2, 2),), finish="stop")

    chunks = [each async for each in Chat(model="m", engine=Slow(), tokens=True).astream("x")]
    assert [str(each.text) for each in chunks[:3]] == ["", "", "ab"]
    said = sampled.Said(chunks)
    assert (said.tokens.completion, said.tokens.pieces, said.lack) == ((2, 3), ((2, 2),), "")


async def test_a_prompt_that_is_too_long_and_one_that_nearly_is(folder: Path) -> None:
    with pytest.raises(
        PolicyFailed, match=r"has \d+ tokens, LLMI's own .* context 512: take"
    ) as error:
        await sampled.ask(folder, [HumanMessage("ä" * 305)])
    assert error.value.reason == "input"
    said = await sampled.ask(folder, [HumanMessage("ä" * 250)], seed=1, max_tokens=100)
    assert said.finish == ["length"]
    assert len(said.tokens.prompt or ()) + len(said.tokens.completion) == 512


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"temperature": -1}, "temperature cannot be -1"),
        ({"top_p": 2}, "top_p cannot be 2"),
        ({"repetition_penalty": 1.2}, "takes no repetition_penalty"),
        ({"logit_bias": {}}, "takes no logit_bias"),
    ],
)
async def test_what_it_cannot_be_asked_with(folder: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyFailed, match=said):
        await sampled.ask(folder, ASKED, **asked)


async def test_a_picture_is_refused(folder: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(PolicyFailed, match="is shown no pictures"):
        await sampled.ask(folder, [HumanMessage([{"type": "text", "text": "What?"}, picture])])
    said = await sampled.ask(folder, [HumanMessage([{"type": "text", "text": "The fox"}])])
    assert said.tokens.prompt == (await sampled.ask(folder, ASKED)).tokens.prompt


async def test_a_process_that_dies_is_said_and_the_next_ends_with_the_last_who_has_it(
    tmp_path: Path, folder: Path, long: int
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    made = make(sampled.request(copy))
    assert made.asks
    stream = made.chat.astream(ASKED, **made.asks({"seed": long}))
    await anext(stream)
    os.kill(made.chat.engine._post._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(PolicyFailed, match=r"has ended \(exit code -9\); it was killed"):
        async for _ in stream:
            pass
    asked = made.asks({"max_tokens": 4, "seed": long})
    said = sampled.Said([each async for each in made.chat.astream(ASKED, **asked)])
    assert len(said.tokens.completion) == 4
    process = made.chat.engine._post._process  # type: ignore[attr-defined]
    assert process.poll() is None
    del made, stream
    gc.collect()
    assert process.poll() == 0


async def test_what_cannot_be_loaded_is_said_to_each_who_asks(tmp_path: Path, folder: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "model.safetensors").write_bytes(b"no")
    asked = await asyncio.gather(
        *(sampled.ask(copy, ASKED) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in asked] == [PolicyFailed] * 2
    assert "cannot be loaded" in str(asked[0])


def prompt(**given: Any) -> tuple[int, ...]:
    """Of a tokenizer that is made so; and what its template is given."""
    template = given.pop("template")
    known = given.pop("vocabulary", 999)
    of = Mock(tokenizer=tiny_tokenizer(template=template), vocabulary=known, eyes=None)
    asked = [{"role": "system", "content": "Write."}, {"role": "user", "content": "The fox"}]
    return prompt_of("own", of, asked, given).ids


def test_a_tokenizer_without_a_chat_template() -> None:
    with pytest.raises(PolicyFailed, match="the tokenizer of own has no chat template"):
        prompt(template=None)


def test_a_template_that_takes_no_system_message() -> None:
    strict = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}x"
    )
    with pytest.raises(PolicyFailed, match="does not take these messages: no system role"):
        prompt(template=strict)
    with pytest.raises(PolicyFailed, match="does not take these messages"):
        prompt(template="{{ 1 / 0 }}")


def test_a_tokenizer_that_is_not_its_models() -> None:
    with pytest.raises(
        PolicyFailed, match=r"makes the token \d+, and the model knows those below 50"
    ):
        prompt(template="words", vocabulary=50)
    with pytest.raises(PolicyFailed, match="of the prompt it makes no token"):
        prompt(template="{{ '' }}")


def test_what_the_template_is_given_is_on_record(folder: Path) -> None:
    secrets = {"LLMI_TRANSFORMERS_TEMPLATE": '{"enable_thinking": true}'}
    asks = make(sampled.request(folder, **secrets)).asks
    assert asks
    assert asks({})["chat_template_kwargs"] == {"enable_thinking": True}
    template = "{{ 'think' if enable_thinking else 'do not' }}"
    assert prompt(template=template, enable_thinking=True) == tuple(
        tiny_tokenizer().encode("think")
    )


async def test_a_run_has_all_of_it_on_record(tmp_path: Path, folder: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    graph = build_graph(
        model=f"transformers/{folder}",
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
        options=Options(max_tokens=30, temperature=0.8),
        record="full",
    )
    await graph.ainvoke({"messages": [HumanMessage("The fox")]})
    journal = journal_beside(store)
    events = [each for _, each in events_of(journal.read(journal.episodes()[0]))]
    (started,) = (each for each in events if isinstance(each, ModelStarted))
    (ended,) = (each for each in events if isinstance(each, ModelEnded))
    assert started.sampling["temperature"] == 0.8
    assert started.sampling["top_p"] == 1.0
    assert started.sampling["top_k"] == -1
    assert type(started.sampling["seed"]) is int
    assert ended.weights == folder_of(str(folder)).version()
    assert ended.tokens
    assert ended.tokens.logprobs
    of = sampled.loaded(folder)
    each = sampled.row(of, ended.tokens.prompt or ())
    each.ids = list(ended.tokens.completion)
    logits = sampled.logits_of(of, each) / 0.8
    known = logits.log_softmax(-1).gather(1, torch.tensor(each.ids)[:, None])[:, 0]
    assert ended.tokens.logprobs == pytest.approx(known.tolist(), abs=1e-4)


def test_its_door_is_light() -> None:
    check_light_import("llmi_transformers.plugin")


def test_a_waiting_process_does_not_work(kept: Engine) -> None:
    """Nothing spins while nobody asks."""
    pid = kept._post._process.pid  # type: ignore[union-attr]

    def worked() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    if not Path(f"/proc/{pid}/stat").exists():
        pytest.skip("this system has no /proc")
    before = worked()
    time.sleep(0.5)
    assert worked() - before <= 10, json.dumps({"ticks": worked() - before})
