"""How long a model's answer may be: what the user has set, what a budget leaves, what the model writes at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmi_agent.base.errors import UnavailableError
from llmi_agent.models.resolve import Model
from llmi_agent.models.tokens import tokens
from llmi_agent.run.ledger import Ledger

MOST_TOKENS, MOST_OTHER_TOKENS = 32_000, 4_096
"""What a draft, and any other answer, may be long, in tokens, where a budget has to set aside its cost."""
FEWEST_TOKENS = 256
"""An answer that the budget cuts shorter is not worth asking for."""


@dataclass(frozen=True)
class Allowance:
    """How long an answer may be."""

    most: int | None
    """In tokens, to be sent along; None where no budget asks for a limit."""
    full: str
    """What to say of an answer that is as long as that; empty where the model itself writes no more."""


async def allowance(
    model: Model, purpose: str, ledger: Ledger, read: int, asked: int | None
) -> Allowance:
    """The limit on an answer to `read` tokens; `asked` is what the options say.

    Waits while other episodes of the group may give back what they have set aside. Raises UnavailableError if the
    budget is too tight.
    """
    own = asked or max(
        model.own.get("max_tokens", 0), 0
    )  # below nothing: some say so for "no limit"
    set_ = f"max_tokens allowed {own} tokens; raise it with --max-tokens" if own else ""
    a_token, reading = model.usd(tokens(0, 1)), model.usd(tokens(read, 0)) or 0.0
    if math.isinf(ledger.left) or not a_token:
        return Allowance(None, set_)
    usual = own or (MOST_TOKENS if purpose == "draft" else MOST_OTHER_TOKENS)
    wanted = min(usual, model.most_output or usual)
    await ledger.turn(reading + wanted * a_token)
    most = min(wanted, int((ledger.left - reading) / a_token))
    whose, flag = ledger.tighter
    if most < min(FEWEST_TOKENS, wanted):
        raise UnavailableError(
            f"{whose} leaves ${max(ledger.left, 0.0):.4f}, too little for the {purpose} by the model "
            f"{model.name}; raise it with {flag}"
        )
    if most < wanted:
        return Allowance(most, f"{whose} allowed {most} tokens; raise it with {flag}")
    if most < usual:
        return Allowance(most, "")
    unset = f"under a budget, a {purpose} may have {most} tokens; raise it with --max-tokens"
    return Allowance(most, set_ or unset)
