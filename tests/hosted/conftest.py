"""The hosted tools of this repository, each against its own loopback fake, as one installed set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.config.options import Options
from llmi_agent.testing import OpenAIServer
from llmi_e2b.testing import FakeE2B
from llmi_replicate.testing import FakeReplicate
from llmi_tavily.testing import FakeTavily, Shown

KEYS = {
    "OPENAI_API_KEY": "sk-canary-openai-0123456789",
    "TAVILY_API_KEY": "tvly-canary-tavily-0123456789",
    "REPLICATE_API_TOKEN": "r8_canary_replicate_0123456789",
    "E2B_API_KEY": "e2b_canary_0123456789abcdef",
}
PRICE = {"input": 0.15, "output": 0.60}


@dataclass(frozen=True)
class Vendors:
    """The fakes, and how a run is led to them."""

    openai: OpenAIServer
    tavily: FakeTavily
    replicate: FakeReplicate
    e2b: FakeE2B

    @property
    def servers(self) -> tuple[Any, ...]:
        return self.openai, self.tavily, self.replicate, self.e2b

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The `[tools.<name>]` tables."""
        replicate = {"api_base": f"{self.replicate.url}/v1"}
        return {
            "tavily_images": {"api_base": self.tavily.url},
            "replicate_flux_schnell": replicate,
            "replicate_flux_kontext": replicate,
            "e2b_code": dict(self.e2b.settings),
        }

    @property
    def api_base(self) -> str:
        return f"{self.openai.url}/v1"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where their pictures lie, which is private."""
        return self.tavily.host, self.replicate.host

    def options(self, **given: Any) -> Options:
        prices: Any = {"openai/writer": PRICE}
        return Options(
            **{"retry_wait": 0.01, "download_allow": self.hosts, "prices": prices, **given}
        )

    def write_config(self, folder: Path) -> None:
        """The same as an `llmi.toml`."""
        lines = [f'api_base = "{self.api_base}"', "[options]", "retry_wait = 0.01"]
        lines.append(f"download_allow = {list(self.hosts)}")
        lines += ["[options.prices]", '"openai/writer" = { input = 0.15, output = 0.60 }']
        for name, own in self.settings.items():
            lines.append(f"[tools.{name}]")
            lines += [f'{key} = "{value}"' for key, value in own.items()]
        (folder / "llmi.toml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with ExitStack() as stack:
        yield Vendors(
            stack.enter_context(OpenAIServer(key=KEYS["OPENAI_API_KEY"])),
            stack.enter_context(
                FakeTavily([Shown("a red boat", 800, 600)], key=KEYS["TAVILY_API_KEY"])
            ),
            stack.enter_context(FakeReplicate(key=KEYS["REPLICATE_API_TOKEN"])),
            stack.enter_context(FakeE2B(key=KEYS["E2B_API_KEY"])),
        )


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For `llmi` in a process of its own: the keys, and canaries in variables that look like keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LLMI_HOME", "XDG_CONFIG_HOME")}
    canaries = {
        "DATABASE_PASSWORD": "canary-database-0123456789",
        "GITHUB_TOKEN": "canary-github-0123456789",
        "AWS_SECRET_ACCESS_KEY": "canary-aws-0123456789",
    }
    return {**kept, **KEYS, **canaries, "HOME": str(tmp_path)}
