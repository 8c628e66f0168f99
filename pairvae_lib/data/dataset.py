"""What two techniques measured, one sample at a time."""

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
from pairvae_lib.data.modality import WHOLE, Kind
from pairvae_lib.data.preprocessing import binarised, rescaled_micrograph
from pairvae_lib.data.reading.images import SAME_SCALE
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.data.reading.patterns import scaled_pattern
from pairvae_lib.data.reading.samples import UNLABELLED, Listing, MeasuredFile, SampleFiles, Technique

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
    """What two techniques measured of the same samples; made by `open_pairs`.

    Profiles and patterns are kept as they were read; micrographs are read when asked for, masks are kept once made. A
    file that cannot be used raises DataError.
    """

    listing: Listing
    binarisation: Binarisation
    files: SampleFiles = field(default_factory=SampleFiles, repr=False)
    _masks: dict[tuple[int, int], NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.listing.samples)

    @property
    def folder(self) -> Path:
        """Where the data lie."""
        return self.listing.folder

    @property
    def techniques(self) -> tuple[Technique, Technique]:
        """Both columns of measurements."""
        return self.listing.techniques

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

    def measured(self, index: int, place: int) -> NDArray | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the first (0) or the second technique (1) measured of one sample.

        Of a profile (x, y), each of shape (N,), in the unit of its axis (over q, see `scattering.folded_profile`); of a
        pattern float32 (H, W) in [0, 1]; of an image uint8, and of a mask bool (H, W): see `grey` and `mask`.
        """
        technique, file = self.techniques[place], self.listing.samples[index].files[place]
        if technique.kind == "profile":
            return self._read(file.path, lambda: self._profile(file, technique))
        if technique.kind == "pattern":
            return self._read(file.path, lambda: scaled_pattern(self.files.levels(file), technique.limits))
        return self.grey(index, place) if technique.kind == "image" else self._mask(index, place)

    def grey(self, index: int, place: int) -> NDArray[np.uint8]:
        """Grey micrograph (H, W) of one sample: above the data bar, within its frame, in 8 bits, to scale.

        Of 16-bit and float images robustly scaled levels, of images of two levels 0 and 255 (and levels between them
        where the image was brought to a coarser scale).
        """
        return self._to_scale(index, place, self._grey(index, place))

    def nm_per_pixel_of(self, place: int) -> NDArray[np.float64] | None:
        """Pixel sizes of micrographs as they are handed out [nm]; None where unknown."""
        common = self.techniques[place].nm_per_pixel
        if common is not None:
            return np.full(len(self), common)
        return _known([file.nm_per_pixel for file in self.listing.files(place)])

    def q_scale_of(self, place: int) -> NDArray[np.float64] | None:
        """The q [1/nm] of one pixel of a pattern or one unit of q in a file, NaN where missing; None where all are."""
        return _known([file.q_scale for file in self.listing.files(place)])

    def pattern_shape_of(self, place: int) -> tuple[int, int] | None:
        """Size of 2-D patterns [px]; None where it is not the same for all, and of other kinds."""
        if self.techniques[place].kind != "pattern":
            return None
        shapes = {np.shape(self.measured(index, place)) for index in range(len(self))}
        height, width = next(iter(shapes))
        return (height, width) if len(shapes) == 1 else None

    def image_rows_of(self, place: int) -> int | None:
        """Rows of a micrograph above the data bar; None where there is none, or it is not the same for all."""
        rows = {file.image_rows for file in self.listing.files(place)}
        return rows.pop() if len(rows) == 1 else None

    # ---- by kind: of scattering (a profile or pattern) and of a micrograph

    def place(self, *kinds: Kind) -> int:
        """Which technique, 0 or 1, is the first of one of these kinds; ValueError if none is."""
        for place, technique in enumerate(self.techniques):
            if technique.kind in kinds:
                return place
        found = " and ".join(f"{one.name} ({one.kind})" for one in self.techniques)
        raise ValueError(f"this needs a technique of the kind {' or '.join(kinds)}; {self.folder} has {found}")

    @property
    def scattering_name(self) -> str:
        """Name of the scattering technique, as its column or folder."""
        return self.techniques[self.place(*WHOLE)].name

    @property
    def micrograph_name(self) -> str:
        """Name of the microscopy, as its column or folder."""
        return self.techniques[self.place("mask", "image")].name

    @property
    def is_profile(self) -> bool:
        """Whether the scattering is a 1-D profile (else a 2-D pattern)."""
        return self.techniques[self.place(*WHOLE)].kind == "profile"

    @property
    def q_unit(self) -> str:
        """Unit of q of 1-D profiles, "" where unknown."""
        axis = self.techniques[self.place(*WHOLE)].axis
        return axis.unit if axis else ""

    @property
    def nm_per_pixel(self) -> NDArray[np.float64] | None:
        """Pixel sizes of the micrographs as they are handed out [nm]; None where unknown."""
        return self.nm_per_pixel_of(self.place("mask", "image"))

    @property
    def q_scale(self) -> NDArray[np.float64] | None:
        """The q [1/nm] of one pixel of a pattern or one unit of q in a file, NaN where missing; None where all are."""
        return self.q_scale_of(self.place(*WHOLE))

    @property
    def has_truth(self) -> bool:
        """Whether there are true masks (simulated data)."""
        return any(sample.truth is not None for sample in self.listing.samples)

    def scattering(self, index: int) -> NDArray[np.float32] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scattering of one sample, as `measured`."""
        return self.measured(index, self.place(*WHOLE))

    def micrograph(self, index: int) -> NDArray[np.uint8]:
        """Grey micrograph of one sample, as `grey`."""
        return self.grey(index, self.place("mask", "image"))

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Binarised micrograph (H, W) of one sample, True where bright; as it is where the file has two grey levels."""
        return self._mask(index, self.place("mask"))

    def true_mask(self, index: int) -> NDArray[np.bool_] | None:
        """True mask of one sample, of the shape of its micrograph; None where there is none."""
        sample, place = self.listing.samples[index], self.place("mask", "image")
        truth = sample.truth
        if truth is None:
            return None
        mask = self._read(truth, lambda: self.files.truth(sample.files[place], truth))
        return self._to_scale(index, place, np.where(mask, 255, 0)) >= 128

    def _mask(self, index: int, place: int) -> NDArray[np.bool_]:
        """Binarised micrograph of one sample."""
        if (index, place) not in self._masks:
            grey = self._grey(index, place)
            is_binary = bool(((grey == 0) | (grey == 255)).all())
            grey = self._to_scale(index, place, grey)
            # Half of the area: what a binary image becomes on a coarser scale.
            self._masks[index, place] = grey >= 128 if is_binary else binarised(grey, self.binarisation)
        return self._masks[index, place]

    def _profile(self, file: MeasuredFile, technique: Technique) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The axis, in the unit of the technique, and the values of a profile."""
        curve, wanted = self.files.profile(file), technique.axis.unit if technique.axis else ""
        is_other = curve.axis == "q" and bool(curve.unit and wanted) and curve.unit != wanted
        return curve.q * (UNITS[curve.unit] / UNITS[wanted]) if is_other else curve.q, curve.intensity

    def _grey(self, index: int, place: int) -> NDArray[np.uint8]:
        """Grey micrograph of one sample on its own scale."""
        file = self.listing.samples[index].files[place]
        return self._read(file.path, lambda: self.files.micrograph(file))

    def _to_scale(self, index: int, place: int, grey: NDArray) -> NDArray[np.uint8]:
        """An image of one sample at the pixel size of its technique."""
        own, common = self.listing.samples[index].files[place].nm_per_pixel, self.techniques[place].nm_per_pixel
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
