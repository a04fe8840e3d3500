"""Replicate over its SDK: predictions, the account, and what their failures mean.

https://replicate.com/docs/reference/http
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from llmi_agent.contract import ToolFailed, retry_after, status_failure
from llmi_replicate.plugin import KEY

if TYPE_CHECKING:
    from replicate.client import Client

HELD = 1
"""Seconds that the answer to a new prediction is held back for its result, which spares the quickest models a poll.

No more, because until then nobody knows the prediction's id: it could be neither cancelled nor picked up again.
"""
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds. A server that is silent for so long has failed."""
SHORTEST_LIFE = 5.0
"""Seconds; Replicate's least for `Cancel-After`."""
_ENDED = ("succeeded", "failed", "canceled", "aborted")
"""Any other status is taken for one under way, also those that are not known."""


def _as_text(error: Any) -> str:
    return error if isinstance(error, str) else json.dumps(error) if error else ""


class Prediction(BaseModel):
    """One run of a model, as far as it has come."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[\w-]+$")]
    status: str
    output: Any = None
    error: Annotated[str, BeforeValidator(_as_text)] = ""

    @property
    def ended(self) -> bool:
        """Nothing more will happen, and nothing more will be charged."""
        return self.status in _ENDED


class NotFound(ToolFailed):
    """There is nothing at this address of the API, or not any more."""


class Account(BaseModel):
    """Whose token it is."""

    type: str
    username: str


_Form = TypeVar("_Form", Prediction, Account)


class Replicate:
    """A connection to the API with one token."""

    def __init__(self, sdk: Client, judge: _Judge) -> None:
        self._sdk = sdk
        self._judge = judge

    async def create(self, model: str, inputs: Mapping[str, Any]) -> Prediction:
        """Start a prediction of `owner/name` or `owner/name:version`. Raises ToolFailed, which names the model."""
        name, _, version = model.partition(":")
        try:
            if version:
                asked = self._sdk.predictions.async_create(
                    version=version, input=dict(inputs), wait=HELD
                )
            else:
                asked = self._sdk.models.predictions.async_create(name, dict(inputs), wait=HELD)
            return await self._answer(asked, Prediction)
        except NotFound as failed:
            hint = (
                "" if version else ", which needs a version, as owner/name:version, unless official"
            )
            words = f"{failed}; the model is {model}{hint}"
            raise NotFound(words, failed.reason, usd=failed.usd) from None

    async def get(self, prediction: str) -> Prediction:
        """How far the prediction with this id has come. Raises ToolFailed; NotFound if there is none."""
        return await self._answer(self._sdk.predictions.async_get(prediction), Prediction)

    async def cancel(self, prediction: str) -> None:
        """End the prediction with this id, and what it costs. Raises ToolFailed."""
        await self._answer(self._sdk.predictions.async_cancel(prediction), Prediction)

    async def account(self) -> str:
        """Whose token it is. Raises ToolFailed."""
        found = await self._answer(self._sdk.accounts.async_current(), Account)
        return f"{found.type} {found.username}"

    async def _answer(self, asked: Awaitable[object], form: type[_Form]) -> _Form:
        """What Replicate says to a request.

        It is read here and not by the SDK, which refuses a prediction whose status is new to it, such as "aborted", and
        so loses its id, although it is there and runs up a bill.
        """
        with _failures_said(), suppress(ValueError, TypeError):
            await asked
        try:
            return form.model_validate_json(self._judge.body)
        except ValidationError as error:
            words = "Replicate's answer cannot be read: it has not the documented form"
            raise ToolFailed(words, "bad_output") from error


@asynccontextmanager
async def connected(key: str, base: str, seconds: float = math.inf) -> AsyncIterator[Replicate]:
    """A connection to the API at `base` with `key`, which must not be empty: the SDK would look for another.

    seconds: how long a prediction may live. Replicate itself ends it then, whatever has become of us or of its id
    (https://replicate.com/changelog/2025-10-16-prediction-deadlines).
    Raises ToolFailed (unavailable) where the SDK does not work.
    """
    life = math.ceil(max(seconds, SHORTEST_LIFE)) if math.isfinite(seconds) else None
    async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as http:
        judge = _Judge(http, {"Cancel-After": f"{life}s"} if life else {})
        yield Replicate(_client(key, base, judge), judge)


def load_sdk() -> type[Client]:
    """Import the SDK. Raises ToolFailed (unavailable) if that goes wrong."""
    try:
        from replicate.client import Client
    except Exception as error:
        raise _broken(error) from error
    return Client


def _client(key: str, base: str, transport: httpx.AsyncBaseTransport) -> Client:
    make = load_sdk()
    try:
        return make(key, base_url=base, transport=transport)
    except ValueError as error:  # from a REPLICATE_POLL_INTERVAL that is no number
        raise _broken(error) from error


def _broken(error: Exception) -> ToolFailed:
    python = ".".join(map(str, sys.version_info[:2]))
    return ToolFailed(
        f"the package replicate does not work here, on Python {python} ({type(error).__name__}: {error}); install "
        "it again with pip install 'replicate>=1.0.7,<2', use an older Python, or bind another tool",
        "unavailable",
        usd=0.0,
    )


class _Judge(httpx.AsyncBaseTransport):
    """Raises ToolFailed for an answer that is none.

    It sits below the SDK, because the SDK repeats requests by itself, up to ten times, and its exceptions lack
    Retry-After. The SDK's time limits are replaced as well: half a second more than it asks the server to hold an
    answer back is so little that a paid prediction could be lost from sight. A whole client is below, and no bare
    transport, so that `HTTPS_PROXY` is honoured.
    """

    def __init__(self, http: httpx.AsyncClient, on_creation: Mapping[str, str]) -> None:
        self._http = http
        self._on_creation = on_creation
        """Headers of requests that make a prediction: the SDK has no way to say them."""
        self.body = b""
        """Of the last answer, as it came."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.body = b""
        request.extensions = {**request.extensions, "timeout": _TIMEOUT.as_dict()}
        if request.method == "POST" and request.url.path.endswith("/predictions"):
            request.headers.update(self._on_creation)
        answer = await self._http.send(request)
        if not answer.is_success:
            raise _refusal(answer)
        self.body = answer.content
        return answer


def _refusal(answer: httpx.Response) -> ToolFailed:
    status = answer.status_code
    if answer.is_redirect:
        return ToolFailed(
            f"Replicate's address redirects elsewhere (HTTP {status}), which is not followed with the token; check the "
            "setting api_base",
            "unavailable",
            usd=0.0,
        )
    wait = retry_after(answer.headers)
    failed = status_failure("Replicate", status, _detail(answer), key=KEY, retry_after=wait)
    if status == httpx.codes.NOT_FOUND:
        return NotFound(str(failed), failed.reason, usd=failed.usd)
    return failed


def _detail(answer: httpx.Response) -> str:
    """Replicate's own words: the `detail` of a problem document (RFC 9457), else its `title`."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    said = (body.get("detail") or body.get("title") or "") if isinstance(body, dict) else ""
    return said if isinstance(said, str) else json.dumps(said)


@contextmanager
def _failures_said() -> Iterator[None]:
    """Turn what the SDK and httpx raise into ToolFailed. What was charged is known only if nobody was reached."""
    try:
        yield
    except httpx.ConnectError as error:
        raise ToolFailed(
            f"Replicate cannot be reached ({error}); check the network and the setting api_base",
            "unreachable",
            usd=0.0,
        ) from error
    except httpx.ConnectTimeout as error:
        raise ToolFailed("Replicate cannot be reached in time", "timeout", usd=0.0) from error
    except httpx.TimeoutException as error:
        raise ToolFailed("Replicate did not answer in time", "timeout") from error
    except httpx.TransportError as error:
        raise ToolFailed(f"the connection to Replicate broke: {error}", "unreachable") from error
    except httpx.DecodingError as error:
        raise ToolFailed(
            "Replicate's answer cannot be read: it is compressed wrongly", "bad_output"
        ) from error
