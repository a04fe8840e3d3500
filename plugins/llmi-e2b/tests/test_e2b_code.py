"""The program around the policy's code, really run by the fake: figures, files, and errors that teach."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image

from llmi_agent.contract import Failed
from llmi_agent.records.outcome import Finished, Outcome
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import attach, check_light_import, make_call, make_session, random_png
from llmi_e2b.plugin import SPEC, llmi_tools
from llmi_e2b.testing import FakeE2B

Draw = Callable[[str], Awaitable[Outcome]]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


@pytest.fixture
async def draw(tmp_path: Path, store: ArtifactStore) -> AsyncIterator[Draw]:
    table = tmp_path / "sales.csv"
    table.write_text("month,sales\nJan,3\nFeb,5\n", encoding="utf-8")
    photo = tmp_path / "photo.png"
    photo.write_bytes(random_png())
    given = (attach(store, table, "text/csv"), attach(store, photo, "image/png"))
    with FakeE2B() as e2b:
        async with make_session(
            SPEC,
            store=store,
            attachments=given,
            secrets={"E2B_API_KEY": e2b.key},
            settings={SPEC.name: e2b.settings},
        ) as session:
            yield lambda code: session.result(make_call(SPEC, code=code))
        assert e2b.killed == list(e2b.sandboxes)


async def _sizes(store: ArtifactStore, outcome: Outcome) -> list[tuple[int, int]]:
    assert isinstance(outcome, Finished), outcome
    data = [store.read(each.digest) for each in outcome.candidates]
    return [Image.open(io.BytesIO(each)).size for each in data]


async def _error(draw: Draw, code: str) -> str:
    outcome = await draw(code)
    assert isinstance(outcome, Failed), outcome
    assert (outcome.reason, outcome.retryable) == ("crashed", True)
    return outcome.message


def test_the_door_is_light_and_offers_the_tool() -> None:
    check_light_import("llmi_e2b.plugin")
    assert llmi_tools() == [SPEC]
    assert (SPEC.name, SPEC.kind, SPEC.needs) == ("e2b_code", "code", ("E2B_API_KEY",))
    assert SPEC.executes_code
    assert SPEC.usd


async def test_a_seaborn_chart_of_an_attached_table(draw: Draw, store: ArtifactStore) -> None:
    code = (
        "df = pd.read_csv('sales.csv')\n"
        "sns.barplot(df, x='month', y='sales')\n"
        "plt.title(str(np.sum(df['sales'])))\n"
        "plt.show()\nplt.savefig('mine.png')"
    )
    outcome = await draw(code)
    ((width, height),) = await _sizes(store, outcome)
    assert 900 < width < 1500
    assert 500 < height < 1000
    assert isinstance(outcome, Finished)
    assert outcome.candidates[0].provenance.code == code
    assert (outcome.candidates[0].provenance.model or "").startswith("matplotlib 3")


async def test_several_figures_are_candidates_in_order_and_forgotten_empty_ones_are_not(
    draw: Draw, store: ArtifactStore
) -> None:
    outcome = await draw(
        "plt.figure()\n"
        "plt.figure(figsize=(6, 3)); plt.plot([1, 2])\n"
        "plt.figure(figsize=(3, 6)); plt.plot([2, 1])\n"
        "plt.figure(figsize=(90, 90)); plt.plot([2, 1])"
    )
    first, second, huge = await _sizes(store, outcome)
    assert first[0] > first[1]
    assert second[0] < second[1]
    assert huge[0] * huge[1] < 13_000_000
    assert isinstance(outcome, Finished)
    assert outcome.note == "the code drew 3 figures"


async def test_closed_figures_that_were_saved_are_found_and_attachments_are_not(
    draw: Draw, store: ArtifactStore
) -> None:
    outcome = await draw(
        "plt.plot([1, 2])\nplt.savefig('b.png', dpi=50)\nplt.savefig('a.jpg', dpi=25)\nplt.close()"
    )
    assert await _sizes(store, outcome) == [(400, 250), (200, 125)]


async def test_nothing_stays_from_one_run_to_the_next_or_comes_from_this_process(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E2B_API_KEY", "canary")
    await draw("leaf = 1\nopen('note.txt', 'w').write('x')\nopen('sales.csv', 'w').write('x')")
    message = await _error(
        draw,
        "import os\n"
        "print(pd.read_csv('sales.csv').columns[1], 'leaf' in globals(), 'E2B_API_KEY' in os.environ)\n"
        "open('note.txt')",
    )
    assert "the working folder holds 'photo.png', 'sales.csv'" in message
    assert "it printed: sales False False" in message


async def test_an_error_shows_the_line_and_the_columns_that_exist(draw: Draw) -> None:
    message = await _error(
        draw,
        "df = pd.read_csv('sales.csv')\n\ndef total(table):\n"
        "    return table['salse'].sum()\n\nprint('so far')\nplt.bar(['a'], [total(df)])",
    )
    assert "the code failed on line 4: KeyError: 'salse'" in message
    assert "4 |     return table['salse'].sum()" in message
    assert "7 | plt.bar(['a'], [total(df)])" in message
    assert "df has the columns 'month', 'sales'" in message
    assert "it printed: so far" in message
    assert "site-packages" not in message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("plt.plot([1, 2]\nplt.title('a')", "not valid Python: '(' was never closed, on line 1"),
        ("plt.plot([1])\0", "null bytes"),
        ("print('hello there')", "(no plt.close())\nit printed: hello there"),
        ("import sys\nsys.exit(2)", "SystemExit: 2"),
        ("import os\nos._exit(3)", "ended the process itself"),
        ("input()", "nobody can answer input()"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "the sandbox has no network"),
        ("plt.title('a $x^{$ b')", "write '\\$' for a dollar sign"),
        ("print('x' * 10**7)\nplt.nothing", "has no attribute 'nothing'"),
    ],
)
async def test_errors_teach(draw: Draw, code: str, expected: str) -> None:
    message = await _error(draw, code)
    assert expected in message
    assert len(message) <= 2500


UNCHANGED = [
    "df['v'].fillna(2, inplace=True)",
    "df['v'][df['v'] > 1] = 3",
    "df.iloc[0]['v'] = 1",
    "df['v'].sort_values(inplace=True)",
]
TABLE = (
    "import warnings; warnings.filterwarnings('ignore')\n"
    "df = pd.DataFrame({'r': ['N', 'S', 'N'], 'v': [1.0, None, 3.0]})\n"
)


@pytest.mark.parametrize("line", UNCHANGED)
async def test_a_change_that_nobody_sees_is_an_error(draw: Draw, line: str) -> None:
    message = await _error(draw, f"{TABLE}{line}\nplt.bar(df['r'], df['v'])")
    assert "ChainedAssignmentError: this changes a temporary copy" in message
    assert line in message


async def test_changes_that_are_kept_are_none(draw: Draw) -> None:
    code = (
        "s = df['v'].copy(); s.fillna(0, inplace=True); df.dropna(inplace=True); df.loc[0, 'v'] = 2"
    )
    assert isinstance(await draw(f"{TABLE}{code}\nplt.plot(s)"), Finished)
