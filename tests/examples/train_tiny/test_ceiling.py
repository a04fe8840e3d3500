import random

from llmi_train_tiny.ceiling import prompt_blind
from llmi_train_tiny.prompts import TEST, wishes


def test_who_does_not_read_the_prompt_earns_a_third_and_who_knows_it_all():
    held_out = random.Random(0).sample(wishes(TEST), 120)
    ceiling = prompt_blind(held_out)
    assert 0.3 < ceiling.reward < 0.45
    assert ceiling.kind_accuracy < 0.5
    assert prompt_blind(held_out[:1]).reward == 1
