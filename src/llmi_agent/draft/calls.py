"""Calls of a tool in the dialects of models, made into the JSON that other calls are in."""

# ruff: noqa: RUF001 - the wide bars of DeepSeek's marks are meant
from __future__ import annotations

import ast
import json
import re

from llmi_agent.draft import syntax
from llmi_agent.draft.tags import CALLS

_MARK = re.compile(r"<[|｜][^<>]{0,40}[|｜]>|\[[A-Z_]{2,20}\]|</?[a-z_]{1,20}>|`{3,}[a-z]*")
_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_QUOTE = '<|"|>'
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)\s*:")
_NO_NAMES = frozenset(("call", "function", "functions", "invoke", "name", "json"))
_PARAMETER = re.compile(r"""<(?:｜DSML｜)?parameter(?:=| name=)["']?([\w.-]+)["']?[^<>]{0,80}>""")
_ARGUMENT = re.compile(r"<arg_key>([^<>]*)</arg_key>\s*<arg_value>")
_VALUE_END = re.compile(r"</(?:(?:｜DSML｜)?parameter|arg_value)>")
_ARGUMENTS_START = re.compile(r"\{|<arg_key>|<(?:｜DSML｜)?parameter[= ]")
_NUMBER = re.compile(r"\s*\d{1,9}\s*")
_LIST_END = re.compile(r"\s*\]")


def is_call(opener: str) -> bool:
    """Whether a tag opens a call of a tool."""
    return opener.casefold() in CALLS


def as_json(content: str) -> str:
    """The call as `{"name": ..., "arguments": ...}`; what is no dialect stays as it is."""
    text = _quoted(content.strip())
    if len(text) > syntax.MAX_PAYLOAD or text.startswith("{"):
        return content
    if text.startswith("[{"):
        return text[1:].removesuffix("]")
    start = _ARGUMENTS_START.search(text)
    if start is None:
        return _from_python(text) or content
    words = _WORD.findall(_MARK.sub(" ", text[: start.start()]))
    name = next((word for word in words if word not in _NO_NAMES), "").removeprefix("functions.")
    arguments = _pairs(text) or text[start.start() : call_end(text)]
    return f'{{"name": {json.dumps(name)}, "arguments": {arguments}}}'


def call_end(content: str) -> int:
    """Where a call that nobody closed ends: after its first object, or with the text."""
    start = content.find("{")
    try:
        end = syntax.object_end(content[: start + syntax.MAX_PAYLOAD], start)
    except syntax.SyntaxProblemError:
        return len(content)
    after = _LIST_END.match(content, end)
    return after.end() if after and content.lstrip().startswith("[") else end


def _quoted(text: str) -> str:
    """Gemma's objects as JSON: quotes of their own, and keys without."""
    if _QUOTE not in text:
        return text
    parts = text.split(_QUOTE)
    parts[::2] = [_BARE_KEY.sub(r'\1"\2":', part) for part in parts[::2]]
    parts[1::2] = [json.dumps(part) for part in parts[1::2]]
    return "".join(parts)


def _pairs(text: str) -> str:
    """The arguments that have a tag each, as JSON; empty if there are none."""
    for tag in (_PARAMETER, _ARGUMENT):
        _, *parts = tag.split(text)
        if parts:
            values = (_VALUE_END.split(part, maxsplit=1)[0].strip("\r\n") for part in parts[1::2])
            found: dict[str, str | int] = dict(zip(map(str.strip, parts[::2]), values, strict=True))
            if _NUMBER.fullmatch(str(found.get("img_index"))):
                found["img_index"] = int(found["img_index"])
            return json.dumps(found)
    return ""


def _from_python(text: str) -> str:
    """`[search(query="q")]` as JSON; empty if it is no such call."""
    try:
        node = ast.parse(text.removeprefix("[").removesuffix("]"), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            return ""
        found = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg}
        return json.dumps({"name": node.func.id, "arguments": found})
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return ""
