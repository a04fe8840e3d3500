"""The arrow of imports, read from the source: nothing points back, and plugins never import plugins."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALIASES = {"tool", "hooks", "kinds", "vendor", "hits"}
"""What plugins imported before there were rooms."""
VENDORS = {"e2b_code_interpreter", "replicate", "tavily", "openai", "anthropic"}
HEAVY = {"torch", "transformers", "trl"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


@pytest.mark.parametrize("path", sources("graphs"), ids=ids)
def test_graphs_import_only_the_framework(path: Path) -> None:
    ours = {name for name in packages(path) if name.startswith("llmi_")}
    assert ours <= {"llmi_agent", "llmi_graphs"}
    assert not packages(path) & (VENDORS | HEAVY)


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
    assert len(list((ROOT / "plugins").glob("*/src/**/*.py"))) > 8
