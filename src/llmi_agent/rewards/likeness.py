"""When two slots ask for the same: parameters that say the same in other clothes.

An honest document must not lose for a repetition that is none, so that what could be another thing is one: the order of
words, accents, vowel signs and symbols all count.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from llmi_agent.base.seen import UNSEEN
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.rewards.code_form import code_form

_HIDDEN = re.compile(f"(\U0001f3f4[\U000e0020-\U000e007f]+)|[\u0640{UNSEEN}]")
"""What nobody sees, and the Arabic letter that only stretches a word. The flags of countries such as Wales are told apart by what nobody sees."""
_CHINESE = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
"""A character of Chinese or Japanese, where blanks and points part no words."""
_CLOTHES = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        ("[\u2010-\u2012\u2212]", "-"),
        (r"(?<=\w)\u2013(?=\w)", "-"),
        ("[\u2013-\u2015]", " "),
        ("[\u2018\u2019]", "'"),
        ("[`\u201a-\u201f\u00ab\u00bb\u2039\u203a\u3008-\u3011\u00a1\u00bf]", " "),
        ("[\u3001\u3002\u060c\u061b\u061f\u06d4\u0964\u0965\u1362\u104a\u104b\u17d4]", " "),
        (r"""(?<!\S)(['"])([^'"]*)\1(?=[\s.,;:!?]|$)""", r" \2 "),
        (r"(?<!\S)\(([^()\d]*)\)(?=[\s.,;:!?]|$)", r" \1 "),
        (r"(?<=[^\W\d])[,;](?=[^\W\d])", " "),
        (rf"(?<={_CHINESE})[.,:;!?()]++|(?<![.,:;!?()])[.,:;!?()]++(?={_CHINESE})", " "),
        (r"(\d!++)(?=\s|$)|(?<![.,;:!?])[.,;:!?]++(?=\s|$)", r"\1"),
    )
)
"""What of a text's punctuation says nothing, and what stands for it. Within a word it may say something (3.5, N,N, 16:9,
f'(x)), and before one (.NET, -5)."""
_ARTICLE = re.compile(r"^(?:a|an|the) (?=\S+ \S)")
_BETWEEN = re.compile(rf"(?<={_CHINESE}) (?={_CHINESE})")
_RAISED = ("<super>", "<sub>", "<fraction>")
_SYMBOL = 3
"""Characters that a word has at most which is told from others by its case: CO is not Co, and MW not mW."""


def params_form(kind: str, params: Mapping[str, Any]) -> str:
    """What a slot asks for: the same for the same words in other case and punctuation, and for the same code whatever
    its names, comments and titles. Of a kind that is a plugin's nobody knows what its words mean: only blanks are left out."""
    forms = {name: _form(kind, name, value) for name, value in params.items()}
    return json.dumps([kind, forms], sort_keys=True)


def _form(kind: str, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if kind not in WELL_KNOWN:
        return " ".join(value.split())
    return code_form(value) if name == "code" else said(value)


def said(text: str) -> str:
    """Words of a language as they are compared, in their order."""
    plain = unicodedata.normalize("NFC", _HIDDEN.sub(r"\1", text).translate(_PLAIN))
    for pattern, instead in _CLOTHES:
        plain = pattern.sub(instead, plain)
    line = _BETWEEN.sub("", " ".join(map(_folded, plain.split())))
    if not any(each.isupper() for each in plain):  # with a capital it may be a name
        line = _ARTICLE.sub("", line)
    return line or " ".join(text.split())


def _folded(word: str) -> str:
    """In small letters, but for what its case tells from another word."""
    short = len(word) <= _SYMBOL or any(each.isdigit() for each in word)
    return word if short and any(each.isupper() for each in word[1:]) else word.lower()


class _Plain(dict[int, str]):
    """A character, by its number, in its plain form; raised and lowered ones and fractions stay."""

    def __missing__(self, number: int) -> str:
        character = chr(number)
        raised = unicodedata.decomposition(character).startswith(_RAISED)
        self[number] = character if raised else unicodedata.normalize("NFKC", character)
        return self[number]


_PLAIN = _Plain()
