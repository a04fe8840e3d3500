"""The page on judges has every rubric word for word, and its digests and numbers are those that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmi_agent.judges import Bounds, Checklist, LanguageJudge, PictureJudge, TextJudge, rubrics
from llmi_agent.judges.criteria import BOUNDS
from llmi_agent.judges.judge import DEADLINE
from llmi_agent.store.artifacts import ArtifactStore

from .conftest import marks, scripted

PAGE = (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_rubrics_are_there_word_for_word() -> None:
    told = [
        rubrics.TEXT,
        rubrics.PICTURES,
        rubrics.CRITERIA,
        rubrics.READING,
        rubrics.ANSWER,
        rubrics.LAST,
    ]
    assert told == BLOCKS


def test_a_judge_is_told_that_and_no_more(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, marks(4))
    judges: list[LanguageJudge] = [
        TextJudge(adviser),
        PictureJudge(adviser),
        Checklist(adviser, ["A?"]),
    ]
    for judge, text in zip(judges, BLOCKS[:3], strict=True):
        rubric = judge._rubric
        assert rubric.text == text
        assert rubric.digest == judge.rubric
    assert f"`TextJudge` is {judges[0].rubric}:" in PAGE
    assert f"`PictureJudge` is {judges[1].rubric}:" in PAGE


@pytest.mark.parametrize("name", ["TEXT", "PICTURES", "READING", "ANSWER", "LAST"])
def test_another_word_is_another_digest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rubric = rubrics.OF_PICTURES if name == "PICTURES" else rubrics.OF_TEXT
    said = rubric.text + "." if name in ("TEXT", "PICTURES") else rubric.text
    if said == rubric.text:
        monkeypatch.setattr(rubrics, name, getattr(rubrics, name) + ".")
    assert rubrics.Rubric(said, rubric.fields, entries=rubric.entries).digest != rubric.digest


def test_the_numbers_are_those_that_hold() -> None:
    assert f"({DEADLINE:g} by default)" in PAGE
    assert f"the bound of {Bounds().tokens:,} tokens" in PAGE
    mib = Bounds().picture_bytes // 2**20
    assert (
        f"more than {Bounds().pictures} pictures ({BOUNDS.pictures} for a checklist), or more than {mib} MiB"
        in PAGE
    )


def test_every_judge_and_every_score_is_named() -> None:
    for each in (
        "TextJudge",
        "PictureJudge",
        "Checklist",
        *rubrics.OF_TEXT.entries,
        *rubrics.OF_PICTURES.fields,
    ):
        assert f"`{each}`" in PAGE
