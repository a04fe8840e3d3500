"""Which language a prompt is in, as far as its script and commonest words tell."""

from __future__ import annotations

import re
from functools import lru_cache

from llmi_train.prompts.text import UNSPACED_RE

_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]+")
_COMMON = {
    "en": "a my i we you pictures images photos the of and to in is for with that on are this from by as it be an write how what which at or about their your without between please "
    "write explain compare show make create",
    "de": "der die das und ist für mit nicht ein eine einen den dem des von zu auf wie im sich über bitte einem einer ohne "
    "schreibe erkläre beschreibe zeige erstelle",
    "fr": "le la les des et est pour avec une dans du que qui sur au aux comment ce cette par un de en sans "
    "écris explique décris rédige montre",
    "es": "el la los las y es para con una en del que sobre cómo por un de se al como más sin "
    "escribe explica describe muestra crea",
    "it": "il la gli le e è per con una nel della che di un sono come del dei sul alla",
    "pt": "o a os as e é para com uma no da do que em um como dos das sobre não",
    "nl": "de het een en is voor met van op in dat niet hoe aan te die over bij",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_FEWEST, _LEAD = 2, 1.3
"""Common words that must be there, and how many times those of the next language."""


@lru_cache(maxsize=256)
def language_of(text: str) -> str:
    """A code, such as "en" or "zh"; empty if it cannot be told."""
    words = [word.casefold() for word in _WORD.findall(UNSPACED_RE.sub(" ", text))]
    han, kana, hangul = (len(each.findall(text)) for each in (UNSPACED_RE, _KANA, _HANGUL))
    if hangul > max(han, len(words)):
        return "ko"
    if han > len(words):  # a character says about as much as half a word
        return "ja" if kana > han / 10 else "zh"
    return _by_words(words)


def primary(code: str) -> str:
    """The language of a code with more in it: of "zh-Hans" and "zh_CN" "zh"."""
    return re.split("[-_]", code.strip().casefold())[0]


def _by_words(words: list[str]) -> str:
    counts = {language: len(common.intersection(words)) for language, common in _WORDS.items()}
    best, next_best, *_ = sorted(counts, key=lambda each: -counts[each])
    sure = counts[best] >= _FEWEST and counts[best] >= _LEAD * counts[next_best]
    return best if sure else ""
