"""Paired data: one `PairedDataset` behind three layouts of files, and what training needs of it.

Layouts: a folder with `manifest.csv` (columns: `pairvae_lib.data.reading.manifest`), which the simulator writes
too; and the paper's own, `SEM/*.tif` and `SAXS/*.jpg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pairvae_lib.checks import DataError
from pairvae_lib.config import Binarisation, Profile, profile_named
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.preprocessing import normalised_profile, resized_pattern, standardised_profile
from pairvae_lib.data.reading.checking import (
    check_micrographs,
    check_patterns,
    check_profiles,
    with_calibrations,
    with_pixel_sizes,
)
from pairvae_lib.data.reading.columns import MANIFEST
from pairvae_lib.data.reading.listing import UNLABELLED, paper_listing
from pairvae_lib.data.reading.manifest import manifest_listing
from pairvae_lib.data.reading.samples import LIMIT_PERCENTILES, scaled_pattern
from pairvae_lib.data.scattering import log_q_grid
from pairvae_lib.data.splits import Split, group_split, stratified_split

__all__ = [
    "PairedDataset",
    "PreparedPairs",
    "Split",
    "group_split",
    "open_pairs",
    "prepare",
    "readable_pairs",
    "scaled_pattern",
    "stratified_split",
]


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
    """What can be read of a folder, with its faults as lines instead of an error.

    Parameters
    ----------
    folder, kinds, binarisation
        See `open_pairs`.
    problems : list of str
        Grows by a line for every file, row or column that cannot be used. Where there are any, reading a sample may
        raise.

    Returns
    -------
    PairedDataset or None
        None if there is no sample.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        listing = manifest_listing(folder, kinds or {}, problems)
    elif (folder / "SEM").is_dir() and (folder / "SAXS").is_dir():
        if kinds:
            raise ValueError(f"kinds must be left out for a folder without {MANIFEST}; got {dict(kinds)}")
        listing = paper_listing(folder, problems)
    else:
        what = f"holds neither {MANIFEST} nor the folders SEM and SAXS" if folder.is_dir() else "is not a folder"
        problems.append(what)
        return None
    if listing is None or not listing.samples:
        return None
    check_micrographs(listing, problems)
    listing, scale = with_pixel_sizes(listing, problems)
    listing = with_calibrations(listing, problems)
    unit = check_profiles(listing, problems) if listing.is_profile else ""
    limits = None if listing.is_profile else check_patterns(listing, problems)
    return PairedDataset(listing, binarisation, unit, limits, scale)


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
    q, limits = None, dataset.pattern_limits
    if dataset.is_profile:
        first, last = max(q[0] for q, _ in scattering), min(q[-1] for q, _ in scattering)
        q = log_q_grid(first, last, profile.profile_points)
        decades = [standardised_profile(own_q, intensity, q) for own_q, intensity in scattering]
        low, high = np.percentile(decades, LIMIT_PERCENTILES)
        limits = (float(low), float(high))
        values = np.stack([normalised_profile(own_q, intensity, q, limits) for own_q, intensity in scattering])
    else:
        values = np.stack([resized_pattern(pattern, size) for pattern in scattering])
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
    )
