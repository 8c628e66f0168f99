"""What every reported error stands beside: predictions that need no network, and what another crop scores.

All are arrays in, arrays out, over the same n samples: `features` is what a route starts from, `targets` what it should
arrive at (curves or images, scattering to micrograph or back), `train` and `query` are sample indices. A query that is
itself a training sample is always predicted from the other training samples, so that training and held-out samples
can stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from pairvae_lib.checks import check_finite, check_positive, check_range
from pairvae_lib.models.kernel_regression import KernelRegression

Indices = Sequence[int] | np.ndarray


def references(
    features: np.ndarray, targets: np.ndarray, train: Indices, query: Indices, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Predictions of the targets of the query samples by every reference of this module, by name.

    For scattering to micrograph, pass patterns or profiles as features and statistics of the masks (S2, a directional
    map, lineal paths) as targets; for micrograph to scattering, `spectra.power_spectrum_features` as features. The
    generator draws the shuffled pairs.

    Returns
    -------
    dict of str to ndarray of shape (queries, ...)
        Keys "nearest neighbour", "three nearest neighbours", "kernel ridge", "training mean", "shuffled pairs".
    """
    return {
        "nearest neighbour": retrieved(features, targets, train, query, 1),
        "three nearest neighbours": retrieved(features, targets, train, query, 3),
        "kernel ridge": kernel_ridge(features, targets, train, query),
        "training mean": training_mean(targets, train, query),
        "shuffled pairs": shuffled(targets, train, query, rng),
    }


def nearest_neighbours(
    features: np.ndarray, train: Indices, query: Indices, k: int = 1, components: int = 8
) -> np.ndarray:
    """Training samples nearest to each query sample, by Euclidean distance in leading principal components.

    Parameters
    ----------
    features : ndarray of shape (n, ...)
        E.g. patterns, profiles, S2 curves or power spectra; flattened.
    components : int
        Number of principal components of the training features, at most; not whitened, since with few samples the
        whitened training samples all come to lie at the same distance from each other.

    Returns
    -------
    int ndarray of shape (queries, k)
        Sample indices, the nearest first. A sample is never its own neighbour.
    """
    train, query, features = _checked(train, query, features=features)
    check_range("k", k, 1, len(train) - bool(np.isin(query, train).any()))
    check_positive("components", components)
    flat = features.reshape(len(features), -1).astype(np.float64)
    space = PCA(min(components, *flat[train].shape), svd_solver="full").fit(flat[train])
    distance = cdist(space.transform(flat[query]), space.transform(flat[train]))
    distance[query[:, np.newaxis] == train] = np.inf
    return train[np.argsort(distance, axis=1, kind="stable")[:, :k]]


def retrieved(
    features: np.ndarray, targets: np.ndarray, train: Indices, query: Indices, k: int = 1, components: int = 8
) -> np.ndarray:
    """Mean target of the `nearest_neighbours` of each query sample, (queries, ...)."""
    _checked(train, query, features=features, targets=targets)
    return targets[nearest_neighbours(features, train, query, k, components)].mean(axis=1)


def kernel_ridge(features: np.ndarray, targets: np.ndarray, train: Indices, query: Indices) -> np.ndarray:
    """Kernel ridge regression from features to targets, with a Gaussian kernel and a free mean: (queries, ...).

    The width of the kernel and the strength of the ridge are those with the least leave-one-out error on the training
    samples, at least three. With these, a query that is a training sample gets its exact leave-one-out prediction.

    Source
    ------
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 5.4.2 for leaving one out.
    """
    train, query, features, targets = _checked(train, query, features=features, targets=targets)
    x, y = features.reshape(len(features), -1), targets.reshape(len(targets), -1)
    fitted = KernelRegression(x[train], y[train])
    prediction = fitted.predict(x[query])
    rows, places = np.nonzero(query[:, np.newaxis] == train)
    prediction[rows] = (y[train] - fitted.left_out)[places]
    return prediction.reshape(len(query), *targets.shape[1:])


def training_mean(targets: np.ndarray, train: Indices, query: Indices) -> np.ndarray:
    """Mean target of the training samples, the query sample itself left out: (queries, ...)."""
    train, query, targets = _checked(train, query, targets=targets)
    return np.stack([targets[_others(train, sample)].mean(axis=0) for sample in query])


def shuffled(targets: np.ndarray, train: Indices, query: Indices, rng: np.random.Generator) -> np.ndarray:
    """Target of a random training sample, never the query sample itself: what an unconditional guess achieves."""
    train, query, targets = _checked(train, query, targets=targets)
    return targets[[rng.choice(_others(train, sample)) for sample in query]]


def crop_to_crop_floor(statistics: np.ndarray, averaged: int = 1) -> np.ndarray:
    """Mean absolute difference between statistics of different crops of one true image.

    The error of a perfect answer that cannot know which crop was meant.

    Parameters
    ----------
    statistics : ndarray of shape (n, crops, ...)
        E.g. S2 curves of random crops.
    averaged : int
        Crops that are averaged before they are compared: 1 is the floor for single crops, half the number of crops
        that for averages over as many.

    Returns
    -------
    ndarray of shape (n,)
        Averaged over all pairs of (groups of) crops.
    """
    if statistics.ndim < 2:
        raise ValueError(f"statistics must have shape (n, crops, ...); got {statistics.shape}")
    check_finite("statistics", statistics)
    n, crops = statistics.shape[:2]
    check_range("averaged", averaged, 1, crops // 2)
    whole = crops // averaged * averaged
    groups = statistics[:, :whole].reshape(n, whole // averaged, averaged, -1).mean(axis=2)
    pairs = combinations(range(groups.shape[1]), 2)
    return np.mean([np.abs(groups[:, first] - groups[:, second]).mean(axis=-1) for first, second in pairs], axis=0)


def _others(train: np.ndarray, sample: int) -> np.ndarray:
    """Training samples but this one."""
    others = train[train != sample]
    if len(others) == 0:
        raise ValueError(f"train must hold a sample other than the query sample {sample}; got none")
    return others


def _checked(train: Indices, query: Indices, **arrays: np.ndarray) -> list[np.ndarray]:
    """Indices and arrays as they are needed, or ValueError."""
    (first, reference), *rest = arrays.items()
    for name, array in rest:
        if len(array) != len(reference):
            raise ValueError(
                f"{name} must hold one entry for each of {len(reference)} samples, as {first}; got {len(array)}"
            )
    for name, array in arrays.items():
        check_finite(name, array)
    indices = []
    for name, given in (("train", train), ("query", query)):
        samples = np.asarray(given)
        whole = samples.ndim == 1 and len(samples) > 0 and np.issubdtype(samples.dtype, np.integer)
        if not whole or samples.min() < 0 or samples.max() >= len(reference):
            raise ValueError(f"{name} must be sample indices from 0 to {len(reference) - 1}; got {given!r}")
        indices.append(samples)
    if len(np.unique(indices[0])) < len(indices[0]):
        raise ValueError(f"train must name every sample once; got {train!r}")
    return [*indices, *arrays.values()]
