"""The set, made once, and the scripted judges of benchmarks/judge_calibration.py."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from llmi_agent.judges.calibrate import Collection

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "judge_calibration.py"


@pytest.fixture(scope="session")
def collection() -> Collection:
    return Collection.made()


@pytest.fixture(scope="session")
def scripts() -> ModuleType:
    """The benchmark as a module."""
    spec = spec_from_file_location("judge_calibration", BENCHMARK)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
