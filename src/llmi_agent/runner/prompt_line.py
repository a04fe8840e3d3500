"""A line of a file of prompts: what its keys hold, and why it cannot be used."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmi_agent.config.layers import suggestion
from llmi_agent.contract.judging import ANY_PICTURES, SOME_PICTURES, Demand

KEYS = ("prompt", "id", "attach", "split", "pictures", "kinds", "language")

MOST_ATTACHMENTS = 100
MOST_ID = 200
MOST_SPLIT = 200
MOST_LANGUAGE = 35
"""Characters; of a language as many as BCP 47 wants systems to take."""
MOST_KINDS = MOST_KIND = 100
"""Of them, and characters of a name."""


_ARRAY = (
    "it begins as a JSON array does; write the array's objects one a line, as `jq -c '.[]'` does"
)


class WrongLineError(Exception):
    """The line cannot be used, and why."""


@dataclass(frozen=True)
class Line:
    """What it says."""

    text: str
    id: str | None
    """None if none is given."""
    attach: tuple[str, ...]
    """Paths as they are written."""
    split: str
    demand: Demand | None
    language: str


def line_of(data: Mapping[str, Any]) -> Line:
    """What an object says; keys that are none of `KEYS` are not looked at. Raises WrongLineError."""
    return Line(_text(data), _id(data), _names(data), _split(data), _demand(data), _language(data))


def check_keys(data: Mapping[str, Any]) -> None:
    """Raises WrongLineError if there is a key that says nothing."""
    for key in data:
        if key not in KEYS:
            raise WrongLineError(f"there is no key {key!r}; {suggestion(key, KEYS)}")


def object_of(line: bytes) -> Mapping[str, Any]:
    """A line's object; a string is one with nothing but a prompt. Raises WrongLineError."""
    try:
        data = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise WrongLineError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        if error.doc.lstrip().startswith("["):
            raise WrongLineError(_ARRAY) from None
        raise WrongLineError(f"it is not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise WrongLineError("it is not JSON that can be read") from None
    if isinstance(data, str):
        return {"prompt": data}
    if isinstance(data, list):
        raise WrongLineError(_ARRAY)
    if not isinstance(data, dict):
        raise WrongLineError('it is neither an object such as {"prompt": "..."} nor a string')
    return data


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object, of which no key is given twice: readers disagree about which of them counts."""
    data = dict(pairs)
    if len(data) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise WrongLineError(f"it has the key {twice!r:.80} twice")
    return data


def _text(data: Mapping[str, Any]) -> str:
    text = data.get("prompt")
    if text is None:
        raise WrongLineError('it has no "prompt"')
    if not isinstance(text, str):
        raise WrongLineError('its "prompt" is not a string')
    if not text.strip():
        raise WrongLineError("the prompt is empty: say what the document should be about")
    if not _encodes(text):
        raise WrongLineError("the prompt holds half a surrogate pair, which is no text")
    return text


def _id(data: Mapping[str, Any]) -> str | None:
    given = data.get("id")
    if given is None:
        return None
    name = str(given) if type(given) is int else given
    if not isinstance(name, str) or not name.strip():
        raise WrongLineError('its "id" is neither a string with something in it nor a whole number')
    if len(name) > MOST_ID:
        raise WrongLineError(f"the id has more than {MOST_ID} characters")
    if not name.isprintable():
        raise WrongLineError(f"the id {name!r} holds characters that cannot be printed")
    return name


def _split(data: Mapping[str, Any]) -> str:
    given = data.get("split")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise WrongLineError('its "split" is not a string')
    if why := no_split(given):
        raise WrongLineError(why)
    return given


def no_split(name: str) -> str:
    """Why a split cannot be called that; empty if it can."""
    if len(name) > MOST_SPLIT:
        return f"the split has more than {MOST_SPLIT} characters"
    return (
        "" if name.isprintable() else f"the split {name!r} holds characters that cannot be printed"
    )


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    names = data.get("attach") or []
    if not isinstance(names, list) or not all(isinstance(each, str) and each for each in names):
        raise WrongLineError('its "attach" is not a list of paths')
    if len(names) > MOST_ATTACHMENTS:
        raise WrongLineError(f"it has more than {MOST_ATTACHMENTS} attachments")
    return tuple(names)


def _demand(data: Mapping[str, Any]) -> Demand | None:
    pictures, kinds = data.get("pictures"), data.get("kinds")
    if pictures is None and kinds is None:
        return None
    if not _are_names(kinds or []):
        raise WrongLineError('its "kinds" is not a list of names of kinds')
    try:
        return Demand(
            ANY_PICTURES if pictures is None else pictures_of(pictures), tuple(kinds or ())
        )
    except (TypeError, ValueError) as error:
        raise WrongLineError(str(error)) from None


def _are_names(given: object) -> bool:
    return (
        isinstance(given, list | tuple)
        and len(given) <= MOST_KINDS
        and all(isinstance(each, str) and each.isprintable() for each in given)
        and all(len(each) <= MOST_KIND for each in given)
    )


def pictures_of(given: object) -> int:
    """How many pictures are demanded, as `Demand` has it; "Inf" is at least one, and 2.0 is 2.

    Raises ValueError if it is no number.
    """
    if isinstance(given, str) and given.strip().casefold() in ("inf", "infinity"):
        given = math.inf
    if isinstance(given, float):
        if given == math.inf:
            return SOME_PICTURES
        if given.is_integer():
            return int(given)
    if type(given) is not int:
        raise ValueError(f"pictures {given!r:.80}: it is no whole number")
    return given


_CODE = re.compile(r"\s*(?:[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*)?\s*")


def _language(data: Mapping[str, Any]) -> str:
    given = data.get("language")
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > MOST_LANGUAGE or not _CODE.fullmatch(given):
        raise WrongLineError('its "language" is no code of a language, such as "en"')
    return given


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
