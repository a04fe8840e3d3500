"""The kinds of pictures that every policy knows: search, diffusion, code, edit.

A kind is what the policy picks (`source` on the wire), never a vendor. For these four the parameters,
the description and the example belong to the framework, so that tools are interchangeable and neither
the prompt nor a trained policy changes with the vendor. A plugin may bring a kind of its own: its
`ToolSpec` then says all of this itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.types import NonNegativeInt

Words = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


class Params(BaseModel):
    """Base of a kind's parameters: frozen, strict, and nothing beyond the named keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SearchParams(Params):
    query: Words
    """What to look for, as one would type it into an image search."""


class DiffusionParams(Params):
    prompt: Words
    """What the picture shows, its style and composition."""


class CodeParams(Params):
    code: Words
    """Python that draws one figure with matplotlib."""


class EditParams(Params):
    img_index: NonNegativeInt
    """0-based over the input images, then the slots in order (failed ones keep their number)."""
    prompt: Words
    """What to change, in plain words."""


@dataclass(frozen=True)
class Kind:
    """A kind of picture as the policy sees it."""

    name: str
    """The value of `source`."""
    params: type[BaseModel]
    """The model that validates `params`; `extra="forbid"`."""
    description: str
    """When to choose it; printed in the system prompt."""
    example: Mapping[str, Any]
    """Valid params; printed in the system prompt."""
    title: str
    """The example's `description`: what a caption looks like."""


WELL_KNOWN: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "search",
                SearchParams,
                "a photograph of something real: places, people, things, events, anything that must be "
                "authentic.",
                {"query": "Space Needle Seattle skyline at dusk"},
                "The Seattle skyline at dusk",
            ),
            Kind(
                "diffusion",
                DiffusionParams,
                "an invented, stylised or composed scene that no camera has seen.",
                {
                    "prompt": "a watercolour of a lighthouse above a sea of clouds, soft morning light"
                },
                "A lighthouse above the clouds",
            ),
            Kind(
                "code",
                CodeParams,
                "a plot or chart from data. `plt`, `pd`, `sns` and `np` are imported and the attachments "
                "lie in the working folder under their names; never call `plt.show()` or `savefig()`.",
                {"code": "x = np.arange(4)\nplt.bar(x, x**2)\nplt.title('Squares')"},
                "Squares grow faster than their roots",
            ),
            Kind(
                "edit",
                EditParams,
                "a change to one earlier picture. `img_index` counts from 0 over the input images and "
                "then over your slots in order, including slots that failed.",
                {"img_index": 0, "prompt": "make it black and white"},
                "The same skyline in black and white",
            ),
        )
    }
)
