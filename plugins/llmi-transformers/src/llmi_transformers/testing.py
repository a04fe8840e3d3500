"""Checkpoints of next to no size, made on the spot: nothing is downloaded, and what they write is noise. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END, PAD, START = "<|end|>", "<|pad|>", "<|start|>"
TEMPLATE = (
    "{% for m in messages %}{{ '<|start|>' + m['role'] + '\n' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)


def tiny_tokenizer(
    texts: Iterable[str] = (), *, size: int = 320, template: str | None = TEMPLATE
) -> Any:
    """Byte-level BPE, as most have it: a character may be several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, PAD, START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts] or ["the fox and the hound"], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, chat_template=template
    )


def tiny_checkpoint(
    folder: Path,
    *,
    family: str = "qwen3",
    tokenizer: Any = None,
    seed: int = 0,
    spread: float = 0.3,
    **config: Any,
) -> Path:
    """A checkpoint of two layers in `folder`, with weights by chance, and its tokenizer; gives the folder.

    family: the `model_type` of transformers. spread: how far weights are from 0, and so answers from even. config: other
    values of its configuration.
    """
    made = tokenizer or tiny_tokenizer()
    known = {
        "vocab_size": len(made),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": spread,
        "eos_token_id": made.eos_token_id,
        "pad_token_id": made.pad_token_id,
        "bos_token_id": None,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = transformers.AutoConfig.for_model(family, **{**known, **config})
        transformers.AutoModelForCausalLM.from_config(settings).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
