"""What tools answer, held to the contract: checked, classified by reason, and freed of secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from llmi_agent.base.invalid import first_fault
from llmi_agent.base.resources import exhausted
from llmi_agent.base.secrets import Redactor
from llmi_agent.base.text import printable
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    REASONS,
    Failed,
    Image,
    Produced,
    Provenance,
    ToolFailed,
    ToolResult,
    ToolRetry,
)

MOST_MESSAGE = 4_000
_OURS = ("cancelled", "budget")
"""Reasons that only the framework has: a call that ended so never began or was stopped, and may be made again."""

_provenance = TypeAdapter(Provenance)
_amount = TypeAdapter(Annotated[float, Field(ge=0, allow_inf_nan=False)] | None)


class ToolAnswers:
    """Reads the answers of a toolkit's tools."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def checked(self, answer: object, spec: ToolSpec) -> ToolResult:
        """The answer, if it keeps the contract, with secrets erased from what will be shown."""
        try:
            if isinstance(answer, Failed):
                return self._checked_failure(answer, spec)
            if isinstance(answer, Produced):
                return self._checked_pictures(answer, spec)
        except (TypeError, ValueError, AttributeError, ValidationError) as error:
            words = self.message(_words(error))
            return Failed("bad_output", f"{spec.name} breaks the contract: {words}")
        return Failed(
            "bad_output",
            f"{spec.name} returned {type(answer).__name__}; a tool returns Produced or Failed",
        )

    def _checked_failure(self, answer: Failed, spec: ToolSpec) -> Failed:
        if answer.reason not in REASONS:
            known = ", ".join(REASONS)
            message = f"{spec.name} failed for {answer.reason!r}, which is none of {known}"
            return Failed("bad_output", self.message(f"{message}: {answer.message}"))
        return Failed(
            "unavailable" if answer.reason in _OURS else answer.reason,
            self.message(answer.message),
            answer.retryable is True,
            _amount.validate_python(answer.retry_after),
            _amount.validate_python(answer.usd),
        )

    def _checked_pictures(self, answer: Produced, spec: ToolSpec) -> ToolResult:
        images = answer.images
        if not isinstance(images, tuple) or not all(isinstance(each, Image) for each in images):
            return Failed("bad_output", f"{spec.name}: Produced.images must be a tuple of Image")
        if not images:
            usd = _amount.validate_python(answer.usd)
            return Failed("bad_output", f"{spec.name} returned no picture", usd=usd)
        return Produced(
            images=tuple(map(self._clean, images)),
            note=self.message(answer.note),
            usd=_amount.validate_python(answer.usd),
        )

    def _clean(self, image: Image) -> Image:
        said = _provenance.validate_python(vars(image.provenance))
        fields: dict[str, Any] = {
            name: self._redactor.text(printable(value))
            for name, value in vars(said).items()
            if isinstance(value, str)
        }
        return Image(image.data, replace(said, **fields))

    def classified(self, error: BaseException, spec: ToolSpec) -> Failed:
        """A tool's exception as a failure."""
        message = str(error) or type(error).__name__
        match error:
            case ToolRetry():
                answer = Failed("crashed" if spec.executes_code else "bad_params", message, True)
            case ToolFailed():
                answer = Failed(error.reason, message, retry_after=error.retry_after, usd=error.usd)
            case _ if out := exhausted(error):
                answer = Failed("unavailable", f"{spec.name}: {out}")
            case TimeoutError():
                answer = Failed("timeout", f"{spec.name}: {message}")
            case ConnectionError():
                answer = Failed("unreachable", f"{spec.name}: {message}")
            case ImportError():
                answer = Failed("unavailable", f"{spec.name} lacks what it needs: {message}")
            case _:
                answer = Failed("crashed", f"{spec.name}: {type(error).__name__}: {message}")
        return answer

    def message(self, text: str) -> str:
        """Words of a tool or a hook as they may be shown: printable, without secrets, of bounded length."""
        return self._redactor.text(printable(text))[:MOST_MESSAGE]


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return first_fault(error)
    return " ".join(str(error).split())
