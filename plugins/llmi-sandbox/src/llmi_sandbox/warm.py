"""What the zygote does in advance, so that no call has to: imports, fonts, and the first of each kind of plot.

Whatever a library sets up on first use (its caches, its parsers, its registries) is then there in every fork.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

from llmi_sandbox import confine, figures, style

_MONTHS = {"month": ["Jan", "Feb", "Mar", "Jan"], "n": [1.0, 3.0, 2.0, 4.0], "kind": list("abab")}


def first() -> None:
    """What every chart needs: without this no call is served."""
    confine.library_folders()
    plt = style.dress()
    _, axes = plt.subplots()
    axes.plot([1, 2], label="a line")
    axes.set_title("Warm")
    axes.legend()
    _draw(plt)


def steps() -> list[Callable[[], None]]:
    """What many charts need: done piece by piece while no call waits."""
    return [_seaborn, _pandas, _formula, _surface, _heat_map, _statistics]


def _seaborn() -> None:
    names = style.namespace(0)
    names["sns"].barplot(names["pd"].DataFrame(_MONTHS), x="month", y="n", hue="kind")
    _draw(names["plt"])


def _pandas() -> None:
    names = style.namespace(0)
    days = names["pd"].read_csv(
        io.StringIO("day,n\n2024-01-01,1\n2024-02-01,2"), parse_dates=["day"]
    )
    days.set_index("day").resample("W").sum().plot()
    names["plt"].subplots()[1].plot(days["day"], days["n"])
    _draw(names["plt"])


def _formula() -> None:
    plt = style.namespace(0)["plt"]
    plt.plot([1, 10, 100])
    plt.yscale("log")
    plt.title(r"$\alpha_1 = \frac{x^2}{2}$")
    plt.annotate("here", (1, 10), (1, 50), arrowprops={"arrowstyle": "->"})
    _draw(plt)


def _surface() -> None:
    names = style.namespace(0)
    plane = names["np"].ones((3, 3))
    names["plt"].figure().add_subplot(projection="3d").plot_surface(plane, plane.T, plane)
    names["plt"].figure().add_subplot(projection="polar").plot([0, 1], [1, 2])
    _draw(names["plt"])


def _heat_map() -> None:
    names = style.namespace(0)
    figure, axes = names["plt"].subplots(1, 2)
    names["sns"].heatmap([[1.0, 2.0], [3.0, 4.0]], annot=True, ax=axes[0])
    axes[1].pie([1, 2], labels=["a", "b"], autopct="%d%%")
    figure.tight_layout()
    _draw(names["plt"])


def _statistics() -> None:
    names = style.namespace(0)
    with contextlib.suppress(ImportError):  # scipy is not always there
        names["sns"].violinplot(names["pd"].DataFrame(_MONTHS), x="month", y="n")
        _draw(names["plt"])


def _draw(plt: Any) -> None:
    for number in plt.get_fignums():
        figures.write(plt.figure(number), io.BytesIO())
    plt.close("all")
