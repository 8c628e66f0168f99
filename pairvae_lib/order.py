"""What the two-point correlation says of order: the period of the domains, and how far their order reaches."""

from __future__ import annotations

import numpy as np
from scipy import signal

from pairvae_lib.checks import check_finite


def domain_period(r: np.ndarray, s2: np.ndarray, prominence: float = 0.05) -> np.ndarray:
    """Domain period: the distance at which S2 has its first maximum after its first minimum.

    Parameters
    ----------
    r : ndarray of shape (bins,) [px]
    s2 : ndarray of shape (..., bins)
    prominence : float
        Extrema that stand out by less than this share of the range of S2 are ripples, and are passed over.

    Returns
    -------
    ndarray of shape (...) [unit of `r`]
        Between the bins by a parabola through the maximum and its two neighbours; NaN where there is no such maximum.

    Notes
    -----
    For parallel lines the radial average puts the maximum a little beyond the period of the lines (12 % for a
    sinusoidal profile): compare it between micrographs, do not read it as a pitch.
    """
    if r.ndim != 1 or s2.ndim < 1 or s2.shape[-1] != len(r):
        raise ValueError(f"s2 must have shape (..., {len(r)}) for r of shape {r.shape}; got {s2.shape}")
    check_finite("r", r)
    check_finite("s2", s2)
    curves = s2.reshape(-1, len(r))
    return np.array([_first_maximum(r, curve, prominence) for curve in curves]).reshape(s2.shape[:-1])


def long_range_order(s2: np.ndarray) -> np.ndarray:
    """How strongly S2 still oscillates at large distances: its standard deviation over the outer half of its range.

    Parameters
    ----------
    s2 : ndarray of shape (..., bins)

    Returns
    -------
    ndarray of shape (...)
        0 for a morphology whose domains know nothing of each other at these distances.
    """
    check_finite("s2", s2)
    return s2[..., s2.shape[-1] // 2 :].std(axis=-1)


def _first_maximum(r: np.ndarray, curve: np.ndarray, prominence: float) -> float:
    """Position of the first maximum after the first minimum of one curve, or NaN."""
    least = prominence * np.ptp(curve)
    if least < 1e-9:  # rounding is no structure
        return float("nan")
    minima, _ = signal.find_peaks(-curve, prominence=least)
    maxima, _ = signal.find_peaks(curve, prominence=least)
    later = maxima[maxima > minima[0]] if len(minima) else []
    if len(later) == 0:
        return float("nan")
    around = slice(later[0] - 1, later[0] + 2)
    centre = r[later[0]]
    bend, slope, _ = np.polyfit(r[around] - centre, curve[around], 2)
    return float(centre - slope / (2 * bend)) if bend < 0 else float(centre)
