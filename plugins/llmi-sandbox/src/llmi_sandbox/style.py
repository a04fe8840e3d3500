"""What the policy's code finds when it starts: the libraries, and charts that look well by default."""

from __future__ import annotations

import functools
import importlib
import logging
import random
import warnings
from collections.abc import Callable
from typing import Any

from llmi_sandbox import lost_changes

_ALIASES = {
    "matplotlib": "matplotlib",
    "plt": "matplotlib.pyplot",
    "np": "numpy",
    "pd": "pandas",
    "sns": "seaborn",
}

_RC = {
    "figure.figsize": (8.0, 5.0),
    "figure.dpi": 150.0,
    "savefig.dpi": "figure",
    "figure.max_open_warning": 0,
    "font.size": 11.0,
    "axes.titlesize": 14.0,
    "axes.titleweight": "semibold",
    "axes.titlepad": 12.0,
    "axes.labelsize": 11.0,
    "axes.labelcolor": "#333333",
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "axes.formatter.useoffset": False,
}
# Okabe and Ito's colours, told apart by the colour-blind too; black and yellow last.
_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442"]


def dress() -> Any:
    """Set the looks, once per process; returns `matplotlib.pyplot`."""
    warnings.simplefilter("ignore")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib import pyplot

    _dress(matplotlib)
    lost_changes.refuse_in_pandas()
    pyplot.show = lambda *_, **__: None
    return pyplot


def namespace(seed: int) -> dict[str, Any]:
    """The globals to run code with."""
    found = {alias: importlib.import_module(module) for alias, module in _ALIASES.items()}
    random.seed(seed)
    found["np"].random.seed(seed)
    return {"__name__": "__main__", **found}


def _dress(matplotlib: Any) -> None:
    from matplotlib.axes import Axes

    matplotlib.rcParams.update(_RC)
    matplotlib.rcParams["axes.prop_cycle"] = matplotlib.cycler(color=_COLOURS)
    # matplotlib draws a grid over a picture; one that the code asks for afterwards stays.
    Axes.imshow = _without_grid(Axes.imshow)  # type: ignore[method-assign]


def _without_grid(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def plain(axes: Any, *arguments: Any, **named: Any) -> Any:
        axes.grid(visible=False)
        return method(axes, *arguments, **named)

    return plain
