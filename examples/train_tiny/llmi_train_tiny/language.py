"""The little language that prompts and drafts are made of: every word that the policy can read or write stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TOPICS = (
    "forest", "mountains", "lake", "snow", "city", "flowers",
    "clouds", "sunset", "desert", "stream", "meadow", "fog",
)  # fmt: skip
"""What documents are about; the gallery of the example has photographs of each."""

COUNTS = {1: "one", 2: "two", 3: "three"}
"""How many pictures are asked for, and the word for it."""

VIEWS = ("from afar", "in detail", "from above")
"""What tells the pictures of a document apart: the first slot shows the first one."""


@dataclass(frozen=True)
class KindWords:
    """A kind of picture in this language."""

    nouns: tuple[str, ...]
    """What it is called; an s makes the plural."""
    key: str
    """The one parameter of its slots."""
    contents: tuple[str, ...]
    """What that parameter holds, for each of `VIEWS`; `{}` stands for the topic and the view."""


KINDS: Mapping[str, KindWords] = {
    "search": KindWords(("photograph", "photo"), "query", ("{}",) * 3),
    "diffusion": KindWords(("painting", "drawing"), "prompt", ("{}",) * 3),
    "code": KindWords(
        ("chart", "graph"),
        "code",
        (
            "plt.bar([1, 2, 3], [2, 3, 1]); plt.title('{}')",
            "plt.plot([1, 3, 2]); plt.title('{}')",
            "plt.barh([1, 2, 3], [3, 1, 2]); plt.title('{}')",
        ),
    ),
}

REQUESTS = (
    "Write about the {topic} with {count} {noun}.",
    "Tell me about the {topic}, please, and show {count} {noun}.",
    "A short page on the {topic}. Include {count} {noun}.",
    "I need {count} {noun} in a text about the {topic}.",
    "Describe the {topic} to a child, using {count} {noun}.",
    "Put {count} {noun} into a note on the {topic}.",
)
"""How prompts are worded."""

REMARKS = (
    "This {noun} shows the {topic} {view}.",
    "Look at a {noun} of the {topic} {view}.",
    "The next {noun} is of the {topic} {view}.",
)
"""What drafts say before a slot: the noun is one of its kind's."""
RAMBLING = " And there is more to say of the {topic}."
"""What a draft that finds no end goes on with."""


def topic_of(prompt: str) -> str | None:
    """What a prompt of this language is about; None if it names no topic, or several."""
    words = {each.strip(".,") for each in prompt.lower().split()}
    found = [each for each in TOPICS if each in words]
    return found[0] if len(found) == 1 else None
