"""The judge of pictures: each figure of a document by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmi_agent.contract.judging import Exhibit, Score, Shown
from llmi_agent.document.messages import reference
from llmi_agent.judges.ballot import Form
from llmi_agent.judges.fence import Fence
from llmi_agent.judges.judge import About, LanguageJudge, Question
from llmi_agent.judges.memory import Scores
from llmi_agent.judges.pictures import Gallery, gallery
from llmi_agent.judges.rubrics import OF_PICTURES
from llmi_agent.judges.tally import Cast, mean_of, score_of
from llmi_agent.run.adviser import Adviser


class PictureJudge(LanguageJudge):
    """Scores of each figure (`Score.slot`), and their mean for the document: `image_quality`, `task_relevance`,
    `text_image_relevance`.

    Placeholders are not judged; a document without other figures gets no scores. A figure whose picture is not there has
    scores without a value, and the mean is that of the others. Settings: see `LanguageJudge`.
    """

    sees = True

    def __init__(self, adviser: Adviser, **settings: Any) -> None:
        super().__init__(adviser, OF_PICTURES, **settings)

    @property
    def components(self) -> tuple[str, ...]:
        """The scores that it gives."""
        return OF_PICTURES.fields

    def parts(self, exhibit: Exhibit) -> Sequence[Any]:
        """The prompt, the document, and its figures."""
        return exhibit.prompt, exhibit.text, facts(judged(exhibit))

    def wanted(self, exhibit: Exhibit) -> tuple[About, ...]:
        """Of each figure that is judged, and of the document if there is one."""
        figures = judged(exhibit)
        slots = {each.slot: None for each in figures if each.slot is not None}
        of_slots = [About(each, slot) for slot in slots for each in self.components]
        return (*of_slots, *map(About, self.components)) if figures else ()

    def _fault(self, exhibit: Exhibit) -> str:
        return self._too_many(len(judged(exhibit))) or super()._fault(exhibit)

    def _lack(self, exhibit: Exhibit) -> str:
        return ""

    def _text(self, exhibit: Exhibit) -> str:
        return exhibit.text

    async def _question(self, exhibit: Exhibit) -> Question | Scores:
        figures = judged(exhibit)
        seen = await gallery(figures, exhibit.pictures)
        if seen.size > self._bounds.picture_bytes:
            return self._lowest(self.wanted(exhibit), too_large(seen, self._bounds.picture_bytes))
        there = [each for each in figures if each.digest in seen.data]
        if not there:
            return self._missing(self.wanted(exhibit), lack_of(figures, seen))
        fence = Fence.around(self.rubric, *self.parts(exhibit))
        form = Form(tuple(str(each.figure) for each in there), self.components)
        shown = shown_with_pictures(exhibit, there, seen, fence, self._rubric.last(fence))
        return Question(form, fence, self._messages(form, fence, shown), seen)

    def _scores(self, exhibit: Exhibit, question: Question, casts: Sequence[Cast]) -> Scores:
        figures = judged(exhibit)
        there = [each for each in figures if str(each.figure) in question.form.entries]
        absent = [each for each in figures if each not in there]
        assert isinstance(question.pictures, Gallery)
        lack = lack_of(absent, question.pictures) if absent else ""
        scores: list[Score] = []
        for component in self.components:
            own = [
                replace(
                    score_of(
                        casts, component, str(each.figure), component, lowest=1.0, highest=5.0
                    ),
                    slot=each.slot,
                )
                for each in there
            ]
            scores += [each for each in own if each.slot is not None]
            gone = [About(component, each.slot) for each in absent if each.slot is not None]
            scores += self._missing(gone, lack)
            scores.append(
                mean_of(own, component, [f"Figure {each.figure}" for each in there], lack)
            )
        return tuple(scores)


def judged(exhibit: Exhibit) -> list[Shown]:
    """The figures that are judged."""
    return [each for each in exhibit.figures if not each.placeholder]


def facts(figures: Sequence[Shown]) -> list[list[Any]]:
    """What is asked about figures, as JSON can write it."""
    return [[each.figure, each.slot, each.digest] for each in figures]


def too_large(seen: Gallery, most: int) -> str:
    """What is said of pictures that are too many bytes."""
    return f"the pictures have {seen.size:,} bytes; their judge looks at no more than {most:,}"


def shown_with_pictures(
    exhibit: Exhibit, figures: Sequence[Shown], seen: Gallery, fence: Fence, last: str
) -> list[dict[str, Any]]:
    """The content of a message that shows a document and these pictures of it."""
    request = fence.enclose("REQUEST", exhibit.prompt)
    document = fence.enclose("DOCUMENT", exhibit.text)
    blocks: list[dict[str, Any]] = [_said(f"{request}\n\n{document}\n\n")]
    for each in figures:
        blocks.append(_said(f"{fence.line(f'PICTURE OF FIGURE {each.figure}')}\n"))
        blocks.append(reference(each.digest, seen.media_types[each.digest]))
    return [*blocks, _said(f"\n{last}")]


def _said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def lack_of(figures: Sequence[Shown], seen: Gallery) -> str:
    """Why figures cannot be looked at."""
    return "; ".join(f"Figure {each.figure}: {seen.absent[each.digest]}" for each in figures)
