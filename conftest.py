"""What holds for all tests, the plugins' too."""

from __future__ import annotations

import os
import ssl
from typing import Any

from hypothesis import settings

# LangGraph reads it while it is imported: no class of ours may have to pass through a checkpoint.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

# How long an example takes is the machine's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# No test cuts the power, and a disk may take a tenth of a second.
os.fsync = lambda handle: None

_load = ssl.SSLContext.load_verify_locations


def _load_own(
    context: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None
) -> None:
    """A test's own certificates are read, and not the world's, which no test meets: they take each client 40 ms."""
    if cadata is not None:
        _load(context, cadata=cadata)


ssl.SSLContext.load_verify_locations = _load_own  # type: ignore[method-assign]
