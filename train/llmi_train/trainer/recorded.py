"""What lets TRL's trainers of preferences take ids: they make them of messages, and have no other way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmi_train.preferences.answer import Ids


def as_message(role: str, ids: Iterable[int]) -> list[dict[str, Any]]:
    """A message whose content is ids."""
    return [{"role": role, "content": ids}]


def asked(ids: Ids) -> list[dict[str, Any]]:
    """The prompt of a row."""
    return as_message("user", ids.prompt)


def answered(ids: Ids) -> list[dict[str, Any]]:
    """An answer of a row."""
    return as_message("assistant", ids.completion)


class Recorded:
    """In the place of a tokenizer where TRL prepares a data set: gives back the ids that messages hold, as they are."""

    def apply_chat_template(
        self, messages: Sequence[Mapping[str, Any]], **_: Any
    ) -> dict[str, list[int]]:
        """As a tokenizer does: `input_ids`."""
        return {"input_ids": [number for each in messages for number in each["content"]]}


class TakesIds:
    """Mixed into a trainer of TRL's: its rows are made of `asked` and `answered`; the card is ours."""

    def _prepare_dataset(self, dataset: Any, _: Any, *given: Any) -> Any:
        return super()._prepare_dataset(dataset, Recorded(), *given)  # type: ignore[misc]

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """`learn` writes one."""
