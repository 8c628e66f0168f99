"""Ensembles of micrographs drawn around the latent of one measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pairvae_lib.checks import check_positive
from pairvae_lib.files import replacing
from pairvae_lib.model import PairVAE

PART = 64  # latents decoded at once, which bounds the memory


def latent_means(model: PairVAE, x: np.ndarray, source: str) -> Tensor:
    """Posterior means of measurements.

    Parameters
    ----------
    model : PairVAE
    x : float32 ndarray of shape (n, 1, ...)
    source : str
        Modality of `x`.

    Returns
    -------
    Tensor of shape (n, C, h, w)
    """
    with torch.inference_mode():
        return torch.cat([model.vae(source).encode(part).latent_mean for part in torch.from_numpy(x).split(PART)])


def ensemble(
    model: PairVAE,
    centre: Tensor,
    variance: Tensor,
    target: str,
    n: int,
    rng: np.random.Generator,
    variance_scale: float = 1.0,
) -> np.ndarray:
    """Measurements decoded from latents drawn around one.

    Parameters
    ----------
    model : PairVAE
    centre : Tensor of shape (C, h, w)
        Mean of the normal distribution: the encoded scattering of the example.
    variance : Tensor of shape (C, h, w)
        Its variance: in the paper, that of the latents of the whole scattering set.
    target : str
        Modality to decode.
    n : int
        Number of draws.
    rng : numpy Generator
    variance_scale : float
        Factor on the variance; below and above 1 in the paper's Figs. S7 and S8.

    Returns
    -------
    ndarray of shape (n, ...)
        Boolean masks (bernoulli) or intensities (gaussian).

    Raises
    ------
    ValueError
        If `n` or `variance_scale` is not above 0, or the shapes differ.

    Notes
    -----
    Source: paper, Fig. 7.
    """
    check_positive("n", n)
    check_positive("variance_scale", variance_scale)
    if centre.shape != variance.shape:
        raise ValueError(f"variance must have the centre's shape {tuple(centre.shape)}; got {tuple(variance.shape)}")
    noise = torch.from_numpy(rng.standard_normal((n, *centre.shape), dtype=np.float32))
    latents = centre + (variance_scale * variance).sqrt() * noise
    vae = model.vae(target)
    with torch.inference_mode():
        shown = torch.cat([vae.shown(vae.decode(part)) for part in latents.split(PART)])
    return shown[:, 0].numpy()


def save_ensembles(
    path: Path, labels: Sequence[str], reconstruction: np.ndarray, drawn: Mapping[str, np.ndarray]
) -> None:
    """Write ensembles to one .npz file, atomically.

    Parameters
    ----------
    path : Path
    labels : sequence of str, length m
        Morphologies.
    reconstruction : bool ndarray of shape (m, height, width)
    drawn : mapping of str to bool ndarray of shape (m, n, height, width)
        By the factor on the variance.
    """
    arrays = {f"drawn {label}": stack for label, stack in drawn.items()}
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, labels=np.array(labels), reconstruction=reconstruction, **arrays)
