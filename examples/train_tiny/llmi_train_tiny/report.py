"""What came of courses: a table in Markdown, and learning curves as a picture and as a page that needs nothing else."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llmi_train_tiny.ceiling import Ceiling

_HEAD = (
    "seed",
    "policy",
    "reward",
    "above the warm-up",
    "kind accuracy",
    "above the warm-up",
    "count accuracy",
    "topic",
    "above the warm-up",
    "cut",
    "episodes",
    "training",
)


@dataclass(frozen=True)
class Line:
    """A policy as it was evaluated."""

    seed: int
    name: str
    figures: Mapping[str, Any]
    """Of `llmi-train eval --json`: `model`, and `difference` to the warm-up if it is another one."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """What `llmi-train offline --json` or `online --json` said of it."""

    @property
    def above(self) -> Mapping[str, Any] | None:
        """The paired difference to the warm-up."""
        found: Mapping[str, Any] | None = self.figures.get("difference")
        return found

    @property
    def own(self) -> Mapping[str, Any]:
        """Its figures."""
        found: Mapping[str, Any] = self.figures["model"]
        return found


@dataclass(frozen=True)
class Results:
    """All that is shown."""

    title: str
    lines: Sequence[Line]
    ceiling: Ceiling
    curves: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """The figures of each step of a training from traces, by its name."""
    online: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """The same of trainings that rolled out at each step."""
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """The table and the notes."""
        lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, self.lines)]
        table = "\n".join(f"| {' | '.join(each)} |" for each in lines)
        blind = (
            f"A policy that does not read its prompt earns {self.ceiling.reward:.3f} at most ({self.ceiling.draft}); its kind "
            f"accuracy is {self.ceiling.kind_accuracy:.3f}."
        )
        return "\n\n".join((f"## {self.title}", table, blind, *self.notes)) + "\n"

    def write(self, folder: Path) -> tuple[Path, ...]:
        """`results.md`, `curve.png` and `curve.html`."""
        figure = _figure(self)
        picture, drawn = io.BytesIO(), io.StringIO()
        figure.savefig(picture, format="png", dpi=130)
        figure.savefig(drawn, format="svg")
        paths = tuple(folder / name for name in ("results.md", "curve.png", "curve.html"))
        paths[0].write_text(self.markdown())
        paths[1].write_bytes(picture.getvalue())
        paths[2].write_text(_page(self, drawn.getvalue()))
        return paths


def _cells(line: Line) -> tuple[str, ...]:
    own, above = line.own, line.above or {}
    return (
        str(line.seed),
        line.name,
        _mean(own["reward"]),
        _mean(above.get("reward"), signed=True),
        _mean(own["kind_accuracy"]),
        _mean(above.get("kind_accuracy"), signed=True),
        _mean(own["count_accuracy"]),
        _mean(_topic(own)),
        _mean(_topic(above), signed=True),
        f"{own['truncated']:.0%}",
        _episodes(line.training),
        _took(line.training),
    )


def _topic(figures: Mapping[str, Any]) -> Mapping[str, float] | None:
    found: Mapping[str, float] | None = figures.get("components", {}).get("tiny.topic")
    return found


def _episodes(training: Mapping[str, Any]) -> str:
    """Those that it was trained on: collected before, or meanwhile."""
    found = training.get("rollouts", {}).get("episodes") or training.get("report", {}).get("read")
    return f"{found:,}" if found else ""


def _took(training: Mapping[str, Any]) -> str:
    """How long; or where it was stopped, for then nobody says how long."""
    if training.get("stopped"):
        return f"stopped after {training['steps']} of {training['of']} steps"
    return f"{training['seconds']:.0f} s" if training else ""


def _mean(found: Mapping[str, float] | None, *, signed: bool = False) -> str:
    if not found:
        return ""
    plus = "+" if signed else ""
    return f"{found['mean']:{plus}.3f} [{found['low']:{plus}.3f}, {found['high']:{plus}.3f}]"


def _figure(results: Results) -> Any:
    from matplotlib.figure import Figure

    drawings = [_draw_rewards]
    drawings += [_draw_steps] if results.curves else []
    drawings += [_draw_fresh] if results.online else []
    figure = Figure(figsize=(5.5 * len(drawings), 4.6), layout="constrained")
    for axes, draw in zip(np.atleast_1d(figure.subplots(1, len(drawings))), drawings, strict=True):
        draw(axes, results)
    figure.suptitle(results.title)
    return figure


def _draw_rewards(axes: Any, results: Results) -> None:
    """Held-out rewards with their intervals: a line for each seed."""
    names = list(dict.fromkeys(each.name for each in results.lines))
    seeds = sorted({each.seed for each in results.lines})
    for number, seed in enumerate(seeds):
        own = [each for each in results.lines if each.seed == seed]
        places = [names.index(each.name) + 0.08 * (number - (len(seeds) - 1) / 2) for each in own]
        found = [each.own["reward"] for each in own]
        means = [each["mean"] for each in found]
        spread = [
            [m - e["low"] for m, e in zip(means, found, strict=True)],
            [e["high"] - m for m, e in zip(means, found, strict=True)],
        ]
        axes.errorbar(places, means, spread, fmt="o", capsize=3, label=f"seed {seed}")
    axes.axhline(results.ceiling.reward, color="grey", linestyle="--", label="prompt-blind ceiling")
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set(ylim=(0, 1), ylabel="reward on held-out prompts, 95% intervals")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")


def _draw_steps(axes: Any, results: Results) -> None:
    """How far each training from traces went from the policy that was recorded."""
    for name, history in results.curves.items():
        axes.plot([each["step"] for each in history], [each["kl"] for each in history], label=name)
    axes.set(xlabel="step", ylabel="KL to the recorded policy, nats a token")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _draw_fresh(axes: Any, results: Results) -> None:
    """What the rollouts of each step earned, on prompts that are trained on."""
    for name, history in results.online.items():
        found = [each["reward"] for each in history]
        axes.plot([each["step"] for each in history], found, label=name)
    axes.set(xlabel="step", ylabel="reward of a step's fresh rollouts", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")


def _page(results: Results, drawing: str) -> str:
    rows = "".join(_row(_cells(each)) for each in results.lines)
    notes = "".join(f"<p>{html.escape(each)}</p>" for each in _said(results))
    said = html.escape(f"Rewards on held-out prompts: {results.title}", quote=True)
    picture = f'<svg role="img" aria-label="{said}"{drawing[drawing.index("<svg") + len("<svg") :]}'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(results.title)}</title>'
        "<style>body{font:15px system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;font-size:13px}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}"
        f"svg{{width:100%;height:auto}}</style><h1>{html.escape(results.title)}</h1>{picture}"
        f"<table>{_row(_HEAD, 'th')}{rows}</table>{notes}</html>"
    )


def _said(results: Results) -> Iterator[str]:
    yield f"Prompt-blind ceiling: {results.ceiling.reward:.3f} ({results.ceiling.draft})."
    yield from results.notes


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(each)}</{tag}>' for each in cells)}</tr>"
