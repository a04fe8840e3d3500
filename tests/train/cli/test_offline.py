"""`llmi-train offline` without torch: its help, what is refused, and what is said where torch is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmi_train.cli import main

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "trl", "peft", "accelerate"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from llmi_train.cli import main
sys.exit(main(["offline", "--model", "m", "--out", "out"]))
"""
LOADED = """
import sys
from llmi_train.cli import main
main(["offline", "--help"])
sys.exit(" ".join(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "numpy", "rich", "langchain_core"})))
"""


def test_without_torch_it_says_how_to_get_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 3
    assert "which is not installed: make train, or pip install 'llmi-train[grpo]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_help_loads_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""
    assert "--max-kl" in done.stdout


@pytest.mark.parametrize("option", ["thinking", "=true", "thinking="])
def test_a_template_option_without_name_or_value_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--model", "m", "--out", "o", "--template-option", option, "--json"]
    assert main(["offline", *given]) == 2
    assert "is not NAME=VALUE" in json.loads(capsys.readouterr().out)["error"]["message"]
