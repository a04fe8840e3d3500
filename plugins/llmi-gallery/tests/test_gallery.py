"""Searching folders: what is found, in which order, with which provenance, and what is survived."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from llmi_agent.contract import Produced, ToolContext, ToolFailed, ToolRetry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import make_call, make_context, random_png
from llmi_gallery import index, samples, tool
from llmi_gallery.plugin import SPEC, llmi_tools
from llmi_gallery.scan import Scan
from llmi_gallery.tool import Gallery

MakeContext = Callable[..., ToolContext]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    names = [
        "harbour/boatAtSunset.png",
        "harbour/crane.png",
        "red_square-2019.png",
        "故宫博物院.png",
    ]
    for seed, name in enumerate(names):
        _picture(folder / name, seed)
    return folder


@pytest.fixture
async def context(tmp_path: Path, photos: Path) -> AsyncIterator[MakeContext]:
    async with AsyncExitStack() as scope:

        def make(*folders: Path, **fields: Any) -> ToolContext:
            store = ArtifactStore(tmp_path / "store")
            return make_context(store, scope, folders=folders or (photos,), **fields)

        yield make


def _picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random_png(seed=seed))


async def _find(context: ToolContext, query: str) -> list[str]:
    """The titles of what is found; file names where there is no other title."""
    result = await Gallery().run(make_call(SPEC, query=query), context)
    assert isinstance(result, Produced)
    return [image.provenance.title or "" for image in result.images]


def _scan(folder: Path, warnings: list[str] | None = None, **fields: Any) -> Scan:
    return Scan(folder, [].append if warnings is None else warnings.append, **fields)


def test_the_door_offers_the_tool_and_stays_light() -> None:
    assert [spec.name for spec in llmi_tools()] == ["llmi_gallery"]
    code = "import sys, llmi_gallery.plugin; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(out.stdout.split()) & {"sqlite3", "PIL", "skimage", "llmi_gallery.tool"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("a photo of the red square", "red_square-2019.png"),
        ("boats", "boatAtSunset.png"),
        ("sunset", "boatAtSunset.png"),
        ("HARBOUR crane", "crane.png"),
        ("故宫", "故宫博物院.png"),
        ("北京故宫的照片", "故宫博物院.png"),
        ("the", "the.png"),
    ],
)
async def test_file_and_folder_names_are_found(
    context: MakeContext, photos: Path, query: str, name: str
) -> None:
    _picture(photos / "the.png")
    assert (await _find(context(), query))[0] == name


async def test_more_words_win_then_better_places_and_four_at_most(
    context: MakeContext, photos: Path
) -> None:
    captions = {
        "one.png": {"title": "Castle"},
        "two.png": {"title": "Castle on a hill in winter"},
        "three.png": {"title": "Winter"},
    }
    for name in (*captions, "castle/x1.png", "castle/x2.png", "castle/x3.png"):
        _picture(photos / name)
    (photos / "captions.json").write_text(json.dumps(captions))
    found = await _find(context(), "castle in winter")
    assert found[0] == "Castle on a hill in winter"
    assert set(found[1:3]) == {"Castle", "Winter"}
    assert len(found) == 4


_FIELDS = {
    "title": "The old bridge",
    "caption": "A bridge in fog",
    "tags": ["river", "fog"],
    "creator": "Ada Example",
    "license": "CC-BY-4.0",
    "license_url": "https://creativecommons.org/licenses/by/4.0/",
    "source_url": "https://example.org/bridge.jpg",
    "page_url": "javascript:alert(1)",
    "attribution": "Ada Example, CC BY 4.0",
}
_FLAT = {**_FIELDS, "tags": "river, fog"}
_CSV = "\ufefffilename,{}\nx.png,{}\n".format(
    ",".join(_FLAT), ",".join(f'"{value}"' for value in _FLAT.values())
)


@pytest.mark.parametrize(
    ("sidecar", "text"),
    [
        ("captions.json", json.dumps({"x.png": _FIELDS})),
        ("captions.json", json.dumps([{"file": "x.png", **_FIELDS}])),
        ("captions.csv", _CSV),
        ("x.png.json", json.dumps(_FIELDS)),
        ("x.json", json.dumps(_FLAT)),
        ("../captions.json", json.dumps({"sub/x.png": _FIELDS})),
    ],
)
async def test_a_sidecar_is_searched_and_its_attribution_kept(
    context: MakeContext, photos: Path, sidecar: str, text: str
) -> None:
    _picture(photos / "sub" / "x.png")
    (photos / "sub" / sidecar).write_text(text, encoding="utf-8")
    result = await Gallery().run(make_call(SPEC, query="foggy bridges"), context())
    assert isinstance(result, Produced)
    said = result.images[0].provenance
    assert result.images[0].data == random_png()
    assert (said.provider, said.title, said.creator) == (
        "llmi-gallery",
        "The old bridge",
        "Ada Example",
    )
    assert (said.licence, said.licence_url) == ("CC-BY-4.0", _FIELDS["license_url"])
    assert (said.attribution, said.source_url) == (
        "Ada Example, CC BY 4.0",
        "https://example.org/bridge.jpg",
    )
    assert said.page_url is None
    assert str(photos) not in repr(said)


async def test_a_picture_without_captions_says_its_file_name_only(context: MakeContext) -> None:
    result = await Gallery().run(make_call(SPEC, query="crane"), context())
    assert isinstance(result, Produced)
    said = result.images[0].provenance
    assert (said.title, said.licence, said.attribution) == ("crane.png", None, None)


async def test_plain_captions_and_the_nearest_sidecar_wins(
    context: MakeContext, photos: Path
) -> None:
    _picture(photos / "y.png")
    (photos / "y.txt").write_text("Ein Leuchtturm am Meer")
    (photos / "captions.json").write_text(json.dumps({"y.png": {"caption": "zebra", "title": "T"}}))
    assert await _find(context(), "leuchtturm") == ["T"]
    with pytest.raises(ToolRetry):
        await _find(context(), "zebra")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("captions.json", b"{"),
        ("captions.json", b"[" * 100_000),
        ("captions.json", b'"text"'),
        ("captions.json", b'{"crane.png": 3}'),
        ("captions.json", b'[{"title": "no file"}]'),
        ("captions.csv", b"title\nx\n"),
        ("captions.csv", b'file,title\n"' + b"x" * 200_000),
        ("captions.csv", b"\xff\xfe\x00"),
        ("crane.json", b"[]"),
        ("crane.txt", b"\xff"),
    ],
)
def test_a_broken_sidecar_is_named_and_left_out(photos: Path, name: str, data: bytes) -> None:
    (photos / "harbour" / name).write_bytes(data)
    warnings: list[str] = []
    with index.opened(None) as gallery:
        assert gallery.refresh(_scan(photos, warnings).pictures()) == 4
        assert [hit.path.name for hit in gallery.search("crane", 4)] == ["crane.png"]
    assert len(warnings) == 1
    assert name in warnings[0]


def test_a_caption_with_lone_surrogates_does_no_harm(photos: Path) -> None:
    (photos / "captions.json").write_text(r'{"red_square-2019.png": "moscow \ud800"}')
    with index.opened(None) as gallery:
        gallery.refresh(_scan(photos).pictures())
        assert len(gallery.search("moscow \ud800", 4)) == 1


async def test_nothing_found_teaches_words_that_exist(context: MakeContext) -> None:
    with pytest.raises(ToolRetry, match=r"no picture matches 'suset zeppelin'.*such as sunset"):
        await _find(context(), "suset zeppelin")
    with pytest.raises(ToolRetry, match="no picture matches"):
        await _find(context(), "???")


async def test_unreadable_pictures_are_passed_over(
    context: MakeContext, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "MOST_BYTES", 50_000)
    (photos / "crane-empty.png").touch()
    (photos / "crane-broken.png").write_bytes(b"not a picture")
    (photos / "crane-huge.png").write_bytes(random_png(200, 200))
    (photos / "crane-gone.png").symlink_to("nowhere")
    assert await _find(context(), "crane") == ["crane.png"]


async def test_a_folder_from_the_settings_and_a_wrong_one(
    context: MakeContext, photos: Path, tmp_path: Path
) -> None:
    configured = context(tmp_path / "nowhere", settings={"folders": [str(photos)]})
    assert await _find(configured, "crane") == ["crane.png"]
    with pytest.raises(ToolFailed, match=r"no such folder of pictures: .*nowhere"):
        await _find(context(tmp_path / "nowhere"), "crane")
    with pytest.raises(ToolFailed, match="must be a list of paths"):
        await _find(context(settings={"folders": "x"}), "crane")


async def test_links_in_circles_hidden_folders_and_the_cap(photos: Path, tmp_path: Path) -> None:
    (photos / "loop").symlink_to(photos)
    (photos / "harbour" / "up").symlink_to(photos, target_is_directory=True)
    _picture(photos / ".thumbnails" / "crane.png")
    _picture(photos / ".crane.png")
    (photos / "notes.md").write_text("crane")
    assert len(list(_scan(photos).pictures())) == 4
    warnings: list[str] = []
    assert len(list(_scan(photos, warnings, most=2).pictures())) == 2
    assert "more than 2 pictures" in warnings[0]


def test_only_what_changed_is_described_again(tmp_path: Path) -> None:
    folder, png = tmp_path / "many", random_png(8, 8)
    for number in range(5000):
        path = folder / f"part{number % 50}" / f"picture_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    with index.opened(tmp_path / "index.sqlite3") as gallery:
        assert gallery.refresh(_scan(folder).pictures()) == 5000
        assert gallery.refresh(_scan(folder).pictures()) == 0
        os.utime(folder / "part7" / "picture_7.png", (1, 1))
        (folder / "part8" / "picture_8.txt").write_text("zebra crossing")
        assert gallery.refresh(_scan(folder).pictures()) == 2
        assert [hit.path.name for hit in gallery.search("zebra", 4)] == ["picture_8.png"]
        (folder / "part8" / "picture_8.png").unlink()
        shutil.rmtree(folder / "part9")
        assert gallery.refresh(_scan(folder).pictures()) == 0
        assert gallery.search("zebra", 4) == []
        assert len(gallery.search("picture", 9999)) == 4899


async def test_a_broken_index_is_built_anew(context: MakeContext, home: Path) -> None:
    await _find(context(), "crane")
    (place,) = (home / "cache" / "gallery").glob("*.sqlite3")
    place.write_bytes(b"this is no database" * 500)
    assert await _find(context(), "crane") == ["crane.png"]
    with sqlite3.connect(place) as db:
        assert db.execute("SELECT COUNT(*) FROM picture").fetchone() == (4,)
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert await _find(context(), "crane") == ["crane.png"]


async def test_without_a_place_for_the_index_the_search_still_works(
    context: MakeContext, home: Path
) -> None:
    home.write_text("a file where the folder should be")  # noqa: ASYNC240
    assert await _find(context(), "crane") == ["crane.png"]


@pytest.fixture
def read_only(photos: Path) -> Iterator[Path]:
    before = sorted(photos.rglob("*"))
    photos.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield photos
    photos.chmod(stat.S_IRWXU)
    assert sorted(photos.rglob("*")) == before


async def test_a_read_only_folder_stays_as_it_is(context: MakeContext, read_only: Path) -> None:
    assert await _find(context(read_only), "crane") == ["crane.png"]


def test_processes_at_once_share_one_index(photos: Path, tmp_path: Path) -> None:
    for number in range(300):
        _picture(photos / f"extra_{number}.png", number)
    code = (
        "import sys; from pathlib import Path; from llmi_gallery import index; "
        "from llmi_gallery.scan import Scan\n"
        "place, folder = map(Path, sys.argv[1:])\n"
        "with index.opened(place) as gallery:\n"
        "    made = gallery.refresh(Scan(folder, print).pictures())\n"
        "    print(made, len(gallery.search('extra', 999)))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "shared.sqlite3"), str(photos)]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=60)[0].split() for process in running]
    assert sorted(made for made, _ in answers) == ["0", "0", "304"]
    assert {found for _, found in answers} == {"300"}


_ODD = st.text(st.sampled_from("\"'*()^:-+ANDORNOT{}\\%_;\0 é故宫ねこ서울²½ª\ud800"), max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=200), _ODD))
def test_no_query_breaks_the_search(query: str) -> None:
    with index.opened(None) as gallery:
        gallery.refresh(samples.pictures())
        assert len(gallery.search(query, 4)) <= 4
        gallery.suggestions(query)


@pytest.mark.parametrize("query", ['" OR 1=1 --', "title:cat", "cat*", "NEAR(cat)", "cat'; DROP"])
async def test_operators_are_only_words(query: str) -> None:
    with index.opened(None) as gallery:
        gallery.refresh(samples.pictures())
        hits = gallery.search(query, 4)
        assert [hit.caption.title for hit in hits] in ([], ["Chelsea the cat"])


async def test_samples_when_there_is_no_folder(tmp_path: Path) -> None:
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(tmp_path / "store"), scope)
        assert (await Gallery().check(context)).ok
        assert await _find(context, "a cup of hot coffee") == ["Cup of coffee"]
        result = await Gallery().run(make_call(SPEC, query="a cat"), context)
    assert isinstance(result, Produced)
    said = result.images[0].provenance
    assert (said.creator, said.licence) == ("Stefan van der Walt", "CC0-1.0")
    assert "skimage" not in sys.modules


def test_every_sample_is_installed_and_says_its_licence() -> None:
    found = list(samples.pictures())
    assert len(found) >= 14
    for picture in found:
        caption = picture.describe().caption
        assert caption.title
        assert caption.licence
        assert caption.attribution
