"""These tests need torch: `make test-train` runs them; where there is none, `make test` passes them by."""

import sys
from importlib.util import find_spec
from pathlib import Path

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
sys.path.insert(0, str(Path(__file__).parent))
