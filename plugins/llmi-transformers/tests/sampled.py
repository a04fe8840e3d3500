"""Answers for tests: written in this process, and their logprobs computed anew from all of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from llmi_agent.contract import TOKENS, PolicyRequest
from llmi_agent.models.heard import sampled
from llmi_agent.records.events import Tokens
from llmi_transformers.batch import Batch, Row
from llmi_transformers.folder import folder_of
from llmi_transformers.loading import Loaded, load
from llmi_transformers.policy import make
from llmi_transformers.sampling import Sampling
from llmi_transformers.settings import Settings


def loaded(folder: Path, **settings: Any) -> Loaded:
    return load(folder_of(str(folder)), Settings(**settings))


def row(
    of: Loaded,
    prompt: Sequence[int],
    most: int = 24,
    ends: frozenset[int] | None = None,
    **sampling: Any,
) -> Row:
    return Row(tuple(prompt), Sampling(**sampling), most, of.ends if ends is None else ends)


def written(of: Loaded, rows: Sequence[Row], later: Sequence[Row] = (), after: int = 3) -> None:
    """Write them all at once; those that come later join after some tokens."""
    waiting = list(later)
    with torch.inference_mode():
        batch = Batch(of)
        batch.join(rows)
        steps = 0
        while batch.rows or waiting:
            if waiting and (steps >= after or not batch.rows):
                batch.join([waiting.pop()])
            if batch.rows:
                batch.step()
            steps += 1


def logits_of(of: Loaded, each: Row) -> torch.Tensor:
    """Before each token of the answer, without padding, cache or batch. Shape (tokens, vocabulary)."""
    with torch.inference_mode():
        ids = torch.tensor([[*each.prompt, *each.ids]])
        return of.model(ids).logits[0, len(each.prompt) - 1 : -1].float()


def request(folder: Path | str, *, tokens: bool = True, **secrets: str) -> PolicyRequest:
    return PolicyRequest(
        name=f"transformers/{folder}",
        model=str(folder),
        artifacts=None,  # type: ignore[arg-type]
        write_slot=None,  # type: ignore[arg-type]
        secrets=secrets,
        tokens=tokens,
    )


class Said:
    """What a chat model has said."""

    def __init__(self, chunks: Sequence[Any]) -> None:
        self.chunks = chunks
        self.text = "".join(str(each.text) for each in chunks)
        found, self.lack = sampled(chunks)
        self.tokens = found if found else Tokens(())
        self.told = any(TOKENS in each.response_metadata for each in chunks)
        metadata = [each.response_metadata for each in chunks]
        self.finish = [each["finish_reason"] for each in metadata if "finish_reason" in each]
        self.usage = [each.usage_metadata for each in chunks if each.usage_metadata]


async def ask(
    folder: Path | str,
    messages: Sequence[Any],
    *,
    tokens: bool = True,
    secrets: Any = None,
    **asked: Any,
) -> Said:
    """Of the policy as a run has it."""
    made = make(request(folder, tokens=tokens, **(secrets or {})))
    assert made.asks
    stop = asked.pop("stop", None)
    stream = made.chat.astream(list(messages), stop=stop, **made.asks(asked))
    return Said([each async for each in stream])
