"""OpenAI's API on loopback, for tests of these tools: the framework's own fake, with a key and the image models.

with images_server() as server:
    settings = {"litellm_image": {"api_base": f"{server.url}/v1"}}
    options = Options(download_allow=(server.host,))  # DALL-E's pictures lie on loopback, which is private
"""

from __future__ import annotations

from llmi_agent.testing import OpenAIServer

KEY = "sk-a-key-for-tests"
MODELS = ("gpt-image-1", "dall-e-2", "dall-e-3")


def images_server(key: str = KEY) -> OpenAIServer:
    """A server that accepts `key` and knows `MODELS`."""
    return OpenAIServer(models=MODELS, key=key)
