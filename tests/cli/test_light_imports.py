"""`llmi --help` imports nothing beyond the standard library and click."""

from __future__ import annotations

import subprocess
import sys

import pytest

REPORT = """
import sys
from llmi_agent.cli import main
code = main(sys.argv[1:])
known = {*sys.stdlib_module_names, "click", "llmi_agent", "__mp_main__", "sitecustomize"}
light = {"", "base", "base.lazy", "base.errors"}
for name in sys.modules:
    top, _, rest = name.partition(".")
    own = top == "llmi_agent" and rest not in light and not rest.startswith("cli")
    if own or top not in known:
        print("IMPORTED", name, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["batch", "--help"],
        ["tools", "--help"],
        ["render", "-h"],
        ["cache", "clear", "-h"],
        ["traces", "-h"],
        ["traces", "ls", "-h"],
        ["judge", "calibrate", "-h"],
    ],
)
def test_help_imports_only_click_and_the_standard_library(arguments: list[str]) -> None:
    site_packages = _imported_anyway()  # what the environment's own .pth files bring
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *arguments], capture_output=True, text=True, check=True
    )
    offenders = {line.split()[1] for line in done.stderr.splitlines() if line[:8] == "IMPORTED"}
    assert "Usage: llmi" in done.stdout
    assert offenders - site_packages == set()


def _imported_anyway() -> set[str]:
    code = "import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
