"""What was counted as plain JSON: the same numbers that the tables and the plot show."""

from __future__ import annotations

from typing import Any

from llmi_agent.traces.stats import Cost, OfKind, OfModel, OfReward, OfTool, Spread, Stats, share


def plain(found: Stats) -> dict[str, Any]:
    """All of it. A number that nobody knows is null, and the number of those that it is over stands beside it."""
    return {
        "runs": found.runs,
        "states": dict(found.states),
        "unreadable": found.unreadable,
        "began": list(found.began) if found.began else None,
        "rewarded": found.rewarded,
        "outdated_rewards": found.outdated,
        "cost": vars(found.cost),
        "kinds": [{"kind": kind, **_kind(own)} for kind, own in sorted(found.kinds.items())],
        "tools": [
            {"tool": tool, "kind": kind, **_tool(own)}
            for (tool, kind), own in sorted(found.tools.items())
        ],
        "models": [
            {"model": model, "purpose": purpose, **_model(own)}
            for (model, purpose), own in sorted(found.models.items())
        ],
        "failures": _counts(found.failures),
        "missing": _counts(found.missing),
        "rewards": [
            dict(zip(("scope", "component", "profile", "judge"), key, strict=True)) | _reward(own)
            for key, own in sorted(found.rewards.items())
        ],
    }


def _kind(own: OfKind) -> dict[str, Any]:
    settled = own.kept + own.missing
    return {
        **vars(own),
        "kept_share": share(own.kept, settled),
        "first_share": share(own.first, settled),
    }


def _tool(own: OfTool) -> dict[str, Any]:
    counts = ("calls", "worked", "failed", "stopped", "cut", "found")
    return {
        **{name: getattr(own, name) for name in counts},
        "worked_share": share(own.worked, own.worked + own.failed),
        "seconds": _spread(own.seconds),
        "found_seconds": _spread(own.found_seconds),
        "cost": vars(own.cost),
    }


def _model(own: OfModel) -> dict[str, Any]:
    counts = ("calls", "accepted", "refused", "cut", "sampled")
    return {
        **{name: getattr(own, name) for name in counts},
        "input_tokens": own.input_tokens if own.input_counted else None,
        "input_counted": own.input_counted,
        "output_tokens": own.output_tokens if own.output_counted else None,
        "output_counted": own.output_counted,
        "seconds": _spread(own.seconds),
        "first": _spread(own.first),
        "cost": vars(own.cost),
    }


def _reward(own: OfReward) -> dict[str, Any]:
    missing = share(own.errors, own.errors + len(own.values))
    return {
        "runs": own.runs,
        "errors": own.errors,
        "missing_share": missing,
        "value": _spread(own.values),
    }


def _spread(values: Any) -> dict[str, Any]:
    return vars(Spread.of(values))


def _counts(counts: Any) -> list[dict[str, Any]]:
    return [
        {"reason": reason, "blame": blame or None, "count": count}
        for (reason, blame), count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def usd(cost: Cost) -> str:
    """A cost in words: what is known, estimated and unknown apart."""
    parts = [f"${cost.known:.6g} known ({cost.known_calls})"] if cost.known_calls else []
    parts += (
        [f"${cost.estimated:.6g} estimated ({cost.estimated_calls})"]
        if cost.estimated_calls
        else []
    )
    parts += [f"unknown of {cost.unknown_calls}"] if cost.unknown_calls else []
    return ", ".join(parts) or "none"
