"""From a prompt to a `Scene`: which of its words say a time, a weather, a place, a style."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

Name = TypeVar("Name", bound=str)

Time = Literal["dawn", "day", "sunset", "dusk", "night"]
Weather = Literal["clear", "cloudy", "rain", "snow", "fog", "storm"]
Place = Literal[
    "mountains", "hills", "forest", "city", "sea", "lake", "desert", "field", "space", "cloudsea"
]  # fmt: skip
Season = Literal["spring", "summer", "autumn", "winter"]
Style = Literal["poster", "watercolour", "minimal", "blueprint", "mono", "vintage"]
Mood = Literal["plain", "muted", "vivid", "warm", "cool", "dark", "pastel"]
Motif = Literal[
    "house", "tree", "lighthouse", "boat", "balloon", "birds", "flowers", "needle", "bridge",
    "data", "network", "people", "moon", "sun", "stars", "aurora", "rainbow", "beach",
]  # fmt: skip

_TIMES: dict[Time, str] = {
    "dawn": "dawn sunrise morning daybreak",
    "sunset": "sunset evening golden sundown",
    "dusk": "dusk twilight",
    "night": "night midnight nocturnal moonlit moonlight starry nighttime",
    "day": "day noon midday daylight sunny",
}
_WEATHERS: dict[Weather, str] = {
    "storm": "storm stormy thunderstorm lightning thunder hurricane tempest",
    "snow": "snow snowy snowfall blizzard snowflakes",
    "rain": "rain rainy raining rainfall drizzle downpour shower showers monsoon umbrella wet",
    "fog": "fog foggy mist misty haze hazy",
    "cloudy": "cloud clouds cloudy overcast weather",
    "clear": "clear cloudless",
}
_PLACES: dict[Place, str] = {
    "space": "space galaxy planet planets cosmos cosmic universe nebula orbit satellite rocket astronaut mars",
    "city": "city cities skyline town urban skyscraper skyscrapers buildings street downtown metropolis seattle york tokyo london chicago paris cityscape",
    "sea": "sea seas ocean oceans beach beaches palm palms tropical coast coastal waves island harbour harbor bay surf seaside shore",
    "lake": "lake lakes river rivers pond fjord reservoir stream",
    "mountains": "mountain mountains alps alpine peak peaks summit volcano glacier everest himalaya",
    "desert": "desert deserts dune dunes sahara sand canyon oasis",
    "forest": "forest woods woodland jungle pine pines trees fir",
    "field": "field fields meadow meadows farm farmland wheat prairie grass grassland vineyard garden crops",
    "hills": "hill hills valley countryside landscape village park rural",
}
_SEASONS: dict[Season, str] = {
    "spring": "spring blossom blossoms cherry",
    "summer": "summer",
    "autumn": "autumn fall october november",
    "winter": "winter december january frozen ice icy arctic christmas",
}
_STYLES: dict[Style, str] = {
    "watercolour": "watercolour watercolor aquarelle gouache painted painting painterly",
    "blueprint": "blueprint schematic cyanotype technical diagram",
    "mono": "monochrome ink noir charcoal pencil greyscale grayscale engraving",
    "minimal": "minimal minimalist minimalistic simple",
    "vintage": "vintage retro sepia antique nostalgic",
    "poster": "poster flat vector illustration editorial",
}
_MOODS: dict[Mood, str] = {
    "muted": "muted subdued quiet calm melancholic subtle gloomy",
    "pastel": "pastel pastels soft gentle dreamy",
    "vivid": "vivid vibrant bright colourful colorful bold saturated",
    "warm": "warm cosy cozy golden",
    "cool": "cool cold chilly",
    "dark": "dark moody gothic dramatic",
}
_MOTIFS: dict[Motif, str] = {
    "needle": "seattle needle",
    "lighthouse": "lighthouse lighthouses beacon",
    "house": "house home cottage cabin cabins cottages hut barn houses village farm",
    "tree": "tree oak",
    "boat": "boat boats sailboat sailboats ship ships sail sails sailing yacht yachts ferry",
    "balloon": "balloon balloons airship",
    "birds": "bird birds gull gulls seagulls flock crows geese",
    "flowers": "flower flowers tulips poppies daisies wildflowers blossom blossoms garden rose roses",
    "bridge": "bridge bridges viaduct",
    "data": (
        "data dataset datasets chart charts charting statistics statistical analytics graph graphs graphic growth economy finance "
        "market stock stocks report sales trend trends revenue plot plots plotted bar bars barchart pie histogram histograms heatmap "
        "scatter scatterplot axis axes curve curves diagram diagrams infographic dashboard dashboards percent percentage "
        "numbers spreadsheet metrics kpi measurements timeline survey poll boxplot candlestick"
    ),
    "network": "network networks ai neural connection connections internet technology digital web cloud-computing blockchain agent agents software",
    "people": "people person man woman child children couple family hiker traveller crowd walker",
    "moon": "moon moonlit moonlight crescent",
    "sun": "sun sunny sunshine sunlight",
    "stars": "star stars starry constellation constellations",
    "aurora": "aurora borealis",
    "rainbow": "rainbow",
    "beach": "beach beaches palm palms seaside shore tropical",
}
_COLOURS: dict[str, tuple[int, int, int]] = {
    "blue": (52, 110, 200), "blues": (52, 110, 200), "navy": (28, 48, 110), "teal": (20, 130, 136),
    "turquoise": (52, 190, 190), "cyan": (40, 180, 210), "green": (52, 140, 84), "greens": (52, 140, 84),
    "emerald": (16, 140, 96), "olive": (120, 124, 56), "red": (200, 58, 52), "reds": (200, 58, 52),
    "crimson": (170, 30, 60), "orange": (236, 134, 52), "amber": (240, 170, 50), "yellow": (244, 204, 76),
    "gold": (222, 174, 62), "pink": (236, 136, 170), "rose": (222, 120, 150), "magenta": (196, 60, 150),
    "purple": (118, 76, 172), "violet": (124, 92, 190), "lavender": (168, 150, 214), "brown": (134, 92, 62),
    "grey": (128, 134, 142), "gray": (128, 134, 142), "beige": (222, 206, 178), "black": (40, 42, 50),
}  # fmt: skip
_SIZES = {
    "portrait": (864, 1152), "vertical": (864, 1152), "tall": (864, 1152), "square": (1080, 1080),
    "panorama": (1792, 768), "panoramic": (1792, 768), "wide": (1792, 768), "banner": (1792, 768),
}  # fmt: skip
_RATIOS = {(1, 1): (1080, 1080), (4, 3): (1280, 960), (3, 4): (864, 1152), (9, 16): (864, 1536)}
_SNOWCAPPED = r"snow[ -]?capped|snowy (?:mountain|peak|summit|alp|landscape|field|hill)"
_ABOVE_CLOUDS = r"\bsea of clouds\b|\babove the clouds\b|\bcloud sea\b"
_TINTED = (
    rf"\b(?:blues|greens|reds)\b|(?:shades|tones|hues) of (?:{'|'.join(_COLOURS)})\b"
    rf"|\b(?:{'|'.join(_COLOURS)}) (?:tones?|tints?|hues?|shades|palette|colou?rs|mood|monochrome)\b"
)
_NEGATED = re.compile(
    r"\b(?:no|not|without|avoid(?:ing)?|never|free of)\s+(?:(?:a|an|any)\s+)?[^\W\d_]+(?:\s+(?:or|nor|and)\s+[^\W\d_]+)*"
)
"""What is not to be in the picture: "no charts or people"."""
DEFAULT_SIZE = (1536, 864)
_IMPLIED: dict[Motif, Place] = {
    "lighthouse": "sea",
    "boat": "sea",
    "beach": "sea",
    "bridge": "lake",
    "flowers": "field",
}
MOST_LETTERS = 4_000


@dataclass(frozen=True)
class Scene:
    """What to paint. Without a place it is an abstract composition."""

    seed: int
    """From every letter of the prompt and the run's seed."""
    size: tuple[int, int] = DEFAULT_SIZE
    time: Time = "day"
    weather: Weather = "clear"
    places: tuple[Place, ...] = ()
    season: Season | None = None
    style: Style = "poster"
    mood: Mood = "plain"
    motifs: tuple[Motif, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    """The colours that the prompt names, in its order, at most two."""
    tinted: bool = False
    """The first colour is said of the whole picture ("muted blues"), not of one thing in it."""


def scene_of(prompt: str, seed: int = 0) -> Scene:
    """Read a prompt. Never fails: words that say nothing only feed the seed."""
    text = _NEGATED.sub(" ", unicodedata.normalize("NFKC", prompt[:MOST_LETTERS]).lower())
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text)
    known = frozenset(words) | {part for word in words for part in word.split("-")}
    motifs = tuple(motif for motif in get_args(Motif) if known & set(_MOTIFS[motif].split()))
    capped = re.search(_SNOWCAPPED, text) is not None
    season = _first(_SEASONS, known) or ("winter" if capped else None)
    weather = _first(_WEATHERS, known - {"snow", "snowy"} if capped else known) or "clear"
    return Scene(
        seed=_seed(prompt, seed),
        size=_size(text, words),
        time=_time(known, motifs),
        weather=weather,
        places=_places(text, known, motifs, weather, season),
        season=season,
        style=_style(text, known, motifs),
        mood=_first(_MOODS, known) or "plain",
        motifs=motifs,
        colours=tuple(dict.fromkeys(_COLOURS[word] for word in words if word in _COLOURS))[:2],
        tinted=re.search(_TINTED, text) is not None,
    )


