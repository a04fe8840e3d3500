"""What the report is about, in the user's words or the file's."""

from __future__ import annotations

import re
from pathlib import PurePath

from llmi_offline.phrases import capital, clean

_COMMAND = re.compile(
    r"^(please|can you|could you|i want|i need|i would like)?\s*(to )?(write|make|create|draft|produce|generate|prepare|"
    r"compose|give|show|tell|build|illustrate|explain|describe|analy[sz]e|summari[sz]e|visuali[sz]e|explore|look)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:about|on|of|for|at|into|describing|covering)\s+(?P<topic>.+)", re.IGNORECASE
)
_DIRECT = re.compile(
    r"^(?:please\s+)?(?:explain|describe|analy[sz]e|summari[sz]e|visuali[sz]e|explore|illustrate)\s+(?P<topic>.+)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s*[,;:(]?\s*\b(with|using|from the|from this|based on|including|in (an?|the) |for (my|our|a|the) |as an?|and "
    r"(show|include|add|write|use|explain|illustrate))\b.*$",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"^((the|this|these|that|my|our|attached|given|following|data|dataset|table|file|csv|numbers|picture|photo|image|it|them)\b\s*)+$",
    re.IGNORECASE,
)
_LONGEST_TITLE = 70
_STOP = frozenset(
    """a about after all am an and any are as at be been before between both but by can could did do does each every few
for from get give given go goes had has have here how i if in into is it its just let like look make many may me
more most much my need no not of off on one only or other our out over own per please say see she he her his so
some such tell than that the their them then there these they this those through to too two three four five six
seven eight nine ten under up us use very want was we were what when where whether which while who whom whose why
will with would you your
analyse analysed analysis analyze article attached chart charts column columns copy csv data dataset describe
document draft entries entry explain explore export file files final find finding findings figure figures given
graph graphs happen happened happening illustrated image images interesting json key list new number numbers
output overview page picture pictures plot record records report result results row rows sample sheet show shows
showing stats statistics story summary summarise summarize table tables test thing things trend trends tsv
untitled value values visualise visualize write written year years
""".split()
)


def topic_of(prompt: str, files: list[str]) -> str:
    """The subject as a phrase: what the prompt is about, else a short prompt itself, else the files."""
    line = clean(prompt, 400)
    asked = _from_command(line)
    if asked:
        return asked
    short = line.rstrip(".!? ")
    if (
        short
        and len(short) <= _LONGEST_TITLE
        and not _COMMAND.match(short)
        and not _EMPTY.match(short)
        and keywords(short)
    ):
        return short
    return _from_files(files)


def keywords(topic: str) -> str:
    """The topic's telling words, for an image search."""
    words = re.findall(r"[^\W_]+(?:[-'\u2019][^\W_]+)*", topic)
    bare = [re.sub(r"['\u2019]s$", "", word) for word in words]
    kept = [w for w in bare if w.lower() not in _STOP and not re.fullmatch(r"[a-zA-Z]|\d+", w)]
    return " ".join(kept[:6])


def _from_command(line: str) -> str:
    if not _COMMAND.match(line):
        return ""
    sentence = re.split(r"[.!?\n](?:\s|$)", line, maxsplit=1)[0]
    found = _DIRECT.match(sentence) or _ABOUT.search(sentence)
    if not found:
        return ""
    topic = _TAIL.sub("", found["topic"]).strip(" ,;:.'\"“”")
    topic = re.sub(
        r"^(the|this|these|an?)\s+(?=(weather|data|table|attached)\b)",
        "",
        topic,
        flags=re.IGNORECASE,
    )
    usable = 2 < len(topic) <= _LONGEST_TITLE and bool(keywords(topic))
    return topic if usable else ""


def _from_files(files: list[str]) -> str:
    stems = [clean(re.sub(r"[-_.]+", " ", PurePath(name).stem)) for name in files[:3]]
    named = [stem for stem in stems if stem]
    return capital(" and ".join(named)) if named else "The attached data"
