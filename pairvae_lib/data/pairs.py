"""Prepared pairs: what training sees, as arrays and as one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError, check_finite, check_mask, check_one_of, check_range, check_shape
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.preprocessing import crop_at, random_crop
from pairvae_lib.data.reading.labels import UNITS
from pairvae_lib.files.writing import replacing

FORMAT_VERSION = 2  # of the file; one of version 1 holds scattering and masks, and is read, too

Indices = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Measurements:
    """What one technique measured of n samples, as a model sees it.

    Parameters
    ----------
    modality : Modality
    values : ndarray of float32, shape (n, 1, *modality.shape), or tuple of n ndarrays of shapes (H_i, W_i)
        Profiles and patterns in [0, 1]. Whole micrographs, none smaller than a crop: masks as bool, True where bright;
        images as uint8.
    axis : Axis, optional
        What profiles are over.
    grid : ndarray of shape (points,), optional
        The points of profiles [unit of the axis].
    limits : (low, high), optional
        What became 0 and 1, to scale new data alike: `preprocessing.normalised_profile` for profiles [decades, or their
        own unit], `reading.patterns.scaled_pattern` for patterns of raw counts [decades].
    is_log : bool
        Whether the logarithm of a profile is seen, freed of its scale; else the values themselves.
    nm_per_pixel : tuple of float, optional
        Pixel sizes of micrographs [nm]; NaN where unknown.
    q_per_pixel : tuple of float, optional
        q of one pixel of each pattern, as the model sees it [1/nm]; NaN where unknown.
    """

    modality: Modality
    values: NDArray[np.float32] | tuple[NDArray, ...]
    axis: Axis | None = None
    grid: NDArray[np.float64] | None = None
    limits: tuple[float, float] | None = None
    is_log: bool = True
    nm_per_pixel: tuple[float, ...] | None = None
    q_per_pixel: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        name, shape = self.modality.name, self.modality.shape
        for fact in ("nm_per_pixel", "q_per_pixel"):
            values = getattr(self, fact)
            if values is not None and len(values) != len(self):
                raise ValueError(f"{fact} of {name!r} must be {len(self)} as the measurements; got {len(values)}")
        if self.modality.is_cropped:
            for number, image in enumerate(self.values):
                if self.modality.kind == "mask":
                    check_mask(f"mask {number} of {name!r}", image)
                elif image.dtype != np.uint8 or image.ndim != 2:
                    raise ValueError(f"image {number} of {name!r} must be 2-D, of uint8; got {image.dtype}")
                if min(image.shape) < max(shape):
                    raise ValueError(f"micrograph {number} of {name!r} must hold a crop of {shape}; got {image.shape}")
            return
        seen = cast(NDArray[np.float32], self.values)
        check_shape(name, seen, (len(self), 1, *shape))
        check_finite(name, seen)
        check_range(f"least of {name}", float(seen.min(initial=1)), 0, 1)
        check_range(f"largest of {name}", float(seen.max(initial=0)), 0, 1)
        for fact in ("grid", "axis"):
            if (getattr(self, fact) is None) == (not self.modality.is_image):
                raise ValueError(f"{fact} must be given for profiles alone; got {getattr(self, fact)} for {name!r}")
        if self.grid is not None:
            check_shape(f"grid of {name}", self.grid, shape)

    def __len__(self) -> int:
        return len(self.values)

    def subset(self, indices: Sequence[int]) -> Measurements:
        """Those at these indices, in their order."""
        values = tuple(self.values[i] for i in indices) if self.modality.is_cropped else self._whole(indices)
        sizes, scales = (
            None if facts is None else tuple(facts[i] for i in indices)
            for facts in (self.nm_per_pixel, self.q_per_pixel)
        )
        return replace(self, values=values, nm_per_pixel=sizes, q_per_pixel=scales)

    def shown(self, indices: Indices, rng: np.random.Generator) -> NDArray[np.float32]:
        """What a model sees, float32 (m, 1, *shape): profiles and patterns; one random window of each micrograph.

        `rng` is drawn from twice for each micrograph: row, then column.
        """
        if not self.modality.is_cropped:
            return self._whole(indices)
        return self.crops(indices, self.modality.shape[0], rng)

    def crops(self, indices: Indices, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """As `shown`, of micrographs, in windows of another size [px]."""
        return _stacked([random_crop(self.values[int(i)], size, rng) for i in indices], size)

    def shown_at(self, indices: Indices, fractions: tuple[float, float] | NDArray) -> NDArray[np.float32]:
        """As `shown`, with the window of a micrograph at `fractions`, see `crops_at`."""
        if not self.modality.is_cropped:
            return self._whole(indices)
        return self.crops_at(indices, self.modality.shape[0], fractions)

    def crops_at(
        self, indices: Indices, size: int, fractions: tuple[float, float] | NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """The same window of `size` px of each micrograph: float32 (m, 1, size, size), in [0, 1].

        `fractions`, (row, col) for all or (m, 2), is its position from 0 (first row or column) to 1 (last that fits).
        Two numbers drawn uniformly give a window uniform over all positions; micrographs of equal size get the same
        one.
        """
        places = np.broadcast_to(np.asarray(fractions, dtype=np.float64), (len(indices), 2))
        for name, column in zip(("row fraction", "col fraction"), places.T, strict=True):
            for fraction in column[:1] if len(np.unique(column)) == 1 else column:
                check_range(name, float(fraction), 0, 1)
        crops = []
        for image, at in zip((self.values[int(i)] for i in indices), places, strict=True):
            row, col = (
                max(min(int(fraction * (length - size + 1)), length - size), 0)
                for fraction, length in zip(at, image.shape, strict=True)
            )
            crops.append(crop_at(image, row, col, size))
        return _stacked(crops, size)

    def _whole(self, indices: Indices) -> NDArray[np.float32]:
        """Profiles or patterns at these indices."""
        return cast(NDArray[np.float32], self.values)[[int(index) for index in indices]]


@dataclass(frozen=True, eq=False)
class PreparedPairs:
    """What two techniques measured of the same n samples, in the same order, as a model sees it.

    Parameters
    ----------
    sample_ids : tuple of str
        Unique names, n of them.
    morphologies : tuple of str
        Labels; "unlabelled" where unknown.
    groups : tuple of str or None
        Groups for leave-one-group-out splits.
    measured : (Measurements, Measurements)
        Of both techniques, in the order of `modality.KINDS`.
    """

    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    groups: tuple[str, ...] | None
    measured: tuple[Measurements, Measurements]

    def __post_init__(self) -> None:
        if not self.sample_ids:
            raise ValueError("sample_ids must name at least one sample; got none")
        columns = {"morphologies": self.morphologies, "groups": self.groups}
        for name, values in (columns | {one.modality.name: one.values for one in self.measured}).items():
            if values is not None and len(values) != len(self):
                raise ValueError(f"{name} must be {len(self)} as sample_ids; got {len(values)}")
        if len(set(self.sample_ids)) != len(self):
            raise ValueError(f"sample_ids must be unique; got {self.sample_ids}")

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def modalities(self) -> tuple[Modality, Modality]:
        """Of both techniques."""
        first, second = (one.modality for one in self.measured)
        return first, second

    def of(self, name: str) -> Measurements:
        """What the technique of that name measured."""
        check_one_of("technique", name, [modality.name for modality in self.modalities])
        return next(one for one in self.measured if one.modality.name == name)

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of all measurements, bit for bit."""
        digest = sha256("\n".join(self.sample_ids).encode())
        for one in self.measured:
            for values in one.values if one.modality.is_cropped else [one.values]:
                array = np.asarray(values)
                bits = np.packbits(array) if array.dtype == np.bool_ else np.ascontiguousarray(array)
                digest.update(bits.tobytes())
        return digest.hexdigest()[:16]

    def shown(self, indices: Indices, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """What a model sees of each technique, by name: float32 (m, 1, *shape); see `Measurements.shown`.

        Of two micrographs of a sample the windows are at the same place.
        """
        if all(modality.is_cropped for modality in self.modalities):
            return self.shown_at(indices, rng.random((len(indices), 2)))
        return {one.modality.name: one.shown(indices, rng) for one in self.measured}

    def shown_at(
        self, indices: Indices, fractions: tuple[float, float] | NDArray[np.float64]
    ) -> dict[str, NDArray[np.float32]]:
        """The same with all windows at `fractions`; see `Measurements.crops_at`."""
        return {one.modality.name: one.shown_at(indices, fractions) for one in self.measured}

    def subset(self, indices: Indices) -> PreparedPairs:
        """The pairs at these indices, in their order."""
        chosen = [int(index) for index in indices]
        first, second = (one.subset(chosen) for one in self.measured)
        return replace(
            self,
            sample_ids=tuple(self.sample_ids[i] for i in chosen),
            morphologies=tuple(self.morphologies[i] for i in chosen),
            groups=None if self.groups is None else tuple(self.groups[i] for i in chosen),
            measured=(first, second),
        )

    # ---- of a curve or pattern with masks: what the paper's own questions are about

    @property
    def with_masks(self) -> tuple[Measurements, Measurements]:
        """Profiles or patterns, and the masks of the same samples; ValueError for another pair of kinds."""
        first, second = self.measured
        if first.modality.is_cropped or second.modality.kind != "mask":
            found = " and ".join(f"{one.name} ({one.kind})" for one in self.modalities)
            raise ValueError(f"this needs profiles or patterns, with masks; got {found}")
        return first, second

    @property
    def scattering(self) -> NDArray[np.float32]:
        """Profiles or patterns beside masks, (n, 1, *shape)."""
        return cast(NDArray[np.float32], self.with_masks[0].values)

    @property
    def masks(self) -> tuple[NDArray[np.bool_], ...]:
        """Whole masks beside profiles or patterns, of shapes (H_i, W_i)."""
        return cast(tuple[NDArray[np.bool_], ...], self.with_masks[1].values)

    @property
    def q(self) -> NDArray[np.float64] | None:
        """Grid of profiles beside masks [q_unit]."""
        return self.with_masks[0].grid

    @property
    def q_unit(self) -> str:
        """Unit of that grid; "" where the files do not say."""
        axis = self.with_masks[0].axis
        return axis.unit if axis else ""

    @cached_property
    def cycles(self) -> NDArray[np.float64] | None:
        """Cycles per pixel of the mask that one pixel of a pattern, or one unit of q of a profile, stands for, (n,).

        None where a pixel size or the unit of q is not known.
        """
        scattering, masks = self.with_masks
        per_nm = scattering.q_per_pixel
        if scattering.grid is not None:
            per_nm = (UNITS[self.q_unit],) * len(self) if self.q_unit in UNITS else None
        if per_nm is None or masks.nm_per_pixel is None:
            return None
        found = np.array(per_nm) * np.array(masks.nm_per_pixel) / (2 * np.pi)
        return found if np.isfinite(found).all() else None

    def crops(self, indices: Indices, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """One random window of `size` px of each mask: float32 (m, 1, size, size), 0 and 1."""
        return self.with_masks[1].crops(indices, size, rng)

    def crops_at(self, indices: Indices, size: int, fractions: tuple[float, float]) -> NDArray[np.float32]:
        """The same window of `size` px of each mask; see `Measurements.crops_at`."""
        return self.with_masks[1].crops_at(indices, size, fractions)

    # ---- as a file

    def save(self, path: Path | str) -> None:
        """Write all of it to one .npz file, which appears complete or not at all; one that is there is replaced."""
        arrays = {
            "format_version": np.array(FORMAT_VERSION),
            "sample_ids": np.array(self.sample_ids, dtype=np.str_),
            "morphologies": np.array(self.morphologies, dtype=np.str_),
        }
        if self.groups is not None:
            arrays["groups"] = np.array(self.groups)
        for place, one in zip(PLACES, self.measured, strict=True):
            arrays |= {f"{place} {name}": values for name, values in _arrays_of(one).items()}
        with replacing(Path(path)) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path | str) -> PreparedPairs:
        """Read what `save` wrote; DataError if the file is another one, or of another format version."""
        path = Path(path)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            version = int(arrays["format_version"])
            if version in (1, FORMAT_VERSION):
                first, second = _measured_before(arrays) if version == 1 else _measured(arrays)
                ids, labels, groups = (_texts(arrays, name) for name in ("sample_ids", "morphologies", "groups"))
                return cls(ids or (), labels or (), groups, (first, second))
        except FileNotFoundError:
            raise
        except Exception as error:  # a broken zip file raises anything
            raise DataError(path, ["not a file of prepared pairs, or a broken one; prepare the data again"]) from error
        raise DataError(path, [f"format version {version}, expected {FORMAT_VERSION}; prepare the data again"])


PLACES = ("first", "second")


def _arrays_of(one: Measurements) -> dict[str, NDArray]:
    """The arrays of a file for one technique."""
    arrays = {
        "name": np.array(one.modality.name, dtype=np.str_),
        "kind": np.array(one.modality.kind, dtype=np.str_),
        "shape": np.array(one.modality.shape),
        "is_log": np.array(one.is_log),
    }
    if one.axis is not None:
        arrays |= {"axis": np.array([one.axis.name, one.axis.unit]), "axis_is_log": np.array(one.axis.is_log)}
    for name in ("grid", "limits", "nm_per_pixel", "q_per_pixel"):
        if getattr(one, name) is not None:
            arrays[name] = np.array(getattr(one, name))
    if not one.modality.is_cropped:
        return arrays | {"values": cast(NDArray, one.values)}
    pixels = np.concatenate([image.ravel() for image in one.values])
    arrays["sizes"] = np.array([image.shape for image in one.values], dtype=np.int64)
    return arrays | ({"bits": np.packbits(pixels)} if one.modality.kind == "mask" else {"levels": pixels})


def _measured(arrays: dict[str, NDArray]) -> list[Measurements]:
    """Both techniques from the arrays of their file."""
    found = []
    for place in PLACES:
        own = {name.removeprefix(f"{place} "): x for name, x in arrays.items() if name.startswith(f"{place} ")}
        modality = Modality(str(own["name"]), tuple(map(int, own["shape"])), cast(Any, str(own["kind"])))
        values: Any = own["values"] if "values" in own else _images(own)
        name, unit = map(str, own["axis"]) if "axis" in own else ("", "")
        axis = Axis(name, unit, bool(own["axis_is_log"])) if name else None
        found.append(Measurements(modality, values, axis, is_log=bool(own["is_log"]), **_facts(own)))
    return found


def _measured_before(arrays: dict[str, NDArray]) -> list[Measurements]:
    """The same from a file of format version 1."""
    first, second = map(str, arrays["modality_names"])
    scattering, known = arrays["scattering"], _facts(arrays)
    masks = _images({"sizes": arrays["mask_shapes"], "bits": arrays["mask_bits"]})
    own: dict[str, Any] = {"limits": known["limits"], "q_per_pixel": known["q_per_pixel"]}
    if "q" in arrays:
        own |= {"grid": arrays["q"], "axis": Axis("q", str(arrays["q_unit"]))}
    modality = Modality(first, scattering.shape[2:], "profile" if "q" in arrays else "pattern")
    shape = tuple(map(int, arrays["micrograph_shape"]))
    return [
        Measurements(modality, scattering, **own),
        Measurements(Modality(second, shape, "mask"), masks, nm_per_pixel=known["nm_per_pixel"]),
    ]


def _facts(arrays: dict[str, NDArray]) -> dict[str, Any]:
    """What a file says of one technique beside its measurements."""
    numbers = {
        name: tuple(map(float, arrays[name])) if name in arrays else None
        for name in ("limits", "nm_per_pixel", "q_per_pixel")
    }
    return numbers | {"grid": arrays.get("grid")}


def _images(arrays: dict[str, NDArray]) -> tuple[NDArray, ...]:
    """Micrographs from their sizes, and their bits or levels in one row."""
    shapes = arrays["sizes"]
    sizes = shapes.prod(axis=1)
    is_mask = "bits" in arrays
    pixels = np.unpackbits(arrays["bits"], count=int(sizes.sum())).astype(bool) if is_mask else arrays["levels"]
    parts = np.split(pixels, np.cumsum(sizes)[:-1])
    return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))


def _texts(arrays: dict[str, NDArray], name: str) -> tuple[str, ...] | None:
    """A row of texts, None where the file has none."""
    return tuple(map(str, arrays[name])) if name in arrays else None


def _stacked(crops: list[NDArray], size: int) -> NDArray[np.float32]:
    """Crops as one batch with a channel, grey levels in [0, 1]."""
    if not crops:
        return np.zeros((0, 1, size, size), dtype=np.float32)
    return as_seen(np.stack(crops)[:, None])


def as_seen(values: NDArray) -> NDArray[np.float32]:
    """Masks (bool) and grey levels (uint8) as float32 in [0, 1], as all that a model sees."""
    return values.astype(np.float32) / np.float32(255) if values.dtype == np.uint8 else values.astype(np.float32)
