"""One held-out sample of each morphology, reconstructed: Fig. 3, 4, S4 and S5, from saved results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pairvae_lib.figures.curves import draw_curves, lineal_path_curves
from pairvae_lib.figures.drawing import SCALED_LIMITS, draw_image, image_grid, profile_axis
from pairvae_lib.figures.saved import array, techniques, words
from pairvae_lib.figures.style import WIDTH, display_name, legend_above, route_colours, styled
from pairvae_lib.morphology.masks import lineal_path, two_point_correlation

Saved = Mapping[str, Any]
PROFILE_HEIGHT = 1.6  # inch, of the panels of 1-D profiles


def fig_3a(curves: Saved) -> Figure:
    """Fig. 3A: solo reconstructions of one held-out sample of each morphology.

    Parameters
    ----------
    curves : mapping of str to ndarray
        The saved `curves.npz`: "example labels" (m,), "example true <S>" (m, *shape of S),
        "example true <M>" and "example <route>" (m, side, side).

    Returns
    -------
    matplotlib Figure
        Columns: morphologies. Rows: true scattering and its reconstruction, true micrograph and its reconstruction;
        1-D profiles share one row of panels.

    Notes
    -----
    Source: paper, Fig. 3A, turned by 90 degrees.
    """
    s, m = techniques(curves)
    return _examples(curves, [f"solo {s}_to_{s}"], [f"solo {m}_to_{m}"])


def fig_3b(curves: Saved) -> Figure:
    """Fig. 3B: S2(r) and vertical L(z) [dimensionless, against px] of the micrographs of `fig_3a`; parameters as there.

    Notes
    -----
    Source: paper, Fig. 3B.
    """
    _, m = techniques(curves)
    return _morphology(curves, [f"solo {m}_to_{m}"])


def fig_4a(curves: Saved) -> Figure:
    """Fig. 4A: the four pair reconstructions of the samples of `fig_3a`; parameters as there.

    Notes
    -----
    Source: paper, Fig. 4A, turned by 90 degrees.
    """
    s, m = techniques(curves)
    return _examples(curves, [f"{s}_to_{s}", f"{m}_to_{s}"], [f"{m}_to_{m}", f"{s}_to_{m}"])


def fig_4b(curves: Saved) -> Figure:
    """Fig. 4B: S2(r) and vertical L(z) [dimensionless, against px] of the micrographs of `fig_4a`; parameters as there.

    Notes
    -----
    Source: paper, Fig. 4B.
    """
    s, m = techniques(curves)
    return _morphology(curves, [f"{m}_to_{m}", f"{s}_to_{m}"])


def fig_s4(curves: Saved) -> Figure:
    """Fig. S4: horizontal lineal paths of the micrographs of `fig_3a`; parameters as there.

    Notes
    -----
    Source: paper, text on Fig. 3B (the Supporting Information is not public).
    """
    _, m = techniques(curves)
    return _horizontal(curves, [f"solo {m}_to_{m}"])


def fig_s5(curves: Saved) -> Figure:
    """Fig. S5: horizontal lineal paths of the micrographs of `fig_4a`; parameters as there.

    Notes
    -----
    Source: paper, text on Fig. 4B (the Supporting Information is not public).
    """
    s, m = techniques(curves)
    return _horizontal(curves, [f"{m}_to_{m}", f"{s}_to_{m}"])


def recalled_crops(curves: Saved) -> Figure:
    """Not in the paper: what is drawn from the scattering of training samples, between two true crops of them.

    The upper crop is the one that the sample was trained on in the focused phase.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "training example labels" (m,), and "training example crop", "training example recalled" and
        "training example other crop" (m, side, side).

    Returns
    -------
    matplotlib Figure
        Columns: morphologies.
    """
    s, m = techniques(curves)
    rows = {
        "training\ncrop": "training example crop",
        display_name(f"{s}_to_{m}"): "training example recalled",
        "another\ncrop": "training example other crop",
    }
    labels = words("curves", curves, "training example labels")
    return image_grid([array("curves", curves, key) for key in rows.values()], list(rows), [*map(display_name, labels)])


def _micrographs(curves: Saved, routes: Sequence[str]) -> dict[str, np.ndarray]:
    """True micrographs of the examples and their reconstructions, by series."""
    _, m = techniques(curves)
    true = {"true": array("curves", curves, f"example true {m}")}
    return true | {route: array("curves", curves, f"example {route}") for route in routes}


def _examples(curves: Saved, to_scattering: Sequence[str], to_micrograph: Sequence[str]) -> Figure:
    """True and reconstructed scattering, then true and reconstructed micrographs; one column per morphology."""
    s, _ = techniques(curves)
    labels = words("curves", curves, "example labels")
    scattering = {"true": array("curves", curves, f"example true {s}")}
    scattering |= {route: array("curves", curves, f"example {route}") for route in to_scattering}
    masks = _micrographs(curves, to_micrograph)
    names = {name: _in_lines(name) for name in (*to_scattering, *to_micrograph)}
    micrographs = {names.get(name, "true\nmicrograph"): stack for name, stack in masks.items()}
    if scattering["true"].ndim == 2:
        q = array("curves", curves, "q") if "q" in curves else None
        return _profiles_and_tiles(scattering, micrographs, labels, q)
    patterns = {
        names.get(name, f"true\n{display_name(s)}"): np.clip(stack.astype(float), 0, 1)  # half precision may pass 1
        for name, stack in scattering.items()
    }
    rows = patterns | micrographs
    return image_grid(list(rows.values()), list(rows), list(map(display_name, labels)))


def _in_lines(route: str) -> str:
    """A route as the label of a row, which has little room."""
    shown = display_name(route).replace(" ", "\n", 1)
    return shown if max(map(len, shown.split("\n"))) < 12 else shown.replace("→", "\n→")


@styled
def _profiles_and_tiles(
    profiles: Mapping[str, np.ndarray],
    micrographs: Mapping[str, np.ndarray],
    labels: Sequence[str],
    q: np.ndarray | None,
) -> Figure:
    """One row of profile panels above the rows of micrographs."""
    columns, rows = len(labels), len(micrographs)
    tile = min((WIDTH - 0.3) / columns, 1.8)
    figure, grid = plt.subplots(
        rows + 1,
        columns,
        figsize=(WIDTH, rows * tile + PROFILE_HEIGHT + 0.7),
        height_ratios=[PROFILE_HEIGHT, *[tile] * rows],
        squeeze=False,
        layout="constrained",
    )
    colours = route_colours(profiles)
    for column, label in enumerate(labels):
        top = grid[0, column]
        x = profile_axis(top, len(profiles["true"][column]), q, "1/nm")
        draw_curves(top, x, {name: stack[column] for name, stack in profiles.items()}, colours)
        top.set(title=display_name(label), ylim=SCALED_LIMITS)
        top.tick_params(labelleft=column == 0)
        for axes, stack in zip(grid[1:, column], micrographs.values(), strict=True):
            draw_image(axes, stack[column])
    grid[0, 0].set_ylabel("log intensity")
    for axes, name in zip(grid[1:, 0], micrographs, strict=True):
        axes.set_ylabel(name)
    legend_above(figure, grid[0, 0])
    return figure


@styled
def _morphology(curves: Saved, routes: Sequence[str]) -> Figure:
    """One row per morphology: S2(r) on the left, vertical L(z) on the right."""
    labels = words("curves", curves, "example labels")
    masks = _micrographs(curves, routes)
    colours = route_colours(masks)
    figure, grid = plt.subplots(
        len(labels),
        2,
        figsize=(WIDTH, 1.75 * len(labels) + 0.7),
        sharex="col",
        sharey="col",
        squeeze=False,
        layout="constrained",
    )
    s2 = {name: two_point_correlation(stack) for name, stack in masks.items()}
    paths = {name: lineal_path(stack) for name, stack in masks.items()}
    for column, measured in zip(grid.T, (s2, paths), strict=True):
        for row, axes in enumerate(column):
            draw_curves(axes, measured["true"][0], {name: y[row] for name, (_, y) in measured.items()}, colours)
    for axes, label in zip(grid[:, 0], labels, strict=True):
        axes.set_ylabel(f"{display_name(label)}\n$S_2(r)$")
    for axes in grid[:, 1]:
        axes.set_ylabel("$L(z)$")
    grid[-1, 0].set_xlabel("distance r [px]")
    grid[-1, 1].set_xlabel("vertical segment z [px]")
    legend_above(figure, grid[0, 0])
    return figure


def _horizontal(curves: Saved, routes: Sequence[str]) -> Figure:
    """Horizontal lineal paths of the examples."""
    paths = {name: lineal_path(stack, "horizontal") for name, stack in _micrographs(curves, routes).items()}
    return lineal_path_curves(
        paths["true"][0],
        {name: values for name, (_, values) in paths.items()},
        words("curves", curves, "example labels"),
        "horizontal",
    )
