"""What a model's folder says of its quality: errors beside references, memorisation, and whether it beats retrieval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.bundle import ASSESSMENT, Bundle
from pairvae_lib.evaluation import A2, CURVES, FLOOR, INTENSITY, S2, SUBSETS, TRUE, Assessment
from pairvae_lib.model import route_name
from pairvae_lib.statistics import Interval, hierarchical_bootstrap

RETRIEVAL = ("nearest neighbour", "three nearest neighbours")
PLAIN = ("kernel ridge", "training mean")
SHOWN_REFERENCES = (*RETRIEVAL, *PLAIN, FLOOR)
TRAIN, HELD_OUT = SUBSETS
RESAMPLES = 2000
FEWEST_HELD_OUT = 5  # below, an interval over images says nothing
RECALLED = 0.1  # Dice; by how much training crops may be met better than other crops of their samples

BETTER, WORSE, OPEN = "better", "worse", "undecided"


@dataclass(frozen=True)
class Comparison:
    """A route held against retrieval, on the held-out samples.

    Parameters
    ----------
    route, metric, reference : str
        The reference is the retrieval with the smaller median error.
    error, reference_error : float
        Medians.
    difference : Interval, optional
        Median of the paired differences of errors, route less reference, with its 95 % interval over samples; None
        where there are fewer than FEWEST_HELD_OUT.
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


