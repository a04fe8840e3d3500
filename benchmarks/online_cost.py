"""What the graph adds to writing drafts, where a training rolls a policy out: against batched generation of the same tokens.

Workload: the tiny policy of examples/train_tiny after a warm-up, held by this process as `llmi-train online` holds it; 8 prompts in
groups of 8 at a time, through the graph, every token on record. Its tools answer at once with a 16 x 16 picture, so that what
remains is the framework's. The baseline writes as many tokens after the same prompts in one batch, by the same code and nothing
else (transformers' own `generate` takes about twice its time). Rewards, and the reading of rows, are a training's and not the
graph's: what they add is said beside it.

Then whole steps of rollouts, rewards and rows included, with layers that add nothing to what the policy says but much to what
that costs: it writes such drafts as before, and takes at least 100 ms of a core for each.

Processor time is that of this process with all its threads; the processes that decode pictures are counted at the end. The first
of each is not counted otherwise.

Bars: what the graph adds <= 20 ms of the processor an episode; with the slower policy >= 0.7 of the baseline's episodes a second.

python benchmarks/online_cost.py [--model DIR]    # a checkpoint of examples/train_tiny, in place of a warm-up of a minute
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MOST, LEAST = 20.0, 0.7
"""Milliseconds; the share of the baseline's pace."""
SLOW = 100.0
"""Milliseconds that a draft of the slower policy takes at least."""
PROMPTS, GROUP, STEPS = 8, 8, 5
COUNT = PROMPTS * GROUP
DEEPER = 40
"""Layers, of two."""


@dataclass(frozen=True)
class Took:
    """A step, in milliseconds an episode."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Pair:
    """A step through the graph, and the same tokens without it."""

    graph: Took
    bare: Took

    @property
    def added(self) -> float:
        """Of the processor."""
        return self.graph.cpu - self.bare.cpu

    @property
    def pace(self) -> float:
        """Of the baseline's."""
        return self.bare.wall / self.graph.wall


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    for package in ("trl", "llmi_train_tiny"):
        if find_spec(package) is None:
            print(
                f"not measured: {package} is not installed, `make bench-train` does that; bar: <= {MOST:.0f} ms"
            )
            return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = given.model.resolve() if given.model else warmed(folder)
        deep = deepened(model, folder / "deep")
        return measured(folder, model, deep)


def measured(folder: Path, model: Path, deep: Path) -> int:
    """Both policies in turn, and whether the bars are held."""
    os.environ["LLMI_HOME"] = str(folder / "home")
    os.chdir(folder)
    from llmi_agent.runner.garbage import rare_collections

    with rare_collections():
        graph = pairs(Training(folder / "graph", model), Training.drafts)
        decoding = decoders() / (STEPS * COUNT)
        whole = pairs(Training(folder / "whole", model), Training.step)
        slow = pairs(Training(folder / "slow", deep), Training.step)
    added = median(each.added for each in graph) + decoding
    beside = median(each.added for each in whole) - median(each.added for each in graph)
    pace, writing = median(each.pace for each in slow), median(each.bare.wall for each in slow)
    print(
        f"the graph adds {added:.1f} ms of the processor an episode, {decoding:.1f} of them to decode pictures (bar: <= {MOST:.0f} ms); "
        f"rewards and rows {beside:.1f} ms"
    )
    print(
        f"ratio: {pace:.2f} of the episodes a second, where generating takes {writing:.0f} ms an episode (bar: >= {LEAST} "
        f"where it takes {SLOW:.0f})"
    )
    return 0 if added <= MOST and pace >= LEAST and writing >= SLOW else 1


def warmed(folder: Path) -> Path:
    """A policy that writes drafts with slots."""
    from llmi_train_tiny.course import WARM, Course, Size

    course = Course(folder / "course", 0, Size(examples=1600))
    course.begin()
    course.warm_up()
    return (course.folder / course.named(WARM)).resolve()


