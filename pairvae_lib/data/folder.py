"""Paired data: one `PairedDataset` behind three layouts of files, and what training needs of it.

Layouts: a folder with `manifest.csv` (columns: `pairvae_lib.data.reading.manifest`), which the simulator writes
too; and the paper's own, `SEM/*.tif` and `SAXS/*.jpg`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError
from pairvae_lib.config import Binarisation, Profile, profile_named
from pairvae_lib.data.dataset import PairedDataset, noting
from pairvae_lib.data.modality import KINDS, NAMELESS, WHOLE, Axis, Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs
from pairvae_lib.data.preprocessing import normalised_profile, resized_pattern, standardised_profile
from pairvae_lib.data.reading.detectors import DETECTOR_SUFFIXES
from pairvae_lib.data.reading.images import common_scale, file_image_rows, file_nm_per_pixel, image_header
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.data.reading.manifest import MANIFEST, manifest_listing, paper_listing, relative_name
from pairvae_lib.data.reading.patterns import LIMIT_PERCENTILES
from pairvae_lib.data.reading.profiles import Curve
from pairvae_lib.data.reading.samples import UNLABELLED, Listing, MeasuredFile, SampleFiles

Part = TypeVar("Part")

LEAST_SHARE_OF_16_BITS = 0.05  # of 65535; a median pixel below it shows that patterns hold counts, on no scale
LEAST_COVERAGE = 0.5  # of the range of (log) q, or of another axis, that is typical of the data set
LOG_DECADES = 2  # spanned by the values of a profile, from which on their logarithm is seen


def open_pairs(
    folder: Path | str,
    kinds: Mapping[str, str] | None = None,
    binarisation: Binarisation = Binarisation(),  # noqa: B008
) -> PairedDataset:
    """Paired data of a folder, in whichever of the layouts it has.

    All profiles and patterns are read and checked; of the micrographs, only the headers (and the pixels of float
    images, which may be NaN).

    Parameters
    ----------
    folder : Path or str
        With a `manifest.csv`, or with the folders `SEM` and `SAXS`.
    kinds : mapping of str to str, optional
        What the columns of a manifest hold where their names do not tell: "profile", "pattern", "image", "mask",
        "truth", "detector_mask" or "ignore".
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
    for place in (1, 0):
        technique = listing.techniques[place]
        if technique.kind == "profile":
            listing = _with_axis(listing, place, files, problems)
        elif technique.kind == "pattern":
            listing = _with_limits(_with_calibrations(listing, place, files, problems), place, files, problems)
        else:
            listing = _with_tags(listing, place, problems)
            _check_micrographs(listing, place, files, problems)
    return PairedDataset(listing, binarisation, files)


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


def _changed(
    listing: Listing, place: int, files: Iterable[MeasuredFile] | None = None, **facts: Any
) -> Listing:
    """The listing with other files of a technique, or other facts of it."""
    if files is not None:
        pairs = zip(listing.samples, files, strict=True)
        samples = [replace(one, files=_placed(one.files, place, file)) for one, file in pairs]
        listing = replace(listing, samples=tuple(samples))
    changed = replace(listing.techniques[place], **facts)
    return replace(listing, techniques=_placed(listing.techniques, place, changed))


def _placed(pair: tuple[Part, Part], place: int, part: Part) -> tuple[Part, Part]:
    """A pair with another part at this place."""
    return (pair[0], part) if place else (part, pair[1])


def _check_micrographs(listing: Listing, place: int, files: SampleFiles, problems: list[str]) -> None:
    """Check headers of micrographs and true masks, and the pixels of float images, which may be NaN."""
    for sample in listing.samples:
        file = sample.files[place]
        with noting(problems, listing.folder, file.path):
            header = image_header(file.path)
            rows = file.image_rows
            if rows is not None and header.height < rows:
                raise ValueError(f"{header.height} px high, expected at least the {rows} rows above the data bar")
            if listing.image_width not in (None, header.width):
                raise ValueError(f"{header.width} px wide, expected {listing.image_width} as the paper's data")
            if header.dtype.kind == "f":
                files.keep_micrograph(file.path)
            if sample.truth is not None and place == _place_of_truth(listing):
                with noting(problems, listing.folder, sample.truth):
                    true = image_header(sample.truth)
                    if true.width != header.width or true.height not in (header.height, rows):
                        raise ValueError(
                            f"{true.height} x {true.width} px, expected the {rows or header.height} x {header.width} "
                            "px of the micrograph"
                        )


def _place_of_truth(listing: Listing) -> int:
    """To which technique true masks belong: masks, else images."""
    return max((0, 1), key=lambda place: KINDS.index(listing.techniques[place].kind))


