"""A simulated micrograph under another light: the same film, more or less uneven illumination."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_one_of, check_range
from pairvae_lib.data.simulation.micrograph import formed_micrograph
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES, RANGES, drawn_parameters
from pairvae_lib.data.simulation.pair import SIZES, at_pixels, film_grid
from pairvae_lib.data.simulation.phase_field import evolved


def relit_micrographs(
    index: int, size: str, seed: int, illuminations: Sequence[float]
) -> tuple[NDArray[np.bool_], dict[float, NDArray[np.uint8]]]:
    """Ground truth and micrographs of one sample of `simulate`, simulated again under several lights.

    Every micrograph starts from the same state of the generator: the form of the shading stays, its amplitude is
    multiplied. Illumination 1 gives the very bytes of the data set; at another, shot noise follows the new grey
    levels, as it would in an experiment.

    Parameters
    ----------
    index : int
        Of the sample in the data set, from 0.
    size : str
        "quick" or "full", see `pair.SIZES`.
    seed : int
        That of the data set.
    illuminations : sequence of float
        Factors of the amplitude of 8 to 18 grey levels that the sample was drawn with; 0 is even light.

    Returns
    -------
    mask : bool ndarray of shape (rows, cols)
        True = PMMA, the same under every light.
    micrographs : mapping of illumination to uint8 ndarray of shape (rows, cols)
    """
    check_range("index", index, 0, float("inf"))
    check_one_of("size", size, tuple(SIZES))
    for factor in illuminations:
        check_range("illumination", factor, 0, float("inf"))
    # From here to `phi` as `dataset` and `pair.simulate_pair` draw it; a test holds them together, bit for bit.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    cycle, turn = divmod(index, len(MORPHOLOGIES))
    morphology = MORPHOLOGIES[turn]
    parameters = drawn_parameters(morphology, rng, cycle % len(RANGES[morphology]))
    grid = film_grid(parameters, size)
    film = evolved(parameters, grid, rng)
    for _ in range(SIZES[size].fields - 1):  # only the pattern sees them, but they draw from the generator
        evolved(parameters, grid, rng)
    phi = at_pixels(film, size)
    micrographs = {
        float(factor): formed_micrograph(
            phi, replace(parameters, illumination=factor * parameters.illumination), deepcopy(rng)
        )
        for factor in illuminations
    }
    return phi[0] > 0, micrographs
