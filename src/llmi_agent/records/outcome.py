"""What became of a call (`Finished` or `Failed`), and in the end of a slot (`Kept` or `Dropped`).

These are the durable forms of a tool's answer: pictures are digests, and everything is plain JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from llmi_agent.contract.tool import Failed, Provenance, Reason


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Picture(_Value):
    """A picture in the store, and where it comes from."""

    digest: str
    media_type: str
    width: int
    height: int
    provenance: Provenance


class Candidate(Picture):
    """A picture that passed the intake."""

    blank: bool = False


class Finished(_Value):
    """A call that worked."""

    candidates: tuple[Candidate, ...]
    note: str = ""
    usd: float | None = None


Outcome = Finished | Failed


class Filled(Picture):
    """A slot's picture, and how it came to be."""

    kind: str
    """The kind that was asked for, by the draft or by its last repair; `tool` may serve another after a fallback."""
    tool: str
    """The tool that made the picture."""
    caption: str
    """As the draft has it, or the repair that worked."""
    params: dict[str, Any]
    """The parameters of the call that worked: the query, the prompt, the code, the edit."""
    note: str = ""
    """What the tool, or a fallback, has to say to the reader."""
    instead_of: str = ""
    """Why the kind that was asked for failed, if another stands in for it."""
    attempts: int = 1
    """How many calls it took."""


class Kept(Filled):
    """The verdict on a slot that has its picture."""

    status: Literal["kept"] = "kept"


class Dropped(_Value):
    """The verdict on a slot that stays without one, and why."""

    status: Literal["missing"] = "missing"
    reason: Reason
    message: str
    attempts: int = 0

    @property
    def open(self) -> bool:
        """The run was stopped, or had no money left: when it goes on, the slot may get its picture."""
        return self.reason in ("cancelled", "budget")


Verdict = Annotated[Kept | Dropped, Field(discriminator="status")]

_verdict: TypeAdapter[Kept | Dropped] = TypeAdapter(Verdict)


def read_verdict(data: dict[str, Any]) -> Kept | Dropped:
    """The verdict that `model_dump(mode="json")` gave."""
    return _verdict.validate_python(data, strict=False)


_outcome: TypeAdapter[Finished | Failed] = TypeAdapter(Outcome)


def plain_outcome(outcome: Outcome) -> dict[str, Any]:
    """What a call came to, as JSON."""
    data: dict[str, Any] = _outcome.dump_python(outcome, mode="json")
    return data


def read_outcome(data: dict[str, Any]) -> Outcome:
    """The outcome that `plain_outcome` made so."""
    return _outcome.validate_python(data)
