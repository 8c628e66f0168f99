"""From saved results: examples (Fig. 3, 4, S4, S5), means over all micrographs (5, S6) and ensembles (7, S7, S8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.curves import (
    Curves,
    draw_curves,
    ensemble_bands,
    lineal_path_curves,
    mean_correlation,
    mean_lineal_path,
)
from pairvae_lib.figures.drawing import SCALED_LIMITS, draw_image, image_grid, profile_axis
from pairvae_lib.figures.images import generated_ensemble
from pairvae_lib.figures.saved import array, entry, in_class_order, techniques, words
from pairvae_lib.figures.style import WIDTH, display_name, legend_above, route_colours, styled
from pairvae_lib.morphology.masks import lineal_path, two_point_correlation

Saved = Mapping[str, Any]
PROFILE_HEIGHT = 1.6  # inch, of the panels of 1-D profiles


def fig_3a(curves: Saved) -> Figure:
    """Fig. 3A, turned by 90 degrees: solo reconstructions of one held-out sample of each morphology.

    Columns: morphologies. Rows: true scattering and its reconstruction, true micrograph and its reconstruction;
    1-D profiles share one row of panels.

    Parameters
    ----------
    curves : mapping of str to ndarray
        The saved `curves.npz`: "example labels" (m,), "example true <S>" (m, *shape of S),
        "example true <M>" and "example <route>" (m, side, side).
    """
    s, m = techniques(curves)
    return _examples(curves, [f"solo {s}_to_{s}"], [f"solo {m}_to_{m}"])


def fig_3b(curves: Saved) -> Figure:
    """Fig. 3B: S2(r) and vertical L(z) [dimensionless, against px] of the micrographs of `fig_3a`."""
    return _morphology(curves, _solo(curves))


def fig_4a(curves: Saved) -> Figure:
    """Fig. 4A, turned by 90 degrees: the four pair reconstructions of the samples of `fig_3a`."""
    s, m = techniques(curves)
    return _examples(curves, [f"{s}_to_{s}", f"{m}_to_{s}"], _pair(curves))


def fig_4b(curves: Saved) -> Figure:
    """Fig. 4B: S2(r) and vertical L(z) [dimensionless, against px] of the micrographs of `fig_4a`."""
    return _morphology(curves, _pair(curves))


def fig_s4(curves: Saved) -> Figure:
    """Fig. S4: horizontal L(z) of the micrographs of `fig_3a`, after the text on Fig. 3B (the SI is not public)."""
    return _horizontal(curves, _solo(curves))


def fig_s5(curves: Saved) -> Figure:
    """Fig. S5: horizontal L(z) of the micrographs of `fig_4a`, after the text on Fig. 4B (the SI is not public)."""
    return _horizontal(curves, _pair(curves))


def recalled_crops(curves: Saved) -> Figure:
    """Not in the paper: what is drawn from the scattering of training samples, between two true crops of them.

    The upper crop is the one that the sample was trained on in the focused phase. Columns are morphologies.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "training example labels" (m,), and "training example crop", "training example recalled" and
        "training example other crop" (m, side, side).
    """
    s, m = techniques(curves)
    curves = in_class_order("curves", curves, "training example labels", "training example ")
    names = {"training\ncrop": "crop", display_name(f"{s}_to_{m}"): "recalled", "another\ncrop": "other crop"}
    rows = [array("curves", curves, f"training example {key}") for key in names.values()]
    return image_grid(rows, list(names), [*map(display_name, words("curves", curves, "training example labels"))])


def fig_5a(curves: Saved) -> Figure:
    """Fig. 5A: mean and standard deviation of S2 over all micrographs, true and solo reconstruction.

    Band: all images, as in the paper. Dashed: mean of the held-out images, which is added.

    Parameters
    ----------
    curves : mapping of str to ndarray
        The saved `curves.npz`: "r" (R,) [px], "S2 <series>" (n, R), "subsets" (n,).
    """
    return mean_correlation(array("curves", curves, "r"), **_stacks(curves, "S2", _solo(curves)))


def fig_5b(curves: Saved) -> Figure:
    """Fig. 5B: as `fig_5a`, of the two pair reconstructions."""
    return mean_correlation(array("curves", curves, "r"), **_stacks(curves, "S2", _pair(curves)))


def fig_s6(curves: Saved, axis: str = "vertical") -> Figure:
    """Fig. S6: mean and standard deviation of the lineal path function, solo and pair.

    Source: paper, text on Fig. 5 (the Supporting Information is not public); the held-out mean is added.

    Parameters
    ----------
    curves : mapping of str to ndarray
        "z" (Z,) [px], "L vertical <series>", "L horizontal <series>" (n, Z), "subsets" (n,).
    axis : "vertical" or "horizontal"
        Direction of the segments.
    """
    routes = [*_solo(curves), *_pair(curves)]
    return mean_lineal_path(array("curves", curves, "z"), axis=axis, **_stacks(curves, f"L {axis}", routes))


def fig_7a(generation: Saved) -> Figure:
    """Fig. 7A: the reconstruction from scattering, and five micrographs drawn around its latent.

    Parameters
    ----------
    generation : mapping of str to ndarray
        The saved `generation.npz`: "labels" (m,), "variances" (in units of that of the latents), "reconstruction"
        (m, side, side), and for each variance v "drawn v" (m, 5, side, side).
    """
    return _drawn(generation, "1", "A")


def fig_7b(generation: Saved) -> Figure:
    """Fig. 7B: S2 of the drawn micrographs, mean and standard deviation, against the reconstruction and the truth.

    Source: paper, Fig. 7B; the true curve is added, and the mean distance of the draws from the reconstruction.

    Parameters
    ----------
    generation : mapping of str to ndarray
        "labels" (m,), "r" (R,) [px], "S2 true", "S2 reconstruction" (m, R), and for each variance v "S2 mean v",
        "S2 sd v" (m, R), "distance v" (m, n): mean |S2 drawn - S2 reconstruction| of each of n draws.
    """
    return _drawn(generation, "1", "B")


def fig_s7(generation: Saved, part: str = "A") -> Figure:
    """Fig. S7: as Fig. 7 ("A" `fig_7a`, "B" `fig_7b`) with the smallest saved variance."""
    return _drawn(generation, _outermost(generation, smaller=True), part)


def fig_s8(generation: Saved, part: str = "A") -> Figure:
    """Fig. S8: as Fig. 7 ("A" `fig_7a`, "B" `fig_7b`) with the largest saved variance."""
    return _drawn(generation, _outermost(generation, smaller=False), part)


def _solo(curves: Saved) -> list[str]:
    """The solo route to micrographs."""
    _, m = techniques(curves)
    return [f"solo {m}_to_{m}"]


def _pair(curves: Saved) -> list[str]:
    """The routes to micrographs after pair training."""
    s, m = techniques(curves)
    return [f"{m}_to_{m}", f"{s}_to_{m}"]


def _ordered(curves: Saved) -> Saved:
    """Curves with their examples in the order of classes."""
    return in_class_order("curves", curves, "example labels", "example ")


def _micrographs(curves: Saved, routes: Sequence[str]) -> dict[str, np.ndarray]:
    """True micrographs of the examples and their reconstructions, by series."""
    _, m = techniques(curves)
    true = {"true": array("curves", curves, f"example true {m}")}
    return true | {route: array("curves", curves, f"example {route}") for route in routes}


def _examples(curves: Saved, to_scattering: Sequence[str], to_micrograph: Sequence[str]) -> Figure:
    """True and reconstructed scattering, then true and reconstructed micrographs; one column per morphology."""
    s, _ = techniques(curves)
    curves = _ordered(curves)
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
def _profiles_and_tiles(profiles: Curves, micrographs: Curves, labels: Sequence[str], q: np.ndarray | None) -> Figure:
    """One row of profile panels above the rows of micrographs."""
    columns, rows = len(labels), len(micrographs)
    tile = min((WIDTH - 0.3) / columns, 1.8)
    size, heights = (WIDTH, rows * tile + PROFILE_HEIGHT + 0.7), [PROFILE_HEIGHT, *[tile] * rows]
    figure, grid = plt.subplots(
        rows + 1, columns, figsize=size, height_ratios=heights, squeeze=False, layout="constrained"
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
    for axes, name in zip(grid[:, 0], ("log intensity", *micrographs), strict=True):
        axes.set_ylabel(name)
    legend_above(figure, grid[0, 0])
    return figure


@styled
def _morphology(curves: Saved, routes: Sequence[str]) -> Figure:
    """One row per morphology: S2(r) on the left, vertical L(z) on the right."""
    curves = _ordered(curves)
    labels = words("curves", curves, "example labels")
    masks = _micrographs(curves, routes)
    colours = route_colours(masks)
    size = (WIDTH, 1.75 * len(labels) + 0.7)
    figure, grid = plt.subplots(
        len(labels), 2, figsize=size, sharex="col", sharey="col", squeeze=False, layout="constrained"
    )
    s2 = {name: two_point_correlation(stack) for name, stack in masks.items()}
    paths = {name: lineal_path(stack) for name, stack in masks.items()}
    for column, measured in zip(grid.T, (s2, paths), strict=True):
        for row, axes in enumerate(column):
            draw_curves(axes, measured["true"][0], {name: y[row] for name, (_, y) in measured.items()}, colours)
    for (left, right), label in zip(grid, labels, strict=True):
        left.set_ylabel(f"{display_name(label)}\n$S_2(r)$")
        right.set_ylabel("$L(z)$")
    grid[-1, 0].set_xlabel("distance r [px]")
    grid[-1, 1].set_xlabel("vertical segment z [px]")
    legend_above(figure, grid[0, 0])
    return figure


def _horizontal(curves: Saved, routes: Sequence[str]) -> Figure:
    """Horizontal lineal paths of the examples."""
    curves = _ordered(curves)
    paths = {name: lineal_path(stack, "horizontal") for name, stack in _micrographs(curves, routes).items()}
    labels = words("curves", curves, "example labels")
    return lineal_path_curves(paths["true"][0], {name: y for name, (_, y) in paths.items()}, labels, "horizontal")


def _stacks(curves: Saved, statistic: str, routes: Sequence[str]) -> dict[str, Any]:
    """Curves of all micrographs, true and by some routes, and which micrographs are held out: what means are of."""
    stacks = {name: array("curves", curves, f"{statistic} {name}") for name in ("true", *routes)}
    return {"stacks": stacks, "held_out": np.array(words("curves", curves, "subsets")) == "held out"}


def _outermost(generation: Saved, smaller: bool) -> str:
    """The saved variance that is farthest from the paper's on one side."""
    variances = array("generation", generation, "variances").astype(float)
    found = float(variances.min() if smaller else variances.max())
    if not (found < 1 if smaller else found > 1):
        wanted = "below" if smaller else "above"
        raise ValueError(f"generation must hold a variance {wanted} 1; got {', '.join(f'{v:g}' for v in variances)}")
    return f"{found:g}"


def _drawn(generation: Saved, variance: str, part: str) -> Figure:
    """What was drawn with a variance: "A" the micrographs; "B" their S2, with the mean distance."""
    check_one_of("part", part, ("A", "B"))
    generation = in_class_order("generation", generation, "labels", others=("variances", "r"))
    labels = words("generation", generation, "labels")
    if part == "A":
        reconstruction = array("generation", generation, "reconstruction")
        return generated_ensemble(reconstruction, entry("generation", generation, f"drawn {variance}"), labels)
    distance = array("generation", generation, f"distance {variance}")
    r, *lines, mean, deviation = (
        array("generation", generation, key)
        for key in ("r", "S2 reconstruction", "S2 true", f"S2 mean {variance}", f"S2 sd {variance}")
    )
    notes = [f"mean distance {value:.3f}" for value in distance.mean(axis=1)]
    named = dict(zip(("reconstruction", "true"), lines, strict=True))
    return ensemble_bands(r, named, mean, deviation, labels, distance.shape[1], notes=notes)