@dataclass(frozen=True, eq=False)
class Appraisal:
    """A model's assessment, from plain values.

    Parameters
    ----------
    modalities : (str, str)
        Scattering, micrograph.
    samples : tuple of (sample_id, morphology, subset)
    errors, references : dict of metric to dict of name to ndarray of shape (n,)
        As in `evaluation.Assessment`.
    memorisation : dict of name to ndarray
    curves : dict of name to ndarray
        "r", "z" [px], and means over the samples of a subset: "S2 true, held out", "S2 saxs_to_sem, train", ...
    """

    modalities: tuple[str, str]
    samples: tuple[tuple[str, str, str], ...]
    errors: dict[str, dict[str, NDArray]]
    references: dict[str, dict[str, NDArray]]
    memorisation: dict[str, NDArray]
    curves: dict[str, NDArray]

    @property
    def subsets(self) -> NDArray:
        """Subset of every sample, (n,)."""
        return np.array([subset for _, _, subset in self.samples])

    @property
    def to_micrograph(self) -> str:
        """The route from scattering to a micrograph."""
        return route_name(*self.modalities)

    @property
    def to_scattering(self) -> str:
        """The route from a micrograph to scattering."""
        return route_name(*self.modalities[::-1])

    def count(self, subset: str) -> int:
        """Number of samples of a subset."""
        return int((self.subsets == subset).sum())

    def median(self, values: NDArray, subset: str) -> float:
        """Median over the samples of a subset."""
        return float(np.median(values[self.subsets == subset]))

    def rows(self, metric: str) -> list[tuple[str, float, float]]:
        """Every route and reference of a metric, with its median error on training and on held-out samples."""
        named = self.errors[metric] | {
            name: self.references[metric][name] for name in SHOWN_REFERENCES if name in self.references[metric]
        }
        return [
            (name, self.median(values, TRAIN), self.median(values, HELD_OUT)) for name, values in named.items()
        ]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Both routes between the techniques against retrieval: S2 and direction, and the intensity."""
        asked = [(self.to_micrograph, S2), (self.to_micrograph, A2), (self.to_scattering, INTENSITY)]
        return [self._comparison(route, metric) for route, metric in asked if route in self.errors.get(metric, ())]

    @property
    def recalled(self) -> float:
        """How much better its own training crops are met than other crops of the same samples (Dice)."""
        own, other = (self.memorisation[name] for name in ("own training crop", "other crops of the sample"))
        return float(np.median(own) - np.median(other))

    def sentence(self) -> str:
        """Whether the model beats retrieval, in plain words."""
        return summary_sentence(self.comparisons)

    def nearer_answers(self) -> list[str]:
        """Where a regression, or an answer that looks at no measurement, does at least as well in the median."""
        found = []
        for one in self.comparisons:
            known = self.references[one.metric]
            errors = {name: self.median(known[name], HELD_OUT) for name in PLAIN if name in known}
            nearer = [f"{name} {error:.4f}" for name, error in errors.items() if error <= one.error]
            if nearer:
                route = f"{shown_name(one.route)} ({one.metric})"
                found.append(f"{route} {' and '.join(nearer)}, the model {one.error:.4f}")
        return found

    def plain_sentence(self) -> str:
        """The same in plain words."""
        found = self.nearer_answers()
        if not found:
            return f"No other answer without a network ({', '.join(PLAIN)}) comes as near in the median."
        return f"Other answers without a network come as near or nearer in the median: {'; '.join(found)}."

    def memory_sentence(self) -> str:
        """Whether the model has learnt training crops by heart, in plain words."""
        own, other = (
            float(np.median(self.memorisation[name])) for name in ("own training crop", "other crops of the sample")
        )
        what = (
            "It has learnt training crops by heart: they can be drawn from it"
            if own - other > RECALLED
            else "It does not draw its training crops better than others"
        )
        return f"{what} (overlap {own:.2f} with its own training crop, {other:.2f} with other crops of the sample)."

    def _comparison(self, route: str, metric: str) -> Comparison:
        """One route against the better retrieval."""
        held_out = self.subsets == HELD_OUT
        own = self.errors[metric][route][held_out]
        known = {name: self.references[metric][name][held_out] for name in RETRIEVAL if name in self.references[metric]}
        reference = min(known, key=lambda name: float(np.median(known[name])))
        other, interval = known[reference], None
        if len(own) >= FEWEST_HELD_OUT:
            images, rng = np.arange(len(own)), np.random.default_rng(0)
            seeds = np.zeros(len(own), dtype=int)
            interval = hierarchical_bootstrap(own - other, images, seeds, _median, RESAMPLES, rng)
        return Comparison(route, metric, reference, float(np.median(own)), float(np.median(other)), interval)


def shown_name(name: str) -> str:
    """A route as words with an arrow; other names as they are."""
    return name.replace("_to_", " → ")


def summary_sentence(comparisons: list[Comparison]) -> str:
    """Whether comparisons speak for the model, in plain words."""
    if any(one.difference is None for one in comparisons):
        return (
            f"Not shown: fewer than {FEWEST_HELD_OUT} samples were held out, too few to tell the model from a look-up "
            "in the training data."
        )
    by_verdict = {
        verdict: ", ".join(f"{shown_name(one.route)} ({one.metric})" for one in comparisons if one.verdict == verdict)
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


def appraisal_content(assessment: Assessment) -> dict[str, Any]:
    """An assessment as plain values, for a model's folder: no image, no curve of a single sample.

    Parameters
    ----------
    assessment : Assessment
        Of `evaluation.assess`.
    """
    curves: dict[str, list[float]] = {name: assessment.curves[name].tolist() for name in ("r", "z")}
    scattering, micrograph = assessment.modalities
    for metric in CURVES:
        for series in (TRUE, route_name(scattering, micrograph), route_name(micrograph, micrograph)):
            for subset, values in assessment.split(assessment.curves[f"{metric} {series}"]).items():
                curves[f"{metric} {series}, {subset}"] = [float(f"{value:.5g}") for value in values.mean(axis=0)]
    return assessment.content() | {"curves": curves}


def appraisal_of(bundle: Bundle) -> Appraisal:
    """What a model's folder says of its quality.

    Raises
    ------
    ValueError
        If it holds no assessment, or something else in its place.
    """
    if ASSESSMENT not in bundle.attachments:
        raise ValueError(f"the model's folder holds no {ASSESSMENT}; train it with pairvae train")
    try:
        return read_appraisal(json.loads(bundle.attachments[ASSESSMENT]))
    except Exception as error:  # a changed file raises anything
        raise ValueError(f"{ASSESSMENT} does not describe an assessment ({error!r})") from error


def read_appraisal(content: Mapping[str, Any]) -> Appraisal:
    """An appraisal from what `appraisal_content` gave, checked.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is something else.
    """
    samples = tuple((str(one["sample_id"]), str(one["morphology"]), str(one["subset"])) for one in content["samples"])
    held = {"train", "held out"} - {subset for _, _, subset in samples}
    if held:
        raise ValueError(f"no sample is {' or '.join(sorted(held))}")

    def numbers(values: Any, length: int | None) -> NDArray[np.float64]:
        found = np.array(values, dtype=np.float64)
        if found.ndim != 1 or length not in (None, len(found)) or not np.isfinite(found).all():
            raise ValueError(f"expected {length or 'some'} finite numbers; got shape {found.shape}")
        return found

    def table(name: str) -> dict[str, dict[str, NDArray]]:
        return {
            str(metric): {str(series): numbers(values, len(samples)) for series, values in named.items()}
            for metric, named in content[name].items()
        }

    names = content["modalities"]
    appraisal = Appraisal(
        (str(names["scattering"]), str(names["micrograph"])),
        samples,
        table("errors"),
        table("references"),
        {str(name): numbers(values, None) for name, values in content["memorisation"].items()},
        {str(name): numbers(values, None) for name, values in content["curves"].items()},
    )
    for metric, route in ((S2, appraisal.to_micrograph), (INTENSITY, appraisal.to_scattering)):
        _ = appraisal.errors[metric][route], appraisal.references[metric][RETRIEVAL[0]]
    _ = appraisal.recalled
    return appraisal


def _median(values: NDArray) -> float:
    """As a statistic."""
    return float(np.median(values))
