"""LLM-I's columns: what was asked, as its dataset has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from llmi_agent.contract.judging import Demand
from llmi_agent.traces.exchange.answers import Count
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.exchange.pictures import Carrier, found_in
from llmi_agent.traces.trace import Trace


def llm_i(traces: Iterable[Trace], carrier: Carrier, count: Count) -> Iterator[dict[str, Any]]:
    """What was asked, once for all episodes that were asked the same, as rows of LLM-I's dataset.

    A run of which no demand is on record demands nothing: any number of pictures, and no kind.
    """
    seen: set[bytes] = set()
    for trace in traces:
        messages, digests = _question(trace)
        demand = trace.opened.demand or Demand()
        asked = [messages, digests, trace.split, demand.pictures, sorted(demand.kinds)]
        text = json.dumps(asked, sort_keys=True)
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
                "image_num": demand.pictures,
                "tools": list(demand.kinds),
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
