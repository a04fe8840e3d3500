"""From a name such as `transformers/out/checkpoint` to a chat model on the checkpoint in that folder."""

from __future__ import annotations

from importlib.util import find_spec

from llmi_agent.contract import PolicyFailed, PolicyModel, PolicyRequest
from llmi_transformers.chat import Chat
from llmi_transformers.engine import engine_of
from llmi_transformers.folder import folder_of
from llmi_transformers.settings import settings_of


def make(request: PolicyRequest) -> PolicyModel:
    """The chat model; the checkpoint is loaded when it is asked first.

    Raises PolicyFailed for a folder without a checkpoint, without torch, and for settings that cannot be.
    """
    settings = settings_of(request.secrets)
    folder = folder_of(request.model)
    for name in ("torch", "transformers"):
        if find_spec(name) is None:
            raise PolicyFailed(
                f"the model {request.name} needs {name}: pip install {name} (llmi-transformers says how to choose a build of "
                "torch for CPU or GPU)"
            )
    chat = Chat(
        model=request.model,
        engine=engine_of(folder, settings),
        tokens=request.tokens,
        template=settings.template_options,
    )
    return PolicyModel(
        chat,
        sees=folder.sees,
        takes=frozenset({"temperature", "top_p", "max_tokens", "stop", "seed"}),
        asks=chat.asks,
        weights=chat.engine.version,
    )
