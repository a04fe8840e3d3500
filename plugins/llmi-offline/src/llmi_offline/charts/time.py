"""Charts with a time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_offline.charts.canvas import BLUE, ORANGE, axis, chart
from llmi_offline.facts.seasons import cut_of

if TYPE_CHECKING:
    from llmi_offline.facts.clock import Clock
    from llmi_offline.facts.groups import Levels
    from llmi_offline.facts.seasons import Cut, Path
    from llmi_offline.facts.study import Study

_MONTHS = "['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']"
_FREQUENCY = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
_DATES = (
    "locator = plt.matplotlib.dates.AutoDateLocator(minticks=4, maxticks=10)\n"
    "ax.xaxis.set_major_locator(locator)\n"
    "ax.xaxis.set_major_formatter(plt.matplotlib.dates.ConciseDateFormatter(locator, show_offset=False))"
)
FEW_YEARS = 6


def months_by_year(study: Study, clock: Clock, measure: str, title: str) -> str:
    """A line of monthly means per year, or the mean and the range where years are many."""
    t, m = clock.column, measure
    monthly = _within(study, t, cut_of(clock, "month")) + (
        f"monthly = df.groupby([df[{t!r}].dt.month.rename('month'), "
        f"df[{t!r}].dt.year.rename('year')])[{m!r}].mean().unstack()\n"
    )
    if clock.end.year - clock.start.year < FEW_YEARS:
        lines = f"""\
for year, tone in zip(monthly, sns.light_palette({BLUE!r}, len(monthly.columns) + 2)[2:]):
    ax.plot(monthly.index, monthly[year], color=tone, lw=2, marker='o', ms=4, label=str(year))
ax.plot(monthly.mean(axis=1), color={ORANGE!r}, lw=2.5, ls='--', label='mean of the years')
"""
    else:
        lines = f"""\
ax.fill_between(monthly.index, monthly.min(axis=1), monthly.max(axis=1), color={BLUE!r},
                alpha=0.18, lw=0, label='lowest to highest year')
ax.plot(monthly.mean(axis=1), color={BLUE!r}, lw=2.5, marker='o', ms=5, label='mean of the years')
"""
    end = f"""\
ax.set_xticks(range(1, 13), {_MONTHS})
ax.set(xlabel='', ylabel={"monthly mean of " + axis(m)!r})
ax.grid(axis='y')
ax.legend(frameon=False, loc='center left', bbox_to_anchor=(1, 0.5))
sns.despine()
"""
    return chart(study, title, monthly + lines + end, numbers={"y": m})


def year_map(study: Study, clock: Clock, measure: str, title: str, cut: Cut = (None, None)) -> str:
    """A heat map: years down, months across; counts of rows where no measure is given."""
    t = clock.column
    years = clock.end.year - clock.start.year + 1
    keys = f"[df[{t!r}].dt.year.rename('year'), df[{t!r}].dt.month.rename('month')]"
    table, rest = (
        (f"df.groupby({keys})[{measure!r}].mean().unstack()", "")
        if measure
        else (f"df.groupby({keys}).size().unstack(fill_value=0)", ", fill_value=0")
    )
    written = years <= 12
    style = _cell_format(study, measure)
    annotate = f"annot=True, fmt={style!r}, annot_kws={{'size': 9}}, " if written else ""
    name = "monthly mean of " + axis(measure) if measure else "rows per month"
    body = f"""\
{_within(study, t, cut)}table = {table}.reindex(columns=range(1, 13){rest})
sns.heatmap(table, ax=ax, cmap=sns.light_palette({BLUE!r}, as_cmap=True), linewidths=1, {annotate}
            cbar_kws={{'label': {name!r}, 'shrink': 0.85}})
ax.set_xticks(np.arange(12) + 0.5, {_MONTHS})
ax.set(xlabel='', ylabel='')
ax.tick_params(length=0, rotation=0)
"""
    height = 4.8 if years <= 14 else min(9.0, 2.0 + 0.2 * years)
    return chart(study, title, body, size=f"(9, {height:.1f})")


def _cell_format(study: Study, measure: str) -> str:
    if not measure:
        return "d"
    size = float(study.frame[measure].abs().quantile(0.9))
    if size >= 1e6 or 0 < size < 0.01:
        return ".1e"
    return ",.0f" if size >= 100 else ".1f" if size >= 1 else ".2f"


def along(study: Study, clock: Clock, path: Path, title: str) -> str:
    """One line through time, with the straight line beside it."""
    t, m = clock.column, path.measure
    marker = ", marker='o', ms=4" if len(path.means) <= 60 else ""
    body = f"""\
{_within(study, t, path.cut)}periods = df[{t!r}].dt.to_period({_FREQUENCY[path.bucket]!r})
series = df.groupby(periods)[{m!r}].mean().dropna()
x, when = series.index.astype('int64'), series.index.to_timestamp()
slope, start = np.polyfit(x - x[0], series, 1)
ax.plot(when, series, color={BLUE!r}, lw=2{marker}, label={_mean_of(path)!r})
ax.plot(when, start + slope * (x - x[0]), color={ORANGE!r}, lw=2, ls='--', label='straight line')
ax.set(xlabel='', ylabel={axis(m)!r})
{_DATES}
ax.grid(axis='y')
ax.legend(frameon=False)
sns.despine()
"""
    return chart(study, title, body, numbers={"y": m})


def by_group(study: Study, clock: Clock, path: Path, category: str, title: str) -> str:
    """One line through time for each of at most eight groups, named in the legend."""
    t, m = clock.column, path.measure
    body = f"""\
{_within(study, t, path.cut)}periods = df[{t!r}].dt.to_period({_FREQUENCY[path.bucket]!r})
lines = df.groupby([periods, df[{category!r}].astype('str')])[{m!r}].mean().unstack()
lines = lines[lines.iloc[-1].sort_values(ascending=False).index]
lines.index = lines.index.to_timestamp()
for group in lines.columns[:8]:
    ax.plot(lines[group].dropna(), lw=2.2, label=str(group)[:30])
