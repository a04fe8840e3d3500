"""Answers in the shapes of real models' outputs, whole and cut at every position."""

from __future__ import annotations

import json

import pytest

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import BadSlot, DraftReader, Slot, Text, Void, is_empty, joined, parse

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
PAYLOAD = '{"source": "search", "description": "t", "params": {"query": "q"}}'
TAG = f"<imgen>{PAYLOAD}</imgen>"
DOCUMENT = f"# Tides\n\nThe moon pulls.\n\n{TAG}\n\nThe end."
SLOTS = {
    "fence called markdown": f"```markdown\n{DOCUMENT}\n```",
    "fence after a greeting": f"Sure! Here is your illustrated report:\n\n```md\n{DOCUMENT}\n```",
    "fence without a name": f"```\n{DOCUMENT}\n```\n",
    "fence with a fence inside": f"```markdown\n{DOCUMENT}\n\n```python\nx = 1\n```\n```",
    "tag in capitals": DOCUMENT.replace("<imgen>", "<IMGEN>").replace("</imgen>", "</IMGEN>"),
    "tag with blanks": DOCUMENT.replace("<imgen>", "< imgen >"),
    "tag with attributes": DOCUMENT.replace("<imgen>", '<imgen id="1">'),
    "entities": DOCUMENT.replace("<imgen>", "&lt;imgen&gt;").replace("</imgen>", "&lt;/imgen&gt;"),
    "slot in a fence": DOCUMENT.replace(TAG, f"```json\n{TAG}\n```"),
    "object in a fence": DOCUMENT.replace(TAG, f"```json\n{PAYLOAD}\n```"),
    "slot in a fence called xml": DOCUMENT.replace(TAG, f"```xml\n{TAG}\n```"),
    "fence inside of the tag": DOCUMENT.replace(PAYLOAD, f"\n```json\n{PAYLOAD}\n```\n"),
    "payload without closing tag": DOCUMENT.replace("</imgen>", ""),
    "trailing comma": DOCUMENT.replace('"q"}}', '"q",},}'),
    "single quotes": DOCUMENT.replace(PAYLOAD, PAYLOAD.replace('"', "'")),
    "arguments of a call": DOCUMENT.replace(
        TAG, f'<tool_call>\n{{"name": "imgen", "arguments": {PAYLOAD}}}\n</tool_call>'
    ),
    "deepseek-r1": f"<think>\nOkay, the user wants tides. Maybe {TAG}?\n</think>\n\n{DOCUMENT}",
    "deepseek-r1, opener in the prompt": f"Okay, so I need tides. {TAG}\n</think>\n\n{DOCUMENT}",
    "qwen3, empty think": f"<think>\n\n</think>\n\n{DOCUMENT}",
    "claude-like thinking": f"<thinking>Let me plan.\n{TAG}</thinking>\n\n{DOCUMENT}",
    "magistral": f"[THINK]The user asks. {TAG}[/THINK]{DOCUMENT}",
    "kimi": f"◁think▷Hmm. {TAG}◁/think▷{DOCUMENT}",
    "gpt-oss": "<|channel|>analysis<|message|>We need tides.<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{DOCUMENT}<|return|>",
    "gpt-oss, marks lost": f"analysisWe need tides. {TAG}assistantfinal{DOCUMENT}",
    "gemma 4": f"<|channel>thought\nHmm. {TAG}<channel|>{DOCUMENT}",
    "glm, boxed": f"<think>{TAG}</think><|begin_of_box|>{DOCUMENT}<|end_of_box|>",
    "marks of the end": f"{DOCUMENT}<|im_end|><｜end▁of▁sentence｜><|endoftext|>",  # noqa: RUF001 - the bars meant
    "two thinks": f"<think>a</think>\n<think>b {TAG}</think>\n{DOCUMENT}",
    "reasoning inside of the fence": f"```markdown\n<think>hm</think>\n<think>\na {TAG}\n</think>\n{DOCUMENT}\n```",
    "reasoning with headings": f"# Plan\n- {TAG}\n\n</think>\n\n{DOCUMENT}",
    "json": json.dumps({"title": "Tides", "content": DOCUMENT}),
    "json without a heading": json.dumps({"title": "Tides", "body": DOCUMENT[9:]}, indent=2),
    "json in a fence": f"```json\n{json.dumps({'document': DOCUMENT}, ensure_ascii=False)}\n```",
    "json after reasoning": f"<think>{TAG}</think>\n\n{json.dumps({'role': 'assistant', 'content': DOCUMENT})}",
    "windows line ends": DOCUMENT.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", SLOTS.values(), ids=SLOTS)
def test_the_one_slot_is_found_and_nothing_else_is_on_the_page(text: str) -> None:
    draft = parse(text, KINDS)
    assert draft.slots == (Slot(0, "search", "t", {"query": "q"}),)
    assert "# Tides" in draft.text
    assert "The end." in draft.text
    for left in ("imgen", '"source"', "think", "Okay", "analysis", "channel", "tool_call", "Plan"):
        assert left not in draft.text


@pytest.mark.parametrize("text", SLOTS.values(), ids=SLOTS)
def test_it_reads_the_same_cut_at_every_position(text: str) -> None:
    whole = parse(text, KINDS).blocks
    for cut in range(1, len(text)):
        reader = DraftReader(KINDS)
        assert (
            joined([*reader.feed(text[:cut]), *reader.feed(text[cut:]), *reader.close()]) == whole
        )
    reader = DraftReader(KINDS)
    assert joined([*(b for c in text for b in reader.feed(c)), *reader.close()]) == whole


@pytest.mark.parametrize(
    "text", ["analysis", "analys", "analysis of tides", "analysIs", "Analysis", "", "a"]
)
def test_a_text_that_only_begins_like_a_channel_is_prose(text: str) -> None:
    assert parse(text, KINDS).text == text
    reader = DraftReader(KINDS)
    assert joined([*(b for c in text for b in reader.feed(c)), *reader.close()]) == (
        (Text(text),) if text else ()
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"title": "Tides", "sections": [DOCUMENT]},
        {"content": DOCUMENT, "summary": "Short."},
        {"content": DOCUMENT, "text": "Other."},
        {"content": ""},
        {"content": json.dumps({"content": DOCUMENT})},
        {"content": "\ud800"},
        {"heading": "Tides"},
        [DOCUMENT],
    ],
)
def test_json_that_says_more_than_one_text_stays_as_it_is(answer: object) -> None:
    text = json.dumps(answer)
    draft = parse(text, KINDS)
    assert draft.wrapper is None
    if not draft.slots:
        assert draft.text == text


