"""A folder that cannot be written is said in a sentence, before and while something is trained."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_train.trainer import folder
from llmi_train.trainer.folder import begun, look


def test_a_folder_below_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file is no folder"):
        look(tmp_path / "file" / "out", resume=False)


def test_one_that_is_late_is_no_other_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several processes the first may have begun the folder before another one has looked."""
    with begun(tmp_path / "out", {"kind": "offline"}, resume=False):
        with pytest.raises(InputError, match="was begun"):
            look(tmp_path / "out", resume=False)
        monkeypatch.setattr(folder, "processes", lambda: SimpleNamespace(is_main_process=False))
        look(tmp_path / "out", resume=False)
        monkeypatch.undo()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.safetensors"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc] PytorchStreamWriter failed writing"),
    ],
    ids=["python", "safetensors", "torch"],
)
def test_a_full_disk_is_no_fault_of_the_program(tmp_path: Path, error: Exception) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(LlmiError, match="out cannot be written: No space left on device"),
        begun(out, {"kind": "offline"}, resume=False) as training,
    ):
        raise error
    assert training.checkpoint() is None
    with begun(out, {"kind": "offline"}, resume=True):
        pass


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        begun(tmp_path / "out", {"kind": "offline"}, resume=False),
    ):
        raise ZeroDivisionError
