"""Secrets: values that must never be seen, and the eraser that sees to it.

Only values are erased, never what merely looks like a key. A value that is an ordinary word, or too short to be told
from one, would take the word out of every text: it stays, and its owner is warned.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from llmi_agent.base.ordinary import is_ordinary, is_plain
from llmi_agent.base.seen import VIEWS, Seen, unclosed, views

_NAMES = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth_?key|key|token|secret|password|passwd|pass|credentials?)(?:$|_)"
)
_NOT_ERASED = (
    "holds a common word or fewer than 8 characters, so its value is not erased from documents and logs; "
    "if it is a secret, give it a longer value"
)
_told: set[str] = set()
"""Names that have been warned of."""
_MOST_HELD = 16_384
"""Characters that a secret may be drawn out to by escapes and marks, while its end has not come."""
_WORD, _MOST_WORDS = 64, 4096
"""Characters of a text that is looked through once, and how many such are remembered."""
_LONG_LINE = 16
"""Characters of a line that is a secret of its own: those of a PEM key have 64."""


class Redactor:
    """Replaces the values of secrets wherever they turn up in text or in nested data.

    Values that are `is_ordinary` are left alone.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        parts = {part for value in values for part in _parts(value) if not is_ordinary(part)}
        forms = {form for part in parts for form in _spellings(part)}
        seen = {each for form in forms for view in VIEWS for each in Seen(form, view).depths}
        self._written = _Values(forms)
        self._seen = _Values({each for each in seen if not is_ordinary(each)})
        self._words: dict[str, str] = {}
        """Short texts, such as the names of options, come again with every run."""
        self._idle = not forms
        """There is nothing that it erases."""

    def __bool__(self) -> bool:
        """Whether there is anything that it erases."""
        return not self._idle

    def text(self, text: str) -> str:
        """Without the secrets in it, those included that a reader would see in it: escaped ones, and ones in pieces."""
        if self._idle:
            return text
        if len(text) > _WORD:
            return self._erased(text)
        known = self._words.get(text)
        if known is None:
            if len(self._words) >= _MOST_WORDS:
                self._words.clear()
            known = self._words[text] = self._erased(text)
        return known

    def _erased(self, text: str) -> str:
        redacted = self._written.erased(text)
        for view in views(redacted) if self._seen else ():
            redacted = self._unseen(redacted, view)
        return redacted

    def _unseen(self, text: str, view: str) -> str:
        seen = Seen(text, view)
        spans = sorted(
            (seen.start(depth, found.start()), seen.end(depth, found.end()))
            for depth, shown in enumerate(seen.depths)
            for found in self._seen.in_text(shown)
        )
        pieces, done = [], 0
        for start, end in spans:
            if start >= done:
                # A backslash that stood before it would now stand before a bracket.
                pieces += [text[done:start].rstrip("\\"), "[secret]"]
            done = max(done, end)
        return "".join((*pieces, text[done:]))

    def unfinished(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a secret."""
        begun = self._written.begun(text)
        tail = text[-_MOST_HELD:]
        seen = views(tail) if self._seen else ()
        starts = [self._begin(tail, view) for view in seen]
        for end in unclosed(tail) if seen else ():
            opened = (self._begin(tail[:end], view) for view in seen)
            starts += [start for start in opened if start < end]
        return max(begun, len(tail) - min(starts, default=len(tail)))

    def _begin(self, text: str, view: str) -> int:
        """Where what a reader may take for the beginning of a secret starts, at the end of `text`."""
        seen = Seen(text, view, whole=False)
        start = min(
            seen.start(depth, len(shown) - self._seen.begun(shown))
            for depth, shown in enumerate(seen.depths)
        )
        return len(text[:start].rstrip("\\"))

    def data(self, value: Any) -> Any:
        """The same for strings inside dicts (names, too), lists and tuples; other values pass as they are."""
        if self._idle:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.data(item) for item in value)
        return value


class _Values:
    """Strings that are looked for in texts, the longest first."""

    def __init__(self, values: Iterable[str]) -> None:
        kept = sorted(values, key=len, reverse=True)
        self._by_start = {
            start: tuple(each) for start, each in groupby(sorted(kept, key=_start), _start)
        }
        self._starts = re.compile(f"[{re.escape(''.join(self._by_start))}]" if kept else "(?!)")
        self._longest = len(kept[0]) - 1 if kept else 0
        self._pattern = re.compile(_alternatives(self._by_start) if kept else "(?!)")

    def __bool__(self) -> bool:
        return bool(self._by_start)

    def erased(self, text: str) -> str:
        return self._pattern.sub("[secret]", text) if self else text

    def in_text(self, text: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text)

    def begun(self, text: str) -> int:
        """How many characters at the end of `text` are the beginning of one of them."""
        for found in self._starts.finditer(text, max(len(text) - self._longest, 0)):
            begun = text[found.start() :]
            if any(value.startswith(begun) for value in self._by_start[found[0]]):
                return len(begun)
        return 0


def _start(value: str) -> str:
    return value[0]


def _alternatives(by_start: Mapping[str, tuple[str, ...]]) -> str:
    """One branch for each first letter, so that a letter of the text is looked up once; the longest value wins."""
    return "|".join(
        re.escape(start) + "(?:" + "|".join(re.escape(value[1:]) for value in values) + ")"
        for start, values in by_start.items()
    )


def _parts(value: str) -> Iterator[str]:
    """A value, and what is secret in it by itself: the lines of a key, the fields of an account, a password."""
    value = value.strip()
    yield value
    if "\n" in value:
        lines = (line.strip() for line in value.splitlines())
        yield from (line for line in lines if len(line) >= _LONG_LINE and line[:5] != "-----")
    if value.startswith("{"):
        yield from _fields(value)
    if password := _password(value):
        yield password


def _fields(value: str) -> Iterator[str]:
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError):
        return
    for name, field in _named(fields):
        if looks_secret(name):
            yield from _parts(field)


def _named(value: Any) -> Iterator[tuple[str, str]]:
    """The strings in a JSON object, each with its name, however deep."""
    for name, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, str):
            yield name, item
        yield from _named(item)


def _password(value: str) -> str:
    """The password in an address: `postgres://me:PASSWORD@host/`."""
    if "://" not in value or "@" not in value:
        return ""
    try:
        return unquote(urlsplit(value).password or "")
    except ValueError:
        return ""


def _spellings(value: str) -> set[str]:
    """A value as it is, and as it stands in addresses, in JSON and in base64."""
    encoded = value.encode(errors="surrogatepass")
    return {
        value,
        quote(encoded, safe=""),
        quote_plus(encoded),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        b64encode(encoded).decode().rstrip("="),
    }


def looks_secret(name: str) -> bool:
    """Whether a variable or a setting of this name holds a secret."""
    return bool(_NAMES.search(name))


def secrets_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables whose names say that they are secret, and those that hold an address with a password in it."""
    return {
        name: value
        for name, value in environ.items()
        if value and (looks_secret(name) or _password(value))
    }


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """Their values."""
    return list(secrets_in(environ).values())


def warnings_of(secrets: Mapping[str, str]) -> list[str]:
    """A sentence for each secret whose value is not erased, said once in the life of the process.

    It has the secret's name, not its value. What nobody keeps secret, such as the path of a key, is passed over.
    """
    weak = sorted(
        name
        for name, value in secrets.items()
        if value.strip() and is_ordinary(value) and not is_plain(value) and name not in _told
    )
    _told.update(weak)
    return [f"{name} {_NOT_ERASED}" for name in weak]
