"""Other shapes of a slot that say the same: a tool call, attributes of the tag, keys in the wrong place.

Only what is unmistakable is moved; whatever else is wrong stays, for the checks to name.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from llmi_agent.draft import syntax
from llmi_agent.draft.calls import as_json, is_call
from llmi_agent.draft.types import Kinds

_KEYS = {"source", "description", "params"}
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_TITLES = ("description", "caption", "alt", "title")
_ATTRIBUTE = re.compile(r"""([A-Za-z_]\w*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def payload_of(opener: str, content: str) -> str:
    """The payload between the tags, in a fence, or in the tag itself, as its opener says it is written."""
    if is_call(opener):
        return as_json(content)
    if opener[0] == "&":
        return html.unescape(content)
    if not opener.endswith((">", "\n")):
        found = {name: double or single for name, double, single in _ATTRIBUTE.findall(content)}
        return json.dumps({name: html.unescape(value) for name, value in found.items()})
    return content


def forgiven(data: dict[Any, Any], kinds: Kinds) -> dict[Any, Any]:
    """The same slot with exactly its three keys, where it is clear what was meant."""
    if (
        data.keys() == _KEYS
        and isinstance(data["params"], dict)
        and not _is_wrapped(data["params"])
    ):
        return data
    data = _called(data, kinds)
    model = kinds.get(data["source"]) if isinstance(data.get("source"), str) else None
    if model is None:
        return data
    names = {field.alias or name for name, field in model.model_fields.items()}
    params = _params(data, names)
    if not isinstance(params, dict) or (not params and "params" not in data):
        return data
    title = next((data[key] for key in _TITLES if isinstance(data.get(key), str)), "")
    params = {name: _code(value) if name == "code" else value for name, value in params.items()}
    return {
        "source": data["source"],
        "description": data.get("description", title),
        "params": params,
    }


def _called(data: dict[Any, Any], kinds: Kinds) -> dict[Any, Any]:
    """A tool call's arguments, with the tool's name for the kind."""
    arguments = next((data[key] for key in _ARGUMENTS if key in data), None)
    name = data.get("name")
    if isinstance(arguments, str):
        arguments = _object(arguments)
    if not isinstance(name, str) or not isinstance(arguments, dict) or "source" in data:
        return data
    return {"source": name, **arguments} if name in kinds else arguments


def _params(data: dict[Any, Any], names: set[str]) -> Any:
    if "params" not in data:
        return {name: data[name] for name in data if name in names}
    params = data["params"]
    return _object(params) or params if isinstance(params, str) else params


def _object(text: str) -> Any:
    for reader in syntax.readers("json", "lenient"):
        try:
            return reader(text)
        except syntax.SyntaxProblemError:
            continue
    return None


def _is_wrapped(params: dict[Any, Any]) -> bool:
    """Whether its code is a list of lines, or in a Markdown fence."""
    code = params.get("code", "")
    return not isinstance(code, str) or code.lstrip()[:3] in ("```", "~~~")


def _code(value: Any) -> Any:
    """Code without a Markdown fence around it; a list of its lines is the code."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(line.rstrip("\n") for line in value)
    if not isinstance(value, str) or not value.lstrip().startswith(("```", "~~~")):
        return value
    return syntax.unfenced(value)
