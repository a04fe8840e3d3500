"""A loopback server that speaks OpenAI's API: chat, streaming, pictures, and faults on demand.

with OpenAIServer(["# The fox\\n\\nIt is red."], key="sk-test") as server:
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-test")
    ...
    server.fault(openai_error(429, "slow down", "rate_limit_exceeded", Retry_After="1"))
    ...  # the next request gets the 429, the one after it the script's next answer

The wire format is that of https://platform.openai.com/docs/api-reference (chat, models, images), with the token
ids that vLLM adds (`return_token_ids`). What a real server would refuse is refused: an unknown path or model, a
wrong key, `response_format` for gpt-image models. Pictures lie under addresses that need no key, as they do there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from llmi_agent.testing.fakes import random_png
from llmi_agent.testing.openai_request import (
    Chat,
    Json,
    PictureRequest,
    Refused,
    decoded,
    form_of,
    given,
    inverted,
    openai_error,
    parts_of,
    pictures_in,
)
from llmi_agent.testing.server import Reply, Seen, Server, json_reply

Script = Sequence[str] | Callable[[list[dict[str, Any]]], str]

CREATED = 1_750_000_000
IMAGE_TOKENS = 85
"""What a picture in a message counts."""


@dataclass(frozen=True)
class _Choice:
    tokens: tuple[str, ...]
    finish: str


class OpenAIServer(Server):
    """Answers chats by a script and draws small pictures.

    script: the answers in order (the last one for ever), or a function from the request's messages to the answer.
    models: the names it knows; none given, it knows every name. chunk: characters of a token; a stream sends one
    token an event. pause: seconds before each event. key: what `Authorization: Bearer` must carry, if anything.

    asked: the messages of every chat. pictures: the bytes of every picture it was sent, in chats and for edits.
    Usage counts the tokens of this server: `len(server.tokens(text))`. There is no token for the end of a turn.
    """

    def __init__(
        self,
        script: Script = ("Hello.",),
        *,
        models: Sequence[str] = (),
        chunk: int = 4,
        pause: float = 0.0,
        key: str | None = None,
    ) -> None:
        super().__init__()
        self.asked: list[list[Json]] = []
        self.pictures: list[bytes] = []
        self.script = script
        self._told = 0
        self._models = tuple(models)
        self._chunk = chunk
        self._pause = pause
        self._key = key
        self._kept: dict[str, bytes] = {}

    def tokens(self, text: str) -> tuple[str, ...]:
        """The text in tokens of `chunk` characters."""
        return tuple(text[at : at + self._chunk] for at in range(0, len(text), self._chunk))

    def token_id(self, token: str) -> int:
        """The token's number, the same in every server."""
        return zlib.crc32(token.encode())

    def logprob(self, token: str) -> float:
        """What the model says of a token that it chose: between -1 and 0, the same in every server."""
        return -(self.token_id(token) % 1000) / 1000

    def prompt_tokens(self, messages: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """What the messages count: the tokens of their texts, and `IMAGE_TOKENS` for each picture."""
        found: list[str] = []
        for part in parts_of(messages):
            if part.get("type") == "image_url":
                found += ["<image>"] * IMAGE_TOKENS
            else:
                found += self.tokens(str(part.get("text", "")))
        return tuple(found)

    def answer(self, request: Seen) -> Reply:
        """OpenAI's answer, or its error."""
        if kept := self._kept.get(request.path):
            return Reply(body=kept, media_type="image/png")
        routes = {
            ("GET", "/v1/models"): self._list_models,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/images/generations"): self._generate,
            ("POST", "/v1/images/edits"): self._edit,
        }
        route = routes.get((request.method, request.path))
        try:
            self._check_key(request)
            if route is None:
                where = f"{request.method} {request.path}"
                return openai_error(404, f"Invalid URL ({where})", "unknown_url")
            return route(request)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            return openai_error(400, f"{name}: {first['msg']}", "invalid_value", param=name)
        except Refused as refused:
            return refused.reply

    def _check_key(self, request: Seen) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key is None or given == self._key:
            return
        said = (
            f"Incorrect API key provided: {given[:3]}***{given[-4:]}." if given else "No API key."
        )
        raise Refused(openai_error(401, said, "invalid_api_key"))

    def _check_model(self, name: str) -> None:
        if self._models and name not in self._models:
            said = f"The model `{name}` does not exist or you do not have access to it."
            raise Refused(openai_error(404, said, "model_not_found", param="model"))

    def _list_models(self, request: Seen) -> Reply:
        data = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "llmi"}
            for name in self._models
        ]
        return json_reply({"object": "list", "data": data})

    def _chat(self, request: Seen) -> Reply:
        chat = Chat.model_validate(given(decoded(request)))
        self._check_model(chat.model)
        if chat.top_logprobs and not chat.logprobs:
            raise Refused(
                openai_error(400, "top_logprobs needs logprobs", "invalid_value", param="logprobs")
            )
        self.pictures += pictures_in(chat.messages)
        self.asked.append(chat.messages)
        choices = [self._choice(chat) for _ in range(chat.n)]
        if not chat.stream:
            return json_reply(self._whole(chat, choices))
        events = (json.dumps(event) for event in self._events(chat, choices))
        pieces = [*events, "[DONE]"]
        body = tuple(f"data: {piece}\n\n".encode() for piece in pieces)
        return Reply(body=body, media_type="text/event-stream", pause=self._pause)

    def _choice(self, chat: Chat) -> _Choice:
        tokens = self.tokens(self._next(chat.messages))
        most = chat.max_completion_tokens or chat.max_tokens or len(tokens)
        return _Choice(tokens[:most], "length" if most < len(tokens) else "stop")

    def _next(self, messages: list[Json]) -> str:
        if callable(self.script):
            return self.script(messages)
        self._told += 1
        return self.script[min(self._told, len(self.script)) - 1]

    def _whole(self, chat: Chat, choices: Sequence[_Choice]) -> Json:
        said = [
            {
                "index": number,
                "message": {"role": "assistant", "content": "".join(choice.tokens)},
                "finish_reason": choice.finish,
                **self._told_of(chat, choice.tokens),
            }
            for number, choice in enumerate(choices)
        ]
        return {
            **self._head(chat, "chat.completion"),
            "choices": said,
            "usage": self._usage(chat, choices),
            **self._prompt_ids(chat),
        }

    def _events(self, chat: Chat, choices: Sequence[_Choice]) -> Iterator[Json]:
        """The events of a stream: who speaks, token by token, why it ends, and the usage if it was asked for."""
        head = self._head(chat, "chat.completion.chunk")
        if chat.stream_options.include_usage:
            head["usage"] = None

        def event(number: int, delta: Json, finish: str | None = None, **more: Any) -> Json:
            choice = {"index": number, "delta": delta, "finish_reason": finish, "logprobs": None}
            return {**head, "choices": [{**choice, **more}]}

        for number, choice in enumerate(choices):
            yield event(number, {"role": "assistant", "content": ""}) | self._prompt_ids(chat)
            for token in choice.tokens:
                yield event(number, {"content": token}, **self._told_of(chat, (token,)))
            yield event(number, {}, choice.finish)
        if chat.stream_options.include_usage:
            yield {**head, "choices": [], "usage": self._usage(chat, choices)}

    def _head(self, chat: Chat, kind: str) -> Json:
        name = f"chatcmpl-{len(self.asked)}"
        return {"id": name, "object": kind, "created": CREATED, "model": chat.model}

    def _usage(self, chat: Chat, choices: Sequence[_Choice]) -> Json:
        prompt = len(self.prompt_tokens(chat.messages))
        written = sum(len(choice.tokens) for choice in choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        }

    def _prompt_ids(self, chat: Chat) -> Json:
        if not chat.return_token_ids:
            return {}
        return {"prompt_token_ids": [*map(self.token_id, self.prompt_tokens(chat.messages))]}

    def _told_of(self, chat: Chat, tokens: Sequence[str]) -> Json:
        """What a choice says of its tokens beside the text, as far as it was asked for."""
        said: Json = {"logprobs": None}
        if chat.logprobs:
            entries = [self._entry(token, chat.top_logprobs) for token in tokens]
            said["logprobs"] = {"content": entries, "refusal": None}
        if chat.return_token_ids:
            said["token_ids"] = [*map(self.token_id, tokens)]
        return said

    def _entry(self, token: str, alternatives: int) -> Json:
        def entry(text: str, logprob: float) -> Json:
            return {"token": text, "logprob": logprob, "bytes": [*text.encode()]}

        chosen = self.logprob(token)
        tops = [entry(token + "'" * rank, chosen - rank) for rank in range(alternatives)]
        return {**entry(token, chosen), "top_logprobs": tops}

    def _generate(self, request: Seen) -> Reply:
        asked = PictureRequest.model_validate(given(decoded(request)))
        drawn = [
            random_png(*asked.pixels, seed=zlib.crc32(f"{asked.prompt} {number}".encode()))
            for number in range(asked.n)
        ]
        return self._drawn(asked, drawn, sources=0)

    def _edit(self, request: Seen) -> Reply:
        fields, files = form_of(request)
        asked = PictureRequest.model_validate(fields)
        if not files:
            raise Refused(openai_error(400, "image: Field required", param="image"))
        self.pictures += files
        edited = inverted(files[0], asked.pixels)
        return self._drawn(asked, [edited] * asked.n, sources=len(files))

    def _drawn(self, asked: PictureRequest, drawn: Sequence[bytes], *, sources: int) -> Reply:
        """gpt-image models answer with bytes and usage; the DALL-E models with an address, unless asked otherwise."""
        self._check_model(asked.model)
        modern = "gpt-image" in asked.model
        if modern and asked.response_format:
            said = "Unknown parameter: 'response_format'."
            raise Refused(openai_error(400, said, "unknown_parameter", param="response_format"))
        if not modern and asked.response_format != "b64_json":
            return json_reply({"created": CREATED, "data": [{"url": self._keep(d)} for d in drawn]})
        data = [{"b64_json": base64.b64encode(each).decode()} for each in drawn]
        answer: Json = {"created": CREATED, "data": data}
        if modern:
            text, shown = len(self.tokens(asked.prompt)), sources * IMAGE_TOKENS
            made = len(drawn) * IMAGE_TOKENS
            answer["usage"] = {
                "input_tokens": text + shown,
                "input_tokens_details": {"text_tokens": text, "image_tokens": shown},
                "output_tokens": made,
                "total_tokens": text + shown + made,
            }
        return json_reply(answer)

    def _keep(self, picture: bytes) -> str:
        """The address under which anyone may fetch the picture, as at a vendor's file store."""
        path = f"/files/{hashlib.sha256(picture).hexdigest()[:16]}.png"
        self._kept[path] = picture
        return self.url + path
