"""What a LangGraph server sees of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base import errors
from llmi_agent.store.home import default_store
from llmi_agent.testing import random_png
from llmi_graphs import build_graph, server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the server's builder is told."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(server, "build_graph", lambda **arguments: given.update(arguments))
    monkeypatch.chdir(tmp_path)
    server._built.cache_clear()
    return given


async def test_all_settings_hold(
    served: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(server._built.cache_clear)
    (tmp_path / "llmi.toml").write_text(
        'model = "openai/mine"\nfallback = ["offline"]\napi_base = "http://127.0.0.1:9/v1"\n'
        "[options]\nrepairs = 0\nbudget = 0.5\n[options.prices]\ns = 0.1\n"
        '[use]\nsearch = "x"\n[tools.x]\nfolder = "y"\n'
    )
    await server.interleave()
    assert served["api_base"] == "http://127.0.0.1:9/v1"
    assert (served["model"], served["fallback"]) == ("openai/mine", ("offline",))
    assert served["options"].prices == {"s": 0.1}
    assert (served["options"].repairs, served["options"].budget) == (0, 0.5)
    assert (served["use"], served["settings"]) == ({"search": "x"}, {"x": {"folder": "y"}})
    assert (served["paths"], served["images"]) == (False, "inline")


def test_errors_are_of_a_kind_whose_words_the_server_passes_on() -> None:
    ours = [each for each in vars(errors).values() if isinstance(each, type)]
    assert all(issubclass(each, RuntimeError) for each in ours)
    assert len(ours) > 5


def test_the_graph_has_a_json_schema() -> None:
    graph = build_graph(tools=[])
    fields = graph.get_input_jsonschema()["properties"]
    assert set(fields) == {
        *("messages", "resume", "seed", "attachments", "continues"),
        *("options", "group", "member", "split", "demand"),
    }
    assert set(graph.get_output_jsonschema()["properties"]) == {"messages", "document"}


async def test_pictures_are_served_by_their_digest_and_nothing_else_is() -> None:
    pytest.importorskip("starlette")
    import httpx

    from llmi_graphs.pictures import app

    store = default_store()
    artifact, picture = store.put_image(random_png())
    table = store.put(b"x,y\n1,2\n")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        answer = await client.get(f"{server.PICTURES}/{artifact.digest}")
        assert (answer.content, answer.headers["content-type"]) == (picture.data, "image/png")
        for digest in (table, "0" * 64, "no-digest"):
            assert (await client.get(f"{server.PICTURES}/{digest}")).status_code == 404
