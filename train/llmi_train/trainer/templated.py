"""Tokens of what was not sampled here: messages by the model's chat template, as the policy is asked and should answer.

What was sampled is never made tokens of again: an answer with its own ids passes as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_train.preferences.answer import Answer, Ids, Message
from llmi_transformers.eyes import Eyes

PLAIN = "two texts, taken as a user's message and the answer to it, in the model's chat template"
WRITTEN_OUT = "two texts that hold the marks of a chat template, taken as they stand"
OTHERWISE = (
    "a prompt that the chat template writes otherwise once it is answered: taken as it is asked"
)
OPENED, CLOSED = "<think>", "</think>"
"""Around a thought, in the templates whose prompts end with its beginning."""


@dataclass
class Templated:
    """Makes tokens of answers.

    tokenizer: of `transformers`. ends: ids that end an answer. options: what the chat template is told beside the messages.
    """

    tokenizer: Any
    ends: Collection[int]
    options: Mapping[str, Any] = field(default_factory=dict)
    eyes: Eyes | None = None
    """What the model is shown pictures with."""
    notes: Counter[str] = field(default_factory=Counter)
    """What a person should know, and of how many answers it is true."""

    def of(self, answer: Answer) -> Ids:
        """What the policy reads, and what it learns to write, the end included. Raises InputError, and PolicyFailed for a picture that cannot be shown."""
        if answer.ids is not None:
            return answer.ids
        if answer.pictures and self.eyes is None:
            raise InputError(f"{answer.where} shows pictures, and this model is shown none")
        prompt, completion = self._of_texts(answer) if self._plain(answer) else self._asked(answer)
        completion = self._ended(completion)
        if not prompt or len(completion) < 2:
            raise InputError(f"{answer.where} has no tokens to learn from in this chat template")
        return Ids.of(prompt, completion)

    def _plain(self, answer: Answer) -> bool:
        """Whether it is taken as texts, by no template."""
        if not answer.plain:
            return False
        text = answer.prompt[0]["content"]
        marked = any(each in text for each in self.tokenizer.all_special_tokens)
        templated = self.tokenizer.chat_template is not None
        if templated:
            self.notes[WRITTEN_OUT if marked else PLAIN] += 1
        return marked or not templated

    def _of_texts(self, answer: Answer) -> tuple[Sequence[int], Sequence[int]]:
        before, after = answer.prompt[0]["content"], answer.completion["content"]
        begun = self.tokenizer.bos_token and before.startswith(self.tokenizer.bos_token)
        read, whole = (
            self.tokenizer(each, add_special_tokens=not begun)["input_ids"]
            for each in (before, before + after)
        )
        if whole[: len(read)] == read:
            return read, whole[len(read) :]
        return read, self.tokenizer(after, add_special_tokens=False)["input_ids"]

    def _asked(self, answer: Answer) -> tuple[Sequence[int], Sequence[int]]:
        asked = self._rendered(answer, answer.prompt, add_generation_prompt=True)
        text = self._rendered(answer, [*answer.prompt, answer.completion])
        wrote = str(answer.completion["content"])
        if _letters(wrote) not in _letters(text):
            raise InputError(
                f"the answer of {answer.where} is not in what the chat template of this model makes of it"
            )
        shown = [each.read() for each in answer.pictures]
        read, whole = self._ids(asked, shown), self._ids(text, shown)
        if whole[: len(read)] == read:
            return read, whole[len(read) :]
        self.notes[OTHERWISE] += 1
        return read, self._ids(self._written(answer, asked, text, wrote.strip()))

    def _written(self, answer: Answer, asked: str, text: str, wrote: str) -> str:
        """The answer alone, with its end; a thought that the prompt has opened is closed before it. Raises InputError."""
        place = text.rfind(wrote)
        if place < 0:
            raise InputError(
                f"the chat template of this model writes the prompt of {answer.where} otherwise once it is answered, and the "
                "answer, too, so that it cannot be told what the model should write"
            )
        opened = asked.rstrip().endswith(OPENED) and CLOSED not in wrote
        return (f"{CLOSED}\n\n" if opened else "") + text[place:]

    def _ids(self, text: str, shown: Sequence[bytes] = ()) -> list[int]:
        if self.eyes and shown:
            return list(self.eyes.ids(text, shown))
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _rendered(self, answer: Answer, talk: Sequence[Message], **told: Any) -> str:
        if self.tokenizer.chat_template is None:
            raise InputError(
                f"{answer.where} is made of messages, and the model has no chat template to write them in: train a "
                "model that has one, or give texts"
            )
        try:
            options = {**self.options, **answer.template, **told}
            if self.eyes:
                return self.eyes.text(talk, options, ask=bool(told))
            return str(self.tokenizer.apply_chat_template(list(talk), tokenize=False, **options))
        except Exception as error:  # noqa: BLE001 - a template is a program of anybody's
            words = " ".join(str(error).split())[:200]
            raise InputError(
                f"the model's chat template cannot write {answer.where}: {words or type(error).__name__}"
            ) from None

    def _ended(self, completion: Sequence[int]) -> list[int]:
        """With its first end, and nothing after it: what a template writes between messages, no policy samples."""
        for place, each in enumerate(completion):
            if each in self.ends and not self._says(completion[place:]):
                return list(completion[: place + 1])
        return [*completion, self._end]

    def _says(self, ids: Sequence[int]) -> bool:
        return bool(self.tokenizer.decode(ids, skip_special_tokens=True).strip())

    @property
    def _end(self) -> int:
        own = self.tokenizer.eos_token_id
        return own if own in self.ends else min(self.ends)


def _letters(text: str) -> str:
    return "".join(text.split())


def ends_of(tokenizer: Any, configured: int | Iterable[int] | None) -> frozenset[int]:
    """The ids that end an answer: those of the model's generation config, and the tokenizer's. Raises InputError."""
    several = {configured} if isinstance(configured, int) else set(configured or ())
    own = tokenizer.eos_token_id
    found = frozenset(several | ({own} if own is not None else set()))
    if not found:
        raise InputError(
            "the model has no end token, so that nothing it learns would end: name one as eos_token of its tokenizer"
        )
    return found
