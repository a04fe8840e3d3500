"""Calls of a tool in the dialects of models, as public reports and parsers show them, that ask for a picture."""

# ruff: noqa: RUF001 - the wide bars of DeepSeek's marks are meant
from __future__ import annotations

import pytest

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import BadSlot, DraftReader, Slot, format as format_draft, joined, parse

KINDS = {name: kind.params for name, kind in WELL_KNOWN.items()}
ARGUMENTS = '{"query": "q", "description": "t"}'
CALL = f'{{"name": "search", "arguments": {ARGUMENTS}}}'
PARAMETERS = "<parameter{0}query{1}>q</parameter>\n<parameter{0}description{1}>t</parameter>"
INVOKE = f'<invoke name="search">\n{PARAMETERS.format(" name=" + chr(34), chr(34))}\n</invoke>'
DSML = INVOKE.replace("</", "</｜DSML｜").replace("<i", "<｜DSML｜i").replace("<p", "<｜DSML｜p")
DIALECTS = {
    "hermes, qwen (ollama/ollama#11621)": f"<tool_call>\n{CALL}\n</tool_call>",
    "qwen3-coder (QwenLM/Qwen3-Coder#480)": "<tool_call>\n<function=search>\n"
    + PARAMETERS.format("=", "").replace(">q<", ">\nq\n<")
    + "\n</function>\n</tool_call>",
    "qwen3-coder without its wrapper": f"<function=search>\n{PARAMETERS.format('=', '')}\n</function>",
    "llama (function tag)": f"<function=search>{ARGUMENTS}</function>",
    "llama (python tag)": f"<|python_tag|>{CALL.replace('arguments', 'parameters')}<|eot_id|>",
    "glm-4.5": "<tool_call>search\n<arg_key>query</arg_key>\n<arg_value>q</arg_value>\n"
    "<arg_key>description</arg_key>\n<arg_value>t</arg_value>\n</tool_call>",
    "hunyuan": "<tool_calls>\n<tool_call>search<tool_sep>\n<arg_key>query</arg_key>\n<arg_value>q</arg_value>\n"
    "<arg_key>description</arg_key>\n<arg_value>t</arg_value>\n</tool_call>\n</tool_calls>",
    "kimi-k2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.search:0<|tool_call_argument_begin|>"
    f"{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>",
    "kimi-k2 on lines": "<|tool_calls_section_begin|>\n<|tool_call_begin|>\nfunctions.search:0"
    f"<|tool_call_argument_begin|>\n{ARGUMENTS}\n<|tool_call_end|>\n<|tool_calls_section_end|>",
    "deepseek-v3 (google/adk-python#5654)": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>search\n"
    f"```json\n{ARGUMENTS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek-v3.1": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>search<｜tool▁sep｜>"
    f"{ARGUMENTS}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek-v3.2 (XNet-NGO/aiope#119)": f"<｜DSML｜function_calls>\n{DSML}\n</｜DSML｜function_calls>",
    "anthropic (openclaw/openclaw#97750)": f"<function_calls>\n{INVOKE}\n</function_calls>",
    "anthropic in a tool_call (openclaw/openclaw#139144)": f"<tool_call>\n{INVOKE}\n</tool_call>",
    "minimax-m2": f"<minimax:tool_call>\n{INVOKE}\n</minimax:tool_call>",
    "gpt-oss (vectorize-io/hindsight#2222)": "<|start|>assistant<|channel|>commentary to=functions.search<|message|>"
    f"{ARGUMENTS}<|call|>",
    "gpt-oss, constrained (sglang)": "<|start|>assistant<|channel|>commentary to=functions.search <|constrain|>json"
    f"<|message|>{ARGUMENTS}<|call|>",
    "cherry studio (xiaoY233/DeepSeek-Free-API#7)": f"<tool_use>\n  <name>search</name>\n  <arguments>{ARGUMENTS}</arguments>\n</tool_use>",
    "lm studio": f"[TOOL_REQUEST]{CALL}[END_TOOL_REQUEST]",
    "granite": f"<|tool_call|>[{CALL}]<|end_of_text|>",
    "mistral": f"[TOOL_CALLS] [{CALL}]</s>",
    "ministral": f"[TOOL_CALLS]search[ARGS]{ARGUMENTS}</s>",
    "lfm2": '<|tool_call_start|>[search(query="q", description="t")]<|tool_call_end|>',
    "gemma 4 (vllm-project/vllm#44522)": '<|tool_call>call:search{query:<|"|>q<|"|>,description:<|"|>t<|"|>}<tool_call|>',
    "a call in a fence": f"```json\n{CALL}\n```",
}


OPEN_ENDED = ("mistral", "ministral", "llama (python tag)", "gpt-oss (vectorize-io/hindsight#2222)")


@pytest.mark.parametrize("name", OPEN_ENDED)
def test_a_call_whose_end_was_stripped_ends_with_its_object(name: str) -> None:
    call = DIALECTS[name]
    for end in ("</s>", "<|eot_id|>", "<|call|>"):
        call = call.removesuffix(end)
    assert call != DIALECTS[name]
    draft = parse(f"# T\n\nBefore.\n\n{call}\n\nAfter.", KINDS)
    assert draft.slots == (Slot(0, "search", "t", {"query": "q"}),)
    assert draft.text.split() == ["#", "T", "Before.", "After."]


def test_two_calls_in_a_section_are_two_slots() -> None:
    draft = parse(f"# T\n\n<function_calls>\n{INVOKE}\n{INVOKE}\n</function_calls>\n", KINDS)
    assert [slot.index for slot in draft.slots if isinstance(slot, Slot)] == [0, 1]
    assert draft.text.split() == ["#", "T"]


def test_arguments_that_have_a_tag_each_hold_code_and_numbers() -> None:
    code = 'if a < b:\n    print("</b>")'
    text = f"# T\n<function=code>\n<parameter=code>\n{code}\n</parameter>\n</function>\n"
    text += "<tool_call>edit\n<arg_key>img_index</arg_key>\n<arg_value>0</arg_value>\n"
    text += "<arg_key>prompt</arg_key>\n<arg_value>12</arg_value>\n</tool_call>\n"
    assert parse(text, KINDS).slots == (
        Slot(0, "code", "", {"code": code}),
        Slot(1, "edit", "", {"img_index": 0, "prompt": "12"}),
    )


def test_a_call_of_another_tool_is_a_bad_slot_and_words_about_calls_are_words() -> None:
    draft = parse(
        '# T\n<tool_call>{"name": "weather", "arguments": {"city": "x"}}</tool_call>', KINDS
    )
    assert [type(slot) for slot in draft.slots] == [BadSlot]
    words = "The <function_calls> tag, `<tool_call>` and [TOOL_CALLS] mark calls; so does <invoke name=x>."
    assert parse(words, KINDS).text == words


@pytest.mark.parametrize("call", DIALECTS.values(), ids=DIALECTS)
def test_a_call_in_a_dialect_is_a_slot_and_leaves_no_trace(call: str) -> None:
    text = f"# T\n\nBefore.\n\n{call}\n\nAfter."
    draft = parse(text, KINDS)
    assert draft.slots == (Slot(0, "search", "t", {"query": "q"}),)
    assert draft.text.split() == ["#", "T", "Before.", "After."]
    assert parse(format_draft(draft), KINDS) == draft
    stream = DraftReader(KINDS)
    assert joined([*(b for c in text for b in stream.feed(c)), *stream.close()]) == draft.blocks
