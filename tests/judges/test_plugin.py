"""A plugin's judge is held to the contract: there are scores, or it is said why not, and no key is in them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.contract.judging import Judge
from llmi_agent.host.registry import Registry, registry_of
from llmi_agent.judges import judges_of, plugin_judges
from llmi_agent.store.artifacts import ArtifactStore

from .conftest import exhibit_with, values

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


def module_of(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def brevity() -> Iterator[ModuleType]:
    name = "llmi_brevity_for_tests"
    yield module_of(name, Path(__file__).with_name("brevity.py"))
    del sys.modules[name]


@pytest.fixture
def registry(brevity: ModuleType) -> Registry:
    return registry_of(hooks=[brevity])


def judge_of(
    registry: Registry, store: ArtifactStore, name: str = "told", **settings: Any
) -> Judge:
    (judge,) = judges_of(registry, store, plugins=[name], **{"secrets": {}, **settings})
    return judge


def test_its_judges_are_known_by_name(registry: Registry, store: ArtifactStore) -> None:
    assert set(plugin_judges(registry.host)) == {"told", "keyed", "unmakeable", "nameless", "gone"}
    judge = judge_of(registry, store)
    assert judge.components == ("brevity", "charm")
    assert judge.rubric == "told-1"
    with pytest.raises(
        ConfigError, match="no plugin brings a judge 'tald'; there are: gone, keyed"
    ):
        judge_of(registry, store, "tald")
    with pytest.raises(ConfigError, match="there are: none"):
        judge_of(registry_of(), store, "told")


@pytest.mark.parametrize(
    ("name", "why"), [("unmakeable", "SystemExit"), ("nameless", "components"), ("gone", "gone")]
)
def test_one_that_cannot_be_made(
    name: str, why: str, registry: Registry, store: ArtifactStore
) -> None:
    with pytest.raises(ConfigError, match=f"the judge {name} of hooks-0 . cannot be made: .*{why}"):
        judge_of(registry, store, name)


def test_it_gets_the_key_that_it_needs_and_no_other(
    registry: Registry, store: ArtifactStore, brevity: ModuleType
) -> None:
    judge_of(registry, store, "keyed", secrets={"BREVITY_KEY": brevity.SECRET, "OTHER_KEY": "x"})
    with pytest.raises(UnavailableError, match="the judge keyed needs BREVITY_KEY"):
        judge_of(registry, store, "keyed")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("good", [0.5]), ("slot", [1.0]), ("missing", [None])],
)
async def test_good_scores_pass_without_secrets(
    prompt: str, expected: list[Any], registry: Registry, store: ArtifactStore, brevity: ModuleType
) -> None:
    judge = judge_of(registry, store, "keyed", secrets={"BREVITY_KEY": brevity.SECRET})
    scores = await judge.judge(exhibit_with(store, 1, prompt=prompt))
    assert values(scores) == expected
    assert (scores[0].rubric, scores[0].reuse) == ("told-1", None)
    assert brevity.SECRET not in repr(scores)


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("above", "1.5, not from 0 to 1"),
        ("below", "-0.1, not from 0 to 1"),
        ("other", "a score 'other'"),
        ("nowhere", "the slot 99"),
        ("twice", "two scores of one thing"),
        ("many", "20,000 scores"),
        ("words", "a list of Scores"),
        ("numbers", "a list of Scores"),
        ("nothing", "a list of Scores"),
        ("raise", "RuntimeError: with [secret] in it"),
        ("hang", "it took more than 0.2 s"),
    ],
)
async def test_whatever_else_it_does_is_missing(
    prompt: str, why: str, registry: Registry, store: ArtifactStore, brevity: ModuleType
) -> None:
    secrets = {"BREVITY_KEY": brevity.SECRET}
    judge = judge_of(registry, store, "keyed", secrets=secrets, deadline=0.2)
    scores = await judge.judge(exhibit_with(store, 1, prompt=prompt))
    assert [s.component for s in scores] == ["brevity", "charm"]
    assert values(scores) == [None, None]
    assert all(why in s.error and len(s.error) <= 600 for s in scores), scores[0].error


async def test_the_guides_judge_works_as_it_stands(store: ArtifactStore, tmp_path: Path) -> None:
    section = GUIDE.split("\n## A judge\n", 1)[1]
    (tmp_path / "llmi_brevity.py").write_text(
        re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[0]
    )
    plugin = module_of("llmi_brevity", tmp_path / "llmi_brevity.py")
    judge = judge_of(registry_of(hooks=[plugin]), store, "brevity")
    (score,) = await judge.judge(exhibit_with(store, 1, text="word " * 600))
    assert (score.value, score.reason) == (0.5, "600 words")
    (none,) = await judge.judge(exhibit_with(store, 1, text=""))
    assert (none.value, none.error) == (None, "there is no text to judge")
    del sys.modules["llmi_brevity"]
