"""Statistics of errors that come in families: several crops and several seeds of the same few images.

The image is the unit. Crops of one image, and reconstructions of it by models of several seeds, are not independent;
to count them as such makes every interval too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pairvae_lib.checks import check_finite, check_positive, check_range

Statistic = Callable[[np.ndarray], float]

SIGNIFICANT = 0.05  # of p values adjusted by Holm's method
FEWEST_IMAGES = 6  # with five, even a sign test of equal signs has p = .06


class Interval(NamedTuple):
    """An estimate with its confidence interval."""

    low: float
    estimate: float
    high: float


def hierarchical_resamples(
    values: np.ndarray, image: np.ndarray, seed: np.ndarray, statistic: Statistic, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw the bootstrap distribution of a statistic over images.

    In every resample the images are drawn with replacement, and within each drawn image its seeds, again with
    replacement. Values of the same image and seed (crops) are averaged before, drawn seeds of an image after that, so
    that `statistic` sees one number per image.

    Parameters
    ----------
    values : ndarray of shape (observations, ...)
        E.g. errors, or paired differences of errors; or a curve per observation.
    image : ndarray of shape (observations,)
        Label of the image that each value belongs to.
    seed : ndarray of shape (observations,)
        Label of the seed. An image need not have every seed: it is held out in some splits only.
    statistic : callable
        Takes one value (or curve) per image, shape (images, ...), returns a number; e.g. `numpy.median`.
    n : int
        Number of resamples.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    Seeds are drawn anew for each image. What one seed does to all images alike (a training run that failed) is
    therefore averaged out: show the seeds one by one beside the interval.

    Source
    ------
    Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    check_positive("n", n)
    cells, owner = _cell_means(values, image, seed)
    n_images = owner[-1] + 1
    first = np.searchsorted(owner, np.arange(n_images))
    n_seeds = np.bincount(owner)
    drawn = np.empty(n)
    for index in range(n):
        images = rng.integers(n_images, size=n_images)
        of_drawn = np.repeat(np.arange(n_images), n_seeds[images])
        picks = first[images][of_drawn] + rng.integers(n_seeds[images][of_drawn])
        drawn[index] = statistic(_means(cells[picks], of_drawn))
    return drawn


def hierarchical_bootstrap(
    values: np.ndarray, image: np.ndarray, seed: np.ndarray, statistic: Statistic, n: int, rng: np.random.Generator,
    confidence: float = 0.95,
) -> Interval:
    """Interval of a statistic over images, by the percentiles of `hierarchical_resamples`; takes the same arguments.

    `confidence` is the share of the resamples inside; the estimate is the statistic of the images' own averages.
    """
    check_range("confidence", confidence, 0, 1)
    drawn = hierarchical_resamples(values, image, seed, statistic, n, rng)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    cells, owner = _cell_means(values, image, seed)
    estimate = statistic(_means(cells, owner))
    return Interval(float(low), float(estimate), float(high))


def two_sided_p_value(resamples: np.ndarray, null: float = 0.0) -> float:
    """Two-sided bootstrap p value: twice the share of resamples (n,) on the rarer side of `null`.

    Never 0: the observed sample counts as one resample on either side, so the least value is 2 / (n + 1).
    """
    resamples = _sample("resamples", resamples)
    rarer = min(int((resamples <= null).sum()), int((resamples >= null).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(resamples) + 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """P values (tests,) adjusted for the number of tests by Holm's step-down method, in the same order.

    Those at or below a level alpha are significant, with the chance of any false one at alpha.

    Source
    ------
    Holm, Scandinavian Journal of Statistics 6, 65 (1979).
    """
    p = _sample("p_values", p_values)
    check_range("smallest of p_values", float(p.min()), 0, 1)
    check_range("largest of p_values", float(p.max()), 0, 1)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted


def _sample(name: str, values: np.ndarray) -> np.ndarray:
    """One-dimensional, non-empty and finite float64, or ValueError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name} must be a list of at least one number; got shape {array.shape}")
    check_finite(name, array)
    return array


def _cell_means(values: np.ndarray, image: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each (image, seed) that occurs, sorted by image, and the number 0, 1, ... of its image."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"values must hold at least one observation; got shape {values.shape}")
    check_finite("values", values)
    for name, labels in (("image", image), ("seed", seed)):
        if np.shape(labels) != values.shape[:1]:
            raise ValueError(f"{name} must hold a label for each of the {len(values)} values; got {np.shape(labels)}")
    _, image_number = np.unique(np.asarray(image), return_inverse=True)
    _, seed_number = np.unique(np.asarray(seed), return_inverse=True)
    cells, cell = np.unique(np.stack([image_number, seed_number]), axis=1, return_inverse=True)
    return _means(values, cell.reshape(-1)), cells[0]


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean of each group, (observations, ...) -> (groups, ...); groups are numbered 0, 1, ... without a gap."""
    counts = np.bincount(group)
    if values.ndim == 1:
        return np.bincount(group, weights=values) / counts
    sums = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))


def median(values: np.ndarray) -> float:
    """Median over images."""
    return float(np.median(values))
