"""What a user may set under `[tools.<name>]`, and the key that goes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from llmi_agent.tool import ToolContext, ToolFailed
from llmi_replicate.models import Model
from llmi_replicate.plugin import KEY

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def _sendable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, allow_nan=False)  # TOML has inf and nan, JSON has not
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

    model: str = Field(pattern=rf"^{_PART}/{_PART}(:{_PART})?$")
    """`owner/name`, or `owner/name:version`."""
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


Some = TypeVar("Some", bound=Settings)


def read_settings(values: Mapping[str, Any], form: type[Some], tool: str) -> Some:
    """The settings of a context. Raises ToolFailed, naming the wrong one and what it may be."""
    try:
        return form.model_validate(dict(values))
    except ValidationError as error:
        wrong = "; ".join(_wrong(each, form) for each in error.errors(include_url=False))
        raise ToolFailed(f"[tools.{tool}] {wrong}", "unavailable", usd=0.0) from None


def _wrong(error: Any, form: type[Settings]) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{name}: no such setting; there are {', '.join(form.model_fields)}"
    if name == "model":
        return 'model: say which one, as in model = "owner/name" or "owner/name:version"'
    return f"{name}: {error['msg']}"


def key_of(context: ToolContext, tool: str) -> str:
    """The token. Raises ToolFailed without one: the SDK would look for it in the environment."""
    key = context.secrets.get(KEY, "").strip()
    if not key:
        raise ToolFailed(
            f"{tool} needs {KEY}; make one at https://replicate.com/account/api-tokens and set it",
            "unavailable",
            usd=0.0,
        )
    if not (key.isascii() and key.isprintable()):
        raise ToolFailed(
            f"{KEY} has characters that no token has; copy it again from replicate.com",
            "unavailable",
            usd=0.0,
        )
    return key
