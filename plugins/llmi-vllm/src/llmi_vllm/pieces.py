"""The events of a stream in pieces: one for each token, where it is certain which text is a token's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmi_vllm.alignment import NUMBERED, Entry, aligned, is_broken, is_silent, token_of

FLOOR = -9999.0
"""What vLLM puts in place of a logprob that it does not have, or that is lower."""


@dataclass(frozen=True)
class Piece:
    """Some tokens, and the text that came with them."""

    text: str = ""
    reasoning: str = ""
    ids: Sequence[Any] = ()
    """As the server sent them: whoever keeps them checks them."""
    logprobs: Sequence[Any] | None = None
    """None: none came with it."""
    open: bool = False
    """More of the text of its tokens may come with the next piece."""


@dataclass(frozen=True)
class Said:
    """What is said of one choice, in an event of a stream or in a whole answer."""

    piece: Piece
    entries: Sequence[Entry] = field(default_factory=tuple)
    """Of `logprobs.content`."""
    finish: str = ""
    """Why the answer ends here; empty if it does not."""

    def split(self) -> Iterator[Piece]:
        """Piece by piece; nothing if there is nothing in it."""
        whole = self.piece
        if not (whole.text or whole.reasoning or whole.ids or whole.logprobs):
            return
        both, spoken = bool(whole.text and whole.reasoning), whole.text or whole.reasoning
        found = None
        if len(self.entries) == len(whole.ids) > 0:
            found = aligned(self.entries, spoken, after_others=both, ends=bool(self.finish))
        if found is None:
            yield replace(whole, open=bool(whole.ids) and not self.finish and self._is_open(spoken))
            return
        first, shares = found
        if first:
            yield self._some(0, first, reasoning=whole.reasoning if both else "")
        name = "text" if whole.text else "reasoning"
        for number, share in enumerate(shares, first):
            yield self._some(number, number + 1, open=share.open, **{name: share.text})

    def _is_open(self, spoken: str) -> bool:
        """Whether more of the text of its tokens may come."""
        if spoken:
            return bool(self.entries) and is_broken(self.entries[-1])
        return not (self.entries and all(map(is_silent, self.entries)))

    def _some(self, start: int, end: int, **said: Any) -> Piece:
        whole = self.piece
        logprobs = whole.logprobs[start:end] if whole.logprobs else whole.logprobs
        return Piece(ids=whole.ids[start:end], logprobs=logprobs, **said)


def said_in(choice: Mapping[str, Any]) -> Said:
    """Of a choice as vLLM and SGLang send it, streamed or whole."""
    told = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
    entries = _entries(choice)
    ids = choice.get("token_ids")
    ids = choice.get("response_token_ids") if ids is None else ids
    numbered = _numbered(entries) if ids is None else None
    piece = Piece(
        _text(told.get("content")),
        _text(told.get("reasoning_content")) or _text(told.get("reasoning")),
        [*(ids if isinstance(ids, list) else numbered or ())],
        [each.get("logprob") for each in entries] if entries else None,
    )
    return Said(piece, entries, _text(choice.get("finish_reason")))


def _numbered(entries: Sequence[Entry]) -> list[int] | None:
    """The ids, where the server writes them in place of the tokens."""
    found = [NUMBERED.fullmatch(token_of(each)) for each in entries]
    return [int(each[1]) for each in found if each] if found and all(found) else None


def _entries(choice: Mapping[str, Any]) -> list[Entry]:
    content = _mapping(choice.get("logprobs")).get("content")
    return [_mapping(each) for each in content] if isinstance(content, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
