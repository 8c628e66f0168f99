"""How an ensemble of masks compares with the micrograph that it stands for, and what a conditional flow is so worth.

One micrograph is seen through many crops, and an answer is as many masks: both are averaged before they are compared,
since neither knows which crop was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pairvae_lib.assessment.baselines import Indices, kernel_ridge, training_mean
from pairvae_lib.assessment.ensembles import flow_answer, neighbours_answer, own_crops
from pairvae_lib.assessment.errors import (
    A2,
    COMPONENTS,
    CURVES,
    FLOOR,
    L_HORIZONTAL,
    L_VERTICAL,
    S2,
    SUBSETS,
    TRUE,
    morphology_statistics,
)
from pairvae_lib.assessment.memorisation import best_overlap
from pairvae_lib.assessment.spectra import power_spectrum_features
from pairvae_lib.checks import check_mask
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.arrays import rounded
from pairvae_lib.models.flow.condition import conditioning
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.flow.training import denoising_loss
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import route_name
from pairvae_lib.morphology.masks import phase_fraction, two_point_correlation

AREA = "area"
METRICS = (S2, A2, AREA, L_VERTICAL, L_HORIZONTAL, COMPONENTS)
SCALARS = (AREA, L_VERTICAL, L_HORIZONTAL, COMPONENTS)  # whose mean is one number that has a meaning

DRAWN, CROPS = 16, 32  # masks of an answer, and crops of the micrograph that it is held to
MOST_TRAINING = 24  # training samples that are assessed: they are there for comparison
LOOKED_AT = 12  # samples of a subset for which copies are looked for, which takes long
DENOISING_TIME = 0.1
NEIGHBOURS = {"nearest neighbour": 1, "three nearest neighbours": 3}
RIDGE, MEAN = "kernel ridge", "training mean"
ONE_CROP = "one true crop"  # of the sample's own micrograph: what one look tells, beside the floor of many
# Names of memorisation: what is drawn, and the true crops that it stands beside.
DRAWN_HELD_OUT, TRUE_HELD_OUT = "drawn for held-out samples", "true crops of held-out samples"
DRAWN_TRAINING, TRUE_TRAINING = "drawn for training samples", "true crops of training samples, in other micrographs"
OWN, ANOTHER = "own scattering", "another sample's"  # names of denoising


def ensemble_statistics(masks: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of METRICS of every mask, as `errors.morphology_statistics`; "area" is the phase fraction.

    One ensemble for each of n samples, bool (n, masks, height, width), gives ndarrays of shape (n, masks, ...).
    """
    check_mask("masks", masks)
    if masks.ndim != 4:
        raise ValueError(f"masks must have shape (n, masks, height, width); got {masks.shape}")
    found = morphology_statistics(masks) | {AREA: phase_fraction(masks)[..., np.newaxis]}
    return {metric: found[metric] for metric in METRICS}


