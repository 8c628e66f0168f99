"""Loss terms of solo and pair training. All are means over the batch.

Source: Kingma and Welling 2013 (negative ELBO); Zbontar et al. 2021 (Barlow Twins) in the form of the paper's public
notebooks, which take means where the official form sums.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Likelihood

# A latent that is constant over a batch of 8 would divide by zero (the original has no such guard).
STANDARDISATION_EPS = 1e-6


def kl_divergence(latent_mean: Tensor, latent_scale: Tensor) -> Tensor:
    """KL divergence of N(mean, scale^2) from N(0, 1) in nats, summed over the latents of a sample.

    Parameters
    ----------
    latent_mean, latent_scale : Tensor of shape (batch, ...)
        Scale is a standard deviation, above 0.

    Returns
    -------
    Tensor of shape ()
        Mean over the batch. In closed form; the original estimates it from the one sample that it decodes, which has
        the same expectation and more noise.
    """
    kl = 0.5 * (latent_mean.square() + latent_scale.square() - 1) - latent_scale.log()
    return kl.flatten(1).sum(1).mean()


def reconstruction_loss(decoded: Tensor, target: Tensor, likelihood: Likelihood) -> Tensor:
    """Mean loss per pixel of what a decoder returns against the measurement.

    Parameters
    ----------
    decoded : Tensor of shape (batch, 1, ...)
        Logits for "bernoulli", intensities for "gaussian".
    target : Tensor of the same shape
        0 or 1 for "bernoulli", intensities in [0, 1] for "gaussian".
    likelihood : "bernoulli" or "gaussian"

    Returns
    -------
    Tensor of shape ()
        Negative log likelihood [nats per pixel], or mean squared error.
    """
    if decoded.shape != target.shape:
        raise ValueError(f"target must have the decoded shape {tuple(decoded.shape)}; got {tuple(target.shape)}")
    check_one_of("likelihood", likelihood, ("bernoulli", "gaussian"))
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(decoded, target)
    return F.mse_loss(decoded, target)


def negative_elbo(reconstruction: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Objective of solo training: reconstruction + beta * kl, beta in units of loss per nat."""
    return reconstruction + beta * kl


def cross_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Cross-correlation over the batch of two latents, flattened and standardised.

    Parameters
    ----------
    first, second : Tensor of shape (batch, ...)

    Returns
    -------
    Tensor of shape (latents, latents)
    """
    if first.shape != second.shape:
        raise ValueError(f"second latent must have the first's shape {tuple(first.shape)}; got {tuple(second.shape)}")
    if len(first) < 2:
        raise ValueError(f"latents must hold at least 2 samples to be standardised over the batch; got {len(first)}")
    standardised = []
    for latent in (first.flatten(1), second.flatten(1)):
        centred = latent - latent.mean(0)
        standardised.append(centred * (centred.square().mean(0) + STANDARDISATION_EPS**2).rsqrt())  # sqrt is inexact
    return standardised[0].T @ standardised[1] / len(first)


def barlow_twins_loss(first: Tensor, second: Tensor, redundancy_weight: float) -> Tensor:
    """Alignment of two latents: invariance + redundancy_weight * redundancy.

    Parameters
    ----------
    first, second : Tensor of shape (batch, ...)
        Latents of the same samples from two modalities.
    redundancy_weight : float
        Weight of the off-diagonal term.

    Returns
    -------
    Tensor of shape ()
        invariance = mean over the diagonal of (1 - C_ii)^2; redundancy = mean over the off-diagonal of C_ij^2. Means,
        as in the public notebooks: against the official sums the redundancy weighs (latents - 1) times less.
    """
    correlation = cross_correlation(first, second)
    size = len(correlation)
    diagonal = correlation.diagonal()
    invariance = (1 - diagonal).square().mean()
    redundancy = (correlation.square().sum() - diagonal.square().sum()) / (size * (size - 1))
    return invariance + redundancy_weight * redundancy
