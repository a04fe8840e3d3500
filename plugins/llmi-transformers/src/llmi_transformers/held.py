"""A model that this process has loaded already, such as one that is trained: it writes in a thread, from its own weights. Imports torch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from llmi_agent.contract import PolicyFailed, PolicyModel, PolicyRequest
from llmi_transformers.asking import prompt_of
from llmi_transformers.chat import policy_of
from llmi_transformers.desk import Desk, Order
from llmi_transformers.folder import Folder
from llmi_transformers.loading import Loaded, ready
from llmi_transformers.post import Answering, Post
from llmi_transformers.settings import Settings
from llmi_transformers.wire import Ask, Drop, Open, Stop


class Held(Answering):
    """Answers calls while `writing` says that it may; the weights are nobody else's for that long."""

    def __init__(
        self,
        folder: Folder,
        model: Any,
        tokenizer: Any,
        settings: Settings,
        compute: torch.dtype | None = None,
    ) -> None:
        """folder: where the model was read from, for what is said of it. compute: what it computes in, where that is not what its
        weights are kept in. Raises PolicyFailed if such a model cannot write here.
        """
        super().__init__()
        self._opening = Open(folder, settings)
        self._tokenizer = tokenizer
        self._compute = compute
        self._post: _Thread | None = None
        self._version = ""
        self.use(model)

    def use(self, model: Any) -> None:
        """It writes from now on, such as the same one with adapters on it. Raises PolicyFailed, in a sentence, if it cannot."""
        self._loaded = ready(self._opening.folder, model, self._tokenizer, "")
        settings = self._opening.settings
        prompt_of(
            self._opening.folder.path.name,
            self._loaded,
            [{"role": "user", "content": "?"}],
            settings.template_options,
        )

    def version(self) -> str:
        """As `writing` was told last."""
        return self._version

    def chat(self, request: PolicyRequest) -> PolicyModel:
        """The chat model, as that of `transformers/PATH`."""
        return policy_of(request, self, self._opening.folder, self._opening.settings)

    @contextmanager
    def writing(self, version: str) -> Iterator[None]:
        """While the block runs, the weights as they are answer, in evaluation mode; afterwards nothing of theirs is in use.

        version: what they go by.
        """
        self._version = version
        model = self._loaded.model
        training = model.training
        model.eval()
        self._post = _Thread(self._opening, replace(self._loaded, version=version), self._compute)
        try:
            yield
        finally:
            post, self._post = self._post, None
            post.close()
            model.train(training)

    def _open(self) -> Post:
        if self._post is None:
            raise PolicyFailed(f"{self._opening.folder.path} is being trained, and does not write")
        return self._post


class _Thread(Post):
    """A desk in a thread of this process."""

    def __init__(self, opening: Open, loaded: Loaded, compute: torch.dtype | None) -> None:
        super().__init__()
        self._path = opening.folder.path
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._desk = Desk(opening, self._orders, self._hand_on)
        self._given = loaded, compute
        self._thread = threading.Thread(target=self._work, name="llmi-transformers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when it computes no more; who still waits hears that."""
        self._orders.put(Stop())
        self._thread.join()
        self.dead = True
        self._lose(self._why())

    def _work(self) -> None:
        loaded, compute = self._given
        kind, used = loaded.device.type, compute is not None and compute != torch.float32
        with torch.no_grad(), torch.autocast(kind, compute if used else None, enabled=used):
            self._desk.write(loaded)

    def _send(self, value: Ask | Drop) -> None:
        self._orders.put(value)

    def _why(self) -> str:
        return f"{self._path} is being trained, and does not write any more"
