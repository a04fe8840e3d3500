"""A tool as data: what LLMI, the user and the policy know of it before it is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from llmi_agent.contract.kinds import WELL_KNOWN, Kind

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class ToolSpec:
    """A tool as data. Constructing one validates it: a wrong spec raises ValueError or TypeError."""

    name: str
    """Unique among all plugins: lower case letters, digits, underscores."""
    kind: str
    """`search`, `diffusion`, `code`, `edit`, or a kind of the plugin's own."""
    description: str
    """For people (`llmi tools`) and, if the kind is the plugin's own, for the system prompt."""
    load: str
    """"module:attr" of the tool's class, resolved on first use."""
    params: type[BaseModel] | None = None
    """Only for a kind of its own: validates `params`, with `extra="forbid"`."""
    example: Mapping[str, Any] | None = None
    """Only for a kind of its own: valid params, printed in the system prompt."""
    title: str = ""
    """Only for a kind of its own: the example's `description`."""
    needs: tuple[str, ...] = ()
    """Names of the secrets (environment variables) without which the tool cannot run."""
    usd: float | None = None
    """US dollars that a call costs, as far as it can be told in advance; 0 is free, None is unknown."""
    seconds: float | None = None
    """How long a call takes, typically."""
    timeout: float = 60.0
    """Seconds after which a call is cancelled and fails with reason `timeout`."""
    executes_code: bool = False
    """The tool runs what the policy wrote: its crashes and timeouts are the policy's."""
    deterministic: bool = False
    """The same call always gives the same picture, so it may be cached."""
    uses_seed: bool = True
    """Another seed, another picture; so too for a model that draws by chance and takes no seed. False, as for a search:
    the tool is given 0, and a result on record is found again whatever the seed."""
    opt_in: bool = False
    """Never bound unless the user names it."""

    def __post_init__(self) -> None:
        for label, value in (("name", self.name), ("kind", self.kind)):
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                raise ValueError(
                    f"{label} {value!r}: use lower case letters, digits and underscores, "
                    "starting with a letter"
                )
        module, _, attribute = self.load.partition(":")
        if not module or not attribute:
            raise ValueError(f"load {self.load!r} of tool {self.name!r}: write 'module:attr'")
        if not self.timeout > 0:
            raise ValueError(f"timeout {self.timeout!r} of tool {self.name!r}: must be above 0")
        if self.kind in WELL_KNOWN:
            self._check_well_known()
        else:
            self._check_own_kind()

    def _check_well_known(self) -> None:
        if self.params is not None or self.example is not None:
            raise ValueError(
                f"tool {self.name!r}: the params of kind {self.kind!r} are the framework's; "
                "leave params and example out, or name a kind of your own"
            )

    def _check_own_kind(self) -> None:
        if self.params is None or self.example is None or not self.title:
            raise ValueError(
                f"tool {self.name!r}: kind {self.kind!r} is not one of {', '.join(WELL_KNOWN)}, "
                "so the spec must say its params, example and title"
            )
        if not issubclass(self.params, BaseModel):
            raise TypeError(f"tool {self.name!r}: params must be a pydantic model class")
        if self.params.model_config.get("extra") != "forbid":
            raise ValueError(
                f'tool {self.name!r}: params must have model_config = {{"extra": "forbid"}}'
            )
        try:
            self.params.model_validate(dict(self.example))
        except ValidationError as error:
            raise ValueError(f"tool {self.name!r}: its example is not valid: {error}") from None

    def as_kind(self) -> Kind:
        """The kind that this tool implements, as the policy sees it."""
        if self.kind in WELL_KNOWN:
            return WELL_KNOWN[self.kind]
        assert self.params is not None  # __post_init__ saw to both
        assert self.example is not None
        return Kind(self.kind, self.params, self.description, dict(self.example), self.title)
