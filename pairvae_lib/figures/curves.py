"""S2(r) and L(z): of one mask, per morphology (Fig. 3B, 4B, S4, S5), means (5, S6), ensembles (7B, S7, S8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairvae_lib.checks import check_finite, check_one_of, check_positive, check_shape
from pairvae_lib.figures.drawing import draw_image
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_count,
    check_labels,
    check_named,
    darker,
    display_name,
    name_outer_axes,
    name_panels,
    panels,
    route_colours,
    styled,
)
from pairvae_lib.morphology.masks import domain_period, two_point_correlation

Curves = Mapping[str, np.ndarray]  # by name, (labels, points) or (n, points)
PERIODS_SHOWN = 5  # of S2(r) of one mask


@styled
def marked_correlation(mask: np.ndarray) -> Figure:
    """One mask beside its S2(r), in which the fraction of bright pixels, the period and the far level are marked.

    Source: not in the paper, which defines S2 in its text.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
        A bar below it is as long as its period. A mask without a period has neither bar nor mark.
    """
    r, s2 = two_point_correlation(mask)
    period = float(domain_period(r, s2))
    defined = np.isfinite(period)
    shown = r <= PERIODS_SHOWN * period if defined else r >= 0
    fraction = s2[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9), width_ratios=(1, 1.6), layout="constrained")
    draw_image(left, mask)
    left.set_title("mask")
    right.plot(r[shown], s2[shown], color=INK)
    right.axhline(fraction**2, color=FRAME, linestyle="--", linewidth=1.2)
    right.set(xlabel="distance r [px]", ylabel="$S_2(r)$", ylim=(0, 1.15 * fraction))
    look = {"textcoords": "axes fraction", "fontsize": 9, "arrowprops": {"arrowstyle": "-", "color": FRAME}}
    marks = [(0.0, fraction, f"share of bright pixels: {fraction:.2f}", (0.22, 0.93))]
    if defined:
        left.set_xlabel(f"period: {period:.1f} px", labelpad=12)
        left.plot([0, period], [1.05 * len(mask)] * 2, color=INK, linewidth=3, clip_on=False, label="period")
        left.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(len(mask) - 0.5, -0.5))
        lowest = int(s2[r <= period].argmin())
        marks += [(r[lowest], s2[lowest], "first minimum", (0.3, 0.08))]
        marks += [(period, float(np.interp(period, r, s2)), f"first maximum: period {period:.1f} px", (0.3, 0.74))]
    for x, y, text, place in marks:
        right.plot(x, y, "o", color=INK, markersize=5, clip_on=False)
        right.annotate(text, (x, y), place, **look)
    far = (r[shown][-1], fraction**2)
    right.annotate(f"far away: {fraction:.2f}² = {fraction**2:.2f}", far, (0.5, 0.56), **look)
    return figure


@styled
def correlation_curves(r: np.ndarray, curves: Curves, labels: Sequence[str], unit: str = "px") -> Figure:
    """Two-point correlation S2(r), one panel per morphology, one line per name.

    Source: paper, Fig. 3B and 4B, upper rows.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    curves : mapping of name to ndarray of shape (labels, R)
        S2 of the true masks ("true") and of each route.
    labels : list of str
        Morphologies, one per panel.
    """
    return _curve_panels("r", r, curves, labels, f"distance r [{unit}]", "$S_2(r)$")


@styled
def lineal_path_curves(
    z: np.ndarray, curves: Curves, labels: Sequence[str], axis: str = "vertical", unit: str = "px"
) -> Figure:
    """Lineal path function L(z), one panel per morphology, one line per name.

    Source: paper, Fig. 3B and 4B, lower rows; horizontal: Fig. S4 and S5.

    Parameters
    ----------
    z : ndarray of shape (Z,) [`unit`]
        Length of the segment.
    curves, labels
        As `correlation_curves`.
    axis : "vertical" or "horizontal"
        Direction of the segments; the grating lines are vertical.
    """
    check_one_of("axis", axis, ("vertical", "horizontal"))
    return _curve_panels("z", z, curves, labels, f"{axis} segment z [{unit}]", "$L(z)$")


@styled
def mean_correlation(
    r: np.ndarray, stacks: Curves, unit: str = "px", held_out: np.ndarray | None = None
) -> Figure:
    """Mean and standard deviation of S2 over many micrographs: one panel per route, each against the reference.

    Source: paper, Fig. 5, which shows the routes of one training in one panel and no held-out mean.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    stacks : mapping of name to ndarray of shape (n, R)
        S2 of n >= 2 micrographs per name; n may differ. The first name is the reference ("true").
    held_out : bool ndarray of shape (n,), optional
        Which micrographs were not trained on; their mean is added as a dashed line.
    """
    return _mean_panels("r", r, stacks, f"distance r [{unit}]", "$S_2(r)$, mean ± sd", held_out)


@styled
def mean_lineal_path(
    z: np.ndarray, stacks: Curves, axis: str = "vertical", unit: str = "px", held_out: np.ndarray | None = None
) -> Figure:
    """Mean and standard deviation of the lineal path function over many micrographs (paper, Fig. S6).

    The parameters are those of `lineal_path_curves` and `mean_correlation`.
    """
    check_one_of("axis", axis, ("vertical", "horizontal"))
    return _mean_panels("z", z, stacks, f"{axis} segment z [{unit}]", "$L(z)$, mean ± sd", held_out)


@styled
def ensemble_correlation(
    r: np.ndarray, reconstruction: np.ndarray, generated: Sequence[np.ndarray] | np.ndarray, labels: Sequence[str],
    true: np.ndarray | None = None, unit: str = "px",
) -> Figure:
    """S2 of generated micrographs, mean and standard deviation, against the reconstruction they were drawn around.

    Source: paper, Fig. 7B; the true curve is added.

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
    r: np.ndarray, lines: Curves, mean: np.ndarray, deviation: np.ndarray, labels: Sequence[str], n: int,
    unit: str = "px", notes: Sequence[str] | None = None,
) -> Figure:
    """As `ensemble_correlation`, from the mean and standard deviation of the generated micrographs.

    Source: paper, Fig. 7B, S7 and S8; the true curve is added.

    Parameters
    ----------
    r, labels
        As `ensemble_correlation`.
    lines : mapping of name to ndarray of shape (labels, R)
        S2 to draw the band against: "reconstruction", "true".
    mean, deviation : ndarray of shape (labels, R)
        Mean and standard deviation of S2 over the generated micrographs.
    n : int
        How many were generated of each.
    notes : list of str, one per label, optional
        Written into the panels.
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
        if notes is not None:
            axes.text(0.97, 0.95, notes[row], transform=axes.transAxes, ha="right", va="top", fontsize=9)
    name_panels(figure, every, labels, f"distance r [{unit}]", "$S_2(r)$")
    return figure


def draw_curves(axes: Axes, x: np.ndarray, curves: Curves, colours: Mapping[str, str]) -> None:
    """One line per name; the true curve thicker."""
    for name, values in curves.items():
        width = 2.4 if colours[name] == "#000000" else 1.7
        axes.plot(x, values, color=colours[name], linewidth=width, label=display_name(name))


def _curve_panels(
    name: str, x: np.ndarray, curves: Curves, labels: Sequence[str], x_label: str, y_label: str
) -> Figure:
    """One panel per label; the true curve thicker."""
    check_labels(labels)
    check_named("curves", curves)
    for key, stack in curves.items():
        check_curves(name, x, f"curves[{key!r}]", stack, len(labels), least=1)
    colours = route_colours(curves)
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        draw_curves(axes, x, {key: stack[row] for key, stack in curves.items()}, colours)
    name_panels(figure, every, labels, x_label, y_label)
    return figure


def _mean_panels(
    x_name: str, x: np.ndarray, stacks: Curves, x_label: str, y_label: str, held_out: np.ndarray | None
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
    text, colour = f"{display_name(reference)} (n = {len(stacks[reference])})", darker(colours[reference])
    every[0].annotate(text, (0.97, 0.94), xycoords="axes fraction", ha="right", va="top", color=colour)
    if held_out is not None:
        handles = [
            Line2D([], [], color=INK, label=f"all {len(held_out)} micrographs"),
            Line2D([], [], color=INK, linestyle="--", label=f"{int(held_out.sum())} held out"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _draw_band(axes: Axes, x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, colour: str, label: str) -> None:
    """Mean line and one standard deviation to either side."""
    axes.fill_between(x, mean - deviation, mean + deviation, color=colour, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=colour, label=label)


def check_curves(x_name: str, x: np.ndarray, name: str, stack: np.ndarray, count: int | str, least: int = 2) -> None:
    """Raise ValueError unless `stack` is (count, len(x)), finite, and holds at least `least` curves."""
    check_shape(x_name, x, ("points",))
    check_shape(name, stack, (count, len(x)))
    check_finite(name, stack)
    if len(stack) < least:
        raise ValueError(f"{name} must hold at least {least} curves, else there is no spread to show; got {len(stack)}")
