"""Grids of images: pairs (Fig. 1), reconstructions (3A, 4A), generated masks (7A), thresholds (S2), training, films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pairvae_lib.checks import check_finite, check_mask, check_shape
from pairvae_lib.figures.drawing import (
    SCALED_LIMITS,
    Images,
    check_unit_range,
    draw_image,
    draw_scattering,
    image_grid,
    profile_axis,
    scaled_name,
    tiles,
)
from pairvae_lib.figures.style import (
    WIDTH,
    check_count,
    check_labels,
    check_named,
    display_name,
    legend_above,
    name_panels,
    panels,
    route_colours,
    styled,
)
from pairvae_lib.morphology.masks import dice

LETTERS = 11  # of 9 pt, above a tile that is one of six


@styled
def pairs_overview(
    scattering: Images, micrographs: Images, masks: Images, labels: Sequence[str], *,
    q: Images | None = None, q_unit: str = "1/nm", scaled: bool = True,
    nm_per_pixel: float | Sequence[float] | None = None,
    titles: tuple[str, str, str] = ("scattering", "micrograph", "mask"),
) -> Figure:
    """One row per morphology: scattering, micrograph with scale bar, mask.

    Source: paper, Fig. 1; the annotated column is replaced by the mask, which is what the model sees.

    Parameters
    ----------
    scattering : ndarrays of shape (height, width) or (points,)
        One pattern or profile per label, log intensity in [0, 1] (profiles: see `scaled`).
    micrographs, masks : ndarrays of shape (height, width)
        One grey micrograph (uint8) and one bool mask per label.
    labels : list of str
        Morphologies or sample names, one per row.
    q : ndarray of shape (points,), or one per label, optional [`q_unit`]
    scaled : bool
        False if the profiles are raw intensities.
    nm_per_pixel : float, or one per label, optional [nm]
        Pixel size of the micrographs; without it the scale bars are in pixels.
    titles : tuple of three str
        What the columns show.
    """
    check_labels(labels)
    for name, items in {"scattering": scattering, "micrographs": micrographs, "masks": masks}.items():
        check_count(name, items, labels)
    curves = np.ndim(scattering[0]) == 1
    pixel_sizes = _per_label(nm_per_pixel, labels)

    figure, grid = tiles(len(labels), 3, extra_height=0.5 * len(labels) if curves else 0.0)
    draw_named_scattering(grid[:, 0], scattering, labels, q, q_unit, scaled)
    for row in range(len(labels)):
        check_mask(f"masks[{row}]", masks[row])
        draw_image(grid[row, 1], micrographs[row], pixel_sizes[row], scale_bar=True)
        draw_image(grid[row, 2], masks[row])
    for axes, name in zip(grid[0], titles, strict=True):
        if axes.get_title() == "":
            axes.set_title(name)
    return figure


@styled
def reconstructions(
    true: Images, columns: Mapping[str, Images], labels: Sequence[str], q: np.ndarray | None = None,
    q_unit: str = "1/nm", axis: str = "q", is_log: bool = True,
) -> Figure:
    """Measurements beside their reconstructions: images as a grid, 1-D profiles as one panel per morphology.

    Source: paper, Fig. 3A and 4A.

    Parameters
    ----------
    true : ndarrays of shape (height, width), or ndarray of shape (labels, points)
        One mask, pattern or profile per label.
    columns : mapping of route name to ndarrays
        Per route one reconstruction per label, of the shape of the true one.
    labels : list of str
        Morphologies, one per row (or panel).
    q : ndarray of shape (points,), optional [`q_unit`]
        Scattering vector of profiles, or the points of another axis.
    axis : str
        Name of what profiles are over.
    is_log : bool
        Whether that axis is logarithmic.
    """
    check_labels(labels)
    entries: dict[str, Images] = {"true": true} | dict(columns)
    for name, items in entries.items():
        check_count(name, items, labels)
        for row, item in enumerate(items):
            check_shape(f"{name}[{row}]", item, tuple(np.shape(true[row])))
            check_finite(f"{name}[{row}]", item)
            check_unit_range(f"{name}[{row}]", np.asarray(item))
    if np.ndim(true[0]) == 1:
        return _profile_panels(entries, labels, q, q_unit, axis, is_log)

    names = [display_name(name).replace(" ", "\n", 1) for name in entries]
    return image_grid(list(zip(*entries.values(), strict=True)), list(map(display_name, labels)), names)


@styled
def generated_ensemble(reconstruction: Images, generated: Sequence[Images], labels: Sequence[str]) -> Figure:
    """One column per morphology: the reconstruction on top, the micrographs generated around its latent below.

    Source: paper, Fig. 7A, turned by 90 degrees to stay legible on a narrow screen.

    Parameters
    ----------
    reconstruction : ndarrays of shape (height, width)
        One bool mask per label.
    generated : ndarray of shape (labels, k, height, width), or a list of (k, height, width)
        Generated bool masks.
    labels : list of str
        Morphologies, one per column.
    """
    check_labels(labels)
    check_count("reconstruction", reconstruction, labels)
    check_count("generated", generated, labels)
    k = len(generated[0])
    for column, masks in enumerate(generated):
        check_mask(f"reconstruction[{column}]", reconstruction[column])
        check_shape(f"generated[{column}]", np.asarray(masks), (k, *np.shape(reconstruction[column])))
        check_mask(f"generated[{column}]", np.asarray(masks))

    rows = [reconstruction, *zip(*generated, strict=True)]
    names = ["reconstruction", *(f"generated {n + 1}" for n in range(k))]
    return image_grid(rows, names, list(map(display_name, labels)))


@styled
def mask_columns(columns: Mapping[str, np.ndarray], labels: Sequence[str], turned: bool = False) -> Figure:
    """Masks in a grid: one row per label, one column per name; where `turned`, for many names, the other way round.

    Parameters
    ----------
    columns : mapping of str to bool ndarray of shape (labels, height, width)
        In the order shown. A name of nothing but blanks continues the column before it.
    labels : list of str
        Morphologies.
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
def latent_correlation(correlation: np.ndarray, names: tuple[str, str], shown: int = 32) -> Figure:
    """The correlation of every number of one technique's latent with every number of the other's, as a matrix.

    Source: not in the paper, whose Barlow Twins term is computed from this matrix.

    Parameters
    ----------
    correlation : ndarray of shape (d, d), in [-1, 1] up to rounding
        One row for each number of the first technique's latent.
    names : tuple of two str
        The techniques of the rows and of the columns.
    shown : int
        At most so many rows and columns are drawn.
    """
    check_shape("correlation", correlation, (len(correlation),) * 2)
    check_finite("correlation", correlation)
    figure, axes = plt.subplots(figsize=(WIDTH * 0.8, 3.5), layout="constrained")
    image = axes.imshow(correlation[:shown, :shown], cmap="RdBu_r", vmin=-1, vmax=1)
    rows, columns = map(display_name, names)
    axes.set(xlabel=f"number of the {columns} latent", ylabel=f"number of the {rows} latent")
    figure.colorbar(image, label="correlation")
    return figure


