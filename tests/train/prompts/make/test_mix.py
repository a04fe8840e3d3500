"""The mix: the stated one, and another from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmi_agent.base.errors import ConfigError
from llmi_train.prompts.make.mix import load_mix


def test_the_stated_mix_has_every_sort_of_constraint_and_many_topics() -> None:
    mix = load_mix()
    assert {-1, 0, 99} < set(mix.pictures)
    assert set(mix.pictures) > {1, 2, 3}
    assert len(mix.topics) >= 40
    assert all(len(parts) >= 3 for parts in mix.topics.values())
    assert len(mix.genres.names) >= 10
    assert len(mix.audiences.names) >= 10


def test_a_file_replaces_whole_tables_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text('[pictures]\n"2" = 1\n')
    mix = load_mix(path)
    assert mix.pictures == {2: 1.0}
    assert mix.topics == load_mix().topics
    assert mix.digest != load_mix().digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pictures]\nmany = 1\n", "pictures"),
        ('[pictures]\n"100" = 1\n', "100"),
        ('[pictures]\n"1" = 0\n', "above 0"),
        ('[pictures]\n"1" = -2\n', "greater than or equal to 0"),
        ('[pictures]\n"1" = inf\n', "finite"),
        ('[kinds]\n"code+code" = 1\n', "each once"),
        ('[kinds]\n"3d" = 1\n', "known: search, diffusion, code, edit"),
        ('[kinds]\n"" = 1\n', "write one"),
        ("[languages]\ntlh = 1\n", "known: en, zh"),
        ("[topics]\n", "topics"),
        ("[topic]\n", "known: pictures"),
        ("pictures = 1", "pictures"),
        ("[pictures", "not TOML"),
    ],
)
def test_a_mix_that_cannot_be_used_names_the_file_and_the_fault(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "mix.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mix\.toml") as caught:
        load_mix(path)
    assert words in str(caught.value)


def test_a_mix_that_is_not_there_or_is_no_text_or_is_huge(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_mix(tmp_path / "none.toml")
    path = tmp_path / "mix.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        load_mix(path)
    path.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ConfigError, match="more than"):
        load_mix(path)
