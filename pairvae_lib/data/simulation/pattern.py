"""The scattering pattern of a film, as a small-angle detector would record it.

Ours: the power spectrum of the phase field in the Born approximation, with grating spots, background, detector mask and
logarithmic scale set after two real patterns of the paper's data set. `Q_SCALE` links the two images of a pair:
a distance d [px] in the micrograph scatters to q = Q_SCALE / d [px] in the pattern.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from pairvae_lib.checks import check_positive, check_shape
from pairvae_lib.data.simulation.morphologies import Parameters

DETECTOR_PX = 192
BEAM_CENTRE = (95.5, 96.5)  # row, col [px]
Q_SCALE = 550.0  # q [pattern px] = Q_SCALE / d [micrograph px]; a real pair of the paper's data set gives 544 and 552
UNIT_COUNTS = 23.0  # photons per px that count as intensity 1
LOG_RANGE = 5.0  # of log(1 + intensity): what the scale from 0 to 1 spans
GRATING_ORDERS = 4
POINT_SPREAD = 1.1  # px
FORM_FACTOR = 90.0  # px: soft interfaces scatter less at high q


def detector_mask() -> np.ndarray:
    """Pixels that record nothing: beam-stop bar, gaps between detector modules, beam stop with its holder.

    Returns
    -------
    ndarray of shape (192, 192), bool
        True where masked, as in the paper's patterns.
    """
    masked = np.zeros((DETECTOR_PX, DETECTOR_PX), dtype=bool)
    masked[:, 90:103] = True
    masked[12:24] = True
    masked[168:180] = True
    masked[84:109, 86:109] = True
    masked[93:99, 109:118] = True
    return masked


def power_of(densities: Sequence[np.ndarray], stripes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean power spectrum of the domains, and the coherent power of the grating.

    Parameters
    ----------
    densities : sequence of ndarray of shape (rows, cols)
        Independent films of the same grating; a pattern averages over more than a micrograph shows.
    stripes : int
        Periods of the grating over the columns.

    Returns
    -------
    power : ndarray of shape (rows, cols)
        |FFT|^2 per pixel without the grating's own peaks, zero frequency first, equal to its mirror image.
    coherent : ndarray of shape (4,)
        Squared amplitude of the grating's first four orders in the mean over rows.
    """
    if not densities:
        raise ValueError("densities must hold at least one field; got none")
    rows, cols = densities[0].shape
    for field in densities:
        check_shape("densities", field, (rows, cols))
    check_positive("stripes", stripes)
    power = np.zeros((rows, cols))
    coherent = np.zeros(GRATING_ORDERS)
    orders = stripes * np.arange(1, GRATING_ORDERS + 1)
    orders = orders[orders < cols // 2]
    for field in densities:
        amplitude = fft.fft2(field - field.mean(dtype=np.float64))
        power += np.abs(amplitude) ** 2 / field.size / len(densities)
        coherent[: len(orders)] += np.abs(amplitude[0, orders] / field.size) ** 2 / len(densities)
    for col in (orders, -orders):
        power[0, col] = power[1, col]
    mirrored = np.roll(power[:, ::-1], 1, axis=1)
    return (power + mirrored) / 2, coherent


def on_detector(power: np.ndarray, micrograph_px: float, rotation: float) -> np.ndarray:
    """The power spectrum at the detector's pixels.

    Parameters
    ----------
    power : ndarray of shape (rows, cols)
        Zero frequency first.
    micrograph_px : float
        Micrograph px per grid point.
    rotation : float
        [degrees]

    Returns
    -------
    ndarray of shape (192, 192), float64
    """
    check_positive("micrograph_px", micrograph_px)
    q_row, q_col = (Q_SCALE / micrograph_px * np.fft.fftfreq(points) for points in power.shape)
    angle = np.radians(rotation)
    row = BEAM_CENTRE[0] + q_row[:, None] * np.cos(angle) + q_col[None, :] * np.sin(angle)
    col = BEAM_CENTRE[1] - q_row[:, None] * np.sin(angle) + q_col[None, :] * np.cos(angle)
    row, col = np.rint(row).astype(int), np.rint(col).astype(int)
    seen = (row >= 0) & (row < DETECTOR_PX) & (col >= 0) & (col < DETECTOR_PX)
    pixel = (row * DETECTOR_PX + col)[seen]
    shape = (DETECTOR_PX, DETECTOR_PX)
    total = np.bincount(pixel, power[seen], DETECTOR_PX**2).reshape(shape)
    count = np.bincount(pixel, minlength=DETECTOR_PX**2).reshape(shape).astype(float)
    # both are blurred, not the quotient: on a small grid some pixels hold no frequency of their own
    return gaussian_filter(total, POINT_SPREAD) / np.maximum(gaussian_filter(count, POINT_SPREAD), 1e-9)


def expected_intensity(
    densities: Sequence[np.ndarray], parameters: Parameters, stripes: int, micrograph_px: float
) -> np.ndarray:
    """Mean intensity on the detector, without mask and counting noise.

    Parameters
    ----------
    densities, stripes
        See `power_of`.
    parameters : Parameters
        Its rotation and domain_scattering are used.
    micrograph_px : float
        Micrograph px per grid point.

    Returns
    -------
    ndarray of shape (192, 192), float64
        In units of `UNIT_COUNTS` photons.
    """
    power, coherent = power_of(densities, stripes)
    row, col = np.ogrid[:DETECTOR_PX, :DETECTOR_PX]
    row, col = row - BEAM_CENTRE[0], col - BEAM_CENTRE[1]
    q = np.hypot(row, col)
    domains = on_detector(power, micrograph_px, parameters.rotation) * np.exp(-((q / FORM_FACTOR) ** 2))
    intensity = parameters.domain_scattering * domains
    intensity += 2.1e4 * np.exp(-((col / 6) ** 2) - (row / 9.8) ** 2)  # around the beam stop
    intensity += 4 * (28 / np.maximum(q, 12)) ** 2.7 + 0.06  # substrate and air
    first_order = Q_SCALE * stripes / (power.shape[1] * micrograph_px)
    angle = np.radians(parameters.rotation)
    for order, share in enumerate(coherent, start=1):
        radius = order * first_order
        height = min(500 * share + 80 * np.exp(-((radius / 30) ** 2)), 140)
        for side in (-radius, radius):
            from_row, from_col = row - side * np.sin(angle), col - side * np.cos(angle)
            spot = height * np.exp(-(((from_col / 3.6) ** 2 + (from_row / 4.6) ** 2) ** 2))
            intensity += np.where(np.abs(from_row - 0.6) < 0.5, 0.65, 1.0) * spot
    return intensity


def recorded_pattern(intensity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the detector records: photon counts on a logarithmic scale, nothing where it is masked.

    Parameters
    ----------
    intensity : ndarray of shape (192, 192)
        In units of `UNIT_COUNTS` photons.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (192, 192), float32
        In [0, 1].
    """
    check_shape("intensity", intensity, (DETECTOR_PX, DETECTOR_PX))
    counts = rng.poisson(UNIT_COUNTS * intensity)
    value = np.clip(np.log1p(counts / UNIT_COUNTS) / LOG_RANGE, 0, 1)
    return np.where(detector_mask(), 0, value).astype(np.float32)
