"""The page of a trace: all of it is there, nothing that stands in it does anything, and it stays a page however long a run is."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.contract.tool import Failed, Provenance, call_key
from llmi_agent.document.render.pictures import gone
from llmi_agent.draft import Slot, slot_digest
from llmi_agent.records.codec import entry_of
from llmi_agent.records.events import (
    CallEnded,
    CallStarted,
    DraftRead,
    Event,
    ModelEnded,
    ModelStarted,
    ModelText,
    Opened,
    Resumed,
    Rewarded,
    SlotPlanned,
    SlotSettled,
)
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.outcome import Candidate, Dropped, Finished, Kept
from llmi_agent.records.record import Record
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import random_png, slot
from llmi_agent.traces.choosing import one
from llmi_agent.traces.page import page, write_page
from llmi_agent.traces.page.draft import MOST_SLOTS
from llmi_agent.traces.page.room import visible
from llmi_agent.traces.page.timeline import Axis, timeline
from llmi_agent.traces.places import InJournal
from llmi_agent.traces.replay import document_of
from llmi_agent.traces.trace import Trace
from llmi_agent.traces.verify import verify

VOID = {"meta", "link", "img", "br"}
TAGS = set(
    "html head meta link title style body a header p code span h1 bdi div dl dt dd nav main section h2 ul li i ol h3 b "
    "figure figcaption img pre details summary table thead tbody tr th td time br footer".split()
)


class Seen(HTMLParser):
    """What a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.text = "".join(self.words)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, name: str) -> list[str]:
        return [
            value or ""
            for _, attributes in self.tags
            for key, value in attributes.items()
            if key == name
        ]


def trace_of(home: Any, name: str) -> Trace:
    return one(InJournal(journal_beside(home.store), home.store), home.names[name])


def seen(trace: Trace) -> Seen:
    text = page(trace)
    found = Seen(text)
    assert found.open == []
    assert {tag for tag, _ in found.tags} <= TAGS
    allowed = {"class", "id", "href", "style", "title", "aria-label", "aria-hidden", "aria-labelledby", "dir", "lang", "role", "tabindex",
               "src", "alt", "loading", "open", "content", "name", "http-equiv", "charset", "rel", "scope"}  # fmt: skip
    assert {key for _, attributes in found.tags for key in attributes} <= allowed
    ids = found.all("id")
    assert len(ids) == len(set(ids))
    addresses = [each for each in found.all("href") if each != "data:,"]
    assert {each[0] for each in addresses} <= {"#"}
    assert {each[1:] for each in addresses} <= set(ids)
    assert all(each.startswith("data:image/") for each in found.all("src"))
    assert all(attributes.get("alt") for tag, attributes in found.tags if tag == "img")
    style = r"(left:[\d.]+%;)?(left|width):[\d.]+%"
    assert all(re.fullmatch(style, each) for each in found.all("style"))
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    return found


def test_every_kind_of_run_has_a_page_that_does_nothing(runs: Any) -> None:
    for name in runs.names:
        trace = trace_of(runs, name)
        found = seen(trace)
        levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        for each in trace.slots:
            assert f"slot-{each.slot}" in found.all("id")
        bars = [e for e in found.all("class") if re.match(r"bar k-", e)]
        assert len(bars) == len(trace.calls) + len(trace.attempts)


def test_what_a_stranger_wrote_is_shown_and_nothing_else(runs: Any) -> None:
    found = seen(trace_of(runs, "hostile"))
    assert "<script>alert(1)</script>" in found.text
    assert "⟨U+202E⟩gnihton⟨U+202C⟩" in found.text
    assert "⟨U+0007⟩⟨U+001B⟩[31m" in found.text
    assert "{{ 7*7 }}" in found.text


def test_it_says_what_came_of_each_slot(runs: Any) -> None:
    found = seen(trace_of(runs, "mended"))
    classes = found.all("class")
    assert [classes.count(f"badge {each}") for each in ("kept", "missing")] == [3, 2]
    assert classes.count("kept") == 3
    assert classes.count("spare") == 3
    for words in ("no route, key [secret]", "then retrying", "then falling back", "then repairing", "the policy's fault",
                  "another kind stands in, because: used up", "attempts, 2 failed", "the payload cannot be read"):  # fmt: skip
        assert words in found.text


def test_it_says_why_a_run_has_no_document(runs: Any) -> None:
    assert "the model Broken failed" in seen(trace_of(runs, "halted")).text
    cut = seen(trace_of(runs, "cut"))
    assert "The run has not ended." in cut.text
    assert "cut with its process" in cut.text
    assert "bar k-search cut" in cut.all("class")


def test_rewards_stand_side_by_side_and_old_ones_are_marked(runs: Any) -> None:
    trace = trace_of(runs, "member 1")
    found = seen(trace)
    grades = [each for each in found.all("class") if each.startswith("grade")]
    assert sorted(grades) == ["grade", "grade", "grade error", "grade old"]
    assert "superseded" in found.text
    assert "none (the judge was ill)" in found.text


