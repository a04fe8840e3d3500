"""The downloader against hostile addresses, names, redirects, answers and pictures, over real sockets."""

# ruff: noqa: RUF001 - look-alike letters are what is tested

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import httpcore
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract.tool import ToolFailed
from llmi_agent.host.download import PORTS, Downloader, is_public, look_up
from llmi_agent.store.intake import Caps, IntakeError, admit
from llmi_agent.testing import Cut, Hang, Mime, Reply, Seen, Server, Slow, random_png, redirect

PNG = random_png()
SECRET = "token=hush"
PUBLIC = "93.184.215.14"
OK = b"HTTP/1.1 200 OK\r\n"


class Pictures(Server):
    """Has a picture at every path, until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}

    def answer(self, request: Seen) -> Reply:
        return self.replies.get(request.path, Reply(body=PNG, media_type="image/png"))


class Names:
    """A resolver that answers by a script: each look-up of a name takes the next answer, the last one for ever."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self.names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError("no such host")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Detour(httpcore.AnyIOBackend):
    """A network in which every address is this server, except those that are down. Remembers what was connected to."""

    def __init__(self, server: str = "127.0.0.1:9", down: Iterable[str] = ()) -> None:
        self.to = int(server.partition(":")[2])
        self.down = set(down)
        self.connected: list[tuple[str, int]] = []

    async def connect_tcp(
        self, host: str, port: int, *args: object, **kwargs: object
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        if host in self.down:
            raise httpcore.ConnectError("down")
        return await super().connect_tcp("127.0.0.1", self.to)


@pytest.fixture
def server() -> Iterable[Pictures]:
    with Pictures() as running:
        yield running


async def failure(download: Downloader, url: str) -> ToolFailed:
    with pytest.raises(ToolFailed) as caught:
        await download(url)
    assert SECRET not in str(caught.value)
    assert "HTTP/1" not in str(caught.value)
    return caught.value


# Addresses


@pytest.mark.parametrize(
    "address",
    """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1
    198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1
    64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:53aa:64c:0:fbff:80ff:fffe 2001:db8::1
    2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1
    fe80::1%eth0 2606:4700::1111%1 fec0::1 ff02::1 ff0e::1 localhost 127.1
    """.split(),
)
def test_an_address_that_is_not_everybodys_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"],
)
def test_an_address_that_is_everybodys_is_public(address: str) -> None:
    assert is_public(address)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_public_that_python_knows_to_be_special(ip: IPv4Address | IPv6Address) -> None:
    if is_public(str(ip)) and ip not in ip_network("64:ff9b::/96"):
        assert ip.is_global
        assert not ip.is_private
        assert not ip.is_multicast


HOSTS = """
    127.0.0.1 0.0.0.0 10.1.2.3 100.64.1.1 169.254.169.254 192.168.0.1 255.255.255.255
    [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1] [64:ff9b::7f00:1] [2002:7f00:1::]
    [2001:0:53aa:64c:0:fbff:80ff:fffe] [fd00:ec2::254] [fe80::1] [fe80::1%25lo] [::1%lo] [ff02::1] [::127.0.0.1]
    2130706433 0x7f000001 0x7f.1 0x7f.0.0.1 017700000001 0177.0.0.1 127.0.0.01 127.1 127.0.1 0 1.2.3.4.5 256.256.256.256
    127.0.0.1. localhost. 8.8.8.8. 127.0.0.0x1
    １２７.0.0.1 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.0.0.1 8。8。8。8 ｌｏｃａｌｈｏｓｔ ℓocalhost 127.0.0.1\u200b
    loc\u00adalhost 127%2e0.0.1 %31%32%37.0.0.1 [127.0.0.1] [::1 ::1] a..example .example -a.example
    """.split()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", HOSTS)