def _with_tags(listing: Listing, place: int, problems: list[str]) -> Listing:
    """The listing with what the tags of micrographs say where the manifest does not, and their common scale.

    These are the pixel sizes and the rows above the data bar. The scale [nm] is that to which all micrographs are
    brought, None where they stay as they are.
    """
    told = []
    for file in listing.files(place):
        if file.has_trusted_tags and file.path.is_file():
            with noting(problems, listing.folder, file.path):
                size = file_nm_per_pixel(file.path) if file.nm_per_pixel is None else None
                rows = file_image_rows(file.path) if file.image_rows is None else None
                facts = {"nm_per_pixel": size, "image_rows": rows}
                file = replace(
                    file,
                    nm_per_pixel=file.nm_per_pixel if size is None else size,
                    image_rows=file.image_rows if rows is None else rows,
                    from_tags=tuple(name for name, value in facts.items() if value is not None),
                )
        told.append(file)
    scale = None
    try:
        scale = common_scale([file.nm_per_pixel for file in told])
    except ValueError as error:
        problems.append(f"{listing.techniques[place].name}: {error}")
    return _changed(listing, place, told, nm_per_pixel=scale)


def _with_calibrations(listing: Listing, place: int, files: SampleFiles, problems: list[str]) -> Listing:
    """The listing with the q of a pattern's pixel from its calibration, where the manifest gives none."""
    told = []
    for file in listing.files(place):
        if file.poni is not None:
            with noting(problems, listing.folder, file.path):
                known = files.calibration(file.poni)
                file = replace(file, q_scale=file.q_scale or known.q_per_pixel)
        told.append(file)
    return _changed(listing, place, told)


