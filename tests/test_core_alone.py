"""The core runs a document with nothing but its own dependencies: no table reader, no vendor, no model library."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ABSENT = ("pandas", "numpy", "litellm", "aiohttp", "langchain_litellm", "openai", "torch", "scipy")

ALONE = f"""
import asyncio, importlib.metadata, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {ABSENT!r} or top.startswith("llmi_") and top not in ("llmi_agent", "llmi_graphs"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
entries = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **k: entries(**k) if k.get("group") != "llmi_agent.v1" else ()

from langchain_core.messages import HumanMessage
from llmi_agent import ArtifactStore, Document, attach_bytes, write_document
from llmi_agent.testing import FakeTool, ScriptedModel, slot
from llmi_graphs import build_graph
from pathlib import Path

async def main(folder):
    store = ArtifactStore(folder / "artifacts")
    table = attach_bytes(store, "sales.csv", b"month,sum\\n2026-01,3\\n")
    draft = "# Sales\\n\\n" + slot("code", "A chart", code="plt.plot([1])")
    tool = FakeTool("charts", "code")
    graph = build_graph(model=ScriptedModel(script=[draft]), tools=[tool], store=store, secrets={{}})
    answer = await graph.ainvoke({{"messages": [HumanMessage("Sales")], "attachments": [vars(table)]}})
    document = Document.model_validate(answer["document"])
    print(document.title, len(document.figures), *[p.name for p in write_document(document, store, folder, ["html", "md", "json"])])

asyncio.run(main(Path(sys.argv[1])))
assert not [name for name in sys.modules if name.partition(".")[0] in {ABSENT!r}]
"""


def test_a_document_with_a_scripted_model_and_a_fake_tool(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "Sales 1 report.html report.md document.json\n"


def test_the_core_depends_on_no_such_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^\w.-]", each)[0].replace("-", "_") for each in project["dependencies"]}
    assert not names & set(ABSENT)
