"""Judges that plugins bring, held to the contract: whatever one does, there are scores, or it is said why not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import cast

from llmi_agent.base.errors import ConfigError, UnavailableError
from llmi_agent.base.secrets import Redactor, secret_values
from llmi_agent.base.text import one_line
from llmi_agent.contract.judging import Exhibit, Judge, JudgeRequest, JudgeSpec, Score
from llmi_agent.host.plugins import PluginHost
from llmi_agent.host.unique import unique
from llmi_agent.judges.tally import MOST_ERROR

_MOST_COMPONENTS = 100
_MOST_SCORES = 10_000
_MOST_REASON = 1_000
_MOST_NAME = 200


@dataclass(frozen=True)
class RegisteredJudge:
    """A judge, and the plugin that it comes from."""

    spec: JudgeSpec
    plugin: str
    distribution: str
    version: str


def plugin_judges(host: PluginHost) -> dict[str, RegisteredJudge]:
    """Those of all plugins, by name."""
    found = [
        RegisteredJudge(spec, each.name, each.distribution, each.version)
        for each in host.plugins
        for spec in each.judges
    ]
    return unique("judge", found, host)


class PluginJudge:
    """A plugin's judge.

    Raises ConfigError if it cannot be made, UnavailableError for a missing key.
    """

    def __init__(
        self,
        registered: RegisteredJudge,
        *,
        secrets: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        spec, keys = registered.spec, os.environ if secrets is None else secrets
        if missing := [each for each in spec.needs if not keys.get(each)]:
            raise UnavailableError(
                f"the judge {spec.name} needs {', '.join(missing)}; set it and run again"
            )
        own = {each: keys[each] for each in spec.needs}
        self.name = spec.name
        self._redactor = Redactor([*secret_values(keys), *own.values()])
        self._deadline = deadline
        self._judge, self._components, self._rubric = self._made(
            registered, JudgeRequest(MappingProxyType(own), deadline)
        )

    @property
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""
        return self._components

    @property
    def rubric(self) -> str:
        """A digest of what it asks."""
        return self._rubric

    async def judge(self, exhibit: Exhibit) -> tuple[Score, ...]:
        """Its scores. Raises nothing but CancelledError."""
        try:
            async with asyncio.timeout(self._deadline):
                given = await self._judge.judge(exhibit)
            return self._checked(given, exhibit)
        except TimeoutError:
            words = f"it took more than {self._deadline:g} s" if self._deadline else "TimeoutError"
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            words = f"{type(error).__name__}: {error}"
        said = one_line(f"the judge {self.name} failed: {self._redactor.text(words)}", MOST_ERROR)
        return tuple(
            Score(component=each, value=None, error=said, rubric=self.rubric)
            for each in self.components
        )

    def _made(
        self, registered: RegisteredJudge, request: JudgeRequest
    ) -> tuple[Judge, tuple[str, ...], str]:
        module, _, attribute = registered.spec.load.partition(":")
        try:
            made = cast("Judge", getattr(import_module(module), attribute)(request))
            if not callable(made.judge):
                raise TypeError("its `judge` cannot be called")
            return made, _names(made.components), str(made.rubric)[:_MOST_NAME]
        except (Exception, SystemExit) as error:
            words = one_line(self._redactor.text(f"{type(error).__name__}: {error}"), MOST_ERROR)
            owner = f"{registered.distribution} {registered.version}"
            raise ConfigError(
                f"the judge {self.name} of {owner} cannot be made: {words}"
            ) from error

    def _checked(self, given: Sequence[Score], exhibit: Exhibit) -> tuple[Score, ...]:
        """Raises TypeError or ValueError for what no judge may give."""
        if not isinstance(given, Sequence) or not all(isinstance(each, Score) for each in given):
            raise TypeError("it must return a list of Scores")
        if len(given) > _MOST_SCORES:
            raise ValueError(f"it gives {len(given):,} scores")
        slots = {None, *(each.slot for each in exhibit.figures)}
        about = [(each.component, each.slot) for each in given]
        for component, slot in about:
            if component not in self.components or slot not in slots:
                raise ValueError(f"it gives a score {component!r:.80} of the slot {slot!r:.20}")
        if len(set(about)) < len(about):
            raise ValueError("it gives two scores of one thing")
        return tuple(map(self._clean, given))

    def _clean(self, score: Score) -> Score:
        if score.value is not None and not 0 <= score.value <= 1:
            raise ValueError(f"its score {score.component} is {score.value:g}, not from 0 to 1")
        return replace(
            score,
            reason=one_line(self._redactor.text(score.reason), _MOST_REASON),
            error=one_line(self._redactor.text(score.error), MOST_ERROR),
            judge=one_line(self._redactor.text(score.judge), _MOST_NAME),
            rubric=self.rubric,
            reuse=None,  # others' judgements are found by it
        )


def _names(components: object) -> tuple[str, ...]:
    """Raises TypeError for what cannot be components."""
    names = tuple(components) if isinstance(components, list | tuple) else ()
    fit = all(isinstance(each, str) and each for each in names)
    if not fit or not 0 < len(set(names)) == len(names) <= _MOST_COMPONENTS:
        raise TypeError("its `components` must be a list of names, each once")
    return names
