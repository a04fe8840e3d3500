"""What a prompt's words make of a scene."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from llmi_sketch.words import DEFAULT_SIZE, scene_of

SEATTLE = "an editorial illustration of the weather of Seattle, rain over a city skyline with mountains behind, muted blues"
VOCABULARY: list[tuple[str, dict[str, Any]]] = [
    (SEATTLE, {"places": {"city", "mountains"}, "weather": "rain", "mood": "muted", "tinted": True}),
    ("a watercolour of a lighthouse above a sea of clouds, soft morning light", {"places": {"cloudsea"}, "style": "watercolour", "time": "dawn", "mood": "pastel"}),
    ("Sunset over the mountains with a lake", {"time": "sunset", "places": {"mountains", "lake"}}),
    ("a starry night in the desert", {"time": "night", "places": {"desert"}, "motifs": {"stars"}}),
    ("snowy forest in the evening", {"weather": "snow", "places": {"forest"}, "time": "sunset"}),
    ("snowy mountains, clear sky", {"weather": "clear", "season": "winter"}),
    ("aurora over a fjord", {"time": "night", "motifs": {"aurora"}, "places": {"lake"}}),
    ("a thunderstorm over the ocean", {"weather": "storm", "places": {"sea"}}),
    ("foggy hills at dawn", {"weather": "fog", "time": "dawn", "places": {"hills"}}),
    ("a meadow of wildflowers in spring", {"season": "spring", "motifs": {"flowers"}, "places": {"field"}}),
    ("palm trees on a beach", {"places": {"sea"}, "motifs": {"beach"}}),
    ("a lighthouse", {"places": {"sea"}, "motifs": {"lighthouse"}}),
    ("a cottage in autumn", {"season": "autumn", "places": {"hills"}, "motifs": {"house"}}),
    ("data and statistics", {"places": set(), "motifs": {"data"}}),
    ("charts of rain in the cloud", {"places": set(), "motifs": {"data"}}),
    ("boats on a quiet sea", {"places": {"sea"}, "motifs": {"boat"}}),
    ("a neural network", {"places": set(), "motifs": {"network"}}),
    ("a ringed planet", {"places": {"space"}}),
    ("a blueprint of a skyscraper", {"style": "blueprint", "places": {"city"}}),
    ("black and white alps", {"style": "mono", "places": {"mountains"}}),
    ("a minimal, vivid desert", {"style": "minimal", "mood": "vivid"}),
    ("red boat on a green lake", {"colours": ((200, 58, 52), (52, 140, 84)), "tinted": False}),
    ("mountains in shades of teal", {"colours": ((20, 130, 136),), "tinted": True}),
    ("a blueprint of a graph", {"style": "poster", "motifs": {"data"}}),
    ("a lighthouse, no charts or people", {"places": {"sea"}, "motifs": {"lighthouse"}}),
    ("rain without any clouds over a forest", {"weather": "rain", "places": {"forest"}}),
    ("the concept of trust", {"places": set(), "motifs": set(), "size": DEFAULT_SIZE}),
    ("a portrait poster of a forest", {"size": (864, 1152)}),
    ("a square picture of the moon", {"size": (1080, 1080), "time": "night"}),
    ("wide panorama of dunes", {"size": (1792, 768)}),
    ("a city, 4:3", {"size": (1280, 960)}),
    ("山の上の月", {"places": set(), "weather": "clear"}),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "expected"), VOCABULARY)
def test_words_become_features(prompt: str, expected: dict[str, Any]) -> None:
    scene = scene_of(prompt)
    for name, value in expected.items():
        found = getattr(scene, name)
        assert (set(found) if isinstance(value, set) else found) == value, name


def test_every_letter_and_the_run_decide_the_seed() -> None:
    seeds = {scene_of(*args).seed for args in (("a", 0), ("b", 0), ("a", 1), ("a ", 0), ("é", 0))}
    assert len(seeds) == 5


def test_the_seed_is_the_same_in_every_process() -> None:
    assert scene_of("a lighthouse", 7).seed == 4108113765831541530


@given(st.text(max_size=400), st.integers())
def test_any_text_is_a_scene(text: str, seed: int) -> None:
    assert scene_of(text, seed) == scene_of(text, seed)
