"""The command line with a hosted model: keys, servers, fallbacks, budgets, and what a run says it cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmi_agent.testing import OpenAIServer, openai_error, slot

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-0123456789"
DRAFT = f"# The harbour\n\nShips.\n\n{slot('search', 'A ship', query='ship')}\n"
PRICE = "openai/a=10/40"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LLMI_PRICES", PRICE)
    monkeypatch.setenv("LLMI_RETRY_WAIT", "0.01")
    with OpenAIServer([DRAFT], key=KEY) as running:
        monkeypatch.setenv("LLMI_API_BASE", f"{running.url}/v1")
        yield running


def test_a_run_says_what_it_cost(cli, server) -> None:
    result = cli("run", "Ships.", "--model", "openai/a", "--out", "o", "--json").json
    read, written = len(server.prompt_tokens(server.asked[0])), len(server.tokens(DRAFT))
    model = (read * 10 + written * 40) / 1e6
    assert result["usd"] == pytest.approx(model + 0.25)
    assert [each["name"] for each in result["costs"]["charges"]] == ["openai/a", "fake_search"]
    assert f"${result['usd']:.2g}" in Path("o/report.html").read_text(encoding="utf-8")


def test_the_model_of_the_environment_is_used_and_said(cli, server, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL", "openai/a")
    ended = cli("run", "Ships.", "--fallback", "openai/b")
    assert ended.code == 0
    assert "model: openai/a else openai/b" in ended.err


def test_a_fallback_that_wrote_is_said(cli, server) -> None:
    server.fault(openai_error(404, "no such model", "model_not_found"), path="/chat")
    ended = cli("run", "Ships.", "--model", "openai/a", "--fallback", "openai/b", "--json")
    assert ended.json["model"] == "openai/b"
    assert "no such model" in ended.err
    assert "openai/b writes instead" in ended.err


def test_a_missing_key_ends_with_3_before_any_call(cli, server, monkeypatch) -> None:
    monkeypatch.delenv("LLMI_API_BASE")
    monkeypatch.delenv("OPENAI_API_KEY")
    ended = cli("run", "Ships.", "--model", "openai/gpt-4o")
    assert ended.code == 3
    assert "OPENAI_API_KEY" in ended.err
    assert not server.seen


def test_a_tools_missing_key_ends_with_3_before_any_call(cli, server) -> None:
    ended = cli("run", "Ships.", "--model", "openai/a", "--use", "diffusion=fake_paint")
    assert ended.code == 3
    assert "FAKE_KEY" in ended.err
    assert not server.seen


def test_a_budget_that_does_not_cover_the_draft_ends_with_3(cli, server) -> None:
    ended = cli("run", "Ships.", "--model", "openai/a", "--budget", "0.01")
    assert ended.code == 3
    assert "--budget" in ended.err
    assert not server.seen


def test_under_a_budget_the_rest_of_the_document_is_composed(cli, server) -> None:
    ended = cli("run", "Ships.", "--model", "openai/a", "--budget", "0.1", "--json")
    assert ended.code == 0
    (missing,) = ended.json["missing"]
    assert missing["reason"] == "budget"
    assert '"fake_search" = 0.05' in missing["message"]


def test_a_resumed_run_keeps_server_fallback_and_budget(cli, server, monkeypatch) -> None:
    monkeypatch.delenv("LLMI_API_BASE")
    base = f"{server.url}/v1"
    flags = ["--model", "openai/a", "--fallback", "openai/b", "--api-base", base, "--budget", "0.9"]
    result = cli("run", "Ships.", *flags, "--out", "o", "--json").json
    ended = cli("run", "--resume", result["episode"], "--json")
    assert ended.code == 0
    assert "model: openai/a else openai/b; budget: $0.9" in ended.err
    assert ended.json["costs"]["usd"] == result["costs"]["usd"]
    assert len(server.seen) == 1


def test_doctor_names_the_variable_that_a_tool_lacks(cli) -> None:
    ended = cli("doctor")
    assert "diffusion=fake_paint: set FAKE_KEY" in ended.out


def test_doctor_asks_nobody_unless_told_to(cli, server, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL", "openai/a")
    cli("doctor")
    assert not server.seen


def test_doctor_online_asks_vendors_and_the_model(cli, server, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL", "openai/a")
    monkeypatch.setenv("FAKE_KEY", "good-key-0123")
    found = cli("doctor", "--online", "--json").json["online"]
    assert [(each["tool"], each["ok"]) for each in found] == [
        ("fake_search", True),
        ("fake_paint", True),
        ("openai/a", True),
    ]
    assert server.seen[-1].json["max_tokens"] == 16


def test_doctor_asks_fallbacks_at_the_server_that_serves_them(cli, server, monkeypatch) -> None:
    monkeypatch.setenv("LLMI_MODEL", "openai/a")
    monkeypatch.setenv("LLMI_FALLBACK", "openai/b")
    found = cli("doctor", "--online", "--json").json["online"]
    assert [each["tool"] for each in found if each["kind"] == "model"] == ["openai/a", "openai/b"]
    assert [seen.json["model"] for seen in server.seen] == ["a", "b"]


def test_a_stand_in_says_on_stderr_why_it_was_needed(cli, server, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "good-key-0123")
    server.script = [f"# T\n\n{slot('search', 'A ship', query='nothing')}\n", "SKIP"]
    ended = cli(
        "run", "Ships.", "--model", "openai/a", "--json", "--out", "o", "--format", "json,html"
    )
    assert "figure 1: fake_paint stands in for search: nothing matches" in ended.err
    assert "nothing matches" in Path("o/document.json").read_text(encoding="utf-8")


def test_doctor_online_tells_keys_that_do_not_work_without_telling_them(
    cli, server, monkeypatch
) -> None:
    monkeypatch.setenv("LLMI_MODEL", "openai/a")
    monkeypatch.setenv("FAKE_KEY", "bad-key-0123")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
    ended = cli("doctor", "--online", "--json")
    assert ended.code == 1
    assert [each["ok"] for each in ended.json["online"]] == [True, False, False]
    assert "bad-key" not in ended.out + ended.err
    assert "sk-wrong" not in ended.out + ended.err
    assert "the vendor saw [secret]" in json.dumps(ended.json)
