"""The judge of text: how well a draft is written, and its slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmi_agent.contract.judging import Exhibit
from llmi_agent.judges.ballot import Form, spoken
from llmi_agent.judges.fence import Fence
from llmi_agent.judges.judge import About, LanguageJudge, Question
from llmi_agent.judges.memory import Scores
from llmi_agent.judges.rubrics import OF_TEXT
from llmi_agent.judges.tally import Cast, score_of
from llmi_agent.run.adviser import Adviser


class TextJudge(LanguageJudge):
    """Scores of a draft: `text`, its writing, and `tag`, its slots. Settings: see `LanguageJudge`."""

    def __init__(self, adviser: Adviser, **settings: Any) -> None:
        super().__init__(adviser, OF_TEXT, **settings)

    @property
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""
        return OF_TEXT.entries

    def parts(self, exhibit: Exhibit) -> Sequence[Any]:
        """The prompt and the draft."""
        return exhibit.prompt, self._text(exhibit)

    def wanted(self, exhibit: Exhibit) -> tuple[About, ...]:
        """Both, of every document."""
        return tuple(map(About, self.components))

    def _text(self, exhibit: Exhibit) -> str:
        return spoken(exhibit.draft)

    async def _question(self, exhibit: Exhibit) -> Question:
        fence = Fence.around(self.rubric, *self.parts(exhibit))
        form = Form(self.components, OF_TEXT.fields)
        request = fence.enclose("REQUEST", exhibit.prompt)
        document = fence.enclose("DOCUMENT", self._text(exhibit))
        shown = f"{request}\n\n{document}\n\n{self._rubric.last(fence)}"
        return Question(form, fence, self._messages(form, fence, shown))

    def _scores(self, exhibit: Exhibit, question: Question, casts: Sequence[Cast]) -> Scores:
        return tuple(
            score_of(casts, each, each, "score", lowest=1.0, highest=5.0)
            for each in self.components
        )
