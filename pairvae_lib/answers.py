"""Ensembles of masks that answer for held-out scattering: by models, and by crops of micrographs that are there.

Every answer is a boolean array of shape (queries, masks, size, size), size being that of the training crops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from pairvae_lib.baselines import nearest_neighbours
from pairvae_lib.fitting import standard_normal
from pairvae_lib.flow import ConditionalFlow
from pairvae_lib.model import PairVAE
from pairvae_lib.pairs import PreparedPairs
from pairvae_lib.peers import Peer
from pairvae_lib.splits import Split

PART = 64  # masks at a time, which bounds the memory
STEPS = 16  # of a flow's integration; 8 nearly match 50


def crops_of(pairs: PreparedPairs, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One random crop of each micrograph that is named.

    Parameters
    ----------
    pairs : PreparedPairs
    sources : int ndarray of shape (queries, masks)
        Sample indices.
    rng : numpy.random.Generator

    Returns
    -------
    bool ndarray of shape (queries, masks, size, size)
    """
    size = pairs.modalities[1].shape[0]
    return (pairs.crops(sources.ravel(), size, rng) > 0.5).reshape(*sources.shape, size, size)


def neighbours_answer(
    pairs: PreparedPairs, split: Split, k: int, count: int, rng: np.random.Generator, components: int = 8
) -> np.ndarray:
    """Crops of the `k` training samples with the most similar scattering, in turns.

    Parameters
    ----------
    pairs, split
    k : int
    count : int
        Masks per query.
    rng : numpy.random.Generator
    components : int
        See `baselines.nearest_neighbours`.
    """
    nearest = nearest_neighbours(pairs.scattering, split.train, split.held_out, k, components)
    return crops_of(pairs, nearest[:, np.arange(count) % k], rng)


def class_answer(pairs: PreparedPairs, split: Split, count: int, rng: np.random.Generator) -> np.ndarray:
    """Crops of random training samples of the true class, which somebody has told: an oracle for the class alone."""
    labels = np.array(pairs.morphologies)
    train = np.array(split.train)
    drawn = []
    for index in split.held_out:
        same = train[labels[train] == labels[index]]
        drawn.append(rng.choice(same if len(same) else train, count))  # a class that no training sample has: any
    return crops_of(pairs, np.stack(drawn), rng)


def others_answer(pairs: PreparedPairs, split: Split, count: int, rng: np.random.Generator) -> np.ndarray:
    """Crops of one random training sample: what an answer to another question scores."""
    drawn = rng.choice(np.array(split.train), len(split.held_out))
    return crops_of(pairs, np.repeat(drawn[:, np.newaxis], count, axis=1), rng)


def pairvae_answer(
    model: PairVAE, pairs: PreparedPairs, queries: Sequence[int], count: int, rng: np.random.Generator
) -> np.ndarray:
    """What a PairVAE decodes from samples of the posterior of the scattering."""
    source, target = model.names

    def decoded(x: Tensor) -> Tensor:
        noise = standard_normal(rng, torch.empty(len(x), *model.vae(source).latent_shape))
        return model.reconstruct(x, source, target, noise)

    return _in_parts(pairs.scattering, queries, count, decoded)


def peer_answer(
    peer: Peer, pairs: PreparedPairs, queries: Sequence[int], count: int, rng: np.random.Generator
) -> np.ndarray:
    """What a peer decodes from samples of the posterior of the scattering."""
    source, target = (modality.name for modality in pairs.modalities)
    return _in_parts(
        pairs.scattering, queries, count, lambda x: peer.reconstruct(x, source, target, int(rng.integers(2**31))) > 0
    )


def flow_answer(
    flow: ConditionalFlow, scattering: np.ndarray, count: int, size: int, rng: np.random.Generator, steps: int = STEPS
) -> np.ndarray:
    """Ensembles that a flow draws.

    Parameters
    ----------
    flow : ConditionalFlow
    scattering : float32 ndarray of shape (queries, 1, *shape)
    count : int
        Masks per query.
    size : int [px]
    rng : numpy.random.Generator
    steps : int
        Of the integration.

    Returns
    -------
    bool ndarray of shape (queries, count, size, size)
    """
    return _in_parts(scattering, range(len(scattering)), count, lambda x: flow.sample(x, size, rng, steps))


def _in_parts(
    scattering: np.ndarray, queries: Sequence[int], count: int, drawn: Callable[[Tensor], Tensor]
) -> np.ndarray:
    """`count` masks for each query, PART at a time."""
    repeated = torch.from_numpy(scattering[np.repeat(np.asarray(queries), count)])
    with torch.inference_mode():
        masks = torch.cat([drawn(part)[:, 0] for part in repeated.split(PART)]).numpy()
    return masks.reshape(len(queries), count, *masks.shape[1:])
