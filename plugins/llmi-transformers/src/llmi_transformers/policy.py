"""From a name such as `transformers/out/checkpoint` to a chat model on the checkpoint in that folder."""

from __future__ import annotations

from importlib.util import find_spec

from llmi_agent.contract import PolicyFailed, PolicyModel, PolicyRequest
from llmi_transformers.chat import policy_of
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
    return policy_of(request, engine_of(folder, settings), folder, settings)
