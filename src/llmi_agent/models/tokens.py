"""Tokens: what a model reports, and what is reckoned where it does not."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata

MOST_COUNTED = 100_000_000
"""Tokens of one answer that a vendor may claim."""
_BYTES_A_TOKEN = 3
"""On the low side for every script, so that what is reckoned with it is not too little."""
_A_PICTURE = 2_500
"""What vendors count for a picture as a model is shown it."""


def tokens(read: int, written: int) -> UsageMetadata:
    """So many tokens read and written, in LangChain's form."""
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def reported(chunks: Sequence[AIMessageChunk]) -> UsageMetadata | None:
    """The tokens that the vendor counted, if it did: a count of nothing is none, and neither is a monstrous one."""
    for chunk in reversed(chunks):
        usage = chunk.usage_metadata
        if usage and usage["input_tokens"] >= 0 and 0 < usage["output_tokens"] < MOST_COUNTED:
            return usage if usage["input_tokens"] < MOST_COUNTED else None
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
