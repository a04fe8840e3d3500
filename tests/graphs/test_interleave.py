"""The graph through its public door, with a scripted model and fake tools."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from llmi_agent.base import secrets
from llmi_agent.base.errors import InputError, PolicyError
from llmi_agent.config.options import Options
from llmi_agent.contract.hooks import ModelContext, ModelRequest, hookimpl
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    Failed,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    ToolRetry,
)
from llmi_agent.document.model import Document, Missing, TextBlock
from llmi_agent.document.render import render_markdown
from llmi_agent.host.registry import Registry, registry_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

QUICK = Options(retry_wait=0.0)


def draft(*slots: str) -> str:
    return (
        "# The title\n\nFirst words.\n\n"
        + "\n\nWords between.\n\n".join(slots)
        + "\n\nLast words.\n"
    )


def search(**fields: Any) -> FakeTool:
    return FakeTool("a_search", "search", **fields)


def edit(**fields: Any) -> FakeTool:
    return FakeTool("an_edit", "edit", **fields)


def code(**fields: Any) -> FakeTool:
    return FakeTool("a_code", "code", executes_code=True, **fields)


async def write(
    store: ArtifactStore,
    script: Sequence[str] | Callable[[list[BaseMessage]], str],
    *tools: FakeTool,
    options: Options = QUICK,
    hooks: Sequence[object] = (),
    **request: Any,
) -> Document:
    graph = build_graph(
        model=ScriptedModel(script=script),
        tools=registry_of(*tools, hooks=hooks),
        options=options,
        store=store,
        secrets={},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")], **request})
    return Document.model_validate(answer["document"])


async def test_a_document_has_its_text_and_its_figures_in_order(store: ArtifactStore) -> None:
    text = draft(slot("search", "One", query="q"), slot("code", "Two", code="plt.plot([1])"))
    document = await write(store, [text], search(), code())
    assert [block.type for block in document.blocks] == ["text", "figure", "text", "figure", "text"]
    assert document.title == "The title"
    assert document.prompt == "Write."
    one, two = document.figures
    assert (one.number, one.caption, one.kind, one.tool) == (1, "One", "search", "a_search")
    assert (two.number, two.caption, two.kind, two.tool) == (2, "Two", "code", "a_code")
    assert two.params == {"code": "plt.plot([1])"}
    assert all(store.read(figure.digest) for figure in document.figures)
    assert document.bindings == {"search": "a_search", "code": "a_code"}


async def test_a_draft_without_slots_is_a_document(store: ArtifactStore) -> None:
    document = await write(store, ["# Only words\n\nNothing else."], search())
    assert document.blocks == (TextBlock(markdown="# Only words\n\nNothing else."),)


async def test_a_tool_that_fails_twice_and_then_works_is_repaired(store: ArtifactStore) -> None:
    tool = search(answers=[ToolRetry("too vague"), ToolRetry("still too vague"), _picture(1)])
    script = [
        draft(slot("search", "One", query="a")),
        slot("search", "One, nearer", query="b"),
        slot("search", "One at last", query="c"),
    ]
    document = await write(store, script, tool)
    (figure,) = document.figures
    assert (figure.caption, figure.params, figure.attempts) == ("One at last", {"query": "c"}, 3)
    assert [call.params.model_dump()["query"] for call in tool.calls] == ["a", "b", "c"]
    assert len({call.key for call in tool.calls}) == 3


async def test_a_repair_is_asked_in_the_same_conversation(store: ArtifactStore) -> None:
    model = ScriptedModel(
        script=[
            draft(slot("search", query="a")),
            slot("search", query="b"),
            slot("search", query="c"),
        ]
    )
    tools = [search(answers=[ToolRetry("first error"), ToolRetry("second error"), _picture(1)])]
    graph = build_graph(model=model, tools=tools, store=store, options=QUICK, secrets={})
    await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    first, second, third = model.asked
    assert second[: len(first)] == first
    assert third[: len(second)] == second
    assert "first error" in second[-1].text
    assert "second error" in third[-1].text


async def test_a_slot_that_never_works_is_said_in_the_document(store: ArtifactStore) -> None:
    tool = search(answers=[Failed("refused", "the gallery is closed")])
    document = await write(store, [draft(slot("search", "A door", query="a")), "SKIP"], tool)
    assert document.missing == (
        Missing(
            slot=0,
            kind="search",
            caption="A door",
            reason="refused",
            message="the gallery is closed",
            attempts=1,
        ),
    )


async def test_repairs_end(store: ArtifactStore) -> None:
    tool = search(answers=[ToolRetry("no")])
    script = [draft(slot("search", query="a")), slot("search", query="b")]
    document = await write(store, script, tool, options=Options(repairs=2))
    assert [missing.attempts for missing in document.missing] == [3]
    assert len(tool.calls) == 3


async def test_code_gets_its_own_number_of_debug_rounds(store: ArtifactStore) -> None:
    tool = code(answers=[ToolFailed("NameError: x")])
    script = [draft(slot("code", code="x")), slot("code", code="y")]
    document = await write(store, script, tool, options=Options(repairs=0, debug_rounds=4))
    assert document.missing[0].attempts == 5


async def test_an_unreachable_tool_is_tried_again_as_it_is(store: ArtifactStore) -> None:
    tool = search(answers=[ConnectionError("no route"), _picture(1)])
    document = await write(store, [draft(slot("search", query="a"))], tool)
    assert document.figures[0].attempts == 2
    assert [call.params for call in tool.calls] == [tool.calls[0].params] * 2


async def test_a_tool_is_called_again_when_its_vendor_says(store: ArtifactStore) -> None:
    busy = Failed("quota", "too many calls", retry_after=0.4)
    tool = search(answers=[busy, search().picture])
    began = time.monotonic()
    document = await write(store, [draft(slot("search", "One", query="q"))], tool)
    assert len(document.figures) == 1
    assert 0.4 <= time.monotonic() - began < 3


async def test_a_document_does_not_wait_for_a_vendor_that_asks_for_an_hour(
    store: ArtifactStore,
) -> None:
    busy = Failed("quota", "too many calls", retry_after=3600.0)
    drawn = FakeTool("a_diffusion", "diffusion")
    tool = search(answers=[busy])
    document = await write(store, [draft(slot("search", "One", query="q"))], tool, drawn)
    assert len(tool.calls) == 1
    assert document.figures[0].tool == "a_diffusion"
    assert "illustration" in document.figures[0].note


async def test_the_policys_slow_code_is_debugged_rather_than_repeated(store: ArtifactStore) -> None:
    tool = code(seconds=5.0)
    model = ScriptedModel(script=[draft(slot("code", code="slow()")), "SKIP"])
    options = Options(call_timeout=0.05, retries=3, retry_wait=0)
    graph = build_graph(model=model, tools=[tool], store=store, options=options, secrets={})
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    assert answer["document"]["blocks"][1]["reason"] == "timeout"
    assert len(tool.calls) == 1
    assert "did not finish within 0.05 s" in model.asked[1][-1].text


async def test_an_edit_of_an_edit_of_a_searched_picture(store: ArtifactStore) -> None:
    text = draft(
        slot("search", query="a"),
        slot("edit", img_index=0, prompt="crop"),
        slot("edit", img_index=1, prompt="sepia"),
    )
    editor = edit()
    document = await write(store, [text], search(seconds=0.05), editor)
    found, cropped, tinted = document.figures
    assert [call.inputs for call in editor.calls] == [(found.digest,), (cropped.digest,)]
    assert (cropped.edited_from, tinted.edited_from) == (1, 2)
    assert len({found.digest, cropped.digest, tinted.digest}) == 3


async def test_a_chain_of_edits_under_one_permit_ends(store: ArtifactStore) -> None:
    slots = [slot("search", query="a")]
    slots += [slot("edit", img_index=n, prompt="again") for n in range(5)]
    options = Options(concurrency={"edit": 1, "search": 1})
    graph = build_graph(
        model=ScriptedModel(script=[draft(*slots)]),
        tools=[search(seconds=0.05), edit()],
        options=options,
        store=store,
        secrets={},
    )
    request = {"messages": [HumanMessage("Write.")]}
    for config in ({}, {"max_concurrency": 1}):
        answer = await asyncio.wait_for(graph.ainvoke(request, config), 10)
        assert len(Document.model_validate(answer["document"]).figures) == 6


async def test_an_edit_inherits_the_licence_of_its_original(store: ArtifactStore) -> None:
    photo = Provenance(
        "an archive", creator="Ada", licence="CC-BY-4.0", attribution="Ada, CC BY 4.0"
    )
    found = Produced((Image(random_png(), photo),))
    changed = Produced((Image(random_png(seed=2), Provenance("an_edit")),), note="cropped")
    text = draft(slot("search", query="a"), slot("edit", img_index=0, prompt="crop"))
    document = await write(store, [text], search(answers=[found]), edit(answers=[changed]))
    figure = document.figures[1]
    assert figure.provenance.provider == "an_edit"
    assert figure.provenance.creator == "Ada"
    assert figure.provenance.attribution == "Ada, CC BY 4.0"
    assert figure.note == "cropped"


async def test_an_edit_says_what_it_was_made_from_and_nothing_that_is_its_sources(
    store: ArtifactStore,
) -> None:
    drawn = Provenance("a_code", model="m", seed=7, source_url="https://e.example/p", code="plot()")
    chart = Produced((Image(random_png(), drawn),))
    text = draft(
        slot("code", "A chart", code="plot()"),
        slot("edit", "Grey", img_index=1, prompt="grey"),
        slot("edit", "Sepia", img_index=2, prompt="sepia"),
        slot("edit", "A crop", img_index=0, prompt="crop"),
    )
    cup = attach_bytes(store, "cup.png", random_png(seed=5))
    document = await write(store, [text], code(answers=[chart]), edit(), attachments=[asdict(cup)])
    _, grey, sepia, crop = document.figures
    own = Provenance("an_edit")
    assert grey.provenance == replace(own, made_from="A chart")
    assert sepia.provenance == replace(own, made_from="Grey")
    assert crop.provenance == replace(own, made_from="cup.png (attached)")
    text = render_markdown(document)
    assert "Edited from Figure 2" in text
    assert "Made from cup.png (attached)" in text


async def test_an_edit_of_the_last_documents_figure_names_it(store: ArtifactStore) -> None:
    script = ["# T\n\n" + slot("search", "A cup", query="a"),
              "# B\n\n" + slot("edit", "Blue", img_index=0, prompt="blue")]  # fmt: skip
    graph = build_graph(
        model=ScriptedModel(script=script),
        tools=[search(), edit()],
        store=store,
        secrets={},
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "t"}}
    for words in ("Write.", "Blue."):
        answer = await graph.ainvoke({"messages": [HumanMessage(words)]}, config)
    (figure,) = Document.model_validate(answer["document"]).figures
    assert figure.provenance.made_from == "Figure 1 of the last document: A cup"


async def test_an_edit_of_a_missing_picture_is_missing_and_says_why(store: ArtifactStore) -> None:
    text = draft(slot("search", query="a"), slot("edit", "Cropped", img_index=0, prompt="crop"))
    editor = edit()
    tools = [search(answers=[Failed("unavailable", "no gallery")]), editor]
    document = await write(store, [text], *tools)
    assert [missing.slot for missing in document.missing] == [0, 1]
    assert "slot 0" in document.missing[1].message
    assert "no gallery" in document.missing[1].message
    assert editor.calls == []


@pytest.mark.parametrize("index", [1, 7])
async def test_an_edit_that_points_at_no_earlier_picture_is_repaired(
    store: ArtifactStore, index: int
) -> None:
    script = [
        draft(slot("search", query="a"), slot("edit", img_index=index, prompt="crop")),
        slot("edit", "Mended", img_index=0, prompt="crop"),
    ]
    document = await write(store, script, search(), edit())
    assert document.figures[1].caption == "Mended"
    assert document.figures[1].edited_from == 1


async def test_a_slow_slot_does_not_delay_the_repair_of_another(store: ArtifactStore) -> None:
    done: dict[str, float] = {}

    async def slow(call: ToolCall, context: ToolContext) -> ToolResult:
        await asyncio.sleep(1.0)
        done["slow"] = time.monotonic()
        return _picture(1)

    def quick(call: ToolCall, context: ToolContext) -> ToolResult:
        if call.attempt == 0:
            raise ToolRetry("once more")
        done["repaired"] = time.monotonic()
        return _picture(2)

    def answer(messages: list[BaseMessage]) -> str:
        first = draft(slot("search", query="slow"), slot("code", code="broken"))
        return first if len(messages) == 2 else slot("code", code="mended")

    document = await write(store, answer, search(answers=[slow]), code(answers=[quick]))
    assert len(document.figures) == 2
    assert done["slow"] - done["repaired"] > 0.5


async def test_ten_documents_at_once_do_not_mix_their_pictures(store: ArtifactStore) -> None:
    async def paint(call: ToolCall, context: ToolContext) -> ToolResult:
        topic = int(call.params.model_dump().get("query") or call.params.model_dump()["prompt"])
        await asyncio.sleep(0.01 * (topic % 3))
        return _picture(topic)

    def answer(messages: list[BaseMessage]) -> str:
        topic = messages[-1].text.split()[0]
        return draft(
            slot("search", topic, query=topic), slot("edit", topic, img_index=0, prompt=topic)
        )

    editor = edit(answers=[paint])
    graph = build_graph(
        model=ScriptedModel(script=answer),
        tools=[search(answers=[paint]), editor],
        store=store,
        secrets={},
    )
    answers = await asyncio.gather(
        *(graph.ainvoke({"messages": [HumanMessage(f"{n}")]}) for n in range(10))
    )
    for number, each in enumerate(answers):
        document = Document.model_validate(each["document"])
        expected = store.put_image(random_png(seed=number))[0].digest
        assert [figure.digest for figure in document.figures] == [expected] * 2
        assert [figure.caption for figure in document.figures] == [str(number)] * 2
    assert len({call.episode for call in editor.calls}) == 10


async def test_a_search_that_finds_nothing_falls_back_and_the_caption_says_so(
    store: ArtifactStore,
) -> None:
    painter = FakeTool("a_painter", "diffusion")
    tools = [search(answers=[Failed("unreachable", "down")]), painter]
    document = await write(store, [draft(slot("search", "A fox", query="red fox"))], *tools)
    (figure,) = document.figures
    assert (figure.kind, figure.tool) == ("search", "a_painter")
    assert figure.params == {"prompt": "red fox"}
    assert figure.note == "No photograph was found, so this is an illustration."
    assert figure.attempts == 3


async def test_a_fallback_that_fails_too_leaves_the_slot_missing(store: ArtifactStore) -> None:
    tools = [
        search(answers=[Failed("unavailable", "down")]),
        FakeTool("a_painter", "diffusion", [Failed("unavailable", "down as well")]),
    ]
    document = await write(store, [draft(slot("search", query="fox"))], *tools)
    assert document.missing[0].message == "down; diffusion in its place: down as well"


async def test_fallbacks_can_be_switched_off(store: ArtifactStore) -> None:
    painter = FakeTool("a_painter", "diffusion")
    options = Options(fallbacks=False, retries=0)
    tools = [search(answers=[Failed("unavailable", "down")]), painter]
    document = await write(store, [draft(slot("search", query="fox"))], *tools, options=options)
    assert len(document.missing) == 1
    assert painter.calls == []


async def test_a_blank_picture_is_not_kept(store: ArtifactStore) -> None:
    blank = Produced((Image(_blank(), Provenance("a_code")),))
    script = [draft(slot("code", code="pass")), slot("code", code="plot()")]
    document = await write(store, script, code(answers=[blank, _picture(3)]))
    assert document.figures[0].params == {"code": "plot()"}


async def test_the_first_candidate_that_is_a_picture_is_kept(store: ArtifactStore) -> None:
    images = tuple(
        Image(data, Provenance(name))
        for name, data in [
            ("garbage", b"<html>"),
            ("blank", _blank()),
            ("good", random_png(seed=5)),
        ]
    )
    document = await write(
        store, [draft(slot("search", query="a"))], search(answers=[Produced(images)])
    )
    assert document.figures[0].provenance.provider == "good"


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (RuntimeError("boom"), "crashed", "a_search: RuntimeError: boom"),
        (SystemExit(3), "crashed", "SystemExit"),
        (TimeoutError("upstream"), "timeout", "upstream"),
        (ModuleNotFoundError("No module named 'sdk'"), "unavailable", "sdk"),
        (ToolFailed("no credit", "quota"), "quota", "no credit"),
        (asyncio.CancelledError(), "crashed", "cancelled itself"),
        (Produced(()), "bad_output", "no picture"),
        (Produced((Image(b"", Provenance("x")),)), "bad_output", "empty"),
        (Produced((Image(b"<svg></svg>", Provenance("x")),)), "bad_output", "SVG"),
        (lambda call, context: "a string", "bad_output", "returned str"),
        (lambda call, context: Produced("bytes"), "bad_output", "tuple of Image"),
    ],
)
async def test_whatever_a_tool_does_is_data(
    store: ArtifactStore, answer: Any, reason: str, words: str
) -> None:
    options = Options(retries=0, repairs=0)
    text = draft(slot("search", query="a"), slot("code", code="x"))
    document = await write(store, [text], search(answers=[answer]), code(), options=options)
    assert len(document.figures) == 1
    assert document.missing[0].reason == reason
    assert words in document.missing[0].message


async def test_a_slot_that_cannot_be_read_is_repaired(store: ArtifactStore) -> None:
    script = [
        draft('<imgen>{"source": "video", "description": "d", "params": {}}</imgen>'),
        slot("search", "Now a photo", query="a"),
    ]
    document = await write(store, script, search())
    assert document.figures[0].caption == "Now a photo"


async def test_a_slot_that_cannot_be_read_and_is_not_repaired_is_missing(
    store: ArtifactStore,
) -> None:
    document = await write(store, [draft("<imgen>nonsense</imgen>"), "SKIP"], search())
    assert document.missing[0].reason == "bad_params"
    assert document.missing[0].kind == ""


async def test_attached_pictures_come_first_in_the_count(store: ArtifactStore) -> None:
    attachment = attach_bytes(store, "mine.png", random_png(seed=9))
    editor = edit()
    text = draft(slot("search", query="a"), slot("edit", img_index=0, prompt="crop"))
    await write(store, [text], search(), editor, attachments=[vars(attachment)])
    assert editor.calls[0].inputs == (attachment.digest,)


async def test_the_policy_is_told_of_attachments(store: ArtifactStore) -> None:
    table = attach_bytes(store, "rain.csv", b"day,mm\n2024-01-01,3\n2024-01-02,4\n")
    photo = attach_bytes(store, "mine.png", random_png(seed=9))
    model = ScriptedModel(script=["# Done"])
    graph = build_graph(model=model, tools=[search()], store=store, secrets={})
    request = {
        "messages": [HumanMessage("Write.")],
        "attachments": [vars(table), vars(photo)],
    }
    await graph.ainvoke(request)
    asked = model.asked[0][-1].text
    assert "rain.csv" in asked
    assert "mm" in asked
    assert "img_index 0: mine.png" in asked


async def test_make_figure_two_blue_works_on_the_next_turn(store: ArtifactStore) -> None:
    first = draft(slot("search", "One", query="a"), slot("search", "Two", query="b"))
    second = "# Bluer\n\n" + slot("edit", "Two, blue", img_index=1, prompt="make it blue")
    model, editor = ScriptedModel(script=[first, second]), edit()
    graph = build_graph(
        model=model,
        tools=[search(), editor],
        store=store,
        secrets={},
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "t"}}
    one = await graph.ainvoke({"messages": [HumanMessage("Write.")]}, config)
    two = await graph.ainvoke({"messages": [HumanMessage("Make figure 2 blue.")]}, config)
    old = Document.model_validate(one["document"])
    new = Document.model_validate(two["document"])
    assert editor.calls[0].inputs == (old.figures[1].digest,)
    assert [block.type for block in new.blocks] == ["text", "figure"]
    assert new.episode != old.episode
    told = [message.text for message in model.asked[1]]
    assert any("[Figure 2: Two]" in text for text in told)
    assert "Figure 2 of the last document: Two" in told[-1]


async def test_the_answer_is_text_and_names_its_figures(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(script=[draft(slot("search", query="a"))]),
        tools=[search()],
        store=store,
        secrets={},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    message = answer["messages"][-1]
    assert isinstance(message, AIMessage)
    digest = answer["document"]["blocks"][1]["digest"]
    assert isinstance(message.content, str)
    (figure,) = message.additional_kwargs["llmi"]["figures"]
    assert figure["digest"] == digest
    assert len(json.dumps(answer["document"])) < 4_000


async def test_a_picture_in_the_message_becomes_an_attachment(store: ArtifactStore) -> None:
    import base64

    encoded = base64.b64encode(random_png(seed=4)).decode()
    for block in (
        {"type": "image", "base64": encoded, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
    ):
        editor = edit()
        graph = build_graph(
            model=ScriptedModel(script=[draft(slot("edit", img_index=0, prompt="crop"))]),
            tools=[editor],
            store=store,
            secrets={},
        )
        message = HumanMessage([{"type": "text", "text": "Crop it."}, block])
        answer = await graph.ainvoke({"messages": [message]})
        assert len(editor.calls[0].inputs) == 1
        assert answer["document"]["prompt"] == "Crop it."
        assert encoded not in json.dumps(answer["messages"][0].content)


async def test_events_tell_the_text_and_every_slots_state(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(
            script=[draft(slot("search", "One", query="a")), slot("search", query="b")]
        ),
        tools=[search(answers=[ToolRetry("again"), _picture(1)])],
        store=store,
        secrets={},
    )
    events: list[dict[str, Any]] = []
    request = {"messages": [HumanMessage("Write.")]}
    async for event in graph.astream(request, stream_mode="custom"):
        assert isinstance(event, dict)
        events.append(event)
    text = "".join(event["text"] for event in events if event["type"] == "text")
    assert "imgen" not in text
    assert text.startswith("# The title")
    states = [event["state"] for event in events if event["type"] == "slot"]
    assert states == ["planned", "started", "repairing", "started", "kept"]
    assert events[-1] == {"type": "document", "title": "The title"}


async def test_no_more_calls_of_a_kind_run_at_once_than_permitted(store: ArtifactStore) -> None:
    running, most = 0, 0

    async def count(call: ToolCall, context: ToolContext) -> ToolResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1
        return _picture(call.slot)

    text = draft(*(slot("search", query=str(n)) for n in range(9)))
    options = Options(concurrency={"search": 3})
    document = await write(store, [text], search(answers=[count]), options=options)
    assert len(document.figures) == 9
    assert most == 3


async def test_a_policy_that_is_silent_or_down_is_one_clear_error(store: ArtifactStore) -> None:
    with pytest.raises(PolicyError, match="empty draft"):
        await write(store, [" "], search())

    def down(messages: list[BaseMessage]) -> str:
        raise RuntimeError("503 from upstream")

    with pytest.raises(PolicyError, match="503 from upstream"):
        await write(store, down, search())


async def test_text_that_is_no_valid_unicode_is_cleaned(store: ArtifactStore) -> None:
    document = await write(store, ["# T \ud800\n\nwords"], search())
    assert document.title == "T ?"
    assert document.model_dump_json()


async def test_a_policy_that_is_down_during_a_repair_leaves_the_slot_missing(
    store: ArtifactStore,
) -> None:
    def answer(messages: list[BaseMessage]) -> str:
        if len(messages) > 2:
            raise RuntimeError("gone")
        return draft(slot("search", query="a"), slot("code", code="x"))

    document = await write(store, answer, search(answers=[ToolRetry("vague")]), code())
    assert document.missing[0].message == "vague"
    assert len(document.figures) == 1


async def test_a_graph_without_a_human_message_says_so(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(script=["x"]), tools=[search()], store=store, secrets={}
    )
    with pytest.raises(InputError, match="human message"):
        await graph.ainvoke({"messages": []})


async def test_hooks_see_calls_and_answers_and_may_answer_for_a_tool(store: ArtifactStore) -> None:
    seen: list[str] = []

    class Watcher:
        @hookimpl
        async def llmi_before_call(self, call: ToolCall, spec: ToolSpec) -> ToolResult | None:
            seen.append(f"before {spec.name}")
            return Failed("refused", "vetoed") if call.kind == "code" else None

        @hookimpl
        def llmi_after_call(self, call: ToolCall, result: ToolResult) -> None:
            seen.append(f"after {call.tool} {type(result).__name__}")

        @hookimpl
        async def llmi_after_model(self, request: ModelRequest, context: ModelContext) -> None:
            seen.append(f"model {request.purpose} {context.slot}")

    runner = code()
    text = draft(slot("search", query="a"), slot("code", code="x"))
    document = await write(store, [text, "SKIP"], search(), runner, hooks=[Watcher()])
    assert runner.calls == []
    assert document.missing[0].message == "vetoed"
    assert {
        "model draft None",
        "before a_search",
        "after a_search Produced",
        "before a_code",
    } <= set(seen)
    assert {"after a_code Failed", "model repair 1"} <= set(seen)


async def test_a_run_leaves_nothing_behind(store: ArtifactStore) -> None:
    closed: list[str] = []

    def enter(call: ToolCall, context: ToolContext) -> ToolResult:
        context.scope.callback(closed.append, call.tool)
        return _picture(1)

    tool = search(answers=[enter])
    graph = build_graph(
        model=ScriptedModel(script=[draft(slot("search", query="a"))]),
        tools=[tool],
        store=store,
        secrets={},
    )
    await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    assert closed == ["a_search"]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("how", ["task", "stream"])
async def test_a_cancelled_run_cancels_its_calls(store: ArtifactStore, how: str) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(call: ToolCall, context: ToolContext) -> ToolResult:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return _picture(1)

    graph = build_graph(
        model=ScriptedModel(script=[draft(slot("search", query="a"))]),
        tools=[search(answers=[hang])],
        store=store,
        secrets={},
    )
    request = {"messages": [HumanMessage("Write.")]}
    if how == "task":
        task = asyncio.create_task(graph.ainvoke(request))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        stream = graph.astream(request, stream_mode="custom")
        async for event in stream:
            if isinstance(event, dict) and event.get("state") == "started":
                await started.wait()
                break
        await stream.aclose()
    assert cancelled.is_set()
    assert len(asyncio.all_tasks()) == 1


async def test_secrets_do_not_reach_the_document(store: ArtifactStore) -> None:
    key = "sk-canary-0123456789"

    def leak(call: ToolCall, context: ToolContext) -> ToolResult:
        assert context.secrets == {"A_KEY": key}
        raise RuntimeError(f"401 for key {context.secrets['A_KEY']}")

    tool = FakeTool("hosted", "search", [leak], needs=("A_KEY",))
    graph = build_graph(
        model=ScriptedModel(script=[draft(slot("search", query="a"))]),
        tools=registry_of(tool),
        options=Options(retries=0, repairs=0),
        store=store,
        secrets={"A_KEY": key, "OTHER": "unrelated-value"},
    )
    answer = await graph.ainvoke({"messages": [HumanMessage("Write.")]})
    message = answer["document"]["blocks"][1]["message"]
    assert key not in json.dumps(answer["document"])
    assert "[secret]" in message


async def test_a_common_word_as_a_password_leaves_the_document_whole(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secrets, "_told", set())
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    monkeypatch.setenv("CACHE_KEY", "search")
    text = draft("How postgres works.", slot("search", "The search", query="postgres elephant"))
    document = await write(store, [text], search())
    (figure,) = document.figures
    assert (figure.caption, figure.params) == ("The search", {"query": "postgres elephant"})
    assert "How postgres works." in render_markdown(document)
    said = [each.getMessage() for each in caplog.records if "not_erased" in each.getMessage()]
    assert len(said) == 2
    assert not any("postgres" in each for each in said)


def test_a_sync_caller_gets_the_same_document(store: ArtifactStore) -> None:
    closed: list[str] = []

    def enter(call: ToolCall, context: ToolContext) -> ToolResult:
        context.scope.callback(closed.append, call.tool)
        return _picture(1)

    text = draft(
        slot("search", query="a"),
        slot("edit", img_index=0, prompt="crop"),
        slot("edit", img_index=1, prompt="sepia"),
    )
    graph = build_graph(
        model=ScriptedModel(script=[text]),
        tools=[search(answers=[enter], seconds=0.1), edit()],
        store=store,
        secrets={},
    )
    request = {"messages": [HumanMessage("Write.")]}
    answer = graph.invoke(request)
    assert len(Document.model_validate(answer["document"]).figures) == 3
    assert closed == ["a_search"]
    events = list(graph.stream(request, stream_mode="custom"))
    assert events[-1] == {"type": "document", "title": "The title"}
    assert closed == ["a_search"] * 2


async def test_a_sync_call_inside_a_running_loop_works(store: ArtifactStore) -> None:
    graph = build_graph(
        model=ScriptedModel(script=[draft(slot("search", query="a"))]),
        tools=[search()],
        store=store,
        secrets={},
    )
    answer = graph.invoke({"messages": [HumanMessage("Write.")]})
    assert len(Document.model_validate(answer["document"]).figures) == 1


def test_one_process_may_hold_registries_of_its_own() -> None:
    one, two = registry_of(search()), registry_of(edit())
    assert isinstance(one, Registry)
    assert set(one.tools) == {"a_search"}
    assert set(two.tools) == {"an_edit"}


def _picture(seed: int) -> Produced:
    return Produced((Image(random_png(seed=seed), Provenance("a fake")),))


def _blank() -> bytes:
    import io

    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.new("RGB", (40, 30), "white").save(out, "PNG")
    return out.getvalue()
