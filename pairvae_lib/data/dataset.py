"""Paired scattering and micrographs, one sample at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError
from pairvae_lib.config import Binarisation
from pairvae_lib.data.preprocessing import binarised, rescaled_micrograph
from pairvae_lib.data.reading.images import SAME_SCALE
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.data.reading.patterns import scaled_pattern
from pairvae_lib.data.reading.samples import UNLABELLED, Listing, Sample, SampleFiles

Read = TypeVar("Read")


@contextmanager
def noting(problems: list[str], folder: Path, path: Path) -> Iterator[None]:
    """Turn the reason why a file of a folder cannot be used, a ValueError, into a line of `problems`."""
    try:
        yield
    except ValueError as error:
        problem = f"{path.relative_to(folder).as_posix()}: {error}"
        if problem not in problems:  # a file is looked into more than once
            problems.append(problem)


@dataclass(frozen=True, eq=False)
class PairedDataset:
    """Scattering and micrographs of the same samples; made by `open_pairs`.

    Scattering is kept as it was read; micrographs are read when asked for, masks are kept once made. A file that cannot
    be used raises DataError.

    Parameters
    ----------
    q_unit : str
        Unit of q of 1-D profiles, "" where unknown.
    pattern_limits : (low, high), optional
        log10 intensities that become 0 and 1, for patterns of raw counts.
    common_nm_per_pixel : float, optional
        Pixel size to which micrographs and true masks are brought [nm]; as in the files if not given.
    """

    listing: Listing
    binarisation: Binarisation
    q_unit: str = ""
    pattern_limits: tuple[float, float] | None = None
    common_nm_per_pixel: float | None = None
    files: SampleFiles = field(default_factory=SampleFiles, repr=False)
    _masks: dict[int, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.listing.samples)

    @property
    def folder(self) -> Path:
        """Where the data lie."""
        return self.listing.folder

    @property
    def scattering_name(self) -> str:
        """Name of the scattering technique, as its column or folder."""
        return self.listing.scattering_name

    @property
    def micrograph_name(self) -> str:
        """Name of the microscopy, as its column or folder."""
        return self.listing.micrograph_name

    @property
    def is_profile(self) -> bool:
        """Whether the scattering is a 1-D profile (else a 2-D pattern)."""
        return self.listing.is_profile

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Unique names of the samples."""
        return tuple(sample.sample_id for sample in self.listing.samples)

    @property
    def morphologies(self) -> tuple[str, ...] | None:
        """Labels, "unlabelled" where one is missing; None where all are."""
        labels = tuple(sample.morphology or UNLABELLED for sample in self.listing.samples)
        return None if set(labels) == {UNLABELLED} else labels

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Groups for leave-one-group-out splits; None where the manifest has none."""
        groups = tuple(sample.group for sample in self.listing.samples)
        return groups if any(groups) else None

    @property
    def nm_per_pixel(self) -> NDArray[np.float64] | None:
        """Pixel sizes of the micrographs as they are handed out [nm]; None where unknown."""
        if self.common_nm_per_pixel is not None:
            return np.full(len(self), self.common_nm_per_pixel)
        return _known([sample.nm_per_pixel for sample in self.listing.samples])

    @property
    def q_scale(self) -> NDArray[np.float64] | None:
        """The q [1/nm] of one pixel of a pattern or one unit of q in a file, NaN where missing; None where all are."""
        return _known([sample.q_scale for sample in self.listing.samples])

    @property
    def has_truth(self) -> bool:
        """Whether there are true masks (simulated data)."""
        return any(sample.truth is not None for sample in self.listing.samples)

    @property
    def pattern_shape(self) -> tuple[int, int] | None:
        """Size of 2-D patterns [px]; None where it is not the same for all."""
        if self.is_profile:
            return None
        shapes = {np.shape(self.scattering(index)) for index in range(len(self))}
        height, width = next(iter(shapes))
        return (height, width) if len(shapes) == 1 else None

    @property
    def image_rows(self) -> int | None:
        """Rows of a micrograph above the data bar; None where there is none, or it is not the same for all."""
        rows = {sample.image_rows for sample in self.listing.samples}
        return rows.pop() if len(rows) == 1 else None

    def scattering(self, index: int) -> NDArray[np.float32] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scattering of one sample: a pattern, float32 (H, W) in [0, 1]; or (q, intensity), each of shape (N,).

        Of 1-D profiles the folded one (see `scattering.folded_profile`), q in `q_unit`.
        """
        sample = self.listing.samples[index]
        if self.is_profile:
            return self._read(sample.scattering, lambda: self._profile(sample))
        return self._read(sample.scattering, lambda: scaled_pattern(self.files.levels(sample), self.pattern_limits))

    def micrograph(self, index: int) -> NDArray[np.uint8]:
        """Grey micrograph (H, W) of one sample: above the data bar, within its frame, in 8 bits, to scale.

        Of 16-bit and float images robustly scaled levels, of images of two levels 0 and 255 (and levels between them
        where the image was brought to a coarser scale).
        """
        return self._to_scale(index, self._grey(index))

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Binarised micrograph (H, W) of one sample, True where bright; as it is where the file has two grey levels."""
        if index not in self._masks:
            grey = self._grey(index)
            is_binary = bool(((grey == 0) | (grey == 255)).all())
            grey = self._to_scale(index, grey)
            # Half of the area: what a binary image becomes on a coarser scale.
            self._masks[index] = grey >= 128 if is_binary else binarised(grey, self.binarisation)
        return self._masks[index]

    def true_mask(self, index: int) -> NDArray[np.bool_] | None:
        """True mask of one sample, of the shape of its micrograph; None where there is none."""
        sample = self.listing.samples[index]
        truth = sample.truth
        if truth is None:
            return None
        mask = self._read(truth, lambda: self.files.truth(sample, truth))
        return self._to_scale(index, np.where(mask, 255, 0)) >= 128

    def _profile(self, sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The q, in the unit of the data set, and the intensity of a profile."""
        curve = self.files.profile(sample)
        is_other = bool(curve.unit and self.q_unit) and curve.unit != self.q_unit
        return curve.q * (UNITS[curve.unit] / UNITS[self.q_unit]) if is_other else curve.q, curve.intensity

    def _grey(self, index: int) -> NDArray[np.uint8]:
        """Grey micrograph of one sample on its own scale."""
        sample = self.listing.samples[index]
        return self._read(sample.micrograph, lambda: self.files.micrograph(sample))

    def _to_scale(self, index: int, grey: NDArray) -> NDArray[np.uint8]:
        """An image of one sample at the pixel size of the data set."""
        own, common = self.listing.samples[index].nm_per_pixel, self.common_nm_per_pixel
        if own is None or common is None or common <= (1 + SAME_SCALE) * own:
            return grey
        return rescaled_micrograph(grey, own / common)

    def _read(self, path: Path, read: Callable[[], Read]) -> Read:
        """What `read` makes of a file, with errors that name it."""
        problems: list[str] = []
        with noting(problems, self.folder, path):
            return read()
        raise DataError(self.folder, problems)


def _known(values: list[float | None]) -> NDArray[np.float64] | None:
    """Numbers of all samples, NaN where one is missing; None where all are."""
    if all(value is None for value in values):
        return None
    return np.array([np.nan if value is None else value for value in values])
