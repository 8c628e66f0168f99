"""The paper's applications, on any way from scattering to ensembles of micrographs (see `ensembles`).

Hard-to-read to easy-to-read data (spacing, fraction and class of the domains are read off), throughput, films of an
annealing, and which way is best at each; the fifth, conductivity, is `pairvae_lib.morphology.conductivity`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.ensemble_errors import ensemble_statistics, statistic_errors
from pairvae_lib.assessment.ensembles import (
    Ensembles as Ensembles,
    decoded_ensembles as decoded_ensembles,
    flow_ensembles as flow_ensembles,
    nearest_ensembles as nearest_ensembles,
    random_ensembles as random_ensembles,
    true_ensembles as true_ensembles,
)
from pairvae_lib.assessment.errors import A2, S2
from pairvae_lib.assessment.statistics import (
    FEWEST_IMAGES,
    SIGNIFICANT,
    hierarchical_resamples,
    holm,
    two_sided_p_value,
)
from pairvae_lib.checks import check_one_of, check_positive, check_range, check_shape
from pairvae_lib.config import Profile
from pairvae_lib.data.preprocessing import binarised, random_crop, resized_pattern
from pairvae_lib.data.simulation.film import annealing
from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.morphology.conductivity import (
    conductivity_errors as conductivity_errors,
    effective_conductivity as effective_conductivity,
    ensemble_conductivity as ensemble_conductivity,
    spread_rows as spread_rows,
)
from pairvae_lib.morphology.masks import directional_correlation, domain_period, phase_fraction, two_point_correlation

NUMBERS = ("period", "fraction")


class ClassReader:
    """The class of an ensemble: that of the training samples whose mean directional correlation is nearest.

    Parameters
    ----------
    masks : bool ndarray of shape (m, n, height, width)
        Several crops of each of m training micrographs.
    morphologies : sequence of str, length m
        Their classes.
    """

    def __init__(self, masks: NDArray[np.bool_], morphologies: Sequence[str]):
        if not len(masks) or len(morphologies) != len(masks):
            raise ValueError(f"morphologies must be {len(masks)} as masks, and at least one; got {len(morphologies)}")
        features = _directional(masks)
        self.names = tuple(sorted(set(morphologies)))
        labels = np.asarray(morphologies)
        self._centres = np.stack([features[labels == name].mean(axis=0) for name in self.names])

    def __call__(self, masks: NDArray[np.bool_]) -> NDArray[np.str_]:
        """Classes of ensembles, (m, n, height, width) -> (m,)."""
        features = _directional(masks)
        distance = np.square(features[:, np.newaxis] - self._centres).sum(axis=-1)
        return np.array(self.names)[distance.argmin(axis=1)]


@dataclass(frozen=True, eq=False)
class Readout:
    """What is read off the ensembles of m samples.

    Parameters
    ----------
    period : ndarray of shape (m,) [px]
        First maximum of the mean S2; NaN where it has none.
    fraction : ndarray of shape (m,)
        Share of PMMA.
    morphology : ndarray of str, shape (m,)
    """

    period: np.ndarray
    fraction: np.ndarray
    morphology: np.ndarray


def readout(masks: NDArray[np.bool_], reader: ClassReader) -> Readout:
    """Spacing, fraction and class of the domains in ensembles, bool (m, n, height, width)."""
    check_shape("masks", masks, ("samples", "members", "height", "width"))
    r, s2 = two_point_correlation(masks)
    return Readout(domain_period(r, s2.mean(axis=1)), phase_fraction(masks).mean(axis=1), reader(masks))


def reading_rows(
    sample_ids: Sequence[str], morphologies: Sequence[str], true: Readout, read: Readout
) -> list[dict[str, str | float]]:
    """What was read of each of m samples, beside the same read off its true micrograph: one row a sample.

    Keys "sample", "morphology" (as the data say), "class read", "class read, true", "period [px]", "period, true",
    "fraction", "fraction, true".
    """
    return [
        {
            "sample": sample_id,
            "morphology": morphology,
            "class read": str(read.morphology[k]),
            "class read, true": str(true.morphology[k]),
            "period [px]": float(read.period[k]),
            "period, true": float(true.period[k]),
            "fraction": float(read.fraction[k]),
            "fraction, true": float(true.fraction[k]),
        }
        for k, (sample_id, morphology) in enumerate(zip(sample_ids, morphologies, strict=True))
    ]


def reading_errors(found: Mapping[str, Readout], morphologies: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Error of every reading, by quantity and way but "true": ndarrays of shape (m,); arguments as `agreement_rows`.

    "period [px]" and "PMMA fraction": absolute difference from that off the true micrograph, NaN where either could not
    be read; "class": 1 where it is wrong.
    """
    check_one_of("'true'", "true", tuple(found))
    true, labels = found["true"], np.asarray(morphologies)
    ways = {name: read for name, read in found.items() if name != "true"}
    return {
        "period [px]": {name: np.abs(read.period - true.period) for name, read in ways.items()},
        "PMMA fraction": {name: np.abs(read.fraction - true.fraction) for name, read in ways.items()},
        "class": {name: (read.morphology != labels).astype(float) for name, read in ways.items()},
    }


