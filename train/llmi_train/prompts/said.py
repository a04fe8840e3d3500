"""What a prompt says in words of how many pictures it wants, and whether that is what it demands."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from llmi_agent.contract import Demand
from llmi_agent.contract.judging import ANY_PICTURES, NO_PICTURE, SOME_PICTURES
from llmi_train.prompts import said_in_chinese
from llmi_train.prompts.claims import Claim, Claims
from llmi_train.prompts.doubt import doubtful
from llmi_train.prompts.language import language_of, primary
from llmi_train.prompts.lexicon import LEXICONS, Lexicon

Verdict: TypeAlias = Literal["said", "contradicted", "unsaid", "unclear"]
"""Of what is demanded: it is said in words; the words say otherwise; they say nothing of pictures; it cannot be told."""


def claims_of(text: str, language: str = "") -> Claims | None:
    """What a text says of how many pictures it wants; None if it is in none of the languages that can be read.

    language: as the prompt has it, for a text that does not tell by itself. Where neither does, it is taken for one of
    those in which it counts pictures.
    """
    given = primary(language)
    if given and given != "zh" and given not in LEXICONS:
        return None
    code = language_of(text) or given
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if code == "zh":
        return said_in_chinese.claims(plain)
    plain = _AGAIN.sub("", _AND.sub("-and-", plain))
    if code in LEXICONS:
        return _claims(plain, code)
    every = (_claims(plain, each) for each in LEXICONS if not code)
    return next((each for each in every if each.counted or each.none or each.some), None)


def verdict(demand: Demand, claims: Claims | None) -> Verdict:
    """Whether what is demanded is said. Where words allow for another reading it is unclear, and no fault."""
    if claims is None or claims.doubt:
        return "unclear"
    if demand.pictures == NO_PICTURE:
        return _none(claims)
    if claims.none:
        return "unclear" if claims.wanted else "contradicted"
    if demand.pictures == SOME_PICTURES:
        return "said" if claims.wanted else _silent(claims)
    if demand.pictures == ANY_PICTURES:
        return "contradicted" if claims.exact else "said"
    return _number(demand.pictures, claims)


def _none(claims: Claims) -> Verdict:
    if claims.none:
        return "unclear" if claims.numbers else "said"
    return "contradicted" if claims.numbers or claims.some else _silent(claims)


def _silent(claims: Claims) -> Verdict:
    return "unclear" if claims.mentioned else "unsaid"


def _number(demanded: int, claims: Claims) -> Verdict:
    if not claims.counted:
        return _silent(claims)
    if demanded in claims.totals:
        return "unclear" if any(each.open for each in claims.numbers) else "said"
    return "contradicted" if claims.exact and not claims.may_be(demanded) else "unclear"


_AGAIN = re.compile(r"(?<=\w) ?\(\d{1,3}\)|(?<=\d) ?\(\w+\)")
"""A number said once more: "three (3)"."""
_AND = re.compile(r"(?<=\bblack) and (?=white\b)")


@dataclass(frozen=True)
class _Patterns:
    """A language's, compiled."""

    counted: re.Pattern[str]
    labelled: re.Pattern[str]
    """With the number behind: "images: 3"."""
    none: re.Pattern[str]
    none_at_all: re.Pattern[str]
    some: re.Pattern[str]
    mentioned: re.Pattern[str]
    general: re.Pattern[str]


@lru_cache
def _patterns(code: str) -> _Patterns:
    language = LEXICONS[code]
    noun = rf"(?P<noun>{language.pictures}|{language.sorts})"
    words = "|".join(sorted(map(re.escape, language.numbers), key=len, reverse=True))
    number = rf"(?:\d{{1,3}}|{words})"
    between = rf"(?:(?!(?:{language.between}|{number})\b)[^\W\d_][\w'’-]*,? ){{0,4}}?"
    bound = f"(?P<least>{language.at_least})|(?P<most>{language.at_most})|{language.about}|{language.exactly}"
    counted = (
        rf"(?<![\w.,-])(?:(?:{bound}) )?(?:(?P<n>{number})(?:(?: ?[-–] ?| (?:{language.or_}) )(?P<to>{number}))?"
        rf"(?P<more>\+| (?:{language.or_more})\b)?(?: ?x)?|(?P<article>{language.articles})) {between}{noun}\b"
    )
    return _Patterns(
        re.compile(counted),
        re.compile(rf"\b{noun}(?: [a-z]+)?[:=] ?(?P<n>{number})\b"),
        re.compile(rf"\b(?:{language.none}) {between}{noun}\b"),
        re.compile(rf"\b(?:{language.none_at_all})\b"),
        re.compile(rf"\b(?:(?:{language.several}) {between}{noun}|{language.illustrated})\b"),
        re.compile(rf"\b(?:{noun}|{language.illustrated})\b"),
        re.compile(language.pictures),
    )


def _claims(text: str, code: str) -> Claims:
    language, patterns = LEXICONS[code], _patterns(code)
    refused = [each["noun"] for each in patterns.none.finditer(text)]
    without = patterns.none.sub(" ", text)
    counted = [_claim(each, language, patterns) for each in patterns.counted.finditer(without)]
    for each in patterns.labelled.finditer(without):
        number = _value(each["n"], language)
        counted.append(Claim(number, number, bool(patterns.general.fullmatch(each["noun"]))))
    at_all = bool(patterns.none_at_all.search(text))
    general = [each for each in refused if patterns.general.fullmatch(each)]
    return Claims(
        tuple(counted),
        none=at_all or bool(general) or bool(refused and not counted),
        some=bool(patterns.some.search(patterns.none_at_all.sub(" ", without))),
        doubt=doubtful(text, patterns.mentioned),
        mentioned=bool(patterns.mentioned.search(text)),
    )


def _claim(found: re.Match[str], language: Lexicon, patterns: _Patterns) -> Claim:
    least = _value(found["n"], language) if found["n"] else 1
    end = _value(found["to"], language) if found["to"] else least
    if end < least:  # "twenty-one"
        least = end = least + end
    open_ = found["least"] or found["more"]
    general = bool(patterns.general.fullmatch(found["noun"]))
    return Claim(
        0 if found["most"] else least,
        None if open_ else end,
        general=general,
        weak=found["article"] is not None,
    )


def _value(words: str, language: Lexicon) -> int:
    return int(words) if words.isdigit() else language.numbers[words]
