"""The paper's protocol: solo training of each VAE, then pair training with random crops and with one crop.

With the model in `pairvae.py` this is all of PairVAE but its settings. `protocol.py` runs the stages in order and keeps
their results; `loop.py` draws, counts epochs and resumes them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import BANK_CROPS, PAPER_LATENTS, BarlowPretraining, CropSchedule, PairTraining, SoloTraining
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.models.loop import (
    History,
    Snapshot,
    batches,
    optimise,
    provenance,
    remaining_epochs,
    rng_for,
    standard_normal,
)
from pairvae_lib.models.pairvae import (
    VAE,
    ConvolutionalBackbone,
    NarrowResNetBackbone,
    PairVAE,
    adam,
    barlow_twins_loss,
    kl_divergence,
    negative_elbo,
    reconstruction_loss,
    route_name,
)


def pretrain_barlow(
    backbone: ConvolutionalBackbone | NarrowResNetBackbone, pairs: PreparedPairs, train: tuple[int, ...],
    settings: BarlowPretraining, seed: int, partial: Path | None = None,
) -> History:
    """Pretrain a convolutional backbone, in place, by Barlow Twins on two crops of the same micrograph.

    Views are crops flipped at random with normal noise added. Source: the paper freezes a backbone that its authors
    pretrained so on micrographs of another material; their weights are not public, so the training micrographs serve.
    """
    size = pairs.modalities[1].shape[0]
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before = backbone.out_channels
        for width in settings.projector:
            layers += [nn.Linear(before, width), nn.BatchNorm1d(width), nn.ReLU()]
            before = width
    device = next(backbone.parameters()).device
    network = nn.Sequential(backbone, *layers[:-2]).to(device)  # the last projection is linear
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, fused=True)

    made_with = provenance("barlow", seed, pairs.digest, train, settings, network)
    history = History()
    network.train()
    for step, means in remaining_epochs(
        history, network, optimizer, settings.steps, made_with, partial, "barlow pretraining"
    ):
        rng = rng_for(seed, "barlow", step)
        chosen = rng.choice(train, settings.batch_size)
        views = []
        for _ in range(2):
            crops = torch.from_numpy(pairs.crops(chosen, size, rng)).to(device)
            flips = rng.random((2, len(crops), 1, 1, 1)) < 0.5
            for axis, flip in zip((-2, -1), torch.from_numpy(flips).to(device), strict=True):
                crops = torch.where(flip, crops.flip(axis), crops)
            views.append(network(crops + settings.noise * standard_normal(rng, crops)))
        loss = barlow_twins_loss(views[0], views[1], settings.redundancy_weight)
        optimise(optimizer, loss)
        means.add({"barlow": loss})
    network.eval()
    return history


def train_solo(
    vae: VAE, pairs: PreparedPairs, train: tuple[int, ...], settings: SoloTraining, seed: int,
    partial: Path | None = None, snapshot: Callable[[], Snapshot] | None = None,
) -> History:
    """Train one VAE on its own modality, in place (the paper's "solo training").

    A micrograph gets a new random crop for every image in every epoch.

    Parameters
    ----------
    train : tuple of int
        Indices of the training pairs, in batch order.
    partial : Path, optional
        Checkpoint to resume from.
    snapshot : callable, optional
        A look at the model, at some epochs (see `loop.remaining_epochs`).

    Returns
    -------
    History
        negative_elbo, reconstruction [nats per pixel, or squared intensity] and kl [nats] of every epoch.
    """
    modality = vae.modality
    check_one_of("modality of the VAE", modality, pairs.modalities)
    stage = f"solo-{modality.name}"
    optimizer = adam(vae, settings.learning_rate, settings.adam_eps)
    kl_weight = settings.kl_weight[modality.likelihood]
    beta = kl_weight * PAPER_LATENTS / int(np.prod(vae.latent_shape))  # the same pull on each latent
    shown_in = solo_measurements(vae, pairs, train, settings.crops, seed)
    epochs = settings.epochs[modality.likelihood]
    made_with = provenance(stage, seed, pairs.digest, train, settings, vae) | {"precision": vae.precision}
    history = History()
    vae.train()
    for epoch, means in remaining_epochs(
        history, vae, optimizer, epochs, made_with, partial, f"solo {modality.name}", snapshot
    ):
        x, prepared = shown_in(epoch)
        noise_rng = rng_for(seed, f"{stage}-noise", epoch)
        for batch in batches(len(train), settings.batch_size, epoch):
            posterior = vae.posterior(prepared[batch])
            decoded = vae.decode(posterior.sample(standard_normal(noise_rng, posterior.latent_mean)))
            reconstruction = reconstruction_loss(decoded, x[batch], modality.likelihood)
            kl = kl_divergence(*posterior)
            loss = negative_elbo(reconstruction, kl, beta)
            optimise(optimizer, loss)
            means.add({"negative_elbo": loss, "reconstruction": reconstruction, "kl": kl})
    vae.eval()
    return history


def solo_measurements(
    vae: VAE, pairs: PreparedPairs, train: tuple[int, ...], crops: CropSchedule, seed: int
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """What each epoch of solo training shows.

    Parameters
    ----------
    crops : "per_epoch", "replayed" or "bank"
        Micrographs: new random crops in every epoch; those of the first epoch in all; or, in every epoch and for every
        image, one of BANK_CROPS crops whose features are computed once, which pays where the frozen backbone is large.

    Returns
    -------
    callable
        Epoch number to measurements (n, 1, ...), and what of them never changes in training (`VAE.prepared`).
    """
    check_one_of("crops", crops, ("per_epoch", "replayed", "bank"))
    stage = f"solo-{vae.modality.name}"

    def shown(x: np.ndarray) -> tuple[Tensor, Tensor]:
        tensor = torch.from_numpy(x).to(vae.device)
        return vae.coded(tensor), vae.prepared(tensor)

    def drawn(number: int) -> tuple[Tensor, Tensor]:
        return shown(pairs.crops(train, vae.modality.shape[0], rng_for(seed, f"{stage}-crops", number)))

    if vae.modality == pairs.modalities[0] or crops == "replayed":
        fixed = shown(pairs.scattering[list(train)]) if vae.modality == pairs.modalities[0] else drawn(0)
        return lambda epoch: fixed
    if crops == "per_epoch":
        return drawn
    x, prepared = map(torch.stack, zip(*map(drawn, range(BANK_CROPS)), strict=True))  # (crops, n, ...)

    def from_bank(epoch: int) -> tuple[Tensor, Tensor]:
        picked = rng_for(seed, f"{stage}-bank", epoch).integers(BANK_CROPS, size=len(train))
        return x[picked, np.arange(len(train))], prepared[picked, np.arange(len(train))]

    return from_bank


def pair_losses(
    model: PairVAE, measurements: dict[str, Tensor], prepared: dict[str, Tensor], noise_rng: np.random.Generator,
    settings: PairTraining,
) -> dict[str, Tensor]:
    """The Barlow term and the losses of the four routes of one batch, unweighted.

    Both latents go through a decoder together: batch norm is in inference mode, so that equals one after the other.
    """
    first, second = model.names
    latents = {}
    for name in model.names:
        posterior = model.vae(name).posterior(prepared[name])
        latents[name] = posterior.sample(standard_normal(noise_rng, posterior.latent_mean))
    losses = {"barlow": barlow_twins_loss(latents[first], latents[second], settings.redundancy_weight)}
    both = torch.cat(list(latents.values()))  # (2 B, C, h, w)
    for target in model.names:
        vae = model.vae(target)
        for source, decoded in zip(model.names, vae.decode(both).chunk(2), strict=True):
            loss = reconstruction_loss(decoded, measurements[target], vae.modality.likelihood)
            losses[route_name(source, target)] = loss
    return losses


def loss_weights(model: PairVAE, settings: PairTraining) -> dict[str, float]:
    """Weight of every term of `pair_losses`."""
    weights = {"barlow": settings.barlow_weight}
    for source, target in model.routes:
        of_target = settings.self_weight if source == target else settings.cross_weight
        weights[route_name(source, target)] = of_target[model.vae(target).modality.likelihood]
    return weights


def train_pair(
    model: PairVAE, pairs: PreparedPairs, train: tuple[int, ...], settings: PairTraining, seed: int,
    partial: Path | None = None, snapshot: Callable[[], Snapshot] | None = None,
) -> History:
    """Train both VAEs together, in place (the paper's "pair training"); parameters as of `train_solo`.

    In every random-crop epoch all images share one new crop window; in the focused epochs the last window stays. Batch
    norm is in inference mode throughout, as in the original. The history holds total, barlow and the losses of the four
    routes.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    size = pairs.modalities[1].shape[0]
    optimizer = adam(model, settings.learning_rate, settings.adam_eps)
    weights = loss_weights(model, settings)
    device = model.vae(scattering).device
    x = {scattering: torch.from_numpy(pairs.scattering[list(train)]).to(device)}
    model.eval()
    prepared = {scattering: model.vae(scattering).prepared(x[scattering])}
    x[scattering] = model.vae(scattering).coded(x[scattering])
    window_shown = -1
    made_with = provenance("pair", seed, pairs.digest, train, settings, model)
    made_with["precision"] = model.vae(micrograph).precision
    history = History()
    for epoch, means in remaining_epochs(
        history, model, optimizer, settings.epochs, made_with, partial, "pair", snapshot
    ):
        window = min(epoch, max(settings.random_crop_epochs - 1, 0))
        if window != window_shown:
            x[micrograph] = torch.from_numpy(pairs.crops_at(train, size, _window(seed, window))).to(device)
            prepared[micrograph] = model.vae(micrograph).prepared(x[micrograph])
            window_shown = window
        noise_rng = rng_for(seed, "pair-noise", epoch)
        for batch in batches(len(train), settings.batch_size, epoch):
            losses = pair_losses(
                model, {name: x[name][batch] for name in x}, {name: prepared[name][batch] for name in x}, noise_rng,
                settings,
            )
            total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
            optimise(optimizer, total)
            means.add({"total": total, **losses})
    return history


def focused_crops(pairs: PreparedPairs, indices: tuple[int, ...], settings: PairTraining, seed: int) -> np.ndarray:
    """The crops of the focused phase, which the model saw in nearly every epoch, float32 (n, 1, size, size)."""
    window = max(settings.random_crop_epochs - 1, 0)
    return pairs.crops_at(indices, pairs.modalities[1].shape[0], _window(seed, window))


def _window(seed: int, window: int) -> tuple[float, float]:
    """Position of a crop window shared by all images, as fractions of the range of rows and columns."""
    row, col = rng_for(seed, "pair-window", window).random(2)
    return float(row), float(col)
