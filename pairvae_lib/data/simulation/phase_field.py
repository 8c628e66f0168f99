r"""The phase field: a copolymer blend that separates on a chemical grating, by a time-dependent Ginzburg-Landau model.

.. math::

   \partial_t \phi = \nabla^2 [\phi^3 - \phi - \nabla^2 \phi - h - J \phi_2 + \zeta]
                     - \alpha (\phi - \bar\phi) + \eta\, \partial_{col}^2 \phi

The free energy is that of Ohta and Kawasaki (Macromolecules 1986, 19, 2621). Lengths here are in units of the
model, in which the preferred wavenumber obeys k^2 = 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

from pairvae_lib.checks import check_positive, check_shape
from pairvae_lib.data.simulation.morphologies import Parameters

PREFERRED_PERIOD = 2 * pi * sqrt(2)  # L0, from k^2 = 1/2
STABILISER = 1.5  # A: what is added implicitly and taken away explicitly, so that long steps stay stable
NOISE_EVERY = 4  # steps between two kicks of thermal noise
INITIAL_NOISE = 0.1


@dataclass(frozen=True)
class Grid:
    """A periodic grid of points.

    Parameters
    ----------
    rows, cols : int
        Points along and across the stripes of the grating.
    spacing : float
        Distance between two points [model units; the preferred period is 8.886].
    """

    rows: int
    cols: int
    spacing: float

    def __post_init__(self) -> None:
        check_positive("rows", self.rows)
        check_positive("cols", self.cols)
        check_positive("spacing", self.spacing)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols

    def wavenumbers(self) -> tuple[Tensor, Tensor]:
        """Along the rows (rows, 1) and the columns (1, cols // 2 + 1) of a real Fourier transform [1/model unit]."""
        along_rows = 2 * pi * torch.fft.fftfreq(self.rows, d=self.spacing, dtype=torch.float64)
        along_cols = 2 * pi * torch.fft.rfftfreq(self.cols, d=self.spacing, dtype=torch.float64)
        return along_rows[:, None], along_cols[None, :]

    def stripes(self, pitch: float) -> int:
        """Whole number of stripes that comes nearest to a pitch [L0]: the grating must close on itself."""
        check_positive("pitch", pitch)
        return max(1, round(self.cols * self.spacing / PREFERRED_PERIOD / pitch))


def grating_profile(cols: int, stripes: int, duty: float, softness: float, phase: float = 0.0) -> np.ndarray:
    """A grating of soft-edged stripes, 1 on a stripe and 0 between two.

    Parameters
    ----------
    cols, stripes : int
        Grid points, and periods of the grating over them.
    duty, softness, phase : float
        Width of a stripe, width of its edge, and shift, in units of the pitch.

    Returns
    -------
    ndarray of shape (cols,), float64
    """
    check_positive("stripes", stripes)
    check_positive("softness", softness)
    position = (np.arange(cols) * stripes / cols + phase + 0.5) % 1.0 - 0.5
    return 0.5 * (1 + np.tanh((duty / 2 - np.abs(position)) / softness))


def patches(grid: Grid, row_length: float, col_length: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth periodic Gaussian random field of mean 0 and variance 1.

    Parameters
    ----------
    grid : Grid
    row_length, col_length : float
        Correlation lengths along the rows and columns [L0].
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (rows, cols), float32
    """
    white = torch.from_numpy(rng.standard_normal(grid.shape, dtype=np.float32))
    k_row, k_col = grid.wavenumbers()
    exponent = (k_row * row_length * PREFERRED_PERIOD) ** 2 + (k_col * col_length * PREFERRED_PERIOD) ** 2
    spectrum = torch.fft.rfft2(white) * torch.exp(-exponent / 2).float()
    spectrum[0, 0] = 0
    smooth = torch.fft.irfft2(spectrum, s=grid.shape).numpy()
    return smooth / smooth.std(dtype=np.float64).astype(np.float32)


class Layer:
    """One layer of the film, and the semi-implicit spectral step that moves it on.

    Parameters
    ----------
    grid : Grid
    start, target, potential : ndarray of shape (rows, cols)
        phi at the start; the mean of phi that connectivity holds; h.
    connectivity, cross_mobility : float
        alpha and eta.
    time_step : float

    Source
    ------
    The equation of the module, after Ohta and Kawasaki; the step treats the linear terms and a stabilising
    A laplace(phi) implicitly, as is usual for Cahn-Hilliard equations (Eyre, MRS Proceedings 1998, 529, 39).
    """

    def __init__(
        self,
        grid: Grid,
        start: np.ndarray,
        target: np.ndarray,
        potential: np.ndarray,
        connectivity: float,
        cross_mobility: float = 0.0,
        time_step: float = 1.0,
    ):
        for name, array in (("start", start), ("target", target), ("potential", potential)):
            check_shape(name, array, grid.shape)
        check_positive("time_step", time_step)
        k_row, k_col = grid.wavenumbers()
        k2 = k_row**2 + k_col**2
        implicit = 1 / (1 + time_step * (connectivity + STABILISER * k2 + k2**2 + cross_mobility * k_col**2))
        supply = connectivity * _spectrum(target) + k2 * _spectrum(potential)
        self._keep = implicit.float()
        self._supply = (time_step * supply * implicit).to(torch.complex64)
        self._push = (time_step * k2 * implicit).float()
        self._shape = grid.shape
        self.phi = torch.from_numpy(np.asarray(start, dtype=np.float32))  # (rows, cols)
        self._phi_hat = torch.fft.rfft2(self.phi)  # (rows, cols // 2 + 1)

    def step(self, force: Tensor | None = None) -> None:
        """Move on by one time step; `force` (rows, cols) joins phi^3 - phi in the chemical potential."""
        local = self.phi * (self.phi.square() - (1 + STABILISER))
        if force is not None:
            local += force
        self._phi_hat = self._phi_hat * self._keep + self._supply - torch.fft.rfft2(local) * self._push
        self.phi = torch.fft.irfft2(self._phi_hat, s=self._shape)


def evolved(parameters: Parameters, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """The phase field after annealing.

    A single layer feels the grating. Of two coupled layers the bottom one feels the grating and the top one, which
    the micrograph shows first, feels the bottom one only.

    Parameters
    ----------
    parameters : Parameters
    grid : Grid
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (layers, rows, cols), float32
        The top layer first.

    Source
    ------
    Ours: the grating, the second layer, and `cross_mobility`, which is ad hoc, are what made the paper's four
    morphologies come out. The film is two-dimensional, and the patches of its blend are prescribed.
    """
    stripes = grid.stripes(parameters.pitch)
    phase, softness = parameters.grating_phase, parameters.softness
    on_stripe = _centred(grating_profile(grid.cols, stripes, parameters.duty, softness, phase))
    enriched = _centred(grating_profile(grid.cols, stripes, 0.5, softness, phase))
    potential = np.broadcast_to(2 * parameters.grating * on_stripe, grid.shape)
    target = parameters.blend_mean + 2 * parameters.blend_on_stripes * enriched
    target = target + parameters.blend_patches * patches(grid, parameters.patch_rows, parameters.patch_cols, rng)

    alpha, time_step = parameters.connectivity, parameters.time_step
    two_layers = parameters.layer_coupling != 0
    felt = np.zeros(grid.shape) if two_layers else potential
    top = Layer(grid, _disturbed(target, rng), target, felt, alpha, parameters.cross_mobility, time_step)
    layers = [top]
    if two_layers:
        uniform = np.full(grid.shape, parameters.bottom_mean)
        layers.append(Layer(grid, _disturbed(uniform, rng), uniform, potential, alpha, 0.0, time_step))

    # 2 / spacing: white noise in space; 1 / sqrt(time step): white noise in time
    kick = parameters.noise * 2 / grid.spacing / sqrt(time_step)
    for step in range(round(parameters.duration / time_step)):
        forces: list[Tensor | None] = [None] * len(layers)
        if two_layers:
            forces = [-parameters.layer_coupling * other.phi for other in reversed(layers)]
        if step % NOISE_EVERY == 0:
            noise = kick * torch.from_numpy(rng.standard_normal(grid.shape, dtype=np.float32))
            forces[0] = noise if forces[0] is None else forces[0] + noise
        for layer, force in zip(layers, forces, strict=True):
            layer.step(force)
    return np.stack([layer.phi.numpy() for layer in layers])


def upsampled(phi: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A periodic field on a finer grid, exactly, by padding its spectrum with zeros.

    Parameters
    ----------
    phi : ndarray of shape (rows, cols)
        Both even; the Nyquist frequencies, where the field holds next to nothing, are left out.
    shape : tuple of int
        The finer grid, both even.

    Returns
    -------
    ndarray of shape `shape`, float32
    """
    rows, cols = phi.shape
    if shape[0] < rows or shape[1] < cols or any(n % 2 for n in (*shape, rows, cols)):
        raise ValueError(f"shape must be even and at least that of phi, {phi.shape}, also even; got {shape}")
    half_rows, half_cols = rows // 2, cols // 2
    coarse = torch.fft.rfft2(torch.from_numpy(np.asarray(phi, dtype=np.float32)))
    fine = torch.zeros((shape[0], shape[1] // 2 + 1), dtype=coarse.dtype)
    fine[:half_rows, :half_cols] = coarse[:half_rows, :half_cols]
    fine[1 - half_rows :, :half_cols] = coarse[1 - half_rows :, :half_cols]
    scale = shape[0] * shape[1] / (rows * cols)
    return torch.fft.irfft2(fine * scale, s=shape).numpy()


def _spectrum(field: np.ndarray) -> Tensor:
    """Real Fourier transform in double precision."""
    return torch.fft.rfft2(torch.from_numpy(np.array(field, dtype=np.float64)))


def _centred(profile: np.ndarray) -> np.ndarray:
    """The profile less its mean."""
    return profile - profile.mean()


def _disturbed(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The field with the noise of the mixed state."""
    return field + INITIAL_NOISE * rng.standard_normal(field.shape, dtype=np.float32)
