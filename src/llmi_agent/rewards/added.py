"""The components of the reward that plugins add: found by the hook `llmi_rewards`, and called so that none can stop a score."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import RewardSpec, Score
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.unique import unique
from llmi_agent.traces.trace import Trace

_MOST_WORDS = 500
_MOST_SCORES = 10_000


@dataclass(frozen=True)
class Added:
    """A component, and the plugin that it comes from."""

    spec: RewardSpec
    plugin: str
    distribution: str
    version: str

    @property
    def known_by(self) -> str:
        """What a score of it is compared by: another version may reward something else."""
        return f"{self.spec.name} {self.distribution} {self.version}"

    async def scores(self, trace: Trace, deadline: float | None) -> tuple[Score, ...]:
        """What it gives, of which the one for the whole is named as the component. A failure is a score without a value.

        deadline: seconds. A plain function runs in a thread, which nothing can stop: its answer is not waited for any more.
        """
        try:
            async with asyncio.timeout(deadline):
                found = tuple(_read(await self._called(trace), self.spec.name))
            self._check(found)
        except TimeoutError:
            return (self._missing(f"it took more than {deadline:g} s"),)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            return (self._missing(one_line(f"{type(error).__name__}: {error}")[:_MOST_WORDS]),)
        if any(each.slot is None and not each.call for each in found):
            return found
        return (*found, self._missing("it gave no score of the whole"))

    def _check(self, found: Sequence[Score]) -> None:
        """Raises ValueError for a component that no sum can have."""
        for each in found:
            own = each.component == self.spec.name
            if own and each.value is not None and not 0 <= each.value <= 1:
                raise ValueError(f"it answered {each.value:g}, which is not from 0 to 1")

    async def _called(self, trace: Trace) -> object:
        if "_function" not in vars(self):  # to import it may take a while
            await asyncio.to_thread(lambda: self._function)
        function = self._function
        if inspect.iscoroutinefunction(function):
            return await function(trace)
        answer = await asyncio.to_thread(function, trace)
        return await answer if inspect.isawaitable(answer) else answer

    @cached_property
    def _function(self) -> Any:
        module, _, attribute = self.spec.load.partition(":")
        return getattr(import_module(module), attribute)

    def _missing(self, why: str) -> Score:
        said = f"the reward {self.spec.name} ({self.distribution} {self.version}): {why}"
        return Score(component=self.spec.name, value=None, error=said)


def added_by(host: PluginHost) -> tuple[Added, ...]:
    """All that its plugins add; two of one name are refused, as a problem of the host's."""
    found = [
        Added(spec, plugin.name, plugin.distribution, plugin.version)
        for plugin in host.plugins
        for spec in plugin.rewards
    ]
    return tuple(unique("reward", found, host).values())


def _read(answer: object, name: str) -> Iterator[Score]:
    """Scores of an answer, which may be a number, too. Raises TypeError or ValueError for what is neither."""
    if isinstance(answer, bool | str):
        raise TypeError(f"it answered {answer!r:.80}, which is no score")
    if isinstance(answer, int | float):
        yield Score(component=name, value=float(answer))
    elif isinstance(answer, Score):
        yield _named(answer, name)
    elif isinstance(answer, Iterable):
        for number, each in enumerate(answer):
            if not isinstance(each, Score) or number >= _MOST_SCORES:
                raise TypeError(f"it answered {each!r:.80} among its scores")
            yield _named(each, name)
    else:
        raise TypeError(f"it answered {answer!r:.80}, which is no score")


def _named(score: Score, name: str) -> Score:
    """Beside its own component a plugin may name others, but none that is somebody else's."""
    if score.component == name or score.component.startswith(f"{name}."):
        return score
    return replace(score, component=f"{name}.{score.component}")
