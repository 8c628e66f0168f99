"""Training of the conditional flow, on random crops of the training micrographs."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Precision
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.models.flow.condition import conditioning, morphology_components
from pairvae_lib.models.flow.config import Flow, FlowTraining
from pairvae_lib.models.flow.network import ConditionalFlow, UNet, fresh_flow, noised
from pairvae_lib.models.loop import (
    History,
    load_checkpoint,
    provenance,
    remaining_epochs,
    rng_for,
    save_checkpoint,
    seconds_per_epoch,
    standard_normal,
)
from pairvae_lib.models.pairvae import reconstruction_loss
from pairvae_lib.models.precision import CPU, resolved, training_device, training_precision

CROSS_ENTROPY = "cross_entropy"
CROPS = 64  # of a training micrograph, for its statistics


def train_flow(
    flow: ConditionalFlow, pairs: PreparedPairs, train: tuple[int, ...], settings: FlowTraining, seed: int,
    partial: Path | None = None,
) -> History:
    """Train a fresh flow on pairs of its modalities, in place; it ends with the averaged weights.

    `train` are indices of the training pairs, `partial` is a checkpoint to resume from. The history holds the
    cross_entropy [nats per pixel] of every round, a mean over the times that training draws.
    """
    check_one_of("modalities of the flow", flow.modalities, (pairs.modalities,))
    symmetry = settings.symmetry or ("half_turn" if flow.modalities[0].is_image else "dihedral")
    check_one_of("symmetry", symmetry, ("half_turn", "dihedral"))
    made_with = provenance("flow", seed, pairs.digest, train, settings, flow) | {"precision": flow.precision}
    device, size = flow.device, pairs.modalities[1].shape[0]
    scattering, micrographs = pairs.measured
    seen = micrographs.crops(np.repeat(train, CROPS), size, rng_for(seed, "flow statistics"))[:, 0] > 0.5
    targets = morphology_components(seen.reshape(len(train), CROPS, size, size), flow.architecture.components)
    condition = flow.regression.learn(conditioning(scattering, train, rng_for(seed, "flow condition")), targets)
    condition = condition.to(device)
    average = UNet(flow.architecture).to(device)
    average.load_state_dict(flow.net.state_dict())
    optimizer = torch.optim.AdamW(
        flow.net.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )

    held = nn.ModuleDict({"net": flow.net, "average": average})
    history = History()
    flow.train()
    for round_, means in remaining_epochs(history, held, optimizer, settings.rounds, made_with, partial, "flow"):
        rng = rng_for(seed, "flow", round_)
        for step in range(round_ * settings.steps_per_round, (round_ + 1) * settings.steps_per_round):
            drawn = rng.choice(len(train), settings.batch_size)
            crops = micrographs.crops(np.asarray(train)[drawn], size, rng)
            mask = torch.from_numpy(turned(crops, symmetry, rng)).to(device)
            logit = settings.time_mean + settings.time_scale * rng.standard_normal(len(drawn))
            time = torch.from_numpy((1 / (1 + np.exp(-logit))).astype(np.float32)).to(device)
            given = condition[torch.from_numpy(drawn).to(device)]
            given = given + settings.condition_noise * standard_normal(rng, given)
            kept = torch.from_numpy(rng.random(len(drawn)) >= settings.condition_dropout).to(device)
            logits = flow(noised(mask, standard_normal(rng, mask), time), time, given * kept[:, None])
            loss = reconstruction_loss(logits, mask, "bernoulli")  # PairVAE's own, at t = 0
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * pace(step, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(flow.net.parameters(), settings.clip)
            optimizer.step()
            memory = min(settings.averaging, (1 + step) / (10 + step))  # the initial weights are soon forgotten
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), flow.net.parameters(), strict=True):
                    mean.lerp_(weight, 1 - memory)
            means.add({CROSS_ENTROPY: loss.cpu()})
    flow.net.load_state_dict(average.state_dict())
    flow.eval()
    return history


def load_or_train_flow(
    pairs: PreparedPairs, train: tuple[int, ...], chosen: Flow, precision: Precision, seed: int, file: Path
) -> tuple[ConditionalFlow, History]:
    """A trained flow with its history: read from `file`, or trained and written there.

    With no more components of the statistics than the training samples can have. ValueError if the file was made with
    other settings.
    """
    chosen, settings = _for_samples(chosen, len(train)), chosen.training
    flow = fresh_flow(*pairs.modalities, chosen.architecture, len(train), seed)
    device = training_device(precision)
    made_with = provenance("flow", seed, pairs.digest, train, settings, flow)
    made_with |= {"architecture": asdict(chosen.architecture), "precision": resolved(precision, device)}
    if file.exists():
        content = load_checkpoint(file, made_with)
        flow.load_state_dict(content["flow"])
        return flow.eval(), History(content["history"])
    partial = file.with_suffix(".partial")
    flow.precision = resolved(precision, device)
    flow.to(device)
    history = train_flow(flow, pairs, train, settings, seed, partial)
    flow.precision = "fp32"
    flow.to(CPU)
    save_checkpoint(file, made_with, {"flow": flow.state_dict(), "history": history.losses})
    partial.unlink(missing_ok=True)
    return flow, history


def flow_seconds(pairs: PreparedPairs, train: tuple[int, ...], chosen: Flow, precision: Precision, seed: int) -> float:
    """About how long the training of a flow will take on this processor, from a few timed steps of a fresh one."""
    chosen = _for_samples(chosen, len(train))

    def steps(count: int) -> None:
        flow = fresh_flow(*pairs.modalities, chosen.architecture, len(train), seed)
        flow.precision = training_precision(precision)
        flow.to(training_device(precision))
        train_flow(flow, pairs, train, replace(chosen.training, rounds=count, steps_per_round=1), seed)

    return chosen.training.steps * seconds_per_epoch(steps)


def _for_samples(chosen: Flow, count: int) -> Flow:
    """A flow with fewer components where so many training samples have no more: about their mean there are one less."""
    components = max(min(chosen.architecture.components, count - 1), 1)
    return replace(chosen, architecture=replace(chosen.architecture, components=components))


def pace(step: int, settings: FlowTraining) -> float:
    """Learning rate of a step as a share of the largest: a linear rise, then a cosine down to 0."""
    rise = min(1.0, (step + 1) / max(settings.warm_up, 1))
    return rise * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def turned(crops: np.ndarray, symmetry: str, rng: np.random.Generator) -> np.ndarray:
    """Each crop (n, 1, size, size) turned by a random element of the symmetry group."""
    turns = rng.integers(4, size=len(crops)) if symmetry == "dihedral" else 2 * rng.integers(2, size=len(crops))
    mirrored = rng.integers(2, size=len(crops)) * (symmetry == "dihedral")
    return np.stack([
        np.rot90(crop[:, :, ::-1] if mirror else crop, turn, axes=(1, 2))
        for crop, turn, mirror in zip(crops, turns, mirrored, strict=True)
    ])


@torch.no_grad()
def denoising_loss(
    flow: ConditionalFlow, crops: np.ndarray, scattering: np.ndarray, time: float, rng: np.random.Generator
) -> np.ndarray:
    """How well the flow tells masks from noise at one time: a cheap test that it uses the scattering.

    Parameters
    ----------
    crops : float32 ndarray of shape (n, 1, size, size)
        True masks, 0 and 1.
    scattering : float32 ndarray of shape (n, 1, *shape), or (n, crops, *shape) of micrographs
        Their scattering; that of other samples shows what the scattering is worth.
    time : float
        From 0, where only the scattering tells anything, to 1.

    Returns
    -------
    ndarray of shape (n,)
        Cross-entropy [nats per pixel]; ln 2 for one who knows nothing.
    """
    mask: Tensor = torch.from_numpy(crops)
    times = torch.full((len(mask),), time)
    logits = flow(noised(mask, standard_normal(rng, mask), times), times, flow.condition(torch.from_numpy(scattering)))
    return F.binary_cross_entropy_with_logits(logits, mask, reduction="none").mean(dim=(1, 2, 3)).numpy()
