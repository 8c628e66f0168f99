"""Pairs of pixels by the vector between them, counted for stacks of masks through the Fourier transform."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft, sparse


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
