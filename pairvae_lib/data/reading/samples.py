"""The samples of a data folder: which files belong to one, and from its files to its measurements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.data.reading.images import eight_bit, frame_window, grey_image, read_image
from pairvae_lib.data.reading.patterns import (
    Calibration,
    averaged_pattern,
    calibration,
    filled_pattern,
    mask_pixels,
    pattern_levels,
)
from pairvae_lib.data.reading.profiles import MIN_POINTS, Curve, known_unit, read_curve
from pairvae_lib.data.scattering import folded_profile

UNLABELLED = "unlabelled"
GRAZING_WORDS = ("gisaxs", "giwaxs", "gisans", "gid", "gixd", "gixs", "grazing")


@dataclass(frozen=True)
class Sample:
    """One row: the files of a sample, and what is known of it.

    `is_averaged`: the scattering is a detector image, of which the azimuthal average is wanted.
    `beam`: (row, col) where the beam meets the detector [px]. `has_trusted_tags`: pixel size and rows above the data
    bar may be taken from the tags of the micrograph. `q_unit`: of a profile, in place of what its file says.
    `is_grazing`: the pattern was taken at grazing incidence. `from_tags`: which of `nm_per_pixel` and `image_rows` the
    tags gave.
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
    q_unit: str = ""
    is_grazing: bool = False
    from_tags: tuple[str, ...] = ()


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
    columns: Mapping[str, str] = field(default_factory=dict)  # what every column of the manifest was taken for


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

    def measured(self, sample: Sample) -> tuple[NDArray, NDArray[np.bool_]]:
        """Intensities of a pattern (H, W) as in its file, and which of its pixels hold no measurement (bool).

        These are the pixels that the pattern itself marks, and those of its detector mask.
        """
        levels, missing = self._pattern(sample.scattering)
        if sample.detector_mask is not None:
            missing = missing | self._mask(sample.detector_mask, levels.shape)
        seen = levels[~missing]
        if not seen.size:
            raise ValueError("no pixel holds a measurement")
        if seen.min() == seen.max():
            raise ValueError(f"all pixels are equal ({seen.min():g})")
        return levels, missing

    def levels(self, sample: Sample) -> NDArray:
        """Intensities of a pattern (H, W), filled where the detector saw nothing: see `patterns.filled_pattern`."""
        beam = self.beam(sample)  # first: a fault of the calibration is told before one of the pattern
        return filled_pattern(*self.measured(sample), beam, sample.is_grazing)

    def beam(self, sample: Sample) -> tuple[float, float] | None:
        """Where the beam meets the detector [px]: by the sample's own words, else by its calibration, else None."""
        if sample.beam is not None or sample.poni is None:
            return sample.beam
        return self.calibration(sample.poni).centre

    def calibration(self, poni: Path) -> Calibration:
        """A calibration, named where it is at fault."""
        try:
            return self._poni(poni)
        except ValueError as error:
            raise ValueError(f"its calibration {poni.name}: {error}") from error

    def profile(self, sample: Sample) -> Curve:
        """Folded 1-D profile (see `scattering.folded_profile`) of a text or HDF5 file; or of a detector image.

        Of an image it is the azimuthal average by its calibration. The unit of q is "1/nm" where the sample has a scale
        of q or a calibration, else that of the sample, else what the file names.
        """
        if sample.is_averaged and sample.poni is not None:
            self.calibration(sample.poni)  # first: a fault of the calibration is told before one of the pattern
            q, intensity = averaged_pattern(sample.scattering, sample.poni, *self.measured(sample))
            curve = Curve(q, intensity, "1/nm", "the calibration", "the azimuthal average")
        elif sample.q_scale is not None:
            if known_unit(sample.q_unit) not in ("", "1/nm"):
                raise ValueError(f"q_scale gives q in 1/nm, and q_unit says {sample.q_unit}; leave one of them out")
            curve = self._profile(sample.scattering, "unknown")  # the scale is of the numbers in the file
            curve = replace(curve, q=curve.q * sample.q_scale, unit="1/nm", unit_from="q_scale", warnings=())
        else:
            curve = self._profile(sample.scattering, sample.q_unit)
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

    def micrograph(self, sample: Sample) -> NDArray[np.uint8]:
        """Grey micrograph (H, W) above the data bar, within its frame, in 8 bits."""
        grey = self._above_bar(sample.micrograph, sample)
        return eight_bit(grey[frame_window(grey)])

    def truth(self, sample: Sample, path: Path) -> NDArray[np.bool_]:
        """True mask of a sample, an image of two levels, of the shape of its micrograph."""
        truth = self._above_bar(path, sample)
        levels = np.unique(truth)
        if len(levels) > 2:
            raise ValueError(f"a true mask must have two levels; got {len(levels)}")
        return (truth > 0)[frame_window(self._above_bar(sample.micrograph, sample))]

    def _above_bar(self, path: Path, sample: Sample) -> NDArray:
        """Grey levels of an image above the data bar."""
        image = self._micrographs.get(path)
        grey = grey_image(read_image(path) if image is None else image)
        if sample.image_rows is not None and len(grey) < sample.image_rows:
            raise ValueError(
                f"{len(grey)} px high, expected at least the {sample.image_rows} rows above the data bar (image_rows)"
            )
        return grey[: sample.image_rows]
