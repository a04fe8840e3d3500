"""What cannot be trained on is refused before anything is, in one line that names the run; or left out, and counted."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llmi_train.rows.faults import BadTrace
from llmi_train.rows.gathering import rows_of

from .scene import SAMPLING, Call, Home


def sampled(**given: Any) -> Call:
    return Call(sampling={**SAMPLING, **given})


def unsent(name: str) -> Call:
    return Call(sampling={key: value for key, value in SAMPLING.items() if key != name})


SHOWN = [{"type": "text", "text": "A fox."}, {"type": "image", "url": "artifact:" + "a" * 64}]

BAD: dict[str, tuple[Call, str, str]] = {
    "nan": (Call(logprobs=(-0.1, math.nan, -0.1, -0.1)), "token 1 of its call model-0 is none", "a logprob that is none"),
    "infinite": (Call(logprobs=(-0.1, -0.1, -math.inf, -0.1)), "token 2 .* is -inf", "a logprob that is none"),
    "above 0": (Call(logprobs=(0.5, -0.1, -0.1, -0.1)), "0.5, which is above 0", "a logprob that is none"),
    "a stand-in": (Call(logprobs=(-9999.0, -0.1, -0.1, -0.1)), "-9999, which stands for none", "a logprob that is none"),
    "too few": (Call(logprobs=(-0.1, -0.2)), "4 tokens and 2 logprobs", "lengths that do not fit"),
    "empty completion": (Call(completion=()), "the completion of model-0 is empty", "an empty completion"),
    "empty prompt": (Call(prompt=()), "the prompt of model-0 is empty", "an empty prompt"),
    "no logprobs": (Call(lacking=True), "logprobs .*llmi-train sft, dpo or kto.*--record full", "no logprobs"),
    "no tokens": (Call(tokens=False), "tokens .*llmi-train sft, dpo or kto.*--record full", "no tokens"),
    "no prompt": (Call(prompt=None), "ids of what model-0 read .* secret", "no ids of the prompt"),
    "withheld": (Call(tokens=False, withheld=True), "held a secret", "a withheld secret"),
    "a program": (Call(tokens=False, language_model=False, model="offline"), "offline, which is no language model", "written by a program"),
    "top-p": (sampled(top_p=0.9), "top_p=0.9", "a distribution that was cut or bent"),
    "top-k": (sampled(top_k=50), "top_k=50", "a distribution that was cut or bent"),
    "min-p": (sampled(min_p=0.05), "min_p=0.05", "a distribution that was cut or bent"),
    "penalty": (sampled(repetition_penalty=1.05), "repetition_penalty=1.05", "a distribution that was cut or bent"),
    "stop": (sampled(stop=["END"]), "stop=", "a distribution that was cut or bent"),
    "logit bias": (sampled(logit_bias={"5": 2}), "logit_bias=", "a distribution that was cut or bent"),
    "a grammar": (sampled(structured_outputs={"regex": "a*"}), "structured_outputs=", "a distribution that was cut or bent"),
    "of tomorrow": (sampled(dry_multiplier=0.8), "dry_multiplier=0.8", "a distribution that was cut or bent"),
    "no temperature": (unsent("temperature"), "not on record with which temperature", "sampling that is not on record"),
    "no top-k": (unsent("top_k"), "not on record with which top_k .*--trust-unstated", "sampling that is not on record"),
    "greedy": (sampled(temperature=0.0), "temperature 0.0", "no temperature"),
    "raw": (Call(mode="raw_logprobs", sampling={**SAMPLING, "temperature": 0.7}), "raw ones, which ignore the temperature 0.7", "logprobs of another distribution"),
    "unknown mode": (Call(mode="", sampling={**SAMPLING, "temperature": 0.7}), "not on record whether", "logprobs of another distribution"),
    "pictures": (Call(asked=SHOWN), "pictures are among .* vision = false", "pictures in the prompt"),
    "logits": (Call(mode="raw_logits"), "'raw_logits', which are no logprobs", "logprobs of another distribution"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_a_bad_call_is_refused_or_left_out_and_counted(
    home: Home, case: tuple[Call, str, str]
) -> None:
    call, words, reason = case
    home.pair()
    home.episode("the-bad-one", call, reward=0.5, group="bad")
    with pytest.raises(BadTrace, match=words) as caught:
        rows_of(home.root)
    assert str(caught.value).startswith("the run the-bad-one cannot be trained on: ")
    assert "\n" not in str(caught.value)
    gathered = rows_of(home.root, leave_out_bad=True)
    assert {row.segment.episode for row in gathered.rows} == {"good-one", "good-two"}
    assert gathered.report.left_out == {reason: 1}


def test_pictures_that_a_blind_policy_was_not_shown_are_no_fault(home: Home) -> None:
    for name, reward in (("a", 0.1), ("b", 0.9)):
        home.episode(name, Call(asked=SHOWN), reward=reward, options={"vision": False})
    assert len(rows_of(home.root).rows) == 2
