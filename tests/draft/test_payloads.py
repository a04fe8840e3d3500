"""What each reader takes as the payload of a slot, and what it says of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.draft import (
    MAX_PAYLOAD,
    BadSlot,
    Dialect,
    DraftReader,
    Kinds,
    Slot,
    Text,
    format as format_draft,
    is_valid_payload,
    parse,
)

KINDS: Kinds = {name: kind.params for name, kind in WELL_KNOWN.items()}
PARITY = Path(__file__).parents[1] / "data" / "llmi_reward_parity.jsonl"
DEEP = "[" * 100_000


def read(payload: str, kinds: Kinds = KINDS, **options: Any) -> Slot | BadSlot:
    (only,) = parse(f"<imgen>{payload}</imgen>", kinds, **options).slots
    return only


def reason(payload: str, **options: Any) -> str:
    answer = read(payload, **options)
    assert isinstance(answer, BadSlot)
    assert answer.raw == f"<imgen>{payload}</imgen>"
    return answer.reason


def edit(img_index: Any, dialect: Dialect = "json") -> str:
    data = {"source": "edit", "description": "d", "params": {"img_index": img_index, "prompt": "p"}}
    return json.dumps(data) if dialect == "json" else repr(data)


def test_validity_equals_the_published_reward_code() -> None:
    every = [json.loads(line) for line in PARITY.read_text(encoding="utf-8").splitlines()]
    cases = [each for each in every if each["case"] == "validity"]
    assert len(cases) == 160
    for case in cases:
        valid = is_valid_payload(
            case["payload"], KINDS, slots=case["slots"], inputs=case["inputs"], dialect="python"
        )
        assert valid == case["valid"], case


JSON = '{"source": "search", "description": "t", "params": {"query": "q"}}'
LITERAL = "{'source': 'search', 'description': 't', 'params': {'query': 'q'}}"
LENIENT = {
    "canonical": JSON,
    "python literal": LITERAL,
    "fence": f"\n```json\n{JSON}\n```\n",
    "fence in one line": f"```{LITERAL}```",
    "smart quotes": JSON.replace('"', "“"),
    "smart pairs": "{“source”: ‘search’, “description”: „t“, “params”: {“query”: “q”}}",  # noqa: RUF001
    "trailing commas": JSON.replace("}}", ",},}"),
    "missing braces": JSON[:-2],
    "missing brace after a comma": JSON[:-1] + ",",
    "kind in other case": JSON.replace("search", " SEARCH"),
    "mixed quotes": JSON.replace('"source"', "'source'"),
    "a key twice, the last counts": JSON.replace(
        '"description": "t"', '"description": "s", "description": "t"'
    ),
}


@pytest.mark.parametrize("dialect", ["json", "python"])
@pytest.mark.parametrize("payload", LENIENT.values(), ids=LENIENT)
def test_the_lenient_reader_takes_what_models_write(payload: str, dialect: Dialect) -> None:
    assert read(payload, dialect=dialect) == Slot(0, "search", "t", {"query": "q"})


@pytest.mark.parametrize("name", sorted(LENIENT.keys() - {"canonical"}))
def test_strict_json_takes_only_clean_json(name: str) -> None:
    assert isinstance(read(LENIENT[name], reader="strict"), BadSlot)


@pytest.mark.parametrize(
    ("written", "query"),
    [
        ('"a\nb\tc"', "a\nb\tc"),
        (r'"a\nb\u00e9\ud83d\ude00\"\/"' + ",", 'a\nbé😀"/'),
        (r"'it\'s \x41 \U0001F600'" + ",\n", "it's A 😀"),
        (r'"$\alpha$"' + ",\n\n", "$\\alpha$"),
        ('"$\\alpha$\n"', "$\\alpha$\n"),
        ("“it’s “quoted” here”", "it’s “quoted” here"),  # noqa: RUF001
    ],
)
def test_strings_keep_their_meaning(written: str, query: str) -> None:
    slot = read(JSON.replace('"q"', written))
    assert isinstance(slot, Slot)
    assert slot.params == {"query": query}


def test_code_in_the_published_spelling_may_hold_open_quotes() -> None:
    code = "plt.title('it's')\nprint('a\\n')"
    payload = f"{{'source': 'code', 'description': 'd', 'params': {{'code': '{code}'}}}}"
    slot = Slot(0, "code", "d", {"code": code})
    assert read(payload) == slot
    assert read(payload, dialect="python", reader="strict") == slot
    assert isinstance(read(payload, reader="strict"), BadSlot)


@pytest.mark.parametrize(
    ("payload", "reader", "part"),
    [
        ("not json", "lenient", 'write {"source": ..., "description": ..., "params": {...}}'),
        ("[1]", "strict", "it is no object"),
        (
            '{"source": "search"}',
            "lenient",
            "the keys are 'source'; they must be exactly source, d",
        ),
        (
            JSON.replace("search", "video"),
            "lenient",
            "unknown kind 'video'; kinds are code, diffusion",
        ),
        (JSON.replace("search", "Search"), "strict", "unknown kind 'Search'"),
        (JSON.replace('"search"', "[1]"), "lenient", "unknown kind a list"),
        (JSON.replace('"t"', "7"), "lenient", "description is 7; it must be a string"),
        (JSON.replace('"t"', r'"\ud800"'), "strict", "description is '\\ud800'"),
        (JSON.replace('{"query": "q"}', '"q"'), "lenient", "params is 'q'; it must be an object"),
        (JSON.replace('"q"', '""'), "lenient", "params of kind 'search': query: "),
        (JSON.replace('"q"', r'"\ud800"'), "lenient", "params of kind 'search': "),
        (JSON.replace('"q"', '"q", "k": 1'), "lenient", "k: Extra inputs are not permitted"),
        (JSON.replace('"q"', "NaN"), "strict", "NaN is not JSON"),
        (JSON.replace('"q"', "1e999"), "strict", "the keys it takes: query"),
        (JSON.replace('"t"', '"s", "description": "t"'), "strict", "a key is there twice"),
        (JSON[:-4], "lenient", "Unterminated string"),
        (DEEP, "lenient", "the payload cannot be read (nested too deeply)"),
        ('{"a": ' * 30_000, "lenient", "the payload cannot be read (nested too deeply)"),
        (JSON.replace('"q"', "9" * 5000), "strict", "the payload cannot be read"),
        (JSON.replace('"q"', "9" * 5000), "lenient", "the keys it takes: query"),
        ("x" * (MAX_PAYLOAD + 1), "lenient", "200001 characters are too many"),
    ],
)
def test_a_bad_slot_says_why(payload: str, reader: str, part: str) -> None:
    assert part in reason(payload, reader=reader)


@pytest.mark.parametrize(
    "payload",
    ["-" * 100_000 + "1", "1+" * 90_000 + "1", "a" + "()" * 90_000, "{[]: 1}", "{x}", "\x00", DEEP],
)
def test_hazards_of_python_literals_are_reasons_that_do_not_vary(payload: str) -> None:
    first, second = (reason(payload, dialect="python", reader="strict") for _ in range(2))
    assert first == second


def test_a_canonical_form_that_would_be_too_long_is_refused() -> None:
    control = "\x01" * 50_000
    assert "in canonical form" in reason(JSON.replace('"q"', f'"q{control}"'))


def test_an_edit_names_an_input_or_an_earlier_slot_in_strict_json() -> None:
    text = "".join(f"<imgen>{edit(i)}</imgen>" for i in (0, 1, 1, 3))
    kinds = [type(each) for each in parse(text, KINDS, reader="strict").slots]
    assert kinds == [BadSlot, BadSlot, Slot, BadSlot]
    with_input = parse(text, KINDS, inputs=1, reader="strict").slots
    assert [type(each) for each in with_input] == [Slot, Slot, Slot, Slot]
    assert "it may name: from 0 to 1" in reason(edit(2), inputs=2, reader="strict")


def test_an_edit_names_any_slot_in_strict_python() -> None:
    text = "".join(f"<imgen>{edit(i, 'python')}</imgen>" for i in (1, 0, 2))
    first, second, third = parse(text, KINDS, dialect="python", reader="strict").slots
    assert isinstance(first, Slot)
    assert isinstance(second, Slot)
    assert isinstance(third, Slot)
    assert "from 0 to 0" in reason(edit(1, "python"), dialect="python", reader="strict")


def test_a_forward_edit_in_strict_python_waits_for_its_slot() -> None:
    reader = DraftReader(KINDS, dialect="python", reader="strict")
    assert reader.feed(f"<imgen>{edit(1, 'python')}</imgen>a") == []
    ready = reader.feed(f"<imgen>{edit(5, 'python')}</imgen>")
    assert [type(block) for block in ready] == [Slot, Text]
    assert [type(block) for block in reader.close()] == [BadSlot]


def test_the_lenient_reader_leaves_any_picture_number_to_the_dispatcher() -> None:
    assert isinstance(read(edit(99)), Slot)
    assert isinstance(read(edit(-1)), BadSlot)
    assert isinstance(read(edit(True)), BadSlot)


class Chart(BaseModel):
    model_config = ConfigDict(extra="forbid")
    style: Literal["bar", "line"]
    points: tuple[int, ...] = (1, 2)

    @field_validator("points")
    @classmethod
    def _odd(cls, points: tuple[int, ...]) -> tuple[int, ...]:
        if points == (13,):
            raise RuntimeError("a validator's own trouble")
        return points


def chart(**params: Any) -> str:
    return json.dumps({"source": "Chart", "description": "", "params": params})


def test_a_plugin_s_kind_is_dumped_to_plain_json() -> None:
    kinds = {"Chart": Chart}
    for reader in ("strict", "lenient"):
        slot = read(chart(style="bar"), kinds, reader=reader)
        assert slot == Slot(0, "Chart", "", {"style": "bar", "points": [1, 2]})
    draft = parse(f"<imgen>{chart(style='line', points=[3])}</imgen>", kinds)
    assert parse(format_draft(draft), kinds, reader="strict") == draft


def test_coercion_is_for_the_lenient_reader() -> None:
    payload, kinds = chart(style="bar", points=["3"]), {"Chart": Chart}
    assert isinstance(read(payload, kinds, reader="strict"), BadSlot)
    assert isinstance(read(payload, kinds), Slot)


def test_a_validator_that_crashes_makes_a_bad_slot() -> None:
    answer = read(chart(style="bar", points=[13]), {"Chart": Chart})
    assert isinstance(answer, BadSlot)
    assert "RuntimeError: a validator's own trouble" in answer.reason
