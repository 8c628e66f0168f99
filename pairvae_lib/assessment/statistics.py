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

Statistic = Callable[[np.ndarray], float]

SIGNIFICANT = 0.05  # of p values adjusted by Holm's method
MOST_REDRAWN = 20  # times as many resamples as are wanted, before it is an error that so few can be made
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
        Takes one value (or curve) per image, shape (images, ...), returns a number; e.g. `numpy.median`. Where it gives
        NaN, for want of images, the resample is drawn again.
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
    images, trainings = table.sums.shape[0], table.sums.shape[-1]
    drawn: list[float] = []
    for _ in range(MOST_REDRAWN * n):
        weights = np.bincount(rng.integers(trainings, size=trainings), minlength=trainings)
        chosen = rng.integers(images, size=images)
        means = there_only(table.means(weights.astype(np.float64))[chosen])
        value = statistic(means) if len(means) else np.nan
        if not np.isnan(value):
            drawn.append(value)
        if len(drawn) == n:
            return np.array(drawn)
    raise ValueError(f"statistic must be a number in most resamples; got {len(drawn)} numbers of {MOST_REDRAWN * n}")


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
    estimate = statistic(image_means(values, image, seed))
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
    return table.means(np.ones(table.sums.shape[-1]))


@dataclass(frozen=True, eq=False)
class _Table:
    """Mean of each image and training."""

    sums: np.ndarray  #: (images, ..., trainings); 0 where there is none
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
        shape = (len(images), len(trainings), *values.shape[1:])
        sums, counts = np.zeros(shape), np.zeros(shape)
        np.add.at(sums, (row, column), np.nan_to_num(values))
        np.add.at(counts, (row, column), ~np.isnan(values))
        arrays = (np.moveaxis(one, 1, -1) for one in (sums / np.maximum(counts, 1), (counts > 0).astype(np.float64)))
        return cls(*map(np.ascontiguousarray, arrays))

    def means(self, weights: np.ndarray) -> np.ndarray:
        """Mean over the trainings, each as often as it was drawn: (images, ...), NaN where none has anything."""
        known = self.there @ weights
        with np.errstate(invalid="ignore"):
            return (self.sums @ weights) / known


def there_only(values: np.ndarray) -> np.ndarray:
    """Values of the images that have any, of shape (images, ...)."""
    return values[~np.isnan(values.reshape(len(values), -1)).all(axis=1)]


def median(values: np.ndarray) -> float:
    """Median over images, of shape (images,); as `numpy.median`, which takes ten times as long for so few."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
