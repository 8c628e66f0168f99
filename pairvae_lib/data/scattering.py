"""Scattering data as arrays: the colour map of published patterns, power spectra, rings, and folded 1-D profiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pairvae_lib.checks import check_finite, check_shape

# The colour map of the published SAXS files: straight lines between these colours, at equal steps of intensity.
COLOUR_STOPS = np.array([(0, 0, 0), (0, 0, 254), (254, 0, 0), (254, 254, 0), (254, 254, 254)], dtype=np.float64)

SHADOW_LEVEL = 0.1  # of a branch's largest intensity: weaker maxima next to the beam are leaks behind the beam stop
SHADOW_JUMP = 2.0  # intensity ratio of neighbouring points at the edge of a beam stop
FEW_NEGATIVE = 0.01  # of the points of a profile
PEAK_TOLERANCE = 1.25  # intensity ratio of the far side of a sharp peak to its near side
GAP_SPACINGS = 3.0  # median point spacings; a wider hole in q is a detector gap, and is not interpolated across


def colour_mapped(values: ArrayLike) -> NDArray[np.uint8]:
    """Colours of scalar intensities, in the colour map of the published SAXS files.

    Parameters
    ----------
    values : array of shape (...)
        Intensities in [0, 1].

    Returns
    -------
    ndarray of uint8, shape (..., 3)
        RGB levels.

    Source
    ------
    Read off the files of Doerk et al. (2023) as the public PairVAE notebooks show them; approximate by a level or two.
    """
    values = np.asarray(values, dtype=np.float64)
    check_finite("values", values)
    if values.size and (values.min() < 0 or values.max() > 1):
        raise ValueError(f"values must lie in [0, 1]; got {values.min():g} to {values.max():g}")
    levels = np.linspace(0, 1, len(COLOUR_STOPS))
    return np.rint(np.stack([np.interp(values, levels, stop) for stop in COLOUR_STOPS.T], axis=-1)).astype(np.uint8)


def inverted_colour_map(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Scalar intensities of a colour-mapped pattern: the nearest point of the colour map to every pixel.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        RGB levels.

    Returns
    -------
    values : ndarray of float32, shape (H, W)
        Intensities in [0, 1]; exact where `rgb` comes from `colour_mapped` of multiples of 1/1016.
    residual : float
        Mean distance of the pixels from the colour map [RGB levels]: a few for JPEG files, tens for another colour map.
    """
    check_shape("rgb", rgb, ("height", "width", 3))
    pixels = np.asarray(rgb, dtype=np.float64)
    nearest = np.full(pixels.shape[:2], np.inf)
    values = np.zeros(pixels.shape[:2])
    for segment, (start, end) in enumerate(zip(COLOUR_STOPS[:-1], COLOUR_STOPS[1:], strict=True)):
        along = end - start
        step = np.clip((pixels - start) @ along / (along @ along), 0, 1)
        distance = np.linalg.norm(pixels - (start + step[..., None] * along), axis=-1)
        closer = distance < nearest
        nearest[closer] = distance[closer]
        values[closer] = (segment + step[closer]) / (len(COLOUR_STOPS) - 1)
    return values.astype(np.float32), float(nearest.mean())


def power_spectrum(image: ArrayLike) -> NDArray[np.float64]:
    """Power spectrum of an image about its mean, |FFT|^2 over the number of pixels.

    Parameters
    ----------
    image : array of shape (H, W)
        A mask or grey levels.

    Returns
    -------
    ndarray of shape (H, W)
        Zero frequency at (H // 2, W // 2); the mean over all frequencies is the variance of the image.

    Source
    ------
    The scattering of a flat object in the kinematic approximation. The paper names it ("one could in principle apply
    FFT on an SEM image") and does not use it.
    """
    grey = np.asarray(image, dtype=np.float64)
    check_shape("image", grey, ("height", "width"))
    check_finite("image", grey)
    spectrum = np.abs(np.fft.fft2(grey - grey.mean())) ** 2 / grey.size
    return np.fft.fftshift(spectrum)


