"""One film at several moments of its annealing: what a detector and a microscope would record then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairvae_lib.checks import check_one_of, check_positive
from pairvae_lib.simulation.micrograph import density, formed_micrograph
from pairvae_lib.simulation.morphologies import Parameters
from pairvae_lib.simulation.pair import BOTTOM_SHARE, MICROGRAPH_PX, SIZES
from pairvae_lib.simulation.pattern import expected_intensity, recorded_pattern
from pairvae_lib.simulation.phase_field import PREFERRED_PERIOD, Grid, evolved, upsampled


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
    check_one_of("size", size, tuple(SIZES))
    extent = SIZES[size]
    grid = Grid(*extent.grid, spacing=PREFERRED_PERIOD * MICROGRAPH_PX / parameters.period_px)
    rows, cols = extent.micrograph
    fine = (round(MICROGRAPH_PX * extent.grid[0]), round(MICROGRAPH_PX * extent.grid[1]))
    for time in times:
        check_positive("time", time)
        now = replace(parameters, duration=time)
        fields = [evolved(now, grid, np.random.default_rng([seed, field])) for field in range(extent.fields)]
        phi = np.stack([upsampled(layer, fine)[:rows, :cols] for layer in fields[0]])
        recording = np.random.default_rng([seed, extent.fields])  # the same light every time
        micrograph = formed_micrograph(phi, now, recording)
        densities = [_in_projection(density(field)) for field in fields]
        intensity = expected_intensity(densities, now, grid.stripes(now.pitch), MICROGRAPH_PX)
        yield Moment(time, recorded_pattern(intensity, recording), micrograph)


def _in_projection(layers: np.ndarray) -> np.ndarray:
    """Density that X-rays see of one layer or two, (layers, rows, cols) -> (rows, cols)."""
    return layers[0] if len(layers) == 1 else (1 - BOTTOM_SHARE) * layers[0] + BOTTOM_SHARE * layers[1]
