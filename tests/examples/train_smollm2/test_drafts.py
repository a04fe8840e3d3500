import random

from llmi_agent.contract import WELL_KNOWN
from llmi_agent.draft import Slot, parse
from llmi_train_smollm2.drafts import NO_SLIPS, SLIPS, draft, examples, paragraphs
from llmi_train_smollm2.prompts import wishes
from llmi_train_smollm2.requests import TRAIN

PARAMS = {name: kind.params for name, kind in WELL_KNOWN.items()}
PROSE = ("Birds find their way by the sun and the stars. They learn it in their first year.",)


def test_drafts_without_slips_do_what_is_asked_and_with_them_often_do_not() -> None:
    chance, found = random.Random(0), {True: 0, False: 0}
    for wish in wishes(TRAIN, 4, 0):
        for careful in found:
            text = draft(wish, PROSE, ["something else"], chance, NO_SLIPS if careful else SLIPS)
            slots = parse(text, PARAMS, reader="strict").slots
            assert not careful or all(isinstance(each, Slot) for each in slots)
            kinds = [each.kind for each in slots if isinstance(each, Slot)]
            found[careful] += kinds == [wish.kind] * wish.count
    assert found[True] == 120
    assert 10 < found[False] < 60


def test_prose_is_shortened_to_whole_sentences_without_marks_and_headings() -> None:
    long = "This sentence has twelve words, so that it is surely long enough. "
    text = (
        f"# A title\n\n**{long * 5}**\n\n- a list\n\nToo short.\n\nWithout an end " + "word " * 20
    )
    assert paragraphs(text) == [(long * 3).strip()]


def test_examples_are_made_of_requests_that_were_written_of_alone() -> None:
    wished = wishes(TRAIN, 1, 0)
    own = wished[3].request.prompt
    made = list(examples(wished, {own: [PROSE]}, 0))
    assert len(made) == 1
    assert made[0]["prompt"][0]["content"].startswith(own)
    assert PROSE[0] in made[0]["completion"][0]["content"]
