"""The fake of OpenAI's API, as the real clients see it: the openai SDK and litellm."""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from llmi_agent.testing import (
    GARBAGE,
    Cut,
    Hang,
    OpenAIServer,
    content_refusal,
    openai_error,
    random_png,
)

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-0123456789"
ANSWER = "# Foxes\n\nA fox is red, and a 🦊 is small."
ASK: list[Any] = [{"role": "user", "content": "About foxes, please."}]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer([ANSWER, "Second."], key=KEY) as running:
        yield running


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with sdk(server) as made:
        yield made


def sdk(server: OpenAIServer, key: str = KEY) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=key, max_retries=0, http_client=httpx.AsyncClient()
    )


async def test_a_whole_answer_with_its_usage(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    answer = await client.chat.completions.create(model="any", messages=ASK)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "stop")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == len(server.tokens(ANSWER)) == 10
    assert answer.usage.prompt_tokens == len(server.prompt_tokens(ASK)) == 5
    assert server.asked == [ASK]


async def test_the_script_goes_on_and_its_last_answer_stays(client: openai.AsyncOpenAI) -> None:
    said = [await client.chat.completions.create(model="any", messages=ASK) for _ in range(3)]
    texts = [answer.choices[0].message.content for answer in said]
    assert texts == [ANSWER, "Second.", "Second."]


async def test_a_script_may_be_a_function_and_n_asks_it_more_than_once() -> None:
    with OpenAIServer(lambda messages: f"You said: {messages[-1]['content']}") as server:
        async with sdk(server) as client:
            answer = await client.chat.completions.create(model="any", messages=ASK, n=2)
    texts = [choice.message.content for choice in answer.choices]
    assert texts == ["You said: About foxes, please."] * 2


@pytest.mark.parametrize("usage", [True, False])
async def test_a_stream_gives_usage_only_if_asked(
    server: OpenAIServer, client: openai.AsyncOpenAI, usage: bool
) -> None:
    stream = await client.chat.completions.create(
        model="any", messages=ASK, stream=True, stream_options={"include_usage": usage}
    )
    chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [piece for piece in pieces if piece] == [*server.tokens(ANSWER)]
    assert bool(chunks[-1].usage) is usage
    assert bool(chunks[-1].choices) is not usage
    assert not any(chunk.usage for chunk in chunks[:-1])
    reasons = [each.choices[0].finish_reason for each in chunks if each.choices]
    assert (set(reasons[:-1]), reasons[-1]) == ({None}, "stop")


async def test_a_stream_takes_its_time() -> None:
    with OpenAIServer(["12345678"], pause=0.03) as server:
        async with sdk(server) as client:
            began = time.monotonic()
            stream = await client.chat.completions.create(model="any", messages=ASK, stream=True)
            arrived = [time.monotonic() async for _ in stream]
    assert arrived[0] - began < arrived[-1] - began - 0.05


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_too_long_an_answer_is_cut_off(client: openai.AsyncOpenAI, name: str) -> None:
    most: Any = {name: 2}
    answer = await client.chat.completions.create(model="any", messages=ASK, **most)
    assert answer.choices[0].message.content == ANSWER[:8]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("stream", [True, False])
async def test_logprobs_and_token_ids_of_every_token(
    server: OpenAIServer, client: openai.AsyncOpenAI, stream: bool
) -> None:
    asked: dict[str, Any] = {
        "logprobs": True,
        "top_logprobs": 2,
        "extra_body": {"return_token_ids": True},
    }
    answer: Any = await client.chat.completions.create(
        model="any", messages=ASK, stream=stream, **asked
    )
    chunks = [chunk async for chunk in answer] if stream else [answer]
    entries = [
        entry
        for chunk in chunks
        if chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content
    ]
    assert tuple(entry.token for entry in entries) == server.tokens(ANSWER)
    assert bytes(byte for entry in entries for byte in entry.bytes).decode() == ANSWER
    assert [entry.logprob for entry in entries] == [*map(server.logprob, server.tokens(ANSWER))]
    assert all(-1 < entry.logprob <= 0 for entry in entries)
    assert {len(entry.top_logprobs) for entry in entries} == {2}
    ids = [number for c in chunks for number in c.choices[0].model_extra.get("token_ids", [])]
    assert ids == [*map(server.token_id, server.tokens(ANSWER))]
    prompt = [chunk.model_extra.get("prompt_token_ids") for chunk in chunks]
    assert prompt[0] == [*map(server.token_id, server.prompt_tokens(ASK))]
    assert not any(prompt[1:])


async def test_nothing_is_said_of_tokens_unasked(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="any", messages=ASK)
    assert answer.choices[0].logprobs is None
    assert "token_ids" not in answer.model_dump_json()


async def test_pictures_in_messages_are_kept_and_counted(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    picture = random_png()
    uri = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    shown: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": uri}},
    ]
    answer = await client.chat.completions.create(
        model="any", messages=[{"role": "user", "content": shown}]
    )
    assert server.pictures == [picture]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3 + 85
    shown[1]["image_url"]["url"] = "https://example.org/fox.png"
    with pytest.raises(openai.BadRequestError, match="Failed to download"):
        await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": shown}]
        )


