"""What hosted tools share: their settings and their keys, and what is said of wrong ones."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from llmi_agent.contract.tool import ToolFailed
from llmi_agent.contract.vendor import read_settings, retry_after, secret_of
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import check_light_import, make_context

NAME = "VENDOR_API_KEY"


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(default=6, ge=1)
    names: tuple[str, ...] = ()
    word: str = ""
    inner: _Inner = _Inner()

    @field_validator("word")
    @classmethod
    def _short(cls, word: str) -> str:
        if len(word) > 5:
            raise ValueError(f"no word of {len(word)} letters")
        return word

    @model_validator(mode="after")
    def _fitting(self) -> _Settings:
        if self.size < len(self.names):
            raise ValueError("more names than size")
        return self


def test_the_module_is_light() -> None:
    check_light_import("llmi_agent.contract.vendor")


def test_settings_are_of_the_form_that_was_asked_for() -> None:
    settings = read_settings({"names": ["a"]}, _Settings, "painter")
    assert (settings.names, settings.size) == (("a",), 6)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sice": 1}, "sice: no such setting; there are size, names, word, inner"),
        ({"size": 0}, "size: Input should be greater than or equal to 1"),
        ({"names": ["a", 1]}, "names.1: Input should be a valid string"),
        ({"word": "colour"}, "word: no word of 6 letters"),
        ({"inner": {"x": 1}}, "inner.x: Extra inputs are not permitted"),
        ({"size": 1, "names": ["a", "b"]}, "more names than size"),
        (
            {"size": "x", "word": "colour"},
            "size: Input should be a valid integer, unable to parse string as an integer; "
            "word: no word of 6 letters",
        ),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        read_settings(values, _Settings, "painter")
    assert str(caught.value) == f"[tools.painter] {said}"
    assert (caught.value.reason, caught.value.usd) == ("unavailable", 0.0)


async def _secret(folder: Path, secrets: dict[str, str]) -> str:
    async with AsyncExitStack() as scope:
        context = make_context(ArtifactStore(folder), scope, secrets=secrets)
        return secret_of(context, NAME, "https://vendor.example/keys")


async def test_a_secret_has_no_white_space_around_it(tmp_path: Path) -> None:
    assert await _secret(tmp_path, {NAME: " sk-1234\n"}) == "sk-1234"


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({}, "is not set; get one at https://vendor.example/keys"),
        ({NAME: " \n"}, "is not set; get one at https://vendor.example/keys"),
        (
            {NAME: "sk-1\n2"},
            "has characters that no key has; copy it again from https://vendor.example/keys",
        ),
        (
            {NAME: "sk-\xe9"},
            "has characters that no key has; copy it again from https://vendor.example/keys",
        ),
    ],
)
async def test_a_secret_that_is_no_good_is_named_but_not_shown(
    tmp_path: Path, secrets: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, "sk-of-somebody-else")
    with pytest.raises(ToolFailed) as caught:
        await _secret(tmp_path, secrets)
    assert str(caught.value) == f"{NAME} {said}"
    assert (caught.value.reason, caught.value.usd) == ("unavailable", 0.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"llm_provider-retry-after": "9"}, 9.0),
        ({"retry-after": "7", "llm_provider-retry-after": "9"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_vendor_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