async def test_a_private_or_disguised_host_is_refused_before_any_look_up(
    host: str, scheme: str
) -> None:
    names, network = Names(), Detour()
    download = Downloader(resolve=names, network=network)
    assert (await failure(download, f"{scheme}://{host}/a.png?{SECRET}")).reason == "refused"
    assert (names.asked, network.connected) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.png",
        "//pictures.example/a.png",
        "file:///etc/passwd",
        "ftp://pictures.example/a.png",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "http:/pictures.example",
        "http:pictures.example",
        "http:///a.png",
        "http://",
        "http:\\\\pictures.example\\a.png",
        "http://pictures.example\\@127.0.0.1/",
        f"http://user:{SECRET}@pictures.example/",
        f"http://{SECRET}@pictures.example/",
        "http://pictures.example:22/",
        "http://pictures.example:0/",
        "http://pictures.example:-1/",
        "http://pictures.example:99999/",
        "http://pictures.example:80:80/",
        "http://pictures.example:６６/",
        "http://pictures.example/\r\nX-Injected: 1",
        "http://pictures.example\n.evil.example/",
        "http://pictures.example\t/",
        " http://pictures.example/",
        "http://" + "a." * 130 + "example/",
        "http://" + "a" * 64 + ".example/",
        "http://pictures.example/" + "a" * 9000,
        "http://\ud800.example/",
    ],
)
async def test_an_address_of_another_form_is_refused(url: str) -> None:
    names, network = Names(pictures_example=[[PUBLIC]]), Detour()
    download = Downloader(resolve=names, network=network)
    assert (await failure(download, url)).reason == "refused"
    assert (names.asked, network.connected) == ([], [])


async def test_localhost_is_refused_by_what_it_resolves_to() -> None:
    network = Detour()
    failed = await failure(Downloader(network=network), "http://localhost/")
    assert (failed.reason, network.connected) == ("refused", [])


@pytest.mark.parametrize(
    "addresses",
    [["10.1.2.3"], ["::1"], ["64:ff9b::a01:203"], [PUBLIC, "10.1.2.3"], ["fe80::1%eth0", PUBLIC]],
)
async def test_a_name_that_leads_inside_is_refused_without_saying_where(
    addresses: list[str],
) -> None:
    network = Detour()
    download = Downloader(resolve=Names(inside_example=[addresses]), network=network)
    failed = await failure(download, f"https://inside.example/a?{SECRET}")
    assert failed.reason == "refused"
    assert "inside.example leads to a private address" in str(failed)
    assert not any(address in str(failed) for address in addresses)
    assert network.connected == []


async def test_a_name_is_looked_up_once_and_connected_to_where_it_was_checked(
    server: Pictures,
) -> None:
    names = Names(rebind_example=[[PUBLIC], ["127.0.0.1"]])
    network = Detour(server.host)
    download = Downloader(resolve=names, network=network)
    assert await download("http://rebind.example/a.png") == PNG
    assert names.asked == ["rebind.example"]
    assert network.connected == [(PUBLIC, 80)]
    assert server.seen[0].headers["host"] == "rebind.example"
    failed = await failure(download, "http://rebind.example/a.png")
    assert (failed.reason, len(network.connected)) == ("refused", 1)


async def test_a_redirect_is_looked_up_and_checked_again(server: Pictures) -> None:
    server.replies["/a"] = redirect("http://rebind.example/b")
    names = Names(rebind_example=[[PUBLIC], ["127.0.0.1"]], other_example=[[PUBLIC]])
    server.replies["/a"] = redirect("http://other.example/b")
    server.replies["/b"] = redirect("http://rebind.example/c")
    network = Detour(server.host)
    failed = await failure(Downloader(resolve=names, network=network), "http://rebind.example/a")
    assert failed.reason == "refused"
    assert server.paths() == ["/a", "/b"]


async def test_the_next_address_of_a_host_is_tried(server: Pictures) -> None:
    names = Names(two_example=[["2606:4700::1", PUBLIC, PUBLIC]])
    network = Detour(server.host, down=["2606:4700::1"])
    download = Downloader(resolve=names, network=network)
    assert await download("http://two.example:8080/") == PNG
    assert network.connected == [("2606:4700::1", 8080), (PUBLIC, 8080)]
    network.down.add(PUBLIC)
    failed = await failure(download, "http://two.example/")
    assert failed.reason == "unreachable"
    assert "two.example cannot be connected to" in str(failed)


async def test_an_unknown_name_is_unreachable() -> None:
    failed = await failure(Downloader(resolve=Names()), "http://nowhere.example/")
    assert failed.reason == "unreachable"
    assert "the host nowhere.example cannot be found" in str(failed)


@given(
    st.sampled_from(["", "http://", "https://", "//", "http://[", "http://h:"]),
    st.text() | st.text("a.:/@%[]0x7\\\u3002", max_size=20),
)
def test_whatever_the_address_is_it_fails_as_the_contract_says(start: str, rest: str) -> None:
    with pytest.raises(ToolFailed):
        asyncio.run(Downloader(resolve=Names(), network=Detour())(start + rest))


async def test_the_system_resolver_answers_and_fails_as_data() -> None:
    assert "127.0.0.1" in await look_up("localhost")
    with pytest.raises(OSError, match=r"."):
        await look_up("nowhere.invalid")


