"""A prompt to train on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_agent.contract import Demand
from llmi_agent.runner.prompt_line import no_split
from llmi_train.prompts.text import digest_of


@dataclass(frozen=True)
class TrainingPrompt:
    """What a policy is asked, and what rules can check of what it writes. Constructing one validates it."""

    text: str
    demand: Demand | None = None
    """How many pictures, and which kinds; None if nobody said."""
    attach: tuple[Path, ...] = ()
    """Files that go with it."""
    split: str = ""
    """The part of the data set: "train", "test", ...; empty if that is not said."""
    language: str = ""
    """As BCP 47 has it, such as "en" or "zh"; empty if that is not said."""
    id: str = ""
    """Empty: `llmi batch` makes one up from the text and the names of the files."""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("the prompt is empty")
        if why := no_split(self.split):
            raise ValueError(why)

    @cached_property
    def text_digest(self) -> str:
        """The same for texts that count as the same (`text.normalised`): what splits go by."""
        return digest_of(self.text)

    @cached_property
    def digest(self) -> str:
        """The same for prompts that ask the same: of the normalised text, and the bytes of the files in any order.

        Raises InputError if one of them cannot be read.
        """
        own = json.dumps([self.text_digest, sorted(map(_digest, self.attach))])
        return hashlib.sha256(own.encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
