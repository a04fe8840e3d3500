"""Reads drafts, whole or as they are written."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from math import inf
from typing import get_args

from llmi_agent.draft.blocks import joined, place
from llmi_agent.draft.calls import call_end, is_call
from llmi_agent.draft.habits import LenientScanner
from llmi_agent.draft.payload import (
    PayloadError,
    names_a_picture,
    picture_problem,
    read,
    read_start,
)
from llmi_agent.draft.scanner import Scanner
from llmi_agent.draft.shapes import payload_of
from llmi_agent.draft.tags import ANY_REASONING, CLOSE, THINK
from llmi_agent.draft.types import (
    BadSlot,
    Block,
    Dialect,
    Draft,
    Kinds,
    Slot,
    Span,
    Strictness,
    Text,
    Void,
)
from llmi_agent.draft.wrapped import inner, may_be_wrapped

_MOST_HELD = 2_000
# How models begin to think; a document hardly begins so.
_THINKS_ALOUD = re.compile(
    r"\W*(?:(?:ok|okay|alright|all right|right|hmm+|wait|first|now|so|well|thinking|analysis|let['\u2019]?s|let me|let us|i)\b"
    r"|(?:the|this) (?:user|request|prompt|task|question)\b|we (?:need|have|should|are|must|can)\b|user (?:wants|asks)\b)",
    re.IGNORECASE,
)
_UNCLOSED = f"the tag is not closed; end it with {CLOSE}"


class DraftReader:
    """Reads a draft chunk by chunk; docs/drafts.md says what the lenient reader forgives and holds back.

    `feed` and `close` return the blocks that are now certain: prose as early as is safe, a slot the
    moment its tag closes. After a `Void`, all blocks before it count for nothing. Joined so (see `joined`), they
    equal the blocks of `parse` on the whole text, their spans too, for any chunking. No text raises.

    - `<think>...</think>` is dropped, and so is everything after a think that is never closed. A stray
      `</think>` or `</imgen>` is dropped alone. Where its two sides would join into something with
      a meaning, one space stays.
    - Tags in Markdown fences and inline code are quotations and stay prose (see `scanner`).
    - The first closing tag ends a slot; to the strict reader even inside a string of the payload (`format` escapes
      them). The lenient one takes tags in a string as part of it, if the payload can be read so.
    - An `<imgen>` that meets another one, or the end, is not closed. What follows it is a slot if the
      lenient reader can make one of it; a JSON object followed by prose is a slot and that prose. Else it
      is a bad slot, which takes what looks like a payload along; a mere mention of the tag in prose
      costs that tag only.
    - `img_index` in strict `json` names an input image or an earlier slot, in strict `python` any slot:
      there, a slot that names a later one is held back, and all after it, until that one has come or
      the text ends. The lenient reader takes any number, for the dispatcher to answer.
    """

    def __init__(
        self,
        kinds: Kinds,
        *,
        inputs: int = 0,
        dialect: Dialect = "json",
        reader: Strictness = "lenient",
    ) -> None:
        """Raises ValueError for a dialect or reader that does not exist."""
        _check_choice("dialect", dialect, get_args(Dialect))
        _check_choice("reader", reader, get_args(Strictness))
        self._kinds = kinds
        self._inputs = inputs
        self._dialect: Dialect = dialect
        self._reader: Strictness = reader
        lenient = (self._take_back, self._reads) if reader == "lenient" else ()
        scan = LenientScanner if lenient else Scanner
        self._scanner: Scanner = scan(self._say, self._read_slot, *lenient)
        self._told = self._in_doubt = False
        self._taken_back: list[Block | Void] = []
        self._waiting, self._patience = 0, float(_MOST_HELD)
        self._count = 0
        self._ready: list[Block | Void] = []
        self._held: deque[tuple[Block, str]] = deque()
        self._fed: list[str] = []
        self._has_begun = self._may_be_wrapped = False
        self.wrapper: Span | None = None
        """Where the JSON object stands that the document was in; known at the end."""

    def feed(self, chunk: str) -> list[Block | Void]:
        """Take one more chunk, of any size; return the blocks that are certain now."""
        self._fed.append(chunk)
        self._scanner.feed(chunk)
        if self._held:
            self._release()
        return self._take()

    def close(self) -> list[Block | Void]:
        """Take the end of the text; return the blocks that are left."""
        self._scanner.close()
        if self._may_be_wrapped:
            self._unwrap()
        self._ready = [*self._taken_back, *self._ready]
        while self._held:
            block, raw = self._held.popleft()
            self._ready.append(block if self._is_certain(block) else self._refuse(block, raw))
        return self._take()

    def _take(self) -> list[Block | Void]:
        ready, self._ready = self._ready, []
        if ready:
            self._told = True
        return ready

    def _take_back(self) -> None:
        """What came so far was reasoning; if nothing follows, it was the draft after all."""
        self._taken_back = [*self._ready, *(block for block, _ in self._held)]
        self._ready = []
        self._held.clear()
        self._count = 0
        self._in_doubt, self._has_begun, self._may_be_wrapped = True, False, False

    def _unwrap(self) -> None:
        """The document in a JSON object, if that is what was held."""
        blocks = [block for block, _ in self._held]
        begun = next(i for i, block in enumerate(blocks) if _is_words(block))
        source, end = "".join(self._fed), place(blocks[-1])[1]
        blank = place(blocks[begun])[0]
        start = blank + len(source[blank:]) - len(source[blank:].lstrip())
        found = inner(source, start, end)
        if found is None:
            return
        stream = DraftReader(self._kinds, inputs=self._inputs, dialect=self._dialect)
        read = joined([*stream.feed(found.text), *stream.close()])
        if stream._may_be_wrapped:
            return
        self.wrapper = start, end
        if start > blank:
            blocks[begun], begun = Text(source[blank:start], ((blank, start),)), begun + 1
        self._held = deque((block, "") for block in (*blocks[:begun], *map(found.moved, read)))

    def _reads(self, payload: str) -> bool:
        try:
            self._read(payload, 0)
        except PayloadError:
            return False
        return True

    def _read_slot(self, opener: str, content: str, closer: str, start: int) -> int:
        index = self._count
        self._count += 1
        self._has_begun = True
        closed = bool(closer)
        raw = opener + content + closer
        used = len(content)
        block: Block
        try:
            if closed:
                block = self._read(payload_of(opener, content), index, (start, start + len(raw)))
            else:
                slot, used = self._read_unclosed(opener, content, index)
                block = replace(slot, span=(start, start + len(opener) + used))
        except PayloadError as error:
            if not closed and _is_mention(content):
                raw, used = opener, 0
            block = BadSlot(index, raw, str(error), (start, start + len(raw)))
        self._push(block, raw)
        return used

    def _read(self, content: str, index: int, span: Span = (0, 0)) -> Slot:
        earlier_only = self._reader == "strict" and self._dialect == "json"
        return read(
            content,
            self._kinds,
            index=index,
            pictures=self._inputs + index if earlier_only else None,
            dialect=self._dialect,
            reader=self._reader,
            span=span,
        )

    def _read_unclosed(self, opener: str, content: str, index: int) -> tuple[Slot, int]:
        if is_call(opener):
            end = call_end(content)
            return self._read(payload_of(opener, content[:end]), index), end
        if self._reader == "strict" or _is_mention(content):
            raise PayloadError(_UNCLOSED)
        try:
            slot, used = read_start(content, self._kinds, index=index, dialect=self._dialect)
        except PayloadError as error:
            try:
                return self._read(content, index), len(content)
            except PayloadError:
                raise PayloadError(f"{_UNCLOSED}; {error}") from None
        is_cut_tag = CLOSE.startswith(content[used:])
        return slot, len(content) if is_cut_tag else used

    def _say(self, piece: str, start: int, end: int) -> None:
        is_early = self._patience >= 0 and self._scanner.may_be_reasoning
        text = Text(piece, ((start, end),))
        if not self._has_begun and piece.strip():
            self._has_begun = True
            self._may_be_wrapped = self._reader == "lenient" and may_be_wrapped(piece)
        if is_early or self._held or self._in_doubt or self._may_be_wrapped:
            self._push(text, piece)
        else:
            self._ready.append(text)

    def _push(self, block: Block, raw: str) -> None:
        if self._in_doubt and _is_words(block):
            self._ready = [Void()] if self._told else []
            self._taken_back, self._in_doubt = [], False
        self._held.append((block, raw))
        self._waiting += len(raw)
        self._release()

    def _release(self) -> None:
        if (
            self._in_doubt
            or self._may_be_wrapped
            or (self._scanner.may_be_reasoning and self._waits())
        ):
            return
        while self._held and self._is_certain(self._held[0][0]):
            self._ready.append(self._held.popleft()[0])

    def _waits(self) -> bool:
        """Whether it is too early to say that the document has begun; only a heading says so for certain."""
        if self._waiting > self._patience >= 0:
            opening = "".join(raw for _, raw in self._held)
            self._patience = inf if _THINKS_ALOUD.match(opening) else -1
        return self._waiting <= self._patience

    def _is_certain(self, block: Block) -> bool:
        """Whether a slot may name its picture, in the reading where later slots count too."""
        if self._reader == "lenient" or self._dialect == "json" or not isinstance(block, Slot):
            return True
        if not names_a_picture(block.kind, self._kinds):
            return True
        img_index = block.params.get("img_index")
        return not isinstance(img_index, int) or img_index < self._inputs + self._count

    def _refuse(self, block: Block, raw: str) -> Block:
        if not isinstance(block, Slot):
            return block
        problem = picture_problem(block.params["img_index"], self._inputs + self._count)
        return BadSlot(block.index, raw, problem, block.span)


def parse(
    text: str,
    kinds: Kinds,
    *,
    inputs: int = 0,
    dialect: Dialect = "json",
    reader: Strictness = "lenient",
) -> Draft:
    """Read a whole draft; `inputs` is the number of input images. See `DraftReader` for every rule.

    Raises ValueError for a dialect or reader that does not exist, and never for the text.
    """
    stream = DraftReader(kinds, inputs=inputs, dialect=dialect, reader=reader)
    return Draft(joined([*stream.feed(text), *stream.close()]), stream.wrapper)


def _is_words(block: Block) -> bool:
    return not isinstance(block, Text) or bool(block.text.strip())


def _is_mention(content: str) -> bool:
    """Whether what follows an unclosed tag is prose, and would be so again if written out."""
    return content.lstrip()[:1] not in tuple("{`~<") and not (
        THINK in content or ANY_REASONING.search(content)
    )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}; choose {' or '.join(choices)}")
