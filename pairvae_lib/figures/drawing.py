"""One measurement on one pair of axes: pattern, profile, micrograph or mask; and the grid they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pairvae_lib.checks import check_finite, check_positive, check_shape
from pairvae_lib.figures.style import FRAME, WIDTH, styled

Images = Sequence[np.ndarray] | np.ndarray  # a stack, or images of differing size
PATTERN_MAP = "inferno"  # perceptually uniform, and its dark end keeps the beam stop dark
ON_BLACK: dict[str, Any] = {"facecolor": "black", "alpha": 0.75, "edgecolor": "none"}  # the ground of white text
SCALED_LIMITS = (-0.03, 1.03)


def draw_scattering(
    axes: Axes, values: np.ndarray, q: np.ndarray | None = None, q_unit: str = "1/nm", scaled: bool = True,
    axis: str = "q", is_log: bool = True,
) -> None:
    """Draw a scattering measurement: a 2-D pattern as an image, a 1-D profile as a curve.

    Source: paper, Fig. 1A.

    Parameters
    ----------
    values : ndarray of shape (height, width) or (points,)
        A pattern or profile of log intensities in [0, 1], as the model sees them.
    q : ndarray of shape (points,), optional [`q_unit`]
        Scattering vector of a profile; without it the points are counted.
    scaled : bool
        False for a profile of raw intensities, which is drawn on a logarithmic axis.
    axis : str
        Name of what a profile is over, in place of the scattering vector.
    is_log : bool
        Whether that axis is logarithmic.
    """
    values = np.asarray(values)
    if values.ndim not in (1, 2):
        raise ValueError(f"scattering must have shape (height, width) or (points,); got {values.shape}")
    check_finite("scattering", values)
    if values.ndim == 2:
        draw_image(axes, values.astype(float))
        return
    axes.plot(profile_axis(axes, len(values), q, q_unit, axis, is_log), values, color="black", linewidth=1.2)
    if scaled:
        check_unit_range("scattering", values)
        axes.set(ylim=SCALED_LIMITS, ylabel=scaled_name(axis))
    else:
        check_positive("lowest intensity of a profile that is not scaled", float(values.min()))
        axes.set(yscale="log", ylabel="intensity [a.u.]")


def draw_image(
    axes: Axes, image: np.ndarray, nm_per_pixel: float | None = None, scale_bar: bool = False,
    bar_length: float | None = None,
) -> None:
    """Draw a mask (black and white), a grey micrograph, or a pattern in [0, 1] (colour-mapped), told by its dtype.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        bool is a mask, white = True = PMMA; an integer type a micrograph; a float type a pattern.
    nm_per_pixel : float, optional [nm]
        Pixel size; without it the scale bar is in pixels.
    bar_length : float, optional [nm, or px without `nm_per_pixel`]
        Of the scale bar; without it, or where it would not fit, a round length of about a third of the width.
    """
    image = np.asarray(image)
    check_shape("image", image, ("height", "width"))
    check_finite("image", image)
    if image.dtype == np.bool_:
        _tile(axes, image, "gray", 0, 1)
    elif np.issubdtype(image.dtype, np.integer):
        _tile(axes, image, "gray", int(image.min()), int(image.max()))
    else:
        check_unit_range("pattern", image)
        _tile(axes, image, PATTERN_MAP, 0.0, 1.0)
    if scale_bar:
        _scale_bar(axes, image.shape, nm_per_pixel, bar_length)


def scaled_name(axis: str) -> str:
    """What the values of a profile over an axis are, as the model sees them."""
    return "log intensity [0–1]" if axis == "q" else "value [0–1]"


def tiles(rows: int, columns: int, extra_height: float = 0.0) -> tuple[Figure, np.ndarray]:
    """A figure with a grid of square tiles; `extra_height` [inch] is for what is written between the rows."""
    tile = min((WIDTH - 0.3) / columns, 1.8)
    size = (tile * columns + 0.3, tile * rows + 0.35 + extra_height)
    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


@styled
def image_grid(
    rows: Sequence[Images], names: Sequence[str], labels: Sequence[str], extra_height: float = 0.0, **text: float
) -> Figure:
    """Images in a grid: one row per name, written to its left, one column per label, written above it in `text`."""
    figure, grid = tiles(len(names), len(labels), extra_height)
    for line, images, name in zip(grid, rows, names, strict=True):
        line[0].set_ylabel(name, **text)
        for axes, image in zip(line, images, strict=True):
            draw_image(axes, np.asarray(image))
    for axes, label in zip(grid[0], labels, strict=True):
        axes.set_title(label, **text)
    return figure


def profile_axis(
    axes: Axes, points: int, q: np.ndarray | None, q_unit: str, axis: str = "q", is_log: bool = True
) -> np.ndarray:
    """Abscissa of a profile, and its axis: logarithmic in q with few plain numbers, or points counted."""
    if q is None:
        axes.set_xlabel("point")
        return np.arange(points)
    q = np.asarray(q, dtype=float)
    check_shape("q", q, (points,))
    axes.set_xlabel(f"{axis} [{q_unit}]")
    if not is_log:
        return q
    check_positive(f"lowest {axis}", float(q.min()))
    axes.set_xscale("log")
    few_plain_ticks(axes.xaxis, (1.0, 3.0) if q.max() < 100 * q.min() else (1.0,))
    return q


def few_plain_ticks(axis: Axis, steps: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """A logarithmic axis with these steps of each decade written out as plain numbers."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def check_unit_range(name: str, values: np.ndarray) -> None:
    """Raise ValueError unless all values lie in [0, 1], up to rounding: more would be clipped without a word."""
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        raise ValueError(f"{name} must lie between 0 and 1; got {values.min():g} to {values.max():g}")


def _tile(axes: Axes, image: np.ndarray, colour_map: str, low: float, high: float) -> None:
    """One image in a thin frame (a white mask must not run into the white page), without ticks."""
    axes.imshow(image, cmap=colour_map, vmin=low, vmax=high)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FRAME, linewidth=0.6)


def _scale_bar(axes: Axes, shape: tuple[int, ...], nm_per_pixel: float | None, fixed: float | None = None) -> None:
    """A bar of the given length if it fits, else of a round one (1, 2 or 5 times a power of ten) near a third."""
    size, unit = (1.0, "px") if nm_per_pixel is None else (nm_per_pixel, "nm")
    check_positive("nm_per_pixel", size)
    wanted = shape[1] * size / 3
    power = 10.0 ** floor(log10(wanted))
    length = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    if fixed is not None and fixed <= 0.9 * shape[1] * size:
        length = fixed
    height, width = shape
    start, text, box = 0.05 * width, f"{length:g} {unit}\n", ON_BLACK | {"pad": 2}
    axes.text(start, 0.95 * height, text, color="white", fontsize=9, linespacing=0.6, va="bottom", bbox=box)
    axes.plot([start, start + length / size], [0.94 * height] * 2, color="white", linewidth=2.5, zorder=4)
