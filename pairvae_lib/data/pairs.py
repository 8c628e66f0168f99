"""Prepared pairs: what training sees, as arrays and as one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError, check_finite, check_mask, check_range, check_shape
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.preprocessing import crop_at, random_crop
from pairvae_lib.files.writing import replacing

FORMAT_VERSION = 1
PER_NM = {"1/nm": 1.0, "1/angstrom": 10.0}  # one unit of q in 1/nm

Indices = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class PreparedPairs:
    """Scattering as the model sees it, and whole masks, of the same samples in the same order.

    Parameters
    ----------
    sample_ids : tuple of str
        Unique names, n of them.
    morphologies : tuple of str
        Labels; "unlabelled" where unknown.
    groups : tuple of str or None
        Groups for leave-one-group-out splits.
    modalities : (Modality, Modality)
        Scattering (gaussian), then micrograph (bernoulli).
    scattering : ndarray of float32, shape (n, 1, size, size) or (n, 1, points)
        Values in [0, 1].
    masks : tuple of ndarray of bool, shapes (H_i, W_i)
        True where bright; none smaller than the micrograph modality.
    q : ndarray of shape (points,), optional
        q grid of 1-D profiles [q_unit].
    q_unit : str
        "1/nm", "1/angstrom", or "" where the files do not say.
    limits : (low, high), optional
        Intensities [decades] that became 0 and 1, to scale new data alike: `preprocessing.normalised_profile` for
        profiles, `reading.patterns.scaled_pattern` for patterns of raw counts.
    nm_per_pixel : tuple of float, optional
        Pixel sizes of the masks [nm]; NaN where unknown.
    q_per_pixel : tuple of float, optional
        q of one pixel of each pattern, as the model sees it [1/nm]; NaN where unknown.
    """

    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    groups: tuple[str, ...] | None
    modalities: tuple[Modality, Modality]
    scattering: NDArray[np.float32]
    masks: tuple[NDArray[np.bool_], ...]
    q: NDArray[np.float64] | None = None
    q_unit: str = ""
    limits: tuple[float, float] | None = None
    nm_per_pixel: tuple[float, ...] | None = None
    q_per_pixel: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.sample_ids:
            raise ValueError("sample_ids must name at least one sample; got none")
        for name in ("morphologies", "groups", "masks", "nm_per_pixel", "q_per_pixel"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(f"{name} must be {len(self)} as sample_ids; got {len(values)}")
        if len(set(self.sample_ids)) != len(self):
            raise ValueError(f"sample_ids must be unique; got {self.sample_ids}")
        check_shape("scattering", self.scattering, (len(self), 1, *self.modalities[0].shape))
        check_finite("scattering", self.scattering)
        check_range("least of scattering", float(self.scattering.min()), 0, 1)
        check_range("largest of scattering", float(self.scattering.max()), 0, 1)
        if (self.q is None) == (not self.modalities[0].is_image):
            raise ValueError(f"q must be given for 1-D profiles alone; got {self.q!r} for {self.modalities[0]}")
        if self.q is not None:
            check_shape("q", self.q, self.modalities[0].shape)
        for sample_id, mask in zip(self.sample_ids, self.masks, strict=True):
            check_mask(f"mask of {sample_id!r}", mask)
            if min(mask.shape) < max(self.modalities[1].shape):
                raise ValueError(
                    f"mask of {sample_id!r} must hold a crop of {self.modalities[1].shape}; got {mask.shape}"
                )

    def __len__(self) -> int:
        return len(self.sample_ids)

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of all measurements, bit for bit."""
        digest = sha256("\n".join(self.sample_ids).encode())
        digest.update(np.ascontiguousarray(self.scattering).tobytes())
        for mask in self.masks:
            digest.update(np.packbits(mask).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def cycles(self) -> NDArray[np.float64] | None:
        """Cycles per pixel of the mask that one pixel of a pattern, or one unit of q of a profile, stands for, (n,).

        None where a pixel size or the unit of q is not known.
        """
        per_nm = self.q_per_pixel
        if self.q is not None:
            per_nm = (PER_NM[self.q_unit],) * len(self) if self.q_unit in PER_NM else None
        if per_nm is None or self.nm_per_pixel is None:
            return None
        found = np.array(per_nm) * np.array(self.nm_per_pixel) / (2 * np.pi)
        return found if np.isfinite(found).all() else None

    def subset(self, indices: Indices) -> PreparedPairs:
        """The pairs at these indices, in their order."""
        chosen = [int(index) for index in indices]
        return replace(
            self,
            sample_ids=tuple(self.sample_ids[i] for i in chosen),
            morphologies=tuple(self.morphologies[i] for i in chosen),
            groups=None if self.groups is None else tuple(self.groups[i] for i in chosen),
            scattering=self.scattering[chosen],
            masks=tuple(self.masks[i] for i in chosen),
            nm_per_pixel=None if self.nm_per_pixel is None else tuple(self.nm_per_pixel[i] for i in chosen),
            q_per_pixel=None if self.q_per_pixel is None else tuple(self.q_per_pixel[i] for i in chosen),
        )

    def crops(self, indices: Indices, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """One random window of `size` px of each mask: float32 (n, 1, size, size), 0 and 1.

        `rng` is drawn from twice per mask: row, then column.
        """
        return _stacked([random_crop(self.masks[int(i)], size, rng) for i in indices], size)

    def crops_at(self, indices: Indices, size: int, fractions: tuple[float, float]) -> NDArray[np.float32]:
        """The same window of `size` px of each mask: float32 (n, 1, size, size), 0 and 1.

        `fractions`, (row, col), is its position from 0 (first row or column) to 1 (last that fits). Two numbers drawn
        uniformly give a window uniform over all positions; masks of equal size get the same one.
        """
        for name, fraction in zip(("row fraction", "col fraction"), fractions, strict=True):
            check_range(name, fraction, 0, 1)
        crops = []
        for mask in (self.masks[int(i)] for i in indices):
            row, col = (
                max(min(int(fraction * (length - size + 1)), length - size), 0)
                for fraction, length in zip(fractions, mask.shape, strict=True)
            )
            crops.append(crop_at(mask, row, col, size))
        return _stacked(crops, size)

    def save(self, path: Path | str) -> None:
        """Write all of it to one .npz file, which appears complete or not at all; one that is there is replaced."""
        arrays = {
            "format_version": np.array(FORMAT_VERSION),
            "sample_ids": np.array(self.sample_ids, dtype=np.str_),
            "morphologies": np.array(self.morphologies, dtype=np.str_),
            "modality_names": np.array([modality.name for modality in self.modalities], dtype=np.str_),
            "micrograph_shape": np.array(self.modalities[1].shape),
            "scattering": self.scattering,
            "mask_shapes": np.array([mask.shape for mask in self.masks], dtype=np.int64),
            "mask_bits": np.packbits(np.concatenate([mask.ravel() for mask in self.masks])),
            "q_unit": np.array(self.q_unit, dtype=np.str_),
        }
        names = ("groups", "q", "limits", "nm_per_pixel", "q_per_pixel")
        optional = {name: getattr(self, name) for name in names}
        arrays |= {name: np.array(values) for name, values in optional.items() if values is not None}
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
            if version == FORMAT_VERSION:
                return cls(**_fields(arrays))
        except FileNotFoundError:
            raise
        except Exception as error:  # a broken zip file raises anything
            raise DataError(path, ["not a file of prepared pairs, or a broken one; prepare the data again"]) from error
        raise DataError(path, [f"format version {version}, expected {FORMAT_VERSION}; prepare the data again"])


def _fields(arrays: dict[str, NDArray]) -> dict[str, Any]:
    """The fields of prepared pairs from the arrays of their file."""

    def values(name: str, kind: type) -> tuple | None:
        return tuple(map(kind, arrays[name])) if name in arrays else None

    names, scattering, shapes = arrays["modality_names"], arrays["scattering"], arrays["mask_shapes"]
    sizes = shapes.prod(axis=1)
    bits = np.unpackbits(arrays["mask_bits"], count=int(sizes.sum())).astype(bool)
    masks = np.split(bits, np.cumsum(sizes)[:-1])
    return {
        "sample_ids": values("sample_ids", str),
        "morphologies": values("morphologies", str),
        "groups": values("groups", str),
        "modalities": (
            Modality(str(names[0]), tuple(map(int, scattering.shape[2:])), "gaussian"),
            Modality(str(names[1]), tuple(map(int, arrays["micrograph_shape"])), "bernoulli"),
        ),
        "scattering": scattering,
        "masks": tuple(mask.reshape(shape) for mask, shape in zip(masks, shapes, strict=True)),
        "q": arrays.get("q"),
        "q_unit": str(arrays["q_unit"]),
        "limits": values("limits", float),
        "nm_per_pixel": values("nm_per_pixel", float),
        "q_per_pixel": values("q_per_pixel", float),
    }


def _stacked(crops: list[NDArray], size: int) -> NDArray[np.float32]:
    """Crops as one batch with a channel."""
    return np.stack(crops)[:, None].astype(np.float32) if crops else np.zeros((0, 1, size, size), dtype=np.float32)
