"""Prompts out of files and data sets of anybody's; what cannot be used is named, and stops nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from llmi_agent.base.errors import InputError, UnavailableError
from llmi_agent.runner.prompt_line import WrongLineError, object_of
from llmi_agent.traces.exchange import tables
from llmi_train.prompts.files import Files
from llmi_train.prompts.lines import MOST_LINE, lines_in
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.rows import prompt_of

MOST_PROMPTS = 1_000_000
MOST_TEXT, MOST_TEXTS = 2**20, 2**30
"""Characters of a prompt, as in a batch, and of all: they are held in memory."""
MOST_NAMED = 1_000
"""Rows that cannot be used, of which the reason is kept; the others are counted."""
_DATASETS = ("dataset_info.json", "dataset_dict.json", "state.json")

Row: TypeAlias = Mapping[str, Any] | WrongLineError
"""A row, or why it is none."""


@dataclass
class Read:
    """What was in it."""

    source: str
    """What it is called in messages."""
    prompts: list[TrainingPrompt] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Of each prompt the number of its line, or row, from 1."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Lines that cannot be used, and why; at most `MOST_NAMED` of them."""
    bad_lines: int = 0
    """How many there are."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What rows held that a prompt does not, and how many did."""
    _size: int = 0

    def add(self, rows: Iterable[tuple[int, Row]], files: Files, split: str = "") -> None:
        """split: of the rows that say none."""
        for number, row in rows:
            try:
                prompt = self._prompt(row, files, split)
            except (WrongLineError, ValueError) as error:
                self.bad_lines += 1
                if len(self.bad) < MOST_NAMED:
                    self.bad.append((number, str(error)))
            else:
                self._take(number, prompt)

    def _prompt(self, row: Row, files: Files, split: str) -> TrainingPrompt:
        if isinstance(row, WrongLineError):
            raise row
        if not isinstance(row, Mapping):
            raise WrongLineError("it is no row of columns by their names")
        prompt = prompt_of(row, files, self._note)
        prompt = prompt if prompt.split else replace(prompt, split=split)
        if len(prompt.text) > MOST_TEXT:
            raise WrongLineError(f"the prompt has more than {MOST_TEXT:,} characters")
        return prompt

    def _take(self, number: int, prompt: TrainingPrompt) -> None:
        self._size += len(prompt.text)
        for most, size, what in (
            (MOST_PROMPTS, len(self.prompts) + 1, "prompts"),
            (MOST_TEXTS, self._size, "characters"),
        ):
            if size > most:
                raise InputError(f"{self.source} has more than {most:,} {what}")
        self.prompts.append(prompt)
        self.places.append(number)

    def _note(self, what: str) -> None:
        if what in self.left_out or len(self.left_out) < MOST_NAMED:
            self.left_out[what] += 1


_TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods")


def read(path: Path | str, keep: Path | None = None) -> Read:
    """The prompts of a file: JSON lines, packed by gzip or Zstandard or not, or Parquet; or of a folder that `datasets` saved.

    keep: the folder for files that are in it; see `Files`.

    Raises InputError if it is neither, or can be read no further; UnavailableError if a package is not there.
    """
    path = Path(path)
    found = Read(str(path))
    if path.is_dir():
        _read_folder(path, found, keep)
        return found
    if path.suffix.lower() in _TABLES:
        raise InputError(
            f"{path} is a spreadsheet or text table, and prompts are JSON lines, Parquet, or a folder that `datasets` saved; "
            'pandas reads it and writes them: to_json(..., orient="records", lines=True)'
        )
    if path.exists() and not path.is_file():
        raise InputError(
            f"{path} is neither a file nor a folder: what it gives can be read only once, so save it first"
        )
    found.add(rows_in(path), Files(path.parent, keep))
    return found


def rows_in(path: Path) -> Iterator[tuple[int, Row]]:
    """Each row of JSON lines or of Parquet, with its number from 1. Raises InputError if the file can be read no further."""
    return _of_table(path) if _is_table(path) else _of_lines(path)


def from_rows(rows: Iterable[Mapping[str, Any]], keep: Path | None = None) -> Read:
    """Prompts of rows that a program has; the paths of files are relative to the working folder."""
    found = Read("the rows")
    found.add(enumerate(rows, 1), Files(Path(), keep))
    return found


def from_dataset(data: Any, keep: Path | None = None, folder: Path | None = None) -> Read:
    """Prompts of a `Dataset`, `IterableDataset`, or a `DatasetDict`, whose names are the splits of rows that say none.

    folder: that the paths of files are relative to. Pictures are taken as they are stored, and not decoded.
    """
    found = Read("the data set")
    files = Files(folder or Path(), keep)
    several = data if isinstance(data, Mapping) else {"": data}
    before = 0
    for split, part in several.items():
        for number, row in enumerate(_of_dataset(part), before + 1):
            found.add([(number, row)], files, str(split))
            before = number
    return found


def _of_lines(path: Path) -> Iterator[tuple[int, Row]]:
    for number, line in lines_in(path):
        try:
            if line is None:
                raise WrongLineError(f"it has more than {MOST_LINE:,} bytes")
            yield number, object_of(line)
        except WrongLineError as error:
            yield number, error


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _of_table(path: Path) -> Iterator[tuple[int, Row]]:
    names = tables.columns_in(path)
    if len(set(names)) < len(names):
        raise InputError(f"{path} has two columns of the same name")
    return enumerate(tables.rows_in(path, names), 1)


def _of_dataset(data: Any) -> Iterator[Row]:
    for batch in data.with_format("arrow").iter(batch_size=tables.READ):
        yield from batch.to_pylist()


def _read_folder(path: Path, found: Read, keep: Path | None) -> None:
    if not any((path / each).is_file() for each in _DATASETS):
        raise InputError(f"{path} is a folder that `datasets` did not save; name a file in it")
    try:
        import datasets
    except ImportError:
        raise UnavailableError(
            "a folder of `datasets` needs that package: pip install datasets"
        ) from None
    try:
        data = datasets.load_from_disk(str(path))
    except Exception as error:  # noqa: BLE001 - anything, of a folder of anybody's
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    read = from_dataset(data, keep, path)
    found.prompts, found.places = read.prompts, read.places
    found.bad, found.bad_lines, found.left_out = read.bad, read.bad_lines, read.left_out
