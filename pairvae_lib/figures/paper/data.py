"""The paper's data and model: annotated pairs (Fig. 1), whole micrographs (S1), and a schematic, drawn by us (2)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from scipy.ndimage import binary_dilation, binary_opening

from pairvae_lib.checks import check_mask, check_shape
from pairvae_lib.figures.drawing import ON_BLACK, PATTERN_MAP, Images, draw_image, tiles
from pairvae_lib.figures.images import draw_named_scattering
from pairvae_lib.figures.style import (
    FRAME,
    INK,
    WIDTH,
    check_count,
    check_labels,
    darker,
    display_name,
    panels,
    route_colours,
    styled,
)
from pairvae_lib.morphology.masks import domain_period, two_point_correlation

BAR = 500.0  # nm, as in the paper's Fig. 1
SPAN = 1.5  # periods: straight runs along the grating from here on count as lamella-like
ENLARGED = 0.5  # share of the crop's side that the annotated column shows
LAMELLA, DOT = "#22bb44", "#3399ff"  # the paper's green and blue
BOTTOM, HEIGHT = 0.25, 6.35  # inch
ENCODER, DECODER, LATENT = "#e4ecf5", "#f5ecdf", "#ffffff"
INPUT, ENCODED, LATENTS, DECODED, OUTPUT = 0.62, 1.78, 2.72, 3.68, 4.86  # centres [inch from the left]


@styled
def fig_1(
    scattering: Images, micrographs: Images, masks: Images, labels: Sequence[str], *,
    q: Images | None = None, q_unit: str = "1/nm", scaled: bool = True,
    nm_per_pixel: float | None = None, assumed: bool = True,
) -> Figure:
    """Fig. 1: one row per morphology: scattering, a crop of the micrograph, and a part of it with domains outlined.

    Source: paper, Fig. 1. Its annotation was drawn by hand; here a rule draws it, see `lamella_like`. The small bar
    is as long as the period of the crop, the first maximum of S2.

    Parameters
    ----------
    scattering, labels, q, q_unit, scaled
        As `images.pairs_overview`.
    micrographs : ndarrays of shape (height, width), uint8
        One crop per label.
    masks : bool ndarrays of shape (height, width)
        True phases of the crops where they are known (simulator), else the binarised crops; True = PMMA.
    nm_per_pixel : float, optional [nm]
        Pixel size; without it, lengths are in pixels.
    assumed : bool
        Whether that size is an assumption, which is then written below.
    """
    check_labels(labels)
    for name, items in {"scattering": scattering, "micrographs": micrographs, "masks": masks}.items():
        check_count(name, items, labels)
    profiles = np.ndim(scattering[0]) == 1
    figure, grid = tiles(len(labels), 3, extra_height=0.9 + (0.5 * len(labels) if profiles else 0.0))
    draw_named_scattering(grid[:, 0], scattering, labels, q, q_unit, scaled)
    for row in range(len(labels)):
        check_mask(f"masks[{row}]", masks[row])
        check_shape(f"masks[{row}]", masks[row], tuple(np.shape(micrographs[row])))
        draw_image(grid[row, 1], micrographs[row], nm_per_pixel, row == 0, _bar(nm_per_pixel))
        rows, cols = (slice(0, round(ENLARGED * size)) for size in masks[row].shape)
        draw_image(grid[row, 2], np.asarray(micrographs[row])[rows, cols])
        period = float(domain_period(*two_point_correlation(masks[row])))
        _outline(grid[row, 2], masks[row], lamella_like(masks[row], period), (rows, cols))
        _period_bar(grid[row, 2], (rows.stop, cols.stop), period, nm_per_pixel)
    titles = ("A  scattering", "B  micrograph", f"C  annotated, {1 / ENLARGED:g} ×")
    for axes, name in zip(grid[0], titles, strict=True):
        axes.set_title("\n".join(filter(None, [name, axes.get_title()])))
    handles = [
        Line2D([], [], color=LAMELLA, label=f"lamella-like: along the grating for {SPAN:g} periods"),
        Line2D([], [], color=DOT, label="cylinder-like: all else; bar in C: period of $S_2$"),
    ]
    figure.legend(handles=handles, loc="outside upper center")
    _state_size(figure, nm_per_pixel, assumed, "; the bar applies to column B")
    return figure


@styled
def fig_2(scattering: str = "saxs", micrograph: str = "sem") -> Figure:
    """Fig. 2: schematic of solo training (A) and of pair training with its four routes (B), with the techniques' names.

    Source: content of the paper's Fig. 2; the drawing is ours.
    """
    s, m = scattering, micrograph
    routes = [f"{s}_to_{s}", f"{m}_to_{s}", f"{m}_to_{m}", f"{s}_to_{m}"]
    colours = route_colours([*routes, f"solo {s}_to_{s}", f"solo {m}_to_{m}"])
    figure = plt.figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(BOTTOM, BOTTOM + HEIGHT))
    axes.set_axis_off()

    _heading(axes, 6.42, "A  solo training: two autoencoders, each for itself")
    for y, name, image in ((5.62, s, _pattern()), (4.42, m, _stripes())):
        route = f"solo {name}_to_{name}"
        colour = colours[route]
        _picture(axes, INPUT, y, image, display_name(name))
        _chain(axes, y)
        for start, end in ((1.0, 1.42), (2.12, 2.46), (2.98, 3.32), (4.02, 4.46)):
            _arrow(axes, (start, y), (end, y), colour)
        _picture(axes, OUTPUT, y, image, f"{display_name(name)}→{display_name(name)}", darker(colour), faded=True)

    _heading(axes, 3.62, "B  pair training: alike latents, and four reconstructions")
    upper, lower = 2.62, 0.92
    for y, name, image in ((upper, s, _pattern()), (lower, m, _stripes())):
        _picture(axes, INPUT, y, image, display_name(name))
        _chain(axes, y)
        for start, end in ((1.0, 1.42), (2.12, 2.46)):
            _arrow(axes, (start, y), (end, y), INK)
    both_ways = {"arrowstyle": "<->", "color": INK, "linestyle": "--", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (LATENTS, lower + 0.3), (LATENTS, upper - 0.3), arrowprops=both_ways)
    term = "Barlow Twins term:\nmakes the latents of\none sample alike"
    axes.text(LATENTS - 0.1, (upper + lower) / 2, term, ha="right", va="center")
    places = {f"{s}_to_{s}": upper + 0.13, f"{m}_to_{s}": upper - 0.13}
    places |= {f"{s}_to_{m}": lower + 0.13, f"{m}_to_{m}": lower - 0.13}
    for route, end in places.items():
        start = upper if route.startswith(f"{s}_to_") else lower
        _arrow(axes, (2.98, start), (3.32, end) if abs(start - end) < 0.5 else (3.34, end), colours[route])
        target = upper if route.endswith(f"_to_{s}") else lower
        shift = 0.48 if end > target else -0.48
        _arrow(axes, (4.02, end), (4.3, target + shift), colours[route])
        axes.text(4.36, target + shift, display_name(route), color=darker(colours[route]), va="center", weight="bold")
    for y, image in ((upper, _pattern()), (lower, _stripes())):
        _image(axes, OUTPUT, y, image, 0.3, faded=True)
    return figure


@styled
def fig_s1(
    micrographs: Images, labels: Sequence[str], nm_per_pixel: float | None = None, assumed: bool = True
) -> Figure:
    """Fig. S1: a whole micrograph of each morphology, with a bar of 500 nm.

    Source: paper, Fig. S1 (not public; described in its caption of Fig. 1).

    Parameters
    ----------
    micrographs : ndarrays of shape (height, width), uint8
        One per label.
    labels, nm_per_pixel, assumed
        As `fig_1`.
    """
    check_labels(labels)
    check_count("micrographs", micrographs, labels)
    height, width = np.shape(micrographs[0])[:2]
    figure, every = panels(len(labels), height=2.7 * height / width + 0.35)
    for axes, micrograph, label in zip(every, micrographs, labels, strict=True):
        draw_image(axes, micrograph, nm_per_pixel, scale_bar=True, bar_length=_bar(nm_per_pixel))
        axes.set_title(display_name(label))
    _state_size(figure, nm_per_pixel, assumed)
    return figure


def lamella_like(mask: np.ndarray, period: float) -> np.ndarray:
    """The parts of the domains that run along the grating (vertically) without a break for one and a half periods.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
    period : float [px]
        Domain period; NaN for none, which leaves nothing lamella-like.

    Returns
    -------
    bool ndarray of shape (height, width)
        Dots and what runs across the grating, such as rungs of ladders, are left out. The rule goes by shape in the
        picture and knows nothing of the blocks' chemistry.
    """
    check_mask("mask", mask)
    if not np.isfinite(period):
        return np.zeros_like(mask)
    length, border = max(3, round(SPAN * period)), max(1, round(period / 6))
    # A run that the edge cuts off needs half the length only: the rest may lie beyond.
    beyond = length // 2
    padded = np.pad(mask, ((beyond, beyond), (0, 0)), mode="edge")
    straight = binary_opening(padded, np.ones((length, 1), bool))[beyond:-beyond]
    return binary_dilation(straight, iterations=border) & mask


def _outline(axes: Axes, mask: np.ndarray, long: np.ndarray, part: tuple[slice, slice]) -> None:
    """Outlines of the two kinds of domains in a part of the crop."""
    for domains, colour in ((long, LAMELLA), (mask & ~long, DOT)):
        shown = domains[part]
        if shown.any() and not shown.all():
            axes.contour(shown.astype(float), levels=[0.5], colors=colour, linewidths=1.1)


def _period_bar(axes: Axes, shape: tuple[int, int], period: float, nm_per_pixel: float | None) -> None:
    """A bar as long as the domain period, if there is one, named in nm or px."""
    if not np.isfinite(period):
        return
    height, width = shape
    row, start = 0.9 * height, 0.06 * width
    text = f"{period:.0f} px" if nm_per_pixel is None else f"{period * nm_per_pixel:.0f} nm"
    box = ON_BLACK | {"pad": 1.5}
    axes.text(start + period + 0.04 * width, row, text, color="white", fontsize=9, va="center", bbox=box)
    axes.plot([start, start + period], [row, row], color="white", marker="|", markersize=9, linewidth=2, label="period")


def _state_size(figure: Figure, nm_per_pixel: float | None, assumed: bool, more: str = "") -> None:
    """Below the figure, the pixel size if there is one."""
    if nm_per_pixel is not None:
        figure.supxlabel(f"{nm_per_pixel:g} nm per px{' (assumed)' if assumed else ''}{more}", fontsize=9.5)


def _bar(nm_per_pixel: float | None) -> float | None:
    """The paper's bar where lengths are known."""
    return None if nm_per_pixel is None else BAR


