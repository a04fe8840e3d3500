"""A row of anybody's data as a prompt: a line for `llmi batch`, LLM-I's columns, or a mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmi_agent.runner.prompt_line import MOST_ATTACHMENTS, WrongLineError, line_of, pictures_of
from llmi_train.prompts import published
from llmi_train.prompts.files import Files
from llmi_train.prompts.messages import MARK, Asked, asked, unmarked
from llmi_train.prompts.prompt import TrainingPrompt

SAID = ("id", "split", "language")
COLUMNS = frozenset(
    "prompt attach pictures kinds id split language data_source modality images image files extra_info image_num".split()
)
"""The columns that are read."""
_INDEX = "__index_level_"
"""What pandas calls the index of a table in Parquet."""
_EXTRA = ("question", "image_num", "pictures", "tools", "kinds", *SAID)
_DATA_SOURCES = ("interleaved", "interleaved_mm")


def prompt_of(
    row: Mapping[str, Any], files: Files, note: Callable[[str], None] = lambda _: None
) -> TrainingPrompt:
    """The prompt. Raises WrongLineError.

    note: is told of what the row holds and a prompt does not.
    """
    extra = published.record(row.get("extra_info"), "extra_info")
    images = _list(row.get("images")) or _list(row.get("image"))
    taken = [*images, *_list(row.get("files")), *_list(row.get("attach"))]
    line = line_of(
        {
            "prompt": _text(row, extra, len(images), note),
            "pictures": _pictures(row, extra),
            "kinds": _one("kinds", map(published.kinds, _kinds(row, extra))),
            **{name: _one(name, (row.get(name), extra.get(name))) for name in SAID},
        }
    )
    for what in _left_out(row, extra):
        note(what)
    if len(taken) > MOST_ATTACHMENTS:
        raise WrongLineError(f"it has more than {MOST_ATTACHMENTS} files")
    attach = tuple(map(files.take, taken))
    if len({each.name for each in attach}) < len(attach):
        raise WrongLineError("two of its files have the same name; a run tells them apart by it")
    return TrainingPrompt(line.text, line.demand, attach, line.split, line.language, line.id or "")


def _text(
    row: Mapping[str, Any], extra: Mapping[str, Any], pictures: int, note: Callable[[str], None]
) -> Any:
    question = extra.get("question")
    plain = isinstance(question, str) and bool(question.strip())
    try:
        found = asked(row["prompt"]) if row.get("prompt") is not None else None
    except WrongLineError:
        if not plain:
            raise
        note("messages beside the question")
        return question
    if found is None and not plain:
        raise WrongLineError(f'it has no "prompt"; it has {_names(row)}')
    if found is None:
        return question
    if found.shown > pictures:
        raise WrongLineError(
            f"its message shows more pictures ({found.shown}) than came along in `images` ({pictures})"
        )
    _note(found, pictures, note)
    if not plain or question == found.text:
        return unmarked(found.text, pictures)
    if unmarked(found.text, pictures) != question:
        note("words of the message that the question has not")
    return question


def _names(row: Mapping[str, Any]) -> str:
    names = [f"{name!r:.40}" for name, value in row.items() if published.plain(value) is not None]
    return ", ".join(names[:8]) or "nothing"


def _note(found: Asked, pictures: int, note: Callable[[str], None]) -> None:
    if found.text.count(MARK) > pictures:
        note(f"the picture of a mark {MARK}, which did not come along")
    if found.system:
        note("a system's message")
    if found.answered:
        note("an answer")


def _pictures(row: Mapping[str, Any], extra: Mapping[str, Any]) -> int | None:
    places = (row.get("pictures"), row.get("image_num"), extra.get("image_num"))
    given = [published.number(each) for each in (*places, extra.get("pictures"))]
    try:
        numbers = [None if each is None else pictures_of(each) for each in given]
    except ValueError as error:
        raise WrongLineError(str(error)) from None
    found: int | None = _one("pictures", numbers)
    return found


def _kinds(row: Mapping[str, Any], extra: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.get("kinds"), extra.get("tools"), extra.get("kinds")


def _one(name: str, given: Any) -> Any:
    """What is said in one place or more."""
    found = [each for each in map(published.plain, given) if each not in (None, "")]
    other = next((each for each in found if each != found[0]), None)
    if other is not None:
        raise WrongLineError(f"it says two things for {name}: {found[0]!r:.40}, {other!r:.40}")
    first = found[0] if found else None
    return int(first) if isinstance(first, float) and first.is_integer() else first


def _list(given: Any) -> list[Any]:
    given = published.plain(given)
    if given is None:
        return []
    return [each for each in given if each is not None] if isinstance(given, list) else [given]


def _left_out(row: Mapping[str, Any], extra: Mapping[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        if (
            name not in COLUMNS
            and not name.startswith(_INDEX)
            and published.plain(value) is not None
        ):
            yield f"the column {name!r:.60}"
    source = row.get("data_source")
    if source is not None and source not in _DATA_SOURCES:
        yield f"the data_source {source!r:.60}"
    for name, value in extra.items():
        if name not in _EXTRA and published.plain(value) is not None:
            yield f"extra_info's {name!r:.60}"
