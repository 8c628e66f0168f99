"""The data of the paper: one annotated pair of each morphology (Fig. 1), and whole micrographs (Fig. S1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import binary_dilation, binary_opening

from pairvae_lib.checks import check_mask, check_shape
from pairvae_lib.figures.drawing import Images, draw_image, tiles
from pairvae_lib.figures.images import draw_named_scattering
from pairvae_lib.figures.style import check_count, check_labels, display_name, panels, styled
from pairvae_lib.morphology.masks import domain_period, two_point_correlation

BAR = 500.0  # nm, as in the paper's Fig. 1
SPAN = 1.5  # periods: straight runs along the grating from here on count as lamella-like
ENLARGED = 0.5  # share of the crop's side that the annotated column shows
LAMELLA, DOT = "#22bb44", "#3399ff"  # the paper's green and blue


@styled
def fig_1(
    scattering: Images,
    micrographs: Images,
    masks: Images,
    labels: Sequence[str],
    *,
    q: Images | None = None,
    q_unit: str = "1/nm",
    scaled: bool = True,
    nm_per_pixel: float | None = None,
    assumed: bool = True,
) -> Figure:
    """Fig. 1: one row per morphology: scattering, a crop of the micrograph, and a part of it with domains outlined.

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

    Notes
    -----
    Source: paper, Fig. 1. Its annotation was drawn by hand; here a rule draws it, see `lamella_like`. The small bar
    is as long as the period of the crop, the first maximum of S2.
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
    if nm_per_pixel is not None:
        note = f"{nm_per_pixel:g} nm per px{' (assumed)' if assumed else ''}; the bar applies to column B"
        figure.supxlabel(note, fontsize=9.5)
    return figure


@styled
def fig_s1(
    micrographs: Images, labels: Sequence[str], nm_per_pixel: float | None = None, assumed: bool = True
) -> Figure:
    """Fig. S1: a whole micrograph of each morphology, with a bar of 500 nm.

    Parameters
    ----------
    micrographs : ndarrays of shape (height, width), uint8
        One per label.
    labels : list of str
        Morphologies.
    nm_per_pixel : float, optional [nm]
        Pixel size; without it, the bars are in pixels.
    assumed : bool
        Whether that size is an assumption, which is then written below.

    Notes
    -----
    Source: paper, Fig. S1 (not public; described in its caption of Fig. 1).
    """
    check_labels(labels)
    check_count("micrographs", micrographs, labels)
    height, width = np.shape(micrographs[0])[:2]
    figure, every = panels(len(labels), height=2.7 * height / width + 0.35)
    for axes, micrograph, label in zip(every, micrographs, labels, strict=True):
        draw_image(axes, micrograph, nm_per_pixel, scale_bar=True, bar_length=_bar(nm_per_pixel))
        axes.set_title(display_name(label))
    if nm_per_pixel is not None:
        figure.supxlabel(f"{nm_per_pixel:g} nm per px{' (assumed)' if assumed else ''}", fontsize=9.5)
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
    box = {"facecolor": "black", "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
    axes.text(start + period + 0.04 * width, row, text, color="white", fontsize=9, va="center", bbox=box)
    axes.plot([start, start + period], [row, row], color="white", marker="|", markersize=9, linewidth=2, label="period")


def _bar(nm_per_pixel: float | None) -> float | None:
    """The paper's bar where lengths are known."""
    return None if nm_per_pixel is None else BAR
