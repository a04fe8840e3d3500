"""The writer as a policy: it streams its report in the run's dialect, cannot repair, and says what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.contract import ATTACHMENTS, PROMPT, WELL_KNOWN, PolicyFailed, PolicyRequest
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.attachments import attach_bytes
from llmi_offline.plugin import SPEC
from llmi_offline.policy import OfflineWriter, make


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def write_slot(kind: str, description: str, params: Mapping[str, Any]) -> str:
    return f"[[{kind} {sorted(params)}]]"


def writer(store: ArtifactStore, *kinds: str) -> OfflineWriter:
    known = {kind: WELL_KNOWN[kind] for kind in kinds}
    return make(PolicyRequest("offline", "offline", store, write_slot, kinds=known))


def asked(store: ArtifactStore, files: Mapping[str, bytes]) -> HumanMessage:
    attached = [asdict(attach_bytes(store, name, data)) for name, data in files.items()]
    return HumanMessage("told", additional_kwargs={ATTACHMENTS: attached, PROMPT: "Towns by size"})


TOWNS = b"town,people\n" + b"".join(b"T%d,%d\n" % (n, n * n) for n in range(30))


async def test_it_streams_a_report_with_the_runs_kinds_in_the_runs_dialect(
    store: ArtifactStore,
) -> None:
    model, message = writer(store, "code"), asked(store, {"towns.csv": TOWNS})
    pieces = [str(chunk.content) async for chunk in model.astream([message])]
    draft = "".join(pieces)
    assert len(pieces) > 10
    assert draft.startswith("# Towns by size")
    assert "[[code ['code']]]" in draft
    assert "[[search" not in draft
    assert (
        draft
        == model.invoke([message]).content
        == "".join(str(chunk.content) for chunk in model.stream([message]))
    )


def test_it_cannot_repair(store: ArtifactStore) -> None:
    messages = [asked(store, {"towns.csv": TOWNS}), HumanMessage("Slot 0 could not be filled.")]
    assert writer(store, "code").invoke(messages).content == "SKIP"


@pytest.mark.parametrize(
    ("files", "reason", "words"),
    [
        ({}, "unavailable", "not a language model"),
        ({"t.json": b"[1]"}, "input", "holds no records"),
    ],
)
async def test_what_it_lacks_is_said(
    files: dict[str, bytes], reason: str, words: str, store: ArtifactStore
) -> None:
    with pytest.raises(PolicyFailed, match=words) as caught:
        await writer(store).ainvoke([asked(store, files)])
    assert caught.value.reason == reason


def test_it_is_the_default_and_no_language_model() -> None:
    assert (SPEC.name, SPEC.default, SPEC.language_model, SPEC.price) == (
        "offline",
        True,
        False,
        (0.0, 0.0),
    )
