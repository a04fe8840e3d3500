"""LiteLLM's chat model, told of what its vendors really send.

LiteLLM ends every stream with the reason "stop", whether or not the vendor gave one; it takes reasons that it does not
know for "stop", too. Servers differ in whether they stream at all, and whether they know `stream_options`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import litellm
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.outputs import ChatGenerationChunk
from langchain_litellm import ChatLiteLLM
from pydantic import PrivateAttr

from llmi_agent.contract import PolicyAgain, PolicyFailed

_CLEAN_END = "before a finish_reason was received"
"""In LiteLLM's error for a stream that ended well in all but this."""
_ABORTED = "(finish_reason=abort)"
"""In the one for a stream that ended with this reason."""
_SERVED = "llmi_served"
"""Where a piece names the model that has answered: ChatLiteLLM would put the one that was asked."""


class Chat(ChatLiteLLM):
    """A model whose chunks hold the vendor's own `finish_reason`, `usage` and model, or none. One call is one request."""

    _refuses_options: bool = PrivateAttr(default=False)
    """The server does not know `stream_options`."""
    _unstreamed: int = PrivateAttr(default=0)
    """Answers in a row that came whole, though a stream was asked for."""
    _owed: int = PrivateAttr(default=0)
    """Calls that came to nothing for that: as many are to be asked for the whole."""

    async def acompletion_with_retry(
        self, run_manager: AsyncCallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Any:
        """The answer to one request: whole, or piece by piece. There are no retries: LLMI has its own.

        Raises PolicyAgain if the request is to be put in another way, PolicyFailed if no model is there.
        """
        if kwargs.get("stream"):
            return self._pieces(kwargs)
        return await self.client.acompletion(**kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(*args, **kwargs):
            metadata = chunk.message.response_metadata
            said = metadata.pop("provider_specific_fields", None) or {}
            served = said.pop(_SERVED, None)
            if said:
                metadata["provider_specific_fields"] = said
            if "model_name" in metadata:  # the one that was asked
                metadata["model_name"] = served
            yield chunk

    async def _pieces(self, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if self._unstreamed > 1 or self._owed:
            self._owed = max(self._owed - 1, 0)
            yield await self._whole(asked)
            return
        stream = await self._opened(asked)
        heard = False
        try:
            async for chunk in stream:
                piece = _as_received(chunk, stream)
                heard = heard or _says_something(piece)
                yield piece
            self._unstreamed = 0 if heard else self._unstreamed
        except Exception as error:
            aborted = _ABORTED in str(error)
            if not (heard and (aborted or _CLEAN_END in str(error))):
                if heard or not (kind := _kind(stream)):
                    raise
                raise self._unheard(kind) from error
            yield _last("abort" if aborted else None, _counted(stream))
        else:
            if not heard and (kind := _kind(stream)):
                raise self._unheard(kind)
        finally:
            await stream.aclose()

    async def _opened(self, asked: dict[str, Any]) -> Any:
        """The stream, asked for without what the server does not know."""
        if self._refuses_options:
            asked = _without_options(asked)
        try:
            return await self.client.acompletion(**asked)
        except litellm.exceptions.BadRequestError as error:
            if "stream_options" not in asked or "stream_options" not in str(error):
                raise
            self._refuses_options = True
            raise PolicyAgain("the model's server does not know stream_options") from error
        except litellm.exceptions.NotFoundError as error:
            if not (bare := self._bare_address()):
                raise
            said = str(error).rpartition(" - ")[2]
            raise PolicyFailed(
                f"the server at {bare} does not know this model, or no models at all (HTTP 404: {said}); an address "
                f"(--api-base) mostly ends in /v1"
            ) from error

    def _bare_address(self) -> str:
        """The address of a server that speaks OpenAI's protocol, if it has no path, which is mostly wrong; else empty."""
        address = str(self.model_kwargs.get("api_base") or "")
        parts = urlsplit(address)
        bare = self.model.startswith("openai/") and parts.hostname and parts.path in ("", "/")
        return address if bare else ""

    def _unheard(self, kind: str) -> Exception:
        """What is to be raised for an answer of this media type, which is no stream."""
        if kind != "application/json":
            lacking = ", which mostly ends in /v1" if self._bare_address() else ""
            return PolicyFailed(
                f"the model's server answers with {kind}, where text should stream; check its address (--api-base){lacking}"
            )
        self._unstreamed += 1
        self._owed += 1
        return PolicyAgain("the model's server answers whole, where text should stream")

    async def _whole(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer as the one piece of a stream."""
        answer = await self.client.acompletion(**{**_without_options(asked), "stream": False})
        piece = answer.model_dump()
        choices = [{**each, "delta": each["message"]} for each in piece["choices"][:1]]
        return _served({**piece, "choices": choices}, answer.model)


def _without_options(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "stream_options"}


def _as_received(chunk: Any, stream: Any) -> dict[str, Any]:
    """The chunk as plain data, with what the vendor said in place of what LiteLLM makes up."""
    piece: dict[str, Any] = chunk.model_dump()
    for choice in piece["choices"]:
        if choice.get("finish_reason"):
            given = stream.received_finish_reason or stream.intermittent_finish_reason
            choice["finish_reason"] = given or None
    if piece.get("usage"):
        piece["usage"] = _counted(stream)
    return _served(piece, stream._provider_response_model)


def _served(piece: dict[str, Any], model: object) -> dict[str, Any]:
    """With the model that has answered, where ChatLiteLLM passes it on."""
    said = piece.get("provider_specific_fields") or {}
    return {**piece, "provider_specific_fields": {**said, _SERVED: model}} if model else piece


def _counted(stream: Any) -> dict[str, Any] | None:
    """The vendor's last count of tokens; None if it gave none, for which LiteLLM puts its own."""
    counts = (getattr(each, "usage", None) for each in reversed(stream.chunks))
    last = next((each for each in counts if each is not None), None)
    return None if last is None else dict(last.model_dump())


def _last(reason: str | None, usage: dict[str, Any] | None) -> dict[str, Any]:
    """A piece that only says why the stream ends, and what was counted."""
    delta = {"role": "assistant", "content": ""}
    return {"choices": [{"delta": delta, "finish_reason": reason}], "usage": usage}


def _says_something(piece: dict[str, Any]) -> bool:
    deltas = [choice.get("delta") or {} for choice in piece["choices"]]
    return any(
        d.get("content") or d.get("tool_calls") or d.get("reasoning_content") for d in deltas
    )


def _kind(stream: Any) -> str:
    """The media type of the answer, if it is known and no stream's."""
    headers = getattr(stream, "_response_headers", None) or {}
    said = next((str(v) for k, v in headers.items() if k.lower() == "content-type"), "")
    kind = said.partition(";")[0].strip().lower()
    return "" if kind in ("text/event-stream", "application/x-ndjson") else kind
