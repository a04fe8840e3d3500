"""What became of a call (`Finished` or `Failed`), and in the end of a slot (`Kept` or `Dropped`).

These are the durable forms of a tool's answer: pictures are digests, and everything is plain JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from llmi_agent.contract.tool import Failed, Provenance, Reason
from llmi_agent.store.artifacts import Artifact


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Candidate(_Value):
    """A picture that passed the intake."""

    artifact: Artifact
    provenance: Provenance
    blank: bool = False


class Finished(_Value):
    """A call that worked."""

    candidates: tuple[Candidate, ...]
    note: str = ""
    usd: float | None = None


Outcome = Finished | Failed


class Kept(_Value):
    """The verdict on a slot that has its picture."""

    status: Literal["kept"] = "kept"
    artifact: Artifact
    provenance: Provenance
    kind: str
    """The kind that was asked for, by the draft or by its last repair; `tool` may serve another after a fallback."""
    tool: str
    description: str
    """The caption, as the draft or the repair that worked has it."""
    params: dict[str, Any]
    note: str = ""
    instead_of: str = ""
    """Why the kind that was asked for failed, if another stands in for it."""
    attempts: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        """What a watcher may want to know of the picture, and by which digest to read it from the store."""
        return {
            "message": "",
            "kind": self.kind,
            "tool": self.tool,
            "caption": self.description,
            "digest": self.artifact.digest,
            "media_type": self.artifact.media_type,
            "width": self.artifact.width,
            "height": self.artifact.height,
        }


class Dropped(_Value):
    """The verdict on a slot that stays without one, and why."""

    status: Literal["missing"] = "missing"
    reason: Reason
    message: str
    attempts: int = 0


Verdict = Annotated[Kept | Dropped, Field(discriminator="status")]

_verdict: TypeAdapter[Kept | Dropped] = TypeAdapter(Verdict)


def read_verdict(data: dict[str, Any]) -> Kept | Dropped:
    """The verdict that `model_dump(mode="json")` gave."""
    return _verdict.validate_python(data, strict=False)
