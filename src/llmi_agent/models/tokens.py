"""Tokens: what a model reports, and what is reckoned where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage

MOST_COUNTED = 100_000_000
"""Tokens of one answer that a vendor may claim."""
MOST_USD = 1e6
"""US dollars of one answer, likewise."""
_BYTES_A_TOKEN = 3
"""On the low side for every script, so that what is reckoned with it is not too little."""
_A_PICTURE = 2_500
"""What vendors count for a picture as a model is shown it."""


def tokens(read: int, written: int) -> UsageMetadata:
    """So many tokens read and written, in LangChain's form."""
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def reported(chunks: Sequence[AIMessageChunk]) -> UsageMetadata | None:
    """The tokens that the vendor counted, if it did: a count of nothing is none, and neither is a monstrous one.

    The counts of pieces add up, as LangChain has it; those of some servers run on from piece to piece instead.
    """
    counts = [each.usage_metadata for each in chunks if each.usage_metadata]
    if not counts:
        return None
    usage = counts[-1] if _run_on(counts) else reduce(add_usage, counts)
    known = 0 <= usage["input_tokens"] < MOST_COUNTED and 0 < usage["output_tokens"] < MOST_COUNTED
    return usage if known else None


def _run_on(counts: Sequence[UsageMetadata]) -> bool:
    """Whether each count is of all that came before it: what was read is in every one of them."""
    return len(counts) > 1 and all(
        0 < one["input_tokens"] == next_["input_tokens"]
        and one["output_tokens"] <= next_["output_tokens"]
        for one, next_ in pairwise(counts)
    )


def stated_cost(chunks: Sequence[AIMessageChunk]) -> float | None:
    """US dollars, where the vendor says them: a number that a price can be."""
    for each in chunks:
        cost = each.response_metadata.get("response_cost")
        if isinstance(cost, int | float) and 0 <= cost < MOST_USD and not isinstance(cost, bool):
            return float(cost)
    return None


def reckoned(text: str) -> int:
    """At most so many tokens has a text."""
    return len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN


def size(message: BaseMessage) -> int:
    """At most so many tokens has the message: its text and its pictures."""
    pictures = 0
    if isinstance(message.content, list):
        pictures = sum(isinstance(b, dict) and b.get("type") == "image" for b in message.content)
    return reckoned(str(message.text)) + 8 + pictures * _A_PICTURE