def statistic_errors(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean absolute error of one statistic averaged over an ensemble: (n, masks, ...) and (n, crops, ...) to (n,)."""
    difference = np.abs(given.mean(axis=1) - true.mean(axis=1))
    return difference.reshape(len(difference), -1).mean(axis=1)


def error_table(
    statistics: Mapping[str, Mapping[str, np.ndarray]], true: Mapping[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """Errors of several answers in every statistic: by metric and answer, ndarrays of shape (n,).

    Statistics are those of `ensemble_statistics` or `ridge_statistics`, by the name of the answer.
    """
    return {
        metric: {name: statistic_errors(given[metric], true[metric]) for name, given in statistics.items()}
        for metric in METRICS
    }


def ridge_statistics(
    scattering: np.ndarray, known: Mapping[str, np.ndarray], train: Indices, query: Indices
) -> dict[str, np.ndarray]:
    """What a regression from the scattering says of the statistics, without a single mask.

    Of the known statistics of crops, (n, crops, ...), those of the training samples are learnt from. The answer is that
    of an ensemble of one, (queries, 1, ...).
    """
    return {
        metric: kernel_ridge(scattering, known[metric].mean(axis=1), train, query)[:, np.newaxis] for metric in METRICS
    }


def spread_ratio(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Standard deviation of S2 (n, masks, R) over an ensemble, averaged over r, over that of the true crops: (n,).

    It is 1 for an ensemble as varied as the sample, 0 for one answer repeated.
    """
    deviation = [values.std(axis=1, ddof=1).mean(axis=-1) for values in (given, true)]
    return deviation[0] / np.maximum(deviation[1], 1e-9)


def memorised(
    masks: np.ndarray, pairs: PreparedPairs, train: Sequence[int], own: Sequence[int] | None = None
) -> np.ndarray:
    """Dice coefficient of each mask with the crop of a training micrograph that it overlaps most, at any position.

    Parameters
    ----------
    masks : bool ndarray of shape (n, height, width)
    own : sequence of int, length n, optional
        The sample of each mask, whose micrograph is passed over: a crop overlaps with where it was taken from.

    Returns
    -------
    ndarray of shape (n,)
        To be read beside that of true crops of other samples: similar films overlap well without any copying.
    """
    overlap = np.stack([best_overlap(masks, pairs.measured[1].values[index]) for index in train])
    if own is not None:
        overlap[np.asarray(train)[:, np.newaxis] == np.asarray(own)] = 0
    return overlap.max(axis=0)


def assess_flow(flow: ConditionalFlow, pairs: PreparedPairs, split: Split, seed: int) -> dict[str, Any]:
    """Errors of a flow's ensembles and of references, with spread, memorisation, and whether the scattering is used.

    All held-out samples are assessed, and up to MOST_TRAINING others.

    Returns
    -------
    dict
        Plain values for a model's folder: no image, no curve of a single sample. `appraisal.FlowAppraisal` says what
        they are; "samples" are the training ones, then those held out.
    """
    train = _evenly(sorted(split.train), MOST_TRAINING)
    samples = np.array([*train, *split.held_out])
    subsets = np.repeat(SUBSETS, (len(train), len(split.held_out)))
    places = {subset: np.flatnonzero(subsets == subset) for subset in SUBSETS}
    asked = Split(split.train, tuple(map(int, samples)))  # who answers, and for whom: a sample is not its own neighbour
    size = pairs.modalities[1].shape[0]

    def rng(stage: str) -> np.random.Generator:
        return rng_for(seed, f"flow assessment {stage}")

    route = route_name(*(modality.name for modality in pairs.modalities))
    given = conditioning(pairs.measured[0], range(len(pairs)), rng("condition"))
    is_cropped = pairs.modalities[0].is_cropped
    features = power_spectrum_features(given) if is_cropped else given
    names = ("first", "second") if is_cropped else ("scattering", "micrograph")
    true = own_crops(pairs, samples, CROPS, rng(TRUE))
    drawn = flow_answer(flow, given[samples], DRAWN, size, rng(route))
    known = {TRUE: ensemble_statistics(true), route: ensemble_statistics(drawn)}
    for name, k in NEIGHBOURS.items():
        known[name] = ensemble_statistics(neighbours_answer(pairs, asked, k, DRAWN, rng(name), features))
    learnt = ensemble_statistics(own_crops(pairs, range(len(pairs)), DRAWN, rng(RIDGE)))
    known[RIDGE] = ridge_statistics(features, learnt, split.train, samples)
    known[MEAN] = {
        metric: training_mean(values.mean(axis=1), split.train, samples)[:, np.newaxis]
        for metric, values in learnt.items()
    }
    known[ONE_CROP] = ensemble_statistics(own_crops(pairs, samples, 1, rng(ONE_CROP)))
    known[FLOOR] = {metric: values[samples] for metric, values in learnt.items()}
    errors = error_table({name: given for name, given in known.items() if name != TRUE}, known[TRUE])

    another = _another(places, len(samples), rng("another"))
    own, others = denoising_losses(
        flow, true[:, 0], given[samples], given[samples[another]], lambda: rng("denoising")
    )
    curves = {"r": two_point_correlation(true[0, 0])[0], "z": np.arange(size // 4 + 1)} | {
        f"{metric} {name}, {subset}": known[name][metric][chosen].mean(axis=(0, 1))
        for metric in CURVES
        for name in (TRUE, route)
        for subset, chosen in places.items()
    }
    return {
        "samples": [
            {"sample_id": pairs.sample_ids[index], "morphology": pairs.morphologies[index], "subset": str(subset)}
            for index, subset in zip(samples, subsets, strict=True)
        ],
        "modalities": dict(zip(names, (one.name for one in pairs.modalities), strict=True)),
        "errors": rounded({metric: {route: named[route]} for metric, named in errors.items()}),
        "references": rounded(
            {metric: {name: one for name, one in named.items() if name != route} for metric, named in errors.items()}
        ),
        "memorisation": rounded(_copies(pairs, split, samples, places, drawn[:, 0], true[:, 0])),
        "spread": rounded({name: spread_ratio(known[name][S2], known[TRUE][S2]) for name in (route, *NEIGHBOURS)}),
        "denoising": rounded({OWN: own, ANOTHER: others}),
        "curves": rounded(curves, 5),
    }


def denoising_losses(
    flow: ConditionalFlow, masks: np.ndarray, own: np.ndarray, others: np.ndarray,
    rng: Callable[[], np.random.Generator],
) -> tuple[np.ndarray, np.ndarray]:
    """How well a flow tells masks from noise, given their own scattering, and given that of other samples: (n,) each.

    One true crop of each sample, bool (n, size, size), at DENOISING_TIME; see `denoising_loss`. `rng` gives
    the same fresh generator at every call, so that both get the same noise.
    """
    crops = masks[:, np.newaxis].astype(np.float32)
    with_own, with_others = (denoising_loss(flow, crops, given, DENOISING_TIME, rng()) for given in (own, others))
    return with_own, with_others


def _another(places: dict[str, np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
    """For each of n samples another of its subset, (n,); itself only where it is alone."""
    another = np.arange(n)
    for chosen in places.values():
        order = rng.permutation(chosen)
        another[order] = np.roll(order, 1)
    return another


def _copies(
    pairs: PreparedPairs, split: Split, samples: np.ndarray, places: dict[str, np.ndarray], drawn: np.ndarray,
    true: np.ndarray,
) -> dict[str, np.ndarray]:
    """Overlap with training micrographs, of what is drawn and of true crops; see `appraisal.FlowAppraisal`."""
    trained, held_out = (_evenly(places[subset].tolist(), LOOKED_AT) for subset in SUBSETS)
    return {
        DRAWN_HELD_OUT: memorised(drawn[held_out], pairs, split.train),
        TRUE_HELD_OUT: memorised(true[held_out], pairs, split.train),
        DRAWN_TRAINING: memorised(drawn[trained], pairs, split.train),
        TRUE_TRAINING: memorised(true[trained], pairs, split.train, samples[trained].tolist()),
    }


def _evenly(indices: list[int], most: int) -> list[int]:
    """Up to so many of the indices, evenly spaced."""
    chosen = np.unique(np.linspace(0, len(indices) - 1, most).round().astype(int))
    return [indices[place] for place in chosen]
