"""What is asked by chat messages, in the forms that they are written in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmi_agent.runner.prompt_line import WrongLineError
from llmi_train.prompts.published import plain

MARK = "<image>"
"""Where a picture stands in a message's text."""
_MARKS = re.compile(rf"\s*{MARK}\s*")


@dataclass(frozen=True)
class Asked:
    """What the messages ask."""

    text: str
    system: bool = False
    """Whether there was a system's message before."""
    answered: bool = False
    """Whether there was an answer after."""
    shown: int = 0
    """How many of the message's parts are pictures."""


def asked(given: Any) -> Asked:
    """Of a text, or of messages: a list, its JSON, one message, or columns of them. Raises WrongLineError."""
    given = plain(given)
    if isinstance(given, bytes):
        given = _decoded(given)
    if isinstance(given, str):
        messages = _written(given)
        if messages is None:
            return Asked(given)
    else:
        messages = _messages(given)
    users = [place for place, each in enumerate(messages) if each["role"] == "user"]
    if len(users) != 1:
        number = len(users) or "no"
        raise WrongLineError(f"its prompt has {number} messages of a user; one is a prompt")
    before = {each["role"] for each in messages[: users[0]]}
    parts = _parts(messages[users[0]].get("content"))
    return Asked(
        "".join(part if isinstance(part, str) else MARK for part in parts),
        "system" in before or "developer" in before,
        users[0] < len(messages) - 1,
        sum(part is None for part in parts),
    )


def unmarked(text: str, pictures: int) -> str:
    """The text without the marks of its pictures, if it has no more marks than there are pictures."""
    if not 0 < text.count(MARK) <= pictures:
        return text
    return _MARKS.sub(lambda found: "\n" if "\n" in found[0] else " ", text).strip()


def _written(text: str) -> Sequence[Mapping[str, Any]] | None:
    """The messages that a text is JSON of; None if it is just a text."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        return _messages(json.loads(text))
    except (ValueError, RecursionError, WrongLineError):
        return None


def _messages(given: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(given, Mapping):
        given = _of_columns(given)
    given = [plain(each) for each in given] if isinstance(given, list | tuple) else []
    for each in given:
        if not (isinstance(each, Mapping) and isinstance(each.get("role"), str)):
            given = []
            break
    if not given:
        raise WrongLineError('its "prompt" is neither a string nor chat messages')
    return list(given)


def _of_columns(given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One message, or several as columns of roles and contents, as `datasets` has lists of structs."""
    roles, contents = plain(given.get("role")), plain(given.get("content"))
    if not (isinstance(roles, list) and isinstance(contents, list)):
        return [given]
    if len(roles) != len(contents):
        raise WrongLineError("its messages have not as many roles as contents")
    return [
        {"role": role, "content": content} for role, content in zip(roles, contents, strict=True)
    ]


def _parts(given: Any) -> list[str | None]:
    """Texts, and None for each picture between them."""
    given = plain(given)
    return [_part(each) for each in (given if isinstance(given, list) else [given])]


def _part(given: Any) -> str | None:
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        if isinstance(text := given.get("text"), str):
            return text
        if str(given.get("type", "")).startswith(("image", "input_image")):
            return None
    raise WrongLineError("the content of its message is neither text nor parts of it")


def _decoded(given: bytes) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError:
        raise WrongLineError("it is not UTF-8 text") from None
