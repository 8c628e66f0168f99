"""What the book's numbered figures are drawn from: published results, or a run's own once it has been assessed.

Nothing is trained or computed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pairvae_lib.checks import MissingResult
from pairvae_lib.config import PROTOCOLS
from pairvae_lib.files.arrays import read_arrays
from pairvae_lib.files.runs import SIMULATED, Run, project_root

PROVENANCE = "provenance.json"
EARLIER = "earlier"  # in a provenance: a sentence that says how its settings differ from those of the profile now
MODEL, EXPLORATION = "model", "exploration.safetensors"  # of an example whose model is published, too
# Examples are shown at the paper's size, what needs many trainings from the sweep.
EXAMPLE_PROFILE, SWEEP_PROFILE = "paper", "standard"


def published_root() -> Path:
    """The folder of published results, in the checkout."""
    return project_root() / "results" / "published"


def published_digest() -> str:
    """Changes when anything is published anew."""
    files = sorted([*published_root().glob(f"*/*/{PROVENANCE}"), *published_root().glob("*/claims.json")])
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


@dataclass(frozen=True)
class PublishedResults:
    """Saved results of one example run, and of the sweep around it."""

    example: Path  #: folder of the example's errors.json, curves.npz, history.json and generation.npz
    sweep: Path  #: folder of a data set's runs, of every seed, training size and protocol
    source: str  #: where they come from, in one sentence

    @cached_property
    def errors(self) -> Mapping[str, Any]:
        """errors.json of the example."""
        return _read(self.example / "errors.json", "05_evaluation")

    @cached_property
    def curves(self) -> Mapping[str, np.ndarray]:
        """curves.npz of the example."""
        return _read(self.example / "curves.npz", "05_evaluation")

    @cached_property
    def history(self) -> Mapping[str, Any]:
        """history.json of the example."""
        return _read(self.example / "history.json", "04_pair_vae")

    @cached_property
    def generation(self) -> Mapping[str, np.ndarray]:
        """generation.npz of the example, or of the first run of the sweep that has drawn ensembles."""
        drawn = [self.example / "generation.npz", *sorted(self.sweep.glob("seed*/generation.npz"))]
        return _read(next((file for file in drawn if file.exists()), drawn[0]), "06_generation")

    @property
    def model_folder(self) -> Path:
        """The example's model as a bundle, where one is published."""
        return self.example / MODEL

    @property
    def exploration_file(self) -> Path:
        """What the latent explorer shows of that model."""
        return self.example / EXPLORATION

    @cached_property
    def every_errors(self) -> list[Mapping[str, Any]]:
        """errors.json of every run by the default protocol, of the sweep and of the example's profile."""
        folders = dict.fromkeys([self.example.parent, self.sweep])
        files = [file for folder in folders for file in sorted(folder.glob("seed*/errors.json"))]
        return [_read(file, "05_evaluation") for file in files]

    @property
    def alike(self) -> list[Mapping[str, Any]]:
        """errors.json of every run that differs from the example in the seed alone; of other protocols its own."""
        example = self.errors["run"]
        found = [one for one in self.every_errors if one["run"] | {"seed": example["seed"]} == example]
        return found or [self.errors]

    @cached_property
    def protocol_histories(self) -> dict[str, Mapping[str, Any]]:
        """history.json of the run that was trained by all protocols, by protocol; else those that the example has."""
        by_name = sorted(self.sweep.glob("seed*"))
        whole_first = sorted(by_name, key=lambda folder: folder.name != self.example.name)
        for folder in [*whole_first, self.example]:
            files = {name: folder / (name if name != Run.protocol else "") / "history.json" for name in PROTOCOLS}
            there = {name: file for name, file in files.items() if file.exists()}
            if len(there) == len(PROTOCOLS) or (there and folder == self.example):
                return {name: _read(file, "04_pair_vae") for name, file in there.items()}
        raise MissingResult(self.example / "history.json", "pairvae run 04_pair_vae")


def published_results(run: Run) -> PublishedResults:
    """The run's own results where it has been assessed, else the published ones; for small simulated runs always these.

    Raises
    ------
    MissingResult
        If neither is there.
    """
    small = run.profile in ("tiny", "quick") and run.data == SIMULATED
    if run.errors_file.exists() and not small:
        return PublishedResults(run.pair_folder, run.data_root, f"this run: {run.command('05_evaluation')}")
    sweep, example = (published_root() / profile / SIMULATED for profile in (SWEEP_PROFILE, EXAMPLE_PROFILE))
    if not (example / PROVENANCE).exists():
        example = sweep
    provenance = _read(example / PROVENANCE, "05_evaluation")
    profiles = dict.fromkeys(folder.parent.name for folder in (example, sweep))
    return PublishedResults(
        example / provenance["example"],
        sweep,
        f"published results on simulated pairs, in results/published: profiles {' and '.join(profiles)}",
    )


def _read(path: Path, notebook: str) -> Any:
    """What a JSON or .npz file holds, or MissingResult."""
    if not path.exists():
        raise MissingResult(path, f"pairvae run {notebook}")
    return read_arrays(path) if path.suffix == ".npz" else json.loads(path.read_text(encoding="utf-8"))
