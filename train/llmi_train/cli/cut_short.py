"""What ends a training before it is done: a package that is not there, or whatever cuts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmi_agent.base.errors import ConfigError, InputError, UnavailableError
from llmi_agent.cli.output import Output
from llmi_train.trainer.place import STORY

NEEDED = frozenset("torch transformers trl datasets peft accelerate llmi_transformers".split())


@contextmanager
def needed() -> Iterator[None]:
    """Around what imports the trainers. Raises UnavailableError if a package of theirs is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise UnavailableError(
            f"training needs {error.name}, which is not installed: make train, or pip install 'llmi-train[grpo]'"
        ) from None


@contextmanager
def resumable(out: Path, output: Output) -> Iterator[None]:
    """If it is cut, it is said how to go on; nothing is said where it was refused, and would be again."""
    before = _begun(out)
    try:
        yield
    except (InputError, ConfigError):
        raise
    except BaseException:
        there = any(out.glob("checkpoint-*")) or (out / "rollouts").is_dir()
        if there and _begun(out) != before:
            output.say(f"the same command with --resume goes on with {out}", "resumable")
        raise


def _begun(out: Path) -> int:
    """When a training was begun there, or last gone on with: it writes its story then."""
    try:
        return (out / STORY).stat().st_mtime_ns
    except OSError:
        return 0
