"""A small checkpoint that writes bytes, with the chat template that one asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from llmi_agent.traces.parts import ModelCall

MARKS = ("<pad>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(template: str | None = CHATML, end: str = "<|im_end|>") -> Any:
    """A token for each byte, and for each mark."""
    marks = dict.fromkeys((*MARKS, end))
    words = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokens = Tokenizer(models.BPE(vocab={word: n for n, word in enumerate(words)}, merges=[]))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        eos_token=end,
        pad_token="<pad>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
    )
    made.add_tokens(["<think>", "</think>"])
    made.chat_template = template
    return made


def checkpoint(out: Path, template: str | None = CHATML, seed: int = 0) -> Path:
    """A model of some 30,000 parameters with drawn weights."""
    words = tokenizer(template)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=256, tie_word_embeddings=True,
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(out)
    words.save_pretrained(out)
    return out


def lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def called(raw: str, **more: Any) -> ModelCall:
    own: dict[str, Any] = {
        "call": "c", "purpose": "draft", "model": "vllm/fox", "language_model": True,
        "messages": ({"type": "human", "data": {"content": "Foxes?"}},), "sampling": {}, "slot": None, "attempt": 0,
        "parent": "", "again": 0, "text": raw, "raw": raw, "reasoning": "", "withheld": False, "accepted": True,
        "finish_reason": "stop", "cut": "", "error": "", "answered_by": None, "weights": "", "tokens": None, "started": 0.0,
        "first": None, "ended": 1.0, "input_tokens": None, "output_tokens": None, "charge": None,
    }  # fmt: skip
    return ModelCall(**{**own, **more})
