"""Templates of pages, which show nothing that was not made fit for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


@cache
def template(package: str, name: str, shown: Callable[[str], str]) -> jinja2.Template:
    """The template of this name in the package's folder `templates`. Plain text passes `shown` on its way in, and is escaped."""
    import jinja2

    def finalize(value: Any) -> Any:
        return shown(value) if type(value) is str else value

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
    )
    return environment.from_string(resource(package, name))


def resource(package: str, name: str) -> str:
    """The text of a file in the package's folder `templates`."""
    return files(package).joinpath("templates", name).read_text("utf-8")
