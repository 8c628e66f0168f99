"""What comparisons beyond the paper found, over seeds: means with intervals, differences with corrected p values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.assessment.statistics import (
    SIGNIFICANT,
    Interval,
    hierarchical_bootstrap,
    hierarchical_resamples,
    holm,
    two_sided_p_value,
)
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.published import published_root

RESAMPLES = 2000

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
    """All outcomes below a folder, laid out as <data>/<split>-seed<n>.json, by (data, split), in the order of seeds."""
    files = sorted(folder.glob("*/*-seed*.json"))
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

    Outcomes of one data set and split; the metric is one of `ensemble_errors.METRICS`.
    """
    names = methods(outcomes, metric)
    return {name: _mean(outcomes, [one["errors"][metric][name] for one in outcomes], rng) for name in names}


def mean_scattering_errors(outcomes: Sequence[Outcome], rng: np.random.Generator) -> dict[str, Interval]:
    """As `mean_errors`, of the way back from micrographs to scattering [of the scattering's range]."""
    names = outcomes[0]["scattering"]
    return {name: _mean(outcomes, [one["scattering"][name] for one in outcomes], rng) for name in names}


def differences(
    outcomes: Sequence[Outcome], first: str, rivals: Sequence[str], metrics: Sequence[str], rng: np.random.Generator
) -> list[Difference]:
    """Differences of one method from its rivals, metric by metric, rival by rival, tested together.

    Outcomes of one data set and split.
    """
    rows = []
    for metric, rival in product(metrics, rivals):
        pairs = [(one["errors"][metric][first], one["errors"][metric][rival]) for one in outcomes]
        gaps, images, seeds = _gathered(outcomes, [np.subtract(*pair) for pair in pairs])
        drawn = hierarchical_resamples(gaps, images, seeds, np.mean, RESAMPLES, rng)
        low, high = np.quantile(drawn, [0.025, 0.975])
        ours, theirs = (_mean_of_images(np.concatenate(errors), images) for errors in zip(*pairs, strict=True))
        interval = Interval(float(low), float(ours - theirs), float(high))
        rows.append((metric, rival, interval, float(ours / theirs), two_sided_p_value(drawn)))
    adjusted = holm(np.array([row[-1] for row in rows]))
    return [
        Difference(metric, first, rival, interval, ratio, p_value, float(corrected))
        for (metric, rival, interval, ratio, p_value), corrected in zip(rows, adjusted, strict=True)
    ]


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """What is no error: spread of the ensembles, correlation within the classes, copies, and seconds of training.

    Returns
    -------
    dict of str to dict of method to float
        "spread" (median over samples and seeds), "within class" (mean over seeds), "memorisation" (mean Dice),
        "seconds" (mean over seeds; without methods whose time is not known in any).
    """

    def over_all(key: str, statistic: Callable[[Any], Any]) -> dict[str, float]:
        known = {name: [one[key][name] for one in outcomes if one[key][name] is not None] for name in outcomes[0][key]}
        return {name: float(statistic(np.hstack(values))) for name, values in known.items() if values}

    return {
        "spread": over_all("spread", np.median),
        "within class": over_all("within_class", np.mean),
        "memorisation": over_all("memorisation", np.mean),
        "seconds": over_all("seconds", np.mean),
    }


def _gathered(outcomes: Sequence[Outcome], errors: Iterable[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of all held-out samples, given for each outcome, with the labels of sample and seed."""
    values = [np.asarray(own, dtype=float) for own in errors]
    images = [np.asarray(one["samples"]) for one in outcomes]
    seeds = [np.full(len(own), one["run"]["seed"]) for own, one in zip(values, outcomes, strict=True)]
    return np.concatenate(values), np.concatenate(images), np.concatenate(seeds)


def _mean(outcomes: Sequence[Outcome], errors: Iterable[Any], rng: np.random.Generator) -> Interval:
    """Mean with its interval, of errors given for each outcome."""
    return hierarchical_bootstrap(*_gathered(outcomes, errors), np.mean, RESAMPLES, rng)


def _mean_of_images(values: np.ndarray, images: np.ndarray) -> np.floating:
    """Mean over images, each the mean over its seeds."""
    return np.mean([values[images == image].mean() for image in np.unique(images)])


def error_rows(outcomes: Sequence[Outcome], metrics: Sequence[str], rng: np.random.Generator) -> list[dict[str, str]]:
    """One row per method: mean errors with intervals, in thousandths, of outcomes of one data set and split."""
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
