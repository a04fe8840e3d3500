"""The transcript of an answer: its pieces as they come, put on record, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from langchain_core.messages import AIMessageChunk

from llmi_agent.base.secrets import Redactor
from llmi_agent.base.text import paired, printable
from llmi_agent.models import heard
from llmi_agent.models.tokens import reported
from llmi_agent.records.events import Event, ModelEnded, ModelText, Tokens

MOST_ERROR, MOST_WORD = 2_000, 200
"""Characters of an error, and of a model's name or a reason, that are taken down."""
SECRET_READ = "a secret is in the prompt, so the prompt's ids are left out"
"""Why what was sampled is not kept with what was read, of a model that gives both."""
PIECE, PIECE_SECONDS = 4096, 0.5
"""Characters of an answer that make a record, or seconds since the last one, whichever comes first."""


class Transcript:
    """What one call of a model has said so far."""

    def __init__(
        self,
        redactor: Redactor,
        tell: Callable[[Event], object],
        *,
        tokens: bool = False,
        weights: str = "",
    ) -> None:
        """tokens: whether what was sampled is to be kept. weights: their version, where the model does not say it."""
        self.chunks: list[AIMessageChunk] = []
        self.call = ""
        """The call's id; empty until it starts."""
        self._redactor = redactor
        self._tell = tell
        self._tokens, self._weights = tokens, weights
        self.clean = True
        """No secret was in what the model was asked, as its ids would be."""
        self.lack = ""
        """Why it ended without all that was sampled, though that was to be kept."""
        self._first: float | None = None
        self._half = ""
        """The first half of a character whose other one is still to come."""
        self._piece, self._start = "", 0
        """What is not on record yet, and how much comes before it."""
        self._since = time.monotonic()

    @property
    def text(self) -> str:
        """As the model wrote it."""
        return "".join(str(chunk.text) for chunk in self.chunks)

    def hear(self, chunk: AIMessageChunk) -> str:
        """The next chunk of the stream; returns what is to be read of it."""
        if self._first is None and heard.says_something(chunk):
            self._first = time.time()
        self.chunks.append(chunk)
        text = self._half + str(chunk.text)
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return printable(text.removesuffix(self._half))

    def show(self, piece: str) -> None:
        """The next piece of the answer as it is shown."""
        self._piece += piece
        if len(self._piece) >= PIECE or time.monotonic() - self._since >= PIECE_SECONDS:
            self._record_piece()

    def end(self, *, accepted: bool, cut: str = "", error: str = "") -> None:
        """Put on record how it ended; nothing if it never started."""
        if not self.call:
            return
        self._record_piece()
        said, redact = paired(self.text), self._redactor.text
        shown, thought = printable(said), printable(heard.reasoning_of(self.chunks))
        withheld = any(redact(each) != each for each in (said, shown, thought))
        kept = self._sampled() if self._tokens and not withheld else None
        counts, model = reported(self.chunks), heard.model_of(self.chunks)
        self._tell(
            ModelEnded(
                call=self.call,
                accepted=accepted,
                answered_by=redact(model)[:MOST_WORD] if model else None,
                finish_reason=redact(heard.reason_of(self.chunks))[:MOST_WORD],
                cut=redact(cut)[:MOST_ERROR],
                error=redact(error)[:MOST_ERROR],
                first=self._first,
                input_tokens=counts["input_tokens"] or None if counts else None,
                output_tokens=counts["output_tokens"] if counts else None,
                raw=None if withheld or shown == said else said,
                reasoning=redact(thought),
                withheld=withheld,
                tokens=kept,
                weights=redact(self._version)[:MOST_WORD],
            )
        )

    def _sampled(self) -> Tokens | None:
        """What was sampled, as far as it may be kept; `lack` says what is missing of it."""
        tokens, lack = heard.sampled(self.chunks)
        if tokens is None or tokens.logprobs is None:
            what = "logprobs" if tokens else "tokens"
            self.lack = self._redactor.text(lack) or f"it gives no {what}"
        elif tokens.prompt and not self.clean:
            self.lack = SECRET_READ
        if tokens is None:
            return None
        mode = self._redactor.text(tokens.mode)[:MOST_WORD]
        return replace(tokens, mode=mode, prompt=tokens.prompt if self.clean else None)

    @property
    def _version(self) -> str:
        """Of the weights, if anything has answered."""
        return heard.weights_of(self.chunks) or (self._weights if self.chunks else "")

    def _record_piece(self) -> None:
        if self._piece:
            self._tell(ModelText(call=self.call, start=self._start, text=self._piece))
        self._start += len(self._piece)
        self._piece, self._since = "", time.monotonic()
