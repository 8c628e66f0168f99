"""Trained models: both stages of training in one call, and as files that are read where they are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import cast

import torch
from torch import nn

from pairvae_lib.config import TRAINING_FRACTION, PairTraining, Profile, Protocol, profile_named
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import SERIES, Split, group_split, series_of, stratified_split
from pairvae_lib.files.arrays import write_json
from pairvae_lib.models.loop import (
    History,
    load_checkpoint,
    provenance,
    save_checkpoint,
    seconds_per_epoch,
    time_in_words,
)
from pairvae_lib.models.pairvae import VAE, ConvolutionalBackbone, PairVAE, doublings, fresh_vae, route_name
from pairvae_lib.models.precision import CPU, Resolved, resolved, training_device, training_precision
from pairvae_lib.models.snapshots import looking, watched_pairs
from pairvae_lib.models.training import pretrain_barlow, train_pair, train_solo


def split_pairs(pairs: PreparedPairs, seed: int, n_train: int | None = None, held_out: str = "") -> Split:
    """Which pairs a run trains on: `n_train` of them, or two thirds; with a group `held_out`, all others.

    Without a group the split is random, and stratified by morphology. A group is one of the data's own, or a series
    of samples, as "series-E" (`splits.series_of`). ValueError if there is no such group, or not that many pairs to
    train on.
    """
    return split_samples(pairs.sample_ids, pairs.morphologies, pairs.groups, seed, n_train, held_out)


def split_samples(
    sample_ids: Sequence[str], morphologies: Sequence[str], groups: Sequence[str] | None, seed: int,
    n_train: int | None, held_out: str,
) -> Split:
    """As `split_pairs`, of samples of which nothing but their names and labels is known."""
    if not held_out:
        size = round(TRAINING_FRACTION * len(morphologies)) if n_train is None else n_train
        return stratified_split(morphologies, size, seed)
    if held_out.startswith(SERIES) and held_out not in (groups or ()):
        groups = series_of(sample_ids)
    split = group_split(groups, held_out, seed)
    available = len(split.train)
    if n_train is not None and not 1 <= n_train <= available:
        raise ValueError(f"n_train must lie between 1 and {available} without {held_out!r}; got {n_train}")
    return Split(split.train[:n_train], split.held_out)


class TrainedPairVAE(PairVAE):
    """A PairVAE that knows how it was trained.

    Parameters
    ----------
    model : PairVAE
        Its VAEs become those of this one.
    history : dict of stage to History
        "barlow" (where the backbone is pretrained so), the two modalities (solo training) and "pair".
    held_out : str
        The group that was left out, or "".
    seconds : float
        Of the training.
    resumed : bool
        Whether some of it was done before, which the seconds do not count.
    """

    def __init__(
        self, model: PairVAE, split: Split, history: dict[str, History], profile: Profile, seed: int,
        held_out: str = "", seconds: float = 0.0, resumed: bool = False,
    ):
        super().__init__(*(model.vae(name) for name in model.names))
        self.split, self.history, self.profile, self.seed = split, history, profile, seed
        self.held_out, self.seconds, self.resumed = held_out, seconds, resumed


def train(
    pairs: PreparedPairs, seed: int = 43, profile: Profile | str = "quick", n_train: int | None = None,
    held_out: str = "", folder: Path | str | None = None,
) -> TrainedPairVAE:
    """Train a PairVAE by the paper's protocol: each technique by itself, then both together.

    Parameters
    ----------
    pairs : PreparedPairs
        Prepared in the same profile.
    seed : int
        Of the split, the initial weights and everything drawn.
    n_train, held_out
        As for `split_pairs`.
    folder : Path or str, optional
        Where the trainings lie: done ones are read from there, an interrupted one goes on. Else nothing is kept.
    """
    profile = profile_named(profile) if isinstance(profile, str) else profile
    for modality in pairs.modalities:
        wanted = (profile.image_size,) * 2 if modality.is_image else (profile.profile_points,)
        if modality.shape != wanted:
            raise ValueError(
                f"pairs must be prepared in profile {profile.name!r}, with {modality.name} of {wanted}; got "
                f"{modality.shape}"
            )
    split = split_pairs(pairs, seed, n_train, held_out)
    with nullcontext(folder) if folder is not None else TemporaryDirectory() as place:
        began, resumed = perf_counter(), any(any(Path(place).glob(ending)) for ending in ("*.pt", "*.partial"))
        vaes, histories = load_or_train_solo(pairs, split.train, profile, seed, Path(place) / "solo.pt")
        model, history = load_or_train_pair(vaes, pairs, split.train, profile, seed, Path(place) / "pair.pt")
        seconds = perf_counter() - began
    return TrainedPairVAE(model, split, histories | {"pair": history}, profile, seed, held_out, seconds, resumed)


@contextmanager
def trained_in(
    precision: Resolved, *vaes: VAE, device: torch.device = CPU, measured_for: int | None = None
) -> Iterator[None]:
    """A context in which these VAEs compute in `precision` on `device`; after it, in fp32 on the processor again.

    Their decoders compute in the forms that are the fastest for `measured_for` images at a time, if that is given.
    """
    forms = [(layer, layer.form) for vae in vaes for layer in doublings(vae)]
    for vae in vaes:
        vae.precision = precision
        vae.to(device)
        if measured_for is not None:
            vae.measure_forms(measured_for)
    try:
        yield
    finally:
        for vae in vaes:
            vae.precision = "fp32"
            vae.to(CPU)
        for layer, form in forms:
            layer.form = form


def _measured_for(profile: Profile, images: int) -> int | None:
    """For how many images at a time forms are measured: not where numbers are to be the same on every processor."""
    return images if profile.precision == "auto" else None


def load_or_train_solo(
    pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int, file: Path
) -> tuple[dict[str, VAE], dict[str, History]]:
    """Both solo-trained VAEs with their histories: read from `file`, or trained and written there.

    ValueError if the file was made with other settings.
    """
    vaes = {modality.name: fresh_vae(modality, profile, seed + i) for i, modality in enumerate(pairs.modalities)}
    made_with = provenance("solo", seed, pairs.digest, train, profile.solo, nn.ModuleDict(vaes))
    device = training_device(profile.precision)
    precision = resolved(profile.precision, device)
    made_with |= {
        "architecture": asdict(profile.architecture), "barlow": asdict(profile.barlow), "precision": precision,
    }
    if file.exists():
        content = load_checkpoint(file, made_with)
        for name, vae in vaes.items():
            vae.load_state_dict(content["vaes"][name])
            vae.eval()
        snapshots = content.get("snapshots", {})
        return vaes, {name: History(losses, snapshots.get(name, {})) for name, losses in content["histories"].items()}
    histories: dict[str, History] = {}
    partials = [file.with_suffix(f".{name}.partial") for name in ("barlow", *vaes)]
    is_pretrained = profile.architecture.encoder == "barlow_cnn"
    frozen = [vae.encoder for vae in vaes.values() if vae.encoder.frozen and is_pretrained]
    backbones = [cast(ConvolutionalBackbone, encoder.backbone) for encoder in frozen]
    if backbones:
        backbones[0].requires_grad_(True).to(device)
        histories["barlow"] = pretrain_barlow(backbones[0], pairs, train, profile.barlow, seed, partials[0])
        backbones[0].to(CPU)
        for backbone in backbones:
            backbone.load_state_dict(backbones[0].state_dict())
            backbone.requires_grad_(False)
    watched = watched_pairs(pairs, train, profile.pair, seed)
    for partial, (name, vae) in zip(partials[1:], vaes.items(), strict=True):
        images = _measured_for(profile, profile.solo.batch_size)
        with trained_in(precision, vae, device=device, measured_for=images):
            look = looking(vae, {f"{name}_to_{name}": (vae, vae)}, watched.measurements)
            histories[name] = train_solo(vae, pairs, train, profile.solo, seed, partial, look)
    content = {
        "vaes": {name: vae.state_dict() for name, vae in vaes.items()},
        "histories": {name: history.losses for name, history in histories.items()},
        "snapshots": {name: history.snapshots for name, history in histories.items()},
        "forms": {name: history.forms for name, history in histories.items()},
    }
    save_checkpoint(file, made_with, content)
    for partial in partials:
        partial.unlink(missing_ok=True)
    return vaes, histories


def starting_vaes(
    pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int, file: Path,
    protocol: Protocol = "two_phase",
) -> dict[str, VAE]:
    """The VAEs that pair training starts from: solo-trained (`load_or_train_solo`), or fresh for the protocol "direct".

    A frozen backbone is pretrained in either case: it is no part of what the protocols differ in.
    """
    vaes, _ = load_or_train_solo(pairs, train, profile, seed, file)
    if protocol != "direct":
        return vaes
    fresh = {modality.name: fresh_vae(modality, profile, seed + i) for i, modality in enumerate(pairs.modalities)}
    for name, vae in fresh.items():
        if vae.encoder.frozen:
            vae.encoder.backbone.load_state_dict(vaes[name].encoder.backbone.state_dict())
        vae.eval()
    return fresh


def load_or_train_pair(
    vaes: dict[str, VAE], pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int, file: Path
) -> tuple[PairVAE, History]:
    """The PairVAE that starts from these VAEs, with its history: read from `file`, or trained and written there.

    The VAEs become its parts: they change with it. ValueError if the file was made with other settings, or from other
    VAEs.
    """
    model = PairVAE(*vaes.values())
    device = training_device(profile.precision)
    precision = resolved(profile.precision, device)
    made_with = provenance("pair", seed, pairs.digest, train, profile.pair, model)
    made_with |= {"architecture": asdict(profile.architecture), "precision": precision}
    if file.exists():
        content = load_checkpoint(file, made_with)
        model.load_state_dict(content["model"])
        model.eval()
        return model, History(content["history"], content.get("snapshots", {}), content.get("forms", []))
    partial = file.with_suffix(".partial")
    routes = {route_name(*route): (model.vae(route[0]), model.vae(route[1])) for route in model.routes}
    look = looking(model, routes, watched_pairs(pairs, train, profile.pair, seed).measurements)
    images = _measured_for(profile, 2 * profile.pair.batch_size)
    with trained_in(precision, *vaes.values(), device=device, measured_for=images):
        history = train_pair(model, pairs, train, profile.pair, seed, partial, look)
    content = {"model": model.state_dict(), "history": history.losses, "snapshots": history.snapshots}
    content |= {"forms": history.forms}
    save_checkpoint(file, made_with, content)
    partial.unlink(missing_ok=True)
    return model, history


def load_pair(
    pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int, file: Path
) -> tuple[PairVAE, History]:
    """What `load_or_train_pair` wrote, whatever VAEs it started from: none is read.

    FileNotFoundError if it is not there, ValueError if it was made with other settings.
    """
    model = PairVAE(*(fresh_vae(modality, profile, seed + i) for i, modality in enumerate(pairs.modalities)))
    precision = resolved(profile.precision, training_device(profile.precision))
    made_with = provenance("pair", seed, pairs.digest, train, profile.pair, model)
    made_with |= {"architecture": asdict(profile.architecture), "precision": precision}
    content = load_checkpoint(file, made_with, free=("initial",))
    model.load_state_dict(content["model"])
    return model.eval(), History(content["history"], content.get("snapshots", {}), content.get("forms", []))


def training_seconds(pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int) -> float:
    """About how long solo and pair training will take on this processor, from a few timed steps of fresh models."""
    device = training_device(profile.precision)
    vaes = {modality.name: fresh_vae(modality, profile, seed) for modality in pairs.modalities}
    seconds = 0.0
    images = _measured_for(profile, 2 * profile.pair.batch_size)
    with trained_in(resolved(profile.precision, device), *vaes.values(), device=device, measured_for=images):
        for vae in vaes.values():
            batch, likelihood = train[: profile.solo.batch_size], vae.modality.likelihood

            def solo(epochs: int, vae: VAE = vae, batch: tuple[int, ...] = batch) -> None:
                few = dict.fromkeys(profile.solo.epochs, epochs)
                train_solo(vae, pairs, batch, replace(profile.solo, epochs=few), seed)

            seconds += profile.solo.epochs[likelihood] * (len(train) // len(batch)) * seconds_per_epoch(solo)
        model, batch = PairVAE(*vaes.values()), train[: profile.pair.batch_size]

        def pair(epochs: int) -> None:
            train_pair(model, pairs, batch, replace(profile.pair, random_crop_epochs=0, focused_epochs=epochs), seed)

        return seconds + profile.pair.epochs * (len(train) // len(batch)) * seconds_per_epoch(pair)


def expected_time(pairs: PreparedPairs, train: tuple[int, ...], profile: Profile, seed: int) -> str:
    """`training_seconds` in words, with the precision."""
    return time_in_words(training_seconds(pairs, train, profile, seed), training_precision(profile.precision))


def save_histories(
    path: Path, solo: dict[str, History], pair: History, settings: PairTraining, protocol: Protocol
) -> None:
    """Write the losses of every epoch of all trainings, solo by name, as JSON, atomically."""
    histories = {("barlow" if name == "barlow" else f"solo {name}"): history for name, history in solo.items()}
    rounded = {
        name: {loss: [float(f"{value:.4g}") for value in values] for loss, values in history.losses.items()}
        for name, history in (histories | {"pair": pair}).items()
    }
    write_json(path, rounded | {"random_crop_epochs": settings.random_crop_epochs, "protocol": protocol})