def deepened(folder: Path, out: Path) -> Path:
    """The same policy with more layers, whose outputs are nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    small = AutoModelForCausalLM.from_pretrained(folder)
    config = small.config
    known = config.num_hidden_layers
    config.num_hidden_layers = known + DEEPER
    config.layer_types = None
    deep = type(small)(type(config)(**config.to_dict()))
    deep.load_state_dict(small.state_dict(), strict=False)
    with torch.no_grad():
        for layer in deep.model.layers[known:]:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    deep.save_pretrained(out)
    AutoTokenizer.from_pretrained(folder).save_pretrained(out)
    return out


def pairs(training: Training, work: Callable[[Training, int], Sequence[str]]) -> list[Pair]:
    """Of each time, but the first."""
    found = []
    for number in range(1, STEPS + 1):
        episodes, graph = timed(partial(work, training, number))
        written = list(map(training.tokens, episodes))
        _, bare = timed(partial(training.generate, written))
        found.append(Pair(graph, bare))
        print(
            f"{training.folder.name} {number}: {graph.cpu:.1f} ms of the processor an episode and {graph.wall:.1f} ms by the clock; "
            f"bare {bare.cpu:.1f} and {bare.wall:.1f} ms",
            flush=True,
        )
    return found[1:]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def timed(work: Callable[[], Any]) -> tuple[Any, Took]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    each = 1000 / COUNT
    return done, Took(cpu * each, wall * each)


class Training:
    """A policy that is rolled out as `llmi-train online` does it, with tools that answer at once."""

    def __init__(self, folder: Path, model: Path) -> None:
        import torch

        from llmi_agent.host.registry import registry_of
        from llmi_agent.rewards.profile_file import profile_named
        from llmi_agent.rewards.scoring import Scorer
        from llmi_agent.runner.prompt_file import read_prompts
        from llmi_train.rollout.preparing import prepared
        from llmi_train.rollout.steps import Plan, Steps
        from llmi_train.rollout.turns import Turns
        from llmi_train.trainer.held import HeldPolicy
        from llmi_train.trainer.loading import load
        from llmi_train_tiny import prompts
        from llmi_train_tiny.course import HERE

        torch.set_num_threads(1)
        folder.mkdir(parents=True)
        shutil.copy(HERE / "llmi.toml", ".")
        prompts.write(folder / "prompts.jsonl", prompts.drawn(prompts.TRAIN, PROMPTS * STEPS, 0))
        self.folder, self.loaded = folder, load(str(model))
        self.turns = Turns(read_prompts(str(folder / "prompts.jsonl"), "train"), PROMPTS, 0)
        self.policy = HeldPolicy(self.loaded, folder.name, torch.float32, at_once=COUNT)
        flags = {"model": self.policy.model, "options.cache": False, "options.limits": {}}
        ready = prepared(flags, concurrency=COUNT, policy=self.policy.registered)
        scorer = Scorer(profile_named(str(HERE / "tiny.toml")), registry=ready.setup.registry)
        registry = registry_of(*instant()).also(self.policy.registered)
        self.ready = replace(ready, setup=replace(ready.setup, registry=registry))
        plan = Plan(turns=self.turns, group=GROUP, seed=0, concurrency=COUNT)
        self.steps = Steps(
            plan=plan,
            ready=self.ready,
            scorer=scorer,
            policy=self.policy,
            out=folder,
            identity="benchmark",
        )

    def drafts(self, number: int) -> Sequence[str]:
        """Episodes of a step's prompts, and nothing else."""
        from llmi_train.rollout.collect import Order, collect

        version = f"benchmark@{number}"
        place = self.folder / f"{number}"
        order = Order(self.turns.of(number - 1), GROUP, place, (), COUNT)
        with self.policy.writing(version):
            found = asyncio.run(collect(self.ready.anew(version, number), order))
        assert all(each.state == "written" for each in found), [each.message for each in found]
        return [each.episode or "" for each in found]

    def step(self, number: int) -> Sequence[str]:
        """A whole step."""
        closed = self.steps.of(number).closed
        assert closed.used == COUNT, closed.missing
        return closed.shares[0].episodes

    def tokens(self, episode: str) -> tuple[tuple[int, ...], int]:
        """What the draft answers, and how many tokens it has."""
        from llmi_agent.records.journal import journal_beside
        from llmi_agent.traces.trace import Trace

        store = self.ready.store
        trace = Trace(episode, partial(journal_beside(store).read, episode), store)
        (call,) = trace.calls
        assert call.tokens
        assert call.tokens.prompt
        return tuple(call.tokens.prompt), len(call.tokens.completion)

    def generate(self, written: Sequence[tuple[tuple[int, ...], int]]) -> None:
        """As many tokens after the same prompts."""
        import torch

        from llmi_transformers.batch import Batch, Row
        from llmi_transformers.folder import folder_of
        from llmi_transformers.loading import ready
        from llmi_transformers.sampling import Sampling

        loaded = self.loaded
        able = ready(folder_of(str(loaded.folder)), loaded.model, loaded.tokenizer, "benchmark")
        rows = [
            Row(prompt, Sampling(seed=number), count, frozenset())
            for number, (prompt, count) in enumerate(written)
        ]
        with torch.no_grad():
            batch = Batch(able)
            batch.join(rows)
            while batch.rows:
                batch.step()


def instant() -> list[Any]:
    """A tool of each kind that the policy knows."""
    from llmi_agent.contract.tool import Image, Produced, Provenance
    from llmi_agent.testing import FakeTool, random_png

    picture = Produced((Image(random_png(16, 16), Provenance("instant")),), usd=0.0)
    return [
        FakeTool(f"instant_{kind}", kind, [picture]) for kind in ("search", "diffusion", "code")
    ]


def decoders() -> float:
    """Milliseconds of the processor that decoding pictures took, once all its processes have ended."""
    from llmi_agent.store import decoder

    decoder.shared.close()
    apart = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (apart.ru_utime + apart.ru_stime) * 1000


if __name__ == "__main__":
    sys.exit(main())
