"""The plan: its counts are those of the mix, whatever the number and the seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from llmi_agent.base.errors import ConfigError
from llmi_train.prompts.make.mix import load_mix
from llmi_train.prompts.make.plan import apportioned, drawn_anew, plan

MIX = load_mix()


@given(
    st.integers(0, 5_000),
    st.dictionaries(st.integers(), st.floats(0, 100), min_size=1).filter(
        lambda shares: any(shares.values())
    ),
)
def test_what_is_apportioned_is_all_of_it_and_each_has_one_where_they_suffice(
    count: int, shares: dict[int, float]
) -> None:
    counts = apportioned(count, shares)
    wanted = {name: share for name, share in shares.items() if share}
    assert set(counts) == set(wanted)
    assert sum(counts.values()) == count
    if count >= len(wanted):
        assert all(counts.values())


@given(st.integers(40, 5_000))
def test_counts_are_the_quotas_to_rounding_where_each_quota_is_one_or_more(count: int) -> None:
    shares = {name: share for name, share in MIX.pictures.items() if share >= 4}
    counts = apportioned(count, shares)
    total = sum(shares.values())
    assert all(abs(counts[name] - count * share / total) < 1 for name, share in shares.items())


@pytest.mark.parametrize("count", [10, 137, 4_000])
@pytest.mark.parametrize("seed", [0, 7])
def test_a_plan_has_every_constraint_and_keeps_the_shares_of_all(count: int, seed: int) -> None:
    items = plan(MIX, count, seed)
    assert [item.number for item in items] == list(range(count))
    pictures = Counter(item.demand.pictures for item in items)
    assert pictures == apportioned(count, MIX.pictures)
    drawn = [item for item in items if item.demand.pictures != -1]
    kinds = Counter("+".join(item.demand.kinds) for item in drawn)
    assert kinds == {k: c for k, c in apportioned(len(drawn), MIX.kinds).items() if c}
    languages = Counter(item.language for item in items)
    assert languages == apportioned(count, MIX.languages)


def test_a_plan_demands_nothing_that_contradicts_itself() -> None:
    for item in plan(MIX, 2_000, 3):
        demand = item.demand
        assert bool(demand.kinds) == (demand.pictures != -1)
        assert demand.pictures in (-1, 0) or demand.pictures >= len(demand.kinds)
        assert (item.picture is not None) == (demand.kinds == ("edit",))
        assert item.data == "none" or "code" in demand.kinds


def test_topics_are_equally_likely_and_their_parts_take_turns() -> None:
    items = [item for item in plan(MIX, 2_000, 0) if item.subject]
    topics = Counter(item.topic for item in items)
    assert set(topics) == set(MIX.topics)
    assert max(topics.values()) - min(topics.values()) <= 1
    parts = Counter((item.topic, item.subject) for item in items)
    assert all(parts[topic, part] for topic, every in MIX.topics.items() for part in every)


def test_the_seed_decides_all_of_it() -> None:
    assert plan(MIX, 300, 5) == plan(MIX, 300, 5)
    assert plan(MIX, 300, 5) != plan(MIX, 300, 6)


def test_what_is_drawn_anew_demands_the_same_about_something_else() -> None:
    for item in plan(MIX, 200, 1):
        again = drawn_anew(item, MIX, 1, 1)
        assert (again.demand, again.language, again.number, again.data) == (
            item.demand,
            item.language,
            item.number,
            item.data,
        )
        assert (again.topic, again.picture) != (item.topic, item.picture)
        assert again == drawn_anew(item, MIX, 1, 1)
        assert again != drawn_anew(item, MIX, 1, 2)


def test_a_mix_with_more_kinds_than_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text('[pictures]\n"1" = 1\n[kinds]\n"search+code" = 1\n')
    with pytest.raises(ConfigError, match=r"search\+code"):
        plan(load_mix(path), 10, 0)


def test_a_mix_of_few_pictures_gives_many_kinds_those_with_room(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text(
        '[pictures]\n"1" = 5\n"2" = 3\n"3" = 2\n'
        '[kinds]\n"search" = 5\n"search+code" = 3\n"search+diffusion+code" = 2\n'
    )
    items = plan(load_mix(path), 100, 0)
    assert all(item.demand.pictures == len(item.demand.kinds) for item in items)