def agreement_rows(found: Mapping[str, Readout], morphologies: Sequence[str]) -> list[dict[str, str | float]]:
    """How well readings agree with those off the true micrographs, and with the true classes.

    Parameters
    ----------
    found : mapping of str to Readout
        By the way that drew the ensembles; "true" for crops of the true micrographs.
    morphologies : sequence of str, length m
        The true classes.

    Returns
    -------
    list of dict
        One for each way: "way"; of period and fraction the correlation coefficient with the true ones and the median
        absolute error, over the samples of which both are known; "period read", the share of samples of which the
        period could be read; "class", the share of classes that are right. A correlation is NaN where one side does not
        vary.
    """
    check_one_of("'true'", "true", tuple(found))
    rows = []
    for name, read in found.items():
        row: dict[str, str | float] = {"way": name}
        for number in NUMBERS:
            values, true = getattr(read, number), getattr(found["true"], number)
            known = np.isfinite(values) & np.isfinite(true)
            varies = known.sum() > 2 and np.ptp(values[known]) > 0 and np.ptp(true[known]) > 0
            row[f"{number}: correlation"] = float(np.corrcoef(values[known], true[known])[0, 1]) if varies else np.nan
            row[f"{number}: error"] = float(np.median(np.abs(values - true)[known])) if known.any() else np.nan
        row["period read"] = float(np.isfinite(read.period).mean())
        row["class"] = float((read.morphology == np.asarray(morphologies)).mean())
        rows.append(row)
    return rows


def _directional(masks: NDArray[np.bool_]) -> np.ndarray:
    """Directional autocorrelation up to a quarter of the image, averaged over each ensemble, (m, features)."""
    quarter = min(masks.shape[-2:]) // 4
    return directional_correlation(masks, quarter, normalised=True).mean(axis=1).reshape(len(masks), -1)


def throughput(
    ways: Mapping[str, Ensembles], scattering: NDArray[np.float32], counts: Sequence[int], n: int = 1, repeats: int = 3,
    limit: float = 1.0,
) -> dict[str, np.ndarray]:
    """Patterns per second of each way, for different numbers of patterns handed over at once.

    Parameters
    ----------
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


SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the whole annealing: much happens early
FLOOR = "other crops of the film"


@dataclass(frozen=True, eq=False)
class Film:
    """A film of t moments, as the model sees it.

    Parameters
    ----------
    times : ndarray of shape (t,) [time units of the phase field]
    scattering : float32 ndarray of shape (t, 1, size, size)
        In [0, 1].
    masks, others : bool ndarray of shape (t, n, size, size)
        Twice n crops of the micrograph, at the same places at all times.
    """

    times: np.ndarray
    scattering: NDArray[np.float32]
    masks: NDArray[np.bool_]
    others: NDArray[np.bool_]


def annealing_film(
    morphology: str, profile: Profile, seed: int, crops: int = 16, shares: Sequence[float] = SHARES
) -> Film:
    """A newly simulated film, which no model was trained on.

    Parameters
    ----------
    morphology : str
        One of `simulation.MORPHOLOGIES`.
    profile : Profile
        Its sizes and binarisation.
    seed : int
        Of its parameters and of everything random in it.
    crops : int
        Of each micrograph.
    shares : sequence of float
        When to look, in shares of the whole annealing.
    """
    for share in shares:
        check_range("share", share, 1e-6, 1)
    own = crc32(morphology.encode())
    parameters = drawn_parameters(morphology, np.random.default_rng([seed, own]))
    size = profile.image_size
    patterns, masks = [], []
    times = [share * parameters.duration for share in shares]
    for moment in annealing(parameters, profile.simulation.size, times, seed + own):
        patterns.append(resized_pattern(moment.pattern, size))
        mask = binarised(moment.micrograph, profile.binarisation)
        rng = np.random.default_rng([seed, own, 1])  # anew every time: the same windows
        masks.append(np.stack([random_crop(mask, size, rng) for _ in range(2 * crops)]))
    every = np.stack(masks)
    return Film(np.array(times), np.stack(patterns)[:, np.newaxis], every[:, :crops], every[:, crops:])


def film_errors(film: Film, predicted: Mapping[str, NDArray[np.bool_]]) -> dict[str, np.ndarray]:
    """Error of the mean S2 of what was predicted, at every time.

    Parameters
    ----------
    predicted : mapping of str to bool ndarray of shape (t, n, size, size)
        As many masks of each moment as the film has crops, by the way that drew them.

    Returns
    -------
    dict of str to ndarray of shape (t,)
        Mean absolute difference in S2, of the means over the masks of each moment; and FLOOR, that of as many other
        crops of the same film: no prediction can be expected to do better.
    """
    _, true = two_point_correlation(film.masks)
    errors: dict[str, np.ndarray] = {}
    for name, masks in {**predicted, FLOOR: film.others}.items():
        check_shape(f"predicted[{name!r}]", masks, (len(film.times), film.masks.shape[1], *film.masks.shape[2:]))
        _, s2 = two_point_correlation(masks)
        errors[name] = np.abs(s2.mean(axis=1) - true.mean(axis=1)).mean(axis=-1)
    return errors


RESAMPLES = 2000
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
        Mean over the samples that every way has an error of, of which there are `samples`.
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
    """How far the mean correlations of ensembles, bool (m, n, height, width), are from those of the "true" crops.

    By statistic (of PICTURES) and way, without "true": mean absolute error of the ensembles' means, of shape (m,).
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
    """The candidate with the smallest mean error; errors by way, of shape (samples,)."""
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
            found[k] = replace(found[k], p_value=float(adjusted))
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
