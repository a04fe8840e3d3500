"""Charts of numbers: two against each other, one as a distribution, the largest by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_offline.charts.canvas import BLUE, GREY, ORANGE, RED, axis, chart

if TYPE_CHECKING:
    from llmi_offline.facts.extremes import Spread
    from llmi_offline.facts.pairs import Pair
    from llmi_offline.facts.study import Study

MOST_POINTS = 3000


def scatter(study: Study, pair: Pair, title: str, hue: str = "") -> str:
    """Every row as a point with the fitted line; shaded cells where rows are too many for points."""
    x, y = pair.x, pair.y
    if pair.rows > MOST_POINTS:
        points = (
            f"cells = ax.hexbin(df[{x!r}], df[{y!r}], gridsize=45, mincnt=1, bins='log',\n"
            f"                  cmap=sns.light_palette({BLUE!r}, as_cmap=True), lw=0)\n"
            f"fig.colorbar(cells, ax=ax, label={f'{study.noun}s in a cell'!r}, shrink=0.85)\n"
        )
    elif hue:
        points = (
            f"sns.scatterplot(df, x={x!r}, y={y!r}, hue={hue!r}, ax=ax, s=26, alpha=0.75,\n"
            f"                hue_order=df[{hue!r}].value_counts().index, linewidth=0)\n"
            "handles, names = ax.get_legend_handles_labels()\n"
            "ax.legend(handles, [name[:30] for name in names], frameon=False, loc='center left',\n"
            f"          bbox_to_anchor=(1, 0.5), title={axis(hue)!r})\n"
        )
    else:
        points = f"ax.scatter(df[{x!r}], df[{y!r}], s=22, alpha=0.55, color={BLUE!r}, lw=0)\n"
    body = f"""\
pair = df[[{x!r}, {y!r}]].dropna().astype('float64')
slope, start = np.polyfit(pair[{x!r}], pair[{y!r}], 1)
{points}ends = np.array([pair[{x!r}].min(), pair[{x!r}].max()])
ax.plot(ends, start + slope * ends, color={RED!r}, lw=2.2)
ax.set(xlabel={axis(x)!r}, ylabel={axis(y)!r})
ax.grid(alpha=0.7)
ax.set_axisbelow(True)
sns.despine()
"""
    return chart(study, title, body, size="(9, 5.2)", numbers={"x": x, "y": y})


def correlations(study: Study, measures: list[str], title: str) -> str:
    """The correlation of every two measures, the lower triangle only."""
    body = f"""\
r = df[{measures!r}].corr()
r.index = r.columns = {[axis(m, 26) for m in measures]!r}
hidden = np.triu(np.ones(r.shape, dtype=bool))
sns.heatmap(r.iloc[1:, :-1], mask=hidden[1:, :-1], ax=ax, cmap='vlag_r', vmin=-1, vmax=1, annot=True,
            fmt='.2f', linewidths=1.5, cbar_kws={{'label': 'correlation (r)', 'shrink': 0.8}})
ax.tick_params(length=0)
plt.setp(ax.get_xticklabels(), rotation=25, ha='right', rotation_mode='anchor')
ax.tick_params(axis='y', rotation=0)
"""
    return chart(study, title, body, size=f"(9, {max(4.4, 1.6 + 0.6 * len(measures)):.1f})")


def histogram(study: Study, seen: Spread, title: str) -> str:
    """The distribution with its median, and the fence beyond which values count as far out."""
    low, high = seen.fence
    fences = [
        f"ax.axvline({edge:.6g}, color={RED!r}, lw=1.4, ls=':', label={name!r})\n"
        for edge, name, there in (
            (low, "lower fence", seen.low < low),
            (high, "upper fence", seen.high > high),
        )
        if there
    ]
    body = f"""\
values = df[{seen.measure!r}].dropna().astype('float64')
ax.hist(values, bins={min(40, max(8, round(seen.filled**0.5)))}, color={BLUE!r}, alpha=0.85, edgecolor='white')
ax.axvline(values.median(), color={ORANGE!r}, lw=2.4, label='median')
{"".join(fences)}ax.set(xlabel={axis(seen.measure)!r}, ylabel={study.noun + "s"!r})
ax.yaxis.get_major_locator().set_params(integer=True)
ax.grid(axis='y')
ax.set_axisbelow(True)
ax.legend(frameon=False)
sns.despine()
"""
    return chart(study, title, body, numbers={"x": seen.measure})


def accumulated(study: Study, measure: str, title: str) -> str:
    """How the sum of a measure builds up from the highest row to the lowest."""
    body = f"""\
values = df[{measure!r}].dropna().sort_values(ascending=False).astype('float64')
part = np.arange(1, len(values) + 1) / len(values) * 100
total = values.cumsum() / values.sum() * 100
ax.fill_between(part, total, color={BLUE!r}, alpha=0.15, lw=0)
ax.plot(part, total, color={BLUE!r}, lw=2.4)
tenth = max(1, round(len(values) / 10))
ax.plot([10, 10, 0], [0, total.iloc[tenth - 1], total.iloc[tenth - 1]], color={ORANGE!r}, ls='--', lw=1.8)
ax.set(xlabel={f"{study.noun}s, the highest first (%)"!r}, ylabel={f"share of the sum of {axis(measure)} (%)"!r})
ax.set(xlim=(0, 100), ylim=(0, 102))
ax.grid()
sns.despine()
"""
    return chart(study, title, body)


def cumulative(study: Study, measure: str, title: str) -> str:
    """What part of the rows lies at or below each value."""
    body = f"""\
values = np.sort(df[{measure!r}].dropna().astype('float64'))
ax.step(values, np.arange(1, len(values) + 1) / len(values) * 100, where='post', color={BLUE!r}, lw=2.2)
for part in (25, 50, 75):
    ax.axhline(part, color={GREY!r}, lw=0.8, ls=':')
ax.set(xlabel={axis(measure)!r}, ylabel={f"{study.noun}s at or below the value (%)"!r}, ylim=(0, 102))
ax.grid(axis='x')
sns.despine()
"""
    return chart(study, title, body, numbers={"x": measure})


def named_bars(study: Study, measure: str, name: str, title: str) -> str:
    """The highest rows by name."""
    body = f"""\
top = df[[{name!r}, {measure!r}]].dropna().sort_values({measure!r}, ascending=False, kind='stable').head(12)[::-1]
tones = [{GREY!r}] * (len(top) - 1) + [{BLUE!r}]
bars = ax.barh(range(len(top)), top[{measure!r}], color=tones)
ax.bar_label(bars, fmt='{{:,.4g}}', padding=4, color='#444444')
ax.set_yticks(range(len(top)), [str(text)[:36] for text in top[{name!r}]])
ax.set(xlabel={axis(measure)!r}, ylabel='')
ax.margins(x=0.12)
ax.tick_params(axis='y', length=0)
sns.despine(left=True)
"""
    return chart(study, title, body, size="(9, 5.2)", numbers={"x": measure})
