"""The policy before it has learnt anything: a tokenizer for its language, and weights drawn by a seed. Nothing is downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmi_train_tiny.language import COUNTS, KINDS, RAMBLING, REMARKS, REQUESTS, TOPICS, VIEWS

PAD, UNKNOWN, USER, ASSISTANT, END = SPECIAL = (
    "<|pad|>", "<|unknown|>", "<|user|>", "<|assistant|>", "<|end|>",
)  # fmt: skip
CONTEXT = 384
"""Tokens that the policy can read, its own among them."""

CHAT = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}" + USER + "{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}"
    + ASSISTANT
    + "{{ message['content'] }}"
    + END
    + "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)
"""The chat template. It leaves the system prompt out: this policy learns from examples what others are told there."""

TAG = (
    "<imgen>", '{"source": "', '", "description": "', '"}}', "</imgen>",
    *(f'", "params": {{"{each.key}": "' for each in KINDS.values()),
)  # fmt: skip
"""The pieces of a slot, each of which is one token."""
_CODE = tuple(part for whole in KINDS["code"].contents for part in whole.split("{}"))
PIECES = tuple(dict.fromkeys(sorted((*TAG, *_CODE), key=len, reverse=True)))
NOUNS = tuple(noun for words in KINDS.values() for noun in words.nouns)
_NOUN = rf" (?:{'|'.join(NOUNS)})(?=s?\b)"  # the plural is its noun and an s, two tokens
_WORD = r" ?[A-Za-z]+"
_REST = r"\n+|[^\sA-Za-z]|\s"


def vocabulary() -> list[str]:
    """Every token, the special ones first. A word has one token at the start of something, and one after a space."""
    texts = (*REQUESTS, *REMARKS, *TOPICS, *VIEWS, RAMBLING, *KINDS, *COUNTS.values())
    words = sorted({each for text in (*texts, *NOUNS, "The") for each in _words(text)})
    signs = ["#", ".", ",", "\n", "\n\n", " ", "s"]
    return [*SPECIAL, *PIECES, *signs, *words, *(f" {each}" for each in words)]


def make(folder: Path, seed: int) -> None:
    """Write tokenizer and fresh weights, as `transformers` reads them."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from llmi_train.trainer.settings import quiet

    quiet()
    tokens = vocabulary()
    tokenizer = _tokenizer(tokens)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokens),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokens.index(PAD),
        eos_token_id=tokens.index(END),
        bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config.update(do_sample=True, temperature=1.0, top_p=1.0, top_k=0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(tokens: list[str]) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer(models.WordLevel({each: n for n, each in enumerate(tokens)}, unk_token=UNKNOWN))
    pieces = "|".join((*map(re.escape, PIECES), _NOUN, _WORD, _REST))
    own.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), behavior="isolated")
    own.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=own,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=CHAT,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def _words(text: str) -> Iterator[str]:
    return (each for each in re.findall(r"[A-Za-z]+", re.sub(r"\{.*?\}", " ", text)))
