"""From what a user names to judges: models for text and pictures, and plugins' judges by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from llmi_agent.base.errors import ConfigError
from llmi_agent.config.options import Options
from llmi_agent.contract.judging import Judge
from llmi_agent.host.registry import Registry
from llmi_agent.judges.checklists import Checklists, Criteria
from llmi_agent.judges.criteria import BOUNDS
from llmi_agent.judges.judge import DEADLINE, Bounds, LanguageJudge
from llmi_agent.judges.memory import Memory
from llmi_agent.judges.of_pictures import PictureJudge
from llmi_agent.judges.of_text import TextJudge
from llmi_agent.judges.plugin import PluginJudge, plugin_judges
from llmi_agent.records.costs import Costs
from llmi_agent.records.journal import Journal
from llmi_agent.run.adviser import Adviser, purse_of
from llmi_agent.store.artifacts import ArtifactStore


def judges_of(
    registry: Registry,
    store: ArtifactStore,
    *,
    text: str | BaseChatModel | None = None,
    pictures: str | BaseChatModel | None = None,
    plugins: Sequence[str] = (),
    checklist: tuple[str | BaseChatModel, Criteria] | None = None,
    votes: int = 1,
    deadline: float | None = DEADLINE,
    budget: float | None = None,
    bounds: Bounds | None = None,
    options: Options | None = None,
    secrets: Mapping[str, str] | None = None,
    api_base: str | None = None,
    remember: Journal | None = None,
) -> tuple[Judge, ...]:
    """The judges, in this order: of text, of pictures, those of plugins.

    text, pictures: models by name, or as they are; the same one is asked through one adviser, with one limit. plugins:
    names of judges that plugins bring. checklist: a model, and the criteria that it judges by, by prompt. budget: US dollars for both models together. The rest: see `LanguageJudge` and
    `Adviser.of`.

    Raises ConfigError for what does not exist or cannot judge, UnavailableError for a missing key or address.
    """
    purse = purse_of(budget)
    asked: dict[int | str, Adviser] = {}

    def adviser(model: str | BaseChatModel) -> Adviser:
        known = model if isinstance(model, str) else id(model)
        if known not in asked:
            asked[known] = Adviser.of(
                model,
                registry,
                store,
                api_base=api_base,
                options=options,
                secrets=secrets,
                budget=purse,
            )
        return asked[known]

    settings: dict[str, Any] = {
        "votes": votes,
        "deadline": deadline,
        "bounds": bounds,
        "memory": Memory(),
        "remember": remember,
    }
    found: list[Judge] = []
    if text is not None:
        found.append(TextJudge(adviser(text), **settings))
    if pictures is not None:
        found.append(PictureJudge(adviser(pictures), **settings))
    if checklist is not None:
        model, criteria = checklist
        own = {**settings, "bounds": bounds or BOUNDS}
        found.append(Checklists(adviser(model), criteria, **own))
    return (*found, *_of_plugins(registry, plugins, secrets, deadline))


def _of_plugins(
    registry: Registry,
    names: Sequence[str],
    secrets: Mapping[str, str] | None,
    deadline: float | None,
) -> list[Judge]:
    known = plugin_judges(registry.host) if names else {}
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"no plugin brings a judge {name!r}; there are: {there}")
    return [
        PluginJudge(known[name], secrets=secrets, deadline=deadline)
        for name in dict.fromkeys(names)
    ]


def name_of(judge: Judge) -> str:
    """The model that it asks, or the name that its plugin gave it; else its type."""
    return str(getattr(judge, "name", type(judge).__name__))


def costs_of(judges: Sequence[Judge]) -> Costs:
    """What those that are models have cost so far; two that ask through one adviser are counted once."""
    models = (each for each in judges if isinstance(each, LanguageJudge | Checklists))
    advisers = {id(each.adviser): each.adviser for each in models}
    return Costs.together(each.costs for each in advisers.values())
