"""What the base of llmi-train imports: nothing of its extras, and for help next to nothing."""

from __future__ import annotations

import subprocess
import sys

BASE = """
import pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "trl", "datasets"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import llmi_train

for each in pkgutil.walk_packages(llmi_train.__path__, "llmi_train."):
    if each.name.startswith("llmi_train.trainer"):
        continue
    __import__(each.name)
    print(each.name)
"""

HELP = """
import sys
from llmi_train.cli import main
code = main(["prompts", "--help"])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_every_module_can_be_imported_without_the_extras() -> None:
    assert "llmi_train.prompts.prompt" in run(BASE).stdout.splitlines()


def test_help_imports_no_library_that_is_slow() -> None:
    done = run(HELP)
    assert "Usage: llmi-train prompts" in done.stdout
    assert not set(done.stderr.split()) & {"datasketch", "numpy", "pyarrow", "pydantic"}
