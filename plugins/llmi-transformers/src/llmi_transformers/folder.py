"""A folder that should hold a checkpoint: what can be said of it before torch is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from llmi_agent.contract import PolicyFailed

CONFIG, ADAPTER = "config.json", "adapter_config.json"
PROCESSORS: Mapping[str, str] = {
    "qwen2_vl": "Qwen2VLProcessor",
    "qwen2_5_vl": "Qwen2_5_VLProcessor",
    "qwen3_vl": "Qwen3VLProcessor",
    "llava": "LlavaProcessor",
    "gemma3": "Gemma3Processor",
    "idefics3": "Idefics3Processor",
    "smolvlm": "SmolVLMProcessor",
}
"""Families that are shown pictures, by their `model_type`; others keep positions or pixels in ways of their own."""
SIGHT = ("preprocessor_config.json", "processor_config.json")
"""Files that say how pictures become pixels."""
_TOWERS: Mapping[str, frozenset[str]] = {
    "llava": frozenset({"clip_vision_model", "siglip_vision_model"})
}
"""Of families that may have other towers, those whose pictures are all of one size."""
_WEIGHTS = ("*.safetensors", "*.bin")
_DECIDING = (
    *_WEIGHTS,
    CONFIG,
    ADAPTER,
    "tokenizer*",
    "chat_template*",
    *SIGHT,
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "added_tokens.json",
    "generation_config.json",
)
"""Of the files of a checkpoint, those that decide what it writes."""
_NOT_OURS = ("training_args.bin", "optimizer.bin", "scheduler.bin", "random_states*")


@dataclass(frozen=True)
class Folder:
    """A checkpoint that is there: a whole one, or an adapter on one."""

    path: Path
    base: Path | None = None
    """Where the model is that it adapts; None if it is whole."""

    @property
    def whole(self) -> Path:
        """The folder with the whole model."""
        return self.base or self.path

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """As the file has it."""
        return _object(self.whole / CONFIG)

    @property
    def looks(self) -> bool:
        """Whether its model has a part that sees, of a family that is shown pictures here."""
        family, vision = str(self.config.get("model_type")), self.config.get("vision_config")
        if family not in PROCESSORS or not isinstance(vision, Mapping):
            return False
        return family not in _TOWERS or vision.get("model_type") in _TOWERS[family]

    @property
    def sees(self) -> bool:
        """Whether it can be shown pictures: it looks, and says how they become pixels."""
        return self.looks and any((self.whole / each).is_file() for each in SIGHT)

    @property
    def blind(self) -> str:
        """Why it sees nothing, in a clause."""
        if self.looks:
            return f"there is no {SIGHT[0]} in {self.whole}"
        if isinstance(self.config.get("vision_config"), Mapping):
            return f"its family {self.config['model_type']} is not among {', '.join(PROCESSORS)}; vLLM serves it"
        return "its model has no part that sees"

    @property
    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """The same as long as nobody writes to its files."""
        found = [(each, each.stat()) for each in self._deciding]
        return tuple((str(each), stat.st_size, stat.st_mtime_ns) for each, stat in found)

    def version(self) -> str:
        """A digest of all that decides what it writes. Files are read once, as long as nobody writes to them."""
        whole = hashlib.sha256()
        for path in self._deciding:
            stat = path.stat()
            own = _digest(path.resolve(), stat.st_size, stat.st_mtime_ns)
            whole.update(path.name.encode() + b"\0" + own)
        return f"sha256:{whole.hexdigest()[:32]}"

    @property
    def _deciding(self) -> list[Path]:
        return [*_deciding(self.path), *(_deciding(self.base) if self.base else ())]


def folder_of(name: str) -> Folder:
    """The checkpoint that `transformers/NAME` means. Raises PolicyFailed if there is none that could be loaded."""
    path = Path(name).expanduser()
    if path.suffix == ".gguf" or (path.is_dir() and _is_gguf(path)):
        raise PolicyFailed(
            f"{name} is in the form of llama.cpp (GGUF), and transformers/ takes a checkpoint as save_pretrained writes it "
            f"({CONFIG}, model.safetensors): serve it with llama.cpp and name it as openai/MODEL with --api-base, or "
            "convert it",
            "input",
        )
    if not path.is_dir():
        there = "is a file" if path.exists() else "does not exist"
        raise PolicyFailed(
            f"the folder {name} {there}: transformers/ takes the path of a folder with a checkpoint, and downloads nothing "
            "(`hf download OWNER/MODEL --local-dir DIR` does)",
            "input",
        )
    found = Folder(path, _base_of(path, name))
    _check(found, name)
    return found


def _check(found: Folder, name: str) -> None:
    """Raises PolicyFailed for what is no checkpoint."""
    whole = found.whole
    if not (whole / CONFIG).is_file():
        saved = sorted(
            each.name for each in whole.glob("checkpoint-*") if (each / CONFIG).is_file()
        )
        way = f"; name one of those in it, such as {whole / saved[-1]}" if saved else ""
        raise PolicyFailed(f"{whole} is no checkpoint: there is no {CONFIG} in it{way}", "input")
    if not isinstance(found.config.get("model_type"), str):
        raise PolicyFailed(
            f"{whole / CONFIG} names no model_type, so it is of no checkpoint", "input"
        )
    if not any(_weights(whole)):
        raise PolicyFailed(
            f"{whole} has no weights: there is no .safetensors file in it, as save_pretrained writes it",
            "input",
        )


def _base_of(path: Path, name: str) -> Path | None:
    """Of an adapter, the model that it is for. Raises PolicyFailed if that is not here."""
    if not (path / ADAPTER).is_file() or any(_weights(path)):
        return None
    given = _object(path / ADAPTER).get("base_model_name_or_path")
    if isinstance(given, str) and given:
        for place in (Path(given).expanduser(), path / given):
            if place.is_dir():
                return place
    raise PolicyFailed(
        f"{name} is an adapter on {given!r:.200}, which is no folder here: put the path of its model into {path / ADAPTER} "
        "(base_model_name_or_path)",
        "input",
    )


def _weights(path: Path) -> Iterator[Path]:
    for pattern in _WEIGHTS:
        for each in path.glob(pattern):
            if not each.name.startswith("adapter_") and not _is_other(each):
                yield each


def _deciding(path: Path) -> list[Path]:
    found = {each for pattern in _DECIDING for each in path.glob(pattern) if each.is_file()}
    return sorted(each for each in found if not _is_other(each))


def _is_other(path: Path) -> bool:
    return any(path.match(each) for each in _NOT_OURS)


def _is_gguf(path: Path) -> bool:
    return any(path.glob("*.gguf")) and not any(_weights(path))


def _object(path: Path) -> Mapping[str, Any]:
    """Raises PolicyFailed if it is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyFailed(f"{path} cannot be read: {error}", "input") from None
    if not isinstance(found, dict):
        raise PolicyFailed(f"{path} holds no JSON object", "input")
    return found


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, written: int) -> bytes:
    """size, written: with them, a file that was written anew is another one."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
