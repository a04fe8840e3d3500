"""Prompts into files: lines that `llmi batch` runs, or LLM-I's columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.traces.exchange import lines, tables
from llmi_agent.traces.exchange.form import Form
from llmi_agent.traces.exchange.whole import beside
from llmi_train.prompts.files import is_picture, keep
from llmi_train.prompts.messages import MARK
from llmi_train.prompts.prompt import TrainingPrompt

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
_FILE: Form = {"bytes": "bytes", "path": "text"}
COLUMNS: dict[str, Form] = {
    "prompt": [{"role": "text", "content": "text"}],
    "data_source": "text",
    "modality": "text",
    "images": [_FILE],
    "files": [_FILE],
    "extra_info": {
        "image_num": "whole",
        "tools": ["text"],
        "question": "text",
        "split": "text",
        "language": "text",
        "id": "text",
    },
}
"""The columns of Parquet; `files`, `language` and `id` are ours."""


def write(prompts: Iterable[TrainingPrompt], out: Path) -> None:
    """Write a file in the form that its ending says; it appears whole or not at all.

    In JSON lines files are named by their paths; those that are not in the folder of `out` are copied to one beside it.
    In Parquet they are inside. Raises InputError if there is no such form or a file is gone, LlmiError if it cannot be written.
    """
    ending = ending_of(out)
    with beside(out) as new:
        if ending == ".parquet":
            _write_table(prompts, new)
            return
        folder = files_beside(out)
        with lines.lines_to(new, ending) as put:
            for prompt in prompts:
                put(line_of(prompt, out.parent, folder))


def ending_of(out: Path) -> str:
    """Raises InputError if no form is written with it."""
    found = next((each for each in ENDINGS if out.name.lower().endswith(each)), "")
    if not found:
        raise InputError(f"{out}: name a file that ends with one of {', '.join(ENDINGS)}")
    return found


def files_beside(out: Path) -> Path:
    """The folder for the files that go with the prompts of a file."""
    return out.with_name(f"{out.name.partition('.')[0] or 'prompts'}-files")


def line_of(prompt: TrainingPrompt, folder: Path, files: Path) -> bytes:
    """A line for `llmi batch`.

    folder: that of the file that the line goes into. files: the one that what lies elsewhere is copied to.
    """
    row: dict[str, Any] = {"prompt": prompt.text}
    attach = [_path(each, folder, files) for each in prompt.attach]
    said = {"id": prompt.id, "attach": attach, "split": prompt.split, "language": prompt.language}
    row |= {name: value for name, value in said.items() if value}
    if prompt.demand:
        row["pictures"] = prompt.demand.pictures
        row |= {"kinds": list(prompt.demand.kinds)} if prompt.demand.kinds else {}
    return lines.line_of(row)


def _path(path: Path, folder: Path, files: Path) -> str:
    if not path.resolve().is_relative_to(folder.resolve()):
        path = keep(_bytes(path), path.name, files)
    return path.resolve().relative_to(folder.resolve()).as_posix()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _write_table(prompts: Iterable[TrainingPrompt], new: Path) -> None:
    schema = tables.schema_of(COLUMNS, "llmi_prompts", 1, images=True)
    with tables.rows_to(new, schema) as rows:
        for prompt in prompts:
            rows.write(row_of(prompt))


def row_of(prompt: TrainingPrompt) -> dict[str, Any]:
    """LLM-I's columns. What demands nothing has image_num 0 there, which its reward takes for that."""
    images = [each for each in prompt.attach if is_picture(each)]
    others = [each for each in prompt.attach if each not in images]
    demand = prompt.demand
    return {
        "prompt": [{"role": "user", "content": f"{MARK}\n" * len(images) + prompt.text}],
        "data_source": "interleaved_mm" if images else "interleaved",
        "modality": "multimodal" if images else "text",
        "images": list(_inside(images)),
        "files": list(_inside(others)),
        "extra_info": {
            "image_num": demand.pictures if demand else 0,
            "tools": list(demand.kinds) if demand else [],
            "question": prompt.text,
            "split": prompt.split,
            "language": prompt.language,
            "id": prompt.id,
        },
    }


def _inside(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield {"bytes": _bytes(path), "path": path.name}
