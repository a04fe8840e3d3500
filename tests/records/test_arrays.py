"""Token arrays: what is packed is unpacked, to the last bit, and nothing else is."""

from __future__ import annotations

import math
import struct

import pytest
import zstandard
from hypothesis import given, strategies as st

from llmi_agent.records.arrays import pack, unpack
from llmi_agent.records.events import Tokens

ids = st.integers(0, 2**32 - 1)
reals = st.floats(allow_nan=False, max_value=0)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    completion = tuple(draw(st.lists(ids, max_size=9)))
    logprobs = st.lists(reals, min_size=len(completion), max_size=len(completion)).map(tuple)
    pieces = st.lists(st.tuples(ids, ids), max_size=4).map(tuple)
    prompt = st.none() | st.lists(ids, max_size=9).map(tuple)
    return Tokens(
        completion, draw(prompt), draw(st.none() | logprobs), draw(st.text()), draw(pieces)
    )


@given(tokens())
def test_what_is_packed_is_unpacked_to_the_last_bit(given: Tokens) -> None:
    found = unpack(pack(given))
    assert found == given
    bits = [struct.pack("<d", each) for each in given.logprobs or ()]
    assert [struct.pack("<d", each) for each in found.logprobs or ()] == bits


def test_a_thousand_tokens_take_a_few_bytes_each() -> None:
    given = Tokens(tuple(range(1000, 2000)), None, tuple(-math.log(n) for n in range(2, 1002)))
    assert len(pack(given)) < 12_000


@pytest.mark.parametrize("wrong", [-1, 2**32])
def test_what_is_no_tokens_number_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        pack(Tokens((wrong,)))


def test_what_could_not_be_unpacked_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmi_agent.records.arrays.MOST_BYTES", 100)
    with pytest.raises(ValueError, match="longer than any can be"):
        pack(Tokens(tuple(range(20))))


@given(st.binary(max_size=80))
def test_anything_else_is_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(ValueError, match="token arrays"):
        unpack(data)
    with pytest.raises(ValueError, match="token arrays"):
        unpack(zstandard.ZstdCompressor().compress(data))


def test_no_more_is_unpacked_than_any_context_is_long() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(2**28 + 1))
    assert len(bomb) < 2**16
    with pytest.raises(ValueError, match="longer than any can be"):
        unpack(bomb)


def test_what_is_cut_short_is_refused() -> None:
    packed = pack(Tokens((1, 2, 3), (4,), (-0.5, -0.25, -0.125), "m", ((3, 4),)))
    for end in range(len(packed)):
        with pytest.raises(ValueError, match="token arrays"):
            unpack(packed[:end])
