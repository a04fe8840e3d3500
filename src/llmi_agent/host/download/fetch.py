"""The one safe downloader: fetches pictures that somebody else has named.

An address may come from a model, a search engine or a hostile page, so nothing in it is believed. Every connection, also
the one after a redirect, is made by `Guard`: it looks the name up once, refuses it unless all its addresses are
public, and connects to one of exactly these, so that a second look-up cannot lead elsewhere. The name stays in the
Host header and in the certificate's check. Nothing of the user's goes along: no cookie, key, proxy, or referrer.

It speaks httpcore rather than httpx, because httpcore has none of what would have to be switched off: it follows no
redirect, keeps no cookie, reads no environment and unpacks no compression.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http import HTTPStatus
from importlib.metadata import version
from weakref import WeakKeyDictionary

import httpcore
import httpx

from llmi_agent.contract.tool import ToolFailed
from llmi_agent.contract.vendor import retry_after
from llmi_agent.host.download.addresses import Guard, Resolve, Target, look_up, place, read_address
from llmi_agent.store.intake import Caps, IntakeError, recognise

PORTS = (80, 443, 8080, 8443)
"""Where pictures are served. Other ports of public hosts belong to databases and the like, which may trust the caller."""
MOST_REDIRECTS = 5
CONNECT_SECONDS = 5.0
"""For one address, and again for the TLS handshake."""
_REDIRECTS = (301, 302, 303, 307, 308)
_MAGIC = 16
"""Bytes of a body that tell what it is."""


@dataclass
class _Fetch:
    """One download under way: where it began, and where it is."""

    hosts: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The host that is asked just now, in words."""
        first, last = self.hosts[0], self.hosts[-1]
        return last if first == last else f"{last} (where {first} redirects to)"


