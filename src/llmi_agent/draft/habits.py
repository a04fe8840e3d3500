"""The scanner of the lenient reader: reads what language models have a habit of writing around their drafts.

- Tags in other spellings: `<IMGEN>`, `< imgen >`, `<imgen id="1">`, `<imgen source="..." .../>`, as entities before
  a brace, and as a tool call at the start of a line.
- Reasoning in the marks of other models (`<thinking>` at the start of a line, `[THINK]`, channels). A closing mark
  without an opening one ends reasoning that began with the text, so that all before it is void. Until a Markdown
  heading or reasoning in full has come, that may still happen (`may_be_reasoning`). After that, it does only if the mark
  has a line of its own and a heading follows; else the mark is dropped alone.
- Fences that are no quotations: see `fences`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmi_agent.draft.fences import FenceScanner
from llmi_agent.draft.syntax import MAX_PAYLOAD, ends_in_string, is_object
from llmi_agent.draft.tags import (
    ANY_EDGE,
    CALL_EDGES,
    CALL_ENDS,
    ENTITY_EDGE,
    FINAL,
    LONGEST,
    REASONING,
    TOKEN,
    any_unfinished,
    span,
)
from llmi_agent.draft.types import SlotReader, TextTaker

# One character class comes first, so that prose is skipped at the speed of `re`.
_QUOTES = r"(?<=`)(?:(?<![A-Za-z0-9]`)[^`\n]+`(?=[^`]))?"
_TOKENS, _TOKENS_AT_FIRST = (
    re.compile(rf"[<&\[◁`\n](?:(?<=\n)(?=[ \t>`~<\[{first}]|\Z)|{_QUOTES}|(?<=[<&\[◁])(?:{TOKEN}))")
    for first in ("", "#")
)
_BLANKS = re.compile(r"[ \t>]*")
_SPACE = re.compile(r"\s*")
_HASHES = re.compile("#*")
_ANALYSIS = "analysis"
_MOST_NAMES = 8
"""Of tags, in the strings of one payload: what follows an open quote is read again after each that was a tag."""
_RUN_IN = re.compile(rf"{_ANALYSIS}(?=[A-Z])")
_RUN_IN_FINAL = re.compile("assistant(?:final|<\\|channel\\|>final<\\|message\\|>)")
_ANGLE = re.compile("[<>]")


class LenientScanner(FenceScanner):
    """A scanner that forgives. `void()` says that all that came so far is none of the draft;
    `reads(payload)` whether a JSON object without tags is a slot."""

    _unfinished = staticmethod(any_unfinished)

    def __init__(
        self,
        text: TextTaker,
        slot: SlotReader,
        void: Callable[[], None],
        reads: Callable[[str], bool],
    ) -> None:
        super().__init__(text, slot, reads)
        self._void = void
        self._gap: list[str] = []
        self._gap_at = 0
        self._hashes = 0
        self._ends = re.compile("")
        self._names: list[tuple[int, str]] = []
        self.may_be_reasoning = True
        self._tokens = _TOKENS_AT_FIRST
        self._state = self._opening

    def close(self) -> None:
        """Read the end of the text; what is still open ends with it."""
        while True:
            if self._state == self._collect:
                self._end_lines()
            elif self._state == self._in_slot:
                self._give_up_carry()
                self._end_slot_early() if self._names else self._end_slot("")
            elif self._state == self._in_opener:
                self._no_opener()
            else:
                break
        if self._state == self._after_thought:
            self._end_gap()
        self._give_up_carry()

    def _opening(self, window: str, position: int) -> int:
        """Where the marks of channels were lost, reasoning begins with the channel's name, run into its first word."""
        if len(window) <= len(_ANALYSIS) and _ANALYSIS.startswith(window):
            self._carry = window
            return self._skip_to(len(window))
        if not _RUN_IN.match(window):
            self._state = self._line_start
            return position
        self._ends, self._state = _RUN_IN_FINAL, self._in_think
        return self._skip_to(len(_ANALYSIS))

    # Lines and headings

    def _line_start(self, window: str, position: int) -> int:
        end = span(_BLANKS, window, position)
        if end == len(window):
            return end
        if window[end] in "`~":
            self._send(window, end)
            self._await_line(self._open_line)
        elif window[end] == "#":
            self._hashes, self._state = 0, self._in_hashes
        else:
            self._state = self._prose
        return end

    def _in_hashes(self, window: str, position: int) -> int:
        end = span(_HASHES, window, position)
        self._hashes += end - position
        if end < len(window):
            self._state, self._at_line_start = self._prose, False
            if self._hashes <= 6 and window[end] in " \t":
                self._may_wrap = False
                self._settle()
        return end

    def _settle(self) -> None:
        """From here on, the draft has begun."""
        self.may_be_reasoning, self._tokens = False, _TOKENS

    # Tags

    def _tag(self, window: str, at: int, found: re.Match[str]) -> int:
        group, tag = found.lastgroup or "", found[0].casefold()
        if self._is_only_words(group, tag):
            self._at_line_start = False
            return found.end()
        if group in ("open", "entity", "call", "attributes"):
            self._send(window, at)
            self._opener, self._opened, self._may_wrap = found[0], self._base + at, False
            self._edge = ENTITY_EDGE if group == "entity" else CALL_EDGES.get(tag, ANY_EDGE)
            self._state = self._in_opener if group == "attributes" else self._in_slot
        else:
            self._keep_apart(window, at)
            self._state = self._resumed()
            self._after_mark(group, tag)
        return self._skip_to(found.end())

    def _is_only_words(self, group: str, tag: str) -> bool:
        """Names that prose may hold as well are tags at the start of a line only."""
        if group not in ("call", "think", "marker") or self._at_line_start or tag == "<think>":
            return False
        return (tag[0] == "<" and tag[1] not in "|\uff5c/") or tag.startswith("[tool")

    def _after_mark(self, group: str, tag: str) -> None:
        if group == "think":
            closer = re.escape(REASONING[tag])
            closer = f"{closer}|{re.escape(FINAL)}" if closer.endswith(r"end\|>") else closer
            self._ends, self._state = re.compile(closer, re.IGNORECASE), self._in_think
        elif group == "thought" and self.may_be_reasoning:
            self._restart()
        elif group == "thought" and self._at_line_start:
            self._state = self._after_thought

    def _restart(self) -> None:
        self._settle()
        self._void()
        self._begin()
        self._state = self._line_start

    def _after_thought(self, window: str, position: int) -> int:
        end = span(_SPACE, window, position)
        if not self._gap:
            self._gap_at = self._base + position
        self._gap.append(window[position:end])
        self._skip_to(end)
        if end < len(window):
            if window[end] == "#" and "\n" in "".join(self._gap):
                self._restart()
            self._end_gap()
        return end

    def _end_gap(self) -> None:
        gap, self._gap = "".join(self._gap), []
        self._state = self._line_start if self._at_line_start or "\n" in gap else self._prose
        self._at_line_start = self._state == self._line_start
        if gap:
            self._say(gap, self._gap_at, self._gap_at + len(gap))

    # Slots

    def _closer(self, edge: str) -> str:
        return edge if edge.casefold() in CALL_ENDS else super()._closer(edge)

    def _at_edge(self, found: re.Match[str]) -> int:
        """A tag that a string of the payload names is none, if the payload can be read with it."""
        content = "".join(self._content)
        if len(self._names) < _MOST_NAMES and ends_in_string(content[: MAX_PAYLOAD + 1]):
            self._names.append((len(content), found[0]))
            self._content = [content, found[0]]
            return self._skip_to(found.end())
        if self._names and not (self._closer(found[0]) and is_object(content)):
            self._end_slot_early()
            return self._skip_to(found.start())
        self._names = []
        return super()._at_edge(found)

    def _end_slot_early(self) -> None:
        """The first tag that stood in a string was one."""
        (end, tag), self._names = self._names[0], []
        content, start = "".join(self._content), self._opened + len(self._opener)
        closer = self._closer(tag)
        self._content = [content[:end]]
        self._end_slot(closer)
        end += len(closer)
        self._rescan(content[end:], start + end)

    def _in_think(self, window: str, position: int) -> int:
        found = self._ends.search(window, position)
        if found is None:
            self._carry = window[max(position, len(window) - LONGEST) :]
            return self._skip_to(len(window))
        self._settle()
        self._state = self._resumed()
        return self._skip_to(found.end())

    def _in_opener(self, window: str, position: int) -> int:
        """The attributes of a tag, which may be all of the slot."""
        found = _ANGLE.search(window, position)
        at = found.start() if found else len(window)
        self._content.append(window[position:at])
        self._skip_to(at)
        if found is None:
            return at
        if found[0] == "<":
            self._no_opener()
            return self._skip_to(at)
        written = "".join(self._content)
        if written.endswith("/") or re.search(r"\ssource\s*=", written):
            self._end_slot(">")
        else:
            self._opener += written + ">"
            self._content, self._state = [], self._in_slot
        return self._skip_to(at + 1)

    def _no_opener(self) -> None:
        """It was not a tag: the words are prose."""
        words = self._opener + "".join(self._content)
        self._content, self._state, self._at_line_start = [], self._prose, False
        start = self._opened
        self._say(words[0], start, start + 1)
        self._rescan(words[1:], start + 1)