@styled
def threshold_examples(
    micrographs: Images, results: Mapping[str, Images], labels: Sequence[str], truth: Images | None = None,
    nm_per_pixel: float | None = None,
) -> Figure:
    """One row per morphology: the micrograph, the true mask if there is one, and the mask of every method.

    Source: paper, Fig. S2, without the Dice coefficients (experiments have no ground truth).

    Parameters
    ----------
    micrographs : ndarrays of shape (height, width), uint8
        One per label.
    results : mapping of method name to masks
        Per method one bool mask per label, of the micrograph's shape.
    labels, nm_per_pixel
        As `pairs_overview`.
    truth : ndarrays of shape (height, width), optional
        Ground-truth masks; with them every mask names its Dice coefficient.
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
def training_progress(
    true: Mapping[str, np.ndarray], drawn: Mapping[str, Images], labels: Sequence[str], q: np.ndarray | None = None,
    q_unit: str = "1/nm",
) -> Figure:
    """One moment of a training: measurements above their reconstructions by every route; one column per sample.

    Parameters
    ----------
    true : mapping of modality name to ndarray of shape (n, 1, height, width) or (n, 1, points)
        Masks (as 0 and 1 where `drawn` has masks), patterns or profiles of n samples.
    drawn : mapping of route name to ndarray
        What each route gives, (n, height, width) or (n, points): bool masks, or intensities in [0, 1]. Modalities that
        no route leads to are left out.
    labels, q, q_unit
        What to call the n samples, and the rest as `reconstructions`.
    """
    check_labels(labels)
    rows: list[tuple[str, dict[str, Images]]] = []
    for name, measured in true.items():
        routes = {route: items for route, items in drawn.items() if route.endswith(f"_to_{name}")}
        if not routes:
            continue
        masks = np.asarray(next(iter(routes.values()))).dtype == np.bool_
        stack = measured[:, 0] > 0.5 if masks else measured[:, 0]
        for key, items in {name: stack, **routes}.items():
            check_count(key, items, labels)
            check_shape(key, np.asarray(items), np.shape(stack))
        if np.ndim(stack) == 2:  # profiles of one sample share their axes
            rows.append(("log intensity", {"true": stack, **routes}))
        else:
            rows.append((f"true {name}", {name: stack}))
            rows += [(route, {route: items}) for route, items in routes.items()]
    if unknown := set(drawn) - {key for _, shown in rows for key in shown}:
        raise ValueError(f"drawn must lead to {', '.join(true)}; got {', '.join(sorted(unknown))}")

    figure, grid = tiles(len(rows), len(labels), extra_height=0.6 - 0.13 * len(rows))  # names of rows narrow the tiles
    colours = route_colours([key for _, shown in rows for key in shown])
    for line, (name, shown) in zip(grid, rows, strict=True):
        line[0].set_ylabel(display_name(name).replace("→", "\n→").replace(" ", "\n"))
        for column, axes in enumerate(line):
            for key, items in shown.items():
                if np.ndim(items) == 3:
                    draw_image(axes, items[column])
                else:
                    x = profile_axis(axes, len(items[column]), q, q_unit)
                    axes.plot(x, items[column], color=colours[key], linewidth=1.2, label=display_name(key))
                    axes.set(ylim=SCALED_LIMITS, xlabel="", xticks=[], yticks=[])
                    axes.minorticks_off()
        if len(shown) > 1:
            legend_above(figure, line[0])
    for axes, label in zip(grid[0], labels, strict=True):
        lines = [wrap(line, LETTERS, break_long_words=False) for line in display_name(label).split("\n")]
        axes.set_title("\n".join("\n".join(line) for line in lines), fontsize=9)
    return figure


@styled
def film_strip(times: Sequence[float] | np.ndarray, rows: Mapping[str, Images], unit: str = "time units") -> Figure:
    """A film as a strip, a column per moment: scattering, true micrograph, and what is predicted below each other.

    Parameters
    ----------
    times : sequence of float, length t [`unit`]
    rows : mapping of name to ndarrays of shape (height, width), t of them
        Patterns in [0, 1] or boolean masks.
    """
    check_named("rows", rows)
    for name, images in rows.items():
        if len(images) != len(times):
            raise ValueError(f"{name} must hold one image for each of {len(times)} times; got {len(images)}")
    names = [display_name(name).replace(" ", "\n", 1) for name in rows]
    figure = image_grid(list(rows.values()), names, [f"{time:.3g}" for time in times], extra_height=0.15)
    figure.supxlabel(f"time of annealing [{unit}]", fontsize=10)
    return figure


@styled
def film_frame(images: Mapping[str, np.ndarray]) -> Figure:
    """One moment of a film: named images side by side, in rows of three where there are more than four.

    Parameters
    ----------
    images : mapping of name to ndarray of shape (height, width)
        Patterns in [0, 1] or boolean masks.
    """
    check_named("images", images)
    columns = len(images) if len(images) <= 4 else 3
    figure, grid = tiles(-(-len(images) // columns), columns)
    for axes, (name, image) in zip(grid.flat, images.items(), strict=False):
        draw_image(axes, np.asarray(image))
        axes.set_title(display_name(name).replace(" ", "\n", 1))
    for axes in grid.flat[len(images) :]:
        axes.remove()
    return figure


def draw_named_scattering(
    column: np.ndarray, scattering: Images, labels: Sequence[str], q: Images | None, q_unit: str, scaled: bool
) -> None:
    """One pattern or profile per label, which is written beside or above it; `q` is none, one, or one per label."""
    own: list[Any] = list(q) if q is not None and np.ndim(q[0]) else [q] * len(labels)
    check_count("q", own, labels)
    for axes, values, label, its_q in zip(column, scattering, labels, own, strict=True):
        draw_scattering(axes, values, its_q, q_unit, scaled)
        if np.ndim(values) == 1:
            axes.set_box_aspect(1)
            axes.set_title(display_name(label), fontweight="bold", fontsize=10)
        else:
            axes.set_ylabel(display_name(label))


def _per_label(value: float | Sequence[float] | None, labels: Sequence[str]) -> list[Any]:
    """One pixel size per label, whether none, one or several were given."""
    several = value is not None and np.ndim(value) > 0
    sizes = list(np.asarray(value, dtype=float)) if several else [value] * len(labels)
    check_count("nm_per_pixel", sizes, labels)
    return sizes


def _profile_panels(
    entries: Mapping[str, Images], labels: Sequence[str], q: np.ndarray | None, q_unit: str, axis: str, is_log: bool
) -> Figure:
    """One panel per label with the true profile and its reconstructions."""
    colours = route_colours(entries)
    figure, every = panels(len(labels))
    for row, axes in enumerate(every):
        x = profile_axis(axes, len(entries["true"][row]), q, q_unit, axis, is_log)
        for name, items in entries.items():
            axes.plot(x, items[row], color=colours[name], label=display_name(name))
        axes.set_ylim(SCALED_LIMITS)
    name_panels(figure, every, labels, every[0].get_xlabel(), scaled_name(axis))
    return figure
