"""Which way is best for what: errors of several ways on the same samples, and whether the best beats the next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.ensemble_errors import ensemble_statistics, statistic_errors
from pairvae_lib.assessment.errors import A2, S2
from pairvae_lib.assessment.statistics import hierarchical_resamples, holm, two_sided_p_value
from pairvae_lib.assessment.verdicts import FEWEST_IMAGES
from pairvae_lib.checks import check_one_of, check_shape

RESAMPLES = 2000
SIGNIFICANT = 0.05
PICTURES = (S2, A2)  # what says how well masks look like those of the sample

Question = tuple[str, str]  # application and quantity


@dataclass(frozen=True)
class Rank:
    """How the ways stand in one quantity.

    Parameters
    ----------
    question : (str, str)
        Application and quantity.
    errors : mapping of way to float
        Mean over the samples.
    samples : int
        How many: those that every way has an error of.
    best, next : str
        Of the ways that were compared, those with the smallest and the second smallest mean error.
    p_value : float
        Of their difference, corrected by Holm's method for all questions at once; NaN with fewer than
        FEWEST_IMAGES samples.
    """

    question: Question
    errors: Mapping[str, float]
    samples: int
    best: str
    next: str
    p_value: float

    @property
    def verdict(self) -> str:
        """In words."""
        if np.isnan(self.p_value):
            return f"too few samples to tell from {self.next}"
        if self.p_value > SIGNIFICANT:
            return f"not told apart from {self.next}"
        return f"better than {self.next}"


def picture_errors(drawn: Mapping[str, NDArray[np.bool_]]) -> dict[str, dict[str, np.ndarray]]:
    """How far the mean correlations of ensembles are from those of the true crops.

    Parameters
    ----------
    drawn : mapping of way to bool ndarray of shape (m, n, height, width)
        "true" among the names.

    Returns
    -------
    dict of statistic to dict of way to ndarray of shape (m,)
        Of PICTURES: mean absolute error of the ensembles' means. Without "true".
    """
    check_one_of("'true'", "true", tuple(drawn))
    found = {name: ensemble_statistics(masks) for name, masks in drawn.items()}
    return {
        metric: {
            name: statistic_errors(statistics[metric], found["true"][metric])
            for name, statistics in found.items()
            if name != "true"
        }
        for metric in PICTURES
    }


def best_way(errors: Mapping[str, np.ndarray], candidates: Collection[str]) -> str:
    """The candidate with the smallest mean error.

    Parameters
    ----------
    errors : mapping of way to ndarray of shape (samples,)
    candidates : collection of str
    """
    return _ordered(errors, candidates)[0]


def ranks(
    errors: Mapping[Question, Mapping[str, np.ndarray]], candidates: Collection[str], rng: np.random.Generator
) -> list[Rank]:
    """Which way is best in each quantity, and whether that is more than chance.

    Parameters
    ----------
    errors : mapping of question to mapping of way to ndarray of shape (samples,)
        The same samples for every way of a question. A sample of which one way has no error (NaN) is left out for all.
    candidates : collection of str, at least two
        The ways to compare: those that can be used when the truth is not known. Others are only listed.
    rng : numpy.random.Generator
        Of the bootstrap over the samples.

    Returns
    -------
    list of Rank
        In the order of `errors`, without questions that no sample is left of.
    """
    if len(candidates) < 2:
        raise ValueError(f"candidates must be at least 2 ways, to be compared; got {len(candidates)}")
    found: list[Rank] = []
    for question, by_way in errors.items():
        size = len(next(iter(by_way.values())))
        for name, values in by_way.items():
            check_shape(f"{', '.join(question)}: {name}", values, (size,))
        known = np.isfinite(np.stack(list(by_way.values()))).all(axis=0)
        if not known.any():
            continue
        kept = {name: values[known] for name, values in by_way.items()}
        best, second = _ordered(kept, candidates)[:2]
        p_value = _p_value(kept[best] - kept[second], rng)
        means = {name: float(values.mean()) for name, values in kept.items()}
        found.append(Rank(question, means, int(known.sum()), best, second, p_value))
    tested = [k for k, rank in enumerate(found) if not np.isnan(rank.p_value)]
    if tested:
        for k, adjusted in zip(tested, holm(np.array([found[k].p_value for k in tested])), strict=True):
            rank = found[k]
            found[k] = Rank(rank.question, rank.errors, rank.samples, rank.best, rank.next, float(adjusted))
    return found


def rank_rows(found: Sequence[Rank]) -> list[dict[str, str | float]]:
    """One row a quantity: "application", "quantity", the mean error of every way, "best", "verdict", "p (Holm)"."""
    return [
        {"application": rank.question[0], "quantity": rank.question[1]}
        | dict(rank.errors)
        | {"best": rank.best, "verdict": rank.verdict, "p (Holm)": rank.p_value}
        for rank in found
    ]


def _ordered(errors: Mapping[str, np.ndarray], candidates: Collection[str]) -> list[str]:
    """Candidates by their mean error, the smallest first."""
    if not candidates:
        raise ValueError("candidates must be at least one way; got none")
    for name in candidates:
        check_one_of("candidate", name, tuple(errors))
    return sorted(candidates, key=lambda name: float(np.mean(errors[name])))


def _p_value(differences: np.ndarray, rng: np.random.Generator) -> float:
    """Of a mean paired difference, two-sided, by a bootstrap over the samples; NaN with too few of them."""
    if len(differences) < FEWEST_IMAGES:
        return float("nan")
    sample = np.arange(len(differences))
    drawn = hierarchical_resamples(differences, sample, np.zeros_like(sample), np.mean, RESAMPLES, rng)
    return two_sided_p_value(drawn)
