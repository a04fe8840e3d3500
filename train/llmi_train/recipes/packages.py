"""Whether what a training needs is installed, in versions that will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement

from llmi_agent.base.errors import ConfigError
from llmi_train.recipes.finding import Finding

_EXTRA = "grpo"


def requirements(more: Iterable[str]) -> Iterator[Requirement]:
    """Those of `llmi-train[grpo]`, and more. Raises ConfigError for what is no requirement."""
    for each in requires("llmi-train") or ():
        own = Requirement(each)
        if own.marker is None or own.marker.evaluate({"extra": _EXTRA}):
            yield own
    for each in more:
        try:
            yield Requirement(each)
        except InvalidRequirement:
            raise ConfigError(
                f"needs.packages: {each!r:.80} is no requirement, such as vllm>=0.22"
            ) from None


def packages(more: Iterable[str]) -> Iterator[Finding]:
    """Each that is not there, or not in a version that will do; one finding if all are."""
    wanted = list(requirements(more))
    faults = [fault for each in wanted if (fault := _fault(each))]
    yield from (Finding("missing", "packages", fault) for fault in faults)
    if not faults:
        shown = ("torch", "transformers", "trl", *(Requirement(each).name for each in more))
        said = ", ".join(f"{name} {version(name)}" for name in dict.fromkeys(shown))
        yield Finding("ok", "packages", said)


def _fault(wanted: Requirement) -> str:
    try:
        there = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is not installed: pip install '{wanted.name}{wanted.specifier}'"
    if wanted.specifier.contains(there, prereleases=True):
        return ""
    return f"{wanted.name} {there} is installed, and {wanted.specifier} is needed: pip install '{wanted.name}{wanted.specifier}'"
