"""The lenient reader's fences: what a fence holds decides whether it is a quotation.

- A fence around the whole answer is none: at the start or after one short paragraph, called `markdown`, `md`, `mdx` or
  nothing, before a heading (called so, and at the very start: before anything). Its closing line is the last bare one;
  pairs of bare lines before that are fences in it.
- A fence that holds nothing but slots, or one JSON object that reads as a slot, is none; with anything else in it, it
  is one. In a text that names the tag before, it is one as well: that text explains the syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmi_agent.draft.scanner import Scanner
from llmi_agent.draft.tags import ANY_EDGE, ENTITY_EDGE, span
from llmi_agent.draft.types import SlotReader, TextTaker

_FENCE = re.compile(r"[ \t>]*(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n?")
_BETWEEN = re.compile(r"[\s>]*")
_SLOT_START = re.compile(
    r"<[ \t]{0,3}(?i:imgen)[ \t]{0,3}(?:\s[^<>]*[^<>/])?>|(?i:&lt;[ \t]{0,3}imgen[ \t]{0,3}&gt;)(?=[ \t]{0,8}\{)"
)
_WHOLE_SLOT = re.compile(r"<[ \t]{0,3}(?i:imgen)\s[^<>]*/>")
_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\r?\n")
_MOST_PREAMBLE = 400
_Line = Callable[[str], None]


class FenceScanner(Scanner):
    """A scanner that takes fences line by line; `reads(payload)` says whether a JSON object is a slot."""

    def __init__(self, text: TextTaker, slot: SlotReader, reads: Callable[[str], bool]) -> None:
        super().__init__(text, slot)
        self._reads = reads
        self._lines: list[str] = []
        self._fence: list[str] = []
        self._line_at = self._fence_at = 0
        self._on_line: _Line = self._open_line
        self._begin()

    def _begin(self) -> None:
        """The draft begins here."""
        self._said, self._reviewed, self._at_line_start = [], 0, True
        self._preamble, self._may_wrap, self._explains = "", True, False
        self._wraps: list[tuple[str, int]] = []

    def _review(self) -> None:
        """Look through what was said since the last fence: only a fence asks for it."""
        said = "".join(self._said[self._reviewed :])
        self._explains = self._explains or "imgen" in said
        if len(self._preamble) <= _MOST_PREAMBLE:
            self._preamble += said[: _MOST_PREAMBLE + 1]
        self._reviewed = len(self._said)

    def _has_explained(self) -> bool:
        """Whether the text named the tag before."""
        self._review()
        return self._explains

    # Fences, line by line

    def _await_line(self, then: _Line) -> None:
        self._on_line, self._state = then, self._collect

    def _collect(self, window: str, position: int) -> int:
        at = window.find("\n", position)
        end = at + 1 or len(window)
        if not self._lines:
            self._line_at = self._base + position
        self._lines.append(window[position:end])
        self._skip_to(end)
        if at >= 0:
            self._take_line()
            self._sent = end
        return end

    def _take_line(self) -> None:
        line, self._lines = "".join(self._lines), []
        self._on_line(line)

    def _end_lines(self) -> None:
        """The text ends: a fence that is still open ends with it."""
        if self._lines:
            self._take_line()
            return
        fence, self._fence = self._fence, []
        if self._on_line == self._after_close:
            self._unwrap(fence)
        elif self._on_line == self._slot_line:
            self._judge(fence, fence[1:])
        else:
            self._quote_lines(fence)

    def _open_line(self, line: str) -> None:
        mark, size, label = _fence(line)
        self._at_line_start = True
        if not size:
            self._start_run(line[0], self._end_opening_run)
            self._rescan(line, self._line_at)
            return
        self._fence, self._fence_at = [line], self._line_at
        if self._wraps and not label and mark == self._wraps[-1][0] and size >= self._wraps[-1][1]:
            self._await_line(self._after_close)
        else:
            self._await_line(self._first_line)

    def _first_line(self, line: str) -> None:
        """What a fence holds decides what it is."""
        self._fence.append(line)
        content = line.lstrip(" \t>\r\n")
        if not content:
            self._await_line(self._first_line)
        elif self._wraps_all(content):
            self._wraps.append(_fence(self._fence[0])[:2])
            self._read_inside(self._fence, self._fence[1:])
        elif content[0] in "<{&" and not self._has_explained():
            self._await_line(self._slot_line)
        else:
            self._quote_lines(self._fence)

    def _wraps_all(self, content: str) -> bool:
        if not self._may_wrap:
            return False
        self._review()
        label, before = _fence(self._fence[0])[2], self._preamble.strip()
        if label not in ("markdown", "md", "mdx", ""):
            return False
        if re.match("#{1,6}[ \t]", content):
            return len(self._preamble) <= _MOST_PREAMBLE and not _PARAGRAPH_BREAK.search(before)
        return bool(label) and not before and content[0] not in "`~"

    def _slot_line(self, line: str) -> None:
        self._fence.append(line)
        mark, size, _ = _fence(self._fence[0])
        if _closes(line, mark, size):
            self._judge(self._fence, self._fence[1:-1])
        else:
            self._await_line(self._slot_line)

    def _judge(self, fence: list[str], inside: list[str]) -> None:
        content = "".join(inside)
        if content.lstrip().startswith("{") and self._reads(content):
            self._may_wrap = False
            self._take_object(fence, content)
        elif _only_slots(content):
            self._read_inside(fence, inside)
        else:
            self._quote_lines(fence)

    def _after_close(self, line: str) -> None:
        """After the line that may close the fence around the answer."""
        self._fence.append(line)
        if not _fence(line)[1]:
            self._await_line(self._after_close)
        elif _closes(line, *_fence(self._fence[0])[:2]):
            self._quote_lines(self._fence)
        else:
            self._unwrap(self._fence)

    def _unwrap(self, lines: list[str]) -> None:
        self._wraps.pop()
        self._read_inside(lines, lines[1:])

    def _take_object(self, fence: list[str], content: str) -> None:
        """The fence is the slot; its last line break is prose again."""
        opener, after = fence[0], "".join(fence[1:])[len(content) :]
        self._opener, self._opened, self._content = opener, self._fence_at, [content]
        closer = after.rstrip("\r\n")
        self._end_slot(closer)
        if rest := after[len(closer) :]:
            self._rescan(rest, self._fence_at + len(opener) + len(content) + len(closer))

    def _read_inside(self, fence: list[str], inside: list[str]) -> None:
        """Read the lines in the fence as prose."""
        self._state, self._at_line_start = self._line_start, True
        self._rescan("".join(inside), self._fence_at + len(fence[0]))

    def _quote_lines(self, lines: list[str]) -> None:
        """Read the lines as a quotation, of which the first is the opening one."""
        self._mark, self._quote, _ = _fence(lines[0])
        self._state, self._may_wrap, self._at_line_start = self._fence_text, False, False
        self._rescan("".join(lines), self._fence_at)


def _fence(line: str) -> tuple[str, int, str]:
    """The mark, length and label of a line that opens or closes a fence; no length if it does not."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return "", 0, ""
    run, label = (found[1], found[2]) if found[1] else (found[3], found[4])
    return run[0], len(run), label.strip().casefold()


def _closes(line: str, mark: str, size: int) -> bool:
    closing = _fence(line)
    return closing[0] == mark and closing[1] >= size and not closing[2]


def _only_slots(text: str) -> bool:
    """Whether the text is slots with nothing but blanks around them."""
    position, count = span(_BETWEEN, text, 0), 0
    while position < len(text):
        if whole := _WHOLE_SLOT.match(text, position):
            position = whole.end()
        elif found := _SLOT_START.match(text, position):
            edge = ENTITY_EDGE if found[0][0] == "&" else ANY_EDGE
            closer = edge.search(text, found.end())
            if closer is None or "/" not in closer[0]:
                return False
            position = closer.end()
        else:
            return False
        count += 1
        position = span(_BETWEEN, text, position)
    return count > 0
