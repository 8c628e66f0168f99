"""A data folder looked at as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.config import Profile
from pairvae_lib.data.folder import readable_pairs
from pairvae_lib.data.inspection.cautions import cautions
from pairvae_lib.data.inspection.seen import Seen, seen_sample

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What is there, what is wrong, and what to beware of.

    Parameters
    ----------
    folder : Path
        The data.
    profile : str
        Name of the profile for which it was looked at.
    scattering_name, micrograph_name : str
        Names of the techniques; "" where nothing can be read.
    is_profile : bool
        Whether the scattering is 1-D.
    q_unit : str
        Of 1-D profiles.
    common_nm_per_pixel : float or None
        To which micrographs of different scale are brought.
    samples : tuple of Seen
        Those that the folder lists without fault.
    problems, warnings : tuple of str
        What makes the folder unusable, and what does not.
    """

    folder: Path
    profile: str
    scattering_name: str
    micrograph_name: str
    is_profile: bool
    q_unit: str
    common_nm_per_pixel: float | None
    samples: tuple[Seen, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it can be trained on."""
        return not self.problems

    @property
    def facts(self) -> dict[str, str]:
        """What is there, as a list of names and words."""
        facts = {"samples": str(len(self.samples))}
        if not self.samples:
            return facts
        kind = "1-D profiles" if self.is_profile else "2-D patterns"
        facts["scattering"] = f"{self.scattering_name}, {kind}: {_counted(s.scattering_shape for s in self.samples)}"
        ranges = [sample.q for sample in self.samples if sample.q]
        if ranges:
            first, last = max(q[0] for q in ranges), min(q[1] for q in ranges)
            facts["q that all cover"] = f"{first:.4g} to {last:.4g} {self.q_unit or '(unit unknown)'}"
        masked = [sample.masked for sample in self.samples if sample.masked]
        if masked:
            facts["masked pixels"] = f"{np.mean(masked):.1%} of {len(masked)} patterns, filled by symmetry"
        facts["micrographs"] = f"{self.micrograph_name}: {_counted(s.micrograph_shape for s in self.samples)}"
        sizes = [sample.nm_per_pixel for sample in self.samples if sample.nm_per_pixel is not None]
        if sizes:
            span = f"{min(sizes):g}" if min(sizes) == max(sizes) else f"{min(sizes):g} to {max(sizes):g}"
            to = f", brought to {self.common_nm_per_pixel:g}" if self.common_nm_per_pixel else ""
            facts["nm per pixel"] = f"{span}{to}"
        fractions = [sample.area_fraction for sample in self.samples if sample.area_fraction is not None]
        if fractions:
            facts["area fraction of the bright phase"] = (
                f"{np.mean(fractions):.3f} on average, {min(fractions):.3f} to {max(fractions):.3f}"
            )
        facts["morphologies"] = _named(sample.morphology for sample in self.samples) or "not given"
        facts["groups"] = _named(sample.group for sample in self.samples) or "not given"
        return facts

    def as_json(self) -> dict[str, Any]:
        """All of it but the pictures, for other programs."""
        samples = [asdict(sample) for sample in self.samples]
        for sample in samples:
            del sample["pictures"]
        names = ("profile", "scattering_name", "micrograph_name", "is_profile", "q_unit", "common_nm_per_pixel")
        return {
            "folder": str(self.folder),
            "usable": self.is_usable,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            **{name: getattr(self, name) for name in names},
            "samples": samples,
        }


def inspected(
    folder: Path | str,
    profile: Profile,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = lambda done, total: None,
) -> Inspection:
    """Everything that can be said of a data folder without training.

    Parameters
    ----------
    folder : Path or str
        See `folder.open_pairs`.
    profile : Profile
        For which it is meant: its crop must fit into the micrographs.
    kinds : mapping of str to str, optional
        See `folder.open_pairs`.
    progress : callable
        Called with the number of samples done, and of all.
    """
    folder = Path(folder)
    problems: list[str] = []
    dataset = readable_pairs(folder, kinds, profile.binarisation, problems)
    samples: list[Seen] = []
    if dataset is not None:
        for index in range(len(dataset)):
            progress(index, len(dataset))
            samples.append(seen_sample(dataset, index, problems))
        progress(len(dataset), len(dataset))
        problems += _too_small(samples, profile)
        least = max(profile.solo.batch_size, profile.pair.batch_size) + 1
        if len(samples) < least:
            problems.append(f"{len(samples)} usable samples; training needs at least {least}, a batch and one held out")
    return Inspection(
        folder,
        profile.name,
        dataset.scattering_name if dataset else "",
        dataset.micrograph_name if dataset else "",
        dataset.is_profile if dataset else False,
        dataset.q_unit if dataset else "",
        dataset.common_nm_per_pixel if dataset else None,
        tuple(samples),
        tuple(dict.fromkeys(problems)),
        tuple(cautions(samples, dataset.is_profile, dataset.q_unit)) if dataset else (),
    )


def _too_small(samples: Sequence[Seen], profile: Profile) -> list[str]:
    """Micrographs into which a crop does not fit."""
    size = profile.image_size
    return [
        f"{sample.micrograph}: micrograph of {sample.micrograph_shape[0]} x {sample.micrograph_shape[1]} px is smaller "
        f"than the crop of {size} px"
        for sample in samples
        if sample.micrograph_shape is not None and min(sample.micrograph_shape) < size
    ]


def _counted(shapes: Any) -> str:
    """Shapes and how often each occurs, the most frequent first."""
    counts = Counter(" x ".join(map(str, shape)) for shape in shapes if shape is not None).most_common()
    shown = ", ".join(f"{shape} ({count})" for shape, count in counts[:4])
    return f"{shown}, and {len(counts) - 4} other sizes" if len(counts) > 4 else shown or "none readable"


def _named(names: Any) -> str:
    """Names and how often each occurs."""
    counts = Counter(names)
    return ", ".join(f"{name or 'none'} ({count})" for name, count in sorted(counts.items())) if any(counts) else ""
