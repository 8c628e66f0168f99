"""How raw measurements become what a trained model sees: as its training data did, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pairvae_lib.checks import check_finite
from pairvae_lib.config import Binarisation
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.modality import NAMELESS, Axis
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.preprocessing import binarised, normalised_profile, rescaled_micrograph, resized_pattern
from pairvae_lib.data.reading.images import MAX_SCALE_RATIO, SAME_SCALE
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.data.reading.patterns import scaled_pattern
from pairvae_lib.data.reading.profiles import Curve

TOLERANCE = 1e-6  # relative; what writing an axis as text and changing its unit may cost


@dataclass(frozen=True)
class Scaling:
    """How raw measurements of a technique become what the model sees; kept with it, so that new ones are treated alike.

    What does not concern its kind is left at the default.

    Parameters
    ----------
    binarisation : Binarisation
        How grey micrographs become masks.
    axis : Axis
        What profiles are over.
    grid : tuple of float, optional
        Points of profiles [unit of the axis].
    is_log : bool
        Whether the logarithm of a profile is seen.
    limits : (low, high), optional
        What became 0 and 1 (see `pairs.Measurements`).
    nm_per_pixel : float, optional
        Median pixel size of the micrographs [nm]; None where unknown.
    pattern_shape : (height, width), optional
        Size [px] of the 2-D patterns before they were resized; None where it was not the same for all.
    image_rows : int, optional
        Rows of a micrograph above the data bar; None where there was none, or not the same for all.
    """

    binarisation: Binarisation = Binarisation()
    axis: Axis = Axis()
    grid: tuple[float, ...] | None = None
    is_log: bool = True
    limits: tuple[float, float] | None = None
    nm_per_pixel: float | None = None
    pattern_shape: tuple[int, int] | None = None
    image_rows: int | None = None

    def __post_init__(self) -> None:
        if self.grid is not None:
            check_finite("grid", np.array(self.grid))
            if len(self.grid) < 2 or not (np.diff(self.grid) > 0).all() or (self.axis.is_log and self.grid[0] <= 0):
                least = " from above 0" * self.axis.is_log
                raise ValueError(f"grid must rise{least}; got {len(self.grid)} values from {self.grid[:1]}")
        if self.limits is not None:
            low, high = self.limits
            if not -np.inf < low < high < np.inf:
                raise ValueError(f"limits must be (low, high) with low < high; got {self.limits}")
        for name in ("nm_per_pixel", "image_rows"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise ValueError(f"{name} must be above 0 and finite; got {value!r}")

    @classmethod
    def of(
        cls,
        pairs: PreparedPairs,
        dataset: PairedDataset | None = None,
        binarisation: Binarisation = Binarisation(),  # noqa: B008
    ) -> tuple[Scaling, Scaling]:
        """Those of prepared pairs, and of the files they were; without files, what only those say stays open."""
        found = []
        for place, one in enumerate(pairs.measured):
            sizes = np.array(one.nm_per_pixel or (), dtype=float)
            known = sizes[np.isfinite(sizes)]
            found.append(
                cls(
                    binarisation=binarisation if dataset is None else dataset.binarisation,
                    axis=one.axis or Axis(),
                    grid=None if one.grid is None else tuple(map(float, one.grid)),
                    is_log=one.is_log,
                    limits=one.limits,
                    nm_per_pixel=float(np.median(known)) if len(known) else None,
                    pattern_shape=None if dataset is None else dataset.pattern_shape_of(place),
                    image_rows=None if dataset is None else dataset.image_rows_of(place),
                )
            )
        first, second = found
        return first, second

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Scaling:
        """The one that `dataclasses.asdict` and JSON made this of; ValueError or TypeError if it describes none."""
        given = dict(described)
        if "q" in given:  # of bundles before format version 2, which had one scaling for scattering and masks
            given |= {"grid": given.pop("q"), "axis": {"unit": given.pop("q_unit", "")}}
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"scaling has no {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {
            key: tuple(map(float, value)) if isinstance(value, list) else value for key, value in given.items()
        }
        values["binarisation"] = Binarisation(**values["binarisation"])
        values["axis"] = Axis(**values.get("axis", {}))
        shape = values.get("pattern_shape")
        return cls(**values | {"pattern_shape": None if shape is None else (int(shape[0]), int(shape[1]))})

    def seen_pattern(self, levels: ArrayLike, size: int) -> NDArray[np.float32]:
        """What the model sees of a 2-D pattern (H, W) as in its file: float32 of shape (size, size) in [0, 1].

        ValueError, with the reason alone, if it is of another size or kind than those of the training.
        """
        values = np.asarray(levels)
        if self.pattern_shape is not None and values.shape != self.pattern_shape:
            height, width = self.pattern_shape
            raise ValueError(
                f"{' x '.join(map(str, values.shape))} px, but the model was trained on patterns of {height} x {width} "
                "px: another q range"
            )
        return resized_pattern(scaled_pattern(values, self.limits), size)

    def seen_profile(self, curve: Curve) -> NDArray[np.float32]:
        """What the model sees of a 1-D profile as `samples.SampleFiles.profile` reads it: float32 (points,) in [0, 1].

        ValueError, with the reason alone, if it is over another axis, if its unit is unknown and the model's is not, or
        the other way round, or if it does not cover the model's grid.
        """
        if self.grid is None or self.limits is None:
            raise ValueError("the model was trained on 2-D patterns, not on 1-D profiles")
        name, unit = self.axis.name, curve.unit
        is_q = name == "q"
        if curve.axis != ("" if name == NAMELESS else name):
            raise ValueError(
                f"is over {curve.axis or 'an axis that it does not name'}, but the model was trained on profiles over "
                f"{name}" + ("" if is_q else f"; if it is the same, say so by axis: {self.axis.label!r}")
            )
        is_known = unit in UNITS if is_q else unit == self.axis.unit
        if self.axis.unit and not is_known:
            advice = f" ({' or '.join(UNITS)})" if is_q else f" by axis: {self.axis.label!r}"
            raise ValueError(
                f"{name} is in {unit or 'an unknown unit'}, but the model was trained on {name} in {self.axis.unit}; "
                f"say the unit{advice}"
            )
        if unit and not self.axis.unit:
            raise ValueError(
                f"{name} is in {unit}, but the model was trained on {name} in an unknown unit"
                + ("; if it is the same, set q_unit to unknown" if is_q else "")
            )
        factor = UNITS[unit] / UNITS[self.axis.unit] if is_q and self.axis.unit else 1.0
        own = curve.q * factor
        grid = np.array(self.grid)
        first, last = float(own[0]), float(own[-1])
        slack = TOLERANCE * np.abs(grid[[0, -1]])
        if first > grid[0] + slack[0] or last < grid[-1] - slack[1]:
            raise ValueError(
                f"covers {name} from {first:g} to {last:g}, but the model needs {grid[0]:g} to {grid[-1]:g}"
                + (f" {self.axis.unit}" if self.axis.unit else "")
            )
        return normalised_profile(own, curve.intensity, grid.clip(first, last), self.limits, self.axis, self.is_log)

    def seen_image(
        self, grey: NDArray[np.uint8], size: int, nm_per_pixel: float | None = None
    ) -> NDArray[np.uint8]:
        """What the model sees of a micrograph that stays grey, before it is cropped: as `seen_mask`, uint8 (H, W)."""
        grey = self._to_scale(grey, nm_per_pixel)
        height, width = grey.shape
        if min(height, width) < size:
            raise ValueError(f"micrograph of {height} x {width} px is smaller than the model's crop of {size} px")
        return grey

    def seen_mask(self, grey: NDArray[np.uint8], size: int, nm_per_pixel: float | None = None) -> NDArray[np.bool_]:
        """What the model sees of a micrograph before it is cropped to `size` [px]: bool (H, W), True where bright.

        Of two levels 0 and 255 it is a mask already. A pixel size [nm] finer than the model's is brought to that.
        ValueError, with the reason alone, if it is coarser, or unknown where the model's is known, or if the micrograph
        is smaller than a crop.
        """
        is_binary = bool(((grey == 0) | (grey == 255)).all())
        grey = self.seen_image(grey, size, nm_per_pixel)
        return grey >= 128 if is_binary else binarised(grey, self.binarisation)  # as `PairedDataset.mask` does

    def _to_scale(self, grey: NDArray[np.uint8], own: float | None) -> NDArray[np.uint8]:
        """A micrograph at the model's pixel size, or ValueError."""
        wanted = self.nm_per_pixel
        if wanted is None:
            return grey
        if own is None:
            raise ValueError(f"its pixel size is not known, and the model's is {wanted:g} nm; say it")
        if own > (1 + SAME_SCALE) * wanted:
            raise ValueError(f"its pixels of {own:g} nm are coarser than the model's of {wanted:g} nm")
        if wanted > MAX_SCALE_RATIO * own:
            raise ValueError(
                f"its pixels of {own:g} nm are finer than the model's of {wanted:g} nm by more than a factor of "
                f"{MAX_SCALE_RATIO:g}"
            )
        return grey if wanted <= (1 + SAME_SCALE) * own else rescaled_micrograph(grey, own / wanted)
