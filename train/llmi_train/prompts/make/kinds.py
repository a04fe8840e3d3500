"""The kinds of pictures, told by what they are for: a request implies them, and names no tool."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMPLIED: Mapping[str, str] = MappingProxyType(
    {
        "search": "a photograph of something real that exists or happened, where only the real thing will do",
        "diffusion": "an invented, imagined or stylised scene, which no camera can have seen",
        "code": "a chart or plot that shows numbers, a course over time, or a function",
        "edit": "a changed version of a picture that is there already",
    }
)
"""By their names, which the request must not use."""

ANSWERED: Mapping[str, str] = MappingProxyType(
    {"search": "photograph", "diffusion": "invented", "code": "chart", "edit": "changed"}
)
"""What the checker calls them."""
