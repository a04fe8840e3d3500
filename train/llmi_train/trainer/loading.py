"""A model and its tokenizer from a folder, and back into one. Nothing is ever downloaded."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer

import llmi_transformers.folder
from llmi_agent.base.errors import InputError
from llmi_agent.contract import PolicyFailed
from llmi_transformers.eyes import Eyes, eyes_of

PREFIX = "transformers/"
ADAPTER = "adapter"
_OWN: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is downloaded, no code of a checkpoint is run, and nobody is asked whether it may be."""

_VIDEO = "video_preprocessor_config.json"
"""Not read here; other servers of such checkpoints ask for it."""
_NO_TOKENIZER = "there is none that can be made of its files; copy tokenizer.json and tokenizer_config.json from the model that it was made of"


@dataclass(frozen=True, eq=False)
class Loaded:
    """What is trained."""

    folder: Path
    model: Any
    """A `PreTrainedModel` in evaluation mode."""
    tokenizer: Any
    """A `PreTrainedTokenizerBase`."""
    eyes: Eyes | None = None
    """What it is shown pictures with; None if it sees none."""


def folder_of(name: str) -> Path:
    """The folder of a checkpoint, named by its path or as a policy (`transformers/PATH`).

    Raises InputError if there is no checkpoint.
    """
    folder = Path(name.removeprefix(PREFIX)).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder}: name a local checkpoint of transformers, as `save_pretrained` writes it; "
            "nothing is downloaded"
        )
    if not (folder / "config.json").is_file():
        begun = " (a training that is not finished? --resume goes on with it)"
        found = begun if (folder / "training.json").is_file() else ""
        raise InputError(f"{folder} is no checkpoint of transformers: it has no config.json{found}")
    return folder


def version_of(folder: Path) -> str:
    """The version of a checkpoint's weights, as `transformers/PATH` puts it on record."""
    return llmi_transformers.folder.folder_of(str(folder)).version()


def _files(folder: Path) -> llmi_transformers.folder.Folder:
    try:
        return llmi_transformers.folder.folder_of(str(folder))
    except PolicyFailed as error:
        raise InputError(str(error)) from None


def sees(name: str) -> bool:
    """Whether a checkpoint is shown pictures. Raises InputError if there is none."""
    return _files(folder_of(name)).sees


def load(name: str, dtype: torch.dtype = torch.float32) -> Loaded:
    """Read a checkpoint of a causal language model. Raises InputError, in one sentence, if it cannot be read."""
    folder = folder_of(name)
    model, tokenizer = read_model(folder, dtype), read_tokenizer(folder)
    return Loaded(folder, model, tokenizer, read_eyes(folder, model, tokenizer))


def read_eyes(folder: Path, model: Any, tokenizer: Any) -> Eyes | None:
    """What the model of a checkpoint is shown pictures with. Raises InputError if it cannot be read."""
    takes = frozenset(inspect.signature(model.forward).parameters)
    try:
        return eyes_of(_files(folder), tokenizer, model.config, takes)
    except Exception as error:
        raise InputError(
            f"the processor of pictures in {folder} cannot be read: {_why(error)}"
        ) from error


def read_model(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """The model of a checkpoint, on the CPU. Raises InputError, also if a part of it would be filled by chance."""
    kind = AutoModelForImageTextToText if _files(folder).looks else AutoModelForCausalLM
    try:
        model, told = kind.from_pretrained(folder, dtype=dtype, output_loading_info=True, **_OWN)
    except Exception as error:
        raise InputError(f"the model in {folder} cannot be read: {_why(error)}") from error
    if wrong := sorted(map(str, [*told["missing_keys"], *told["mismatched_keys"]])):
        raise InputError(
            f"the weights in {folder} are not those of its config.json: {wrong[0]} (of {len(wrong)}) is missing or of another "
            "shape"
        )
    return model.eval()


def read_tokenizer(folder: Path) -> Any:
    """Raises InputError if there is none, or if it does not say which token ends an answer."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **_OWN)
    except Exception as error:
        raise InputError(f"the tokenizer in {folder} cannot be read: {_why(error)}") from error
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # made of nothing, for want of files
        raise InputError(f"the tokenizer in {folder} cannot be read: {_NO_TOKENIZER}")
    if tokenizer.eos_token_id is None:
        raise InputError(f"the tokenizer in {folder} does not say which token ends an answer")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def lora(rank: int | None) -> LoraConfig | None:
    """Adapters of this rank on all linear layers but the last one, which TRL cannot train by adapters; None: none."""
    if rank is None:
        return None
    return LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def save(
    model: Any, tokenizer: Any, out: Path, base: Path, state: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint that loads without any other.

    model: what is trained, which stays as it is. base: the folder that it was read from. state: its weights, where it has a
    part of them alone (`whole.state_of`). Adapters are merged into the weights of `base`, and stand in `adapter` besides. A
    file takes its place when it is whole, the configuration last.
    """
    draft = out / ".writing"
    if isinstance(model, PeftModel):
        model.save_pretrained(out / ADAPTER, state_dict=state)
        adapted = PeftModel.from_pretrained(read_model(base), out / ADAPTER)
        model, state = adapted.merge_and_unload(), None
    model.save_pretrained(draft, state_dict=state)
    tokenizer.save_pretrained(draft)
    for name in (*llmi_transformers.folder.SIGHT, _VIDEO):
        if (base / name).is_file():
            shutil.copy(base / name, draft)
    for path in sorted(draft.iterdir(), key=lambda path: path.name == "config.json"):
        path.replace(out / path.name)
    draft.rmdir()


def _why(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if "trust_remote_code" in text:
        return "it needs code of its own (trust_remote_code), which is not run; take a model whose code is part of transformers"
    if "backend tokenizer" in text:
        return _NO_TOKENIZER
    if "weights_only" in text:
        return "its weights are a pickle with more than numbers in it, which could run code and is not loaded; take .safetensors"
    return text.splitlines()[0].rstrip(".")
