"""Checkpoints of next to no size that are shown pictures. What they write is noise, but each pixel changes it. Imports torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers

from llmi_transformers.testing import tiny_tokenizer

TEMPLATE = (
    "{%% for m in messages %%}{{ '<|start|>' + m['role'] + '\n' }}"
    "{%% if m['content'] is string %%}{{ m['content'] }}{%% else %%}{%% for p in m['content'] %%}"
    "{%% if p['type'] == 'text' %%}{{ p['text'] }}{%% else %%}%s{%% endif %%}{%% endfor %%}{%% endif %%}"
    "{{ '<|end|>' }}{%% endfor %%}{%% if add_generation_prompt %%}{{ '<|start|>assistant\n' }}{%% endif %%}"
)
_MARKS = {
    "llava": "<image>",
    "gemma3": "<start_of_image>",
    "idefics3": "<image>",
}
_QWEN_MARK = "<|vision_start|><|image_pad|><|vision_end|>"
_OWN = {
    "llava": {"image_token": "<image>"},
    "gemma3": {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    },
    "idefics3": {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "end_of_utterance_token": "<end_of_utterance>",
        "global_image_token": "<global-img>",
        **{f"row_{r}_{c}": f"<row_{r}_col_{c}>" for r in (1, 2, 3, 4) for c in (1, 2, 3, 4)},
    },
}
_QWEN = {
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
}


def tiny_seeing_checkpoint(
    folder: Path,
    *,
    family: str = "qwen2_5_vl",
    tokenizer: Any = None,
    seed: int = 0,
    spread: float = 0.3,
    **text: Any,
) -> Path:
    """A checkpoint of two layers with a part that sees, with weights by chance, and its processor; gives the folder.

    family: qwen2_5_vl, qwen3_vl, qwen2_vl, llava, gemma3 or idefics3. tokenizer: gets the family's marks and a chat template. text: other values of the configuration of
    the part that writes; a run of `llmi` needs max_position_embeddings=8192, for the prompt of its tools and the pictures do not
    fit into the 512 of the default.
    """
    words = _with_marks(tokenizer or tiny_tokenizer(), family)
    writes = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": spread,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "bos_token_id": None,
        **text,
    }
    make = {"llava": _llava, "gemma3": _gemma3, "idefics3": _idefics3}.get(family, _qwen)
    config, images, told = make(family, words, writes)
    config.initializer_range = spread
    config.eos_token_id, config.pad_token_id = words.eos_token_id, words.pad_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForImageTextToText.from_config(config)
        for name, each in model.named_parameters():
            if name.endswith(
                "mm_input_projection_weight"
            ):  # begins at 0, through which nothing is seen
                torch.nn.init.normal_(each, std=spread)
        model.save_pretrained(folder)
    words.save_pretrained(folder)
    images.save_pretrained(folder)
    if told:
        (folder / "processor_config.json").write_text(json.dumps(told))
    return folder


def _with_marks(words: Any, family: str) -> Any:
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words.backend_tokenizer,
        eos_token=words.eos_token,
        pad_token=words.pad_token,
        chat_template=TEMPLATE % _MARKS.get(family, _QWEN_MARK),
        extra_special_tokens=_OWN.get(family, _QWEN),
    )


def _id(words: Any, token: str) -> int:
    found: int = words.convert_tokens_to_ids(token)
    return found


def _qwen(family: str, words: Any, writes: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    turned = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    sees: dict[str, Any] = {
        "depth": 1, "hidden_size": 16, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2,
        "intermediate_size": 32, "out_hidden_size": 32, "fullatt_block_indexes": [0], "window_size": 16, "in_channels": 3,
        "initializer_range": writes["initializer_range"],
    }  # fmt: skip
    if family == "qwen2_vl":
        sees |= {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    if family == "qwen3_vl":
        sees |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 16}
    config = transformers.AutoConfig.for_model(
        family,
        text_config={**writes, "rope_parameters": turned},
        vision_config=sees,
        image_token_id=_id(words, "<|image_pad|>"),
        video_token_id=_id(words, "<|video_pad|>"),
        vision_start_token_id=_id(words, "<|vision_start|>"),
        vision_end_token_id=_id(words, "<|vision_end|>"),
    )
    images = transformers.Qwen2VLImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 64, "longest_edge": 64 * 12}
    )
    return config, images, {}


def _llava(family: str, words: Any, writes: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    sees = {
        "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 8, "patch_size": 4, "projection_dim": 16,
        "initializer_range": writes["initializer_range"],
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(
        family,
        text_config={"model_type": "llama", **writes},
        vision_config=sees,
        image_token_id=_id(words, "<image>"),
        vision_feature_layer=-1,
    )
    images = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}
    )
    told = {
        "processor_class": "LlavaProcessor",
        "patch_size": 4,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
    }
    return config, images, told


def _gemma3(family: str, words: Any, writes: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    sees = {
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "vision_use_head": False,
    }  # fmt: skip
    kinds = ["sliding_attention", "full_attention"]
    config = transformers.AutoConfig.for_model(
        family,
        text_config={"sliding_window": 8, "layer_types": kinds, **writes},
        vision_config=sees,
        mm_tokens_per_image=4,
        image_token_id=_id(words, "<image_soft_token>"),
        boi_token_id=_id(words, "<start_of_image>"),
        eoi_token_id=_id(words, "<end_of_image>"),
    )
    images = transformers.Gemma3ImageProcessorPil(size={"height": 16, "width": 16})
    return config, images, {"processor_class": "Gemma3Processor", "image_seq_length": 4}


def _idefics3(family: str, words: Any, writes: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    sees = {
        "model_type": "idefics3_vision", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 4,
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(
        family,
        text_config={"model_type": "llama", **writes},
        vision_config=sees,
        scale_factor=2,
        image_token_id=_id(words, "<image>"),
        pad_token_id=words.pad_token_id,
    )
    images = transformers.Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 16}
    )
    return config, images, {"processor_class": "Idefics3Processor", "image_seq_len": 4}