def _heading(axes: Axes, y: float, text: str) -> None:
    """The name of a part."""
    axes.text(0.12, y, text, weight="bold", va="center", fontsize=10.5)


def _picture(
    axes: Axes, x: float, y: float, image: np.ndarray, name: str, colour: str = INK, faded: bool = False
) -> None:
    """A measurement with its name below."""
    _image(axes, x, y, image, 0.38, faded)
    axes.text(x, y - 0.44, name, ha="center", va="top", color=colour, weight="bold")


def _image(axes: Axes, x: float, y: float, image: np.ndarray, half: float, faded: bool = False) -> None:
    """A small image centred at a place; reconstructions are coarser."""
    shown = image[::3, ::3] if faded else image
    colour_map = "gray" if image.dtype == np.bool_ else PATTERN_MAP
    box = (x - half, x + half, y - half, y + half)
    axes.imshow(shown, extent=box, cmap=colour_map, interpolation="nearest", zorder=2)
    corner, side = (x - half, y - half), 2 * half
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=FRAME, linewidth=0.8, zorder=3))
    axes.set(xlim=(0, WIDTH), ylim=(BOTTOM, BOTTOM + HEIGHT), aspect="auto")  # imshow sets them anew


def _chain(axes: Axes, y: float) -> None:
    """Encoder, latent and decoder of one technique."""
    for x, left, right, colour, name in (
        (ENCODED, 0.42, 0.24, ENCODER, "encoder"),
        (DECODED, 0.24, 0.42, DECODER, "decoder"),
    ):
        corners = [(x - 0.35, y - left), (x - 0.35, y + left), (x + 0.35, y + right), (x + 0.35, y - right)]
        axes.add_patch(Polygon(corners, facecolor=colour, edgecolor=FRAME))
        axes.text(x, y, name, ha="center", va="center", fontsize=9)
    axes.add_patch(Rectangle((LATENTS - 0.24, y - 0.24), 0.48, 0.48, facecolor=LATENT, edgecolor=INK))
    axes.text(LATENTS, y, "latent\n$z$", ha="center", va="center", fontsize=9, linespacing=1.0)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """A solid arrow between two places."""
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.7, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look, zorder=4)


def _pattern() -> np.ndarray:
    """A pattern of lines that are nearly in order: peaks along the horizontal, on a weak ring."""
    row, col = np.indices((48, 48)) - 23.5
    q = np.hypot(row, col)
    peaks = sum(h * np.exp(-((np.abs(col) - k) ** 2 + row**2 / 2) / 4) for k, h in ((8, 1.0), (16, 0.5)))
    ring = 0.35 * np.exp(-((q - 8) ** 2) / 6)
    return np.clip(0.08 + ring + peaks, 0, 1) * (q > 2.5)


def _stripes() -> np.ndarray:
    """Wavy vertical lines with a few gaps."""
    row, col = np.indices((48, 48))
    lines = np.sin(2 * np.pi * (col + 1.2 * np.sin(row / 6)) / 9) > 0.1
    return lines & ~((row // 6 + 2 * (col // 9)) % 7 == 0)
