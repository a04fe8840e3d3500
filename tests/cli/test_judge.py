"""`llmi judge calibrate` against a server whose answers are scripted: it reads its question as a model would."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.judges.calibrate.faults import DECORATIONS, FILLERS
from llmi_agent.testing import Asked, Hang, OpenAIServer, asked_of, ballot_for, openai_error

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-canary-0123456789"
FEW = ("--topics", "2", "--repeats", "2", "--threshold", "topics=2")
_SPEAKS = re.compile(r"judge|grader|evaluat|scor|rubric", re.I)


def fair(asked: Asked, entry: str, field: str) -> int:
    """What is so, as far as it can be read: a picture is right if its caption is no decoration's."""
    paragraphs = asked.document.split("\n\n")
    faults = sum(p in FILLERS or p in paragraphs[:n] for n, p in enumerate(paragraphs))
    if entry == "text":
        return max(1, 5 - faults)
    slots = re.findall(r"<imgen>.*?</imgen>|\[Figure.*?\]", asked.document)
    useless = [any(words in slot for words in DECORATIONS) for slot in slots]
    if entry == "tag":
        return 1 if not slots else 2 if all(useless) else 4 if any(useless) else 5
    return 1 if useless[int(entry) - 1] else 5


def judging(mark: Callable[[Asked, str, str], int], *, obeys: bool = False) -> Any:
    """The script of a judge."""

    def answer(messages: list[Any]) -> str:
        speaks = bool(_SPEAKS.search(asked_of(messages).document))
        if speaks and obeys:
            return ballot_for(messages, lambda asked, entry, field: 5)
        return ballot_for(messages, mark, addresses_judge=speaks)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LLMI_PRICES", "openai/a=10/40")
    monkeypatch.setenv("LLMI_VISION", "true")
    monkeypatch.setenv("LLMI_RETRY_WAIT", "0.01")
    monkeypatch.setenv("LLMI_MODEL_RETRIES", "0")
    with OpenAIServer(judging(fair), key=KEY, chunk=10_000) as running:
        monkeypatch.setenv("LLMI_API_BASE", f"{running.url}/v1")
        yield running


def test_a_fair_judge_of_text_is_fit(cli, server) -> None:
    ended = cli("judge", "calibrate", "openai/a", "--text-only", *FEW)
    assert ended.code == 0, ended.out + ended.err
    assert ended.out.startswith("2 topics of the set ")
    assert ended.out.endswith("\nFit to train with.\n")
    assert "text, tag: by a; rubric " in ended.out
    assert ended.err == "llmi: text: openai/a; 36 judgements\n"
    assert not server.pictures
    asked = 2 * 2 * 8  # swapped pictures are no other text, and are not asked about again
    assert len(server.asked) == asked


def test_what_it_cost_is_said(cli, server) -> None:
    said = cli("judge", "calibrate", "openai/a", "--text-only", *FEW, "--json").json
    read = sum(len(server.prompt_tokens(each)) for each in server.asked)
    usd = (read * 10 + len(server.asked) * 40) / 1e6  # at a price that the settings name
    assert said["usd"] == {
        "known": 0.0,
        "estimated": pytest.approx(usd),
        "calls_of_unknown_cost": 0,
    }
    assert said["fit"] is True
    assert said["judgements"] == {"asked": 36, "whole": 36}


def test_a_judge_that_obeys_documents_is_not_fit_and_why_is_said(cli, server) -> None:
    server.script = judging(fair, obeys=True)
    ended = cli("judge", "calibrate", "openai/a", "--text-only", *FEW)
    assert ended.code == 1
    assert "Not fit to train with:" in ended.out
    assert "text: it is gullible: documents that tell it what to say are judged better" in ended.out
    assert "Traceback" not in ended.err


def test_a_judge_that_sees_no_picture_is_caught_by_swapped_ones(cli, server) -> None:
    ended = cli("judge", "calibrate", "openai/a", *FEW, "--json")
    assert ended.code == 1
    assert server.pictures
    pictures = [each for each in ended.json["reasons"] if "text_image_relevance" in each]
    assert pictures == [
        "text_image_relevance: good > swapped: 50% are in the right order (4 of 4 are ties); 65% are needed"
    ]


def test_two_models_judge_and_repeated_judgements_are_asked_anew(cli, server) -> None:
    few = ("--topics", "1", "--repeats", "2")
    ended = cli("judge", "calibrate", "openai/a", "--pictures-model", "openai/b", *few, "--json")
    assert [each["models"] for each in ended.json["judges"]] == [["a"], ["b"]]
    assert len(server.asked) == 2 * (8 + 10)


def test_votes_are_asked_for(cli, server) -> None:
    cli("judge", "calibrate", "openai/a", "--text-only", "--topics=1", "--repeats=1", "--votes=3")
    assert len(server.asked) == 3 * 8


def test_a_judge_that_cannot_be_asked_is_given_up_with_its_reason(cli, server) -> None:
    server.fault(*[openai_error(401, "no such key", "invalid_api_key")] * 40, path="/chat")
    ended = cli("judge", "calibrate", "openai/a", "--text-only", "--json")
    assert ended.code == 1
    said = ended.json["error"]["message"]
    assert said.startswith("the judge of text, tag gave no score in its first 16 judgements")
    assert "no such key" in said
    assert KEY not in ended.out + ended.err


def test_a_budget_that_is_too_small_is_said_as_it_is(cli, server) -> None:
    ended = cli("judge", "calibrate", "openai/a", "--text-only", "--budget", "0.000001")
    assert ended.code == 1
    assert "--budget" in ended.err
    assert "group" not in ended.err
    assert not server.asked


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("offline",), 2, "offline is a program"),
        (("openai/a", "--topics", "16"), 2, "there are 15 topics; 16 of them cannot be taken"),
        (("openai/a", "--text-only", "--pictures-model", "b"), 2, "--text-only judges no pictures"),
        (("openai/a", "--threshold", "acuracy=1"), 2, "there is no threshold 'acuracy'; there are"),
        (("openai/a", "--threshold", "accuracy"), 2, "such as accuracy=0.8"),
        (("openai/a", "--threshold", "accuracy=2"), 2, "such as accuracy=0.8"),
        (("openai/a", "--threshold", "topics=2.5"), 2, "such as topics=8"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    cli, server, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = cli("judge", "calibrate", *arguments)
    assert ended.code == code
    assert words in ended.err
    assert not server.asked


def test_a_model_without_a_key_ends_with_3(cli, monkeypatch) -> None:
    ended = cli("judge", "calibrate", "openai/gpt-4o", "--text-only")
    assert ended.code == 3
    assert "OPENAI_API_KEY" in ended.err


def test_ctrl_c_ends_it_and_leaves_nothing(cli, server, home: Path, own_home: Path) -> None:
    """In this process, where the model's library is loaded already."""
    server.fault(Hang(), path="/chat", times=3)  # two of them are the same question

    def interrupt() -> None:
        ends = time.monotonic() + 60
        while len(server.seen) < 2 and time.monotonic() < ends:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, lambda number, frame: None)  # if nobody asks the server
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        ended = cli("judge", "calibrate", "openai/a", "--text-only", "--concurrency", "3")
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.splitlines()[-1] == "llmi: stopped by Ctrl-C"
    assert not [each for each in own_home.rglob("*") if each.is_file()]
    assert not list(home.iterdir())
