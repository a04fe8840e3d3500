"""What was sampled, packed: whole numbers in four bytes each, logprobs as the doubles that they are.

The form, little-endian throughout: its number, then how many ids of the completion and of the prompt, logprobs, pieces,
and bytes of the mode there are (`_HEAD`; -1 for what is not known), then these in that order, ids and pieces as
`uint32`, logprobs as `float64`. All of it is compressed with zstd.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from itertools import chain

import zstandard

from llmi_agent.records.events import Tokens

FORM = 1
MOST_BYTES = 2**28
"""Of what is unpacked: more than any context is long."""

_HEAD = struct.Struct("<Biiiii")
_WHOLE, _REAL = "I", "d"
assert array(_WHOLE).itemsize == 4, "an unsigned int has four bytes wherever CPython runs"


def pack(tokens: Tokens) -> bytes:
    """For `Record.tokens`. Raises ValueError for a number that is no token's, and for what `unpack` would not read."""
    known = tokens.prompt, tokens.logprobs
    prompt, logprobs = (-1 if each is None else len(each) for each in known)
    mode = tokens.mode.encode()
    counts = len(tokens.completion), prompt, logprobs, len(tokens.pieces), len(mode)
    try:
        head = _HEAD.pack(FORM, *counts)
        body = [
            _bytes(_WHOLE, tokens.completion),
            _bytes(_WHOLE, tokens.prompt or ()),
            _bytes(_REAL, tokens.logprobs or ()),
            _bytes(_WHOLE, chain.from_iterable(tokens.pieces)),
        ]
    except (OverflowError, TypeError, struct.error):
        raise ValueError(
            "a token's number is out of range, or none: whole numbers from 0 to 2^32 - 1 are"
        ) from None
    data = b"".join((head, *body, mode))
    if len(data) >= MOST_BYTES:
        raise ValueError("the token arrays are longer than any can be")
    return zstandard.ZstdCompressor().compress(data)


def unpack(packed: bytes) -> Tokens:
    """What `pack` was given. Raises ValueError for anything else."""
    try:
        if zstandard.frame_content_size(packed) not in range(_HEAD.size, MOST_BYTES):
            raise ValueError("the token arrays are longer than any can be")
        data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=MOST_BYTES)
        form, completion, prompt, logprobs, pieces, mode = _HEAD.unpack_from(data)
    except (zstandard.ZstdError, struct.error) as error:
        raise ValueError(f"the token arrays are damaged: {error}") from None
    if form != FORM:
        raise ValueError(f"the token arrays have the form {form}, which a later LLMI wrote")
    counts = completion, max(prompt, 0), max(logprobs, 0), 2 * pieces
    sizes = [count * size for count, size in zip(counts, (4, 4, 8, 4), strict=True)]
    if min(completion, pieces, mode) < 0 or _HEAD.size + sum(sizes) + mode != len(data):
        raise ValueError("the token arrays are damaged: their lengths do not fit")
    at, parts = _HEAD.size, []
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    flat = _values(_WHOLE, parts[3])
    return Tokens(
        completion=tuple(_values(_WHOLE, parts[0])),
        prompt=None if prompt < 0 else tuple(_values(_WHOLE, parts[1])),
        logprobs=None if logprobs < 0 else tuple(_values(_REAL, parts[2])),
        mode=data[at:].decode(),
        pieces=tuple(zip(flat[::2], flat[1::2], strict=True)),
    )


def _bytes(kind: str, values: Iterable[float]) -> bytes:
    found = array(kind, values)
    if sys.byteorder == "big":
        found.byteswap()
    data: bytes = found.tobytes()
    return data


def _values(kind: str, data: bytes) -> array:  # type: ignore[type-arg]
    found = array(kind)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found
