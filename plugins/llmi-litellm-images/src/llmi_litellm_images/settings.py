"""What a user may set under `[tools.litellm_image]` and `[tools.litellm_image_edit]`."""

from __future__ import annotations

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, field_validator

OPENAI = "api.openai.com"
_PREFIX = "openai/"


class Settings(BaseModel):
    """The tool's section of llmi.toml, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "openai/gpt-image-1"
    """`openai/`, then the name under which the server knows the model."""
    api_base: AnyHttpUrl = AnyHttpUrl(f"https://{OPENAI}/v1")
    """A server with OpenAI's images API. The key is sent there and nowhere else."""
    size: str | None = Field(default=None, pattern=r"^(auto|\d+x\d+)$")
    """As the model knows it, such as 1536x1024. Unset: the model's own."""
    quality: str | None = Field(default=None, min_length=1)
    """As the model knows it, such as low, medium or high. Unset: the model's own."""

    @field_validator("model")
    @classmethod
    def _of_openai(cls, value: str) -> str:
        if not value.removeprefix(_PREFIX) or not value.startswith(_PREFIX):
            raise ValueError(
                f"must be {_PREFIX} and the model's name, not {value!r}; for a model of another vendor, put its "
                "OpenAI-compatible address, or a LiteLLM proxy's, into api_base"
            )
        return value

    @property
    def name(self) -> str:
        """The model's name at the server."""
        return self.model.removeprefix(_PREFIX)

    @property
    def base(self) -> str:
        """`api_base` as the clients take it."""
        return str(self.api_base).rstrip("/")

    @property
    def vendor(self) -> str:
        """Whom the server belongs to, for people."""
        host = self.api_base.host or ""
        return "OpenAI" if host == OPENAI else host

    @property
    def form(self) -> dict[str, str]:
        """The DALL-E models must be asked for the bytes; the gpt-image ones always give them, and refuse the question."""
        return {"response_format": "b64_json"} if self.name.startswith("dall-e") else {}

    @property
    def options(self) -> dict[str, str]:
        """What is said of the picture beside the prompt."""
        said = {"size": self.size, "quality": self.quality}
        return {name: value for name, value in said.items() if value}
