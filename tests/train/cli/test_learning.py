"""`llmi-train sft`, `dpo` and `kto` from the command line, as far as they need no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmi_train.cli import main

from ..rows.scene import Call, Home

METHODS = ("sft", "dpo", "kto")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home-of-traces")
    for group in ("g", "h"):
        for member, reward in enumerate((0.9, 0.5, 0.1)):
            call = Call(completion=(10, member, 99), text=f"# Fox {member}")
            made.episode(f"{group}{member}", call, reward=reward, group=group, member=member)
    return made


def failed(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    assert main([*given]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(("method", "rows"), [("sft", 2), ("dpo", 2), ("kto", 4)])
def test_exports_what_would_be_learnt(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str, rows: int
) -> None:
    out = tmp_path / "learnt.jsonl"
    assert main([method, "--traces", str(home.root), "--export", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert (
        "6 runs read, 6 with a draft and a reward of llmi@1, mean 0.500; 2 learnt as good, mean reward 0.900, by vllm/fox (2)"
        in said.err
    )
    assert f"{rows} examples written" in said.err
    assert ("TRL makes tokens of these messages again" in said.err) == (method != "sft")
    assert len(out.read_text().splitlines()) == rows


def test_exports_as_json(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "learnt.parquet"
    given = ["sft", "--traces", str(home.root), "--export", str(out), "--json", "--least", "0.4"]
    assert main(given) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["examples"] == 4
    assert said["left_out"] == {"a draft whose reward is below --least": 2}
    assert said["about"]["mean reward of what is learnt as good"] == pytest.approx(0.7)


@pytest.mark.parametrize("method", METHODS)
def test_options_that_do_not_go_together(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    traces, file = str(home.root), str(tmp_path / "x.jsonl")
    both = failed(capsys, method, "--traces", traces, "--examples", file)
    assert "--examples are taken as they are: leave out --traces" in both
    assert "Missing option '--model'" in failed(capsys, method, "--traces", traces)
    assert "Missing option '--out'" in failed(capsys, method, "--traces", traces, "--model", "m")
    wrong = failed(capsys, method, "--examples", file, "--export", file, "--text", "--split", "a")
    assert "leave out --split, --text" in wrong
    both = failed(capsys, method, "--traces", traces, "--export", file, "--out", "o")
    assert "--export trains nothing" in both
    given = (method, "--traces", traces, "--export", file, "--template-option", "thinking")
    assert "is not NAME=VALUE" in failed(capsys, *given)


def test_what_cannot_be_chosen_is_one_sentence(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "x.jsonl")
    none = failed(capsys, "sft", "--traces", str(home.root), "--export", out, "--least", "2")
    assert none.count("\n") == 1
    assert "none of the 6 runs there is to be learnt from" in none
    assert "there are no traces in" in failed(
        capsys, "dpo", "--traces", str(tmp_path / "no"), "--export", out
    )
    assert "on record are llmi@1 (6, as the run g0)" in failed(
        capsys, "kto", "--traces", str(home.root), "--export", out, "--profile", "mine"
    )


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "trl", "datasets"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from llmi_train.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_torch_it_says_what_is_missing_before_it_reads_anything(tmp_path: Path) -> None:
    given = ["sft", "--examples", str(tmp_path / "none"), "--model", "m", "--out", "o"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "is not installed: make train, or pip install 'llmi-train[grpo]'" in done.stderr


def test_help_loads_nothing_slow() -> None:
    code = (
        "import sys; from llmi_train.cli import main; code = main(['dpo', '--help']); "
        "print(*sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: llmi-train dpo" in done.stdout
    assert not set(done.stderr.split()) & {"torch", "numpy", "pyarrow", "pydantic"}
