"""Every chart of several tables runs as it would in the sandbox, without a warning, and draws."""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from offline_ledger import code, write_report

from llmi_offline import Attached

mpl.use("Agg")

DATA = Path(__file__).parents[3] / "examples" / "data"
RANDOM = np.random.default_rng(7)


def csv(**columns: object) -> bytes:
    return pd.DataFrame(columns).to_csv(index=False).encode()


def daily_panel() -> bytes:
    days = pd.date_range("2020-03-10", "2021-08-05")
    rows = [(day, name, RANDOM.normal(100, 9)) for name in ("a", "b") for day in days]
    return pd.DataFrame(rows, columns=["day", "maker", "price"]).to_csv(index=False).encode()


def partial() -> bytes:
    days = pd.date_range("2019-03-20", "2022-08-05")
    wave = np.sin(days.day_of_year / 58) * 9 + RANDOM.normal(0, 1, len(days))
    return csv(day=days, level=wave, other=RANDOM.normal(0, 1, len(days)))


def panel() -> bytes:
    months = pd.date_range("2010-01-01", periods=60, freq="MS")
    rows = [(month, name, RANDOM.normal(100, 9)) for name in ("a", "b", "c") for month in months]
    return pd.DataFrame(rows, columns=["month", "maker", "price"]).to_csv(index=False).encode()


def undated() -> bytes:
    """A month of each year without a row, and rows without a date."""
    days = pd.Series(pd.date_range("2018-02-01", "2021-12-31"))
    days = days.sample(200, random_state=1).where(lambda day: day.dt.month > 1)
    kinds = RANDOM.choice(["a", "b", "b"], 200)
    return csv(day=days.where(days.index % 9 > 0), kind=kinds, cost=RANDOM.gamma(3, 90, 200))


TABLES = {
    "weather": (DATA / "seattle-weather.csv").read_bytes(),
    "strikes": (DATA / "birdstrikes-seattle-portland.csv").read_bytes(),
    "panel": panel(),
    "daily panel": daily_panel(),
    "partial": partial(),
    "undated": undated(),
    "undated readings": csv(month=[*pd.date_range("2015-01-01", periods=60, freq="MS"), None, None],
                            v=RANDOM.normal(5, 1, 62), kind=RANDOM.choice(["a", "b", "b"], 62)),
    "four years and a half": csv(
        month=pd.date_range("2015-06-01", periods=27, freq="2MS"), v=RANDOM.normal(5, 1, 27)
    ),
    "huge": csv(day=pd.date_range("2019-01-01", "2021-12-31"), level=RANDOM.gamma(3, 1e150, 1096)),
    "long names": csv(kind=["x" * 200, "y" * 200] * 40, a=np.arange(80) * 2, b=np.arange(80) ** 2),
    "infinite": csv(v=['"1,000"', "1e999", *RANDOM.normal(0, 1, 50)]),
    "quarters": csv(q=[f"{y}-Q{q}" for y in range(2010, 2018) for q in (1, 2, 3, 4)],
                    v=RANDOM.normal(5, 1, 32)),
    "zoned": csv(t=[f"2021-03-{d:02d}T{h:02d}:00:00+09:00" for d in range(1, 20) for h in range(24)],
                 load=RANDOM.gamma(3, 90, 456)),
    "yearly": csv(year=range(1950, 2011), miles=range(61), gas=RANDOM.gamma(3, 2, 61)),
    "hourly": csv(
        time=pd.date_range("2021-03-01", periods=600, freq="h"), load=RANDOM.gamma(3, 9000, 600)
    ),
    "grouped": csv(
        kind=list("abc") * 40, size=RANDOM.normal(5, 1, 120), mass=RANDOM.normal(9, 2, 120)
    ),
    "named": csv(name=[f"item {i}" for i in range(20)], score=RANDOM.gamma(1, 5, 20)),
    "one number": csv(v=RANDOM.normal(0, 1, 50)),
    "words": csv(colour=["red", "blue", "red", "green"] * 8),
    "foreign": csv(**{"季節 $x_{$": ["春", "夏", "秋", "冬"] * 9, "ค่า": range(36), "w": range(0, 72, 2)}),
    "large": csv(x=range(20_000), y=RANDOM.normal(0, 1, 20_000), k=list("abcd") * 5_000),
    "gaps": csv(
        day=pd.date_range("2020-01-01", periods=90), a=[1.5, None, 3] * 30, b=[None] * 90, ok=[True, False] * 45
    ),
}  # fmt: skip
AT_LEAST = {"weather": 6, "strikes": 6, "words": 1, "panel": 3, "yearly": 3, "hourly": 3}


@pytest.mark.parametrize("name", TABLES)
def test_every_chart_runs_and_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = write_report("", [Attached(f"{name}.csv", "text/csv", TABLES[name])], {"code"})
    charts = code(draft)
    assert len(charts) >= AT_LEAST.get(name, 2)
    (tmp_path / f"{name}.csv").write_bytes(TABLES[name])
    monkeypatch.chdir(tmp_path)
    for chart in charts:
        _draw(chart)


def _draw(chart: str) -> None:
    import matplotlib.pyplot as plt
    import seaborn as sns

    plt.close("all")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(chart, {"plt": plt, "pd": pd, "sns": sns, "np": np})
        figure = plt.gcf()
        figure.set_dpi(40)
        figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    plt.close("all")
    mpl.rcdefaults()
    assert pixels[..., :3].std() > 5
    assert "plt.show" not in chart
    assert "savefig" not in chart


def test_groups_with_dates_of_their_own_are_drawn_as_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = {"a": range(1, 13), "b": range(1, 13, 2), "c": range(2, 13, 2)}
    rows = [(f"2020-{m:02d}-01", name, m * m) for name, whole in months.items() for m in whole]
    data = pd.DataFrame(rows, columns=["month", "maker", "price"]).to_csv(index=False).encode()
    (tmp_path / "t.csv").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    import matplotlib.pyplot as plt
    import seaborn as sns

    names: dict[str, object] = {"plt": plt, "pd": pd, "sns": sns, "np": np}
    exec(code(write_report("", [Attached("t.csv", "text/csv", data)], {"code"}))[0], names)
    assert [len(line.get_ydata()) for line in names["ax"].lines] == [12, 6, 6]
    assert all(np.isfinite(line.get_ydata()).all() for line in names["ax"].lines)
    plt.close("all")


def test_the_loader_comes_first_and_titles_say_the_finding() -> None:
    draft = write_report("", [Attached("w.csv", "text/csv", TABLES["weather"])], {"code"})
    for chart in code(draft):
        assert chart.startswith("df = pd.read_csv('w.csv')\n")
        assert "ax.set_title(" in chart
        assert len(chart.splitlines()) <= 40
