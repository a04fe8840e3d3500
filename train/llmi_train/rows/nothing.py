"""What is said of a place in which there is no run."""

from __future__ import annotations

from llmi_agent.records.overview import Chosen
from llmi_agent.traces.choosing import EVERY
from llmi_agent.traces.places import Place, sources
from llmi_train.rows.faults import NothingToTrain


def no_run(place: Place, chosen: Chosen = EVERY) -> NothingToTrain:
    """It names the place, and how another one is."""
    names = ", ".join(each.name for each in sources(place)) or str(place)
    what = "no run" if chosen == EVERY else "no run of those that are asked for"
    return NothingToTrain(
        f"there is {what} in {names}: name another place with --traces, or another home with LLMI_HOME"
    )
