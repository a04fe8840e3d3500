"""A tiny checkpoint, and rows that it sampled: of ragged groups, some of several segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from llmi_train.rows.row import Row, Segment

WORDS = ["<pad>", "<eos>", "<user>", "<bot>", *(f"w{n}" for n in range(60))]
END = 1
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'user' %}<user> {{ m.content }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<bot>{% endif %}"
)


def checkpoint(out: Path, seed: int = 0, words: Sequence[str] = WORDS) -> Path:
    """A model of 12,000 parameters with drawn weights, and a tokenizer of words."""
    tokens = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="w0"))
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", eos_token="<eos>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(seed)
    shape: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
    ends: dict[str, Any] = {"eos_token_id": END, "pad_token_id": 0, "bos_token_id": None}
    config = Qwen3Config(
        vocab_size=len(words), max_position_embeddings=128, tie_word_embeddings=True,
        initializer_range=0.3, **shape, **heads, **ends,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


@dataclass
class Report:
    """Of made rows."""

    data_hash: str = "made"
    weights: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"data_hash": self.data_hash, "weights": self.weights}


@dataclass
class Gathered:
    """Made rows, in the form of `llmi_train.rows`."""

    rows: Sequence[Row]
    calls: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    def recorded(self, row: Row) -> tuple[Any, ...]:
        return self.calls.get(row.segment.episode, ())


def read(folder: Path) -> Any:
    return Qwen3ForCausalLM.from_pretrained(folder).eval()


def logprobs(model: Any, prompt: Iterable[int], completion: Iterable[int]) -> np.ndarray[Any, Any]:
    """Of each token of the completion."""
    ids = torch.tensor([[*prompt, *completion]])
    length = len(list(completion))
    with torch.no_grad():
        logps = model(ids).logits[0, :-1].float().log_softmax(-1)
    found: np.ndarray[Any, Any] = logps.gather(1, ids[0, 1:, None])[-length:, 0].numpy()
    return found


def rows(model: Any, groups: Sequence[int] = (4, 2, 3, 2, 3), seed: int = 0) -> list[Row]:
    """Groups of these sizes; each third episode has a second segment, and some a part that was only read."""
    draw = np.random.default_rng(seed)
    made = []
    for group, size in enumerate(groups):
        prompt = draw.integers(4, 64, draw.integers(2, 7))
        for member in range(size):
            reward = float(draw.normal())
            for number in range(1 + (member % 3 == 1)):
                name = f"g{group}m{member}"
                made.append(_row(model, draw, prompt, name, number, f"g{group}", reward))
    return made


def _row(
    model: Any, draw: Any, prompt: Any, episode: str, number: int, group: str, reward: float
) -> Row:
    length = int(draw.integers(3, 15))
    completion = draw.integers(4, 64, length)
    if draw.random() < 0.7:
        completion[-1] = END
    mask = np.ones(length, np.int8)
    if length > 8:
        mask[3:6] = 0
    found = np.where(mask, logprobs(model, prompt, completion), 0).astype(np.float32)
    segment = Segment(
        episode=episode, number=number, calls=(f"c{number}",), purpose="draft", prompt=prompt, completion=completion,
        logprobs=found, mask=mask, truncated=bool(completion[-1] != END),
    )  # fmt: skip
    return Row(segment, (reward * mask).astype(np.float32), group, reward)


def stale(made: Sequence[Row], by: float = 0.3, seed: int = 1) -> list[Row]:
    """As if another policy had sampled them: logprobs that differ from the model's."""
    draw = np.random.default_rng(seed)

    def moved(row: Row) -> Row:
        noise = draw.normal(0, by, len(row.segment.logprobs))
        own = np.where(row.segment.mask, np.minimum(row.segment.logprobs + noise, -1e-3), 0)
        return replace(row, segment=replace(row.segment, logprobs=own.astype(np.float32)))

    return [moved(row) for row in made]
