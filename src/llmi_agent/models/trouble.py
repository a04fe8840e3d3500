"""What went wrong with a model's call, whichever client library raised it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llmi_agent.base.errors import LlmiError
from llmi_agent.contract.policy import PolicyAgain, PolicyFailed
from llmi_agent.contract.vendor import retry_after

_MEANINGS = {
    401: "its key is not accepted",
    402: "the account has no credit left",
    403: "its key does not allow this",
    404: "it is not known there",
    429: "no more calls are allowed for now",
}
"""What a status means to a user."""
_HOPELESS = (401, 402, 403, 404)
MOST_WAIT = 60.0
"""Seconds that a vendor may ask to wait; for longer, the next model is asked instead."""
_PAYMENT = ("insufficient_quota", "exceeded your current quota", "billing", "credit balance")
"""Words by which vendors say in a 429 that waiting will not help."""

_LITELLM = re.compile(r"^litellm\.\w+: (?:\w+: )?(?:\w+ - )?")
"""What litellm puts before a vendor's words."""


@dataclass(frozen=True)
class Trouble:
    """A failed call of a model."""

    words: str
    """The error in one line."""
    transient: bool
    """The same request may work in a moment."""
    wait: float | None = None
    """Seconds that the vendor asks to wait."""
    turned_away: bool = False
    """The vendor answered with a status of 4xx, and charges nothing."""
    hopeless: bool = False
    """No other request will work either."""

    def pause(self, base: float, attempt: int) -> float | None:
        """Seconds before the next attempt, doubled each time and with jitter; None: not again."""
        if not self.transient or (self.wait or 0.0) > MOST_WAIT:
            return None
        backoff: float = base * 2**attempt * random.uniform(0.5, 1.0)
        return max(backoff, self.wait or 0.0)


def trouble_of(error: BaseException) -> Trouble:
    """By the HTTP status where the error or one of its causes carries one, else by being of the network."""
    causes = list(_causes(error))
    status = next((s for each in causes if (s := _status(each))), None)
    cut = any(type(each).__name__ == "MidStreamFallbackError" for each in causes)
    words = _broken_off(causes) if cut else _words(error)
    if status is None or cut:
        return Trouble(words, transient=cut or any(map(_of_the_network, causes)))
    payment = any(word in words.lower() for word in _PAYMENT)
    transient = status in (408, 409, 425, 429) or status >= 500
    wait = next((w for each in causes if (w := _wait(each)) is not None), None)
    if status in _MEANINGS:
        words = (
            f"{_MEANINGS[status]} (HTTP {status}): {_LITELLM.sub('', ' '.join(str(error).split()))}"
        )
    if wait and wait > MOST_WAIT:
        words = f"{words} (it asks to wait {wait:.0f} s)"
    hopeless = payment or status in _HOPELESS
    turned_away = 400 <= status < 500
    return Trouble(words, transient and not payment, wait, turned_away, hopeless)


def _words(error: BaseException) -> str:
    if isinstance(error, LlmiError | PolicyAgain | PolicyFailed):
        return str(error)
    said = _LITELLM.sub("", " ".join(str(error).split()))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _broken_off(causes: Sequence[BaseException]) -> str:
    """With the vendor's own words, which the client library has put the furthest down."""
    said = " ".join(str(causes[-1]).split()) if len(causes) > 1 else ""
    return f"the answer broke off: {said}" if said else "the answer broke off in the middle"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, nearest first."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for value in (getattr(error, "status_code", None), getattr(response, "status_code", None)):
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _wait(error: BaseException) -> float | None:
    response = getattr(error, "response", None)
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(response, "headers", None),
    ):
        if isinstance(headers, Mapping) and (seconds := retry_after(headers)) is not None:
            return seconds
    return None


def _of_the_network(error: BaseException) -> bool:
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    # Of httpx or of httpx2, whichever a vendor's client stands on: neither is imported for this.
    return any(each.__name__ == "TransportError" for each in type(error).__mro__)
