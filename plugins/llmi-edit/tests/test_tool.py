"""The tool as the framework calls it."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from PIL import Image

from llmi_agent.contract import Failed, Produced, ToolResult
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call, make_context, random_png
from llmi_edit.plugin import llmi_tools
from llmi_edit.tool import Edit

(SPEC,) = llmi_tools()


async def run(folder: Path, data: bytes | None, prompt: str) -> ToolResult:
    store = ArtifactStore(folder)
    inputs = (store.put(data),) if data is not None else ()
    async with AsyncExitStack() as scope:
        call = make_call(SPEC, inputs=inputs, img_index=0, prompt=prompt)
        return await Edit().run(call, make_context(store, scope))


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(random_png(300, 200))).save(out, "JPEG")
    return out.getvalue()


async def test_an_edit_says_what_it_did(tmp_path: Path) -> None:
    prompt = "Crop it to 16:9, give it a sepia tone and add the caption 'Rain'"
    result = await run(tmp_path, random_png(320, 240), prompt)
    assert isinstance(result, Produced)
    assert result.note == "cropped to 16:9, sepia, caption 'Rain'"
    assert result.usd == 0.0
    (image,) = result.images
    assert image.provenance.provider == "llmi-edit"
    assert Image.open(io.BytesIO(image.data)).size == (320, 180)


async def test_a_jpeg_stays_one_until_it_is_see_through(tmp_path: Path) -> None:
    for prompt, expected in (("mirror it", "JPEG"), ("rotate it by 10 degrees", "PNG")):
        result = await run(tmp_path, jpeg(), prompt)
        assert isinstance(result, Produced)
        assert Image.open(io.BytesIO(result.images[0].data)).format == expected


async def test_the_same_edit_gives_the_same_bytes(tmp_path: Path) -> None:
    twice = [await run(tmp_path, random_png(), "make it blue, write 'x'") for _ in range(2)]
    assert twice[0] == twice[1]


async def test_a_refusal_names_the_part_and_what_can_be_done(tmp_path: Path) -> None:
    result = await run(tmp_path, random_png(), "crop to a square and remove the person")
    assert isinstance(result, Failed)
    assert result.reason == "refused"
    assert result.retryable
    assert "remove the person" in result.message
    assert "sepia" in result.message


async def test_what_cannot_be_done_to_this_picture_is_refused(tmp_path: Path) -> None:
    result = await run(tmp_path, random_png(), "crop to 4000x3000 px")
    assert isinstance(result, Failed)
    assert "only 64 x 48 px" in result.message


async def test_no_picture_and_a_broken_one(tmp_path: Path) -> None:
    missing = await run(tmp_path, None, "mirror it")
    assert isinstance(missing, Failed)
    assert missing.reason == "bad_params"
    broken = await run(tmp_path, b"not a picture", "mirror it")
    assert isinstance(broken, Failed)
    assert "decoded" in broken.message


def test_the_door_is_light() -> None:
    script = (
        "import sys, llmi_edit.plugin; print([m for m in ('PIL', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
