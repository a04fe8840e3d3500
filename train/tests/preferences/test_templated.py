"""Tokens of messages: as the policy is asked, and as it should answer, the end included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trl
from trl import SFTConfig, SFTTrainer

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, Ids
from llmi_train.trainer.templated import OTHERWISE, PLAIN, WRITTEN_OUT, Templated, ends_of

from .small import CHATML, asked, said, tokenizer

pytestmark = pytest.mark.filterwarnings(
    "ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning"
)
THINKING = CHATML.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if not thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}",
)
"""The generation prompt ends with an empty thought, which the conversation lacks."""


def answer(ask: str = "Count 3", wrote: str = "1 2 3", **more: Any) -> Answer:
    return Answer(where="line 1", prompt=tuple(asked(ask)), completion=said(wrote)[0], **more)


def templated(template: str | None = CHATML, end: str = "<|im_end|>", **more: Any) -> Templated:
    words = tokenizer(template, end)
    return Templated(words, ends_of(words, None), **more)


def texts(found: Templated, one: Answer) -> tuple[str, str]:
    ids = found.of(one)
    prompt, completion = (found.tokenizer.decode(each) for each in (ids.prompt, ids.completion))
    return prompt, completion


def test_the_answer_ends_with_the_end_of_the_turn_and_nothing_else() -> None:
    assert texts(templated(), answer()) == (
        "<|im_start|>user\nCount 3<|im_end|>\n<|im_start|>assistant\n",
        "1 2 3<|im_end|>",
    )


def test_the_ids_are_those_of_trl_but_for_what_comes_after_the_end(tmp_path: Any) -> None:
    """TRL also trains the line break that the template writes after a turn, which no policy ever samples."""
    from datasets import Dataset

    words = tokenizer()
    trainer = object.__new__(SFTTrainer)
    trainer._tokenizer, trainer.completion_only_loss, trainer.chat_template = words, True, None
    args = SFTConfig(output_dir=str(tmp_path), max_length=None, use_cpu=True, bf16=False)
    rows = Dataset.from_list([{"prompt": asked("Count 3"), "completion": said("1 2 3")}])
    (theirs,) = trainer._prepare_dataset(rows, words, args, False, None, "train")
    ours = templated().of(answer())
    assert theirs["input_ids"] == [*ours.prompt, *ours.completion, *words("\n")["input_ids"]]
    assert theirs["labels"][: len(ours.prompt)] == [-100] * len(ours.prompt)


def test_an_end_is_put_where_the_template_has_none() -> None:
    bare = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    assert texts(templated(bare), answer())[1] == "1 2 3\n<|im_end|>"


def test_what_a_prompt_ends_with_is_read_as_when_it_is_asked() -> None:
    """The template drops an empty thought once there is an answer: the policy always reads it."""
    found = templated(THINKING)
    assert texts(found, answer()) == (
        "<|im_start|>user\nCount 3<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "1 2 3<|im_end|>",
    )
    assert found.notes[OTHERWISE] == 1


def test_the_template_is_told_what_it_is_to_be_told() -> None:
    told = templated(THINKING, options={"thinking": True})
    assert texts(told, answer())[0].endswith("assistant\n")
    own = answer(template={"thinking": True})
    assert texts(templated(THINKING), own)[0].endswith("assistant\n")


def test_two_texts_go_through_the_template_unless_they_did_already() -> None:
    found = templated()
    assert texts(found, answer(plain=True)) == texts(templated(), answer())
    assert found.notes[PLAIN] == 1
    written = "<|im_start|>user\nCount 3<|im_end|>\n<|im_start|>assistant\n"
    assert texts(found, answer(written, plain=True)) == (written, "1 2 3<|im_end|>")
    assert found.notes[WRITTEN_OUT] == 1


def test_without_a_template_texts_stand_as_they_are_and_messages_are_refused() -> None:
    found = templated(None)
    assert texts(found, answer("Count 3: ", plain=True)) == ("Count 3: ", "1 2 3<|im_end|>")
    with pytest.raises(InputError, match="line 1 is made of messages, and the model has no chat"):
        found.of(answer())


def test_recorded_ids_pass_as_they_are() -> None:
    found = templated()
    ids = Ids.of([7, 7, 7], [9, 9, 2])
    assert found.of(answer(ids=ids)) is ids
    assert not found.notes


def test_a_template_that_fails_is_named_with_what_it_said() -> None:
    strict = "{{ raise_exception('only a system may begin') }}"
    with pytest.raises(InputError, match="cannot write line 1: only a system may begin"):
        templated(strict).of(answer())


def test_an_answer_that_the_template_leaves_out_is_refused() -> None:
    without = "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
    with pytest.raises(InputError, match="is not in what the chat template"):
        templated(without).of(answer())


def test_the_ends_are_the_models_and_the_tokenizers() -> None:
    words = tokenizer()
    other = words.convert_tokens_to_ids("<|endoftext|>")
    assert ends_of(words, [other]) == {other, words.eos_token_id}
    found = Templated(words, ends_of(words, other))
    assert found.of(answer()).completion[-1] == words.eos_token_id


REAL = {
    "qwen2_5": ("<|im_end|>", "# Foxes\n\nRed.<|im_end|>"),
    "qwen3": ("<|im_end|>", "<think>\n\n</think>\n\n# Foxes\n\nRed.<|im_end|>"),
    "qwen3_8": ("<|im_end|>", "\n</think>\n\n# Foxes\n\nRed.<|im_end|>"),
    "llama3_1": ("<|eot_id|>", "# Foxes\n\nRed.<|eot_id|>"),
    "phi3_5": ("<|end|>", "# Foxes\n\nRed.<|end|>"),
    "gptoss": ("<|return|>", "<|channel|>final<|message|># Foxes\n\nRed.<|return|>"),
    "glm4moe": ("<|user|>", "\n<think></think>\n# Foxes\n\nRed.<|user|>"),
    "nemotron_3_nano": ("<|im_end|>", "</think>\n\n# Foxes\n\nRed.<|im_end|>"),
    "deepseek_r1_distill": (
        "<\uff5cend▁of▁sentence\uff5c>",
        "</think>\n\n# Foxes\n\nRed.<\uff5cend▁of▁sentence\uff5c>",
    ),
}
"""What answers are in the templates of real models, which come with TRL; and the ends of their turns."""


@pytest.mark.parametrize("name", REAL)
def test_real_templates(name: str) -> None:
    """A prompt that opens a thought is answered by one that closes it, or the whole document would be thought."""
    end, wanted = REAL[name]
    text = (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text("utf-8")
    words = tokenizer(text, end)
    found = Templated(words, ends_of(words, None))
    system = {"role": "system", "content": "You illustrate."}
    one = answer("Foxes?", "# Foxes\n\nRed.")
    assert texts(found, replace(one, prompt=(system, *one.prompt)))[1] == wanted


@pytest.mark.parametrize("name", ["idefics3", "smolvlm"])
def test_a_template_that_loses_the_answer_is_noticed(name: str) -> None:
    """Those of models that see want parts of messages, and write nothing of plain contents."""
    text = (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text("utf-8")
    with pytest.raises(InputError, match="is not in what the chat template"):
        templated(text).of(answer())
