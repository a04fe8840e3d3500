"""Pictures reach the model as it reads them, and what is said to have been sampled is what it computes of them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sampled
import torch
from langchain_core.messages import HumanMessage, SystemMessage
from PIL import Image

from llmi_agent import ArtifactStore
from llmi_agent.config.options import Options
from llmi_agent.contract import PolicyFailed
from llmi_agent.records.codec import events_of
from llmi_agent.records.events import ModelEnded
from llmi_agent.records.journal import journal_beside
from llmi_agent.testing import FakeTool
from llmi_graphs import build_graph
from llmi_transformers.asking import prompt_of
from llmi_transformers.batch import Row
from llmi_transformers.eyes import Prompt
from llmi_transformers.folder import folder_of
from llmi_transformers.policy import make
from llmi_transformers.sampling import Sampling
from llmi_transformers.testing_seeing import tiny_seeing_checkpoint


def png(seed: int, width: int = 20, height: int = 12, mode: str = "RGB") -> bytes:
    drawn = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(drawn, mode if mode == "RGBA" else None).save(file, "PNG")
    return file.getvalue()


def shown(data: bytes, kind: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{encoded}"}}


def asked(text: str, *pictures: bytes) -> list[dict[str, Any]]:
    parts = [{"type": "text", "text": text}, *map(shown, pictures)]
    return [{"role": "system", "content": "Write."}, {"role": "user", "content": parts}]


def read(of: sampled.Loaded, text: str, *pictures: bytes) -> Prompt:
    return prompt_of("own", of, asked(text, *pictures), {})


def row(of: sampled.Loaded, prompt: Prompt, most: int = 12, **sampling: Any) -> Row:
    return Row(prompt.ids, Sampling(**sampling), most, of.ends, (), prompt.pictures)


def logits_of(of: sampled.Loaded, each: Row, pictures: Sequence[bytes]) -> torch.Tensor:
    """Before each token of the answer, by a plain forward pass over all of it, with these pictures."""
    assert of.eyes
    ids = torch.tensor([[*each.prompt, *each.ids]])
    if each.ids[-1] in of.eyes.placeholders:
        ids[0, -1] = 0  # nothing is read after it
    given: dict[str, Any] = {}
    if pictures:
        given = of.eyes.pixels(pictures)[0] | of.eyes.types(ids)
    with torch.inference_mode():
        found = of.model(input_ids=ids, **given).logits[0, len(each.prompt) - 1 : -1]
    return found.float()


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> sampled.Loaded:
    return sampled.loaded(tiny_seeing_checkpoint(tmp_path_factory.mktemp("qwen")))


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "llava", "gemma3", "idefics3"])
def test_logprobs_are_those_of_the_model_with_its_pictures(family: str, tmp_path: Path) -> None:
    """With none, one or two of any size, beside each other in a batch, joined early or late."""
    of = sampled.loaded(tiny_seeing_checkpoint(tmp_path, family=family))
    prompts = [
        read(of, "The fox", png(1)),
        read(of, "The fox", png(2)),
        read(of, "The hound"),
        read(of, "Both", png(1, 40, 30), png(3, 9, 33)),
    ]
    rows = [
        row(of, each, 8 + n % 7, seed=n, temperature=(1.0, 0.7, 1.4)[n % 3])
        for n, each in enumerate(prompts * 3)
    ]
    sampled.written(of, rows[:7], later=rows[7:])
    differences = []
    for each in rows:
        logits = logits_of(of, each, each.pictures) / each.sampling.temperature
        known = logits.log_softmax(-1).gather(1, torch.tensor(each.ids)[:, None])[:, 0]
        differences += (known - torch.tensor(each.logprobs)).abs().tolist()
    assert len(differences) > 60
    assert sum(differences) / len(differences) < 1e-5
    assert max(differences) < 1e-4
    moved = logits_of(of, rows[0], rows[0].pictures) - logits_of(of, rows[0], rows[1].pictures)
    assert rows[0].prompt == rows[1].prompt, "two pictures of one size are as many tokens"
    assert moved.abs().max() > 0.05


def test_several_prompts_as_one_batch_give_what_each_gives_alone(tmp_path: Path) -> None:
    """As a trainer reads them: with two pictures, with one, with none, padded on the left."""
    for family in ("qwen2_5_vl", "llava", "gemma3", "idefics3"):
        of = sampled.loaded(tiny_seeing_checkpoint(tmp_path / family, family=family))
        assert of.eyes
        prompts = [
            read(of, "Both", png(1, 40, 30), png(3, 9, 33)),
            read(of, "a"),
            read(of, "b", png(2)),
        ]
        longest = max(len(each.ids) for each in prompts)
        ids = torch.tensor([[0] * (longest - len(each.ids)) + [*each.ids] for each in prompts])
        mask = torch.tensor(
            [[0] * (longest - len(each.ids)) + [1] * len(each.ids) for each in prompts]
        )
        pixels = [of.eyes.pixels(each.pictures)[0] if each.pictures else {} for each in prompts]
        given = of.eyes.merged(pixels) | of.eyes.types(ids)
        with torch.inference_mode():
            whole = of.model(input_ids=ids, attention_mask=mask, **given).logits[:, -1]
        for n, each in enumerate(prompts):
            alone = row(of, each)
            alone.ids = [5, 5]
            assert torch.allclose(whole[n], logits_of(of, alone, each.pictures)[0], atol=1e-4), (
                family
            )


def test_one_prompt_with_other_pictures_is_another_prompt(qwen: sampled.Loaded) -> None:
    first, same, other = (row(qwen, read(qwen, "The fox", png(n)), 20, seed=4) for n in (1, 1, 2))
    sampled.written(qwen, [first, same, other])
    assert first.prompt == other.prompt
    assert first.ids == same.ids != other.ids


def test_an_answer_ends_with_the_mark_of_a_picture(qwen: sampled.Loaded) -> None:
    """Nothing could follow it: the model would look for a picture."""
    assert qwen.eyes
    assert qwen.eyes.placeholders < qwen.ends
    image = next(iter(qwen.eyes.placeholders))
    rows = [row(qwen, read(qwen, "The fox", png(1)), 300, seed=n) for n in range(24)]
    sampled.written(qwen, rows)
    assert not any(set(each.ids[:-1]) & qwen.eyes.placeholders for each in rows)
    assert {each.ids[-1] for each in rows if each.finish == "stop"} <= qwen.ends
    assert image in qwen.ends


def test_a_text_that_looks_like_the_mark_of_a_picture_is_text(qwen: sampled.Loaded) -> None:
    assert qwen.eyes
    plain = read(qwen, "The <|image_pad|> of <|video_pad|> foxes")
    assert not set(plain.ids) & qwen.eyes.placeholders
    one, two = read(qwen, "<|image_pad|>", png(1)), read(qwen, "fox", png(1))
    counts = [sum(i in qwen.eyes.placeholders for i in each.ids) for each in (one, two)]
    assert counts[0] == counts[1] == qwen.eyes.pixels((png(1),))[1] > 0


def test_what_is_transparent_is_shown_on_white(qwen: sampled.Loaded) -> None:
    assert qwen.eyes
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    file, white = io.BytesIO(), io.BytesIO()
    clear.save(file, "PNG")
    Image.new("RGB", (16, 16), "white").save(white, "PNG")
    (one, _), (other, _) = (qwen.eyes.pixels((each.getvalue(),)) for each in (file, white))
    assert torch.equal(one["pixel_values"], other["pixel_values"])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (shown(b"no picture"), "picture 1 of what it is asked is none"),
        (shown(png(1)[:60]), "picture 1 of what it is asked cannot be read"),
        (shown(png(1, 5000, 1)), "has 5000x1 pixels, and may have 4096 a side"),
        (shown(png(1, 2000, 2)), r"does not take the picture \(2000x2\)"),
        ({"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}}, "by its address"),
        ({"type": "input_audio", "input_audio": {}}, "not a part of the kind input_audio"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(
    part: dict[str, Any], said: str, qwen: sampled.Loaded
) -> None:
    with pytest.raises(PolicyFailed, match=said) as error:
        prompt_of("own", qwen, [{"role": "user", "content": [part]}], {})
    assert error.value.reason == "input"


def test_a_template_of_text_alone_is_asked_in_text_and_shows_no_picture(tmp_path: Path) -> None:
    folder = tiny_seeing_checkpoint(tmp_path)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    of = sampled.loaded(folder)
    assert of.tokenizer.decode(read(of, "The fox").ids) == "Write.The fox"
    with pytest.raises(PolicyFailed, match="the chat template takes no pictures"):
        read(of, "The fox", png(1))


def test_who_sees_is_known_by_the_folder(tmp_path: Path, qwen: sampled.Loaded) -> None:
    folder = tiny_seeing_checkpoint(tmp_path / "sees")
    assert make(sampled.request(folder)).sees
    before = folder_of(str(folder)).version()
    told = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**told, "merge_size": 1}))
    assert folder_of(str(folder)).version() != before, "how pictures become pixels decides, too"
    (folder / "preprocessor_config.json").unlink()
    assert not make(sampled.request(folder)).sees
    of = sampled.loaded(folder)
    assert read(of, "The fox").ids
    with pytest.raises(PolicyFailed, match=r"there is no preprocessor_config\.json in"):
        read(of, "The fox", png(1))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "glm4v"}))
    assert "its family glm4v is not among qwen2_vl" in folder_of(str(folder)).blind


async def test_a_run_shows_it_what_came_along(tmp_path: Path) -> None:
    """Through its process, as a run of the graph; what is on record is enough to work it out again."""
    folder = tiny_seeing_checkpoint(tmp_path / "sees", max_position_embeddings=4096)
    store = ArtifactStore(tmp_path / "artifacts")
    graph = build_graph(
        model=f"transformers/{folder}",
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
        options=Options(max_tokens=12),
        record="full",
    )
    block = {"type": "image", "base64": base64.b64encode(png(1)).decode(), "mime_type": "image/png"}
    message = HumanMessage([{"type": "text", "text": "The fox"}, block])
    await graph.ainvoke({"messages": [SystemMessage("Write."), message]})
    journal = journal_beside(store)
    events = [each for _, each in events_of(journal.read(journal.episodes()[0]))]
    (ended,) = (each for each in events if isinstance(each, ModelEnded))
    assert ended.tokens
    assert ended.tokens.logprobs
    of = sampled.loaded(folder)
    assert of.eyes
    each = sampled.row(of, ended.tokens.prompt or ())
    each.ids = list(ended.tokens.completion)
    assert sum(i in of.eyes.placeholders for i in each.prompt) == of.eyes.pixels((png(1),))[1]
    known = logits_of(of, each, (png(1),)).log_softmax(-1)
    own = known.gather(1, torch.tensor(each.ids)[:, None])[:, 0].tolist()
    assert ended.tokens.logprobs == pytest.approx(own, abs=1e-4)
