"""Which prompts come when: each as often as the others, none twice in a step, and always the same ones."""

from __future__ import annotations

from collections import Counter

import pytest

from llmi_agent.base.errors import InputError
from llmi_agent.runner.prompt_file import Prompt
from llmi_train.rollout.turns import Turns


def prompts(count: int) -> list[Prompt]:
    return [Prompt(f"p{n}", f"p{n}", "x", ()) for n in range(count)]


@pytest.mark.parametrize(("count", "per_step"), [(10, 4), (5, 5), (7, 3), (9, 2), (8, 1)])
def test_an_epoch_has_each_prompt_once(count: int, per_step: int) -> None:
    turns = Turns(prompts(count), per_step, 0)
    flat = [each.id for step in range(3 * count) for each in turns.of(step)]
    for epoch in range(2):
        assert len({*flat[epoch * count : (epoch + 1) * count]}) == count
    for step in range(3 * count):
        assert len({each.id for each in turns.of(step)}) == per_step
    assert turns.steps(1) * per_step >= count > (turns.steps(1) - 1) * per_step
    assert min(Counter(flat[: turns.steps(3) * per_step]).values()) >= 3


def test_the_order_follows_from_the_seed_whichever_step_is_asked_for_first() -> None:
    one, other = Turns(prompts(9), 4, 1), Turns(prompts(9), 4, 1)
    later = [one.of(step) for step in range(8)]
    assert [other.of(step) for step in reversed(range(8))] == later[::-1]
    assert [Turns(prompts(9), 4, 2).of(step) for step in range(8)] != later
    assert later[0] != prompts(9)[:4]


def test_a_step_of_more_prompts_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="a step takes 4 prompts, and there are 3"):
        Turns(prompts(3), 4, 0)
