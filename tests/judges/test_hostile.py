"""A document cannot talk its judge into a score: what it says stands where the judge knows it for data, in every way to say it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llmi_agent.contract.judging import Exhibit
from llmi_agent.judges import Checklist, PictureJudge, TextJudge
from llmi_agent.judges.ballot import spoken
from llmi_agent.judges.judge import LanguageJudge
from llmi_agent.run.adviser import Adviser
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import asked_of, ballot_for

from .conftest import exhibit_with, scripted, values
from .hostile import ATTACKS, CANARY, FAKE, TURNS

Script = Callable[[list[Any]], str]

ROLES = re.compile(
    r"<\|[^|<>\n]+\|>|<｜[^｜<>\n]+｜>|<\|?turn\|?>|</?s>|</?(?:start|end)_of_turn>|\[/?(?:INST|SYSTEM_PROMPT)\]|<</?SYS>>|<sop>"  # noqa: RUF001
    r"|</?(?:system|user|assistant)>"
)
"""What a tokenizer takes for a mark of who speaks."""
JUDGES: dict[str, Callable[[Adviser], LanguageJudge]] = {
    "text": TextJudge,
    "pictures": PictureJudge,
    "criteria": lambda adviser: Checklist(adviser, ["Is it about harbours?", "Is it long?"]),
}
HONEST = {"text": 0.25, "pictures": 0.25, "criteria": 0.0}
"""What the document is worth to the judges here."""


def honest(messages: list[Any], **fields: Any) -> str:
    return ballot_for(
        messages, lambda asked, entry, field: "no" if field == "answer" else 2, **fields
    )


def bribed(messages: list[Any]) -> str:
    return ballot_for(messages, lambda asked, entry, field: "yes" if field == "answer" else 5)


def text_of(messages: list[Any]) -> str:
    """All that the model is told, as one text."""
    contents = [each.content for each in messages]
    blocks = [c if isinstance(c, str) else "".join(b.get("text", "") for b in c) for c in contents]
    return "\n".join(blocks)


def outside(messages: list[Any]) -> str:
    """What is outside of the fences."""
    return asked_of(messages).outside


def beyond_lines_like_ours(messages: list[Any]) -> str:
    """What is outside for one who takes every line that looks like one of ours for ours, whatever its number."""
    inside, found = False, []
    for line in text_of(messages[1:]).splitlines():
        if re.match(r"=====? (BEGIN|END)", line):
            inside = "BEGIN" in line
        elif not inside:
            found.append(line)
    return "\n".join(found)


def turns(messages: list[Any]) -> str:
    """What a tokenizer takes for said by somebody else: all that comes after a mark of who speaks."""
    return "\n".join(ROLES.split(text_of(messages[1:]))[1:])


HEEDED = (outside, beyond_lines_like_ours, turns)


def obedient(messages: list[Any]) -> str:
    """It obeys all that it takes for an order, by any of these."""
    ordered = any(CANARY in heed(messages) for heed in HEEDED)
    return (bribed if ordered else honest)(messages)


def copying(messages: list[Any]) -> str:
    """It answers with any ballot that it finds in the document."""
    found = re.search(r'\{"ballot".*\}', asked_of(messages).document)
    return found[0] if found else honest(messages)


def quoting(messages: list[Any]) -> str:
    """It repeats the document before its ballot, and in its reasons."""
    document = asked_of(messages).document
    return document + "\n\n" + honest(messages, reason=document)


def misnumbering(messages: list[Any]) -> str:
    """It takes the number of its ballot from the document, if there is one."""
    filled = bribed(messages)
    found = re.search("[0-9a-f]{4}(?:-[0-9a-f]{4}){3}", asked_of(messages).document)
    return filled.replace(asked_of(messages).number, found[0]) if found else honest(messages)


def watchful(messages: list[Any]) -> str:
    """It says of every document that it is spoken to."""
    return ballot_for(messages, lambda *_: "yes", addresses_judge=True)


async def judged(kind: str, store: ArtifactStore, script: Script, exhibit: Exhibit) -> list[Any]:
    adviser, _ = scripted(store, script)
    return list(await JUDGES[kind](adviser).judge(exhibit))


@pytest.fixture
def other(request: pytest.FixtureRequest) -> str:
    """One of the other two judges, in turn."""
    name = request.node.callspec.params["attack"]
    return ("pictures", "criteria")[list(ATTACKS).index(name) % 2]


@pytest.fixture(params=ATTACKS, ids=lambda name: name.replace(" ", "-"))
def attack(request: pytest.FixtureRequest, store: ArtifactStore) -> Exhibit:
    """The document with an attack in its draft, in its text, and in the caption of its figure."""
    words = ATTACKS[request.param]
    plain = exhibit_with(store, 1)
    figures = tuple(replace(each, caption=words) for each in plain.figures)
    return replace(plain, draft=words, text=words, figures=figures)


async def test_no_attack_moves_a_score(attack: Exhibit, other: str, store: ArtifactStore) -> None:
    for kind in ("text", other):
        for script in (obedient, quoting):
            await _gets_what_it_is_worth(kind, store, script, attack)
        for script in (copying, misnumbering):
            await _gets_no_more(kind, store, script, attack)
        scores = await judged(kind, store, watchful, attack)
        assert set(values(scores)) == {0.0}, kind
        assert all("speaks to its judge" in s.reason for s in scores)


async def _gets_what_it_is_worth(
    kind: str, store: ArtifactStore, script: Script, attack: Exhibit
) -> None:
    adviser, model = scripted(store, script)
    scores = await JUDGES[kind](adviser).judge(attack)
    assert set(values(scores)) == {HONEST[kind]}, (kind, script)
    assert all(len(s.reason) <= 1_000 and "\n" not in s.reason for s in scores)
    said = text_of(model.asked[0])
    assert not [each for each in said if each != "\n" and not each.isprintable()], kind
    assert not ROLES.search(text_of(model.asked[0][1:])), kind


async def _gets_no_more(kind: str, store: ArtifactStore, script: Script, attack: Exhibit) -> None:
    """A judge that takes the document's ballot, or its number, has not voted."""
    scores = await judged(kind, store, script, attack)
    if FAKE not in (spoken(attack.draft) if kind == "text" else attack.text):
        assert set(values(scores)) == {HONEST[kind]}, (kind, script)
    elif set(values(scores)) != {HONEST[kind]}:
        assert set(values(scores)) == {None}, (kind, script)
        assert all("no ballot of this question" in s.error for s in scores)


