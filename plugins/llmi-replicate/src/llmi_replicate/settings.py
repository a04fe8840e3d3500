"""What a user may set under `[tools.<name>]`."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
)

from llmi_replicate.models import Model

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MODEL = re.compile(rf"{_PART}/{_PART}(:{_PART})?")


def _sendable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, allow_nan=False)  # TOML has inf and nan, JSON has not
    return value


def _named(value: Any) -> Any:
    if not (isinstance(value, str) and _MODEL.fullmatch(value)):
        raise ValueError('say which one, as in model = "owner/name" or "owner/name:version"')
    return value


class Settings(BaseModel):
    """For a model of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_base: AnyHttpUrl = AnyHttpUrl("https://api.replicate.com")
    """Where the API is. The token is sent there and nowhere else."""
    input: Annotated[dict[str, JsonValue], AfterValidator(_sendable)] = {}
    """Goes to the model with every call, such as `aspect_ratio`."""

    @property
    def base(self) -> str:
        """The API's address as the SDK wants it: the SDK itself adds `/v1`."""
        return str(self.api_base).rstrip("/").removesuffix("/v1")


class OwnSettings(Settings):
    """For a model that the user names."""

    model: Annotated[str, BeforeValidator(_named), Field(validate_default=True)] = ""
    """`owner/name`, or `owner/name:version`. It has to be given."""
    prompt_input: str = Field(default="prompt", min_length=1)
    """The model's input for the prompt."""
    seed_input: str = ""
    """The model's input for the seed, if it has one."""


class OwnEditSettings(OwnSettings):
    """For a model that the user names, and that changes a picture."""

    image_input: str = Field(default="image", min_length=1)
    """The model's input for the picture."""
    image_list: bool = False
    """Whether that input wants a list."""


def own_model(settings: OwnSettings, kind: str) -> Model:
    """The user's model, as one of the table's form."""
    edit = settings if isinstance(settings, OwnEditSettings) else None
    return Model(
        settings.model,
        kind,
        prompt_input=settings.prompt_input,
        image_input=edit.image_input if edit else "",
        image_list=bool(edit and edit.image_list),
        seed_input=settings.seed_input,
    )
