"""The last coat: the style, a little grain, and the badge that says what the picture is."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from llmi_sketch.canvas import Canvas
from llmi_sketch.noise import Floats, Rng, field, smoothstep
from llmi_sketch.palette import gradient
from llmi_sketch.words import Scene

BADGE = "placeholder · drawn by llmi-sketch"
_WEIGHTS = np.asarray((0.299, 0.587, 0.114), np.float32)


def finish(canvas: Canvas, scene: Scene, rng: Rng) -> Image.Image:
    """The picture with its style and badge."""
    match scene.style:
        case "watercolour":
            _watercolour(canvas, rng)
        case "blueprint":
            _blueprint(canvas)
        case "mono":
            _graded(canvas, ((0.05, 0.055, 0.065), (0.5, 0.5, 0.5), (0.97, 0.965, 0.95)))
        case "vintage":
            _graded(canvas, ((0.17, 0.11, 0.10), (0.66, 0.50, 0.36), (0.98, 0.93, 0.80)), 0.66)
        case _:
            pass
    if scene.style not in ("minimal", "blueprint"):
        _grain(canvas, rng, 0.022 if scene.style in ("mono", "vintage") else 0.011)
    if scene.style not in ("minimal", "blueprint", "watercolour"):
        _vignette(canvas)
    return _with_badge(canvas.image())


def _grain(canvas: Canvas, rng: Rng, strength: float) -> None:
    noise = rng.standard_normal((canvas.height, canvas.width), np.float32)
    canvas.pixels += noise[..., None] * np.float32(strength)


def _vignette(canvas: Canvas) -> None:
    across, down = canvas.columns / canvas.width - 0.5, canvas.rows / canvas.height - 0.5
    canvas.pixels *= (1 - 0.34 * np.clip(across**2 + down**2 - 0.12, 0, 1))[..., None]


def _grey(canvas: Canvas) -> Floats:
    grey: Floats = np.clip(canvas.pixels @ _WEIGHTS, 0, 1)
    return grey


def _graded(
    canvas: Canvas, stops: tuple[tuple[float, float, float], ...], share: float = 1.0
) -> None:
    canvas.pixels += (gradient(stops, _grey(canvas)) - canvas.pixels) * np.float32(share)


def _watercolour(canvas: Canvas, rng: Rng) -> None:
    """Wobbling edges, pools of pigment, darker rims, and paper that shows at the border."""
    size = canvas.size
    swing = 11 * canvas.unit
    bend = [(field(rng, size, (26, 15), 3) - 0.5) * swing for _ in range(2)]
    rows = np.clip(canvas.rows + bend[0], 0, canvas.height - 1).astype(int)
    columns = np.clip(canvas.columns + bend[1], 0, canvas.width - 1).astype(int)
    canvas.pixels = canvas.pixels[rows, columns]
    soft = canvas.image().filter(ImageFilter.MedianFilter(5))
    canvas.pixels = np.asarray(soft, np.float32) / 255
    blurred = np.asarray(soft.filter(ImageFilter.GaussianBlur(5 * canvas.unit)), np.float32) / 255
    rim = np.clip((blurred - canvas.pixels) @ _WEIGHTS * 1.6, 0, 0.2)
    canvas.pixels *= (1 - rim)[..., None]
    grey = _grey(canvas)[..., None]
    canvas.pixels = np.clip(grey + (canvas.pixels - grey) * np.float32(1.22), 0, 1)
    pools = field(rng, size, (7, 5), 5)
    paper = np.asarray((0.985, 0.972, 0.945), np.float32)
    wash = np.clip(0.02 + 0.27 * pools, 0, 1)[..., None]
    canvas.pixels += (paper - canvas.pixels) * wash
    tooth = field(rng, size, (canvas.width / 5, canvas.height / 5), 2) - 0.5
    canvas.pixels += tooth[..., None] * np.float32(0.05)
    edge = np.minimum(
        np.minimum(canvas.columns, canvas.width - canvas.columns),
        np.minimum(canvas.rows, canvas.height - canvas.rows),
    )
    ragged = edge - (pools - 0.5) * 60 * canvas.unit - 18 * canvas.unit
    bare = 1 - smoothstep(0, 16 * canvas.unit, ragged.astype(np.float32))
    canvas.blend(bare, (0.985, 0.972, 0.945))


def _blueprint(canvas: Canvas) -> None:
    """White lines where tones meet, on blue, over a fine grid."""
    grey = Image.fromarray((_grey(canvas) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(canvas.unit)
    )
    values = np.asarray(grey, np.float32) / 255
    down, across = np.gradient(values)
    lines = smoothstep(0.012, 0.075, np.hypot(across, down).astype(np.float32))
    canvas.pixels = gradient(((0.045, 0.17, 0.38), (0.09, 0.27, 0.52)), values)
    for step, strength in ((24, 0.07), (120, 0.13)):
        pitch = step * canvas.unit
        on = np.minimum(canvas.columns % pitch, canvas.rows % pitch) < 1
        canvas.blend((on * strength).astype(np.float32), (0.8, 0.9, 1.0))
    canvas.blend(lines * 0.86, (0.9, 0.95, 1.0))


def _with_badge(picture: Image.Image) -> Image.Image:
    size = max(min(14, picture.width // 18), round(min(picture.size) * 0.0185))
    font = ImageFont.load_default(size)
    left, _, right, _ = (round(side) for side in font.getbbox(BADGE))
    pad = round(size * 0.62)
    box = (right - left + 2 * pad, round(size * 1.75))
    fine = Image.new("L", (box[0] * 4, box[1] * 4), 0)
    ImageDraw.Draw(fine).rounded_rectangle(
        (0, 0, box[0] * 4 - 1, box[1] * 4 - 1), box[1] * 2, fill=158
    )
    margin = round(size * 0.95)
    at = (picture.width - box[0] - margin, picture.height - box[1] - margin)
    picture.paste((14, 18, 28), at, fine.reduce(4))
    draw = ImageDraw.Draw(picture)
    middle = (at[0] + box[0] / 2, at[1] + box[1] / 2)
    draw.text(middle, BADGE, font=font, fill=(245, 246, 248), anchor="mm")
    return picture
