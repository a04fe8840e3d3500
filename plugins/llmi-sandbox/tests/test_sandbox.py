"""What the tool gives back: figures, and errors that teach."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llmi_agent.contract import Failed, Produced, ToolContext, ToolFailed, ToolResult, ToolRetry
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import attach, make_call, make_context, random_png
from llmi_sandbox.plugin import SPEC, llmi_tools
from llmi_sandbox.tool import Sandbox

Draw = Callable[[str], Awaitable[ToolResult]]


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[ToolContext]:
    table = tmp_path / "sales.csv"
    table.write_text("month,sales\nJan,3\nFeb,5\n", encoding="utf-8")
    photo = tmp_path / "photo.png"
    photo.write_bytes(random_png())
    store = ArtifactStore(tmp_path / "store")
    given = (attach(store, table, "text/csv"), attach(store, photo, "image/png"))
    async with AsyncExitStack() as scope:
        yield make_context(store, scope, attachments=given)


@pytest.fixture
def draw(context: ToolContext) -> Draw:
    return lambda code: Sandbox().run(make_call(SPEC, code=code), context)


async def _error(draw: Draw, code: str) -> str:
    with pytest.raises(ToolRetry) as caught:
        await draw(code)
    return str(caught.value)


def _sizes(result: ToolResult) -> list[tuple[int, int]]:
    assert isinstance(result, Produced)
    return [Image.open(io.BytesIO(image.data)).size for image in result.images]


def test_the_door_offers_the_tool() -> None:
    assert [spec.name for spec in llmi_tools()] == ["llmi_sandbox"]
    assert SPEC.executes_code
    assert SPEC.deterministic


async def test_a_seaborn_chart_of_an_attached_table_with_labels_in_many_scripts(draw: Draw) -> None:
    code = (
        "df = pd.read_csv('sales.csv')\n"
        "plt.rcParams['font.sans-serif'] = ['SimHei']\n"
        "sns.barplot(df, x='month', y='sales')\n"
        "plt.title('Größe, 销售额, продажи, ' + str(df['sales'].sum()))\n"
        "plt.tight_layout()\nplt.show()\nplt.savefig('mine.png')"
    )
    result = await draw(code)
    assert isinstance(result, Produced)
    assert len(result.images) == 1
    width, height = _sizes(result)[0]
    assert 900 < width < 1500
    assert 500 < height < 1000
    (image,) = result.images
    assert image.provenance.code == code
    assert (image.provenance.model or "").startswith("matplotlib 3")
    assert result.usd == 0.0


async def test_several_figures_are_candidates_in_order_and_forgotten_empty_ones_are_not(
    draw: Draw,
) -> None:
    result = await draw(
        "plt.figure()\n"
        "plt.figure(figsize=(6, 3)); plt.plot([1, 2])\n"
        "plt.figure(figsize=(3, 6)); plt.plot([2, 1])"
    )
    first, second = _sizes(result)
    assert first[0] > first[1]
    assert second[0] < second[1]
    assert isinstance(result, Produced)
    assert result.note == "the code drew 2 figures"


async def test_a_closed_figure_that_was_saved_is_found_and_attachments_are_not(draw: Draw) -> None:
    result = await draw("plt.plot([1, 2])\nplt.savefig('a.png', dpi=50)\nplt.close()")
    assert _sizes(result) == [(400, 250)]


@pytest.mark.parametrize(
    "report", ["[]", "{", '{"figures": 7}', '{"figures": ["../../job.json", 3]}', '{"error": 5}']
)
async def test_a_report_that_the_code_forges_does_no_harm(draw: Draw, report: str) -> None:
    code = f"import os\nopen('../out/report.json', 'w').write({report!r})\nos._exit(0)"
    await _error(draw, code)


async def test_paths_of_this_machine_are_not_told(draw: Draw) -> None:
    message = await _error(
        draw, "raise ValueError(plt.__file__, np.__file__, __import__('os').getcwd())"
    )
    assert message.count("'...") == 3
    assert "site-packages" not in message
    assert "/tmp" not in message


@pytest.mark.parametrize(
    "code",
    [
        "plt.axis('off'); plt.text(0.5, 0.5, 'only words')",
        "plt.figure().text(0.5, 0.5, 'only words')",
        "plt.table([['1', '2']], loc='center')",
        "plt.figure().subfigures(1, 2)[1].subplots().plot([1, 2])",
        "plt.imshow(np.eye(3))",
        "plt.gca().inset_axes([0, 0, 1, 1]).plot([1, 2])",
        "plt.axhline(3)",
    ],
)
async def test_what_is_drawn_by_other_means_than_plots_is_no_empty_figure(
    draw: Draw, code: str
) -> None:
    assert len(_sizes(await draw(code))) == 1


async def test_characters_that_no_font_has_are_told(draw: Draw) -> None:
    result = await draw("plt.plot([1, 2]); plt.title('\U000f0123 and \U000f0124')")
    assert isinstance(result, Produced)
    assert result.note == "no installed font has \U000f0123\U000f0124: drawn as boxes"


async def test_no_figure_says_what_to_do_and_what_was_printed(draw: Draw) -> None:
    message = await _error(draw, "print('hello there')")
    assert "drew no figure" in message
    assert "hello there" in message


async def test_a_huge_figure_is_scaled_down(draw: Draw) -> None:
    width, height = _sizes(await draw("plt.figure(figsize=(90, 90)); plt.plot([1, 2])"))[0]
    assert width * height < 13_000_000


async def test_the_same_code_draws_the_same_bytes(draw: Draw) -> None:
    code = "plt.scatter(np.random.rand(9), np.random.rand(9), c=[hash('a') % 9] * 9)"
    one, two = await asyncio.gather(draw(code), draw(code))
    assert one == two


async def test_an_error_shows_the_line_and_the_columns_that_exist(
    draw: Draw, tmp_path: Path
) -> None:
    message = await _error(
        draw,
        "df = pd.read_csv('sales.csv')\n\ndef total(table):\n"
        "    return table['salse'].sum()\n\nplt.bar(['a'], [total(df)])",
    )
    assert "the code failed on line 4: KeyError: 'salse'" in message
    assert "4 |     return table['salse'].sum()" in message
    assert "6 | plt.bar(['a'], [total(df)])" in message
    assert "df has the columns 'month', 'sales'" in message
    assert "site-packages" not in message
    assert len(message) <= 2000


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("plt.plot([1, 2]\nplt.title('a')", "not valid Python: '(' was never closed, on line 1"),
        ("plt.plot([1])\0", "null bytes"),
        ("open('sale.csv')", "the working folder holds 'photo.png', 'sales.csv'"),
        ("np.ones(10**11)", "MemoryError"),
        ("plt.plot([1]); plt.title('a $x^{$ b')", "write '\\$' for a dollar sign"),
        ("raise ValueError('x' * 9000)", "ValueError: xxx"),
        (
            "print('so far', flush=True)\nimport os\nos._exit(3)",
            "ended its process itself, with status 3\nit printed: so far",
        ),
        ("open('sales.csv', 'a')", "attachments are not written to"),
        ("np.save('/elsewhere', 1)", "may read and write its working folder only"),
        ("sns.load_dataset('tips')", "has neither a network"),
        ("fig, ax = plt.subplots(2)\nax[0].set_title('Sales')", "its figure is empty"),
        ("plt.figure()", "its figure is empty"),
        ("fig = plt.figure(); fig.subfigures(1, 2)[0].subplots()", "its figure is empty"),
        ("import ctypes\nctypes.string_at(0)", "crashed the interpreter"),
    ],
)
async def test_errors_teach(draw: Draw, code: str, expected: str) -> None:
    message = await _error(draw, code)
    assert expected in message
    assert len(message) <= 2500


UNCHANGED = """df['v'].fillna(2, inplace=True)
df['r'].replace({'N': 'North'}, inplace=True)
df['v'][df['v'] > 1] = 3
df.loc[df['v'] > 1]['v'] = 3
df['v'].iloc[0] = 9
df.iloc[0]['v'] = 1
df['v'].update(pd.Series([7, 8, 9]))
df['v'].clip(0, 1, inplace=True)
df['v'].mask(df['v'] > 1, 0, inplace=True)
df['v'].sort_values(inplace=True)
df[df['v'] > 1].drop(columns='r', inplace=True)
df.query('v > 1').reset_index(drop=True, inplace=True)""".splitlines()
CHANGED = """s = df['v'].copy(); s.fillna(0, inplace=True); assert s[1] == 0
s = df['v']; s[0] = 5; s.loc[1] = 5; s.sort_values(inplace=True)
df.dropna(inplace=True); df.reset_index(drop=True, inplace=True); assert len(df) == 2
d = {'a': df}; d['a'].dropna(inplace=True); assert len(df) == 2
from types import SimpleNamespace as N; n = N(t=df); n.t.dropna(inplace=True); assert len(df) == 2
[each.dropna(inplace=True) for each in (df,)]; assert len(df) == 2
f = lambda t: t.dropna(inplace=True); f(df[['v']]); f(df); assert len(df) == 2
(a := df['v'].copy()).fillna(0, inplace=True); assert a[1] == 0
df.loc[df['v'] > 1, 'v'] = 3; df.iat[0, 1] = 7; df['r'] = df['r'].replace('N', 'S'); df['w'] = df['v'] + 1""".splitlines()
TABLE = (
    "import warnings; warnings.filterwarnings('ignore')\n"
    "df = pd.DataFrame({'r': ['N', 'S', 'N'], 'v': [1.0, None, 3.0]})\n"
)


@pytest.mark.parametrize("line", UNCHANGED)
async def test_a_change_that_nobody_sees_is_an_error(draw: Draw, line: str) -> None:
    """Whatever the code does with warnings, on the top level or in a function."""
    for code in (line, f"def tidy(df):\n    {line}\ntidy(df)"):
        message = await _error(draw, f"{TABLE}{code}\nplt.bar(df['r'], df['v'])")
        assert "ChainedAssignmentError: this changes a temporary copy" in message
        assert "df.loc[rows, 'column'] = value" in message
        assert line in message


async def test_changes_that_are_kept_are_none(draw: Draw) -> None:
    code = "".join(f"{TABLE}{line}\n" for line in CHANGED)
    for whole in (code, "def all_of_it():\n" + "".join(f"    {x}\n" for x in code.splitlines())):
        result = await draw(whole + ("" if whole == code else "all_of_it()\n") + "plt.plot([1, 2])")
        assert isinstance(result, Produced)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("plt.title = 'Sales'", "plt.title"),
        ("ax = plt.gca(); ax.set_title = 'Sales'", "ax.set_title"),
        ("plt.gcf().suptitle = 'Sales'", "fig.suptitle"),
    ],
)
async def test_a_title_that_is_assigned_is_an_error(draw: Draw, line: str, name: str) -> None:
    assert f"call it: {name}(...)" in await _error(draw, f"plt.plot([1, 2]); {line}")


@pytest.mark.parametrize(
    "line",
    [
        "plt.rcParams['text.usetex'] = True",
        "plt.title('a', usetex=True)",
        "plt.rc('text', usetex=True)",
    ],
)
async def test_latex_is_not_here(draw: Draw, line: str) -> None:
    assert "no LaTeX here; leave usetex out" in await _error(draw, f"{line}\nplt.plot([1, 2])")


async def test_a_setting_that_is_wrong_is_named(context: ToolContext) -> None:
    wrong = make_context(ArtifactStore("/nowhere"), context.scope, settings={"memory_mb": "much"})
    with pytest.raises(ToolFailed, match=r"\[tools.llmi_sandbox\] memory_mb") as caught:
        await Sandbox().run(make_call(SPEC, code="1"), wrong)
    assert caught.value.reason == "unavailable"


async def test_a_loop_without_end_is_a_timeout(context: ToolContext) -> None:
    fields: dict[str, Any] = {"settings": {"seconds": 1.5}}
    short = make_context(ArtifactStore("/nowhere"), context.scope, **fields)
    result = await Sandbox().run(make_call(SPEC, code="while True: pass"), short)
    assert isinstance(result, Failed)
    assert (result.reason, result.retryable) == ("timeout", True)


async def test_a_deadline_in_the_past_starts_nothing(context: ToolContext) -> None:
    late = make_context(ArtifactStore("/nowhere"), context.scope, deadline=0.0)
    with pytest.raises(ToolFailed, match="no time is left"):
        await Sandbox().run(make_call(SPEC, code="1"), late)
