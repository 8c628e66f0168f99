"""Morphology as curves: S2(r) and L(z), one panel per morphology (Fig. 3B, 4B, S4, S5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairvae_lib.checks import check_finite, check_one_of, check_shape
from pairvae_lib.figures.style import (
    check_labels,
    check_named,
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
    curves, labels, unit
        As `correlation_curves`.
    axis : "vertical" or "horizontal"
        Direction of the segments; the grating lines are vertical.

    Notes
    -----
    Source: paper, Fig. 3B and 4B, lower rows; horizontal: Fig. S4 and S5.
    """
    check_one_of("axis", axis, ("vertical", "horizontal"))
    return _curve_panels("z", z, curves, labels, f"{axis} segment z [{unit}]", "$L(z)$")


def _curve_panels(
    name: str, x: np.ndarray, curves: Mapping[str, np.ndarray], labels: Sequence[str], x_label: str, y_label: str
) -> Figure:
    """One panel per label; the true curve first and thicker."""
    check_labels(labels)
    check_named("curves", curves)
    for key, stack in curves.items():
        check_curves(name, x, f"curves[{key!r}]", stack, len(labels), least=1)
    colours = route_colours(curves)
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        draw_curves(axes, x, {key: stack[row] for key, stack in curves.items()}, colours)
        axes.set_title(display_name(labels[row]))
    name_outer_axes(every, x_label, y_label)
    legend_above(figure, every[0])
    return figure


def draw_curves(axes: Axes, x: np.ndarray, curves: Mapping[str, np.ndarray], colours: Mapping[str, str]) -> None:
    """One line per name; the true curve thicker."""
    for name, values in curves.items():
        width = 2.4 if colours[name] == "#000000" else 1.7
        axes.plot(x, values, color=colours[name], linewidth=width, label=display_name(name))


def check_curves(x_name: str, x: np.ndarray, name: str, stack: np.ndarray, count: int | str, least: int = 2) -> None:
    """Raise ValueError unless `stack` is (count, len(x)), finite, and holds at least `least` curves."""
    check_shape(x_name, x, ("points",))
    check_shape(name, stack, (count, len(x)))
    check_finite(name, stack)
    if len(stack) < least:
        raise ValueError(f"{name} must hold at least {least} curves, else there is no spread to show; got {len(stack)}")
