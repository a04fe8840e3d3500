"""What a policy was shown goes with its rows, or the run is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from llmi_agent.document.messages import reference
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png
from llmi_train.rows import BadTrace, Row, rows_of
from llmi_train.rows.gathering import Gathered

from .scene import DRAFT, NEXT, PROMPT, Call, Home, repair, slot_reward


def store(home: Home) -> ArtifactStore:
    return ArtifactStore(home.journal.path.parent)


def asked(*digests: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": "A fox."}, *(reference(each, "image/png") for each in digests)]


def pair(home: Home, *digests: str, group: str = "g") -> None:
    for n in (0, 1):
        home.episode(f"{group}{n}", Call(asked=asked(*digests)), reward=n, group=group, member=n)


def digests(row: Row) -> tuple[str, ...]:
    return tuple(each.digest for each in row.segment.pictures)


def gathered(home: Home, **given: Any) -> Gathered:
    return rows_of(home.root, **{"sees": True, **given})


def test_a_row_has_the_digests_of_what_its_policy_was_shown_in_their_order(home: Home) -> None:
    one, two = (store(home).put(random_png(seed=n)) for n in range(2))
    pair(home, two, one, two)
    pair(home, group="blind")
    found = gathered(home)
    own = {row.segment.episode: digests(row) for row in found.rows}
    assert own == {"g0": (two, one, two), "g1": (two, one, two), "blind0": (), "blind1": ()}
    for each in (each for row in found.rows for each in row.segment.pictures):
        assert each.read() == store(home).read(each.digest)


def test_what_is_kept_is_what_models_are_shown_and_stays(home: Home) -> None:
    """Larger ones are shown smaller; they may be deleted once rows are made."""
    file = io.BytesIO()
    Image.new("RGB", (1700, 40), "red").save(file, "PNG")
    large = store(home).put(file.getvalue())
    pair(home, large)
    found = gathered(home)
    store(home).path(large).unlink()
    with Image.open(io.BytesIO(found.rows[0].segment.pictures[0].read())) as image:
        assert max(image.size) == 1568


def test_other_pictures_are_other_data(home: Home, tmp_path: Any) -> None:
    other = Home(tmp_path / "other")
    for n, each in enumerate((home, other)):
        pair(each, store(each).put(random_png(seed=n)))
    assert gathered(home).report.data_hash != gathered(other).report.data_hash


@pytest.mark.parametrize(
    ("harm", "said", "reason"),
    [
        (lambda path: path.unlink(), "is not there", "a picture that is gone"),
        (
            lambda path: path.write_bytes(random_png(seed=9)),
            "is not the one that it was",
            "a picture that was changed",
        ),
    ],
)
def test_a_picture_that_is_gone_or_changed_is_refused_or_left_out(
    harm: Any, said: str, reason: str, home: Home
) -> None:
    digest = store(home).put(random_png())
    pair(home, digest, group="bad")
    pair(home, group="good")
    path = store(home).path(digest)
    path.chmod(0o600)
    harm(path)
    with pytest.raises(BadTrace, match=said) as error:
        gathered(home)
    assert "--leave-out-bad" in str(error.value)
    found = gathered(home, leave_out_bad=True)
    assert {row.segment.episode for row in found.rows} == {"good0", "good1"}
    assert found.report.left_out[reason] == 2


def test_members_that_were_shown_something_else_are_not_compared(home: Home) -> None:
    """Their ids are the same: two pictures of one size are as many tokens."""
    for n in (0, 1):
        own = asked(store(home).put(random_png(seed=n)))
        home.episode(f"e{n}", Call(asked=own), reward=n, member=n)
    with pytest.raises(BadTrace, match="is mixed"):
        gathered(home)


def test_a_repair_that_is_shown_other_pictures_is_a_row_of_its_own(home: Home) -> None:
    one, two = (store(home).put(random_png(seed=n)) for n in range(2))
    read = (*PROMPT, *DRAFT, *NEXT)
    for n in (0, 1):
        for name, shown in (("same", (one,)), ("other", (one, two))):
            home.episode(
                f"{name}{n}",
                Call(asked=asked(one)),
                repair((20, 99), read, asked=asked(*shown)),
                rewards=[slot_reward(n)],
                reward=n,
                group=name,
                member=n,
            )
    found = gathered(home, repairs="mended")
    rows = [(r.segment.episode, digests(r), len(r.segment.calls)) for r in found.rows]
    assert sorted(rows) == [
        ("other0", (one,), 1),
        ("other0", (one, two), 1),
        ("other1", (one,), 1),
        ("other1", (one, two), 1),
        ("same0", (one,), 2),
        ("same1", (one,), 2),
    ]
    assert (found.report.merged, found.report.forks, found.report.drift) == (2, 2, 0)
