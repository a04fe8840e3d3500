"""A loopback HTTP server for tests of hosted tools: real sockets, real SDKs, and faults on demand.

class Vendor(Server):
    def answer(self, request: Seen) -> Reply:
        return json_reply({"images": []})

with Vendor() as vendor:
    vendor.fault(Reply(429, headers={"Retry-After": "1"}), path="/search")
    ...  # the client's first call to /search gets the 429, its next one the real answer
    assert len(vendor.seen) == 2
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qs

from aiohttp import web

MOST_BODY = 64 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the wire. As a fault, it is sent instead of the real one."""

    status: int = 200
    body: bytes | tuple[bytes, ...] = b""
    """A tuple is sent in pieces, chunked, as a stream is."""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    """Seconds before each piece of a streamed body."""

    @property
    def pieces(self) -> tuple[bytes, ...]:
        return self.body if isinstance(self.body, tuple) else (self.body,)


def json_reply(data: Any, status: int = 200, **headers: str) -> Reply:
    """`data` as JSON; underscores in the names of headers become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(data).encode(), headers=named)


def redirect(to: str, status: int = 302) -> Reply:
    """An answer that sends the client elsewhere."""
    return Reply(status, headers={"Location": to})


GARBAGE = Reply(body=b'{"this": is no <JSON>\x00\xff', media_type="application/json")


@dataclass(frozen=True)
class Hang:
    """Says nothing for so long; the client's giving up is seen (`Seen.cancelled`)."""

    seconds: float = 60.0


@dataclass(frozen=True)
class Cut:
    """Sends this share of the real body, then drops the connection."""

    share: float = 0.5


@dataclass(frozen=True)
class Slow:
    """Sends the real body at this rate."""

    bytes_per_second: float


@dataclass(frozen=True)
class Mime:
    """Sends the real body under another media type."""

    media_type: str


Fault = Reply | Hang | Cut | Slow | Mime


@dataclass
class Seen:
    """A request that reached the server."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    at: float
    """On the monotonic clock, in seconds."""
    cancelled: bool = False
    """The client went away before it had the whole answer."""

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def args(self) -> dict[str, str]:
        """The query's parameters, the last value of each."""
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


@dataclass
class _Planned:
    fault: Fault
    path: str
    method: str


class Server:
    """Runs in a thread of its own while its `with` block does. Subclass it and write `answer`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        """Every request, in the order of arrival."""
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def answer(self, request: Seen) -> Reply:
        """The vendor's answer when nothing is wrong. Override it; it runs in the server's thread."""
        return json_reply({"error": f"nothing is at {request.path}"}, 404)

    def fault(self, *faults: Fault, path: str = "", method: str = "", times: int = 1) -> None:
        """The next requests whose path contains `path` fail in these ways, in this order, each `times` over."""
        with self._lock:
            self._planned += [_Planned(f, path, method) for f in faults for _ in range(times)]

    def paths(self, method: str = "") -> list[str]:
        """The paths asked for so far."""
        return [each.path for each in self.seen if method in ("", each.method)]

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:43210`."""
        return f"http://{self.host}"

    @property
    def host(self) -> str:
        """Its host and port, as an entry of `Options.download_allow`."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self, started: threading.Event) -> None:
        asyncio.run(self._main(started))

    async def _main(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=MOST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port: int = runner.addresses[0][1]
        started.set()
        try:
            await self._stop.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(
            method=request.method,
            path=request.path,
            query=request.query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            at=time.monotonic(),
        )
        fault = self._next_fault(seen)
        self.seen.append(seen)
        try:
            if isinstance(fault, Hang):
                await asyncio.sleep(fault.seconds)
            reply = fault if isinstance(fault, Reply) else self.answer(seen)
            return await self._send(request, reply, fault)
        except (asyncio.CancelledError, ConnectionError):
            seen.cancelled = True
            raise asyncio.CancelledError from None  # of a lost connection aiohttp would write on stderr

    def _next_fault(self, seen: Seen) -> Fault | None:
        with self._lock:
            for number, each in enumerate(self._planned):
                if each.path in seen.path and each.method in ("", seen.method):
                    return self._planned.pop(number).fault
        return None

    async def _send(
        self, request: web.Request, reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        if isinstance(fault, Mime):
            reply = replace(reply, media_type=fault.media_type)
        whole = b"".join(reply.pieces)
        response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
        response.content_type = reply.media_type
        if isinstance(reply.body, tuple):
            response.enable_chunked_encoding()
        elif reply.status not in (204, 304):
            response.content_length = response.content_length or len(whole)
        await response.prepare(request)
        pieces, pause = reply.pieces, reply.pause
        if isinstance(fault, Cut):
            pieces = (whole[: int(len(whole) * fault.share)],)
        elif isinstance(fault, Slow):
            step = max(1, int(fault.bytes_per_second / 20))
            pieces = tuple(whole[at : at + step] for at in range(0, len(whole), step))
            pause = step / fault.bytes_per_second
        for piece in pieces:
            await asyncio.sleep(pause)
            if piece:
                await response.write(piece)
        if isinstance(fault, Cut) and request.transport is not None:
            await asyncio.sleep(0.02)
            request.transport.abort()
            return response
        await response.write_eof()
        return response
