"""What one sample of a data folder holds, in numbers and small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import DataError
from pairvae_lib.data.folder import PairedDataset
from pairvae_lib.data.reading.images import file_nm_per_pixel
from pairvae_lib.data.reading.samples import Sample

THUMBNAIL = 96  # px
CURVE_POINTS = 64
BEAM_DISC, BEAM_RING = 0.02, (0.04, 0.08)  # of the shorter side of a pattern
DARK = 0.2  # intensity about the beam over that of the ring around it


@dataclass(frozen=True, eq=False)
class Seen:
    """What one sample holds; None where it cannot be read, and what does not concern its kind.

    Parameters
    ----------
    sample_id, morphology, group, scattering, micrograph : str
        As in the manifest; the files relative to the folder.
    scattering_shape, micrograph_shape : tuple of int
        [px] of a pattern, points of a profile; of the micrograph as it is handed out.
    q : (first, last)
        Of a profile.
    masked, saturated : float
        Share of the pixels of a pattern.
    is_counts : bool
        Whether a pattern holds raw counts, else scaled intensities.
    is_dark_at_beam : bool
        Whether an unmasked pattern is dark about its beam.
    area_fraction : float
        Share of bright pixels.
    nm_per_pixel, nm_in_tags : float
        By the manifest or the tags; by the tags alone.
    beam : (row, col)
        Where known [px].
    digests : mapping of str to str
        Of the two files, and of the mask whichever way it is turned or mirrored.
    pictures : mapping of str to ndarray
        Small ones: "pattern" and "mask" (uint8), "profile" (q and intensity).
    """

    sample_id: str
    morphology: str
    group: str
    scattering: str
    micrograph: str
    scattering_shape: tuple[int, ...] | None = None
    micrograph_shape: tuple[int, ...] | None = None
    q: tuple[float, float] | None = None
    masked: float | None = None
    saturated: float | None = None
    is_counts: bool | None = None
    is_dark_at_beam: bool | None = None
    area_fraction: float | None = None
    nm_per_pixel: float | None = None
    nm_in_tags: float | None = None
    beam: tuple[float, float] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, NDArray] = field(default_factory=dict)


def seen_sample(dataset: PairedDataset, index: int, problems: list[str]) -> Seen:
    """What one sample holds.

    Parameters
    ----------
    dataset : PairedDataset
        The data, perhaps with faults.
    index : int
        Of the sample.
    problems : list of str
        Grows by a line for every fault.
    """
    sample = dataset.listing.samples[index]
    facts: dict[str, Any] = {}
    pictures: dict[str, NDArray] = {}
    digests = {
        name: sha256(path.read_bytes()).hexdigest()
        for name, path in (("scattering", sample.scattering), ("micrograph", sample.micrograph))
        if path.is_file()
    }
    try:
        scattering = dataset.scattering(index)
        if isinstance(scattering, tuple):
            q, intensity = scattering
            facts |= {"scattering_shape": (len(q),), "q": (float(q[0]), float(q[-1]))}
            places = np.unique(np.linspace(0, len(q) - 1, CURVE_POINTS).astype(int))
            pictures["profile"] = np.stack([q[places], intensity[places]])
        else:
            facts |= {"scattering_shape": scattering.shape} | _pattern_facts(dataset, sample)
            pictures["pattern"] = _small(scattering * 255)
    except DataError as error:
        problems += error.problems
    except ValueError:  # patterns beyond [0, 1] without limits: the limits' own problem is listed
        pass
    try:
        mask = dataset.mask(index)
        facts |= {"micrograph_shape": mask.shape, "area_fraction": float(mask.mean())}
        pictures["mask"] = _small(np.where(mask, 255.0, 0.0))
        digests["mask"] = _turned_digest(mask)
    except DataError as error:
        problems += error.problems
    try:
        facts["nm_in_tags"] = file_nm_per_pixel(sample.micrograph) if sample.micrograph.is_file() else None
        facts["beam"] = None if dataset.is_profile else dataset.files.beam(sample)
    except ValueError:  # listed when the folder was opened
        pass
    return Seen(
        sample_id=sample.sample_id,
        morphology=sample.morphology,
        group=sample.group,
        scattering=sample.scattering.relative_to(dataset.folder).as_posix(),
        micrograph=sample.micrograph.relative_to(dataset.folder).as_posix(),
        nm_per_pixel=sample.nm_per_pixel,
        digests=digests,
        pictures=pictures,
        **facts,
    )


def _pattern_facts(dataset: PairedDataset, sample: Sample) -> dict[str, Any]:
    """Shares of masked and saturated pixels, and whether an unmasked pattern is dark about its beam."""
    is_counts = dataset.pattern_limits is not None
    levels, missing = dataset.files.measured(sample)
    seen = levels[~missing]
    facts: dict[str, Any] = {"masked": float(missing.mean()), "saturated": float((seen == seen.max()).mean())}
    facts["is_counts"] = is_counts
    if is_counts and not missing.any():
        height, width = levels.shape
        row, col = dataset.files.beam(sample) or ((height - 1) / 2, (width - 1) / 2)
        rows, cols = np.indices(levels.shape)
        far = np.hypot(rows - row, cols - col) / min(height, width)
        disc, ring = far <= BEAM_DISC, (far >= BEAM_RING[0]) & (far <= BEAM_RING[1])
        if disc.any() and ring.any():
            facts["is_dark_at_beam"] = bool(levels[disc].mean() < DARK * levels[ring].mean())
    return facts


def _small(image: NDArray) -> NDArray[np.uint8]:
    """A thumbnail by picking pixels: means of the area that each stands for."""
    height, width = image.shape
    step = max(1, ceil(max(height, width) / THUMBNAIL))
    rows, cols = height // step * step, width // step * step
    means = image[:rows, :cols].reshape(rows // step, step, cols // step, step).mean(axis=(1, 3))
    return np.rint(np.clip(means, 0, 255)).astype(np.uint8)


def _turned_digest(mask: NDArray[np.bool_]) -> str:
    """The same for a mask and all that come from it by turning and mirroring."""
    ways = [np.rot90(side, turns) for side in (mask, mask[:, ::-1]) for turns in range(4)]
    return min(sha256(repr(way.shape).encode() + np.packbits(way).tobytes()).hexdigest() for way in ways)
