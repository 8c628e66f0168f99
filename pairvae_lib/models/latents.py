"""Latents of measurements: where they lie, how clustered and how wide, and what is decoded from ensembles of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from pairvae_lib.checks import check_finite, check_positive
from pairvae_lib.models.pairvae import VAE, PairVAE, Posterior
from pairvae_lib.morphology.masks import two_point_correlation

PART = 64  # measurements at a time, which bounds the memory
SHOWN = 5  # members of an ensemble that are kept as pictures; paper, Fig. 7A


def posterior(vae: VAE, x: np.ndarray) -> Posterior:
    """Posterior of measurements, float32 of shape (n, 1, ...), in parts: mean and scale, each of shape (n, C, h, w)."""
    with torch.inference_mode():
        parts = [vae.encode(part) for part in torch.from_numpy(x).split(PART)]
    return Posterior(*(torch.cat(values) for values in zip(*parts, strict=True)))


def decoded(vae: VAE, latents: Tensor) -> np.ndarray:
    """What latents decode to, as it is shown, in parts.

    Latents of shape (..., C, h, w) give an ndarray of shape (..., *vae.modality.shape): boolean masks (bernoulli), or
    intensities in [0, 1] (gaussian).
    """
    shown = in_parts(lambda part: vae.mode(vae.decode(part)), latents.flatten(0, max(latents.ndim - 4, 0)))
    return shown.reshape(*latents.shape[:-3], *shown.shape[1:])


def in_parts(route: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    """What a route gives of its input, (B, 1, ...), a part at a time; the channel is dropped."""
    with torch.inference_mode():
        return torch.cat([route(part) for part in x.split(PART)])[:, 0].numpy()


def latents_of(
    solo: Mapping[str, VAE], model: PairVAE, measurements: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Posterior means before and after pair training, flattened: ndarrays of shape (n, C h w).

    `measurements` have shape (n, 1, ...). Keys are "solo saxs", "solo sem", "pair saxs", "pair sem", with the names of
    the modalities.
    """
    vaes = {f"solo {name}": solo[name] for name in model.names}
    vaes |= {f"pair {name}": model.vae(name) for name in model.names}
    return {
        label: posterior(vae, measurements[label.split(" ", 1)[1]]).latent_mean.flatten(1).numpy()
        for label, vae in vaes.items()
    }


def principal_components(latents: np.ndarray, components: int = 2) -> np.ndarray:
    """Coordinates of latents (n, features) along the directions of largest variance: (n, components).

    About their mean; of each component the entry of largest size is positive, so that the picture is reproducible.
    """
    coordinates, _ = _principal(latents, components)
    return coordinates


def principal_directions(latents: np.ndarray, components: int) -> np.ndarray:
    """Directions of largest variance of latents (n, features), in order and sign as `principal_components` has them.

    Returns (components, features): each is as long as the standard deviation of the latents along it. Between n latents
    there are at most n - 1.
    """
    most = min(len(latents) - 1, latents.shape[1])
    if not 1 <= components <= most:
        raise ValueError(f"components must lie between 1 and {most} for latents of {latents.shape}; got {components!r}")
    coordinates, directions = _principal(latents, components)
    return directions * coordinates.std(axis=0)[:, np.newaxis]