def _seed(prompt: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def _first(table: Mapping[Name, str], known: frozenset[str]) -> Name | None:
    return next((name for name, words in table.items() if known & set(words.split())), None)


def _time(known: frozenset[str], motifs: tuple[Motif, ...]) -> Time:
    said = _first(_TIMES, known)
    if said:
        return said
    return "night" if {"moon", "stars", "aurora"} & set(motifs) else "day"


def _places(
    text: str,
    known: frozenset[str],
    motifs: tuple[Motif, ...],
    weather: Weather,
    season: Season | None,
) -> tuple[Place, ...]:
    if re.search(_ABOVE_CLOUDS, text):
        return (
            "cloudsea",
            *(("mountains",) if "mountains" in known or "mountain" in known else ()),
        )
    if known & {"palm", "palms"}:
        known -= {"tree", "trees"}
    said = tuple(place for place, names in _PLACES.items() if known & set(names.split()))
    if said:
        return said
    if motifs and not set(motifs) - {"data", "network"}:
        return ()
    implied: Place = next((place for motif, place in _IMPLIED.items() if motif in motifs), "hills")
    return (implied,) if motifs or weather != "clear" or season else ()


def _style(text: str, known: frozenset[str], motifs: tuple[Motif, ...]) -> Style:
    if re.search(r"black[ -]and[ -]white|\bb&w\b", text):
        return "mono"
    style = _first(_STYLES, known) or "poster"
    # a blueprint has the grid of a plotting paper
    return "poster" if style == "blueprint" and "data" in motifs else style


def _size(text: str, words: list[str]) -> tuple[int, int]:
    ratio = re.search(r"\b(1|3|4|9) ?: ?(1|3|4|16)\b", text)
    if ratio and (int(ratio[1]), int(ratio[2])) in _RATIOS:
        return _RATIOS[int(ratio[1]), int(ratio[2])]
    return next((_SIZES[word] for word in words if word in _SIZES), DEFAULT_SIZE)
