"""Prompts made by two scripted models that do all sorts of things wrong, from the order to the files."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.config.options import ModelPrice, Options
from llmi_agent.host.registry import registry_of
from llmi_agent.run.adviser import Adviser
from llmi_agent.run.purse import Purse
from llmi_agent.runner.failures import culprit
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.store.artifacts import ArtifactStore
from llmi_train.prompts.checking import check
from llmi_train.prompts.make.asking import DownError
from llmi_train.prompts.make.card import Card
from llmi_train.prompts.make.mix import load_mix
from llmi_train.prompts.make.order import Models, Order, check as check_model
from llmi_train.prompts.make.plan import apportioned
from llmi_train.prompts.make.produce import produce
from llmi_train.prompts.reading import read

from .scripted import (
    CHECKER_LIES,
    CONCURRENCY,
    STOCK,
    STOCK_ZH,
    WRITER_FAULTS,
    Script,
    Scripted,
    order_of,
    pictures_in,
    scripted,
)

N = 300
PROGRAM = Path(__file__).with_name("scripted.py")


def make(order: Order, script: Script, store: ArtifactStore, **fields: Any) -> Card:
    return asyncio.run(produce(order, scripted(script, store, **fields), lambda *_: None))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Order, Script, Card]:
    """A set of prompts by models of which a quarter of what they say is no good."""
    folder = tmp_path_factory.mktemp("made")
    order, script = order_of(folder / "prompts.jsonl", N), Script()
    card = make(order, script, ArtifactStore(folder / "store"))
    return order, script, card


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_all_of_the_mix_is_there(made: tuple[Order, Script, Card]) -> None:
    order, _, card = made
    found = rows(order.out)
    assert len(found) == card.made == N
    assert not card.ended
    mix = load_mix()
    assert Counter(row["pictures"] for row in found) == apportioned(N, mix.pictures)
    assert Counter(row["language"] for row in found) == apportioned(N, mix.languages)
    drawn = [row for row in found if row["pictures"] != -1]
    kinds = Counter("+".join(row["kinds"]) for row in drawn)
    assert kinds == apportioned(len(drawn), mix.kinds)
    assert all(share.made == share.wanted for share in card.pictures.values())


def test_the_words_say_what_is_demanded(made: tuple[Order, Script, Card]) -> None:
    order, _, _ = made
    assert all(pictures_in(row["prompt"]) == row["pictures"] for row in rows(order.out))


def test_what_was_made_passes_the_check_of_any_file_and_a_batch_takes_it(
    made: tuple[Order, Script, Card],
) -> None:
    order, _, card = made
    report = check(read(order.out))
    assert not report.findings.faults, report
    prompts = read_prompts(str(order.out))
    assert len({prompt.id for prompt in prompts}) == N
    splits = Counter(prompt.split for prompt in prompts)
    assert splits == card.splits
    assert set(splits) == {"train", "test"}


def test_pictures_go_along_with_what_is_about_one(made: tuple[Order, Script, Card]) -> None:
    order, _, card = made
    with_one = [row for row in rows(order.out) if "attach" in row]
    assert with_one == [row for row in rows(order.out) if row.get("kinds") == ["edit"]]
    assert card.attachments == len(with_one)
    for row in with_one:
        assert (order.out.parent / row["attach"][0]).read_bytes().startswith(b"\x89PNG")


def test_every_fault_is_rejected_as_what_it_is_and_as_often_as_it_was_there(
    made: tuple[Order, Script, Card],
) -> None:
    _order, script, card = made
    rejected, did = Counter(card.rejected), script.did
    expected: Counter[str] = Counter()
    for fault, reason in (*WRITER_FAULTS.items(), *CHECKER_LIES.items()):
        assert did[fault] or fault == "table", f"the script never does {fault}"
        expected[reason] += did[fault]
    unwaited = rejected.pop("unanswered") - expected.pop("unanswered")
    assert 0 <= unwaited <= script.slow, "a slow machine may make some more of these"
    expected["unchecked"] = sum(count >= 3 for count in script.failed.values())
    alike = rejected.pop("duplicate", 0) + rejected.pop("near-duplicate", 0)
    if not script.slow:
        assert rejected == +expected
        assert card.failed_checks == sum(script.failed.values())
        assert alike == did["passed"] - N
    assert alike > 0


def test_it_repeats_itself_no_more_than_once(made: tuple[Order, Script, Card]) -> None:
    order, script, _ = made
    stock = [row for row in rows(order.out) if STOCK in row["prompt"] or STOCK_ZH in row["prompt"]]
    assert 1 <= len(stock) < script.did["again"] + script.did["nearly again"]


def test_the_card_says_who_was_asked_what_it_cost_and_what_it_is_for(
    made: tuple[Order, Script, Card],
) -> None:
    order, _script, card = made
    assert json.loads(order.card(".json").read_text()) == card.model_dump(mode="json")
    text = order.card(".md").read_text("utf-8")
    assert "author-2026-11" in text
    assert "reader-2026-11" in text
    assert "calls of unknown cost" in text
    assert "no sample of what people do ask" in text
    assert "| Inf | 30 | 30 |" in text
    assert card.writer.asked == "author"
    assert not card.same_model
    assert sum(card.topics.values()) == N


def test_the_same_again_asks_nothing_and_writes_the_same(made: tuple[Order, Script, Card]) -> None:
    order, script, card = made
    before = order.out.read_bytes(), order.answers.read_bytes()
    script = Script()
    again = make(order, script, ArtifactStore(order.out.parent / "store"))
    assert not script.did
    assert (order.out.read_bytes(), order.answers.read_bytes()) == before
    assert again == card


def test_after_kill_9_nothing_is_asked_twice_and_the_file_is_the_same_to_the_byte(
    tmp_path: Path,
) -> None:
    n, killed, whole = 40, tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    out, said = killed / "p.jsonl", killed / "said"
    process = subprocess.Popen([sys.executable, str(PROGRAM), str(out), str(n), str(said), "0.05"])
    _wait_for(lambda: _lines(killed / "p.answers.jsonl") > 30, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    known, asked = _answered(killed / "p.answers.jsonl"), said.read_text().splitlines()
    assert len(asked) - len(known) <= CONCURRENCY, "no more than were on their way"
    again: list[str] = []
    make(_in_no_hurry(out, n), Script(hangs=False, say=again.append), ArtifactStore(killed / "s"))
    answered = _answered(killed / "p.answers.jsonl")
    assert len(again) == len(answered) - len(known)
    assert len(set(answered)) == len(answered), "no answer was paid for twice"
    assert len(set(again) & set(asked)) == len(asked) - len(known), "but for those on their way"
    script = Script(hangs=False)
    make(_in_no_hurry(whole / "p.jsonl", n), script, ArtifactStore(whole / "s"))
    assert out.read_bytes() == (whole / "p.jsonl").read_bytes()
    assert set(answered) == set(_answered(whole / "p.answers.jsonl"))


def _in_no_hurry(out: Path, n: int) -> Order:
    """As the program has it."""
    return order_of(out, n, deadline=600, concurrency=CONCURRENCY)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _answered(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[1:-1]]


def _wait_for(true: Any, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_outcome_depends_neither_on_how_many_are_made_at_once_nor_on_who_is_first(
    tmp_path: Path,
) -> None:
    found = []
    for number, concurrency in enumerate((1, 64)):
        order = order_of(
            tmp_path / f"{number}.jsonl", 40, concurrency=concurrency, deadline=600, split={"a": 1}
        )
        script = Script(hangs=False, faults=0.6, shuffles=True)
        card = make(order, script, ArtifactStore(tmp_path / "store"))
        found.append((order.out.read_text(), card.rejected, card.failed_checks, card.topics))
        assert card.rejected["near-duplicate"]
    # The pictures that go along are in folders that are named after the file.
    texts = [text.replace(f"{n}-files", "files") for n, (text, *_) in enumerate(found)]
    assert texts[0] == texts[1]
    assert found[0][1:] == found[1][1:]


def priced(script: Script, store: ArtifactStore, purse: Purse, name: str = "author") -> Models:
    options = Options(prices={name: ModelPrice(input=10, output=10)}, max_tokens=400)
    model = Scripted(script=script, model=name)
    adviser = Adviser.of(model, registry_of(), store, options=options, secrets={}, budget=purse)
    return Models(adviser, adviser)


def test_a_spent_budget_leaves_what_is_there_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    store, n = ArtifactStore(tmp_path / "store"), 30
    cards, scripts = [], []
    for budget in (0.4, 0.4, 50.0):
        order = order_of(tmp_path / "p.jsonl", n, budget=budget, deadline=600, concurrency=4)
        purse, script = Purse(budget), Script(hangs=False)
        models = priced(script, store, purse)
        cards.append(asyncio.run(produce(order, models, lambda *_: None, purse)))
        scripts.append(script)
        assert len(rows(order.out)) == cards[-1].made
        assert cards[-1].cost.usd <= budget
    first, second, third = cards
    assert 0 < first.made < n
    assert "the budget of $0.4 is spent" in first.ended
    assert "--budget goes on" in first.ended
    assert second.made >= first.made
    assert third.made == n
    assert not third.ended
    assert third.same_model
    whole = order_of(tmp_path / "whole.jsonl", n, deadline=600, split=order.split)
    purse = Purse(50.0)
    script = Script(hangs=False)
    card = asyncio.run(produce(whole, priced(script, store, purse), lambda *_: None, purse))
    assert [row["id"] for row in rows(whole.out)] == [
        row["id"] for row in rows(tmp_path / "p.jsonl")
    ]
    assert sum(each.did.total() for each in scripts) == script.did.total()
    assert card.cost.usd == pytest.approx(third.cost.usd)


def test_a_price_that_is_unknown_under_a_budget_is_said_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    store, script = ArtifactStore(tmp_path / "store"), Script()
    model = Scripted(script=script, model="author")
    adviser = Adviser.of(model, registry_of(), store, secrets={}, budget=Purse(1.0))
    with pytest.raises(ConfigError, match=r'"author" = \{input'):
        check_model(adviser, budget=True)
    check_model(adviser, budget=False)


class Dead(Script):
    """Its writer answers nothing from some time on."""

    after = 40

    def answer(self, messages: list[Any], seed: int) -> str | None:
        if self.did.total() >= self.after:
            raise ConnectionRefusedError("the vendor is down")
        return super().answer(messages, seed)


def test_a_model_that_is_down_stops_it_and_nothing_is_given_up_for_that(tmp_path: Path) -> None:
    store, n = ArtifactStore(tmp_path / "store"), 40
    order = order_of(tmp_path / "p.jsonl", n, deadline=600, concurrency=4)
    options = Options(model_retries=0)
    adviser = Adviser.of(
        Scripted(script=Dead(hangs=False), model="author"),
        registry_of(),
        store,
        options=options,
        secrets={},
    )
    with pytest.raises(DownError, match=r"gave no answer to the last 20 questions.*goes on"):
        asyncio.run(produce(order, Models(adviser, adviser), lambda *_: None))
    assert 0 < len(rows(order.out)) < n
    assert "are missing: the model author gave no answer" in order.card(".md").read_text()
    well = Adviser.of(
        Scripted(script=Script(hangs=False), model="author"), registry_of(), store, secrets={}
    )
    card = asyncio.run(produce(order, Models(well, well), lambda *_: None))
    assert card.made == n


class Stubborn(Script):
    """Its writer names a tool in everything that has exactly four pictures."""

    def answer(self, messages: list[Any], seed: int) -> str | None:
        said = super().answer(messages, seed)
        four = "exactly 4 pictures" in messages[1].content
        return '{"request": "Use matplotlib."}' if four else said


def test_what_nobody_writes_well_is_missing_and_the_next_time_tries_anew(tmp_path: Path) -> None:
    store, n = ArtifactStore(tmp_path / "store"), 30
    order = order_of(tmp_path / "p.jsonl", n, deadline=600)
    card = make(order, Stubborn(faults=0, hangs=False), store)
    four = card.pictures["4"]
    assert (four.made, card.made) == (0, n - four.wanted)
    assert f"{four.wanted} are missing" in card.ended
    assert card.rejected["names a tool"] == 9 * four.wanted
    script = Script(faults=0, hangs=False)
    again = make(order, script, store)
    assert again.made == n
    assert script.did["fine"] >= four.wanted
    assert script.did["fine"] < n


def test_a_file_that_is_not_its_own_is_left_alone(tmp_path: Path) -> None:
    order = order_of(tmp_path / "p.jsonl", 3)
    order.out.write_text("mine\n")
    with pytest.raises(InputError, match="choose another --out"):
        make(order, Script(), ArtifactStore(tmp_path / "store"))
    assert order.out.read_text() == "mine\n"
    assert not order.answers.exists()


def test_a_form_that_is_not_written_and_shares_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet"):
        order_of(tmp_path / "p.csv", 3)
    with pytest.raises(InputError, match="above 0"):
        order_of(tmp_path / "p.jsonl", 3, split={"train": 0})


def test_secrets_that_a_model_repeats_are_in_none_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_API_KEY", "sk-abcdefghijklmnop0123456789")

    class Leaky(Script):
        def answer(self, messages: list[Any], seed: int) -> str | None:
            said = super().answer(messages, seed) or ""
            key = ("sk-abcdefghijklmnop0123456789", "sk-\\u0061bcdefghijklmnop0123456789")[seed % 2]
            return said.replace("Please write", f"Key {key}. Please write")

    order = order_of(tmp_path / "p.jsonl", 10, deadline=600)
    model = Scripted(script=Leaky(hangs=False), model="author")
    adviser = Adviser.of(model, registry_of(), ArtifactStore(tmp_path / "store"))
    asyncio.run(produce(order, Models(adviser, adviser), lambda *_: None))
    for path in (order.out, order.answers, order.card(".json"), order.card(".md")):
        assert b"abcdefghijklmnop" not in path.read_bytes(), path


def test_when_it_is_stopped_what_was_spent_in_vain_is_on_record(tmp_path: Path) -> None:
    order = order_of(tmp_path / "p.jsonl", 20, deadline=600)
    purse = Purse(100.0)
    models = priced(Script(faults=0), ArtifactStore(tmp_path / "store"), purse)

    async def stopped() -> None:
        hung = Models(
            priced(Hung(), ArtifactStore(tmp_path / "store"), purse).writer, models.checker
        )
        task = asyncio.ensure_future(produce(order, hung, lambda *_: None, purse))
        await asyncio.sleep(0.5)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stopped())
    assert '"lost"' in order.answers.read_text()


class Hung(Script):
    """Never answers."""

    def answer(self, messages: list[Any], seed: int) -> str | None:
        return None


def test_an_unexpected_error_is_not_swallowed(tmp_path: Path) -> None:
    class Full(Script):
        def answer(self, messages: list[Any], seed: int) -> str | None:
            raise OSError(28, "No space left on device")

    order = order_of(tmp_path / "p.jsonl", 3)
    with pytest.raises(Exception, match="space") as caught:
        make(order, Full(), ArtifactStore(tmp_path / "store"))
    assert culprit(caught.value) is caught.value
