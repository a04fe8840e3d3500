"""Where messages of a file show pictures: parts of a content, or marks in its text, as LLaVA and LLaMA-Factory write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmi_agent.cli.text import plural
from llmi_agent.runner.prompt_line import WrongLineError
from llmi_train.preferences.answer import Message
from llmi_train.prompts.messages import MARK
from llmi_train.prompts.published import plain

IMAGES = ("images", "image")
"""The columns of which one may hold what messages show, in its order."""
_TALKS = ("prompt", "completion", "messages", "conversations")
_NAMES = ("image", "image_url", "url", "path", "bytes", "base64")
"""Under which a part of a content may hold its picture."""
_MARKS = re.compile(
    r"<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>|<\|image_pad\|>|<start_of_image>|"
    + re.escape(MARK)
)


def is_picture(part: Mapping[str, Any]) -> bool:
    """Whether a part of a content, in anybody's form, shows one."""
    return str(part.get("type", "")).startswith(("image", "input_image"))


def own_pictures(row: Mapping[str, Any]) -> list[Any]:
    """What the parts of a row's messages hold themselves, in their order."""
    return [held for each in _TALKS for part in _parts(row.get(each)) if (held := _held(part))]


def _parts(talk: Any) -> Iterator[Mapping[str, Any]]:
    talk = plain(talk)
    for message in talk if isinstance(talk, list | tuple) else [talk]:
        content = plain(message.get("content")) if isinstance(message, Mapping) else None
        if isinstance(content, list | tuple):
            yield from (each for each in content if isinstance(each, Mapping) and is_picture(each))


def _held(part: Mapping[str, Any]) -> Any:
    name = next((each for each in _NAMES if part.get(each)), None)
    held = plain(part[name]) if name else None
    if isinstance(held, Mapping) and held.get("url"):
        return held["url"]
    return {"bytes": held} if name in ("bytes", "base64") else held


def placed(talk: Sequence[Message], count: int) -> Sequence[Message]:
    """With a part for each of `count` pictures. Raises WrongLineError.

    Parts and marks are their places, if there are as many; if there is none, the first question begins with them.
    """
    talk = [{**each, "content": _split(each["content"])} for each in talk]
    shown = pictures_in(talk)
    if any(each["role"] == "assistant" and pictures_in([each]) for each in talk):
        raise WrongLineError(
            f"an answer of it shows a picture, or holds the mark of one ({MARK}), and no model here writes any"
        )
    if shown == count:
        return talk
    first = next((n for n, each in enumerate(talk) if each["role"] == "user"), None)
    if shown or first is None:
        raise WrongLineError(
            f"its messages show {plural(shown, 'picture')}, by parts or by marks such as {MARK}, and {count} "
            f"{'is' if count == 1 else 'are'} taken with it: sft takes those of its column {IMAGES[0]!r}"
        )
    text = {"type": "text", "text": talk[first]["content"]}
    content = [*({"type": "image"} for _ in range(count)), text]
    return [*talk[:first], {**talk[first], "content": content}, *talk[first + 1 :]]


def pictures_in(talk: Sequence[Message]) -> int:
    """How many pictures the parts of messages show."""
    contents = (each["content"] for each in talk if not isinstance(each["content"], str))
    return sum(part["type"] == "image" for content in contents for part in content)


def _split(content: str | list[dict[str, str]]) -> str | list[dict[str, str]]:
    """With parts in the place of marks; the text around them stays as it is."""
    if isinstance(content, str):
        return [*_cut(content)] if _MARKS.search(content) else content
    return [
        new
        for part in content
        for new in (_cut(part["text"]) if part["type"] == "text" else (part,))
    ]


def _cut(text: str) -> Iterator[dict[str, str]]:
    for number, each in enumerate(_MARKS.split(text)):
        if number:
            yield {"type": "image"}
        if each:
            yield {"type": "text", "text": each}
