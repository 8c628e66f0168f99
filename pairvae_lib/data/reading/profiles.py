"""Files of 1-D scattering profiles as arrays: text, and NXcanSAS (HDF5)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.decoding import unreadable_as_value_error
from pairvae_lib.data.reading.detectors import HDF5_SUFFIXES, hdf5_curve
from pairvae_lib.data.reading.gate import text_bytes
from pairvae_lib.data.reading.process import apart

PROFILE_SUFFIXES = frozenset({".dat", ".txt", ".csv", ".xy", ".chi"})
MIN_POINTS = 16

_BLANKS = str.maketrans(",;\t", "   ")
_UNIT = re.compile(
    r"(?P<nm>1\s*/\s*nm\b|\bnm\s*\^?\{?-1)|(?P<angstrom>1\s*/\s*(?:angstrom|å|a\b)|(?:angstrom|å|\ba)\s*\^?\{?-1)"
)


@apart
def read_profile(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """The q and intensity of a text file with two or three columns, or of an NXcanSAS file.

    Text is in UTF-8 or Latin-1. The numbers are separated by blanks, tabs, commas or semicolons; a third column (the
    uncertainty) is checked and left aside. Lines that start with # are comments; lines of words may stand before the
    first number.

    Returns
    -------
    q, intensity : ndarray of shape (N,)
        In the order of the file.
    unit : str
        Of q, "1/nm" or "1/angstrom" where a comment or a line of words names it, "" where none does.
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        q, intensity, unit = hdf5_curve(path)
        bad = int((~(np.isfinite(q) & np.isfinite(intensity))).sum())
        if bad:
            raise ValueError(f"{bad} of {q.size} points are NaN or infinite")
    else:
        q, intensity, unit = _text_columns(path)
    usable = int(((q != 0) & (intensity > 0)).sum())
    if usable < MIN_POINTS:
        raise ValueError(f"must hold at least {MIN_POINTS} points of positive intensity; got {usable}")
    return q, intensity, unit


def _text_columns(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """The q, intensity and unit of a text file."""
    lines = _text(path).splitlines()
    words: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        fields = line.translate(_BLANKS).split()
        if not fields:
            continue
        row = None if fields[0].startswith("#") else _numbers(fields)
        if row is None:
            if rows and not fields[0].startswith("#"):
                raise ValueError(f"line {number} is not numbers: {line.strip()[:40]!r}")
            words.append(line.lower())
            continue
        if len(row) not in (2, 3) or (rows and len(row) != len(rows[0])):
            raise ValueError(
                f"line {number} must hold q, intensity and perhaps its uncertainty; got {len(row)} numbers"
            )
        if not all(map(math.isfinite, row)):
            raise ValueError(f"line {number} holds NaN or infinity")
        rows.append(row)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), -1) if rows else np.zeros((0, 2))
    unit = _UNIT.search(" ".join(words))
    return table[:, 0], table[:, 1], "" if unit is None else "1/nm" if unit["nm"] else "1/angstrom"


def _text(path: Path) -> str:
    """The text of a file in UTF-8, else in Latin-1, in which instruments write the angstrom."""
    with unreadable_as_value_error():
        data = text_bytes(path)
        if b"\x00" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError("is no text in UTF-8 or Latin-1")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")


def _numbers(fields: list[str]) -> list[float] | None:
    """The numbers of a line; None if it has anything else."""
    try:
        return [float(field) for field in fields]
    except ValueError:
        return None
