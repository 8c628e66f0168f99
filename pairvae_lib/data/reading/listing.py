"""Which files of a data folder belong to one sample; and the layout of the paper's own data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pairvae_lib.data.reading.images import TIFF_SUFFIXES

PAPER_IMAGE_ROWS = 830  # px above the data bar of the paper's micrographs; public notebooks
PAPER_IMAGE_WIDTH = 1280  # px

UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Sample:
    """One row: the files of a sample, and what is known of it.

    `is_averaged`: the scattering is a detector image, of which the azimuthal average is wanted.
    `beam`: (row, col) where the beam meets the detector [px]. `has_trusted_tags`: the pixel size may be taken from the
    tags of the micrograph.
    """

    sample_id: str
    scattering: Path
    micrograph: Path
    truth: Path | None = None
    morphology: str = ""
    group: str = ""
    nm_per_pixel: float | None = None
    q_scale: float | None = None
    image_rows: int | None = None
    poni: Path | None = None
    detector_mask: Path | None = None
    beam: tuple[float, float] | None = None
    is_averaged: bool = False
    has_trusted_tags: bool = True


@dataclass(frozen=True)
class Listing:
    """The samples of a data folder, their files not opened yet."""

    folder: Path
    samples: tuple[Sample, ...]
    scattering_name: str
    micrograph_name: str
    is_profile: bool
    image_width: int | None = None  # px, where the layout prescribes it
    one_pattern_shape: bool = True  # whether all patterns must have the same shape


def paper_listing(folder: Path, problems: list[str]) -> Listing | None:
    """Samples of a folder laid out as the paper's own data: `SEM/*.tif` and `SAXS/*.jpg`, paired by sorted order.

    Parameters
    ----------
    folder : Path
        Holds the two folders.
    problems : list of str
        Grows by a line for every fault.

    Returns
    -------
    Listing or None
        None if the files cannot be paired. The sample ids are the names of the micrographs.

    Source
    ------
    Public notebooks: the i-th file of one sorted list belongs to the i-th of the other.
    """
    micrographs = _files_in(folder / "SEM", TIFF_SUFFIXES)
    patterns = _files_in(folder / "SAXS", frozenset({".jpg", ".jpeg"}))
    places = {path.stem: place for place, path in enumerate(patterns)}
    if not micrographs or len(micrographs) != len(patterns):
        problems.append(
            f"SEM holds {len(micrographs)} .tif files, SAXS {len(patterns)} .jpg files: expected equal counts"
        )
        stems = {path.stem for path in micrographs}
        if stems & set(places):
            problems += [f"SEM/{path.name}: no pattern of that name" for path in micrographs if path.stem not in places]
            problems += [f"SAXS/{path.name}: no micrograph of that name" for path in patterns if path.stem not in stems]
        return None
    problems += [
        f"SEM/{path.name}: number {place + 1} in SEM, but number {places[path.stem] + 1} in SAXS"
        for place, path in enumerate(micrographs)
        if places.get(path.stem, place) != place
    ]
    problems += [
        f"SEM/{path.name}: another file has the same name" for path in micrographs if _stems(micrographs)[path.stem] > 1
    ]
    problems += [
        f"{path.parent.name}/{path.name}: must be a file within the folder"
        for path in (*micrographs, *patterns)
        if not is_file_within(folder, path)
    ]
    samples = tuple(
        # The paper took the micrographs as they are, whatever their tags say.
        Sample(micrograph.stem, pattern, micrograph, image_rows=PAPER_IMAGE_ROWS, has_trusted_tags=False)
        for micrograph, pattern in zip(micrographs, patterns, strict=True)
    )
    # The patterns may differ in shape: the public notebooks resize each by itself.
    return Listing(folder, samples, "saxs", "sem", False, PAPER_IMAGE_WIDTH, one_pattern_shape=False)


def is_file_within(folder: Path, path: Path) -> bool:
    """Whether a path is a regular file that lies in the folder, links followed; or nothing is there.

    Parameters
    ----------
    folder : Path
        The data folder.
    path : Path
        A path in it by name.
    """
    return path.resolve().is_relative_to(folder.resolve()) and (path.is_file() or not path.exists())


def _files_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files of a kind by name, without hidden ones."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return sorted(files, key=lambda path: path.name)


def _stems(paths: list[Path]) -> Counter[str]:
    """How often each name occurs."""
    return Counter(path.stem for path in paths)
