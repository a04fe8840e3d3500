"""What a plan says of checkpoints and packages needs those that train: `make test-train` runs its tests."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("trl") and find_spec("llmi_transformers") else ["test_plan.py"]
