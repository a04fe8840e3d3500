"""What LiteLLM sends for a provider, in a process that is full of other keys. Run in a process of its own.

python wire.py openai anthropic     one line of JSON each: what was sent, and which of the process's keys were in it
python wire.py                      every provider of BY_KEY
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
from typing import Any, NoReturn

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import httpx
import litellm
import requests

from llmi_litellm.providers import BY_KEY

CREDENTIAL = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|JWT|CLIENT_ID|TENANT|PROFILE|ROLE")
OTHERS = re.compile(r"SSL|LITELLM|PYTHON|TIKTOKEN|TOKENIZERS")
MINE = "the-tenants-own-key"
ADDRESSED = ("azure_ai", "cloudflare", "heroku", "snowflake")
sent: list[str] = []


class Full(type(os.environ)):  # type: ignore[misc]
    """An environment in which every key is set."""

    def __getitem__(self, name: str) -> str:
        try:
            return str(super().__getitem__(name))
        except KeyError:
            if CREDENTIAL.search(name) and not OTHERS.search(name):
                return f"canary-{name}"
            raise

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


def stop(request: Any) -> NoReturn:
    body = getattr(request, "_content", b"") or getattr(request, "body", b"") or b""
    sent.append(f"{request.url} {dict(request.headers)} {body!r}")
    raise ConnectionError("seen")


async def send(self: Any, request: Any, **given: Any) -> NoReturn:
    stop(request)


async def ask(provider: str) -> dict[str, Any]:
    sent.clear()
    base = {"api_base": "https://tenant.example/v1"} if provider in ADDRESSED else {}
    try:
        answer = await litellm.acompletion(
            model=f"{provider}/{'org/' if provider == 'huggingface' else ''}some-model",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            api_key=MINE,
            **base,
        )
        async for _ in answer:
            pass
        failure = ""
    except BaseException as error:  # noqa: BLE001 - each provider has errors of its own
        failure = f"{type(error).__name__}: {error}"[:200]
    seen = "\n".join(sent)
    canaries = sorted(set(re.findall(r"canary-(\w+)", seen)))
    return {"provider": provider, "mine": MINE in seen, "canaries": canaries, "error": failure}


async def main(providers: list[str]) -> None:
    litellm.suppress_debug_info = True
    litellm.disable_aiohttp_transport = True
    logging.disable(logging.CRITICAL)
    httpx.AsyncClient.send = send  # type: ignore[assignment,method-assign]
    httpx.Client.send = lambda self, request, **given: stop(request)  # type: ignore[method-assign]
    requests.Session.send = lambda self, request, **given: stop(request)  # type: ignore[method-assign]
    os.environ.__class__ = Full
    for provider in providers:
        print(json.dumps(await ask(provider)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or sorted(BY_KEY)))
