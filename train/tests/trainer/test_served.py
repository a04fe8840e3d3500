"""A server of vLLM writes the rollouts, and has the weights that are trained: recorded against recomputed logprobs say so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trl.generation import vllm_client, vllm_generation

from llmi_agent.base.errors import ConfigError, LlmiError, UnavailableError
from llmi_agent.testing import Reply, Seen, Server, json_reply
from llmi_train.cli import main
from llmi_train.trainer.online_run import train_online
from llmi_train.trainer.online_written import Trained
from llmi_train.trainer.served import MODE, ServedPolicy, over_nccl

from .online_scene import members, on_record, rollouts, settings, story
from .tiny import checkpoint, read
from .vllm_server import OverTcp, Vllm


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMI_PLUGINS", "llmi-vllm,llmi-gallery")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv(MODE, "")
    monkeypatch.delenv(MODE)
    monkeypatch.chdir(tmp_path)
    return checkpoint(tmp_path / "base")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Vllm]:
    """It begins with other weights."""
    with Vllm(checkpoint(tmp_path / "other", seed=1)) as running:
        yield running


@pytest.fixture
def over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (vllm_client, vllm_generation):
        monkeypatch.setattr(module, "is_vllm_available", lambda *_, **__: True)
    monkeypatch.setattr(vllm_generation, "VLLMClient", OverTcp)


def trained(tmp_path: Path, server: Vllm, *, resume: bool = False, **given: Any) -> Trained:
    served = ServedPolicy(f"{server.url}/v1", over_nccl)
    return train_online(
        rollouts(tmp_path), "base", Path("out"), settings(**given),
        policy=lambda loaded, name: served, resume=resume,
    )  # fmt: skip


@pytest.mark.parametrize("lora", [None, 4])
def test_the_server_has_the_weights_that_are_trained(
    lora: int | None, tmp_path: Path, server: Vllm, over_tcp: None
) -> None:
    done = trained(tmp_path, server, lora=lora, steps=2)
    assert (done.outcome.steps, done.outcome.stopped) == (2, "")
    assert done.outcome.probed
    assert done.outcome.probed.difference < 1e-5
    assert abs(done.outcome.last["kl"] or 0) < 1e-5, "it was given those of each step"
    assert len(server.pushed) == 2
    assert {*server.pushed[0]} == {name for name, _ in read(Path("base")).named_parameters()}
    assert [closed.used for closed in story(Path("out"))] == [6] * 2
    known = on_record()
    assert len(known) == len(server.sent) == 12
    assert {call.model for each in known for call in each.calls} == {"vllm/tiny"}
    assert len({call.weights for each in known for call in each.calls}) == 2
    assert os.environ[MODE] == "processed_logprobs"


class Stubborn(Vllm):
    """It takes weights once."""

    def answer(self, request: Seen) -> Reply:
        if request.path == "/update_weights" and len(self.pushed) == 1:
            self.pushed.append([])
            return json_reply({"error": "EngineCore died"}, 400)
        return super().answer(request)


def test_a_server_that_takes_no_more_weights_ends_it_and_it_goes_on(
    tmp_path: Path, over_tcp: None
) -> None:
    with (
        Stubborn(checkpoint(tmp_path / "other", seed=1)) as server,
        pytest.raises(
            LlmiError, match=r"did not take the weights online:.*@1.*EngineCore died.*--resume"
        ),
    ):
        trained(tmp_path, server, save_every=1, steps=2)
    with Vllm(tmp_path / "other") as another:
        done = trained(tmp_path, another, resume=True, save_every=1, steps=2)
    assert done.outcome.steps == 2
    assert len(another.pushed) == 1
    assert len(on_record()) == 12
    taken = [each for step in members(Path("out")) for each in step]
    assert len(set(taken)) == 12


def test_what_can_take_no_weights_is_said_before_anything(server: Vllm) -> None:
    with pytest.raises(UnavailableError, match="vLLM is not installed here"):
        ServedPolicy(server.url)
    server.config = {**server.config, "weight_transfer_config": None}
    with pytest.raises(UnavailableError, match=r"takes no weights; start it as .*VLLM_SERVER_DEV_MODE=1"):  # fmt: skip
        ServedPolicy(server.url, over_nccl)
    server.config = None
    with pytest.raises(UnavailableError, match="does not say how it was started"):
        ServedPolicy(server.url, over_nccl)


class Other(Server):
    """No server of vLLM, but for what it is told."""

    def __init__(self, **said: Any) -> None:
        super().__init__()
        self._said = said

    def answer(self, request: Seen) -> Reply:
        known = self._said.get(request.path.strip("/").replace("/", "_"))
        return json_reply(known) if known is not None else super().answer(request)


def test_what_is_no_such_server_is_said(tmp_path: Path) -> None:
    with Other() as none, pytest.raises(UnavailableError, match=r"no server of vLLM: /v1/models gives 404"):  # fmt: skip
        ServedPolicy(none.url, over_nccl)
    with Other(v1_models=[]) as odd, pytest.raises(UnavailableError, match="it names no model"):
        ServedPolicy(odd.url, over_nccl)
    plain = Other(v1_models={"data": [{"id": "m"}]})
    with plain, pytest.raises(UnavailableError, match="lacks the endpoints that take weights"):
        ServedPolicy(plain.url, over_nccl)
    with pytest.raises(UnavailableError, match=r"no server of vLLM answers at .*refused"):
        ServedPolicy(plain.url, over_nccl)
    keyed = Vllm(checkpoint(tmp_path / "keyed"), key="k")
    with keyed, pytest.raises(UnavailableError, match="wants a key"):
        ServedPolicy(keyed.url, over_nccl)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://h/", "http://", "http://u:p@h", "http://h:x", "http://h/?q=1"])  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is no address of a server"):
        ServedPolicy(url, over_nccl)


def test_the_command_says_what_it_lacks(
    tmp_path: Path, server: Vllm, capsys: pytest.CaptureFixture[str]
) -> None:
    rollouts(tmp_path)  # writes the prompts
    given = ["--prompts", "prompts.jsonl", "--model", "base", "--out", "out", "--prompts-per-step", "2", "--profile", "rules"]  # fmt: skip
    assert main(["online", *given, "--vllm", f"{server.url}/v1"]) == 3
    assert "vLLM is not installed here" in capsys.readouterr().err
    assert not Path("out").exists()
