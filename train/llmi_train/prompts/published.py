"""How others write what a prompt demands: LLM-I's data, and what programs make of it on the way."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from llmi_agent.runner.prompt_line import WrongLineError

_NOTHING = ("", "none", "null", "nan", "na", "n/a", "[]", "{}")
_INFINITE = ("inf", "+inf", "infinity", "∞")
_BETWEEN = re.compile(r"\s*[,;|+]\s*")
_OWN = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What a kind may be called; what is so written is a kind's own name and no other spelling of one."""
_KINDS = {
    "search": "image search|online search|online image search|web search|web image search|google search|"
    "google image search|searching|retrieval|image retrieval",
    "diffusion": "generation|image generation|generate|text to image|t2i|diffusion model|diffusion based generation|"
    "image diffusion|text to image diffusion",
    "code": "code execution|code interpreter|python|python code|code generation|coding|plot|visualization",
    "edit": "image edit|image editing|editing|img edit|edit image",
}
_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in (kind, *names.split("|"))}


def plain(value: Any) -> Any:
    """What is of numpy, or a decimal, as Python has it; NaN, which pandas writes for what is not there, is None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    elif isinstance(value, Decimal):
        value = float(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def number(given: Any) -> Any:
    """How many pictures, as `prompt_line.pictures_of` takes it; None if nothing is said."""
    given = plain(given)
    if not isinstance(given, str):
        return given
    words = given.strip().casefold()
    if words in _NOTHING:
        return None
    if words in _INFINITE:
        return math.inf
    try:
        return float(words)
    except ValueError:
        return given


def kinds(given: Any) -> tuple[str, ...] | None:
    """Names of kinds, however they are listed and spelt; one that is not known stays as it is. Raises WrongLineError."""
    given = plain(given)
    if given is None:
        return None
    if isinstance(given, str):
        given = _listed(given)
    if isinstance(given, Mapping) or not isinstance(given, list | tuple | set | frozenset):
        raise WrongLineError(f"its tools are no list of names: {given!r:.80}")
    names = (_kind(each) for each in given if each is not None)
    return tuple(dict.fromkeys(names))


def _listed(words: str) -> list[Any]:
    """A list that is text: JSON, Python's, or words with commas between."""
    if words.strip().casefold() in _NOTHING:
        return []
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return found
    inner = words.strip().strip("[](){}").strip(" ,")
    return [each.strip(" '\"") for each in _BETWEEN.split(inner) if each.strip(" '\"")]


def _kind(given: Any) -> str:
    if isinstance(given, Mapping):
        function = given.get("function")
        given = (function if isinstance(function, Mapping) else given).get("name")
    if not isinstance(given, str) or not given.strip():
        raise WrongLineError(f"its tools are no list of names: {given!r:.80}")
    if _OWN.fullmatch(given):
        return given
    name = " ".join(re.sub(r"[_-]", " ", given.casefold()).split())
    name = name.removesuffix(" tool")
    return _BY_NAME.get(name, given.strip())


def record(given: Any, name: str) -> Mapping[str, Any]:
    """An object: as such, as JSON, or as Arrow has maps. Raises WrongLineError."""
    given = plain(given)
    if isinstance(given, str):
        if given.strip().casefold() in _NOTHING:
            return {}
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise WrongLineError(f"its {name} is text, but no JSON") from None
    if given is None:
        return {}
    if isinstance(given, list) and all(isinstance(x, tuple) and len(x) == 2 for x in given):
        given = dict(given)
    if not isinstance(given, Mapping):
        raise WrongLineError(f"its {name} is no object")
    return given
