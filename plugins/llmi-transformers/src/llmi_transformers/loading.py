"""A checkpoint, loaded: the model, its tokenizer, and what ends an answer. Imports torch."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from transformers.utils import logging as transformers_logging

from llmi_agent.contract import PolicyFailed
from llmi_transformers.eyes import Eyes, Pixels, eyes_of
from llmi_transformers.folder import Folder
from llmi_transformers.settings import Settings

_LAYERS = {"full_attention", "sliding_attention"}
"""Of attention whose memory is keys and values alone, which rows of different lengths can share."""
_NO_CONTEXT = 1 << 20
_OWN: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is downloaded, no code of a checkpoint is run, and nobody is asked whether it may be."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """Ready to write."""

    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    ends: frozenset[int]
    """The tokens that end an answer; also those in whose place its model reads a picture, for no answer goes on after them."""
    context: int
    """The most tokens of a prompt and its answer."""
    vocabulary: int
    """Ids that the model can read are below it."""
    version: str
    """Of the checkpoint, by its files."""
    takes: frozenset[str]
    """The names of the arguments of its forward."""
    eyes: Eyes | None = field(default=None, repr=False)
    """What it sees with; None if it is shown no pictures."""
    blind: str = "its model has no part that sees"
    """Why, if it is not."""

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.device
        return device

    @property
    def spatial(self) -> bool:
        """Whether its tokens stand in places of three dimensions."""
        return hasattr(getattr(_inner(self.model), "model", None), "get_rope_index")

    def places(self, ids: torch.Tensor, mask: torch.Tensor, pixels: Pixels) -> torch.Tensor | None:
        """Where the tokens of a prompt with pictures stand, in three dimensions, if its model has places of that kind."""
        if not self.spatial:
            return None
        find = _inner(self.model).model.get_rope_index
        types, grid = pixels["mm_token_type_ids"], pixels["image_grid_thw"]
        found: torch.Tensor = find(ids, types, image_grid_thw=grid, attention_mask=mask)[0]
        return found


def load(folder: Folder, settings: Settings) -> Loaded:
    """Raises PolicyFailed, in a sentence, if it cannot be loaded."""
    device = _device(settings.device)
    with _quiet(), _told(folder):
        version, before = folder.version(), folder.stamp
        tokenizer = _tokenizer(folder)
        model = _model(folder, _dtype(settings.dtype, device)).to(device).eval()
        if folder.stamp != before:
            raise PolicyFailed(
                f"{folder.path} was written to while it was read; run again", "input"
            )
        return ready(folder, model, tokenizer, version)


def ready(folder: Folder, model: Any, tokenizer: Any, version: str) -> Loaded:
    """With what is to be known of a model that is there. Raises PolicyFailed, in a sentence, if it cannot write here."""
    config = model.config.get_text_config(decoder=True)
    _check_layers(folder, config)
    takes = frozenset(inspect.signature(_inner(model).forward).parameters)
    eyes = eyes_of(folder, tokenizer, model.config, takes)
    return Loaded(
        model,
        tokenizer,
        _ends(folder, model, tokenizer) | (eyes.placeholders if eyes else frozenset()),
        _context(config),
        model.get_input_embeddings().weight.shape[0],
        version,
        takes,
        eyes,
        folder.blind,
    )


def _tokenizer(folder: Folder) -> Any:
    own = any(folder.path.glob("tokenizer*")) or folder.base is None
    place = folder.path if own else folder.whole
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(place), **_OWN)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # made of nothing, for want of files
        raise PolicyFailed(f"{place} has no tokenizer: there is no tokenizer.json in it", "input")
    return tokenizer


def _model(folder: Folder, dtype: Any) -> Any:
    """The whole one, or with its adapter, which stays apart: merged, it would be rounded otherwise than it was trained."""
    kind = (
        transformers.AutoModelForImageTextToText
        if folder.looks
        else transformers.AutoModelForCausalLM
    )
    model, told = kind.from_pretrained(
        str(folder.whole), dtype=dtype, output_loading_info=True, **_OWN
    )
    _check_weights(folder, told)
    if folder.base is None:
        return model
    try:
        from peft import PeftModel
    except ImportError:
        raise PolicyFailed(
            f"{folder.path} is an adapter, which needs peft: pip install peft"
        ) from None
    return PeftModel.from_pretrained(model, str(folder.path), local_files_only=True)


def _inner(model: Any) -> Any:
    """Without what peft puts around it, whose forward takes anything."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _check_weights(folder: Folder, told: Mapping[str, Any]) -> None:
    """Raises PolicyFailed if a part of it would be filled by chance."""
    for name in ("missing_keys", "mismatched_keys"):
        if found := sorted(map(str, told.get(name) or ())):
            raise PolicyFailed(
                f"the weights of {folder.whole} are not those of its config.json: {found[0]} (of {len(found)}) is "
                f"{'missing' if name == 'missing_keys' else 'of another shape'}",
                "input",
            )


def _check_layers(folder: Folder, config: Any) -> None:
    """Raises PolicyFailed for a memory that rows cannot share here."""
    kinds = set(getattr(config, "layer_types", None) or ())
    if odd := sorted(kinds - _LAYERS):
        raise PolicyFailed(
            f"{folder.path} has layers of the kind {odd[0]}, whose memory transformers/ cannot batch: serve it with vLLM, and "
            "name it as vllm/MODEL",
            "input",
        )


def _ends(folder: Folder, model: Any, tokenizer: Any) -> frozenset[int]:
    """Raises PolicyFailed if nothing would end an answer."""
    generation = getattr(model, "generation_config", None)
    places = (generation, model.config, model.config.get_text_config(decoder=True), tokenizer)
    given = [getattr(each, "eos_token_id", None) for each in places]
    found = {id_ for each in given for id_ in (each if isinstance(each, list | tuple) else [each])}
    ends = frozenset(each for each in found if type(each) is int)
    if not ends:
        raise PolicyFailed(
            f"{folder.path} names no token that ends an answer: set eos_token_id in its generation_config.json",
            "input",
        )
    return ends


def _context(config: Any) -> int:
    given = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    return given if type(given) is int and given > 0 else _NO_CONTEXT


def _device(name: str) -> torch.device:
    """Raises PolicyFailed if there is none of that name."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise PolicyFailed(
            f"LLMI_TRANSFORMERS_DEVICE is {name!r:.80}: {_first_line(error)}", "setting"
        ) from None
    return device


def _dtype(name: str, device: torch.device) -> Any:
    if name:
        return getattr(torch, name)
    return torch.float32 if device.type == "cpu" else "auto"


@contextmanager
def _told(folder: Folder) -> Iterator[None]:
    """What any library raises, as a sentence."""
    try:
        yield
    except PolicyFailed:
        raise
    except Exception as error:
        raise PolicyFailed(_why(folder, error), "input") from error


def _why(folder: Folder, error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return (
            f"{folder.path} needs code of its own (trust_remote_code), which transformers/ does not run: take a model whose "
            "code is part of transformers, or serve it yourself"
        )
    if "weights_only" in str(error):
        return (
            f"the weights of {folder.whole} are a pickle with more than numbers in it, which could run code and is not loaded: "
            "take .safetensors"
        )
    return f"the checkpoint {folder.path} cannot be loaded: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    return f"{lines[0]:.300}" if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without bars, warnings and log lines of the libraries: what matters is checked here."""
    level, bars = (
        transformers_logging.get_verbosity(),
        transformers_logging.is_progress_bar_enabled(),
    )
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
