"""Pictures as they come out of the tool."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageChops, ImageStat

from llmi_agent.contract import Produced, ToolFailed
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.intake import admit
from llmi_agent.testing import make_call, make_context
from llmi_sketch import abstract, finish, network
from llmi_sketch.plugin import llmi_tools
from llmi_sketch.scene import paint
from llmi_sketch.tool import NOTE, Sketch, sketch
from llmi_sketch.words import Scene, scene_of

(SPEC,) = llmi_tools()
PROMPTS = [
    "rain over a city skyline with mountains behind, muted blues",
    "a watercolour of a lighthouse above a sea of clouds",
    "a thunderstorm over the ocean with a boat",
    "snow in a winter forest with a cabin at night",
    "palm trees on a beach at sunset, vintage",
    "dunes under a starry sky",
    "a wheat field, foggy dawn, birds, hot air balloon",
    "flowers, a big tree and a family under a rainbow in spring",
    "a bridge over a river at dusk, blueprint",
    "aurora over the mountains, black and white",
    "a planet in space",
    "statistics",
    "an agent network",
    "trust, minimal",
    "",
]


def small(prompt: str) -> Image.Image:
    """The scene at a size that is quick to paint."""
    scene = scene_of(prompt)
    return paint(Scene(**{**vars(scene), "size": (384, 216)}))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_kind_of_scene_is_a_picture(prompt: str) -> None:
    picture = small(prompt)
    assert picture.size == (384, 216)
    assert max(ImageStat.Stat(picture).stddev) > 8


@pytest.mark.parametrize(
    "prompt",
    [
        *("statistics", "a bar chart of sales", "a pie chart", "a graph that goes up, blueprint"),
        *("histogram", "axes and curves", "an infographic dashboard", "a network graph of data"),
    ],
)
def test_no_placeholder_looks_like_a_chart(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the orbs are painted, in a style without a grid."""
    painted = []
    for name in ("_flow", "_orbs", "_contours"):
        monkeypatch.setattr(abstract, name, lambda *_, own=name: painted.append(own))
    monkeypatch.setattr(network, "paint_network", lambda *_: painted.append("network"))
    for seed in range(9):
        scene = scene_of(prompt, seed)
        paint(Scene(**{**vars(scene), "size": (96, 54)}))
        assert scene.style != "blueprint"
    assert painted == ["_orbs"] * 9


def test_pictures_differ_from_prompt_to_prompt() -> None:
    thumbs = [np.asarray(small(prompt).resize((32, 18)), int) for prompt in PROMPTS]
    gaps = [
        np.abs(one - two).mean() for index, one in enumerate(thumbs) for two in thumbs[index + 1 :]
    ]
    assert min(gaps) > 4


def test_another_seed_is_another_picture_of_the_same_words() -> None:
    assert sketch("a lighthouse", 1) != sketch("a lighthouse", 2)


def test_the_same_bytes_in_another_process() -> None:
    prompt = "hills at sunset"
    script = f"import sys; from llmi_sketch.tool import sketch; sys.stdout.buffer.write(sketch({prompt!r}, 3))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == sketch(prompt, 3)


@pytest.mark.parametrize(
    ("words", "size"),
    [("", (1536, 864)), ("portrait", (864, 1152)), ("square", (1080, 1080)), ("wide", (1792, 768))],
)
def test_the_prompt_may_ask_for_a_shape(words: str, size: tuple[int, int]) -> None:
    assert Image.open(io.BytesIO(sketch(f"a sea at night {words}"))).size == size


@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_the_badge_is_there_and_legible(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, badge = scene_of(prompt), finish._with_badge
    without: list[Image.Image] = []

    def labels(picture: Image.Image) -> Image.Image:
        without.append(picture.copy())
        return badge(picture)

    monkeypatch.setattr(finish, "_with_badge", labels)
    labelled = paint(scene)
    left, top, right, bottom = ImageChops.difference(labelled, *without).getbbox() or (0,) * 4
    width, height = scene.size
    assert left > width * 0.6
    assert top > height * 0.9
    assert 0.1 * width < right - left < 0.3 * width
    low, high = labelled.crop((left, top, right, bottom)).convert("L").getextrema()
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert high - low > 150


async def test_the_tool_says_that_it_is_a_placeholder(tmp_path: Path) -> None:
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(tmp_path), scope, seed=5)
        call = make_call(SPEC, prompt="a lighthouse at night")
        result = await Sketch().run(call, context)
        again = await Sketch().run(call, context)
    assert isinstance(result, Produced)
    assert result == again
    assert result.note == NOTE
    assert result.usd == 0.0
    provenance = result.images[0].provenance
    assert provenance.placeholder
    assert (provenance.provider, provenance.model, provenance.seed) == ("llmi-sketch", None, 5)
    assert not admit(result.images[0].data).blank


@given(st.text(max_size=60))
@settings(max_examples=12, deadline=None)
def test_any_text_can_be_drawn(text: str) -> None:
    assert small(text).getbbox() is not None


def test_the_door_is_light() -> None:
    script = (
        "import sys, llmi_sketch.plugin; print([m for m in ('PIL', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("scale", [0.25, 0.5, 1])
async def test_it_draws_as_large_as_the_settings_say(tmp_path: Path, scale: float) -> None:
    call = make_call(SPEC, prompt="a forest, 9:16")
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(tmp_path), scope, settings={"scale": scale})
        made = await Sketch().run(call, context)
    assert isinstance(made, Produced)
    picture = Image.open(io.BytesIO(made.images[0].data))
    assert picture.size == (864 * scale, 1536 * scale)


@pytest.mark.parametrize("size", [(216, 384), (216, 288), (384, 216)])
def test_the_badge_fits_on_the_smallest_pictures(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    scene = Scene(**{**vars(scene_of("a plain")), "size": size})
    picture = paint(scene)
    monkeypatch.setattr(finish, "_with_badge", lambda bare: bare)
    badge = ImageChops.difference(picture, paint(scene)).getbbox()
    assert badge
    assert 0 < badge[0] < badge[2] < size[0]


@pytest.mark.parametrize("scale", [0, 0.24, 1.1, -1, "half", True, None, float("nan"), 10**400])
async def test_a_scale_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, scale: object
) -> None:
    call = make_call(SPEC, prompt="a forest")
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(tmp_path), scope, settings={"scale": scale})
        with pytest.raises(ToolFailed, match=r"\[tools.llmi_sketch\] scale: must be a number"):
            await Sketch().run(call, context)
