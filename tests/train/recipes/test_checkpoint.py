"""What is said of a checkpoint by its files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_train.recipes.checkpoint import parameters_in, shape_of, unlike

from .conftest import CONFIG, tensors


def test_its_numbers_are_counted_in_the_heads_of_its_files(base: Path) -> None:
    assert parameters_in(base) == 808
    tensors(base / "model-2.safetensors", {"more": (3, 4, 5), "one": ()})
    tensors(base / "adapter_model.safetensors", {"not": (1000,)})
    assert parameters_in(base) == 869


@pytest.mark.parametrize("spoilt", [b"", b"\x01\x00", b"\xff" * 8, b"\x02" + bytes(7) + b"[]", b"\x05" + bytes(7) + b'{"a":'])  # fmt: skip
def test_what_is_torn_says_nothing(base: Path, spoilt: bytes) -> None:
    (base / "model-9.safetensors").write_bytes(spoilt)
    assert parameters_in(base) is None


def test_sizes_come_from_the_part_that_writes() -> None:
    """Of a model with eyes, that is a table of its own in newer files."""
    flat = shape_of(CONFIG, 1e6)
    assert flat == shape_of({"model_type": "seeing", "vocab_size": 5, "text_config": CONFIG}, 1e6)
    assert (flat.hidden, flat.layers, flat.vocabulary, flat.key_values) == (8, 2, 100, 8)
    mixture = shape_of(
        {**CONFIG, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 6}, 1e6
    )
    assert (mixture.inner, mixture.experts) == (12, 8)


def test_another_checkpoint_is_known_by_its_config() -> None:
    wanted = {"hidden_size": 8, "num_hidden_layers": 2, "rope_theta": 5e6}
    assert unlike({**CONFIG, "rope_theta": 5000000}, wanted) == []
    assert unlike({**CONFIG, "rope_parameters": {"rope_theta": 5e6}}, wanted) == []
    assert unlike({"text_config": {**CONFIG}}, {"hidden_size": 8}) == []
    assert unlike({**CONFIG, "rope_theta": 1e6}, wanted) == ["rope_theta is 1000000.0 and not 5000000.0"]  # fmt: skip
    assert unlike({**CONFIG, "hidden_size": 9}, wanted)[0] == "hidden_size is 9 and not 8"
