"""From the files of one sample to its measurements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pairvae_lib.reading.images import eight_bit, frame_window, grey_image, is_grey, read_image
from pairvae_lib.reading.listing import Sample
from pairvae_lib.reading.profiles import MIN_POINTS, read_profile
from pairvae_lib.scattering import colour_map_residual, folded_profile, inverted_colour_map

LIMIT_PERCENTILES = (0.1, 99.9)  # of intensities: a few hot points do not squeeze the rest
MAX_COLOUR_RESIDUAL = 20.0  # RGB levels; JPEG alone leaves 4-6


def scaled_pattern(pattern: ArrayLike, limits: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """Intensities of a scattering pattern in [0, 1].

    Parameters
    ----------
    pattern : array of shape (H, W)
        8-bit and 16-bit patterns are scaled intensities and are divided by their type's largest number. Others are
        raw counts where `limits` are given, intensities in [0, 1] where not.
    limits : (low, high), optional
        log10 counts that become 0 and 1 (`PreparedPairs.limits`). Counts that are not positive become 0.

    Returns
    -------
    ndarray of float32, shape (H, W)

    Raises
    ------
    ValueError
        If values without limits are outside [0, 1].
    """
    values = np.asarray(pattern)
    if values.dtype in (np.bool_, np.uint8, np.uint16):
        largest = 1 if values.dtype == np.bool_ else np.iinfo(values.dtype).max
        return (values.astype(np.float64) / largest).astype(np.float32)
    if limits is None:
        if values.min() < 0 or values.max() > 1:
            raise ValueError(f"pattern without limits must lie in [0, 1]; got {values.min():g} to {values.max():g}")
        return values.astype(np.float32)
    low, high = limits
    seen = values > 0
    scaled = np.zeros(values.shape, dtype=np.float32)
    scaled[seen] = np.clip((np.log10(values[seen], dtype=np.float64) - low) / (high - low), 0, 1)
    return scaled


def pattern_levels(path: Path) -> NDArray:
    """Intensities of a pattern as in its file, of a coloured one by inverting the colour map of the published files.

    Parameters
    ----------
    path : Path
        An image file.

    Returns
    -------
    ndarray of shape (H, W)

    Raises
    ------
    ValueError
        If the file cannot be used; the message is the reason alone.
    """
    image = read_image(path)
    if is_grey(image):
        levels = grey_image(image)
    elif image.dtype != np.uint8:
        raise ValueError(f"a coloured pattern must have 8 bits per channel; got {image.dtype}")
    else:
        rgb = image[..., :3]
        residual = colour_map_residual(rgb)
        if residual > MAX_COLOUR_RESIDUAL:
            raise ValueError(
                f"coloured, but not in the colour map black-blue-red-yellow-white (mean distance {residual:.0f} "
                "levels); save its scalar intensities"
            )
        levels = inverted_colour_map(rgb)
    if levels.min() == levels.max():
        raise ValueError(f"all pixels are equal ({levels.min():g})")
    return levels


def sample_profile(sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Folded 1-D profile of a sample.

    Parameters
    ----------
    sample : Sample
        Its scattering is a text file.

    Returns
    -------
    q, intensity : ndarray of shape (N,)
        See `scattering.folded_profile`.
    unit : str
        Of q: "1/nm" where the sample has a scale of q, else what the file names, "" if nothing.

    Raises
    ------
    ValueError
        If the file cannot be used; the message is the reason alone.
    """
    q, intensity, unit = read_profile(sample.scattering)
    if sample.q_scale is not None:
        q, unit = q * sample.q_scale, "1/nm"
    folded_q, folded = folded_profile(q, intensity)
    if len(folded_q) < MIN_POINTS:
        raise ValueError(f"must hold at least {MIN_POINTS} points outside the beam stop; got {len(folded_q)}")
    return folded_q, folded, unit


def sample_micrograph(sample: Sample) -> NDArray[np.uint8]:
    """Grey micrograph of a sample, above the data bar, within its frame, in 8 bits.

    Parameters
    ----------
    sample : Sample
        Of a data folder.

    Returns
    -------
    ndarray of uint8, shape (H, W)

    Raises
    ------
    ValueError
        If the file cannot be used; the message is the reason alone.
    """
    grey = _above_bar(sample.micrograph, sample)
    return eight_bit(grey[frame_window(grey)])


def sample_truth(sample: Sample, path: Path) -> NDArray[np.bool_]:
    """True mask of a sample, of the shape of its micrograph.

    Parameters
    ----------
    sample : Sample
        Of a data folder.
    path : Path
        Its true mask, an image of two levels.

    Returns
    -------
    ndarray of bool, shape (H, W)

    Raises
    ------
    ValueError
        If a file cannot be used; the message is the reason alone.
    """
    truth = _above_bar(path, sample)
    levels = np.unique(truth)
    if len(levels) > 2:
        raise ValueError(f"a true mask must have two levels; got {len(levels)}")
    return (truth > 0)[frame_window(_above_bar(sample.micrograph, sample))]


def _above_bar(path: Path, sample: Sample) -> NDArray:
    """Grey levels of an image above the data bar."""
    return grey_image(read_image(path))[: sample.image_rows]
