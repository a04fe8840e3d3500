"""A row of anybody's file as answers to learn from: TRL's forms, and those that are written here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from llmi_agent.runner.prompt_line import WrongLineError
from llmi_agent.traces.exchange.form import NAME
from llmi_train.preferences.answer import Answer, Ids, Labelled, Message, Pair
from llmi_train.preferences.places import IMAGES, is_picture, pictures_in, placed
from llmi_train.prompts.published import plain
from llmi_train.rows.pictures import Picture

MASKED = -100
"""The label of a token that is not learnt."""
MOST_TOKENS = 2**22
"""Of one answer."""
_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
"""Who speaks in `conversations`, and the role of it; others are their own role."""
_TEMPLATE = ("tools", "chat_template_kwargs")

FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "sft": (("input_ids", "labels"), ("prompt", "completion"), ("messages",), ("conversations",)),
    "dpo": (("prompt", "chosen", "rejected"), ("chosen", "rejected")),
    "kto": (("prompt", "completion", "label"),),
}
"""The columns of each form, any of which is enough."""


def examples(row: Mapping[str, Any], where: str, shown: Sequence[Picture] = ()) -> list[Answer]:
    """The answers of a row: of a conversation each one of the assistant's. Raises WrongLineError.

    shown: the pictures that its messages show, in their order.
    """
    if (form := _form(row, "sft"))[0] == "input_ids":
        if shown:
            raise WrongLineError("it has ids, and pictures go with messages")
        return [Answer(where=where, ids=_ids(row), **_about(row))]
    if form == ("prompt", "completion"):
        return [*_answers(row["prompt"], row["completion"], row, where, shown)]
    talk = _conversation(row[form[0]], f'its "{form[0]}"')
    return [*_in_turn(talk, 0, row, where, shown)]


def pairs(row: Mapping[str, Any], where: str) -> list[Pair]:
    """The two answers of a row. Raises WrongLineError."""
    form = _form(row, "dpo")
    if form[0] == "prompt":
        prompt, chosen, rejected = (row[each] for each in form)
    else:
        prompt, chosen, rejected = _without_common(row["chosen"], row["rejected"])
    better, worse = (_single(prompt, each, row, where) for each in (chosen, rejected))
    if better.completion == worse.completion:
        raise WrongLineError("what is chosen and what is rejected are the same")
    return [Pair(better, worse)]


def labelled(row: Mapping[str, Any], where: str) -> list[Labelled]:
    """The answer of a row with its label. Raises WrongLineError."""
    _form(row, "kto")
    label = plain(row["label"])
    if not isinstance(label, bool) and label not in (0, 1):
        raise WrongLineError(f'its "label" is {label!r:.40}, and neither true nor false')
    return [Labelled(_single(row["prompt"], row["completion"], row, where), bool(label))]


READERS: dict[str, Callable[..., Sequence[Any]]] = {
    "sft": examples,
    "dpo": pairs,
    "kto": labelled,
}


def unused(row: Mapping[str, Any], form: str) -> Iterator[str]:
    """The columns of a row that are not read."""
    used = {*_form(row, form), *_TEMPLATE, *_ABOUT, *(IMAGES if form == "sft" else ())}
    yield from (
        f"the column {name!r:.60}"
        for name, value in row.items()
        if name not in used and plain(value) is not None
    )


def _form(row: Mapping[str, Any], form: str) -> tuple[str, ...]:
    if str(row.get("schema", "")).startswith(f"{NAME}/"):
        raise WrongLineError("it is a trace: --traces takes such a file")
    there = {name for name, value in row.items() if plain(value) is not None}
    for columns in FORMS[form]:
        if there.issuperset(columns):
            return columns
    wanted = "; or ".join(", ".join(each) for each in FORMS[form])
    has = ", ".join(f"{each!r:.40}" for each in sorted(map(str, there))[:8]) or "nothing"
    raise WrongLineError(f"it has {has}; what is needed is {wanted}")


_ABOUT = ("episode", "group", "model", "reward")


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where a row that was written here comes from, and what its chat template is told."""
    texts = {name: str(row[name])[:200] for name in _ABOUT[:3] if isinstance(row.get(name), str)}
    reward = plain(row.get("reward"))
    scored = {"reward": float(reward)} if isinstance(reward, int | float) else {}
    return {**texts, **scored, "template": _template(row)}


def _template(row: Mapping[str, Any]) -> dict[str, Any]:
    tools, options = (_decoded(row.get(each), each) for each in _TEMPLATE)
    if options is not None and not isinstance(options, Mapping):
        raise WrongLineError('its "chat_template_kwargs" are no object')
    given = {name: value for name, value in (options or {}).items() if value is not None}
    return {**given, "tools": tools} if tools else given


def _decoded(given: Any, name: str) -> Any:
    if not isinstance(given, str):
        return plain(given)
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        raise WrongLineError(f'its "{name}" is text that is no JSON') from None


