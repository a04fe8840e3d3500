"""Parquet, by pyarrow, which is imported here and nowhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmi_agent.base.errors import InputError, UnavailableError
from llmi_agent.traces.exchange.form import Form

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE, GROUP_BYTES = 256, 2**24
"""Rows, or about as many bytes, that make a row group: as much is in memory at once."""
READ = 32
"""Rows that are read at once."""
MOST_VALUES, MOST_BYTES = 2**28, 2**33
"""Of a column of a row group, and bytes of a row group unpacked: what claims more was made to fill a memory."""
MOST_FOOTER = 2**24
"""Bytes of a file's description of itself."""
MOST_BATCH = 2**31
"""Bytes of what is read at once."""
_ARROW = {"text": "string", "whole": "int64", "real": "float64", "bool": "bool_", "bytes": "binary"}
_DATASETS = {
    "text": "string",
    "whole": "int64",
    "real": "float64",
    "bool": "bool",
    "bytes": "binary",
}


def pyarrow() -> Any:
    """Raises UnavailableError if it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UnavailableError(
            "Parquet needs pyarrow, which is not installed: pip install 'llmi-agent[traces]', or export to .jsonl"
        ) from None
    return pyarrow


def schema_of(columns: Mapping[str, Form], name: str, version: int, *, images: bool) -> pa.Schema:
    """The schema of a file with these columns.

    images: its pictures are in it, and Hugging Face's `datasets` is told to show them as such.
    """
    arrow = pyarrow()
    fields = [arrow.field(each, _type(form)) for each, form in columns.items()]
    metadata = {name: str(version)}
    if images:
        features = {each: _feature(form, each) for each, form in columns.items()}
        metadata["huggingface"] = json.dumps({"info": {"features": features}})
    return arrow.schema(fields, metadata=metadata)


def _type(form: Form) -> Any:
    arrow = pyarrow()
    if isinstance(form, list):
        return arrow.list_(_type(form[0]))
    if isinstance(form, dict):
        return arrow.struct([arrow.field(name, _type(each)) for name, each in form.items()])
    return getattr(arrow, _ARROW[form])()


def _feature(form: Form, name: str) -> Any:
    if isinstance(form, list):
        return [_feature(form[0], name)]
    if isinstance(form, dict):
        if name in ("image", "images"):
            return {"_type": "Image"}
        return {inner: _feature(each, inner) for inner, each in form.items()}
    return {"dtype": _DATASETS[form], "_type": "Value"}


class Rows:
    """Rows on their way into a Parquet file, a row group at a time."""

    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._waiting: list[Mapping[str, Any]] = []
        self._bytes = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one in."""
        self._waiting.append(row)
        self._bytes += weight(row)
        if len(self._waiting) >= AT_ONCE or self._bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        try:
            table = self._table(self._waiting)
        except UnicodeEncodeError:  # half a surrogate pair is no text
            table = self._table([_whole_text(each) for each in self._waiting])
        self._writer.write_table(table)
        self._waiting, self._bytes = [], 0

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        return pyarrow().Table.from_pylist(rows, schema=self._schema)


def weight(value: Any) -> int:
    """About how many bytes a value takes."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(weight, value.values()))
    if isinstance(value, list):
        plain = value and isinstance(value[0], int | float)
        return 8 * len(value) if plain else sum(map(weight, value))
    return 8


def _whole_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {name: _whole_text(each) for name, each in value.items()}
    return [_whole_text(each) for each in value] if isinstance(value, list) else value


@contextmanager
def rows_to(path: Path, schema: pa.Schema) -> Iterator[Rows]:
    """Writes rows to a new Parquet file."""
    writer = pyarrow().parquet.ParquetWriter(
        path, schema, compression="zstd", compression_level=3, write_page_checksum=True
    )
    with writer:
        rows = Rows(writer, schema)
        yield rows
        rows.flush()


def names(path: Path, columns: Sequence[str]) -> bool:
    """Whether the file's footer has these words in it: a quick look, without pyarrow, at what may be anybody's."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
        if tail[4:] != b"PAR1":
            return False
        file.seek(max(size - 8 - min(int.from_bytes(tail[:4], "little"), MOST_FOOTER), 0))
        footer = file.read(MOST_FOOTER)
    return all(each.encode() in footer for each in columns)


def columns_in(path: Path) -> list[str]:
    """Its columns' names. Raises InputError if it is no Parquet file."""
    with _readable(path) as file:
        return [str(each) for each in file.schema_arrow.names]


def rows_in(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """These of its columns, row by row. Raises InputError where it can be read no further."""
    with _readable(path) as file:
        present = set(file.schema_arrow.names)
        wanted = [each for each in columns if each in present]
        for group in range(file.metadata.num_row_groups):
            _check_size(file.metadata.row_group(group), path)
            for batch in file.iter_batches(READ, row_groups=[group], columns=wanted):
                if batch.nbytes > MOST_BATCH:
                    raise InputError(f"{path} unpacks to more than can be read at once")
                for place in range(batch.num_rows):
                    yield batch.slice(place, 1).to_pylist()[0]


def _check_size(group: Any, path: Path) -> None:
    columns = [group.column(each) for each in range(group.num_columns)]
    size = sum(max(each.total_uncompressed_size, 0) for each in columns)
    values = max((each.num_values for each in columns), default=0)
    if size > MOST_BYTES or values > MOST_VALUES:
        raise InputError(
            f"{path} has a row group of {values:,} values and {size:,} bytes unpacked, more than is read at once; write it "
            "with smaller ones"
        )


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    arrow = pyarrow()
    try:
        with arrow.parquet.ParquetFile(
            path,
            memory_map=False,
            page_checksum_verification=True,
            thrift_string_size_limit=2**26,
            thrift_container_size_limit=2**22,
        ) as file:
            yield file
    except (arrow.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read: {words or type(error).__name__}") from None
