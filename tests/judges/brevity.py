"""A plugin's judge for tests, which does as the document says. The one of docs/plugins.md is tested as it stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llmi_agent.contract import Exhibit, JudgeRequest, JudgeSpec, Score, hookimpl

SECRET = "plugin-key-5f0c9a7e"


@hookimpl
def llmi_judges() -> list[JudgeSpec]:
    """Two that work, and those that cannot be made."""
    made = {
        name: f"{__name__}:{name}" for name in ("told", "keyed", "unmakeable", "nameless", "gone")
    }
    return [
        JudgeSpec(name, "for tests", load, needs=("BREVITY_KEY",) if name == "keyed" else ())
        for name, load in made.items()
    ]


class Told:
    """Does what the prompt says."""

    components = ("brevity", "charm")
    rubric = "told-1"

    def __init__(self, request: JudgeRequest) -> None:
        self.request = request

    async def judge(self, exhibit: Exhibit) -> Sequence[Score]:
        """Its scores, or trouble."""
        good = Score(component="brevity", value=0.5, reason=f"short\n{SECRET}", reuse="judge:x")
        answers: dict[str, Any] = {
            "good": [good],
            "slot": [Score(component="charm", value=1.0, slot=0)],
            "missing": [Score(component="charm", value=None, error=f"no {SECRET}")],
            "above": [Score(component="brevity", value=1.5)],
            "below": [Score(component="brevity", value=-0.1)],
            "other": [Score(component="other", value=0.5)],
            "nowhere": [Score(component="brevity", value=0.5, slot=99)],
            "twice": [good, good],
            "many": [good] * 20_000,
            "words": "good",
            "numbers": [0.5],
            "nothing": None,
        }
        if exhibit.prompt == "hang":
            await asyncio.sleep(60)
        if exhibit.prompt == "raise":
            raise RuntimeError(f"with {SECRET} in it " + "x" * 5_000)
        found: Sequence[Score] = answers[exhibit.prompt]
        return found


def told(request: JudgeRequest) -> Told:
    """The one that works."""
    return Told(request)


def keyed(request: JudgeRequest) -> Told:
    """The one that needs a key."""
    assert dict(request.secrets) == {"BREVITY_KEY": SECRET}
    return Told(request)


def unmakeable(request: JudgeRequest) -> Told:
    """Cannot be made."""
    raise SystemExit("no")


def nameless(request: JudgeRequest) -> Any:
    """Has no components."""
    judge = Told(request)
    judge.components = ()  # type: ignore[assignment]
    return judge
