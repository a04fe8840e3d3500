"""Charts of groups: how often, how much, and how one grouping is spread within another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_offline.charts.canvas import BLUE, GREY, ORANGE, axis, chart

if TYPE_CHECKING:
    from llmi_offline.facts.groups import Contrast, Crossing, Levels
    from llmi_offline.facts.study import Study

_MOST_BARS = 12


def frequencies(study: Study, seen: Levels, title: str) -> str:
    """Horizontal bars of the most frequent values, the first one in colour."""
    bars = min(len(seen.counts), _MOST_BARS)
    body = f"""\
counts = df[{seen.column!r}].dropna().astype('str').value_counts().sort_index(kind='stable')
counts = counts.sort_values(ascending=False, kind='stable').head({bars})[::-1]
tones = [{GREY!r}] * (len(counts) - 1) + [{BLUE!r}]
bars = ax.barh([str(value)[:40] for value in counts.index], counts, color=tones)
ax.bar_label(bars, fmt='{{:,.0f}}', padding=4, color='#444444')
ax.set(xlabel={study.noun + "s"!r}, ylabel='')
ax.xaxis.get_major_locator().set_params(integer=True)
ax.margins(x=0.1)
ax.tick_params(axis='y', length=0)
sns.despine(left=True)
"""
    return chart(study, title, body, size=f"(9, {max(3.6, 1.4 + 0.42 * bars):.1f})")


def boxes(study: Study, seen: Contrast, title: str) -> str:
    """The middle half of each group, its median and its mean."""
    order = [str(value) for value in seen.means.index]
    body = f"""\
order = {order!r}
groups = df[{seen.category!r}].astype('str')
values = [df.loc[groups == group, {seen.measure!r}].dropna() for group in order]
boxes = ax.boxplot(values, widths=0.55, showmeans=True, patch_artist=True,
                   flierprops={{'marker': '.', 'ms': 4, 'mec': '#b0b0b0'}},
                   medianprops={{'color': '#222222', 'lw': 2}},
                   meanprops={{'marker': 'D', 'mfc': {ORANGE!r}, 'mec': 'white', 'ms': 7}})
for box in boxes['boxes']:
    box.set(facecolor={BLUE!r}, alpha=0.35, edgecolor={BLUE!r})
ax.set_xticks(range(1, len(order) + 1), [f'{{group[:18]}}\\n{{len(part):,}}' for group, part in zip(order, values)])
ax.plot([], [], 'D', color={ORANGE!r}, label='mean')
ax.plot([], [], color='#222222', lw=2, label='median')
ax.set(xlabel={f"{axis(seen.category)}, with the number of {study.noun}s"!r}, ylabel={axis(seen.measure)!r})
ax.grid(axis='y')
ax.legend(frameon=False)
sns.despine()
"""
    return chart(study, title, body, size="(9, 5.0)", numbers={"y": seen.measure})


def mean_bars(study: Study, seen: Contrast, title: str) -> str:
    """The mean of each group as a bar, for measures whose boxes would be flat."""
    body = f"""\
order = {[str(value) for value in seen.means.index][::-1]!r}
means = df.groupby(df[{seen.category!r}].astype('str'))[{seen.measure!r}].mean()[order]
bars = ax.barh([group[:40] for group in order], means, color={BLUE!r})
ax.bar_label(bars, fmt='{{:,.4g}}', padding=4, color='#444444')
ax.set(xlabel={"mean of " + axis(seen.measure)!r}, ylabel='')
ax.margins(x=0.12)
ax.tick_params(axis='y', length=0)
sns.despine(left=True)
"""
    return chart(
        study,
        title,
        body,
        size=f"(9, {max(3.6, 1.6 + 0.42 * len(seen.means)):.1f})",
        numbers={"x": seen.measure},
    )


def crossed(study: Study, seen: Crossing, title: str) -> str:
    """Bars to 100 %: the second category within each value of the first."""
    body = f"""\
pair = df[[{seen.rows!r}, {seen.columns!r}]].dropna().astype('str')
shares = pd.crosstab(pair[{seen.rows!r}], pair[{seen.columns!r}], normalize='index') * 100
shares = shares.loc[{[str(value) for value in seen.table.index][::-1]!r}]
shares = shares[pair[{seen.columns!r}].value_counts().index]
tones = sns.color_palette(n_colors=8) + sns.color_palette('pastel', 8)
shares.plot.barh(stacked=True, ax=ax, width=0.8, edgecolor='white', lw=0.6, color=tones[:len(shares.columns)])
ax.set_yticks(range(len(shares)), [name[:30] for name in shares.index])
ax.set(xlabel={f"share of the {study.noun}s (%)"!r}, ylabel={axis(seen.rows)!r}, xlim=(0, 100))
handles, names = ax.get_legend_handles_labels()
ax.legend(handles, [name[:30] for name in names], frameon=False, title={axis(seen.columns)!r},
          loc='center left', bbox_to_anchor=(1, 0.5))
sns.despine()
"""
    return chart(study, title, body, size=f"(9, {max(4.2, 1.8 + 0.36 * len(seen.table)):.1f})")
