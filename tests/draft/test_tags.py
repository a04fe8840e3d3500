"""What becomes of every arrangement of tags, quotations and thinks."""

from __future__ import annotations

import pytest

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import (
    BadSlot,
    Block,
    Draft,
    DraftReader,
    Slot,
    Text,
    Void,
    format as format_draft,
    joined,
    parse,
    slot_in,
)

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
PAYLOAD = '{"source": "search", "description": "t", "params": {"query": "q"}}'
TAG = f"<imgen>{PAYLOAD}</imgen>"
UNCLOSED = "the tag is not closed; end it with </imgen>"


def slot(index: int = 0) -> Slot:
    return Slot(index, "search", "t", {"query": "q"})


def bad(raw: str, index: int = 0, reason: str = UNCLOSED) -> BadSlot:
    return BadSlot(index, raw, reason)


OUTCOMES: dict[str, tuple[str, list[Block]]] = {
    "nothing": ("", []),
    "prose": ("a < b, c > d\n", [Text("a < b, c > d\n")]),
    "slot alone": (TAG, [slot()]),
    "slot in prose": (f"a {TAG} b", [Text("a "), slot(), Text(" b")]),
    "adjacent slots": (TAG + TAG, [slot(0), slot(1)]),
    "lines and blanks in the tag": (f"<imgen>\n {PAYLOAD}\n</imgen>", [slot()]),
    "half a tag at the end": ("a <imge", [Text("a <imge")]),
    "other spellings": (
        f'< imgen >{PAYLOAD}</IMGEN> <Imgen id="1">{PAYLOAD}</imgen>',
        [slot(), Text(" "), slot(1)],
    ),
    # Think
    "think": (f"<think>hm {TAG}</think>\n{TAG}", [Text("\n"), slot()]),
    "think in prose": ("a<think>b</think>c", [Text("ac")]),
    "think with a fence": (f"<think>```</think>{TAG}", [slot()]),
    "think in a think": ("<think>a<think>b</think>c", [Text("c")]),
    "think never closed": (f"a <think>b {TAG}", [Text("a ")]),
    "stray </think>": (f"# a</think>b{TAG}", [Text("# ab"), slot()]),
    "lone </think>": (f"a {TAG}</think>b{TAG}</think>c", [Text("b"), slot(), Text("c")]),
    "lone </think> that nothing follows": (f"a {TAG}</think>\n", [Text("a "), slot(), Text("\n")]),
    "lone </think> after a heading": (
        f"# Plan\n{TAG}\n</think>\n\n# T\n{TAG}",
        [Text("\n\n# T\n"), slot()],
    ),
    "</think> on a line of a document": ("# T\na\n</think>\nb", [Text("# T\na\n\nb")]),
    "stray </imgen>": (f"a</imgen>b{TAG}</imgen>", [Text("ab"), slot()]),
    "no tag is made by leaving one out": (
        f"<im<think></think>gen>{PAYLOAD}</imgen>",
        [Text(f"<im gen>{PAYLOAD}")],
    ),
    "no fence is made by leaving one out": (
        f"``</imgen>`\n{TAG}",
        [Text("``</imgen>`\n"), slot()],
    ),
    "no quotation is made by leaving one out": (
        f"`a`<think>b</think>`c` {TAG}",
        [Text("`a` `c` "), slot()],
    ),
    # Not closed, nested
    "closing tag missing at the end": (f"a <imgen>{PAYLOAD}", [Text("a "), slot()]),
    "closing tag cut": (f"<imgen>{PAYLOAD}</img", [slot()]),
    "closing tag missing, prose follows": (
        f"<imgen>{PAYLOAD}\n\nb\n{TAG}",
        [slot(), Text("\n\nb\n"), slot(1)],
    ),
    "brace and closing tag missing": (f"<imgen>{PAYLOAD[:-1]}", [slot()]),
    "nested": (f"<imgen>{TAG}", [bad("<imgen>"), slot(1)]),
    "a mention in prose": (
        f"Use <imgen> so:\n{TAG}",
        [Text("Use "), bad("<imgen>"), Text(" so:\n"), slot(1)],
    ),
    "a mention at the end": ("a <imgen>, b", [Text("a "), bad("<imgen>"), Text(", b")]),
    # Quotations
    "fence": (f"```xml\nx\n{TAG}\n```\n{TAG}", [Text(f"```xml\nx\n{TAG}\n```\n"), slot()]),
    "fence with code after the slot": (
        f"```\n{TAG}\nx\n```\n{TAG}",
        [Text(f"```\n{TAG}\nx\n```\n"), slot()],
    ),
    "tilde fence": (f"~~~\nx\n{TAG}\n~~~\n{TAG}", [Text(f"~~~\nx\n{TAG}\n~~~\n"), slot()]),
    "fence of slots": (f"```json\n{TAG}\n```\n{TAG}", [slot(), Text("\n"), slot(1)]),
    "fence of slots, never closed": (f"a\n~~~\n{TAG}\n", [Text("a\n"), slot(), Text("\n")]),
    "fence of an object": (f"a\n```json\n{PAYLOAD}\n```\nb", [Text("a\n"), slot(), Text("\nb")]),
    "fence of another object": ('```json\n{"a": 1}\n```', [Text('```json\n{"a": 1}\n```')]),
    "fence that explains the tag": (
        f"The tag `<imgen>`:\n```\n{TAG}\n```\n",
        [Text(f"The tag `<imgen>`:\n```\n{TAG}\n```\n")],
    ),
    "fence with think": ("```\n<think>a</think>\n```", [Text("```\n<think>a</think>\n```")]),
    "fence in a list and a quotation": (
        f" > ```\nx{TAG}\n > ```\n{TAG}",
        [Text(f" > ```\nx{TAG}\n > ```\n"), slot()],
    ),
    "fence after think": (f"<think>a</think>```\nx{TAG}", [Text(f"```\nx{TAG}")]),
    "fence never closed": (f"a\n```\nx\n{TAG}", [Text(f"a\n```\nx\n{TAG}")]),
    "fence closed by a longer run only": (
        f"````\n```\n{TAG}\n`````\n{TAG}",
        [Text(f"````\n```\n{TAG}\n`````\n"), slot()],
    ),
    "fence not closed by a run with text": (f"```\n``` x\n{TAG}", [Text(f"```\n``` x\n{TAG}")]),
    "inline code": (f"`{TAG}` {TAG}", [Text(f"`{TAG}` "), slot()]),
    "inline code of two": (f"`` ` {TAG} `` {TAG}", [Text(f"`` ` {TAG} `` "), slot()]),
    "inline code in a line of three": (f"```a``` {TAG}", [Text("```a``` "), slot()]),
    "inline code ends with its line": (f"a ` {TAG}\n{TAG}", [Text(f"a ` {TAG}\n"), slot()]),
    "a backtick as apostrophe": (f"it`s {TAG}", [Text("it`s "), slot()]),
    # The whole answer in a fence
    "fenced whole": (f"```markdown\n# T\n{TAG}\n```", [Text("# T\n"), slot(), Text("\n")]),
    "fenced whole, without a name": (
        f"````\n# T\n{TAG}\n````\n",
        [Text("# T\n"), slot(), Text("\n")],
    ),
    "fenced whole, never closed": (f"~~~md\nA\n{TAG}", [Text("A\n"), slot()]),
    "fenced whole, with words around": (
        f"Here:\n\n```md\n# T\n{TAG}\n```\nMore?",
        [Text("Here:\n\n# T\n"), slot(), Text("\nMore?")],
    ),
    "fenced whole, with fences in it": (
        f"```md\n# T\n```py\nx\n```\n```\nx\n```\n{TAG}\n```\n",
        [Text("# T\n```py\nx\n```\n```\nx\n```\n"), slot(), Text("\n")],
    ),
    "a fence after two paragraphs is an example": (
        f"A\n\nB\n\n```md\n# T\n{TAG}\n```\n",
        [Text(f"A\n\nB\n\n```md\n# T\n{TAG}\n```\n")],
    ),
    # Other marks
    "entities": (f"a &lt;imgen&gt;{PAYLOAD}&lt;/imgen&gt;", [Text("a "), slot()]),
    "entities in words": ("a &lt;imgen&gt; b", [Text("a &lt;imgen&gt; b")]),
    "attributes": ('<imgen source="search" description="t" query="q"/>', [slot()]),
    "half a tag with attributes": (f"<imgen a {TAG}", [Text("<imgen a "), slot()]),
    "tool call": (
        '<tool_call>\n{"name": "search", "arguments": {"description": "t", "query": "q"}}\n</tool_call>',
        [slot()],
    ),
    "thinking": (f"<Thinking>{TAG}</thinking>\n{TAG}", [Text("\n"), slot()]),
    "thinking in words": ("a <thinking> b", [Text("a <thinking> b")]),
    "[THINK]": (f"[THINK]{TAG}[/THINK]# T", [Text("# T")]),
    "◁think▷": (f"◁think▷{TAG}◁/think▷# T", [Text("# T")]),
    "lone </thinking>": (f"a {TAG}</thinking>\n# T", [Text("\n# T")]),
    "channels": (
        f"<|channel|>analysis<|message|>a {TAG}<|end|><|start|>assistant<|channel|>final<|message|># T<|return|>",
        [Text("# T")],
    ),
    "inline code after CJK": (f"标签`{TAG}`", [Text(f"标签`{TAG}`")]),
}


