"""A profile of one's own, in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import ConfigError
from llmi_agent.rewards.profile import PROFILES, Profile, profile_of

ENDING = ".toml"


def profile_named(name: str) -> Profile:
    """The profile of this name, or that of a .toml file.

    The file says what is other than in the profile `base` (llmi, if it names none): `name = "mine"`, `[weights]`, of which those
    that are not named stay, and the other settings of `Profile`. Raises ConfigError if there is no such profile or file, or if it cannot be used.
    """
    if not name.endswith(ENDING):
        try:
            return profile_of(name)
        except ConfigError as error:
            raise ConfigError(f"{error}, and any file that ends in {ENDING}") from None
    path = Path(name)
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    base = settings.pop("base", "llmi")
    if base not in PROFILES:
        raise ConfigError(f"{path}: base {base!r:.80}: there are {', '.join(PROFILES)}")
    try:
        return profile_of(base, {"name": path.stem, **_merged(PROFILES[base], settings)})
    except ConfigError as error:
        said = str(error).removeprefix(f"the profile {base}: ")
        raise ConfigError(f"{path}: {said}") from None


def _merged(base: Profile, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings; a table in them goes key by key over that of the base."""
    own = base.model_dump()
    tables = {
        name: {**own[name], **value}
        for name, value in settings.items()
        if isinstance(value, dict) and isinstance(own.get(name), dict)
    }
    return {**settings, **tables}
