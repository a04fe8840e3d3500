"""The models that have a tool of their own, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Model:
    """A model at Replicate, and what its inputs are called."""

    name: str
    """`owner/name`, or `owner/name:version`, which a model that is not official needs."""
    kind: str
    """`diffusion` or `edit`."""
    title: str = ""
    """Its name for people."""
    usd: float | None = None
    """The list price of a picture, in US dollars."""
    seconds: float | None = None
    """How long a picture takes, typically."""
    prompt_input: str = "prompt"
    image_input: str = ""
    """Only for an edit: takes the picture to change."""
    image_list: bool = False
    """That input wants a list."""
    seed_input: str = ""
    """Empty: the model takes no seed."""
    input: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What it gets with every call."""


DEFAULTS = ("replicate_flux_schnell", "replicate_flux_kontext")
"""The tools that need not be named to be used."""

_PNG: Mapping[str, Any] = MappingProxyType({"output_format": "png"})

# List prices as others have noted them, since Replicate's own pages (https://replicate.com/pricing) could not be read:
# FLUX: https://www.workflowlab.dev/cost/flux-api-options-compared (May 2026) and
#       https://oauth.openai-hk.com/docs/en/lab/replicate.html;
# Seedream: the price table of the gateway https://github.com/Laisky/one-api (relay/adaptor/replicate);
# Qwen: no source was found, so these two are to be checked first.
MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "replicate_flux_schnell": Model(
            "black-forest-labs/flux-schnell",
            "diffusion",
            "FLUX.1 [schnell]",
            usd=0.003,
            seconds=2.0,
            seed_input="seed",
            input=_PNG,
        ),
        "replicate_flux_dev": Model(
            "black-forest-labs/flux-dev",
            "diffusion",
            "FLUX.1 [dev]",
            usd=0.025,
            seconds=4.0,
            seed_input="seed",
            input=_PNG,
        ),
        "replicate_flux_pro": Model(
            "black-forest-labs/flux-1.1-pro",
            "diffusion",
            "FLUX1.1 [pro]",
            usd=0.04,
            seconds=5.0,
            seed_input="seed",
            input=_PNG,
        ),
        "replicate_qwen_image": Model(
            "qwen/qwen-image",
            "diffusion",
            "Qwen-Image",
            usd=0.025,
            seconds=8.0,
            seed_input="seed",
        ),
        "replicate_seedream": Model(
            "bytedance/seedream-4",
            "diffusion",
            "Seedream 4",
            usd=0.03,
            seconds=15.0,
            input=MappingProxyType({"size": "2K"}),
        ),
        "replicate_flux_kontext": Model(
            "black-forest-labs/flux-kontext-pro",
            "edit",
            "FLUX.1 Kontext [pro]",
            usd=0.04,
            seconds=6.0,
            image_input="input_image",
            seed_input="seed",
            input=_PNG,
        ),
        "replicate_qwen_image_edit": Model(
            "qwen/qwen-image-edit",
            "edit",
            "Qwen-Image-Edit",
            usd=0.03,
            seconds=8.0,
            image_input="image",
            seed_input="seed",
        ),
    }
)
"""By the name of the tool."""

OWN: Mapping[str, str] = MappingProxyType(
    {"replicate_image": "diffusion", "replicate_edit": "edit"}
)
"""The kinds of the tools whose model the user names, by the name of the tool."""
