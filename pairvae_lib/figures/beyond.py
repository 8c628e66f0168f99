"""Pictures of the comparison beyond the paper: masks side by side, and errors with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pairvae_lib.checks import check_mask
from pairvae_lib.figures.drawing import few_plain_ticks, image_grid
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_count,
    check_labels,
    check_named,
    morphology_marks,
    styled,
)

HIGHLIGHT = "#0072B2"  # the route scattering -> micrograph


@styled
def mask_columns(columns: Mapping[str, np.ndarray], labels: Sequence[str], turned: bool = False) -> Figure:
    """Masks in a grid: one row per label, one column per name.

    Parameters
    ----------
    columns : mapping of str to bool ndarray of shape (labels, height, width)
        In the order shown. A name of nothing but blanks continues the column before it.
    labels : list of str
        Morphologies.
    turned : bool
        One row per name and one column per label instead: for many names.
    """
    check_labels(labels)
    check_named("columns", columns)
    for name, masks in columns.items():
        check_count(f"column {name!r}", masks, labels)
        check_mask(f"column {name!r}", np.asarray(masks))
    names = [name.strip() for name in columns]
    down, across = ([name.replace(" ", "\n", 1) for name in side] for side in (names, labels))
    if turned:
        return image_grid(list(columns.values()), down, across, 0.3, fontsize=9)
    return image_grid(list(zip(*columns.values(), strict=True)), across, down, 0.3, fontsize=9)


@styled
def error_intervals(
    errors: Mapping[str, Mapping[str, tuple[float, float, float]]],
    highlighted: Sequence[str] = (),
    reference: str | None = None,
) -> Figure:
    """Mean errors with their intervals: one panel per metric, one line per method.

    Parameters
    ----------
    errors : mapping of metric to mapping of method to (low, estimate, high)
        Every metric with the same methods, or some of them.
    highlighted : sequence of str
        Methods drawn in colour.
    reference : str, optional
        A method whose estimate is drawn as a line through its panel.
    """
    check_named("errors", errors)
    names = list(dict.fromkeys(name for methods in errors.values() for name in methods))
    check_named("methods", names)
    rows = -(-len(errors) // 2)
    figure, grid = plt.subplots(
        rows, 2, figsize=(WIDTH, rows * (0.19 * len(names) + 0.7)), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (metric, methods) in zip(grid.flat, errors.items(), strict=False):
        for place, name in enumerate(names):
            if name not in methods:
                continue
            low, estimate, high = methods[name]
            colour = HIGHLIGHT if name in highlighted else INK
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            axes.plot(estimate, place, "o", color=colour, markersize=4.5)
        if reference in methods:
            axes.axvline(methods[str(reference)][1], color=FRAME, linewidth=0.8, linestyle=":")
        axes.set(title=metric, xscale="log")
        few_plain_ticks(axes.xaxis, (1.0, 3.0))
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
    for axes in list(grid.flat)[len(errors) :]:
        axes.remove()
    return figure


@styled
def scalar_scatter(
    true: np.ndarray, given: Mapping[str, np.ndarray], morphologies: Sequence[str], quantity: str
) -> Figure:
    """A number of each held-out sample against that of the ensembles that answer for it: one panel per method.

    Parameters
    ----------
    true : ndarray of shape (n,)
    given : mapping of method to ndarray of shape (n,)
    morphologies : sequence of str, length n
    quantity : str
        What the number is, with its unit.
    """
    check_named("given", given)
    check_count("true", true, morphologies)
    for name, values in given.items():
        check_count(f"given {name!r}", values, morphologies)
    figure, grid = plt.subplots(
        1, len(given), figsize=(WIDTH, WIDTH / len(given) + 0.9), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )
    labels = np.array(morphologies)
    ends = [min(true.min(), *(v.min() for v in given.values())), max(true.max(), *(v.max() for v in given.values()))]
    for axes, (name, values) in zip(grid.flat, given.items(), strict=True):
        axes.plot(ends, ends, color=FRAME, linewidth=0.8)
        for label, (colour, marker) in morphology_marks(morphologies).items():
            axes.plot(true[labels == label], values[labels == label], marker, color=colour, markersize=4.5, label=label)
        axes.set_title(name)
        axes.set_box_aspect(1)
    figure.supxlabel(f"{quantity}, true", fontsize=10)
    grid[0, 0].set_ylabel("of the answer")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure
