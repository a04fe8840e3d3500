"""Seeds: one number for each thing that chance decides, the same on every machine and in every life of a run."""

from __future__ import annotations

import hashlib

_CALL_BITS = 31
"""What vendors take: whole numbers from 0 to 2147483647."""
_RUN_BITS = 53
"""What JSON carries exactly; enough that no two members of a group ever share one."""


def member_seed(seed: int, member: int | None) -> int:
    """The seed of a group's `member`, a run of its own; the run's `seed` itself where there is no group."""
    return seed if member is None else _hashed(_RUN_BITS, "member", seed, member)


def call_seed(seed: int, slot: int, attempt: int) -> int:
    """The seed of one call of a run that has the seed `seed`."""
    return _hashed(_CALL_BITS, "call", seed, slot, attempt)


def model_seed(seed: int, *about: object) -> int:
    """The seed of one call of a model: another one for each purpose, slot, attempt and time that it is asked."""
    return _hashed(_CALL_BITS, "model", seed, *about)


def _hashed(bits: int, *parts: object) -> int:
    text = " ".join(map(str, parts))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)
