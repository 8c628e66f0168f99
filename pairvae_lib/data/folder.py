"""Paired data: one `PairedDataset` behind three layouts of files, and what training needs of it.

Layouts: a folder with `manifest.csv` (columns: `pairvae_lib.data.reading.manifest`), which the simulator writes
too; and the paper's own, `SEM/*.tif` and `SAXS/*.jpg`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError
from pairvae_lib.config import Binarisation, Profile, profile_named
from pairvae_lib.data.dataset import PairedDataset, noting
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.preprocessing import normalised_profile, resized_pattern, standardised_profile
from pairvae_lib.data.reading.detectors import DETECTOR_SUFFIXES
from pairvae_lib.data.reading.images import common_scale, file_image_rows, file_nm_per_pixel, image_header
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.data.reading.manifest import MANIFEST, manifest_listing, paper_listing, relative_name
from pairvae_lib.data.reading.patterns import LIMIT_PERCENTILES
from pairvae_lib.data.reading.samples import UNLABELLED, Listing, SampleFiles
from pairvae_lib.data.scattering import log_q_grid

LEAST_SHARE_OF_16_BITS = 0.05  # of 65535; a median pixel below it shows that patterns hold counts, on no scale
LEAST_Q_COVERAGE = 0.5  # of the range of log q that is typical of the data set


def open_pairs(
    folder: Path | str,
    kinds: Mapping[str, str] | None = None,
    binarisation: Binarisation = Binarisation(),  # noqa: B008
) -> PairedDataset:
    """Paired data of a folder, in whichever of the layouts it has.

    All scattering is read and checked; of the micrographs, only the headers (and the pixels of float images, which
    may be NaN).

    Parameters
    ----------
    folder : Path or str
        With a `manifest.csv`, or with the folders `SEM` and `SAXS`.
    kinds : mapping of str to str, optional
        What the columns of a manifest hold where their names do not tell: "pattern", "profile", "micrograph",
        "truth" or "ignore".
    binarisation : Binarisation
        How grey micrographs become masks.

    Raises
    ------
    DataError
        With a line for every file, row or column that cannot be used.
    """
    problems: list[str] = []
    dataset = readable_pairs(folder, kinds, binarisation, problems)
    if dataset is None or problems:
        raise DataError(folder, problems)
    return dataset


def readable_pairs(
    folder: Path | str, kinds: Mapping[str, str] | None, binarisation: Binarisation, problems: list[str]
) -> PairedDataset | None:
    """What `open_pairs` can read of a folder, with its faults as lines instead of an error; None if there is no sample.

    `problems` grows by a line for every file, row or column that cannot be used. Where there are any, reading a sample
    may raise.
    """
    listing = _listing(Path(folder), kinds or {}, problems)
    if listing is None or not listing.samples:
        return None
    files = SampleFiles()
    listing, scale = _with_tags(listing, problems)
    _check_micrographs(listing, files, problems)
    listing = _with_calibrations(listing, files, problems)
    unit, limits = "", None
    if listing.is_profile:
        unit = _unit_of_profiles(listing, files, problems)
    else:
        limits = _limits_of_patterns(listing, files, problems)
    return PairedDataset(listing, binarisation, unit, limits, scale, files)


def listed_pairs(folder: Path | str) -> PairedDataset:
    """The samples that a folder lists, none of their files opened; DataError if its table is at fault."""
    problems: list[str] = []
    listing = _listing(Path(folder), {}, problems)
    if listing is None or problems:
        raise DataError(folder, problems)
    return PairedDataset(listing, Binarisation())


def _listing(folder: Path, kinds: Mapping[str, str], problems: list[str]) -> Listing | None:
    """The samples that a folder lists, in whichever of the layouts it has."""
    if (folder / MANIFEST).is_file():
        return manifest_listing(folder, kinds, problems)
    if (folder / "SEM").is_dir() and (folder / "SAXS").is_dir():
        if kinds:
            raise ValueError(f"kinds must be left out for a folder without {MANIFEST}; got {dict(kinds)}")
        return paper_listing(folder, problems)
    problems.append(
        f"holds neither {MANIFEST} nor the folders SEM and SAXS" if folder.is_dir() else "is not a folder"
    )
    return None


def _check_micrographs(listing: Listing, files: SampleFiles, problems: list[str]) -> None:
    """Check headers of micrographs and true masks, and the pixels of float images, which may be NaN."""
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.micrograph):
            header = image_header(sample.micrograph)
            rows = sample.image_rows
            if rows is not None and header.height < rows:
                raise ValueError(f"{header.height} px high, expected at least the {rows} rows above the data bar")
            if listing.image_width not in (None, header.width):
                raise ValueError(f"{header.width} px wide, expected {listing.image_width} as the paper's data")
            if header.dtype.kind == "f":
                files.keep_micrograph(sample.micrograph)
            if sample.truth is not None:
                with noting(problems, listing.folder, sample.truth):
                    true = image_header(sample.truth)
                    if true.width != header.width or true.height not in (header.height, rows):
                        raise ValueError(
                            f"{true.height} x {true.width} px, expected the {rows or header.height} x {header.width} "
                            "px of the micrograph"
                        )


def _with_tags(listing: Listing, problems: list[str]) -> tuple[Listing, float | None]:
    """The listing with what the tags of micrographs say where the manifest does not, and their common scale.

    These are the pixel sizes and the rows above the data bar.

    The scale [nm] is that to which all micrographs are brought, None where they stay as they are.
    """
    samples = []
    for sample in listing.samples:
        if sample.has_trusted_tags and sample.micrograph.is_file():
            with noting(problems, listing.folder, sample.micrograph):
                size = file_nm_per_pixel(sample.micrograph) if sample.nm_per_pixel is None else None
                rows = file_image_rows(sample.micrograph) if sample.image_rows is None else None
                told = {"nm_per_pixel": size, "image_rows": rows}
                sample = replace(
                    sample,
                    nm_per_pixel=sample.nm_per_pixel if size is None else size,
                    image_rows=sample.image_rows if rows is None else rows,
                    from_tags=tuple(name for name, value in told.items() if value is not None),
                )
        samples.append(sample)
    listing = replace(listing, samples=tuple(samples))
    try:
        return listing, common_scale([sample.nm_per_pixel for sample in samples])
    except ValueError as error:
        problems.append(f"{listing.micrograph_name}: {error}")
        return listing, None


def _with_calibrations(listing: Listing, files: SampleFiles, problems: list[str]) -> Listing:
    """The listing with the q of a pattern's pixel from its calibration, where the manifest gives none."""
    samples = []
    for sample in listing.samples:
        if sample.poni is not None and not sample.is_averaged:
            with noting(problems, listing.folder, sample.scattering):
                known = files.calibration(sample.poni)
                sample = replace(sample, q_scale=sample.q_scale or known.q_per_pixel)
        samples.append(sample)
    return replace(listing, samples=tuple(samples))