async def test_a_wrong_key_is_refused_everywhere(server: OpenAIServer) -> None:
    async with sdk(server, "sk-wrong-one") as client:
        for call in (
            client.models.list(),
            client.chat.completions.create(model="any", messages=ASK),
            client.images.generate(model="gpt-image-1", prompt="a fox"),
        ):
            with pytest.raises(openai.AuthenticationError) as caught:
                await call
            assert caught.value.code == "invalid_api_key"
            assert "wrong-one" not in str(caught.value)
    assert server.asked == []


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "`gpt-9` does not exist"),
        ({"top_logprobs": 2}, openai.BadRequestError, "needs logprobs"),
        ({"max_tokens": 0}, openai.BadRequestError, "max_tokens"),
        ({"messages": []}, openai.BadRequestError, "messages"),
    ],
)
async def test_what_openai_would_refuse_is_refused(
    request_: dict[str, Any], error: type[Exception], words: str
) -> None:
    with OpenAIServer(models=["gpt-test"]) as server:
        async with sdk(server) as client:
            asked: dict[str, Any] = {"model": "gpt-test", "messages": ASK, **request_}
            with pytest.raises(error, match=words):
                await client.chat.completions.create(**asked)
            assert [each.id async for each in client.models.list()] == ["gpt-test"]
            with pytest.raises(openai.NotFoundError, match="Invalid URL"):
                await client.embeddings.create(model="gpt-test", input="fox")


async def test_a_cut_stream_raises_after_the_first_words(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.fault(Cut(0.5))
    stream = await client.chat.completions.create(model="any", messages=ASK, stream=True)
    heard: list[str] = []

    async def listen() -> None:
        async for chunk in stream:
            heard.append(chunk.choices[0].delta.content or "")

    with pytest.raises((openai.APIError, httpx.HTTPError)):
        await listen()
    assert ANSWER.startswith("".join(heard))
    assert 0 < len("".join(heard)) < len(ANSWER)


async def test_faults_arrive_as_the_sdk_knows_them(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.fault(
        openai_error(429, "slow down", "rate_limit_exceeded", Retry_After="3"),
        content_refusal(),
        openai_error(503, "overloaded"),
        GARBAGE,
        Hang(),
        path="/chat",
    )

    async def ask() -> Any:
        return await client.chat.completions.create(model="any", messages=ASK, timeout=0.2)

    with pytest.raises(openai.RateLimitError, match="slow down") as limited:
        await ask()
    assert limited.value.response.headers["retry-after"] == "3"
    with pytest.raises(openai.BadRequestError) as refused:
        await ask()
    assert refused.value.code == "content_policy_violation"
    with pytest.raises(openai.InternalServerError, match="overloaded"):
        await ask()
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        await ask()
    with pytest.raises(openai.APITimeoutError):
        await ask()
    assert (await ask()).choices[0].message.content == ANSWER


def size(picture: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture)) as opened:
        opened.load()
        return opened.size


async def test_pictures_are_drawn(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    drawn = await client.images.generate(model="gpt-image-1", prompt="a fox", size="1536x1024", n=2)
    assert drawn.data is not None
    pictures = [base64.b64decode(each.b64_json or "") for each in drawn.data]
    assert [size(each) for each in pictures] == [(96, 64)] * 2
    assert pictures[0] != pictures[1]
    assert drawn.usage is not None
    assert (drawn.usage.input_tokens, drawn.usage.output_tokens) == (2, 170)
    with pytest.raises(openai.BadRequestError, match="response_format"):
        await client.images.generate(
            model="gpt-image-1", prompt="a fox", response_format="b64_json"
        )


async def test_older_models_answer_with_an_address(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    drawn = await client.images.generate(model="dall-e-3", prompt="a fox")
    assert drawn.data is not None
    assert drawn.data[0].url is not None
    async with httpx.AsyncClient() as web:
        answer = await web.get(drawn.data[0].url)
    assert answer.headers["content-type"] == "image/png"
    assert size(answer.content) == (64, 64)
    inline = await client.images.generate(
        model="dall-e-3", prompt="a fox", response_format="b64_json"
    )
    assert inline.data is not None
    assert base64.b64decode(inline.data[0].b64_json or "") == answer.content


async def test_an_edit_changes_the_picture_that_was_sent(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (255, 0, 0)).save(out, "PNG")
    edited = await client.images.edit(
        model="gpt-image-1", image=("in.png", out.getvalue(), "image/png"), prompt="invert it"
    )
    assert edited.data is not None
    with Image.open(io.BytesIO(base64.b64decode(edited.data[0].b64_json or ""))) as picture:
        assert picture.getpixel((5, 5)) == (0, 255, 255)
    assert server.pictures == [out.getvalue()]
    with pytest.raises(openai.BadRequestError, match="Invalid image"):
        await client.images.edit(model="gpt-image-1", image=b"no picture", prompt="invert it")


async def test_litellm_streams_edits_and_draws(server: OpenAIServer) -> None:
    import litellm

    where: dict[str, Any] = {"api_base": f"{server.url}/v1", "api_key": KEY, "max_retries": 0}
    stream: Any = await litellm.acompletion(
        "openai/any", ASK, stream=True, stream_options={"include_usage": True}, **where
    )
    chunks = [chunk async for chunk in stream]
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(said) == ANSWER
    usage = next(chunk.usage for chunk in chunks if getattr(chunk, "usage", None))
    assert (usage.prompt_tokens, usage.completion_tokens) == (5, 10)
    drawn: Any = await litellm.aimage_generation(
        prompt="a fox", model="openai/gpt-image-1", **where
    )
    picture = base64.b64decode(drawn.data[0].b64_json)
    edited: Any = await litellm.aimage_edit(
        image=picture, prompt="brighter", model="openai/gpt-image-1", **where
    )
    assert size(base64.b64decode(edited.data[0].b64_json)) == size(picture) == (64, 64)
    assert server.pictures == [picture]


async def test_litellm_raises_on_a_cut_stream(server: OpenAIServer) -> None:
    import litellm

    server.fault(Cut(0.5))
    stream: Any = await litellm.acompletion(
        "openai/any", ASK, stream=True, api_base=f"{server.url}/v1", api_key=KEY, max_retries=0
    )
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        _ = [chunk async for chunk in stream]
