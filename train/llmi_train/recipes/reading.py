"""Recipes by their names, or from files of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.layers import suggestion

if TYPE_CHECKING:
    from pydantic import ValidationError

    from llmi_train.recipes.recipe import Recipe

ENDING = ".toml"
_HERE = Path(__file__).parent
_MOST_BYTES = 1024 * 1024


def recipes() -> Mapping[str, Path]:
    """Those that come along, by their names."""
    return {path.stem: path for path in sorted(_HERE.glob(f"*{ENDING}"))}


def recipe_named(name: str) -> Recipe:
    """The recipe of this name, or of a file that ends in .toml. Raises ConfigError, in one sentence, if it cannot be used."""
    if name.endswith(ENDING):
        return read(Path(name).expanduser(), name)
    known = recipes()
    if name not in known and Path(name).expanduser().is_file():
        raise ConfigError(f"a recipe is TOML, and its name ends in {ENDING}: {name!r:.80} does not")
    if name not in known:
        raise ConfigError(
            f"there is no recipe {name!r:.80}; {suggestion(name, known)}, and any file that ends in {ENDING}"
        )
    return read(known[name], name)


def read(path: Path, name: str) -> Recipe:
    """The recipe in a file. name: how it was asked for. Raises ConfigError."""
    from pydantic import ValidationError

    from llmi_train.recipes.recipe import Recipe

    said = _toml(path)
    if unknown := next((key for key in said if key not in _keys(Recipe)), None):
        raise ConfigError(
            f"{path}: there is no {unknown!r:.80}; {suggestion(unknown, _keys(Recipe))}"
        )
    try:
        return Recipe.model_validate({**said, "path": path, "given": name})
    except ValidationError as error:
        raise ConfigError(f"{path}: {_fault(error, Recipe)}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ConfigError(f"{path} is no recipe: it has more than {_MOST_BYTES:,} bytes")
        return tomllib.loads(text.decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is not TOML: {error}"
        raise ConfigError(f"the recipe {path} cannot be read: {why or error}") from None
    except RecursionError:
        raise ConfigError(f"the recipe {path} cannot be read: it is nested too deeply") from None


def _keys(model: Any) -> list[str]:
    """What a table may hold."""
    own = model.model_fields.items()
    return [field.alias or name for name, field in own if not field.exclude]


def _fault(error: ValidationError, model: Any) -> str:
    """The first thing that is wrong, and what could stand there."""
    first = error.errors()[0]
    *tables, key = map(str, first["loc"])
    place = ".".join([*tables, key])
    for each in tables:
        model = _inner(model, each) or model
    match first["type"]:
        case "extra_forbidden":
            return f"there is no {place!r}; {suggestion(key, _keys(model))}"
        case "missing":
            return f"{place} is missing"
        case "literal_error":
            known = str(first.get("ctx", {}).get("expected", ""))
            return f"{place} is {first['input']!r:.80}, and there are {known.replace(' or ', ', ')}"
    return f"{place} is {first['input']!r:.80}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _inner(model: Any, table: str) -> Any:
    from llmi_train.recipes import recipe as parts

    named = {
        "launch": parts.Launch, "server": parts.Server, "needs": parts.Needs, "model": parts.Model,
    }  # fmt: skip
    return named.get(table)
