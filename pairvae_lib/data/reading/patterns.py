"""2-D patterns: intensities, pixels that hold no measurement, calibrations of pyFAI (`.poni` files).

A masked pixel (beam stop, module gaps, bad pixels) is never taken for an intensity. In an azimuthal average it is left
out. A 2-D pattern, which a model needs whole, has it filled: by its Friedel mate, the pixel opposite about the beam,
where that was measured, since I(q) = I(-q) for the transmission of thin samples; else by the mean of the measured
pixels at its distance from the beam, interpolated between rings; inside the first measured ring (behind a beam stop)
by that ring's mean. At grazing incidence (GISAXS) nothing arrives below the sample's horizon: there a masked pixel is
filled by its mirror image, left-right about the beam; else it is interpolated between the measured pixels above and
below it.
"""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from functools import lru_cache
from math import atan, hypot, isfinite, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pairvae_lib.checks import check_shape
from pairvae_lib.data.reading.decoding import field_module, unreadable_as_value_error
from pairvae_lib.data.reading.gate import text_bytes
from pairvae_lib.data.reading.images import grey_image, image_pixels, is_grey
from pairvae_lib.data.reading.process import apart
from pairvae_lib.data.scattering import inverted_colour_map

LIMIT_PERCENTILES = (0.1, 99.9)  # of intensities: a few hot points do not squeeze the rest
MAX_COLOUR_RESIDUAL = 20.0  # RGB levels; JPEG alone leaves 4-6
LEAST_SEEN = 0.1  # share of the pixels of a pattern that must hold a measurement
FARTHEST_BEAM = 10  # sizes of the pattern
LEAST_SYMMETRY = 0.6  # correlation of Friedel mates from which on a beam centre is believed that nobody gave
LEAST_OF_GIVEN = -0.2  # the same, about a beam that somebody gave; below it one side is bright where the other is dark
MAX_PONI = 2**16  # bytes
NO_BEAM = (
    "masked pixels are filled about the beam, which nobody gave, and the pattern is not {}; add a .poni file, or the "
    "columns beam_row and beam_col"
)
METHOD = ("bbox", "csr", "cython")  # pixels split over the rings that they cover; the sums are kept for a detector
_FILE_WORDS = ("file", "spline")  # in settings of a detector: names of further files