def _limits_of_patterns(listing: Listing, files: SampleFiles, problems: list[str]) -> tuple[float, float] | None:
    """The log10 counts that become 0 and 1, of patterns that are checked.

    None if no pattern holds counts, as those of detector files do, floats or wide integers beyond [0, 1], and 16-bit
    images of which a typical pixel is dark on their scale.
    """
    shapes: dict[Path, tuple[int, ...]] = {}
    decades: list[NDArray[np.float64]] = []
    of_16_bits: list[tuple[float, NDArray[np.float64]]] = []
    of_8_bits: list[Path] = []
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.scattering):
            levels = files.levels(sample)
            shapes[sample.scattering] = levels.shape
            is_detector = sample.scattering.suffix.lower() in DETECTOR_SUFFIXES
            is_scaled = levels.dtype in (np.bool_, np.uint8)
            if is_scaled:
                of_8_bits.append(sample.scattering)
            if levels.dtype == np.uint16:
                of_16_bits.append((float(np.median(levels)), _decades(levels)))
            elif is_detector or (not is_scaled and (levels.min() < 0 or levels.max() > 1)):
                decades.append(_decades(levels))
    if of_16_bits and (decades or np.median([median for median, _ in of_16_bits]) < LEAST_SHARE_OF_16_BITS * 65535):
        decades += [own for _, own in of_16_bits]
    if decades and of_8_bits:
        problems.append(
            f"{listing.scattering_name}: mixes raw counts and images of 8 bits ({len(of_8_bits)}, e.g. "
            f"{relative_name(listing.folder, of_8_bits[0])}), which cannot be brought on one scale"
        )
    usual = Counter(shapes.values()).most_common(1)
    if listing.one_pattern_shape and usual:
        height, width = usual[0][0]
        problems += [
            f"{relative_name(listing.folder, path)}: {shape[0]} x {shape[1]} px, "
            f"expected {height} x {width} as most patterns"
            for path, shape in shapes.items()
            if shape != (height, width)
        ]
    if not decades:
        return None
    low, high = float(np.min(decades, axis=0)[0]), float(np.max(decades, axis=0)[1])
    if low == high:
        problems.append(f"{listing.scattering_name}: all positive counts are equal")
    return low, high


def _decades(levels: NDArray) -> NDArray[np.float64]:
    """The log10 counts of a pattern that `LIMIT_PERCENTILES` of its positive pixels have."""
    if not (levels > 0).any():
        raise ValueError(f"no count is positive; got {levels.min():g} to {levels.max():g}")
    return np.percentile(np.log10(levels[levels > 0], dtype=np.float64), LIMIT_PERCENTILES)


