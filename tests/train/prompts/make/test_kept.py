"""The file of answers: nothing that was paid for is lost, and it belongs to one command and one process."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmi_agent.base.errors import InputError, LlmiError
from llmi_train.prompts.make.kept import Answer, Heading, Kept, Spending, opened

HEADING = Heading(
    n=4,
    model="a",
    check_model="b",
    seed=0,
    split="train=1",
    mix="m",
    wording="w",
    manner="s",
)


def answer(number: int, **fields: object) -> Answer:
    return Answer(key=f"{number:064x}", of="write", **fields)  # type: ignore[arg-type]


def add(kept: Kept, *answers: Answer) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*map(kept.add, answers))

    asyncio.run(all_at_once())


def test_what_was_added_is_found_by_the_next_process_with_its_costs(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    spent = Spending(usd=0.25, estimated=0.25, unknown=1)
    given = [answer(n, text=f"x{n}\nü“", model="v", spent=spent) for n in range(50)]
    with opened(path, HEADING) as kept:
        add(kept, *given)
        assert kept.find(given[7].key) == given[7]
    with opened(path, HEADING) as kept:
        assert [kept.find(each.key) for each in given] == given
        assert kept.find("ff" * 32) is None
        assert kept.spent == Spending(usd=12.5, estimated=12.5, unknown=50)


def test_losses_and_rounds_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with opened(path, HEADING) as kept:
        kept.add_loss(Spending(usd=1.5))
        kept.end_round()
        kept.end_round()
    with opened(path, HEADING) as kept:
        assert kept.rounds == 2
        assert kept.spent.usd == 1.5


@pytest.mark.parametrize("cut", [1, 5, 20, 60])
def test_a_torn_last_line_is_dropped_and_the_rest_stays(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl"
    with opened(path, HEADING) as kept:
        add(kept, answer(1, text="one"))
    whole = path.read_bytes()
    with opened(path, HEADING) as kept:
        add(kept, answer(2, text="two"))
    path.write_bytes(path.read_bytes()[:-cut])
    with opened(path, HEADING) as kept:
        assert kept.find(answer(1).key) is not None
        assert kept.find(answer(2).key) is None
        add(kept, answer(3, text="three"))
    assert path.read_bytes().startswith(whole)
    with opened(path, HEADING) as kept:
        assert [kept.find(answer(n).key) is not None for n in (1, 2, 3)] == [True, False, True]


def test_a_heading_that_was_torn_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with opened(path, HEADING):
        pass
    path.write_bytes(path.read_bytes()[:30])
    with opened(path, HEADING) as kept:
        add(kept, answer(1))
    with opened(path, HEADING) as kept:
        assert kept.find(answer(1).key)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("n", 5, "its --n was 4, not 5"),
        ("model", "z", "its --model was a, not z"),
        ("check_model", "z", "its --check-model was b, not z"),
        ("seed", 1, "its --seed was 0, not 1"),
        ("split", "train=2", "its --split was train=1, not train=2"),
        ("mix", "z", "another mix"),
        ("wording", "z", "other words"),
        ("manner", "z", "another temperature"),
        ("form", 0, "another form"),
    ],
)
def test_another_command_is_refused_and_told_what_differs(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    path = tmp_path / "a.jsonl"
    with opened(path, HEADING):
        pass
    before = path.read_bytes()
    with (
        pytest.raises(InputError, match="choose another --out") as caught,
        opened(path, HEADING.model_copy(update={field: value})),
    ):
        pass
    assert words in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["hello\n", '{"prompt": "x"}\n', "[]\n", "1\n"])
def test_a_file_of_somebody_elses_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="choose another --out"), opened(path, HEADING):
        pass
    assert path.read_text() == text


@pytest.mark.parametrize("line", ["{}", "[]", "1", '{"key": "zz", "of": "write"}', "hello", "\0\0"])
def test_a_line_that_is_no_answer_is_named_and_nothing_is_changed(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "a.jsonl"
    with opened(path, HEADING) as kept:
        add(kept, answer(1))
    with path.open("a") as file:
        file.write(line + "\n" + answer(2).model_dump_json() + "\n")
    before = path.read_bytes()
    with pytest.raises(InputError, match="line 3"), opened(path, HEADING):
        pass
    assert path.read_bytes() == before


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with (
        opened(path, HEADING),
        pytest.raises(InputError, match="another process is writing"),
        opened(path, HEADING),
    ):
        pass


def test_an_answer_is_in_the_file_as_soon_as_it_is_added(tmp_path: Path) -> None:
    """A killed process loses none, since nothing is awaited before it is handed to the system."""
    path = tmp_path / "a.jsonl"
    script = f"""
import asyncio, os, signal
from pathlib import Path
from typing import Any
from llmi_train.prompts.make.kept import Answer, Heading, opened
heading = Heading.model_validate_json({HEADING.model_dump_json()!r})
async def main():
    with opened(Path({str(path)!r}), heading) as kept:
        kept.add(Answer(key="ab" * 32, of="check", text="paid for")).send(None)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    assert json.loads(path.read_text().splitlines()[1])["text"] == "paid for"


def test_what_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot write"),
        opened(tmp_path / "file" / "a.jsonl", HEADING),
    ):
        pass
    with opened(tmp_path / "new" / "folder" / "a.jsonl", HEADING):
        pass


async def test_a_line_that_does_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    write = os.write

    def full(handle: int, data: Any) -> int:
        if len(data) < 100:
            raise OSError(errno.EFBIG, "File too large")
        return write(handle, data[:100])

    with opened(path, HEADING) as kept:
        await kept.add(answer(1))
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(LlmiError, match="File too large"):
                await kept.add(answer(2, text="x" * 150))
        assert path.read_bytes() == before
        await kept.add(answer(3))
    with opened(path, HEADING) as kept:
        assert kept.find(answer(3).key)
        assert not kept.find(answer(2).key)
