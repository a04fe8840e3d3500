"""What holds for all tests, the plugins' too."""

from __future__ import annotations

import os

from hypothesis import settings

# LangGraph reads it while it is imported: no class of ours may have to pass through a checkpoint.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

# How long an example takes is the machine's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
