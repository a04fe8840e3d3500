"""Which characters of a text are which token's, by what the server writes of each; only where there is no doubt.

A server writes a token as its bytes, or as its text, in which a part of a character is a replacement character.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

NUMBERED = re.compile(r"token_id:(\d{1,18})")
"""A token as `--return-tokens-as-token-ids` writes it."""
_MARK = re.compile(r"\s*(<[^<>]+>|\[[^\[\]]+\])\s*|")
_UNKNOWN = "\ufffd"
_MOST_TRIES = 8
"""Special tokens after which a text may begin."""

Entry = Mapping[str, Any]
"""What a server says of a token, in `logprobs.content`."""


class Share(NamedTuple):
    """What a token says of a text."""

    text: str
    open: bool = False
    """It, or a part of what stands here, may belong to the next one's text."""


def aligned(
    entries: Sequence[Entry], spoken: str, *, after_others: bool, ends: bool
) -> tuple[int, list[Share]] | None:
    """The first token of the text, and from there on what each token says of it.

    Special tokens are in no text: the text may begin after some, and end before. after_others: other tokens, too, may come
    before a special one after which it begins (a reasoning). ends: the last token ends the answer, whatever it is.
    None if there is any doubt.
    """
    if not spoken:
        return None
    for first in _beginnings(entries, after_others=after_others):
        for last, rest in _endings(entries, ends=ends):
            if first < last and (shares := _shares(entries[first:last], spoken)) is not None:
                if shares[-1].open and ends:
                    shares[-1] = Share(shares[-1].text)
                return first, [*shares, *rest]
    return None


def is_broken(entry: Entry) -> bool:
    """Whether it is, or ends in, a part of a character."""
    return _UNKNOWN in token_of(entry) or not _is_whole(entry)


def is_silent(entry: Entry) -> bool:
    """Whether it is a whole token, so that its text will not come later, if it is not there."""
    token = token_of(entry)
    return (
        bool(token) and _UNKNOWN not in token and not NUMBERED.fullmatch(token) and _is_whole(entry)
    )


def token_of(entry: Entry) -> str:
    """The token as text; empty if there is none."""
    token = entry.get("token")
    return token if isinstance(token, str) else ""


def _beginnings(entries: Sequence[Entry], *, after_others: bool) -> Iterator[int]:
    if not after_others:
        yield 0
    marks = [n for n, each in enumerate(entries) if _MARK.fullmatch(token_of(each))]
    leading = marks if after_others else [n for n in marks if marks[n : n + 1] == [n]]
    yield from (n + 1 for n in leading[:_MOST_TRIES])


def _endings(entries: Sequence[Entry], *, ends: bool) -> Iterator[tuple[int, list[Share]]]:
    """After which tokens the text may end, and what those after it say: nothing, or nothing yet."""
    last = len(entries)
    yield last, []
    rest: list[Share] = []
    while last:
        token = token_of(entries[last - 1])
        broken = _UNKNOWN in token and not ends
        if not (broken or _MARK.fullmatch(token) or (ends and not rest)):
            return
        last, rest = last - 1, [Share("", broken), *rest]
        yield last, rest


def _shares(entries: Sequence[Entry], spoken: str) -> list[Share] | None:
    """What each says, if together they say just this."""
    written = [_bytes(each) for each in entries]
    if b"".join(written) == spoken.encode("utf-8", "surrogatepass"):
        return _read(written)
    return _anchored([token_of(each) for each in entries], spoken)


def _read(written: Sequence[bytes]) -> list[Share] | None:
    """Byte by byte."""
    reader = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    try:
        texts = [(reader.decode(each), each) for each in written]
    except UnicodeDecodeError:
        return None
    return [Share(text, not text and bool(own)) for text, own in texts]


def _anchored(tokens: Sequence[str], spoken: str) -> list[Share] | None:
    """By the tokens that are whole; what lies between two of them is said by the broken ones there, all together."""
    groups = [
        (broken, [*some]) for broken, some in groupby(tokens, lambda token: _UNKNOWN in token)
    ]
    anchors = ["".join(some) for broken, some in groups if not broken]
    places = _places(anchors, spoken, begins=not groups[0][0], ends=not groups[-1][0])
    if places is None:
        return None
    shares: list[Share] = []
    at = 0
    following = iter([*places, len(spoken)])
    for broken, some in groups:
        if broken:
            end = next(following)
            shares += [*[Share("", True)] * (len(some) - 1), Share(spoken[at:end])]
            at = end
        else:
            if not shares:  # the text begins with it
                next(following)
            shares += map(Share, some)
            at += sum(map(len, some))
    broken, some = groups[-1]
    # A text is sent up to its last whole character: of several broken tokens, the last may begin one that is not there yet.
    if broken and (len(some) > 1 or len(shares[-1].text) < len(some[0])):
        shares[-1] = Share(shares[-1].text, True)
    return shares


def _places(anchors: Sequence[str], spoken: str, *, begins: bool, ends: bool) -> list[int] | None:
    """Where each anchor stands, with at least a character between two; None if it may stand elsewhere."""
    places: list[int] = []
    at = 0
    for number, anchor in enumerate(anchors):
        at = spoken.find(anchor, at if begins and not number else at + 1)
        places.append(at)
        if at < 0 or (begins and not number and at):
            return None
        at += len(anchor)
    if (at == len(spoken)) != ends:
        return None
    mirrored: list[int] = []
    at = len(spoken)
    for number, anchor in enumerate(reversed(anchors)):
        at = spoken.rfind(anchor, 0, at if ends and not number else max(at - 1, 0))
        mirrored.append(at)
    return places if places == mirrored[::-1] else None


def _bytes(entry: Entry) -> bytes:
    given = entry.get("bytes")
    if isinstance(given, list) and all(type(n) is int and 0 <= n < 256 for n in given):
        return bytes(given)
    return token_of(entry).encode("utf-8", "surrogatepass")


def _is_whole(entry: Entry) -> bool:
    try:
        _bytes(entry).decode()
    except UnicodeDecodeError:
        return False
    return True
