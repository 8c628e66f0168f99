"""The samples of a data folder: which files belong to one, and from its files to its measurements."""

from __future__ import annotations

from dataclasses import dataclass
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
from pairvae_lib.data.reading.profiles import MIN_POINTS, read_profile
from pairvae_lib.data.scattering import folded_profile

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


class SampleFiles:
    """What the files of samples hold: scattering, masks and calibrations are decoded once, and kept as they were read.

    A file that cannot be used raises ValueError with the reason alone, and is read again the next time.
    """

    def __init__(self) -> None:
        self._pattern = cache(pattern_levels)
        self._mask = cache(mask_pixels)
        self._profile = cache(read_profile)
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
        return filled_pattern(*self.measured(sample), beam)

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

    def profile(self, sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
        """Folded 1-D profile of a text file or an NXcanSAS file; or of a detector image, averaged by its calibration.

        Returns
        -------
        q, intensity : ndarray of shape (N,)
            See `scattering.folded_profile`.
        unit : str
            Of q: "1/nm" where the sample has a scale of q or a calibration, else what the file names, "" if nothing.
        """
        if sample.is_averaged and sample.poni is not None:
            self.calibration(sample.poni)  # first: a fault of the calibration is told before one of the pattern
            q, intensity = averaged_pattern(sample.scattering, sample.poni, *self.measured(sample))
            unit = "1/nm"
        else:
            q, intensity, unit = self._profile(sample.scattering)
            if sample.q_scale is not None and not sample.is_averaged:
                q, unit = q * sample.q_scale, "1/nm"
        folded_q, folded = folded_profile(q, intensity)
        if len(folded_q) < MIN_POINTS:
            raise ValueError(f"must hold at least {MIN_POINTS} points outside the beam stop; got {len(folded_q)}")
        return folded_q, folded, unit

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
        return grey_image(read_image(path) if image is None else image)[: sample.image_rows]
