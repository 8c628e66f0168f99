"""Means over all micrographs (Fig. 5A, 5B, S6), and the latents on their principal plane, from saved results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pairvae_lib.checks import check_finite, check_shape
from pairvae_lib.figures.ensembles import mean_correlation, mean_lineal_path
from pairvae_lib.figures.saved import array, techniques, words
from pairvae_lib.figures.style import INK, WIDTH, display_name, morphology_handles, morphology_marks, styled

Saved = Mapping[str, Any]


def fig_5a(curves: Saved) -> Figure:
    """Fig. 5A: mean and standard deviation of S2 over all micrographs, true and solo reconstruction.

    Parameters
    ----------
    curves : mapping of str to ndarray
        The saved `curves.npz`: "r" (R,) [px], "S2 <series>" (n, R), "subsets" (n,).

    Returns
    -------
    matplotlib Figure
        Band: all images, as in the paper. Dashed: mean of the held-out images.

    Notes
    -----
    Source: paper, Fig. 5A; the held-out mean is added.
    """
    _, m = techniques(curves)
    return _mean_s2(curves, [f"solo {m}_to_{m}"])


def fig_5b(curves: Saved) -> Figure:
    """Fig. 5B: as `fig_5a`, of the two pair reconstructions.

    Notes
    -----
    Source: paper, Fig. 5B; the held-out mean is added.
    """
    s, m = techniques(curves)
    return _mean_s2(curves, [f"{m}_to_{m}", f"{s}_to_{m}"])


def fig_s6(curves: Saved, axis: str = "vertical") -> Figure:
    """Fig. S6: mean and standard deviation of the lineal path function, solo and pair.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "z" (Z,) [px], "L vertical <series>", "L horizontal <series>" (n, Z), "subsets" (n,).
    axis : "vertical" or "horizontal"
        Direction of the segments.

    Notes
    -----
    Source: paper, text on Fig. 5 (the Supporting Information is not public); the held-out mean is added.
    """
    s, m = techniques(curves)
    names = ("true", f"solo {m}_to_{m}", f"{m}_to_{m}", f"{s}_to_{m}")
    stacks = {name: array("curves", curves, f"L {axis} {name}") for name in names}
    return mean_lineal_path(array("curves", curves, "z"), stacks, axis, held_out=_held_out(curves))


@styled
def latent_map(curves: Saved, latents: Mapping[str, Mapping[str, float]] | None = None) -> Figure:
    """Latents of both techniques after solo and after pair training, each on its own principal plane.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "latents <solo|pair> <technique>" (n, 2): leading principal components of the posterior means;
        "morphologies", "subsets" (n,).
    latents : mapping, optional
        "latents" of the saved `errors.json`: per "<solo|pair> <technique>" the share of the variance between the
        morphologies ("between_classes") and the "effective_dimension"; written above the panels.

    Returns
    -------
    matplotlib Figure
        Filled: training samples; hollow: held-out ones.

    Notes
    -----
    Source: not in the paper, which says that solo scattering latents are the more clustered ones, that pair training
    loosens them and draws those of the micrographs together, and shows no latents.
    """
    labels = words("curves", curves, "morphologies")
    held_out = _held_out(curves)
    marks = morphology_marks(sorted(labels))
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 6.3), layout="constrained")
    for row, technique in zip(grid, techniques(curves), strict=True):
        for axes, stage in zip(row, ("solo", "pair"), strict=True):
            name = f"{stage} {technique}"
            points = array("curves", curves, f"latents {name}").astype(float)
            check_shape(f"latents {name}", points, (len(labels), 2))
            check_finite(f"latents {name}", points)
            for label, (colour, marker) in marks.items():
                for apart in (False, True):
                    chosen = points[(np.array(labels) == label) & (held_out == apart)]
                    face = "white" if apart else colour
                    axes.scatter(*chosen.T, s=26, marker=marker, color=face, edgecolors=colour, linewidths=1.2)
            axes.set_title("\n".join([display_name(name), *_described(name, latents)]), fontsize=9.5)
    for axes in grid[:, 0]:
        axes.set_ylabel("principal component 2")
    for axes in grid[1]:
        axes.set_xlabel("principal component 1")
    handles = morphology_handles(marks)
    handles += [
        Line2D([], [], linestyle="", marker="o", color=INK, markerfacecolor=face, label=name)
        for name, face in (("train", INK), ("held out", "white"))
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handletextpad=0.2)
    return figure


def _mean_s2(curves: Saved, routes: Sequence[str]) -> Figure:
    """Mean S2 of the true masks and of some routes."""
    stacks = {name: array("curves", curves, f"S2 {name}") for name in ("true", *routes)}
    return mean_correlation(array("curves", curves, "r"), stacks, held_out=_held_out(curves))


def _held_out(curves: Saved) -> np.ndarray:
    """Which images are held out."""
    return np.array(words("curves", curves, "subsets")) == "held out"


def _described(name: str, latents: Mapping[str, Mapping[str, float]] | None) -> list[str]:
    """Two lines on how clustered a latent space is."""
    if not latents or name not in latents:
        return []
    found = latents[name]
    return [f"{found['between_classes']:.0%} between classes", f"{found['effective_dimension']:.1f} dimensions"]
