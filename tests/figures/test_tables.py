"""Tables for a page: short numbers, the best in bold, no missing value that looks like a number."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from pairvae_lib.figures import table_html


def cells(html):
    return re.findall(r"<t[hd]>(.*)</t[hd]>", html)


def test_numbers_are_short_and_missing_ones_are_dashes():
    rows = [{"route": "a→b", "mixed": 0.01234, "paper": None}, {"route": "<", "mixed": 1.0, "paper": 2345.6}]
    assert cells(table_html(rows)) == ["route", "mixed", "paper", "a→b", "0.0123", "–", "&lt;", "1", "2346"]
    assert "<td>–</td>" in table_html(rows[:1])


def test_rows_are_named_as_a_reader_should_see_them():
    table = pd.DataFrame({"S2": [0.2, 0.1]}, index=["saxs_to_sem", "floor"])
    assert cells(table_html(table)) == ["", "S2", "SAXS→SEM", "0.2", "floor", "0.1"]


def test_the_best_of_a_column_is_bold_among_the_rows_that_can_win():
    table = pd.DataFrame({"S2": [0.2, 0.1, 0.1], "class": [1, 3, 2]}, index=["a", "b", "floor"])
    html = table_html(table, smallest=["S2"], largest=["class"], among=["a", "b"])
    assert re.findall("<strong>(.*?)</strong>", html) == ["0.1", "3"]
    assert re.findall("<strong>(.*?)</strong>", table_html(table, smallest=["S2"])) == ["0.1", "0.1"]


def test_the_best_of_a_row_is_bold():
    table = pd.DataFrame({"a": [0.2, 0.3], "b": [0.1, None], "floor": [0.0, 0.0]}, index=["S2", "A2"])
    assert re.findall("<strong>(.*?)</strong>", table_html(table, smallest_of=["a", "b"])) == ["0.1", "0.3"]


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="table must hold at least one"):
        table_html([])
    with pytest.raises(ValueError, match="column must be one of a; got 'b'"):
        table_html([{"a": 1.0}], smallest=["b"])
