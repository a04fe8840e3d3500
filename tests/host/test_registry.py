"""Specs, plugins and bindings: what is right is used, what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from llmi_agent.base.errors import ConfigError, PluginError, UnavailableError
from llmi_agent.contract.hooks import hookimpl
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_agent.contract.policy import PolicySpec
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.host import plugins
from llmi_agent.host.plugins import PluginHost, load_plugins
from llmi_agent.host.registry import EMBEDDED, Registered, Registry, discover, registry_of
from llmi_agent.testing import FakeTool


class MapParams(BaseModel):
    model_config = ConfigDict(extra="forbid")
    place: str


class LooseParams(BaseModel):
    place: str


def spec(name: str = "a_tool", kind: str = "search", **fields: Any) -> ToolSpec:
    return ToolSpec(name=name, kind=kind, description="d", load="module:Class", **fields)


OWN_KIND: dict[str, Any] = {
    "kind": "map",
    "params": MapParams,
    "example": {"place": "Oslo"},
    "title": "A map of Oslo",
}


def test_a_kind_of_its_own_brings_its_params_and_example() -> None:
    kind = spec(**OWN_KIND).as_kind()
    assert (kind.name, kind.params, kind.title) == ("map", MapParams, "A map of Oslo")
    assert spec().as_kind() is WELL_KNOWN["search"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "A Tool"}, "lower case"),
        ({"name": ""}, "lower case"),
        ({"kind": "Search"}, "lower case"),
        ({"timeout": 0}, "above 0"),
        ({"params": MapParams}, "the framework's"),
        ({"kind": "map"}, "must say its params"),
        (OWN_KIND | {"params": LooseParams}, "forbid"),
        (OWN_KIND | {"example": {"city": "Oslo"}}, "example is not valid"),
        (OWN_KIND | {"title": ""}, "title"),
    ],
)
def test_a_wrong_spec_says_what_is_wrong(fields: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        spec(**fields)


def test_a_load_path_without_a_colon_is_wrong() -> None:
    with pytest.raises(ValueError, match="module:attr"):
        ToolSpec(name="a", kind="search", description="d", load="module.Class")


def test_the_embedded_plugins_load_and_serve_the_well_known_kinds() -> None:
    registry = discover()
    assert registry.host.problems == []
    assert registry.kinds == list(WELL_KNOWN)
    assert {tool.distribution for tool in registry.tools.values()} >= EMBEDDED
    bindings = registry.bind({}, {})
    assert set(bindings.tools) == set(WELL_KNOWN)


def test_plugins_are_filtered_by_name_before_they_are_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = EntryPoint("unwanted", "no_such_module_at_all", "llmi_agent.v1")
    monkeypatch.setattr(plugins, "entry_points", lambda **group: EntryPoints([entry]))
    assert load_plugins(["other"]).problems == []
    assert [problem.stage for problem in load_plugins().problems] == ["import"]
    with pytest.raises(PluginError, match="no_such_module_at_all"):
        load_plugins(strict=True)


def tools_hook(answer: Callable[[], Any]) -> object:
    class Plugin:
        @hookimpl
        def llmi_tools(self) -> Any:
            return answer()

    return Plugin()


def exits() -> None:
    raise SystemExit(7)


def fails() -> None:
    raise RuntimeError("no SDK")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (exits, "SystemExit: 7"),
        (fails, "RuntimeError: no SDK"),
        (lambda: None, "not NoneType"),
        (lambda: "tools", "not str"),
        (lambda: [1], "not int"),
        (lambda: [spec(name="Bad Name")], "lower case"),
    ],
)
def test_a_plugin_that_breaks_takes_only_itself_out(answer: Callable[[], Any], cause: str) -> None:
    host = PluginHost()
    host.add(tools_hook(answer), "bad", "bad-dist", "1.2")
    host.add(tools_hook(lambda: [spec("good")]), "good")
    (problem,) = host.problems
    assert (problem.plugin, problem.distribution, problem.version) == ("bad", "bad-dist", "1.2")
    assert problem.stage == "tools"
    assert cause in problem.cause
    assert [plugin.name for plugin in host.plugins] == ["good"]
    assert "\n" not in str(problem)


def test_a_hook_of_the_wrong_signature_or_name_is_named() -> None:
    class WrongSignature:
        @hookimpl
        def llmi_after_call(self, verdict: object) -> None:
            raise AssertionError

    class WrongName:
        @hookimpl
        def llmi_tolls(self) -> None:
            raise AssertionError

    host = PluginHost()
    host.add(WrongSignature(), "one")
    host.add(WrongName(), "two")
    assert [(problem.plugin, problem.stage) for problem in host.problems] == [
        ("one", "hooks"),
        ("two", "hooks"),
    ]
    assert "llmi_tolls" in host.problems[1].cause
    assert "llmi_tools" in host.problems[1].remedy


async def test_hooks_are_awaited_last_registered_first_and_none_is_no_answer() -> None:
    order: list[str] = []

    def plugin(name: str, answer: Any) -> object:
        class Plugin:
            @hookimpl
            async def llmi_before_call(self) -> Any:
                order.append(name)
                return answer

        return Plugin()

    host = PluginHost()
    for name, answer in [("one", "too late"), ("two", "the answer"), ("three", None)]:
        host.add(plugin(name, answer), name)
    found = await host.first("llmi_before_call", call=None, spec=None, context=None)
    assert found == "the answer"
    assert order == ["three", "two"]


def test_two_tools_of_one_name_are_both_refused() -> None:
    host = PluginHost()
    host.add(tools_hook(lambda: [spec("same"), spec("other")]), "one", "dist-one", "1")
    host.add(tools_hook(lambda: [spec("same")]), "two", "dist-two", "2")
    registry = Registry(
        [
            Registered(each, plugin.name, plugin.distribution, plugin.version, lambda: None)  # type: ignore[arg-type,return-value]
            for plugin in host.plugins
            for each in plugin.specs
        ],
        host,
    )
    assert set(registry.tools) == {"other"}
    assert "dist-one 1" in host.problems[0].cause
    assert "dist-two 2" in host.problems[0].cause


def test_two_of_one_name_in_code_are_told_by_what_they_are() -> None:
    class Other(FakeTool):
        """Another one."""

    with pytest.raises(PluginError) as failed:
        registry_of(FakeTool("a", "search"), Other("a", "code"), FakeTool("b", "search"))
    said = str(failed.value)
    assert said.startswith("2 tools made in code are named 'a': llmi_agent.testing.")
    assert "Other" in said
    assert "give each a name of its own" in said
    assert "uninstall" not in said
    with pytest.raises(PluginError, match=r"'same': .*FakeTool, module:Class; give"):
        registry_of(FakeTool("same", "search"), hooks=[tools_hook(lambda: [spec("same")])])

    class Writers:
        @hookimpl
        def llmi_policies(self) -> Any:
            return [PolicySpec("writer", "d", load="module:make")]

    with pytest.raises(PluginError, match="2 policies made in code are named 'writer': module:m"):
        registry_of(hooks=[Writers(), Writers()])


def test_the_order_of_a_kind() -> None:
    registry = registry_of(
        FakeTool("z_hosted", "search", needs=("Z_KEY",)),
        FakeTool("a_no_key", "search", needs=("A_KEY",)),
        FakeTool("b_installed", "search"),
        FakeTool("a_opt_in", "search", opt_in=True),
    )
    embedded = SimpleNamespace(spec=spec("c_embedded"))
    registry.tools["c_embedded"] = Registered(
        embedded.spec, "c", "llmi-gallery", "1", lambda: embedded
    )
    secrets = {"Z_KEY": "secret"}
    order = [tool.spec.name for tool in registry.of_kind("search", secrets)]
    assert order == ["z_hosted", "c_embedded", "b_installed", "a_no_key", "a_opt_in"]
    assert registry.bind({}, secrets).names == {"search": "z_hosted"}
    assert registry.bind({}, {}).names == {"search": "c_embedded"}
    assert registry.bind({"search": "a_opt_in"}, {}).names == {"search": "a_opt_in"}


def test_a_binding_that_cannot_be_says_what_can() -> None:
    registry = registry_of(FakeTool("one", "search"), FakeTool("two", "search", needs=("KEY",)))
    with pytest.raises(ConfigError, match="kinds are search"):
        registry.bind({"video": "one"}, {})
    with pytest.raises(ConfigError, match="tools that do: one, two"):
        registry.bind({"search": "three"}, {})
    with pytest.raises(UnavailableError, match="two needs KEY"):
        registry.bind({"search": "two"}, {})


def test_a_kind_without_a_usable_tool_is_not_bound() -> None:
    registry = registry_of(FakeTool("two", "search", needs=("KEY",)))
    assert registry.bind({}, {}).names == {}
    assert registry.bind({}, {"KEY": ""}).names == {}
