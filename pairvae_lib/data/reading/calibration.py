"""Calibrations of pyFAI (`.poni` files): beam centre, q of a pixel, and azimuthal averages."""

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
from numpy.typing import NDArray

from pairvae_lib.checks import check_shape
from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.field import field_module
from pairvae_lib.data.reading.gaps import check_beam

MAX_PONI = 2**16  # bytes
METHOD = ("bbox", "csr", "cython")  # pixels split over the rings that they cover; the sums are kept for a detector
_FILE_WORDS = ("file", "spline")  # in settings of a detector: names of further files


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a `.poni` file says.

    Parameters
    ----------
    centre : (row, col)
        Where the beam meets the detector [px], the centre of the first pixel at (0, 0); it may lie outside.
    q_per_pixel : float
        q of one pixel next to the beam [1/nm].
    shape : (H, W) or None
        Of the detector [px], where the file names one.
    integrator : object
        pyFAI's.
    """

    centre: tuple[float, float]
    q_per_pixel: float
    shape: tuple[int, int] | None
    integrator: Any


def calibration(path: Path) -> Calibration:
    """Calibration of a `.poni` file.

    Parameters
    ----------
    path : Path
        Written by pyFAI.
    """
    with unreadable_as_value_error():
        if path.stat().st_size > MAX_PONI:
            raise ValueError(f"must be a .poni file of at most {MAX_PONI} bytes; got {path.stat().st_size}")
        return _calibration(path, path.read_text(encoding="utf-8"))


def averaged_profile(
    levels: NDArray, missing: NDArray[np.bool_], known: Calibration
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuthal average of a pattern by pyFAI, without its masked pixels.

    Parameters
    ----------
    levels : ndarray of shape (H, W)
        Intensities; of any value where `missing`.
    missing : ndarray of bool, shape (H, W)
        True where nothing was measured.
    known : Calibration
        Of the detector.

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
