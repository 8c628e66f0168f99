"""A model's answers held against a look-up in its training data, and the outcome in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.statistics import FEWEST_IMAGES, Interval, hierarchical_bootstrap, median

RESAMPLES = 2000

BETTER, WORSE, OPEN = "better", "worse", "undecided"


@dataclass(frozen=True)
class Comparison:
    """A route held against retrieval, on the held-out samples.

    Parameters
    ----------
    reference : str
        The retrieval with the smaller median error.
    error, reference_error : float
        Medians.
    difference : Interval, optional
        Median of the paired differences of errors, route less reference, with its 95 % interval over samples; None
        where there are fewer than FEWEST_IMAGES.
    """

    route: str
    metric: str
    reference: str
    error: float
    reference_error: float
    difference: Interval | None

    @property
    def verdict(self) -> str:
        """BETTER or WORSE than retrieval where the interval leaves no doubt, else OPEN."""
        if self.difference is None or self.difference.low <= 0 <= self.difference.high:
            return OPEN
        return BETTER if self.difference.high < 0 else WORSE

    @property
    def told(self) -> str:
        """The difference with its interval, in words."""
        one = self.difference
        return f"{one.estimate:+.4f} ({one.low:+.4f} to {one.high:+.4f})" if one else "too few held out"


def compared(route: str, metric: str, own: NDArray, retrieval: Mapping[str, NDArray]) -> Comparison:
    """A route held against the better of several retrievals: errors of shape (n,), on the same held-out samples."""
    reference = min(retrieval, key=lambda name: float(np.median(retrieval[name])))
    other = retrieval[reference]
    return Comparison(
        route, metric, reference, float(np.median(own)), float(np.median(other)), median_interval(own - other)
    )


def median_interval(values: NDArray, fewest: int = FEWEST_IMAGES) -> Interval | None:
    """Median of one number for each sample, with its 95 % interval; None for fewer than `fewest`."""
    if len(values) < fewest:
        return None
    seeds, rng = np.zeros(len(values), dtype=int), np.random.default_rng(0)
    return hierarchical_bootstrap(values, np.arange(len(values)), seeds, median, RESAMPLES, rng)


def shown_name(name: str) -> str:
    """A route as words with an arrow; other names as they are."""
    return name.replace("_to_", " → ")


def label(one: Comparison, among: Sequence[Comparison]) -> str:
    """What is compared, in words: the metric, and the route where there is more than one among several comparisons."""
    alone = {other.route for other in among} == {one.route}
    return one.metric if alone else f"{shown_name(one.route)} ({one.metric})"


def summary_sentence(comparisons: list[Comparison]) -> str:
    """Whether comparisons speak for the model, in plain words."""
    if any(one.difference is None for one in comparisons):
        return (
            f"Not shown: fewer than {FEWEST_IMAGES} samples were held out, too few to tell the model from a look-up "
            "in the training data."
        )
    by_verdict = {
        verdict: ", ".join(label(one, comparisons) for one in comparisons if one.verdict == verdict)
        for verdict in (BETTER, WORSE, OPEN)
    }
    rest = [
        f"{words} {by_verdict[verdict]}"
        for verdict, words in ((WORSE, "worse in"), (OPEN, "not told apart in"), (BETTER, "better in"))
        if by_verdict[verdict]
    ]
    if not by_verdict[BETTER]:
        answer = "No"
    else:
        answer = "Only in part" if by_verdict[WORSE] or by_verdict[OPEN] else "Yes"
    return f"{answer}: on held-out samples, held against a look-up in the training data, it is {'; '.join(rest)}."
