"""matplotlib's list of the installed fonts, built once: it takes seconds, and every run needs it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

from llmi_sandbox.process import environment

_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
_BUILD = "import sys; sys.path += sys.argv[1].split(':'); import matplotlib.font_manager"


async def folder(python: str, libraries: list[str]) -> Path:
    """The folder to name in MPLCONFIGDIR; filled by a process that runs none of the policy's code."""
    place = await asyncio.to_thread(_place)
    if not place.exists():
        await _build(place, python, libraries)
    return place


def cache_root() -> Path:
    """Where LLMI keeps what can be made again: `$LLMI_HOME/cache`, or the user's cache folder."""
    home = os.environ.get("LLMI_HOME")
    return Path(home, "cache") if home else Path(platformdirs.user_cache_dir("llmi"))


def _place() -> Path:
    """Another folder for another matplotlib or other fonts."""
    seen = [importlib.metadata.version("matplotlib")]
    for top in _FONT_FOLDERS:
        for path, folders, _ in os.walk(top):
            folders.sort()
            seen.append(f"{path}:{Path(path).stat().st_mtime_ns}")
    name = hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]
    return cache_root() / "sandbox" / f"fonts-{name}"


async def _build(place: Path, python: str, libraries: list[str]) -> None:
    """Build beside the place and rename: a build that is cut short leaves nothing half done."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        process = await asyncio.create_subprocess_exec(
            *(python, "-I", "-c", _BUILD, ":".join(libraries)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(fresh, fresh),
        )
        try:
            await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.to_thread(_publish, fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _publish(fresh: Path, place: Path) -> None:
    with contextlib.suppress(OSError):  # another process was faster
        fresh.rename(place)
