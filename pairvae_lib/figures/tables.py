"""Short tables for a page: numbers to three digits, the best of a column in bold, a dash where there is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.style import check_named, display_name

PLAIN_BELOW = 1000.0  # numbers from here on are written without decimals


def table_html(
    table: pd.DataFrame | Sequence[Mapping[str, Any]], smallest: Collection[str] = (), largest: Collection[str] = (),
    among: Collection[Any] | None = None, smallest_of: Collection[str] = (),
) -> str:
    """A table as HTML, for `IPython.display.HTML`.

    Parameters
    ----------
    table : DataFrame, or list of dict
        The index of a DataFrame names the rows, as a reader should see them: `saxs_to_sem` as `SAXS→SEM`.
    smallest, largest : collections of column
        The smallest, or largest, value of each of these columns is set in bold.
    among : collection of row, optional
        Rows that can be the best; without it all of them.
    smallest_of : collection of column
        In every row the smallest value of these columns is set in bold.
    """
    shown = pd.DataFrame(table)
    check_named("table", list(shown.index))
    cells = shown.map(_cell)
    for columns, best_of in ((smallest, "min"), (largest, "max")):
        for column in columns:
            check_one_of("column", column, tuple(shown.columns))
            values = pd.to_numeric(shown.loc[shown.index if among is None else list(among), column])
            best = values == getattr(values, best_of)()
            cells.loc[best.index[best], column] = cells.loc[best.index[best], column].map(_bold)
    if smallest_of:
        compared = shown[list(smallest_of)].astype(float)
        best_cells = compared.eq(compared.min(axis=1), axis=0)
        cells[list(smallest_of)] = cells[list(smallest_of)].where(~best_cells, cells[list(smallest_of)].map(_bold))
    named = not isinstance(shown.index, pd.RangeIndex)
    if named:
        cells.index = pd.Index([escape(display_name(str(name))) for name in shown.index], name=shown.index.name)
    cells.columns = [escape(str(name)) for name in shown.columns]
    return cells.rename_axis(columns=None).to_html(index=named, index_names=False, border=0, escape=False)


def _cell(value: Any) -> str:
    """One value as HTML."""
    if value is None or value != value:
        return "–"
    if not isinstance(value, float):  # NumPy's double is one, too
        return escape(str(value))
    return f"{value + 0.0:.3g}" if abs(value) < PLAIN_BELOW else f"{value:.0f}"  # no "-0"


def _bold(text: str) -> str:
    """A cell that stands out."""
    return f"<strong>{text}</strong>"
