"""What is said where a training ends before it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_train.cli.cut_short import resumable


class Said(list[str]):
    def say(self, line: str, kind: str) -> None:
        self.append(line)


def cut(out: Path, error: BaseException, *, begun: bool) -> list[str]:
    said: Any = Said()

    def train() -> None:
        with resumable(out, cast("Any", said)):
            if begun:
                (out / "training.json").write_text("{}")
            raise error

    with pytest.raises(type(error)):
        train()
    return list(said)


def test_only_what_was_begun_is_said_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "rollouts").mkdir()
    line = f"the same command with --resume goes on with {tmp_path}"
    assert cut(tmp_path, LlmiError("the home is a file"), begun=False) == []
    assert cut(tmp_path, InputError("another process is training"), begun=True) == []
    (tmp_path / "training.json").unlink()
    assert cut(tmp_path, KeyboardInterrupt(), begun=True) == [line]
    assert cut(tmp_path, LlmiError("refused"), begun=False) == []
