"""Ways from scattering to an ensemble of micrographs, alike from outside, so that every application takes any of them.

A way is called with scattering of m samples, as the model sees it, and with how many micrographs to draw for each. A
model is one such way; a lookup of the nearest training sample is another, which needs no network.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pairvae_lib.answers import flow_answer
from pairvae_lib.baselines import nearest_neighbours
from pairvae_lib.checks import check_positive, check_shape
from pairvae_lib.fitting import generator
from pairvae_lib.flow import ConditionalFlow
from pairvae_lib.latents import posterior
from pairvae_lib.model import PairVAE
from pairvae_lib.pairs import Indices, PreparedPairs

PART = 64  # latents decoded at once, which bounds the memory


class Ensembles(Protocol):
    """A way from scattering to micrographs.

    It takes scattering of shape (m, 1, ...), values in [0, 1], and a number n; and returns masks of shape
    (m, n, height, width). The same arguments give the same masks.
    """

    def __call__(self, scattering: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        """Masks of shape (m, n, height, width)."""
        ...


def decoded_ensembles(model: PairVAE, pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """The paper's way: latents drawn around that of the pattern, decoded.

    Parameters
    ----------
    model : PairVAE
        Trained.
    pairs : PreparedPairs
    train : sequence of int
        The training samples; the variance of a drawn latent is that of theirs. The paper takes the whole set.
    seed : int

    Returns
    -------
    Ensembles

    Source
    ------
    Paper, Fig. 7. A single draw (n = 1) is the reconstruction itself, which is decoded from the posterior mean.
    """
    source, target = (modality.name for modality in pairs.modalities)
    seen = posterior(model.vae(source), pairs.scattering[list(train)]).latent_mean
    deviation = seen.std(dim=0, correction=0)  # (C, h, w)

    def drawn(scattering: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        check_positive("n", n)
        centres = posterior(model.vae(source), scattering).latent_mean[:, None]  # (m, 1, C, h, w)
        rng = generator(seed, "drawn ensembles")
        noise = torch.from_numpy(rng.standard_normal((len(centres), n, *deviation.shape), dtype=np.float32))
        latents = centres if n == 1 else centres + deviation * noise
        vae = model.vae(target)
        with torch.inference_mode():
            masks = torch.cat([vae.shown(vae.decode(part)) for part in latents.flatten(0, 1).split(PART)])[:, 0].numpy()
        return masks.reshape(len(scattering), n, *masks.shape[1:])

    return drawn


def flow_ensembles(flow: ConditionalFlow, seed: int, steps: int = 16) -> Ensembles:
    """Another model than the paper's: masks that a conditional flow makes of noise, as the scattering tells it.

    Parameters
    ----------
    flow : ConditionalFlow
        Trained.
    seed : int
        Of the noise.
    steps : int
        Of the integration: the time for an ensemble is proportional to it.

    Returns
    -------
    Ensembles

    Raises
    ------
    ValueError
        If `steps` is not above 0.
    """
    check_positive("steps", steps)
    size = flow.modalities[1].shape[0]

    def drawn(scattering: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        check_positive("n", n)
        return flow_answer(flow, scattering, n, size, generator(seed, "flow ensembles"), steps)

    return drawn


def nearest_ensembles(pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """A lookup: random crops of the micrograph of the training sample whose scattering is nearest.

    Parameters
    ----------
    pairs : PreparedPairs
    train : sequence of int
        Where to look.
    seed : int
        Of the crops.

    Returns
    -------
    Ensembles
        What any model has to beat: micrographs that are real, of a sample that is another.
    """
    known = pairs.scattering[list(train)]

    def drawn(scattering: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        check_shape("scattering", scattering, ("samples", *known.shape[1:]))
        everything = np.concatenate([known, scattering])
        query = range(len(known), len(everything))
        nearest = nearest_neighbours(everything, range(len(known)), query)[:, 0]
        return _crops(pairs, np.asarray(train)[nearest], n, generator(seed, "nearest ensembles"))

    return drawn


def random_ensembles(pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """A guess: every micrograph is a random crop of a random training sample, whatever the scattering.

    Parameters
    ----------
    pairs : PreparedPairs
    train : sequence of int
    seed : int

    Returns
    -------
    Ensembles
        What is right about these is no merit of the scattering.
    """

    def drawn(scattering: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        check_positive("n", n)
        rng = generator(seed, "random ensembles")
        members = rng.choice(np.asarray(train), size=len(scattering) * n)
        masks = _crops(pairs, members, 1, rng)
        return masks.reshape(len(scattering), n, *masks.shape[2:])

    return drawn


def true_ensembles(pairs: PreparedPairs, indices: Indices, n: int, seed: int) -> NDArray[np.bool_]:
    """Random crops of the samples' own micrographs.

    Parameters
    ----------
    pairs : PreparedPairs
    indices : sequence of int, length m
        Which samples.
    n : int
        Crops of each.
    seed : int

    Returns
    -------
    bool ndarray of shape (m, n, size, size)
    """
    return _crops(pairs, indices, n, generator(seed, "true ensembles"))


def _crops(pairs: PreparedPairs, indices: Indices, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Several random crops of each micrograph, (m, n, size, size)."""
    check_positive("n", n)
    size = pairs.modalities[1].shape[0]
    crops = pairs.crops(np.repeat(np.asarray(indices, dtype=int), n), size, rng) > 0.5
    return crops.reshape(len(indices), n, size, size)
