"""vLLM's API on loopback, for tests: it answers by a script, and remembers exactly which tokens it sent.

with FakeVLLM(["# The fox 🦊\\n\\nIt is red."], Manner(tokens=3)) as server:
    graph = build_graph(model="vllm/fox", api_base=f"{server.url}/v1", record="full")
    ...
    assert recorded.completion == server.sent[-1].ids

The forms are those of vLLM's and SGLang's source: several tokens in an event, characters whose bytes lie in several tokens,
reasoning that is kept apart, special tokens that are in the ids and in no text, errors in the middle of a stream.
"""

from __future__ import annotations

import codecs
import json
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llmi_agent.testing import Reply, Seen, Server, json_reply

Script = Sequence[str] | Callable[[list[dict[str, Any]]], str]
Json = dict[str, Any]

SPECIAL = {b"<|im_end|>": 151645, b"<think>": 151667, b"</think>": 151668}
END, THINK, THOUGHT = SPECIAL
_WORDS = re.compile(r"\s?[A-Za-z]+|[^\x00-\x7f]|.", re.DOTALL)
_HEAD = {"id": "chatcmpl-1", "created": 1_750_000_000}


@dataclass(frozen=True)
class Manner:
    """How the server is, where it is not a plain vLLM of today."""

    tokens: int = 1
    """In one event of a stream."""
    reasoning: str = ""
    """What the model writes before its answer; the server keeps it apart."""
    reasoning_name: Literal["reasoning", "reasoning_content"] = "reasoning"
    refuses: tuple[str, ...] = ()
    """Fields that it does not know."""
    one_by_one: bool = False
    """It names the first of them only."""
    ids: bool = True
    """It knows `return_token_ids`; if not, it ignores that."""
    ids_stream: bool = True
    """False: with whole answers only, as SGLang's chat."""
    logprobs: bool = True
    """It has them; if not, it sends null."""
    true_bytes: bool = False
    """Of a part of a character, its bytes; else those of a replacement character, as vLLM."""
    numbered: bool = False
    """Tokens are written as `token_id:123`."""
    usage: Literal["last", "each", "never"] = "last"
    loses: int = 0
    """Tokens whose ids and logprobs it leaves out, as vLLM did where a parser held an event back (its issue 27482)."""
    floors: bool = False
    """It has no logprob of the first token."""
    weights: str = ""
    """Their version, as SGLang says it."""
    breaks_after: int = 0
    """Events of a stream, after which it says that something went wrong."""
    break_code: Any = 500
    streams: bool = True
    """False: it answers whole, whatever is asked."""


