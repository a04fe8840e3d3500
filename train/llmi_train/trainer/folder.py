"""The folder of a training: whose it is, from where it goes on after it was cut, and that two do not write into it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from llmi_agent.base.alone import held_alone
from llmi_agent.base.errors import InputError, LlmiError
from llmi_train.trainer import place
from llmi_train.trainer.place import LOCK, STORY, read
from llmi_train.trainer.processes import processes

_WHOLE = "WHOLE"
_SHOWN = 3
_DISK = frozenset(
    {
        getattr(errno, name)
        for name in "ENOSPC EDQUOT EFBIG EIO EROFS EACCES EPERM ENOTDIR ENOENT ENAMETOOLONG".split()
        if hasattr(errno, name)
    }
)


@dataclass(frozen=True)
class Training:
    """A training and its folder."""

    out: Path
    identity: Mapping[str, Any]
    """What its weights follow from: kind, data, model, settings. As JSON has it."""

    def checkpoint(self) -> Path | None:
        """From where it goes on: the newest checkpoint that was written to its end."""
        return max(
            (each for each in _checkpoints(self.out) if _is_whole(each)), key=_step, default=None
        )

    def finish(self, figures: Mapping[str, Any], *, keep_checkpoints: bool) -> None:
        """It is done, and its model is in its place."""
        _write(self.out, {**self._story("done"), "figures": dict(figures)})
        if not keep_checkpoints:
            for each in _checkpoints(self.out):
                shutil.rmtree(each)

    def _story(self, state: str) -> dict[str, Any]:
        versions = {name: version(name) for name in ("llmi-train", "trl", "transformers", "torch")}
        return {"state": state, **json.loads(json.dumps(self.identity)), "versions": versions}


def look(out: Path, *, resume: bool) -> None:
    """Before anything is loaded: whether a training can be written there. Raises InputError, in the first of several
    processes: where another one is late, that has begun it meanwhile.
    """
    if processes().is_main_process:
        place.look(out, resume=resume)


@contextmanager
def begun(out: Path, identity: Mapping[str, Any], *, resume: bool) -> Iterator[Training]:
    """The folder for as long as the block runs: new, or one in which the same training was begun.

    With several processes, the first one looks after it. Raises InputError if another training is in it, or if it is
    being written by another process.
    """
    state = processes()
    training = Training(out, identity)
    if not state.is_main_process:
        state.wait_for_everyone()
        yield training
        return
    look(out, resume=resume)
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with (out / LOCK).open("wb") as lock:
            if not held_alone(lock):
                raise InputError(f"another process is training in {out}")
            _take(training)
            state.wait_for_everyone()
            yield training
        (out / LOCK).unlink(missing_ok=True)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """What is said of a disk that takes no more, whichever library wrote. Raises LlmiError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, LlmiError) or not (why := _unwritten(error)):
            raise
        raise LlmiError(
            f"{out} cannot be written: {why}; what stands in it stays, and --resume goes on from the last whole checkpoint"
        ) from error


def _unwritten(error: Exception) -> str:
    """Why nothing could be written; empty if it is something else."""
    if isinstance(error, OSError) and error.errno is not None and error.errno in _DISK:
        return os.strerror(error.errno)
    full = os.strerror(errno.ENOSPC)
    return full if any(each in str(error) for each in (full, "PytorchStreamWriter")) else ""


def _take(training: Training) -> None:
    """Make it its training's, or go on with it."""
    story = read(training.out)
    mine = training._story("begun")
    if story is not None and (other := _differing(story, mine)):
        raise InputError(
            f"{training.out} has another training in it: {other}. Say the same again, or name another folder with --out"
        )
    for each in _checkpoints(training.out):
        if not _is_whole(each):
            shutil.rmtree(each)
    _write(training.out, mine)


def _differing(story: Mapping[str, Any], mine: Mapping[str, Any]) -> str:
    """What it was begun with otherwise, in words; empty if nothing."""
    before, now = _flat(story), _flat(mine)
    apart = ("state", "versions.", "figures.")
    names = [
        name
        for name in {**before, **now}
        if not name.startswith(apart) and before.get(name) != now.get(name)
    ]
    shown = [f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in names[:_SHOWN]]
    return "; ".join(shown)


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, each in value.items():
        if isinstance(each, Mapping):
            flat |= _flat(each, f"{before}{name}.")
        else:
            flat[before + name] = each
    return flat


class MarkWhole(TrainerCallback):  # type: ignore[misc]
    """Marks each checkpoint when it is written to its end: one without the mark was cut."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after a checkpoint."""
        processes().wait_for_everyone()
        if processes().is_main_process:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def _checkpoints(out: Path) -> list[Path]:
    return [each for each in out.glob("checkpoint-*") if each.name.rpartition("-")[2].isdigit()]


def _is_whole(checkpoint: Path) -> bool:
    return (checkpoint / _WHOLE).exists()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _write(out: Path, story: Mapping[str, Any]) -> None:
    draft = out / f".{STORY}"
    draft.write_text(json.dumps(story, indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(out / STORY)


def on_main(act: Callable[[], None]) -> None:
    """Do it in the first of several processes, while the others wait."""
    state = processes()
    if state.is_main_process:
        act()
    state.wait_for_everyone()
