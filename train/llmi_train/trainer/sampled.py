"""Whether ids on record are this tokenizer's, and prompts were asked through this template, before they are learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, T, answers_of
from llmi_train.rows.row import Row, Segment
from llmi_train.rows.shelf import Recorded
from llmi_train.trainer.origin import check_origin
from llmi_train.trainer.probe import spread
from llmi_train.trainer.templated import Templated

LOOKED_AT = 64
"""Of the answers of each model."""


def check_sampled(examples: Sequence[T], templated: Templated) -> None:
    """Decode some of what was sampled, and render what was asked, again. Raises InputError, naming a run that differs."""
    several: dict[str, dict[str, Answer]] = {}
    for answer in (answer for each in examples for answer in answers_of(each)):
        if answer.call is not None and answer.ids is not None:
            several.setdefault(answer.call.model, {})[answer.episode] = answer
    for own in several.values():
        _check(own, templated)


def _check(own: Mapping[str, Answer], templated: Templated) -> None:
    def look(row: Row) -> tuple[Recorded, ...]:
        return _recorded(own[row.segment.episode])

    rows = spread([_row(each) for each in own.values()], LOOKED_AT)
    try:
        check_origin(rows, look, templated.tokenizer, templated.options, templated.eyes)
    except InputError as error:
        raise InputError(
            f"{error}. Or learn from what was written, through this model's own template, with --text, or from the runs of one "
            "model, with --policy"
        ) from None


def _row(answer: Answer) -> Row:
    """It in the form in which rows of GRPO are looked at."""
    assert answer.ids is not None
    ids = answer.ids
    none = np.zeros(len(ids.completion), np.float32)
    segment = Segment(
        episode=answer.episode,
        number=0,
        calls=(),
        purpose="draft",
        prompt=ids.prompt,
        completion=ids.completion,
        logprobs=none,
        mask=np.ones(len(none), np.int8),
        pictures=answer.pictures,
    )
    return Row(segment, none)


def _recorded(answer: Answer) -> tuple[Recorded, ...]:
    assert answer.ids is not None
    assert answer.call is not None
    return (Recorded(answer.call, 0, len(answer.ids.completion)),)
