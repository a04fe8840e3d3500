import random

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore, Options, journal_beside
from llmi_agent.contract import Demand, Failed
from llmi_agent.draft import Slot
from llmi_agent.rewards import Whole, weighed
from llmi_agent.testing import FakeTool, ScriptedModel
from llmi_agent.traces import Trace, traces
from llmi_graphs import build_graph
from llmi_train_smollm2.drafts import NO_SLIPS, draft
from llmi_train_smollm2.figures import slots_of
from llmi_train_smollm2.prompts import Wish, wishes
from llmi_train_smollm2.requests import TEST, keys_of
from llmi_train_smollm2.reward import WEIGHTS, parts_of, scores

WISH = next(each for each in wishes(TEST, 9, 0) if each.count == 2 and each.kind == "code")


async def ran(text: str, **outcomes: object) -> Trace:
    """The run of the graph whose policy writes this; outcomes: what a tool of a kind does first."""
    store = ArtifactStore.in_memory()
    tools = [
        FakeTool(
            kind[0],
            kind,
            [outcomes[kind]] if kind in outcomes else [],
            executes_code=kind == "code",
        )
        for kind in ("search", "diffusion", "code")
    ]
    options = Options(repairs=0, debug_rounds=0, fallbacks=False)
    graph = build_graph(
        model=ScriptedModel(script=[text]), tools=tools, store=store, secrets={}, options=options
    )
    demand = {"pictures": WISH.count, "kinds": [WISH.kind]}
    await graph.ainvoke({"messages": [HumanMessage(WISH.text)], "demand": demand})
    (trace,) = traces(journal_beside(store))
    return trace


async def scored(text: str, **outcomes: object) -> dict[str, float | None]:
    return {each.component: each.value for each in scores(await ran(text, **outcomes))}


def written(wish: Wish = WISH) -> str:
    prose = " ".join(wish.request.prompt.split()[:60])
    return draft(wish, [prose], [], random.Random(0), NO_SLIPS)


async def test_a_draft_without_a_slip_earns_nearly_all():
    found = await scored(written())
    assert found["smollm2"] > 0.9
    assert found["smollm2.kind"] == found["smollm2.count"] == found["smollm2.topic"] == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('", "params"', "", 1),
        lambda text: text.replace('"code":', '"prompt":', 1),
        lambda text: text.replace('"source": "code"', '"source": "open"', 1),
        lambda text: text.replace("</imgen>", "", 1),
        lambda text: text.replace("<imgen>", "", 1),
    ],
    ids=["no object", "another kind's parameter", "no kind", "not closed", "not opened"],
)
async def test_a_draft_that_does_not_parse_earns_nothing(spoil):
    assert await scored(spoil(written())) == {"smollm2": 0}


async def test_code_that_crashes_costs_and_a_photograph_that_is_not_there_does_not():
    crashed = await scored(written(), code=Failed("crashed", "NameError"))
    assert crashed["smollm2.made"] == 0
    photos = next(e for e in wishes(TEST, 9, 0) if e.count == 2 and e.kind == "search")
    lacking = await scored(written(photos), search=Failed("refused", "nothing is found"))
    assert lacking["smollm2.made"] == 1


async def test_slots_are_counted_as_the_strict_reader_has_them():
    spoilt = written().replace('"code":', '"prompt":', 1)
    found = slots_of([await ran(written()), await ran(spoilt), await ran("# Birds\n\nNothing.")])
    assert (found.drafts, found.each) == (3, pytest.approx(4 / 3))
    assert (found.valid, found.whole) == (0.75, pytest.approx(1 / 3))


def test_the_reward_pays_for_kind_number_topic_prose_and_pictures() -> None:
    keys = keys_of("railway bridges of Scotland")
    prose = "Scotland has many railway bridges. " + "Trains cross them every day. " * 8

    def slot(kind: str = "diffusion", asked: str = "a railway bridge") -> Slot:
        return Slot(0, kind, "It", {"query" if kind == "search" else "prompt": asked})

    def worth(
        slots: list[Slot], text: str = prose, made: int = 2, repetition: float = 0.0
    ) -> float:
        asked = Demand(2, ("diffusion",))
        return weighed(parts_of(Whole(text, slots), made, repetition, asked, keys), WEIGHTS)

    best = worth([slot(), slot()])
    assert best == pytest.approx(1.0)
    worse = [
        worth([slot(), slot("search")]),
        worth([slot()], made=1),
        worth([slot(), slot(asked="a cat")]),
        worth([slot(), slot()], "Cats sleep all day."),
        worth([slot(), slot()], made=1),
        worth([slot(), slot()], repetition=0.5),
    ]
    assert max(worse) < 0.96
    assert worth([], made=0) < 0.2
