"""The section `[tools.e2b_code]` of the configuration, and the name of the key that goes with it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

KEY = "E2B_API_KEY"
_URL = r"^https?://\S+$"


class Settings(BaseModel):
    """What the user may choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    api_base: str = Field(default="https://api.e2b.app", pattern=_URL)
    """The API that sandboxes are made with; the only place the key is sent to."""
    sandbox_url: str | None = Field(default=None, pattern=_URL)
    """Where the sandboxes themselves answer, if not where the API says."""
    template: str = Field(default="code-interpreter-v1", min_length=1)
    """What the sandbox is made from: E2B's code interpreter, or one derived from it."""
    sandbox_seconds: int = Field(default=300, ge=30, le=86_400)
    """After so long E2B itself ends a sandbox that nobody has asked to live longer."""
    internet: bool = False
    """Whether the code may use the network."""

    def connection(self, key: str) -> dict[str, Any]:
        """How the SDK reaches E2B: nothing is left for it to look up in the environment but a sandbox's address.

        Its own retries are off, since the graph repeats a call itself.
        """
        return {
            "api_key": key,
            "api_url": self.api_base.rstrip("/"),
            "sandbox_url": self.sandbox_url and self.sandbox_url.rstrip("/"),
            "domain": "e2b.app",
            "debug": False,
            "retries": 0,
        }
