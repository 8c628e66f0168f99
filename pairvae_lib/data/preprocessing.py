"""From files' arrays to what a model sees: pattern resize; blur, local threshold, crop; profile on a common grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from pairvae_lib.checks import check_finite, check_positive, check_shape
from pairvae_lib.config import Binarisation
from pairvae_lib.data.modality import Axis

GAUSSIAN_RADIUS = 2  # px: windows of 5 x 5, as in the public notebooks


def resized_pattern(pattern: ArrayLike, size: int) -> NDArray[np.float32]:
    """A scattering pattern on a square grid of another size, by area.

    Every new pixel is the mean of the area that it covers, so the mean intensity is kept exactly and nothing aliases.
    A pattern that is not square is stretched to one, as the public notebooks do.

    Parameters
    ----------
    pattern : array of shape (H, W)
        Intensities in [0, 1].
    size : int
        New height and width [px].

    Returns
    -------
    ndarray of float32, shape (size, size)
        Intensities in [0, 1].
    """
    values = np.asarray(pattern, dtype=np.float64)
    check_shape("pattern", values, ("height", "width"))
    check_finite("pattern", values)
    check_positive("size", size)
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        span = "no values" if values.size == 0 else f"{values.min():g} to {values.max():g}"
        raise ValueError(f"pattern must hold intensities in [0, 1]; got {span}")
    height, width = values.shape
    resized = _area_weights(height, size) @ values @ _area_weights(width, size).T
    return np.clip(resized, 0, 1).astype(np.float32)  # clip: rounding may leave 1 + 2e-16


def rescaled_micrograph(micrograph: ArrayLike, factor: float) -> NDArray[np.uint8]:
    """A micrograph with fewer pixels, by area.

    Parameters
    ----------
    micrograph : array of shape (H, W)
        Grey levels in [0, 255].
    factor : float
        New over old height and width, from above 0 to 1: finer pixels would have to be invented.

    Returns
    -------
    ndarray of uint8, shape (round(factor * H), round(factor * W))
        Every new pixel is the rounded mean of the area that it covers.
    """
    grey = np.asarray(micrograph, dtype=np.float64)
    check_shape("micrograph", grey, ("height", "width"))
    if not 0 < factor <= 1:
        raise ValueError(f"factor must lie above 0 and up to 1; got {factor!r}")
    height, width = (round(factor * length) for length in grey.shape)
    if not (height and width):
        raise ValueError(f"factor must leave a pixel of {grey.shape[0]} x {grey.shape[1]} px; got {factor!r}")
    rescaled = _area_weights(grey.shape[0], height) @ grey @ _area_weights(grey.shape[1], width).T
    return np.clip(np.rint(rescaled), 0, 255).astype(np.uint8)


def binarised(micrograph: ArrayLike, settings: Binarisation = Binarisation()) -> NDArray[np.bool_]:  # noqa: B008
    """Mask of a grey micrograph: blur, local mean threshold, majority smoothing.

    All images in between are 8-bit, as in the original: the blurred image and the local mean are rounded.

    Parameters
    ----------
    micrograph : array of shape (H, W)
        Grey levels in [0, 255].

    Returns
    -------
    ndarray of bool, shape (H, W)
        True where bright (PMMA).

    Source
    ------
    Public notebooks, preprocessing; images are mirrored at their edges for the blurs and continued for the local mean.
    """
    blurred = blurred_micrograph(micrograph, settings)
    local_mean = np.rint(uniform_filter(blurred, settings.window, mode="nearest"))
    return smoothed_mask(blurred > local_mean - settings.offset, settings)


def random_window(shape: tuple[int, ...], size: int, rng: np.random.Generator) -> tuple[int, int]:
    """First row and column of a window of `size` px in an image of shape (..., H, W), uniform over all that fit.

    `rng` is drawn from twice: row, then column.
    """
    height, width = shape[-2:]
    if not 0 < size <= min(height, width):
        raise ValueError(f"size must lie between 1 and the {height} x {width} px of the image; got {size!r}")
    return int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))


def crop_at(mask: NDArray, row: int, col: int, size: int) -> NDArray:
    """Window (..., size, size) of an image (..., H, W) of any type from its first row and column on, as a view."""
    height, width = mask.shape[-2:]
    if not (size > 0 and 0 <= row <= height - size and 0 <= col <= width - size):
        raise ValueError(f"window of {size} px at {(row, col)} must lie within the {height} x {width} px of the image")
    return mask[..., row : row + size, col : col + size]


def random_crop(mask: NDArray, size: int, rng: np.random.Generator) -> NDArray:
    """Window of an image at a random position, as a view.

    Parameters
    ----------
    mask : ndarray of shape (..., H, W)
        The image, of any type.
    size : int
        Height and width of the crop [px].
    rng : numpy Generator
        See `random_window`.

    Returns
    -------
    ndarray of shape (..., size, size)
    """
    return crop_at(mask, *random_window(mask.shape, size, rng), size)


def standardised_profile(
    x: ArrayLike, y: ArrayLike, grid: ArrayLike, axis: Axis = Axis(), is_log: bool = True  # noqa: B008
) -> NDArray[np.float64]:
    """A 1-D profile on a grid: its log intensity, freed of its arbitrary scale, or its values as they are.

    The value of a grid point is the mean over its cell, which reaches half-way to its neighbours (the profile taken as
    straight between its points): where the grid is coarser than the data it averages noise, where it is finer it
    interpolates. The mean of the logarithm is subtracted, so profiles that differ by a factor are equal.

    Parameters
    ----------
    x, y : array of shape (N,)
        Rising x; positive y if `is_log` (over q, see `scattering.folded_profile`).
    grid : array of shape (points,)
        Rising, within the range of `x`, in the same unit.
    axis : Axis
        What x is: half-way is a mean of logarithms on a logarithmic one.
    is_log : bool
        Whether the logarithm is wanted.

    Returns
    -------
    ndarray of shape (points,)
        log10 of y [decades], mean 0; or y in its own unit.
    """
    x, y, grid = (np.asarray(values, dtype=np.float64) for values in (x, y, grid))
    check_shape(axis.name, x, ("points",))
    check_shape("intensity", y, x.shape)
    check_shape("grid", grid, ("points",))
    for name, values in ((axis.name, x), ("grid", grid)):
        if len(values) < 2 or not (np.diff(values) > 0).all():
            raise ValueError(f"{name} must hold at least two rising values; got {values!r}")
    if not np.isfinite(y).all() or (is_log and not (y > 0).all()):
        raise ValueError(f"intensity must be {'positive and ' * is_log}finite; got {y.min():g} to {y.max():g}")
    if grid[0] < x[0] or grid[-1] > x[-1]:
        raise ValueError(
            f"grid must lie within the profile's {axis.name} of {x[0]:g} to {x[-1]:g}; got {grid[0]:g} to {grid[-1]:g}"
        )
    between = np.sqrt(grid[1:] * grid[:-1]) if axis.is_log else (grid[1:] + grid[:-1]) / 2
    edges = np.concatenate([grid[:1], between, grid[-1:]])
    knots = np.union1d(x, edges)
    values = np.interp(knots, x, y)
    areas = np.concatenate([[0.0], np.cumsum(np.diff(knots) * (values[1:] + values[:-1]) / 2)])
    means = np.diff(areas[np.searchsorted(knots, edges)]) / np.diff(edges)
    if not is_log:
        return means
    decades = np.log10(means)
    return decades - decades.mean()


def normalised_profile(
    x: ArrayLike, y: ArrayLike, grid: ArrayLike, limits: tuple[float, float],
    axis: Axis = Axis(), is_log: bool = True,  # noqa: B008
) -> NDArray[np.float32]:
    """What a model sees of a 1-D profile: the standardised one, scaled to [0, 1].

    Parameters
    ----------
    x, y, grid, axis, is_log
        See `standardised_profile`.
    limits : (low, high)
        Standardised values that become 0 and 1, common to a data set (`pairs.Measurements.limits`); values beyond them
        are clipped.

    Returns
    -------
    ndarray of float32, shape (points,)
        Values in [0, 1].
    """
    low, high = limits
    if not low < high:
        raise ValueError(f"limits must be (low, high) with low < high; got {limits!r}")
    values = standardised_profile(x, y, grid, axis, is_log)
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def _area_weights(length: int, size: int) -> NDArray[np.float64]:
    """Share of every old pixel (column) in every new one (row); rows sum to one."""
    new, old = np.linspace(0, length, size + 1), np.arange(length + 1)
    overlap = np.minimum(new[1:, None], old[None, 1:]) - np.maximum(new[:-1, None], old[None, :-1])
    return np.clip(overlap, 0, None) * (size / length)


def blurred_micrograph(micrograph: ArrayLike, settings: Binarisation) -> NDArray[np.float64]:
    """The checked micrograph after the first blur, in whole grey levels."""
    grey = np.asarray(micrograph, dtype=np.float64)
    check_shape("micrograph", grey, ("height", "width"))
    check_finite("micrograph", grey)
    if grey.size == 0 or grey.min() < 0 or grey.max() > 255:
        span = "no values" if grey.size == 0 else f"{grey.min():g} to {grey.max():g}"
        raise ValueError(f"micrograph must hold grey levels in [0, 255]; got {span}")
    return np.rint(gaussian_filter(grey, settings.blur_sigma, mode="mirror", radius=GAUSSIAN_RADIUS))


def smoothed_mask(bright: NDArray[np.bool_], settings: Binarisation) -> NDArray[np.bool_]:
    """Majority smoothing: the weighted mean of the 0/1 image, rounded."""
    share = gaussian_filter(bright.astype(np.float64), settings.smooth_sigma, mode="mirror", radius=GAUSSIAN_RADIUS)
    return share >= 0.5