def scaled_pattern(pattern: ArrayLike, limits: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """Intensities of a scattering pattern in [0, 1].

    Parameters
    ----------
    pattern : array of shape (H, W)
        8-bit patterns, and 16-bit ones without `limits`, are scaled intensities and are divided by their type's largest
        number. Others are raw counts where `limits` are given, intensities in [0, 1] where not.
    limits : (low, high), optional
        log10 counts that become 0 and 1 (`PreparedPairs.limits`). Counts that are not positive become 0.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    values = np.asarray(pattern)
    if values.dtype in (np.bool_, np.uint8) or (values.dtype == np.uint16 and limits is None):
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


@apart
def pattern_levels(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """Intensities of a pattern as in its file, and which of its pixels hold no measurement, by the file alone.

    Parameters
    ----------
    path : Path
        An image file. Of a coloured one, the colour map of the published files is inverted.

    Returns
    -------
    levels : ndarray of shape (H, W)
        Of detector files float64.
    missing : ndarray of bool, shape (H, W)
    """
    image, pixels = image_pixels(path)
    nan = int(image.size - np.isfinite(image).sum())
    if nan == image.size:
        raise ValueError(f"{nan} of {image.size} pixels are NaN or infinite")
    missing = np.asarray(pixels.reshape(*image.shape[:2], -1).any(axis=-1), dtype=bool)
    if is_grey(image):
        return grey_image(image), missing
    if image.dtype != np.uint8:
        raise ValueError(f"a coloured pattern must have 8 bits per channel; got {image.dtype}")
    levels, residual = inverted_colour_map(image[..., :3])
    if residual > MAX_COLOUR_RESIDUAL:
        raise ValueError(
            f"coloured, but not in the colour map black-blue-red-yellow-white (mean distance {residual:.0f} "
            "levels); save its scalar intensities"
        )
    return levels, missing


@apart
def mask_pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels (H, W) that the mask file of a pattern of this shape masks: those that are not zero.

    This is the custom of fabio, pyFAI and Dectris.
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


def filled_pattern(
    levels: NDArray, missing: NDArray[np.bool_], centre: tuple[float, float] | None = None, is_grazing: bool = False
) -> NDArray:
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
    is_grazing : bool
        Whether the pattern was taken at grazing incidence; also taken for true where it is dark on the other side of
        the beam.

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
    values = levels.astype(np.float64)
    if is_grazing or (centre is not None and is_one_sided(levels, missing, centre)):
        has_mirror = _fill_from(values, missing, row=None, col=col)
        if centre is None and has_mirror.any() and _symmetry(levels, seen, (None, col)) < LEAST_SYMMETRY:
            raise ValueError(NO_BEAM.format("left-right symmetric about its middle"))
        _fill_between(values, missing & ~has_mirror)
    else:
        if centre is None and (symmetry := _symmetry(levels, seen, (row, col))) < LEAST_SYMMETRY:
            raise ValueError(
                NO_BEAM.format(
                    f"symmetric about its middle (correlation {symmetry:.2f}, expected at least {LEAST_SYMMETRY:g})"
                )
            )
        rings = _rings(levels.shape, row, col)
        counts = np.bincount(rings[seen], minlength=int(rings.max()) + 1)
        sums = np.bincount(rings[seen], weights=values[seen], minlength=len(counts))
        measured = np.flatnonzero(counts)
        values[missing] = np.interp(rings[missing], measured, sums[measured] / counts[measured])
        _fill_from(values, missing, row, col)
    if levels.dtype in (np.uint8, np.uint16):
        return np.rint(values).astype(levels.dtype)
    return values.astype(levels.dtype) if levels.dtype.kind == "f" else values


def is_one_sided(levels: NDArray, missing: NDArray[np.bool_], centre: tuple[float, float]) -> bool:
    """Whether a pattern (H, W) is dark on the other side of the beam, as at grazing incidence below the horizon."""
    return _symmetry(levels, ~missing, centre) < LEAST_OF_GIVEN


def _mates(
    shape: tuple[int, ...], row: float | None, col: float
) -> tuple[NDArray[np.bool_], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Which pixels have a mate within the pattern, and where: opposite about the beam, left-right if row is None."""
    rows, cols = np.indices(shape)
    mates = rows if row is None else np.rint(2 * row - rows).astype(np.intp), np.rint(2 * col - cols).astype(np.intp)
    inside = (mates[0] >= 0) & (mates[0] < shape[0]) & (mates[1] >= 0) & (mates[1] < shape[1])
    return inside, (np.where(inside, mates[0], 0), np.where(inside, mates[1], 0))


def _fill_from(values: NDArray, missing: NDArray[np.bool_], row: float | None, col: float) -> NDArray[np.bool_]:
    """Fill missing pixels by their mates where those were measured; returns which were filled."""
    inside, mates = _mates(values.shape, row, col)
    filled = missing & inside & ~missing[mates]
    values[filled] = values[mates][filled]
    return filled


def _fill_between(values: NDArray, missing: NDArray[np.bool_]) -> None:
    """Fill missing pixels along their column between measured ones, in a column without any by the nearest column."""
    places = np.arange(len(values))
    seen = ~missing
    known = np.flatnonzero(seen.any(axis=0))
    for col in np.flatnonzero(missing.any(axis=0)):
        source = col if seen[:, col].any() else known[np.argmin(np.abs(known - col))]
        rows, measured = missing[:, col], seen[:, source]
        values[rows, col] = np.interp(places[rows], places[measured], values[measured, source])


def _symmetry(levels: NDArray, seen: NDArray[np.bool_], centre: tuple[float | None, float]) -> float:
    """Correlation of the logarithms of measured pixels and their mates; 0 where it is not defined."""
    inside, mates = _mates(levels.shape, *centre)
    both = seen & inside & seen[mates]
    values = levels.astype(np.float64)
    pair = np.log1p(np.clip([values[both], values[mates][both]], 0, None))
    return float(np.corrcoef(pair)[0, 1]) if both.any() and (pair.std(axis=1) > 0).all() else 0.0


@lru_cache(maxsize=4)
def _rings(shape: tuple[int, int], row: float, col: float) -> NDArray[np.intp]:
    """Distance of every pixel from the beam in whole px."""
    down, across = np.arange(shape[0]) - row, np.arange(shape[1]) - col
    return np.rint(np.hypot(down[:, None], across[None])).astype(np.intp)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a `.poni` file says."""

    centre: tuple[float, float]  # (row, col) of the beam [px], the centre of the first pixel at (0, 0); may lie outside
    q_per_pixel: float  # q of one pixel next to the beam [1/nm]
    shape: tuple[int, int] | None  # (H, W) of the detector [px], where the file names one
    integrator: Any  # pyFAI's


def calibration(path: Path) -> Calibration:
    """Calibration of a `.poni` file, as pyFAI writes it."""
    with unreadable_as_value_error():
        if path.stat().st_size > MAX_PONI:
            raise ValueError(f"must be a .poni file of at most {MAX_PONI} bytes; got {path.stat().st_size}")
        return _calibration(path, text_bytes(path).decode("utf-8"))


def averaged_profile(
    levels: NDArray, missing: NDArray[np.bool_], known: Calibration
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuthal average of a pattern (H, W) by pyFAI, without the pixels that are `missing` (bool, of the same shape).

    Returns
    -------
    q : ndarray of shape (N,)
        Rising [1/nm], a point for every pixel from the beam to the farthest corner, without rings that no measured
        pixel covers.
    intensity : ndarray of shape (N,)
        Corrected for the solid angle of the pixels.
    """
    if known.shape is not None and levels.shape != known.shape:
        raise ValueError(f"must have the shape of the detector of its .poni file, {known.shape}; got {levels.shape}")
    check_shape("missing", missing, levels.shape)
    if missing.all():
        raise ValueError("no pixel holds a measurement")
    check_beam(known.centre, levels.shape)
    height, width = levels.shape
    row, col = known.centre
    corner = hypot(max(abs(row), abs(height - 1 - row)), max(abs(col), abs(width - 1 - col)))
    values = np.where(missing, 0, levels).astype(np.float32)
    with warnings.catch_warnings(), unreadable_as_value_error():
        warnings.simplefilter("ignore")  # of pyFAI's own parts
        result = known.integrator.integrate1d(
            values, max(int(corner), 2), unit="q_nm^-1", mask=missing, method=METHOD, correctSolidAngle=True
        )
    covered = np.asarray(result.count) > 0
    q, intensity = (np.asarray(part, dtype=np.float64)[covered] for part in (result.radial, result.intensity))
    return q, intensity


@apart
def averaged_pattern(
    path: Path, poni: Path, levels: NDArray, missing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `averaged_profile`, of a pattern's file by a `.poni` file: large detectors take much memory."""
    return averaged_profile(levels, missing, calibration(poni))


@lru_cache(maxsize=8)
def _calibration(path: Path, text: str) -> Calibration:
    """Calibration of a file with this text."""
    _check_alone(text)
    pyfai = field_module("pyFAI", "a calibration (.poni)")
    logging.getLogger("pyFAI").setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by us
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        integrator = pyfai.load(str(path))
    wavelength, distance = integrator.wavelength, integrator.dist
    if not wavelength or not isfinite(wavelength) or wavelength <= 0:
        raise ValueError(f"must give a Wavelength above 0; got {wavelength}")
    if not distance or not isfinite(distance) or distance <= 0:
        raise ValueError(f"must give a Distance above 0; got {distance}")
    if getattr(integrator.detector, "orientation", 3) not in (0, 3):
        raise ValueError(f"must have orientation 3, rows from the top; got {int(integrator.detector.orientation)}")
    beam = integrator.getFit2D()
    if not (isfinite(beam["centerX"]) and isfinite(beam["centerY"])):
        raise ValueError("must have a beam that meets the detector")
    pixel = beam["pixelX"] * 1e-6  # m
    q_per_pixel = 4 * pi / (wavelength * 1e9) * sin(atan(pixel / (beam["directDist"] * 1e-3)) / 2)
    shape = integrator.detector.shape
    known = None if shape is None or not all(shape) else (int(shape[0]), int(shape[1]))
    # pyFAI counts from the outer corner of the first pixel, whose centre is at one half.
    return Calibration((beam["centerY"] - 0.5, beam["centerX"] - 0.5), q_per_pixel, known, integrator)


def _check_alone(text: str) -> None:
    """Raise ValueError if a `.poni` file has pyFAI open further files."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        name = key.strip().lower()
        if line.lstrip().startswith("#"):
            continue
        if name == "detector_config":
            settings = json.loads(value)
            names = [str(word).lower() for word in settings] if isinstance(settings, dict) else []
            bad = [word for word in names if any(part in word for part in _FILE_WORDS)]
            if bad:
                raise ValueError(f"must not name further files; got {', '.join(bad)} in Detector_config")
        if any(part in name for part in _FILE_WORDS) and value.strip().lower() not in ("", "none"):
            raise ValueError(f"must not name further files; got {line.strip()[:80]!r}")
        if name == "detector" and (any(mark in value for mark in "/\\.") or Path(value.strip()).is_file()):
            raise ValueError(f"must not name further files; got {line.strip()[:80]!r}")
