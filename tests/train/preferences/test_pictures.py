"""Drafts that answer pictures: taken with these, or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmi_agent.document.messages import reference
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png
from llmi_train.preferences.choosing import Best
from llmi_train.preferences.scored import PICTURES, scored
from llmi_train.rows.faults import BadTrace, MixedGroup

from ..rows.scene import Call, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home-of-traces")


def draft(home: Home, name: str, number: int, *seeds: int, **opened: Any) -> list[str]:
    """One that answers pictures; gives their digests."""
    store = ArtifactStore(home.journal.path.parent)
    digests = [store.put(random_png(seed=each)) for each in seeds]
    shown = [{"type": "text", "text": "A fox. "}, *(reference(d, "image/png") for d in digests)]
    call = Call(completion=(10, number, 99), asked=shown)
    home.episode(f"{name}{number}", call, reward=number, group=name, member=number, **opened)
    return digests


def test_they_are_taken_with_their_pictures_or_left_out(home: Home) -> None:
    for n in (0, 1):
        digests = draft(home, "g", n, 3, 1)
        draft(home, "plain", n)
    (best, plain) = Best().of(scored(home.root, sees=True)).taken
    assert [each.digest for each in best.pictures] == digests
    assert [each.read() for each in best.pictures] == [random_png(seed=n) for n in (3, 1)]
    assert not plain.pictures
    left = scored(home.root)
    assert {each.member.episode for each in left} == {"plain0", "plain1"}
    assert left.left_out[PICTURES] == 2


def test_what_a_blind_policy_was_not_shown_is_not_learnt_with_it(home: Home) -> None:
    for n in (0, 1):
        draft(home, "g", n, 3, options={"vision": False})
    for sees in (True, False):
        (best,) = Best().of(scored(home.root, sees=sees)).taken
        assert not best.pictures
        assert best.prompt == ({"role": "user", "content": "A fox. "},)


def test_one_that_is_gone_is_refused_or_left_out_and_other_ones_are_not_compared(
    home: Home,
) -> None:
    for n in (0, 1):
        (digest,) = draft(home, "bad", n, 3)
        draft(home, "mixed", n, n)
        draft(home, "good", n)
    with pytest.raises(MixedGroup, match="mixed"):
        scored(home.root, sees=True)
    ArtifactStore(home.journal.path.parent).path(digest).unlink()
    with pytest.raises(BadTrace, match="is not there"):
        scored(home.root, sees=True)
    left = scored(home.root, sees=True, leave_out_bad=True)
    assert {each.member.episode for each in left} == {"good0", "good1"}