async def test_a_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr("llmi_agent.host.download.addresses.LOOKUP_SECONDS", 0.1)
    failed = await failure(Downloader(), "http://slow.example/")
    release.set()
    assert (failed.reason, str(failed)) == (
        "timeout",
        "the name slow.example cannot be looked up in time",
    )


# The allow-list


async def test_an_allowed_host_and_port_is_reached_and_no_other(server: Pictures) -> None:
    with Pictures() as other:
        download = Downloader([server.host])
        assert await download(f"{server.url}/a.png") == PNG
        port = server.host.partition(":")[2]
        server.replies["/r"] = redirect(f"{other.url}/a.png")
        for url in (
            f"{other.url}/a.png",
            f"{server.url}/r",
            f"http://localhost:{port}/",
            f"http://[::1]:{port}/",
            "http://127.0.0.1/",
            f"http://127.0.0.2:{port}/",
        ):
            assert (await failure(download, url)).reason == "refused"
        assert other.seen == []
        assert server.paths() == ["/a.png", "/r"]


async def test_a_name_that_resolves_to_an_allowed_address_is_not_allowed_by_that(
    server: Pictures,
) -> None:
    port = server.host.partition(":")[2]
    download = Downloader(["127.0.0.1", server.host], resolve=Names(evil_example=[["127.0.0.1"]]))
    for url in ("http://evil.example/", f"http://evil.example:{port}/"):
        assert (await failure(download, url)).reason == "refused"
    assert server.seen == []


async def test_a_host_without_a_port_is_allowed_on_the_usual_ports(server: Pictures) -> None:
    network = Detour(server.host)
    download = Downloader(["My.Home.example", "[::1]"], resolve=Names(my_home_example=[["10.0.0.1"]]), network=network)  # fmt: skip
    for port in PORTS:
        assert await download(f"http://my.home.example:{port}/") == PNG
    assert await download("http://[::1]/") == PNG
    assert network.connected[-1] == ("::1", 80)
    assert server.seen[-1].headers["host"] == "[::1]"
    assert (await failure(download, "http://my.home.example:9999/")).reason == "refused"


@pytest.mark.parametrize(
    "entry",
    ["", "http://h/", "h/path", "user@h", "127.1", "h:port", "::1", "a b", "127.0.0.1.", "h?x"],
)
def test_an_entry_that_cannot_be_read_is_an_error(entry: str) -> None:
    with pytest.raises(ConfigError, match="download_allow"):
        Downloader([entry])


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["{url}/p.png", "/p.png", "p.png", "//{host}/p.png", "?x=1", "#f"])
async def test_redirects_are_followed(server: Pictures, status: int, to: str) -> None:
    server.fault(redirect(to.format(url=server.url, host=server.host), status), path="/a")
    assert await Downloader([server.host])(f"{server.url}/a") == PNG
    assert "referer" not in server.seen[1].headers


@pytest.mark.parametrize(
    "to",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "http://127.0.0.1/",
        "http://127.0.0.1:1/",
        "//127.0.0.1:1/",
        "//localhost:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2130706433/",
        "https://2130706433/",
        "http://user:pass@127.0.0.1/",
        "http://127。0。0。1/",
        "http://pictures.example:25/",
        "http://localhost/",
        f"http://10.0.0.1/?{SECRET}",
    ],
)
async def test_redirects_elsewhere_are_refused(server: Pictures, to: str) -> None:
    server.replies["/a"] = redirect(to)
    failed = await failure(Downloader([server.host]), f"{server.url}/a?{SECRET}")
    assert (failed.reason, server.paths()) == ("refused", ["/a"])


async def test_redirects_must_end_and_say_where(server: Pictures) -> None:
    server.replies |= {"/loop": redirect("/loop"), "/lost": Reply(302), "/none": redirect("")}
    download = Downloader([server.host])
    failed = await failure(download, f"{server.url}/loop")
    assert (failed.reason, len(server.seen)) == ("unreachable", 6)
    assert "more than 5 times" in str(failed)
    assert "without saying where" in str(await failure(download, f"{server.url}/lost"))
    assert "without saying where" in str(await failure(download, f"{server.url}/none"))


async def test_five_redirects_are_not_too_many(server: Pictures) -> None:
    server.fault(*(redirect(f"/{n}") for n in range(5)))
    assert await Downloader([server.host])(f"{server.url}/a") == PNG


# What is sent