@pytest.mark.parametrize(("text", "blocks"), OUTCOMES.values(), ids=OUTCOMES)
def test_every_arrangement_has_one_outcome(text: str, blocks: list[Block]) -> None:
    draft = parse(text, KINDS)
    assert list(draft.blocks) == blocks
    assert parse(format_draft(draft), KINDS) == draft


SPANS = {
    "a tag": TAG,
    "other spellings": f"< imgen >{PAYLOAD}</IMGEN>",
    "a tag of attributes": '<imgen source="search" description="t" query="q"/>',
    "attributes that say nothing": f'<imgen id="1">{PAYLOAD}</imgen>',
    "entities": f"&lt;imgen&gt;{PAYLOAD}&lt;/imgen&gt;",
    "a call": f'<tool_call>{{"name": "imgen", "arguments": {PAYLOAD}}}</tool_call>',
    "a fence that holds an object": f"```json\n{PAYLOAD}\n```",
    "a fence in the tag": f"<imgen>```json\n{PAYLOAD}\n```</imgen>",
    "no closing tag": f"<imgen>{PAYLOAD}",
    "a bad one": "<imgen>{}</imgen>",
}


@pytest.mark.parametrize("written", SPANS.values(), ids=SPANS)
@pytest.mark.parametrize(
    "before", ["", "<think>é</think>\n# T\n", "hm\n</think>\n", "```md\n# T\n\n"]
)
def test_a_slot_knows_where_it_stands_in_all_that_was_fed(written: str, before: str) -> None:
    (found,) = parse(f"{before}{written}\nafter", KINDS).slots
    assert found.span == (len(before), len(before) + len(written))


