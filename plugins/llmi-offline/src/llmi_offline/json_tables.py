"""JSON as a table: records, columns, JSON lines, or the one list of records inside an object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmi_offline.errors import RESAVE, UnreadableTable
from llmi_offline.phrases import clean, listed

if TYPE_CHECKING:
    from llmi_offline.loading import Loading


_DEEPEST = 5


def looks_like_json(data: bytes) -> bool:
    """Whether a file that is not named as JSON holds it all the same."""
    if data.lstrip()[:1] not in (b"[", b"{"):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def read_json(loading: Loading) -> None:
    """Read the attached JSON into `df`. Raises UnreadableTable if it holds no table."""
    with_file = f"import json\nwith open({loading.name!r}, 'rb') as file:\n    "
    if _is_json_lines(loading):
        loading.run(f"{with_file}rows = [json.loads(line) for line in file if line.strip()]")
        return loading.run("df = pd.json_normalize(rows)")
    path = _records_path(loading)
    loading.run(f"{with_file}rows = json.load(file)")
    if path or isinstance(_parsed(loading), list):
        return loading.run(f"df = pd.json_normalize(rows{path})")
    return loading.run("df = pd.DataFrame(rows).reset_index(drop=True)")


def _parsed(loading: Loading) -> Any:
    try:
        return json.loads(loading.data)
    except RecursionError:
        raise UnreadableTable(clean(loading.name), "it is nested too deeply", RESAVE) from None


def _is_json_lines(loading: Loading) -> bool:
    try:
        _parsed(loading)
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(loading.data.split(b"\n"), 1) if line.strip()]
        broken = [number for number, line in lines if not _is_record(line)]
        if not broken:
            return True
        fault = f"its line {broken[0]:,} holds no JSON object"
        if broken[0] == lines[0][0]:
            fault = f"it is not valid JSON ({clean(error, 80)})"
        raise UnreadableTable(clean(loading.name), fault, RESAVE) from None
    return False


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _records_path(loading: Loading) -> str:
    """Where the records are: at the top, or under the only keys that lead to a list of them."""
    content = _parsed(loading)
    if isinstance(content, list):
        if not all(isinstance(row, dict) for row in content):
            raise UnreadableTable(
                clean(loading.name), "its JSON list holds no records", "use a list of objects"
            )
        return ""
    if isinstance(content, dict):
        paths = _paths(content)
        if len(paths) == 1:
            return "".join(f"[{key!r}]" for key in paths[0])
        if len(paths) > 1:
            told = listed([clean(".".join(path), 30) for path in paths[:3]])
            fault = f"its JSON has more than one list of records, such as {told}"
            raise UnreadableTable(clean(loading.name), fault, "attach one of them, as a list")
        if _are_columns(list(content.values())):
            return ""
    raise UnreadableTable(
        clean(loading.name), "its JSON is neither records nor columns", "use a list of objects"
    )


def _paths(content: dict[str, Any]) -> list[tuple[str, ...]]:
    """The keys to each list of records on the first level that has one."""
    level: list[tuple[tuple[str, ...], Any]] = [((key,), value) for key, value in content.items()]
    for _ in range(_DEEPEST):
        found = [keys for keys, value in level if _holds_records(value)]
        if found:
            return found
        inside = [(keys, value) for keys, value in level if isinstance(value, dict)]
        level = [((*keys, key), part) for keys, value in inside for key, part in value.items()]
    return []


def _are_columns(values: list[Any]) -> bool:
    """Lists of plain values, equally long, or objects of plain values with the same keys."""
    if not values or not (
        all(isinstance(value, list) for value in values)
        or all(isinstance(value, dict) for value in values)
    ):
        return False
    shapes = {tuple(value) if isinstance(value, dict) else len(value) for value in values}
    parts = [
        part for value in values for part in (value.values() if isinstance(value, dict) else value)
    ]
    return len(shapes) == 1 and not any(isinstance(part, dict | list) for part in parts)


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)
