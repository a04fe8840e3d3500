"""TRL's forms of what trainers learn from: SFT, DPO and KTO; and LLM-I's columns.

Answers are what was sampled (`ModelCall.raw`). One that held a secret is not on record as it was sampled, so it is left
out, as is whatever else cannot be learnt from; a `Count` says how many, and why.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations, groupby
from typing import Any, Literal, TypeAlias

from llmi_agent.traces.exchange.form import Form
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.exchange.pictures import Carrier, Found, found_in
from llmi_agent.traces.exchange.row import total
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace

MASKED = -100
"""The label of a token that is not learnt from."""
Pairs: TypeAlias = Literal["all", "best"]
"""Of a group: every two whose rewards differ, or the best with the worst."""

_TEXT: Form = [{"role": "text", "content": "text"}]
_PARTS: Form = [{"role": "text", "content": [{"type": "text", "text": "text"}]}]
_IMAGES: Form = [{"bytes": "bytes", "path": "text"}]


@dataclass
class Count:
    """What does not go into an export, by the reason."""

    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sampled:
    """A question and its answer, as a trainer has them."""

    prompt: list[dict[str, Any]]
    completion: list[dict[str, Any]]
    images: list[dict[str, Any]] | None
    """None: the export is of text alone."""


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
    """A row for each answer that a run went on with: drafts, and repairs of slots."""
    for trace in traces:
        calls = [each for each in trace.calls if each.purpose in ("draft", "repair")]
        if not calls:
            count.left_out["an episode without an answer of a model"] += 1
        for call in calls:
            about = {
                "episode": trace.episode,
                "model": call.model,
                "split": trace.split,
                "reasoning": call.reasoning,
                "call": call.call,
                "purpose": call.purpose,
                "reward": total(trace),
            }
            if (
                row := _ids(call, count) if tokens else _asked(call, trace, carrier, count)
            ) is not None:
                yield {**row, **about}


def _asked(call: ModelCall, trace: Trace, carrier: Carrier, count: Count) -> dict[str, Any] | None:
    said = _sampled(call, trace, carrier, count)
    return None if said is None else _row(said, prompt=said.prompt, completion=said.completion)


def _row(said: Sampled, **columns: Any) -> dict[str, Any]:
    return columns if said.images is None else {**columns, "images": said.images}


def _ids(call: ModelCall, count: Count) -> dict[str, Any] | None:
    if why := _unfit(call):
        count.left_out[why] += 1
        return None
    tokens = call.tokens
    if tokens is None or tokens.prompt is None or not tokens.completion:
        count.left_out["an answer whose token ids are not on record"] += 1
        return None
    prompt, completion = list(tokens.prompt), list(tokens.completion)
    return {"input_ids": prompt + completion, "labels": [MASKED] * len(prompt) + completion}


def _unfit(call: ModelCall) -> str:
    """Why nothing is to be learnt from an answer; empty if it may be."""
    if not call.accepted:
        return "an answer that was not accepted"
    if call.withheld:
        return "an answer that held a secret"
    if call.cut:
        return "an answer that ends early"
    return "" if call.raw.strip() else "an answer without words"


def _sampled(call: ModelCall, trace: Trace, carrier: Carrier, count: Count) -> Sampled | None:
    """None if it cannot be learnt from, which is counted."""
    messages = [plain(each) for each in call.messages]
    shown = list(pictures_in(messages))
    why = _unfit(call)
    if not why and not messages:
        why = "an answer whose question is not on record"
    if not why and shown and carrier.how == "none":
        why = "an answer to pictures (they go along with --pictures beside or inside)"
    if why:
        count.left_out[why] += 1
        return None
    answer = [{"role": "assistant", "content": call.raw}]
    if carrier.how == "none":
        return Sampled(messages, answer, None)
    images = [carrier.image(trace.pictures, d, Found(d, m).name) for d, m in shown]
    if None in images:
        count.left_out["an answer to pictures that are no longer there"] += 1
        return None
    return Sampled(_parts(messages), _parts(answer), [each for each in images if each])


def _parts(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each content as a list of parts, so that all rows have the same form."""
    found = []
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        own = [{"type": each["type"], "text": each.get("text")} for each in parts]
        found.append({"role": message["role"], "content": own})
    return found


