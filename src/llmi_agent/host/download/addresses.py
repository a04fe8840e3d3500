"""Which addresses are asked for pictures: read strictly, looked up once, connected to only if they are public."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network

import httpcore
import httpx

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract.tool import ToolFailed

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""From a host's name to its addresses, as text. Raises OSError if there are none."""

MOST_ADDRESSES = 4
"""Addresses of one host that are tried, one after the other."""
LOOKUP_SECONDS = 5.0
MOST_URL = 8192
"""Characters."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

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
class Target:
    """An address that was read, and found to be of an acceptable form."""

    url: httpx.URL
    host: str
    """A name in lower-case ASCII, or an IP address in its canonical form."""
    port: int
    """The scheme's own if none is given; 0 for a scheme without one."""


def read_address(text: str, base: httpx.URL | None = None) -> Target:
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
    return Target(url, _canonical(url.raw_host.decode("ascii")), port)


def _canonical(host: str) -> str:
    if _NAME.fullmatch(host) and len(host) <= 253:
        return host
    try:
        return str(ip_address(host))
    except ValueError:
        raise ValueError("its host is neither a name nor a plainly written IP address") from None


def place(entry: str) -> tuple[str, int | None]:
    """An entry of the allow-list, read by the same rules as an address."""
    try:
        read = read_address(f"any://{entry}")
        if read.url.raw_path not in (b"", b"/") or read.url.fragment:
            raise ValueError("it is more than a host and a port")
    except ValueError as error:
        raise ConfigError(
            f"download_allow: {entry!r} cannot be used: {error}; write host or host:port, "
            "such as pictures.example, 127.0.0.1:8000 or [::1]:8000"
        ) from None
    return read.host, read.url.port


class Guard(httpcore.AsyncNetworkBackend):
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
