"""From the files of one sample to its measurements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pairvae_lib.data.reading.calibration import Calibration, averaged_profile, calibration
from pairvae_lib.data.reading.gaps import filled_pattern, mask_pixels
from pairvae_lib.data.reading.images import eight_bit, frame_window, grey_image, image_pixels, is_grey, read_image
from pairvae_lib.data.reading.listing import Sample
from pairvae_lib.data.reading.profiles import MIN_POINTS, read_profile
from pairvae_lib.data.scattering import colour_map_residual, folded_profile, inverted_colour_map

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


def pattern_levels(path: Path, mask: Path | None = None, beam: tuple[float, float] | None = None) -> NDArray:
    """Intensities of a pattern as in its file, of a coloured one by inverting the colour map of the published files.

    Pixels that hold no measurement are filled, see `gaps.filled_pattern`.

    Parameters
    ----------
    path : Path
        An image file.
    mask : Path, optional
        An image file, not zero at pixels to leave out, beside those that the pattern itself marks.
    beam : (row, col), optional
        Where the beam meets the detector [px]; the middle if not given.

    Returns
    -------
    ndarray of shape (H, W)
        Of detector files float64.
    """
    levels, missing = measured_levels(path, mask)
    return filled_pattern(levels, missing, beam)


def measured_levels(path: Path, mask: Path | None = None) -> tuple[NDArray, NDArray[np.bool_]]:
    """Intensities of a pattern, and which of its pixels hold no measurement.

    Parameters
    ----------
    path, mask : Path
        See `pattern_levels`.

    Returns
    -------
    levels : ndarray of shape (H, W)
    missing : ndarray of bool, shape (H, W)
    """
    image, pixels = image_pixels(path)
    nan = int(image.size - np.isfinite(image).sum())
    if nan == image.size:
        raise ValueError(f"{nan} of {image.size} pixels are NaN or infinite")
    missing = np.asarray(pixels.reshape(*image.shape[:2], -1).any(axis=-1), dtype=bool)
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
    if mask is not None:
        missing = missing | mask_pixels(mask, levels.shape)
    seen = levels[~missing]
    if not seen.size:
        raise ValueError("no pixel holds a measurement")
    if seen.min() == seen.max():
        raise ValueError(f"all pixels are equal ({seen.min():g})")
    return levels, missing


def sample_levels(sample: Sample) -> NDArray:
    """Intensities of the pattern of a sample, filled where the detector saw nothing.

    Parameters
    ----------
    sample : Sample
        Of a data folder, its scattering an image; its beam by its own words, else by its calibration.

    Returns
    -------
    ndarray of shape (H, W)
    """
    return pattern_levels(sample.scattering, sample.detector_mask, sample_beam(sample))


def sample_beam(sample: Sample) -> tuple[float, float] | None:
    """Where the beam meets the detector [px]: by the sample's own words, else by its calibration; None if unknown."""
    if sample.beam is not None or sample.poni is None:
        return sample.beam
    return sample_calibration(sample.poni).centre


def sample_calibration(poni: Path) -> Calibration:
    """A calibration of a data folder, named where it is at fault."""
    try:
        return calibration(poni)
    except ValueError as error:
        raise ValueError(f"its calibration {poni.name}: {error}") from error


def sample_profile(sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Folded 1-D profile of a sample.

    Parameters
    ----------
    sample : Sample
        Its scattering is a text file or an NXcanSAS file; or a detector image to be averaged, with its calibration.

    Returns
    -------
    q, intensity : ndarray of shape (N,)
        See `scattering.folded_profile`.
    unit : str
        Of q: "1/nm" where the sample has a scale of q or a calibration, else what the file names, "" if nothing.
    """
    if sample.is_averaged and sample.poni is not None:
        levels, missing = measured_levels(sample.scattering, sample.detector_mask)
        q, intensity = averaged_profile(levels, missing, sample_calibration(sample.poni))
        unit = "1/nm"
    else:
        q, intensity, unit = read_profile(sample.scattering)
    if sample.q_scale is not None and not sample.is_averaged:
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
    """
    truth = _above_bar(path, sample)
    levels = np.unique(truth)
    if len(levels) > 2:
        raise ValueError(f"a true mask must have two levels; got {len(levels)}")
    return (truth > 0)[frame_window(_above_bar(sample.micrograph, sample))]


def _above_bar(path: Path, sample: Sample) -> NDArray:
    """Grey levels of an image above the data bar."""
    return grey_image(read_image(path))[: sample.image_rows]
