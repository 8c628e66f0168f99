"""Pixel sizes of micrographs: from what the microscope wrote into the file, and on one scale for a data set."""

from __future__ import annotations

import math
import re
from pathlib import Path

import tifffile

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.images import TIFF_SUFFIXES

SAME_SCALE = 0.01  # relative difference of pixel sizes up to which images are left as they are
MAX_SCALE_RATIO = 4.0  # coarsest over finest; beyond it the finest images would lose what they are good for

_NANOMETRES = {
    "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "å": 0.1, "angstrom": 0.1, "pm": 1e-3, "mm": 1e6, "m": 1e9,
}  # fmt: skip


def file_nm_per_pixel(path: Path) -> float | None:
    """Pixel size that a microscope or ImageJ wrote into a TIFF file.

    FEI and Thermo (PixelWidth), Zeiss (Image Pixel Size, else Pixel Size), ImageJ (resolution and its unit). A plain
    resolution in dots per inch is that of a printer, and is left aside.

    Parameters
    ----------
    path : Path
        An image file; only TIFF has such tags.

    Returns
    -------
    float or None
        [nm]; None where the file does not say.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with unreadable_as_value_error(), tifffile.TiffFile(path) as tiff:
        sides = _fei(tiff) or _zeiss(tiff) or _imagej(tiff)
    if sides is None:
        return None
    across, down = sides
    if not (math.isfinite(across) and math.isfinite(down) and across > 0 and down > 0):
        raise ValueError(f"pixel size in its tags must be positive; got {across:g} x {down:g} nm")
    if abs(across - down) > SAME_SCALE * across:
        raise ValueError(f"must have square pixels; got {across:g} x {down:g} nm in its tags")
    return across


def common_scale(sizes: list[float | None]) -> float | None:
    """The pixel size to which all micrographs of a data set are brought: the coarsest, which invents no detail.

    Parameters
    ----------
    sizes : list of float or None
        Pixel sizes [nm]; None where unknown.

    Returns
    -------
    float or None
        [nm]; None where all stay as they are: nothing is known, or all agree to within `SAME_SCALE`.
    """
    known = [size for size in sizes if size is not None]
    if not known:
        return None
    if len(known) < len(sizes):
        raise ValueError(
            f"the pixel size is known of {len(known)} of {len(sizes)} micrographs, so that they cannot be brought to "
            "one scale; fill the column nm_per_pixel for all, or write unknown in it for all"
        )
    finest, coarsest = min(known), max(known)
    if coarsest > MAX_SCALE_RATIO * finest:
        raise ValueError(
            f"pixel sizes from {finest:g} to {coarsest:g} nm differ by more than a factor of {MAX_SCALE_RATIO:g}; "
            "leave out the micrographs of one magnification"
        )
    return None if coarsest <= (1 + SAME_SCALE) * finest else coarsest


def _fei(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of FEI and Thermo."""
    scan = (tiff.fei_metadata or {}).get("Scan") or {}
    if "PixelWidth" not in scan:
        return None
    width = float(scan["PixelWidth"])
    return width * 1e9, float(scan.get("PixelHeight", width)) * 1e9


def _zeiss(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of Zeiss."""
    tags = tiff.sem_metadata or {}
    for name in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = tags.get(name)
        if isinstance(entry, tuple) and len(entry) == 3 and str(entry[2]).lower() in _NANOMETRES:
            size = float(entry[1]) * _NANOMETRES[str(entry[2]).lower()]
            return size, size
    return None


def _imagej(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Width and height of a pixel [nm] by the tags of ImageJ, where its unit is one of length."""
    unit = str((tiff.imagej_metadata or {}).get("unit", "")).strip().lower()
    unit = re.sub(r"\\u00b5", "µ", unit)
    tags = tiff.pages.first.tags
    if unit not in _NANOMETRES or "XResolution" not in tags or "YResolution" not in tags:
        return None
    (x_count, x_units), (y_count, y_units) = tags["XResolution"].value, tags["YResolution"].value
    if not (x_count and y_count):
        raise ValueError("pixel size in its tags must be positive; got a resolution of 0")
    return x_units / x_count * _NANOMETRES[unit], y_units / y_count * _NANOMETRES[unit]
