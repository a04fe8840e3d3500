"""Others read the exports with their own libraries, and agree on counts, ids and digests."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.traces import traces
from llmi_agent.traces.exchange.exporting import export
from llmi_agent.traces.exchange.pictures import found_in

SCRIPT = Path(__file__).parents[1] / "read_elsewhere.py"
LACKING = [name for name in ("pyarrow", "datasets", "atif") if find_spec(name) is None]


@pytest.mark.skipif(bool(LACKING), reason=f"not installed: {LACKING}")
def test_pyarrow_datasets_and_atif_agree(runs: Any, tmp_path: Path) -> None:
    export(traces(runs.root), tmp_path / "a.parquet", pictures="inside")
    export(traces(runs.root), tmp_path / "a.jsonl")
    export(traces(runs.root), tmp_path / "atif.jsonl", "atif")
    export(traces(runs.root), tmp_path / "atif", "atif")
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    known = {each.episode: each for each in traces(runs.root)}
    assert read["episodes"] == list(known)
    assert read["records"] == sum(len(each.records) for each in known.values())
    for episode, trace in known.items():
        sampled = [
            [
                c.call,
                None if c.tokens.prompt is None else list(c.tokens.prompt),
                list(c.tokens.completion),
                list(c.tokens.logprobs or ()),
            ]
            for c in trace.calls
            if c.tokens
        ]
        assert read["ids"][episode] == sampled
        assert read["digests"][episode] == sorted(each.digest for each in found_in(trace))
        calls, results, pictures = read["tools"][episode]
        last = {each.call: each for each in trace.attempts}
        assert calls == results == len(last)
        assert pictures == sorted(p.digest for each in last.values() for p in each.pictures)
    assert any(read["ids"].values())
    assert all(read["shown"].values())
