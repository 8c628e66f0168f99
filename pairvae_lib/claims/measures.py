"""What claims measure on a study: errors and properties of images compared, per class and per training size.

In names of routes {S} stands for the scattering technique, {M} for the micrographs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from pairvae_lib.assessment.verdicts import FEWEST_IMAGES, CannotBeTested, Case, Sample, median
from pairvae_lib.claims.study import HELD_OUT, TRAIN, AssessedRun, Study
from pairvae_lib.runs import SIMULATED, Run

MIXED, ONLY_HELD_OUT = "mixed", "held_out"
ASSESSMENTS = {MIXED: (TRAIN, HELD_OUT), ONLY_HELD_OUT: (HELD_OUT,)}
SOLO, OWN, CROSS = "solo {M}_to_{M}", "{M}_to_{M}", "{S}_to_{M}"
SOLO_SCATTERING, OWN_SCATTERING, CROSS_SCATTERING = "solo {S}_to_{S}", "{S}_to_{S}", "{M}_to_{S}"

Read = Callable[[AssessedRun], np.ndarray]  # one number (or curve) per sample of a run


@dataclass(frozen=True, eq=False)
class View:
    """What a claim looks at: the runs of one training size, and which of their samples.

    Parameters
    ----------
    study : Study
    assessment : str
        "mixed" or "held_out".
    size : int
        Number of training pairs.
    morphology : str, optional
        Of this class only.
    label : str
        Names the case.
    """

    study: Study
    assessment: str
    size: int
    morphology: str | None = None
    label: str = ""

    @property
    def runs(self) -> tuple[AssessedRun, ...]:
        """Runs of the default protocol."""
        return self.study.trainings(self.size)

    def sample(self, read: Read) -> Sample:
        """The numbers of the samples in view; those that are not finite are left out."""
        values, images, seeds = [], [], []
        for run in self.runs:
            numbers = read(run)
            chosen = np.isin(run.subsets, ASSESSMENTS[self.assessment])
            chosen &= np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)
            if self.morphology is not None:
                chosen &= run.morphologies == self.morphology
            values.append(numbers[chosen])
            images.append(run.sample_ids[chosen])
            seeds.append(np.full(int(chosen.sum()), run.label))
        return Sample(np.concatenate(values), np.concatenate(images), np.concatenate(seeds))

    def case(self, read: Read, unit: Read | None = None) -> Case:
        """The median over images; as a share of the median of `unit`."""
        size = median(self.sample(unit).values) if unit and len(self.sample(unit).values) else None
        return Case(self.label, self.sample(read), unit_size=size)


Measure = Callable[[View], list[Case]]


def difference(metric: str, a: str, b: str) -> Measure:
    """Error of route a less that of b on the same image; as a share of b's."""
    return lambda view: [
        view.case(lambda run: run.error(metric, a) - run.error(metric, b), lambda run: run.error(metric, b))
    ]


def ratio(metric: str, a: str, b: str) -> Measure:
    """Error of route a over that of b on the same image."""
    return lambda view: [view.case(lambda run: _quotient(run.error(metric, a), run.error(metric, b)))]


def excess(name: str, series: str) -> Measure:
    """A property of the reconstruction less that of the true crops; as a share of the true one."""
    return lambda view: [
        view.case(_excess(name, series), lambda run: run.property_of(name, "true")),
    ]


def share(name: str, series: str) -> Measure:
    """A property of the reconstruction over that of the true crops; where only the reconstruction has none, 0."""

    def read(run: AssessedRun) -> np.ndarray:
        true = run.property_of(name, "true")
        return _quotient(np.where(np.isnan(true), np.nan, np.nan_to_num(run.property_of(name, series))), true)

    return lambda view: [view.case(read)]


def largest_in(morphology: str, name: str, series: str) -> Measure:
    """The excess of one class less that of each other class."""

    def measure(view: View) -> list[Case]:
        _require_classes(view.study, (morphology,))
        read = _excess(name, series)
        own = replace(view, morphology=morphology).sample(read)
        others = [other for other in _classes(view.study) if other != morphology]
        return [Case(f"against {other}", own, against=replace(view, morphology=other).sample(read)) for other in others]

    return measure


