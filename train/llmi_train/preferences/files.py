"""Examples into files, in TRL's documented forms, for trainers elsewhere; `--examples` reads them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError
from llmi_agent.traces.exchange import lines, tables
from llmi_agent.traces.exchange.form import Form
from llmi_agent.traces.exchange.whole import beside
from llmi_train.preferences.answer import Answer, Ids, Labelled, Message, Pair, T, answers_of
from llmi_train.preferences.rows import MASKED
from llmi_train.prompts.writing import ending_of

_MESSAGES: Form = [{"role": "text", "content": "text"}]
_FORMS: dict[str, Form] = {
    "input_ids": ["whole"],
    "labels": ["whole"],
    "prompt": _MESSAGES,
    "completion": _MESSAGES,
    "chosen": _MESSAGES,
    "rejected": _MESSAGES,
    "label": "bool",
    "reward": "real",
    "chosen_reward": "real",
    "rejected_reward": "real",
}
RETOKENISED = "TRL makes tokens of these messages again: to learn what was sampled, train here"


def write(examples: Sequence[T], out: Path) -> str:
    """Write a file in the form that its ending says; it appears whole or not at all.

    SFT's has ids and labels where they are on record; DPO's and KTO's have messages, since TRL takes nothing else. Returns
    what a person has to know of it, or nothing. Raises InputError if it cannot be written so.
    """
    ending = ending_of(out)
    answers = [answer for each in examples for answer in answers_of(each)]
    sampled = [answer for answer in answers if answer.ids is not None]
    single = isinstance(examples[0], Answer)
    if single and 0 < len(sampled) < len(answers):
        raise InputError(
            f"the ids of {len(sampled):,} of {len(answers):,} answers are on record, and a file holds either ids or messages: "
            "--text takes what was written of all"
        )
    _check(answers, by_ids=single and bool(sampled), ending=ending)
    with beside(out) as new:
        _write(map(row_of, examples), new, ending)
    return RETOKENISED if sampled and not single else ""


def _check(answers: Sequence[Answer], *, by_ids: bool, ending: str) -> None:
    for answer in answers:
        if answer.pictures:
            raise InputError(f"{answer.where} shows pictures, and no file here holds any")
        if not by_ids and not answer.completion:
            raise InputError(f"{answer.where} has ids alone, and TRL takes messages here")
        more = {name for each in (*answer.prompt, answer.completion) for name in each}
        if ending == ".parquet" and not by_ids and (more > {"role", "content"} or answer.template):
            raise InputError(
                f"{answer.where} has more than roles and contents, which a .parquet file has no columns for; name a .jsonl file"
            )


def _write(rows: Iterable[Mapping[str, Any]], new: Path, ending: str) -> None:
    if ending != ".parquet":
        with lines.lines_to(new, ending) as put:
            for row in rows:
                put(lines.line_of(row))
        return
    first, *rest = rows
    columns = {name: _FORMS.get(name, "text") for name in first}
    schema = tables.schema_of(columns, "llmi_examples", 1, images=False)
    with tables.rows_to(new, schema) as table:
        for row in (first, *rest):
            table.write(row)


def row_of(example: Answer | Pair | Labelled) -> dict[str, Any]:
    """Its columns, and where it is from."""
    match example:
        case Pair(chosen, rejected):
            return {
                "prompt": [*chosen.prompt],
                "chosen": [chosen.completion],
                "rejected": [rejected.completion],
                **_told(chosen),
                "chosen_reward": chosen.reward,
                "rejected_reward": rejected.reward,
                "group": chosen.group,
                "chosen_episode": chosen.episode,
                "rejected_episode": rejected.episode,
            }
        case Labelled(answer, label):
            return {**_messages(answer), "label": label, **_about(answer)}
        case Answer(ids=Ids() as ids):
            return {**_ids(ids), **_about(example)}
    return {**_messages(example), **_about(example)}


def _messages(answer: Answer) -> dict[str, list[Message]]:
    return {"prompt": [*answer.prompt], "completion": [answer.completion], **_told(answer)}


def _ids(ids: Ids) -> dict[str, list[int]]:
    prompt, completion = ids.prompt.tolist(), ids.completion.tolist()
    return {"input_ids": prompt + completion, "labels": [MASKED] * len(prompt) + completion}


def _told(answer: Answer) -> dict[str, Any]:
    options = dict(answer.template)
    tools = options.pop("tools", None)
    found = {"tools": tools, "chat_template_kwargs": options}
    return {name: value for name, value in found.items() if value}


def _about(answer: Answer) -> dict[str, Any]:
    return {
        "reward": answer.reward,
        "group": answer.group,
        "episode": answer.episode,
        "model": answer.model,
    }
