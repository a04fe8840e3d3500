"""TRL's forms of what trainers learn from: SFT, DPO and KTO; and LLM-I's columns.

Answers are what was sampled (`ModelCall.raw`). One that held a secret is not on record as it was sampled, so it is left
out, as is whatever else cannot be learnt from; a `Count` says how many, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import combinations
from typing import Any, Literal, TypeAlias

from llmi_agent.records.outcome import Kept
from llmi_agent.traces.exchange.answers import Count, mended, row_with, sampled, unfit
from llmi_agent.traces.exchange.form import Form
from llmi_agent.traces.exchange.pictures import Carrier
from llmi_agent.traces.exchange.row import total
from llmi_agent.traces.exchange.scored import Member, Scored
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace

MASKED = -100
"""The label of a token that is not learnt from."""
Pairs: TypeAlias = Literal["all", "best"]
"""Of a group: every two whose rewards differ, or the best with the worst."""

_TEXT: Form = [{"role": "text", "content": "text"}]
_PARTS: Form = [{"role": "text", "content": [{"type": "text", "text": "text"}]}]
_IMAGES: Form = [{"bytes": "bytes", "path": "text"}]


def columns(form: str, *, tokens: bool, images: bool) -> dict[str, Form]:
    """Those of a form. tokens: ids instead of messages. images: messages hold parts, and pictures go with them."""
    messages = _PARTS if images else _TEXT
    seen: dict[str, Form] = {"images": _IMAGES} if images else {}
    about: dict[str, Form] = {"episode": "text", "model": "text", "split": "text"}
    if form == "sft":
        asked: dict[str, Form] = {"prompt": messages, "completion": messages, **seen}
        own: dict[str, Form] = {"input_ids": ["whole"], "labels": ["whole"]}
        said: dict[str, Form] = {
            "reasoning": "text",
            "call": "text",
            "purpose": "text",
            "slots": "whole",
            "kept": "whole",
            "reward": "real",
        }
        return {**(own if tokens else asked), **about, **said}
    if form == "kto":
        label: dict[str, Form] = {"label": "bool", "reward": "real", "group": "text"}
        return {"prompt": messages, "completion": messages, **seen, **label, **about}
    if form == "dpo":
        scores: dict[str, Form] = {"chosen_reward": "real", "rejected_reward": "real"}
        whose: dict[str, Form] = {
            "group": "text",
            "chosen_episode": "text",
            "rejected_episode": "text",
        }
        pair: dict[str, Form] = {"prompt": messages, "chosen": messages, "rejected": messages}
        return {**pair, **seen, **scores, **whose, "split": "text"}
    info: Form = {
        "image_num": "whole",
        "tools": ["text"],
        "question": "text",
        "split": "text",
        "index": "whole",
        "episode": "text",
    }
    return {
        "prompt": _TEXT,
        "data_source": "text",
        "modality": "text",
        "images": _IMAGES,
        "extra_info": info,
    }


def sft(
    traces: Iterable[Trace], carrier: Carrier, count: Count, *, tokens: bool
) -> Iterator[dict[str, Any]]:
    """A row for each answer that a run went on with: drafts, and repairs after which the slot was kept."""
    for trace in traces:
        calls = [each for each in trace.calls if each.purpose in ("draft", "repair")]
        if not calls:
            count.left_out["an episode without an answer of a model"] += 1
        for call in calls:
            if not unfit(call) and call.purpose == "repair" and not mended(call, trace):
                count.left_out["a repair after which its slot was not kept"] += 1
                continue
            about = {
                "episode": trace.episode,
                "model": call.model,
                "split": trace.split,
                "reasoning": call.reasoning,
                "call": call.call,
                "purpose": call.purpose,
                **_figures(call, trace),
                "reward": total(trace),
            }
            if (
                row := _ids(call, count) if tokens else _asked(call, trace, carrier, count)
            ) is not None:
                yield {**row, **about}


def _figures(call: ModelCall, trace: Trace) -> dict[str, int | None]:
    """How many slots an answer asks for, and of how many of them there is a picture; None of a draft that was void later."""
    if call.purpose == "repair":
        return {"slots": 1, "kept": 1}
    if call.call != trace.known.answer("draft"):
        return {"slots": None, "kept": None}
    kept = sum(isinstance(each.verdict, Kept) for each in trace.slots)
    return {"slots": len(trace.slots), "kept": kept}


def _asked(call: ModelCall, trace: Trace, carrier: Carrier, count: Count) -> dict[str, Any] | None:
    said = sampled(call, trace, carrier, count)
    return None if said is None else row_with(said, prompt=said.prompt, completion=said.completion)


def _ids(call: ModelCall, count: Count) -> dict[str, Any] | None:
    if why := unfit(call):
        count.left_out[why] += 1
        return None
    tokens = call.tokens
    if tokens is None or tokens.prompt is None or not tokens.completion:
        count.left_out["an answer whose token ids are not on record"] += 1
        return None
    prompt, completion = list(tokens.prompt), list(tokens.completion)
    return {"input_ids": prompt + completion, "labels": [MASKED] * len(prompt) + completion}


def dpo(
    traces: Iterable[Trace], carrier: Carrier, count: Count, pairs: Pairs
) -> Iterator[dict[str, Any]]:
    """Pairs of drafts of one group that answer the same, the one with the better reward and the other."""
    with closing(Scored()) as scored:
        scored.take(traces, carrier, count)
        for members in scored.groups():
            given = 0
            for better, worse in _pairs(members, pairs):
                said, other = scored.said(better), scored.said(worse)
                if (said.prompt, said.images) != (other.prompt, other.images):
                    count.left_out["a pair that was asked in different words"] += 1
                    continue
                given += 1
                yield row_with(
                    said,
                    prompt=said.prompt,
                    chosen=said.completion,
                    rejected=other.completion,
                    chosen_reward=better.reward,
                    rejected_reward=worse.reward,
                    group=better.group,
                    chosen_episode=better.episode,
                    rejected_episode=worse.episode,
                    split=better.split,
                )
            if not given:
                count.left_out["a group that gives no pair"] += 1


def _pairs(members: Sequence[Member], pairs: Pairs) -> Iterator[tuple[Member, Member]]:
    """The better one first. Members come the best first."""
    if pairs == "best":
        ends = [(members[0], members[-1])]
        yield from (each for each in ends if each[0].reward > each[1].reward)
        return
    yield from (each for each in combinations(members, 2) if each[0].reward > each[1].reward)


def kto(
    traces: Iterable[Trace], carrier: Carrier, count: Count, peers: Iterable[Trace]
) -> Iterator[dict[str, Any]]:
    """Drafts of groups, each with whether its reward is above its group's mean.

    peers: further members of the groups, which count for the mean and give no rows.
    """
    with closing(Scored()) as scored:
        scored.take(traces, carrier, count)
        scored.weigh(peers)
        for members in scored.groups():
            standing = scored.standing(members[0].group)
            if standing.count < 2:
                count.left_out["a draft whose group has no other with a reward"] += 1
                continue
            for each in members:
                if standing.tied or each.reward == standing.mean:
                    count.left_out["a draft that is as good as its group's mean"] += 1
                    continue
                said = scored.said(each)
                yield row_with(
                    said,
                    prompt=said.prompt,
                    completion=said.completion,
                    label=each.reward > standing.mean,
                    reward=each.reward,
                    group=each.group,
                    episode=each.episode,
                    model=each.model,
                    split=each.split,
                )
