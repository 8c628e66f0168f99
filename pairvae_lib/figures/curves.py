"""Morphology as curves: S2(r) and L(z) per morphology (Fig. 3B, 4B), their means (Fig. 5), and ensembles (Fig. 7B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairvae_lib.checks import check_finite, check_one_of, check_shape
from pairvae_lib.figures.style import (
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
def correlation_curves(
    r: np.ndarray, curves: Mapping[str, np.ndarray], labels: Sequence[str], unit: str = "px"
) -> Figure:
    """Two-point correlation S2(r), one panel per morphology, one line per name.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    curves : mapping of name to ndarray of shape (labels, R)
        S2 of the true masks ("true") and of each route.
    labels : list of str
        Morphologies, one per panel.
    unit : str
        Unit of `r`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If shapes do not fit or values are not finite.

    Notes
    -----
    Source: paper, Fig. 3B and 4B, upper rows.
    """
    return _curve_panels("r", r, curves, labels, f"distance r [{unit}]", "$S_2(r)$")


@styled
def lineal_path_curves(
    z: np.ndarray,
    curves: Mapping[str, np.ndarray],
    labels: Sequence[str],
    axis: str = "vertical",
    unit: str = "px",
) -> Figure:
    """Lineal path function L(z), one panel per morphology, one line per name.

    Parameters
    ----------
    z : ndarray of shape (Z,) [`unit`]
        Length of the segment.
    curves : mapping of name to ndarray of shape (labels, Z)
        L of the true masks ("true") and of each route.
    labels : list of str
        Morphologies, one per panel.
    axis : "vertical" or "horizontal"
        Direction of the segments; the grating lines are vertical.
    unit : str
        Unit of `z`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, or there is no such axis.

    Notes
    -----
    Source: paper, Fig. 3B and 4B, lower rows; horizontal: Fig. S4 and S5.
    """
    check_one_of("axis", axis, ("vertical", "horizontal"))
    return _curve_panels("z", z, curves, labels, f"{axis} segment z [{unit}]", "$L(z)$")


@styled
def mean_correlation(r: np.ndarray, stacks: Mapping[str, np.ndarray], unit: str = "px") -> Figure:
    """Mean and standard deviation of S2 over many micrographs: one panel per route, each against the reference.

    Parameters
    ----------
    r : ndarray of shape (R,) [`unit`]
        Distance.
    stacks : mapping of name to ndarray of shape (n, R)
        S2 of n >= 2 micrographs per name; n may differ. The first name is the reference ("true").
    unit : str
        Unit of `r`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, or a stack holds fewer than two curves.

    Notes
    -----
    Source: paper, Fig. 5, which shows the routes of one training in one panel.
    """
    check_named("stacks", stacks)
    for name, stack in stacks.items():
        _check_curves("r", r, f"stacks[{name!r}]", stack, "n")
    colours = route_colours(stacks)
    reference, *others = stacks
    figure, every = panels(max(len(others), 1), height=2.6)
    for k, axes in enumerate(every):
        for name in (reference, *others[k : k + 1]):
            _draw_band(axes, r, stacks[name], colours[name], display_name(name))
        shown = others[k] if others else reference
        axes.set_title(f"{display_name(shown)} (n = {len(stacks[shown])})", color=darker(colours[shown]))
    name_outer_axes(every, f"distance r [{unit}]", "$S_2(r)$, mean ± sd")
    every[0].annotate(
        f"{display_name(reference)} (n = {len(stacks[reference])})",
        (0.97, 0.94),
        xycoords="axes fraction",
        ha="right",
        va="top",
        color=darker(colours[reference]),
    )
    return figure


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

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, or there are fewer than two generated curves.

    Notes
    -----
    Source: paper, Fig. 7B; the true curve is added.
    """
    check_labels(labels)
    lines = {"reconstruction": reconstruction} | ({} if true is None else {"true": true})
    for name, stack in lines.items():
        _check_curves("r", r, name, stack, len(labels), least=1)
    check_count("generated", generated, labels)
    colours = route_colours([*lines, "generated"])
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        _check_curves("r", r, f"generated[{row}]", generated[row], "n")
        label = f"generated, mean ± sd (n = {len(generated[row])})"
        _draw_band(axes, r, generated[row], colours["generated"], label)
        for name, stack in lines.items():
            axes.plot(r, stack[row], color=colours[name], label=name, linestyle="--" if name == "true" else "-")
        axes.set_title(display_name(labels[row]))
    name_outer_axes(every, f"distance r [{unit}]", "$S_2(r)$")
    legend_above(figure, every[0])
    return figure


def _curve_panels(
    name: str, x: np.ndarray, curves: Mapping[str, np.ndarray], labels: Sequence[str], x_label: str, y_label: str
) -> Figure:
    """One panel per label; the true curve first and thicker."""
    check_labels(labels)
    check_named("curves", curves)
    for key, stack in curves.items():
        _check_curves(name, x, f"curves[{key!r}]", stack, len(labels), least=1)
    colours = route_colours(curves)
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        for key, stack in curves.items():
            width = 2.4 if colours[key] == "#000000" else 1.7
            axes.plot(x, stack[row], color=colours[key], linewidth=width, label=display_name(key))
        axes.set_title(display_name(labels[row]))
    name_outer_axes(every, x_label, y_label)
    legend_above(figure, every[0])
    return figure


def _draw_band(axes: Axes, r: np.ndarray, stack: np.ndarray, colour: str, label: str) -> None:
    """Mean line and one standard deviation to either side."""
    mean, deviation = stack.mean(axis=0), stack.std(axis=0)
    axes.fill_between(r, mean - deviation, mean + deviation, color=colour, alpha=0.2, linewidth=0)
    axes.plot(r, mean, color=colour, label=label)


def _check_curves(x_name: str, x: np.ndarray, name: str, stack: np.ndarray, count: int | str, least: int = 2) -> None:
    """Raise ValueError unless `stack` is (count, len(x)), finite, and holds at least `least` curves."""
    check_shape(x_name, x, ("points",))
    check_shape(name, stack, (count, len(x)))
    check_finite(name, stack)
    if len(stack) < least:
        raise ValueError(f"{name} must hold at least {least} curves, else there is no spread to show; got {len(stack)}")
