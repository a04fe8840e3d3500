"""The arrow of imports, read from the source: nothing points back, no circle is left, and plugins never import plugins."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = [f"plugins/{each.parent.name}/src" for each in sorted(ROOT.glob("plugins/*/src"))]
ALIASES = {"tool", "hooks", "kinds", "vendor", "hits"}
"""What plugins imported before there were rooms."""
VENDORS = {"e2b_code_interpreter", "replicate", "tavily", "openai", "anthropic"}
HEAVY = {"torch", "transformers", "trl"}
FLOORS = (
    {"contract", "base"},
    {"config", "draft", "store"},
    {"host"},
    {"records"},
    {"models", "document"},
    {"run"},
    {"traces"},
    {"judges"},
    {"rewards"},
    {"runner"},
    {"cli"},
    {"testing"},
)
"""The rooms of the framework, from the ground up: one may import its own and those below."""
MOST_LINES = 300
LONGER: dict[str, str] = {}
"""Files over `MOST_LINES`, each with its reason."""


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The import statements of a file, wherever they stand."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(each for each in nodes if isinstance(each, ast.Import | ast.ImportFrom))


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports."""
    for node in statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def used(path: Path, known: Collection[str]) -> set[str]:
    """The known modules that a file imports; `from package import module` is of the module."""
    found: set[str] = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= full & set(known) or {node.module}
    return found & set(known)


def dotted(path: Path, folder: Path) -> str:
    """The name of a module, or of the package whose `__init__` it is."""
    return ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources("src"), ids=ids)
def test_the_framework_imports_no_graph_no_plugin_no_vendor_no_torch(path: Path) -> None:
    used = packages(path)
    assert not {name for name in used if name.startswith("llmi_")} - {"llmi_agent"}
    assert not used & (VENDORS | HEAVY)


@pytest.mark.parametrize("path", sources("src/llmi_agent/contract"), ids=ids)
def test_the_contract_imports_nothing_of_the_framework_but_the_contract(path: Path) -> None:
    inside = {i for i in imports(path) if i.startswith("llmi_agent")}
    assert {i.split(".")[1] for i in inside if "." in i} <= {"contract"}


@pytest.mark.parametrize("path", [*(ROOT / "src/llmi_agent").glob("*/**/*.py")], ids=ids)
def test_a_room_imports_only_from_its_own_floor_and_below(path: Path) -> None:
    room = path.relative_to(ROOT / "src/llmi_agent").parts[0]
    floor = next(number for number, rooms in enumerate(FLOORS) if room in rooms)
    below = set().union(*FLOORS[:floor], {room})
    rooms_used = {name.split(".")[1] for name in imports(path) if name.startswith("llmi_agent.")}
    assert rooms_used <= below


@pytest.mark.parametrize("path", sources("src/llmi_agent/runner"), ids=ids)
def test_the_runner_prints_nothing(path: Path) -> None:
    assert not packages(path) & {"click", "rich"}
    called = {
        node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    }
    assert "print" not in {each.id for each in called if isinstance(each, ast.Name)}


def test_the_ground_floor_is_kept_clear() -> None:
    flat = {path.stem for path in (ROOT / "src/llmi_agent").glob("*.py")}
    assert flat - ALIASES == {"__init__"}


@pytest.mark.parametrize("folder", ["src", "graphs", "train", *PLUGINS])
def test_no_modules_import_each_other_in_a_circle(folder: str) -> None:
    modules = {dotted(path, ROOT / folder): path for path in sources(folder)}
    uses = {name: used(path, modules.keys()) - {name} for name, path in modules.items()}
    TopologicalSorter(uses).prepare()  # raises CycleError


def test_files_are_short_or_say_why_not() -> None:
    files = [
        path
        for folder in ("src", "graphs", "train/llmi_train", *PLUGINS)
        for path in sources(folder)
    ]
    lines = {ids(path): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {name for name, count in lines.items() if count > MOST_LINES} == set(LONGER)


@pytest.mark.parametrize("path", sources("graphs"), ids=ids)
def test_graphs_import_only_the_framework(path: Path) -> None:
    ours = {name for name in packages(path) if name.startswith("llmi_")}
    assert ours <= {"llmi_agent", "llmi_graphs"}
    assert not packages(path) & (VENDORS | HEAVY)


@pytest.mark.parametrize("path", sources("train/llmi_train"), ids=ids)
def test_what_trains_imports_the_framework_and_graphs_and_no_plugin(path: Path) -> None:
    """But the trainer imports the one that its checkpoints are served by."""
    served = {"llmi_transformers"} if "trainer" in path.parts else set()
    ours = {name for name in packages(path) if name.startswith("llmi_")}
    assert ours <= {"llmi_agent", "llmi_graphs", "llmi_train", *served}
    assert not packages(path) & VENDORS


@pytest.mark.parametrize("path", sorted((ROOT / "plugins").glob("*/src/**/*.py")), ids=ids)
def test_a_plugin_imports_only_the_contract_and_itself(path: Path) -> None:
    own = path.relative_to(ROOT).parts[3]
    ours = {name for name in packages(path) if name.startswith("llmi_")}
    assert ours <= {"llmi_agent", own}
    modules = {i.split(".")[1] for i in imports(path) if i.startswith("llmi_agent.")}
    assert modules <= {"contract", "testing"}


@pytest.mark.parametrize("path", sources("examples"), ids=ids)
def test_examples_may_import_everything_but_the_tests(path: Path) -> None:
    assert "tests" not in packages(path)


def test_the_checks_above_see_files() -> None:
    assert len(sources("src")) > 20
    assert len(sources("graphs")) > 5
    assert len(sources("train")) > 5
    assert len(list((ROOT / "plugins").glob("*/src/**/*.py"))) > 8
