"""What operations are made of: lengths, regions, and the limits of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 8_000
MAX_PIXELS = 40_000_000


class EditError(ValueError):
    """The edit cannot be done. The message says why, for a person and for the policy."""


class Operation(Protocol):
    """One step of an edit: a frozen value that knows how to do itself."""

    @property
    def note(self) -> str:
        """What the step does, in a few words for the document's reader."""

    def apply(self, image: Image.Image) -> Image.Image:
        """The changed picture, RGB or RGBA like `image`. Raises EditError."""


@dataclass(frozen=True)
class Length:
    """A length in pixels, or as a share of the side that it is measured along."""

    value: float
    unit: Literal["px", "%"]

    def pixels(self, side: int) -> int:
        return round(self.value if self.unit == "px" else side * self.value / 100)

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.unit == "%" else f"{self.value:g} px"


@dataclass(frozen=True)
class Region:
    """A rectangle in a picture of any size. Edges are measured from the left and from the top."""

    left: Length
    top: Length
    right: Length
    bottom: Length
    name: str
    """How the instruction called it, with its article: "the left third"."""

    @classmethod
    def of_shares(cls, left: float, top: float, right: float, bottom: float, name: str) -> Region:
        """From shares of the sides, 0 to 1."""
        edges = [Length(100 * share, "%") for share in (left, top, right, bottom)]
        return cls(edges[0], edges[1], edges[2], edges[3], name)

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """In pixels of a picture of `size`. Raises EditError if nothing of the region is inside."""
        width, height = size
        left, right = sorted((self.left.pixels(width), self.right.pixels(width)))
        top, bottom = sorted((self.top.pixels(height), self.bottom.pixels(height)))
        right, bottom = min(right, width), min(bottom, height)
        if right - left < 1 or bottom - top < 1:
            raise EditError(f"{self.name} is outside the picture, which has {width} x {height} px")
        return left, top, right, bottom


def require_size(width: int, height: int) -> None:
    """Raises EditError if a result of this size is too large, or has no pixels."""
    if width < 1 or height < 1:
        raise EditError(f"the result would have {width} x {height} px: nothing would be left")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise EditError(
            f"the result would have {width} x {height} px; at most {MAX_SIDE} px on a side and "
            f"{MAX_PIXELS // 1_000_000} million in all can be made"
        )