def test_the_slots_in_a_fence_are_where_their_tags_are() -> None:
    draft = parse(f"~~~\n{TAG}\n{TAG}\n~~~\n", KINDS)
    assert [each.span for each in draft.slots] == [
        (4, 4 + len(TAG)),
        (5 + len(TAG), 5 + 2 * len(TAG)),
    ]


def test_the_slot_of_a_repair_without_a_tag_knows_its_place() -> None:
    found = slot_in(f"Here: {PAYLOAD}.", KINDS)
    assert found is not None
    assert found.span == (6, 6 + len(PAYLOAD))


def test_an_unclosed_payload_that_cannot_be_read_is_bad_whole() -> None:
    draft = parse(f'<imgen>{{"source": "search", "params": {{"query": "cut{TAG}', KINDS)
    first, second = draft.slots
    assert isinstance(first, BadSlot)
    assert first.raw == '<imgen>{"source": "search", "params": {"query": "cut'
    assert first.reason.startswith(UNCLOSED)
    assert second == slot(1)


def test_the_strict_reader_wants_the_closing_tag() -> None:
    draft = parse(f"<imgen>{PAYLOAD}\n{TAG}", KINDS, reader="strict")
    assert draft.blocks == (bad(f"<imgen>{PAYLOAD}\n"), slot(1))


NAMED = ("</imgen>", "<imgen>", "<imgen>x</imgen>", "</IMGEN>", "a</imgen>b</imgen>c<imgen>")


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    "written",
    [
        '<imgen>{"source": "code", "description": "", "params": {"code": "x = \'NAME\'"}}</imgen>',
        "<imgen>{'source': 'code', 'description': '', 'params': {'code': 'x = \\'NAME\\''}}</imgen>",
        '<imgen>\n```json\n{"source": "code", "description": "", "params": {"code": "x = \'NAME\'"}}\n```\n</imgen>',
        '<tool_call>{"name": "code", "arguments": {"code": "x = \'NAME\'"}}</tool_call>',
    ],
)
def test_a_tag_named_in_a_string_is_part_of_it(name: str, written: str) -> None:
    text = f"# T\n{written.replace('NAME', name)}\nIt's {TAG}."
    draft = parse(text, KINDS)
    code = Slot(0, "code", "", {"code": f"x = '{name}'"})
    assert draft.blocks == (Text("# T\n"), code, Text("\nIt's "), slot(1), Text("."))
    assert parse(format_draft(draft), KINDS) == draft
    stream = DraftReader(KINDS)
    assert joined([*(b for c in text for b in stream.feed(c)), *stream.close()]) == draft.blocks


