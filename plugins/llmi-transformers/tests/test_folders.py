"""Folders that strangers name: each is used, or refused in a sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sampled
import torch
from transformers import GenerationConfig

from llmi_agent.contract import PolicyFailed
from llmi_transformers.folder import folder_of
from llmi_transformers.policy import make
from llmi_transformers.testing import TEMPLATE, tiny_checkpoint, tiny_tokenizer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("made"))


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder: Path | str) -> str:
    """Before torch is loaded."""
    with pytest.raises(PolicyFailed) as error:
        make(sampled.request(folder))
    return str(error.value)


def unloadable(folder: Path) -> str:
    with pytest.raises(PolicyFailed) as error:
        sampled.loaded(folder)
    return str(error.value)


def test_a_name_of_the_hub_is_no_folder_and_nothing_is_downloaded(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "downloads nothing" in refused("Qwen/Qwen3-0.6B")
    Path("file").write_text("")
    assert "is a file" in refused("file")


def test_what_is_in_the_form_of_llama_cpp_is_refused_with_the_way_out(tmp_path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    for name in (tmp_path, tmp_path / "model.gguf"):
        assert "GGUF" in refused(name)
        assert "--api-base" in refused(name)


def test_a_folder_without_a_checkpoint(tmp_path, made) -> None:
    assert "there is no config.json in it" in refused(tmp_path)
    shutil.copytree(made, tmp_path / "checkpoint-20")
    assert "such as" in refused(tmp_path)
    assert "checkpoint-20" in refused(tmp_path)


def test_a_checkpoint_without_weights_or_with_a_torn_configuration(copy) -> None:
    (copy / "model.safetensors").unlink()
    assert "has no weights" in refused(copy)
    (copy / "optimizer.bin").write_bytes(b"")
    assert "has no weights" in refused(copy)
    (copy / "config.json").write_text("{")
    assert "cannot be read" in refused(copy)
    (copy / "config.json").write_text("[]")
    assert "no JSON object" in refused(copy)
    (copy / "config.json").write_text("{}")
    assert "names no model_type" in refused(copy)


def test_weights_that_are_torn(copy) -> None:
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[:-100])
    assert "cannot be loaded" in unloadable(copy)


def test_weights_of_another_configuration_are_not_filled_by_chance(copy) -> None:
    change(copy / "config.json", num_hidden_layers=3, layer_types=["full_attention"] * 3)
    assert "is missing" in unloadable(copy)
    change(
        copy / "config.json",
        num_hidden_layers=2,
        layer_types=["full_attention"] * 2,
        intermediate_size=48,
    )
    assert "the weights of" in unloadable(copy) or "cannot be loaded" in unloadable(copy)


def test_code_of_a_checkpoint_is_not_run(copy) -> None:
    (copy / "modeling_own.py").write_text("raise SystemExit('it was run')")
    change(
        copy / "config.json",
        model_type="own",
        auto_map={"AutoConfig": "modeling_own.C", "AutoModelForCausalLM": "modeling_own.M"},
    )
    assert "trust_remote_code" in unloadable(copy)


def test_a_model_that_transformers_does_not_know(copy) -> None:
    change(copy / "config.json", model_type="nonesuch")
    said = unloadable(copy)
    assert "cannot be loaded" in said
    assert "nonesuch" in said


def test_a_memory_that_rows_cannot_share_is_refused(tmp_path) -> None:
    tiny_checkpoint(
        tmp_path,
        family="qwen3_next",
        layer_types=["linear_attention", "full_attention"],
        num_experts=2,
        num_experts_per_tok=1,
        moe_intermediate_size=16,
        shared_expert_intermediate_size=16,
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
    )
    assert "linear_attention" in unloadable(tmp_path)


def test_what_ends_an_answer_is_gathered_from_all_that_say_it(copy) -> None:
    assert sampled.loaded(copy).ends == {0}
    GenerationConfig(eos_token_id=[7, 9]).save_pretrained(copy)
    assert sampled.loaded(copy).ends == {0, 7, 9}


def test_a_checkpoint_that_nothing_ends(copy) -> None:
    for path in copy.glob("*.json"):
        if path.name != "tokenizer.json":
            data = json.loads(path.read_text())
            data = {name: value for name, value in data.items() if not name.startswith("eos_token")}
            path.write_text(json.dumps(data))
    assert "names no token that ends an answer" in unloadable(copy)


def test_a_generation_config_changes_nothing_of_how_it_is_sampled(copy, made) -> None:
    GenerationConfig(
        temperature=0.1,
        top_p=0.2,
        top_k=3,
        repetition_penalty=2.0,
        do_sample=True,
        max_new_tokens=2,
    ).save_pretrained(copy)
    found = []
    for folder in (made, copy):
        of = sampled.loaded(folder)
        each = sampled.row(of, (5, 6, 7), seed=1, most=30)
        sampled.written(of, [each])
        found.append((each.ids, each.logprobs))
    assert found[0] == found[1]
    assert make(sampled.request(copy)).asks({"max_tokens": 5}) == {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "max_tokens": 5,
    }


def test_the_version_is_that_of_what_decides_what_is_written(copy, made) -> None:
    version = folder_of(str(made)).version()
    assert folder_of(str(copy)).version() == version, "wherever it lies"
    (copy / "README.md").write_text("a card")
    (copy / "training_args.bin").write_bytes(b"x")
    assert folder_of(str(copy)).version() == version

    def touched(edit: Callable[[], object]) -> str:
        edit()
        return folder_of(str(copy)).version()

    template = touched(lambda: (copy / "chat_template.jinja").write_text(TEMPLATE + " "))
    weights = touched(lambda: tiny_checkpoint(copy, seed=1))
    assert len({version, template, weights}) == 3


def adapter(folder: Path, base: Path | str) -> Path:
    from peft import LoraConfig, get_peft_model

    of = sampled.loaded(Path(base))
    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(of.model, config).save_pretrained(folder)
    change(folder / "adapter_config.json", base_model_name_or_path=str(base))
    return folder


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_writes_on_the_model_that_it_is_for(made, tmp_path) -> None:
    folder = adapter(tmp_path / "adapter", made)
    of, base = sampled.loaded(folder), sampled.loaded(made)
    each, below = (sampled.row(one, (5, 6, 7), seed=1, most=30) for one in (of, base))
    sampled.written(of, [each])
    sampled.written(base, [below])
    known = sampled.logits_of(of, each).log_softmax(-1).gather(1, torch.tensor(each.ids)[:, None])
    assert each.ids != below.ids
    assert each.logprobs == pytest.approx(known[:, 0].tolist(), abs=1e-5)
    assert of.version != base.version
    assert of.context == base.context


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_whose_model_is_not_here(made, tmp_path) -> None:
    folder = adapter(tmp_path / "adapter", made)
    change(folder / "adapter_config.json", base_model_name_or_path="Qwen/Qwen3-0.6B")
    assert "is an adapter on 'Qwen/Qwen3-0.6B', which is no folder here" in refused(folder)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DTYPE", "int8", "float32"),
        ("BATCH", "0", "1 to 4096"),
        ("BATCH", "many", "1 to 4096"),
        ("TEMPLATE", "[]", "JSON object"),
        ("TEMPLATE", "{", "JSON object"),
    ],
)
def test_settings_that_cannot_be(made, name: str, value: str, said: str) -> None:
    with pytest.raises(PolicyFailed, match=said) as error:
        make(sampled.request(made, **{f"LLMI_TRANSFORMERS_{name}": value}))
    assert f"LLMI_TRANSFORMERS_{name}" in str(error.value)
    assert error.value.reason == "setting"


def test_a_device_that_is_not_there(made) -> None:
    with pytest.raises(PolicyFailed, match="LLMI_TRANSFORMERS_DEVICE is 'nonesuch'"):
        sampled.loaded(made, device="nonesuch")


def test_numbers_of_half_the_length_are_read_as_such(made) -> None:
    assert sampled.loaded(made, dtype="bfloat16").model.dtype == torch.bfloat16
    assert sampled.loaded(made).model.dtype == torch.float32


def test_without_torch_there_is_one_sentence(made, monkeypatch) -> None:
    monkeypatch.setattr("llmi_transformers.policy.find_spec", lambda name: None)
    assert "needs torch: pip install torch" in refused(made)
    assert tiny_tokenizer().chat_template
