"""A simulated film seen again: at several moments of its annealing, or under more or less uneven illumination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_one_of, check_positive, check_range
from pairvae_lib.data.simulation.micrograph import formed_micrograph
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES, RANGES, Parameters, drawn_parameters
from pairvae_lib.data.simulation.pair import SIZES, at_pixels, film_grid, recorded
from pairvae_lib.data.simulation.phase_field import evolved


@dataclass(frozen=True, eq=False)
class Moment:
    """What a detector and a microscope would record of a film at one time."""

    time: float  # since the film was mixed [time units of the phase field]
    pattern: np.ndarray  # of shape (192, 192), float32 in [0, 1]
    micrograph: np.ndarray  # of shape (rows, cols), uint8


def annealing(parameters: Parameters, size: str, times: Sequence[float], seed: int) -> Iterator[Moment]:
    """One film, from the mixed state on.

    Parameters
    ----------
    parameters : Parameters
        Their duration does not matter.
    size : str
        "quick" or "full", see `pair.SIZES`.
    times : sequence of float
        When to look at it [time units of the phase field].
    seed : int
        Of the film, its thermal noise, and the recording.

    Yields
    ------
    Moment
        In the order of `times`. It is the same film every time: a short annealing is the beginning of a longer one with
        the same seed.
    """
    grid = film_grid(parameters, size)
    for time in times:
        check_positive("time", time)
        now = replace(parameters, duration=time)
        count = SIZES[size].fields
        fields = [
            evolved(now, grid, np.random.default_rng([seed, field]), SIZES[size].long_steps) for field in range(count)
        ]
        _, micrograph, pattern = recorded(fields, now, size, np.random.default_rng([seed, count]))  # the same light
        yield Moment(time, pattern, micrograph)


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
    film = evolved(parameters, grid, rng, SIZES[size].long_steps)
    for _ in range(SIZES[size].fields - 1):  # only the pattern sees them, but they draw from the generator
        evolved(parameters, grid, rng, SIZES[size].long_steps)
    phi = at_pixels(film, size)
    micrographs = {
        float(factor): formed_micrograph(
            phi, replace(parameters, illumination=factor * parameters.illumination), deepcopy(rng)
        )
        for factor in illuminations
    }
    return phi[0] > 0, micrographs