@pytest.mark.parametrize("end", ["</imgen>", ""])
def test_a_string_cut_by_its_tag_takes_no_prose_along(end: str) -> None:
    cut = f'<imgen>{{"source": "search", "description": "t{end}'
    draft = parse(f'{cut}\nIt "is" so.\n{TAG}\nMore: {TAG}', KINDS)
    kinds = [type(block) for block in draft.blocks]
    assert kinds == [BadSlot, *([Text] if end else []), Slot, Text, Slot]


def test_the_strict_reader_ends_a_slot_at_the_first_closing_tag_even_in_a_string() -> None:
    text = (
        '<imgen>{"source": "search", "description": "</imgen>", "params": {"query": "q"}}</imgen>'
    )
    draft = parse(text, KINDS, reader="strict")
    assert [type(block) for block in draft.blocks] == [BadSlot, Text]


def test_slots_are_numbered_with_the_bad_ones_and_text_is_the_prose() -> None:
    draft = parse(f"a <imgen>{{}}</imgen>b {TAG}c", KINDS)
    assert [each.index for each in draft.slots] == [0, 1]
    assert draft.text == "a b c"


@pytest.mark.parametrize("dialect", ["json", "python"])
def test_names_of_tags_in_a_slot_survive_the_wire(dialect: str) -> None:
    words = "<imgen> </imgen> <think> </think> ` ``` ~~~ \\<imgen> \\ ' \" \n é \x00 \u2028"
    draft = Draft((Slot(0, "diffusion", words, {"prompt": words}),))
    written = format_draft(draft, dialect=dialect)  # type: ignore[arg-type]
    assert written.count("<imgen>") == written.count("</imgen>") == 1
    for reader in ("strict", "lenient"):
        assert parse(written, KINDS, dialect=dialect, reader=reader) == draft  # type: ignore[arg-type]


def test_a_slot_comes_the_moment_its_tag_closes_and_prose_before_it() -> None:
    reader = DraftReader(KINDS)
    assert reader.feed("# T\na ") == [Text("# T\na ")]
    assert reader.feed("<im") == []
    assert reader.feed(f"gen>{PAYLOAD}</imgen") == []
    assert reader.feed(">") == [slot()]
    assert reader.feed("<") == []
    assert reader.close() == [Text("<")]


def test_nothing_is_sent_before_it_is_known_to_be_no_reasoning() -> None:
    reader = DraftReader(KINDS)
    assert reader.feed(f"Maybe {TAG} or") == []
    assert reader.feed(".\n</think>\n") == []
    assert reader.feed(f"a {TAG}") == [Text("\n"), Text("a "), slot()]


def test_what_was_sent_and_turns_out_to_be_reasoning_is_taken_back() -> None:
    reader = DraftReader(KINDS)
    assert reader.feed(f"# Plan\n{TAG}") == [Text("# Plan\n"), slot()]
    assert reader.feed("\n</think>\n\n# T") == [Void(), Text("\n\n"), Text("# T")]
    assert reader.feed(TAG) == [slot()]


@pytest.mark.parametrize(
    "answer",
    [
        f"```json\n{TAG}\n```",
        f"```json\n{PAYLOAD}\n```",
        f"Here it is:\n\n{PAYLOAD}\n\nShall I go on?",
        f"`{TAG}`",
        f"The query {{was}} vague.\n</think>\n{TAG}",
        f"I mend the `<imgen>`:\n```\n{TAG}\n```",
    ],
)
def test_the_answer_to_a_repair_is_found(answer: str) -> None:
    assert slot_in(answer, KINDS) == slot()


def test_words_are_no_answer_to_a_repair() -> None:
    assert slot_in("SKIP", KINDS) is None
    assert slot_in("{" * 50_000, KINDS) is None


def test_an_unknown_dialect_or_reader_is_named() -> None:
    with pytest.raises(ValueError, match="unknown dialect 'yaml'; choose json or python"):
        parse("", KINDS, dialect="yaml")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown reader 'kind'; choose strict or lenient"):
        DraftReader(KINDS, reader="kind")  # type: ignore[arg-type]