async def test_nothing_of_the_users_is_sent(
    server: Pictures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://canary:canary@127.0.0.1:9")
    server.fault(
        Reply(302, headers={"Location": "/b", "Set-Cookie": "canary=1; Path=/"}), path="/a"
    )
    await Downloader([server.host])(f"{server.url}/a#canary")
    for request in server.seen:
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert "canary" not in str(request)
    sent = server.seen[1].headers
    assert sent["user-agent"].startswith("llmi-agent/")
    assert sent["accept-encoding"] == "identity"


async def test_letters_beyond_ascii_are_escaped(server: Pictures) -> None:
    names = Names(**{"xn--mnchen-3ya_example": [[PUBLIC]]})
    download = Downloader(resolve=names, network=Detour(server.host))
    assert await download("http://MÜNCHEN.example/ü b。png?q=ä%20") == PNG
    assert names.asked == ["xn--mnchen-3ya.example"]
    assert (server.seen[0].path, server.seen[0].args) == ("/ü b。png", {"q": "ä "})


# Answers


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(handler: Handler) -> AsyncIterator[str]:
    """A server that reads a request and then does whatever `handler` does; gives its host:port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "127.0.0.1:%d" % listening.sockets[0].getsockname()[1]  # noqa: UP031
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def saying(*pieces: bytes, pause: float = 0.0, forever: bytes = b"") -> Handler:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(pause)

    return handler


def body(data: bytes, *headers: str) -> bytes:
    lines = "".join(f"{each}\r\n" for each in (f"Content-Length: {len(data)}", *headers))
    return OK + lines.encode() + b"\r\n" + data


async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = b"\0" * (1 << 20)
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
AVIF = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B"
GZIPPED = gzip.compress(MIB * 100)

HOSTILE: dict[str, tuple[Handler, str, str]] = {
    "closes at once": (saying(), "unreachable", "HTTP"),
    "resets": (reset, "unreachable", "drops the connection"),
    "says nothing": (silence, "timeout", "takes longer"),
    "no HTTP": (saying(b"\0\xff\xfe SSH-2.0-OpenSSH\r\n\r\n"), "unreachable", "proper HTTP"),
    "a picture without headers": (saying(PNG), "unreachable", "proper HTTP"),
    "a header without a colon": (saying(OK + b"garbage\r\n\r\n"), "unreachable", "proper HTTP"),
    "a header with a NUL": (saying(OK + b"X: \0\r\n\r\n"), "unreachable", "proper HTTP"),
    "a huge header": (saying(OK + b"X: " + b"a" * 300_000), "unreachable", "proper HTTP"),
    "endless headers": (saying(OK, forever=b"X: y\r\n" * 999), "unreachable", "proper HTTP"),
    "endless interim answers": (
        saying(forever=b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
        "timeout",
        "takes longer",
    ),
    "slow headers": (saying(OK, pause=0.05, forever=b"X"), "timeout", "takes longer"),
    "another protocol": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "unreachable",
        "proper HTTP",
    ),
    "an unknown status": (saying(b"HTTP/1.1 799 X\r\n\r\n"), "unreachable", "HTTP 799 instead"),
    "10 GB announced": (
        saying(OK + b"Content-Length: 10000000000\r\n\r\n", PNG, pause=9),
        "bad_output",
        "more than",
    ),
    "a length of 5000 digits": (
        saying(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
        "unreachable",
        "proper HTTP",
    ),
    "a negative length": (
        saying(OK + b"Content-Length: -1\r\n\r\n" + PNG),
        "unreachable",
        "proper HTTP",
    ),
    "two lengths": (saying(body(PNG, "Content-Length: 7")), "unreachable", "proper HTTP"),
    "half a chunk": (saying(CHUNKED, b"99\r\nx"), "unreachable", "breaks off"),
    "endless chunks": (
        saying(CHUNKED + b"%x\r\n%b\r\n" % (len(PNG), PNG), forever=b"100000\r\n" + MIB + b"\r\n"),
        "bad_output",
        "more than 4,194,304 bytes",
    ),
    "no length, no end": (saying(OK + b"\r\n" + PNG, forever=MIB), "bad_output", "more than"),
    "a slow body": (
        saying(OK + b"Content-Length: 99999\r\n\r\n" + PNG[:32], pause=0.05, forever=b"\0"),
        "timeout",
        "takes longer",
    ),
    "a body cut short": (
        saying(OK + b"Content-Length: 99999\r\n\r\n" + PNG),
        "unreachable",
        "breaks off",
    ),
    "a bad chunk": (saying(CHUNKED + b"zz\r\n"), "unreachable", "proper HTTP"),
    "a chunk of 2^80 bytes": (saying(CHUNKED + b"f" * 21 + b"\r\n"), "unreachable", "proper HTTP"),
    "an endless chunk header": (saying(CHUNKED, forever=b"1" * 999), "unreachable", "proper HTTP"),
    "a gzip bomb": (saying(body(GZIPPED, "Content-Encoding: gzip")), "bad_output", "compressed"),
    "a gzip bomb, hidden": (saying(body(GZIPPED)), "bad_output", "not a picture"),
    "brotli": (saying(body(PNG, "Content-Encoding: br")), "bad_output", "compressed"),
    "compressed twice": (
        saying(body(PNG, "Content-Encoding: identity, gzip")),
        "bad_output",
        "compressed",
    ),
    "a compressed transfer": (
        saying(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
        "unreachable",
        "proper HTTP",
    ),
    "an empty body": (saying(body(b"")), "bad_output", "0 bytes"),
    "no content": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), "unreachable", "HTTP 204"),
    "a part": (saying(b"HTTP/1.1 206 Partial\r\n\r\n" + PNG), "unreachable", "HTTP 206"),
    "a page named .jpg": (
        saying(OK + b"Content-Type: image/jpeg\r\n\r\n" + HTML, forever=MIB),
        "bad_output",
        "web page",
    ),
    "a text": (saying(body(b"Sorry, no picture.")), "bad_output", "not a picture"),
    "three bytes": (saying(body(b"\xff\xd8")), "bad_output", "not a picture"),
    "SVG": (saying(body(SVG)), "bad_output", "SVG"),
    "SVG as XML": (saying(body(b"<?xml version='1.0'?>" + SVG)), "bad_output", "SVG"),
    "AVIF": (saying(body(AVIF, "Content-Type: image/png")), "bad_output", "AVIF"),
    "PDF": (saying(body(b"%PDF-1.7\n" * 9)), "bad_output", "not a picture"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_is_a_failure_in_words(name: str) -> None:
    handler, reason, words = HOSTILE[name]
    began = time.monotonic()
    async with raw(handler) as host:
        download = Downloader([host], seconds=0.6, caps=Caps(bytes=4 << 20))
        failed = await failure(download, f"http://{host}/a.jpg?{SECRET}")
    assert (failed.reason, words in str(failed)) == (reason, True), failed
    assert str(failed).startswith("127.0.0.1 ")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "status", [300, 304, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 504]
)
async def test_an_error_of_the_server_is_unreachable(server: Pictures, status: int) -> None:
    server.fault(Reply(status, body=b"", headers={"Retry-After": "7"}))
    failed = await failure(Downloader([server.host]), f"{server.url}/a?{SECRET}")
    assert failed.reason == "unreachable"
    assert f"HTTP {status}" in str(failed)
    assert failed.retry_after == (7.0 if status in (429, 503) else None)


@pytest.mark.parametrize(
    ("fault", "reason"), [(Cut(0.5), "unreachable"), (Hang(9), "timeout"), (Slow(500), "timeout")]
)
async def test_faults_of_the_loopback_server(
    server: Pictures, fault: Cut | Hang | Slow, reason: str
) -> None:
    server.fault(fault)
    failed = await failure(Downloader([server.host], seconds=0.4), f"{server.url}/a")
    assert failed.reason == reason


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        failed = await failure(Downloader([host]), f"http://{host}/")
    assert (failed.reason, "cannot be connected to" in str(failed)) == ("unreachable", True)


async def test_a_page_is_given_up_before_it_is_read() -> None:
    sent = 0

    async def page(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(OK + b"Content-Length: 30000000\r\n\r\n" + HTML)
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with raw(page) as host:
        await failure(Downloader([host]), f"http://{host}/a.jpg")
    assert sent < 8_000_000


async def test_tiny_chunks_leave_room_for_others() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    data = random_png(64, 64)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in data)
    async with raw(saying(CHUNKED + chunks + b"0\r\n\r\n")) as host:
        busy = asyncio.ensure_future(other())
        assert await Downloader([host])(f"http://{host}/") == data
        busy.cancel()
    assert turns > len(data)


# Pictures, through the downloader and the intake


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def gradient(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_bomb(width: int, height: int) -> bytes:
    pixels = zlib.compress(b"\0" * (1 << 20), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))


def deep_png() -> bytes:
    """16 bits for each of red, green and blue."""
    rows = b"".join(
        b"\0" + b"".join(struct.pack(">HHH", x * 1600, y * 3000, 65535) for x in range(40))
        for y in range(20)
    )
    header = struct.pack(">IIBBBBB", 40, 20, 16, 2, 0, 0, 0)
    return png((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def tiff_bomb(tile: int) -> bytes:
    """A picture of 16 x 16 pixels in a tile of `tile` x `tile`."""
    squeezed = zlib.compress(b"\x55" * (tile * tile), 9)
    tags = [(256, 16), (257, 16), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile), (323, tile)]
    tags += [(324, 8 + 2 + 12 * 10 + 4), (325, len(squeezed))]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + fields + b"\0\0\0\0" + squeezed


def scan_bomb(scans: int, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    whole = encoded(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    table = whole.rindex(b"\xff\xc4", 0, whole.rindex(b"\xff\xda"))
    return whole[:-2] + whole[table:-2] * scans + whole[-2:]


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.js", "alert(1)")
    return out.getvalue()


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "alert(1)"
    return exif


FRAMES = {"save_all": True, "append_images": [gradient().rotate(180)]}
JPEG = encoded(gradient(), "JPEG")
PHOTO = Image.open(io.BytesIO(PNG))

NORMALISED: dict[str, tuple[bytes, tuple[int, int]]] = {
    "PNG": (encoded(gradient(), "PNG"), (40, 20)),
    "a see-through PNG": (encoded(gradient("RGBA"), "PNG"), (40, 20)),
    "16-bit PNG": (deep_png(), (40, 20)),
    "16-bit grey PNG": (
        encoded(
            Image.frombytes("I;16", (40, 1), struct.pack("<40H", *range(0, 40000, 1000))), "PNG"
        ),
        (40, 1),
    ),
    "JPEG": (JPEG, (40, 20)),
    "CMYK JPEG": (encoded(gradient("CMYK"), "JPEG"), (40, 20)),
    "grey JPEG": (encoded(gradient("L"), "JPEG"), (40, 20)),
    "progressive JPEG": (encoded(gradient(), "JPEG", progressive=True), (40, 20)),
    "rotated by EXIF": (encoded(gradient(), "JPEG", exif=rotated()), (20, 40)),
    "animated GIF": (encoded(gradient(), "GIF", **FRAMES), (40, 20)),
    "animated WebP": (encoded(gradient(), "WEBP", **FRAMES), (40, 20)),
    "animated PNG": (encoded(gradient(), "PNG", **FRAMES), (40, 20)),
    "BMP": (encoded(gradient(), "BMP"), (40, 20)),
    "TIFF": (encoded(gradient(), "TIFF"), (40, 20)),
    "GIF and JavaScript": (encoded(gradient(), "GIF") + b"*/=1;alert(1)//", (40, 20)),
    "GIF with a script as comment": (
        encoded(gradient(), "GIF", comment=b"*/=1;alert(1)//"),
        (40, 20),
    ),
    "JPEG and ZIP": (JPEG + zipped(), (40, 20)),
    "JPEG with a script as comment": (encoded(gradient(), "JPEG", comment="alert(1)"), (40, 20)),
    "PNG and a page": (PNG + b"<html><script>alert(1)</script>", (64, 48)),
    "PNG with a script as text": (
        PNG[:33] + png((b"tEXt", b"Comment\0<script>alert(1)</script>"))[8:] + PNG[33:],
        (64, 48),
    ),
}


@pytest.mark.parametrize("media_type", ["image/png", "text/html", "application/octet-stream"])
@pytest.mark.parametrize("name", NORMALISED)
async def test_a_strange_picture_becomes_plain_pixels(
    server: Pictures, name: str, media_type: str
) -> None:
    data, size = NORMALISED[name]
    server.replies["/a"] = Reply(body=data, media_type=media_type)
    got = await Downloader([server.host])(f"{server.url}/a")
    assert got == data
    picture = admit(got)
    assert ((picture.width, picture.height), picture.blank) == (size, False)
    assert b"alert(1)" not in picture.data
    assert b"evil.js" not in picture.data
    plain = Image.open(io.BytesIO(picture.data))
    assert getattr(plain, "n_frames", 1) == 1
    assert plain.mode in ("RGB", "RGBA")
    end = b"\xff\xd9" if plain.format == "JPEG" else b"IEND\xaeB`\x82"
    assert picture.data.endswith(end)


async def test_a_wrong_media_type_does_not_matter(server: Pictures) -> None:
    server.fault(Mime("text/html"))
    assert await Downloader([server.host])(f"{server.url}/a") == PNG


REFUSED: dict[str, tuple[bytes, str]] = {
    "a PNG bomb": (png_bomb(31_623, 31_623), "at most 40,000,000 pixels"),
    "a PNG bomb below Pillow's own limit": (png_bomb(9_000, 9_000), "pixels"),
    "a PNG of 2^31 on a side": (png_bomb(2**31 - 1, 2**31 - 1), "pixels"),
    "a long PNG": (png_bomb(20_000, 1), "on a side"),
    "a TIFF bomb": (tiff_bomb(8_000), "tile"),
    "a JPEG of too many scans": (scan_bomb(150), "scans"),
    "a JPEG of too many segments": (JPEG[:2] + b"\xff\xfe\0\2" * 9999 + JPEG[2:], "segments"),
    "a truncated JPEG": (encoded(PHOTO, "JPEG")[:-500], "truncated"),
    "a JPEG without its end": (encoded(PHOTO, "JPEG")[:-2], "truncated"),
    "a truncated progressive JPEG": (encoded(PHOTO, "JPEG", progressive=True)[:-500], "truncated"),
    "a truncated PNG": (PNG[: len(PNG) // 2], "cannot be decoded"),
    "a truncated WebP": (encoded(gradient(), "WEBP")[:-20], "cannot be decoded"),
    "a truncated GIF": (encoded(gradient(), "GIF")[:-60], "truncated"),
    "a page that begins as a JPEG": (b"\xff\xd8\xff\xe0" + HTML * 9, "cannot be decoded"),
    "a page that begins as a PNG": (PNG[:16] + HTML * 9, "PNG"),
    "words that begin as a BMP": (b"BMW makes cars, and this is no picture", "cannot be decoded"),
}


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", REFUSED)
async def test_a_broken_or_explosive_picture_is_refused_by_the_intake(
    server: Pictures, name: str
) -> None:
    data, words = REFUSED[name]
    server.replies["/a"] = Reply(body=data)
    got = await Downloader([server.host])(f"{server.url}/a")
    with pytest.raises(IntakeError, match=words):
        admit(got)


def test_scans_cannot_hide_behind_markers_without_a_length() -> None:
    whole = scan_bomb(150)
    tables = whole.index(b"\xff\xdb")
    with pytest.raises(IntakeError, match="scans"):
        admit(whole[:tables] + b"\xff\x01\xff\xff" + whole[tables:])
    assert admit(scan_bomb(50)).width == 64


MEASURE = """
import asyncio, json, resource, sys
from llmi_agent.host.download import Downloader
from llmi_agent.store.intake import IntakeError, admit
from llmi_agent.contract.tool import ToolFailed

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

async def main(host, names):
    download = Downloader([host])
    admit(await download(f"http://{host}/plain"))
    grown = {}
    for name in names:
        before, said = peak(), "taken"
        try:
            admit(await download(f"http://{host}/{name}"))
        except (ToolFailed, IntakeError) as error:
            said = str(error)
        grown[name] = [peak() - before, said]
    print(json.dumps(grown))

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_stays_bounded(server: Pictures) -> None:
    zipped_up = Reply(body=GZIPPED, headers={"Content-Encoding": "gzip"})
    bombs = {
        "gzip": (zipped_up, "compressed"),
        "png": (Reply(body=png_bomb(31_623, 31_623)), "pixels"),
        "tiff": (Reply(body=tiff_bomb(20_000)), "tile"),
        "jpeg": (Reply(body=scan_bomb(200, 4_000)), "scans"),
        "segments": (Reply(body=JPEG[:2] + b"\xff\xe5\0\2" * 4_000_000 + JPEG[2:]), "segments"),
        "endless": (Reply(body=(PNG, *[MIB] * 150)), "33,554,432 bytes"),
    }
    server.replies |= {f"/{name}": reply for name, (reply, _) in bombs.items()}
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, server.host, *bombs]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    grown = json.loads(done.stdout)
    for name, (_, words) in bombs.items():
        mib, said = grown[name]
        assert words in said
        assert mib < 100, f"{name}: {mib} MiB more"


