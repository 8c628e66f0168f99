"""What claims measure on trainings, generated ensembles and thresholds, where no image is held out or not."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from pairvae_lib.measures import Measure, View, shown, values_of
from pairvae_lib.runs import SIMULATED, Run
from pairvae_lib.study import Study, Trained
from pairvae_lib.verdicts import CannotBeTested, Case, Sample, median

DEFAULT, DIRECT, ALL_CROPS = Run.protocol, "direct", "all_crops"  # keys of `config.PROTOCOLS`


def nearer_draws(low: float, high: float) -> Measure:
    """Distance from the reconstruction of draws of one variance less that of another; for every example."""

    def measure(view: View) -> list[Case]:
        drawn = _ensembles(view.study)
        for variance in (low, high):
            if f"distance {variance:g}" not in drawn:
                raise CannotBeTested(f"no ensemble was drawn with {variance:g} times the variance")
        near, far = drawn[f"distance {low:g}"], drawn[f"distance {high:g}"]
        return [
            Case(str(label), _draws(a - b), unit_size=median(b), counted="draw")
            for label, a, b in zip(drawn["labels"], near.astype(float), far.astype(float), strict=True)
        ]

    return measure


def draws_among_others(view: View) -> list[Case]:
    """Distance of draws from their reconstruction over that of the nearest other example's reconstruction."""
    drawn = _ensembles(view.study)
    curves = drawn["S2 reconstruction"].astype(float)
    if len(curves) < 2:
        raise CannotBeTested("an ensemble was drawn for one class only")
    apart = np.abs(curves[:, np.newaxis] - curves).mean(axis=-1)
    np.fill_diagonal(apart, np.inf)
    distances = drawn["distance 1"].astype(float)
    if not apart.min() > 0:
        raise CannotBeTested("the reconstructions of two examples are the same")
    return [
        Case(str(label), _draws(own / other), counted="draw")
        for label, own, other in zip(drawn["labels"], distances, apart.min(axis=1), strict=True)
    ]


def threshold_gain(score: str, *morphologies: str) -> Measure:
    """Score of the local mean threshold less that of every method that is not adaptive; light as simulated."""

    def measure(view: View) -> list[Case]:
        if not (view.study.folder / "thresholds.json").exists() and view.study.data != SIMULATED:
            raise CannotBeTested("measured micrographs have no true phases to hold a threshold to")
        rows = [row for row in view.study.thresholds if row["illumination"] == 1 and row["morphology"] in morphologies]
        by_method: dict[str, dict[str, float]] = {}
        for row in rows:
            by_method.setdefault(row["method"], {})[row["sample_id"]] = row[score]
        if not rows:
            raise CannotBeTested(f"no {' or '.join(morphologies)} in these data")
        ours = by_method["adaptive mean"]
        images = sorted(ours)
        return [
            Case(
                f"against {method}",
                values_of([ours[image] - theirs[image] for image in images], images),
                unit_size=median(np.array([theirs[image] for image in images])),
            )
            for method, theirs in by_method.items()
            if not method.startswith("adaptive")
        ]

    return measure


def final_loss(protocol: str, *routes: str) -> Measure:
    """Loss of a route at the end of pair training, over ln 2: the loss of a decoder that knows nothing."""

    def measure(view: View) -> list[Case]:
        runs = _histories(view.study, protocol)
        return [
            Case(shown(view, route), np.array([at_the_end(run.history[run.named(route)]) for run in runs]) / log(2))
            for route in routes
        ]

    return measure


def largest_rise(protocol: str, than: str = DEFAULT) -> Measure:
    """Largest rise of the total loss from one epoch to the next, as a share of it, over that of another protocol."""

    def measure(view: View) -> list[Case]:
        pairs = [
            (run, other)
            for run in _histories(view.study, protocol)
            for other in _histories(view.study, than)
            if (run.label, run.size) == (other.label, other.size)
        ]
        if not pairs:
            raise CannotBeTested(f"no training by {protocol} has a partner by {than}")
        rises = [_rise(run.history["total"]) / _rise(other.history["total"]) for run, other in pairs]
        return [Case("", np.array(rises))]

    return measure


def clustering_gain(technique: str) -> Measure:
    """Share of a technique's latent variance between classes: after pair training less before, per training."""

    def measure(view: View) -> list[Case]:
        gains = [run.clustering(f"pair {technique}") - run.clustering(f"solo {technique}") for run in view.runs]
        known = np.array(gains)[np.isfinite(gains)]
        if not len(known):
            raise CannotBeTested("the samples have no classes")
        return [Case("", known)]

    return measure


def _ensembles(study: Study) -> dict[str, np.ndarray]:
    """Generated ensembles, or CannotBeTested."""
    if study.ensembles is None:
        raise CannotBeTested(f"no ensembles were drawn; they are with: {study.trainings()[0].command('06_generation')}")
    return dict(study.ensembles)


def _draws(values: np.ndarray) -> Sample:
    """Draws are independent of one another: each counts as an image."""
    return values_of(values, range(len(values)))


def _histories(study: Study, protocol: str) -> tuple[Trained, ...]:
    """Trainings by a protocol, or CannotBeTested if there is none."""
    runs = study.trainings(protocol=protocol)
    if not runs:
        raise CannotBeTested(f"no training by the protocol {protocol!r} among these runs")
    return runs


def at_the_end(losses: Sequence[float]) -> float:
    """Mean over the last tenth of the epochs."""
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def _rise(losses: Sequence[float]) -> float:
    """Largest rise from one epoch to the next, as a share of the loss before it; at least a millionth."""
    values = np.asarray(losses, dtype=float)
    return max(1e-6, float((np.diff(values) / values[:-1]).max(initial=0.0)))
