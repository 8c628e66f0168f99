"""All results of one profile on one data set, as the claims ledger reads them: nothing is trained or computed here.

What a run writes is described in `runs.py`; the runs of a study are found by their errors.json files. The published
study of measured pairs, with every batch left out in turn, has numbers and curves, and no pictures.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from pairvae_lib.assessment.comparisons import median_interval
from pairvae_lib.checks import MissingResult, check_one_of
from pairvae_lib.claims.published import PROVENANCE, published_root
from pairvae_lib.config import PROFILES
from pairvae_lib.data.splits import SERIES
from pairvae_lib.files.arrays import read_arrays
from pairvae_lib.files.runs import SIMULATED, Run

TRAIN, HELD_OUT = "train", "held out"
LEAKY = "random split (leaky)"  # the batches of measured data differ more than their samples do
BY_BATCH = "batches held out"
BY_SERIES = "series held out"  # of samples, by the letters that their names begin with: a series may span batches
NEAREST = "nearest neighbour"


def at_the_end(losses: Sequence[float]) -> float:
    """Mean over the last tenth of the epochs."""
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def largest_rise(losses: Sequence[float]) -> float:
    """Largest rise from one epoch to the next, as a share of the loss before it; at least a millionth.

    Not of the first tenth of the epochs: there new crops are drawn, and the losses of solo training are left behind.
    """
    values = np.asarray(losses[len(losses) // 10 :], dtype=float)
    return max(1e-6, float((np.diff(values) / values[:-1]).max(initial=0.0)))


@dataclass(frozen=True, eq=False)
class AssessedRun:
    """One trained and assessed run: `Run.pair_folder`, and what errors.json holds there, for n samples."""

    folder: Path
    content: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of the run; `data` is the name of its results folder."""
        return {"held_out": "", "protocol": Run.protocol} | self.content["run"]

    @property
    def protocol(self) -> str:
        """How pair training went, a key of `config.PROTOCOLS`."""
        return self.parameters["protocol"]

    @property
    def subsets(self) -> np.ndarray:
        """Subset per sample: "train", "held out" or "neither", (n,)."""
        return np.array([sample["subset"] for sample in self.content["samples"]])

    @property
    def morphologies(self) -> np.ndarray:
        """Morphology per sample, (n,)."""
        return np.array([sample["morphology"] for sample in self.content["samples"]])

    @property
    def sample_ids(self) -> np.ndarray:
        """Name per sample, (n,)."""
        return np.array([sample["sample_id"] for sample in self.content["samples"]])

    @property
    def size(self) -> int:
        """Number of training pairs; 0 where a batch is left out and all others are trained on."""
        everyone_else = self.parameters["held_out"] and self.parameters["n_train"] is None
        return 0 if everyone_else else int((self.subsets == TRAIN).sum())

    @property
    def way(self) -> str:
        """How samples were held out: BY_BATCH, BY_SERIES, or at random, LEAKY."""
        left_out = self.parameters["held_out"]
        return BY_SERIES if left_out.startswith(SERIES) else BY_BATCH if left_out else LEAKY

    @property
    def label(self) -> str:
        """Names the training within its study and training size."""
        left_out = self.parameters["held_out"]
        return f"seed {self.parameters['seed']}" + (f" without {left_out}" if left_out else "")

    def error(self, metric: str, name: str) -> np.ndarray:
        """Errors of a route or a reference, one per sample, (n,); `{S}` and `{M}` in the name are the techniques."""
        name = self.named(name)
        kind = "references" if name in self.content["references"].get(metric, ()) else "errors"
        return self._numbers(kind, metric, name)

    def property_of(self, name: str, series: str) -> np.ndarray:
        """A property of the micrographs of a series, (n,); NaN where it is not defined."""
        return self._numbers("properties", name, self.named(series))

    def clustering(self, latents: str) -> float:
        """Share of the variance of these latents that lies between morphologies; NaN where it is not defined."""
        value = self._entry("latents", self.named(latents))["between_classes"]
        return float("nan") if value is None else float(value)

    def curves(self, series: str) -> np.ndarray:
        """Two-point correlation of every sample of a series, (n, R)."""
        path = self._file("curves.npz", "05_evaluation")
        return read_arrays(path)[f"S2 {self.named(series)}"].astype(np.float64)

    @property
    def lengths(self) -> np.ndarray:
        """Distances r of `curves`, (R,) [px]."""
        return read_arrays(self._file("curves.npz", "05_evaluation"))["r"].astype(np.float64)

    @cached_property
    def history(self) -> Mapping[str, list[float]]:
        """Losses of pair training, by name, one number per epoch; where published, of some runs the mean at the end."""
        return self._history["pair"]

    def rise(self, template: str) -> float:
        """The `largest_rise` of a loss of pair training.

        NaN where neither the epochs nor the rise are noted: in results that were published by older code.
        """
        name = self.named(template)
        if "largest rise" in self._history:
            return float(self._history["largest rise"][name])
        return largest_rise(self.history[name]) if len(self.history[name]) > 1 else float("nan")

    @cached_property
    def _history(self) -> Mapping[str, Any]:
        """What history.json holds."""
        return json.loads(self._file("history.json", "04_pair_vae").read_text(encoding="utf-8"))

    def named(self, template: str) -> str:
        """A name with the techniques of the data filled in: {S} for scattering, {M} for micrographs."""
        techniques = self.content["modalities"]
        return template.replace("{S}", techniques["scattering"]).replace("{M}", techniques["micrograph"])

    def command(self, notebook: str) -> str:
        """The command that makes what a chapter writes for this run."""
        words = [f"pairvae run {notebook} --profile {self.parameters['profile']}", f"-p seed {self.parameters['seed']}"]
        if self.parameters["n_train"] is not None:
            words.append(f"-p n_train {self.parameters['n_train']}")
        if self.parameters["data"] != SIMULATED:
            words.append("-p data FOLDER")
        if self.parameters["held_out"]:
            words.append(f"-p held_out {quote(self.parameters['held_out'])}")
        if self.protocol != Run.protocol:
            words.append(f"-p protocol {self.protocol}")
        return " ".join(words)

    def _file(self, name: str, notebook: str) -> Path:
        """A file of the run, or MissingResult."""
        if not (self.folder / name).exists():
            raise MissingResult(self.folder / name, self.command(notebook))
        return self.folder / name

    def _entry(self, *keys: str) -> Any:
        """An entry of errors.json, or ValueError."""
        entry: Any = self.content
        for key in keys:
            if key not in entry:
                place = " / ".join(map(repr, keys))
                raise ValueError(
                    f"{self.folder / 'errors.json'} must hold {place}; it was written by other code, "
                    f"make it anew with: {self.command('05_evaluation')}"
                )
            entry = entry[key]
        return entry

    def _numbers(self, *keys: str) -> np.ndarray:
        """A list of numbers in errors.json as floats; null becomes NaN."""
        return np.array(self._entry(*keys), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Study:
    """All runs of one profile on one data set that hold out samples in the same way."""

    data: str  #: what the ledger calls it, e.g. "simulated" or "afm-gisaxs, batches held out"
    folder: Path  #: `Run.data_root`
    runs: tuple[AssessedRun, ...]  #: at least one; every seed, training size, left-out batch and protocol at most once

    def trainings(self, size: int | None = None, protocol: str = Run.protocol) -> tuple[AssessedRun, ...]:
        """The runs of one protocol, of all training sizes or of one."""
        return tuple(run for run in self.runs if run.protocol == protocol and size in (None, run.size))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of training pairs, ascending."""
        return tuple(sorted({run.size for run in self.trainings()}))

    @property
    def middle(self) -> int:
        """The training size of claims that are not about it: the one with most runs, the middle one of equals."""
        counts = Counter(run.size for run in self.trainings())
        most = [size for size in self.sizes if counts[size] == max(counts.values())]
        return most[len(most) // 2]

    @property
    def classes(self) -> tuple[str, ...]:
        """Morphologies, in alphabetical order."""
        return tuple(sorted({str(name) for run in self.runs for name in run.morphologies}))

    @cached_property
    def ensembles(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Generated ensembles as generation.npz holds them, of every training of the middle size that has drawn any."""
        files = {run.label: run.folder / "generation.npz" for run in self.trainings(self.middle)}
        return {label: read_arrays(path) for label, path in files.items() if path.exists()}

    @property
    def thresholds(self) -> list[dict[str, Any]]:
        """Scores of thresholds against the ground truth: one row per sample, light and method."""
        path = self.folder / "thresholds.json"
        if not path.exists():
            raise MissingResult(path, f"pairvae run 02_preprocessing --profile {self.runs[0].parameters['profile']}")
        return json.loads(path.read_text(encoding="utf-8"))["rows"]


def read_studies(root: Path, profile: str, data: str | None = None, only: Path | None = None) -> list[Study]:
    """The studies of one profile by name, simulated data first: one per data set and way to hold samples out.

    Parameters
    ----------
    root : Path
        Folder of results, or of published results: `root / profile / data / seed...`.
    data : str, optional
        Name of one results folder; all data sets if None.
    only : Path, optional
        The folder of the one run to read.

    Raises
    ------
    MissingResult
        If no run was assessed; the message names the command.
    """
    names = [data] if data else sorted(path.name for path in (root / profile).glob("*") if path.is_dir())
    found: list[Study] = []
    for name in sorted(names, key=lambda name: name != SIMULATED):
        pattern = "seed*/errors.json", "seed*/*/errors.json"  # the second with a protocol other than the default
        paths = sorted(path for part in pattern for path in (root / profile / name).glob(part))
        read = [_read(path) for path in paths if only in (None, path.parent)]
        # every training once: a size that was given in numbers may be the one that was meant by none
        runs = {(run.label, run.size, run.protocol): run for run in read}.values()
        for way in (BY_BATCH, BY_SERIES, LEAKY):
            chosen = tuple(run for run in runs if run.way == way)
            if any(run.protocol == Run.protocol for run in chosen):
                found.append(Study(_label(name, way), root / profile / name, chosen))
    if not found:
        missing = only or root / profile / (data or SIMULATED)
        raise MissingResult(missing / "errors.json", f"pairvae run 05_evaluation --profile {profile}")
    return found


@dataclass(frozen=True, eq=False)
class MeasuredStudy:
    """One data set, trained with every batch left out in turn, and with a random split for comparison."""

    profile: str
    data: str
    batches: Study  #: the headline, as what is held out comes from a batch that nothing was trained on
    random: Study | None  #: with samples of the same batches on both sides, so leaky

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


def _read(path: Path) -> AssessedRun:
    """One run, or ValueError if the file is not an errors.json of today."""
    content = json.loads(path.read_text(encoding="utf-8"))
    wanted = ("run", "samples", "modalities", "errors", "references", "properties", "latents")
    if missing := [key for key in wanted if key not in content]:
        raise ValueError(
            f"{path} must hold {', '.join(wanted)}; got none of {', '.join(missing)}: "
            "it was written by other code, make it anew with: pairvae run 05_evaluation"
        )
    return AssessedRun(path.parent, content)


def _label(name: str, way: str) -> str:
    """What the ledger calls the data of a results folder."""
    return name if name == SIMULATED else f"{re.sub('-[0-9a-f]{6}$', '', name)}, {way}"


def _median(values: Mapping[str, float]) -> float:
    """Median over samples."""
    return float(np.median(list(values.values())))
