"""One document by every hosted tool at once: the real SDKs, the policy streamed from an OpenAI-compatible server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.document.model import Document
from llmi_agent.host.registry import discover
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import Reply, openai_error, slot
from llmi_graphs import build_graph

from .conftest import KEYS, Vendors

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

CODE = "plt.plot([1, 3, 2])\nplt.title('A line')"
DRAFT = "\n\n".join(
    [
        "# The harbour",
        "Boats come and go.",
        slot("search", "A boat at the quay", query="red boat"),
        slot("diffusion", "The harbour at night", prompt="a harbour at night, woodcut"),
        slot("code", "Arrivals", code=CODE),
        slot("edit", "The boat in black and white", img_index=0, prompt="make it black and white"),
        "That is all.",
    ]
)
TOOLS = ["tavily_images", "replicate_flux_schnell", "e2b_code", "replicate_flux_kontext"]


async def write(vendors: Vendors, store: ArtifactStore, **given: Any) -> tuple[Document, list[Any]]:
    options = vendors.options(**given)
    graph = build_graph(
        model="openai/writer",
        api_base=vendors.api_base,
        tools=discover(),
        secrets=KEYS,
        settings=vendors.settings,
        options=options,
        store=store,
    )
    events: list[Any] = []
    state: dict[str, Any] = {}
    request = {"messages": [HumanMessage("The harbour, illustrated.")]}
    async for mode, event in graph.astream(request, stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(event)
        else:
            state = event
    return Document.model_validate(state["document"]), events


@pytest.fixture
def scripted(vendors: Vendors) -> Vendors:
    vendors.openai.script = [DRAFT]
    return vendors


async def test_every_vendor_fills_its_slot_with_provenance_and_costs_to_the_cent(
    scripted: Vendors, store: ArtifactStore
) -> None:
    document, events = await write(scripted, store)
    assert document.missing == ()
    assert [figure.kind for figure in document.figures] == ["search", "diffusion", "code", "edit"]
    assert [figure.tool for figure in document.figures] == TOOLS
    assert [figure.provenance.provider for figure in document.figures] == [
        "Tavily",
        "Replicate",
        "E2B",
        "Replicate",
    ]
    assert document.figures[3].edited_from == 1
    assert document.figures[2].provenance.code == CODE
    assert document.figures[0].provenance.source_url == scripted.tavily.address(0)

    server = scripted.openai
    read, written = len(server.prompt_tokens(server.asked[0])), len(server.tokens(DRAFT))
    specs = discover().tools
    expected = {
        "openai/writer": (read * 0.15 + written * 0.60) / 1e6,
        **{name: specs[name].spec.usd for name in TOOLS},
    }
    charges = {charge.name: charge for charge in document.costs.charges}
    assert {name: charge.usd for name, charge in charges.items()} == pytest.approx(expected)
    assert document.costs.usd == pytest.approx(sum(expected.values()), abs=1e-9)
    assert charges["openai/writer"].basis == "estimated", "a server of one's own"
    assert charges["tavily_images"].basis == "known", "Tavily says what it took"
    assert charges["replicate_flux_schnell"].basis == "estimated"
    assert document.costs.unknown == 0
    assert sum(e["usd"] for e in events if e["type"] == "cost") == pytest.approx(document.costs.usd)


async def test_nothing_of_the_run_is_left_at_the_vendors(
    scripted: Vendors, store: ArtifactStore
) -> None:
    await write(scripted, store)
    assert scripted.e2b.killed == list(scripted.e2b.sandboxes)


async def test_a_budget_is_kept_with_every_vendor(scripted: Vendors, store: ArtifactStore) -> None:
    document, _ = await write(scripted, store, budget=0.02)
    assert {each.reason for each in document.missing} == {"budget"}
    assert 0 < document.costs.usd <= 0.02
    assert document.figures


async def test_with_every_vendor_down_the_document_says_what_is_missing(
    scripted: Vendors, store: ArtifactStore
) -> None:
    for server in (scripted.tavily, scripted.replicate, scripted.e2b):
        server.fault(Reply(503, b"down for repairs", "text/plain"), times=50)
    document, _ = await write(scripted, store, retries=0)
    assert document.figures == ()
    assert [each.reason for each in document.missing] == ["unreachable"] * 3 + ["unavailable"]
    assert [each.kind for each in document.missing] == ["search", "diffusion", "code", "edit"]
    assert "Boats come and go." in document.blocks[0].markdown  # type: ignore[union-attr]


async def test_a_search_vendor_that_is_down_is_stood_in_for_and_the_caption_says_so(
    scripted: Vendors, store: ArtifactStore
) -> None:
    scripted.tavily.fault(Reply(503, b"down", "text/plain"), times=9)
    document, _ = await write(scripted, store)
    first = document.figures[0]
    assert (first.kind, first.tool) == ("search", "replicate_flux_schnell")
    assert "illustration" in first.note


def run(folder: Path, environment: dict[str, str], *arguments: str) -> Any:
    return subprocess.run(
        [Path(sys.executable).with_name("llmi"), "run", "The harbour", "--out", "o", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def leaks(folder: Path, environment: dict[str, str], done: Any) -> list[str]:
    """Where a canary turns up in what a run left behind: its output, its files, its home, the vendors."""
    home = Path(environment["LLMI_HOME"])
    files = [each for root in (folder, home) for each in root.rglob("*") if each.is_file()]
    texts = {str(each): each.read_bytes() for each in files}
    texts |= {"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    return [name for name, text in texts.items() if b"canary" in text]


@pytest.mark.parametrize("down", [False, True], ids=["passing", "failing"])
def test_no_key_is_in_anything_that_a_run_leaves_behind(
    scripted: Vendors, environment: dict[str, str], tmp_path: Path, down: bool
) -> None:
    """Nor in the environment of the sandbox, whose code tries to draw it."""
    every = " ".join([*KEYS.values(), *environment.values()])
    spy = "import os\nplt.text(0, 0, 'x')\nprint(os.environ)\nraise RuntimeError(dict(os.environ))"
    scripted.openai.script = [
        f"# It says {every}\n\n{DRAFT}\n\n{slot('code', 'Spy', code=spy)}",
        "SKIP",
    ]
    if down:
        said = json.dumps({"detail": f"your key {every} is wrong"}).encode()
        for server in (scripted.tavily, scripted.replicate, scripted.e2b):
            server.fault(Reply(401, said), times=50)
    work = tmp_path / "work"
    work.mkdir()
    scripted.write_config(work)
    done = run(work, environment, "--model", "openai/writer", "-v", "--format", "html,md,json")
    assert done.returncode == 0, done.stderr
    document = json.loads((work / "o/document.json").read_text(encoding="utf-8"))
    assert len(document["costs"]["charges"]) >= 5
    assert leaks(work, environment, done) == []
    for sandbox in scripted.e2b.sandboxes.values():
        assert "canary" not in json.dumps(dict(sandbox.request))


def test_a_policy_that_fails_for_good_tells_no_key(
    scripted: Vendors, environment: dict[str, str], tmp_path: Path
) -> None:
    scripted.openai.fault(
        openai_error(401, f"Incorrect API key: {KEYS['OPENAI_API_KEY']}", "invalid_api_key")
    )
    work = tmp_path / "work"
    work.mkdir()
    scripted.write_config(work)
    done = run(work, environment, "--model", "openai/writer", "-v")
    assert done.returncode == 1
    assert "Incorrect API key" in done.stderr
    assert leaks(work, environment, done) == []
