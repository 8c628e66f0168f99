"""Files of area detectors: EDF and CBF through fabio, HDF5 (NeXus, Eiger) through h5py."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.field import field_module
from pairvae_lib.data.reading.hdf5 import HDF5_SUFFIXES, hdf5_image, hdf5_image_shape

FABIO_SUFFIXES = frozenset({".edf", ".cbf"})
DETECTOR_SUFFIXES = FABIO_SUFFIXES | HDF5_SUFFIXES

MAX_HEADER = 2**16  # bytes in which a header must end
MAX_DUMMIES = 2  # distinct negative levels of a float image up to which they mark pixels, and are not noise about zero


def detector_shape(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape (height, width) and type of the image of a detector file, by its header alone.

    Parameters
    ----------
    path : Path
        A file with one of `DETECTOR_SUFFIXES`.
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        return hdf5_image_shape(path)
    with unreadable_as_value_error():
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(MAX_HEADER)
        return _edf_shape(head, size) if path.suffix.lower() == ".edf" else _cbf_shape(head, size)


def detector_image(path: Path) -> tuple[NDArray, NDArray[np.bool_]]:
    """Image of a detector file, and the pixels at which it says itself that it saw nothing.

    These are the pixels of the file's own mask (Eiger), of its dummy value (EDF), and those of `no_signal`.

    Parameters
    ----------
    path : Path
        A file with one of `DETECTOR_SUFFIXES`, whose header was checked.

    Returns
    -------
    levels : ndarray of float64, shape (H, W)
        Counts; of any value where `missing`.
    missing : ndarray of bool, shape (H, W)
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        levels, missing = hdf5_image(path)
    else:
        fabio = field_module("fabio", f"reading {path.suffix.upper()[1:]}")
        logging.getLogger("fabio").setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by us
        with unreadable_as_value_error(), fabio.open(str(path)) as image:
            if image.nframes != 1:
                raise ValueError(f"must hold one image; got {image.nframes} frames: sum or split them first")
            levels, header = np.asarray(image.data), dict(image.header)
        missing = _dummies(levels, header)
    if levels.ndim != 2:
        raise ValueError(f"must hold one image of two axes; got shape {levels.shape}")
    return levels.astype(np.float64), missing | no_signal(levels, is_detector=True)


def no_signal(levels: NDArray, is_detector: bool = False) -> NDArray[np.bool_]:
    """Pixels that hold no measurement by the customs of detectors.

    NaN and infinity; of integers what is negative, and the largest number of unsigned 32 and 64 bits (of detector
    files of every unsigned type); of floats negative values, if they are no more than `MAX_DUMMIES` different ones
    (others are noise about zero).

    Parameters
    ----------
    levels : ndarray of shape (H, W)
        As in the file.
    is_detector : bool
        Whether the file is of a format of detectors: then the largest number of 8 and 16 bits marks pixels, too.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    kind = levels.dtype.kind
    if kind == "b":
        return np.zeros(levels.shape, dtype=bool)
    if kind == "u":
        if levels.dtype.itemsize < 4 and not is_detector:
            return np.zeros(levels.shape, dtype=bool)
        return levels == np.iinfo(levels.dtype).max
    if kind == "i":
        return levels < 0
    missing = ~np.isfinite(levels)
    negative = (levels < 0) & ~missing
    if negative.any() and len(np.unique(levels[negative])) <= MAX_DUMMIES:
        missing |= negative
    return missing


def _dummies(levels: NDArray, header: dict) -> NDArray[np.bool_]:
    """Pixels of the value that an EDF header calls Dummy."""
    keys = {str(key).lower(): value for key, value in header.items()}
    try:
        dummy, width = float(keys["dummy"]), float(keys.get("ddummy", 0))
    except (KeyError, ValueError):
        return np.zeros(levels.shape, dtype=bool)
    return np.abs(levels.astype(np.float64) - dummy) <= abs(width)


def _edf_shape(head: bytes, size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type by an EDF header."""
    start, end = head.find(b"{"), head.find(b"}")
    if not 0 <= start < end:
        raise ValueError("is no EDF file: no header in braces")
    text = head[start:end].decode("latin-1")
    fields = {key.strip().lower(): value.strip() for key, value in re.findall(r"([^=;{]+)=([^;]*);", text)}
    dtype = _typed(fields.get("datatype", ""), "edf")
    height, width = _whole(fields.get("dim_2", ""), "Dim_2"), _whole(fields.get("dim_1", ""), "Dim_1")
    if "dim_3" in fields and fields["dim_3"] != "1":
        raise ValueError(f"must hold one image; got a stack of {fields['dim_3']}")
    expected, held = height * width * dtype.itemsize, size - (end + 2)  # a line ends after the brace
    if fields.get("compression", "none").lower() in ("", "none") and held < expected:
        raise ValueError(f"is cut: {held} bytes of pixels, expected {expected} for {height} x {width} px")
    return (height, width), dtype


def _cbf_shape(head: bytes, size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type by a CBF header."""
    start = head.find(b"--CIF-BINARY-FORMAT-SECTION--")
    end = head.find(b"\x0c\x1a\x04\xd5")
    if not 0 <= start < end:
        raise ValueError("is no CBF file: no binary section")
    text = head[start:end].decode("latin-1")
    fields = {key.lower(): value for key, value in re.findall(r"([\w-]+):\s*\"?([^\"\r\n]*)", text)}
    dtype = _typed(fields.get("x-binary-element-type", ""), "cbf")
    height = _whole(fields.get("x-binary-size-second-dimension", ""), "X-Binary-Size-Second-Dimension")
    width = _whole(fields.get("x-binary-size-fastest-dimension", ""), "X-Binary-Size-Fastest-Dimension")
    held = size - (end + 4)
    binary = _whole(fields.get("x-binary-size", ""), "X-Binary-Size")
    # Byte offset, the compression of CBF, takes at least a byte for a pixel.
    if held < binary or binary < height * width:
        raise ValueError(
            f"is cut: {held} bytes of pixels in the file, {binary} by its header, for {height} x {width} px"
        )
    return (height, width), dtype


def _typed(name: str, format_name: str) -> np.dtype:
    """Type of pixels by its name in headers of a format, as fabio knows them."""
    types = field_module(f"fabio.{format_name}image", f"reading {format_name.upper()}").DATA_TYPES
    if name not in types:
        raise ValueError(f"holds pixels of an unknown type; got {name[:40]!r}")
    return np.dtype(types[name])


def _whole(text: str, name: str) -> int:
    """A whole number of a header."""
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise ValueError(f"{name} must be a whole number; got {text[:40]!r}")
    return int(text)
