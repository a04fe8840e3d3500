"""Trajectories are valid under both versions of ATIF, and say in their steps what happened."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.traces import traces
from llmi_agent.traces.exchange.exporting import export

atif = pytest.importorskip("atif")

AUDIO = ("audio", "duration_sec")
"""What is new in 1.8."""


def trajectories(runs: Any, folder: Path, **how: Any) -> dict[str, Any]:
    """By the run's name."""
    export(traces(runs.root), folder, "atif", **how)
    found = {path.stem: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    return {name: found[episode] for name, episode in runs.names.items()}


@pytest.mark.parametrize("how", ["beside", "none"])
def test_every_run_is_a_valid_trajectory(runs: Any, tmp_path: Path, how: Any) -> None:
    found = trajectories(runs, tmp_path / "atif", pictures=how)
    assert len(found) == len(list(traces(runs.root)))
    for name, data in found.items():
        for version in ("ATIF-v1.7", "ATIF-v1.8"):
            read = atif.Trajectory.model_validate({**data, "schema_version": version})
            assert read.trajectory_id == runs.names[name]
        text = json.dumps(data)
        assert data["schema_version"] == "ATIF-v1.7"
        assert not [word for word in AUDIO if f'"{word}"' in text]
        for step in read.steps:
            for result in step.observation.results if step.observation else ():
                parts = result.content if isinstance(result.content, list) else []
                paths = [part.source.path for part in parts if part.type == "image"]
                assert all((tmp_path / "atif" / each).is_file() for each in paths)
                assert bool(paths) == (how == "beside" and bool(result.extra["llmi"]["pictures"]))


def test_steps_follow_each_other_as_it_happened(runs: Any, tmp_path: Path) -> None:
    found = trajectories(runs, tmp_path / "atif")
    steps = found["mended"]["steps"]
    purposes = [step["extra"]["llmi"]["purpose"] for step in steps if step["source"] == "agent"]
    assert [each["source"] for each in steps[:3]] == ["system", "user", "agent"]
    assert purposes[0] == "draft"
    assert set(purposes[1:]) == {"repair"}
    for before, step in pairwise(steps):
        if step["source"] == "agent" and step["extra"]["llmi"]["purpose"] == "repair":
            assert before["source"] == "user", "each answer stands after its own question"
    calls = [
        (call, result)
        for s in steps
        for call, result in zip(
            s.get("tool_calls", ()), s.get("observation", {}).get("results", ()), strict=True
        )
    ]
    assert all(call["tool_call_id"] == result["source_call_id"] for call, result in calls)
    failed = [result["content"] for _, result in calls if isinstance(result["content"], str)]
    assert any(each.startswith("failed (unreachable)") for each in failed)
    blames = {result["extra"]["llmi"]["blame"] for _, result in calls}
    assert blames == {None, "policy", "infrastructure"}
    draft = next(step for step in steps if step["source"] == "agent")
    assert len(draft["extra"]["llmi"]["slots"]) == 5


def test_tokens_rewards_costs_and_what_was_said_before(runs: Any, tmp_path: Path) -> None:
    found = trajectories(runs, tmp_path / "atif")
    known = {trace.episode: trace for trace in traces(runs.root)}
    (sampled,) = [s["metrics"] for s in found["tokens"]["steps"] if s.get("metrics")]
    tokens = known[runs.names["tokens"]].calls[0].tokens
    assert tokens is not None
    assert sampled["prompt_token_ids"] == list(tokens.prompt or ())
    assert sampled["completion_token_ids"] == list(tokens.completion)
    assert sampled["logprobs"] == list(tokens.logprobs or ())
    assert found["member 2"]["extra"]["llmi"]["reward"] == 0.75
    assert len(found["member 2"]["extra"]["llmi"]["rewards"]) == 4
    sessions = {each["session_id"] for each in found.values()}
    assert len(sessions) == len(found), "each run is one of its own, its group's members too"
    assert found["member 0"]["extra"]["llmi"]["group"] == "a-group"
    assert '"1 picture"' in json.dumps(found)
    assert '"1 pictures"' not in json.dumps(found)
    costs = known[runs.names["mended"]].costs
    assert found["mended"]["final_metrics"].get("total_cost_usd") == costs.total
    copied = [
        step["source"] for step in found["continued"]["steps"] if step.get("is_copied_context")
    ]
    assert len(copied) == len(known[runs.names["continued"]].opened.earlier)
    halted = found["halted"]["steps"][-1]["extra"]["llmi"]
    assert not halted["accepted"]
    assert halted["error"]
