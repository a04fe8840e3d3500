"""Examples as rows of ids, each looked at before anything is trained on one of them."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from llmi_agent.base.errors import InputError
from llmi_agent.contract import PolicyFailed
from llmi_agent.models.ending import limited
from llmi_train.preferences.answer import Answer, Ids, T, answers_of
from llmi_train.rows.pictures import Picture
from llmi_train.trainer.pictures import Fit
from llmi_train.trainer.templated import Templated

Row: TypeAlias = dict[str, Any]
"""Of a data set of TRL's: columns of ids."""
RowOf: TypeAlias = Callable[[T, tuple[Ids, ...]], Row]
"""A row of an example and the ids of its answers."""

TOO_LONG = "an answer that is too long together with its prompt"
FOREIGN = "an answer with ids that are not in the model's vocabulary"
ALONE = "an example that would go through the model alone, with nothing to be weighed against"
ENDLESS = "an answer whose last token is no end token of the model"
UNSEEN = "an answer whose tokens are not those of the pictures of its prompt in this model"
UNSHOWN = "an answer to pictures that this model cannot be shown"
APART = "a pair whose prompts are not the same ids"
_WAYS = {
    TOO_LONG: "at most {most:,} tokens are taken: --longest says how many, up to what the model can read",
    FOREIGN: "they are those of another tokenizer: name its model, or learn from what was written with --text",
    ENDLESS: "a policy that learns it never ends: --text learns what was written, with an end",
    UNSEEN: "they are those of another model, or too small, too large or too long for this one's processor",
    UNSHOWN: "its processor takes others",
    APART: "they were asked in different words",
}


@dataclass
class Fitted:
    """What is learnt from."""

    rows: list[Row] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """Tokens of the answers, by row."""
    shown: list[tuple[Picture, ...]] = field(default_factory=list)
    """The pictures of the prompt, by row."""
    left_out: Counter[str] = field(default_factory=Counter)
    _digests: list[bytes] = field(default_factory=list, repr=False)

    @property
    def tokens(self) -> int:
        """Of all answers."""
        return sum(self.sizes)

    @property
    def data(self) -> str:
        """A digest of all rows, in their order."""
        return hashlib.sha256(b"".join(self._digests)).hexdigest()

    def even(self, at_once: int, together: int) -> None:
        """Leave out the last rows where fewer than `together` would go through the model at once. Raises InputError."""
        rest = len(self.rows) % at_once
        if not 0 < rest < together:
            return
        self.left_out[ALONE] += rest
        del self.rows[-rest:], self.sizes[-rest:], self.shown[-rest:], self._digests[-rest:]
        if not self.rows:
            raise InputError(f"a single example is too little to learn from: {ALONE}")

    def add(self, row: Row, ids: Sequence[Ids], shown: tuple[Picture, ...] = ()) -> None:
        """A row, the ids that it is made of, and the pictures of its prompt."""
        self.rows.append(row)
        self.shown.append(shown)
        self.sizes.append(sum(len(each.completion) for each in ids))
        parts = [part for each in ids for part in (each.prompt, each.completion)]
        digest = hashlib.sha256(repr(([len(each) for each in parts], row.get("label"))).encode())
        for part in parts:
            digest.update(part.astype("<i8").tobytes())
        digest.update("".join(each.digest for each in shown).encode())
        self._digests.append(digest.digest())


def fitted(
    examples: Sequence[T],
    row_of: RowOf[T],
    templated: Templated,
    model: Any,
    longest: int | None,
    *,
    leave_out_bad: bool,
) -> Fitted:
    """Rows of the examples, in their order. Raises InputError if one cannot be learnt from, unless those are left out."""
    words = model.get_input_embeddings().num_embeddings
    reads = getattr(model.config.get_text_config(), "max_position_embeddings", None) or math.inf
    most = min(longest or math.inf, reads)
    found, bad, fit = Fitted(), dict[str, list[str]](), Fit(templated.eyes)
    for each in examples:
        answers = answers_of(each)
        try:
            ids = tuple(map(templated.of, answers))
        except PolicyFailed as error:
            bad.setdefault(UNSHOWN, []).append(f"{answers[0].where} ({error})")
            continue
        endless = any(map(partial(_is_endless, ends=templated.ends), answers, ids))
        why = ENDLESS if endless else _fault(ids, words, most)
        if not why and fit.lack(ids[0].prompt, ids[0].completion, answers[0].pictures):
            why = UNSEEN
        if why:
            bad.setdefault(why, []).append(answers[0].where)
        else:
            found.add(row_of(each, ids), ids, answers[0].pictures)
    if bad and not leave_out_bad:
        raise InputError(_refusal(bad, most))
    found.left_out.update({why: len(where) for why, where in bad.items()})
    if not found.rows:
        raise InputError(f"nothing is left to learn from: {', '.join(found.left_out) or 'none'}")
    return found


def _is_endless(answer: Answer, ids: Ids, *, ends: Collection[int]) -> bool:
    """Whether the model took it for whole, and put no end to it that this model knows."""
    cut = answer.call is not None and limited(answer.call.finish_reason)
    return not cut and ids.completion[-1] not in ends


def _fault(several: Sequence[Ids], words: int, most: float) -> str:
    for ids in several:
        if any(each.min() < 0 or each.max() >= words for each in (ids.prompt, ids.completion)):
            return FOREIGN
        if len(ids) > most:
            return TOO_LONG
    alike = all(np.array_equal(each.prompt, several[0].prompt) for each in several)
    return "" if alike else APART


def _refusal(bad: Mapping[str, Sequence[str]], most: float) -> str:
    why, where = next(iter(bad.items()))
    several = f", and {len(where) - 1:,} more" if len(where) > 1 else ""
    return (
        f"nothing was trained, because of {why}: {where[0]}{several}; {_WAYS[why].format(most=most)}. "
        "--leave-out-bad leaves such ones out"
    )
