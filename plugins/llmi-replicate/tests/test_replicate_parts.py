"""The parts that need no server: the door, the settings, pictures on their way out, and an SDK that is broken."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from PIL import Image

from llmi_agent.contract import ToolFailed, read_settings
from llmi_agent.testing import check_light_import, random_png
from llmi_replicate import pictures
from llmi_replicate.models import MODELS
from llmi_replicate.pictures import data_uri
from llmi_replicate.plugin import SPECS, llmi_tools
from llmi_replicate.settings import OwnEditSettings, OwnSettings, Settings, own_model


def test_the_door_offers_the_tools_and_stays_light() -> None:
    assert list(llmi_tools()) == list(SPECS.values())
    check_light_import("llmi_replicate.plugin")


def test_one_tool_of_each_kind_need_not_be_named() -> None:
    unnamed = {spec.kind: spec.name for spec in llmi_tools() if not spec.opt_in}
    assert unnamed == {"diffusion": "replicate_flux_schnell", "edit": "replicate_flux_kontext"}
    assert len([spec for spec in llmi_tools() if not spec.opt_in]) == 2


def test_every_tool_of_the_table_has_a_price_and_the_others_do_not() -> None:
    for name, spec in SPECS.items():
        assert spec.usd == (MODELS[name].usd if name in MODELS else None)
        assert spec.usd != 0
        assert spec.needs == ("REPLICATE_API_TOKEN",)


def test_the_module_has_no_tool_of_another_name() -> None:
    from llmi_replicate import tool

    with pytest.raises(AttributeError, match="replicate_flux_max"):
        _ = tool.replicate_flux_max


# Settings


@pytest.mark.parametrize(
    ("form", "values", "words"),
    [
        (Settings, {"modell": "x/y"}, ["modell", "no such setting", "api_base, input"]),
        (Settings, {"model": "x/y"}, ["model"]),
        (Settings, {"api_base": "ftp://example.org"}, ["api_base", "http"]),
        (Settings, {"input": "16:9"}, ["input", "dictionary"]),
        (Settings, {"input": {"on": date(2026, 1, 1)}}, ["input.on", "JSON"]),
        (OwnSettings, {}, ["model", "owner/name"]),
        (OwnSettings, {"model": 7}, ["model", "owner/name"]),
        (OwnSettings, {"model": "flux"}, ["model", "owner/name:version"]),
        (OwnSettings, {"model": "../account/x"}, ["model", "owner/name"]),
        (OwnSettings, {"model": "a/b", "image_input": "image"}, ["image_input", "no such setting"]),
        (OwnEditSettings, {"model": "a/b", "prompt_input": ""}, ["prompt_input", "at least 1"]),
        (OwnEditSettings, {"model": "a/b", "image_list": 7}, ["image_list", "boolean"]),
    ],
)
def test_a_wrong_setting_is_named(
    form: type[Settings], values: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ToolFailed) as caught:
        read_settings(values, form, "replicate_image")
    for word in words:
        assert word in str(caught.value)


def test_a_model_of_ones_own_has_the_names_that_its_settings_say() -> None:
    values = {"model": "a/b:c", "image_input": "photo", "image_list": True, "seed_input": "number"}
    model = own_model(OwnEditSettings.model_validate(values), "edit")
    assert (model.name, model.image_input, model.image_list) == ("a/b:c", "photo", True)
    assert (model.prompt_input, model.seed_input, model.usd) == ("prompt", "number", None)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://api.replicate.com", "https://api.replicate.com"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/proxy", "http://127.0.0.1:8000/proxy"),
    ],
)
def test_the_address_of_the_api_is_given_with_or_without_its_version(given: str, base: str) -> None:
    assert Settings.model_validate({"api_base": given}).base == base


# Pictures on their way out


def _decoded(uri: str) -> tuple[str, Image.Image, int]:
    head, _, data = uri.partition(",")
    raw = base64.b64decode(data)
    return head, Image.open(io.BytesIO(raw)), len(raw)


def test_a_small_picture_is_sent_as_it_is() -> None:
    png = random_png(300, 200)
    assert data_uri(png) == f"data:image/png;base64,{base64.b64encode(png).decode()}"


def test_a_large_picture_is_made_smaller_and_keeps_its_shape() -> None:
    noise = random_png(2400, 1200)
    assert len(noise) > pictures.MOST_SENT
    head, picture, size = _decoded(data_uri(noise))
    assert head == "data:image/jpeg;base64"
    assert size <= pictures.MOST_SENT
    assert picture.size in [(side, side // 2) for side in pictures.SIDES]


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "WEBP"])
def test_what_the_intake_never_writes_is_not_decoded(form: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, form)
    with pytest.raises(ToolFailed, match="cannot be read"):
        data_uri(out.getvalue())


def test_what_is_transparent_becomes_white(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_SENT", 10)
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(out, "PNG")
    _, picture, _ = _decoded(data_uri(out.getvalue()))
    assert picture.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"<html>", random_png(2400, 1200)[:200_000]])
def test_a_picture_that_cannot_be_read_is_told(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_SENT", 1000)
    with pytest.raises(ToolFailed, match="cannot be read") as caught:
        data_uri(data)
    assert (caught.value.reason, caught.value.usd) == ("bad_params", 0.0)


# An SDK that does not work

_BROKEN = """
import asyncio, sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "replicate" or name.startswith("replicate."):
            raise {error}
sys.meta_path.insert(0, Broken())

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, make_call, make_context, make_session
from llmi_agent.host.registry import discover
from llmi_replicate.plugin import KEY, SPECS
from llmi_replicate.tool import ReplicateTool

async def main():
    spec, other = SPECS["replicate_flux_schnell"], FakeTool("other", "search")
    store = ArtifactStore(Path(mkdtemp()))
    secrets = {{KEY: "r8_x"}}
    async with make_session(spec, other, store=store, secrets=secrets) as session:
        failed = await session.result(make_call(spec, prompt="a boat"))
        print(failed.reason, failed.usd, failed.message)
        fine = await session.result(make_call(other.spec, slot=1, query="a boat"))
        print(type(fine).__name__)
    async with AsyncExitStack() as scope:
        print(await ReplicateTool(spec.name).check(make_context(store, scope, secrets=secrets)))
    print(spec.name in discover().tools)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ImportError('no pydantic.v1 here')", "ImportError"),
        ("TypeError('unable to infer type for attribute')", "TypeError"),
    ],
)
def test_a_broken_sdk_takes_only_itself_out(error: str, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN.format(error=error)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    failed, fine, health, known = done.stdout.splitlines()[-4:]
    assert failed.startswith("unavailable 0.0 the package replicate does not work here")
    assert name in failed
    assert "pip install 'replicate>=1.0.7,<2'" in failed
    assert fine == "Finished"
    assert "ok=False" in health
    assert known == "True"
