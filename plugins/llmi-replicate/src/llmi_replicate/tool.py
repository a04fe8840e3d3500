"""The tools: a prompt in, and for an edit a picture; the model's pictures out.

Each is an attribute of this module under its own name: `llmi_replicate.tool:replicate_flux_schnell`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from llmi_agent.contract import (
    BaseTool,
    DiffusionParams,
    EditParams,
    Health,
    Image,
    Produced,
    Provenance,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    read_settings,
    secret_of,
)
from llmi_replicate.api import Prediction, connected, load_sdk
from llmi_replicate.job import finished
from llmi_replicate.models import MODELS, OWN, Model
from llmi_replicate.pictures import data_uri, fetched
from llmi_replicate.plugin import KEY
from llmi_replicate.settings import OwnEditSettings, OwnSettings, Settings, own_model

VERIFY_SECONDS = 15.0
_TOKENS = "https://replicate.com/account/api-tokens"
_SEEDS = 2**31
"""How many seeds the models take, from 0."""
_REFUSAL = re.compile(
    r"\b(nsfw|flagged|sensitive|E005)\b|content (policy|filter|moderation)|safety (check|filter|system)",
    re.IGNORECASE,
)
"""How models say that they do not draw something; the API has no word of its own for it."""
_PASSING = re.compile(
    r"interrupted|unavailable|high demand|overloaded|(re)?try again|please retry", re.IGNORECASE
)
"""How they say that the next attempt may work: "Prediction interrupted; please retry (code: PA)"."""


class ReplicateTool(BaseTool):
    """Has a model at Replicate make pictures."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """One picture, or as many as the model makes. Raises ToolFailed."""
        assert isinstance(call.params, DiffusionParams | EditParams)
        settings, model = self._configured(context)
        key = secret_of(context, KEY, _TOKENS)
        inputs = _inputs(settings, model, call.params.prompt, context.seed)
        if model.image_input:
            picture = await asyncio.to_thread(data_uri, context.artifacts.read(call.inputs[0]))
            inputs[model.image_input] = [picture] if model.image_list else picture
        left = context.deadline - asyncio.get_running_loop().time()
        async with connected(key, settings.base, left) as replicate:
            prediction = await finished(replicate, model.name, inputs, context)
        if prediction.status != "succeeded":
            raise _failure(prediction, model)
        seed = inputs.get(model.seed_input)
        # No source_url: Replicate deletes its outputs after an hour.
        origin = Provenance("Replicate", model=model.name, seed=seed)
        pictures = await fetched(prediction.output, context, model.usd)
        return Produced(tuple(Image(each, origin) for each in pictures))

    async def check(self, context: ToolContext) -> Health:
        """Whether there is a token, the settings are right, and the SDK works on this Python."""
        try:
            _, model = self._configured(context)
            secret_of(context, KEY, _TOKENS)
            load_sdk()
        except ToolFailed as failed:
            return Health(ok=False, message=str(failed))
        return Health(ok=True, message=f"{model.name}; the token is set")

    async def verify(self, context: ToolContext) -> Health:
        """Ask whose token it is, which costs nothing."""
        if self._name in OWN and "model" not in context.settings:
            return Health(ok=True, message=f"not in use: [tools.{self._name}] names no model")
        try:
            settings, _ = self._configured(context)
            async with (
                asyncio.timeout(VERIFY_SECONDS),
                connected(secret_of(context, KEY, _TOKENS), settings.base) as replicate,
            ):
                account = await replicate.account()
        except ToolFailed as failed:
            return Health(ok=False, message=str(failed))
        except TimeoutError:
            return Health(ok=False, message=f"Replicate did not answer within {VERIFY_SECONDS:g} s")
        return Health(ok=True, message=f"Replicate accepts the token of {account}")

    def _configured(self, context: ToolContext) -> tuple[Settings, Model]:
        """The settings, and the model that they name. Raises ToolFailed."""
        if model := MODELS.get(self._name):
            settings = read_settings(context.settings, Settings, self._name)
        else:
            kind = OWN[self._name]
            form = OwnEditSettings if kind == "edit" else OwnSettings
            settings = read_settings(context.settings, form, self._name)
            model = own_model(settings, kind)
        for name in (model.prompt_input, model.image_input):
            if name in settings.input:
                raise ToolFailed(
                    f"[tools.{self._name}.input] {name}: this input is filled by LLMI; leave it out",
                    "unavailable",
                    usd=0.0,
                )
        if model.seed_input and not isinstance(settings.input.get(model.seed_input, 0), int):
            words = f"[tools.{self._name}.input] {model.seed_input}: a seed is a whole number"
            raise ToolFailed(words, "unavailable", usd=0.0)
        return settings, model


def __getattr__(name: str) -> Callable[[], ReplicateTool]:
    """The maker of the tool of this name."""
    if name in MODELS or name in OWN:
        return partial(ReplicateTool, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _inputs(settings: Settings, model: Model, prompt: str, seed: int) -> dict[str, Any]:
    """What the model gets: the user's settings win over the table, and over the run's seed."""
    seeds = {model.seed_input: seed % _SEEDS} if model.seed_input else {}
    return {**seeds, **model.input, **settings.input, model.prompt_input: prompt}


def _failure(prediction: Prediction, model: Model) -> ToolFailed:
    said = " ".join(prediction.error.split())[:300]
    if prediction.status == "canceled":
        words = f"prediction {prediction.id} was cancelled at Replicate, and not by LLMI; run again"
        return ToolFailed(words, "unavailable")
    if prediction.status != "failed":
        return ToolFailed(
            f"Replicate gave up prediction {prediction.id} before it ran", "unreachable"
        )
    if _REFUSAL.search(said):
        return ToolFailed(f"{model.name} refuses to draw this: {said}", "refused")
    return ToolFailed(
        f"{model.name} failed at Replicate: {said or 'it does not say why'}",
        "unreachable" if _PASSING.search(said) else "crashed",
    )
