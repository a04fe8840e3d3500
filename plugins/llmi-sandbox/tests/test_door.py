"""The door stays light: listing tools must not load what they use."""

from __future__ import annotations

import subprocess
import sys


def test_the_plugin_module_loads_neither_the_tool_nor_a_plotting_library() -> None:
    code = "import sys, llmi_sandbox.plugin; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert not loaded & {"matplotlib", "numpy", "pandas", "asyncio", "llmi_sandbox.tool"}


def test_where_nothing_of_unix_is_the_tool_still_loads_and_says_so() -> None:
    code = (
        "import asyncio, os, sys\n"
        "sys.modules |= dict.fromkeys(('fcntl', 'pwd', 'resource'))\n"
        "del os.fork, os.register_at_fork\n"
        "from llmi_sandbox import tool\n"
        "print(asyncio.run(tool.layers()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "llmi-sandbox does not run on" in done.stderr.splitlines()[-1]
