"""What is said to have been sampled is what the model computes, whatever else it was computed with."""

from __future__ import annotations

from pathlib import Path

import pytest
import sampled
import torch
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from llmi_transformers.sampling import Drawing, Sampling
from llmi_transformers.testing import tiny_checkpoint

PROMPTS = [(5, 9, 12), (7,), tuple(range(3, 40)), (5, 9, 12), (11, 4) * 9]
FAMILIES = {
    "qwen3": {},
    "llama": {},
    "sliding": {
        "family": "qwen3",
        "layer_types": ["sliding_attention", "full_attention"],
        "use_sliding_window": True,
        "sliding_window": 6,
    },
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "gpt_neox": {"num_key_value_heads": None},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> sampled.Loaded:
    return sampled.loaded(tiny_checkpoint(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize("family", FAMILIES)
def test_logprobs_are_those_of_the_model(family: str, tmp_path: Path) -> None:
    """At whatever padding, temperature and place in a batch, joined early or late."""
    given = {"family": family, **FAMILIES[family]}
    of = sampled.loaded(tiny_checkpoint(tmp_path, **given))
    rows = [
        sampled.row(of, prompt, most=10 + 5 * n, seed=n, temperature=(1.0, 0.7, 1.6)[n % 3])
        for n, prompt in enumerate(PROMPTS * 2)
    ]
    sampled.written(of, rows[:6], later=rows[6:])
    differences = []
    for each in rows:
        logits = sampled.logits_of(of, each) / each.sampling.temperature
        known = logits.log_softmax(-1).gather(1, torch.tensor(each.ids)[:, None])[:, 0]
        differences += (known - torch.tensor(each.logprobs)).abs().tolist()
    assert len(differences) > 150
    assert sum(differences) / len(differences) < 1e-5
    assert max(differences) < 1e-4


def test_logprobs_of_a_truncated_choice_are_those_of_what_was_chosen_from(plain) -> None:
    """As transformers itself truncates: temperature, top-k, top-p, min-p."""
    ways = [
        {"top_p": 0.7},
        {"top_k": 5},
        {"top_k": 9, "top_p": 0.6, "temperature": 0.5},
        {"min_p": 0.2},
    ]
    rows = [sampled.row(plain, PROMPTS[n], seed=n, **way) for n, way in enumerate(ways)]
    sampled.written(plain, [*rows, sampled.row(plain, PROMPTS[0], seed=9)])
    for each, way in zip(rows, ways, strict=True):
        logits = sampled.logits_of(plain, each) / each.sampling.temperature
        for name, warper in (
            ("top_k", TopKLogitsWarper),
            ("top_p", TopPLogitsWarper),
            ("min_p", MinPLogitsWarper),
        ):
            if name in way:
                logits = warper(way[name])(None, logits)
        known = logits.log_softmax(-1).gather(1, torch.tensor(each.ids)[:, None])[:, 0]
        assert torch.allclose(known, torch.tensor(each.logprobs), atol=1e-5), way


def test_the_same_seed_and_prompt_give_the_same_answer_whatever_is_beside_it(plain) -> None:
    alone = sampled.row(plain, PROMPTS[0], seed=3)
    sampled.written(plain, [alone])
    first = sampled.row(plain, PROMPTS[0], seed=3)
    late = sampled.row(plain, PROMPTS[0], seed=3)
    others = [sampled.row(plain, PROMPTS[n % 5], seed=n + 50, most=n + 1) for n in range(20)]
    sampled.written(plain, [*others[:10], first, *others[10:]], later=[late])
    assert first.ids == late.ids == alone.ids
    assert first.logprobs == pytest.approx(alone.logprobs, abs=1e-4)
    other = sampled.row(plain, PROMPTS[0], seed=4)
    sampled.written(plain, [other])
    assert other.ids != alone.ids


def test_temperature_0_takes_the_likeliest(plain) -> None:
    each = sampled.row(plain, PROMPTS[2], temperature=0.0)
    sampled.written(plain, [each, sampled.row(plain, PROMPTS[1], seed=1)])
    assert each.ids == sampled.logits_of(plain, each).argmax(-1).tolist()
    assert set(each.logprobs) == {0.0}, "nothing else could be drawn"


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    """Chances at even distances find each token as often as its probability says."""
    logits = torch.tensor([[0.0, 1.0, -torch.inf, 2.0, -3.0]])
    shares = logits.softmax(-1)[0]
    count = 20_000
    drawing = Drawing([Sampling()] * count, torch.device("cpu"))
    chances = [(n + 0.5) / count for n in range(count)]
    drawn, logprobs = drawing.draw(logits.expand(count, -1), chances)
    found = torch.bincount(torch.tensor(drawn), minlength=5) / count
    assert torch.allclose(found, shares, atol=1.5 / count)
    assert torch.allclose(torch.tensor(logprobs).exp(), shares[drawn], atol=1e-6)
    assert drawing.draw(logits.expand(count, -1), [0.0] * count)[0] == [0] * count
    last = drawing.draw(logits.expand(count, -1), [1 - 2**-53] * count)[0]
    assert last == [4] * count


def test_an_answer_ends_with_any_of_its_end_tokens_which_is_part_of_it(plain) -> None:
    ends = frozenset(range(100, 220))
    rows = [sampled.row(plain, PROMPTS[n % 5], most=40, ends=ends, seed=n) for n in range(12)]
    sampled.written(plain, rows)
    assert {each.finish for each in rows} == {"stop"}
    assert all(each.ids[-1] in ends and not set(each.ids[:-1]) & ends for each in rows)
    assert all(len(each.ids) == len(each.logprobs) for each in rows)
    assert len({len(each.ids) for each in rows}) > 3, "rows have left the batch one after the other"
    short = sampled.row(plain, PROMPTS[0], most=1, ends=frozenset(), seed=0)
    sampled.written(plain, [short])
    assert (short.finish, len(short.ids)) == ("length", 1)


def test_a_row_that_nobody_wants_leaves_the_batch(plain) -> None:
    rows = [sampled.row(plain, PROMPTS[n], most=400, ends=frozenset(), seed=n) for n in range(4)]
    with torch.inference_mode():
        batch = sampled.Batch(plain)
        batch.join(rows)
        batch.step()
        for each in rows[:3]:
            each.dropped = True
        batch.step()
    assert batch.rows == rows[3:]
    assert [len(each.ids) for each in rows] == [2, 2, 2, 3]
