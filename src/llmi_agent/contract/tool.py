"""The contract: everything that a tool plugin sees of LLMI is in this file.

A plugin describes its tools with `ToolSpec`s (pure data, cheap to import) and does the work in a `Tool`
that is loaded on first use. A tool answers a `ToolCall` with `Produced` or `Failed`; it may also raise
`ToolRetry` or `ToolFailed`. Anything else it raises is classified once, at the dispatcher's boundary:
a failed tool is data, not a crash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

Reason = Literal[
    "bad_params",
    "refused",
    "quota",
    "timeout",
    "unreachable",
    "bad_output",
    "crashed",
    "unavailable",
    "cancelled",
    "budget",
]
REASONS: tuple[str, ...] = get_args(Reason)


@dataclass(frozen=True)
class Provenance:
    """Where a picture comes from. What is not known stays None: it is never guessed."""

    provider: str
    """Who made or holds the picture: "llmi-sketch", "Wikimedia Commons", "replicate"."""
    model: str | None = None
    seed: int | None = None
    source_url: str | None = None
    """The address of the picture itself."""
    page_url: str | None = None
    """The page that shows it to people."""
    title: str | None = None
    creator: str | None = None
    licence: str | None = None
    """An SPDX identifier where there is one, else the words the source uses."""
    licence_url: str | None = None
    attribution: str | None = None
    """The line to print under the picture."""
    code: str | None = None
    """The program that drew it."""
    placeholder: bool = False
    """The picture only holds the place of what was asked for, and the document says so."""
    made_from: str | None = None
    """What it was made from, in words. For an edit the framework says it, and adds the credit of that picture."""


@dataclass(frozen=True)
class Image:
    """One picture as a tool hands it over. The bytes are untrusted: the framework decodes and re-encodes them."""

    data: bytes
    """An encoded raster picture: PNG, JPEG, WebP, GIF, BMP or TIFF."""
    provenance: Provenance


@dataclass(frozen=True)
class Produced:
    """A call that worked: one picture, or several candidates, best first."""

    images: tuple[Image, ...]
    note: str = ""
    """One line for the reader of the document, such as what an edit did."""
    usd: float | None = None
    """What the vendor says that the call cost. None: the tool's price (`ToolSpec.usd`) is the estimate."""


@dataclass(frozen=True)
class Failed:
    """A call that did not work. This is data: it is traced, shown, and the policy may repair the slot."""

    reason: Reason
    message: str
    """What a person and the policy read: the culprit, what exists, the next step."""
    retryable: bool = False
    """Other parameters may work: the policy is asked to repair them."""
    retry_after: float | None = None
    """Seconds that the vendor asks to wait before the next call."""
    usd: float | None = None
    """What the call cost although it failed. None is unknown, which is not 0."""


ToolResult = Produced | Failed


class ToolRetry(Exception):  # noqa: N818 - reads as what the author wants to happen
    """Raise it when other parameters may work: the message is fed back to the policy."""


class ToolFailed(Exception):  # noqa: N818
    """Raise it when this call cannot work whatever the parameters are; the fields are those of `Failed`."""

    def __init__(
        self,
        message: str,
        reason: Reason = "crashed",
        *,
        retry_after: float | None = None,
        usd: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.retry_after = retry_after
        self.usd = usd


@dataclass(frozen=True)
class Health:
    """What `Tool.check` found out."""

    ok: bool
    message: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that the user gave, kept in the artifact store under its digest."""

    name: str
    """A plain file name, unique within the run."""
    media_type: str
    digest: str
    size: int
    """In bytes."""

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")


class ArtifactReader(Protocol):
    """What a tool may do with the artifact store: read."""

    def read(self, digest: str) -> bytes:
        """The bytes kept under `digest`. Raises KeyError if there are none."""

    def path(self, digest: str) -> Path:
        """A file that holds those bytes, to be read only. Raises KeyError if there is none."""


@dataclass(frozen=True)
class ToolCall:
    """A slot turned into validated parameters for one tool."""

    episode: str
    slot: int
    """Number of the slot in the draft, from 0."""
    attempt: int
    """From 0; grows with every retry, repair and fallback of this slot."""
    kind: str
    tool: str
    description: str
    """The slot's title, as the policy wrote it."""
    params: BaseModel
    """An instance of the spec's `params` model."""
    inputs: tuple[str, ...] = ()
    """Digests of the pictures that the parameters point at (`img_index`)."""

    @cached_property
    def key(self) -> str:
        """The same for the same episode, slot, attempt, tool, parameters and input pictures."""
        params = self.params.model_dump(mode="json")
        return call_key(self.episode, self.slot, self.attempt, self.tool, params, self.inputs)


def call_key(
    episode: str,
    slot: int,
    attempt: int,
    tool: str,
    params: Mapping[str, Any],
    inputs: Sequence[str],
) -> str:
    """`ToolCall.key` of the call of this, whose parameters are plain JSON."""
    payload = [episode, slot, attempt, tool, params, inputs]
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]


