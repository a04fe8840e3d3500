"""What makes a count of pictures one that can be read in more than one way."""

from __future__ import annotations

import re

_NOUNS = (
    r"(?:pictures?|images?|illustrations?|figures?|visuals?|photos?|photographs?|charts?|paintings?|drawings?|diagrams?|maps?|plots?|graphs?"
    r"|bild(?:er)?n?|fotos?|zeichnung(?:en)?|diagramme?n?|dessins?|imagen|imágenes|dibujos?)"
)
_BEHIND = (
    r"at least|at most|minimum|maximum|min\b|max\b|or more|or fewer|or less|or so|tops|oder mehr|oder weniger|mindestens|höchstens|maximal"
    r"|au (?:maximum|minimum|moins|plus)|ou (?:plus|moins)|o más|o menos|como (?:máximo|mínimo)|al menos|or (?:two|three)\b|oder zwei|ou deux|o dos"
)
_VAGUE = "about|around|roughly|approximately|approx|nearly|almost|some|etwa|ungefähr|rund|ca|environ|presque|aproximadamente|alrededor de"
_SMALL = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|zwei|drei|vier|fünf|deux|trois|quatre|cinq|dos|tres|cuatro|cinco)"
_DOUBT = re.compile(
    "|".join(
        (
            rf"\b{_NOUNS}[, (]+(?:{_BEHIND})",
            r"[<>≤≥~]=? ?\d",
            rf"\b(?:{_VAGUE})\.? {_SMALL}\b",
            r"\b(?:each|every|per|apiece|respectively|jede[rsnm]?|je|pro|jeweils|chaque|chacune?|par|cada|por)\b",
            r"\b(?!an?\b)\w+(?<!half a) (?<!half a )dozen\b|\b\w*(?:dozens|dutzend|douzaines?|dizaines?|docenas?|decenas?|scores?)\b|\b\w+ et une\b",
            rf"\b(?:thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|top) {_SMALL}\b",
            rf"\b(?:the|these|those|my|his|her|their|its|your|our|die|les|las|los|mes|mis) {_SMALL} (?:\w+ ){{0,2}}{_NOUNS}\b",
            rf"\b(?:{_SMALL}|another) (?:of (?!them|which|these|those)|more\b|others?\b)|\bwants? {_SMALL}$",
            rf"\b(?:no|without) \w+ (?:of|that|which|showing)\b.*\b{_SMALL}\b",
            rf"\b(?!one\b|1\b){_SMALL} (?:chart|photo|picture|image|map) [a-z]",
            r"\b(?:used to|instead of|not one|not just|not only|there (?:are|is|were|was)(?! (?:no need|to be))|attached|enclosed|besides)\b",
            r"\b0 [a-z]+|\bkeine\w* einzig",
            rf"-panel\b|\bno \w+ exist|['\"“‘«]{_SMALL} |\b(?:hang|took|take|has|holds?|stole|compare|about|of|for) {_SMALL} \w*",
            r"^\W*(?:how|why|what|where|when|who|which|do|does|did|is|are)\b[^?]*\?",
        )
    )
)
_DOUBT_IN_CHINESE = re.compile(
    r"每|各(?!位)|分别|以内|以下|左右|上下|大约|约|来[张幅]|几[张幅]|一对|半打"
    r"|不要只|不只|不仅|而是|(?:我|里|上|中)有|如何[^,，]{0,6}挂"
)
_SENTENCE, _SENTENCE_IN_CHINESE = re.compile(r"(?<=[.!?;]) "), re.compile("[。!?;]")


def doubtful(text: str, mentioned: re.Pattern[str], chinese: bool = False) -> bool:
    """Whether a sentence that speaks of pictures holds such words. text: in NFKC and lower case."""
    sentences = (_SENTENCE_IN_CHINESE if chinese else _SENTENCE).split(text)
    words = _DOUBT_IN_CHINESE if chinese else _DOUBT
    return any(words.search(each) for each in sentences if mentioned.search(each))
