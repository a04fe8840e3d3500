"""Drafts that answer pictures: taken with these, or left out."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llmi_agent.base.errors import InputError
from llmi_agent.document.messages import reference
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png
from llmi_train.preferences.choosing import Best
from llmi_train.preferences.files import write
from llmi_train.preferences.reading import examples_in, pairs_in
from llmi_train.preferences.scored import PICTURES, scored
from llmi_train.rows.faults import BadTrace, MixedGroup
from llmi_train.rows.pictures import Picture

from ..rows.scene import Call, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home-of-traces")


def draft(home: Home, name: str, number: int, *seeds: int, **opened: Any) -> list[str]:
    """One that answers pictures; gives their digests."""
    store = ArtifactStore(home.journal.path.parent)
    digests = [store.put(random_png(seed=each)) for each in seeds]
    shown = [{"type": "text", "text": "A fox. "}, *(reference(d, "image/png") for d in digests)]
    call = Call(completion=(10, number, 99), asked=shown)
    home.episode(f"{name}{number}", call, reward=number, group=name, member=number, **opened)
    return digests


def test_they_are_taken_with_their_pictures_or_left_out(home: Home) -> None:
    for n in (0, 1):
        digests = draft(home, "g", n, 3, 1)
        draft(home, "plain", n)
    (best, plain) = Best().of(scored(home.root, sees=True)).taken
    assert [each.digest for each in best.pictures] == digests
    assert [each.read() for each in best.pictures] == [random_png(seed=n) for n in (3, 1)]
    assert not plain.pictures
    left = scored(home.root)
    assert {each.member.episode for each in left} == {"plain0", "plain1"}
    assert left.left_out[PICTURES] == 2


def test_what_a_blind_policy_was_not_shown_is_not_learnt_with_it(home: Home) -> None:
    for n in (0, 1):
        draft(home, "g", n, 3, options={"vision": False})
    for sees in (True, False):
        (best,) = Best().of(scored(home.root, sees=sees)).taken
        assert not best.pictures
        assert best.prompt == ({"role": "user", "content": "A fox. "},)


def test_one_that_is_gone_is_refused_or_left_out_and_other_ones_are_not_compared(
    home: Home,
) -> None:
    for n in (0, 1):
        (digest,) = draft(home, "bad", n, 3)
        draft(home, "mixed", n, n)
        draft(home, "good", n)
    with pytest.raises(MixedGroup, match="mixed"):
        scored(home.root, sees=True)
    ArtifactStore(home.journal.path.parent).path(digest).unlink()
    with pytest.raises(BadTrace, match="is not there"):
        scored(home.root, sees=True)
    left = scored(home.root, sees=True, leave_out_bad=True)
    assert {each.member.episode for each in left} == {"good0", "good1"}


def image(n: int) -> dict[str, Any]:
    return {"bytes": base64.b64encode(random_png(seed=n)).decode(), "path": "a.png"}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


SHOW = {"type": "image"}
ANSWER = [{"role": "assistant", "content": "Foxes."}]


def pixels(picture: Picture) -> bytes:
    with Image.open(io.BytesIO(picture.read())) as opened:
        return opened.convert("RGB").tobytes()


def drawn(n: int) -> bytes:
    with Image.open(io.BytesIO(random_png(seed=n))) as opened:
        return opened.tobytes()


def test_examples_of_a_file_show_pictures_in_their_places_or_before_the_question(
    tmp_path: Path,
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.png").write_bytes(random_png(seed=2))
    said = {"type": "text", "text": "What?"}
    talk = [
        {"role": "user", "content": [SHOW, said]},
        *ANSWER,
        {"role": "user", "content": [said, SHOW]},
        *ANSWER,
    ]
    file = written(
        tmp_path / "x.jsonl",
        {"messages": talk, "images": [image(1), "b/two.png"]},
        {"prompt": "What?", "completion": "Foxes.", "image": {"path": "b/two.png"}},
        {"prompt": "What?", "completion": "Foxes."},
    )
    first, second, before, plain = examples_in(file).taken
    assert [pixels(each) for each in first.pictures] == [drawn(1)]
    assert [pixels(each) for each in second.pictures] == [drawn(1), drawn(2)]
    assert second.prompt[2]["content"] == [said, SHOW]
    assert before.prompt == ({"role": "user", "content": [SHOW, said]},)
    assert not before.plain
    assert (plain.pictures, plain.plain) == ((), True)
    with pytest.raises(InputError, match=r"line 1.* shows pictures, and no file here holds any"):
        write([first], tmp_path / "y.jsonl")


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("<image>\nWhat?", [SHOW, text("\nWhat?")]),
        ("See <|vision_start|><|image_pad|><|vision_end|> here", [text("See "), SHOW, text(" here")]),
        ("<|image_pad|>What?", [SHOW, text("What?")]),
        ("<start_of_image>What?", [SHOW, text("What?")]),
        ("<image><image>Differ?", [SHOW, SHOW, text("Differ?")]),
    ],
)  # fmt: skip
def test_marks_in_a_text_are_the_places_of_pictures(
    said: str, parts: list[Any], tmp_path: Path
) -> None:
    images = [image(n) for n in range(parts.count(SHOW))]
    talk = [{"from": "human", "value": said}, {"from": "gpt", "value": "Foxes."}]
    file = written(
        tmp_path / "x.jsonl",
        {"prompt": said, "completion": "Foxes.", "images": images},
        {"conversations": talk, "images": images},
    )
    for found in examples_in(file).taken:
        assert found.prompt == ({"role": "user", "content": parts},)
        assert [pixels(each) for each in found.pictures] == [drawn(n) for n in range(len(images))]


def test_parts_of_messages_and_data_urls_hold_pictures(tmp_path: Path) -> None:
    (tmp_path / "two.png").write_bytes(random_png(seed=2))
    url = f"data:image/png;base64,{image(1)['bytes']}"
    parts = [
        {"type": "image_url", "image_url": {"url": url}},
        text("and"),
        {"type": "image", "image": "two.png"},
    ]
    show = [SHOW, text("and"), SHOW]
    file = written(
        tmp_path / "x.jsonl",
        {"messages": [{"role": "user", "content": parts}, *ANSWER]},
        {"messages": [{"role": "user", "content": show}, *ANSWER], "images": [url, "two.png"]},
    )
    for found in examples_in(file).taken:
        assert found.prompt[0]["content"] == show
        assert [pixels(each) for each in found.pictures] == [drawn(1), drawn(2)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"images": [image(1)], "prompt": [{"role": "user", "content": [SHOW, SHOW]}]}, "show 2 pictures, .* and 1 is taken"),
        ({"images": ["../a.png"], "prompt": "What?"}, "leads out of the folder"),
        ({"images": ["a.png"], "prompt": "What?"}, "there is no file 'a.png'"),
        ({"images": [{"bytes": "?"}], "prompt": "What?"}, "not base64"),
        ({"images": [{"bytes": "aGk="}], "prompt": "What?"}, "its picture 1 cannot be used"),
        ({"images": [3], "prompt": "What?"}, "neither bytes nor a path"),
        ({"images": [image(1)], "prompt": "<image><image>"}, "show 2 pictures, .* and 1 is taken"),
        ({"images": [image(1)], "prompt": [{"role": "user", "content": [SHOW, {"text": "<image>"}]}]}, "show 2 pictures"),
        ({"prompt": "<image>\nWhat?"}, "show 1 picture, .* and 0 are taken"),
        ({"images": [image(1)], "prompt": "a", "completion": "x <|image_pad|> y"}, "an answer of it shows a picture"),
        ({"images": ["https://x.org/a.png"], "prompt": "What?"}, "addresses are never fetched"),
        ({"images": ["file:///a.png"], "prompt": "What?"}, "addresses are never fetched"),
        ({"images": [image(1)["bytes"] * 9], "prompt": "What?"}, "too long for a path; a picture is a path"),
        ({"images": ["data:image/png;base64,?"], "prompt": "What?"}, "not base64"),
        ({"images": [image(1)], "prompt": [{"role": "user", "content": [{**SHOW, "image": "a.png"}]}]}, "other pictures than"),
    ],
)  # fmt: skip
def test_pictures_of_a_file_that_cannot_be_used_are_named(
    row: dict[str, Any], said: str, tmp_path: Path
) -> None:
    file = written(tmp_path / "x.jsonl", {"completion": ANSWER, **row})
    with pytest.raises(InputError, match=f"line 1: .*{said}"):
        examples_in(file)


def test_pairs_show_none(tmp_path: Path) -> None:
    asked = [{"role": "user", "content": [SHOW]}]
    row = {
        "prompt": asked,
        "chosen": ANSWER,
        "rejected": [{**ANSWER[0], "content": "x"}],
        "images": [image(1)],
    }
    with pytest.raises(InputError, match="and 0 are taken with it: sft takes"):
        pairs_in(written(tmp_path / "x.jsonl", row))
