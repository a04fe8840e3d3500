"""TRL's forms and LLM-I's: what is in them was sampled, scored and asked so; what is not is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError
from llmi_agent.config.options import Options
from llmi_agent.contract import Demand
from llmi_agent.records.events import Rewarded
from llmi_agent.records.journal import journal_beside
from llmi_agent.records.overview import Chosen
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_agent.traces import traces
from llmi_agent.traces.exchange.exporting import Exported, export
from llmi_agent.traces.rewarding import give
from llmi_graphs import build_graph
from llmi_train.prompts.reading import read

SEEN = "an answer to pictures (they go along with --pictures beside or inside)"


def rows(place: Any, out: Path, form: str, **how: Any) -> tuple[list[dict[str, Any]], Exported]:
    done = export(traces(place), out, form, **how)
    found = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert len(found) == done.rows
    return found, done


def test_sft_has_every_answer_that_a_run_went_on_with(runs: Any, tmp_path: Path) -> None:
    found, done = rows(runs.root, tmp_path / "a.jsonl", "sft")
    calls = {(t.episode, c.call): c for t in traces(runs.root) for c in t.calls}
    assert len(found) > 10
    for row in found:
        call = calls.pop((row["episode"], row["call"]))
        assert row["completion"] == [{"role": "assistant", "content": call.raw}]
        assert [each["role"] for each in row["prompt"]][:2] == ["system", "user"]
        assert row["prompt"][-1]["role"] == "user"
        assert all(isinstance(each["content"], str) for each in row["prompt"])
        if row["purpose"] == "draft":
            (trace,) = [t for t in traces(runs.root) if t.episode == row["episode"]]
            kept = [s for s in trace.slots if s.verdict and s.verdict.status == "kept"]
            assert (row["slots"], row["kept"]) == (len(trace.slots), len(kept))
    repairs = [row for row in found if row["purpose"] == "repair"]
    # The code's first repair failed, too; others were answered with SKIP.
    assert [(row["slots"], row["kept"]) for row in repairs] == [(1, 1)]
    assert "Plot again" in repairs[0]["completion"][0]["content"]
    unmended = [c for c in calls.values() if c.accepted and c.purpose == "repair"]
    assert done.left_out["a repair after which its slot was not kept"] == len(unmended) > 2
    assert any(c.raw == "SKIP" for c in unmended)
    assert [each["role"] for each in repairs[0]["prompt"]][:4] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert sum(done.left_out.values()) == len(calls)
    seeing = [
        c for c in calls.values() if any(isinstance(m["data"]["content"], list) for m in c.messages)
    ]
    assert done.left_out[SEEN] == len(seeing) > 0
    assert all(
        not c.accepted or c.withheld or c.cut or c in seeing or c in unmended
        for c in calls.values()
    )


@pytest.mark.parametrize("form", ["sft", "dpo", "kto"])
def test_what_a_program_wrote_is_no_models(runs: Any, tmp_path: Path, form: str) -> None:
    export(traces(runs.root), tmp_path / "all.jsonl")
    text = (tmp_path / "all.jsonl").read_text()
    text = text.replace('\\"language_model\\":true', '\\"language_model\\":false')
    (tmp_path / "all.jsonl").write_text(text)
    found, done = rows(tmp_path / "all.jsonl", tmp_path / "a.jsonl", form)
    assert not found
    assert done.left_out["an answer of a program, which is no language model's"] > 2


def test_sft_by_tokens_has_the_very_ids(runs: Any, tmp_path: Path) -> None:
    found, done = rows(runs.root, tmp_path / "a.jsonl", "sft", tokens=True)
    sampled = [c.tokens for t in traces(runs.root) for c in t.calls if c.tokens and c.accepted]
    assert sampled
    assert [row["input_ids"] for row in found] == [
        [*(t.prompt or ()), *t.completion] for t in sampled
    ]
    for row, tokens in zip(found, sampled, strict=True):
        assert row["labels"] == [-100] * len(tokens.prompt or ()) + list(tokens.completion)
    assert done.left_out["an answer whose token ids are not on record"] > 5


def test_dpo_prefers_what_was_rewarded_better_in_the_same_group(runs: Any, tmp_path: Path) -> None:
    found, done = rows(runs.root, tmp_path / "a.jsonl", "dpo")
    members = [runs.names[f"member {n}"] for n in range(3)]
    pairs = {(row["chosen_episode"], row["rejected_episode"]) for row in found}
    assert pairs == {(b, a) for a, b in combinations(members, 2)}
    for row in found:
        assert row["chosen_reward"] > row["rejected_reward"]
        assert row["group"] == "a-group"
        assert {type(row[each]) for each in ("prompt", "chosen", "rejected")} == {list}
    best, _ = rows(runs.root, tmp_path / "b.jsonl", "dpo", pairs="best")
    assert [(row["chosen_reward"], row["rejected_reward"]) for row in best] == [(0.75, 0.25)]
    assert done.left_out["an episode of no group"] == len(list(traces(runs.root))) - 3


def test_kto_likes_what_is_above_its_groups_mean(runs: Any, tmp_path: Path) -> None:
    found, done = rows(runs.root, tmp_path / "a.jsonl", "kto")
    assert [(row["reward"], row["label"]) for row in found] == [(0.75, True), (0.25, False)]
    assert done.left_out["a draft that is as good as its group's mean"] == 1


@pytest.mark.parametrize(("how", "image"), [("inside", True), ("beside", False)])
def test_pictures_are_images_for_datasets_where_the_page_says_so(
    runs: Any, tmp_path: Path, how: Any, image: bool
) -> None:
    """A path is relative to the file, where `datasets` does not look for it."""
    export(traces(runs.root), tmp_path / "a.parquet", "sft", pictures=how)
    told = pq.read_schema(tmp_path / "a.parquet").metadata.get(b"huggingface", b"{}")
    features = json.loads(told).get("info", {}).get("features", {})
    assert (features.get("images") == [{"_type": "Image"}]) == image
    assert len(features) in (0, len(pq.read_schema(tmp_path / "a.parquet").names))


def test_a_groups_mean_is_that_of_all_its_members(runs: Any, tmp_path: Path) -> None:
    """Whichever of them are chosen: what is exported of a draft does not hang on what else is."""
    chosen = Chosen(component="total", least=0.75)
    done = export(traces(runs.root, chosen), tmp_path / "a.jsonl", "kto", peers=traces(runs.root))
    (row,) = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    assert (row["reward"], row["label"]) == (0.75, True)
    assert not done.left_out
    least = Chosen(component="total", most=0.25)
    export(traces(runs.root, least), tmp_path / "b.jsonl", "kto", peers=traces(runs.root))
    assert json.loads((tmp_path / "b.jsonl").read_bytes())["label"] is False


async def group(
    store: ArtifactStore,
    name: str,
    drafts: Sequence[str],
    values: Sequence[float | None],
    **asked: Any,
) -> None:
    """A group whose members got these totals."""
    for member, (draft, value) in enumerate(zip(drafts, values, strict=True)):
        graph = build_graph(
            model=ScriptedModel(script=[draft]),
            tools=[FakeTool("s", "search")],
            store=store,
            secrets={},
            options=Options(retry_wait=0.0),
        )
        before = set(journal_beside(store).episodes())
        prompt = asked.get("prompts", ["Write."] * 9)[member]
        await graph.ainvoke({"messages": [HumanMessage(prompt)], "group": name, "member": member})
        (episode,) = set(journal_beside(store).episodes()) - before
        if value is not None:
            give(journal_beside(store), episode, Rewarded(value=value))


async def test_ties_lone_members_and_other_questions_make_no_pairs(
    store: ArtifactStore, tmp_path: Path
) -> None:
    await group(store, "tied", ["# A", "# B"], [0.5, 0.5])
    await group(store, "lone", ["# A", "# B"], [0.5, None])
    await group(store, "asked", ["# A", "# B"], [0.5, 1.0], prompts=["This?", "That?"])
    await group(store, "good", ["# A", "# B"], [-0.5, 1.0])
    pairs, done = rows(store.root, tmp_path / "a.jsonl", "dpo")
    assert [each["group"] for each in pairs] == ["good"]
    assert pairs[0]["chosen"] == [{"role": "assistant", "content": "# B"}]
    assert done.left_out == {
        "a group that gives no pair": 3,
        "an episode without a reward": 1,
        "a pair that was asked in different words": 1,
    }
    labels, done = rows(store.root, tmp_path / "b.jsonl", "kto")
    assert [(each["group"], each["label"]) for each in labels] == [
        ("asked", True),
        ("asked", False),
        ("good", True),
        ("good", False),
    ]
    assert done.left_out["a draft that is as good as its group's mean"] == 2
    assert done.left_out["a draft whose group has no other with a reward"] == 1


async def test_answers_to_pictures_go_with_the_pictures_or_are_counted(
    store: ArtifactStore, tmp_path: Path
) -> None:
    graph = build_graph(
        model=ScriptedModel(script=["# A\n\n" + slot("search", "B", query="b")]),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    import base64

    picture = base64.b64encode(random_png(seed=5)).decode()
    shown = {"type": "image", "base64": picture, "mime_type": "image/png"}
    await graph.ainvoke({"messages": [HumanMessage(["What is this?", shown])]})
    (trace,) = traces(store.root)
    asked = trace.calls[0].messages[-1]["data"]["content"]
    assert isinstance(asked, list), "the model was shown the picture"
    found, done = rows(store.root, tmp_path / "a.jsonl", "sft")
    assert (found, done.left_out) == ([], {SEEN: 1})
    (row,), _ = rows(store.root, tmp_path / "b.jsonl", "sft", pictures="beside")
    parts = row["prompt"][-1]["content"]
    assert [each["type"] for each in parts].count("image") == len(row["images"]) == 1
    assert (tmp_path / row["images"][0]["path"]).is_file()
    (row,), _ = rows(store.root, tmp_path / "c.jsonl", "llm-i")
    assert row["data_source"] == "interleaved_mm"
    assert (
        sum(each["content"].count("<image>") for each in row["prompt"]) == 1 == len(row["images"])
    )


def test_llm_is_columns_say_what_was_asked_once(runs: Any, tmp_path: Path) -> None:
    found, done = rows(runs.root, tmp_path / "a.jsonl", "llm-i")
    assert len(found) + sum(done.left_out.values()) == len(list(traces(runs.root)))
    assert done.left_out["an episode that was asked what another one was"] >= 2
    for number, row in enumerate(found):
        assert set(row) == {"prompt", "data_source", "modality", "images", "extra_info"}
        assert set(row["extra_info"]) >= {"image_num", "tools", "question", "split"}
        assert row["extra_info"]["index"] == number
        assert all(isinstance(each["content"], str) for each in row["prompt"])
    asked = [json.dumps([row["prompt"], row["extra_info"]["split"]]) for row in found]
    assert len(set(asked)) == len(asked)


DEMANDS: list[dict[str, Any] | None] = [
    {"pictures": 2, "kinds": ["code", "search"]},
    {"pictures": 2, "kinds": ["search", "code"]},
    {"pictures": -1, "kinds": []},
    {"pictures": 99},
    {"kinds": ["search"]},
    {"pictures": 0},
    None,
]


async def test_llm_is_columns_say_what_was_demanded(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    graph = build_graph(
        model=ScriptedModel(script=["# A\n\nWords."]),
        tools=[FakeTool("s", "search")],
        store=store,
        secrets={},
    )
    for demand in DEMANDS:
        given = {"demand": demand} if demand else {}
        await graph.ainvoke({"messages": [HumanMessage("Ships")], **given})
    found, done = rows(store.root, tmp_path / "a.jsonl", "llm-i")
    assert done.left_out == {"an episode that was asked what another one was": 2}
    said = [Demand(2, ("code", "search")), Demand(-1), Demand(99), Demand(0, ("search",)), Demand()]
    columns = [each["extra_info"] for each in found]
    assert [(each["image_num"], each["tools"]) for each in columns] == [
        (each.pictures, list(each.kinds)) for each in said
    ]
    export(traces(store.root), tmp_path / "a.parquet", "llm-i")
    for out in ("a.jsonl", "a.parquet"):
        prompts = read(tmp_path / out, tmp_path / "keep").prompts
        assert [(each.text, each.demand) for each in prompts] == [("Ships", each) for each in said]


def test_forms_and_options_that_do_not_go_together_are_said(runs: Any, tmp_path: Path) -> None:
    def why(name: str, form: str | None = None, **how: Any) -> str:
        with pytest.raises(InputError) as said:
            export(traces(runs.root), tmp_path / name, form, **how)
        assert not list(tmp_path.iterdir())
        return str(said.value)

    assert "by its ending" in why("a.csv")
    assert "ending of another form" in why("a.jsonl", "parquet")
    assert "ending of another form" in why("a.parquet", "jsonl")
    assert "ending of another form" in why("a.parquet", "atif")
    assert "must end in" in why("a.csv", "dpo")
    assert "must end in" in why("a.txt", "atif")
    assert "there is no form 'csv'" in why("a.csv", "csv")
    assert "for the form sft" in why("a.jsonl", "dpo", tokens=True)
    assert "by their paths" in why("a.jsonl", "atif", pictures="inside")
