"""What holds for any text at all, most of all for nasty ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import (
    Block,
    Dialect,
    Draft,
    DraftReader,
    Slot,
    Span,
    Strictness,
    Text,
    Void,
    blocks_of,
    format as format_draft,
    is_valid_payload,
    joined,
    parse,
)
from llmi_agent.draft.scanner import Scanner

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
GOOD = '{"source": "search", "description": "t", "params": {"query": "q"}}'
CODE = "{'source': 'code', 'description': 'd', 'params': {'code': 'a['x']'}}"
EDIT = "{'source': 'edit', 'description': 'd', 'params': {'img_index': 2, 'prompt': 'p'}}"
TOKENS = (
    *("<imgen>", "</imgen>", "<think>", "</think>", "<", "</", "<im", "gen>", "<th", "ink>", ">"),
    *(
        "`",
        "``",
        "```",
        "````",
        "~~~",
        "~",
        "\n",
        "\n```",
        "\n```\n",
        "\n\n",
        "\r\n",
        "> ",
        " ",
        "\t",
    ),
    *(GOOD, GOOD[:-1], GOOD[:40], CODE, EDIT, "{", "}", '"', "'", "“", "\\", "a", "x`", "é", "1"),
    *(f"<imgen>{payload}</imgen>" for payload in (GOOD, GOOD[:-1], CODE, EDIT, "x")),
)
HABITS = (
    *(
        "<IMGEN>",
        "</ imgen >",
        "<imgen id='1'>",
        "<imgen ",
        "/>",
        "&lt;imgen&gt;",
        "&lt;/imgen&gt;",
        "&lt;im",
    ),
    *(
        "<tool_call>",
        "</tool_call>",
        "<thinking>",
        "</thinking>",
        "[THINK]",
        "[/THINK]",
        "◁think▷",
        "◁/think▷",
    ),
    *(
        "[TOOL_CALLS]",
        "<|tool_call_begin|>",
        "<|tool_call_end|>",
        "<function=",
        "</function>",
        "<|call|>",
    ),
    *(
        "search",
        "<parameter=query>",
        "</parameter>",
        "\n<function_calls>",
        "<|channel|>commentary to=",
    ),
    *("<|channel|>analysis<|message|>", "<|end|>", "<|channel|>final<|message|>", "<|"),
    *("\n```markdown\n", "```md\n", "\n```json\n", "\n# T\n", "# ", "\n</think>\n", "imgen"),
    *(
        f"```\n<imgen>{GOOD}</imgen>\n```\n",
        f"\n~~~json\n{GOOD}\n~~~\n",
        '<imgen source="search" query="q"/>',
        f"<imgen>{GOOD[:-4]}</imgen>",
        f"<imgen>{GOOD.replace('q', '<imgen>')}</imgen>",
    ),
)
PLAIN = st.one_of(
    st.lists(st.sampled_from((*TOKENS, *HABITS)), max_size=20).map("".join),
    st.lists(st.sampled_from(HABITS) | st.sampled_from(["\n", "```", "a", GOOD]), max_size=15).map(
        "".join
    ),
    st.lists(st.sampled_from(TOKENS), max_size=25).map("".join),
    st.lists(st.sampled_from(TOKENS) | st.text(max_size=4), max_size=12).map("".join),
    st.text(),
)
WRAPPERS = ("{}", "<think>a</think>\n {}\n", "```json\n{}\n```", "{}x", "{}\n</think>\n# T")
NASTY = PLAIN | st.builds(
    lambda text, name, wrapper, ascii_only: wrapper.format(
        json.dumps({"title": "T", name: text}, ensure_ascii=ascii_only)
    ),
    PLAIN,
    st.sampled_from(["content", "document", "summary", "title"]),
    st.sampled_from(WRAPPERS),
    st.booleans(),
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda s: s.strip())
TITLES = st.lists(st.sampled_from(TOKENS) | WORDS, max_size=6).map("".join)
PROSE = st.text(st.characters(exclude_characters="<`~", exclude_categories=["Cs"]), min_size=1)
DIALECTS = st.sampled_from(get_args(Dialect))
READERS = st.sampled_from(get_args(Strictness))
INPUTS = st.integers(0, 2)

FEW = settings(max_examples=300, deadline=None)


def spans(blocks: tuple[Block, ...]) -> list[tuple[Span, ...]]:
    return [block.spans if isinstance(block, Text) else (block.span,) for block in blocks]


@FEW
@given(NASTY, DIALECTS, READERS, INPUTS, st.data())
def test_any_chunking_reads_like_the_whole(
    text: str, dialect: Dialect, reader: Strictness, inputs: int, data: st.DataObject
) -> None:
    whole = parse(text, KINDS, inputs=inputs, dialect=dialect, reader=reader)
    stream = DraftReader(KINDS, inputs=inputs, dialect=dialect, reader=reader)
    blocks: list[Block | Void] = []
    start = 0
    while start < len(text):
        size = data.draw(st.integers(1, 9))
        blocks += stream.feed(text[start : start + size])
        start += size
    blocks += stream.close()
    assert joined(blocks) == whole.blocks
    assert spans(joined(blocks)) == spans(whole.blocks)
    assert all(block.text for block in blocks if isinstance(block, Text))
    assert stream.wrapper == whole.wrapper


@FEW
@given(NASTY, DIALECTS, READERS, INPUTS)
def test_spans_lie_in_order_and_hold_what_was_read(
    text: str, dialect: Dialect, reader: Strictness, inputs: int
) -> None:
    draft = parse(text, KINDS, inputs=inputs, dialect=dialect, reader=reader)
    position = 0
    for start, end in (span for each in spans(draft.blocks) for span in each):
        assert position <= start <= end <= len(text)
        position = end
    for block in draft.blocks if draft.wrapper is None else ():
        if isinstance(block, Text):
            assert block.text == "".join(text[start:end] or " " for start, end in block.spans)
        else:
            start, end = block.span
            assert start < end
            assert isinstance(block, Slot) or text[start:end] == block.raw


@FEW
@given(NASTY, DIALECTS, READERS, INPUTS)
def test_the_blocks_are_made_again_of_the_slots_and_the_places_of_the_texts(
    text: str, dialect: Dialect, reader: Strictness, inputs: int
) -> None:
    draft = parse(text, KINDS, inputs=inputs, dialect=dialect, reader=reader)
    again = blocks_of(text, draft.slots, draft.text_spans, draft.wrapper)
    assert again == draft.blocks
    assert spans(again) == spans(draft.blocks)


@FEW
@given(NASTY, DIALECTS, READERS, INPUTS)
def test_what_was_parsed_survives_the_wire(
    text: str, dialect: Dialect, reader: Strictness, inputs: int
) -> None:
    draft = parse(text, KINDS, inputs=inputs, dialect=dialect, reader=reader)
    written = format_draft(draft, dialect=dialect)
    again = parse(written, KINDS, inputs=inputs, dialect=dialect, reader=reader)
    assert again == draft
    assert format_draft(again, dialect=dialect) == written
    assert [slot.index for slot in draft.slots] == list(range(len(draft.slots)))


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    blocks: list[Block] = []
    for index in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            blocks.append(Text(draw(PROSE)))
        kind, key = draw(st.sampled_from([("search", "query"), ("code", "code")]))
        blocks.append(Slot(index, kind, draw(TITLES), {key: draw(WORDS) + draw(TITLES)}))
    return Draft(tuple(blocks))


@FEW
@given(drafts(), DIALECTS, READERS)
def test_drafts_made_by_hand_survive_the_wire(
    draft: Draft, dialect: Dialect, reader: Strictness
) -> None:
    assert (
        parse(format_draft(draft, dialect=dialect), KINDS, dialect=dialect, reader=reader) == draft
    )


@FEW
@given(
    NASTY
    | st.lists(st.sampled_from(["{", "}", "[", ":", ",", "'", '"', GOOD, "1", "-"])).map("".join)
)
def test_no_payload_raises(payload: str) -> None:
    for dialect in get_args(Dialect):
        assert is_valid_payload(payload, KINDS, slots=1, inputs=0, dialect=dialect) in (True, False)
        parse(f"<imgen>{payload}</imgen>", KINDS, dialect=dialect)


def whole(text: str) -> None:
    parse(text, KINDS)


def by_one(text: str) -> None:
    reader = DraftReader(KINDS)
    for character in text:
        reader.feed(character)
    reader.close()


def seconds(read: Callable[[str], None], text: str) -> float:
    """What this thread works for it, however busy the machine is."""
    start = time.thread_time()
    read(text)
    return time.thread_time() - start


def is_linear(read: Callable[[str], None], write: Callable[[int], str], size: int) -> bool:
    """Whether four times the text takes less than ten times as long (quadratic: 16), or next to nothing.

    Copying 80,000 characters once for each of them would take far longer than 10 ms.
    """
    large, small = seconds(read, write(4 * size)), write(size)
    return large < 0.01 or large / min(seconds(read, small) for _ in range(3)) < 10


LARGE: dict[str, Callable[[int], str]] = {
    "prose": lambda n: "some words, a `name` and more.\n" * (n // 31),
    "openers": lambda n: "<imgen>" * (n // 7),
    "mentions": lambda n: "<imgen>a<think>b</think>" * (n // 24),
    "broken payloads": lambda n: '<imgen>{"a' * (n // 10),
    "backticks of all lengths": lambda n: " ".join("`" * i for i in range(int((2 * n) ** 0.5))),
    "a line of backticks": lambda n: "`" * n,
    "a think never closed": lambda n: "<think>" + "a <" * (n // 3),
    "half tags": lambda n: "<im<think></think>" * (n // 18),
    "a giant slot": lambda n: "<imgen>" + "a" * n,
    "a giant literal": lambda n: "<imgen>{" + "'a' " * (n // 4) + "</imgen>",
    "fences that open and close": lambda n: "```markdown\n# a\n" + "```\n" * (n // 4),
    "half fences of slots": lambda n: "```json\n<imgen>\n" * (n // 16),
    "half attributes": lambda n: "<imgen a" * (n // 8),
    "half spellings": lambda n: "&lt;imgen&gt; < imgen [TH" * (n // 24),
    "closings of thoughts": lambda n: "# a\n" + "</think>\n" * (n // 9),
    "tags in strings that never end": lambda n: "<imgen>{'a<imgen>{\"b</imgen>" * (n // 25),
    "calls without an end": lambda n: "\n<function=a><parameter=b>c" * (n // 27),
    "a call of many parameters": lambda n: "\n<invoke name='a'>" + "<parameter=b>c" * (n // 14),
    "json to the end": lambda n: '{"content": "' + "\\\\n<imgen>" * (n // 9) + '"}',
    "objects without tags": lambda n: '```json\n{"source": "x"}\n```\n' * (n // 28),
    "blank lines in a fence": lambda n: "```\n" + " \n" * (n // 2),
}


@pytest.mark.parametrize("write", LARGE.values(), ids=LARGE)
def test_time_is_linear(write: Callable[[int], str]) -> None:
    # A machine that was disturbed gets a second and a third try.
    assert any(is_linear(whole, write, 20_000) for _ in range(3))
    assert any(is_linear(by_one, write, 5_000) for _ in range(3))


def test_the_scanner_touches_each_character_few_times() -> None:
    """Counted, not timed: what the callbacks get is no longer than the text, but for one space a tag."""
    text = "".join(TOKENS) * 200
    seen = 0

    def count(piece: str, start: int = 0, end: int = 0) -> None:
        nonlocal seen
        seen += len(piece)

    def take(opener: str, content: str, closer: str, start: int) -> int:
        count(content)
        return len(content)

    scanner = Scanner(count, take)
    for character in text:
        scanner.feed(character)
    scanner.close()
    assert seen <= len(text)
