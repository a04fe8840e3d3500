"""Plugins as users have them: real distributions, the example and the bad ones, all installed at once."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import ConfigError, PluginError, UnavailableError
from llmi_agent.config.options import Options
from llmi_agent.document.model import Document
from llmi_agent.host.registry import Registry, discover
from llmi_agent.run.previews import describe
from llmi_agent.run.prompt import system_prompt
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import (
    ScriptedModel,
    check_light_import,
    check_tool,
    make_call,
    make_context,
    slot,
)
from llmi_graphs import build_graph

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "plugins"
EXAMPLE = ROOT / "examples" / "write_a_tool"
BAD = (
    "bad-contract",
    "bad-double-one",
    "bad-exit",
    "bad-import",
    "bad-signature",
    "bad-spec",
)
"""Those that `llmi doctor` must name; bad-sdk and bad-behaviour show themselves when they are called."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed them, without network and without build isolation."""
    target = tmp_path_factory.mktemp("site")
    sources = tmp_path_factory.mktemp("sources")
    for source in [*FIXTURES.iterdir(), EXAMPLE]:
        shutil.copytree(source, sources / source.name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    pip += [str(path) for path in sorted(sources.iterdir())]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    done = subprocess.run(pip, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in [
        n
        for n in sys.modules
        if n.startswith("bad_") or n in ("llmi_palette", "former_names", "own_policy")
    ]:
        del sys.modules[name]


def command(site: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; from llmi_agent.cli import main; sys.exit(main())"
    path = os.pathsep.join([str(site), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def write(registry: Registry, store: ArtifactStore, *slots: str, **use: str) -> Document:
    graph = build_graph(
        model=ScriptedModel(script=["# T\n\n" + "\n\n".join(slots), "SKIP"]),
        tools=registry,
        use=use,
        store=store,
        options=Options(retries=0, fallbacks=False),
        secrets={},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    return Document.model_validate(answer["document"])


def test_the_example_is_as_small_as_promised() -> None:
    assert len((EXAMPLE / "llmi_palette.py").read_text().splitlines()) <= 25
    assert len((EXAMPLE / "pyproject.toml").read_text().splitlines()) <= 12


async def test_the_example_brings_a_kind_of_its_own(installed: Path, store: ArtifactStore) -> None:
    registry = discover()
    assert "`palette`" in system_prompt(registry.bind({}, {}).kinds.values())
    document = await write(registry, store, slot("palette", "Warm", colours=["navy", "gold"]))
    (figure,) = document.figures
    assert (figure.kind, figure.tool, figure.width) == ("palette", "palette", 400)


@pytest.mark.usefixtures("installed")
@pytest.mark.filterwarnings("ignore:llmi_agent.* is now:DeprecationWarning")
async def test_a_plugin_written_before_the_contract_had_its_room_runs_unchanged(
    store: ArtifactStore,
) -> None:
    for former in ("tool", "hooks", "kinds", "vendor", "hits"):
        sys.modules.pop(f"llmi_agent.{former}", None)
    registry = discover(["former-names"])
    assert not registry.host.problems
    graph = build_graph(
        model=ScriptedModel(script=["# T\n\n" + slot("search", "One", query="one")]),
        tools=registry,
        store=store,
        secrets={"FORMER_KEY": "a-key-of-length"},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    (figure,) = Document.model_validate(answer["document"]).figures
    assert (figure.tool, figure.provenance.title) == ("former_photos", "One")
    seen = sys.modules["former_names"].SEEN
    assert sorted(seen) == [("draft", "# T"), ("search", "Produced")]


@pytest.mark.usefixtures("installed")
async def test_a_small_package_brings_a_policy_and_a_preview(store: ArtifactStore) -> None:
    source = FIXTURES / "own-policy" / "own_policy.py"
    assert len(source.read_text().splitlines()) <= 40
    registry = discover(["own-policy", "palette"])
    assert not registry.host.problems
    given = {"tools": registry, "store": store, "secrets": {"OWN_KEY": "0123456789"}}
    graph = build_graph(model="own/Tides", **given)
    table = attach_bytes(store, "levels.tsv", b"hour\tlevel\n1\t2\n2\t3\n")
    request = {"messages": [HumanMessage("Write.")], "attachments": [asdict(table)]}
    document = Document.model_validate((await graph.ainvoke(request))["document"])
    assert (document.title, document.policy) == ("Tides", "own/Tides")
    assert [figure.tool for figure in document.figures] == ["palette"]
    assert document.costs.charges[0].usd is not None
    described = await describe((table,), registry, store)
    assert "a table of one's own" in described.texts[0]
    assert "Its tabs may be something else." in described.texts[0]
    assert store.read(described.copies[0].digest).startswith(b"hour,level")
    with pytest.raises(ConfigError, match="try own/anything"):
        build_graph(model="own/nothing", **given)
    with pytest.raises(UnavailableError, match="needs OWN_KEY"):
        build_graph(model="own/x", **{**given, "secrets": {}})


@pytest.mark.usefixtures("installed")
async def test_the_example_keeps_the_contract(store: ArtifactStore) -> None:
    from contextlib import AsyncExitStack

    spec = discover().tools["palette"].spec
    async with AsyncExitStack() as scope:
        call = make_call(spec, colours=["red", "blue"])
        assert (await check_tool(spec, call, make_context(store, scope))).usd == 0.0


def test_each_bad_plugin_takes_only_itself_out(installed: Path) -> None:
    registry = discover()
    found = {problem.plugin: problem for problem in registry.host.problems}
    assert set(found) == set(BAD)
    assert {name: problem.stage for name, problem in found.items()} == {
        "bad-contract": "contract",
        "bad-double-one": "name",
        "bad-exit": "import",
        "bad-import": "import",
        "bad-signature": "hooks",
        "bad-spec": "tools",
    }
    assert "bad-double-two 1.0" in found["bad-double-one"].cause
    assert "claimed_twice" not in registry.tools
    assert {"llmi_sandbox", "llmi_gallery", "llmi_edit", "llmi_sketch", "palette"} <= set(
        registry.tools
    )
    for problem in found.values():
        assert problem.version == "1.0"
        assert problem.cause
        assert problem.remedy
        assert "\n" not in str(problem)


def test_strict_fails_at_the_first(installed: Path) -> None:
    with pytest.raises(PluginError, match="bad-contract"):
        discover(strict=True)


def test_the_doctor_names_each_in_one_line(site: Path) -> None:
    done = command(site, "doctor")
    assert done.returncode == 1
    lines = done.stdout.partition("\nproblems\n")[2].partition("\n\n")[0].splitlines()
    named = {re.match(r"\s+plugin (\S+) \(\S+ 1\.0\): \w+: .+; .+", line) for line in lines}
    assert {match[1] for match in named if match} == set(BAD)


def test_a_run_completes_with_the_good_ones_and_strict_fails_fast(
    site: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("day,mm\n" + "".join(f"2024-01-{n:02d},{n % 7}\n" for n in range(1, 29)))
    arguments = ("run", "Rain", "--attach", str(table), "--out", str(tmp_path / "out"))
    done = command(site, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "out" / "report.html")
    for name in BAD:
        assert f"llmi: plugin {name} (" in done.stderr
    strict = command(site, *arguments, LLMI_STRICT="1")
    assert strict.returncode == 1
    assert strict.stdout == ""
    assert "bad-contract" in strict.stderr
    assert "Traceback" not in strict.stderr


@pytest.mark.parametrize(
    ("tool", "reason", "words"),
    [
        ("bad_hang", "timeout", "did not finish within 0.2 s"),
        ("bad_garbage", "bad_output", "not a picture"),
        ("bad_exit", "crashed", "SystemExit: I quit"),
        ("bad_raise", "crashed", "Odd: not even an Exception"),
        ("bad_leak", "crashed", "and then it fails"),
        ("bad_unclosable", "crashed", "RuntimeError: no"),
        ("wants_an_sdk", "unavailable", "an_sdk_that_nobody_has"),
    ],
)
@pytest.mark.usefixtures("installed")
async def test_what_a_bad_tool_does_stays_with_its_slot(
    store: ArtifactStore, tool: str, reason: str, words: str
) -> None:
    document = await write(
        discover(),
        store,
        slot("search", query="a"),
        slot("palette", colours=["red", "blue"]),
        search=tool,
    )
    (missing,) = document.missing
    assert (missing.reason, missing.slot) == (reason, 0)
    assert words in missing.message
    assert len(document.figures) == 1
    assert len(asyncio.all_tasks()) == 1
    if tool == "bad_leak":
        assert sys.modules["bad_behaviour"].LEAKED == ["ended"] * 3


@pytest.mark.parametrize("name", ["llmi_sandbox", "llmi_gallery", "llmi_edit", "llmi_sketch"])
def test_an_embedded_plugins_door_is_light(name: str) -> None:
    check_light_import(f"{name}.plugin")


def test_a_heavy_door_is_named() -> None:
    with pytest.raises(AssertionError, match=r"also imports .*numpy"):
        check_light_import("llmi_sketch.canvas")
