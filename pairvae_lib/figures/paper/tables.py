"""Table S2 of the paper as rows, from saved results, and as HTML. Table S1 stands in book/paper_map.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.saved import entry
from pairvae_lib.figures.style import check_named, display_name

Saved = Mapping[str, Any]
Row = dict[str, Any]

_READ_OFF = {  # number of training images: median; read off the paper's Fig. 6 by us, +-0.0005
    ("intensity", "solo saxs_to_saxs"): {32: 0.034, 48: 0.0275, 64: 0.026},
    ("intensity", "saxs_to_saxs"): {32: 0.041, 48: 0.035, 64: 0.034},
    ("intensity", "sem_to_saxs"): {32: 0.0445, 48: 0.039, 64: 0.0375},
    ("S2 periodic", "solo sem_to_sem"): {32: 0.027, 48: 0.028, 64: 0.0215},
    ("S2 periodic", "sem_to_sem"): {32: 0.035, 48: 0.0195, 64: 0.019},
    ("S2 periodic", "saxs_to_sem"): {32: 0.0145, 48: 0.0105, 64: 0.008},
}
PAPER_MEDIANS: Mapping[tuple[str, str], Mapping[int, float]] = _READ_OFF | {
    ("S2", route): medians for (metric, route), medians in _READ_OFF.items() if metric == "S2 periodic"
}


def table_s2(every_errors: Sequence[Saved], micrograph_metric: str = "S2 periodic") -> list[Row]:
    """Table S2: medians of Fig. 6 by route and number of training pairs.

    Parameters
    ----------
    every_errors : list of dict
        The saved `errors.json` of every run of a sweep. Runs of other protocols are left out.
    micrograph_metric : str
        "S2 periodic", the paper's convention, or "S2".

    Returns
    -------
    list of dict
        "metric", "route", "training pairs", "seeds", "mixed" (all images, as the paper), "held out", and for simulated
        data "paper, read off" (None for other sizes). Errors in units of the intensity's range, or dimensionless.

    Notes
    -----
    Source: paper, Fig. 6 (its Table S2 is not public); the medians in the last column were read off by us, +-0.0005.
    """
    rows = []
    for metric in ("intensity", micrograph_metric):
        found = pooled(every_errors, metric)
        for route in routes_of(every_errors, metric):
            for n, own in found[found["name"] == route].groupby("n"):
                row = {
                    "metric": metric,
                    "route": display_name(route),
                    "training pairs": n,
                    "seeds": sum(_size(errors) == n for errors in _default_runs(every_errors)),
                    "mixed": own["error"].median(),
                    "held out": own["error"][own["held out"]].median(),
                }
                if all(errors["run"]["data"] == "simulated" for errors in every_errors):
                    row["paper, read off"] = PAPER_MEDIANS.get((metric, paper_name(route, every_errors)), {}).get(n)
                rows.append(row)
    return rows


def table_html(rows: Sequence[Row]) -> str:
    """Rows as an HTML table, for `IPython.display.HTML`: three significant digits, a dash where there is none."""
    check_named("rows", rows)
    table = pd.DataFrame(rows).fillna(np.nan)  # a column of None alone would say None
    return table.to_html(index=False, border=0, na_rep="–", float_format="{:.3g}".format)


def pooled(
    every_errors: Sequence[Saved], metric: str, kind: Literal["errors", "references"] = "errors"
) -> pd.DataFrame:
    """Defined errors of all seeds, a row each: "n" training pairs, "name", "error", and whether it is "held out"."""
    runs = _default_runs(every_errors)
    check_named("every_errors", runs)
    tables = []
    for errors in runs:
        table = pd.DataFrame(entry(kind, entry("a run", errors, kind), metric), dtype=float)
        table["held out"] = [sample["subset"] == "held out" for sample in errors["samples"]]
        tables.append(table.assign(n=_size(errors)).melt(["n", "held out"], var_name="name", value_name="error"))
    return pd.concat(tables).dropna()


def routes_of(every_errors: Sequence[Saved], metric: str) -> list[str]:
    """The routes that a metric judges, in the paper's order: solo, from itself, from the other technique."""
    check_named("every_errors", every_errors)
    names = every_errors[0]["modalities"]
    for errors in every_errors:
        check_one_of("modalities of a run", errors["modalities"], (names,))
    s, m = names["scattering"], names["micrograph"]
    source, target = (m, s) if metric == "intensity" else (s, m)
    return [f"solo {target}_to_{target}", f"{target}_to_{target}", f"{source}_to_{target}"]


def paper_name(route: str, every_errors: Sequence[Saved]) -> str:
    """A route in the paper's names of the techniques."""
    names = every_errors[0]["modalities"]
    return route.replace(names["scattering"], "saxs").replace(names["micrograph"], "sem")


def _default_runs(every_errors: Sequence[Saved]) -> list[Saved]:
    """Runs of the default protocol."""
    return [errors for errors in every_errors if errors["run"]["protocol"] == "two_phase"]


def _size(errors: Saved) -> int:
    """Number of training pairs of a run."""
    return sum(sample["subset"] == "train" for sample in errors["samples"])