# TLS


class Authority:
    """Makes certificates, and contexts that show or trust them."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("cryptography")
        self.folder = folder

    def certificate(self, name: str, *, expired: bool = False) -> tuple[Path, bytes]:
        """A self-signed certificate for `name`, as a file with its key, and the bytes to trust it."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=-1 if expired else 1))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        public = made.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = self.folder / f"{name}-{expired}.pem"
        file.write_bytes(private + public)
        return file, public


@asynccontextmanager
async def secure(file: Path, asked: list[str | None]) -> AsyncIterator[str]:
    """A server that shows this certificate and notes which name it was asked for; gives its host:port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(body(PNG))
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the handshakes that fail on purpose
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield "127.0.0.1:%d" % listening.sockets[0].getsockname()[1]  # noqa: UP031


async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    tmp_path: Path,
) -> None:
    file, public = Authority(tmp_path).certificate("good.example")
    asked: list[str | None] = []
    async with secure(file, asked) as host:
        download = Downloader(
            resolve=Names(good_example=[[PUBLIC]], bad_example=[[PUBLIC]]),
            network=Detour(host),
            tls=ssl.create_default_context(cadata=public.decode()),
        )
        assert await download("https://good.example/a.png") == PNG
        assert asked[0] == "good.example"
        assert "Host: good.example\r\n" in str(asked[1])
        failed = await failure(download, f"https://bad.example/?{SECRET}")
    assert failed.reason == "unreachable"
    assert "certificate of bad.example is not trusted" in str(failed)
    assert len(asked) == 3


@pytest.mark.parametrize(("expired", "words"), [(False, "self-signed"), (True, "expired")])
async def test_a_certificate_that_is_not_trusted_is_said_to_be(
    tmp_path: Path, expired: bool, words: str
) -> None:
    file, public = Authority(tmp_path).certificate("127.0.0.1", expired=expired)
    tls = ssl.create_default_context(cadata=public.decode()) if expired else None
    async with secure(file, []) as host:
        failed = await failure(Downloader([host], tls=tls), f"https://{host}/?{SECRET}")
    assert failed.reason == "unreachable"
    assert "the certificate of 127.0.0.1 is not trusted" in str(failed)
    assert words in str(failed)


async def test_a_plain_server_asked_for_tls_is_unreachable(server: Pictures) -> None:
    failed = await failure(Downloader([server.host]), f"https://{server.host}/")
    assert (failed.reason, "does not speak proper TLS" in str(failed)) == ("unreachable", True)


async def test_https_does_not_lead_to_http(tmp_path: Path) -> None:
    file, public = Authority(tmp_path).certificate("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        port = writer.get_extra_info("sockname")[1]
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n\r\n" % port)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listening:
        host = "127.0.0.1:%d" % listening.sockets[0].getsockname()[1]  # noqa: UP031
        tls = ssl.create_default_context(cadata=public.decode())
        failed = await failure(Downloader([host], tls=tls), f"https://{host}/")
    assert (failed.reason, "no longer https" in str(failed)) == ("refused", True)


# Many at once


async def test_only_so_many_run_at_once() -> None:
    now, most = 0, 0

    async def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        writer.write(body(PNG))
        await writer.drain()

    async with raw(busy) as host:
        download = Downloader([host], at_once=3, seconds=5)
        got = await asyncio.gather(*(download(f"http://{host}/{n}") for n in range(12)))
    assert (set(got), most) == ({PNG}, 3)


def test_one_downloader_serves_many_loops_and_threads(server: Pictures) -> None:
    download = Downloader([server.host], at_once=2)
    got: list[bytes] = []

    async def several() -> None:
        got.extend(await asyncio.gather(*(download(f"{server.url}/{n}") for n in range(6))))

    threads = [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(several())
    assert (len(got), set(got)) == (30, {PNG})


async def happens(what: Callable[[], bool]) -> bool:
    for _ in range(200):
        if what():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_cancelled_download_lets_go_of_the_server(server: Pictures) -> None:
    server.fault(Hang(30))
    download = Downloader([server.host], at_once=1)
    running = asyncio.ensure_future(download(f"{server.url}/a"))
    assert await happens(lambda: len(server.seen) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await happens(lambda: server.seen[0].cancelled)
    assert await download(f"{server.url}/b") == PNG


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
async def test_no_socket_is_left_open(server: Pictures) -> None:
    server.replies["/page"] = Reply(body=HTML)
    server.replies["/loop"] = redirect("/loop")
    download = Downloader([server.host], seconds=0.3)
    await download(f"{server.url}/a")
    await asyncio.sleep(0.1)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for path in ("/a", "/page", "/loop"):
        for _ in range(5):
            await asyncio.gather(download(f"{server.url}{path}"), return_exceptions=True)
    await asyncio.sleep(0.1)
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208
