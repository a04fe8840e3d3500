"""Strangers' words as a judge is shown them: between lines that nobody else can write, with nothing hidden in them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U0010ffff]+"
)
"""Controls, joiners, marks of direction, fillers, tags, variants, and what has no meaning of its own."""
_JOINS = re.compile("\ufe0f|\ufe0f?\u200d|\u200c")
"""What emoji and some scripts need."""
_KEYCAP = "\u20e3"
_MOST_NAMED = 6

_NAMES = (
    "s|bos|eos|pad|unk|sop|eop|eod|sep|cls|mask|image|img|video|audio|think|thinking|system|user|assistant|human|developer|tool|"
    "function|turn|instructions?|message|im_start|im_end|endoftext|start_of_turn|end_of_turn|start_of_image|end_of_image|"
    "image_soft_token|end_of_utterance|begin_of_text|end_of_text|bot_id|eot_id|unused_?\\d+|reserved_\\d+|extra_id_\\d+"
)
_BRACKETED = (
    "inst|sys|system|system_prompt|user|assistant|gmask|bos|eos|cls|sep|pad|mask|img|img_end|img_break|think|"
    "available_tools|tool_calls|tool_results|tool_content|prefix|suffix|middle|control_\\d+"
)
_ROLE = re.compile(
    rf"""[<＜](?=[|｜])                          # <|im_start|>
       | [<＜](?=/?[|]?[\w:/]{{1,40}}[|｜][>＞])    # <turn|>
       | [<＜](?=/?(?:{_NAMES})[>＞])            # <start_of_turn>
       | <(?=</?SYS>>)
       | \[(?=/?(?:{_BRACKETED})\])              # [INST]
       | ◁(?=/?think)""",  # noqa: RUF001 - the wide bars and brackets are meant
    re.IGNORECASE | re.VERBOSE,
)
"""Where marks begin or end by which models are told who speaks; a blank behind it makes them plain characters."""


@dataclass(frozen=True)
class Fence:
    """Lines around what strangers wrote. Nobody can write them in advance: their number is made from all that they enclose."""

    number: str

    @classmethod
    def around(cls, *parts: object) -> Fence:
        """The one for a question that holds these, which JSON can write."""
        said = json.dumps(parts, sort_keys=True).encode()
        digest = hashlib.sha256(b"llmi judges " + said).hexdigest()
        return cls("-".join(digest[at : at + 4] for at in range(0, 16, 4)))

    def line(self, words: str) -> str:
        """A line that only we can write."""
        return f"===== {words} {self.number} ====="

    def enclose(self, name: str, text: str) -> str:
        """The text, made harmless, between two such lines."""
        return "\n".join((self.line(f"BEGIN {name}"), quoted(text), self.line(f"END {name}")))

    def is_number(self, said: object) -> bool:
        """Whether somebody means this fence's number."""
        return isinstance(said, str) and _bare(said) == _bare(self.number)


def quoted(text: str) -> str:
    """The text with each line marked as quoted, nothing hidden in it, and no marks of who speaks."""
    return "\n".join(f"> {harmless(line)}" for line in text.splitlines()) or "> "


def harmless(line: str) -> str:
    """One line with what is hidden in it named, and marks of who speaks made plain characters."""
    return _ROLE.sub(r"\g<0> ", _HIDDEN.sub(_named, line))


def _named(found: re.Match[str]) -> str:
    run, text = found[0], found.string
    before = text[max(found.start() - 1, 0) : found.start()]
    after = text[found.end() : found.end() + 1]
    if _JOINS.fullmatch(run) and _joins(run, before, after):
        return run
    codes = [f"U+{ord(each):04X}" for each in run[:_MOST_NAMED]]
    more = f" and {len(run) - _MOST_NAMED} more" if len(run) > _MOST_NAMED else ""
    return f"[{' '.join(codes)}{more}]"


def _joins(run: str, before: str, after: str) -> bool:
    """Whether it stands where emoji and scripts have it: between visible characters beyond ASCII."""
    if run == "\ufe0f" and after == _KEYCAP:
        return True
    return before > "\x7f" and (run == "\ufe0f" or after > "\x7f")


def _bare(number: str) -> str:
    return number.strip().lower().replace("-", "").replace(" ", "")
