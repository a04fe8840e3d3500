"""What a checkpoint sees: pictures of a prompt as the ids and pixels that its model reads. Imports torch."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import transformers
from PIL import Image
from torch import Tensor
from transformers.models.auto.image_processing_auto import AutoImageProcessor

from llmi_agent.contract import PolicyFailed
from llmi_agent.contract.picture_header import picture_size
from llmi_transformers.folder import PROCESSORS, Folder

Pixels: TypeAlias = dict[str, Tensor]
"""The arguments of a model's forward that show it the pictures of one prompt."""

LARGEST = 4096
"""Pixels of the longer side of a picture."""
_KEPT = 4
"""Prompts whose pixels are kept: members of a group are shown the same."""
_IDS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
_TYPES = ("token_type_ids", "mm_token_type_ids")
_MARKS = ("image_token", "boi_token", "video_token")
_PLACEHOLDERS = ("image_token_id", "image_token_index", "video_token_id", "video_token_index")
_BY_ROW = frozenset({"idefics3", "smolvlm"})
"""Families whose pixels have a dimension for the rows of a batch, and one for the pictures of each; of others the pictures of
all rows follow each other."""


@dataclass(frozen=True)
class Prompt:
    """What a model is asked, as it reads it."""

    ids: tuple[int, ...]
    pictures: tuple[bytes, ...] = ()
    """The files of the pictures that it is shown, in their order."""


def digest_of(pictures: Sequence[bytes]) -> bytes:
    """Of these, in their order; empty if there are none."""
    each = (hashlib.sha256(picture).digest() for picture in pictures)
    return hashlib.sha256(b"".join(each)).digest() if pictures else b""


class Eyes:
    """The processor of a checkpoint, and what its model takes."""

    def __init__(self, family: str, processor: Any, config: Any, takes: frozenset[str]) -> None:
        """family: the `model_type`. takes: the names of the arguments of the model's forward."""
        self._family = family
        self._processor = processor
        self._takes = takes
        named = [getattr(config, each, None) for each in _PLACEHOLDERS]
        self._image = next(each for each in named if type(each) is int)
        self.placeholders = frozenset(each for each in named if type(each) is int)
        """Ids in whose place the model reads a picture."""
        places = (processor, processor.tokenizer)
        found = {getattr(place, name, None) for place in places for name in _MARKS}
        self._marks = sorted((each for each in found if isinstance(each, str)), key=len)
        self._known: OrderedDict[tuple[str, bytes], tuple[tuple[int, ...], Pixels]] = OrderedDict()
        self._in_parts = _takes_parts(processor.tokenizer)

    def prompt(self, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Prompt:
        """What the model reads of messages in the form of OpenAI, when it is asked to answer them.

        options: what the chat template is given besides. Raises PolicyFailed for a picture that cannot be shown; whatever the
        template or the processor raise.
        """
        pictures = tuple(_bytes(each) for each in _pictures(messages))
        return Prompt(self.ids(self.text(messages, options), pictures), pictures)

    def ids(self, text: str, pictures: Sequence[bytes] = ()) -> tuple[int, ...]:
        """What the model reads of a text with a mark for each picture. Raises PolicyFailed for one that cannot be shown."""
        if not pictures:
            return tuple(self._processor.tokenizer(text, add_special_tokens=False)["input_ids"])
        return self._read(text, tuple(pictures))[0]

    def text(
        self, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], *, ask: bool = True
    ) -> str:
        """What the chat template makes of messages, with a mark in the place of each picture."""
        asked = [{**each, "content": self._content(each.get("content") or "")} for each in messages]
        told = {"add_generation_prompt": ask, **options}
        found: str = self._processor.tokenizer.apply_chat_template(asked, tokenize=False, **told)
        return found

    def pixels(self, pictures: Sequence[bytes]) -> tuple[Pixels, int]:
        """What shows the model these, and how many of its ids stand for them. Raises PolicyFailed."""
        own = tuple(pictures)
        digest = digest_of(own)
        known = (each for (_, other), each in self._known.items() if other == digest)
        ids, found = next(known, None) or self._read(self._processor.image_token * len(own), own)
        return found, sum(each in self.placeholders for each in ids)

    def merged(self, rows: Sequence[Pixels]) -> Pixels:
        """Of several prompts, as the rows of one batch."""
        names = dict.fromkeys(name for each in rows for name in each)
        if self._family not in _BY_ROW:
            return {
                name: torch.cat([each[name] for each in rows if name in each]) for name in names
            }
        return {name: _stacked([each.get(name) for each in rows]) for name in names}

    def types(self, ids: Tensor) -> Pixels:
        """Which of a prompt's ids are pictures', for the models that ask for it."""
        return {name: (ids == self._image).long() for name in _TYPES if name in self._takes}

    def _content(self, content: Any) -> Any:
        """As the template takes it: text, or parts. Raises PolicyFailed for pictures that it cannot take."""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        shown = [_part(each, self._marks) for each in parts]
        if self._in_parts:
            return shown
        if any(each["type"] != "text" for each in shown):
            raise PolicyFailed("the chat template takes no pictures", "input")
        return "".join(each["text"] for each in shown)

    def _read(self, text: str, pictures: tuple[bytes, ...]) -> tuple[tuple[int, ...], Pixels]:
        """The ids of a text with its pictures, and their pixels. Raises PolicyFailed."""
        key = text, digest_of(pictures)
        if key not in self._known:
            self._known[key] = self._processed(text, pictures)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _processed(self, text: str, pictures: tuple[bytes, ...]) -> tuple[tuple[int, ...], Pixels]:
        images = [_opened(each, number) for number, each in enumerate(pictures, 1)]
        try:
            made = self._processor(
                text=[text], images=[images], add_special_tokens=False, return_tensors="pt"
            )
        except ValueError as error:
            sizes = ", ".join(f"{each.width}x{each.height}" for each in images)
            which = "the picture" if len(images) == 1 else f"the {len(images)} pictures"
            raise PolicyFailed(
                f"its processor does not take {which} ({sizes:.100}): {' '.join(str(error).split()):.200}",
                "input",
            ) from error
        ids = tuple(made["input_ids"][0].tolist())
        kept = {k: v for k, v in made.items() if k in self._takes and k not in _IDS}
        return ids, kept


