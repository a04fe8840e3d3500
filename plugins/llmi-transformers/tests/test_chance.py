from llmi_transformers.sampling import Chance


def _throws(seed: int | None, prompt: tuple[int, ...]) -> list[float]:
    chance = Chance(seed, prompt)
    return [chance.next() for _ in range(3)]


def test_members_of_one_seed_throw_other_dice_for_another_prompt():
    assert _throws(7, (1, 2)) == _throws(7, (1, 2))
    assert _throws(7, (1, 2)) != _throws(7, (1, 3))
    assert _throws(7, (1, 2)) != _throws(8, (1, 2))


def test_without_a_seed_each_answer_is_another():
    assert _throws(None, (1, 2)) != _throws(None, (1, 2))
