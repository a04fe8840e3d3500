"""What TRL, transformers and torch warn of in every training is none of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_train.trainer.settings import quiet

_HERE = Path(__file__).parent
_THEIRS = (
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
    "ignore:`gradient_checkpointing_(dis|en)able` is deprecated:FutureWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            for each in _THEIRS:
                item.add_marker(pytest.mark.filterwarnings(each))


quiet()
