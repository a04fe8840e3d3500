"""The scanner of the lenient reader: reads what language models have a habit of writing around their drafts.

- Tags in other spellings: `<IMGEN>`, `< imgen >`, `<imgen id="1">`, `<imgen source="..." .../>`, as entities before
  a brace, and as a tool call at the start of a line.
- Reasoning in the marks of other models (`<thinking>` at the start of a line, `[THINK]`, channels). A closing mark
  without an opening one ends reasoning that began with the text, so that all before it is void. Until a Markdown
  heading or reasoning in full has come, that may still happen (`may_be_reasoning`). After that, it does only if the mark
  has a line of its own and a heading follows; else the mark is dropped alone.
- A fence around the whole answer: at the start or after one short paragraph, called `markdown`, `md`, `mdx` or
  nothing, before a heading (called so, and at the very start: before anything). Its closing line is the last bare one;
  pairs of bare lines before that are fences in it.
- A fence that holds nothing but slots, or one JSON object that reads as a slot, is no quotation; with anything else
  in it, it is. In a text that names the tag before, it is one as well: that text explains the syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmi_agent.draft.scanner import Scanner, SlotReader, span
from llmi_agent.draft.tags import (
    ANY_EDGE,
    CALL_EDGE,
    CLOSE,
    ENTITY_EDGE,
    FINAL,
    OPEN,
    REASONING,
    TOKEN,
    any_unfinished,
)

# One character class comes first, so that prose is skipped at the speed of `re`.
_QUOTES = r"(?<=`)(?:(?<![A-Za-z0-9]`)[^`\n]+`(?=[^`]))?"
_TOKENS = re.compile(rf"[<&\[◁`\n](?:{_QUOTES}|(?<=\n)(?=[ \t>`~<]|\Z)|{TOKEN})")
_TOKENS_AT_FIRST = re.compile(rf"[<&\[◁`\n](?:{_QUOTES}|(?<=\n)(?=[ \t>`~<#]|\Z)|{TOKEN})")
_BLANKS = re.compile(r"[ \t>]*")
_SPACE = re.compile(r"\s*")
_HASHES = re.compile("#*")
_FENCE = re.compile(r"[ \t>]*(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n?")
_BETWEEN = re.compile(r"[\s>]*")
_SLOT_START = re.compile(
    r"<[ \t]{0,3}(?i:imgen)[ \t]{0,3}(?:\s[^<>]*[^<>/])?>|(?i:&lt;[ \t]{0,3}imgen[ \t]{0,3}&gt;)(?=[ \t]{0,8}\{)"
)
_WHOLE_SLOT = re.compile(r"<[ \t]{0,3}(?i:imgen)\s[^<>]*/>")
_ANGLE = re.compile("[<>]")
_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\r?\n")
_MOST_PREAMBLE = 400
_Line = Callable[[str], None]


class LenientScanner(Scanner):
    """A scanner that forgives. `void()` says that all that came so far is none of the draft;
    `reads(payload)` whether a JSON object without tags is a slot."""

    _unfinished = staticmethod(any_unfinished)

    def __init__(
        self,
        text: Callable[[str], None],
        slot: SlotReader,
        void: Callable[[], None],
        reads: Callable[[str], bool],
    ) -> None:
        super().__init__(text, slot)
        self._void, self._reads = void, reads
        self._gap: list[str] = []
        self._hashes = 0
        self._ends = re.compile("")
        self._lines: list[str] = []
        self._fence: list[str] = []
        self._on_line: _Line = self._open_line
        self.may_be_reasoning = True
        self._tokens = _TOKENS_AT_FIRST
        self._begin()

    def _begin(self) -> None:
        """The draft begins here."""
        self._tail, self._at_line_start = "", True
        self._preamble, self._may_wrap, self._explains = "", True, False
        self._said: list[str] = []
        self._wraps: list[tuple[str, int]] = []

    def close(self) -> None:
        """Read the end of the text; what is still open ends with it."""
        while True:
            if self._state == self._collect:
                self._end_lines()
            elif self._state == self._in_slot:
                self._content.append(self._carry)
                self._carry = ""
                self._end_slot("")
            elif self._state == self._in_opener:
                self._no_opener()
            else:
                break
        if self._state == self._after_thought:
            self._end_gap()
        self._give_up_carry()

    def _say(self, piece: str) -> None:
        self._said.append(piece)
        super()._say(piece)

    def _review(self) -> None:
        """Look through what was said since the last fence: only a fence asks for it."""
        said = "".join(self._said)
        self._explains = self._explains or "imgen" in said
        if len(self._preamble) <= _MOST_PREAMBLE:
            self._preamble += said[: _MOST_PREAMBLE + 1]
        self._said = [said[-4:]] if len(self._preamble) > _MOST_PREAMBLE else []

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
            self._opener, self._may_wrap = found[0], False
            self._edge = {"entity": ENTITY_EDGE, "call": CALL_EDGE}.get(group, ANY_EDGE)
            self._state = self._in_opener if group == "attributes" else self._in_slot
        else:
            self._keep_apart(window, at)
            self._state = self._resumed()
            self._after_mark(group, tag)
        return self._skip_to(found.end())

    def _is_only_words(self, group: str, tag: str) -> bool:
        """Names that prose may hold as well are tags at the start of a line only."""
        if self._at_line_start or tag == "<think>" or tag[0] != "<" or tag[1] == "|":
            return False
        return group in ("call", "think")

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
            self._say(gap)

    def _in_think(self, window: str, position: int) -> int:
        found = self._ends.search(window, position)
        if found is None:
            self._hold(window, position)
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
            self._end_slot("/>" if written.endswith("/") else ">")
        else:
            self._opener += written + ">"
            self._content, self._state = [], self._in_slot
        return self._skip_to(at + 1)

    def _no_opener(self) -> None:
        """It was not a tag: the words are prose."""
        words = self._opener + "".join(self._content)
        self._content, self._state, self._at_line_start = [], self._prose, False
        self._say(words[0])
        self._scan(words[1:])
        self._give_up_carry()

    # Fences, line by line

    def _await_line(self, then: _Line) -> None:
        self._on_line, self._state = then, self._collect

    def _collect(self, window: str, position: int) -> int:
        at = window.find("\n", position)
        end = at + 1 or len(window)
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
            self._scan(line)
            return
        self._fence = [line]
        if self._wraps and not label and mark == self._wraps[-1][0] and size >= self._wraps[-1][1]:
            self._await_line(self._after_close)
        else:
            self._await_line(self._first_line)

    def _first_line(self, line: str) -> None:
        """What a fence holds decides what it is."""
        self._fence.append(line)
        content = line.lstrip(" \t>\r\n")
        self._review()
        if not content:
            self._await_line(self._first_line)
        elif self._wraps_all(content):
            self._wraps.append(_fence(self._fence[0])[:2])
            self._replay(self._fence[1:])
        elif content[0] in "<{&" and not self._explains:
            self._await_line(self._slot_line)
        else:
            self._quote_lines(self._fence)

    def _wraps_all(self, content: str) -> bool:
        label, before = _fence(self._fence[0])[2], self._preamble.strip()
        if not self._may_wrap or label not in ("markdown", "md", "mdx", ""):
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
            self._replay([f"{OPEN}{content.strip()}{CLOSE}\n"])
        elif _only_slots(content):
            self._replay(inside)
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
        self._replay(lines[1:])

    def _replay(self, lines: list[str]) -> None:
        """Read the lines as prose."""
        self._state, self._at_line_start = self._line_start, True
        self._scan("".join(lines))

    def _quote_lines(self, lines: list[str]) -> None:
        """Read the lines as a quotation, of which the first is the opening one."""
        self._mark, self._quote, _ = _fence(lines[0])
        self._state, self._may_wrap, self._at_line_start = self._fence_text, False, False
        self._scan("".join(lines))


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
