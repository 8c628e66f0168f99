"""Pixels of a pattern that hold no measurement (beam stop, module gaps, bad pixels): found, and filled by symmetry.

A masked pixel is never taken for an intensity. In an azimuthal average it is left out. A 2-D pattern, which a model
needs whole, has it filled: by its Friedel mate, the pixel opposite about the beam, where that was measured, since
I(q) = I(-q) for the transmission of thin samples; else by the mean of the measured pixels at its distance from the
beam, interpolated between rings; inside the first measured ring (behind a beam stop) by that ring's mean.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_shape
from pairvae_lib.data.reading.images import grey_image, image_pixels

LEAST_SEEN = 0.1  # share of the pixels of a pattern that must hold a measurement
FARTHEST_BEAM = 10  # sizes of the pattern
LEAST_SYMMETRY = 0.6  # correlation of Friedel mates from which on a beam centre is believed that nobody gave


def mask_pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels that a mask file masks: those that are not zero (the custom of fabio, pyFAI and Dectris).

    Parameters
    ----------
    path : Path
        An image file.
    shape : (H, W)
        Of the pattern.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    try:
        image, missing = image_pixels(path)
    except ValueError as error:
        raise ValueError(f"its mask {path.name}: {error}") from error
    masked = grey_image(image) != 0
    if masked.shape != shape:
        raise ValueError(f"its mask {path.name} must have shape {shape}; got {masked.shape}")
    return masked | missing.reshape(*shape, -1).any(axis=-1)


def check_beam(beam: tuple[float, float], shape: tuple[int, ...]) -> None:
    """Raise ValueError if the beam is too far from a pattern of this shape to be its beam."""
    if max(map(abs, beam)) > FARTHEST_BEAM * max(shape):
        raise ValueError(
            f"has its beam at row {beam[0]:g}, col {beam[1]:g}; expected it within {FARTHEST_BEAM} times the "
            f"{shape[0]} x {shape[1]} px"
        )


def filled_pattern(levels: NDArray, missing: NDArray[np.bool_], centre: tuple[float, float] | None = None) -> NDArray:
    """A pattern whose masked pixels are filled: see the head of this module.

    Parameters
    ----------
    levels : ndarray of shape (H, W)
        Intensities; of any value where `missing`.
    missing : ndarray of bool, shape (H, W)
        True where nothing was measured.
    centre : (row, col), optional
        The beam [px], the centre of the first pixel at (0, 0); it may lie outside. The middle of the pattern,
        (H - 1) / 2 and (W - 1) / 2, if not given, which the pattern's own symmetry must bear out.

    Returns
    -------
    ndarray of shape (H, W)
        Of the type of `levels` where that is float or unsigned of 8 or 16 bits, else float64; `levels` itself where
        nothing is missing.
    """
    check_shape("missing", missing, levels.shape)
    if not missing.any():
        return levels
    seen = ~missing
    if seen.mean() < LEAST_SEEN:
        raise ValueError(
            f"{missing.mean():.0%} of the pixels hold no measurement; expected at most {1 - LEAST_SEEN:.0%}"
        )
    height, width = levels.shape
    row, col = ((height - 1) / 2, (width - 1) / 2) if centre is None else centre
    check_beam((row, col), levels.shape)
    rows, cols = np.nonzero(missing)
    mates = np.rint(2 * row - rows).astype(np.intp), np.rint(2 * col - cols).astype(np.intp)
    if centre is None:
        _check_symmetry(levels, seen)
    values = levels.astype(np.float64)
    rings = _rings(levels.shape, row, col)
    counts = np.bincount(rings[seen], minlength=int(rings.max()) + 1)
    sums = np.bincount(rings[seen], weights=values[seen], minlength=len(counts))
    measured = np.flatnonzero(counts)
    fill = np.interp(rings[missing], measured, sums[measured] / counts[measured])
    inside = (mates[0] >= 0) & (mates[0] < height) & (mates[1] >= 0) & (mates[1] < width)
    opposite = tuple(np.where(inside, axis, 0) for axis in mates)
    has_mate = inside & seen[opposite]
    fill[has_mate] = values[opposite][has_mate]
    values[missing] = fill
    if levels.dtype in (np.uint8, np.uint16):
        return np.rint(values).astype(levels.dtype)
    return values.astype(levels.dtype) if levels.dtype.kind == "f" else values


def _check_symmetry(levels: NDArray, seen: NDArray[np.bool_]) -> None:
    """Raise ValueError unless the pattern looks alike on both sides of its middle."""
    both = seen & seen[::-1, ::-1]
    values = levels.astype(np.float64)
    pair = np.log1p(np.clip([values[both], values[::-1, ::-1][both]], 0, None))
    varies = both.any() and pair[0].std() > 0
    symmetry = float(np.corrcoef(pair)[0, 1]) if varies else 0.0
    if symmetry < LEAST_SYMMETRY:
        raise ValueError(
            "masked pixels are filled about the beam, which nobody gave, and the pattern is not symmetric about its "
            f"middle (correlation {symmetry:.2f}, expected at least {LEAST_SYMMETRY:g}); add a .poni file, or the "
            "columns beam_row and beam_col"
        )


@lru_cache(maxsize=4)
def _rings(shape: tuple[int, int], row: float, col: float) -> NDArray[np.intp]:
    """Distance of every pixel from the beam in whole px."""
    down, across = np.arange(shape[0]) - row, np.arange(shape[1]) - col
    return np.rint(np.hypot(down[:, None], across[None])).astype(np.intp)
