"""Barlow Twins pretraining of a backbone that is then frozen."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pairvae_lib.config import BarlowPretraining
from pairvae_lib.fitting import History, fit, generator, optimise, provenance, standard_normal
from pairvae_lib.layers import ConvolutionalBackbone
from pairvae_lib.losses import barlow_twins_loss
from pairvae_lib.pairs import PreparedPairs


def pretrain_barlow(
    backbone: ConvolutionalBackbone,
    pairs: PreparedPairs,
    train: tuple[int, ...],
    settings: BarlowPretraining,
    seed: int,
    partial: Path | None = None,
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

    def run_step(step: int) -> dict[str, float]:
        rng = generator(seed, "barlow", step)
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
        return {"barlow": float(loss.detach())}

    network.train()
    made_with = provenance("barlow", seed, pairs.digest, train, settings, network)
    history = fit(network, optimizer, run_step, settings.steps, made_with, partial, "barlow pretraining")
    network.eval()
    return history