class Downloader:
    """Fetches pictures for tools (`ToolContext.download`). One object serves any number of event loops and threads.

    allow: hosts that may have private addresses, as "host" (then on the `PORTS`) or "host:port" (then on that one).
    caps: a picture of more bytes is given up as soon as that is known.
    seconds: for one whole download, redirects included, but not for waiting until one of the `at_once` is free.
    at_once: how many downloads run side by side in one event loop.
    resolve, network, tls: what looks names up, opens sockets, and judges certificates; tests put theirs here.
    Raises ConfigError for an entry of `allow` that cannot be read.
    """

    def __init__(
        self,
        allow: Collection[str] = (),
        *,
        caps: Caps | None = None,
        seconds: float = 20.0,
        at_once: int = 8,
        resolve: Resolve = look_up,
        network: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = frozenset(map(place, allow))
        self._most_bytes = (caps or Caps()).bytes
        self._seconds = seconds
        self._at_once = at_once
        self._guard = Guard(self._allowed, resolve, network or httpcore.AnyIOBackend())
        self._own_tls = tls
        self._permits: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    async def __call__(self, url: str) -> bytes:
        """The bytes of the picture at `url`, as they came: they still have to pass `intake.admit`.

        Raises ToolFailed, as `llmi_agent.contract.tool.Download` says. The message names the host, never the path or query.
        """
        fetch = _Fetch()
        async with self._permit():
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._follow(url, fetch)
            except TimeoutError:
                raise ToolFailed(
                    f"{fetch.host} takes longer than {self._seconds:g} s; use another picture",
                    "timeout",
                ) from None
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as e:
                raise _failure(fetch.host, e) from None

    async def _follow(self, url: str, fetch: _Fetch) -> bytes:
        target = self._target(url, fetch)
        while len(fetch.hosts) <= MOST_REDIRECTS:
            fetch.hosts.append(target.host)
            async with self._asked(target) as answer:
                if answer.status not in _REDIRECTS:
                    return await self._body(answer, fetch.host)
                target = self._target(_location(answer, fetch.host), fetch, target.url)
        raise ToolFailed(
            f"{fetch.hosts[0]} redirects more than {MOST_REDIRECTS} times; use another picture",
            "unreachable",
        )

    @asynccontextmanager
    async def _asked(self, target: Target) -> AsyncIterator[httpcore.Response]:
        """The answer's head; its body can be read while the context lasts."""
        tls = self._tls if target.url.scheme == "https" else None
        async with (
            httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=self._guard) as pool,
            pool.stream(
                "GET", _wire(target), headers=_headers(target.url), extensions=_TIMEOUTS
            ) as answer,
        ):
            yield answer

    def _target(self, text: str, fetch: _Fetch, base: httpx.URL | None = None) -> Target:
        """What to ask next, if it may be asked."""
        what = f"{fetch.host} redirects to an address that" if base else "the picture's address"
        try:
            target = read_address(text, base)
        except ValueError as error:
            raise ToolFailed(
                f"{what} cannot be used: {error}; use another picture", "refused"
            ) from None
        scheme = target.url.scheme
        if scheme not in ("http", "https"):
            raise ToolFailed(f"{what} is neither http nor https; use another picture", "refused")
        if base and base.scheme == "https" and scheme == "http":
            raise ToolFailed(f"{what} is no longer https; use another picture", "refused")
        if not (target.port in PORTS or self._allowed(target.host, target.port)):
            raise ToolFailed(
                f"{what} has port {target.port} of {target.host}; pictures come from ports "
                f"{', '.join(map(str, PORTS))}, or from host:port in download_allow",
                "refused",
            )
        return target

    async def _body(self, answer: httpcore.Response, host: str) -> bytes:
        """The body of a final answer; given up as soon as it is clear that it is no picture, or too large."""
        headers = _named(answer.headers)
        if answer.status not in (200, 203):
            raise _status_failure(host, answer.status, headers)
        if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise ToolFailed(
                f"{host} sends the picture compressed, unasked; use another picture", "bad_output"
            )
        if int(headers.get("content-length", 0)) > self._most_bytes:
            raise self._too_large(host)
        body = bytearray()
        async for piece in answer.aiter_stream():
            fresh = len(body) < _MAGIC
            body += piece
            if len(body) > self._most_bytes:
                raise self._too_large(host)
            if fresh and len(body) >= _MAGIC:
                _check_kind(body, host)
            await asyncio.sleep(0)  # thousands of tiny chunks must not keep others waiting
        _check_kind(body, host)
        return bytes(body)

    def _too_large(self, host: str) -> ToolFailed:
        return ToolFailed(
            f"{host} sends more than {self._most_bytes:,} bytes, the most that are taken; "
            "use a smaller picture",
            "bad_output",
        )

    def _allowed(self, host: str, port: int) -> bool:
        return (host, port) in self._allow or ((host, None) in self._allow and port in PORTS)

    def _permit(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._permits:
                self._permits[loop] = asyncio.Semaphore(self._at_once)
            return self._permits[loop]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once, since reading the certificates takes longer than a connection."""
        return self._own_tls or httpcore.default_ssl_context()


_TIMEOUTS = {"timeout": {"connect": CONNECT_SECONDS}}


@cache
def _user_agent() -> str:
    return f"llmi-agent/{version('llmi-agent')} (+https://arxiv.org/abs/2509.13642)"


def _headers(url: httpx.URL) -> Sequence[tuple[str, str]]:
    return (
        ("Host", url.netloc.decode("ascii")),
        ("User-Agent", _user_agent()),
        ("Accept", "image/png,image/jpeg,image/webp,image/gif,image/bmp,image/tiff,*/*;q=0.1"),
        ("Accept-Encoding", "identity"),
    )


def _wire(target: Target) -> httpcore.URL:
    """The very parts that were checked: nothing reads the text again."""
    url = target.url
    return httpcore.URL(
        scheme=url.raw_scheme, host=target.host, port=target.port, target=url.raw_path
    )


def _named(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _location(answer: httpcore.Response, host: str) -> str:
    for name, value in answer.headers:
        if name.lower() == b"location" and value:
            return value.decode("utf-8", "replace")
    raise ToolFailed(
        f"{host} redirects without saying where to; use another picture", "unreachable"
    )


def _check_kind(head: bytes | bytearray, host: str) -> None:
    try:
        recognise(bytes(head[:512]))
    except IntakeError as error:
        raise ToolFailed(f"{host} sends no usable picture: {error}", "bad_output") from None


def _status_failure(host: str, status: int, headers: Mapping[str, str]) -> ToolFailed:
    try:
        words = f"HTTP {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        words = f"HTTP {status}"
    wait = retry_after(headers) if status in (429, 503) else None
    return ToolFailed(
        f"{host} answers with {words} instead of a picture; use another one",
        "unreachable",
        retry_after=wait,
    )


def _failure(host: str, error: Exception) -> ToolFailed:
    """What went wrong on the wire, in words."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ToolFailed(
            f"the certificate of {host} is not trusted ({cause.verify_message}); use another picture",
            "unreachable",
        )
    if isinstance(cause, ssl.SSLError):
        return ToolFailed(f"{host} does not speak proper TLS; use another picture", "unreachable")
    match error:
        case httpcore.TimeoutException():
            return ToolFailed(f"{host} does not answer in time; use another picture", "timeout")
        case httpcore.ConnectError():
            words = "cannot be connected to"
        case httpcore.NetworkError():
            words = "drops the connection"
        case _:
            words = "breaks off its answer, or does not speak proper HTTP"
    return ToolFailed(f"{host} {words}; try later, or use another picture", "unreachable")
