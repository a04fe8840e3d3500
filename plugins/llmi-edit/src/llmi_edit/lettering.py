"""Setting a text: the font, the line breaks, and a size at which it fits."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageDraw

from llmi_edit.colours import RGB
from llmi_edit.fonts import Font, font_for, sized
from llmi_edit.values import EditError

_SMALLEST = 9


@dataclass(frozen=True)
class Block:
    """Lines that are broken and measured, ready to be drawn."""

    lines: tuple[str, ...]
    font: Font
    width: int
    height: int

    @property
    def pad(self) -> int:
        """Room to leave around the block."""
        return max(4, round(self.font.size * 0.55))

    def draw(self, draw: ImageDraw.ImageDraw, middle: tuple[float, float], colour: RGB) -> None:
        """Draw the lines centred on `middle`."""
        step = self.height / len(self.lines)
        across, down = middle[0], middle[1] - self.height / 2 + step / 2
        for line in self.lines:
            draw.text((across, down), line, fill=colour, font=self.font, anchor="mm")
            down += step


def set_text(text: str, *, size: int, width: int, height: int) -> Block:
    """Break `text` into lines within `width`, smaller than `size` where it has to be.

    Raises EditError if it does not fit at the smallest legible size, or no font has its letters.
    """
    name = font_for(text)
    while size >= _SMALLEST:
        block = _broken(text, sized(name, size), width)
        if block.height + 2 * block.pad <= height and block.width <= width:
            return block
        size = min(size - 1, int(size * 0.85))
    raise EditError(f"the text is too long for the picture: {len(text)} letters")


def _broken(text: str, font: Font, width: int) -> Block:
    lines = [line for part in text.splitlines() for line in _wrapped(part, font, width)]
    widest = max((font.getlength(line) for line in lines), default=0)
    return Block(tuple(lines), font, round(widest), round(font.size * 1.3 * len(lines)))


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    """One paragraph in lines; words that are too long (or have no spaces, as Chinese) are cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        pieces = _pieces(word, font, width)
        lines.extend(pieces)
    return [line for line in lines if line]


def _pieces(word: str, font: Font, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
