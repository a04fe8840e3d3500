"""These tests need torch: `make test-train` runs them; where there is none, `make test` passes them by."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
