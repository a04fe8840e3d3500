"""What every hosted tool does alike: read its settings and its key, and say what a vendor's HTTP status means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llmi_agent.contract.tool import Reason, ToolContext, ToolFailed

_REASONS: Mapping[int, tuple[Reason, str]] = {
    400: ("bad_params", "{vendor} does not accept the request"),
    401: ("unavailable", "{vendor} does not accept the key; check {key}"),
    402: ("quota", "the account at {vendor} has no credit left; top it up"),
    403: ("unavailable", "{vendor} does not allow this with the key; check {key} and the account"),
    404: ("unavailable", "{vendor} does not know what was asked for; check the tool's settings"),
    408: ("timeout", "{vendor} took too long"),
    413: ("bad_params", "{vendor} finds the request too large"),
    422: ("bad_params", "{vendor} does not accept the parameters"),
    429: ("quota", "{vendor} allows no more calls for now"),
}
MOST_DETAIL = 300
"""Characters of the vendor's own words in a message."""

Form = TypeVar("Form", bound=BaseModel)


def read_settings(values: Mapping[str, Any], form: type[Form], tool: str) -> Form:
    """The settings of a context, in the tool's form. Raises ToolFailed, naming the wrong ones and what they may be.

    form: with `extra="forbid"`, so that a setting which does not exist is told. A ValueError of its validators is
    told in its own words.
    """
    try:
        return form.model_validate(dict(values))
    except ValidationError as error:
        wrong = "; ".join(_wrong(each, form) for each in error.errors(include_url=False))
        raise ToolFailed(f"[tools.{tool}] {wrong}", "unavailable", usd=0.0) from None


def _wrong(error: Any, form: type[BaseModel]) -> str:
    name = ".".join(map(str, error["loc"]))
    words = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        words = f"no such setting; there are {', '.join(form.model_fields)}"
    return f"{name}: {words}" if name else words


def secret_of(context: ToolContext, name: str, where: str) -> str:
    """A secret that the spec `needs`, without the white space around it. Raises ToolFailed if it is no good.

    name: of the environment variable. where: the address where people get one. A vendor's SDK should never see an
    empty key: many then look into the environment, or go on without one.
    """
    secret = context.secrets.get(name, "").strip()
    if not secret:
        raise ToolFailed(f"{name} is not set; get one at {where}", "unavailable", usd=0.0)
    if not (secret.isascii() and secret.isprintable()):
        words = f"{name} has characters that no key has; copy it again from {where}"
        raise ToolFailed(words, "unavailable", usd=0.0)
    return secret


def status_failure(
    vendor: str, status: int, detail: str = "", *, key: str = "", retry_after: float | None = None
) -> ToolFailed:
    """The failure that an HTTP status of 400 or above means, to be raised.

    vendor: its name, for people. detail: the vendor's own words, if it has any. key: the name of the secret.
    retry_after: what `retry_after` read from the answer's headers, in seconds. A refused request costs nothing; what
    a server that failed (5xx) has charged is unknown.
    """
    reason, words = _REASONS.get(status, ("unreachable", "{vendor} is out of order"))
    if 400 <= status < 500 and status not in _REASONS:
        reason, words = "unavailable", "{vendor} refuses the request"
    message = f"{words.format(vendor=vendor, key=key or 'it')} (HTTP {status})"
    if said := " ".join(detail.split())[:MOST_DETAIL]:
        message = f"{message}: {said}"
    return ToolFailed(
        message, reason, retry_after=retry_after, usd=0.0 if 400 <= status < 500 else None
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a `Retry-After` header, in either of its forms (RFC 9110, 10.2.3); None without one.

    Behind a LiteLLM proxy the vendor's own goes by another name.
    """
    named = {name.lower(): value for name, value in headers.items()}
    value = (named.get("retry-after") or named.get("llm_provider-retry-after") or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return max(seconds, 0.0) if seconds < 1e9 else None
