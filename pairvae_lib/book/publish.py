"""Published results: the small files of finished runs, with where they come from, so that the book needs no training.

They lie in `results/published` laid out as in `results`: <profile>/<data>/seed43-n48/errors.json and so on, with one
`provenance.json` for each profile and data set.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from shutil import copytree
from typing import Any

import nbformat
import numpy as np

from pairvae_lib.book.chapters import chapter_names
from pairvae_lib.book.execute import is_stale
from pairvae_lib.book.explorer.examples import Exploration
from pairvae_lib.bundles.bundle import Bundle, Scaling, origin, save_bundle, versions
from pairvae_lib.checks import DataError
from pairvae_lib.claims.published import EARLIER, EXAMPLE_PROFILE, EXPLORATION, MODEL, PROVENANCE, published_root
from pairvae_lib.claims.study import at_the_end, largest_rise
from pairvae_lib.config import Precision, profile_named
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.files.arrays import compact, read_arrays, write_arrays, write_json
from pairvae_lib.files.runs import SIMULATED, Run
from pairvae_lib.files.writing import replacing, replacing_folder
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.precision import arithmetic_in_force, chapter_arithmetic, processor, training_precision
from pairvae_lib.models.protocol import load_pair, split_pairs
from pairvae_lib.models.training import focused_crops

PACKAGES = ("numpy", "scipy", "torch", "porespy", "scikit-image", "pairvae_lib")
OF_A_RUN = ("errors.json", "history.json", "curves.npz", "generation.npz")
METRICS = ("intensity", "S2", "A2", "S2 periodic")  # of runs other than the example
MEASURED_METRICS = ("intensity", "S2", "A2", "L vertical")  # of measured data, which chapter 7 shows
PROPERTIES = ("phase fraction", "period", "long-range order", "lineal path")
KEPT = ("r", "sample_ids", "morphologies", "subsets", "labels", "variances")  # and S2: what claims are computed from
SCORES = ("sample_id", "morphology", "method", "illumination", "dice", "domains_kept")
OF_THE_DATA = ("thresholds.json", "claims.json")
ADDED = "added"  # in a provenance: of runs that were published after the others
CARD = """# PairVAE of simulated pairs, profile {profile}

Trained on {n_train} of {n} simulated pairs of a scattering pattern ({scattering}) and a micrograph ({micrograph}), seed
{seed}; which samples, and which were held out, stands in `config.json`. Its errors on both lie beside this folder, in
`errors.json`; chapter 5 of the book shows them.

