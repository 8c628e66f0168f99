"""Thresholds against the ground truth: masks side by side, and scores against illumination (Fig. S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairvae_lib.checks import check_finite, check_mask, check_one_of, check_shape
from pairvae_lib.figures.drawing import Images, draw_image, tiles
from pairvae_lib.figures.style import (
    SPARE_COLOURS,
    check_count,
    check_labels,
    check_named,
    darker,
    display_name,
    name_outer_axes,
    panels,
    styled,
)
from pairvae_lib.morphology.masks import dice

# Okabe and Ito's palette; local thresholds are drawn through, global ones dashed.
METHOD_LINES = {
    "adaptive mean": ("#0072B2", "-"),
    "adaptive Gaussian": ("#56B4E9", "-"),
    "Niblack": ("#009E73", "-"),
    "Sauvola": ("#CC79A7", "-"),
    "Otsu": ("#D55E00", "--"),
    "Li": ("#E69F00", "--"),
    "global mean": ("#777777", "--"),
}
SCORE_NAMES = {
    "dice": "Dice coefficient [0–1]",
    "iou": "intersection over union [0–1]",
    "domains_kept": "domains kept [share]",
    "domains_ratio": "domains per true one [ratio]",
    "fraction_bias": "bias of fraction [share]",
}
LABEL_DISTANCE = 0.085  # of the height of a panel, between the names of two lines


@styled
def threshold_examples(
    micrographs: Images,
    results: Mapping[str, Images],
    labels: Sequence[str],
    truth: Images | None = None,
    nm_per_pixel: float | None = None,
) -> Figure:
    """One row per morphology: the micrograph, the true mask if there is one, and the mask of every method.

    Parameters
    ----------
    micrographs : ndarrays of shape (height, width)
        One grey micrograph (uint8) per label.
    results : mapping of method name to masks
        Per method one bool mask per label, of the micrograph's shape.
    labels : list of str
        Morphologies, one per row.
    truth : ndarrays of shape (height, width), optional
        Ground-truth masks; with them every mask names its Dice coefficient.
    nm_per_pixel : float, optional [nm]
        Pixel size of the micrographs; without it the scale bar is in pixels.

    Notes
    -----
    Source: paper, Fig. S2, without the Dice coefficients (experiments have no ground truth).
    """
    check_labels(labels)
    check_named("results", results)
    check_count("micrographs", micrographs, labels)
    columns: dict[str, Images] = ({} if truth is None else {"truth": truth}) | dict(results)
    for name, masks in columns.items():
        check_count(name, masks, labels)
        for row, mask in enumerate(masks):
            check_mask(f"{name}[{row}]", mask)
            check_shape(f"{name}[{row}]", mask, tuple(np.shape(micrographs[row])))

    figure, grid = tiles(len(labels), 1 + len(columns), extra_height=0.12 * len(labels) + 0.1)
    for row, label in enumerate(labels):
        draw_image(grid[row, 0], micrographs[row], nm_per_pixel, scale_bar=row == 0)
        grid[row, 0].set_ylabel(display_name(label).replace(" ", "\n"))
        for axes, (name, masks) in zip(grid[row, 1:], columns.items(), strict=True):
            draw_image(axes, masks[row])
            if truth is not None and name != "truth":
                axes.set_xlabel(f"Dice {float(dice(masks[row], truth[row])):.2f}", fontsize=9, labelpad=2)
    for axes, name in zip(grid[0], ("micrograph", *columns), strict=True):
        axes.set_title(name.replace(" ", "\n"), fontsize=9)
    return figure


@styled
def threshold_scores(rows: Sequence[Mapping[str, Any]], score: str = "dice") -> Figure:
    """Median of a score against the unevenness of the light: a panel per morphology, a line per method.

    Parameters
    ----------
    rows : list of mapping
        Of `thresholds.threshold_study`.
    score : str
        One of "dice", "iou", "domains_kept", "domains_ratio", "fraction_bias".

    Notes
    -----
    Source: not in the paper, whose Fig. S2 shows masks; experiments have no ground truth.
    """
    check_named("rows", rows)
    check_one_of("score", score, tuple(SCORE_NAMES))
    table = pd.DataFrame(rows)
    check_finite(score, table[score].to_numpy(dtype=float))
    medians = table.groupby(["morphology", "method", "illumination"])[score].median()
    labels = list(table["morphology"].unique())
    spare = iter(SPARE_COLOURS * 4)
    lines = {name: METHOD_LINES.get(name) or (next(spare), "-") for name in table["method"].unique()}
    figure, every = panels(len(labels), height=2.7)
    ends: list[dict[str, tuple[float, float]]] = []
    for axes, label in zip(every, labels, strict=True):
        ends.append({})
        for method, (colour, dashes) in lines.items():
            own = medians[label, method]
            axes.plot(own.index, own, dashes, color=colour, marker="o", markersize=3.5, label=method)
            ends[-1][method] = (own.index[-1], own.iloc[-1])
        axes.set_title(display_name(label))
        axes.set_xticks(sorted(table["illumination"].unique()))
    name_outer_axes(every, "shading [× as simulated]", SCORE_NAMES[score])
    for axes, last in zip(every, ends, strict=True):
        _label_ends(axes, last, {method: colour for method, (colour, _) in lines.items()})
    return figure


def _label_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str]) -> None:
    """Name each line at its right end; names that would meet are pushed apart, a thin line leads to each."""
    low, high = axes.get_ylim()
    order = sorted(ends, key=lambda name: ends[name][1])
    wanted = np.array([(ends[name][1] - low) / (high - low) for name in order])
    steps = LABEL_DISTANCE * np.arange(len(order))
    pushed_up = np.maximum.accumulate(wanted - steps) + steps
    pushed_down = np.minimum.accumulate((wanted - steps)[::-1])[::-1] + steps
    places = (pushed_up + pushed_down) / 2
    places = np.minimum(places, 1 - steps[::-1])  # none above the panel
    for name, place in zip(order, places, strict=True):
        axes.annotate(
            name,
            ends[name],
            xytext=(1.12, place),
            textcoords="axes fraction",
            color=darker(colours[name]),
            va="center",
            fontsize=8.5,
            arrowprops={"arrowstyle": "-", "color": colours[name], "linewidth": 0.7, "shrinkA": 0, "relpos": (0, 0.5)},
        )
