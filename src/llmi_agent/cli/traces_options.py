"""Which traces are meant: the options that the commands of `llmi traces` share, and the readers of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmi_agent.cli.parameters import together

if TYPE_CHECKING:
    from llmi_agent.records.overview import Chosen
    from llmi_agent.traces.places import Place
    from llmi_agent.traces.trace import Trace

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_REWARD = re.compile(r"([^<>=]*?)\s*(>=|<=|>|<|=)\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
STATES = ("done", "halted", "open", "unreadable")


def moment(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Seconds since the epoch of "2026-11-28", "2026-11-28T21:45" (UTC), or "2d" ago. Raises BadParameter."""
    if value is None:
        return None
    now = datetime.now(UTC)
    try:
        if ago := _AGO.fullmatch(value.strip()):
            seconds = float(ago[1]) * _SECONDS[ago[2]]
            return (now - timedelta(seconds=seconds)).timestamp()
        found = datetime.fromisoformat(value.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = f"{value!r} is no moment: write 2026-11-28, 2026-11-28T21:45 (UTC), or 2d for two days ago"
        raise click.BadParameter(message, ctx, parameter) from None


def reward(ctx: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any]:
    """Fields of `Chosen`, of "any", "none", a component's name, or "total>=0.5". Raises BadParameter."""
    if value is None:
        return {}
    text = value.strip()
    if text in ("any", "none"):
        return {"rewarded": text == "any"}
    found = _REWARD.fullmatch(text)
    if found is None:
        if text and not re.search("[<>=]", text):
            return {"component": text}
        message = f"{value!r} is none of any, none, a component, and a bound such as total>=0.5"
        raise click.BadParameter(message, ctx, parameter)
    bound, sign = float(found[3]), found[2]
    if len(sign) == 1 and sign != "=":  # the next number there is
        bound = math.nextafter(bound, math.inf if sign == ">" else -math.inf)
    sides = ("least", "most") if sign == "=" else ("least",) if sign[0] == ">" else ("most",)
    return {"component": found[1] or "total", **dict.fromkeys(sides, bound)}


filters = together(
    click.option("--since", callback=moment, metavar="TIME",
                 help="Only runs that began then or later: 2026-11-28, 2026-11-28T21:45 (UTC), or 2d, 12h ago."),
    click.option("--until", callback=moment, metavar="TIME", help="Only runs that began before."),
    click.option("--model", metavar="TEXT", default="", help="Only runs whose model's name has this in it."),
    click.option("--kind", metavar="KIND", default="", help="Only runs with a slot of this kind."),
    click.option("--failure", metavar="REASON", default="",
                 help="Only runs in which something failed for this reason: quota, timeout, ...; model: a model did."),
    click.option("--state", type=click.Choice(STATES), help="Only runs in this state."),
    click.option("--split", metavar="NAME", help="Only runs of this split: train, test, ..."),
    click.option("--group", metavar="ID", default="", help="Only the members of this group."),
    click.option("--text", metavar="TEXT", default="", help="Only runs whose prompt has this in its beginning."),
    click.option("--reward", "rewarded", callback=reward, metavar="RULE",
                 help='Only runs with a reward for what they are now: any, none, a component\'s name, or a bound such as "total>=0.5" '
                      '(>, >=, =, <=, <). total is that of the whole; of another component, one slot or call is enough.'),
)  # fmt: skip
"""Which traces; what they give goes to `chosen`."""


def chosen(given: dict[str, Any]) -> Chosen:
    """What the options of `filters` say."""
    from llmi_agent.records.overview import Chosen

    fields = {name: value for name, value in given.items() if value is not None}
    rewarded = fields.pop("rewarded", {})
    return Chosen(**fields, **rewarded)


def meant(
    where: Place, episodes: Sequence[str], given: dict[str, Any], limit: int | None
) -> Iterable[Trace]:
    """The runs that are named, each once, or else those that the options choose. Raises UsageError if there are both."""
    from llmi_agent.traces.choosing import EVERY, one, traces

    wanted = chosen(given)
    if not episodes:
        return traces(where, wanted, limit)
    if limit is not None or wanted != EVERY:
        raise click.UsageError(
            "runs are either named or chosen by options: leave out RUN, or the options that say which"
        )
    found = (one(where, each) for each in episodes)
    return list({each.episode: each for each in found}.values())


def limit_option(default: int | None = None) -> Callable[[F], F]:
    """`--limit`."""
    return click.option(
        "--limit",
        type=click.IntRange(1),
        default=default,
        show_default=default is not None,
        metavar="N",
        help="At most so many, the newest ones.",
    )


from_option = click.option(
    "--from",
    "place",
    type=click.Path(),
    metavar="PLACE",
    help="Where the runs are: a home, a journal, an exported file, or a folder of these.  [default: your own]",
)


def place_of(named: str | None) -> Place:
    """The user's own journal, there or not, unless one is named."""
    if named is not None:
        return named
    from llmi_agent.records.journal import journal_beside
    from llmi_agent.store.home import default_store
    from llmi_agent.traces.places import InJournal

    store = default_store()
    return InJournal(journal_beside(store), store)