def eyes_of(folder: Folder, tokenizer: Any, config: Any, takes: frozenset[str]) -> Eyes | None:
    """None for a checkpoint that sees nothing. Raises what the libraries do."""
    if not folder.sees:
        return None
    family = str(folder.config["model_type"])
    return Eyes(family, _processor(folder, family, tokenizer), config, takes)


def _processor(folder: Folder, family: str, tokenizer: Any) -> Any:
    """For still pictures alone, with Pillow: one for videos needs torchvision, whose pixels would be others, too."""
    place = str(folder.whole)
    whole = getattr(transformers, PROCESSORS[family])
    still: Any = type(whole.__name__, (whole,), {"get_attributes": classmethod(_attributes)})
    own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    images = AutoImageProcessor.from_pretrained(place, backend="pil", **own)
    settings, _ = whole.get_processor_dict(place, **own)
    made = still.from_args_and_dict(
        [images, tokenizer, *([None] if family == "smolvlm" else [])], settings
    )
    if made.chat_template:
        tokenizer.chat_template = made.chat_template
    return made


def _attributes(_: type) -> list[str]:
    return ["image_processor", "tokenizer"]


def _takes_parts(tokenizer: Any) -> bool:
    """Whether the chat template reads contents as lists of parts; some read text alone, and would write the list itself."""
    probe = [{"role": "user", "content": [{"type": "text", "text": "llmi"}]}]
    try:
        made = str(tokenizer.apply_chat_template(probe, tokenize=False))
    except Exception:  # noqa: BLE001 - a template is a program of anybody's
        return False
    return "llmi" in made and "'llmi'" not in made and '"llmi"' not in made


def _pictures(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    contents = (each["content"] for each in messages if isinstance(each.get("content"), list))
    return [part for content in contents for part in content if part.get("type") != "text"]


def _bytes(part: Mapping[str, Any]) -> bytes:
    """Raises PolicyFailed for one that is not here."""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    head, _, data = str(url or "").partition(",")
    try:
        if not head.startswith("data:image/") or not head.endswith(";base64"):
            raise ValueError
        return base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise PolicyFailed(
            f"transformers/ is shown pictures by their bytes, and not a part of the kind {part.get('type')!s:.40}"
            f"{' by its address' if url else ''}",
            "input",
        ) from None


def _part(part: Mapping[str, Any], marks: Sequence[str]) -> dict[str, str]:
    """As templates know it. What looks like the mark of a picture in a text is none: it gets a space."""
    if part.get("type") != "text":
        return {"type": "image"}
    text = str(part["text"])
    for mark in marks:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return {"type": "text", "text": text}


def _opened(data: bytes, number: int) -> Image.Image:
    """In three colours, on white where it is transparent. Raises PolicyFailed if it is none."""
    size = picture_size(data)
    if size is None or max(size) > LARGEST:
        said = (
            f"has {size[0]}x{size[1]} pixels, and may have {LARGEST} a side" if size else "is none"
        )
        raise PolicyFailed(f"picture {number} of what it is asked {said}", "input")
    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:
        raise PolicyFailed(
            f"picture {number} of what it is asked cannot be read: {error}", "input"
        ) from error
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    return image.convert("RGB")


def _stacked(rows: Sequence[Tensor | None]) -> Tensor:
    """Rows of pictures, each (1, pictures, ...), with as many of the same size: what is added is empty, which models leave out."""
    there = [each for each in rows if each is not None]
    most = [max(sizes) for sizes in zip(*(each.shape[1:] for each in there), strict=True)]
    whole = there[0].new_zeros((len(rows), *most))
    for number, each in enumerate(rows):
        if each is not None:
            whole[(number, *(slice(size) for size in each.shape[1:]))] = each[0]
    return whole