def test_a_slot_in_json_stands_where_its_tag_does_in_the_json() -> None:
    text = json.dumps({"title": "Über", "content": f"é 🌊\n{TAG}\n"})
    (found,) = parse(text, KINDS).slots
    start, end = found.span
    assert json.loads(f'"{text[start:end]}"') == TAG


def test_a_document_without_a_heading_is_held_for_two_thousand_characters() -> None:
    reader = DraftReader(KINDS)
    assert reader.feed("The moon pulls. " * 100 + TAG) == []
    got = reader.feed("The sun helps. " * 60)
    assert any(isinstance(block, Slot) for block in got)
    assert any(isinstance(block, Slot) for block in reader.feed(TAG))


def test_a_text_that_thinks_aloud_is_held_until_it_is_known() -> None:
    reader = DraftReader(KINDS)
    assert reader.feed("Okay, the user wants tides. " * 300 + TAG) == []
    assert not any(isinstance(block, Slot | BadSlot) for block in reader.feed("\n</think>\n\n# T"))


def test_what_was_sent_of_a_text_without_a_heading_is_void_only_if_more_follows() -> None:
    text = "The moon pulls. " * 200 + TAG + "\n</think>\n"
    for more in ("", "Tides."):
        whole = parse(text + more, KINDS).blocks
        reader = DraftReader(KINDS)
        blocks = [*(b for c in text + more for b in reader.feed(c)), *reader.close()]
        assert joined(blocks) == whole
        assert (Void() in blocks) is bool(more)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("", True),
        (" \n\u200b\ufeff", True),
        ("<think>I wonder.</think>\n", True),
        ("<think>cut in the middle", True),
        ("[THINK]hm[/THINK]\u200b", True),
        ("<think>I wonder.</think>A word.", False),
        ('<think>I wonder.</think><imgen>{"source": "x"}</imgen>', False),
        ("To `<think>` is a tag.", False),
        ("A word.", False),
    ],
)
def test_reasoning_alone_leaves_nothing_to_read(text: str, empty: bool) -> None:
    assert is_empty(text) is empty
