"""Pairs of two curves: small-angle scattering and extinction spectrum of the same gold spheres in water.

An example that needs no download. Both curves follow from the same distribution of sizes by textbook physics: the
scattering by the form factor of a sphere, the spectrum by Mie's theory. Either curve tells the sizes, so that each can
be predicted from the other.
"""

from __future__ import annotations

from functools import lru_cache
from math import log, pi
from pathlib import Path

import miepython
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import spherical_jn

from pairvae_lib.checks import check_positive, check_range
from pairvae_lib.data.simulation.dataset import simulated_folder

N_PAIRS = 64
RADIUS = (20.0, 50.0)  # nm: the range of the median radii
POLYDISPERSITY = (0.05, 0.2)  # the range of the widths, the standard deviation of ln(radius)
Q = np.linspace(0.03, 0.4, 186)  # 1/nm
WAVELENGTH = np.linspace(400, 680, 71)  # nm, in vacuum

VOLUME_FRACTION = 2.6e-6  # of gold: 0.05 g/L
PATH_LENGTH = 1e7  # nm: a cell of 1 cm
CONTRAST = 1.221e-2  # 1/nm^2: scattering length density of gold less that of water, from their electron densities
PER_CM = 1e7  # 1/nm in 1/cm
WATER = 1.333  # refractive index; the same at all wavelengths, which is right within 1%
SAXS_NOISE = 0.02  # standard deviation, relative
EXTINCTION_NOISE = 0.002  # standard deviation, absolute

# Wavelength [nm], n and k of gold: Johnson and Christy, Phys. Rev. B 1972, 6, 4370.
GOLD = np.array([
    (381.5, 1.46, 1.933), (397.4, 1.47, 1.952), (413.3, 1.46, 1.958), (430.5, 1.45, 1.948), (450.9, 1.38, 1.914),
    (471.4, 1.31, 1.849), (495.9, 1.04, 1.833), (520.9, 0.62, 2.081), (548.6, 0.43, 2.455), (582.1, 0.29, 2.863),
    (616.8, 0.21, 3.272), (659.5, 0.14, 3.697), (704.5, 0.13, 4.103),
])  # fmt: skip

# Radii [nm] at which curves are summed: from 4 widths below the smallest to 4 above the largest median, as large
# spheres are seen by scattering. Neighbours differ by 2%, less than half of the narrowest width.
_RADII = np.geomspace(
    RADIUS[0] * np.exp(-4 * POLYDISPERSITY[1]),
    RADIUS[1] * np.exp(4 * POLYDISPERSITY[1] + 6 * POLYDISPERSITY[1] ** 2),
    128,
)


def form_amplitude(q_radius: ArrayLike) -> NDArray[np.float64]:
    """Amplitude that a sphere scatters, 1 at q = 0: 3 (sin x - x cos x) / x^3 at x = q times the radius.

    Source
    ------
    Rayleigh, Proc. R. Soc. A 1911, 84, 25; Guinier and Fournet, Small-Angle Scattering of X-Rays, 1955.
    """
    x = np.asarray(q_radius, dtype=np.float64)
    return 3 * spherical_jn(1, x) / np.where(x == 0, 1, x) + (x == 0)


def extinction_efficiency(
    wavelength: ArrayLike, radius: float, index: ArrayLike, medium: float = WATER
) -> NDArray[np.float64]:
    """Extinction cross-section of a sphere over its geometric one, by Mie's theory.

    Parameters
    ----------
    wavelength : array of shape (N,)
        In vacuum [nm].
    radius : float
        [nm]
    index : array of shape (N,)
        Refractive index of the sphere, n - i k.
    medium : float
        Refractive index around it.

    Returns
    -------
    ndarray of shape (N,)

    Source
    ------
    Bohren and Huffman, Absorption and Scattering of Light by Small Particles, 1983, chapter 4; by miepython.
    """
    check_positive("radius", radius)
    size = 2 * pi * radius * medium / np.asarray(wavelength, dtype=np.float64)
    return np.asarray(miepython.efficiencies_mx(np.asarray(index) / medium, size)[0])


def gold_index(wavelength: ArrayLike) -> NDArray[np.complex128]:
    """Refractive index of gold, n - i k, between the measured points of `GOLD` by cubic splines.

    Parameters
    ----------
    wavelength : array of shape (N,)
        [nm], 381.5 to 704.5.

    Returns
    -------
    ndarray of shape (N,), complex
    """
    at = np.asarray(wavelength, dtype=np.float64)
    check_range("the smallest wavelength", float(at.min()), *GOLD[[0, -1], 0])
    check_range("the largest wavelength", float(at.max()), *GOLD[[0, -1], 0])
    n, k = CubicSpline(GOLD[:, 0], GOLD[:, 1:])(at).T
    return n - 1j * k


