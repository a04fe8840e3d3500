"""A profile is a value: named, checked, and known by its digest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmi_agent.base.errors import ConfigError
from llmi_agent.rewards import PROFILES, Profile, profile_of
from llmi_agent.rewards.profile import OF_PICTURES


def test_the_named_ones() -> None:
    assert [*PROFILES] == ["llmi", "paper", "paper-vl", "rules"]
    for name, each in PROFILES.items():
        assert each.name == name
        assert sum(each.weights.values()) == pytest.approx(1)
    assert PROFILES["rules"].judged == ()
    assert PROFILES["llmi"].judged == PROFILES["paper"].judged == ("text", "tag", *OF_PICTURES)


def test_models_that_are_shown_pictures_are_paid_more_for_text_as_in_the_paper() -> None:
    paper, seeing = PROFILES["paper"], PROFILES["paper-vl"]
    assert (paper.text_weight, paper.tag_weight) == (1.4, 0.6)
    assert (seeing.text_weight, seeing.tag_weight) == (1.5, 0.5)
    same = {"name": "paper", "text_weight": 1.4, "tag_weight": 0.6}
    assert profile_of("paper-vl", same).digest == paper.digest


def test_the_digest_is_that_of_the_settings_and_not_of_their_order() -> None:
    one = profile_of("llmi", {"weights": {"count": 1, "writing": 2}})
    other = profile_of("llmi", {"weights": {"writing": 2, "count": 1}})
    assert one.digest == other.digest
    digests = {each.digest for each in PROFILES.values()}
    assert len({*digests, one.digest}) == 5
    for name, value in ALL.items():
        assert profile_of("llmi", {name: value}).digest not in digests, name


ALL: dict[str, Any] = {
    "name": "mine",
    "form": "paper",
    "weights": {"count": 1.0},
    "text_weight": 1.0,
    "tag_weight": 0.0,
    "picture_weights": {"image_quality": 1.0},
    "gated": False,
    "extra_picture": 0.1,
    "exact_count": True,
    "repair_cost": 0.2,
    "undescribed": 0.0,
    "free_repetition": 0.3,
    "most_pictures": 5,
    "least_judged": 1.0,
}


def test_every_setting_is_tried() -> None:
    assert set(ALL) == set(Profile.model_fields)


def test_what_is_not_weighed_is_not_asked_for() -> None:
    assert profile_of("llmi", {"tag_weight": 0}).judged == ("text", *OF_PICTURES)
    assert profile_of("llmi", {"weights": {"writing": 1, "pictures": 0}}).judged == ("text", "tag")
    added = profile_of("llmi", {"weights": {"count": 1, "aesthetics": 1, "old": 0}})
    assert (added.added, added.judged) == (("aesthetics",), ())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weights": {}}, "at least one must be above 0"),
        ({"weights": {"count": 0}}, "at least one must be above 0"),
        ({"weights": {"count": -1}}, "weights.count"),
        ({"weights": {"count": float("nan")}}, "weights.count"),
        ({"weights": {"count": float("inf")}}, "weights.count"),
        ({"weights": {"total": 1}}, "'total' is the sum itself"),
        ({"picture_weights": {"beauty": 1}}, "no 'beauty'"),
        ({"picture_weights": {}}, "picture_weights: at least one"),
        ({"text_weight": 0, "tag_weight": 0}, "text_weight and tag_weight"),
        ({"text_weight": float("inf")}, "text_weight"),
        ({"form": "paper", "weights": {"aesthetics": 1}}, "the paper's sum has no 'aesthetics'"),
        ({"form": "theirs"}, "form"),
        ({"repair_cost": 2}, "repair_cost"),
        ({"free_repetition": 1}, "free_repetition"),
        ({"most_pictures": 0}, "most_pictures"),
        ({"unknown": 1}, "the settings are name, form, weights"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match="the profile llmi: ") as caught:
        profile_of("llmi", settings)
    assert words in str(caught.value)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="no profile 'theirs'; there are llmi, paper, paper-vl, rules"
    ):
        profile_of("theirs")


def test_a_profile_is_not_changed() -> None:
    with pytest.raises(ValidationError):
        PROFILES["llmi"].name = "x"