It is the example of the book, there to be looked at. It has seen no measured film: it says nothing about measured
patterns of {scattering}, and on those it must not be used. Numbers are stored in 16 bits. Licence: MIT.
"""


def save_published_model(run: Run, folder: Path) -> None:
    """Write a run's trained model, and what the explorer shows of it, into the run's folder among published results."""
    pairs = PreparedPairs.load(run.require(run.pairs_file, "02_preprocessing"))
    split = split_pairs(pairs, run.seed, run.n_train, run.held_out)
    run.require(run.pair_file, "04_pair_vae")
    model, _ = load_pair(pairs, split.train, run.settings, run.seed, run.pair_file)
    facts = origin(run.data_root.name, run.seed, pairs, split, protocol=run.protocol)
    scalings = Scaling.of(pairs, binarisation=run.settings.binarisation)
    bundle = Bundle(model, pairs.modalities, scalings, run.profile, facts)
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    card = CARD.format(profile=run.profile, n_train=len(split.train), n=len(pairs), seed=run.seed,
                       scattering=scattering, micrograph=micrograph)
    save_bundle(folder / MODEL, bundle, card, half=True)
    seen = focused_crops(pairs, split.train, run.settings.pair, run.seed)
    Exploration.of(model, pairs, split, rng_for(run.seed, "exploration"), seen).save(folder / EXPLORATION)


def publish(runs: Sequence[Run], example: Run, trained_at: str | None = None) -> Path:
    """Copy the small results of finished runs of one profile and data set, and write down where they come from.

    Parameters
    ----------
    runs : sequence of Run
    example : Run
        The one that is published whole, if its data are simulated; that of EXAMPLE_PROFILE with its model. Of the
        others: errors and references of METRICS (of measured data MEASURED_METRICS), PROPERTIES and losses of pair
        training, those of the default protocol as one mean over the last tenth of the epochs; of those with as many
        training pairs also the two-point correlations, of reconstructions and of ensembles. Of measured data no picture
        and no profile is published.
    trained_at : str, optional
        Commit at which the models were trained, where that is not the one that assessed them.

    Returns
    -------
    Path
        The folder written; one that was there before is replaced.
    """
    target = _target(example, *runs)
    with replacing_folder(target) as fresh:
        _copy_runs(runs, _place(example), example.n_train, fresh)
        if example.profile == EXAMPLE_PROFILE and example.data == SIMULATED:
            save_published_model(example, fresh / _place(example))
        for source in (example.data_root / name for name in OF_THE_DATA):
            if source.exists():
                _copy(source, fresh / source.name, example, whole=False)
        provenance = {
            "profile": example.profile,
            "data": example.data_root.name,
            "settings": settings_digest(example.profile),
            "example": _place(example),
            **_making(example, trained_at),
            "wall_seconds": _seconds(runs),
        }
        write_provenance(fresh, provenance)
    return target


def add_published(runs: Sequence[Run], trained_at: str | None = None) -> Path:
    """Add finished runs to what is published of their profile and data, as `publish` would copy them.

    A run that is there already is replaced. Commit, versions and machine of each are noted by its name, under ADDED.

    Returns
    -------
    Path
        The folder of all of them.

    Raises
    ------
    FileNotFoundError
        If nothing of this profile and data is published.
    ValueError
        If a run is of another profile or data, or the published example itself, or what is published was made with
        other settings.
    """
    target, profile = _target(*runs), runs[0].profile
    if not (target / PROVENANCE).is_file():
        raise FileNotFoundError(f"{target} holds no {PROVENANCE}: there is nothing to add to")
    provenance = json.loads((target / PROVENANCE).read_text(encoding="utf-8"))
    places = [_place(run) for run in runs]
    if provenance["example"] in places:
        raise ValueError(f"{provenance['example']} is the published example: publish all runs anew")
    if provenance["settings"] != settings_digest(profile):
        raise ValueError(f"{target} was made with other settings of {profile!r}: publish all runs anew")
    example = json.loads((target / provenance["example"] / "errors.json").read_text(encoding="utf-8"))["run"]
    with replacing_folder(target) as fresh:
        copytree(target, fresh, dirs_exist_ok=True)
        for place, name in product(places, OF_A_RUN):
            (fresh / place / name).unlink(missing_ok=True)
        _copy_runs(runs, provenance["example"], example["n_train"], fresh)
        added = {place: _making(run, trained_at) for place, run in zip(places, runs, strict=True)}
        provenance[ADDED] = provenance.get(ADDED, {}) | added
        provenance["wall_seconds"] |= _seconds(runs)
        write_provenance(fresh, provenance)
    return target


def _target(*runs: Run) -> Path:
    """Where results of these runs are published."""
    if len({run.data_root for run in runs}) != 1:
        raise ValueError("runs must be of one profile and data set to be published together")
    return published_root() / runs[0].profile / runs[0].data_root.name


def _copy_runs(runs: Sequence[Run], example: str, n_train: int | None, folder: Path) -> None:
    """Copy the small results of runs into a folder; the example by its place there, with its number of pairs."""
    for run in runs:
        run.require(run.errors_file, "05_evaluation")
        if is_stale(run, "05_evaluation"):
            raise ValueError(f"{run.errors_file} must come from the code there is now; {run.command('05_evaluation')}")
    for run in runs:
        place = _place(run)
        alike = run.n_train == n_train and run.protocol == Run.protocol
        (folder / place).mkdir(parents=True, exist_ok=True)
        for source in (run.pair_folder / name for name in OF_A_RUN):
            if source.exists() and (place == example or alike or source.suffix == ".json"):
                whole = place == example and run.data == SIMULATED
                _copy(source, folder / place / source.name, run, whole)


def write_provenance(folder: Path, facts: dict[str, Any]) -> None:
    """Write where a finished folder of published results comes from, with the hash of every file in it."""
    write_json(folder / PROVENANCE, facts | {"files": _digests(folder)})


def what_is_published(root: Path | None = None) -> list[str]:
    """One line for every profile and data set that is published, or lies below another root."""
    root = published_root() if root is None else root
    lines = []
    for file in sorted(root.glob(f"*/*/{PROVENANCE}")):
        provenance = json.loads(file.read_text())
        shown = file.parent.relative_to(root).as_posix()
        earlier = f"; {provenance[EARLIER]}" if EARLIER in provenance else ""
        trainings = sum(name.endswith("/errors.json") for name in provenance["files"])
        later = f" ({len(provenance[ADDED])} added later)" if ADDED in provenance else ""
        counted = f"{trainings} training{'s' * (trainings > 1)}{later}, " if trainings else ""
        lines.append(f"{shown}: {counted}{len(provenance['files'])} files, commit {provenance['commit'][:7]}{earlier}")
    return lines


def check_published(root: Path | None = None) -> list[str]:
    """Hold every published file to its hash, and every profile to the settings that its results were made with.

    A provenance may say that these were others, and which, in a sentence (EARLIER). Returns what `what_is_published`
    does, with that sentence.

    Raises
    ------
    DataError
        If there are no published results, or a file is missing, changed or unknown, or the settings are others now;
        one line for each.
    """
    root = published_root() if root is None else root
    lines, problems = what_is_published(root), []
    for file in sorted(root.glob(f"*/*/{PROVENANCE}")):
        provenance, folder = json.loads(file.read_text()), file.parent
        shown = folder.relative_to(root).as_posix()
        there = _digests(folder)
        for name, digest in provenance["files"].items():
            if name not in there:
                problems.append(f"{shown}/{name}: missing")
            elif there[name] != digest:
                problems.append(f"{shown}/{name}: its content has changed since it was published")
        unknown = there.keys() - provenance["files"].keys()
        problems += [f"{shown}/{name}: not in {PROVENANCE}" for name in sorted(unknown)]
        if settings_digest(provenance["profile"]) != provenance["settings"] and EARLIER not in provenance:
            problems.append(f"{shown}: the profile {provenance['profile']!r} has other settings now")
    if not lines:
        problems.append(f"no {PROVENANCE} below it")
    if problems:
        raise DataError(root, problems)
    return lines


def commit_of(folder: Path) -> str:
    """The commit of the checkout that a folder lies in, marked where files differ from it."""
    words = ["git", "-C", str(folder)]
    found = subprocess.run([*words, "rev-parse", "HEAD"], capture_output=True, text=True)
    if found.returncode:
        return "unknown"
    changed = subprocess.run([*words, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return found.stdout.strip() + ("-changed" if changed.stdout.strip() else "")


def _making(run: Run, trained_at: str | None) -> dict[str, Any]:
    """What `origin_of` says of a run's results, and the commit that trained it."""
    origin = origin_of(run.data_root, run.settings.precision)
    return origin | {"trained_at": trained_at or origin["commit"]}