def mean_curve(series: str, than: str) -> Measure:
    """Distance of the mean S2 over images from the true mean, averaged over r: of one series less that of another."""

    def distance(curves: np.ndarray) -> float:
        apart = np.abs(curves.mean(axis=0)).mean(axis=-1)  # (images, 2, R) -> (2,)
        return float(apart[0] - apart[1])

    def read(run: AssessedRun) -> np.ndarray:
        return np.stack([run.curves(name) - run.curves("true") for name in (series, than)], axis=1)

    def measure(view: View) -> list[Case]:
        sample = view.sample(read)
        unit = float(np.abs(sample.values[:, 1].mean(axis=0)).mean()) if len(sample.values) else None
        return [Case(f"{view.label}{shown(view, series)}", sample, distance, unit_size=unit)]

    return measure


def each(*measures: Measure) -> Measure:
    """Several things that a claim says at once."""
    return lambda view: [case for measure in measures for case in measure(view)]


def by_class(measure: Measure, *morphologies: str) -> Measure:
    """The same for every class of at least FEWEST_IMAGES images, or for those that are named."""

    def of_classes(view: View) -> list[Case]:
        _require_classes(view.study, morphologies)
        return [
            case
            for name in morphologies or _classes(view.study)
            for case in measure(replace(view, morphology=name, label=_joined(view.label, name)))
        ]

    return of_classes


def by_size(measure: Measure) -> Measure:
    """The same for every training size."""

    def of_sizes(view: View) -> list[Case]:
        return [
            case
            for size in _several_sizes(view.study)
            for case in measure(replace(view, size=size, label=_joined(view.label, f"{size} pairs")))
        ]

    return of_sizes


def over_sizes(metric: str, routes: Sequence[str], first: int, last: int) -> Measure:
    """Error at one training size over that at another, per image; sizes by their place, as -2 and -1 for the last two.

    An image's errors are averaged over the seeds first: the splits of two sizes do not have the same seeds in common.
    """

    def measure(view: View) -> list[Case]:
        sizes = _several_sizes(view.study)
        few, many = sizes[first], sizes[last]
        cases = []
        for route in routes:
            before, after = (_image_means(replace(view, size=size), metric, route) for size in (few, many))
            images = sorted(image for image in before.keys() & after.keys() if before[image] > 0)
            sample = values_of([after[image] / before[image] for image in images], images)
            trainings = len(view.study.trainings(few)) + len(view.study.trainings(many))
            cases.append(Case(f"{shown(view, route)}, {few} to {many} pairs", sample, trainings=trainings))
        return cases

    return measure


def _excess(name: str, series: str) -> Read:
    """Reads what a reconstruction has more of than the true crops."""
    return lambda run: run.property_of(name, series) - run.property_of(name, "true")


def _quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quotient a / b, NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.shape(b), np.nan), where=np.asarray(b) != 0)


def _joined(*labels: str) -> str:
    """Labels with commas between, empty ones left out."""
    return ", ".join(filter(None, labels))


def shown(view: View, template: str) -> str:
    """A route as a reader should see it, with the techniques of the data."""
    return view.study.runs[0].named(template).replace("_to_", " → ")


def _classes(study: Study) -> list[str]:
    """Morphologies with enough images in the data to say something about."""
    labels = study.runs[0].morphologies
    large = [name for name in study.classes if (labels == name).sum() >= FEWEST_IMAGES]
    if not large:
        raise CannotBeTested(f"no class has {FEWEST_IMAGES} images")
    return large


def _require_classes(study: Study, morphologies: Sequence[str]) -> None:
    """Raise CannotBeTested unless the data have all these classes."""
    if missing := [name for name in morphologies if name not in study.classes]:
        raise CannotBeTested(f"no {' or '.join(missing)} in these data")


def _several_sizes(study: Study) -> tuple[int, ...]:
    """All training sizes, or CannotBeTested if there is one only."""
    if len(study.sizes) < 2:
        only = study.sizes[0]
        raise CannotBeTested(f"one training size only ({f'{only} pairs' if only else 'all other batches'})")
    return study.sizes


def _image_means(view: View, metric: str, route: str) -> dict[str, float]:
    """Error of a route by image, the mean over the trainings."""
    sample = view.sample(lambda run: run.error(metric, route))
    return {str(image): float(sample.values[sample.image == image].mean()) for image in np.unique(sample.image)}


def values_of(values: Sequence[float] | np.ndarray, images: Sequence[str] | range) -> Sample:
    """One number per image, no seeds."""
    return Sample(np.asarray(values, dtype=float), np.array(images), np.zeros(len(images), dtype=int))


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


def _histories(study: Study, protocol: str) -> tuple[AssessedRun, ...]:
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
