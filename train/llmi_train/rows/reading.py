"""The calls of the policy in a trace, with what each read and sampled, token by token."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from llmi_agent.models.ending import limited
from llmi_agent.records.events import Tokens
from llmi_agent.traces.exchange.messages import pictures_in, plain
from llmi_agent.traces.parts import ModelCall
from llmi_agent.traces.trace import Trace
from llmi_train.rows.faults import BadTrace
from llmi_train.rows.pictures import Gallery, Picture
from llmi_train.rows.row import Ids, Numbers
from llmi_train.rows.sampling import bent, temperature_of, told, unstated

LEAST = -1000.0
"""No token that is sampled is so unlikely: servers put such numbers where they have none (vLLM -9999)."""
ROUNDING = 1e-6
"""A logprob may be so far above 0: that of a certain token, in single precision."""
OTHER_WAYS = (
    "train on such runs with llmi-train sft, dpo or kto, or collect with --record full and a model that gives tokens "
    "(vllm/..., transformers/...)"
)


@dataclass(frozen=True)
class Drawn:
    """A call of the policy."""

    call: ModelCall
    """Without its tokens."""
    before: str
    """The call whose answer it goes on from; empty if it begins a conversation."""
    prompt: Ids = field(repr=False)
    completion: Ids = field(repr=False)
    logprobs: Numbers = field(repr=False)
    temperature: float = 1.0
    pictures: tuple[Picture, ...] = ()
    """Those that it was shown, in their order."""

    @property
    def truncated(self) -> bool:
        """It was cut at the length limit."""
        return limited(self.call.finish_reason)


@dataclass(frozen=True)
class Rules:
    """What every call has to keep."""

    temperature: float | None = None
    """The one that it must have been sampled at; None: whichever."""
    trusted: bool = False
    """What is not on record of its sampling is taken to be neutral."""
    sees: bool = False
    """The policy is shown pictures."""


def draft_of(trace: Trace) -> ModelCall | None:
    """The call whose answer is the draft that holds; None if no model wrote it in this run."""
    name = trace.known.answer("draft")
    return next((each for each in trace.calls if each.call == name), None)


def repairs_of(trace: Trace, draft: ModelCall) -> Iterator[ModelCall]:
    """The repairs of this draft whose answers were taken, in the order in which they were asked for."""
    for each in trace.calls:
        if each.purpose == "repair" and each.accepted and each.parent == draft.call:
            yield each


def before(trace: Trace, call: ModelCall) -> str:
    """The last answer that it was shown."""
    asked = trace.known.asked
    return next((each for each in reversed(asked[call.call].messages) if each in asked), "")


def drawn(
    trace: Trace, call: ModelCall, rules: Rules, gallery: Gallery, draft: Drawn | None = None
) -> Drawn:
    """The call with its tokens. draft: that of a repair. Raises BadTrace if it cannot be trained on."""
    episode = trace.episode
    if draft:
        _check_same(episode, draft.call, call)
    pictures = _shown(trace, call, rules, gallery)
    prompt, completion, logprobs = _arrays(episode, call)
    temperature = _sampled_at(episode, call, rules)
    own = replace(call, tokens=None)
    numbers = logprobs.astype(np.float32)
    return Drawn(own, before(trace, call), prompt, completion, numbers, temperature, pictures)


def read_only(trace: Trace, call: ModelCall, pictures: tuple[Picture, ...]) -> Drawn | None:
    """The call with its tokens, of which nothing is trained; None if they are not on record.

    pictures: those of the draft, which a repair is shown again.
    """
    tokens = call.tokens
    if tokens is None or not tokens.prompt or not tokens.completion:
        return None
    prompt, completion = ids(tokens.prompt), ids(tokens.completion)
    own = replace(call, tokens=None)
    nothing = np.zeros(len(completion), np.float32)
    return Drawn(own, before(trace, call), prompt, completion, nothing, pictures=pictures)


def ids(numbers: Iterable[int]) -> Ids:
    """As an array."""
    return np.fromiter(numbers, np.int64)


def _shown(trace: Trace, call: ModelCall, rules: Rules, gallery: Gallery) -> tuple[Picture, ...]:
    """The pictures that a call was shown.

    Raises BadTrace where one is gone; and for a policy that sees nothing, where it is not on record that none was shown.
    """
    if trace.options.get("vision") is False:
        return ()
    if not any(pictures_in(plain(each) for each in call.messages)):
        return ()
    if rules.sees:
        return gallery.hang(trace, call)
    said = f"pictures are among what its call {call.call} was asked with, and the model that is trained is shown none"
    way = "leave such runs out with --leave-out-bad, or collect with vision = false"
    raise BadTrace(trace.episode, "pictures in the prompt", said, way)


def _check_same(episode: str, draft: ModelCall, repair: ModelCall) -> None:
    """Raises BadTrace for a repair by another policy than the one that wrote the draft."""
    for what, one, other in (
        ("model", draft.model, repair.model),
        ("weights", draft.weights, repair.weights),
    ):
        if one != other:
            said = f"its draft is by the {what} {one or 'unknown'}, and its repair {repair.call} by {other or 'unknown'}"
            raise BadTrace(episode, "repairs by another policy", said)


def _arrays(episode: str, call: ModelCall) -> tuple[Ids, Ids, NDArray[np.float64]]:
    tokens = _complete(episode, call)
    assert tokens.prompt is not None
    assert tokens.logprobs is not None
    logprobs = np.fromiter(tokens.logprobs, np.float64)
    if fault := _of_logprobs(logprobs):
        said = f"the logprob of token {fault[0]} of its call {call.call} is {fault[1]}"
        raise BadTrace(episode, "a logprob that is none", said)
    return ids(tokens.prompt), ids(tokens.completion), logprobs


def _complete(episode: str, call: ModelCall) -> Tokens:
    """All that was sampled. Raises BadTrace where something of it is not on record, or does not fit."""
    tokens, name = call.tokens, call.call
    if not call.language_model:
        said = f"its {call.purpose} was written by {call.model}, which is no language model"
        raise BadTrace(
            episode, "written by a program", said, "collect with a language model, or leave it out"
        )
    if call.withheld:
        said = f"what the model wrote in {name} held a secret, so its tokens are not on record"
        raise BadTrace(
            episode, "a withheld secret", said, "leave such runs out with --leave-out-bad"
        )
    if tokens is None:
        raise BadTrace(episode, "no tokens", f"the tokens of {name} are not on record", OTHER_WAYS)
    if tokens.logprobs is None:
        raise BadTrace(
            episode, "no logprobs", f"the logprobs of {name} are not on record", OTHER_WAYS
        )
    if tokens.prompt is None:
        said = f"the ids of what {name} read are not on record: the model did not give them, or a secret was among what it read"
        raise BadTrace(episode, "no ids of the prompt", said, OTHER_WAYS)
    if len(tokens.logprobs) != len(tokens.completion):
        said = f"{name} has {len(tokens.completion)} tokens and {len(tokens.logprobs)} logprobs"
        raise BadTrace(episode, "lengths that do not fit", said)
    for what, own in (("completion", tokens.completion), ("prompt", tokens.prompt)):
        if not own:
            raise BadTrace(episode, f"an empty {what}", f"the {what} of {name} is empty")
    return tokens


def _of_logprobs(logprobs: NDArray[np.float64]) -> tuple[int, str] | None:
    """The place of the first one that is none, and what it is."""
    wrong = ~np.isfinite(logprobs) | (logprobs > ROUNDING) | (logprobs < LEAST)
    if not wrong.any():
        return None
    place = int(wrong.argmax())
    value = float(logprobs[place])
    if not math.isfinite(value):
        return place, "none (null, or no number)" if math.isnan(value) else f"{value}"
    return place, f"{value:g}, " + ("which is above 0" if value > 0 else "which stands for none")


def _sampled_at(episode: str, call: ModelCall, rules: Rules) -> float:
    """The temperature. Raises BadTrace where the call was not sampled from the policy's distribution."""
    sampling, name = call.sampling, call.call
    if not rules.trusted and (lacking := unstated(sampling)):
        said = f"it is not on record with which {', '.join(lacking)} its call {name} was sampled"
        way = (
            "collect with a model that states all that it sends (vllm/..., transformers/...); if you know that its distribution was "
            "left as it is, say so with --trust-unstated"
        )
        raise BadTrace(episode, "sampling that is not on record", said, way)
    if fault := bent(sampling):
        way = "collect with top-p 1, without top-k, penalties, stop strings or a grammar, or leave it out with --leave-out-bad"
        raise BadTrace(episode, "a distribution that was cut or bent", f"in {name} {fault}", way)
    temperature = temperature_of(sampling, rules.trusted)
    if temperature is None or temperature <= 0:
        said = f"its call {name} has the temperature {str(sampling.get('temperature'))[:40]}, and only what is sampled at one above 0 can be trained on"
        raise BadTrace(episode, "no temperature", said)
    if rules.temperature not in (None, temperature):
        said = f"its call {name} was sampled at the temperature {temperature:g}, and not at {rules.temperature:g}"
        raise BadTrace(episode, "another temperature", said)
    mode = call.tokens.mode if call.tokens else ""
    if fault := told(mode, temperature):
        way = "start the server with --logprobs-mode processed_logprobs, say so in VLLM_LOGPROBS_MODE, and collect anew"
        raise BadTrace(
            episode, "logprobs of another distribution", f"of its call {name}, {fault}", way
        )
    return temperature
