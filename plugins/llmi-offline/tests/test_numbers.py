"""Every number in two reports is computed again, from the file, by code that is not the writer's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from offline_ledger import (
    DAY,
    MONTH,
    MONTHS,
    NUMBER,
    audit,
    day,
    exact,
    percent,
    prose,
    three,
    two,
    write_report,
)

from llmi_offline import Attached

DATA = Path(__file__).parents[3] / "examples" / "data"
KINDS = {"search", "diffusion", "code", "edit"}
N, W = rf"({NUMBER})", r"(\w+)"
NAMED = rf"{W} \(({NUMBER})\)"
WORDS = COUNTS = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
}


def report(name: str, prompt: str) -> str:
    attached = Attached(name, "text/csv", (DATA / name).read_bytes())
    return prose(write_report(prompt, [attached], KINDS))


def explained(values: pd.Series, groups: pd.Series) -> float:
    """The between-group share of the variance, from sums of squares."""
    pairs = pd.DataFrame({"v": values, "g": groups}).dropna()
    whole = ((pairs.v - pairs.v.mean()) ** 2).sum()
    inside = sum(((part - part.mean()) ** 2).sum() for _, part in pairs.groupby("g").v)
    return 1 - inside / whole


def runs(values: list[object]) -> list[tuple[int, int, object]]:
    """(length, start, value) of every run of equal values."""
    found: list[tuple[int, int, object]] = []
    start = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[start]:
            found.append((i - start, start, values[start]))
            start = i
    return found


def summary_rows(frame: pd.DataFrame) -> list:
    def row(match):
        column = frame[columns[match[1].replace("\\", "")]]
        middle = (three(column.median()), three(column.mean()))
        return (match[1], f"{column.count():,}", exact(column.min()), *middle, exact(column.max()))

    columns = {c.replace("_", " "): c for c in frame.select_dtypes("number").columns}
    return [(rf"\| \*([^*]+)\* \| {N} \| {N} \| {N} \| {N} \| {N} \|", row)]


@pytest.fixture(scope="module")
def weather() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "seattle-weather.csv")
    frame["date"] = pd.to_datetime(frame["date"])
    return frame


def weather_rules(d: pd.DataFrame) -> list:
    month, year, ym = d.date.dt.month, d.date.dt.year, d.date.dt.to_period("M")
    col = {
        "temp max": "temp_max",
        "temp min": "temp_min",
        "precipitation": "precipitation",
        "wind": "wind",
    }
    label = d.weather.value_counts()
    by_month = {c: d.groupby(month)[c].mean() for c in col.values()}
    by_year = {c: d.groupby(year)[c].mean() for c in col.values()}
    single = d.groupby(ym).precipitation.mean()
    rainy = (d.weather == "rain").groupby(month).mean()
    groups = d.groupby("weather")
    r = d[list(col.values())].corr()

    def low_high(c):
        means = by_month[c]
        low, high = means.idxmin(), means.idxmax()
        return three(means.min()), MONTHS[low - 1], three(means.max()), MONTHS[high - 1]

    def span_rule(c):
        return lambda _: low_high(c)

    def peak():
        best = single.idxmax()
        return f"{MONTHS[best.month - 1]} {best.year}", three(single.max())

    slope = np.polyfit(by_year["temp_max"].index, by_year["temp_max"].to_numpy(), 1)[0]
    fit = np.polyfit(d.temp_max, d.temp_min, 1)[0]
    rest = {c: d[c] - d.groupby(month)[c].transform("mean") for c in ("temp_max", "temp_min")}
    left = np.corrcoef(rest["temp_max"], rest["temp_min"])[0, 1]
    upper = [r.iloc[i, j] for i in range(4) for j in range(i)]
    dry_kinds = groups.precipitation.mean()
    as_low = COUNTS[(dry_kinds == dry_kinds.min()).sum() - 1]
    top = d.precipitation.sort_values(ascending=False)
    tenth = percent(top.iloc[: round(len(d) / 10)].sum() / top.sum())
    zero = d.precipitation == 0
    longest = max(runs(list(d.weather)), key=lambda run: run[0])
    dry = max((run for run in runs(list(zero)) if run[2]), key=lambda run: run[0])
    when = lambda row: day(d.date[row])  # noqa: E731
    first_last = (day(d.date.min()), day(d.date.max()))
    return [
        (r"(\d{4})–(\d{4})", lambda _: (year.min(), year.max())),  # noqa: RUF001
        (rf"looks at {N} days, from ({DAY}) to ({DAY})", lambda _: (f"{len(d):,}", *first_last)),
        (
            rf"average year, \*temp max\* climbs from {N} in {W} to {N} in {W}",
            span_rule("temp_max"),
        ),
        (
            rf"“{W}” and “{W}” lead almost level, with {N}% and {N}%",
            lambda _: (*label.index[:2], *(percent(n / len(d)) for n in label[:2])),
        ),
        (
            rf"\*precipitation\* runs from {N} for “{W}” and {W} other values to {N} for “{W}”",
            lambda _: (
                three(groups.precipitation.mean().min()),
                "sun",
                as_low,
                three(groups.precipitation.mean().max()),
                groups.precipitation.mean().idxmax(),
            ),
        ),
        (rf"holds {N} rows in {W} columns", lambda _: (f"{len(d):,}", WORDS[d.shape[1]])),
        (rf"{W} columns of numbers", lambda _: (WORDS[len(col)],)),
        (
            rf"one day, from ({DAY}) to ({DAY}), and no",
            lambda _: (
                first_last
                if d.date.is_unique and len(pd.date_range(*d.date.iloc[[0, -1]])) == len(d)
                else ()
            ),
        ),
        (rf"rounded to {W} figures", lambda _: ("three",)),
        *summary_rows(d),
        (rf"month alone accounts for {N}%", lambda _: (percent(explained(d.temp_max, month)),)),
        (
            rf"lowest in {W}, at {N}, and highest in {W}, at {N}\.",
            lambda _: (
                low_high("temp_max")[1],
                low_high("temp_max")[0],
                low_high("temp_max")[3],
                low_high("temp_max")[2],
            ),
        ),
        (rf"same calendar, from {N} in {W} to {N} in {W}\.", span_rule("temp_min")),
        (
            rf"other way, from {N} in {W} to {N} in {W} and from {N} in {W} to {N} in {W}\.",
            lambda _: (*low_high("precipitation"), *low_high("wind")),
        ),
        (
            rf"Of the {N} months, ({MONTH} \d{{4}}) has the highest mean of \*precipitation\*, {N}, and {W} {N} and {W} other month the lowest, {N}",
            lambda _: (
                len(single),
                *peak(),
                MONTHS[single.idxmin().month - 1],
                single.idxmin().year,
                COUNTS[(single == single.min()).sum() - 1],
                three(single.min()),
            ),
        ),
        (rf"darkest cell is ({MONTH} \d{{4}}) with {N}\.", lambda _: peak()),
        (
            rf"\*temp max\* was {N} in {N}, {N} in {N}, {N} in {N} and {N} in {N}, higher every year",
            lambda _: (
                [text for y, v in by_year["temp_max"].items() for text in (three(v), y)]
                if by_year["temp_max"].is_monotonic_increasing
                else ()
            ),
        ),
        (
            rf"through these {W} means rises by {N} a year",
            lambda _: (WORDS[year.nunique()], three(slope)),
        ),
        (
            rf"For \*(temp min|precipitation)\*, the yearly mean was highest in {N} \({N}\) and lowest in {N} \({N}\)",
            lambda m: (
                m[1],
                by_year[col[m[1]]].idxmax(),
                three(by_year[col[m[1]]].max()),
                by_year[col[m[1]]].idxmin(),
                three(by_year[col[m[1]]].min()),
            ),
        ),
        (
            rf"({'Two'}) values of \*weather\* lead almost level, “{W}” with {N} days or {N}% and “{W}” with {N}\.",
            lambda _: (
                "Two",
                label.index[0],
                label.iloc[0],
                percent(label.iloc[0] / len(d)),
                label.index[1],
                label.iloc[1],
            ),
        ),
        (
            rf"Then come “{W}” \({N}\), “{W}” \({N}\) and “{W}” \({N}\)",
            lambda _: [text for name, n in label.iloc[2:].items() for text in (name, n)],
        ),
        (
            rf"“rain” covers {N}% of the days in {W} and {N}% in {W}\.",
            lambda _: (
                percent(rainy.max()),
                MONTHS[rainy.idxmax() - 1],
                percent(rainy.min()),
                MONTHS[rainy.idxmin() - 1],
            ),
        ),
        (
            rf"rain ranges from {N}% in {W} to {N}% in {W}\.",
            lambda _: (
                percent(rainy.min()),
                MONTHS[rainy.idxmin() - 1],
                percent(rainy.max()),
                MONTHS[rainy.idxmax() - 1],
            ),
        ),
        (
            rf"mean is {N} for “snow” \({N} days\) and {N} for “sun” \({N} days\) and {W} other values\. The grouping accounts for {N}%",
            lambda _: (
                three(groups.precipitation.mean()["snow"]),
                label["snow"],
                three(groups.precipitation.mean()["sun"]),
                label["sun"],
                as_low,
                percent(explained(d.precipitation, d.weather)),
            ),
        ),
        (
            rf"\*temp max\*, \*weather\* accounts for {N}%, with means from {N} \(“{W}”\) to {N} \(“{W}”\)",
            lambda _: (
                percent(explained(d.temp_max, d.weather)),
                three(groups.temp_max.mean().min()),
                groups.temp_max.mean().idxmin(),
                three(groups.temp_max.mean().max()),
                groups.temp_max.mean().idxmax(),
            ),
        ),
        (
            rf"mean runs from {N} \(sun and {W} other values\) to {N} \(snow\)",
            lambda _: (
                three(groups.precipitation.mean()["sun"]),
                as_low,
                three(groups.precipitation.mean()["snow"]),
            ),
        ),
        (
            rf"same direction \(r = {N} over {N} rows\): on the fitted line, \*temp min\* is {N} higher for each (1) that",
            lambda _: (two(r.temp_max.temp_min), f"{len(d):,}", three(fit), 1),
        ),
        (rf"mean taken out of both, r is {N}, so part", lambda _: (two(left),)),
        (
            rf"\*temp min\* and \*precipitation\* have next to nothing to do with each other \(r = {N}\)",
            lambda _: (two(min(upper, key=abs)),),
        ),
        (r"says that (two) columns move together", lambda _: ("two",)),
        (rf"least-squares line \(r = {N}\)", lambda _: (two(r.temp_max.temp_min),)),
        (
            rf"Of the {W} pairs of numbers compared, only {W} has a correlation of at least (0\.5) in size",
            lambda _: (
                WORDS[len(upper)],
                "one" if sum(abs(v) >= 0.5 for v in upper) == 1 else "",
                0.5,
            ),
        ),
        (rf"temp max with temp min at {N}\.", lambda _: (two(max(upper, key=abs)),)),
        (
            rf"highest \*temp max\* is {N}, on ({DAY}); the lowest is {N}, on ({DAY})",
            lambda _: (
                exact(d.temp_max.max()),
                when(d.temp_max.idxmax()),
                exact(d.temp_max.min()),
                when(d.temp_max.idxmin()),
            ),
        ),
        (
            rf"\*Temp min\* ranges from {N}, on ({DAY}), to {N}, on ({DAY}) \(and {N} other days\)",
            lambda _: (
                exact(d.temp_min.min()),
                when(d.temp_min.idxmin()),
                exact(d.temp_min.max()),
                when(d.temp_min.idxmax()),
                (d.temp_min == d.temp_min.max()).sum() - 1,
            ),
        ),
        (
            rf"\*Precipitation\* reaches {N}, on ({DAY})",
            lambda _: (exact(d.precipitation.max()), when(d.precipitation.idxmax())),
        ),
        (
            rf"\*weather\* is {N} days of “{W}”, from ({DAY}) to ({DAY})",
            lambda _: (longest[0], longest[2], when(longest[1]), when(longest[1] + longest[0] - 1)),
        ),
        (
            rf"stayed at (0) for {N} days on end, from ({DAY}) to ({DAY})",
            lambda _: (0, dry[0], when(dry[1]), when(dry[1] + dry[0] - 1)),
        ),
        (
            rf"it is (0) on {N} days \({N}%\), while the highest tenth of the days holds {N}%",
            lambda _: (0, zero.sum(), percent(zero.mean()), tenth),
        ),
        (rf"the top tenth holds {N}%", lambda _: (tenth,)),
        (rf"from {N} in an average {W} to {N} in an average {W}\.", span_rule("temp_max")),
    ]


def test_every_number_about_seattle_weather_is_right(weather: pd.DataFrame) -> None:
    text = report("seattle-weather.csv", "Write an illustrated report about Seattle's weather")
    assert audit(text, weather_rules(weather)) == []


@pytest.fixture(scope="module")
def strikes() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "birdstrikes-seattle-portland.csv", keep_default_na=False)
    frame["when"] = pd.to_datetime(frame["Flight Date"])
    frame["Speed IAS in knots"] = pd.to_numeric(frame["Speed IAS in knots"])
    return frame


def strikes_rules(d: pd.DataFrame) -> list:
    total = len(d)
    speed = d["Speed IAS in knots"]
    year, month = d.when.dt.year.value_counts(), d.when.dt.month.value_counts()
    single = d.when.dt.to_period("M").value_counts()
    phase = d["Phase of flight"].value_counts()
    approach = (d["Phase of flight"] == "Approach").groupby(d.when.dt.month).mean()
    by_phase = speed.groupby(d["Phase of flight"]).agg(["mean", "count"])
    by_phase = by_phase[by_phase["count"] >= 5].sort_values("mean")
    damage = "Effect Amount of damage"
    big = d[damage].value_counts()
    cost = d["Cost Total $"].groupby(d[damage]).mean()[big[big >= 5].index]
    cross = pd.crosstab(d["Phase of flight"], d["Airport Name"])
    cross = cross[cross.sum(axis=1) >= 5]
    expected = np.outer(cross.sum(axis=1), cross.sum()) / cross.to_numpy().sum()
    v = np.sqrt(((cross - expected) ** 2 / expected).to_numpy().sum() / cross.to_numpy().sum())
    portland = (cross["PORTLAND INTL (OR)"] / cross.sum(axis=1)).sort_values()
    r = d[["Cost Other", "Cost Repair", "Cost Total $", "Speed IAS in knots"]].corr()
    pairs = sorted((abs(r.iloc[i, j]), r.iloc[i, j]) for i in range(4) for j in range(i))
    q1, q3 = speed.quantile([0.25, 0.75])
    fences = (q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1))
    out = ((speed < fences[0]) | (speed > fences[1])).sum()
    first_last = (day(d.when.min()), day(d.when.max()))
    busiest = (year.idxmax(), year.max())
    top_month = f"{MONTHS[single.idxmax().month - 1]} {single.idxmax().year}"
    low, high = by_phase.iloc[0], by_phase.iloc[-1]
    speeds = (three(low["mean"]), by_phase.index[0], three(high["mean"]), by_phase.index[-1])
    name = r"([^”*\n.]+)"
    nonzero = lambda c: ((d[c] != 0).sum(), percent((d[c] != 0).mean()))  # noqa: E731
    when = lambda row: day(d.when[row])  # noqa: E731
    repair = d["Cost Repair"]
    return (
        [
            (r"(\d{4})–(\d{4})", lambda _: (year.index.min(), year.index.max())),  # noqa: RUF001
            (rf"looks at {N} rows, from ({DAY}) to ({DAY})", lambda _: (total, *first_last)),
            (rf"“Approach” leads with {N}%", lambda _: (percent(phase["Approach"] / total),)),
            (rf"runs from {N} for “{name}” to {N} for “{name}”", lambda _: speeds),
            (
                rf"ranges from {N} to {N} over {N} values",
                lambda _: (exact(speed.min()), exact(speed.max()), speed.count()),
            ),
            (rf"holds {N} rows in {N} columns", lambda _: (total, d.shape[1] - 1)),
            (rf"{W} columns of numbers", lambda _: ("four",)),
            (rf"{W} columns of categories .* and {W} others\)", lambda _: ("nine", "three")),
            (
                rf"run from ({DAY}) to ({DAY}); {N} different dates",
                lambda _: (*first_last, d.when.nunique()),
            ),
            (
                rf"{N} values \({N}% of the rows\) are missing",
                lambda _: (speed.isna().sum(), percent(speed.isna().mean())),
            ),
            (
                r"(One) row repeats",
                lambda _: ("One" if d.duplicated().sum() == 1 else d.duplicated().sum(),),
            ),
            (rf"rounded to {W} figures", lambda _: ("three",)),
            *summary_rows(d),
            (rf"fullest year is {N}, with {N} rows", lambda _: busiest),
            (
                rf"most rows are in {W}, {N} \({N}%\), and the fewest in {W}, {N}\.",
                lambda _: (
                    MONTHS[month.idxmax() - 1],
                    month.max(),
                    percent(month.max() / total),
                    MONTHS[month.idxmin() - 1],
                    month.min(),
                ),
            ),
            (rf"most in {N}, with {N}\.", lambda _: busiest),
            (
                rf"fullest month is ({MONTH} \d{{4}}), with {N} rows",
                lambda _: (top_month, single.max()),
            ),
            (
                rf"fullest month is ({MONTH} \d{{4}}) with {N}\.",
                lambda _: (top_month, single.max()),
            ),
            (
                rf"is “Approach”, with {N} rows or {N}%",
                lambda _: (phase["Approach"], percent(phase["Approach"] / total)),
            ),
            (
                rf"Then come “{name}” \({N}\), “{name}” \({N}\), “{name}” \({N}\) and “{name}” \({N}\), and (one) more",
                lambda _: [
                    *(text for key, n in phase.iloc[1:5].items() for text in (key, n)),
                    "one" if len(phase) == 6 else len(phase),
                ],
            ),
            (
                rf"“Approach” covers {N}% of the rows in {W} and {N}% in {W}",
                lambda _: (
                    percent(approach.max()),
                    MONTHS[approach.idxmax() - 1],
                    percent(approach.min()),
                    MONTHS[approach.idxmin() - 1],
                ),
            ),
            (
                rf"Approach ranges from {N}% in {W} to {N}% in {W}",
                lambda _: (
                    percent(approach.min()),
                    MONTHS[approach.idxmin() - 1],
                    percent(approach.max()),
                    MONTHS[approach.idxmax() - 1],
                ),
            ),
            (
                rf"damage\* has {W} values, and “None” leads with {N}%",
                lambda _: (WORDS[len(big)], percent(big["None"] / total)),
            ),
            (
                rf"the {W} values of \*Time of day\*, “Day” is the most common \({N}%\)",
                lambda _: (
                    WORDS[d["Time of day"].nunique()],
                    percent((d["Time of day"] == "Day").mean()),
                ),
            ),
            (
                rf"In \*Wildlife Size\*, {N}% of the rows are “Small”; there are {W} values",
                lambda _: (
                    percent((d["Wildlife Size"] == "Small").mean()),
                    WORDS[d["Wildlife Size"].nunique()],
                ),
            ),
            (
                rf"mean is {N} for “{name}” \({N} rows\) and {N} for “{name}” \({N} rows\)\. The grouping accounts for {N}%",
                lambda _: (
                    speeds[2],
                    speeds[3],
                    int(high["count"]),
                    speeds[0],
                    speeds[1],
                    int(low["count"]),
                    percent(explained(speed, d["Phase of flight"])),
                ),
            ),
            (
                rf"damage\* accounts for {N}%, with means from {N} \(“{name}”\) to {N} \(“{name}”\)",
                lambda _: (
                    percent(explained(d["Cost Total $"], d[damage])),
                    three(cost.min()),
                    cost.idxmin(),
                    three(cost.max()),
                    cost.idxmax(),
                ),
            ),
            (rf"mean runs from {N} \(([^)]+)\) to {N} \(([^)]+)\)", lambda _: speeds),
            (rf"Cramér's V {N} on a scale from (0) to (1)", lambda _: (two(v), 0, 1)),
            (
                rf"in {N}% of the {N} rows with “{name}”, but in {N}% of the {N} rows with “{name}”",
                lambda _: (
                    percent(portland.iloc[-1]),
                    cross.sum(axis=1)[portland.index[-1]],
                    portland.index[-1],
                    percent(portland.iloc[0]),
                    cross.sum(axis=1)[portland.index[0]],
                    portland.index[0],
                ),
            ),
            (
                rf"PORTLAND INTL \(OR\) has {N}% of {name} and {N}% of {name}\.",
                lambda _: (
                    percent(portland.iloc[-1]),
                    portland.index[-1],
                    percent(portland.iloc[0]),
                    portland.index[0],
                ),
            ),
            (
                rf"all but repeat each other \(r = {N}\)\. No other ({'two'}) of the numbers",
                lambda _: (two(pairs[-1][1]), "two" if pairs[-2][0] < 0.1 else ""),
            ),
            (
                rf"Of the {W} pairs of numbers compared, only one has a correlation of at least (0\.5) in size",
                lambda _: (WORDS[len(pairs)], 0.5),
            ),
            (
                rf"the closest is Cost Repair with Cost Total \$ at {N}",
                lambda _: (two(pairs[-1][1]),),
            ),
            (
                rf"highest \*Speed IAS in knots\* is {N}, on ({DAY}); the lowest is {N}, on ({DAY})",
                lambda _: (
                    exact(speed.max()),
                    when(speed.idxmax()),
                    exact(speed.min()),
                    when(speed.idxmin()),
                ),
            ),
            (
                rf"\*(Cost \w+)\* reaches {N}, on ({DAY})",
                lambda m: (m[1], exact(d[m[1]].max()), when(d[m[1]].idxmax())),
            ),
            (
                rf"\*(Cost \w+)\* is almost always (0): {N} rows \({N}%\) hold",
                lambda m: (m[1], 0, *nonzero(m[1])),
            ),
            (rf"So is \*(Cost \w+)\*, but for {N} rows \({N}%\)", lambda m: (m[1], *nonzero(m[1]))),
            (
                rf"rule of (1\.5) interquartile ranges, {N} rows \({N}%\) lie far outside .* below {N} or above {N}\.",
                lambda _: (
                    1.5,
                    out,
                    percent(out / speed.count()),
                    three(fences[0]),
                    three(fences[1]),
                ),
            ),
            (rf"with its median of {N}", lambda _: (three(speed.median()),)),
        ]
        if repair.max()
        else []
    )


def test_every_number_about_the_bird_strikes_is_right(strikes: pd.DataFrame) -> None:
    text = report("birdstrikes-seattle-portland.csv", "Bird strikes in Portland and Seattle")
    assert audit(text, strikes_rules(strikes)) == []


def test_the_audit_itself_catches_a_wrong_and_an_unclaimed_number() -> None:
    rules = [(r"holds (\d+) rows", lambda _: ("12",))]
    assert audit("It holds 12 rows.", rules) == []
    assert audit("It holds 13 rows.", rules)
    assert audit("It holds 12 rows in 4 columns.", rules)
    assert audit("It holds 12 rows in four columns.", rules)
