"""Configuration: all layers in one value, with the origin of each of its parts.

Later layers win: `llmi.toml` in the working folder, `llmi.toml` in the user's config folder, `LLMI_...` variables,
flags. Within a table (`[use]`, `[options]`, `[tools.<name>]`) they are merged key by key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.layers import (
    ONLY_VARIABLES,
    Layer,
    from_environment,
    from_file,
    from_flags,
    suggestion,
)
from llmi_agent.config.options import Options

FILE = "llmi.toml"


@dataclass(frozen=True)
class Config:
    """What a run is configured with."""

    options: Options
    model: str | None
    """None: nobody chose one."""
    fallback: tuple[str, ...]
    """Models that write in its place when it fails."""
    api_base: str | None
    """The address of an OpenAI-compatible server that serves the model."""
    use: Mapping[str, str]
    """Which tool serves a kind, by their names."""
    plugins: tuple[str, ...] | None
    """The plugins to load; None is all of them."""
    tools: Mapping[str, Mapping[str, Any]]
    """Each tool's own settings, by the tool's name."""
    out: Path | None
    """The folder in which every run makes its own."""
    strict: bool
    """A plugin's problem is an error."""
    origins: Mapping[str, str]
    """Where each value comes from, by its dotted name: a file, a variable, a flag, or "default"."""


def load_config(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Config:
    """Read all layers.

    flags: what the command line says, by dotted name: {"model": "offline", "use.search": "my_photos"}.
    environ: by default the process's.
    folder: the working folder.

    Raises ConfigError naming the file, variable or flag, the setting, and what exists.
    """
    merged: Layer = {}
    for path in _files(folder):
        merged |= from_file(path)
    merged |= from_environment(os.environ if environ is None else environ)
    merged |= from_flags(flags or {})
    return _config(merged)


def _files(folder: Path | None) -> Iterator[Path]:
    import platformdirs

    for each in (folder or _working_folder(), platformdirs.user_config_path("llmi")):
        if each and (each / FILE).is_file():
            yield each / FILE


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed under us
        return None


def _config(merged: Layer) -> Config:
    model, out = _name(merged, "model"), _name(merged, "out")
    return Config(
        options=_options(merged),
        model=model,
        fallback=_names(merged, "fallback", "openai/gpt-5-mini") or (),
        api_base=_name(merged, "api_base"),
        use={key[1]: _name(merged, *key) or "" for key in merged if key[0] == "use"},
        plugins=_names(merged, "plugins", "llmi-edit"),
        tools=_tools(merged),
        out=Path(out).expanduser() if out else None,
        strict=("strict",) in merged and bool(merged["strict",].value),
        origins=_origins(merged),
    )


def _origins(merged: Layer) -> dict[str, str]:
    names = ["model", "fallback", "api_base", "plugins", "out", *ONLY_VARIABLES]
    names += [f"options.{name}" for name in Options.model_fields]
    given = {".".join(key): setting.origin for key, setting in merged.items()}
    return dict.fromkeys(names, "default") | given


def _options(merged: Layer) -> Options:
    """Raises ConfigError for the first option that does not exist or cannot be what it is."""
    given = {key[1]: setting for key, setting in merged.items() if key[0] == "options"}
    for name, setting in given.items():
        if name not in Options.model_fields:
            known = suggestion(name, Options.model_fields)
            raise ConfigError(f"{setting.origin}: there is no option {name!r}; {known}")
    try:
        return Options.model_validate({name: each.value for name, each in given.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise ConfigError(
            f"{given[name].origin}: {name} cannot be {first['input']!r}: {reason}"
        ) from None


def _tools(merged: Layer) -> dict[str, dict[str, Any]]:
    tools: dict[str, dict[str, Any]] = {}
    for key, setting in merged.items():
        if key[0] == "tools":
            tools.setdefault(key[1], {})[key[2]] = setting.value
    return tools


def _names(merged: Layer, name: str, example: str) -> tuple[str, ...] | None:
    setting = merged.get((name,))
    if setting is None:
        return None
    value = setting.value
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ConfigError(f'{setting.origin}: {name} must be a list of names, such as ["{example}"]')


def _name(merged: Layer, *key: str) -> str | None:
    setting = merged.get(key)
    if setting is None:
        return None
    if isinstance(setting.value, str | Path) and str(setting.value).strip():
        return str(setting.value)
    raise ConfigError(f"{setting.origin}: {'.'.join(key)} must be a name, not {setting.value!r}")
