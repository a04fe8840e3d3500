"""Hosted models through litellm, against a real server on loopback that speaks OpenAI's streaming protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.artifacts import ArtifactStore
from llmi_agent.errors import ConfigError, PolicyError, UnavailableError
from llmi_agent.policies.models import resolve_model
from llmi_agent.testing import FakeTool
from llmi_graphs import build_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

SLOT = '<imgen>{"source": "search", "description": "A fox", "params": {"query": "fox"}}</imgen>'
DRAFT = f"# The fox\n\nIt is red, and the key is sk-canary-0123456789.\n\n{SLOT}\n"


class Server(ThreadingHTTPServer):
    """Remembers what it was asked; `status` other than 200 is answered with an error body."""

    status = 200
    asked: list[dict[str, Any]]
    keys: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if self.server.status != 200:
            self.wfile.write(b'{"error": {"message": "wrong key sk-canary-0123456789"}}')
            return
        for start in range(0, len(DRAFT), 9):
            self._event({"content": DRAFT[start : start + 9]})
        self._event({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, delta: dict[str, str], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        event = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

    def log_message(self, *arguments: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server(("127.0.0.1", 0), Handler)
    served.asked, served.keys = [], []
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def graph(server: Server, store: ArtifactStore) -> Any:
    return build_graph(
        model="openai/some-model",
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={
            "OPENAI_API_KEY": "sk-canary-0123456789",
            "OPENAI_API_BASE": f"http://127.0.0.1:{server.server_port}/v1",
        },
    )


async def test_a_litellm_model_writes_the_draft_with_a_tenants_own_key(
    server: Server, store: ArtifactStore
) -> None:
    answer = await graph(server, store).ainvoke({"messages": [HumanMessage("The fox.")]})
    document = answer["document"]
    assert document["title"] == "The fox"
    assert document["policy"] == "openai/some-model"
    assert [block["type"] for block in document["blocks"]] == ["text", "figure"]
    assert server.keys == ["Bearer sk-canary-0123456789"]
    assert server.asked[0]["stream"] is True
    assert "<imgen>" in server.asked[0]["messages"][0]["content"]
    assert "canary" not in json.dumps(document)
    assert "the key is [secret]." in document["blocks"][0]["markdown"]


async def test_a_server_that_refuses_is_one_clear_error_without_the_key(
    server: Server, store: ArtifactStore
) -> None:
    server.status = 401
    with pytest.raises(PolicyError, match="openai/some-model failed") as caught:
        await graph(server, store).ainvoke({"messages": [HumanMessage("The fox.")]})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("openai/gpt-5", UnavailableError, "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", UnavailableError, "ANTHROPIC_API_KEY"),
        ("hosted_vllm/any", UnavailableError, "HOSTED_VLLM_API_BASE"),
        ("nonsense", ConfigError, "provider/model"),
        ("no-such-provider/x", ConfigError, "provider/model"),
    ],
)
def test_what_a_model_lacks_is_said_before_a_run(
    store: ArtifactStore, name: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        resolve_model(name, store=store, kinds=(), secrets={})