class Download(Protocol):
    """The framework's one way to fetch a picture that somebody else has named."""

    async def __call__(self, url: str) -> bytes:
        """The bytes of a raster picture at `url`. No key or cookie is ever sent along.

        Raises ToolFailed: `refused` for an address that is private or not http(s), `unreachable` for a server that
        does not answer or answers with an error, `timeout`, `bad_output` for what is no picture or too large.
        """


async def _no_download(url: str) -> bytes:
    """The default of `ToolContext.download`: a context made by hand fetches nothing."""
    raise ToolFailed("this context cannot download", "unavailable")


async def _no_record(job: str) -> None:
    """The default of `ToolContext.record_job`: a context made by hand keeps no record."""


def _no_progress(message: str) -> None:
    """The default of `ToolContext.progress`: nobody watches."""


@dataclass(frozen=True)
class ToolContext:
    """What a tool gets beside the call. It holds for one call and must not be kept."""

    artifacts: ArtifactReader
    scope: AsyncExitStack
    """Lives as long as the episode: enter what one run shares, such as a remote sandbox."""
    log: FilteringBoundLogger
    attachments: tuple[Attachment, ...] = ()
    """The user's files, and the copies of tables that previews gave (`TableCopy`); their bytes are in `artifacts`."""
    folders: tuple[Path, ...] = ()
    """Folders of pictures that the user offered for searching (`--images`)."""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The tool's own section of the configuration, `[tools.<name>]`."""
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Exactly the secrets that the spec `needs`."""
    download: Download = _no_download
    """Fetch a picture that a vendor's answer names: safe against addresses that lead inside."""
    seed: int = 0
    """Use it wherever chance plays a part, so that a run can be repeated: 0 to 2**31 - 1, another one for each slot and
    attempt. Always 0 for a tool whose spec says that it does not use it."""
    deadline: float = float("inf")
    """On the event loop's clock (`asyncio.get_running_loop().time()`), in seconds."""
    progress: Callable[[str], None] = _no_progress
    """Show the user a line while the call runs."""
    job: str | None = None
    """The vendor's job id that an earlier life of this very call recorded: pick it up."""
    record_job: Callable[[str], Awaitable[None]] = _no_record
    """Await it with the vendor's job id as soon as there is one."""


class Tool(Protocol):
    """One implementation of a kind. Made once per episode, with no arguments."""

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Do the call. May raise `ToolRetry` or `ToolFailed`; may be cancelled at any await."""


class BaseTool:
    """A convenience for authors: `check` and `aclose` that have nothing to do."""

    async def check(self, context: ToolContext) -> Health:
        """Whether the tool could run now; cheap, and without cost."""
        return Health(ok=True)

    async def verify(self, context: ToolContext) -> Health:
        """Whether the vendor accepts the key, asked online and as cheaply as it can be (`llmi doctor --online`)."""
        return Health(ok=True, message="nothing to ask online")

    async def aclose(self) -> None:
        """Let go of what the tool holds. Awaited once, when the episode ends."""