def _with_limits(listing: Listing, place: int, files: SampleFiles, problems: list[str]) -> Listing:
    """The listing with the log10 counts that become 0 and 1, of patterns that are checked.

    None if no pattern holds counts, as those of detector files do, floats or wide integers beyond [0, 1], and 16-bit
    images of which a typical pixel is dark on their scale.
    """
    name = listing.techniques[place].name
    shapes: dict[Path, tuple[int, ...]] = {}
    decades: list[NDArray[np.float64]] = []
    of_16_bits: list[tuple[float, NDArray[np.float64]]] = []
    of_8_bits: list[Path] = []
    for file in listing.files(place):
        with noting(problems, listing.folder, file.path):
            levels = files.levels(file)
            shapes[file.path] = levels.shape
            is_detector = file.path.suffix.lower() in DETECTOR_SUFFIXES
            is_scaled = levels.dtype in (np.bool_, np.uint8)
            if is_scaled:
                of_8_bits.append(file.path)
            if levels.dtype == np.uint16:
                of_16_bits.append((float(np.median(levels)), _decades(levels)))
            elif is_detector or (not is_scaled and (levels.min() < 0 or levels.max() > 1)):
                decades.append(_decades(levels))
    if of_16_bits and (decades or np.median([median for median, _ in of_16_bits]) < LEAST_SHARE_OF_16_BITS * 65535):
        decades += [own for _, own in of_16_bits]
    if decades and of_8_bits:
        problems.append(
            f"{name}: mixes raw counts and images of 8 bits ({len(of_8_bits)}, e.g. "
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
        return listing
    low, high = float(np.min(decades, axis=0)[0]), float(np.max(decades, axis=0)[1])
    if low == high:
        problems.append(f"{name}: all positive counts are equal")
    return _changed(listing, place, limits=(low, high))


def _decades(levels: NDArray) -> NDArray[np.float64]:
    """The log10 counts of a pattern that `LIMIT_PERCENTILES` of its positive pixels have."""
    if not (levels > 0).any():
        raise ValueError(f"no count is positive; got {levels.min():g} to {levels.max():g}")
    return np.percentile(np.log10(levels[levels > 0], dtype=np.float64), LIMIT_PERCENTILES)


def _with_axis(listing: Listing, place: int, files: SampleFiles, problems: list[str]) -> Listing:
    """The listing with what its profiles are over, as most of them say; the others are at fault.

    Known units of q are converted to that of most; it is "" where the manifest says that it is unknown. The ranges must
    overlap: a profile that covers no more than `LEAST_COVERAGE` of the typical range (between the medians of the first
    and of the last point) is at fault, for the common grid would shrink to it.
    """
    name = listing.techniques[place].name
    curves: dict[Path, Curve] = {}
    for file in listing.files(place):
        with noting(problems, listing.folder, file.path):
            curves[file.path] = files.profile(file)
    if not curves:
        return listing

    def note(path: Path, reason: str) -> None:
        problems.append(f"{relative_name(listing.folder, path)}: {reason}")

    over = Counter(curve.axis for curve in curves.values()).most_common(1)[0][0]
    for path, curve in list(curves.items()):
        if curve.axis != over:
            own, others = (name or "an axis without a name" for name in (curve.axis, over))
            note(path, f"is over {own}, and most profiles are over {others}")
            del curves[path]
    known = Counter(curve.unit for curve in curves.values() if curve.unit).most_common(1)
    usual = known[0][0] if known else ""
    if over == "q" and not usual and any(not file.q_unit for file in listing.files(place)):
        problems.append(
            f"{name}: no file names the unit of q; add a column q_unit with {' or '.join(UNITS)} (or unknown, if "
            "nobody knows it)"
        )
    ranges = {path: (float(curve.q[0]), float(curve.q[-1])) for path, curve in curves.items()}
    for path, curve in curves.items():
        if over == "q" and usual and not curve.unit:
            note(path, f"q in an unknown unit, and in {usual} in most profiles; say it in a column q_unit")
        elif over == "q" and curve.unit != usual:
            first, last = (q * UNITS[curve.unit] / UNITS[usual] for q in ranges[path])
            ranges[path] = first, last
        elif curve.unit != usual:
            note(path, f"its {over} is in {curve.unit or 'an unknown unit'}, and in {usual} in most profiles")
    axis = Axis(over or NAMELESS, usual, over == "q" or _is_log_spaced([curve.q for curve in curves.values()]))
    low, high = np.median(list(ranges.values()), axis=0)
    for path, (first, last) in ranges.items():
        if axis.is_log and min(low, first) > 0:
            covered = np.log(min(last, high) / max(first, low)) / np.log(high / low)
        else:
            covered = (min(last, high) - max(first, low)) / (high - low)
        if covered <= LEAST_COVERAGE:  # profiles of more than half the range have a stretch in common
            note(path, f"covers {axis.name} from {first:g} to {last:g}, too little of the usual {low:g} to {high:g}")
    is_log = over == "q" or _is_of_decades([curve.intensity for curve in curves.values()])
    return _changed(listing, place, axis=axis, is_log=is_log)


def _is_log_spaced(points: list[NDArray[np.float64]]) -> bool:
    """Whether the points of most profiles are nearer to equal steps of the logarithm than to equal steps."""
    if any(x[0] <= 0 for x in points):
        return False
    uneven = [(np.std(steps) / np.mean(steps) for steps in (np.diff(np.log(x)), np.diff(x))) for x in points]
    return bool(np.median([by_log < plain for by_log, plain in uneven]) > 0.5)


def _is_of_decades(values: list[NDArray[np.float64]]) -> bool:
    """Whether all values are above 0, and those of a typical profile span `LOG_DECADES` or more."""
    if any(y.min() <= 0 for y in values):
        return False
    return bool(np.median([np.log10(y.max() / y.min()) for y in values]) >= LOG_DECADES)


def prepare(dataset: PairedDataset, profile: Profile | str) -> PreparedPairs:
    """All pairs as training sees them: patterns resized, profiles on a common grid, and whole micrographs.

    The grid spans the range that all profiles cover. Their standardised values (over q, log intensities) become [0, 1]
    by limits common to the data set, the `LIMIT_PERCENTILES` of all values.

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
    problems: list[str] = []
    first, second = (_measurements(dataset, place, profile, problems) for place in (0, 1))
    if first is None or second is None:
        raise DataError(dataset.folder, problems)
    return PreparedPairs(
        sample_ids=dataset.sample_ids,
        morphologies=dataset.morphologies or (UNLABELLED,) * len(dataset),
        groups=dataset.groups,
        measured=(first, second),
    )


def _measurements(dataset: PairedDataset, place: int, profile: Profile, problems: list[str]) -> Measurements | None:
    """What training needs of one technique; None if a file has a problem, which is listed."""
    technique, size = dataset.techniques[place], profile.image_size
    raw: list[Any] = []
    for index, file in enumerate(dataset.listing.files(place)):
        try:
            raw.append(dataset.measured(index, place))
        except DataError as error:
            problems += error.problems
            continue
        if technique.kind not in WHOLE and min(raw[-1].shape) < size:
            height, width = raw[-1].shape
            path = relative_name(dataset.folder, file.path)
            problems.append(f"{path}: micrograph of {height} x {width} px is smaller than the crop of {size} px")
    if problems:
        return None
    if technique.kind == "profile":
        axis, is_log = technique.axis or Axis(), technique.is_log
        grid = axis.grid(max(x[0] for x, _ in raw), min(x[-1] for x, _ in raw), profile.profile_points)
        low, high = np.percentile([standardised_profile(x, y, grid, axis, is_log) for x, y in raw], LIMIT_PERCENTILES)
        if low == high:
            problems.append(f"{technique.name}: all values are equal")
            return None
        limits = (float(low), float(high))
        seen = np.stack([normalised_profile(x, y, grid, limits, axis, is_log) for x, y in raw])
        modality = Modality(technique.name, seen.shape[1:], "profile")
        return Measurements(modality, seen[:, None], axis, grid, limits, is_log)
    modality = Modality(technique.name, (size, size), technique.kind)
    if technique.kind == "pattern":
        scales = dataset.q_scale_of(place)
        q_per_pixel = None if scales is None else tuple(
            # a pattern that is not square has another scale along its rows than along its columns
            float(scale) * pattern.shape[0] / size if pattern.shape[0] == pattern.shape[1] else float("nan")
            for scale, pattern in zip(scales, raw, strict=True)
        )
        seen = np.stack([resized_pattern(pattern, size) for pattern in raw])
        return Measurements(modality, seen[:, None], limits=technique.limits, q_per_pixel=q_per_pixel)
    sizes = dataset.nm_per_pixel_of(place)
    return Measurements(modality, tuple(raw), nm_per_pixel=None if sizes is None else tuple(map(float, sizes)))
