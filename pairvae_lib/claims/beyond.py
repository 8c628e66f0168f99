"""What comparisons beyond the paper found, over seeds: means with intervals, differences with corrected p values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.assessment.statistics import (
    Interval,
    hierarchical_bootstrap,
    hierarchical_resamples,
    holm,
    two_sided_p_value,
)
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.published import published_root

RESAMPLES = 2000
SIGNIFICANT = 0.05
OUTCOMES = "*-seed*.json"

Outcome = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """Mean difference of the errors of two methods on the same samples: below 0 where the first errs less."""

    metric: str
    first: str
    second: str
    interval: Interval
    ratio: float  # of the mean errors
    p_value: float
    adjusted: float  # by Holm's method, over all differences that were asked for at once


def published_folder() -> Path:
    """Where outcomes lie that come with the book."""
    return published_root() / "beyond"


def read_outcomes(folder: Path) -> dict[tuple[str, str], list[Outcome]]:
    """All outcomes below a folder, laid out as <data>/<split>-seed<n>.json, by (data, split), in the order of seeds.

    Raises
    ------
    MissingResult
        If there is none; the message holds the command that makes them.
    """
    files = sorted(folder.glob(f"*/{OUTCOMES}"))
    if not files:
        raise MissingResult(folder, "python -m benchmarks.beyond --publish")
    found: dict[tuple[str, str], list[Outcome]] = {}
    for file in files:
        outcome = json.loads(file.read_text(encoding="utf-8"))
        found.setdefault((outcome["run"]["data"], outcome["run"]["split"]), []).append(outcome)
    return {key: sorted(outcomes, key=lambda one: one["run"]["seed"]) for key, outcomes in found.items()}


def methods(outcomes: Sequence[Outcome], metric: str) -> list[str]:
    """Methods that every outcome has a value of this metric for, in the order of the first one."""
    return [name for name in outcomes[0]["errors"][metric] if all(name in one["errors"][metric] for one in outcomes)]


def mean_errors(outcomes: Sequence[Outcome], metric: str, rng: np.random.Generator) -> dict[str, Interval]:
    """Mean error over the held-out samples by method, with the interval of a bootstrap over samples and seeds.

    Parameters
    ----------
    outcomes : sequence of mapping
        Of one data set and split.
    metric : str
        One of `ensemble_errors.METRICS`.
    rng : numpy.random.Generator
    """
    found = {}
    for name in methods(outcomes, metric):
        values, images, seeds = _gathered(outcomes, lambda one, name=name: one["errors"][metric][name])
        found[name] = hierarchical_bootstrap(values, images, seeds, np.mean, RESAMPLES, rng)
    return found


def mean_scattering_errors(outcomes: Sequence[Outcome], rng: np.random.Generator) -> dict[str, Interval]:
    """As `mean_errors`, of the way back from micrographs to scattering [of the scattering's range]."""
    found = {}
    for name in outcomes[0]["scattering"]:
        values, images, seeds = _gathered(outcomes, lambda one, name=name: one["scattering"][name])
        found[name] = hierarchical_bootstrap(values, images, seeds, np.mean, RESAMPLES, rng)
    return found


def differences(
    outcomes: Sequence[Outcome],
    first: str,
    rivals: Sequence[str],
    metrics: Sequence[str],
    rng: np.random.Generator,
) -> list[Difference]:
    """Differences of one method from its rivals in every metric, tested together.

    Parameters
    ----------
    outcomes : sequence of mapping
        Of one data set and split.
    first : str
    rivals, metrics : sequence of str
    rng : numpy.random.Generator

    Returns
    -------
    list of Difference
        Metric by metric, rival by rival.
    """
    rows = []
    for metric in metrics:
        for rival in rivals:

            def gap(one: Outcome, metric: str = metric, rival: str = rival) -> np.ndarray:
                return np.subtract(one["errors"][metric][first], one["errors"][metric][rival])

            values, images, seeds = _gathered(outcomes, gap)
            drawn = hierarchical_resamples(values, images, seeds, np.mean, RESAMPLES, rng)
            low, high = np.quantile(drawn, [0.025, 0.975])
            means = [
                _by_image(*_gathered(outcomes, lambda one, m=metric, n=name: one["errors"][m][n])).mean()
                for name in (first, rival)
            ]
            interval = Interval(float(low), float(means[0] - means[1]), float(high))
            rows.append((metric, rival, interval, float(means[0] / means[1]), two_sided_p_value(drawn)))
    adjusted = holm(np.array([row[-1] for row in rows]))
    return [
        Difference(metric, first, rival, interval, ratio, p_value, float(corrected))
        for (metric, rival, interval, ratio, p_value), corrected in zip(rows, adjusted, strict=True)
    ]


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """What is no error: spread of the ensembles, correlation within the classes, copies, and seconds of training.

    Parameters
    ----------
    outcomes : sequence of mapping
        Of one data set and split.

    Returns
    -------
    dict of str to dict of method to float
        "spread" (median over samples and seeds), "within class" (mean over seeds), "memorisation" (mean Dice),
        "seconds" (mean over seeds; without methods whose time is not known in any).
    """

    def every(key: str, name: str) -> np.ndarray:
        return np.concatenate([np.atleast_1d(one[key][name]) for one in outcomes])

    spread = {name: float(np.median(every("spread", name))) for name in outcomes[0]["spread"]}
    within = {name: float(np.mean(every("within_class", name))) for name in outcomes[0]["within_class"]}
    copied = {name: float(np.mean(every("memorisation", name))) for name in outcomes[0]["memorisation"]}
    seconds: dict[str, float] = {}
    for name in outcomes[0]["seconds"]:
        known = [one["seconds"][name] for one in outcomes if one["seconds"][name] is not None]
        seconds |= {name: float(np.mean(known))} if known else {}
    return {"spread": spread, "within class": within, "memorisation": copied, "seconds": seconds}


def _gathered(outcomes: Sequence[Outcome], read: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of all held-out samples with the labels of sample and seed."""
    values = [np.asarray(read(one), dtype=float) for one in outcomes]
    images = [np.asarray(one["samples"]) for one in outcomes]
    seeds = [np.full(len(own), one["run"]["seed"]) for own, one in zip(values, outcomes, strict=True)]
    return np.concatenate(values), np.concatenate(images), np.concatenate(seeds)


def _by_image(values: np.ndarray, images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Mean over the seeds of each image."""
    return np.array([values[images == image].mean() for image in np.unique(images)])


def error_rows(outcomes: Sequence[Outcome], metrics: Sequence[str], rng: np.random.Generator) -> list[dict[str, str]]:
    """One row per method: mean errors with intervals, in thousandths.

    Parameters
    ----------
    outcomes : sequence of mapping
        Of one data set and split.
    metrics : sequence of str
    rng : numpy.random.Generator
    """
    columns = {metric: mean_errors(outcomes, metric, rng) for metric in metrics}
    names = dict.fromkeys(name for column in columns.values() for name in column)
    return [
        {"method": name} | {metric: _thousandths(column[name]) for metric, column in columns.items() if name in column}
        for name in names
    ]


def difference_rows(found: Sequence[Difference]) -> list[dict[str, str]]:
    """One row per metric and rival: how much less or more the first errs, in thousandths, and how sure that is."""
    return [
        {
            "metric": one.metric,
            "against": one.second,
            "difference": _thousandths(one.interval, signed=True),
            "ratio": f"{one.ratio:.2f}",
            "p (Holm)": f"{one.adjusted:.3f}",
            "verdict": _verdict(one),
        }
        for one in found
    ]


def _verdict(one: Difference) -> str:
    """In a word."""
    if one.adjusted > SIGNIFICANT:
        return "not told apart"
    return "better" if one.interval.estimate < 0 else "worse"


def _thousandths(interval: Interval, signed: bool = False) -> str:
    """An interval as text."""
    sign = "+" if signed else ""
    low, estimate, high = (f"{1000 * value:{sign}.1f}" for value in (interval.low, interval.estimate, interval.high))
    return f"{estimate} [{low}, {high}]"
