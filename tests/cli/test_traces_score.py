"""`llmi traces score`: rewards are put on record once, and what cannot be judged is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.records.journal import journal_beside
from llmi_agent.store.home import default_store
from llmi_agent.testing import OpenAIServer, ballot_for, slot
from llmi_agent.traces import Trace, rewarding, traces

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*Pydantic.*:UserWarning"
)

KEY = "sk-judge-2f6b8c0d94aa"
DRAFT = f"# A harbour\n\nIt is old, and it is deep.\n\n{slot('search', 'A photo', query='harbour')}"
JUDGED = ("--judge", "openai/gpt-4o", "--api-base")


@pytest.fixture
def run(cli: Any) -> Any:
    """Write a document whose draft is the prompt; returns the run's id."""

    def write(draft: str = DRAFT, out: str = "out") -> str:
        cli("run", "--graph", "echo", "--out", out, draft)
        episodes: list[str] = journal_beside(default_store()).episodes(limit=1)
        return episodes[0]

    return write


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Marks everything with 4 of 5, and every criterion with "partly"."""

    def script(messages: list[dict[str, Any]]) -> str:
        return ballot_for(messages, lambda _, __, field: "partly" if field == "answer" else 4)

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with OpenAIServer(script, key=KEY, chunk=5000) as server:
        yield server


def found(episode: str) -> Trace:
    return next(e for e in traces(journal_beside(default_store())) if e.episode == episode)


def given(episode: str) -> dict[str, float | None]:
    """The last value of each component of the whole."""
    rewards = (each.given for each in found(episode).rewards)
    return {each.component: each.value for each in rewards if each.scope == "episode"}


def test_rules_need_no_judge_and_are_given_once(cli: Any, run: Any) -> None:
    episode = run()
    first = cli("traces", "score")
    assert first.code == 0
    (line,) = [each.split("\t") for each in first.out.splitlines()]
    assert (line[0], line[1], line[3]) == (episode, "1.0000", "-")
    assert "profile: rules@" in first.err
    assert "1 of 1 run scored" in first.err
    assert given(episode)["total"] == 1
    before = len(found(episode).rewards)
    again = cli("traces", "score")
    assert again.out == first.out
    assert "1 of them before" in again.err
    assert len(found(episode).rewards) == before
    cli("traces", "score", "--again", episode[:6])
    assert len(found(episode).rewards) == 2 * before
    assert cli("traces", "ls", "--json").json[0]["reward"] == 1


def test_a_judge_is_asked_once(cli: Any, run: Any, judge: OpenAIServer) -> None:
    episode = run()
    ended = cli("traces", "score", *JUDGED, f"{judge.url}/v1", "--votes", "3")
    assert ended.code == 0
    whole = given(episode)
    assert (whole["text"], whole["tag"], whole["image_quality"]) == (0.75, 0.75, 0.75)
    assert len(judge.asked) == 6
    assert cli("traces", "score", *JUDGED, f"{judge.url}/v1", "--votes", "3").code == 0
    assert len(judge.asked) == 6
    # Other weights, the same questions: what was judged is found on record.
    Path("mine.toml").write_text('base = "llmi"\n[weights]\ncount = 0\nvalidity = 0\nkinds = 0\n')
    asked = (*JUDGED, f"{judge.url}/v1", "--votes", "3")
    mine = cli("traces", "score", "--profile", "mine.toml", *asked)
    assert (mine.code, len(judge.asked)) == (0, 6)
    assert given(episode)["total"] == pytest.approx(0.75)
    profiles = {each.given.profile.partition("@")[0] for each in found(episode).rewards}
    assert profiles == {"llmi", "mine"}


def test_a_judge_that_is_down_gives_no_total_and_exit_code_1(
    cli: Any, run: Any, judge: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMI_MODEL_RETRIES", "0")
    episode = run()
    judge.script = ("I cannot help with that.",)
    ended = cli("traces", "score", *JUDGED, f"{judge.url}/v1")
    assert ended.code == 1
    assert ended.out.split("\t")[1] == "-"
    assert "1 without a total" in ended.err
    assert given(episode)["total"] is None
    assert KEY not in ended.out + ended.err


def test_a_dry_run_puts_nothing_on_record(cli: Any, run: Any) -> None:
    episode = run()
    ended = cli("traces", "score", "--dry-run", "--json")
    (row,) = [json.loads(line) for line in ended.out.splitlines()]
    assert (row["episode"], row["total"], row["missing"]) == (episode, 1, "")
    assert {each["scope"] for each in row["rewards"]} == {"episode", "slot", "call"}
    assert not found(episode).rewards


def test_an_exported_file_stays_as_it_is(cli: Any, run: Any) -> None:
    run()
    cli("traces", "export", "--out", "all.jsonl", "--pictures", "none")
    ended = cli("traces", "score", "--from", "all.jsonl")
    assert (ended.code, ended.out) == (2, "")
    assert "llmi traces import" in ended.err
    assert cli("traces", "score", "--from", "all.jsonl", "--dry-run").code == 0


def test_what_a_prompt_demands_can_be_said_later(cli: Any, run: Any) -> None:
    episode = run()
    line = {"prompt": DRAFT, "pictures": 2, "kinds": ["search", "code"]}
    Path("prompts.jsonl").write_text(json.dumps(line) + "\n")
    cli("traces", "score", "--demands", "prompts.jsonl")
    assert (given(episode)["count"], given(episode)["kinds"]) == (0.5, 0.5)
    Path("prompts.jsonl").write_text(json.dumps({**line, "prompt": "Another"}) + "\n")
    ended = cli("traces", "score", "--again", "--demands", "prompts.jsonl")
    assert "it is known of 0 of 1 run what the prompt demands" in ended.err
    Path("none.jsonl").write_text('{"prompt": "x"}\n')
    ended = cli("traces", "score", "--demands", "none.jsonl")
    assert ended.code == 2
    assert "says what it asks for" in ended.err


def test_criteria_are_those_of_the_prompt(cli: Any, run: Any, judge: OpenAIServer) -> None:
    episode = run()
    asked = ("--profile", "rules", *JUDGED, f"{judge.url}/v1")
    Path("all.json").write_text('["Is there a harbour?", "Is it old?"]')
    assert cli("traces", "score", *asked, "--criteria", "all.json").code == 0
    assert given(episode)["criteria"] == given(episode)["criteria.2"] == 0.5
    line = {"prompt": DRAFT, "checklist": {"visual": ["Is there a photo?"]}}
    Path("own.jsonl").write_text(json.dumps(line) + "\n")
    assert cli("traces", "score", *asked, "--criteria", "own.jsonl").code == 0
    Path("others.jsonl").write_text(json.dumps({**line, "prompt": "Another"}) + "\n")
    before = len(judge.asked)
    ended = cli("traces", "score", *asked, "--criteria", "others.jsonl")
    assert (ended.code, len(judge.asked)) == (0, before)
    assert "others.jsonl has criteria for 0 of 1 run" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--profile", "best"), "there are llmi, paper, paper-vl, rules"),
        (("--profile", "gone.toml"), "gone.toml cannot be read"),
        (("--profile", "llmi"), "name a judge"),
        (("--judge", "offline"), "is a program"),
        (("--judge", "openai/a", "--judge", "openai/b"), "two models"),
        (("--criteria", "c.json"), "--judge"),
        (("--judge", "openai/gpt-4o", "--criteria", "gone.json"), "gone.json cannot be read"),
        (("no-such-run",), "there is no run"),
        (("--votes", "0"), "votes"),
    ],
)
def test_what_cannot_be_done_is_said(
    cli: Any, run: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    run()
    ended = cli("traces", "score", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[weights", "is not TOML"),
        ('base = "best"', "there are llmi"),
        ("[weights]\ncount = -1", "weights.count"),
        ("speed = 1", "speed"),
    ],
)
def test_a_wrong_profile_is_said(cli: Any, run: Any, text: str, words: str) -> None:
    run()
    Path("mine.toml").write_text(text)
    ended = cli("traces", "score", "--profile", "mine.toml")
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_rewards_that_cannot_be_kept_do_not_end_the_others(
    cli: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmi_agent.cli import traces_score_lines

    first, second = run(), run("# Another\n\nWithout a picture.", "out2")

    def give(place: Any, episode: str, *rewards: Any) -> None:
        if episode == first:
            raise InputError("it has been forgotten")
        rewarding.give(place, episode, *rewards)

    monkeypatch.setattr(traces_score_lines, "give", give)
    ended = cli("traces", "score")
    assert ended.code == 1
    lines = {line.split("\t")[0]: line.split("\t") for line in ended.out.splitlines()}
    assert lines[first][1:] == ["-", "-", "it has been forgotten"]
    assert given(second)["total"] == 1


def test_nobody_else_scores_the_same_at_the_same_time(cli: Any, run: Any) -> None:
    episode = run()
    version = json.loads(cli("traces", "score", "--dry-run", "--json").out)["rewards"][0]["profile"]
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with journal_beside(default_store()).hold(f"scoring {version}"):
            held.set()
            release.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    threading.Timer(1.0, release.set).start()
    ended = cli("traces", "score")
    other.join()
    assert ended.code == 0
    assert "waiting until that is done" in ended.err
    assert given(episode)["total"] == 1


def test_no_run_is_said(cli: Any, run: Any) -> None:
    run()
    ended = cli("traces", "score", "--since", "2099-01-01")
    assert (ended.code, ended.out) == (0, "")
    assert "there is no such run to score" in ended.err


def test_again_asks_the_judge_again(cli: Any, run: Any, judge: OpenAIServer) -> None:
    run()
    asked = ("traces", "score", *JUDGED, f"{judge.url}/v1")
    cli(*asked)
    cli(*asked, "--again")
    assert len(judge.asked) == 4
