"""The one safe downloader: fetches pictures that somebody else has named.

An address may come from a model, a search engine or a hostile page, so nothing in it is believed. Every connection, also
the one after a redirect, is made by `_Guard`: it looks the name up once, refuses it unless all its addresses are
public, and connects to one of exactly these, so that a second look-up cannot lead elsewhere. The name stays in the
Host header and in the certificate's check. Nothing of the user's goes along: no cookie, key, proxy, or referrer.

It speaks httpcore rather than httpx, because httpcore has none of what would have to be switched off: it follows no
redirect, keeps no cookie, reads no environment and unpacks no compression.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import IPv4Address, ip_address, ip_network
from weakref import WeakKeyDictionary

import httpcore
import httpx

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract.tool import ToolFailed
from llmi_agent.contract.vendor import retry_after
from llmi_agent.store.intake import IntakeError, Limits, recognise

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""From a host's name to its addresses, as text. Raises OSError if there are none."""

PORTS = (80, 443, 8080, 8443)
"""Where pictures are served. Other ports of public hosts belong to databases and the like, which may trust the caller."""
MOST_REDIRECTS = 5
MOST_ADDRESSES = 4
"""Addresses of one host that are tried, one after the other."""
LOOKUP_SECONDS = 5.0
CONNECT_SECONDS = 5.0
"""For one address, and again for the TLS handshake."""
MOST_URL = 8192
"""Characters."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_MAGIC = 16
"""Bytes of a body that tell what it is."""

_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)")
_ODD = re.compile(r"[\\%\u3002\uff0e\uff61]")
"""In an authority, these make one address look like another: escapes, zone ids, and dots that are no dots."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}\.)*(?=[a-z]){_LABEL}")
"""The last label starts with a letter: else old resolvers read a number (`127.1`, `0x7f.1`)."""

_PRIVATE_V4 = [
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a provider's customers
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
_PUBLIC_V6 = ip_network("2000::/3")
_PRIVATE_V6 = [
    ip_network(each)
    for each in (
        "2001::/23",  # protocols, among them Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether `address` can be reached by everybody; what is no plain address is not.

    The ranges are IANA's special-purpose registries, written out because Python's own lists differ by version.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _PRIVATE_V4)
    if ip.scope_id is not None:
        return False
    if ip in _NAT64:  # how a network without IPv4 reaches the public IPv4 servers
        return is_public(str(IPv4Address(ip.packed[-4:])))
    return ip in _PUBLIC_V6 and not any(ip in network for network in _PRIVATE_V6)


async def look_up(host: str) -> Sequence[str]:
    """The addresses of `host` by the system's resolver.

    It runs in a thread of its own: a look-up cannot be cancelled, and one that hangs must neither take a thread from
    those who decode pictures nor keep the program from ending.
    """
    answer: Future[Sequence[str]] = Future()
    answer.set_running_or_notify_cancel()
    threading.Thread(target=_look_up, args=(host, answer), name="llmi-dns", daemon=True).start()
    return await asyncio.wrap_future(answer)


def _look_up(host: str, answer: Future[Sequence[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answer.set_exception(OSError(str(error)))
    else:
        answer.set_result([str(where[0]) for *_, where in found])


@dataclass(frozen=True)
class _Target:
    """An address that was read, and found to be of an acceptable form."""

    url: httpx.URL
    host: str
    """A name in lower-case ASCII, or an IP address in its canonical form."""
    port: int
    """The scheme's own if none is given; 0 for a scheme without one."""


def _read(text: str, base: httpx.URL | None = None) -> _Target:
    """`text` as an address, relative to `base` if there is one. Raises ValueError, saying what is wrong."""
    authority = _AUTHORITY.match(text)
    if len(text) > MOST_URL or (authority and _ODD.search(authority[1])):
        raise ValueError("it is too long or disguised")
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("it is not valid") from None
    if url.userinfo:
        raise ValueError("it holds a user name or password")
    port = _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port
    return _Target(url, _canonical(url.raw_host.decode("ascii")), port)


def _canonical(host: str) -> str:
    if _NAME.fullmatch(host) and len(host) <= 253:
        return host
    try:
        return str(ip_address(host))
    except ValueError:
        raise ValueError("its host is neither a name nor a plainly written IP address") from None


def _place(entry: str) -> tuple[str, int | None]:
    """An entry of the allow-list, read by the same rules as an address."""
    try:
        read = _read(f"any://{entry}")
        if read.url.raw_path not in (b"", b"/") or read.url.fragment:
            raise ValueError("it is more than a host and a port")
    except ValueError as error:
        raise ConfigError(
            f"download_allow: {entry!r} cannot be used: {error}; write host or host:port, "
            "such as pictures.example, 127.0.0.1:8000 or [::1]:8000"
        ) from None
    return read.host, read.url.port


class _Guard(httpcore.AsyncNetworkBackend):
    """Makes connections, and only to addresses that it has looked up and found to be public or allowed."""

    def __init__(
        self,
        allowed: Callable[[str, int], bool],
        resolve: Resolve,
        network: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._checked(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """All or none: a name that leads inside as well as outside is an attack or a mistake."""
        addresses = await self._addresses(host)
        if not self._allowed(host, port) and not all(map(is_public, addresses)):
            raise ToolFailed(
                f"{host} leads to a private address, and pictures come from public ones only; "
                "use another picture, or name the host in download_allow if it is yours",
                "refused",
            )
        return list(dict.fromkeys(addresses))[:MOST_ADDRESSES]

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                addresses = await self._resolve(host)
        except TimeoutError:
            raise ToolFailed(f"the name {host} cannot be looked up in time", "timeout") from None
        except OSError:
            addresses = ()
        if not addresses:
            raise ToolFailed(
                f"the host {host} cannot be found; check the network, or use another picture",
                "unreachable",
            )
        return addresses


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
    limits: a picture of more bytes is given up as soon as that is known.
    seconds: for one whole download, redirects included, but not for waiting until one of the `at_once` is free.
    at_once: how many downloads run side by side in one event loop.
    resolve, network, tls: what looks names up, opens sockets, and judges certificates; tests put theirs here.
    Raises ConfigError for an entry of `allow` that cannot be read.
    """

    def __init__(
        self,
        allow: Collection[str] = (),
        *,
        limits: Limits | None = None,
        seconds: float = 20.0,
        at_once: int = 8,
        resolve: Resolve = look_up,
        network: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = frozenset(map(_place, allow))
        self._most_bytes = (limits or Limits()).bytes
        self._seconds = seconds
        self._at_once = at_once
        self._guard = _Guard(self._allowed, resolve, network or httpcore.AnyIOBackend())
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
    async def _asked(self, target: _Target) -> AsyncIterator[httpcore.Response]:
        """The answer's head; its body can be read while the context lasts."""
        tls = self._tls if target.url.scheme == "https" else None
        async with (
            httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=self._guard) as pool,
            pool.stream(
                "GET", _wire(target), headers=_headers(target.url), extensions=_TIMEOUTS
            ) as answer,
        ):
            yield answer

    def _target(self, text: str, fetch: _Fetch, base: httpx.URL | None = None) -> _Target:
        """What to ask next, if it may be asked."""
        what = f"{fetch.host} redirects to an address that" if base else "the picture's address"
        try:
            target = _read(text, base)
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


def _wire(target: _Target) -> httpcore.URL:
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
