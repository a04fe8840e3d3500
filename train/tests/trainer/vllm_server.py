"""A server of vLLM's API on loopback with a model behind it, which takes weights as TRL's client gives them.

All of TRL's protocol is real but the transport of the tensors, which is NCCL between GPUs and here a store of torch's over TCP.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch.distributed import TCPStore
from trl.generation.vllm_client import VLLMClient

from llmi_agent.testing import Reply, Seen, json_reply
from llmi_train.trainer.loading import read_tokenizer
from llmi_vllm.testing import FakeVLLM, Sent

from .tiny import END, WORDS, read

_SILENT = b"<|im_end|>"
"""A token that is in the ids, and in no text."""


class Vllm(FakeVLLM):
    """Serves the checkpoint in a folder, as `tiny`."""

    def __init__(self, folder: Path, key: str | None = None) -> None:
        super().__init__(key=key)
        self.model: Any = read(folder)
        self._tokenizer = read_tokenizer(folder)
        self.pushed: list[list[str]] = []
        """The names of the weights that came, each time."""
        self.config: Any = {
            "weight_transfer_config": {"backend": "nccl"},
            "model_config": {"logprobs_mode": "processed_logprobs"},
        }
        self._store: TCPStore | None = None

    def answer(self, request: Seen) -> Reply:
        known: dict[str, Any] = {
            "/health": {},
            "/v1/models": {"data": [{"id": "tiny"}]},
            "/server_info": {"vllm_config": self.config},
            "/get_world_size": {"world_size": 1},
            "/start_weight_update": {},
            "/finish_weight_update": {},
            "/reset_prefix_cache": {"success": True},
        }
        if self._key and request.path.startswith("/v1/") and "authorization" not in request.headers:
            return json_reply({"error": "Unauthorized"}, 401)
        if request.path == "/init_weight_transfer_engine":
            told = request.json["init_info"]
            self._store = TCPStore(told["master_address"], told["master_port"], is_master=False)
            return json_reply({})
        if request.path == "/update_weights":
            self._take(request.json["update_info"])
            return json_reply({})
        return json_reply(known[request.path]) if request.path in known else super().answer(request)

    def _take(self, told: Any) -> None:
        own = dict(self.model.named_parameters())
        assert self._store
        for number, (name, kind, shape) in enumerate(
            zip(told["names"], told["dtype_names"], told["shapes"], strict=True)
        ):
            sent = bytearray(self._store.get(f"{len(self.pushed)} {number}"))
            tensor = torch.frombuffer(sent, dtype=getattr(torch, kind)).reshape(shape)
            own[name].data.copy_(tensor)
        self.pushed.append(told["names"])

    def _sampled(self, body: dict[str, Any]) -> Sent:
        """From the model's own distribution."""
        prompt = self._tokenizer.apply_chat_template(
            body["messages"], tokenize=True, add_generation_prompt=True, return_dict=False
        )
        chance = torch.Generator().manual_seed(body["seed"] % 2**62)
        ids, logprobs = self._written(prompt, body["max_tokens"], body["temperature"], chance)
        silent = (0, END)
        tokens = tuple(_SILENT if each in silent else f" {WORDS[each]}".encode() for each in ids)
        text = "".join(f" {WORDS[each]}" for each in ids if each not in silent)
        finish = "stop" if ids[-1] == END else "length"
        return Sent(tuple(prompt), tokens, tuple(ids), tuple(logprobs), text, finish)

    def _written(
        self, prompt: list[int], most: int, temperature: float, chance: torch.Generator
    ) -> tuple[list[int], list[float]]:
        ids: list[int] = []
        logprobs: list[float] = []
        with torch.no_grad():
            while len(ids) < most and END not in ids:
                logits = self.model(torch.tensor([[*prompt, *ids]])).logits[0, -1].float()
                logps = (logits / temperature).log_softmax(-1)
                ids.append(int(torch.multinomial(logps.exp(), 1, generator=chance)))
                logprobs.append(float(logps[ids[-1]]))
        return ids, logprobs


class OverTcp(VLLMClient):  # type: ignore[misc]
    """TRL's client, whose tensors go through a store in the place of NCCL."""

    def init_communicator(self, device: Any = 0) -> None:
        assert self.get_server_info()["weight_transfer_config"]
        self._store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        world = self.get_world_size() + 1
        told = {"master_address": "127.0.0.1", "master_port": self._store.port, "rank_offset": 1, "world_size": world}  # fmt: skip
        self._post(f"{self.base_url}/init_weight_transfer_engine", json={"init_info": told})
        self._times = 0

    def update_named_params(
        self, metadata: list[tuple[str, str, list[int]]], named_params: Iterator[Any]
    ) -> None:
        names, kinds, shapes = (list(field) for field in zip(*metadata, strict=True))
        told = {"names": names, "dtype_names": kinds, "shapes": shapes, "packed": True}
        self._start_weight_update()
        with ThreadPoolExecutor(max_workers=1) as executor:
            for number, (_, tensor) in enumerate(named_params):
                sent = tensor.detach().contiguous().numpy().tobytes()
                self._store.set(f"{self._times} {number}", sent)
            executor.submit(
                self._post, f"{self.base_url}/update_weights", json={"update_info": told}
            ).result()
        self._times += 1
        self._finish_weight_update()
