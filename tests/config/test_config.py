"""Configuration: which layer wins, where values come from, and what is refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from llmi_agent.base.errors import ConfigError
from llmi_agent.config import layers
from llmi_agent.config.load import Config, load_config
from llmi_agent.config.options import ModelPrice, Options


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's own llmi.toml."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "llmi"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def write(folder: Path, text: str) -> Path:
    path = folder / "llmi.toml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, flags: dict[str, object] | None = None, **environ: str) -> Config:
    return load_config(flags or {}, environ=environ, folder=folder)


def test_without_any_layer_everything_is_the_default(work: Path) -> None:
    config = load(work)
    assert config.options == Options()
    assert (config.model, config.plugins, config.out, config.strict) == (None, None, None, False)
    assert (config.use, config.tools) == ({}, {})
    assert set(config.origins.values()) == {"default"}
    assert {f"options.{name}" for name in Options.model_fields} < set(config.origins)


def test_later_layers_win_and_every_value_knows_its_origin(work: Path, user: Path) -> None:
    first = write(
        work,
        'model = "a"\n[use]\nsearch = "a"\ncode = "a"\n[options]\nrepairs = 1\nseed = 1\nretries = 7\n',
    )
    second = write(user, '[use]\nsearch = "b"\nedit = "b"\n[options]\nrepairs = 2\nseed = 2\n')
    config = load(
        work, {"use.search": "d", "model": "d"}, LLMI_REPAIRS="3", LLMI_USE="search=c,edit=c"
    )
    assert config.model == "d"
    assert config.use == {"search": "d", "edit": "c", "code": "a"}
    assert (config.options.repairs, config.options.seed, config.options.retries) == (3, 2, 7)
    assert {
        name: config.origins[name]
        for name in (
            "model",
            "use.search",
            "use.edit",
            "use.code",
            "options.repairs",
            "options.seed",
            "options.retries",
        )
    } == {
        "model": "--model",
        "use.search": "--use",
        "use.edit": "LLMI_USE",
        "use.code": str(first),
        "options.repairs": "LLMI_REPAIRS",
        "options.seed": str(second),
        "options.retries": str(first),
    }


def test_tools_settings_are_merged_key_by_key(work: Path, user: Path) -> None:
    write(work, "[tools.tavily]\ncountry = 'de'\nnumber = 3\n")
    write(user, "[tools.tavily]\nnumber = 5\n[tools.other]\nsizes = [1, 2]\n")
    config = load(work)
    assert config.tools == {"tavily": {"country": "de", "number": 5}, "other": {"sizes": [1, 2]}}
    assert config.origins["tools.tavily.number"].startswith(str(user))


def test_every_option_has_a_variable(work: Path) -> None:
    values = {
        "dialect": "python", "reader": "strict", "repairs": "5", "debug_rounds": "5", "retries": "5",
        "retry_wait": "0.5", "fallbacks": "no", "concurrency": "code=1, search=9", "call_timeout": "2.5", "limits": "search=3",
        "seed": "-3", "folders": "one:two", "model_retries": "1", "model_silence": "9", "vision": "yes",
        "budget": "0.5", "prices": "a_tool=0.04, openai/x=0.15/0.6", "cache": "1",
        "download_allow": "127.0.0.1:80, localhost",
        "temperature": "0.7", "top_p": "0.9", "max_tokens": "900", "stop": "END, ---", "group_budget": "2", "record": "full", "weights": "step-3",
    }  # fmt: skip
    assert values.keys() == Options.model_fields.keys()
    options = load(work, **{f"LLMI_{name.upper()}": text for name, text in values.items()}).options
    assert options == Options(
        dialect="python", reader="strict", repairs=5, debug_rounds=5, retries=5, retry_wait=0.5,
        fallbacks=False, concurrency={"code": 1, "search": 9}, call_timeout=2.5, limits={"search": 3}, seed=-3,
        folders=(Path("one"), Path("two")), model_retries=1, model_silence=9.0, vision=True, budget=0.5,
        prices={"a_tool": 0.04, "openai/x": ModelPrice(input=0.15, output=0.6)}, cache=True,
        download_allow=("127.0.0.1:80", "localhost"),
        temperature=0.7, top_p=0.9, max_tokens=900, stop=("END", "---"), group_budget=2.0, record="full", weights="step-3",
    )  # fmt: skip


def test_the_other_variables_are_read(work: Path) -> None:
    config = load(
        work, LLMI_MODEL="m", LLMI_PLUGINS="a, b", LLMI_OUT="~/o", LLMI_STRICT="1", LLMI_HOME="h"
    )
    assert (config.model, config.plugins, config.strict) == ("m", ("a", "b"), True)
    assert config.out == Path("~/o").expanduser()
    assert config.origins["home"] == "LLMI_HOME"


def test_an_empty_variable_says_nothing(work: Path) -> None:
    write(work, 'model = "a"')
    assert load(work, LLMI_MODEL="", LLMI_REPAIRS="").model == "a"


def test_a_plugins_own_key_may_have_our_prefix(work: Path) -> None:
    assert load(work, LLMI_SOMETHING_API_KEY="hush").model is None


def test_a_variable_that_is_named_after_an_installed_plugin_is_that_plugins(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = EntryPoints(
        [
            EntryPoint("llmi-transformers", "llmi_transformers.plugin", "llmi_agent.v1"),
            EntryPoint("odd.plug-in", "odd", "llmi_agent.v2"),
            EntryPoint("somebody", "other", "other.v1"),
        ]
    )
    monkeypatch.setattr(
        layers, "entry_points", lambda **given: plugins.select(**given) if given else plugins
    )
    load(work, LLMI_TRANSFORMERS_DTYPE="bfloat16", LLMI_ODD_PLUG_IN_SPEED="3")
    for each in ("LLMI_SOMEBODY_DTYPE", "LLMI_TRANSFORMER_DTYPE", "LLMI_TRANSFORMERS"):
        with pytest.raises(ConfigError, match=f"there is no variable '{each}'"):
            load(work, **{each: "bfloat16"})


def test_paths_in_a_file_are_relative_to_it(work: Path, user: Path) -> None:
    write(user, 'out = "reports"\n[options]\nfolders = ["photos", "/abs"]\n')
    config = load(work)
    assert config.out == user / "reports"
    assert config.options.folders == (user / "photos", Path("/abs"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modle = 'a'", ["'modle'", "did you mean 'model'?", "plugins"]),
        ("model = 3", ["model must be a name, not 3"]),
        ("model = ''", ["model must be a name"]),
        ("plugins = 'a'", ["must be a list of names"]),
        ("use = 'a'", ["use must be a table, [use]"]),
        ("[use]\nsearch = 3", ["use.search must be a name"]),
        ("[options]\nrepiars = 3", ["'repiars'", "did you mean 'repairs'?"]),
        ("[options]\nrepairs = -1", ["repairs cannot be -1: input should be"]),
        ("[options]\ndialect = 'yaml'", ["dialect cannot be 'yaml'", "'json' or 'python'"]),
        ("[options]\nfolders = 'x'", ["folders cannot be 'x'"]),
        ("[tools]\nx = 3", ["tools.x must be a table"]),
        ("[tools.x]\napi_key = 'hush'", ["tools.x.api_key looks like a secret", "environment"]),
        ("openai_api_key = 'hush'", ["openai_api_key looks like a secret"]),
        ("model = ", ["cannot be read"]),
    ],
)  # fmt: skip
def test_a_file_that_says_what_does_not_exist_is_refused(
    work: Path, text: str, words: list[str]
) -> None:
    path = write(work, text)
    with pytest.raises(ConfigError) as caught:
        load(work)
    assert str(caught.value).startswith(str(path))
    assert "hush" not in str(caught.value)
    for each in words:
        assert each in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("LLMI_REPIARS", "3", "did you mean 'LLMI_REPAIRS'?"),
        ("LLMI_REPAIRS", "many", "LLMI_REPAIRS: repairs cannot be 'many'"),
        ("LLMI_USE", "search", "'search' is not of the form name=value"),
        ("LLMI_CONCURRENCY", "code=none", "LLMI_CONCURRENCY: concurrency cannot be 'none'"),
        ("LLMI_STRICT", "maybe", "neither yes nor no"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(
    work: Path, variable: str, text: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(work, **{variable: text})
    assert words in str(caught.value)


def test_a_file_that_is_not_text_is_named(work: Path) -> None:
    (work / "llmi.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"llmi\.toml cannot be read"):
        load(work)