def origin_of(folder: Path, precision: Precision, *packages: str) -> dict[str, Any]:
    """Commit of the checkout that a folder lies in, versions of PACKAGES and others, and the machine.

    "arithmetic" is what trainings of that precision, of the profile, run in there.
    """
    arithmetic = {
        "precision": training_precision(precision),
        "kernels": "fixed" if chapter_arithmetic(precision) else arithmetic_in_force(),
    }
    machine = {"processor": processor(), "cores": os.cpu_count(), "system": platform.system(), "arithmetic": arithmetic}
    return {"commit": commit_of(folder), "versions": versions(*PACKAGES, *packages), "machine": machine}


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but its provenance, by its place there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / PROVENANCE]
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def _place(run: Run) -> str:
    """Where the results of a run lie among those of its profile and data."""
    return run.pair_folder.relative_to(run.data_root).as_posix()


def settings_digest(profile: str) -> str:
    """Twelve hexadecimal digits of every number of a profile."""
    return sha256(repr(profile_named(profile)).encode()).hexdigest()[:12]


def _copy(source: Path, target: Path, run: Run, whole: bool) -> None:
    """Copy a file of results as small as it gets: few digits, and unless `whole` what claims and figures need."""
    if source.suffix == ".npz":
        arrays = read_arrays(source)
        kept = [name for name in arrays if whole or name in KEPT or name.startswith(("S2 ", "distance "))]
        small = compact({name: arrays[name] for name in kept})
        simulated = run.data == SIMULATED
        write_arrays(target, small if simulated else {name: _thousandths(values) for name, values in small.items()})
        return
    content = json.loads(source.read_text(encoding="utf-8"))
    if source.name == "errors.json" and not whole:
        content = {name: part for name, part in content.items() if name not in ("medians", "uncertainty")}
        metrics = METRICS if run.data == SIMULATED else MEASURED_METRICS
        for kind in ("errors", "references"):
            content[kind] = {metric: content[kind][metric] for metric in metrics if metric in content[kind]}
        content["properties"] = {name: content["properties"][name] for name in PROPERTIES}
    if source.name == "errors.json":
        content["references"] = _rounded(content["references"], 3)
    if source.name == "history.json" and not whole:
        content = {name: values for name, values in content.items() if not name.startswith(("solo ", "barlow"))}
        if run.protocol == Run.protocol:
            content["largest rise"] = {name: largest_rise(values) for name, values in content["pair"].items()}
            content["pair"] = {name: [at_the_end(values)] for name, values in content["pair"].items()}
    if source.name == "thresholds.json":  # as the data are; chapter 2 shows other lights
        rows = [row for row in content["rows"] if row["illumination"] == 1]
        content["rows"] = [{name: row[name] for name in SCORES} for row in rows]
    with replacing(target) as file:
        digits = 4 if run.data == SIMULATED else 3
        file.write(json.dumps(_rounded(content, digits), separators=(",", ":"), allow_nan=False).encode() + b"\n")


def _thousandths(values: np.ndarray) -> np.ndarray:
    """Curves in half precision in steps of a thousandth, which pack well; others as they are."""
    return np.round(values.astype(np.float64), 3).astype(np.float16) if values.dtype == np.float16 else values


def _rounded(content: Any, digits: int) -> Any:
    """Plain values with a few significant digits."""
    if isinstance(content, dict):
        return {key: _rounded(value, digits) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value, digits) for value in content]
    return float(f"{content:.{digits}g}") if isinstance(content, float) else content


def _seconds(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """How long each chapter of each run took, by its executed notebook."""
    found: dict[str, dict[str, float]] = {}
    for run, name in product(runs, chapter_names()):
        if (file := run.notebook(name)).exists():
            duration = nbformat.read(file, as_version=4).metadata.get("papermill", {}).get("duration")
            if duration is not None:
                found.setdefault(_place(run), {})[name] = round(duration, 1)
    return found