def _ids(row: Mapping[str, Any]) -> Ids:
    ids, labels = (_whole(row[each], each) for each in ("input_ids", "labels"))
    read = len([*takewhile(lambda each: each == MASKED, labels)])
    if len(ids) != len(labels) or read == len(ids) or labels[read:] != ids[read:]:
        raise WrongLineError(
            f'its "labels" must be {MASKED} for each token of the prompt, and the ids themselves for the answer after it'
        )
    return Ids.of(ids[:read], ids[read:])


def _whole(given: Any, name: str) -> tuple[int, ...]:
    values = plain(given)
    right = isinstance(values, list) and all(type(each) is int for each in values)
    if not right or not 0 < len(values) <= MOST_TOKENS:
        raise WrongLineError(f'its "{name}" is no list of whole numbers')
    return tuple(values)


def _single(prompt: Any, completion: Any, row: Mapping[str, Any], where: str) -> Answer:
    found = [*_answers(prompt, completion, row, where)]
    if len(found) != 1:
        raise WrongLineError("its answer has several messages; one is compared")
    return found[0]


def _answers(
    prompt: Any,
    completion: Any,
    row: Mapping[str, Any],
    where: str,
    shown: Sequence[Picture] = (),
) -> Iterator[Answer]:
    """Of texts, messages, or one of each."""
    texts = isinstance(prompt, str) and isinstance(completion, str) and not shown
    asked = (
        _text(prompt, "user") if isinstance(prompt, str) else _conversation(prompt, "its prompt")
    )
    wrote = (
        _text(completion, "assistant")
        if isinstance(completion, str)
        else _conversation(completion, "its answer")
    )
    yield from _in_turn((*asked, *wrote), len(asked), row, where, shown, texts=texts)


def _text(given: str, role: str) -> tuple[Message, ...]:
    if not given.strip():
        raise WrongLineError("its prompt is empty" if role == "user" else "its answer is empty")
    return ({"role": role, "content": _encodable(given)},)


def _in_turn(
    talk: Sequence[Message],
    start: int,
    row: Mapping[str, Any],
    where: str,
    shown: Sequence[Picture] = (),
    *,
    texts: bool = False,
) -> Iterator[Answer]:
    """Each answer of the assistant's from `start` on, to all that was said before."""
    talk = placed(talk, len(shown))
    places = [n for n, each in enumerate(talk) if n >= start and each["role"] == "assistant"]
    if not places:
        raise WrongLineError("no message of an assistant is in it to learn from")
    if places[0] == 0:
        raise WrongLineError("it has an answer, and nothing that it answers")
    about = _about(row)
    for place in places:
        if not talk[place]["content"].strip() and not talk[place].get("tool_calls"):
            raise WrongLineError("its answer is empty")
        asked = tuple(talk[:place])
        pictures = tuple(shown[: pictures_in(asked)])
        yield Answer(
            where=where,
            prompt=asked,
            completion=talk[place],
            plain=texts,
            pictures=pictures,
            **about,
        )


def _conversation(given: Any, what: str) -> tuple[Message, ...]:
    given = plain(given)
    if isinstance(given, Mapping):
        given = [given]
    if not isinstance(given, list | tuple) or not given:
        raise WrongLineError(f"{what} is neither text nor chat messages")
    return tuple(_message(each, what) for each in given)


def _message(given: Any, what: str) -> Message:
    if not isinstance(given, Mapping):
        raise WrongLineError(f"{what} is neither text nor chat messages")
    said = {str(name): plain(value) for name, value in given.items() if plain(value) is not None}
    if "from" in said and "role" not in said:  # as ShareGPT has them
        speaker, text = str(said.pop("from")), said.pop("value", "")
        said |= {"role": _SPEAKERS.get(speaker, speaker), "content": text}
    if not isinstance(said.get("role"), str):
        raise WrongLineError(f"a message of {what.removeprefix('its ')} has no role")
    return {**said, "content": _content(said.get("content", ""))}


def _content(given: Any) -> str | list[dict[str, str]]:
    """Text; parts, if a picture is among them."""
    if isinstance(given, str):
        return _encodable(given)
    parts = [_part(each) for each in (given if isinstance(given, list) else [given])]
    if all(each["type"] == "text" for each in parts):
        return "".join(each["text"] for each in parts)
    return parts


def _encodable(text: str) -> str:
    if text != text.encode("utf-8", "replace").decode():
        raise WrongLineError("a text of it holds half a surrogate pair, which is no text")
    return text


def _part(given: Any) -> dict[str, str]:
    if isinstance(given, str):
        return {"type": "text", "text": _encodable(given)}
    if isinstance(given, Mapping):
        if isinstance(text := given.get("text"), str):
            return {"type": "text", "text": _encodable(text)}
        if is_picture(given):
            return {"type": "image"}
    raise WrongLineError("the content of a message is neither text nor parts of it")


def _without_common(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """Two conversations that begin alike, as what both answer, and the two answers."""
    one, other = (
        _conversation(each, f'its "{name}"')
        for each, name in ((chosen, "chosen"), (rejected, "rejected"))
    )
    same = len([*takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False))])
    if not 0 < same < min(len(one), len(other)):
        raise WrongLineError("what is chosen and what is rejected do not answer the same")
    return list(one[:same]), list(one[same:]), list(other[same:])
