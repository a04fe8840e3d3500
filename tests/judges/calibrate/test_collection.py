"""The set is what docs/calibration.md says that it is, and stays the same."""

from __future__ import annotations

import re

import pytest

from llmi_agent.base.errors import ConfigError
from llmi_agent.contract.judging import Exhibit
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import parse
from llmi_agent.judges.calibrate import Collection
from llmi_agent.judges.calibrate.collection import CHAIN, SEEN
from llmi_agent.judges.calibrate.drawing import PICTURES, charts
from llmi_agent.judges.calibrate.faults import FILLERS, WAYS
from llmi_agent.judges.calibrate.topics import Topic, topics
from llmi_agent.judges.calibrate.versions import MAKERS

DIGEST = "9cb95ae314e049a6"
"""Numbers of another set are not to be compared with those of this one: a new digest is a decision."""
NAMES = [each.name for each in topics()]


def test_the_set_is_the_one_that_numbers_were_made_with(collection: Collection) -> None:
    assert collection.digest == DIGEST
    assert Collection.made().digest == DIGEST


def test_there_are_enough_topics_of_enough_genres() -> None:
    assert len(topics()) >= 12
    assert len({each.genre for each in topics()}) >= 10
    assert len({each.prompt for each in topics()}) == len(topics())


def test_fewer_topics_are_another_set() -> None:
    assert Collection.made(3).digest != DIGEST
    assert [each.name for each in Collection.made(3).topics] == NAMES[:3]
    with pytest.raises(ConfigError, match=r"there are 15 topics; 16 of them"):
        Collection.made(16)


@pytest.mark.parametrize("topic", topics(), ids=NAMES)
def test_a_topic_is_150_to_400_words_with_two_or_three_pictures(topic: Topic) -> None:
    words = sum(len(each.text.split()) for each in topic.paragraphs)
    assert 150 <= words <= 400
    assert 2 <= len(topic.pictures) <= 3
    assert {each.name for each in topic.pictures} <= PICTURES.keys()


def test_every_picture_is_used_once() -> None:
    used = [picture.name for topic in topics() for picture in topic.pictures]
    assert sorted(used) == sorted(PICTURES)


@pytest.mark.parametrize("version", MAKERS)
def test_every_slot_of_every_draft_is_strictly_valid(collection: Collection, version: str) -> None:
    for name in NAMES:
        _check(collection.exhibits[name, version])


def _check(exhibit: Exhibit) -> None:
    kinds = {kind.name: kind.params for kind in WELL_KNOWN.values()}
    draft = parse(exhibit.draft, kinds, reader="strict")
    assert len(draft.slots) == len(exhibit.figures)
    shown = re.findall(r"\[Figure (\d+): (.*?)\]", exhibit.text)
    assert [description(slot) for slot in draft.slots] == [caption for _, caption in shown]
    assert shown == [(str(each.figure), each.caption) for each in exhibit.figures]
    assert [each.slot for each in exhibit.figures] == list(range(len(shown)))
    for figure in exhibit.figures:
        assert exhibit.pictures
        assert exhibit.pictures.read(figure.digest)[:4] == b"\x89PNG"


def description(slot: object) -> str:
    return str(getattr(slot, "description", slot))


@pytest.mark.parametrize(
    ("topic", "values"),
    [
        ("rain", charts.RAIN.values()),
        ("school", charts.JOURNEYS.values()),
        ("lamps", charts.WATTS.values()),
        ("tea", [degrees for _, degrees in charts.TEA]),
    ],
)
def test_what_a_chart_shows_is_what_the_text_and_the_code_say(
    collection: Collection, topic: str, values: list[int]
) -> None:
    exhibit = collection.exhibits[topic, "good"]
    (code,) = re.findall(r'"params": {"code": ".*?"}}</imgen>', exhibit.draft)
    for value in values:
        assert re.search(rf"\b{value}\b", exhibit.text)
        assert re.search(rf"\b{value}\b", code)


@pytest.mark.parametrize("name", NAMES)
def test_each_version_differs_from_the_good_one_in_what_it_is_named_for(
    collection: Collection, name: str
) -> None:
    good, swapped, missing, padded, told = (collection.exhibits[name, each] for each in CHAIN)
    assert (swapped.draft, swapped.text) == (good.draft, good.text)
    assert sorted(f.digest for f in swapped.figures) == sorted(f.digest for f in good.figures)
    assert all(a.digest != b.digest for a, b in zip(swapped.figures, good.figures, strict=True))
    assert not missing.figures
    assert "imgen" not in missing.draft
    repeated = [each for each in padded.text.split("\n\n") if padded.text.count(each) > 1]
    assert len(repeated) >= 4  # two paragraphs, twice each
    assert sum(each in padded.text for each in FILLERS) == 2
    assert not {f.digest for f in padded.figures} & {f.digest for f in good.figures}
    extra = set(told.text.split("\n\n")) - set(padded.text.split("\n\n"))
    assert any(way.words.split("\n\n")[-1] in "\n\n".join(extra) for way in WAYS)
    assert {each.prompt for each in (good, swapped, missing, padded, told)} == {good.prompt}


@pytest.mark.parametrize("name", NAMES)
def test_twins_differ_in_one_thing(collection: Collection, name: str) -> None:
    exhibits = {version: collection.exhibits[name, version] for version in MAKERS}
    early, late = exhibits["early"], exhibits["late"]
    (stray,) = {each for each in FILLERS if each in early.text}
    assert stray in late.text
    assert early.text.index(stray) < len(early.text) / 2 < late.text.index(stray)
    assert len({early.prompt, late.prompt, exhibits["good"].prompt}) == 1
    short, long = exhibits["short"], exhibits["long"]
    assert len(short.text) < 0.75 * len(long.text)
    assert [f.digest for f in short.figures] == [f.digest for f in long.figures]
    asked = re.compile(r" Write about (\d+) words\.$")
    for each in (short, long):
        found = asked.search(each.prompt)
        assert found
        words = len(re.sub(r"\[Figure.*?\]", "", each.text).split())
        assert abs(int(found[1]) - words) <= 5
    forward, backward = exhibits["forward"], exhibits["backward"]
    assert [f.digest for f in forward.figures] == [f.digest for f in backward.figures][::-1]
    assert forward.text.partition("[Figure")[0] == backward.text.partition("[Figure")[0]


def test_every_way_to_speak_to_a_judge_is_another_and_is_in_the_set(collection: Collection) -> None:
    assert len({each.words for each in WAYS}) == len(WAYS) >= 12
    assert {collection.way(name) for name in NAMES} == {each.name for each in WAYS}
    for way in WAYS:
        seen = [n for n in NAMES if way.words in collection.exhibits[n, "instructing"].text]
        assert len(seen) == 1, way.name


def test_only_pairs_of_the_chain_are_demanded_in_its_order() -> None:
    for component, pairs in SEEN.items():
        assert pairs, component
        for better, worse in pairs:
            assert CHAIN.index(better) < CHAIN.index(worse)
