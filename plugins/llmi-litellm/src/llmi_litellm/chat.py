"""LiteLLM's chat model, told of what its vendors really send.

LiteLLM ends every stream with the reason "stop", whether or not the vendor gave one; it takes reasons that it does not
know for "stop", too. Servers differ in whether they stream at all, and whether they know `stream_options`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import litellm
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_litellm import ChatLiteLLM
from pydantic import PrivateAttr

from llmi_agent.contract import PolicyFailed

_CLEAN_END = "before a finish_reason was received"
"""In LiteLLM's error for a stream that ended well in all but this."""
_ABORTED = "(finish_reason=abort)"
"""In the one for a stream that ended with this reason."""


class Chat(ChatLiteLLM):
    """A model whose chunks hold the vendor's own `finish_reason`, or none."""

    _refuses_options: bool = PrivateAttr(default=False)
    """The server does not know `stream_options`."""
    _unstreamed: int = PrivateAttr(default=0)
    """Answers in a row that came whole, though a stream was asked for."""

    async def acompletion_with_retry(
        self, run_manager: AsyncCallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Any:
        """The answer to one request: whole, or piece by piece. There are no retries: LLMI has its own."""
        if kwargs.get("stream"):
            return self._pieces(kwargs)
        return await self.client.acompletion(**kwargs)

    async def _pieces(self, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if self._unstreamed > 1:
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
            if heard and _ABORTED in str(error):
                yield _last("abort")
            elif not (heard and _CLEAN_END in str(error)):
                if heard or not (kind := _kind(stream)):
                    raise
                yield await self._answered(asked, kind)
        else:
            if not heard and (kind := _kind(stream)):
                yield await self._answered(asked, kind)
        finally:
            await stream.aclose()

    async def _opened(self, asked: dict[str, Any]) -> Any:
        """The stream, asked for without what the server does not know."""
        if not self._refuses_options:
            try:
                return await self.client.acompletion(**asked)
            except litellm.exceptions.BadRequestError as error:
                if "stream_options" not in asked or "stream_options" not in str(error):
                    raise
                self._refuses_options = True
        return await self.client.acompletion(
            **{name: value for name, value in asked.items() if name != "stream_options"}
        )

    async def _answered(self, asked: dict[str, Any], kind: str) -> dict[str, Any]:
        """What a server says that does not stream: it is asked once more, for the whole. Raises PolicyFailed."""
        if kind != "application/json":
            raise PolicyFailed(
                f"the model's server answers with {kind}, where text should stream; check its address (--api-base)"
            )
        answer = await self._whole(asked)
        self._unstreamed += 1
        return answer

    async def _whole(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer as the one piece of a stream."""
        plain = {name: value for name, value in asked.items() if name != "stream_options"}
        answer = (await self.client.acompletion(**{**plain, "stream": False})).model_dump()
        choices = [{**each, "delta": each["message"]} for each in answer["choices"][:1]]
        return {**answer, "choices": choices}


def _as_received(chunk: Any, stream: Any) -> dict[str, Any]:
    """The chunk as plain data, with the reason that the vendor gave in place of the one that LiteLLM puts."""
    piece: dict[str, Any] = chunk.model_dump()
    for choice in piece["choices"]:
        if choice.get("finish_reason"):
            given = stream.received_finish_reason or stream.intermittent_finish_reason
            choice["finish_reason"] = given or None
    return piece


def _last(reason: str) -> dict[str, Any]:
    """A piece that only says why the stream ends."""
    return {"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": reason}]}


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
