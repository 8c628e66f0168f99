"""Statistics of binary micrographs: how much PMMA, at which distances, in which direction, in how many pieces.

Conventions: a mask is boolean of shape (..., height, width), True = PMMA; leading axes are a batch. Axis 0 is the row
(vertical, along the lines of the chemical grating), axis 1 the column. Lengths are in px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import fft, ndimage, signal, sparse

from pairvae_lib.checks import check_finite, check_mask, check_one_of


def pair_counts(stack: np.ndarray, reach: int, periodic: bool) -> np.ndarray:
    """Pairs of True pixels for row lags 0..reach and column lags -reach..reach; the others follow by symmetry."""
    height, width = stack.shape[-2:]
    rows, columns = (height, width) if periodic else (_padded(height, reach), _padded(width, reach))
    # the two axes one after the other: the rows of padding, and the lags that nobody asked for, cost nothing
    spectrum = fft.fft(fft.rfft(stack.astype(np.float64), n=columns, axis=-1), n=rows, axis=-2, overwrite_x=True)
    power = spectrum.real**2 + spectrum.imag**2
    by_row_lag = fft.ifft(power, axis=-2)[:, : reach + 1]
    by_lag = fft.irfft(by_row_lag, n=columns, axis=-1)
    column_lags = np.arange(-reach, reach + 1) % columns
    return np.rint(by_lag[..., column_lags])  # counts are whole numbers: no rounding error is left


def _padded(length: int, reach: int) -> int:
    """Length of an FFT in which lags up to `reach` do not wrap around."""
    return fft.next_fast_len(length + reach, real=True)


def overlap(height: int, width: int, reach: int) -> np.ndarray:
    """Pairs of pixels that exist at the lags of `pair_counts`, shape (reach + 1, 2 reach + 1)."""
    row_lags, column_lags = np.arange(reach + 1), np.arange(-reach, reach + 1)
    return np.outer(height - row_lags, width - np.abs(column_lags)).astype(np.float64)


@lru_cache(maxsize=16)
def ring_average(height: int, width: int, periodic: bool) -> tuple[np.ndarray, sparse.csr_array]:
    """Labels of the rings, and the matrix (rings, lags) that takes the pair counts to S2 in every ring."""
    rings = min(height, width) // 2
    row_lags, column_lags = np.mgrid[:rings, 1 - rings : rings]
    length = np.hypot(row_lags, column_lags)
    ring = (np.ceil(length) if periodic else np.floor(length)).astype(int)
    pairs = np.full(length.shape, float(height * width)) if periodic else overlap(height, width, rings - 1)
    times = np.where(row_lags == 0, 1.0, 2.0)  # a lag below the zero row stands for its mirror image as well
    inside = ring < rings
    members = np.bincount(ring[inside], weights=times[inside])
    mean_length = np.bincount(ring[inside], weights=(times * length)[inside]) / members
    weights = (times / pairs)[inside] / members[ring[inside]]
    average = sparse.csr_array((weights, (ring[inside], np.flatnonzero(inside))), shape=(rings, length.size))
    return (np.arange(rings) + 0.5 if periodic else mean_length), average


LineDirection = Literal["vertical", "horizontal"]
AXES: dict[LineDirection, int] = {"vertical": -2, "horizontal": -1}
IMAGES_AT_A_TIME = 2  # a stack is worked through in pieces that stay in the processor's cache


def phase_fraction(masks: np.ndarray) -> np.ndarray:
    """Fraction of pixels that are PMMA, shape (...), of bool masks of shape (..., height, width)."""
    check_mask("masks", masks)
    return masks.mean(axis=(-2, -1))


def two_point_correlation(masks: np.ndarray, periodic: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Radially averaged two-point correlation S2(r): the probability that two points at distance r are both PMMA.

    S2(0) is the phase fraction; without long-range order S2 tends to its square.

    Parameters
    ----------
    masks : bool ndarray of shape (..., height, width)
    periodic : bool
        False, the default: no pair reaches across the border, every lag is divided by the number of its pairs, so the
        estimate is unbiased. Bin k averages the lags of length [k, k + 1). Equal to `probability_scaled` of PoreSpy
        3.2.0; PoreSpy labels bin k with k + 0.5, here it is the mean length of its lags.
        True, the paper's convention (PoreSpy 2.2.2): the image repeats on all sides, and bin k averages the lags of
        length (k - 1, k] but is labelled k + 0.5, about 1 px too large. Only to compare with the paper's figures.

    Returns
    -------
    r : ndarray of shape (bins,) [px]
        With bins = min(height, width) // 2.
    s2 : ndarray of shape (..., bins)

    Notes
    -----
    Bins are 1 px wide at every size; PoreSpy's default of 100 bins widens them from 202 px on.

    Source
    ------
    Torquato, Random Heterogeneous Materials (2002), section 2.2; Lu and Jayaraman 2023, Fig. 3-7.
    """
    check_mask("masks", masks)
    height, width = masks.shape[-2:]
    if min(height, width) < 2:
        raise ValueError(f"masks must be at least 2 x 2 px; got {height} x {width}")
    radii, average = ring_average(height, width, periodic)
    reach = min(height, width) // 2 - 1
    stack = _flat_stack(masks)
    s2 = np.empty((len(stack), len(radii)))
    for piece in _pieces(stack):
        counts = pair_counts(stack[piece], reach, periodic)
        s2[piece] = (average @ counts.reshape(len(counts), -1).T).T
    return radii.copy(), s2.reshape(*masks.shape[:-2], len(radii))


