"""The streaming scanner: finds the tags in prose, and leaves those that are quoted.

A state machine over the characters, whose every decision rests on what came before, so that any
chunking reads the same. What counts as a quotation is Markdown's, as far as that can be decided so:

- A fence (three or more backticks or tildes at the start of a line, after blanks and `>` at most) quotes
  up to the line that closes it, or to the end of the text.
- A run of backticks quotes up to the next run of the same length, or to the end of its line. A
  backtick right after an ASCII letter or digit opens nothing: it is an apostrophe.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmi_agent.draft.tags import LONGEST, OPEN, SLOT_EDGE, THINK, THOUGHT, span, unfinished
from llmi_agent.draft.types import SlotReader, TextTaker

_BLANKS = re.compile(r"[ \t>]*")
_LINE_REST = re.compile(r"[ \t\r]*")
_RUNS = {"`": re.compile("`*"), "~": re.compile("~*")}
# A new line matters only where a fence, a tag or the end of the window may follow.
# A short quotation in one line is taken at once; all others start with a backtick.
_IN_PROSE = re.compile(
    r"</?(?:imgen|think)>|`(?<![A-Za-z0-9]`)[^`\n]+`(?=[^`])|`|\n(?=[ \t>`~<]|\Z)"
)
_IN_CODE = re.compile(r"[`\n]")
_PICTURE = "\ufffc"
"""Stands for a slot in what was said: Unicode's character for an object in a text."""