def _unit_of_profiles(listing: Listing, files: SampleFiles, problems: list[str]) -> str:
    """Unit of q of 1-D profiles, that of most; "" where the manifest says that it is unknown.

    Other known units are converted. The ranges of q must overlap: a profile that covers no more than `LEAST_Q_COVERAGE`
    of the typical range of log q (between the medians of the first and of the last q) is at fault, for the common grid
    would shrink to it.
    """
    units: dict[Path, str] = {}
    ranges: dict[Path, tuple[float, float]] = {}
    for sample in listing.samples:
        with noting(problems, listing.folder, sample.scattering):
            curve = files.profile(sample)
            units[sample.scattering] = curve.unit
            ranges[sample.scattering] = (float(curve.q[0]), float(curve.q[-1]))
    if not ranges:
        return ""

    def note(path: Path, reason: str) -> None:
        problems.append(f"{relative_name(listing.folder, path)}: {reason}")

    known = Counter(unit for unit in units.values() if unit).most_common(1)
    usual = known[0][0] if known else ""
    if not usual and any(not sample.q_unit for sample in listing.samples):
        problems.append(
            f"{listing.scattering_name}: no file names the unit of q; add a column q_unit with {' or '.join(UNITS)} "
            "(or unknown, if nobody knows it)"
        )
    for path, unit in units.items():
        if usual and not unit:
            note(path, f"q in an unknown unit, and in {usual} in most profiles; say it in a column q_unit")
        elif unit != usual:
            ranges[path] = tuple(q * UNITS[unit] / UNITS[usual] for q in ranges[path])  # type: ignore[assignment]
    low, high = np.median(list(ranges.values()), axis=0)
    for path, (first, last) in ranges.items():
        covered = np.log(min(last, high) / max(first, low)) / np.log(high / low)
        if covered <= LEAST_Q_COVERAGE:  # profiles of more than half the range have a stretch in common
            note(path, f"covers q from {first:g} to {last:g}, too little of the usual {low:g} to {high:g}")
    return usual


def prepare(dataset: PairedDataset, profile: Profile | str) -> PreparedPairs:
    """All pairs as training sees them: patterns resized or profiles on a common q grid, and whole masks.

    The q grid spans the range that all profiles cover. Their standardised log intensities become [0, 1] by limits
    common to the data set, the `LIMIT_PERCENTILES` of all values.

    Parameters
    ----------
    dataset : PairedDataset
        Opened with the profile's binarisation.
    profile : Profile or str
        Its `image_size` is the size of the patterns and of the crops, its `profile_points` that of 1-D profiles.

    Raises
    ------
    DataError
        With a line for every file that cannot be used, or whose image is smaller than the crop.
    """
    profile = profile_named(profile) if isinstance(profile, str) else profile
    if dataset.binarisation != profile.binarisation:
        raise ValueError(
            f"dataset must be opened with binarisation={profile.binarisation} of profile {profile.name!r}; "
            f"got {dataset.binarisation}"
        )
    size = profile.image_size
    problems: list[str] = []
    scattering, masks = [], []
    for index, sample in enumerate(dataset.listing.samples):
        try:
            scattering.append(dataset.scattering(index))
        except DataError as error:
            problems += error.problems
        try:
            masks.append(dataset.mask(index))
        except DataError as error:
            problems += error.problems
        else:
            height, width = masks[-1].shape
            if min(height, width) < size:
                name = sample.micrograph.relative_to(dataset.folder).as_posix()
                problems.append(f"{name}: micrograph of {height} x {width} px is smaller than the crop of {size} px")
    if problems:
        raise DataError(dataset.folder, problems)
    q, limits, q_per_pixel = None, dataset.pattern_limits, None
    if dataset.is_profile:
        first, last = max(q[0] for q, _ in scattering), min(q[-1] for q, _ in scattering)
        q = log_q_grid(first, last, profile.profile_points)
        decades = [standardised_profile(own_q, intensity, q) for own_q, intensity in scattering]
        low, high = np.percentile(decades, LIMIT_PERCENTILES)
        limits = (float(low), float(high))
        values = np.stack([normalised_profile(own_q, intensity, q, limits) for own_q, intensity in scattering])
    else:
        values = np.stack([resized_pattern(pattern, size) for pattern in scattering])
        q_per_pixel = None if dataset.q_scale is None else tuple(
            # a pattern that is not square has another scale along its rows than along its columns
            float(scale) * pattern.shape[0] / size if pattern.shape[0] == pattern.shape[1] else float("nan")
            for scale, pattern in zip(dataset.q_scale, map(np.asarray, scattering), strict=True)
        )
    sizes = dataset.nm_per_pixel
    return PreparedPairs(
        sample_ids=dataset.sample_ids,
        morphologies=dataset.morphologies or (UNLABELLED,) * len(dataset),
        groups=dataset.groups,
        modalities=(
            Modality(dataset.scattering_name, values.shape[1:], "gaussian"),
            Modality(dataset.micrograph_name, (size, size), "bernoulli"),
        ),
        scattering=values[:, None],
        masks=tuple(masks),
        q=q,
        q_unit=dataset.q_unit,
        limits=limits,
        nm_per_pixel=None if sizes is None else tuple(map(float, sizes)),
        q_per_pixel=q_per_pixel,
    )