def latent_statistics(latents: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """How clustered latents (n, features) are, in how many directions they spread, and how widely.

    Parameters
    ----------
    latents : ndarray of shape (n, features)
    labels : sequence of str, length n
        Morphologies.

    Returns
    -------
    dict
        "between_classes": share of the variance that lies between the classes' means, 0 to 1. "effective_dimension":
        participation ratio of the covariance's eigenvalues, from 1 to n - 1. "spread": root mean square over the
        features of the standard deviation over the samples, in that of the prior. The paper explains its trade-off by
        latents that get more or less clustered, without a number; these are ours.
    """
    if len(labels) != len(latents):
        raise ValueError(f"labels must be {len(latents)} as the latents; got {len(labels)}")
    centred = _centred(latents)
    names, member = np.unique(np.asarray(labels), return_inverse=True)
    means = np.stack([centred[member == index].mean(axis=0) for index in range(len(names))])
    total = float(np.square(centred).sum())
    eigenvalues = np.linalg.svd(centred, compute_uv=False) ** 2
    return {
        "between_classes": float(np.square(means[member]).sum()) / total,
        "effective_dimension": float(eigenvalues.sum() ** 2 / np.square(eigenvalues).sum()),
        "spread": float(np.sqrt(total / centred.size)),
    }


def correlation_spread(
    model: PairVAE, x: np.ndarray, source: str, target: str, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """How far apart the micrographs are that one measurement decodes to, over samples of its posterior.

    For measurements `x` of shape (n, 1, ...), the standard deviation of S2(r) over the samples, averaged over r: (n,).
    """
    encoded = posterior(model.vae(source), x)
    drawn: list[np.ndarray] = []
    for _ in range(samples):
        noise = torch.from_numpy(rng.standard_normal(encoded.latent_mean.shape, dtype=np.float32))
        drawn.append(two_point_correlation(decoded(model.vae(target), encoded.sample(noise)))[1])
    return np.std(drawn, axis=0).mean(axis=-1)


def ensemble(
    model: PairVAE, centre: Tensor, variance: Tensor, target: str, n: int, rng: np.random.Generator,
    variance_scale: float = 1.0,
) -> np.ndarray:
    """Measurements decoded from latents drawn around one (paper, Fig. 7).

    Parameters
    ----------
    centre : Tensor of shape (C, h, w)
        Mean of the normal distribution: the encoded scattering of the example.
    variance : Tensor of shape (C, h, w)
        Its variance: in the paper, that of the latents of the whole scattering set.
    variance_scale : float
        Factor on the variance; below and above 1 in the paper's Figs. S7 and S8.

    Returns
    -------
    ndarray of shape (n, ...)
        Boolean masks (bernoulli) or intensities (gaussian) of `target`.
    """
    check_positive("n", n)
    check_positive("variance_scale", variance_scale)
    if centre.shape != variance.shape:
        raise ValueError(f"variance must have the centre's shape {tuple(centre.shape)}; got {tuple(variance.shape)}")
    noise = torch.from_numpy(rng.standard_normal((n, *centre.shape), dtype=np.float32))
    deviation = (variance_scale * variance).rsqrt().reciprocal()  # torch's sqrt rounds differently on other processors
    return decoded(model.vae(target), centre + deviation * noise)


def ensemble_results(
    labels: Sequence[str], true: np.ndarray, reconstruction: np.ndarray, drawn: Mapping[float, np.ndarray]
) -> dict[str, np.ndarray]:
    """What is kept of ensembles: their statistics, and the first few members.

    Parameters
    ----------
    labels : sequence of str, length m
        Morphologies.
    true, reconstruction : bool ndarray of shape (m, height, width)
        A crop of each example's micrograph, and what its scattering decodes to.
    drawn : mapping of float to bool ndarray of shape (m, n, height, width)
        By the factor on the variance.

    Returns
    -------
    dict of str to ndarray
        "labels", "variances", "r" [px], "true", "reconstruction", "S2 true", "S2 reconstruction" (m, R), and for each
        factor, e.g. 0.1: "S2 mean 0.1" and "S2 sd 0.1" (m, R); "distance 0.1" (m, n), mean absolute difference between
        the S2 of a member and of the reconstruction; "drawn 0.1" (m, SHOWN, height, width).
    """
    r, s2_true = two_point_correlation(true)
    _, s2_rebuilt = two_point_correlation(reconstruction)
    found: dict[str, np.ndarray] = {
        "labels": np.array(labels), "variances": np.array(list(drawn), dtype=float), "r": r,
        "true": true, "reconstruction": reconstruction, "S2 true": s2_true, "S2 reconstruction": s2_rebuilt,
    }
    for factor, masks in drawn.items():
        _, s2 = two_point_correlation(masks)
        found |= {
            f"S2 mean {factor:g}": s2.mean(axis=1),
            f"S2 sd {factor:g}": s2.std(axis=1),
            f"distance {factor:g}": np.abs(s2 - s2_rebuilt[:, np.newaxis]).mean(axis=-1),
            f"drawn {factor:g}": masks[:, :SHOWN],
        }
    return found


def _principal(latents: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, components), and the directions of unit length (components, features) that they are along."""
    found = PCA(min(components, *latents.shape), svd_solver="full")
    coordinates = found.fit_transform(_centred(latents))
    sign = np.where(coordinates.max(axis=0) < -coordinates.min(axis=0), -1, 1)
    return coordinates * sign, found.components_ * sign[:, np.newaxis]


def _centred(latents: np.ndarray) -> np.ndarray:
    """Latents about their mean, in double precision."""
    check_finite("latents", latents)
    return latents.astype(np.float64) - latents.mean(axis=0, dtype=np.float64)
