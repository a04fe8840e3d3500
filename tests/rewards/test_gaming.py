"""Documents of a policy that plays the reward rather than serving the reader: none earns more than the honest one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmi_agent.contract.judging import Demand
from llmi_agent.contract.tool import Failed, Image, Produced, Provenance
from llmi_agent.rewards import Profile, profile_of
from llmi_agent.testing import FakeTool, random_png, slot

FACTS = [
    "Ships carry nine tenths of what the world trades, and few people ever see one at work.",
    "A large one holds twenty thousand boxes, each as long as two cars parked in a row.",
    "Harbours grew deeper to take them in, and many old quays became places to live.",
    "Their engines are as tall as houses and turn no faster than a slow heartbeat.",
]
PROSE = "# Ships\n\n" + "\n\n".join(FACTS) + "\n\n"


def photo(name: str, query: str) -> str:
    return slot("search", name, query=query) + "\n\n"


def plot(code: str, name: str = "Trade by year") -> str:
    return slot("code", name, code=code) + "\n\n"


CHART = "years = [2000, 2010]\ntons = [6, 9]\nplt.bar(years, tons)\nplt.title('Trade')\nplt.show()"
HONEST = PROSE + photo("A ship", "container ship at sea") + plot(CHART)


def both() -> list[FakeTool]:
    """Each call of which gives another picture."""
    return [FakeTool("s", "search"), FakeTool("c", "code", executes_code=True)]


CHEATS = {
    "the same query again": HONEST + photo("A ship", "container ship at sea") * 3,
    "in other words' clothes": HONEST + photo("Another", "Container \u200bSHIP, at sea!"),
    "the same chart under another title": HONEST + plot(CHART.replace("'Trade'", "'Growth'")),
    "in another colour": HONEST + plot(CHART.replace("tons)", "tons, color='red')")),
    "with other names": HONEST + plot(CHART.replace("tons", "goods").replace("years", "x")),
    "with comments and blanks": HONEST + plot("# new\n\n" + CHART.replace(", ", ",  ")),
    "with a text that nothing takes": HONEST + plot("'nothing'\n" + CHART),
    "with labels": HONEST + plot(CHART + "\nplt.xlabel('year')\nplt.legend()"),
    "in a fence": PROSE + photo("A ship", "container ship at sea") + f"```\n{plot(CHART)}```",
    "in a spelling of its own": PROSE
    + photo("A ship", "container ship at sea")
    + plot(CHART).replace("imgen", "IMGEN"),
    "an edit of what failed": HONEST.replace(plot(CHART), "")
    + "<imgen>{}</imgen>"
    + slot("edit", "E", img_index=1, prompt="x"),
    "no description": HONEST.replace('"A ship"', '""').replace('"Trade by year"', '" . "'),
    "paragraphs again": HONEST + PROSE * 3,
    "paragraphs again with a word changed": HONEST
    + "\n\n".join(each.replace(" and ", " or ") + " Yes." for each in FACTS * 3),
    "a sentence between each": HONEST + "\n\n".join(f"Item {n}. {FACTS[n % 4]}" for n in range(12)),
    "no prose": photo("A ship", "container ship at sea") + plot(CHART),
    "eleven pictures": HONEST + "".join(photo(f"S{n}", f"ship {n}") for n in range(9)),
    "98 pictures": PROSE + "".join(photo(f"S{n}", f"ship {n}") for n in range(98)),
    "one picture of two": PROSE + photo("A ship", "container ship at sea"),
    "none": PROSE,
}


HONESTLY = {
    2: 0.2 + 0.1 + 0.1 + 0.3 * 0.8 + 0.3 * 0.6,
    99: 0.2 + 0.1 + 0.1 + 0.3 * 0.8 + 0.3 * 0.6,
    0: (0.1 + 0.1 + 0.3 * 0.8 + 0.3 * 0.6) / 0.8,
}
"""What the honest document is worth to fair judges, by the pictures that are demanded."""
FREE = ("one picture of two", "none")
"""No cheats where any number will do."""


def under(done: Any, pictures: int) -> float:
    """What it is worth if so many pictures had been asked for."""
    facts = replace(done.facts, demand=Demand(pictures, ("search", "code")))
    value: float = replace(done, facts=facts).under("llmi").total.value
    return value


async def test_what_the_honest_document_earns(write: Any) -> None:
    done = await write(HONEST, *both())
    for pictures, value in HONESTLY.items():
        assert under(done, pictures) == pytest.approx(value)


@pytest.mark.parametrize("name", CHEATS)
async def test_a_cheat_earns_less(write: Any, name: str) -> None:
    done = await write(CHEATS[name], *both(), FakeTool("e", "edit"))
    for pictures, honest in HONESTLY.items():
        if pictures == 2 or name not in FREE:
            assert under(done, pictures) < honest - 0.02, (pictures, done.scores)


async def test_leaving_pictures_out_where_they_are_free_is_no_way_to_a_higher_score(
    write: Any,
) -> None:
    """Fair judges say 0.8 of the text and 0.6 of pictures: an illustrated document is worth no less for it."""
    for demanded in (None, 0):
        bare = await write(PROSE, *both(), pictures=demanded)
        shown = await write(HONEST, *both(), pictures=demanded)
        assert bare.total.value == pytest.approx(0.8)
        assert shown.total.value == pytest.approx((0.1 + 0.3 * 0.8 + 0.3 * 0.6) / 0.7)
        assert bare.of("pictures") is None


async def test_a_document_that_is_to_have_no_picture(write: Any) -> None:
    bare = await write(PROSE, *both(), pictures=-1)
    assert (bare.value("count"), bare.of("validity"), bare.of("pictures")) == (1, None, None)
    shown = await write(HONEST, *both(), pictures=-1)
    assert (shown.value("count"), shown.value("pictures")) == (0, 0)
    assert shown.total.value < bare.total.value - 0.3
    misspelled = await write(HONEST.replace("imgen", "IMGEN"), *both(), pictures=-1)
    assert misspelled.facts.slots[0].picture
    assert misspelled.value("count") == 0
    assert misspelled.total.value < shown.total.value


@pytest.mark.parametrize("hidden", ["<!-- a b -->", "[a]: http://x.y", "&nbsp; &#8203;"])
async def test_prose_that_nobody_sees_is_none(write: Any, hidden: str) -> None:
    done = await write(f"{hidden}\n\n{photo('A', 'ship')}", *both(), pictures=1)
    assert done.value("writing") == 0


@pytest.mark.parametrize(
    "other",
    [
        plot(CHART.replace("[6, 9]", "[6, 10]")),
        plot(CHART.replace("bar", "plot")),
        plot("plt.plot(pd.read_csv('a.csv')['x'])") + plot("plt.plot(pd.read_csv('a.csv')['y'])"),
        photo("B", "container ship in harbour") + photo("C", "sailing ship at sea"),
        slot("diffusion", "D", prompt="container ship at sea"),
        slot("edit", "E", img_index=0, prompt="sepia")
        + slot("edit", "F", img_index=1, prompt="sepia"),
    ],
)
async def test_what_is_another_picture_is_no_duplicate(write: Any, other: str) -> None:
    tools = [*both(), FakeTool("d", "diffusion"), FakeTool("e", "edit")]
    done = await write(HONEST + other, *tools, pictures=99)
    assert {each.duplicate_of for each in done.facts.slots} == {None}
    assert done.value("validity") == 1


async def test_the_first_of_equals_that_counts_is_the_one_that_counts(write: Any) -> None:
    query = photo("A ship", "container ship at sea")
    done = await write(PROSE + query.replace("imgen", "IMGEN") + query + query, *both(), pictures=1)
    assert [each.counts for each in done.facts.slots] == [False, True, False]
    assert [each.duplicate_of for each in done.facts.slots] == [None, None, 1]


async def test_the_same_picture_for_another_query_is_a_duplicate(write: Any) -> None:
    tool = FakeTool("s", "search", [Produced((Image(random_png(), Provenance("x")),))])
    done = await write(PROSE + photo("A", "ship") + photo("B", "boat"), tool, pictures=2)
    assert done.facts.slots[1].duplicate_of == 0
    assert (done.value("count"), done.value("validity"), done.value("earned", 1)) == (0.5, 0.5, 0)


async def test_a_duplicate_of_what_the_infrastructure_lost_is_one(write: Any) -> None:
    lost = FakeTool("s", "search", [Failed("quota", "used up")])
    done = await write(PROSE + photo("A", "ship") * 5, lost, pictures=5)
    assert [each.counts for each in done.facts.slots] == [True, *[False] * 4]
    assert done.value("count") == 0.2


@pytest.mark.parametrize("demanded", [None, 0, 99])
async def test_what_the_policy_broke_costs_where_no_judge_looks(
    write: Any, demanded: int | None
) -> None:
    broken = FakeTool("c", "code", [Failed("crashed", "no")], executes_code=True)
    honest = await write(HONEST, *both(), pictures=demanded)
    cheat = await write(HONEST + plot("x"), both()[0], broken, pictures=demanded)
    assert honest.under("rules").total.value == 1
    assert cheat.under("rules").total.value < 0.9
    lost = FakeTool("c", "code", [Failed("quota", "used up")], executes_code=True)
    ill = await write(HONEST, both()[0], lost, pictures=demanded)
    assert ill.under("rules").total.value == 1


async def test_settings_say_what_it_costs(write: Any) -> None:
    done = await write(CHEATS["no description"], *both(), pictures=2)

    def of(**settings: Any) -> Profile:
        return profile_of("llmi", settings)

    assert done.value("validity") == 0.5
    assert done.under(of(undescribed=0.0)).value("validity") == 0
    assert done.under(of(undescribed=1.0)).value("validity") == 1
    again = await write(CHEATS["paragraphs again"], *both(), pictures=2)
    assert 0.7 < again.facts.draft.repetition < 0.8
    assert again.value("writing") < 0.3 * 0.8
    assert again.under(of(free_repetition=0.99)).value("writing") == pytest.approx(0.8)
    many = await write(CHEATS["eleven pictures"], *both(), pictures=11)
    assert many.value("pictures") == 0
    assert many.under(of(most_pictures=11)).value("pictures") == pytest.approx(0.6)
