"""The samples of a data folder: which files belong to one, and from its files to its measurements."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.modality import KINDS, WHOLE, Axis, Kind
from pairvae_lib.data.reading.images import eight_bit, frame_window, grey_image, read_image
from pairvae_lib.data.reading.patterns import (
    Calibration,
    averaged_pattern,
    calibration,
    filled_pattern,
    mask_pixels,
    pattern_levels,
)
from pairvae_lib.data.reading.profiles import MIN_POINTS, OVER_Q, Curve, known_unit, read_curve
from pairvae_lib.data.scattering import folded_profile

UNLABELLED = "unlabelled"
GRAZING_WORDS = ("gisaxs", "giwaxs", "gisans", "gid", "gixd", "gixs", "grazing")


@dataclass(frozen=True)
class MeasuredFile:
    """One file of a sample, and what is known of it.

    `is_averaged`: it is a detector image, of which the azimuthal average is wanted. `beam`: (row, col) where the beam
    meets the detector [px]. `has_trusted_tags`: pixel size and rows above the data bar may be taken from the tags of a
    micrograph. `axis`: of a profile, see `profiles.read_curve`. `q_unit`: of a profile, in place of what its file says.
    `is_grazing`: the pattern was taken at grazing incidence. `from_tags`: which of `nm_per_pixel` and `image_rows` the
    tags gave.
    """

    path: Path
    kind: Kind
    nm_per_pixel: float | None = None
    q_scale: float | None = None
    image_rows: int | None = None
    poni: Path | None = None
    detector_mask: Path | None = None
    beam: tuple[float, float] | None = None
    is_averaged: bool = False
    has_trusted_tags: bool = True
    axis: str = OVER_Q
    q_unit: str = ""
    is_grazing: bool = False
    from_tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One row: the files of both techniques, and what is known of the sample. `truth`: of the masks."""

    sample_id: str
    files: tuple[MeasuredFile, MeasuredFile]
    truth: Path | None = None
    morphology: str = ""
    group: str = ""

    @property
    def scattering(self) -> Path:
        """The file of a profile or pattern; ValueError if there is none."""
        return self._path(WHOLE)

    @property
    def micrograph(self) -> Path:
        """The file of a micrograph; ValueError if there is none."""
        return self._path([kind for kind in KINDS if kind not in WHOLE])

    def _path(self, kinds: Sequence[Kind]) -> Path:
        """The file of the first technique of one of these kinds."""
        for file in self.files:
            if file.kind in kinds:
                return file.path
        raise ValueError(f"{self.sample_id} must have a {' or '.join(kinds)}; got {self.files[0].kind}s alone")


@dataclass(frozen=True)
class Technique:
    """A column of measurements.

    Parameters
    ----------
    name : str
        As its column or folder.
    axis : Axis, optional
        What all its profiles are over, once they have been read.
    is_log : bool
        Whether profiles are seen as logarithms.
    limits : (low, high), optional
        log10 intensities that become 0 and 1, for patterns of raw counts.
    nm_per_pixel : float, optional
        Pixel size to which micrographs and true masks are brought [nm]; as in the files if not given.
    """

    name: str
    kind: Kind
    axis: Axis | None = None
    is_log: bool = True
    limits: tuple[float, float] | None = None
    nm_per_pixel: float | None = None


@dataclass(frozen=True)
class Listing:
    """The samples of a data folder, their files not opened yet."""

    folder: Path
    samples: tuple[Sample, ...]
    techniques: tuple[Technique, Technique]
    image_width: int | None = None  # px, where the layout prescribes it
    one_pattern_shape: bool = True  # whether all patterns must have the same shape
    columns: Mapping[str, str] = field(default_factory=dict)  # what every column of the manifest was taken for

    def files(self, place: int) -> list[MeasuredFile]:
        """All files of the first (0) or the second technique (1)."""
        return [sample.files[place] for sample in self.samples]


def is_grazing(technique: str) -> bool:
    """Whether the name of a technique or column says that it is of grazing incidence."""
    return bool(set(re.findall("[a-z]+", technique.lower())) & set(GRAZING_WORDS))


