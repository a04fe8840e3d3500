"""What a reader must know of a draft that cannot be seen on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmi_agent.draft import Draft
from llmi_agent.draft.syntax import is_object

NO_PLACE = "The model left no place for a picture."
DATA = "The model answered with JSON data rather than a document; it is shown as it came."
LEFT_AS_TEXT = "What looks like a request for a picture was left as text or code."

_PICTURES = (
    r"(?:pictures?|images?|figures?|illustrations?|charts?|photos?|photographs?|graphics?|visuals?)"
)
# People ask for none in these words; in any others, the note is true all the same.
_NONE_WANTED = re.compile(
    rf"\b(?:no|without|omit|skip|(?:do not|don['\u2019]t) (?:add|include|use|want|need))(?: (?:any|the|a|an))? {_PICTURES}\b"
    r"|\btext[- ]only\b|\b(?:only|just) text\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:<|&lt;)[ \t]{0,3}imgen\b[^<>{]{0,200}(?:>|&gt;)?\s{0,20}\{"
    r"""|\{\s{0,20}["']source["']\s{0,20}:\s{0,20}["']\w{1,40}["']\s{0,20},"""
    r"""|["']name["']\s{0,20}:\s{0,20}["'](?:imgen|KINDS)["']"""
    r"""|<(?:\w{1,20}:)?invoke\s{1,20}name\s{0,3}=\s{0,3}["'](?:imgen|KINDS)["']"""
    r"""|\[TOOL_CALLS\]|<tool_call>|<function=""".replace("KINDS", "search|diffusion|code|edit"),
    re.IGNORECASE,
)


def notes(draft: Draft, prompt: str) -> Iterator[str]:
    """Sentences on the draft of a language model: each is true whatever the prompt was."""
    text = draft.text.strip()
    if not draft.slots and text.startswith(("{", "```")) and is_object(text):
        yield DATA
    if not draft.slots and not _NONE_WANTED.search(prompt):
        yield NO_PLACE
    if _REQUEST.search(draft.text):
        yield LEFT_AS_TEXT
