"""Checks of all files of a data folder, before anything is computed from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.detectors import DETECTOR_SUFFIXES
from pairvae_lib.data.reading.images import image_header, read_image
from pairvae_lib.data.reading.listing import Listing
from pairvae_lib.data.reading.pixel_size import common_scale, file_nm_per_pixel
from pairvae_lib.data.reading.samples import LIMIT_PERCENTILES, sample_calibration, sample_levels, sample_profile

LEAST_SHARE_OF_16_BITS = 0.05  # patterns that never reach it hold counts rather than scaled intensities
LEAST_Q_COVERAGE = 0.5  # of the range of log q that is typical of the data set


@contextmanager
def noting(problems: list[str], folder: Path, path: Path) -> Iterator[None]:
    """Turn the reason why a file cannot be used into a line of `problems`.

    Parameters
    ----------
    problems : list of str
        Grows by a line if the block raises ValueError, unless the line is there already.
    folder, path : Path
        The data folder, and the file in it.
    """
    try:
        yield
    except ValueError as error:
        problem = f"{path.relative_to(folder).as_posix()}: {error}"
        if problem not in problems:  # a file is looked into more than once
            problems.append(problem)


def check_micrographs(listing: Listing, problems: list[str]) -> None:
    """Check headers of micrographs and true masks, and the pixels of float images, which may be NaN.

    Parameters
    ----------
    listing : Listing
        The data.
    problems : list of str
        Grows by a line for every fault.
    """
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.micrograph):
            header = image_header(sample.micrograph)
            rows = sample.image_rows
            if rows is not None and header.height < rows:
                raise ValueError(f"{header.height} px high, expected at least the {rows} rows above the data bar")
            if listing.image_width not in (None, header.width):
                raise ValueError(f"{header.width} px wide, expected {listing.image_width} as the paper's data")
            if header.dtype.kind == "f":
                read_image(sample.micrograph)
            if sample.truth is not None:
                with noting(problems, listing.folder, sample.truth):
                    true = image_header(sample.truth)
                    if true.width != header.width or true.height not in (header.height, rows):
                        raise ValueError(
                            f"{true.height} x {true.width} px, expected the {rows or header.height} x {header.width} "
                            "px of the micrograph"
                        )


def with_pixel_sizes(listing: Listing, problems: list[str]) -> tuple[Listing, float | None]:
    """The listing with pixel sizes from the tags of micrographs where the manifest gives none, and their common scale.

    Parameters
    ----------
    listing : Listing
        The data.
    problems : list of str
        Grows by a line for every fault, and if the sizes cannot be brought to one scale.

    Returns
    -------
    listing : Listing
    scale : float or None
        Pixel size to which all micrographs are brought [nm]; None where they stay as they are.
    """
    samples = []
    for sample in listing.samples:
        size = sample.nm_per_pixel
        if size is None and sample.has_trusted_tags and sample.micrograph.is_file():
            with noting(problems, listing.folder, sample.micrograph):
                size = file_nm_per_pixel(sample.micrograph)
        samples.append(replace(sample, nm_per_pixel=size))
    try:
        scale = common_scale([sample.nm_per_pixel for sample in samples])
    except ValueError as error:
        problems.append(f"{listing.micrograph_name}: {error}")
        scale = None
    return replace(listing, samples=tuple(samples)), scale


def with_calibrations(listing: Listing, problems: list[str]) -> Listing:
    """The listing with the q of a pattern's pixel from its calibration, where the manifest gives none.

    Parameters
    ----------
    listing : Listing
        The data.
    problems : list of str
        Grows by a line for every calibration that cannot be used.
    """
    samples = []
    for sample in listing.samples:
        if sample.poni is not None and not sample.is_averaged:
            with noting(problems, listing.folder, sample.scattering):
                known = sample_calibration(sample.poni)
                sample = replace(sample, q_scale=sample.q_scale or known.q_per_pixel)
        samples.append(sample)
    return replace(listing, samples=tuple(samples))


def check_patterns(listing: Listing, problems: list[str]) -> tuple[float, float] | None:
    """Check all patterns, and find the limits of raw counts.

    Parameters
    ----------
    listing : Listing
        The data.
    problems : list of str
        Grows by a line for every fault.

    Returns
    -------
    (low, high) or None
        log10 counts that become 0 and 1; None if no pattern holds counts (detector files; floats or wide integers
        beyond [0, 1]).
    """
    shapes: dict[Path, tuple[int, ...]] = {}
    decades: list[NDArray[np.float64]] = []
    brightest_of_16_bits: list[int] = []
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.scattering):
            levels = sample_levels(sample)
            shapes[sample.scattering] = levels.shape
            if levels.dtype == np.uint16:
                brightest_of_16_bits.append(int(levels.max()))
            elif is_detector(sample.scattering) or (
                levels.dtype not in (np.bool_, np.uint8) and (levels.min() < 0 or levels.max() > 1)
            ):
                if not (levels > 0).any():
                    raise ValueError(f"no count is positive; got {levels.min():g} to {levels.max():g}")
                decades.append(np.percentile(np.log10(levels[levels > 0], dtype=np.float64), LIMIT_PERCENTILES))
    usual = Counter(shapes.values()).most_common(1)
    if listing.one_pattern_shape and usual:
        height, width = usual[0][0]
        problems += [
            f"{path.relative_to(listing.folder).as_posix()}: {shape[0]} x {shape[1]} px, "
            f"expected {height} x {width} as most patterns"
            for path, shape in shapes.items()
            if shape != (height, width)
        ]
    if brightest_of_16_bits and max(brightest_of_16_bits) < LEAST_SHARE_OF_16_BITS * 65535:
        problems.append(
            f"{listing.scattering_name}: 16-bit patterns must hold intensities scaled to 65535, but none is above "
            f"{max(brightest_of_16_bits)}; save counts as 32-bit floats, which are scaled by their logarithm"
        )
    if not decades:
        return None
    low, high = float(np.min(decades, axis=0)[0]), float(np.max(decades, axis=0)[1])
    if low == high:
        problems.append(f"{listing.scattering_name}: all positive counts are equal")
    return low, high


def is_detector(path: Path) -> bool:
    """Whether a file is of a format of detectors, which hold counts whatever their largest."""
    return path.suffix.lower() in DETECTOR_SUFFIXES


def check_profiles(listing: Listing, problems: list[str]) -> str:
    """Check all 1-D profiles, that their units agree, and that their q ranges overlap.

    A profile that covers no more than `LEAST_Q_COVERAGE` of the typical range of log q (between the medians of the
    first and of the last q) is at fault: the common grid would shrink to it.

    Parameters
    ----------
    listing : Listing
        The data.
    problems : list of str
        Grows by a line for every fault.

    Returns
    -------
    str
        Unit of q: "1/nm", "1/angstrom", or "" where no file tells.
    """
    units: dict[Path, str] = {}
    ranges: dict[Path, tuple[float, float]] = {}
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.scattering):
            q, _, units[sample.scattering] = sample_profile(sample)
            ranges[sample.scattering] = (float(q[0]), float(q[-1]))
    if not ranges:
        return ""

    def note(path: Path, reason: str) -> None:
        problems.append(f"{path.relative_to(listing.folder).as_posix()}: {reason}")

    usual = Counter(units.values()).most_common(1)[0][0]
    for path, unit in units.items():
        if unit != usual:
            note(path, f"q in {unit or 'an unknown unit'}, expected {usual or 'no unit'} as most profiles")
    low, high = np.median(list(ranges.values()), axis=0)
    for path, (first, last) in ranges.items():
        covered = np.log(min(last, high) / max(first, low)) / np.log(high / low)
        if covered <= LEAST_Q_COVERAGE:  # profiles of more than half the range have a stretch in common
            note(path, f"covers q from {first:g} to {last:g}, too little of the usual {low:g} to {high:g}")
    return usual