@dataclass(frozen=True)
class Sent:
    """An answer: all that was sampled, whether or not all of it was sent."""

    prompt: tuple[int, ...]
    tokens: tuple[bytes, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    finish: str


class FakeVLLM(Server):
    """One model by any name. script: the answers in order (the last one for ever), or a function from the messages to one.

    key: what `Authorization: Bearer` must carry, if anything. sent: every answer so far.
    """

    def __init__(
        self, script: Script = ("Hello.",), manner: Manner | None = None, *, key: str | None = None
    ) -> None:
        super().__init__()
        self.script = script
        self.manner = manner or Manner()
        self.sent: list[Sent] = []
        self._key = key

    def answer(self, request: Seen) -> Reply:
        """vLLM's answer, or its error."""
        if self._key and request.headers.get("authorization") != f"Bearer {self._key}":
            return json_reply({"error": "Unauthorized"}, 401)
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return json_reply({"detail": "Not Found"}, 404)
        body = request.json
        if refusal := self._refusal(body):
            return refused(refusal)
        sent = self._sampled(body)
        self.sent.append(sent)
        if not (body.get("stream") and self.manner.streams):
            return json_reply(self._whole(body, sent))
        events = list(self._events(body, sent))
        if self.manner.breaks_after:
            said = {"message": "EngineCore died", "type": "InternalServerError"}
            broken = {"error": {**said, "code": self.manner.break_code}}
            events = [*events[: self.manner.breaks_after], broken]
        written = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
        return Reply(body=(*written, b"data: [DONE]\n\n"), media_type="text/event-stream")

    def _refusal(self, body: Json) -> str:
        """Why it does not answer this; empty if it does."""
        unknown = [name for name in self.manner.refuses if name in body]
        if unknown:
            said = unknown[:1] if self.manner.one_by_one else unknown
            where = [{"type": "extra_forbidden", "loc": ["body", name]} for name in said]
            return json.dumps(where)
        if body.get("stream") and body.get("return_token_ids") and not self.manner.ids_stream:
            return (
                "return_token_ids is not supported with streaming on /v1/chat/completions. "
                "Please set stream=false when using return_token_ids=true."
            )
        return ""

    def _sampled(self, body: Json) -> Sent:
        chance = random.Random(len(self.sent))
        text = self._next(body["messages"])
        thought = (
            [THINK, *tokens_of(self.manner.reasoning), THOUGHT] if self.manner.reasoning else []
        )
        tokens = [*thought, *tokens_of(text), END]
        most = body.get("max_tokens") or len(tokens)
        kept = tokens[:most]
        return Sent(
            tuple(map(token_id, tokens_of(json.dumps(body["messages"])))),
            tuple(kept),
            tuple(map(token_id, kept)),
            tuple(_single(-5 * chance.random()) for _ in kept),
            text,
            "length" if most < len(tokens) else "stop",
        )

    def _next(self, messages: list[Json]) -> str:
        if callable(self.script):
            return self.script(messages)
        return self.script[min(len(self.sent), len(self.script) - 1)]

    def _events(self, body: Json, sent: Sent) -> Iterator[Json]:
        head = {**_HEAD, "object": "chat.completion.chunk", "model": body["model"]}
        first: Json = {"index": 0, "delta": {"role": "assistant", "content": ""}}
        prompt = {"prompt_token_ids": [*sent.prompt]} if self._tells_ids(body) else {}
        yield {**head, "choices": [{**first, "logprobs": None, "finish_reason": None}], **prompt}
        speech, done = _Speech(), 0
        every = range(len(sent.tokens))
        for start in every[:: self.manner.tokens]:
            numbers = every[start : start + self.manner.tokens]
            last = numbers[-1] == every[-1]
            delta = self._delta(*speech.next([sent.tokens[n] for n in numbers]))
            choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
            choice |= self._told(body, sent, numbers)
            choice |= {"finish_reason": sent.finish, "stop_reason": None} if last else {}
            done += len(numbers)
            usage = {"usage": _usage(sent, done)} if self.manner.usage == "each" else {}
            yield {**head, "choices": [choice], **usage}
        if (body.get("stream_options") or {}).get("include_usage") and self.manner.usage != "never":
            yield {**head, "choices": [], "usage": _usage(sent, done), **self._metadata()}

    def _whole(self, body: Json, sent: Sent) -> Json:
        text, reasoning = _Speech().next(sent.tokens)
        message = {"role": "assistant", **self._delta(text, reasoning)}
        told = self._told(body, sent, range(len(sent.tokens)))
        if "token_ids" in told and not self.manner.ids_stream:
            told |= {
                "response_token_ids": told.pop("token_ids"),
                "prompt_token_ids": [*sent.prompt],
            }
        choice = {"index": 0, "message": message, "finish_reason": sent.finish, **told}
        prompt = {"prompt_token_ids": [*sent.prompt]} if self._tells_ids(body) else {}
        return {
            **_HEAD,
            "object": "chat.completion",
            "model": body["model"],
            "choices": [choice],
            "usage": _usage(sent, len(sent.tokens)),
            **(prompt if self.manner.ids_stream else {}),
            **self._metadata(),
        }

    def _delta(self, text: str, reasoning: str) -> Json:
        said = {"content": text, self.manner.reasoning_name: reasoning}
        return {name: words for name, words in said.items() if words}

    def _metadata(self) -> Json:
        return {"metadata": {"weight_version": self.manner.weights}} if self.manner.weights else {}

    def _tells_ids(self, body: Json) -> bool:
        return bool(body.get("return_token_ids")) and self.manner.ids

    def _told(self, body: Json, sent: Sent, numbers: Sequence[int]) -> Json:
        """What is said of some tokens beside their text."""
        said: Json = {}
        shown = [n for n in numbers if n >= self.manner.loses]
        if body.get("logprobs") and self.manner.logprobs:
            said["logprobs"] = {"content": [self._entry(sent, n) for n in shown]}
        if self._tells_ids(body):
            said["token_ids"] = [sent.ids[n] for n in shown]
        return said

    def _entry(self, sent: Sent, number: int) -> Json:
        token = sent.tokens[number]
        written = token.decode("utf-8", "replace")
        own = token if self.manner.true_bytes else written.encode()
        if self.manner.numbered:
            written = f"token_id:{sent.ids[number]}"
        logprob = -9999.0 if self.manner.floors and not number else sent.logprobs[number]
        return {"token": written, "logprob": logprob, "bytes": [*own], "top_logprobs": []}


def refused(words: str) -> Reply:
    """A request that vLLM does not take."""
    error = {"message": words, "type": "BadRequestError", "param": None, "code": 400}
    return json_reply({"error": error}, 400)


def tokens_of(text: str) -> list[bytes]:
    """Words with the space before them, other characters alone, and those beyond ASCII as one token for each byte."""
    found: list[bytes] = []
    for word in _WORDS.findall(text):
        own = word.encode()
        found += [own] if word.isascii() else [own[n : n + 1] for n in range(len(own))]
    return found


def token_id(token: bytes) -> int:
    """The same in every server."""
    return SPECIAL.get(token, token[0] if len(token) == 1 else 1_000 + zlib.crc32(token) % 150_000)


class _Speech:
    """What is to be read of tokens, as they come."""

    def __init__(self) -> None:
        self._reader = codecs.getincrementaldecoder("utf-8")()
        self._thinking = False

    def next(self, tokens: Sequence[bytes]) -> tuple[str, str]:
        """Text and reasoning that come with these."""
        said = ["", ""]
        for token in tokens:
            if token in SPECIAL:
                self._thinking = token == THINK
            else:
                said[self._thinking] += self._reader.decode(token)
        return said[0], said[1]


def _single(number: float) -> float:
    """As a GPU has it: in 32 bits."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _usage(sent: Sent, written: int) -> Json:
    read = len(sent.prompt)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
