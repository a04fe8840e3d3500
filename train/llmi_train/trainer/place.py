"""Where a training begins from, goes to, and is served, as far as that can be looked at without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.contract import PolicyFailed
from llmi_agent.host.policies import error_of

if TYPE_CHECKING:
    from llmi_transformers.folder import Folder

STORY = "training.json"
LOCK = ".training.lock"


def look(out: Path, *, resume: bool) -> None:
    """Before anything is loaded: whether a training can be written there. Raises InputError."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out takes a folder")
    near = next(each for each in (out, *out.absolute().parents) if each.exists())
    if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
        raise InputError(f"{out} cannot be written: {near} is no folder that may be written to")
    story = read(out)
    if story is None:
        if out.is_dir() and any(each.name != LOCK for each in out.iterdir()):
            raise InputError(f"{out} has other files in it; --out takes a new or an empty folder")
    elif story.get("state") == "done":
        raise InputError(f"the training in {out} is done; name another folder with --out")
    elif not resume:
        raise InputError(
            f"{out} has a training in it that was begun; --resume goes on with it, or name another folder with --out"
        )


def read(out: Path) -> dict[str, Any] | None:
    """What is on record of a training there; None if there is none. Raises InputError if it cannot be read."""
    try:
        story = json.loads((out / STORY).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{out / STORY} cannot be read: {error}") from None
    if not isinstance(story, dict):
        raise InputError(f"{out / STORY} is not the story of a training")
    return story


def checkpoint(name: str) -> Folder:
    """The checkpoint in a folder, which may be written as `transformers/PATH`. Raises InputError if there is none.

    llmi-transformers must be installed.
    """
    from llmi_transformers.folder import folder_of

    try:
        return folder_of(str(Path(name.removeprefix("transformers/")).expanduser()))
    except PolicyFailed as error:
        raise error_of(error) from None


def server_of(url: str) -> str:
    """The address of a server, named with or without /v1. Raises ConfigError if it is none."""
    try:
        parts = urlsplit(url)
        there = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        there = False
    if not there or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"--vllm {url!r:.200} is no address of a server; write http://host:port/v1"
        )
    return url.rstrip("/").removesuffix("/v1").rstrip("/")
