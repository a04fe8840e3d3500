"""The photos to search when there is no folder: the freely licensed ones that scikit-image installs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from llmi_gallery.captions import from_value
from llmi_gallery.scan import Described, Found
from llmi_gallery.words import from_name


def pictures() -> Iterator[Found]:
    """Those of the samples that are installed. Downloads nothing and does not import scikit-image."""
    folder = _folder()
    if folder is None:
        return
    text = resources.files("llmi_gallery").joinpath("samples.json").read_text("utf-8")
    for name, value in json.loads(text).items():
        path = folder / name
        if path.is_file():
            described = Described(from_name(path.stem), "", from_value(value))
            yield Found(str(path), "sample", lambda described=described: described)  # type: ignore[misc]


def _folder() -> Path | None:
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data"