def directional_correlation(masks: np.ndarray, max_lag: int, normalised: bool = False) -> np.ndarray:
    """Two-point correlation as a map over the lag vector: what S2(r) averages over, so lines keep their direction.

    Parameters
    ----------
    masks : bool ndarray of shape (..., height, width)
    max_lag : int [px]
        Largest lag along either axis.
    normalised : bool
        False: S2(row lag, column lag), the phase fraction at zero lag. True: the autocovariance divided by its value
        at zero lag, (S2 - phi^2) / (phi - phi^2): 1 at zero lag, 0 where points know nothing of each other. A mask of
        one phase has no structure to correlate and counts as 0 at every lag.

    Returns
    -------
    ndarray of shape (..., 2 max_lag + 1, 2 max_lag + 1)
        Zero lag at the centre. Unbiased: no pair reaches across the border.
    """
    check_mask("masks", masks)
    height, width = masks.shape[-2:]
    if not 0 <= max_lag < min(height, width):
        raise ValueError(
            f"max_lag must lie between 0 and {min(height, width) - 1} px for masks of {height} x {width} px; "
            f"got {max_lag!r}"
        )
    stack = _flat_stack(masks)
    pairs = overlap(height, width, max_lag)
    half = np.empty((len(stack), *pairs.shape))
    for piece in _pieces(stack):
        half[piece] = pair_counts(stack[piece], max_lag, periodic=False) / pairs
    # S2(-lag) = S2(lag): the upper half is the lower one turned by 180 degrees
    s2 = np.concatenate([half[:, :0:-1, ::-1], half], axis=1)
    if normalised:
        phi = phase_fraction(stack)[:, np.newaxis, np.newaxis]
        variance = phi * (1 - phi)
        s2 = np.divide(s2 - phi**2, variance, out=np.zeros_like(s2), where=variance > 0)
    return s2.reshape(*masks.shape[:-2], *s2.shape[-2:])


