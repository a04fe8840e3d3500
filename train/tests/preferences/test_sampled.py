"""Traces of another model are noticed before their ids are learnt as if they were this one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, Ids, Labelled, Pair
from llmi_train.trainer.sampled import check_sampled
from llmi_train.trainer.templated import Templated, ends_of

from .small import CHATML, asked, called, tokenizer

LOUD = CHATML.replace("assistant\n{% endif %}", "assistant:\n{% endif %}")


def sampled(raw: str, words: Any, episode: str = "e1", **more: Any) -> Answer:
    """An answer that this tokenizer sampled."""
    told = more.pop("told", {})
    read = words.apply_chat_template(
        asked("Foxes?"), add_generation_prompt=True, return_dict=False, **told
    )
    ids = Ids.of(read, words(raw + "<|im_end|>")["input_ids"])
    return Answer(where=f"the run {episode}", ids=ids, call=called(raw, **more), episode=episode)


def templated(words: Any, **options: Any) -> Templated:
    return Templated(words, ends_of(words, None), options)


def test_its_own_pass_whatever_they_are_part_of() -> None:
    words = tokenizer()
    one, other = sampled("Red.", words), sampled("Sly.", words, "e2")
    check_sampled([one, other], templated(words))
    check_sampled([Pair(one, other)], templated(words))
    check_sampled([Labelled(one, True)], templated(words))
    check_sampled([replace(one, ids=None), replace(one, call=None)], templated(words))


def test_ids_of_another_tokenizer_are_refused() -> None:
    words = tokenizer()
    other = sampled("Red.", words)
    assert other.ids
    shifted = Ids.of(other.ids.prompt, [each + 1 for each in other.ids.completion[:-1]])
    with pytest.raises(InputError, match=r"the run e1 was sampled with another tokenizer.*--text"):
        check_sampled([replace(other, ids=shifted)], templated(words))


def test_one_model_among_several_is_found() -> None:
    words = tokenizer()
    wrong = sampled("Red.", words, "bad", model="vllm/bear")
    assert wrong.ids
    wrong = replace(wrong, ids=Ids.of(wrong.ids.prompt, wrong.ids.completion + 1))
    many = [sampled("Sly.", words, f"e{n}") for n in range(300)]
    with pytest.raises(InputError, match="the run bad was sampled with another tokenizer"):
        check_sampled([*many, wrong], templated(words))


def test_prompts_of_another_template_are_refused() -> None:
    words, other = tokenizer(), tokenizer(LOUD)
    with pytest.raises(
        InputError, match=r"the run e1 was asked through another chat template.*--text"
    ):
        check_sampled([sampled("Red.", words)], templated(other))


def test_what_its_template_was_told_can_be_said() -> None:
    words = tokenizer(CHATML + "{% if hint %}{{ hint }}{% endif %}")
    own = sampled("Red.", words, told={"hint": "!"})
    with pytest.raises(InputError, match="--template-option"):
        check_sampled([own], templated(words))
    check_sampled([own], templated(words, hint="!"))
