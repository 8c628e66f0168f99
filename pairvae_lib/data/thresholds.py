"""Thresholds against the ground truth, under even and uneven light (the paper's Fig. S2).

Only the threshold differs between the methods: the blur before it and the majority smoothing after it are the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from pairvae_lib.checks import check_mask, check_one_of, check_positive, check_shape
from pairvae_lib.config import Binarisation
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.preprocessing import binarised, blurred_micrograph, smoothed_mask
from pairvae_lib.data.reading.samples import UNLABELLED
from pairvae_lib.data.simulation.dataset import RECORD
from pairvae_lib.data.simulation.film import relit_micrographs
from pairvae_lib.data.simulation.pair import SIZES
from pairvae_lib.files.arrays import write_json
from pairvae_lib.morphology.masks import dice

ILLUMINATIONS = (0.0, 1.0, 2.0, 4.0)  # factors of the simulated amplitude; 1 is as simulated
PER_MORPHOLOGY = 6  # samples of each morphology in the study
SMALLEST_DOMAIN = 20  # px, a disc 5 px wide; domains are about 6 px wide
NIBLACK_WEIGHT = -0.2  # of the local standard deviation, subtracted from the local mean
SAUVOLA_RANGE = 128.0  # grey levels, R of Sauvola and Pietikaeinen 2000 for 8-bit images
SAUVOLA_WEIGHT = 0.2  # k of scikit-image; the authors took 0.5


def _thresholded(micrograph: ArrayLike, method: str, settings: Binarisation = Binarisation()) -> NDArray[np.bool_]:  # noqa: B008
    """Another threshold between the blur and the smoothing of `binarised`."""
    from skimage import filters  # lazily: half a second

    grey = blurred_micrograph(micrograph, settings)
    if method == "adaptive Gaussian":
        threshold = filters.threshold_local(grey, settings.window, "gaussian", offset=settings.offset, mode="nearest")
    elif method == "Niblack":
        threshold = filters.threshold_niblack(grey, settings.window, NIBLACK_WEIGHT)
    elif method == "Sauvola":
        threshold = filters.threshold_sauvola(grey, settings.window, SAUVOLA_WEIGHT, SAUVOLA_RANGE)
    elif method == "global mean":
        threshold = grey.mean()
    else:
        threshold = filters.threshold_otsu(grey) if method == "Otsu" else filters.threshold_li(grey)
    return smoothed_mask(grey > threshold, settings)


# Masks of a micrograph of shape (H, W) in grey levels of [0, 255] by method. Local: the mean of 15 x 15 px less 2
# grey levels (the paper's), a Gaussian-weighted mean of the same window less 2, Niblack (mean + 0.2 s), Sauvola;
# global: Otsu, Li, the mean. All but the first from scikit-image.
METHODS: Mapping[str, Callable[[ArrayLike], NDArray[np.bool_]]] = {
    "adaptive mean": binarised,
    **{
        method: partial(_thresholded, method=method)
        for method in ("adaptive Gaussian", "Niblack", "Sauvola", "Otsu", "Li", "global mean")
    },
}


@dataclass(frozen=True, eq=False)
class LitSample:
    """A sample with its true phases, and its micrograph under one or several lights.

    Parameters
    ----------
    truth : bool ndarray of shape (H, W), or None
        True = PMMA; None where it is not known.
    micrographs : mapping of illumination to ndarray of shape (H, W)
        Grey levels in [0, 255]; illumination is the factor of the amplitude of uneven light, 1 as the data are.
    """

    sample_id: str
    morphology: str
    truth: NDArray[np.bool_] | None
    micrographs: Mapping[float, NDArray[np.uint8]]


def lit_samples(
    dataset: PairedDataset, illuminations: Sequence[float] = ILLUMINATIONS, per_morphology: int = PER_MORPHOLOGY
) -> list[LitSample]:
    """The first samples of every morphology, in the order of the data set.

    A sample of a simulated folder is simulated again, which takes as long as the first time. Of measured data there
    is only the light that they were taken in, illumination 1.

    Parameters
    ----------
    dataset : PairedDataset
        If simulated, by this version of the simulator and not renamed.
    illuminations : sequence of float
        Factors of the simulated amplitude, see `simulation.film`.
    per_morphology : int
        Fewer where the data set has fewer.
    """
    check_positive("per_morphology", per_morphology)
    labels = dataset.morphologies or (UNLABELLED,) * len(dataset)
    record = _record(dataset.folder)
    seen: Counter[str] = Counter()
    samples = []
    for index, (name, label) in enumerate(zip(dataset.sample_ids, labels, strict=True)):
        seen[label] += 1
        if seen[label] > per_morphology:
            continue
        if record is None:
            truth: NDArray[np.bool_] | None = dataset.true_mask(index)
            micrographs = {1.0: dataset.micrograph(index)}
        else:
            number = _simulated_number(name)  # not the index: a manifest may have been shortened
            truth, micrographs = relit_micrographs(number, record["size"], record["seed"], illuminations)
        samples.append(LitSample(name, label, truth, micrographs))
    return samples


def scores(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float]:
    """How well a mask delineates the true domains.

    Parameters
    ----------
    mask, truth : bool ndarray of shape (H, W)

    Returns
    -------
    dict of str to float
        dice, iou: pixel by pixel, 1 for equal masks.
        domains_kept: share of the true domains of which at least half the pixels are in the mask. A domain is a
        connected piece of PMMA (pixels that touch along an edge) of at least `SMALLEST_DOMAIN` px.
        domains_ratio: domains of the mask per true domain; below 1 domains have merged or are lost, above 1 they are
        broken or false. It says what `domains_kept` cannot: a mask that is True everywhere keeps every domain.
        fraction_bias: phase fraction of the mask less that of the truth.
    """
    for name, values in (("mask", mask), ("truth", truth)):
        check_mask(name, values)
        check_shape(name, values, ("height", "width"))
    check_shape("mask", mask, truth.shape)
    labels, sizes = _domains(truth)
    if not len(sizes):
        raise ValueError(f"truth must hold a domain of at least {SMALLEST_DOMAIN} px; got none")
    pixels = np.bincount(labels.ravel())[1:]
    found = np.bincount(labels[mask], minlength=len(pixels) + 1)[1:]
    large = pixels >= SMALLEST_DOMAIN
    union = int((mask | truth).sum())
    return {
        "dice": float(dice(mask, truth)),
        "iou": int((mask & truth).sum()) / union,
        "domains_kept": float((2 * found[large] >= pixels[large]).mean()),
        "domains_ratio": len(_domains(mask)[1]) / len(sizes),
        "fraction_bias": float(mask.mean() - truth.mean()),
    }


def threshold_study(
    samples: Iterable[LitSample],
    methods: Mapping[str, Callable[[ArrayLike], NDArray[np.bool_]]] = METHODS,
) -> list[dict[str, Any]]:
    """Scores of every method, a function from a micrograph to a mask, on every sample under every light.

    Returns
    -------
    list of dict
        One row per sample, illumination and method: sample_id, morphology, method, illumination, and the `scores`
        to six digits. Samples without a truth give no rows.
    """
    return [
        {"sample_id": sample.sample_id, "morphology": sample.morphology, "method": name, "illumination": light}
        | {key: float(f"{value:.6g}") for key, value in scores(method(micrograph), sample.truth).items()}
        for sample in samples
        if sample.truth is not None
        for light, micrograph in sample.micrographs.items()
        for name, method in methods.items()
    ]


def save_study(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of `threshold_study` as JSON: {"rows", "methods", "illuminations"}, whole or not at all."""
    content = {
        "rows": list(rows),
        "methods": list(dict.fromkeys(row["method"] for row in rows)),
        "illuminations": sorted({row["illumination"] for row in rows}),
    }
    write_json(path, content)


def _domains(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels of all connected pieces, and the sizes [px] of those that are large enough to be a domain."""
    labels, _ = ndimage.label(mask)
    pixels = np.bincount(labels.ravel())[1:]
    return labels, pixels[pixels >= SMALLEST_DOMAIN]


def _simulated_number(sample_id: str) -> int:
    """The index that the simulator has drawn a sample with."""
    number = sample_id.removeprefix("sim")
    if not number.isdecimal():
        raise ValueError(f"sample_id of a simulated sample must be sim and a number; got {sample_id!r}")
    return int(number)


def _record(folder: Path) -> dict[str, Any] | None:
    """What the simulator noted of a folder; None where it did not write it."""
    file = folder / RECORD
    if not file.is_file():
        return None
    record = json.loads(file.read_text(encoding="utf-8"))
    size, version = record.get("size"), record.get("version")
    check_one_of(f"size in {file}", size, tuple(SIZES))
    if version != SIZES[size].version:
        raise ValueError(f"{file} must be of version {SIZES[size].version} of the simulator; got {version!r}")
    return record
