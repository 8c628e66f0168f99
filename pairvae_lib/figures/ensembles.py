"""Curves of many micrographs: their mean and deviation (Fig. 5, S6), and generated ensembles (Fig. 7B, S7, S8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairvae_lib.checks import check_one_of, check_positive, check_shape
from pairvae_lib.figures.curves import check_curves
from pairvae_lib.figures.style import (
    INK,
    check_count,
    check_labels,
    check_named,
    darker,
    display_name,
    legend_above,
    name_outer_axes,
    panels,
    route_colours,
    styled,
)


@styled
def mean_correlation(
    r: np.ndarray, stacks: Mapping[str, np.ndarray], unit: str = "px", held_out: np.ndarray | None = None
) -> Figure:
    """Mean and standard deviation of S2 over many micrographs: one panel per route, each against the reference.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    stacks : mapping of name to ndarray of shape (n, R)
        S2 of n >= 2 micrographs per name; n may differ. The first name is the reference ("true").
    unit : str
        Unit of `r`.
    held_out : bool ndarray of shape (n,), optional
        Which micrographs were not trained on; their mean is added as a dashed line.

    Notes
    -----
    Source: paper, Fig. 5, which shows the routes of one training in one panel and no held-out mean.
    """
    return _mean_panels("r", r, stacks, f"distance r [{unit}]", "$S_2(r)$, mean ± sd", held_out)


@styled
def mean_lineal_path(
    z: np.ndarray,
    stacks: Mapping[str, np.ndarray],
    axis: str = "vertical",
    unit: str = "px",
    held_out: np.ndarray | None = None,
) -> Figure:
    """Mean and standard deviation of the lineal path function over many micrographs, as `mean_correlation`.

    Parameters
    ----------
    z : ndarray of shape (Z,) [`unit`]
        Length of the segment.
    stacks, unit, held_out
        As `mean_correlation`.
    axis : "vertical" or "horizontal"
        Direction of the segments.

    Notes
    -----
    Source: paper, Fig. S6.
    """
    check_one_of("axis", axis, ("vertical", "horizontal"))
    return _mean_panels("z", z, stacks, f"{axis} segment z [{unit}]", "$L(z)$, mean ± sd", held_out)


@styled
def ensemble_correlation(
    r: np.ndarray,
    reconstruction: np.ndarray,
    generated: Sequence[np.ndarray] | np.ndarray,
    labels: Sequence[str],
    true: np.ndarray | None = None,
    unit: str = "px",
) -> Figure:
    """S2 of generated micrographs, mean and standard deviation, against the reconstruction they were drawn around.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    reconstruction : ndarray of shape (labels, R)
        S2 of the reconstruction from scattering.
    generated : ndarray of shape (labels, n, R), or a list of (n, R)
        S2 of n >= 2 generated micrographs per label.
    labels : list of str
        Morphologies, one per panel.
    true : ndarray of shape (labels, R), optional
        S2 of the true masks.
    unit : str
        Unit of `r`.

    Notes
    -----
    Source: paper, Fig. 7B; the true curve is added.
    """
    check_labels(labels)
    check_count("generated", generated, labels)
    for row, stack in enumerate(generated):
        check_curves("r", r, f"generated[{row}]", stack, "n")
    means = np.stack([stack.mean(axis=0) for stack in generated])
    deviations = np.stack([stack.std(axis=0) for stack in generated])
    lines = {"reconstruction": reconstruction} | ({} if true is None else {"true": true})
    return ensemble_bands(r, lines, means, deviations, labels, len(generated[0]), unit)


@styled
def ensemble_bands(
    r: np.ndarray,
    lines: Mapping[str, np.ndarray],
    mean: np.ndarray,
    deviation: np.ndarray,
    labels: Sequence[str],
    n: int,
    unit: str = "px",
    notes: Sequence[str] | None = None,
) -> Figure:
    """As `ensemble_correlation`, from the mean and standard deviation of the generated micrographs.

    Parameters
    ----------
    r, labels, unit
        As `ensemble_correlation`.
    lines : mapping of name to ndarray of shape (labels, R)
        S2 to draw the band against: "reconstruction", "true".
    mean, deviation : ndarray of shape (labels, R)
        Mean and standard deviation of S2 over the generated micrographs.
    n : int
        How many were generated of each.
    notes : list of str, one per label, optional
        Written into the panels.

    Notes
    -----
    Source: paper, Fig. 7B, S7 and S8; the true curve is added.
    """
    check_labels(labels)
    for name, stack in {**lines, "mean": mean, "deviation": deviation}.items():
        check_curves("r", r, name, stack, len(labels), least=1)
    if notes is not None:
        check_count("notes", notes, labels)
    colours = route_colours([*lines, "generated"])
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        _draw_band(axes, r, mean[row], deviation[row], colours["generated"], f"generated, mean ± sd (n = {n})")
        for name, stack in lines.items():
            axes.plot(r, stack[row], color=colours[name], label=name, linestyle="--" if name == "true" else "-")
        axes.set_title(display_name(labels[row]))
        if notes is not None:
            axes.text(0.97, 0.95, notes[row], transform=axes.transAxes, ha="right", va="top", fontsize=9)
    name_outer_axes(every, f"distance r [{unit}]", "$S_2(r)$")
    legend_above(figure, every[0])
    return figure


def _mean_panels(
    x_name: str,
    x: np.ndarray,
    stacks: Mapping[str, np.ndarray],
    x_label: str,
    y_label: str,
    held_out: np.ndarray | None,
) -> Figure:
    """One panel per route: its mean and deviation against those of the reference, the first name."""
    check_named("stacks", stacks)
    for name, stack in stacks.items():
        check_curves(x_name, x, f"stacks[{name!r}]", stack, "n")
        if held_out is not None:
            check_shape("held_out", held_out, (len(stack),))
            check_positive("number of held-out micrographs", int(held_out.sum()))
    colours = route_colours(stacks)
    reference, *others = stacks
    figure, every = panels(max(len(others), 1), height=2.6)
    for k, axes in enumerate(every):
        for name in (reference, *others[k : k + 1]):
            mean, deviation = stacks[name].mean(axis=0), stacks[name].std(axis=0)
            _draw_band(axes, x, mean, deviation, colours[name], display_name(name))
            if held_out is not None:
                apart = stacks[name][held_out].mean(axis=0)
                axes.plot(x, apart, color=colours[name], linestyle="--", label=f"{display_name(name)}, held out")
        shown = others[k] if others else reference
        axes.set_title(f"{display_name(shown)} (n = {len(stacks[shown])})", color=darker(colours[shown]))
    name_outer_axes(every, x_label, y_label)
    every[0].annotate(
        f"{display_name(reference)} (n = {len(stacks[reference])})",
        (0.97, 0.94),
        xycoords="axes fraction",
        ha="right",
        va="top",
        color=darker(colours[reference]),
    )
    if held_out is not None:
        handles = [
            Line2D([], [], color=INK, label=f"all {len(held_out)} micrographs"),
            Line2D([], [], color=INK, linestyle="--", label=f"{int(held_out.sum())} held out"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _draw_band(
    axes: Axes, x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, colour: str, label: str
) -> None:
    """Mean line and one standard deviation to either side."""
    axes.fill_between(x, mean - deviation, mean + deviation, color=colour, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=colour, label=label)
