"""`llmi-train plan`: nothing is started, and what is in the way is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmi_train.cli import main
from llmi_train.recipes.reading import recipe_named, recipes

from ..recipes.conftest import Write, base, drafts, tensors, work, write

__all__ = ("base", "drafts", "work", "write")
NO_TORCH = """
import sys
from llmi_train.cli import main
code = main(["plan", "mine.toml"])
print(*({"torch", "transformers", "trl"} & {*sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["plan", *arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def missing(plan: dict[str, Any]) -> dict[str, str]:
    found = plan["findings"]
    return {each["what"]: each["says"] for each in found if each["state"] == "missing"}


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*recipes()]
    assert main(["plan", "--json"]) == 0
    assert [*json.loads(capsys.readouterr().out)] == [*recipes()]


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_plans_here_and_says_what_it_lacks(
    name: str, work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(work))  # no driver
    code, plan = planned(capsys, name)
    lacks = missing(plan)
    assert (code, plan["ready"]) == (1, False)
    assert str(plan["options"]["model"]) in lacks["model"]
    recipe = recipe_named(name)
    if recipe.needs.gpus:
        assert "it cannot run on this machine" in lacks["GPUs"]
        assert plan["memory"]["all"] < recipe.needs.gpu_memory * 1e9
    assert bool(plan["server"]) == bool(recipe.server)
    assert len(plan["trainer"]) == recipe.launch.nodes
    assert not [each for each in plan["findings"] if each["what"] == "processes"]
    assert main(["plan", name]) == 1
    assert "missing: it cannot be run like this" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gigabytes", "state", "words"),
    [("80", "ok", "48.7 of 80 GB"), ("50", "notice", "tight: about 48.7"), ("40", "missing", "it does not fit: about 48.7")],
)  # fmt: skip
def test_what_is_reckoned_is_compared_with_what_the_recipe_says_there_is(
    gigabytes: str, state: str, words: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        recipe_named("qwen3-4b")
        .path.read_text()
        .replace("gpu-memory = 80", f"gpu-memory = {gigabytes}")
    )
    (work / "mine.toml").write_text(text)
    _, plan = planned(capsys, "mine.toml")
    (found, *_) = [each for each in plan["findings"] if each["what"] == "memory"]
    assert found["state"] == state
    assert words in found["says"]


def test_what_runs_nowhere_is_said_and_no_command_is_given_for_it(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = recipe_named("qwen3-4b").path.read_text()
    (work / "mine.toml").write_text(text)
    _, plan = planned(capsys, "mine.toml", "--vllm", "not a url")
    assert "--vllm 'not a url' is no address of a server" in missing(plan)["server"]
    assert (plan["server"], plan["trainer"]) == (None, [])
    (work / "mine.toml").write_text("\n".join(s for s in text.splitlines() if "vllm =" not in s))
    _, plan = planned(capsys, "mine.toml")
    assert any("the table [server] is not used" in each["says"] for each in plan["findings"])
    assert main(["plan", "mine.toml"]) == 1
    assert "no command to start it" in capsys.readouterr().out


def test_options_are_shown_as_they_are_typed(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["plan", "qwen3-4b", "--warmup", "5", "--out", "a b", "--no-cache"])
    told = capsys.readouterr().out
    for line in ("--recompute\n", "--warmup 5  (said", "--out 'a b'  (said", "--no-cache  (said"):
        assert f"    {line}" in told


def test_what_is_no_recipe_is_said_shortly(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "a.yaml").touch()
    assert main(["plan", "a.yaml"]) == 2
    assert (
        "a recipe is TOML, and its name ends in .toml: 'a.yaml' does not" in capsys.readouterr().err
    )
    text = recipe_named("qwen3-4b").path.read_text()
    (work / "mine.toml").write_text(text.replace("recompute =", "recomput ="))
    assert main(["plan", "mine.toml"]) == 2
    said = capsys.readouterr().err
    assert "did you mean 'recompute'?" in said
    assert "known" not in said


def test_what_is_there_is_ready(
    base: Path, drafts: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", write()]) == 0
    told = capsys.readouterr().out
    assert "3 examples in drafts.jsonl" in told
    assert "ready to be run" in told
    assert "  llmi-train sft --recipe mine.toml\n" in told
    assert not (base.parent / "warm").exists()


def test_no_library_is_loaded_for_it(base: Path, drafts: Path, write: Write) -> None:
    write()
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_each_thing_that_is_in_the_way_is_said(
    base: Path, drafts: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    model = '[model]\nname = "Other/Model"\nparameters = 1e9\nconfig = { hidden_size = 9 }\n'
    needs = '[needs]\ngpus = 2\ngpu-memory = 24\nmemory = 1e9\npackages = ["click<1", "no-such-thing>=2"]\n'
    launch = "[launch]\nprocesses = 3\n"
    (base.parent / "warm").mkdir()
    (base.parent / "warm" / "notes.txt").touch()
    drafts.write_text("{\n")
    code, plan = planned(capsys, write(model + needs + launch), "--step-rows", "8")
    says = [each["says"] for each in plan["findings"] if each["state"] == "missing"]
    assert code == 1
    for words in (
        "is installed, and <1 is needed: pip install 'click<1'",
        "no-such-thing is not installed: pip install 'no-such-thing>=2'",
        "base is not Other/Model, which the recipe is for: hidden_size is 8 and not 9",
        "warm has other files in it",
        "drafts.jsonl",
        "--step-rows is 8, and must be a multiple of the 3 processes",
        'launch.strategy is "one"',
        "2 GPUs of 24 GB are needed",
        "GB of main memory are needed",
    ):
        assert sum(words in each for each in says) == 1, words
    assert len(says) == 9


ONLINE = """
about = "Online."
command = "online"
[options]
model = "base"
out = "better"
prompts = "prompts.jsonl"
profile = "rules"
prompts-per-step = 2
group = 4
epochs = 3
max-tokens = 100
"""


@pytest.fixture
def online(base: Path, work: Path) -> str:
    lines = [json.dumps({"prompt": f"Foxes of the {n}th kind"}) for n in range(5)]
    (work / "prompts.jsonl").write_text("\n".join(lines))
    (work / "online.toml").write_text(ONLINE)
    return "online.toml"


def test_what_would_be_sampled_is_reckoned(online: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, plan = planned(capsys, online)
    assert code == 0, missing(plan)
    work = plan["work"]
    assert (work["steps"], work["episodes"], work["tokens"]) == (8, 64, 6400)
    told = {each["what"]: each["says"] for each in plan["findings"]}
    assert told["prompts"] == "5 prompts in prompts.jsonl"
    assert told["reward"].startswith("profile rules@")
    assert "code: llmi_sandbox" in told["tools"]
    assert "keys and values of 64 answers that are written at once" in plan["memory"]["bytes"]


@pytest.mark.parametrize(
    ("more", "flags", "what", "words"),
    [
        ("steps = 3", [], "options", "--steps and --epochs both say how long"),
        ("", ["--prompts-per-step", "9"], "prompts", "a step takes 9 prompts, and there are 5"),
        ("", ["--profile", "llmi"], "reward", "which no judge here scores"),
        ("", ["--profile", "llmi", "--judge", "vllm/judge"], "reward", "needs the address of its server"),
        ("", ["--use", "code=no_such_tool"], "tools", "no_such_tool"),
        ("", ["--vllm", "http://h:1/v1"], "packages", "vllm is not installed"),
        ('[launch]\nstrategy = "fsdp2"\nprocesses = 2', [], "processes", "a part of the weights"),
        ('[launch]\nstrategy = "deepspeed-zero3"', [], "packages", "deepspeed is not installed"),
        ('[needs]\npackages = ["a b c"]', [], "packages", "'a b c' is no requirement"),
    ],
)  # fmt: skip
def test_what_an_online_training_lacks_is_said(
    more: str,
    flags: list[str],
    what: str,
    words: str,
    online: str,
    work: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("VLLM_BASE_URL", "VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    (work / online).write_text(ONLINE + more)
    code, plan = planned(capsys, online, *flags)
    assert code == 1
    assert words in missing(plan)[what]


def test_what_is_typed_stands_in_the_place_of_what_excludes_it(
    online: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plan = planned(capsys, online, "--steps", "3")
    assert (code, plan["work"]["steps"]) == (0, 3)
    assert "epochs" not in plan["options"]


def test_several_machines_have_a_command_each(
    online: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = '[launch]\nstrategy = "ddp"\nprocesses = 1\nnodes = 2\n'
    server = "[server]\ntensor-parallel = 2\nmax-length = 300\n"
    (work / online).write_text(ONLINE + launch + server)
    _, plan = planned(capsys, online, "--vllm", "http://host:8123/v1", "--limit", "4")
    first, second = plan["trainer"]
    assert first.replace("--machine_rank 0", "--machine_rank 1") == second
    assert "--num_processes 2 --num_machines 2 " in first
    assert first.endswith(" -m llmi_train online --recipe online.toml --vllm http://host:8123/v1 --limit 4")  # fmt: skip
    assert "vllm serve base --port 8123 --tensor-parallel-size 2" in plan["server"]
    assert "--max-model-len 300" in plan["server"]
    assert any(each["what"] == "machines" for each in plan["findings"])


def test_a_checkpoint_that_is_there_is_what_is_reckoned_with(
    base: Path, drafts: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors(base / "model.safetensors", {"all": (1000, 1000)})
    _, plan = planned(capsys, write())
    parts = plan["memory"]["bytes"]
    assert parts["weights, gradients and optimizer in float32"] == 16e6
    base.joinpath("config.json").unlink()
    code, plan = planned(capsys, write())
    assert (code, plan["memory"]["all"]) == (1, None)
    assert "no config.json" in missing(plan)["model"]


def test_an_option_that_the_command_does_not_know_is_wrong_usage(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", write(), "--step-row", "8"]) == 2
    assert "No such option '--step-row'" in capsys.readouterr().err
    assert main(["plan", write("", ('out = "warm"\n', ""))]) == 1
    assert "no folder is named that the new checkpoint goes to (--out)" in capsys.readouterr().out
