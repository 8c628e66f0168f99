"""One simulated sample: phase field, then its micrograph, ground truth and scattering pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pairvae_lib.checks import check_one_of
from pairvae_lib.data.simulation.micrograph import density, formed_micrograph
from pairvae_lib.data.simulation.morphologies import Parameters, drawn_parameters
from pairvae_lib.data.simulation.pattern import expected_intensity, recorded_pattern
from pairvae_lib.data.simulation.phase_field import PREFERRED_PERIOD, Grid, evolved, upsampled

MICROGRAPH_PX = 1.5  # micrograph px per grid point: the field is smooth enough for the coarser grid
BOTTOM_SHARE = 0.4  # of the bottom layer in the scattering of two


@dataclass(frozen=True)
class Size:
    """How large a simulated sample is."""

    grid: tuple[int, int]  # rows, cols; the field is periodic over it
    micrograph: tuple[int, int]  # rows, cols [px], cut from the upsampled field
    fields: int  # independent fields in a pattern, the micrograph's own among them
    long_steps: bool  # double the time step once the domains have formed
    version: int  # to be raised whenever the same seed gives other bytes


SIZES: dict[str, Size] = {
    "quick": Size(grid=(280, 432), micrograph=(415, 640), fields=2, long_steps=False, version=1),
    "full": Size(grid=(560, 864), micrograph=(830, 1280), fields=4, long_steps=True, version=2),
}


@dataclass(frozen=True)
class SimulatedPair:
    """A pattern and a micrograph of one simulated sample.

    Attributes
    ----------
    micrograph : ndarray of shape (rows, cols), uint8
        Grey, without a data bar.
    mask : ndarray of shape (rows, cols), bool
        The ground truth, True = PMMA.
    pattern : ndarray of shape (192, 192), float32
        Logarithm of the intensity, scaled to [0, 1]; 0 where the detector is masked.
    morphology : str
    parameters : dict of str to float
        Everything that was drawn (see `morphologies.Parameters`).
    """

    micrograph: np.ndarray
    mask: np.ndarray
    pattern: np.ndarray
    morphology: str
    parameters: dict[str, float]


def simulate_pair(morphology: str, size: str, rng: np.random.Generator, variant: int | None = None) -> SimulatedPair:
    """Simulate one sample.

    Parameters
    ----------
    morphology : str
        One of `morphologies.MORPHOLOGIES`.
    size : str
        "quick" (micrograph 415 x 640 px) or "full" (830 x 1280 px, as in the paper's data set).
    rng : numpy.random.Generator
        The same state gives the same pair, bit for bit.
    variant : int, optional
        Ladders only: 0 narrow, 1 wide; by default drawn.
    """
    parameters = drawn_parameters(morphology, rng, variant)
    grid = film_grid(parameters, size)
    fields = [evolved(parameters, grid, rng, SIZES[size].long_steps) for _ in range(SIZES[size].fields)]
    phi, micrograph, pattern = recorded(fields, parameters, size, rng)
    return SimulatedPair(micrograph, phi[0] > 0, pattern, morphology, asdict(parameters))


def film_grid(parameters: Parameters, size: str) -> Grid:
    """The grid of a film, on which the period that the dynamics prefers is as many px long as the parameters say."""
    check_one_of("size", size, tuple(SIZES))
    return Grid(*SIZES[size].grid, spacing=PREFERRED_PERIOD * MICROGRAPH_PX / parameters.period_px)


def at_pixels(field: np.ndarray, size: str) -> np.ndarray:
    """A phase field (layers, *grid) at the pixels of its micrograph, (layers, rows, cols)."""
    height, width = (round(MICROGRAPH_PX * points) for points in SIZES[size].grid)
    rows, cols = SIZES[size].micrograph
    return np.stack([upsampled(layer, (height, width))[:rows, :cols] for layer in field])


def recorded(
    fields: Sequence[np.ndarray], parameters: Parameters, size: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is seen of a film: its phase field at the pixels of the micrograph, the micrograph, and the pattern.

    `fields`, each (layers, *grid), are the micrograph's own, and others that the pattern averages over.
    """
    phi = at_pixels(fields[0], size)
    micrograph = formed_micrograph(phi, parameters, rng)
    densities = [_seen_by_x_rays(field) for field in fields]
    stripes = film_grid(parameters, size).stripes(parameters.pitch)
    intensity = expected_intensity(densities, parameters, stripes, MICROGRAPH_PX)
    return phi, micrograph, recorded_pattern(intensity, rng)


def _seen_by_x_rays(field: np.ndarray) -> np.ndarray:
    """Density of a film (layers, rows, cols) in projection (rows, cols)."""
    layers = density(field)
    if len(layers) == 1:
        return layers[0]
    return (1 - BOTTOM_SHARE) * layers[0] + BOTTOM_SHARE * layers[1]
