"""What is on record of sampling: whether it leaves the policy's distribution as it is."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_train.rows.sampling import bent, temperature_of, told, unstated


@pytest.mark.parametrize(
    "sampling",
    [
        {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1, "n": 1, "seed": 7, "max_tokens": 900},
        {"top_k": 0, "stop": [], "logit_bias": {}, "bad_words": None, "response_format": {"type": "text"}},
        {"do_sample": True, "chat_template_kwargs": {"enable_thinking": False}, "guided_regex": ""},
    ],
)  # fmt: skip
def test_what_is_off_bends_nothing(sampling: dict[str, Any]) -> None:
    assert bent(sampling) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_p", 0.9999),
        ("top_p", "1.0"),
        ("top_k", 1),
        ("presence_penalty", -0.5),
        ("do_sample", False),
        ("num_beams", 4),
        ("min_tokens", 8),
        ("ignore_eos", True),
        ("stop", "###"),
        ("response_format", {"type": "json_object"}),
        ("guided_json", {"type": "object"}),
        ("xtc_probability", 0.1),
        ("logits_processors", ["a.b"]),
        ("unheard_of", 0),
    ],
)
def test_what_is_on_or_unheard_of_is_named(name: str, value: Any) -> None:
    assert name in bent({"temperature": 1.0, name: value})


def test_what_a_models_own_settings_may_have_set_is_to_be_stated() -> None:
    assert unstated({"temperature": 1.0, "top_p": 1.0, "top_k": None}) == [
        "top_k", "min_p", "repetition_penalty",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "trusted", "found"),
    [(0.7, False, 0.7), (1, False, 1.0), (None, False, None), (None, True, 1.0), ("hot", True, None), (True, False, None), (float("nan"), True, None)],
)  # fmt: skip
def test_a_temperature_is_a_number_or_trusted_to_be_1(
    value: Any, trusted: bool, found: float | None
) -> None:
    assert temperature_of({"temperature": value}, trusted) == found


@pytest.mark.parametrize(
    ("mode", "temperature", "fine"),
    [
        ("processed_logprobs", 0.7, True),
        ("raw_logprobs", 1.0, True),
        ("", 1.0, True),
        ("raw_logprobs", 0.7, False),
        ("", 0.7, False),
        ("processed_logits", 1.0, False),
    ],
)
def test_logprobs_are_those_of_what_was_sampled(mode: str, temperature: float, fine: bool) -> None:
    assert (told(mode, temperature) == "") == fine
