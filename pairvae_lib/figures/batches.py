"""Errors batch by batch: every batch left out in turn, with the random split below."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pairvae_lib.checks import check_finite
from pairvae_lib.figures.style import (
    FRAME,
    ROUTE_COLOURS,
    WIDTH,
    check_named,
    display_name,
    legend_above,
    route_colours,
    styled,
)

MARKS = ("o", "s", "D", "^", "v", "P", "X")


@styled
def batch_errors(
    medians: Mapping[str, Mapping[str, float]],
    counts: Mapping[str, int],
    random: Mapping[str, float] | None = None,
    quantity: str = "median error",
) -> Figure:
    """One line per batch that was left out, one mark per route or reference; below, set apart, the random split.

    Parameters
    ----------
    medians : mapping of batch to mapping of name to float
        The same names for all batches; those of routes are drawn filled.
    counts : mapping of batch to int
        Held-out samples.
    random : mapping of name to float, optional
        Of a random split, whose held-out samples share batches with the training samples.
    quantity : str
        What the medians are of, with its unit.
    """
    check_named("medians", medians)
    names = list(next(iter(medians.values())))
    lines = {f"{batch}\n(n = {counts[batch]})": dict(values) for batch, values in medians.items()}
    if random is not None:
        lines["random split\n(leaky)"] = dict(random)
    for line, values in lines.items():
        if list(values) != names:
            raise ValueError(f"medians of {line.splitlines()[0]!r} must be of {names}; got {list(values)}")
        check_finite(f"medians of {line.splitlines()[0]!r}", np.array(list(values.values())))
    colours = route_colours(names)
    places = np.arange(len(lines), dtype=float)
    if random is not None:
        places[-1] += 0.4
    figure, axes = plt.subplots(figsize=(WIDTH, 0.45 * len(lines) + 1.3), layout="constrained")
    for k, name in enumerate(names):
        route = colours[name] in ROUTE_COLOURS.values()
        axes.plot(
            [values[name] for values in lines.values()],
            places,
            MARKS[k % len(MARKS)],
            color=colours[name],
            markerfacecolor=colours[name] if route else "white",
            markersize=7,
            label=display_name(name),
        )
    for place in places:
        axes.axhline(place, color=FRAME, linewidth=0.5, alpha=0.5, zorder=0)
    axes.set_yticks(places, list(lines))
    axes.set(xlabel=quantity, ylim=(places[-1] + 0.5, -0.5))
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    legend_above(figure, axes)
    return figure