def test_tokens_shade_the_draft_and_change_no_word_of_it(runs: Any) -> None:
    trace = trace_of(runs, "tokens")
    text = page(trace)
    shades = set(re.findall(r'<span class="h(\d)">', text[text.index('class="story"') :]))
    assert shades >= {"1", "2", "3", "4"}
    prose = re.findall(r'<div class="prose" dir="auto" lang="">(.*?)</div>', text, re.DOTALL)
    words = [re.sub("<[^>]*>", "", each).strip() for each in prose]
    assert words == ["# Harbours\n\nAn old one \N{SNOWMAN}.", "The same.", "The end."]
    assert "84 written, 3 read" in text


def test_pictures_that_are_not_there_are_said(runs: Any, tmp_path: Path) -> None:
    trace = trace_of(runs, "good")
    assert "the trace came without its pictures" in seen(replace(trace, pictures=None)).text
    assert (
        "it is not there any more, or is not the one"
        in seen(replace(trace, pictures=ArtifactStore(tmp_path))).text
    )


def test_pictures_of_a_stranger_that_cannot_be_read_end_nothing(runs: Any) -> None:
    class Lying:
        """As an exported file whose bytes are not what their digests say."""

        def read(self, digest: str) -> bytes:
            raise InputError(f"the bytes of {digest} lead elsewhere")

        def path(self, digest: str) -> Path:
            raise KeyError(digest)

    trace = replace(trace_of(runs, "good"), pictures=Lying())
    assert "or is not the one that was made" in seen(trace).text
    assert any("lead elsewhere" in each.message for each in verify(trace, trace.pictures))
    assert len(gone(Lying(), document_of(trace).figures)) == 2


def made(
    events: list[Event], pictures: ArtifactStore | None = None, episode: str = "e" * 32
) -> Trace:
    """A trace of these events, a tenth of a second apart."""
    entries = [(n / 10, entry_of(each)) for n, each in enumerate(events)]
    records = tuple(Record(e.kind, e.key, e.data, 1e9 + at) for at, e in entries)
    return Trace(episode, lambda: records, pictures)


def drafted(text: str) -> Iterator[Event]:
    yield Opened(prompt="Long.", model="m")
    yield ModelStarted(call="model-0", purpose="draft", model="m", messages=())
    yield ModelText(call="model-0", start=0, text=text)
    yield ModelEnded(call="model-0", accepted=True)


def long_run(slots: int, store: ArtifactStore) -> list[Event]:
    """With a picture or a failure for each slot."""
    digest = store.put(random_png(seed=1))
    own = slot("search", "Title", query="q")
    text = "# Long\n\n" + f"Words and more.\n\n{own}\n\n" * slots
    events = list(drafted(text))
    at = text.index("<imgen>")
    step = len(f"{own}\n\nWords and more.\n\n")
    for number in range(slots):
        origin = slot_digest(Slot(number, "search", "Title", {"query": "q"}))
        start = at + number * step
        events.append(
            SlotPlanned(
                slot=number,
                origin=origin,
                span=(start, start + len(own)),
                kind="search",
                description="Title",
            )
        )
        call = call_key("e" * 32, number, 0, "s", {"query": "q"}, ())
        about: dict[str, Any] = {"call": call, "slot": number, "attempt": 0, "tool": "s"}
        events.append(
            CallStarted(**about, kind="search", params={"query": "q"}, description="Title")
        )
        picture = {
            "digest": digest,
            "media_type": "image/png",
            "width": 64,
            "height": 48,
            "provenance": Provenance("s"),
        }
        if number % 2:
            events.append(CallEnded(**about, outcome=Finished(candidates=(Candidate(**picture),))))
            kept: Any = Kept(
                **picture, kind="search", tool="s", caption="Title", params={"query": "q"}
            )
            events.append(SlotSettled(slot=number, origin=origin, verdict=kept))
        else:
            events.append(CallEnded(**about, outcome=Failed("quota", "none left" * 400)))
            events.append(
                SlotSettled(
                    slot=number, origin=origin, verdict=Dropped(reason="quota", message="none left")
                )
            )
    events.append(DraftRead(texts=()))
    return events


def test_a_run_with_many_slots_stays_a_page(store: ArtifactStore) -> None:
    trace = made(long_run(2000, store), store)
    assert len(trace.slots) == 2000
    began = time.process_time()
    text = page(trace)
    assert time.process_time() - began < 30
    assert len(text) < 12_000_000
    found = seen(trace)
    assert f"slot-{MOST_SLOTS}" in found.all("id")
    assert "are left out of this page" in found.text
    assert "more lanes are not drawn" in found.text


def test_a_draft_of_five_million_characters_and_500_calls_stay_a_page() -> None:
    events = list(drafted("Many words. " * 420_000))
    for number in range(1, 520):
        call = f"model-{number}"
        events.append(ModelStarted(call=call, purpose="judge", model="j", messages=()))
        events.append(ModelText(call=call, start=0, text="x" * 50_000))
        events.append(ModelEnded(call=call, accepted=number % 2 == 0, error="no" * 50))
    trace = made(events)
    text = page(trace)
    assert len(text) < 12_000_000
    found = seen(trace)
    assert "more characters of the draft" in found.text
    assert "20 more calls are left out" in found.text
    assert "more characters are on record" in found.text


def test_many_rewards_stay_a_table() -> None:
    events: list[Event] = [Opened(prompt="p")]
    events += [Rewarded(component=f"c{n % 7}", value=n / 7, judge="j") for n in range(2000)]
    found = seen(made(events))
    assert "1600 earlier rewards are left out" in found.text


def test_pictures_take_no_more_room_than_there_is(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random_png(seed=3)
    monkeypatch.setattr("llmi_agent.traces.page.room.MOST_PICTURES", len(data))
    digests = [store.put(data), store.put(random_png(seed=4, width=90))]
    candidates = tuple(
        Candidate(
            digest=each, media_type="image/png", width=64, height=48, provenance=Provenance("s")
        )
        for each in reversed(digests)
    )
    first = long_run(2, store)
    events = [
        replace(each, outcome=Finished(candidates=candidates))
        if isinstance(each, CallEnded)
        else each
        for each in first
    ]
    kept = next(
        each for each in first if isinstance(each, SlotSettled) and isinstance(each.verdict, Kept)
    )
    verdict = kept.verdict.model_copy(update={"digest": digests[0]})
    events = [replace(each, verdict=verdict) if each is kept else each for each in events]
    found = seen(made(events, store))
    assert len(found.all("src")) == 1  # the one that was kept, whatever comes before it
    assert f"picture-{digests[0]}" in found.all("id")
    assert "left out of this page: it has" in found.text


def test_what_cannot_be_seen_is_written_as_its_number() -> None:
    assert visible("a\r\nb\tc") == "a\nb\tc"
    assert (
        visible("\u202e\u200b\x9b\ufeff\ud800\U000e0041")
        == "⟨U+202E⟩⟨U+200B⟩⟨U+009B⟩⟨U+FEFF⟩⟨U+D800⟩⟨U+E0041⟩"
    )
    assert (
        visible("na\u0308 \u0915\u094d\u200d\u0937 \U0001f469\u200d\U0001f680")
        == "na\u0308 \u0915\u094d\u200d\u0937 \U0001f469\u200d\U0001f680"
    )


def test_a_long_wait_is_drawn_short_and_the_order_stays() -> None:
    axis = Axis([(0.0, 10.0), (4.0, 12.0), (90_000.0, 90_010.0)])
    assert axis.waits == [(12.0, 89_988.0)]
    places = [axis.place(each) for each in (0, 5, 12, 40_000, 90_000, 90_010)]
    assert places == sorted(places)
    assert places[0] == 0
    assert places[-1] == 100
    assert places[4] - places[2] < 10
    assert Axis([(5.0, 5.0)]).place(5.0) == 0


def test_a_call_that_was_cut_ends_with_its_life_and_not_when_the_run_went_on() -> None:
    day = 86_400
    said = [
        (0.0, Opened(prompt="p", model="m")),
        (1.0, ModelStarted(call="model-0", purpose="draft", model="m", messages=())),
        (4.0, ModelText(call="model-0", start=0, text="Half")),
        (day, Resumed(model="m")),
        (day + 1.0, ModelStarted(call="model-1", purpose="draft", model="m", messages=())),
        (day + 2.0, ModelEnded(call="model-1", accepted=True)),
    ]
    records = tuple(
        Record(e.kind, e.key, e.data, at) for at, e in ((t, entry_of(x)) for t, x in said)
    )
    drawn = timeline(Trace("e", lambda: records))
    (lane,) = drawn.lanes
    cut, whole = lane.bars
    assert cut.style == "k-model cut"
    assert cut.left + cut.width < whole.left
    assert cut.width == pytest.approx(3 * whole.width)
    assert [(each.label, each.wait) for each in drawn.ticks] == [("23 h 59 min", True)]


def test_a_page_is_written_whole_or_not_at_all(runs: Any, tmp_path: Path) -> None:
    trace = trace_of(runs, "good")
    assert write_page(trace, tmp_path / "new" / "t.html").read_text().endswith("</html>")
    (tmp_path / "file").touch()
    with pytest.raises(LlmiError, match="cannot write"):
        write_page(trace, tmp_path / "file" / "t.html")
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["t.html"]


def test_why_there_is_no_reward_is_short_on_its_card_and_whole_below(runs: Any) -> None:
    trace = one(runs.root, runs.names["good"])
    error = "the judge said nothing " * 80
    given = Rewarded(value=None, status="error", error=error)
    entry = entry_of(given)
    record = Record(entry.kind, entry.key, entry.data, trace.ended + 1, entry.schema)
    again = Trace(trace.episode, lambda: [*trace.records, record])
    text = page(again)
    card = text[: text.index('id="rewards"')]
    assert error.strip() not in card
    assert "none (the judge said" in card
    assert error.strip() in text
