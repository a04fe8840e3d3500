"""What went wrong with a model's call, whichever client raised it."""

from __future__ import annotations

from importlib import import_module

import pytest

from llmi_agent.models.trouble import trouble_of


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("name", ["ConnectError", "ReadTimeout", "RemoteProtocolError"])
def test_an_error_of_the_network_may_pass_whichever_library_says_so(
    library: str, name: str
) -> None:
    failure = getattr(pytest.importorskip(library), name)("no connection")
    wrapped = RuntimeError("Connection error.")
    wrapped.__cause__ = failure
    assert trouble_of(wrapped).transient


def test_other_errors_do_not_pass() -> None:
    assert not trouble_of(RuntimeError("wrong")).transient
    assert not trouble_of(import_module("httpx").InvalidURL("x")).transient
