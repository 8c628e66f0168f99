"""Looks at a training while it goes on: a few samples, trained on and held out, reconstructed again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pairvae_lib.config import PairTraining
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.models.loop import Snapshot
from pairvae_lib.models.pairvae import VAE
from pairvae_lib.models.training import focused

MORPHOLOGIES_WATCHED = 3  # what a row of pictures has room for, twice


@dataclass(frozen=True)
class Watched:
    """Samples that are reconstructed as training proceeds: `trained_on` and `held_out` are indices of pairs.

    Parameters
    ----------
    labels : tuple of str
        Morphology and part of the samples trained on, then of those held out.
    measurements : dict of modality name to ndarray of float32, shape (n, 1, *shape of the modality)
        Of the samples in that order. Micrographs: the crop of the focused phase.
    """

    trained_on: tuple[int, ...]
    held_out: tuple[int, ...]
    labels: tuple[str, ...]
    measurements: dict[str, np.ndarray]


def watched_pairs(pairs: PreparedPairs, train: tuple[int, ...], settings: PairTraining, seed: int) -> Watched:
    """One sample of each of the first morphologies that was trained on, and one of each that was not.

    `seed` is that of the training; with the settings it decides the crop of the focused phase.
    """
    others = tuple(index for index in range(len(pairs)) if index not in train)
    shown = sorted(set(pairs.morphologies))[:MORPHOLOGIES_WATCHED]
    trained_on, held_out = (
        tuple(
            next(index for index in indices if pairs.morphologies[index] == name)
            for name in shown
            if any(pairs.morphologies[index] == name for index in indices)
        )
        for indices in (train, others)
    )
    samples = (*trained_on, *held_out)
    measurements = focused(pairs, samples, settings, seed)
    parts = ["trained on"] * len(trained_on) + ["held out"] * len(held_out)
    labels = tuple(f"{pairs.morphologies[index]}\n{part}" for index, part in zip(samples, parts, strict=True))
    return Watched(trained_on, held_out, labels, measurements)


def looking(
    module: nn.Module, routes: Mapping[str, tuple[VAE, VAE]], measurements: Mapping[str, np.ndarray]
) -> Callable[[], Snapshot]:
    """A look at VAEs in training that leaves every number of the training as it is.

    Parameters
    ----------
    module : Module
        What is trained; put into inference mode for the look.
    routes : mapping of route name to (VAE that encodes, VAE that decodes)
    measurements : mapping of modality name to ndarray of shape (n, 1, *shape)

    Returns
    -------
    callable
        Gives, by route, tensors (n, *shape): masks as bool, intensities as uint8 in 256 levels; reconstructed from the
        mean of the latent, so that nothing is drawn.
    """

    def look() -> Snapshot:
        training = module.training
        module.eval()
        found: Snapshot = {}
        with torch.no_grad():
            for name, (source, target) in routes.items():
                x = torch.from_numpy(measurements[source.modality.name]).to(source.device)
                shown = target.mode(target.decode(source.encode(x).latent_mean))[:, 0]
                levels = shown if shown.dtype == torch.bool else (255 * shown).round().to(torch.uint8)
                found[name] = levels.cpu()
        module.train(training)
        return found

    return look


def pictures(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """The reconstructions of one look as figures take them: masks bool, intensities float32 in [0, 1]."""
    levels = {name: tensor.numpy() for name, tensor in snapshot.items()}
    return {name: x if x.dtype == np.bool_ else x / np.float32(255) for name, x in levels.items()}
