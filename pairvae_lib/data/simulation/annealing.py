"""One film at several moments of its annealing: what a detector and a microscope would record then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairvae_lib.checks import check_positive
from pairvae_lib.data.simulation.morphologies import Parameters
from pairvae_lib.data.simulation.pair import SIZES, film_grid, recorded
from pairvae_lib.data.simulation.phase_field import evolved


@dataclass(frozen=True, eq=False)
class Moment:
    """A film at one time.

    Parameters
    ----------
    time : float
        Since the film was mixed [time units of the phase field].
    pattern : ndarray of shape (192, 192), float32
        In [0, 1].
    micrograph : ndarray of shape (rows, cols), uint8
    """

    time: float
    pattern: np.ndarray
    micrograph: np.ndarray


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
        fields = [evolved(now, grid, np.random.default_rng([seed, field])) for field in range(count)]
        _, micrograph, pattern = recorded(fields, now, size, np.random.default_rng([seed, count]))  # the same light
        yield Moment(time, pattern, micrograph)
