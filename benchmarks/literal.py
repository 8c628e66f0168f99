"""The original's computations written out literally: the reference for equality and for speed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pairvae_lib.config import PairTraining
from pairvae_lib.models.pairvae import (
    Decoder,
    DoublingConvolution,
    PairVAE,
    Posterior,
    barlow_twins_loss,
    reconstruction_loss,
    route_name,
)
from pairvae_lib.models.training import loss_weights


class LiteralOutput(nn.Module):
    """Output layer of the original's SEM decoder: a linear layer of `channels` outputs, and their mean."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        self.layer = DoublingConvolution(channels, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, 1, 2 height, 2 width)."""
        return self.layer(x).mean(1, keepdim=True)

    @property
    def collapsed_weight(self) -> Tensor:
        """Mean kernel, (channels, 1, kernel, kernel)."""
        return self.layer.weight.mean(1, keepdim=True)

    @property
    def collapsed_bias(self) -> Tensor:
        """Mean bias, (1,)."""
        return self.layer.bias.mean(0, keepdim=True)


def make_literal(decoder: Decoder) -> None:
    """Replace, in place, sub-pixel forms by transposed convolutions, and a collapsed output by the layer it stands for.

    The new output layer's kernels are drawn; a collapsed layer that is given their mean (`collapsed_weight`,
    `collapsed_bias`) computes the same function.
    """
    for module in decoder.modules():
        if isinstance(module, DoublingConvolution):
            module.form = "transposed"
    if decoder.likelihood == "bernoulli":
        old = decoder.output
        decoder.output = LiteralOutput(old.weight.shape[0], old.kernel).to(old.weight.dtype)


def literal_pair_losses(
    model: PairVAE,
    measurements: dict[str, Tensor],
    noises: dict[str, Tensor],
    settings: PairTraining,
) -> Tensor:
    """Weighted total of one pair step: every encoder and decoder called once per route, nothing cached."""
    weights = loss_weights(model, settings)
    total = torch.zeros((), dtype=next(iter(noises.values())).dtype)
    latents = {}
    for name in model.names:
        encoder = model.vae(name).encoder
        features = encoder.backbone(measurements[name])
        posterior: Posterior = encoder.posterior(features if encoder.frozen else measurements[name])
        latents[name] = posterior.sample(noises[name])
    total = total + weights["barlow"] * barlow_twins_loss(*latents.values(), settings.redundancy_weight)
    for source, target in model.routes:
        vae = model.vae(target)
        decoded = vae.decode(latents[source])
        loss = reconstruction_loss(decoded, measurements[target], vae.modality.likelihood)
        total = total + weights[route_name(source, target)] * loss
    return total


def literal_kl(latent: Tensor, posterior: Posterior) -> Tensor:
    """KL divergence from one sample, summed over the latents, mean over the batch."""
    inside = torch.distributions.Normal(*posterior).log_prob(latent)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(latent)
    return (inside - prior).flatten(1).sum(1).mean()