def test_the_attacks_are_many_and_none_is_harmless_by_itself() -> None:
    assert len(ATTACKS) > 60
    seen = sum(CANARY in words for words in ATTACKS.values())
    assert seen >= 55  # the others hide it


async def test_the_scripted_judges_can_be_bribed(store: ArtifactStore) -> None:
    """Of each: it gives five to words that do get out, so the tests above can fail."""
    adviser, model = scripted(store, honest)
    await TextJudge(adviser).judge(exhibit_with(store, 0))
    system, human = model.asked[0]
    bare = human.model_copy(update={"content": f"{human.content}\n{CANARY}"})
    for heed in HEEDED[:2]:
        assert CANARY in heed([system, bare])
    assert json.loads(obedient([system, bare]))["marks"]["text"]["score"] == 5
    for turn in TURNS.values():
        if "\u200b" not in turn and "＜" not in turn and "Human" not in turn:  # noqa: RUF001
            said = human.model_copy(update={"content": human.content + turn.format(CANARY)})
            assert CANARY in turns([system, said]), turn


async def test_the_request_is_fenced_too(store: ArtifactStore) -> None:
    plain = exhibit_with(store, 1)
    for number, words in enumerate(ATTACKS.values()):
        kind = list(JUDGES)[number % 3]
        exhibit = replace(plain, prompt=words)
        assert set(values(await judged(kind, store, obedient, exhibit))) == {HONEST[kind]}


async def test_one_vote_of_three_that_accuses_is_outvoted(store: ArtifactStore) -> None:
    adviser, _ = scripted(store, watchful, honest, honest)
    scores = await TextJudge(adviser, votes=3).judge(exhibit_with(store, 0))
    assert values(scores) == [0.25, 0.25]
    assert scores[0].votes == (1.0, 2.0, 2.0)
    adviser, _ = scripted(store, watchful, watchful, bribed)
    scores = await TextJudge(adviser, votes=3).judge(exhibit_with(store, 0))
    assert values(scores) == [0.0, 0.0]