def azimuthal_average(
    pattern: ArrayLike, centre: tuple[float, float] | None = None, valid: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean intensity on rings about the beam centre.

    Parameters
    ----------
    pattern : array of shape (H, W)
        Intensities.
    centre : (row, col), optional
        Beam centre [px], (H // 2, W // 2) by default.
    valid : ndarray of bool, shape (H, W), optional
        False where the detector saw nothing (beam stop, gaps); all pixels by default.

    Returns
    -------
    q_px : ndarray of shape (R,)
        Ring radii [px]; ring k holds the pixels from k - 1/2 up to k + 1/2. Only rings that lie within the pattern,
        and no ring without a valid pixel.
    intensity : ndarray of shape (R,)
        Mean intensity of each ring.
    """
    values = np.asarray(pattern, dtype=np.float64)
    check_shape("pattern", values, ("height", "width"))
    height, width = values.shape
    row, col = (height // 2, width // 2) if centre is None else centre
    if not (0 <= row <= height - 1 and 0 <= col <= width - 1):
        raise ValueError(f"centre must lie within the pattern of {height} x {width} px; got {(row, col)}")
    usable = np.ones(values.shape, dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    check_shape("valid", usable, values.shape)
    check_finite("pattern", values[usable])

    rows, cols = np.indices(values.shape)
    ring = np.floor(np.hypot(rows - row, cols - col) + 0.5).astype(np.intp)
    rings = int(min(row, col, height - 1 - row, width - 1 - col)) + 1
    inside = usable & (ring < rings)
    counts = np.bincount(ring[inside], minlength=rings)
    sums = np.bincount(ring[inside], weights=values[inside], minlength=rings)
    seen = np.flatnonzero(counts)
    return seen.astype(np.float64), sums[seen] / counts[seen]


def folded_profile(
    q: ArrayLike, intensity: ArrayLike, left_out: dict[str, int] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One branch of positive q from a line cut through the beam.

    The branches are averaged where both were measured; a branch is interpolated linearly, but not across detector
    gaps. Points without intensity (zero, or not a number) and points in the shadow of the beam stop are dropped. The
    shadow ends at the last jump of intensity by more than a factor of `SHADOW_JUMP` on the way from the beam to the
    first maximum: a profile that rises smoothly, or falls from its first point on, has none. A sharp peak, which falls
    behind its maximum as it rose before, is no shadow. Negative intensities, as noise leaves them behind a subtracted
    background, are averaged with their weaker neighbours until the mean is positive: dropping them would bias the rest.
    Where they are no more than `FEW_NEGATIVE` of the points they are dropped.

    Parameters
    ----------
    q : array of shape (N,)
        Scattering vector, in any unit and order; negative on one side of the beam.
    intensity : array of shape (N,)
        Intensities, in any unit.
    left_out : dict, optional
        Gets the numbers of points that do not stand for themselves, by the reason why.

    Returns
    -------
    q : ndarray of shape (M,)
        Positive and rising, in the unit of the input.
    intensity : ndarray of shape (M,)
        Positive.
    """
    signed_q, counts = np.asarray(q, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    check_shape("q", signed_q, ("points",))
    check_shape("intensity", counts, signed_q.shape)
    finite = np.isfinite(signed_q) & np.isfinite(counts) & (signed_q != 0)
    negative = finite & (counts < 0)
    are_few = negative.sum() <= FEW_NEGATIVE * finite.sum()
    usable = finite & ((counts > 0) if are_few else (counts != 0))
    if not (usable & (counts > 0)).any():
        raise ValueError("profile must hold at least one point of positive intensity away from q = 0; got none")
    reasons = {} if left_out is None else left_out
    reasons |= {
        "at q = 0": int((~finite).sum()),
        "of zero intensity": int((finite & (counts == 0)).sum()),
        "negative": int(negative.sum()) if are_few else 0,
    }
    signed_q, counts = signed_q[usable], counts[usable]

    sides = [side for side in (signed_q > 0, signed_q < 0) if (counts[side] > 0).any()]
    reasons["negative, on a side without any intensity"] = len(counts) - int(sum(side.sum() for side in sides))
    branches = [_branch(np.abs(signed_q[side]), counts[side], reasons) for side in sides]
    merged_q = np.unique(np.concatenate([branch_q for branch_q, _ in branches]))
    measured = np.stack([_interpolated(merged_q, *branch) for branch in branches])
    return merged_q, np.nanmean(measured, axis=0)


def _branch(
    q: NDArray[np.float64], intensity: NDArray[np.float64], left_out: dict[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One side of the beam by rising q, repeated q averaged, without the shadow of the beam stop."""
    q, place = np.unique(q, return_inverse=True)
    intensity = np.bincount(place, weights=intensity) / np.bincount(place)
    if (intensity < 0).any():
        q, intensity = _positive(q, intensity, left_out)
    padded = np.concatenate([[-np.inf], intensity, [-np.inf]])
    peaks = (intensity >= padded[:-2]) & (intensity > padded[2:]) & (intensity >= SHADOW_LEVEL * intensity.max())
    edge = int(np.argmax(peaks))
    jumps = np.flatnonzero(intensity[1 : edge + 1] > SHADOW_JUMP * intensity[:edge])
    # Behind the edge of a beam stop the intensity stays high; behind a peak it is as low as at that distance before it.
    after = np.searchsorted(q, 2 * q[edge] - q[jumps]) + 1  # a point more, for the maximum lies between points
    across = np.append(intensity, np.inf)[np.minimum(after, len(q))]
    jumps = jumps[across > PEAK_TOLERANCE * intensity[jumps]]
    start = int(jumps[-1]) + 1 if jumps.size else 0
    _count(left_out, "in the shadow of the beam stop", start)
    return q[start:], intensity[start:]


def _positive(
    q: NDArray[np.float64], intensity: NDArray[np.float64], left_out: dict[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A branch of rising q in which every intensity that is not positive is averaged with its weaker neighbours.

    All points that are averaged get their mean, so that the mean over any stretch of q stays what it is.
    """
    first = int(np.argmax(intensity > 0))  # next to the beam there is nothing to average with
    _count(left_out, "negative, next to the beam", first)
    _count(left_out, "negative, averaged with a neighbour", int((intensity[first:] <= 0).sum()))
    blocks = [(float(value), 1) for value in intensity[first:]]  # sums and numbers of points
    place = 0
    while place < len(blocks):
        if blocks[place][0] > 0:
            place += 1
            continue
        beside = [i for i in (place - 1, place + 1) if 0 <= i < len(blocks)]
        if not beside:
            raise ValueError("profile must be positive on average; its negative intensities outweigh the others")
        low = min(min(beside, key=lambda i: blocks[i][0] / blocks[i][1]), place)
        (left, more), (right, others) = blocks[low : low + 2]
        blocks[low : low + 2] = [(left + right, more + others)]
        place = low
    sums, sizes = (np.array(part) for part in zip(*blocks, strict=True))
    return q[first:], np.repeat(sums / sizes, sizes)


def _count(left_out: dict[str, int], why: str, number: int) -> None:
    """Add to the points that were left out for a reason."""
    left_out[why] = left_out.get(why, 0) + number


def _interpolated(
    at: NDArray[np.float64], q: NDArray[np.float64], intensity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The branch at other q; NaN outside its range and within its gaps."""
    values = np.interp(at, q, intensity, left=np.nan, right=np.nan)
    if len(q) > 2:
        spacing = np.diff(q)
        right = np.clip(np.searchsorted(q, at), 1, len(q) - 1)
        in_gap = (spacing[right - 1] > GAP_SPACINGS * np.median(spacing)) & (at > q[right - 1]) & (at < q[right])
        values[in_gap] = np.nan
    return values
