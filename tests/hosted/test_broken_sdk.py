"""A plugin whose SDK is missing or broken takes only itself out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmi_agent.testing import slot

from .conftest import Vendors

DRAFT = "\n\n".join(
    [
        "# The harbour",
        slot("search", "A boat", query="red boat"),
        slot("diffusion", "A harbour", prompt="a harbour"),
        slot("code", "Arrivals", code="plt.plot([1, 2])"),
    ]
)
BROKEN = {
    "missing": 'raise ModuleNotFoundError("No module named {name!r}", name="{name}")',
    "broken": "raise AttributeError('module is not compatible with this Python')",
}


@pytest.mark.parametrize(
    ("sdk", "kind", "how"),
    [
        ("tavily", "search", "missing"),
        ("replicate", "diffusion", "broken"),
        ("e2b_code_interpreter", "code", "missing"),
    ],
)
def test_the_other_vendors_fill_their_slots(
    vendors: Vendors, environment: dict[str, str], tmp_path: Path, sdk: str, kind: str, how: str
) -> None:
    vendors.openai.script = [DRAFT, "SKIP"]
    broken, work = tmp_path / "broken", tmp_path / "work"
    (broken / sdk).mkdir(parents=True)
    (broken / sdk / "__init__.py").write_text(BROKEN[how].format(name=sdk), encoding="utf-8")
    work.mkdir()
    vendors.write_config(work)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("llmi"),
            "run",
            "The harbour",
            "--model",
            "openai/writer",
            "--json",
        ],
        cwd=work,
        env={**environment, "PYTHONPATH": str(broken), "LLMI_FALLBACKS": "no"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [(each["kind"], each["reason"]) for each in result["missing"]] == [(kind, "unavailable")]
    assert "install" in result["missing"][0]["message"], "it says what to do"
    assert result["figures"] == 2
    assert "Traceback" not in done.stderr
