"""Statistics of errors that come in families: several crops and several seeds of the same few images.

The image is the unit. Crops of one image, and reconstructions of it by models of several seeds, are not independent;
to count them as such makes every interval too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pairvae_lib.checks import check_finite, check_positive, check_range

Statistic = Callable[..., np.ndarray]  # of values (..., images, ...), axis=that of the images: numpy.mean, for one

SIGNIFICANT = 0.05  # of p values adjusted by Holm's method
MOST_REDRAWN = 20  # times as many resamples as are wanted, before it is an error that so few can be made
AT_ONCE = 2**17  # numbers of a batch of resamples
FEWEST_IMAGES = 6  # with five, even a sign test of equal signs has p = .06


class Interval(NamedTuple):
    """An estimate with its confidence interval."""

    low: float
    estimate: float
    high: float


def hierarchical_resamples(
    values: np.ndarray, image: np.ndarray, seed: np.ndarray, statistic: Statistic, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw the bootstrap distribution of a statistic over images and trainings.

    In every resample whole trainings are drawn with replacement, and images, again with replacement. Values of the same
    image and training (crops) are averaged before, the drawn trainings of an image after that, so that `statistic` sees
    one number per image. An image that no drawn training has is left out of that resample.

    Parameters
    ----------
    values : ndarray of shape (observations, ...)
        E.g. errors, or paired differences of errors; or a curve per observation. In columns of (observations, columns,
        ...) NaN is a value that is not there: they may be of other images, or of other trainings, than each other.
    image : ndarray of shape (observations,)
        Label of the image that each value belongs to.
    seed : ndarray of shape (observations,)
        Label of the training. An image need not have every one: it is held out in some splits only.
    statistic : callable
        Takes one value (or curve) per image of several resamples, shape (resamples, images, ...), and `axis=1`; returns
        a number of each, shape (resamples,); e.g. `numpy.mean`. Where it gives NaN, for want of images, the resample is
        drawn again.
    n : int
        Number of resamples.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    What one training does to all images alike widens the interval. Of a single training nothing is resampled but its
    images: the interval says nothing about another training.

    Source
    ------
    Owen, Annals of Applied Statistics 1, 386 (2007): the bootstrap of two crossed factors, never too sure of itself.
    """
    check_positive("n", n)
    table = _Table.of(values, image, seed)
    trainings, images = table.sums.shape[:2]
    highest = np.repeat((trainings, images), (trainings, images))
    drawn: list[float] = []
    tries = 0
    while len(drawn) < n and tries < MOST_REDRAWN * n:
        batch = min(n - len(drawn), MOST_REDRAWN * n - tries, max(1, AT_ONCE // table.sums[0].size))
        of_trainings, of_images = np.split(rng.integers(highest, size=(batch, len(highest))), [trainings], axis=1)
        weights = (of_trainings[:, np.newaxis] == np.arange(trainings)[:, np.newaxis]).sum(axis=-1, dtype=np.float64)
        found = of_those_there(statistic, table.means(weights)[np.arange(batch)[:, np.newaxis], of_images])
        drawn += found[~np.isnan(found)].tolist()
        tries += batch
    if len(drawn) < n:
        raise ValueError(f"statistic must be a number in most resamples; got {len(drawn)} numbers of {tries}")
    return np.array(drawn)


def hierarchical_bootstrap(
    values: np.ndarray, image: np.ndarray, seed: np.ndarray, statistic: Statistic, n: int, rng: np.random.Generator,
    confidence: float = 0.95,
) -> Interval:
    """Interval of a statistic over images, by the percentiles of `hierarchical_resamples`; takes the same arguments.

    `confidence` is the share of the resamples inside; the estimate is the statistic (with
    `axis=0`) of the images' own averages.
    """
    check_range("confidence", confidence, 0, 1)
    drawn = hierarchical_resamples(values, image, seed, statistic, n, rng)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    estimate = statistic(image_means(values, image, seed), axis=0)
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


def image_means(values: np.ndarray, image: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """One value per image, (images, ...): crops are averaged first, then trainings; takes what the resamples do."""
    table = _Table.of(values, image, seed)
    return table.means(np.ones((1, len(table.sums))))[0]


def of_those_there(statistic: Statistic, values: np.ndarray) -> np.ndarray:
    """A statistic (resamples,) of values (resamples, images, ...), without images that are all NaN; NaN if all are."""
    there = ~np.isnan(values.reshape(*values.shape[:2], -1)).all(axis=-1)
    counts = there.sum(axis=1)
    found = np.full(len(values), np.nan)
    for count in np.unique(counts[counts > 0]):
        alike = counts == count
        some = values if there.all() else values[alike][there[alike]].reshape(-1, count, *values.shape[2:])
        found[alike] = statistic(some, axis=1)
    return found


@dataclass(frozen=True, eq=False)
class _Table:
    """Mean of each image and training."""

    sums: np.ndarray  #: (trainings, images, ...); 0 where there is none
    there: np.ndarray  #: likewise, 1.0 where there is one, else 0.0

    @classmethod
    def of(cls, values: np.ndarray, image: np.ndarray, seed: np.ndarray) -> _Table:
        """From values as `hierarchical_resamples` takes them."""
        values = np.asarray(values, dtype=np.float64)
        if values.ndim == 0 or len(values) == 0:
            raise ValueError(f"values must hold at least one observation; got shape {values.shape}")
        check_finite("values", values if values.ndim == 1 else values[~np.isnan(values)])
        for name, labels in (("image", image), ("seed", seed)):
            if np.shape(labels) != values.shape[:1]:
                raise ValueError(
                    f"{name} must hold a label for each of the {len(values)} values; got {np.shape(labels)}"
                )
        images, row = np.unique(np.asarray(image), return_inverse=True)
        trainings, column = np.unique(np.asarray(seed), return_inverse=True)
        shape = (len(trainings), len(images), *values.shape[1:])
        sums, counts = np.zeros(shape), np.zeros(shape)
        np.add.at(sums, (column, row), np.nan_to_num(values))
        np.add.at(counts, (column, row), ~np.isnan(values))
        return cls(sums / np.maximum(counts, 1), (counts > 0).astype(np.float64))

    def means(self, weights: np.ndarray) -> np.ndarray:
        """Mean over the trainings, each as often as it was drawn: weights (resamples, trainings) in.

        Means of the images out, (resamples, images, ...), NaN where no drawn training has anything.
        """
        shares = weights.T.reshape(*weights.T.shape, *[1] * (self.sums.ndim - 1))
        summed, known = (sum(map(np.multiply, shares, table)) for table in (self.sums, self.there))
        with np.errstate(invalid="ignore"):
            return np.divide(summed, known)


def median(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Median of what is not NaN along an axis, NaN if all is; faster than `numpy.nanmedian` for many of few numbers."""
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, -1)
    count = np.maximum((~np.isnan(ordered)).sum(axis=-1, keepdims=True), 1)
    low, high = (np.take_along_axis(ordered, middle, axis=-1)[..., 0] for middle in ((count - 1) // 2, count // 2))
    return (low + high) / 2
