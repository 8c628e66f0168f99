"""What to beware of in a data folder that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil

import numpy as np

from pairvae_lib.config import PAPER_TRAINING_SIZES, TRAINING_FRACTION
from pairvae_lib.data.inspection.seen import BEAM_DISC, Seen
from pairvae_lib.data.reading.images import SAME_SCALE
from pairvae_lib.data.reading.samples import UNLABELLED

LEAST_PER_LABEL = 3  # a label in training, and something held out, more than once
MUCH_EXPLAINED = 0.5  # share of the variance of the area fraction, from which on a group tells most
EXTREME_FRACTION = 0.05
SATURATED_SHARE = {True: 1e-3, False: 1e-2}  # pixels at the largest value: of counts; of scaled, clipped intensities


def cautions(samples: Sequence[Seen], is_profile: bool, q_unit: str) -> list[str]:
    """What to beware of, a line each.

    Parameters
    ----------
    samples : sequence of Seen
        All of a folder.
    is_profile : bool
        Whether the scattering is 1-D.
    q_unit : str
        Of 1-D profiles.
    """
    return [
        *_about_numbers(samples),
        *_about_groups(samples),
        *_about_copies(samples),
        *_about_micrographs(samples),
        *(_about_profiles(q_unit) if is_profile else _about_patterns(samples)),
    ]


def explained_share(values: Sequence[float], groups: Sequence[str]) -> float:
    """Share of the variance of values that their groups explain, less what as many random groups would explain.

    Parameters
    ----------
    values : sequence of float, length n
        One of each sample.
    groups : sequence of str, length n
        Names.

    Returns
    -------
    float
        1 - (within / (n - k)) / (total / (n - 1)) for k groups (epsilon squared), at least 0; 0 where it is not
        defined.
    """
    data, names = np.asarray(values, dtype=np.float64), np.asarray(groups)
    count, kinds = len(data), np.unique(names)
    total = float(((data - data.mean()) ** 2).sum()) if count else 0.0
    if total == 0 or not 1 < len(kinds) < count:
        return 0.0
    within = sum(float(((data[names == kind] - data[names == kind].mean()) ** 2).sum()) for kind in kinds)
    return max(0.0, 1 - (within / (count - len(kinds))) / (total / (count - 1)))


def _about_numbers(samples: Sequence[Seen]) -> list[str]:
    """Few samples, and labels of few."""
    lines = []
    smallest = PAPER_TRAINING_SIZES[0]
    if round(len(samples) * TRAINING_FRACTION) < smallest:
        lines.append(
            f"{len(samples)} samples: two thirds of them are fewer than the {smallest} of the paper's smallest "
            f"training set; {ceil(smallest / TRAINING_FRACTION)} or more are advisable"
        )
    labels = Counter(sample.morphology or UNLABELLED for sample in samples)
    rare = [f"{label} ({count})" for label, count in sorted(labels.items()) if count < LEAST_PER_LABEL]
    if rare and len(labels) > 1:
        lines.append(f"morphologies of fewer than {LEAST_PER_LABEL} samples cannot be assessed: {', '.join(rare)}")
    if UNLABELLED in labels and len(labels) > 1:
        lines.append(f"{labels[UNLABELLED]} of {len(samples)} samples have no morphology")
    return lines


def _about_groups(samples: Sequence[Seen]) -> list[str]:
    """Whether a random split would be flattering."""
    known = [sample for sample in samples if sample.area_fraction is not None]
    if not any(sample.group for sample in known):
        return [
            "no column group or batch: whether samples of one film or session resemble each other cannot be told, and "
            "a random split may flatter"
        ]
    share = explained_share([s.area_fraction for s in known if s.area_fraction is not None], [s.group for s in known])
    lines = []
    if share > MUCH_EXPLAINED:
        lines.append(
            f"leakage: the group alone explains {share:.0%} of the variance of the area fraction, so that a random "
            "split flatters every method; hold out whole groups (held_out) for the headline"
        )
    single = [name for name, count in sorted(Counter(sample.group for sample in known).items()) if count == 1]
    if single:
        lines.append(f"groups of one sample: {', '.join(single)}")
    return lines


def _about_copies(samples: Sequence[Seen]) -> list[str]:
    """Files that are equal under different names, and masks that are equal when turned or mirrored."""
    lines = []
    for name, what, key in (
        ("scattering", "the same scattering file under different names", "scattering"),
        ("micrograph", "the same micrograph under different names", "micrograph"),
        ("mask", "micrographs that are copies of one another, perhaps turned or mirrored", "micrograph"),
    ):
        sets: dict[str, dict[str, Seen]] = {}
        for sample in samples:
            if name in sample.digests:
                sets.setdefault(sample.digests[name], {}).setdefault(getattr(sample, key), sample)
        copies = [list(found.values()) for found in sets.values() if len(found) > 1]
        if name == "mask":  # those with equal files are listed already
            copies = [found for found in copies if len({sample.digests.get("micrograph") for sample in found}) > 1]
        if copies:
            named = "; ".join(", ".join(sample.sample_id for sample in found) for found in copies[:5])
            more = f"; and {len(copies) - 5} more" if len(copies) > 5 else ""
            lines.append(f"{what}: {named}{more}")
    return lines


def _about_micrographs(samples: Sequence[Seen]) -> list[str]:
    """Scales and area fractions."""
    lines = []
    if all(sample.nm_per_pixel is None for sample in samples):
        lines.append(
            "pixel sizes of the micrographs are unknown: lengths are in px, and all are taken to have one scale; a "
            "column nm_per_pixel says more"
        )
    other = [
        sample.sample_id
        for sample in samples
        if sample.nm_per_pixel and sample.nm_in_tags
        if abs(sample.nm_per_pixel - sample.nm_in_tags) > SAME_SCALE * sample.nm_in_tags
    ]
    if other:
        lines.append(f"nm_per_pixel of the manifest differs from the tags of the micrograph: {_list(other)}")
    extreme = [
        sample.sample_id
        for sample in samples
        if sample.area_fraction is not None and not EXTREME_FRACTION <= sample.area_fraction <= 1 - EXTREME_FRACTION
    ]
    if extreme:
        lines.append(f"nearly all or nothing of the mask is bright, look at its threshold: {_list(extreme)}")
    return lines


def _about_profiles(q_unit: str) -> list[str]:
    """Whether q has a unit."""
    return [] if q_unit else ["the unit of q is unknown: name it in a comment of the files, or give q_scale"]


def _about_patterns(samples: Sequence[Seen]) -> list[str]:
    """Saturation, beam stops, and beams that nobody gave."""
    lines = []
    for is_counts, share in SATURATED_SHARE.items():
        cut = [seen.sample_id for seen in samples if seen.is_counts == is_counts and _above(seen.saturated, share)]
        if cut:
            lines.append(f"more than {share:.1%} of the pixels have the largest value (saturated): {_list(cut)}")
    dark = [sample.sample_id for sample in samples if sample.is_dark_at_beam]
    if dark:
        lines.append(f"dark about the beam, and nothing is masked (a beam stop? add a mask file): {_list(dark)}")
    filled = [sample for sample in samples if sample.masked]
    if any(sample.beam is None for sample in filled):
        lines.append(
            "the beam is taken to be in the middle of the patterns; a .poni file or beam_row and beam_col say more"
        )
    beams = np.array([sample.beam for sample in samples if sample.beam is not None])
    shapes = [sample.scattering_shape for sample in samples if sample.scattering_shape]
    if len(beams) > 1 and shapes and (np.ptp(beams, axis=0) > BEAM_DISC * min(min(shape) for shape in shapes)).any():
        lines.append("the beam is not at the same place in all patterns, which a model sees as a difference of samples")
    return lines


def _list(names: Sequence[str]) -> str:
    """Names of samples, cut where there are many."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _above(value: float | None, limit: float) -> bool:
    """Whether a number is known and above a limit."""
    return value is not None and value > limit