def lineal_path(
    masks: np.ndarray, axis: LineDirection = "vertical", lengths: Sequence[int] | np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lineal path function L(z): the probability that a segment of z px, thrown at random, lies wholly in PMMA.

    An exact count over all windows of z px along the axis. L(0) = L(1) is the phase fraction.

    Parameters
    ----------
    masks : bool ndarray of shape (..., height, width)
    axis : "vertical" or "horizontal"
        Direction of the segments.
    lengths : sequence of int [px], optional
        Segment lengths; by default 0, 1, ..., half the shorter side.

    Returns
    -------
    z : ndarray of shape (lengths,) [px]
    path : ndarray of shape (..., lengths)

    Source
    ------
    Lu and Torquato, Phys. Rev. A 45, 922 (1992). The paper does not say whether its figures show L(z) or the
    distribution of chord lengths (`chord_lengths`); the definition is taken here.
    """
    check_mask("masks", masks)
    check_one_of("axis", axis, tuple(AXES))
    along = masks.shape[AXES[axis]]
    z = np.arange(min(masks.shape[-2:]) // 2 + 1) if lengths is None else np.asarray(lengths)
    if z.ndim != 1 or not np.issubdtype(z.dtype, np.integer) or z.size == 0 or z.min() < 0 or z.max() > along:
        raise ValueError(f"lengths must be whole numbers between 0 and {along} px; got {lengths!r}")
    stack = _flat_stack(np.moveaxis(masks, AXES[axis], -1))
    px = np.maximum(z, 1)  # a segment of no length is a point, and so is one of 1 px
    path = np.empty((len(stack), len(z)))
    for index, lines in enumerate(stack):
        # a window of z px that ends here lies in PMMA if the run of PMMA up to here is z px or longer
        runs = np.bincount(_run_lengths(lines).ravel(), minlength=along + 1)
        at_least = runs[::-1].cumsum()[::-1]
        path[index] = at_least[px] / (len(lines) * (along + 1 - px))
    return z, path.reshape(*masks.shape[:-2], len(z))


def chord_lengths(mask: np.ndarray, axis: LineDirection = "vertical", spacing: int = 1) -> np.ndarray:
    """Length of every chord of PMMA on parallel lines through one mask.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
    axis : "vertical" or "horizontal"
        Direction of the lines.
    spacing : int [px]
        Lines left out between two lines. 1 is PoreSpy's `apply_chords(spacing=1, trim_edges=False)`; 0 takes all.

    Returns
    -------
    int ndarray of shape (chords,) [px]
        Line by line, from the first pixel on. Chords that the border cuts are kept.
    """
    check_mask("mask", mask)
    if mask.ndim != 2:
        raise ValueError(f"mask must have shape (height, width); got {mask.shape}")
    check_one_of("axis", axis, tuple(AXES))
    if spacing < 0:
        raise ValueError(f"spacing must be 0 px or more; got {spacing!r}")
    lines = (mask.T if axis == "vertical" else mask)[:: spacing + 1]
    steps = np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    return np.nonzero(steps == -1)[1] - np.nonzero(steps == 1)[1]


def component_counts(masks: np.ndarray) -> np.ndarray:
    """Count the connected pieces of PMMA (pixels that touch along an edge); of the other phase: pass `~masks`.

    Of bool masks of shape (..., height, width), an int ndarray of shape (...).
    """
    check_mask("masks", masks)
    counts = [ndimage.label(mask)[1] for mask in _flat_stack(masks)]
    return np.array(counts, dtype=int).reshape(masks.shape[:-2])


def dice(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dice overlap of two masks, pixel by pixel: 1 if they are equal (or both empty), 0 if they share nothing.

    Of bool masks of shape (..., height, width), whose leading axes broadcast, an ndarray of shape (...).
    """
    check_mask("first", first)
    check_mask("second", second)
    if first.shape[-2:] != second.shape[-2:]:
        raise ValueError(f"second must have the height and width of first, {first.shape[-2:]}; got {second.shape[-2:]}")
    total = first.sum(axis=(-2, -1)) + second.sum(axis=(-2, -1))
    shared = 2 * (first & second).sum(axis=(-2, -1))
    return np.divide(shared, total, out=np.ones(np.shape(total)), where=total > 0)


def _flat_stack(masks: np.ndarray) -> np.ndarray:
    """Masks with all leading axes made one."""
    return masks.reshape(math.prod(masks.shape[:-2]), *masks.shape[-2:])


def _pieces(stack: np.ndarray) -> list[slice]:
    """Slices of a few masks each, over the whole stack."""
    return [slice(start, start + IMAGES_AT_A_TIME) for start in range(0, len(stack), IMAGES_AT_A_TIME)]


def _run_lengths(lines: np.ndarray) -> np.ndarray:
    """Length of the run of True that ends at every pixel, along the last axis (0 where False)."""
    position = np.arange(1, lines.shape[-1] + 1, dtype=np.int32)
    last_false = np.maximum.accumulate(np.where(lines, np.int32(0), position), axis=-1)
    return position - last_false


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
    """How strongly S2 (..., bins) still oscillates at large distances: its standard deviation over the outer half of r.

    Of shape (...); 0 for a morphology whose domains know nothing of each other at these distances.
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
