"""Ensembles of micrographs drawn around the latent of one measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pairvae_lib.checks import check_positive
from pairvae_lib.latents import decoded
from pairvae_lib.model import PairVAE
from pairvae_lib.morphology import two_point_correlation

SHOWN = 5  # members of an ensemble that are kept as pictures; paper, Fig. 7A


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

    Notes
    -----
    Source: paper, Fig. 7.
    """
    check_positive("n", n)
    check_positive("variance_scale", variance_scale)
    if centre.shape != variance.shape:
        raise ValueError(f"variance must have the centre's shape {tuple(centre.shape)}; got {tuple(variance.shape)}")
    noise = torch.from_numpy(rng.standard_normal((n, *centre.shape), dtype=np.float32))
    return decoded(model.vae(target), centre + (variance_scale * variance).sqrt() * noise)


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
