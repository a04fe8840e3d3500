"""A step of GRPO from traces against one of TRL's own trainer that replays the same rows.

Workload: a model of 1.0 million parameters (4 layers of 128), 384 rows in groups of 8, of 20 tokens of a prompt and 10 to 90 that
were sampled, 64 rows to a step, 16 at once; dapo. The baseline is TRL's GRPOTrainer with a `rollout_func` that gives the same rows
in the same order: it ignores their logprobs, and so trains on something else, but computes as much. In turn, six steps of each,
five times; the first turn of each is not counted.
Bar: the median of the turns' ratios of median step times <= 1.1.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MOST = 1.1
TURNS, STEPS, STEP_ROWS, AT_ONCE, GROUP = 5, 6, 64, 16, 8
WORDS = 512


def main() -> int:
    if find_spec("trl") is None:
        print("not measured: TRL is not installed, `make train` does that; bar: <= 1.1x")
        return 0
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for ours, theirs in turns(Path(folder)):
            ratios.append(ours / theirs)
            print(
                f"ours {ours * 1000:.0f} ms a step, TRL's {theirs * 1000:.0f} ms: {ratios[-1]:.2f}x",
                flush=True,
            )
    ratio = statistics.median(ratios[1:])
    print(f"ratio: {ratio:.2f}x a step of TRL's own trainer on the same rows; bar: <= {MOST}x")
    return 0 if ratio <= MOST else 1


def turns(folder: Path) -> Iterator[tuple[float, float]]:
    """Median seconds of a step, ours and TRL's."""
    from llmi_train.trainer.settings import quiet

    quiet()
    base = checkpoint(folder / "base")
    made = rows()
    for turn in range(TURNS):
        yield ours(made, base, folder / f"ours{turn}"), theirs(made, base, folder / f"theirs{turn}")


def checkpoint(out: Path) -> Path:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    words = {"<pad>": 0, "<eos>": 1, **{f"w{n}": n for n in range(2, WORDS)}}
    tokens = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", eos_token="<eos>"
    ).save_pretrained(out)
    shape: dict[str, Any] = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4}
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32}
    Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=WORDS, eos_token_id=1, pad_token_id=0, bos_token_id=None, **shape, **heads
        )
    ).save_pretrained(out)
    return out


def rows() -> list[Any]:
    import numpy as np

    from llmi_train.rows.row import Row, Segment

    draw = np.random.default_rng(0)
    made = []
    for number in range(STEPS * STEP_ROWS):
        length = int(draw.integers(10, 90))
        mask = np.ones(length, np.int8)
        segment = Segment(
            episode=str(number), number=0, calls=("c",), purpose="draft", prompt=draw.integers(2, WORDS, 20), mask=mask,
            completion=draw.integers(2, WORDS, length), logprobs=np.full(length, -6.0, np.float32),
        )  # fmt: skip
        worth = float(draw.normal())
        made.append(Row(segment, (worth * mask).astype(np.float32), str(number // GROUP), worth))
    return made


def ours(made: Sequence[Any], base: Path, out: Path) -> float:
    from llmi_train.trainer.loading import load
    from llmi_train.trainer.losses import Offline
    from llmi_train.trainer.offline import OfflineTrainer

    settings = Offline(step_rows=STEP_ROWS, rows_at_once=AT_ONCE, save_every=10**6)
    return timed(OfflineTrainer(made, load(str(base)), settings, out, lambda step, figures: None))


def theirs(made: Sequence[Any], base: Path, out: Path) -> float:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from llmi_train.trainer.loading import load
    from llmi_train.trainer.losses import Offline

    loaded = load(str(base))
    settings = Offline(step_rows=STEP_ROWS, rows_at_once=AT_ONCE, save_every=10**6)
    given: Iterator[Any] = iter(made)
    worth: list[float] = []

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        own = [next(given) for _ in prompts]
        worth[:] = [each.reward for each in own]
        return {
            "prompt_ids": [each.segment.prompt.tolist() for each in own],
            "completion_ids": [each.segment.completion.tolist() for each in own],
            "logprobs": [each.segment.logprobs.tolist() for each in own],
        }

    def reward(prompts: list[str], **_: Any) -> list[float]:
        return list(worth)

    low, high = settings.clips
    trainer = GRPOTrainer(
        model=loaded.model,
        reward_funcs=reward,
        args=GRPOConfig(
            **settings.arguments(out),
            num_generations=GROUP,
            epsilon=low,
            epsilon_high=high,
            num_train_epochs=1,
        ),
        train_dataset=Dataset.from_dict({"prompt": [""] * (len(made) // GROUP)}),
        processing_class=loaded.tokenizer,
        rollout_func=rollout,
    )
    return timed(trainer)


def timed(trainer: Any) -> float:
    """Median seconds of a step."""
    from transformers import PrinterCallback, TrainerCallback

    taken: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            taken.append(time.perf_counter() - self.began)

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Clock())
    trainer.train()
    assert len(taken) == STEPS
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