ax.set(xlabel='', ylabel={axis(m)!r})
{_DATES}
ax.grid(axis='y')
ax.legend(frameon=False, loc='center left', bbox_to_anchor=(1, 0.5))
sns.despine()
"""
    return chart(study, title, body, numbers={"y": m})


def events(study: Study, clock: Clock, title: str) -> str:
    """Rows per year, or per month where the years are few."""
    unit = "Y" if clock.years >= 4 else "M" if clock.years >= 0.4 else "D"
    name = {"Y": "year", "M": "month", "D": "day"}[unit]
    body = f"""\
counts = df[{clock.column!r}].dropna().dt.to_period({unit!r}).value_counts().sort_index()
counts = counts.reindex(pd.period_range(counts.index[0], counts.index[-1], freq={unit!r}), fill_value=0)
ax.bar(range(len(counts)), counts, color={BLUE!r}, width=0.8)
step = max(1, -(-len(counts) // 10))
ax.set_xticks(range(0, len(counts), step), [str(period) for period in counts.index[::step]])
ax.set(xlabel='', ylabel={f"rows per {name}"!r})
ax.yaxis.get_major_locator().set_params(integer=True)
ax.grid(axis='y')
ax.set_axisbelow(True)
sns.despine()
"""
    return chart(study, title, body)


def shares_by_month(study: Study, clock: Clock, seen: Levels, title: str) -> str:
    """What part of each month's rows each value of a category has."""
    order = [str(value) for value in seen.counts.index[:7]]
    body = f"""\
{_within(study, clock.column)}order = {order!r}
groups = df[{seen.column!r}].dropna().astype('str')
groups = groups.where(groups.isin(order), 'other')
shares = pd.crosstab(df[{clock.column!r}].dt.month, groups, normalize='index') * 100
shares = shares[[group for group in [*order, 'other'] if group in shares]]
shares.plot.bar(stacked=True, ax=ax, width=0.86, edgecolor='white', lw=0.6)
ax.set_xticks(range(len(shares)), [{_MONTHS}[month - 1] for month in shares.index], rotation=0)
ax.set(xlabel='', ylabel={f"share of the {study.noun}s of the month (%)"!r}, ylim=(0, 100))
handles, names = ax.get_legend_handles_labels()
ax.legend(handles[::-1], [name[:30] for name in names[::-1]], frameon=False,
          loc='center left', bbox_to_anchor=(1, 0.5))
sns.despine()
"""
    return chart(study, title, body)


def daily_cycle(study: Study, clock: Clock, measure: str, title: str) -> str:
    """The mean by hour of the day, with the middle half of the readings."""
    t, m = clock.column, measure
    body = f"""\
hours = df.groupby(df[{t!r}].dt.hour)[{m!r}]
ax.fill_between(hours.mean().index, hours.quantile(0.25), hours.quantile(0.75), color={BLUE!r},
                alpha=0.18, lw=0, label='middle half')
ax.plot(hours.mean(), color={BLUE!r}, lw=2.5, marker='o', ms=4, label='mean')
ax.set_xticks(range(0, 24, 3), [f'{{hour:02d}}:00' for hour in range(0, 24, 3)])
ax.set(xlabel='', ylabel={axis(m)!r})
ax.grid(axis='y')
ax.legend(frameon=False)
sns.despine()
"""
    return chart(study, title, body)


def _within(study: Study, column: str, cut: Cut = (None, None)) -> str:
    """The line that leaves out incomplete periods, and missing dates, which make years fractions."""
    sides = [
        f"(df[{column!r}] {sign} {str(when)!r})"
        for sign, when in zip((">=", "<"), cut, strict=True)
        if when
    ]
    if not sides and study.frame[column].hasnans:
        sides = [f"df[{column!r}].notna()"]
    return f"df = df[{' & '.join(sides)}]\n" if sides else ""


def _mean_of(path: Path) -> str:
    return f"mean of each {path.bucket}" if path.averaged else axis(path.measure)
