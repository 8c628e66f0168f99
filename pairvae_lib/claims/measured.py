"""The published study of measured pairs, with every batch left out in turn: numbers and curves, no pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pairvae_lib.assessment.comparisons import median_interval
from pairvae_lib.checks import MissingResult, check_one_of
from pairvae_lib.claims.published import PROVENANCE, published_root
from pairvae_lib.claims.study import BY_BATCH, HELD_OUT, LEAKY, TRAIN, Study, read_studies
from pairvae_lib.config import PROFILES

NEAREST = "nearest neighbour"


@dataclass(frozen=True, eq=False)
class MeasuredStudy:
    """One data set, trained with every batch left out in turn, and with a random split for comparison."""

    profile: str
    data: str
    batches: Study  # the headline: what is held out comes from a batch that nothing was trained on
    random: Study | None  # samples of the same batches on both sides: leaky

    @cached_property
    def routes(self) -> tuple[str, ...]:
        """Routes to a micrograph, by their names in the results: solo, from scattering, from the micrograph itself."""
        first = self.batches.runs[0]
        return tuple(first.named(name) for name in ("solo {M}_to_{M}", "{S}_to_{M}", "{M}_to_{M}"))

    @property
    def cross(self) -> str:
        """The paper's promise: from scattering to a micrograph."""
        return self.batches.runs[0].named("{S}_to_{M}")

    @property
    def metrics(self) -> tuple[str, ...]:
        """What errors are published of."""
        return tuple(self.batches.runs[0].content["errors"])

    def names(self, metric: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Routes and references that have errors of a metric."""
        check_one_of("metric", metric, self.metrics)
        content = self.batches.runs[0].content
        return tuple(content["errors"][metric]), tuple(content["references"][metric])

    def errors(self, metric: str, name: str, subset: str = HELD_OUT, random: bool = False) -> dict[str, float]:
        """Error by sample, the mean over the trainings in which the sample belongs to the subset.

        Of the random split instead of the left-out batches, if `random`.
        """
        study = self.random if random else self.batches
        if study is None:
            raise ValueError(f"random must be False for {self.data}: no random split is published")
        found: dict[str, list[float]] = {}
        for run in study.trainings():
            values, chosen = run.error(metric, name), run.subsets == subset
            for sample_id, value in zip(run.sample_ids[chosen], values[chosen], strict=True):
                found.setdefault(str(sample_id), []).append(float(value))
        return {sample_id: float(np.mean(values)) for sample_id, values in found.items()}

    def rows(self, metric: str) -> list[dict[str, str | float]]:
        """One row for every route and reference.

        Returns
        -------
        list of dict
            "name"; medians over the samples: "train", "batch held out", and "random split (leaky)" where there was one;
            "less nearest" with "from" and "to": median difference to the nearest neighbour on held-out samples, with
            its 95 % interval over samples; "better in", the share of batches with a lower median than the nearest
            neighbour's.
        """
        routes, references = self.names(metric)
        nearest, medians = self.errors(metric, NEAREST), self.batch_medians(metric).values()
        rows = []
        for name in (*routes, *references):
            held_out = self.errors(metric, name)
            row: dict[str, str | float] = {"name": name, TRAIN: _median(self.errors(metric, name, TRAIN))}
            row["batch held out"] = _median(held_out)
            if self.random is not None:
                row[LEAKY] = _median(self.errors(metric, name, random=True))
            interval = median_interval(np.array([error - nearest[key] for key, error in sorted(held_out.items())]), 1)
            assert interval is not None
            row |= {"less nearest": interval.estimate, "from": interval.low, "to": interval.high}
            rows.append(row | {"better in": float(np.mean([own[name] < own[NEAREST] for own in medians]))})
        return rows

    def batch_medians(self, metric: str) -> dict[str, dict[str, float]]:
        """Median error of the held-out samples of each batch, for every route and reference."""
        routes, references = self.names(metric)
        return {
            run.parameters["held_out"]: {
                name: float(np.median(run.error(metric, name)[run.subsets == HELD_OUT]))
                for name in (*routes, *references)
            }
            for run in self.batches.trainings()
        }

    def random_medians(self, metric: str, names: Sequence[str]) -> dict[str, float] | None:
        """Median error of the held-out samples of the random split, by name; None where there was none."""
        if self.random is None:
            return None
        return {name: _median(self.errors(metric, name, random=True)) for name in names}

    def held_out_curves(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Two-point correlations of all held-out samples, each by the training that had not seen its batch.

        Returns
        -------
        r : ndarray of shape (R,) [px]
        curves : dict of series to ndarray of shape (samples, R)
            "true" first.
        """
        runs = self.batches.trainings()
        series = ("true", *self.routes)
        curves = {name: np.concatenate([run.curves(name)[run.subsets == HELD_OUT] for run in runs]) for name in series}
        return runs[0].lengths, curves

    def counts(self) -> dict[str, int]:
        """Number of samples of each batch."""
        return {run.parameters["held_out"]: int((run.subsets == HELD_OUT).sum()) for run in self.batches.trainings()}


def published_measured(root: Path | None = None) -> MeasuredStudy:
    """The published study of measured pairs below a root, of the largest profile that there is."""
    root = published_root() if root is None else root
    for profile in reversed(PROFILES):
        for folder in sorted(root.glob(f"{profile}/*/{PROVENANCE}")):
            studies = {one.data.rsplit(", ", 1)[-1]: one for one in read_studies(root, profile, folder.parent.name)}
            if BY_BATCH in studies:
                name = studies[BY_BATCH].data.removesuffix(f", {BY_BATCH}")
                return MeasuredStudy(profile, name, studies[BY_BATCH], studies.get(LEAKY))
    raise MissingResult(root, "pairvae sweep --data FOLDER --groups BATCH,...,random, then pairvae publish")


def _median(values: Mapping[str, float]) -> float:
    """Median over samples."""
    return float(np.median(list(values.values())))
