"""The face: what an embedder may import is pinned here; a name that comes or goes is a decision."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import llmi_agent
from llmi_agent import contract, testing

SOURCE = Path(llmi_agent.__file__ or "").read_text(encoding="utf-8")
GUIDES = Path(__file__).parents[1] / "docs"

FACE = """
ArtifactStore Attachment Config ConfigError Costs Document Failure Figure InputError Job Journal LlmiError Missing ModelPrice Options
PluginError PolicyError Provenance Registry ResourceError Runner TextBlock UnavailableError Written attach_bytes attach_files
configure_logs default_store discover journal_beside load_config load_document registry_of render_html render_markdown write_document
"""
CONTRACT = """
ANY_PICTURES Demand Exhibit Judge JudgeRequest JudgeSpec MOST_PICTURES NO_PICTURE RewardSpec SOME_PICTURES Score Shown
ATTACHMENTS PROMPT PolicyAgain PolicyFailed PolicyModel PolicyRequest PolicySpec Preview TOKENS TableCopy
WEIGHTS
ArtifactReader Attachment BaseTool CodeParams DiffusionParams Download ENTRY_POINTS EditParams Failed Health Hooks
Image Kind MOST_DETAIL ModelContext ModelRequest Params Produced Provenance REASONS Reason SearchParams Tool ToolCall
ToolContext ToolFailed ToolResult ToolRetry ToolSpec WELL_KNOWN Words hookimpl read_settings retry_after secret_of
status_failure
"""
TESTING = """
Asked Cut FakeTool Fault GARBAGE Hang Mime OpenAIServer Reply ScriptedModel Seen Server Slow asked_of attach ballot_for check_light_import
check_tool content_refusal json_reply make_call make_context make_session openai_error random_png redirect slot
"""
FORMER = {
    "tool": ("ToolSpec", "contract"),
    "hooks": ("hookimpl", "contract"),
    "kinds": ("WELL_KNOWN", "contract"),
    "vendor": ("read_settings", "contract"),
    "hits": ("Hit", "contract.image_search"),
}


@pytest.mark.parametrize(
    ("module", "names"), [(llmi_agent, FACE), (contract, CONTRACT), (testing, TESTING)]
)
def test_these_names_are_public_and_no_others(module: object, names: str) -> None:
    assert sorted(module.__all__) == sorted(names.split())  # type: ignore[attr-defined]
    for name in names.split():
        assert getattr(module, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    typed = {
        alias.asname
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.If)
        for each in node.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    assert typed == set(llmi_agent.__all__)


def test_the_face_imports_nothing_before_it_is_used() -> None:
    check = "import sys, llmi_agent, llmi_agent.testing; print(sorted(m for m in sys.modules if 'llmi' in m))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    ours = "['llmi_agent', 'llmi_agent.base', 'llmi_agent.base.lazy', 'llmi_agent.testing']\n"
    assert done.stdout == ours


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Documant'"):
        _ = llmi_agent.Documant


def test_every_public_name_is_documented() -> None:
    for guide, names in (("embedding.md", FACE), ("plugins.md", CONTRACT), ("plugins.md", TESTING)):
        text = (GUIDES / guide).read_text(encoding="utf-8")
        assert not [name for name in names.split() if f"`{name}" not in text], guide


@pytest.mark.parametrize("former", FORMER)
def test_a_former_name_still_imports_and_warns(former: str) -> None:
    name, home = FORMER[former]
    sys.modules.pop(f"llmi_agent.{former}", None)
    with pytest.warns(DeprecationWarning, match=f"is now llmi_agent.{home}:") as caught:
        module = importlib.import_module(f"llmi_agent.{former}")
    assert len(caught) == 1
    now = importlib.import_module(f"llmi_agent.{home}")
    assert getattr(module, name) is getattr(now, name)


def test_the_warning_points_at_the_line_that_imports() -> None:
    sys.modules.pop("llmi_agent.tool", None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec("from llmi_agent.tool import ToolSpec", {"__name__": "a_plugin"})
    assert [each.filename for each in caught] == ["<string>"]