class SampleFiles:
    """What the files of samples hold: scattering, masks and calibrations are decoded once, and kept as they were read.

    A file that cannot be used raises ValueError with the reason alone, and is read again the next time.
    """

    def __init__(self) -> None:
        self._pattern = cache(pattern_levels)
        self._mask = cache(mask_pixels)
        self._profile = cache(read_curve)
        self._poni = cache(calibration)
        self._micrographs: dict[Path, NDArray] = {}

    def measured(self, file: MeasuredFile) -> tuple[NDArray, NDArray[np.bool_]]:
        """Intensities of a pattern (H, W) as in its file, and which of its pixels hold no measurement (bool).

        These are the pixels that the pattern itself marks, and those of its detector mask.
        """
        levels, missing = self._pattern(file.path)
        if file.detector_mask is not None:
            missing = missing | self._mask(file.detector_mask, levels.shape)
        seen = levels[~missing]
        if not seen.size:
            raise ValueError("no pixel holds a measurement")
        if seen.min() == seen.max():
            raise ValueError(f"all pixels are equal ({seen.min():g})")
        return levels, missing

    def levels(self, file: MeasuredFile) -> NDArray:
        """Intensities of a pattern (H, W), filled where the detector saw nothing: see `patterns.filled_pattern`."""
        beam = self.beam(file)  # first: a fault of the calibration is told before one of the pattern
        return filled_pattern(*self.measured(file), beam, file.is_grazing)

    def beam(self, file: MeasuredFile) -> tuple[float, float] | None:
        """Where the beam meets the detector [px]: by what is known of the file, else by its calibration, else None."""
        if file.beam is not None or file.poni is None:
            return file.beam
        return self.calibration(file.poni).centre

    def calibration(self, poni: Path) -> Calibration:
        """A calibration, named where it is at fault."""
        try:
            return self._poni(poni)
        except ValueError as error:
            raise ValueError(f"its calibration {poni.name}: {error}") from error

    def profile(self, file: MeasuredFile) -> Curve:
        """1-D profile of a text or HDF5 file; or of a detector image, its azimuthal average by its calibration.

        Over q it is folded (see `scattering.folded_profile`), and the unit of q is "1/nm" where the file has a scale of
        q or a calibration, else the one given, else what the file names. Over another axis it rises, and points of one
        place are averaged.
        """
        if file.is_averaged and file.poni is not None:
            self.calibration(file.poni)  # first: a fault of the calibration is told before one of the pattern
            q, intensity = averaged_pattern(file.path, file.poni, *self.measured(file))
            curve = Curve(q, intensity, "1/nm", "the calibration", "the azimuthal average")
        elif file.q_scale is not None:
            if known_unit(file.q_unit) not in ("", "1/nm"):
                raise ValueError(f"q_scale gives q in 1/nm, and q_unit says {file.q_unit}; leave one of them out")
            curve = self._profile(file.path, "unknown")  # the scale is of the numbers in the file
            curve = replace(curve, q=curve.q * file.q_scale, unit="1/nm", unit_from="q_scale", warnings=())
        else:
            curve = self._profile(file.path, file.q_unit, file.axis)
        if curve.axis != "q":
            place, indices = np.unique(curve.q, return_inverse=True)
            mean = np.bincount(indices, weights=curve.intensity) / np.bincount(indices)
            if len(place) < MIN_POINTS:
                raise ValueError(f"must hold at least {MIN_POINTS} points at different places; got {len(place)}")
            return replace(curve, q=place, intensity=mean)
        left_out = dict(curve.left_out)
        folded_q, folded = folded_profile(curve.q, curve.intensity, left_out)
        if len(folded_q) < MIN_POINTS:
            raise ValueError(f"must hold at least {MIN_POINTS} points outside the beam stop; got {len(folded_q)}")
        left_out = {why: count for why, count in left_out.items() if count}
        return replace(curve, q=folded_q, intensity=folded, left_out=left_out)

    def keep_micrograph(self, path: Path) -> None:
        """Read a micrograph and keep it: one of floats is read when it is checked, for they may be NaN."""
        if path not in self._micrographs:
            self._micrographs[path] = read_image(path)

    def micrograph(self, file: MeasuredFile) -> NDArray[np.uint8]:
        """Grey micrograph (H, W) above the data bar, within its frame, in 8 bits."""
        grey = self._above_bar(file.path, file.image_rows)
        return eight_bit(grey[frame_window(grey)])

    def truth(self, file: MeasuredFile, path: Path) -> NDArray[np.bool_]:
        """True mask that belongs to a micrograph, an image of two levels, of its shape."""
        truth = self._above_bar(path, file.image_rows)
        levels = np.unique(truth)
        if len(levels) > 2:
            raise ValueError(f"a true mask must have two levels; got {len(levels)}")
        return (truth > 0)[frame_window(self._above_bar(file.path, file.image_rows))]

    def _above_bar(self, path: Path, rows: int | None) -> NDArray:
        """Grey levels of an image above the data bar."""
        image = self._micrographs.get(path)
        grey = grey_image(read_image(path) if image is None else image)
        if rows is not None and len(grey) < rows:
            raise ValueError(f"{len(grey)} px high, expected at least the {rows} rows above the data bar (image_rows)")
        return grey[:rows]
