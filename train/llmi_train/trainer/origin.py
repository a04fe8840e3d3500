"""Whether rows came through this tokenizer and this chat template: hashes of theirs are not on record, texts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.messages import messages_from_dict
from langchain_core.messages.utils import convert_to_openai_messages

from llmi_agent.base.errors import InputError
from llmi_agent.document.messages import with_pictures, without_pictures
from llmi_agent.run.conversation import SEEN_SIDE
from llmi_agent.traces.parts import ModelCall
from llmi_train.rows.row import Row
from llmi_train.rows.shelf import Recorded
from llmi_transformers.eyes import Eyes

_SHOWN = 60


Recall: TypeAlias = Callable[[Row], Sequence[Recorded]]


def check_origin(
    rows: Sequence[Row],
    look: Recall,
    tokenizer: Any,
    options: Mapping[str, Any],
    eyes: Eyes | None = None,
) -> None:
    """Decode what was sampled, and render what was asked, again. Raises InputError, naming the first run that differs.

    look: the calls of a row. options: what the chat template is given besides the messages; it goes before what is on
    record of that. eyes: what the model is shown pictures with.
    """
    rendered: set[tuple[bytes, str]] = set()
    for row in rows:
        calls = look(row)
        for each in calls:
            _check_text(row, each, tokenizer)
        if calls:
            call = calls[0].call
            key = row.segment.prompt.tobytes(), repr((call.messages, call.sampling))
            if key not in rendered:  # a group reads the same
                _check_prompt(row, call, tokenizer, options, eyes)
                rendered.add(key)


def _check_text(row: Row, recorded: Recorded, tokenizer: Any) -> None:
    call = recorded.call
    if call.withheld or call.reasoning or not call.raw:
        return  # what was sampled is not on record as one text
    ids = row.segment.completion[recorded.start : recorded.end].tolist()
    try:
        text = tokenizer.decode(ids, skip_special_tokens=True)
    except (OverflowError, TypeError, IndexError):
        text = ""
    wrote, read = _letters(call.raw), _letters(text)
    if wrote not in (read, _letters(tokenizer.decode(ids))):
        raise InputError(f"the run {row.segment.episode} {_unlike(wrote, read)}")


def _unlike(wrote: str, read: str) -> str:
    """In what a text and what its tokens read differ, and what to do, in clauses; both without white space."""
    same = _alike(wrote, read)
    if same == len(read):
        return f"has tokens for the first {same} of {len(wrote)} letters that it wrote: they end before {_at(wrote, same)}; collect it anew"
    if same == len(wrote):
        return (
            f"has more tokens than it wrote: {_at(read, same)} comes after the end; collect it anew"
        )
    where = f"after {same} letters it wrote {_at(wrote, same)}, and its tokens read {_at(read, same)} here"
    if same + _alike(wrote[:same:-1], read[:same:-1]) < min(len(wrote), len(read)) / 2:
        return f"was sampled with another tokenizer, or has tokens of another text: {where}; take the model that sampled it"
    return f"has tokens that say something else than its text: {where}; collect it anew"


def _alike(one: str, other: str) -> int:
    """How many letters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _at(text: str, place: int) -> str:
    return repr(text[place : place + _SHOWN])


def _check_prompt(
    row: Row, call: ModelCall, tokenizer: Any, options: Mapping[str, Any], eyes: Eyes | None
) -> None:
    said = call.sampling.get("chat_template_kwargs")
    given = {**(said if isinstance(said, Mapping) else {}), **options}
    ids = _rendered(row, call, tokenizer, given, eyes)
    asked = row.segment.prompt.tolist()
    if ids == asked:
        return
    at = next(
        (n for n, (a, b) in enumerate(zip(ids, asked, strict=False)) if a != b),
        min(len(ids), len(asked)),
    )
    raise InputError(
        f"the run {row.segment.episode} was asked through another chat template: from token {at} on, it read "
        f"{tokenizer.decode(asked[at : at + 12])[:_SHOWN]!r}, and the template of this model makes "
        f"{tokenizer.decode(ids[at : at + 12])[:_SHOWN]!r} of the messages; take the model as it was served, or say what its "
        "template was given (--template-option NAME=VALUE)"
    )


def _rendered(
    row: Row, call: ModelCall, tokenizer: Any, options: Mapping[str, Any], eyes: Eyes | None
) -> list[int]:
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer has no chat template, so it cannot be seen whether the run {row.segment.episode} was asked through "
            "it; take the model as it was served"
        )
    messages = _messages(row, call)
    try:
        if eyes:
            return list(eyes.prompt(messages, options).ids)
        plain = [{"role": each["role"], "content": each["content"]} for each in messages]
        ids: list[int] = tokenizer.apply_chat_template(
            plain, tokenize=True, add_generation_prompt=True, return_dict=False, **options
        )
    except InputError:
        raise
    except Exception as error:
        words = " ".join(str(error).split())
        raise InputError(
            f"the chat template of this model does not take the messages of the run {row.segment.episode}: {words:.300}"
        ) from error
    return ids


def _messages(row: Row, call: ModelCall) -> list[dict[str, Any]]:
    """What it was sent, as it was shown it: with pictures where its row has any, and else without."""
    sent = messages_from_dict([*call.messages])
    if pictures := row.segment.pictures:
        with_ = [with_pictures(each, pictures[0].gallery, SEEN_SIDE) for each in sent]
        return list(convert_to_openai_messages(with_))
    return list(convert_to_openai_messages([without_pictures(each) for each in sent]))


def _letters(text: str) -> str:
    """Without white space and half characters, which decoders treat differently."""
    return "".join(text.split()).replace("\ufffd", "")
