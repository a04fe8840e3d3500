import random

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent import ArtifactStore, Options, journal_beside
from llmi_agent.contract import Failed
from llmi_agent.testing import FakeTool, ScriptedModel
from llmi_agent.traces import traces
from llmi_graphs import build_graph
from llmi_train_tiny.drafts import NO_SLIPS, SLIPS, Slips, draft
from llmi_train_tiny.prompts import TEST, Wish, wishes
from llmi_train_tiny.reward import scores

WISH = next(e for e in wishes(TEST) if e.count == 2 and e.kind == "search")


async def scored(text: str, wish: Wish = WISH, search: object = None) -> dict[str, float | None]:
    """Of a run of the graph whose policy writes this."""
    store = ArtifactStore.in_memory()
    tools = [
        FakeTool("s", "search", [search] if search else []),
        FakeTool("d", "diffusion"),
        FakeTool("c", "code", executes_code=True),
    ]
    options = Options(repairs=0, debug_rounds=0, fallbacks=False)
    model = ScriptedModel(script=[text])
    graph = build_graph(model=model, tools=tools, store=store, secrets={}, options=options)
    demand = {"pictures": wish.count, "kinds": [wish.kind]}
    await graph.ainvoke({"messages": [HumanMessage(wish.text)], "demand": demand})
    (trace,) = traces(journal_beside(store))
    return {each.component: each.value for each in scores(trace)}


def written(wish: Wish = WISH, slips: Slips = NO_SLIPS, seed: int = 0) -> str:
    return draft(wish, random.Random(seed), slips)


async def test_a_draft_without_a_slip_earns_all():
    for wish in random.Random(0).sample(wishes(TEST), 6):
        assert (await scored(written(wish), wish))["tiny"] == pytest.approx(1), wish


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('", "params"', "", 1),
        lambda text: text.replace('"query"', '"prompt"', 1),
        lambda text: text.replace('"source": "search"', '"source": "serch"', 1),
        lambda text: text.replace("</imgen>", "", 1),
    ],
    ids=["no object", "another kind's parameter", "no kind", "not closed"],
)
async def test_a_draft_that_does_not_parse_earns_nothing(spoil):
    assert await scored(spoil(written())) == {"tiny": 0}


async def test_each_part_is_paid_for_on_its_own():
    other = next(
        e for e in wishes(TEST) if e.topic != WISH.topic and e.kind == WISH.kind and e.count == 2
    )
    found = await scored(written(other))
    assert (found["tiny.topic"], found["tiny.kind"], found["tiny.count"]) == (0, 1, 1)
    more = next(e for e in wishes(TEST) if e.topic == WISH.topic and e.count == 3)
    found = await scored(written(more))
    assert (found["tiny.topic"], found["tiny.kind"], found["tiny.count"]) == (1, 1, 0)
    painted = written().replace('"search"', '"diffusion"', 1).replace('"query"', '"prompt"', 1)
    found = await scored(painted)
    assert (found["tiny.topic"], found["tiny.kind"], found["tiny.count"]) == (1, 0.5, 1)


async def test_a_tool_that_refuses_the_query_costs_validity_and_one_that_is_down_does_not():
    refused = await scored(written(), search=Failed("bad_params", "nothing is found"))
    down = await scored(written(), search=Failed("unreachable", "no route"))
    assert refused["tiny.validity"] == 0
    assert down["tiny.validity"] == 1


async def test_a_slot_that_repeats_another_costs_validity():
    text = written()
    one = text[text.index("<imgen>") : text.index("</imgen>") + len("</imgen>")]
    found = await scored(f"# The {WISH.topic}\n\n{one}\n\n{one}")
    assert found["tiny.validity"] == 0.5


def test_drafts_to_warm_up_on_are_wrong_as_often_as_is_said():
    chance = random.Random(0)
    drafts = [draft(WISH, chance, SLIPS) for _ in range(1000)]
    torn = sum(each.count("<imgen>") > each.count("</imgen>") for each in drafts)
    right = sum(each.count("<imgen>") == WISH.count for each in drafts)
    assert 0.08 < torn / 1000 < 0.16
    assert 0.5 < right / 1000 < 0.7