def dpo(
    traces: Iterable[Trace], carrier: Carrier, count: Count, pairs: Pairs
) -> Iterator[dict[str, Any]]:
    """Pairs of drafts of one group that answer the same, the one with the better reward and the other."""
    with closing(_Scored()) as scored:
        scored.take(traces, carrier, count)
        for members in scored.groups():
            given = 0
            for better, worse in _pairs(members, pairs):
                said, other = scored.said(better), scored.said(worse)
                if (said.prompt, said.images) != (other.prompt, other.images):
                    count.left_out["a pair that was asked in different words"] += 1
                    continue
                given += 1
                yield _row(
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


def _pairs(members: Sequence[_Member], pairs: Pairs) -> Iterator[tuple[_Member, _Member]]:
    """The better one first. Members come the best first."""
    if pairs == "best":
        ends = [(members[0], members[-1])]
        yield from (each for each in ends if each[0].reward > each[1].reward)
        return
    yield from (each for each in combinations(members, 2) if each[0].reward > each[1].reward)


def kto(traces: Iterable[Trace], carrier: Carrier, count: Count) -> Iterator[dict[str, Any]]:
    """Drafts of groups, each with whether its reward is above its group's mean."""
    with closing(_Scored()) as scored:
        scored.take(traces, carrier, count)
        for members in scored.groups():
            mean = sum(each.reward for each in members) / len(members)
            if len(members) < 2:
                count.left_out["a draft whose group has no other with a reward"] += 1
                continue
            for each in members:
                if each.reward == mean or members[0].reward == members[-1].reward:
                    count.left_out["a draft that is as good as its group's mean"] += 1
                    continue
                said = scored.said(each)
                yield _row(
                    said,
                    prompt=said.prompt,
                    completion=said.completion,
                    label=each.reward > mean,
                    reward=each.reward,
                    group=each.group,
                    episode=each.episode,
                    model=each.model,
                    split=each.split,
                )


@dataclass(frozen=True)
class _Member:
    """An episode of a group that has a reward, and a draft to learn from."""

    number: int
    group: str
    reward: float
    episode: str
    model: str
    split: str


class _Scored:
    """Drafts with their rewards, by group, on disk: a group's members may lie far apart."""

    def __init__(self) -> None:
        self._tables = sqlite3.connect("")  # a file of SQLite's own, which goes with the connection
        self._tables.execute(
            "CREATE TABLE drafts (number INTEGER PRIMARY KEY, grp TEXT, reward REAL, episode TEXT, model TEXT, "
            "split TEXT, said BLOB)"
        )

    def take(self, traces: Iterable[Trace], carrier: Carrier, count: Count) -> None:
        """Those that have a group, a reward and a draft."""
        for trace in traces:
            reward = total(trace)
            if not trace.group:
                count.left_out["an episode of no group"] += 1
            elif reward is None:
                count.left_out["an episode without a reward"] += 1
            elif said := _drafted(trace, carrier, count):
                row = (
                    trace.group,
                    reward,
                    trace.episode,
                    trace.model,
                    trace.split,
                    pickle.dumps(said),
                )
                self._tables.execute(
                    "INSERT INTO drafts (grp, reward, episode, model, split, said) VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )

    def groups(self) -> Iterator[list[_Member]]:
        """The members of each group, the best first."""
        rows = self._tables.execute(
            "SELECT number, grp, reward, episode, model, split FROM drafts ORDER BY grp, reward DESC, number"
        )
        for _, members in groupby((_Member(*row) for row in rows), key=lambda each: each.group):
            yield list(members)

    def said(self, member: _Member) -> Sampled:
        """What was asked, and what came."""
        query = "SELECT said FROM drafts WHERE number = ?"
        (data,) = self._tables.execute(query, (member.number,)).fetchone()
        said: Sampled = pickle.loads(data)
        return said

    def close(self) -> None:
        """Let go of it all."""
        self._tables.close()


def _drafted(trace: Trace, carrier: Carrier, count: Count) -> Sampled | None:
    """The draft that holds, if it can be learnt from."""
    call = trace.known.answer("draft")
    drafts = [each for each in trace.calls if each.call == call]
    if not drafts:
        count.left_out["an episode without an answer of a model"] += 1
        return None
    return _sampled(drafts[-1], trace, carrier, count)


def llm_i(traces: Iterable[Trace], carrier: Carrier, count: Count) -> Iterator[dict[str, Any]]:
    """What was asked, once for all episodes that were asked the same, as rows of LLM-I's dataset."""
    seen: set[bytes] = set()
    for trace in traces:
        messages, digests = _question(trace)
        text = json.dumps([messages, digests, trace.split], sort_keys=True)
        own = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        if own in seen:
            count.left_out["an episode that was asked what another one was"] += 1
            continue
        known = {each.digest: each.name for each in found_in(trace)}
        images = [carrier.image(trace.pictures, each, known.get(each, each)) for each in digests]
        if digests and None in images:
            why = (
                "are no longer there"
                if carrier.how != "none"
                else "go along with --pictures beside or inside"
            )
            count.left_out[f"an episode whose pictures {why}"] += 1
            continue
        seen.add(own)
        yield {
            "prompt": messages,
            "data_source": "interleaved_mm" if digests else "interleaved",
            "modality": "multimodal" if digests else "text",
            "images": images,
            "extra_info": {
                "image_num": 0,
                "tools": [],
                "question": trace.prompt,
                "split": trace.split or "train",
                "index": len(seen) - 1,
                "episode": trace.episode,
            },
        }


def _question(trace: Trace) -> tuple[list[dict[str, Any]], list[str]]:
    """The messages that the first draft was asked with, each picture as `<image>` in the text, and their digests."""
    drafts = [each for each in trace.calls if each.purpose == "draft" and each.messages]
    if not drafts:
        return [{"role": "user", "content": trace.prompt}], []
    asked = [plain(each) for each in drafts[0].messages]
    found = [digest for digest, _ in pictures_in(asked)]
    return [
        {"role": each["role"], "content": _with_marks(each["content"])} for each in asked
    ], found


def _with_marks(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join("<image>" if "digest" in each else each.get("text", "") for each in content)
