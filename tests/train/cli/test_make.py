"""`llmi-train prompts make` as a function, against the loopback server."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from llmi_agent.testing import OpenAIServer, openai_error
from llmi_train.cli import main

from ..prompts.make.scripted import Script

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def work(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-vllm,llmi-offline")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    """Undo what the command does to the process's logging and warnings."""
    loggers = [logging.getLogger(), logging.getLogger("llmi_agent")]
    before = [(each.handlers[:], each.level) for each in loggers]
    with warnings.catch_warnings():
        yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["prompts", "make", *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    script = Script(hangs=False, faults=0.15)
    numbers = iter(range(10**9))

    def answer(messages: list[dict[str, Any]]) -> str:
        system, question = messages[0]["content"], messages[1]["content"]
        said = script.answer([SystemMessage(system), HumanMessage(question)], next(numbers))
        return said or ""

    with OpenAIServer(answer, chunk=400) as running:
        yield running


def test_it_makes_a_file_that_goes_on_with_the_same_command(
    server: OpenAIServer, command: Command, work: Path
) -> None:
    given = ("--n", "12", "--out", "p.jsonl", "--api-base", f"{server.url}/v1")
    given += ("--model", "vllm/author", "--check-model", "vllm/reader")
    code, out, err = command(*given)
    assert (code, out) == (0, "p.jsonl\n"), err
    assert "12 prompts" in err
    first, asked = Path("p.jsonl").read_bytes(), len(server.asked)
    code, out, err = command(*given, "--json", "--concurrency", "3", "--deadline", "60")
    assert code == 0
    assert json.loads(out)["made"] == 12
    assert json.loads(out)["writer"]["answered"].keys() == {"author"}
    assert (len(server.asked), Path("p.jsonl").read_bytes()) == (asked, first)
    code, _, err = command(*given, "--seed", "7")
    assert code == 2
    assert "--seed was 0, not 7" in err
    assert "goes on" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 3, "--model openai/gpt-5-mini"),
        (("--model", "offline"), 2, "is a program and no language model"),
        (("--model", "vllm/a", "--check-model", "offline"), 2, "offline is a program"),
        (("--model", "vllm/a", "--split", "train"), 2, "name=share"),
        (("--model", "vllm/a", "--split", "train=-1"), 2, "above 0"),
        (("--model", "vllm/a", "--mix", "none.toml"), 2, "none.toml cannot be read"),
        (("--model", "vllm/a", "--budget", "1"), 2, "what the model vllm/a costs is unknown"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    server: OpenAIServer, command: Command, arguments: tuple[str, ...], code: int, words: str
) -> None:
    base = ("--api-base", f"{server.url}/v1") if "vllm/a" in arguments else ()
    found, out, err = command("--n", "4", "--out", "p.jsonl", *base, *arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert not server.asked
    assert not Path("p.jsonl").exists()


def test_a_vendor_that_refuses_everything_ends_it_with_a_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer() as server:
        for _ in range(200):
            server.fault(openai_error(401, "Incorrect API key provided.", "invalid_api_key"))
        code, out, err = command(
            *(
                "--n",
                "40",
                "--out",
                "p.jsonl",
                "--model",
                "vllm/a",
                "--api-base",
                f"{server.url}/v1",
            )
        )
    assert (code, out) == (1, "")
    assert "gave no answer to the last" in err
    assert "Incorrect API key" in err
    assert "Traceback" not in err