class Scanner:
    """Cuts text into prose and the contents of slots.

    `text` takes prose, in order and as early as is safe. `slot` takes what stands after an `<imgen>`, up to
    `</imgen>` or, with an empty closer, up to the next `<imgen>` or the end, and says how many of its
    characters belong to the slot; the rest of an unclosed one is read as prose.

    Each state is a method that takes the window and a position and returns the next position; `_base` is
    where the window starts in the source. Prose is sent when a tag or the end of the window is reached:
    `_sent` is the position up to which it was.
    """

    may_be_reasoning = False
    """Whether all that came so far may still turn out to be none of the draft."""
    _tokens = _IN_PROSE
    _unfinished = staticmethod(unfinished)

    def __init__(self, text: TextTaker, slot: SlotReader) -> None:
        self._text = text
        self._slot = slot
        self._state: Callable[[str, int], int] = self._line_start
        self._carry = ""
        self._sent = self._base = self._end = 0
        self._said: list[str] = []
        self._at_line_start = True
        self._content: list[str] = []
        self._opener, self._opened = OPEN, 0
        self._edge = SLOT_EDGE
        self._mark = "`"
        self._run = 0
        self._end_run = self._end_idle_run
        self._quote = 0
        self._may_be_fence = False

    def feed(self, chunk: str) -> None:
        """Read one more chunk of any size."""
        self._scan(self._carry + chunk, self._end - len(self._carry))

    def close(self) -> None:
        """Read the end of the text. An unclosed think is dropped with all that follows it."""
        if self._state == self._in_slot:
            self._give_up_carry()
            self._end_slot("")
        self._give_up_carry()

    def _scan(self, window: str, base: int) -> None:
        outer, self._base = self._base, base
        self._carry, self._sent = "", 0
        position = 0
        size = len(window)
        while position < size:
            position = self._state(window, position)
        if self._sent < size:
            self._send(window, size)
        self._base, self._end = outer, base + size

    def _rescan(self, text: str, base: int) -> None:
        """Read a part of the source that was kept until it was known what it is; no tag goes on after it."""
        self._scan(text, base)
        self._give_up_carry()

    def _send(self, window: str, end: int) -> None:
        if end > self._sent:
            self._say(window[self._sent : end], self._base + self._sent, self._base + end)
            self._sent = end

    def _say(self, piece: str, start: int, end: int) -> None:
        self._said.append(piece)
        self._text(piece, start, end)

    def _tail(self) -> str:
        """The last of what was said: no less than a tag has characters."""
        tail = ""
        for piece in reversed(self._said):
            tail = piece + tail
            if len(tail) >= LONGEST:
                break
        return tail

    def _skip_to(self, position: int) -> int:
        self._sent = position
        return position

    def _hold(self, window: str, start: int) -> int:
        """Keep a tag that is under way at the end of the window for the next one."""
        held = self._unfinished(window, start)
        self._carry = window[held:]
        return held

    def _give_up_carry(self) -> None:
        """Read a tag that was under way as what it stands in: it will not be finished."""
        carry, self._carry = self._carry, ""
        if self._state == self._in_slot:
            self._content.append(carry)
        elif carry and self._state != self._in_think:
            self._at_line_start = False
            self._say(carry, self._end - len(carry), self._end)

    # Prose

    def _line_start(self, window: str, position: int) -> int:
        end = span(_BLANKS, window, position)
        if end < len(window):
            self._state = self._prose
            if window[end] in _RUNS:
                self._start_run(window[end], self._end_opening_run)
        return end

    def _prose(self, window: str, position: int) -> int:
        search = self._tokens.search
        while found := search(window, position):
            at, token = found.start(), found[0]
            if at > position:
                self._at_line_start = False
            if token == "\n":
                return self._new_line(at)
            if token[0] != "`":
                return self._tag(window, at, found)
            if len(token) == 1 or at <= self._sent:
                return self._backtick(window, at)
            position = found.end()
        end = self._hold(window, position)
        if end > position:
            self._at_line_start = False
        self._send(window, end)
        self._sent = len(window)
        return self._sent

    def _new_line(self, at: int) -> int:
        self._at_line_start = True
        self._state = self._line_start
        return at + 1

    def _backtick(self, window: str, at: int) -> int:
        before = window[at - 1] if at > self._sent else self._tail()[-1:]
        apostrophe = before.isascii() and before.isalnum()
        self._start_run("`", self._end_idle_run if apostrophe else self._end_opening_run)
        return at

    def _tag(self, window: str, at: int, found: re.Match[str]) -> int:
        tag = found[0]
        if tag == OPEN:
            self._send(window, at)
            self._opened, self._state = self._base + at, self._in_slot
        else:
            self._keep_apart(window, at)
            self._state = self._in_think if tag == THINK else self._resumed()
        return self._skip_to(at + len(tag))

    def _keep_apart(self, window: str, at: int) -> None:
        """Put a space where leaving out a tag would join its two sides into a new tag or quotation."""
        self._send(window, at)
        tail = self._tail()
        if tail[-1:] in _RUNS or self._unfinished(tail) < len(tail):
            self._say(" ", self._base + at, self._base + at)

    def _resumed(self) -> Callable[[str, int], int]:
        return self._line_start if self._at_line_start else self._prose

    # Tags that hold something

    def _in_think(self, window: str, position: int) -> int:
        at = window.find(THOUGHT, position)
        if at < 0:
            self._hold(window, position)
            return self._skip_to(len(window))
        self._state = self._resumed()
        return self._skip_to(at + len(THOUGHT))

    def _in_slot(self, window: str, position: int) -> int:
        found = self._edge.search(window, position)
        if found is None:
            self._content.append(window[position : self._hold(window, position)])
            return self._skip_to(len(window))
        self._content.append(window[position : found.start()])
        return self._at_edge(found)

    def _at_edge(self, found: re.Match[str]) -> int:
        closer = self._closer(found[0])
        self._end_slot(closer)
        return self._skip_to(found.end() if closer else found.start())

    def _closer(self, edge: str) -> str:
        """The edge of a slot, if it closes it."""
        return edge if "/" in edge else ""

    def _end_slot(self, closer: str) -> None:
        content = "".join(self._content)
        self._content = []
        self._state = self._prose
        self._at_line_start = False
        self._said.append(_PICTURE)
        start = self._opened
        used = self._slot(self._opener, content, closer, start)
        if used < len(content):
            self._rescan(content[used:], start + len(self._opener) + used)

    # Quotations

    def _start_run(self, mark: str, end: Callable[[], Callable[[str, int], int]]) -> None:
        self._mark, self._run, self._end_run = mark, 0, end
        self._state = self._in_run

    def _in_run(self, window: str, position: int) -> int:
        end = span(_RUNS[self._mark], window, position)
        self._run += end - position
        if end < len(window):
            self._state = self._end_run()
            self._at_line_start = False
        return end

    def _end_idle_run(self) -> Callable[[str, int], int]:
        return self._prose

    def _end_opening_run(self) -> Callable[[str, int], int]:
        fence = self._at_line_start and self._run >= 3
        self._quote = self._run
        if self._mark == "~":
            return self._fence_text if fence else self._prose
        # A backtick fence has no backtick in its first line, so that line decides which it is.
        self._may_be_fence = fence
        return self._in_code

    def _end_code_run(self) -> Callable[[str, int], int]:
        self._may_be_fence = False
        return self._prose if self._run == self._quote else self._in_code

    def _in_code(self, window: str, position: int) -> int:
        found = _IN_CODE.search(window, position)
        if found is None:
            return len(window)
        if found[0] == "`":
            self._start_run("`", self._end_code_run)
            return found.start()
        if self._may_be_fence:
            self._state = self._fence_line
            return found.end()
        return self._new_line(found.start())

    def _fence_line(self, window: str, position: int) -> int:
        end = span(_BLANKS, window, position)
        if end < len(window):
            self._state = self._fence_text
            if window[end] == self._mark:
                self._start_run(self._mark, self._end_fence_run)
        return end

    def _end_fence_run(self) -> Callable[[str, int], int]:
        return self._fence_end if self._run >= self._quote else self._fence_text

    def _fence_end(self, window: str, position: int) -> int:
        end = span(_LINE_REST, window, position)
        if end == len(window):
            return end
        if window[end] == "\n":
            return self._new_line(end)
        self._state = self._fence_text
        return end

    def _fence_text(self, window: str, position: int) -> int:
        at = window.find("\n", position)
        if at < 0:
            return len(window)
        self._state = self._fence_line
        return at + 1
