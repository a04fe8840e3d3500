"""From what stands inside a tag to a slot: reads the payload, then checks what it says."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from llmi_agent.draft import shapes, syntax
from llmi_agent.draft.syntax import MAX_PAYLOAD
from llmi_agent.draft.types import Dialect, Kinds, Slot, Span, Strictness
from llmi_agent.draft.wire import format_slot

_ENCODER = json.JSONEncoder(allow_nan=False)
_KEYS = ("source", "description", "params")
_KEY_SET = frozenset(_KEYS)


class PayloadError(ValueError):
    """A payload that is no slot; the message is the reason, for a person and for the policy."""


def read(
    payload: str,
    kinds: Kinds,
    *,
    index: int,
    pictures: int | None,
    dialect: Dialect,
    reader: Strictness,
    span: Span = (0, 0),
) -> Slot:
    """Read the payload of slot number `index`, which `span` is taken by.

    `pictures` is how many pictures an `img_index` may name (None: any number).
    Raises PayloadError and nothing else, whatever the payload and the kind's model do.
    """
    if len(payload) > MAX_PAYLOAD:
        raise PayloadError(f"{len(payload)} characters are too many; write {MAX_PAYLOAD} at most")
    strict = reader == "strict"
    text = payload if strict else syntax.unfenced(payload)
    unreadable, refused = "", ""
    for understand in syntax.readers(dialect, reader):
        try:
            data = understand(text)
            data = data if strict else shapes.forgiven(data, kinds)
            slot = Slot(index, *_checked(data, kinds, strict), span)
            _check_picture(slot, kinds, pictures)
            _check_length(slot, dialect, len(payload))
        except syntax.SyntaxProblemError as error:
            unreadable = unreadable or str(error)
        except PayloadError as error:
            refused = refused or str(error)
        else:
            return slot
    raise PayloadError(refused or unreadable)


def read_start(content: str, kinds: Kinds, *, index: int, dialect: Dialect) -> tuple[Slot, int]:
    """Read leniently the content of a tag that nobody closed: a JSON object, then prose.

    Returns the slot and how many characters it took. Raises PayloadError.
    """
    start = len(content) - len(content.lstrip())
    try:
        end = syntax.object_end(content[: start + MAX_PAYLOAD], start)
    except syntax.SyntaxProblemError as error:
        raise PayloadError(str(error)) from None
    payload = content[start:end]
    slot = read(payload, kinds, index=index, pictures=None, dialect=dialect, reader="lenient")
    return slot, end


def names_a_picture(kind: str, kinds: Kinds) -> bool:
    """Whether slots of this kind refer to a picture, with a param called `img_index`."""
    return "img_index" in kinds[kind].model_fields


def picture_problem(img_index: int, pictures: int) -> str:
    """The reason for a slot that refers to a picture beyond those it may name."""
    choice = f"from 0 to {pictures - 1}" if pictures > 0 else "none, for it has no picture to name"
    return f"img_index is {_short(img_index)}, which no picture has that it may name: {choice}"


def _checked(data: dict[Any, Any], kinds: Kinds, strict: bool) -> tuple[str, str, dict[str, Any]]:
    if data.keys() != _KEY_SET:
        found = _cut(", ".join(map(_short, data))) or "none"
        raise PayloadError(f"the keys are {found}; they must be exactly {', '.join(_KEYS)}")
    source, description, params = (data[key] for key in _KEYS)
    if not isinstance(description, str) or not _is_text(description):
        raise PayloadError(f"description is {_short(description)}; it must be a string")
    if not isinstance(params, dict):
        raise PayloadError(f"params is {_short(params)}; it must be an object")
    kind = _kind(source, kinds, strict)
    return kind, description, _params(params, kind, kinds[kind], strict)


def _is_text(text: str) -> bool:
    """Whether it can be written to a file: an escape can spell half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(source: Any, kinds: Kinds, strict: bool) -> str:
    if isinstance(source, str):
        if source in kinds:
            return source
        wanted = source.strip().casefold()
        alike = [kind for kind in kinds if kind.casefold() == wanted]
        if len(alike) == 1 and not strict:
            return alike[0]
    known = ", ".join(sorted(kinds)) or "none"
    raise PayloadError(f"unknown kind {_short(source)}; kinds are {known}")


def _params(
    params: dict[Any, Any], kind: str, model: type[BaseModel], strict: bool
) -> dict[str, Any]:
    try:
        # As JSON, for strictness then allows what JSON can say: an enum's value, a list for a tuple.
        written = _ENCODER.encode(params)
        checked = model.model_validate_json(written, strict=True if strict else None)
        return checked.model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        problem = _first(error)
    except Exception as error:  # noqa: BLE001 - the validators of a plugin's model may raise anything
        problem = f"{type(error).__name__}: {error}"
    takes = ", ".join(field.alias or name for name, field in model.model_fields.items()) or "none"
    raise PayloadError(f"params of kind {kind!r}: {_cut(problem)}; the keys it takes: {takes}")


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{_cut(where)}: {problem['msg']}" if where else problem["msg"]


def _check_picture(slot: Slot, kinds: Kinds, pictures: int | None) -> None:
    if pictures is None or not names_a_picture(slot.kind, kinds):
        return
    img_index = slot.params.get("img_index")
    if isinstance(img_index, int) and not 0 <= img_index < pictures:
        raise PayloadError(picture_problem(img_index, pictures))


def _check_length(slot: Slot, dialect: Dialect, written: int) -> None:
    # Escaping makes ten characters of one at most, so that short payloads need no look.
    if written * 10 > MAX_PAYLOAD and len(format_slot(slot, dialect=dialect)) > MAX_PAYLOAD:
        raise PayloadError(f"in canonical form it has too many characters; {MAX_PAYLOAD} at most")


def _short(value: Any) -> str:
    if isinstance(value, str):
        return repr(_cut(value))
    if isinstance(value, dict | list | tuple | set | bytes):
        return f"a {type(value).__name__}"
    return (
        _cut(str(value)) if not isinstance(value, int) or abs(value) < 10**18 else "a huge number"
    )


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
