"""Operations that add to a picture: border, box, caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw, ImageOps

from llmi_edit.colours import RGB
from llmi_edit.lettering import Block, set_text
from llmi_edit.values import EditError, Length, Region, require_size

Place = Literal[
    "top", "bottom", "centre", "top left", "top right", "bottom left", "bottom right",
    "above", "below",
]  # fmt: skip
_BAND = (12, 16, 24, 165)
_PALE_BAND = (255, 255, 255, 205)


@dataclass(frozen=True)
class Border:
    """A frame around the picture, which grows by it."""

    colour: RGB
    name: str
    width: Length

    @property
    def note(self) -> str:
        return f"{self.name} border"

    def apply(self, image: Image.Image) -> Image.Image:
        width = max(1, self.width.pixels(max(image.size)))
        require_size(image.width + 2 * width, image.height + 2 * width)
        return ImageOps.expand(image, width, (*self.colour, 255)[: len(image.getbands())])


@dataclass(frozen=True)
class Box:
    """An outline around a region."""

    region: Region
    colour: RGB
    name: str
    width: Length
    shape: Literal["box", "ellipse"] = "box"

    @property
    def note(self) -> str:
        return f"{self.name} {self.shape} around {self.region.name}"

    def apply(self, image: Image.Image) -> Image.Image:
        left, top, right, bottom = self.region.box(image.size)
        width = max(2, self.width.pixels(max(image.size)))
        width = max(1, min(width, (right - left) // 2, (bottom - top) // 2))
        marked = image.copy()
        draw = ImageDraw.Draw(marked)
        outline = draw.ellipse if self.shape == "ellipse" else draw.rectangle
        outline((left, top, right - 1, bottom - 1), outline=self.colour, width=width)
        return marked


@dataclass(frozen=True)
class Caption:
    """Text on a band that keeps it legible, or on a strip of its own above or below the picture."""

    text: str
    place: Place = "bottom"
    size: float = 1.0
    """Times the usual size, which is a twentieth of the shorter side."""
    colour: RGB | None = None
    """None is white on the picture, near black on a strip."""

    @property
    def note(self) -> str:
        return f"caption '{' '.join(self.text.split())}'"

    def apply(self, image: Image.Image) -> Image.Image:
        if min(image.size) < 24:
            raise EditError("the picture is too small for a caption: at least 24 px a side")
        inside = self.place not in ("above", "below")
        wide = "left" not in self.place and "right" not in self.place
        block = set_text(
            self.text,
            size=max(10, round(self.size * min(image.size) / 20)),
            width=round(image.width * (0.94 if wide else 0.6)),
            height=round(image.height * (0.9 if inside else 1.0)),
        )
        return self._on(image, block, wide) if inside else self._beside(image, block)

    def _on(self, image: Image.Image, block: Block, wide: bool) -> Image.Image:
        pad = block.pad
        width = image.width if wide else min(image.width, block.width + 2 * pad)
        height = min(image.height, block.height + 2 * pad)
        left = image.width - width if "right" in self.place else 0
        top = {"t": 0, "c": (image.height - height) // 2, "b": image.height - height}[self.place[0]]
        colour = self.colour or (255, 255, 255)
        band = Image.new("RGBA", (width, height), _band_behind(colour))
        block.draw(ImageDraw.Draw(band), (width / 2, height / 2), colour)
        layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
        layer.paste(band, (left, top))
        return Image.alpha_composite(image.convert("RGBA"), layer).convert(image.mode)

    def _beside(self, image: Image.Image, block: Block) -> Image.Image:
        strip = block.height + 2 * block.pad
        size = (image.width, image.height + strip)
        require_size(*size)
        colour = self.colour or (25, 28, 34)
        page = Image.new("RGB", size, _band_behind(colour)[:3]).convert(image.mode)
        page.paste(image, (0, strip if self.place == "above" else 0))
        middle = strip / 2 if self.place == "above" else image.height + strip / 2
        block.draw(ImageDraw.Draw(page), (image.width / 2, middle), colour)
        return page


def _band_behind(colour: RGB) -> tuple[int, int, int, int]:
    """Dark behind light letters, light behind dark ones."""
    red, green, blue = colour
    return _BAND if 0.3 * red + 0.59 * green + 0.11 * blue > 110 else _PALE_BAND
