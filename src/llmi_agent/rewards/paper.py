"""The reward of the LLM-I paper, as its public code (ByteDance-BandAI/LLM-I, Apache-2.0) computes it, written anew.

Numbers equal theirs, also where they are odd: a bool is an `img_index`, a blank query is valid, and a constraint below -1,
which their data does not have, gives a negative score.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from llmi_agent.contract.judging import ANY_PICTURES, NO_PICTURE, SOME_PICTURES
from llmi_agent.draft import syntax

EXTRA = 0.3
"""What each picture beyond the demanded number costs."""
DIFFICULTY: Mapping[str, float] = MappingProxyType(
    {"code": 0.4, "edit": 0.3, "search": 0.2, "diffusion": 0.1}
)
"""What each kind weighs in `r_tool`; any other one nothing."""
COUNT_WEIGHT, TEXT_WEIGHT, PICTURES_WEIGHT = 0.2, 0.5, 0.3
MOST_PICTURES = 10
"""With more of them, the pictures get the lowest score."""


_PARAMS: Mapping[str, Mapping[str, type]] = MappingProxyType(
    {
        "search": {"query": str},
        "diffusion": {"prompt": str},
        "code": {"code": str},
        "edit": {"img_index": int, "prompt": str},
    }
)
"""What their code asks of parameters: types, and nothing of what they say."""


def valid_tag(payload: str, *, slots: int, inputs: int) -> bool:
    """Whether what stands between the tags of one slot is valid to them.

    slots: how many the draft has, any of which an `img_index` may name beside the `inputs` input images. A payload of
    over 200,000 characters is none here. `llmi_agent.draft.is_valid_payload` is stricter: it also wants something said in
    each parameter, text that can be written to a file, and no bool for a number.
    """
    if len(payload) > syntax.MAX_PAYLOAD:
        return False
    return any(_fits(data, slots + inputs) for data in _understood(payload))


def _understood(payload: str) -> Iterator[dict[Any, Any]]:
    for read in syntax.readers("python", "strict"):
        try:
            yield read(payload)
        except syntax.SyntaxProblemError:
            continue


def _fits(data: dict[Any, Any], pictures: int) -> bool:
    if data.keys() != {"source", "description", "params"}:
        return False
    source, params = data["source"], data["params"]
    types = _PARAMS.get(source) if isinstance(source, str) else None
    if types is None or not isinstance(data["description"], str) or not isinstance(params, dict):
        return False
    if params.keys() != types.keys():
        return False
    typed = all(isinstance(params[name], each) for name, each in types.items())
    return typed and ("img_index" not in types or 0 <= params["img_index"] < pictures)


def count_score(realised: int, constraint: float | str, *, exact: bool = False) -> float:
    """How well the number of pictures fits, from 0 to 1.

    constraint: -1 none, 0 any number, 99 (or "Inf") at least one, else so many. exact: 1 or 0, as they evaluate; else as
    they train, where each picture too few costs its share, and each one too many `EXTRA`. Raises ValueError for a
    constraint in other words.
    """
    return graded(realised, _number(constraint), EXTRA, exact=exact)


def graded(realised: int, demanded: float, extra: float, *, exact: bool = False) -> float:
    """`count_score`, with what a picture too many costs."""
    if demanded == NO_PICTURE:
        return float(realised == 0)
    if demanded == ANY_PICTURES:
        return 1.0
    if demanded == SOME_PICTURES:
        return float(realised > 0)
    if exact or realised == demanded:
        return float(realised == demanded)
    share = realised / demanded
    return share if share <= 1 else max(0.0, 1 - (realised - demanded) * extra)


def _number(constraint: float | str) -> float:
    if isinstance(constraint, str):
        if constraint.strip().lower() in ("inf", "infinity"):
            return SOME_PICTURES
        try:
            constraint = int(constraint)
        except ValueError:
            raise ValueError(
                f'constraint {constraint!r:.80}: -1, 0, a number of pictures, 99 or "Inf"'
            ) from None
    if math.isnan(constraint) or constraint == -math.inf:
        raise ValueError(f"constraint {constraint}: -1, 0, a number of pictures, 99 or infinity")
    return SOME_PICTURES if constraint == math.inf else constraint


def r_tool(
    required: Collection[str], attempted: Collection[str], succeeded: Collection[str]
) -> float:
    """How many of the required kinds were tried, and how many worked, half each, by their difficulty.

    They log it and leave it out of the sum. 0 if none is required; if only kinds are that they do not know, 1 if nothing
    was tried, else 0.
    """
    if not required:
        return 0.0
    whole = _difficulty(required, required)
    if not whole:
        return float(not attempted)
    return 0.5 * (_difficulty(required, attempted) + _difficulty(required, succeeded)) / whole


def _difficulty(required: Collection[str], kinds: Collection[str]) -> float:
    return sum(DIFFICULTY.get(kind, 0.0) for kind in sorted(set(required) & set(kinds)))


def total(
    *,
    count_score: float,
    text: float,
    tag: float,
    image_quality: float,
    task_relevance: float,
    text_image_relevance: float,
    text_weight: float,
    tag_weight: float,
) -> float:
    """The reward, of judges' scores from 1 to 5; they train with weights 1.4 and 0.6, and 1.5 and 0.5 with input images."""
    language = (text_weight * text + tag_weight * tag) / (text_weight + tag_weight)
    pictures = (image_quality + task_relevance + text_image_relevance) / 3
    return (
        COUNT_WEIGHT * count_score
        + TEXT_WEIGHT * _unit(language)
        + PICTURES_WEIGHT * _unit(pictures) * count_score
    )


def _unit(score: float) -> float:
    """From 1..5 to 0..1."""
    return (score - 1) / 4
