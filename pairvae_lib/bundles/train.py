"""From a folder of pairs to a trained, assessed model as a folder: what `pairvae train` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from pairvae_lib import __version__
from pairvae_lib.bundles.appraisal import appraisal_of
from pairvae_lib.bundles.bundle import EXAMPLES, Bundle, BundleError, Scaling, load_bundle, save_bundle, versions
from pairvae_lib.bundles.kinds import KINDS, PairVAEKind
from pairvae_lib.bundles.report import exhibits, model_card, packed_exhibits
from pairvae_lib.checks import check_one_of, check_positive, check_range
from pairvae_lib.config import LARGEST_SEED, Profile, profile_named
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.locks import locked
from pairvae_lib.files.runs import SIMULATED, Run
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.pairvae import PairVAE
from pairvae_lib.models.protocol import TrainedPairVAE, split_pairs


@dataclass(frozen=True)
class TrainingJob:
    """What is asked for.

    Parameters
    ----------
    data : str
        A folder of pairs (see `folder.open_pairs`), or "simulated".
    out : Path
        The folder to write; it must not exist yet.
    profile : str
        A key of `config.PROFILES`.
    seed : int
        Of the split, the initial weights and everything drawn.
    n_train : int, optional
        Number of training pairs; two thirds (or, with `held_out`, all others) if None.
    held_out : str
        A group of the data to hold out; "" for a random split stratified by morphology.
    name : str
        Of the model; that of the folder if empty.
    examples : bool
        Whether pictures of a few samples go into the folder.
    half : bool
        Whether numbers are stored in 16 bits.
    kind : str
        Of the model, a key of `kinds.KINDS`.
    kinds : mapping of str to str
        What columns of the manifest hold, see `folder.open_pairs`.
    """

    data: str
    out: Path
    profile: str = "quick"
    seed: int = 43
    n_train: int | None = None
    held_out: str = ""
    name: str = ""
    examples: bool = False
    half: bool = False
    kind: str = "pairvae"
    kinds: Mapping[str, str] = field(default_factory=dict)


def train_bundle(job: TrainingJob, report: Callable[[str], None] = lambda _: None) -> Bundle:
    """Train and assess a model on pairs, write its folder with card and assessment, and return it.

    Interrupted at any moment, the same job goes on where it was: until it is done, what it has is in a hidden folder
    beside `out`. Where it is done, the model is read. `report` takes a sentence about each stage as it begins.

    Raises
    ------
    FileExistsError
        If `job.out` is there already, and is anything but the model of this very job.
    DataError
        If files of the data cannot be used, with a line for each.
    ValueError
        If there are too few pairs, no such group, profile or kind, or the hidden folder belongs to another job.
    ChapterInUse
        If another process works on the same model.
    """
    profile = profile_named(job.profile)
    check_one_of("model", job.kind, KINDS)
    kind = KINDS[job.kind]
    check_range("seed", job.seed, 0, LARGEST_SEED)
    if job.n_train is not None:
        check_positive("n_train", job.n_train)
    work = work_folder(job.out)
    if job.out.exists():
        done = _done(job, profile)
        report(f"{job.out} is done already")
        rmtree(work, ignore_errors=True)  # of a process that was killed while it cleared up
        return done
    _check_own(work, job.kind)
    resumed = bool(_unfinished(job.kind, work))
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str, sentence: str) -> Iterator[None]:
        report(sentence)
        began = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - began, 1)

    with locked(work / "training"):
        with stage("preparing", f"Preparing {_name_of(job.data)}"):
            dataset = _opened(job, profile, work)
            pairs = prepare(dataset, profile)
            split = split_pairs(pairs, job.seed, job.n_train, job.held_out)
            kind.check(split, profile)
        model, attachments, known = kind.trained(pairs, split, profile, job.seed, work, stage)
        facts = _facts(job, pairs, split) | known | {"seconds": seconds, "resumed": resumed}
        scalings = Scaling.of(pairs, dataset)
        bundle = Bundle(model, pairs.modalities, scalings, profile.name, facts, job.kind, attachments)
        if job.examples:
            pictures = packed_exhibits(exhibits(bundle, pairs, job.seed))
            bundle = replace(bundle, attachments={**attachments, EXAMPLES: pictures})
        appraisal = appraisal_of(bundle)
        report("Writing the model's folder")
        save_bundle(job.out, bundle, model_card(bundle, appraisal), job.half)
        rmtree(work, ignore_errors=True)
    return bundle


def _done(job: TrainingJob, profile: Profile) -> Bundle:
    """The model that this very job has written, or FileExistsError for anything else that is there."""
    other = FileExistsError(f"{job.out} is there already; name a folder that does not exist yet")
    try:
        bundle = load_bundle(job.out)
    except BundleError:
        raise other from None
    asked = _asked(job) | {"profile": profile.name, "kind": job.kind, "examples": job.examples}
    found = {name: bundle.provenance.get(name) for name in _asked(job)}
    found |= {"profile": bundle.profile, "kind": bundle.kind, "examples": EXAMPLES in bundle.attachments}
    if asked != found:
        raise other
    with TemporaryDirectory() as place:
        pairs = prepare(_opened(job, profile, Path(place)), profile)
    if pairs.digest != bundle.provenance.get("digest"):
        raise other
    return bundle


def _asked(job: TrainingJob) -> dict[str, Any]:
    """What of a job stands in the provenance of its model."""
    return {
        "name": job.name or job.out.absolute().name,
        "data": _name_of(job.data),
        "seed": job.seed,
        "n_train": job.n_train,
        "held_out_group": job.held_out,
        "half": job.half,
        **({"kinds": dict(job.kinds)} if job.kinds else {}),
    }


def save_model(folder: Path | str, model: TrainedPairVAE, pairs: PreparedPairs, dataset: PairedDataset) -> Path:
    """Assess a model of `models.train`, and write the folder that every command takes; returns it.

    Parameters
    ----------
    folder : Path or str
        It must not exist yet.
    pairs : PreparedPairs
        Those that it was trained on.
    dataset : PairedDataset
        The files of these pairs.
    """
    job = TrainingJob(str(dataset.folder), Path(folder), model.profile.name, model.seed, held_out=model.held_out)
    attachments, known = PairVAEKind().assessed(model, pairs, model.split, model.profile, model.seed)
    scalings = Scaling.of(pairs, dataset)
    facts = _facts(job, pairs, model.split) | known
    facts |= {"seconds": {"training": round(model.seconds, 1)}, "resumed": model.resumed}
    bundle = Bundle(model, pairs.modalities, scalings, job.profile, facts, job.kind, attachments)
    return save_bundle(job.out, bundle, model_card(bundle, appraisal_of(bundle)))


def as_bundle(model: PairVAE | ConditionalFlow, pairs: PreparedPairs, dataset: PairedDataset, run: Run) -> Bundle:
    """A trained model with what it takes to apply it to files like those of the data set of its pairs."""
    facts = {"name": run.data_root.name, "seed": run.seed}
    kind = "flow" if isinstance(model, ConditionalFlow) else "pairvae"
    return Bundle(model, pairs.modalities, Scaling.of(pairs, dataset), run.profile, facts, kind)


def work_folder(out: Path) -> Path:
    """Where an unfinished model is."""
    return out.absolute().with_name(f".{out.absolute().name}.training")


def _name_of(data: str) -> str:
    """What the data are called, without the folders above."""
    return data if data == SIMULATED else Path(data).resolve().name


def _opened(job: TrainingJob, profile: Profile, work: Path) -> PairedDataset:
    """The data, simulated if need be."""
    if job.data != SIMULATED:
        return open_pairs(job.data, job.kinds, profile.binarisation)
    from pairvae_lib.data.simulation import simulate

    wanted = profile.simulation
    folder = simulate(work / "simulated", wanted.n_pairs, wanted.size, wanted.seed)
    return open_pairs(folder, binarisation=profile.binarisation)


def _unfinished(kind: str, work: Path) -> list[str]:
    """Names of what a training has left in a folder."""
    stems = KINDS[kind].stems
    return sorted(path.name for stem in stems for end in ("pt", "partial") for path in work.glob(f"{stem}*.{end}"))


def _check_own(work: Path, kind: str) -> None:
    """What is unfinished there must be of this kind, or ValueError."""
    for other in KINDS:
        if other != kind and (found := _unfinished(other, work)):
            raise ValueError(
                f"{work} holds an unfinished model of the kind {other!r} ({', '.join(found)}), not {kind!r}; finish "
                "that, name another --out, or remove it"
            )


def _facts(job: TrainingJob, pairs: PreparedPairs, split: Split) -> dict[str, Any]:
    """Where the model comes from, as plain values."""
    return {
        **_asked(job),
        "digest": pairs.digest,
        "train": [pairs.sample_ids[index] for index in split.train],
        "held_out": [pairs.sample_ids[index] for index in split.held_out],
        "morphologies": dict(sorted(Counter(pairs.morphologies).items())),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {"pairvae_lib": __version__} | versions("torch", "numpy", "scipy"),
    }
