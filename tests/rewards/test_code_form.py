"""Plotting code that draws the same."""

from __future__ import annotations

from typing import Any

import pytest

from llmi_agent.rewards.likeness import params_form


def same(kind: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return params_form(kind, one) == params_form(kind, other)


CODE = "x = [1, 2]\nplt.plot(x)\nplt.title('one')"


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (CODE.replace("one", "two"), True),
        (CODE.replace("x", "data"), True),
        ("# said\n" + CODE.replace(", ", ","), True),
        (CODE + "\nax = plt.gca()", False),
        (CODE.replace("plot(x)", "plot(x, color='red', label='a')"), True),
        (CODE + "\nplt.grid(True)\nplt.legend()", True),
        (CODE.replace("2]", "3]"), False),
        (CODE.replace("plot", "bar"), False),
        ("'''A chart.'''\n" + CODE, True),
    ],
)
def test_code_that_draws_the_same(other: str, equal: bool) -> None:
    assert same("code", {"code": CODE}, {"code": other}) is equal


@pytest.mark.parametrize(
    "code", ["x = (", "\x00", "(" * 5000, "-" * 100_000 + "1", "a." * 50_000 + "b"]
)
def test_code_that_is_none_is_compared_as_it_stands(code: str) -> None:
    assert same("code", {"code": code}, {"code": f" {code} "})
    assert not same("code", {"code": code}, {"code": code + "y"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("df.plot.scatter(x='a', y='b', c='temp')", "df.plot.scatter(x='a', y='b', c='wind')"),
        ("df.plot.scatter(x='a', y='b', c='c')", "df.plot.scatter(x='a', y='b', c='g')"),
        ("px.bar(df, color='country')", "px.bar(df, color='product')"),
        ("px.bar(df, color='orange')", "px.bar(df, color='lime')"),
        ("plt.scatter(x, y, c=t)", "plt.scatter(x, y, c=w)"),
        ("plt.scatter(x, y, c=[1, 2])", "plt.scatter(x, y, c=[2, 1])"),
        ("plt.scatter(x, y, c=df['a'])", "plt.scatter(x, y, c=df['b'])"),
        ("plt.scatter(x, y, alpha=a)", "plt.scatter(x, y, alpha=b)"),
        ("alt.Chart(d).encode(color='red')", "alt.Chart(d).encode(color='blue')"),
        ("dot.node('a', label='Cell')", "dot.node('a', label='Core')"),
        ("plt.text(0, 0, 'Cell')", "plt.text(0, 0, 'Core')"),
        ("ax.annotate('in', (0, 1))", "ax.annotate('out', (0, 1))"),
    ],
)
def test_colours_and_words_that_are_data_tell_charts_apart(one: str, other: str) -> None:
    assert not same("code", {"code": one}, {"code": other})


@pytest.mark.parametrize("colour", ["red", "#a0b1c2", "C3", "tab:blue", "k", "xkcd:sky blue"])
def test_a_colour_by_name_is_decoration(colour: str) -> None:
    plain = "plt.scatter(x, y)"
    assert same("code", {"code": plain}, {"code": f"plt.scatter(x, y, c={colour!r})"})
