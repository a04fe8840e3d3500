"""A real browser opens a hostile page: it runs nothing and asks nobody."""

from __future__ import annotations

import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from llmi_agent.contract.tool import Provenance
from llmi_agent.document.model import Document, Missing
from llmi_agent.document.render import render_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from llmi_agent.document.model import Figure
    from llmi_agent.store.artifacts import ArtifactStore

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --enable-logging=stderr --dump-dom"
)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and the paths that were asked of it."""
    paths: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_browser_runs_nothing_and_asks_nobody(
    asked: tuple[str, list[str]],
    document: Callable[..., Document],
    figure: Callable[..., Figure],
    store: ArtifactStore,
    tmp_path: Path,
) -> None:
    address, paths = asked
    attack = (
        f"<img src={address}/a onerror=\"document.title='pwned'\"> ![x]({address}/b)\n\n"
        f"<script src={address}/c></script><script>document.title='pwned'</script>\n\n"
        f"<link rel=stylesheet href={address}/d><style>@import '{address}/e';</style>\n\n"
        f'<iframe src={address}/f></iframe><meta http-equiv=refresh content="0;url={address}/g">'
    )
    made = document(
        attack,
        figure(1, caption=attack, note=attack, provenance=Provenance(attack, code=attack)),
        Missing(slot=1, kind="code", caption=attack, reason="crashed", message=attack),
        title=f"</title>{attack}",
    )
    page = tmp_path / "report.html"
    page.write_text(render_html(made, store), "utf-8")
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "About this document" in done.stdout
    assert "<title>pwned" not in done.stdout
    assert "CONSOLE" not in done.stderr
    assert paths == []
