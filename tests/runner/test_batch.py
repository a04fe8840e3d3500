"""A batch from Python: what its listener hears, what its jobs carry, and that groups keep their ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.contract.judging import Demand
from llmi_agent.records.costs import Costs
from llmi_agent.runner import manifest
from llmi_agent.runner.batch import Batch, Ended, Wanted, all_wanted
from llmi_agent.runner.inputs import Inputs, attach, group_of
from llmi_agent.runner.job import Failure, Job, Written
from llmi_agent.runner.prompt_file import read_prompts
from llmi_agent.runner.runner import Runner, Tell
from llmi_agent.runner.setup import prepare
from llmi_agent.store.artifacts import ArtifactStore


class Heard:
    """What a listener heard, in order."""

    def __init__(self) -> None:
        self.news: list[str] = []
        self.endings: list[Ended] = []

    def begun(self, wanted: Wanted) -> None:
        self.news.append(f"{wanted.name} begun")

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        self.news.append(f"{wanted.name} {event['type']}")

    def ended(self, ended: Ended) -> None:
        self.news.append(f"{ended.wanted.name} {ended.state}")
        self.endings.append(ended)


class Recording(Runner):
    """Takes down its jobs; every one fails after it was opened."""

    def __init__(self, store: ArtifactStore, settings: str) -> None:
        super().__init__(None, store, settings=settings)  # type: ignore[arg-type]
        self.jobs: list[Job] = []

    async def attempt(self, job: Job, tell: Tell = lambda _: None) -> Written | Failure:
        self.jobs.append(job)
        episode = job.resume or f"e{len(self.jobs)}"
        tell({"type": "opened", "episode": episode})
        return Failure("it is late", RuntimeError(), False, episode, Costs(usd=0.5))


def states(folder: Path) -> list[str]:
    """As the manifest has them."""
    lines = (folder / manifest.NAME).read_text().splitlines()
    return [json.loads(line)["state"] for line in lines]


async def jobs_of(
    folder: Path, store: ArtifactStore, lines: list[Any], group: int | None, settings: str = "s"
) -> tuple[list[Job], Heard]:
    file = folder / "p.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    runner, heard = Recording(store, settings), Heard()
    wanted = all_wanted(read_prompts(str(file)), group)
    with manifest.opened(folder) as known:
        await Batch(runner, folder, known, heard, ("html",), 1, seed=7).write(wanted)
    return runner.jobs, heard


async def test_a_group_has_one_id_and_a_seed_for_each_member(store, tmp_path) -> None:
    jobs, _ = await jobs_of(tmp_path, store, ["# One", "# Two"], 3)
    assert [each.member for each in jobs] == [0, 1, 2] * 2
    assert [(each.seed, each.member) for each in jobs] == [(7, n) for n in (0, 1, 2)] * 2
    one, two = {each.group for each in jobs[:3]}, {each.group for each in jobs[3:]}
    assert len(one) == len(two) == 1
    assert one != two
    assert [Path(each.out or "").name for each in jobs] == ["0", "1", "2"] * 2


async def test_the_same_batch_again_has_the_same_groups_and_goes_on(store, tmp_path) -> None:
    first, _ = await jobs_of(tmp_path, store, ["# One"], 2)
    again, heard = await jobs_of(tmp_path, store, ["# One"], 3)
    assert {each.group for each in first} == {each.group for each in again}
    assert [each.resume for each in again] == ["e1", "e2", ""]
    assert heard.endings[0].item.episode == "e1"


async def test_other_settings_or_inputs_are_another_group(store, tmp_path) -> None:
    table = tmp_path / "t.csv"
    line = {"id": "a", "prompt": "# One", "attach": ["t.csv"]}
    groups = set()
    for content, settings in (("1", "s"), ("2", "s"), ("2", "t")):
        table.write_text(content)
        jobs, _ = await jobs_of(tmp_path, store, [line], 1, settings)
        groups |= {each.group for each in jobs}
    assert len(groups) == 3


async def test_other_settings_begin_anew_and_money_goes_on(store, tmp_path) -> None:
    """What is on record of other settings is not gone on with, whatever became of it."""
    await jobs_of(tmp_path, store, ["# One", "# Two"], None, "s")
    same, heard = await jobs_of(tmp_path, store, ["# One", "# Two"], None, "s")
    assert [each.resume for each in same] == ["e1", "e2"]
    other, heard = await jobs_of(tmp_path, store, ["# One", "# Two"], None, "t")
    assert [each.resume for each in other] == ["", ""]
    assert sum("changed" in each for each in heard.news) == 2


async def test_a_manifest_that_does_not_know_its_settings_counts(store, tmp_path) -> None:
    await jobs_of(tmp_path, store, ["# One"], None, "s")
    file = tmp_path / manifest.NAME
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {each.pop("settings") for each in lines} == {"s"}
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    (job,), _ = await jobs_of(tmp_path, store, ["# One"], None, "t")
    assert job.resume == "e1"


async def test_a_demand_goes_with_the_job_and_another_one_begins_anew(store, tmp_path) -> None:
    line = {"id": "a", "prompt": "# One", "pictures": 2, "kinds": ["code", "search"]}
    (first,), _ = await jobs_of(tmp_path, store, [line], 1)
    assert first.demand == Demand(2, ("code", "search"))
    line["kinds"] = ["search", "code"]
    (same,), _ = await jobs_of(tmp_path, store, [line], 1)
    assert (same.resume, same.group) == ("e1", first.group)
    for change in ({"pictures": 3}, {"pictures": None, "kinds": None}):
        (other,), heard = await jobs_of(tmp_path, store, [line | change], 1)
        assert (other.resume, other.group == first.group) == ("", False)
        assert "a/0 changed" in heard.news


def test_an_id_that_is_made_up_tells_demands_apart(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    lines = [{"prompt": "x", "pictures": each} for each in (1, 2, None)]
    ids = []
    for order in (lines, lines[::-1]):
        file.write_text("".join(json.dumps(line) + "\n" for line in order))
        ids.append({each.id: each.demand for each in read_prompts(str(file))})
    assert ids[0] == ids[1]
    file.write_text('"x"\n')
    assert read_prompts(str(file))[0].id in ids[0]


async def test_without_a_group_there_is_no_id_and_the_seed_is_the_runs(store, tmp_path) -> None:
    (job,), _ = await jobs_of(tmp_path, store, ["# One"], None)
    assert (job.group, job.member, job.seed, job.split) == ("", None, 7, "")


async def test_the_listener_hears_of_everything(store, tmp_path) -> None:
    _, heard = await jobs_of(tmp_path, store, [{"id": "a", "prompt": "# One"}], None)
    assert heard.news == ["a begun", "a opened", "a failed"]
    (ended,) = heard.endings
    assert ended.failure
    assert (ended.item.message, ended.item.usd, ended.item.episode) == ("it is late", 0.5, "e1")
    _, heard = await jobs_of(tmp_path, store, [{"id": "a", "prompt": "# Two"}], None)
    assert heard.news == ["a begun", "a changed", "a opened", "a failed"]
    assert states(tmp_path) == ["opened", "failed"] * 2


async def test_an_input_that_has_gone_fails_alone_and_is_not_in_the_manifest(
    store, tmp_path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a\n")
    file = tmp_path / "p.jsonl"
    lines = [{"id": "a", "prompt": "x", "attach": ["t.csv"]}, {"id": "b", "prompt": "y"}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    wanted = all_wanted(read_prompts(str(file)), None)
    table.unlink()
    runner, heard = Recording(store, ""), Heard()
    with manifest.opened(tmp_path) as known:
        await Batch(runner, tmp_path, known, heard).write(wanted)
        assert known.last(("a", None)) is None
    assert sorted(heard.news) == ["a begun", "a failed", "b begun", "b failed", "b opened"]
    assert [each.prompt for each in runner.jobs] == ["y"]


async def test_what_the_listener_raises_stops_the_batch(store, tmp_path) -> None:
    class Gone(Heard):
        def ended(self, ended: Ended) -> None:
            raise BrokenPipeError

    file = tmp_path / "p.jsonl"
    file.write_text("".join(f'"# {n}"\n' for n in range(9)))
    runner = Recording(store, "")
    wanted = all_wanted(read_prompts(str(file)), None)
    with manifest.opened(tmp_path) as known:
        batch = Batch(runner, tmp_path, known, Gone(), concurrency=1)
        with pytest.raises(BrokenPipeError):
            await batch.write(wanted)
    assert len(runner.jobs) == 1


def test_a_digest_of_the_settings_tells_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(**flags: Any) -> str:
        return prepare({name.replace("__", "."): value for name, value in flags.items()}).digest

    usual = digest(model="offline")
    assert digest(model="offline") == usual
    monkeypatch.setenv("SOME_API_KEY", "hush-hush-123")
    assert digest(model="offline", api_base="http://localhost:1") == usual
    money = {"options__budget": 3, "options__group_budget": 4, "options__prices": {"a": 1}}
    pace = {"options__call_timeout": 9, "options__limits": {"a": 2}, "options__model_retries": 1}
    assert digest(model="offline", **money, **pace) == usual
    assert digest(model="offline", options__temperature=None) == usual
    for record in ("full", "events", "none"):
        assert digest(model="offline", options__record=record) == usual
    others = {
        digest(model="other/model"),
        digest(model="offline", options__seed=3),
        digest(model="offline", options__temperature=0.5),
        digest(model="offline", fallback=("other/model",)),
        digest(model="offline", options__weights="step-3"),
        prepare({"model": "offline"}, "another").digest,
    }
    assert len(others - {usual}) == 6


def test_inputs_are_told_apart_by_prompt_name_and_content(tmp_path: Path) -> None:
    one, two = tmp_path / "a.csv", tmp_path / "b.csv"
    for each in (one, two):
        each.write_text("1")
    digests = {
        Inputs().digest("x", []),
        Inputs().digest("y", []),
        Inputs().digest("x", [one]),
        Inputs().digest("x", [two]),
    }
    one.write_text("2")
    digests.add(Inputs().digest("x", [one]))
    digests |= {Inputs().digest("x", [], each) for each in (Demand(1), Demand(1, ("a", "b")))}
    assert len(digests) == 7
    assert Inputs().digest("x", [], Demand(1, ("b", "a"))) in digests


def test_the_digest_of_what_demands_nothing_is_that_of_older_manifests() -> None:
    assert Inputs().digest("x", []) == hashlib.sha256(b'["x", []]').hexdigest()


def test_groups_have_their_ids_by_what_they_are_written_from(tmp_path: Path) -> None:
    groups = [
        group_of("i", "s", "a", tmp_path),
        group_of("j", "s", "a", tmp_path),
        group_of("i", "t", "a", tmp_path),
        group_of("i", "s", "b", tmp_path),
        group_of("i", "s", "a", tmp_path / "elsewhere"),
    ]
    assert len({*groups}) == 5
    assert group_of("i", "s", "a", tmp_path) == groups[0]


def test_what_is_kept_already_keeps_its_place(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("words")
    (kept,) = attach(store, [file])
    other = tmp_path / "b.txt"
    other.write_text("more")
    assert [each.name for each in attach(store, [other, kept, str(file)])] == [
        "b.txt",
        "a.txt",
        "a.txt",
    ]
