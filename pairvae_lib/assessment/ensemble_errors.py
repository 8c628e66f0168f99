"""How an ensemble of masks compares with the micrograph that it stands for, statistic by statistic.

One micrograph is seen through many crops, and an answer is as many masks: both are averaged before they are compared,
since neither knows which crop was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pairvae_lib.assessment.baselines import Indices, kernel_ridge
from pairvae_lib.assessment.errors import A2, COMPONENTS, L_HORIZONTAL, L_VERTICAL, S2, morphology_statistics
from pairvae_lib.assessment.memorisation import best_overlap
from pairvae_lib.checks import check_mask
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.morphology.masks import phase_fraction

AREA = "area"
METRICS = (S2, A2, AREA, L_VERTICAL, L_HORIZONTAL, COMPONENTS)
SCALARS = (AREA, L_VERTICAL, L_HORIZONTAL, COMPONENTS)  # whose mean is one number that has a meaning


def ensemble_statistics(masks: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of METRICS of every mask.

    Parameters
    ----------
    masks : bool ndarray of shape (n, masks, height, width)
        One ensemble for each of n samples.

    Returns
    -------
    dict of metric to ndarray of shape (n, masks, ...)
        As `errors.morphology_statistics`; "area" is the phase fraction.
    """
    check_mask("masks", masks)
    if masks.ndim != 4:
        raise ValueError(f"masks must have shape (n, masks, height, width); got {masks.shape}")
    found = morphology_statistics(masks) | {AREA: phase_fraction(masks)[..., np.newaxis]}
    return {metric: found[metric] for metric in METRICS}


def statistic_errors(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean absolute error of one statistic averaged over an ensemble.

    Parameters
    ----------
    given : ndarray of shape (n, masks, ...)
    true : ndarray of shape (n, crops, ...)

    Returns
    -------
    ndarray of shape (n,)
    """
    difference = np.abs(given.mean(axis=1) - true.mean(axis=1))
    return difference.reshape(len(difference), -1).mean(axis=1)


def error_table(
    statistics: Mapping[str, Mapping[str, np.ndarray]], true: Mapping[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """Errors of several answers in every statistic.

    Parameters
    ----------
    statistics : mapping of name to mapping of metric to ndarray of shape (n, masks, ...)
        Of `ensemble_statistics` or `ridge_statistics`, by the name of the answer.
    true : mapping of metric to ndarray of shape (n, crops, ...)

    Returns
    -------
    dict of metric to dict of name to ndarray of shape (n,)
    """
    return {
        metric: {name: statistic_errors(given[metric], true[metric]) for name, given in statistics.items()}
        for metric in METRICS
    }


def ridge_statistics(
    scattering: np.ndarray, known: Mapping[str, np.ndarray], train: Indices, query: Indices
) -> dict[str, np.ndarray]:
    """What a regression from the scattering says of the statistics, without a single mask.

    Parameters
    ----------
    scattering : ndarray of shape (n, ...)
    known : mapping of metric to ndarray of shape (n, crops, ...)
        Of crops of all n micrographs; those of the training samples are learnt from.
    train, query : sequence of int

    Returns
    -------
    dict of metric to ndarray of shape (queries, 1, ...)
        As an ensemble of one.
    """
    return {
        metric: kernel_ridge(scattering, known[metric].mean(axis=1), train, query)[:, np.newaxis] for metric in METRICS
    }


def spread_ratio(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Standard deviation of S2 over an ensemble, averaged over r, over that of the true crops.

    Parameters
    ----------
    given, true : ndarray of shape (n, masks, R)
        S2 of every mask.

    Returns
    -------
    ndarray of shape (n,)
        1 for an ensemble as varied as the sample, 0 for one answer repeated.
    """
    deviation = [values.std(axis=1, ddof=1).mean(axis=-1) for values in (given, true)]
    return deviation[0] / np.maximum(deviation[1], 1e-9)


def within_class_correlation(
    given: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray], morphologies: Sequence[str]
) -> float:
    """Whether an answer follows the sample, or only its class.

    Parameters
    ----------
    given, true : mapping of metric to ndarray of shape (n, masks, ...)
        Of SCALARS at least.
    morphologies : sequence of str, length n

    Returns
    -------
    float
        Correlation over the samples of each scalar about the mean of its class, averaged over the scalars; 0 where an
        answer does not vary within a class.
    """
    names, member = np.unique(np.asarray(morphologies), return_inverse=True)
    correlations = []
    for metric in SCALARS:
        pair = []
        for values in (given[metric], true[metric]):
            means = values.reshape(len(values), -1).mean(axis=1)
            centres = np.array([means[member == index].mean() for index in range(len(names))])
            pair.append(means - centres[member])
        scale = np.sqrt(np.square(pair[0]).sum() * np.square(pair[1]).sum())
        correlations.append(float((pair[0] * pair[1]).sum() / scale) if scale > 1e-12 else 0.0)
    return float(np.mean(correlations))


def memorised(
    masks: np.ndarray, pairs: PreparedPairs, train: Sequence[int], own: Sequence[int] | None = None
) -> np.ndarray:
    """Dice coefficient of each mask with the crop of a training micrograph that it overlaps most, at any position.

    Parameters
    ----------
    masks : bool ndarray of shape (n, height, width)
    pairs : PreparedPairs
    train : sequence of int
    own : sequence of int, length n, optional
        The sample of each mask, whose micrograph is passed over: a crop overlaps with where it was taken from.

    Returns
    -------
    ndarray of shape (n,)
        To be read beside that of true crops of other samples: similar films overlap well without any copying.
    """
    overlap = np.stack([best_overlap(masks, pairs.masks[index]) for index in train])
    if own is not None:
        overlap[np.asarray(train)[:, np.newaxis] == np.asarray(own)] = 0
    return overlap.max(axis=0)
