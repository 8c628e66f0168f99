"""High-throughput to bottleneck data in bulk: how many patterns a second become micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.ensembles import Ensembles
from pairvae_lib.checks import check_positive


def throughput(
    ways: Mapping[str, Ensembles],
    scattering: NDArray[np.float32],
    counts: Sequence[int],
    n: int = 1,
    repeats: int = 3,
    limit: float = 1.0,
) -> dict[str, np.ndarray]:
    """Patterns per second of each way, for different numbers of patterns handed over at once.

    Parameters
    ----------
    ways : mapping of str to Ensembles
    scattering : float32 ndarray of shape (m, 1, ...)
        Repeated until there are as many as are wanted.
    counts : sequence of int
        How many patterns at once, in rising order.
    n : int
        Micrographs drawn for each pattern.
    repeats : int
        Of every measurement; the quickest counts, since nothing but other work on the machine makes it slower.
    limit : float [s]
        A call that takes longer is the last one of its way: it is not repeated, and no larger count is tried.

    Returns
    -------
    dict of str to ndarray of shape (counts,) [patterns/s]
        NaN where it was not tried.
    """
    check_positive("number of patterns in scattering", len(scattering))
    check_positive("repeats", repeats)
    check_positive("limit", limit)
    for count in counts:
        check_positive("count", count)
    rates = {name: np.full(len(counts), np.nan) for name in ways}
    for name, way in ways.items():
        for k, count in enumerate(counts):
            patterns = scattering[np.arange(count) % len(scattering)]
            seconds = _seconds(way, patterns, n)
            is_slow = seconds > limit
            for _ in range(0 if is_slow else repeats - 1):
                seconds = min(seconds, _seconds(way, patterns, n))
            rates[name][k] = count / seconds
            if is_slow:
                break
    return rates


def _seconds(way: Ensembles, patterns: NDArray[np.float32], n: int) -> float:
    """How long one call takes."""
    start = perf_counter()
    way(patterns, n)
    return perf_counter() - start
