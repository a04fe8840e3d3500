"""Where matplotlib keeps its list of the installed fonts: building it takes seconds, and every zygote needs it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tempfile
from pathlib import Path

import platformdirs

_FONT_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts"),
    *("~/.fonts", "~/.local/share/fonts"),
)


def folder() -> Path:
    """The folder to name in MPLCONFIGDIR; matplotlib fills it. Another one for another matplotlib or other fonts."""
    seen = [importlib.metadata.version("matplotlib")]
    for top in _FONT_FOLDERS:
        for path, folders, _ in os.walk(Path(top).expanduser()):
            folders.sort()
            seen.append(f"{path}:{Path(path).stat().st_mtime_ns}")
    name = f"fonts-{hashlib.sha256(chr(10).join(seen).encode()).hexdigest()[:16]}"
    place = cache_root() / "sandbox" / name
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:  # a user without a home
        return Path(tempfile.mkdtemp(prefix="llmi-fonts-"))
    return place


def cache_root() -> Path:
    """Where LLMI keeps what can be made again: `$LLMI_HOME/cache`, or the user's cache folder."""
    home = os.environ.get("LLMI_HOME")
    return Path(home, "cache") if home else Path(platformdirs.user_cache_dir("llmi"))
