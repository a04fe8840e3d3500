"""What the report must not say: findings of a review, each with the table that showed it."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from offline_ledger import code, slots, write_report

from llmi_offline import Attached, UnreadableTable
from llmi_offline.phrases import capital
from llmi_offline.roles import roles_of
from llmi_offline.tables import Table, read_table
from llmi_offline.topic import keywords, topic_of

ALL = {"search", "diffusion", "code", "edit"}


def read(text: str, name: str = "t.csv") -> Table:
    return read_table(name, text.encode())


def report(text: str, prompt: str = "", name: str = "t.csv", kinds: set[str] = ALL) -> str:
    return write_report(prompt, [Attached(name, "text/csv", text.encode())], kinds)


def of(frame: pd.DataFrame, prompt: str = "") -> str:
    return report(frame.to_csv(index=False), prompt)


def test_rows_with_one_field_more_than_the_header_are_refused() -> None:
    rows = "".join(f"{2000 + i},{i + 5},{800 + i}\n" for i in range(20))
    with pytest.raises(UnreadableTable, match="one more field than its header has names"):
        read("year,gdp\n" + rows)


def test_the_row_numbers_that_r_writes_are_left_out() -> None:
    table = read('"a","b"\n"1",5,6\n"2",7,8\n"3",9,1\n')
    assert list(table.frame["a"]) == [5, 7, 9]
    assert "counts the rows" in table.notes[0]


def test_most_rows_wider_than_the_header_are_refused() -> None:
    with pytest.raises(UnreadableTable, match="most of its rows"):
        read("year,gdp\n2000,859\n" + "2001,1,859\n" * 9)


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("+09:00", "local time, UTC+09:00"),
        ("-0330", "local time, UTC\N{MINUS SIGN}03:30"),
        ("Z", "UTC"),
    ],
)
def test_one_zone_keeps_the_local_time(zone: str, told: str) -> None:
    table = read(f"t,v\n2023-01-01T00:00:00{zone},1\n2023-01-02T05:00:00{zone},2\n")
    assert table.frame["t"][1] == pd.Timestamp("2023-01-02 05:00")
    assert table.notes == (f"The times in *t* are given in {told}.",)


def test_several_zones_become_utc_and_it_is_said() -> None:
    table = read("t,v\n2023-01-01T00:00:00+02:00,1\n2023-01-02T05:00:00+01:00,2\n")
    assert table.frame["t"][1] == pd.Timestamp("2023-01-02 04:00")
    assert "given in UTC" in table.notes[0]


def test_measures_and_codes_do_not_number_the_rows() -> None:
    rows = [(i, 100 + i % 7, i % 3 + 400, 98000 + i % 9, i % 11) for i in range(40)]
    frame = pd.DataFrame(rows, columns=["id", "price index", "error_code", "zip", "house no"])
    roles = roles_of(frame)
    assert roles.identifiers == ["id"]
    assert roles.measures == ["price index"]
    assert roles.codes == ["error_code", "zip", "house no"]
    assert "number the rows" not in of(frame)


def test_long_ids_stay_apart() -> None:
    ids = [str(2**64 + i) for i in range(12)]
    frame = read("Id,v\n" + "".join(f"{name},{i * i % 7}\n" for i, name in enumerate(ids))).frame
    assert list(frame["Id"]) == ids
    gappy = read(f"Id,v\n{2**60 + 1},1\n,2\n{2**60 + 2},3\n").frame
    assert list(gappy["Id"].dropna()) == [str(2**60 + 1), str(2**60 + 2)]


def test_a_picture_is_not_said_to_be_found() -> None:
    rows = "".join(f"{i},{i % 5}\n" for i in range(30))
    (told,) = [
        slot["description"]
        for slot in slots(report("depth,size\n" + rows, "harbour seals"))
        if slot["source"] == "search"
    ]
    assert told == "A picture for “harbour seals”, from outside the data."


def test_dates_that_are_there_are_not_denied() -> None:
    draft = report("d,v\n05/02/2020,1\n01/03/2020,2\n03/01/2020,3\n")
    assert "Nothing in it says when" not in draft
    one = report("d,v\n2020-01-05,1\n2020-01-05,2\n2020-01-05,3\n")
    assert "no two different dates" in one


@pytest.mark.parametrize("layout", ["{y}-Q{q}", "{y}Q{q}", "Q{q} {y}"])
def test_quarters_are_dates(layout: str) -> None:
    quarters = [(2010 + i // 4, i % 4 + 1) for i in range(12)]
    rows = "".join(f"{layout.format(y=y, q=q)},{q + y % 10}\n" for y, q in quarters)
    assert read("quarter,v\n" + rows).frame["quarter"][5] == pd.Timestamp("2011-04-01")
    assert "from Q1 2010 to Q4 2012" in report("quarter,v\n" + rows)


def test_the_sign_beside_a_number_is_told() -> None:
    table = read("price\n$1.50\n$20.25\n$3.00\n")
    assert table.notes == ("The file writes the numbers in *price* with \\$.",)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ({"meta": {"a": 1, "b": 2}, "data": {"rows": [{"v": 1}, {"v": 2}, {"v": 4}]}}, [1, 2, 4]),
        ({"v": [1, 2]}, [1, 2]),
        ({"v": {"0": 1, "1": 2}, "w": {"0": 3, "1": 4}}, [1, 2]),
    ],
)
def test_json_is_searched_for_its_records(content: dict, values: list[int]) -> None:
    assert list(read(json.dumps(content), "t.json").frame["v"]) == values


@pytest.mark.parametrize(
    "content",
    [
        {"meta": {"a": 1, "b": 2}, "info": {"c": 2, "d": 3}},
        {"a": [{"v": 1}], "b": [{"v": 2}]},
        {"a": {"x": {"y": 1}}, "b": {"x": {"y": 1}}},
    ],
)
def test_json_without_one_table_is_refused(content: dict) -> None:
    with pytest.raises(UnreadableTable):
        read(json.dumps(content), "t.json")


@pytest.mark.parametrize(
    ("text", "raised"),
    [("49 rows repeat", "49 rows repeat"), ("*temp max* x", "*Temp max* x"), ("&#60;b", "&#60;B")],
)
def test_only_a_first_letter_is_raised(text: str, raised: str) -> None:
    assert capital(text) == raised


def test_the_list_of_columns_adds_up() -> None:
    rows = "".join(f"{i * 3 % 11},x{i % 2},c,\n" for i in range(12))
    draft = report("a,b,same,nothing\n" + rows)
    assert (
        "in four columns: one column of numbers (*a*), one column of categories (*b*), "
        "one column that never changes (*same*) and one empty column (*nothing*)." in draft
    )


@pytest.mark.parametrize(
    "prompt", ["What is in this table?", "how many rows are there", "show our numbers by year", ""]
)
def test_a_topic_without_content_searches_for_nothing(prompt: str) -> None:
    rows = "".join(f"{i},{i * 7 % 5}\n" for i in range(30))
    draft = report("a,b\n" + rows, prompt, "data.csv")
    assert draft.startswith("# Data\n")
    assert "search" not in {slot["source"] for slot in slots(draft)}
    last = slots(draft)[-1]
    assert last["source"] == "edit"
    assert slots(draft)[last["params"]["img_index"]]["source"] == "code"


def test_the_file_names_the_topic_where_the_prompt_does_not() -> None:
    assert topic_of("What is in this table?", ["bird-strikes.csv"]) == "Bird strikes"
    assert keywords("What is in this table?") == ""


def test_a_single_row_is_listed() -> None:
    draft = report("name,age,member\nAnn,42,1\n")
    assert "| *age* | 42 |" in draft
    for absent in ("What stands out", "leads", "yes-or-no", "ranges", "100%"):
        assert absent not in draft


def test_a_column_with_one_value_is_no_finding() -> None:
    rows = "".join(f"x{i},{2 if i == 4 else ''}\n" for i in range(8))
    draft = report("a,b\n" + rows)
    assert "ranges from 2 to 2" not in draft
    assert not re.search(r"## What stands out\n+##", draft)


def daily(first: str, last: str) -> pd.DataFrame:
    days = pd.date_range(first, last)
    wave = 20 + 10 * np.sin(np.arange(len(days)) / 58)
    wave[-2:] = -50
    return pd.DataFrame({"day": days, "level": wave.round(2)})


def test_partial_months_are_left_out_of_text_and_chart() -> None:
    draft = of(daily("2021-02-01", "2022-02-02"))
    assert "The last month, not complete in the data, is left out." in draft
    assert not re.search(r"lowest[^.]* in February 2022", draft)
    assert any("df['day'] < '2022-02-01 00:00:00'" in text for text in code(draft))


def test_noise_is_no_finding_and_two_charts_stay() -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "group": random.choice(list("ABCDEFG"), 4000),
            "x": random.normal(size=4000).round(3),
            "y": random.poisson(0.5, 4000),
        }
    )
    draft = of(frame)
    for absent in ("almost level", "strongest link", "other rows)", "clearest difference"):
        assert absent not in draft
    assert "do not move together" in draft
    assert len(code(draft)) >= 2


def test_a_panel_tells_what_it_draws() -> None:
    days = pd.date_range("2020-01-01", "2021-06-30")
    rows = [
        (day, name, rise * i / 100 + (500 if i == len(days) - 1 else 0))
        for name, rise in (("up", 3), ("down", -2))
        for i, day in enumerate(days)
    ]
    frame = pd.DataFrame(rows, columns=["day", "group", "level"])
    up = frame[frame["group"] == "up"]
    month = up["level"].groupby(up["day"].dt.to_period("M")).mean()
    draft = of(frame)
    assert "From January 2020 to June 2021, the mean of *level* went from" in draft
    assert f"{month.iloc[0]:.3f}" in draft
    assert f"{month.iloc[-1]:.1f} for “up”" in draft


def test_the_lead_names_the_file_where_there_are_several() -> None:
    one, two = (of_file(name) for name in ("one.csv", "two.csv"))
    draft = write_report("", [one, two], ALL)
    assert "The first, *one.csv*, covers 40 days" in draft
    assert "This page looks at" not in draft


def of_file(name: str) -> Attached:
    return Attached(
        name, "text/csv", daily("2021-01-01", "2021-02-09").to_csv(index=False).encode()
    )


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["(123)", "1,200", "(1,000.5)"], [-123, 1200, -1000.5]),
        (["($5)", "-$7", "$2"], [-5, -7, 2]),
        (["1.5k", "20K", "300"], [1500, 20000, 300]),
    ],
)
def test_bookkeepers_numbers_are_read(texts: list[str], numbers: list[float]) -> None:
    rows = "".join(f'"{text}"\tx\n' for text in texts)
    assert list(read("n\tname\n" + rows).frame["n"]) == numbers


def test_partial_months_are_left_out_of_the_calendar_too() -> None:
    days = pd.date_range("2019-03-30", "2022-08-02")
    draft = of(pd.DataFrame({"day": days, "level": (np.sin(days.day_of_year / 58) * 9).round(3)}))
    assert "The first and last month, not complete in the data, are left out." in draft
    (lines, map_) = code(draft)[:2]
    for text in (lines, map_):
        assert "'2019-04-01 00:00:00'" in text
        assert "'2022-08-01 00:00:00'" in text


def test_events_of_broken_years_say_so() -> None:
    random = np.random.default_rng(1)
    days = random.choice(pd.date_range("2019-03-30", "2022-08-02"), 90)
    frame = pd.DataFrame({"day": days, "cost": random.integers(1, 90, 90)})
    assert "not all months are covered equally often" in of(frame)


def test_a_title_does_not_make_much_of_a_flat_course() -> None:
    days = pd.date_range("2021-01-01", "2021-12-31")
    random = np.random.default_rng(1)
    draft = of(pd.DataFrame({"day": days, "level": random.normal(100, 5, len(days)).round(2)}))
    assert "The months differ little" in draft
    assert "is highest in" not in "".join(code(draft))


def test_one_pair_of_numbers_is_not_called_two_of_them() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=2000)
    frame = pd.DataFrame({"x": x, "y": 0.15 * x + random.normal(size=2000)}).round(3)
    draft = of(frame)
    assert "No two" not in draft
    assert "are linked only weakly" in draft


def test_a_short_series_of_single_values_is_not_flat() -> None:
    rows = "".join(f"{2000 + i},{i * i}\n" for i in range(20))
    assert "differ little" not in report("year,v\n" + rows)


def test_categories_linked_by_chance_are_not_told() -> None:
    random = np.random.default_rng(2)
    names = {"colour": list("abc"), "taste": ["hot", "cold"], "size": list("xyz")}
    frame = pd.DataFrame({name: random.choice(values, 40) for name, values in names.items()})
    assert "Cramér" not in of(frame)


def test_a_shared_record_is_not_given_to_one_row() -> None:
    rows = "".join(f"name {i},{min(i, 9) * 3}\n" for i in range(12))
    draft = report("who,score\n" + rows)
    assert "leads with" not in draft
    assert "has the highest" not in draft


@pytest.mark.parametrize("months", [37, 49, 61])
def test_noise_has_no_seasons(months: int) -> None:
    days = pd.date_range("2019-01-01", periods=months, freq="MS")
    values = np.random.default_rng(1).normal(100, 10, months).round(2)
    table = pd.DataFrame({"month": days, "val": values}).to_csv(index=False)
    text = write_report("Noise", [Attached("noise.csv", "text/csv", table.encode())], {"code"})
    assert "The calendar shapes" not in text
    assert "In an average year" not in text
