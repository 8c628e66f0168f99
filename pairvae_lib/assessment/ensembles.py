"""Ways from scattering to an ensemble of masks: by models, and by crops of micrographs that are there.

What is drawn is a boolean array of shape (queries, masks, size, size), size being that of the training crops unless
said otherwise. The first functions draw from a generator that they are given. The last ones give `Ensembles`, alike
from outside, so that every application takes any of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pairvae_lib.assessment.baselines import nearest_neighbours
from pairvae_lib.checks import check_one_of, check_positive, check_shape
from pairvae_lib.data.pairs import Indices, PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.latents import decoded, in_parts, posterior
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import PairVAE

STEPS = 16  # of a flow's integration; 8 nearly match 50

Masks = NDArray[np.bool_]
# Scattering of shape (m, 1, ...), as a model sees it, and a number n to masks of shape (m, n, height, width); the same
# arguments give the same masks.
Ensembles = Callable[[NDArray[np.float32], int], Masks]


def crops_of(pairs: PreparedPairs, sources: np.ndarray, rng: np.random.Generator) -> Masks:
    """One random crop of each micrograph named by index, (queries, masks): bool (queries, masks, size, size)."""
    check_one_of("kind of the second technique", pairs.modalities[1].kind, ("mask",))
    size = pairs.modalities[1].shape[0]
    return (pairs.measured[1].crops(sources.ravel(), size, rng) > 0.5).reshape(*sources.shape, size, size)


def own_crops(pairs: PreparedPairs, samples: Indices, count: int, rng: np.random.Generator) -> Masks:
    """Several random crops of each sample's own micrograph: the truth, and what a perfect answer scores."""
    check_positive("n", count)
    return crops_of(pairs, np.repeat(np.asarray(samples, dtype=int)[:, np.newaxis], count, axis=1), rng)


def neighbours_answer(
    pairs: PreparedPairs, split: Split, k: int, count: int, rng: np.random.Generator, features: NDArray | None = None
) -> Masks:
    """Crops of the `k` training samples with the most similar scattering, or features (n, ...), in turns."""
    nearest = nearest_neighbours(pairs.scattering if features is None else features, split.train, split.held_out, k)
    return crops_of(pairs, nearest[:, np.arange(count) % k], rng)


def pairvae_answer(
    model: PairVAE, x: NDArray[np.float32], source: str, target: str, count: int, rng: np.random.Generator
) -> NDArray:
    """What a PairVAE decodes from samples of the posterior: (m, 1, ...) of the source to (m, count, ...) of the target.

    Of scattering as the target they are intensities.
    """
    encoded = posterior(model.vae(source), x)
    noise = rng.standard_normal((len(x), count, *model.vae(source).latent_shape), dtype=np.float32)
    latents = encoded.latent_mean[:, None] + encoded.latent_scale[:, None] * torch.from_numpy(noise)
    return decoded(model.vae(target), latents)


def flow_answer(
    flow: ConditionalFlow, scattering: np.ndarray, count: int, size: int, rng: np.random.Generator, steps: int = STEPS
) -> Masks:
    """Ensembles that a flow draws, of sides `size` [px]; scattering of shape (queries, channels, *shape)."""
    return repeated(scattering, count, lambda x: flow.sample(x, size, rng, steps))


def decoded_ensembles(model: PairVAE, pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """The paper's way (Fig. 7): latents drawn around that of the pattern, decoded.

    The variance of a drawn latent is that of the training samples'; the paper takes the whole set. A single draw is the
    reconstruction itself, which is decoded from the posterior mean.
    """
    source, target = (modality.name for modality in pairs.modalities)
    seen = posterior(model.vae(source), pairs.scattering[list(train)]).latent_mean
    deviation = seen.std(dim=0, correction=0)  # (C, h, w)

    def drawn(scattering: NDArray[np.float32], n: int) -> Masks:
        check_positive("n", n)
        centres = posterior(model.vae(source), scattering).latent_mean[:, None]  # (m, 1, C, h, w)
        rng = rng_for(seed, "drawn ensembles")
        noise = torch.from_numpy(rng.standard_normal((len(centres), n, *deviation.shape), dtype=np.float32))
        return decoded(model.vae(target), centres if n == 1 else centres + deviation * noise)

    return drawn


def flow_ensembles(flow: ConditionalFlow, seed: int, steps: int = STEPS) -> Ensembles:
    """Another model than the paper's: masks that a conditional flow makes of noise, as the scattering tells it.

    The time for an ensemble is proportional to the steps of the integration.
    """
    check_positive("steps", steps)

    def drawn(scattering: NDArray[np.float32], n: int) -> Masks:
        check_positive("n", n)
        return flow_answer(flow, scattering, n, flow.modalities[1].shape[0], rng_for(seed, "flow ensembles"), steps)

    return drawn


def nearest_ensembles(pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """A lookup: random crops of the micrograph of the training sample whose scattering is nearest.

    What any model has to beat: micrographs that are real, of a sample that is another.
    """
    known = pairs.scattering[list(train)]

    def drawn(scattering: NDArray[np.float32], n: int) -> Masks:
        check_shape("scattering", scattering, ("samples", *known.shape[1:]))
        everything = np.concatenate([known, scattering])
        nearest = nearest_neighbours(everything, range(len(known)), range(len(known), len(everything)))[:, 0]
        return own_crops(pairs, np.asarray(train)[nearest], n, rng_for(seed, "nearest ensembles"))

    return drawn


def random_ensembles(pairs: PreparedPairs, train: Indices, seed: int) -> Ensembles:
    """A guess: every micrograph is a random crop of a random training sample, whatever the scattering.

    What is right about these is no merit of the scattering.
    """

    def drawn(scattering: NDArray[np.float32], n: int) -> Masks:
        check_positive("n", n)
        rng = rng_for(seed, "random ensembles")
        return crops_of(pairs, rng.choice(np.asarray(train), size=(len(scattering), n)), rng)

    return drawn


def true_ensembles(pairs: PreparedPairs, indices: Indices, n: int, seed: int) -> Masks:
    """Random crops of the samples' own micrographs, (m, n, size, size), in the order of the m indices."""
    return own_crops(pairs, indices, n, rng_for(seed, "true ensembles"))


def repeated(scattering: np.ndarray, count: int, drawn: Callable[[Tensor], Tensor]) -> Masks:
    """`count` masks for each query."""
    queries, known = np.repeat(np.arange(len(scattering)), count), torch.from_numpy(scattering)
    masks = in_parts(lambda chosen: drawn(known[chosen]), torch.from_numpy(queries))
    return masks.reshape(len(scattering), count, *masks.shape[1:])
