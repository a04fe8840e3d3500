"""The tags, how models spell them, and how text is looked through for them."""

# ruff: noqa: RUF001 - the wide bars of DeepSeek's marks are meant
from __future__ import annotations

import re
from typing import Final

OPEN: Final = "<imgen>"
CLOSE: Final = "</imgen>"
THINK: Final = "<think>"
THOUGHT: Final = "</think>"
TAGS: Final = (OPEN, CLOSE, THINK, THOUGHT)
LONGEST: Final = 48
"""More than any tag has characters, blanks in it included."""

SLOT_EDGE: Final = re.compile("</?imgen>")

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reflection|reason|analysis|scratchpad|antthinking|"
    "inner_monologue|seed:think"
)
REASONING: Final = {
    **{f"<{name}>": f"</{name}>" for name in _NAMES.split("|")},
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
    "<|start_thinking|>": "<|end_thinking|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>thought": "<channel|>",
    "<|channel|>analysis<|message|>": "<|end|>",
    "<|channel|>commentary<|message|>": "<|end|>",
}
"""How models mark what they think before they write, casefolded: opener -> closer."""
_MARKERS = (
    *("<|channel|>final<|message|>", "<|start|>assistant", "<|end|>", "<|return|>"),
    *("<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<｜end▁of▁sentence｜>"),
    *("<|begin_of_box|>", "<|end_of_box|>"),
    *("<|begin_of_solution|>", "<|end_of_solution|>", "<|start_response|>", "<|end_response|>"),
)
"""Markers around the parts of an answer; they mean nothing by themselves."""
FINAL: Final = "<|channel|>final<|message|>"
_PLAIN_CALLS = ("tool_call", "toolcall", "function_call", "tool_use")
CALLS: Final = {
    **{f"<{name}>": tuple(f"</{each}>" for each in _PLAIN_CALLS) for name in _PLAIN_CALLS},
    "<function=": ("</function>",),
    "<invoke name=": ("</invoke>",),
    "<｜dsml｜invoke name=": ("</｜dsml｜invoke>",),
    "<|tool_call_begin|>": ("<|tool_call_end|>",),
    "<|tool_call_start|>": ("<|tool_call_end|>",),
    "<|tool_call>": ("<tool_call|>",),
    "<|tool_call|>": ("<|/tool_call|>", "<|end_of_text|>"),
    "<｜tool▁call▁begin｜>": ("<｜tool▁call▁end｜>",),
    "<|python_tag|>": ("<|eot_id|>", "<|eom_id|>"),
    "<|channel|>commentary to=": ("<|call|>",),
    "[tool_request]": ("[end_tool_request]",),
    "[tool_calls]": ("</s>",),
}
"""How models trained on tools call for a picture as if it were one, casefolded: opener -> closers."""
CALL_ENDS: Final = frozenset(end for ends in CALLS.values() for end in ends)
_SECTIONS = (
    *("<function_calls>", "</function_calls>", "<tool_calls>", "</tool_calls>"),
    *("<minimax:tool_call>", "</minimax:tool_call>"),
    *("<｜dsml｜function_calls>", "</｜dsml｜function_calls>"),
    *("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    *("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
)
"""Marks around calls; they mean nothing by themselves."""

_B = "[ \t]{0,3}"
_THOUGHTS = tuple(dict.fromkeys(close for close in REASONING.values() if close != "<|end|>"))


def _any(texts: tuple[str, ...], first_as: str = "{}") -> str:
    """Alternatives by their first character, which stays outside of the part that ignores case."""
    firsts = dict.fromkeys(text[0] for text in texts)
    return "|".join(
        f"{first_as.format(re.escape(first))}(?i:{'|'.join(re.escape(t[1:]) for t in texts if t[0] == first)})"
        for first in firsts
    )


TOKEN: Final = "|".join(
    (
        rf"(?P<open>(?<=<){_B}(?i:imgen){_B}>)",
        rf"(?P<close>(?<=<){_B}/{_B}(?i:imgen){_B}>)",
        rf"(?P<attributes>(?<=<){_B}(?i:imgen)(?=[\s/]))",
        rf"(?P<entity>(?<=&)(?i:lt;){_B}(?i:imgen){_B}&(?i:gt;)(?=[ \t]{{0,8}}\{{))",
        f"(?P<call>{_any(tuple(CALLS), '(?<={})')})",
        f"(?P<think>{_any(tuple(REASONING), '(?<={})')})",
        f"(?P<thought>{_any(_THOUGHTS, '(?<={})')})",
        f"(?P<marker>{_any((*_MARKERS, *_SECTIONS), '(?<={})')})",
    )
)
"""Every tag after its first character, as the lenient reader knows it; the group says which it is."""
ANY_REASONING: Final = re.compile(_any((*REASONING, *_THOUGHTS, *_MARKERS)))

ANY_EDGE: Final = re.compile(rf"<{_B}/?{_B}(?i:imgen){_B}>")
ENTITY_EDGE: Final = re.compile(
    rf"&(?i:lt;){_B}/?{_B}(?i:imgen){_B}&(?i:gt;)|<{_B}/?{_B}(?i:imgen){_B}>"
)
CALL_EDGES: Final = {
    opener: re.compile(
        "|".join((ANY_EDGE.pattern, *(f"(?i:{re.escape(each)})" for each in (opener, *ends))))
    )
    for opener, ends in CALLS.items()
}
TAG_START: Final = re.compile(rf"<(?={_B}/?{_B}(?i:imgen|think)\b)")


def span(pattern: re.Pattern[str], window: str, position: int) -> int:
    """Where the characters that `pattern` takes end; it also matches none of them."""
    found = pattern.match(window, position)
    return found.end() if found else position


def unfinished(text: str, start: int = 0) -> int:
    """Find the beginning of a tag at the end of `text` that more text could finish.

    Looks no further back than `start`; returns `len(text)` when no tag is under way.
    """
    at = text.rfind("<", max(start, len(text) - len(CLOSE) + 1))
    if at >= 0 and any(tag.startswith(text[at:]) for tag in TAGS):
        return at
    return len(text)


def any_unfinished(text: str, start: int = 0) -> int:
    """The same for every tag that the lenient reader knows."""
    end = len(text)
    found = _FIRST.search(text, max(start, end - LONGEST + 1))
    while found:
        if _PART.fullmatch(text, found.start()):
            return found.start()
        found = _FIRST.search(text, found.end())
    return end


def _prefix(*atoms: str) -> str:
    """What matches the atoms, or the first few of them."""
    nested = ""
    for atom in reversed(atoms):
        nested = f"{atom}(?:{nested})?" if nested else atom
    return nested


def _prefixes(texts: tuple[str, ...]) -> str:
    starts = sorted({text[:n] for text in texts for n in range(1, len(text))})
    return "|".join(map(re.escape, starts))


_CALL_TAGS = (*CALLS, *CALL_ENDS, *_SECTIONS)
_FIRST = re.compile(r"[<&\[◁]")
_PART = re.compile(
    "|".join(
        (
            _prefix("<", f"{_B}/?{_B}", *"imgen", _B),
            _prefix(*"&lt;", f"{_B}/?{_B}", *"imgen", _B, *"&gt;", "[ \t]{0,8}"),
            _prefixes((*_CALL_TAGS, *REASONING, *_THOUGHTS, *_MARKERS)),
        )
    ),
    re.IGNORECASE,
)
