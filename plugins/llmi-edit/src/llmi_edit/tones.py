"""Operations on a picture's colours and sharpness. Transparency is never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from llmi_edit.colours import RGB

_ADJUSTED: dict[str, Callable[[Image.Image], ImageEnhance._Enhance]] = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}
_TEMPERATURE: dict[str, tuple[float, float, float]] = {
    "warmer": (1.16, 1.02, 0.80),
    "cooler": (0.84, 1.0, 1.16),
}


@dataclass(frozen=True)
class Grey:
    """Black and white."""

    @property
    def note(self) -> str:
        return "black and white"

    def apply(self, image: Image.Image) -> Image.Image:
        return _on_colours(image, lambda rgb: ImageOps.grayscale(rgb).convert("RGB"))


@dataclass(frozen=True)
class Sepia:
    """The brown of old photographs."""

    @property
    def note(self) -> str:
        return "sepia"

    def apply(self, image: Image.Image) -> Image.Image:
        return _on_colours(
            image, lambda rgb: _duotone(rgb, (38, 24, 10), (166, 124, 82), (255, 246, 224))
        )


@dataclass(frozen=True)
class Temperature:
    """Warmer or cooler light."""

    sense: Literal["warmer", "cooler"]
    strength: float = 1.0

    @property
    def note(self) -> str:
        return f"{self.sense} colours"

    def apply(self, image: Image.Image) -> Image.Image:
        gains = [1 + (gain - 1) * self.strength for gain in _TEMPERATURE[self.sense]]
        table = [min(255, round(level * gain)) for gain in gains for level in range(256)]
        return _on_colours(image, lambda rgb: rgb.point(table))


@dataclass(frozen=True)
class Tint:
    """Towards shades of one colour: black and white stay, all between takes the hue."""

    colour: RGB
    name: str
    strength: float = 1.0

    @property
    def note(self) -> str:
        return f"in shades of {self.name}" if self.strength == 1 else f"{self.name} tint"

    def apply(self, image: Image.Image) -> Image.Image:
        return _on_colours(image, self._tinted)

    def _tinted(self, rgb: Image.Image) -> Image.Image:
        red, green, blue = self.colour
        shades = _duotone(rgb, (red // 6, green // 6, blue // 6), self.colour, (255, 255, 255))
        return Image.blend(rgb, shades, self.strength)


@dataclass(frozen=True)
class Invert:
    """The negative."""

    @property
    def note(self) -> str:
        return "colours inverted"

    def apply(self, image: Image.Image) -> Image.Image:
        return _on_colours(image, ImageOps.invert)


@dataclass(frozen=True)
class Adjust:
    """Brightness, contrast or saturation times a factor."""

    what: Literal["brightness", "contrast", "saturation"]
    factor: float

    @property
    def note(self) -> str:
        return f"{self.what} {self.factor:.0%}"

    def apply(self, image: Image.Image) -> Image.Image:
        return _on_colours(image, lambda rgb: _ADJUSTED[self.what](rgb).enhance(self.factor))


@dataclass(frozen=True)
class Blur:
    """Gaussian blur. Without a radius, `strength` is a share of the longer side."""

    strength: float = 0.006
    radius: float | None = None
    """In pixels."""

    @property
    def note(self) -> str:
        return "blurred" if self.radius is None else f"blurred by {self.radius:g} px"

    def apply(self, image: Image.Image) -> Image.Image:
        radius = self.radius or max(1.0, self.strength * max(image.size))
        return image.filter(ImageFilter.GaussianBlur(radius))


@dataclass(frozen=True)
class Sharpen:
    """An unsharp mask; 100 is its usual strength."""

    percent: int = 100

    @property
    def note(self) -> str:
        return "sharpened"

    def apply(self, image: Image.Image) -> Image.Image:
        mask = ImageFilter.UnsharpMask(radius=2, percent=self.percent, threshold=2)
        return _on_colours(image, lambda rgb: rgb.filter(mask))


def _on_colours(image: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if image.mode != "RGBA":
        return change(image)
    changed = change(image.convert("RGB"))
    changed.putalpha(image.getchannel("A"))
    return changed


def _duotone(rgb: Image.Image, black: RGB, middle: RGB, white: RGB) -> Image.Image:
    # A saturated colour is darker in luma than it looks; its mean with the brightest channel keeps
    # the bars of a chart apart from its text.
    luma = ImageOps.grayscale(rgb)
    red, green, blue = rgb.split()
    brightest = ImageChops.lighter(red, ImageChops.lighter(green, blue))
    return ImageOps.colorize(Image.blend(luma, brightest, 0.35), black, white, middle)
