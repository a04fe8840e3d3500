"""How an answer ended: whole, cut by a limit that the model names, or broken off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk

from llmi_agent.draft import tags
from llmi_agent.draft.syntax import SyntaxProblemError, object_end
from llmi_agent.models.heard import reason_of

_REPORTING = frozenset({"anthropic", "azure", "deepseek", "groq", "openai", "openrouter", "xai"})
"""Values of `model_provider` in LangChain's own models, whose streams end with a reason if they are whole."""
_WHOLE = frozenset(
    "stop stop_sequence end_turn eos eos_token eosfound stopstringfound end_of_text complete completed finish finished "
    "done end".split()
)
_FULL = frozenset(
    "length max_tokens max_output_tokens max_length model_length token_limit continuation pause_turn compaction "
    "incomplete model_context_window_exceeded context_length_exceeded maxpredictedtokensreached "
    "contextlengthreached".split()
)
_FILTERED = frozenset(
    "content_filter content_filtered refusal safety recitation blocklist prohibited_content spii language sensitive "
    "error_toxic guardrail_intervened image_safety".split()
)
_CALLED = frozenset("tool_calls tool_call tool_use function_call".split())
_QUOTED = re.compile(r"(?ms)^[ \t>]*(```+|~~~+).*?(?:^[ \t>]*\1|\Z)|(`+)(?!`).+?(?<!`)\2(?!`)")
_TAG = re.compile(r"(?i)<(/?)(imgen|think(?:ing)?)\b[^<>]*>")


@dataclass(frozen=True)
class Ending:
    """What there is to say of an answer's end."""

    cut: str = ""
    """Why it ends early; empty if it does not."""
    broken: bool = False
    """Nobody meant it to end there: asked again, the model may come to its end."""


def ending(
    chunks: Sequence[AIMessageChunk], name: str, reports: bool | None, full: str = ""
) -> Ending:
    """How the answer of the model `name` ended.

    reports: whether its whole answers say why they end; None if that is to be seen from the answer itself. full: what
    to say if it is as long as it may be, where that is not the model's own limit.
    """
    said = reason_of(chunks)
    named = _named(said, chunks, name, full)
    if named or not said:
        return named or _unnamed(chunks, name, reports)
    inside = _inside(chunks)
    return Ending(f"{name} ended it inside {inside}") if inside else Ending()


def _named(said: str, chunks: Sequence[AIMessageChunk], name: str, full: str) -> Ending | None:
    """What the reason means, if it is not that the text is whole."""
    reason = _plain(said)
    if not reason or reason in _WHOLE:
        return None
    if reason in _FILTERED:
        return Ending(f"the filter of {name} stopped it")
    if reason in _CALLED:
        return Ending(
            f"{name} called {called(chunks) or 'a tool'}, though no tool was offered to it"
        )
    if reason not in _FULL:
        return Ending(f"{name} ended it with the reason {said[:60]!r}", broken=True)
    return Ending(full or f"{name} writes no more at once")


def _unnamed(chunks: Sequence[AIMessageChunk], name: str, reports: bool | None) -> Ending:
    if inside := _inside(chunks):
        return Ending(f"{name} broke off inside {inside}", broken=True)
    if _reports(chunks) if reports is None else reports:
        return Ending(f"{name} broke off: nothing says that the text is whole", broken=True)
    return Ending()


def meant(reason: str) -> bool:
    """Whether this reason, in the vendor's word, is of an answer that its model, a limit on it or a filter has ended, and not
    of one that broke off. An empty one tells nothing."""
    known = _WHOLE | _FULL | _FILTERED | _CALLED
    return _plain(reason) in known


def limited(reason: str) -> bool:
    """Whether this reason, in the vendor's word, is that the answer is as long as it may be."""
    return _plain(reason) in _FULL


def _plain(reason: str) -> str:
    return reason.lower().removeprefix("finish_reason_")


def _inside(chunks: Sequence[AIMessageChunk]) -> str:
    return open_tag("".join(str(chunk.text) for chunk in chunks))


def called(chunks: Sequence[AIMessageChunk]) -> str:
    """The tools that the model called, in words; empty if it called none."""
    names = dict.fromkeys(
        str(call["name"])[:60]
        for chunk in chunks
        for call in chunk.tool_call_chunks
        if call["name"]
    )
    return f"the tool {', '.join(names)}" if names else ""


def open_tag(text: str) -> str:
    """The tag of a slot or of reasoning that is open at the end of `text`; empty if there is none.

    One that was left open, with more text after its payload, is a slip of the pen: the text does not end there.
    """
    prose = _QUOTED.sub("", text)
    found = (each for each in _TAG.finditer(prose) if not each[0].endswith("/>"))
    last = next(reversed([*found]), None)
    if last and not last[1] and not _goes_on(prose[last.end() :]):
        return f"<{last[2].lower()}>"
    begun = prose[tags.unfinished(prose) :]
    return "a tag" if len(begun) > 1 else ""


def _goes_on(content: str) -> bool:
    """Whether a payload is complete in what follows a tag, and other text comes after it."""
    try:
        end = object_end(content, len(content) - len(content.lstrip()))
    except SyntaxProblemError:
        return False
    rest = content[end:].strip()
    return bool(rest) and not tags.CLOSE.startswith(rest)


def _reports(chunks: Sequence[AIMessageChunk]) -> bool:
    return any(chunk.response_metadata.get("model_provider") in _REPORTING for chunk in chunks)
