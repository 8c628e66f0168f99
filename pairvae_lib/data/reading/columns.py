"""Which column of a manifest holds what.

A column is a column of files if at least half of its entries end as known files do (`.tif`, `.dat`, ...); other
columns are left aside. Text files are 1-D profiles, and so are HDF5 files with a curve (NXcanSAS). For images the
column's name tells: one of `PATTERN_WORDS` in it makes them scattering patterns, with one of `AVERAGED_WORDS`
patterns of which the azimuthal average is wanted; one of `MICROGRAPH_WORDS` micrographs; `mask` or `truth` true masks
(micrographs, if there are no others), but with one of `PATTERN_WORDS` or `DETECTOR_WORDS` masks of the detector.
`kinds` overrules the names, and can leave a column out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pairvae_lib.data.reading.hdf5 import HDF5_SUFFIXES, is_curve
from pairvae_lib.data.reading.images import IMAGE_SUFFIXES
from pairvae_lib.data.reading.listing import is_file_within
from pairvae_lib.data.reading.profiles import PROFILE_SUFFIXES

MANIFEST = "manifest.csv"
PATTERN_WORDS = ("saxs", "waxs", "gisaxs", "sans", "pattern", "scattering")
AVERAGED_WORDS = ("profile", "curve")
MICROGRAPH_WORDS = ("sem", "afm", "tem", "micrograph")
TRUTH_WORDS = ("mask", "truth")
DETECTOR_WORDS = ("detector", "beamstop")
KINDS = ("pattern", "profile", "micrograph", "truth", "detector_mask", "ignore")
NUMBER_COLUMNS = ("nm_per_pixel", "q_scale", "image_rows")
RESERVED_COLUMNS = ("sample_id", "morphology", "group", "batch", "poni", "beam_row", "beam_col", *NUMBER_COLUMNS)

Row = dict[str, str]


@dataclass(frozen=True)
class Columns:
    """What the columns of a manifest are; `is_averaged`: images whose azimuthal average is the profile."""

    scattering: str
    micrograph: str
    truth: str | None
    group: str | None
    is_profile: bool
    is_averaged: bool
    detector_mask: str | None
    poni: str | None


def told_columns(
    folder: Path, rows: list[tuple[int, Row]], names: list[str], kinds: Mapping[str, str], problems: list[str]
) -> Columns | None:
    """The roles of the columns, by `kinds`, by their files and by their names.

    Parameters
    ----------
    folder : Path
        Of the data: whether an HDF5 file holds a curve can only be told by looking into it.
    rows : list of (int, Row)
        The table.
    names : list of str
        Of all columns.
    kinds : mapping of str to str
        Kind of a column where its name does not tell.
    problems : list of str
        Grows by a line for every fault.

    Returns
    -------
    Columns or None
        None if the columns cannot be told.
    """
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    faults: list[str] = []
    averaged: set[str] = set()
    for name in names:
        files = [row[name] for _, row in rows if row[name]]
        images, texts = _forms(folder, files)
        if name in ("", *RESERVED_COLUMNS) or (name not in kinds and (images + texts) * 2 < max(len(files), 1)):
            continue
        if images and texts:
            faults.append(f"column {name!r} mixes image files ({images} rows) and text files ({texts} rows)")
            continue
        kind = kinds.get(name) or ("profile" if texts else _kind_of_images(name))
        if kind is None:
            faults.append(
                f"column {name!r} holds image files of unknown kind; rename it (a name with one of "
                f"{', '.join(PATTERN_WORDS)} is a pattern, with one of {', '.join(MICROGRAPH_WORDS)} a micrograph) "
                f"or open the folder with kinds={{{name!r}: 'pattern'}} ('micrograph', 'ignore')"
            )
            continue
        if kind not in ("ignore", "profile") and texts:
            faults.append(f"column {name!r} is a {kind} column, but holds text files")
        if kind == "profile" and not texts:
            averaged.add(name)
        by_kind[kind].append(name)
    if not by_kind["micrograph"]:
        by_kind["micrograph"], by_kind["truth"] = by_kind["truth"], []
    explained = bool(faults)
    scattering = by_kind["pattern"] + by_kind["profile"]
    for what, found in (("scattering", scattering), ("micrograph", by_kind["micrograph"])):
        if len(found) > 1 or not (found or explained):
            one = f"columns {', '.join(found)}: keep one with kinds={{{found[-1]!r}: 'ignore'}}" if found else "none"
            faults.append(f"expected one column of {what} files; got {one}")
    for what, found in (("true masks", by_kind["truth"]), ("detector masks", by_kind["detector_mask"])):
        if len(found) > 1:
            faults.append(f"expected at most one column of {what}; got columns {', '.join(found)}")
    problems += [f"{MANIFEST}: {fault}" for fault in faults]
    if faults:
        return None
    return Columns(
        scattering=scattering[0],
        micrograph=by_kind["micrograph"][0],
        truth=next(iter(by_kind["truth"]), None),
        group=next((name for name in ("group", "batch") if name in names), None),
        is_profile=bool(by_kind["profile"]),
        is_averaged=scattering[0] in averaged,
        detector_mask=next(iter(by_kind["detector_mask"]), None),
        poni="poni" if "poni" in names else None,
    )


def _forms(folder: Path, files: list[str]) -> tuple[int, int]:
    """How many files of a column are images, and how many 1-D curves."""
    suffixes = [PurePosixPath(file).suffix.lower() for file in files]
    texts = sum(suffix in PROFILE_SUFFIXES for suffix in suffixes)
    images = sum(suffix in IMAGE_SUFFIXES for suffix in suffixes)
    containers = [file for file, suffix in zip(files, suffixes, strict=True) if suffix in HDF5_SUFFIXES]
    if any(_holds_curve(folder, file) for file in containers[:1]):
        return images - len(containers), texts + len(containers)
    return images, texts


def _holds_curve(folder: Path, name: str) -> bool:
    """Whether an HDF5 file of the folder holds a curve; one that cannot be read is reported with the samples."""
    try:
        path = folder / name
        return is_file_within(folder, path) and path.is_file() and is_curve(path)
    except (OSError, RuntimeError, ValueError):
        return False


def _kind_of_images(name: str) -> str | None:
    """What the words of a column's name say of its images."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    if words & set(TRUTH_WORDS):
        return "detector_mask" if words & {*PATTERN_WORDS, *DETECTOR_WORDS} else "truth"
    for kind, known in (("profile", AVERAGED_WORDS), ("pattern", PATTERN_WORDS), ("micrograph", MICROGRAPH_WORDS)):
        if words & set(known):
            return kind
    return None
