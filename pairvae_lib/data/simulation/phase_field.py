r"""The phase field: a copolymer blend that separates on a chemical grating, by a time-dependent Ginzburg-Landau model.

.. math::

   \partial_t \phi = \nabla^2 [\phi^3 - \phi - \nabla^2 \phi - h - J \phi_2 + \zeta]
                     - \alpha (\phi - \bar\phi) + \eta\, \partial_{col}^2 \phi

The free energy is that of Ohta and Kawasaki (Macromolecules 1986, 19, 2621). Lengths here are in units of the
model, in which the preferred wavenumber obeys k^2 = 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

from pairvae_lib.checks import check_one_of, check_positive, check_shape
from pairvae_lib.data.simulation.morphologies import Parameters

PREFERRED_PERIOD = 2 * pi * sqrt(2)  # L0, from k^2 = 1/2
NOISE_EVERY = 4  # steps between two kicks of thermal noise
INITIAL_NOISE = 0.1
SETTLING_STEPS = 12  # short ones: the domains form in them, and long ones come after
LENGTHENING = 2  # of the time step


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


@dataclass(frozen=True)
class Scheme:
    """How a step in time is taken: linear terms and a stabiliser A laplace(phi) implicitly, the others explicitly.

    In a step t a mode that decays at the rate r keeps 1 / (1 + r t) in the first order and 1 / (1 + r t + (r t)^2 / 2)
    in the second, which is nearer to exp(-r t). Every processor rounds these fractions alike, but not an exponential.
    """

    order: int  # 1 or 2
    stabiliser: float  # A: added implicitly and taken away explicitly; it keeps steps stable, and slows them

    def __post_init__(self) -> None:
        check_one_of("order", self.order, (1, 2))
        check_positive("stabiliser", self.stabiliser)


SHORT_STEPS = Scheme(order=1, stabiliser=1.5)
LONG_STEPS = Scheme(order=2, stabiliser=0.75)  # in a step twice as long the film goes about twice as far


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
    scheme : Scheme

    Source
    ------
    The equation of the module, after Ohta and Kawasaki; the step treats the linear terms and a stabilising
    A laplace(phi) implicitly, as is usual for Cahn-Hilliard equations (Eyre, MRS Proceedings 1998, 529, 39). The second
    order is that of the linear terms: exponential time differencing (Cox and Matthews, J. Comput. Phys. 2002, 176,
    430) with a Pade approximation in place of the exponential.
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
        scheme: Scheme = SHORT_STEPS,
    ):
        for name, array in (("start", start), ("target", target), ("potential", potential)):
            check_shape(name, array, grid.shape)
        self._grid, self._connectivity, self._cross_mobility = grid, connectivity, cross_mobility
        self._target, self._potential = _spectrum(target), _spectrum(potential)
        self.pace(time_step, scheme)
        self.phi = torch.from_numpy(np.array(start, dtype=np.float32))  # (rows, cols)
        self._local = torch.empty_like(self.phi)
        self._phi_hat = torch.fft.rfft2(self.phi)  # (rows, cols // 2 + 1)

    def pace(self, time_step: float, scheme: Scheme) -> None:
        """From now on, take steps of this length in this way."""
        check_positive("time_step", time_step)
        k2, gain, self._keep, self._push = _factors(
            self._grid, self._connectivity, self._cross_mobility, time_step, scheme
        )
        supply = self._connectivity * self._target + k2 * self._potential
        self._supply = torch.view_as_real((time_step * supply * gain).to(torch.complex64))
        self._explicit = 1 + scheme.stabiliser

    def step(self, force: Tensor | None = None) -> None:
        """Move on by one time step; `force` (rows, cols) joins phi^3 - phi in the chemical potential."""
        # In place, and on real views of the complex arrays: most of the time goes into moving numbers, not into sums.
        local = torch.square(self.phi, out=self._local).sub_(self._explicit).mul_(self.phi)
        if force is not None:
            local += force
        pushed = torch.view_as_real(torch.fft.rfft2(local)).mul_(self._push)
        torch.view_as_real(self._phi_hat).mul_(self._keep).add_(self._supply).sub_(pushed)
        self.phi = torch.fft.irfft2(self._phi_hat, s=self._grid.shape)


def evolved(parameters: Parameters, grid: Grid, rng: np.random.Generator, long_steps: bool = False) -> np.ndarray:
    """The phase field after annealing.

    A single layer feels the grating. Of two coupled layers the bottom one feels the grating and the top one, which
    the micrograph shows first, feels the bottom one only.

    Parameters
    ----------
    parameters : Parameters
    grid : Grid
    rng : numpy.random.Generator
    long_steps : bool
        Double the time step once the domains have formed.

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
    noise = torch.empty(grid.shape)
    short = steps = round(parameters.duration / time_step)
    if long_steps:
        short = min(steps, SETTLING_STEPS)
        steps = short + round((steps - short) / LENGTHENING)
    for step in range(steps):
        if step == short:
            kick /= sqrt(LENGTHENING)
            for layer in layers:
                layer.pace(LENGTHENING * time_step, LONG_STEPS)
        forces: list[Tensor | None] = [None] * len(layers)
        if two_layers:
            forces = [-parameters.layer_coupling * other.phi for other in reversed(layers)]
        if step % NOISE_EVERY == 0:
            rng.standard_normal(out=noise.numpy(), dtype=np.float32)
            noise *= kick
            forces[0] = noise if forces[0] is None else forces[0].add_(noise)
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


@lru_cache(maxsize=4)  # two layers, before and after the steps are lengthened: the fields of a pair share them
def _factors(
    grid: Grid, connectivity: float, cross_mobility: float, time_step: float, scheme: Scheme
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of every mode: k^2, its gain from a unit supply, what it keeps in a step, and how far a force pushes it."""
    k_row, k_col = grid.wavenumbers()
    k2 = k_row**2 + k_col**2
    decay = time_step * (connectivity + scheme.stabiliser * k2 + k2**2 + cross_mobility * k_col**2)
    gain = kept = 1 / (1 + decay)
    if scheme.order == 2:
        kept = 1 / (1 + decay + decay**2 / 2)
        gain = (1 + decay / 2) * kept  # (1 - kept) / decay
    return k2, gain, _for_both_parts(kept), _for_both_parts(time_step * k2 * gain)


def _for_both_parts(factor: Tensor) -> Tensor:
    """A real factor (rows, cols) once for the real and once for the imaginary part, (rows, cols, 2), float32."""
    return factor.float()[..., None].repeat(1, 1, 2)


def _centred(profile: np.ndarray) -> np.ndarray:
    """The profile less its mean."""
    return profile - profile.mean()


def _disturbed(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The field with the noise of the mixed state."""
    return field + INITIAL_NOISE * rng.standard_normal(field.shape, dtype=np.float32)