def saxs_curve(radius: float, polydispersity: float) -> NDArray[np.float64]:
    """Scattering [1/cm] at `Q` of gold spheres in water, without noise.

    Parameters
    ----------
    radius : float
        Median of the log-normal distribution [nm].
    polydispersity : float
        Standard deviation of ln(radius).

    Returns
    -------
    ndarray of shape (186,)
    """
    volumes = 4 / 3 * pi * _RADII**3
    amplitudes = volumes * form_amplitude(Q[:, None] * _RADII)  # (q, radii)
    share = _shares(radius, polydispersity)
    return VOLUME_FRACTION * CONTRAST**2 * PER_CM * (amplitudes**2 @ share) / (volumes @ share)


def extinction_spectrum(radius: float, polydispersity: float) -> NDArray[np.float64]:
    """Decadic extinction at `WAVELENGTH` of gold spheres in water in a cell of 1 cm, without noise.

    Parameters are those of `saxs_curve`.

    Returns
    -------
    ndarray of shape (71,)
    """
    share = _shares(radius, polydispersity)
    number_density = VOLUME_FRACTION / (4 / 3 * pi * _RADII**3 @ share)  # 1/nm^3
    return number_density * PATH_LENGTH / log(10) * (share @ _cross_sections())


def simulate_spheres(folder: Path | str, n_pairs: int = N_PAIRS, seed: int = 2023) -> Path:
    """Simulate pairs of two curves into a folder: manifest.csv, saxs/*.csv, extinction/*.csv and simulation.json.

    Every pair has a median radius of 20 to 50 nm and a polydispersity of 5 to 20%, uniformly drawn, and noise of its
    own; all have the same content of gold. A pair does not depend on how many follow. Where an equal simulation is
    there already, nothing is done.

    Parameters
    ----------
    folder : Path or str
        May be missing or empty.
    n_pairs : int
    seed : int

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If an argument is out of range, or the folder holds anything but this very simulation.
    """
    check_positive("n_pairs", n_pairs)
    check_range("seed", seed, 0, 2**63 - 1)
    record: dict[str, object] = {
        "kind": "spheres",
        "seed": seed,
        "n_pairs": n_pairs,
        "version": 1,
        "gold_volume_fraction": VOLUME_FRACTION,
        "path_length_cm": 1,
        "saxs_noise": SAXS_NOISE,
        "extinction_noise": EXTINCTION_NOISE,
    }

    def written(partial: Path) -> list[dict[str, str]]:
        for name in ("saxs", "extinction"):
            (partial / name).mkdir(parents=True)
        seeds = np.random.SeedSequence(seed).spawn(n_pairs)
        return [_written_pair(partial, index, np.random.default_rng(child)) for index, child in enumerate(seeds)]

    return simulated_folder(Path(folder), f"{n_pairs} pairs of spheres with seed {seed}", record, written)


def _written_pair(folder: Path, index: int, rng: np.random.Generator) -> dict[str, str]:
    """Simulate a pair, write its two files and return its line of the manifest."""
    radius, polydispersity = rng.uniform(*RADIUS), rng.uniform(*POLYDISPERSITY)
    intensity = saxs_curve(radius, polydispersity) * (1 + SAXS_NOISE * rng.standard_normal(len(Q)))
    extinction = extinction_spectrum(radius, polydispersity) + EXTINCTION_NOISE * rng.standard_normal(len(WAVELENGTH))
    name = f"spheres{index:04d}"
    paths = {"saxs": f"saxs/{name}.csv", "extinction": f"extinction/{name}.csv"}
    _write_curve(folder / paths["saxs"], "q (1/nm),intensity (1/cm)", Q, intensity)
    _write_curve(folder / paths["extinction"], "wavelength (nm),extinction", WAVELENGTH, extinction)
    return {
        "sample_id": name,
        **paths,
        "sim_radius_nm": f"{radius:.6g}",
        "sim_polydispersity": f"{polydispersity:.6g}",
    }


def _write_curve(path: Path, header: str, axis: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Two columns below a line that names them."""
    lines = [f"{at:.6g},{value:.6g}" for at, value in zip(axis, values, strict=True)]
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8", newline="\n")


def _shares(radius: float, polydispersity: float) -> NDArray[np.float64]:
    """Share of all spheres at each of `_RADII`, of a log-normal distribution."""
    check_range("radius", radius, *RADIUS)
    check_range("polydispersity", polydispersity, *POLYDISPERSITY)
    share = np.exp(-0.5 * (np.log(_RADII / radius) / polydispersity) ** 2)
    return share / share.sum()


@lru_cache(maxsize=1)
def _cross_sections() -> NDArray[np.float64]:
    """Extinction cross-sections [nm^2] of gold spheres in water: (radii, wavelengths)."""
    index = gold_index(WAVELENGTH)
    efficiencies = [extinction_efficiency(WAVELENGTH, radius, index) for radius in _RADII]
    return np.stack(efficiencies) * (pi * _RADII**2)[:, None]
