"""Pictures that cost more than their pixels, by every door: how long they take, what they hold, whom they keep waiting.

Workload: forty files of up to 2 MB in all accepted formats, made here: many strips, tiles, directories, frames, chunks,
scans and segments, giant metadata, much unpacked from little, loops, and large empty canvases. Each goes through
`admit`, three times; then one of each format goes by each door, three times: a tool's result, search hits, a picture
in a message, `--attach`, `llmi render`, a gallery's folder, the sandbox's code, an edit's input, a picture that a model
is shown.
Bars: each is refused or read within 1 s, and 25 ms for each megapixel above 12 that a PNG or JPEG says it has, with at
most 300 MB; a loop that waits meanwhile is never held over 0.1 s; every ordinary picture is taken in the same time.
The time is the smaller of two medians, by the clock and of the processor: the machine may have other work. Both are
printed.

    python benchmarks/picture_bombs.py [--all]   # --all: every bomb by every door, some minutes
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import random
import resource
import statistics
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

from langchain_core.messages import HumanMessage
from PIL import Image

from llmi_agent.base.errors import InputError
from llmi_agent.config.options import Options
from llmi_agent.contract import ToolSpec
from llmi_agent.contract.image_search import Hit, fetch
from llmi_agent.contract.picture_header import picture_size
from llmi_agent.contract.tool import (
    Attachment,
    Image as ToolImage,
    Produced,
    Provenance,
    ToolCall,
)
from llmi_agent.document.messages import reference, with_pictures
from llmi_agent.document.model import Document, Figure
from llmi_agent.document.render import write_document
from llmi_agent.document.render.pictures import file_name
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_files
from llmi_agent.store.intake import IntakeError, admit
from llmi_agent.testing import FakeTool, ScriptedModel, make_call, make_session, slot
from llmi_edit.plugin import llmi_tools as edit_tools
from llmi_gallery.plugin import SPEC as GALLERY
from llmi_graphs import build_graph
from llmi_sandbox.plugin import SPEC as SANDBOX

EDIT = edit_tools()[0]
MOST_SECONDS, MOST_MEMORY, MOST_HELD = 1.0, 300, 0.1
SIZE = 2_000_000
"""Bytes of a file."""


def png(body: bytes, width: int = 64, height: int = 64, *, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:  # fmt: skip
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pixels(raw: int) -> bytes:
    return chunk(b"IDAT", zlib.compress(b"\0" * raw, 9))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def canvas(mode: str, side: int = 6324) -> Image.Image:
    return Image.new(mode, (side, side))


def tiff(
    entries: list[tuple[int, int, int, bytes]], after: bytes = b"", following: int = 0
) -> bytes:
    """One directory of (tag, type, count, value or values' bytes), sorted, and what follows it."""
    at = 8 + 2 + 12 * len(entries) + 4
    table, heap = bytearray(), bytearray()
    for tag, kind, count, value in entries:
        if len(value) > 4:
            table += struct.pack("<HHII", tag, kind, count, at + len(heap))
            heap += value
        else:
            table += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return head + bytes(table) + struct.pack("<I", following) + bytes(heap) + after


def grey(width: int, height: int, *more: tuple[int, int, int, bytes], squeeze: int = 1, depth: int = 8) -> list[tuple[int, int, int, bytes]]:  # fmt: skip
    def long(value: int) -> bytes:
        return struct.pack("<I", value)

    plain = {
        256: (4, 1, long(width)),
        257: (4, 1, long(height)),
        258: (3, 1, struct.pack("<H", depth)),
        259: (3, 1, struct.pack("<H", squeeze)),
        262: (3, 1, struct.pack("<H", 1)),
        277: (3, 1, struct.pack("<H", 1)),
    }
    plain.update({tag: (kind, count, value) for tag, kind, count, value in more})
    return [(tag, *plain[tag]) for tag in sorted(plain)]


def strips(width: int, height: int, count: int, size: int, rows: int = 1, **options: int) -> bytes:
    places = struct.pack("<I", 8) * count
    sizes = struct.pack("<I", size) * count
    return tiff(
        grey(
            width, height,
            (273, 4, count, places), (278, 4, 1, struct.pack("<I", rows)), (279, 4, count, sizes),
            **options,
        )
    )  # fmt: skip


def one_strip(width: int, height: int, squeeze: int, body: bytes, depth: int = 8) -> bytes:
    made = grey(width, height, (273, 4, 1, b"\0\0\0\0"), (278, 4, 1, struct.pack("<I", height)), (279, 4, 1, struct.pack("<I", len(body))), squeeze=squeeze, depth=depth)  # fmt: skip
    at = 8 + 2 + 12 * len(made) + 4
    made = [(t, k, c, struct.pack("<I", at) if t == 273 else v) for t, k, c, v in made]
    return tiff(made, body)


def tiles(count: int, side: int) -> bytes:
    return tiff(
        grey(
            16000, 2400,
            (322, 4, 1, struct.pack("<I", side)), (323, 4, 1, struct.pack("<I", side)),
            (324, 4, count, struct.pack("<I", 8) * count), (325, 4, count, struct.pack("<I", 1) * count),
        )
    )  # fmt: skip


def many_directories() -> bytes:
    """Each points at the next; the last one at the first."""
    one = 2 + 12 + 4
    count = SIZE // one
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number in range(count):
        following = 8 + one * ((number + 1) % count)
        out += struct.pack("<HHHII", 1, 254, 4, 1, 0) + struct.pack("<I", following)
    return bytes(out)


def jpeg(insert: bytes, side: int = 64, **options: object) -> bytes:
    whole = saved(Image.linear_gradient("L").resize((side, side)), "JPEG", **options)
    return whole[:2] + insert + whole[2:]


def segment(code: int, body: bytes) -> bytes:
    return b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body


def scans(count: int, side: int) -> bytes:
    whole = saved(Image.linear_gradient("L").resize((side, side)), "JPEG", progressive=True, quality=10)  # fmt: skip
    at = whole.rindex(b"\xff\xda")
    return whole[:at] + whole[at:-2] * count + whole[-2:]


def gif(blocks: bytes, width: int = 64, height: int = 64) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + blocks  # fmt: skip


FRAME = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"


def riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def part(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp_frames() -> bytes:
    inner = riff(b"")[:0] + saved(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    frame = part(b"ANMF", b"\0" * 16 + inner)
    head = part(b"VP8X", b"\x02\0\0\0" + b"\0" * 6) + part(b"ANIM", b"\0" * 6)
    return riff(head + frame * (SIZE // len(frame)))


def bmp(width: int, height: int, body: bytes, squeeze: int = 1, bits: int = 8) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, squeeze, len(body), 0, 0, 256, 0)
    palette = bytes(1024)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024) + head + palette + body  # fmt: skip


def noise(count: int) -> bytes:
    return random.Random(7).randbytes(count)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png: a million tiny chunks": lambda: png(chunk(b"tEXt", b"a\0") * (SIZE // 14) + pixels(64 * 193)),
    "png: a million empty IDAT": lambda: png(chunk(b"IDAT", b"") * (SIZE // 12) + pixels(64 * 193)),
    "png: IDAT of one byte each": lambda: png(b"".join(chunk(b"IDAT", bytes([b])) for b in zlib.compress(noise(64 * 193))) * 2),
    "png: giant zTXt": lambda: png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 1)) + pixels(64 * 193)),
    "png: many zTXt": lambda: png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) * (SIZE // 940) + pixels(64 * 193)),
    "png: many iTXt": lambda: png(chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(900_000))) * (SIZE // 940) + pixels(64 * 193)),
    "png: giant iCCP": lambda: png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000), 1)) + pixels(64 * 193)),
    "png: 40 megapixels of nothing": lambda: png(pixels(6324 * (6324 * 3 + 1)), 6324, 6324),
    "png: the same, see-through": lambda: png(pixels(6324 * (6324 * 4 + 1)), 6324, 6324, colour=6),
    "png: the same, 16 bits deep": lambda: png(pixels(6324 * (6324 * 6 + 1)), 6324, 6324, depth=16),
    "png: one bit, interlaced": lambda: png(pixels(6324 * 800), 6324, 6324, depth=1, colour=0, interlace=1),
    "png: unpacks to far more than its pixels": lambda: png(pixels(200_000_000)),
    "png: a hundred thousand frames": lambda: png(chunk(b"acTL", struct.pack(">II", 100_000, 0)) + (chunk(b"fcTL", bytes(26))) * 50_000 + pixels(64 * 193)),
    "jpeg: ten thousand scans": lambda: scans(10_000, 512),
    "jpeg: a hundred scans of 36 megapixels": lambda: scans(98, 6000),
    "jpeg: many tables": lambda: jpeg(segment(0xC4, b"\0" + b"\0" * 16) * (SIZE // 21)),
    "jpeg: many comments": lambda: jpeg(segment(0xFE, b"") * (SIZE // 4)),
    "jpeg: only fill bytes": lambda: jpeg(b"\xff" * SIZE),
    "jpeg: restart markers": lambda: jpeg(b"")[:-2] + b"\xff\xd0" * (SIZE // 2),
    "jpeg: giant EXIF": lambda: jpeg(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5000) + b"\x12\x01\x02\0\xff\xff\xff\0\0\0\0\0" * 5000) * 30),
    "jpeg: giant ICC and XMP": lambda: jpeg((segment(0xE2, b"ICC_PROFILE\0\x01\xff" + bytes(60000)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<a>" * 20000)) * 16),
    "jpeg: multi-picture directory": lambda: jpeg(segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + struct.pack("<H", 5000) + b"\x01\xb0\x04\0\xff\xff\xff\x7f\0\0\0\0" * 5000) * 30),
    "jpeg: 40 megapixels of nothing": lambda: saved(canvas("RGB"), "JPEG"),
    "jpeg: the same in CMYK": lambda: saved(canvas("CMYK"), "JPEG"),
    "webp: a hundred thousand frames": webp_frames,
    "webp: lossless, 40 megapixels": lambda: saved(canvas("RGBA"), "WEBP", lossless=True, method=0),
    "webp: a million unknown chunks": lambda: riff(part(b"VP8X", bytes(10)) + part(b"JUNK", b"") * (SIZE // 8) + saved(Image.new("RGB", (9, 9)), "WEBP")[12:]),
    "gif: a hundred thousand frames": lambda: gif(FRAME * (SIZE // len(FRAME)) + b";"),
    "gif: a million extensions": lambda: gif(b"\x21\xfe\x01a\0" * (SIZE // 5) + FRAME + b";"),
    "gif: one comment of tiny blocks": lambda: gif(b"\x21\xfe" + b"\x01a" * (SIZE // 2) + b"\0" + FRAME + b";"),
    "gif: 40 megapixels of nothing": lambda: saved(canvas("P"), "GIF"),
    "bmp: run lengths of nothing": lambda: bmp(6324, 6324, b"\0\x02\x01\0" * (SIZE // 4)),
    "bmp: ends of lines": lambda: bmp(6324, 6324, b"\0\0" * (SIZE // 2)),
    "bmp: literal runs of noise": lambda: bmp(16000, 2400, (b"\0\x03abc\0") * (SIZE // 6)),
    "tiff: a quarter million strips": lambda: strips(1, 240_000, 240_000, 1),
    "tiff: strips on a wide page": lambda: strips(16000, 2400, 240_000, 16000),
    "tiff: strips in LZW": lambda: strips(64, 16000, 240_000, 8, squeeze=5),
    "tiff: tiny tiles": lambda: tiles(240_000, 1),
    "tiff: a loop of a hundred thousand directories": many_directories,
    "tiff: deflated nothing": lambda: one_strip(6324, 6324, 8, zlib.compress(bytes(6324 * 6324))),
    "tiff: deflated nothing in floats": lambda: one_strip(6324, 6324, 8, zlib.compress(bytes(6324 * 6324 * 2)), 16),
    "tiff: group 4 of noise": lambda: one_strip(6324, 6324, 4, noise(SIZE), 1),
    "tiff: a tag of two million values": lambda: tiff(grey(64, 64, (273, 3, 1_000_000, b"\x08\0" * 1_000_000), (279, 4, 1, b"\0\x10\0\0"), (270, 1, 900_000, b"a" * 900_000))),
    "tiff: sixty thousand tags": lambda: tiff([(tag, 1, 17, b"a" * 17) for tag in range(300, 60_000)]),
}  # fmt: skip


def ordinary() -> Iterator[tuple[str, bytes]]:
    """What strangers have."""
    base = Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 60)
    wide = Image.effect_noise((4000, 3000), 40)
    colour = Image.merge("RGB", (base, base.transpose(Image.Transpose.FLIP_LEFT_RIGHT), base))
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.frombytes("I;16", (256, 64), struct.pack("<16384H", *range(0, 65536, 4)))
    frames = [colour, colour.rotate(9), colour.rotate(20)]
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        yield f"colour {form}", saved(colour, form)
    yield "16-bit PNG", saved(deep, "PNG")
    yield "16-bit TIFF", saved(deep, "TIFF")
    yield "floating-point TIFF", saved(base.convert("F"), "TIFF")
    yield "CMYK JPEG", saved(colour.convert("CMYK"), "JPEG")
    yield "CMYK TIFF", saved(colour.convert("CMYK"), "TIFF")
    yield "palette with transparency", saved(colour.convert("P"), "PNG", transparency=3)
    yield "see-through WebP", saved(colour.convert("RGBA").rotate(5), "WEBP")
    yield "grey and alpha", saved(base.convert("LA"), "PNG")
    yield "one-bit PNG", saved(base.convert("1"), "PNG")
    for squeeze in ("group4", "packbits", "tiff_lzw", "tiff_adobe_deflate"):
        mode = "1" if squeeze == "group4" else "RGB"
        yield f"TIFF {squeeze}", saved(colour.convert(mode), "TIFF", compression=squeeze)
    yield "A4 scan at 600 dpi", saved(Image.new("1", (4960, 7016), 1), "TIFF", compression="group4")
    yield "TIFF of three pages", saved(colour, "TIFF", save_all=True, append_images=frames)
    yield "MPO", saved(colour, "MPO", save_all=True, append_images=frames)
    for form in ("GIF", "WEBP", "PNG"):
        yield f"animated {form}", saved(colour, form, save_all=True, append_images=frames)
    yield "rotated by EXIF", saved(colour, "JPEG", exif=exif)
    yield "progressive JPEG", saved(colour, "JPEG", progressive=True)
    yield "JPEG with restarts", saved(colour, "JPEG", restart_marker_rows=1)
    yield "12 megapixels, JPEG", saved(wide.convert("RGB"), "JPEG", quality=85)
    yield "12 megapixels, progressive", saved(wide.convert("RGB"), "JPEG", progressive=True)
    yield "12 megapixels, PNG", saved(colour.resize((4000, 3000), 0), "PNG")


class Watched:
    """How long the loop was held at most while something ran."""

    def __init__(self) -> None:
        self.held = 0.0

    async def run(self, work: Awaitable[object]) -> None:
        beat = asyncio.create_task(self._beat())
        await asyncio.sleep(0.02)
        try:
            await work
        finally:
            beat.cancel()

    async def _beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            self.held = max(self.held, time.perf_counter() - began - 0.005)


def picture() -> bytes:
    return saved(Image.linear_gradient("L"), "PNG")


async def by_tool(bombs: list[bytes], store: ArtifactStore) -> None:
    """Eight candidates a call, as a tool of code, search or diffusion hands them over."""
    groups = [bombs[at : at + 8] for at in range(0, len(bombs), 8)]
    answers = [Produced(tuple(ToolImage(b, Provenance("x")) for b in group), usd=0.0) for group in groups]  # fmt: skip
    draft = "\n\n".join(slot("search", f"P{n}", query=f"q{n}") for n in range(len(groups)))
    graph = build_graph(model=ScriptedModel(script=lambda messages: draft), tools=[FakeTool("s", "search", answers)], store=store)  # fmt: skip
    await graph.ainvoke({"messages": [HumanMessage("x")]})


async def by_search(bombs: list[bytes], store: ArtifactStore) -> None:
    served = {f"http://x/{n}": bomb for n, bomb in enumerate(bombs)}

    async def download(url: str) -> bytes:
        return served[url]

    hits = [Hit((url,), Provenance("x")) for url in served]
    await fetch(hits, "q", download, 1, asyncio.get_running_loop().time() + 60)


async def by_message(bombs: list[bytes], store: ArtifactStore) -> None:
    import base64

    for bomb in bombs:
        block = {"type": "image", "base64": base64.b64encode(bomb).decode(), "mime_type": "image/png"}  # fmt: skip
        graph = build_graph(
            model=ScriptedModel(script=lambda messages: "Words."), tools=[], store=store
        )
        try:
            await graph.ainvoke(
                {"messages": [HumanMessage([{"type": "text", "text": "x"}, block])]}
            )
        except InputError:
            continue


async def by_command(*words: str, cwd: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("llmi")), *words, cwd=cwd,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.wait()


async def by_attachment(bombs: list[bytes], store: ArtifactStore) -> None:
    """As `--attach` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        for bomb in bombs:
            place = Path(folder) / "bomb.png"
            place.write_bytes(bomb)
            with contextlib.suppress(InputError):
                await asyncio.to_thread(attach_files, store, [place])


async def by_saved_document(bombs: list[bytes], store: ArtifactStore) -> None:
    """The command itself, for one document that holds them all."""
    figures = [
        Figure(
            number=number, slot=number - 1, kind="search", tool="x", digest=hashlib.sha256(bomb).hexdigest(),
            media_type="image/png", width=1, height=1, caption="x", params={}, provenance=Provenance("x"),
        )
        for number, bomb in enumerate(bombs, 1)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        document = Document(
            title="x",
            prompt="x",
            policy="x",
            episode="x",
            created="2026-11-28T00:00:00+00:00",
            blocks=tuple(figures),
        )
        write_document(document, store, Path(folder), ("json",))
        (Path(folder) / "images").mkdir(exist_ok=True)
        for figure, bomb in zip(figures, bombs, strict=True):
            (Path(folder) / "images" / file_name(figure)).write_bytes(bomb)
        await by_command("render", "document.json", cwd=folder)


async def by_call(tool: ToolSpec, store: ArtifactStore, call: ToolCall, **fields: object) -> None:
    async with make_session(tool, store=store, **fields) as session:
        await session.result(call)


async def by_gallery(bombs: list[bytes], store: ArtifactStore) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, bomb in enumerate(bombs):
            (Path(folder) / f"cat {number}.png").write_bytes(bomb)
        options = Options(folders=(Path(folder),))
        await by_call(GALLERY, store, make_call(GALLERY, query="cat"), options=options)


async def by_sandbox(bombs: list[bytes], store: ArtifactStore) -> None:
    """Code that writes a picture of its own making, under the name of a PNG."""
    for bomb in bombs:
        table = Attachment("bomb.csv", "text/csv", store.put(bomb), len(bomb))
        code = "from pathlib import Path\nPath('x.png').write_bytes(Path('bomb.csv').read_bytes())"
        await by_call(SANDBOX, store, make_call(SANDBOX, code=code), attachments=(table,))


async def by_edit(bombs: list[bytes], store: ArtifactStore) -> None:
    """An attached picture; nothing that begins as one comes into the store otherwise."""
    for bomb in bombs:
        with contextlib.suppress(IntakeError):
            source, _ = await asyncio.to_thread(store.put_image, bomb)
            call = make_call(EDIT, inputs=(source.digest,), prompt="make it sepia", img_index=0)
            await by_call(EDIT, store, call)


async def by_sight(bombs: list[bytes], store: ArtifactStore) -> None:
    """Bytes that came into the store as something else."""
    message = HumanMessage([reference(store.put(bomb), "image/png") for bomb in bombs])
    await asyncio.to_thread(with_pictures, message, store, 768)


DOORS = {
    "a tool's result": by_tool,
    "search hits": by_search,
    "a picture in a message": by_message,
    "--attach": by_attachment,
    "llmi render": by_saved_document,
    "a gallery's folder": by_gallery,
    "the sandbox's code": by_sandbox,
    "an edit's input": by_edit,
    "shown to a model": by_sight,
}


def most_memory() -> int:
    """MB that any of our processes that decode has ever held."""
    from llmi_agent.store.decoder import shared

    peaks = [0]
    for process in list(shared._all):
        status = Path(f"/proc/{process._process.pid}/status")
        if status.exists():
            peaks += [int(line.split()[1]) // 1024 for line in status.read_text().splitlines() if "VmHWM" in line]  # fmt: skip
    return max(peaks)


def processor_time() -> float:
    """Seconds of all processes that decode, those that have ended included: other work on the machine does not count."""
    from llmi_agent.store.decoder import shared

    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = dead.ru_utime + dead.ru_stime
    for process in list(shared._all):
        status = Path(f"/proc/{process._process.pid}/stat")
        if status.exists():
            fields = status.read_text().rsplit(")", 1)[1].split()
            spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def one(data: bytes) -> tuple[float, float, str]:
    """Medians of three: seconds by the clock, and of a processor, ours included; and what was said."""
    clocks, spents, words = [], [], ""
    for _ in range(3):
        clock, spent = time.perf_counter(), processor_time() + time.process_time()
        try:
            taken = admit(data)
            words = f"{taken.width} x {taken.height}"
        except IntakeError as error:
            words = str(error)
        clocks.append(time.perf_counter() - clock)
        spents.append(processor_time() + time.process_time() - spent)
    return statistics.median(clocks), statistics.median(spents), words


def bar(data: bytes) -> float:
    """Seconds that it may take."""
    width, height = (picture_size(data) or (0, 0)) if data[:1] in b"\x89\xff" else (0, 0)
    pixels = min(width * height, 40_000_000)
    return MOST_SECONDS + 0.025 * max(0.0, pixels / 1e6 - 12)


def by_itself(pictures: Iterable[tuple[str, bytes]]) -> tuple[float, int, list[str]]:
    """The largest share of its bar that one takes, the most memory, and those that were refused."""
    share, memory, refused = 0.0, 0, []
    for name, data in pictures:
        clock, spent, words = one(data)
        share, memory = max(share, min(clock, spent) / bar(data)), max(memory, most_memory())
        if not words[0].isdigit():
            refused.append(name)
        print(f"  {name:42} {len(data):9,} bytes {clock:5.2f} s by the clock {spent:5.2f} s of a processor  {words[:60]}", flush=True)  # fmt: skip
    return share, memory, refused


def by_doors(bombs: list[bytes]) -> float:
    """The longest that a door held the loop: medians of three."""
    most = 0.0
    for name, door in DOORS.items():
        held, clock = [], time.perf_counter()
        for _ in range(3):
            watched = Watched()
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(watched.run(door(bombs, ArtifactStore(folder))))
            held.append(watched.held)
        each = (time.perf_counter() - clock) / 3 / len(bombs)
        most = max(most, statistics.median(held))
        print(f"  by {name:26} {each:5.2f} s each, loop held {statistics.median(held):.3f} s", flush=True)  # fmt: skip
    return most


def main() -> None:
    print("name: pictures that cost more than their pixels")
    bombs = {name: make() for name, make in BOMBS.items()}
    admit(picture())  # the first one starts the process
    share, memory, _ = by_itself(bombs.items())
    usual, more, refused = by_itself(ordinary())
    kinds = {name.split(":")[0]: data for name, data in bombs.items()}  # the last of each format
    kinds["tiff"] = bombs["tiff: strips on a wide page"]
    chosen = list(bombs.values()) if "--all" in sys.argv else list(kinds.values())
    held = by_doors(chosen)
    memory = max(memory, more, most_memory())
    print(f"slowest of {len(bombs)}: {share:.2f} of its time (bar: <= 1, of 1 s and 25 ms a megapixel of PNG or JPEG above 12)")  # fmt: skip
    print(f"most memory of a process that decodes: {memory} MB (bar: <= {MOST_MEMORY} MB)")
    print(f"loop held, {len(DOORS)} doors: {held:.3f} s (bar: <= {MOST_HELD} s)")
    print(f"ordinary pictures: slowest {usual:.2f} of its time (bar: <= 1); refused: {', '.join(refused) or 'none'} (bar: none)")  # fmt: skip
    sys.exit(share > 1 or usual > 1 or memory > MOST_MEMORY or held > MOST_HELD or bool(refused))


if __name__ == "__main__":
    main()
