"""From a folder of pairs to a trained, assessed model as a folder: what `pairvae train` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from pairvae_lib import __version__
from pairvae_lib.appraisal import appraisal_of
from pairvae_lib.bundle import EXAMPLES, Bundle, Scaling, save_bundle, versions
from pairvae_lib.cards import model_card
from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Profile, profile_named
from pairvae_lib.datasets import PairedDataset, open_pairs, prepare
from pairvae_lib.exhibits import exhibits, packed_exhibits
from pairvae_lib.kinds import KINDS
from pairvae_lib.locking import locked
from pairvae_lib.pairs import PreparedPairs
from pairvae_lib.runs import SIMULATED
from pairvae_lib.splits import Split
from pairvae_lib.trained import split_pairs


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Parameters
    ----------
    data : str
        A folder of pairs (see `datasets.open_pairs`), or "simulated".
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


def produce(order: Order, report: Callable[[str], None] = lambda _: None) -> Bundle:
    """Train and assess a model on pairs, and write its folder with card and assessment.

    Interrupted at any moment, the same order goes on where it was: until it is done, what it has is in a hidden folder
    beside `out`.

    Parameters
    ----------
    order : Order
    report : callable
        Takes a sentence about each stage as it begins.

    Returns
    -------
    Bundle
        What was written to `order.out`.

    Raises
    ------
    FileExistsError
        If `order.out` is there already.
    DataError
        If files of the data cannot be used, with a line for each.
    ValueError
        If there are too few pairs, no such group, profile or kind, or the hidden folder belongs to another order.
    ChapterInUse
        If another process works on the same model.
    CannotWrite
        If the disk is full or the folder cannot be written.
    """
    profile = profile_named(order.profile)
    check_one_of("model", order.kind, KINDS)
    kind = KINDS[order.kind]
    if order.out.exists():
        raise FileExistsError(f"{order.out} is there already; name a folder that does not exist yet")
    work = work_folder(order.out)
    _check_own(work, order.kind)
    resumed = bool(_unfinished(order.kind, work))
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str, sentence: str) -> Iterator[None]:
        report(sentence)
        began = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - began, 1)

    with locked(work / "training"):
        with stage("preparing", f"Preparing {_name_of(order.data)}"):
            dataset = _opened(order.data, profile, work)
            pairs = prepare(dataset, profile)
            split = split_pairs(pairs, order.seed, order.n_train, order.held_out)
            kind.check(split, profile)
        model, attachments, known = kind.trained(pairs, split, profile, order.seed, work, stage)
        facts = _facts(order, pairs, split) | known | {"seconds": seconds, "resumed": resumed}
        scaling = Scaling.of(pairs, profile.binarisation, _pattern_shape(dataset), _image_rows(dataset))
        bundle = Bundle(model, pairs.modalities, scaling, profile.name, facts, order.kind, attachments)
        if order.examples:
            pictures = packed_exhibits(exhibits(bundle, pairs, order.seed))
            bundle = replace(bundle, attachments={**attachments, EXAMPLES: pictures})
        appraisal = appraisal_of(bundle)
        report("Writing the model's folder")
        save_bundle(order.out, bundle, model_card(bundle, appraisal), order.half)
        rmtree(work, ignore_errors=True)
    return bundle


def work_folder(out: Path) -> Path:
    """Where an unfinished model is."""
    return out.absolute().with_name(f".{out.absolute().name}.training")


def _name_of(data: str) -> str:
    """What the data are called, without the folders above."""
    return data if data == SIMULATED else Path(data).resolve().name


def _opened(data: str, profile: Profile, work: Path) -> PairedDataset:
    """The data, simulated if need be."""
    if data != SIMULATED:
        return open_pairs(data, binarisation=profile.binarisation)
    from pairvae_lib.simulation import simulate_dataset

    wanted = profile.simulation
    folder = simulate_dataset(work / "simulated", wanted.n_pairs, wanted.size, wanted.seed)
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


def _pattern_shape(dataset: PairedDataset) -> tuple[int, int] | None:
    """Size of the patterns, if it is the same for all."""
    if dataset.is_profile:
        return None
    shapes = {np.shape(dataset.scattering(index)) for index in range(len(dataset))}
    if len(shapes) > 1:
        return None
    height, width = shapes.pop()
    return height, width


def _image_rows(dataset: PairedDataset) -> int | None:
    """Rows above the data bar, if they are the same in all micrographs."""
    rows = {sample.image_rows for sample in dataset.listing.samples}
    return rows.pop() if len(rows) == 1 else None


def _facts(order: Order, pairs: PreparedPairs, split: Split) -> dict[str, Any]:
    """Where the model comes from, as plain values."""
    return {
        "name": order.name or order.out.absolute().name,
        "data": _name_of(order.data),
        "digest": pairs.digest,
        "seed": order.seed,
        "n_train": order.n_train,
        "held_out_group": order.held_out,
        "train": [pairs.sample_ids[index] for index in split.train],
        "held_out": [pairs.sample_ids[index] for index in split.held_out],
        "morphologies": dict(sorted(Counter(pairs.morphologies).items())),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {"pairvae_lib": __version__} | versions("torch", "numpy", "scipy"),
    }
