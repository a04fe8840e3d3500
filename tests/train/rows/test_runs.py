"""Rows of real runs: the whole graph, written by a policy on a server that gives its tokens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmi_agent import ArtifactStore
from llmi_agent.config.options import Options
from llmi_agent.records.journal import journal_beside
from llmi_agent.testing import Cut
from llmi_agent.traces import Rewarded, export, give, import_traces, traces
from llmi_train.rows.faults import BadTrace
from llmi_train.rows.gathering import rows_of
from llmi_vllm.testing import Manner, Sent

from . import serving
from .serving import BAD, GOOD, ChatML, graph_of, scripted, write

REWARDS = (0.1, 0.7, 0.4, 0.9, 0.2, 0.3)


def score(root: Path, episodes: list[str], of_slots: bool = False) -> None:
    for episode, value in zip(episodes, REWARDS, strict=False):
        slots = Rewarded(
            component="mended", value=1 - value, scope="slot", about="0", profile="p@1"
        )
        given = [slots] if of_slots else []
        give(root / "artifacts", episode, Rewarded(value=value, profile="p@1"), *given)


def whole(sent: Sent) -> tuple[list[int], list[int], list[float]]:
    return [*sent.prompt], [*sent.ids], [float(np.float32(each)) for each in sent.logprobs]


def of_row(row: Any) -> tuple[list[int], list[int], list[float]]:
    own = row.segment
    return own.prompt.tolist(), own.completion.tolist(), own.logprobs.tolist()


async def test_a_row_of_a_draft_is_what_the_server_sampled(tmp_path: Path) -> None:
    with ChatML(scripted(GOOD, GOOD + "And more.\n")) as server:
        episodes = await write(graph_of(server, tmp_path), "The fox.", "g", 4)
    score(tmp_path, episodes)
    gathered = rows_of(tmp_path)
    assert [row.segment.episode for row in gathered.rows] == episodes
    for row, sent in zip(gathered.rows, server.sent, strict=True):
        assert of_row(row) == whole(sent)
        (own,) = gathered.recorded(row)
        assert (own.call.raw, own.start, own.end) == (sent.text, 0, len(sent.ids))
    assert gathered.report.weights == {"w1": 4}


async def test_a_draft_and_its_repair_are_one_segment(tmp_path: Path) -> None:
    with ChatML(scripted(BAD)) as server:
        episodes = await write(graph_of(server, tmp_path), "The fox.", "g", 2)
    score(tmp_path, episodes, of_slots=True)
    gathered = rows_of(tmp_path, repairs="mended")
    report = gathered.report
    assert (report.merged, report.branches, report.forks, report.drift) == (2, 0, 0, 0)
    for row, draft, repair in zip(gathered.rows, server.sent[::2], server.sent[1::2], strict=True):
        own = row.segment
        assert [*own.prompt, *own.completion] == [*repair.prompt, *repair.ids]
        sampled = [*draft.logprobs, *repair.logprobs]
        np.testing.assert_array_equal(own.logprobs[own.mask == 1], np.float32(sampled))
        assert np.sign(row.advantages[0]) == -np.sign(row.advantages[-1])
    plain = rows_of(tmp_path)
    assert [of_row(row) for row in plain.rows] == [whole(sent) for sent in server.sent[::2]]


@pytest.mark.parametrize("manner", ["thinks", "respells"])
async def test_what_the_server_makes_of_earlier_answers_is_told(
    tmp_path: Path, manner: str
) -> None:
    thinks = Manner(tokens=3, reasoning="Hm, a fox. Red?" if manner == "thinks" else "")
    with ChatML(scripted(BAD), thinks, respelt=manner == "respells") as server:
        episodes = await write(graph_of(server, tmp_path), "The fox.", "g", 2)
    score(tmp_path, episodes, of_slots=True)
    gathered = rows_of(tmp_path, repairs="mended", most_drift=1)
    report = gathered.report
    assert (report.forks, report.drift) == ((2, 0) if manner == "thinks" else (0, 2))
    assert [of_row(row) for row in gathered.rows] == [whole(sent) for sent in server.sent]


async def test_what_was_tried_again_after_a_cut_is_trained_on_as_it_was_accepted(
    tmp_path: Path,
) -> None:

    with ChatML(scripted(GOOD)) as server:
        server.fault(Cut(0.5))
        episodes = await write(graph_of(server, tmp_path), "The fox.", "g", 2)
    score(tmp_path, episodes)
    gathered = rows_of(tmp_path)
    assert [of_row(row) for row in gathered.rows] == [whole(sent) for sent in server.sent[1:]]
    assert gathered.report.begun_anew == 1


async def test_an_episode_that_was_killed_is_refused_and_trained_on_once_it_has_ended(
    tmp_path: Path,
) -> None:
    program = [sys.executable, serving.__file__, str(tmp_path)]
    done = await asyncio.to_thread(
        subprocess.run, program, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == -9, done.stderr
    episodes = journal_beside(ArtifactStore(tmp_path / "artifacts")).episodes()[::-1]
    assert len(episodes) == 3
    score(tmp_path, episodes[:2])
    with pytest.raises(BadTrace, match=f"the run {episodes[2]} .* not at its end"):
        rows_of(tmp_path)
    left = rows_of(tmp_path, leave_out_bad=True)
    assert [row.segment.episode for row in left.rows] == episodes[:2]
    with ChatML(scripted(GOOD)) as server:
        slower = Options(retry_wait=0.02, temperature=1.0, limits={"model": 2})
        again = graph_of(server, tmp_path, options=slower)
        await again.ainvoke({"resume": episodes[2]})
    score(tmp_path, episodes)
    gathered = rows_of(tmp_path)
    assert of_row(gathered.rows[2]) == whole(server.sent[0])
    assert gathered.report.begun_anew == 1


async def test_two_homes_and_what_was_exported_of_them_give_the_rows_of_one_home(
    tmp_path: Path,
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for number, home in enumerate(homes):
        with ChatML(scripted(GOOD, BAD, GOOD + "And more.\n")) as server:
            graph = graph_of(server, home)
            episodes = await write(graph, "The fox.", "g", 3)
        score(home, episodes[number:], of_slots=True)
    merged = ArtifactStore(tmp_path / "merged")
    assert not import_traces(homes, merged).refused
    right = rows_of(tmp_path / "merged", repairs="mended").report
    assert (right.used, right.read, right.groups) == (5, 6, 1)
    files = [tmp_path / "all.jsonl.gz", tmp_path / "all.parquet"]
    for each in files:
        export(traces(homes), each)
    for place in (homes, homes[::-1], *files):
        assert rows_of(place, repairs="mended").report == right
