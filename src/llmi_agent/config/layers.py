"""The layers of configuration: one reader each for `llmi.toml`, `LLMI_...` variables and flags.

A layer maps a setting's key, such as ("options", "repairs"), to its value as it was written and to where that
was. Every reader raises ConfigError naming the file or variable, the setting, and what exists. Keys of vendors are
no settings: they stay in the environment, and a file that holds one is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import ConfigError
from llmi_agent.base.secrets import looks_secret
from llmi_agent.config.options import Options

SETTINGS = ("model", "fallback", "api_base", "plugins", "out", "use", "options", "tools")
"""The top level of `llmi.toml`; the last three are tables."""
ONLY_VARIABLES = ("home", "strict")
"""Settings that only the environment has."""

_TABLES = ("use", "options", "tools")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_FLAGS = {
    "options.folders": "--images",
    "options.budget": "--budget",
    "options.cache": "--cache",
    "options.group_budget": "--group-budget",
    "options.temperature": "--temperature",
    "options.top_p": "--top-p",
    "options.max_tokens": "--max-tokens",
    "options.stop": "--stop",
    "options.record": "--record",
    "options.weights": "--weights",
    "api_base": "--api-base",
}

_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
"""In an address: http://user:password@host."""
_PLUGINS = re.compile(r"llmi_agent\.v\d+")
"""Groups of entry points under which plugins are installed."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """A value as it was written."""

    value: Any
    origin: str
    """The file, variable or flag that it comes from."""


Layer = dict[Key, Setting]


def from_file(path: Path) -> Layer:
    """What an `llmi.toml` says; paths in it are relative to its folder."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    layer: Layer = {}
    for name, value in data.items():
        for key, item in _section(path, name, value).items():
            layer[key] = Setting(_placed(key, item, path.parent), str(path))
    return layer


def from_environment(environ: Mapping[str, str]) -> Layer:
    """What the `LLMI_...` variables say; an empty one says nothing."""
    layer: Layer = {}
    for variable, text in environ.items():
        if variable.startswith("LLMI_") and text:
            for key, value in _variable(variable, text).items():
                layer[key] = Setting(value, variable)
    return layer


def from_flags(flags: Mapping[str, Any]) -> Layer:
    """What the command line says, by dotted name: {"model": "offline", "use.search": "my_photos"}."""
    return {
        tuple(name.split(".", 1)): Setting(value, _FLAGS.get(name, f"--{name.split('.')[0]}"))
        for name, value in flags.items()
    }


_MANY = 24


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to say of a name that does not exist: the nearest one that does, and all of them.

    Where there is a nearest one, and there are many, it is enough.
    """
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near and len(names) > _MANY:
        return f"did you mean {near[0]!r}?"
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}known: {', '.join(names) or 'none'}"


def _section(path: Path, name: str, value: Any) -> dict[Key, Any]:
    """The settings under one name of the file's top level."""
    _refuse_secret(path, name, value)
    if name not in SETTINGS:
        raise ConfigError(f"{path}: there is no setting {name!r}; {suggestion(name, SETTINGS)}")
    if name not in _TABLES:
        return {(name,): value}
    section: dict[Key, Any] = {}
    for key, item in _table(path, name, value).items():
        if name == "tools":
            inner = _table(path, f"tools.{key}", item)
            section |= {(name, key, each): inner[each] for each in inner}
        else:
            section[name, key] = item
    return section


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {name} must be a table, [{name}], not {value!r}")
    for key, item in value.items():
        _refuse_secret(path, f"{name}.{key}", item)
    return value


def _refuse_secret(path: Path, name: str, value: Any) -> None:
    last = name.rpartition(".")[2]
    if isinstance(value, str) and (looks_secret(last) or _PASSWORD.search(value)):
        raise ConfigError(
            f"{path}: {name} looks like a secret, and a file of settings must not hold one; "
            "remove it, and put it into the environment variable that `llmi tools` names"
        )


def _placed(key: Key, value: Any, folder: Path) -> Any:
    if key == ("out",) and isinstance(value, str):
        return folder / Path(value).expanduser()
    if key == ("options", "folders") and isinstance(value, list):
        return [folder / Path(each).expanduser() for each in map(str, value)]
    return value


def _variable(variable: str, text: str) -> dict[Key, Any]:
    name = variable.removeprefix("LLMI_").lower()
    if name in Options.model_fields:
        return {("options", name): _option(variable, name, text)}
    match name:
        case "model" | "api_base" | "out" | "home":
            return {(name,): text}
        case "fallback" | "plugins":
            return {(name,): _words(text)}
        case "strict":
            return {(name,): _truth(variable, text)}
        case "use":
            return {("use", kind): tool for kind, tool in _pairs(variable, text).items()}
    if looks_secret(variable) or variable.startswith(_prefixes()):
        return {}  # a plugin's own, which it checks where it reads it
    names = (
        "model",
        "fallback",
        "api_base",
        "plugins",
        "use",
        "out",
        *ONLY_VARIABLES,
        *Options.model_fields,
    )
    known = suggestion(variable, [f"LLMI_{each.upper()}" for each in names])
    raise ConfigError(f"there is no variable {variable!r}; {known}")


def _prefixes() -> tuple[str, ...]:
    """What variables of installed plugins begin with: those of `llmi-transformers` with `LLMI_TRANSFORMERS_`."""
    groups = [group for group in entry_points().groups if _PLUGINS.fullmatch(group)]
    names = [entry.name for group in groups for entry in entry_points(group=group)]
    own = [re.sub(r"\W", "_", each.removeprefix("llmi-")).upper() for each in names]
    return tuple(f"LLMI_{each}_" for each in own)


def _option(variable: str, name: str, text: str) -> Any:
    if name == "folders":
        return [Path(each).expanduser() for each in text.split(os.pathsep) if each]
    if name in ("download_allow", "stop"):
        return _words(text)
    return _pairs(variable, text) if name in ("concurrency", "limits", "prices") else text


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _pairs(variable: str, text: str) -> dict[str, str]:
    """ "search=x, code=y" as a dict."""
    pairs: dict[str, str] = {}
    for word in _words(text):
        left, _, right = (part.strip() for part in word.partition("="))
        if not (left and right):
            raise ConfigError(f"{variable}: {word!r} is not of the form name=value")
        pairs[left] = right
    return pairs


def _truth(variable: str, text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ConfigError(f"{variable}: {text!r} is neither yes nor no; write 1 or 0")
    return text.lower() in _YES
