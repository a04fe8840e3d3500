"""The official SDK, and nothing of the process in what it sends."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx2
import openai
from pydantic import SecretStr

from llmi_agent.contract import PolicyFailed

PATH = "/chat/completions"
_SENT = (
    "host",
    "accept",
    "accept-encoding",
    "connection",
    "content-type",
    "content-length",
    "user-agent",
)
"""The headers of a request. The SDK adds those that `OPENAI_...` variables name, and facts of this machine."""
_CONNECT_SECONDS = 20.0


class ServerError(Exception):
    """The server ended the answer with an error, in the middle of the stream, or with what is no answer."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(f"the answer broke off: {words}")
        self.status_code = status


class Unreachable(ConnectionError):  # noqa: N818 - its name is the first word of what is said
    """There is no server, or the connection to it is lost."""


@asynccontextmanager
async def connected(base_url: str, key: SecretStr | None) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client for one request, on whatever event loop runs; the connection ends with the block. It does not try again."""

    async def bare(request: httpx2.Request) -> None:
        for name in [each for each in request.headers if each.lower() not in _SENT]:
            del request.headers[name]
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key.get_secret_value()}"

    # How long a model may be silent is the run's to say.
    patience = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
    async with httpx2.AsyncClient(
        verify=_trusted(), timeout=patience, event_hooks={"request": [bare]}
    ) as connection:
        yield openai.AsyncOpenAI(
            base_url=base_url,
            api_key="none",
            max_retries=0,
            timeout=patience,
            http_client=connection,
        )


async def answered(
    client: openai.AsyncOpenAI, body: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any]]:
    """What the server sends, event by event, as plain data; a whole answer is one event.

    Raises the SDK's errors, ServerError for one within the stream, Unreachable, and PolicyFailed if it is no such server.
    """
    try:
        if body.get("stream"):
            async for event in _streamed(client, body):
                yield event
        else:
            yield _event(await client.post(PATH, cast_to=object, body=dict(body)))
    except openai.NotFoundError as error:
        if "model" in str(error.body or "").lower():
            raise
        raise PolicyFailed(
            f"the server at {client.base_url} has no {PATH}; its address (--api-base) mostly ends in /v1",
            "setting",
        ) from error
    except openai.APIStatusError:
        raise
    except openai.APIConnectionError as error:
        raise Unreachable(f"{client.base_url}: {error.__cause__ or error}") from error
    except openai.APIError as error:  # an event that says so
        raise ServerError(error.message, _code(error.body)) from error
    except ValueError as error:
        raise ServerError("what the server sends is no JSON", 502) from error


async def _streamed(
    client: openai.AsyncOpenAI, body: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any]]:
    stream = await client.post(
        PATH,
        cast_to=object,
        body=dict(body),
        stream=True,
        stream_cls=openai.AsyncStream[object],
    )
    async with stream:
        kind = stream.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            yield _event(json.loads(await stream.response.aread()))
        elif kind in ("", "text/event-stream", "application/x-ndjson"):
            async for event in stream:
                yield _event(event)
        else:
            raise PolicyFailed(
                f"the model's server answers with {kind:.60}, where text should stream; check its address (--api-base)"
            )


def _event(data: object) -> Mapping[str, Any]:
    """Raises ServerError if it is none, or an error that came with a good status."""
    if not isinstance(data, Mapping):
        raise ServerError("what the server sends is no event", 502)
    error = data if data.get("object") == "error" else data.get("error")
    if not error:
        return data
    words = error.get("message") if isinstance(error, Mapping) else error
    raise ServerError(str(words), _code(error))


def _code(error: object) -> int:
    """The status that an error within a stream names; that of a server's own fault, if it names none."""
    given = error.get("code") if isinstance(error, Mapping) else None
    try:
        code = int(str(given))
    except ValueError:
        return 500
    return code if 400 <= code < 600 else 500


@cache
def _trusted() -> SSLContext:
    """Read once: it takes longer than many a request."""
    return httpx2.create_ssl_context()
