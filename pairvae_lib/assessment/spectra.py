"""Micrographs as scattering: their power spectra, as features and as a prediction that nothing was trained for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy import ndimage

from pairvae_lib.checks import check_finite, check_shape
from pairvae_lib.data.scattering import power_spectrum
from pairvae_lib.models.kernel_regression import KernelRegression

WHITE = 0.55  # of a mean over four pixels to one: 1/2 for independent ones, 1 for what all have in common
SPECTRUM_FLOOR = 1e-3  # variance per mode; keeps the logarithm finite where a mask has no power
SPECTRUM_EDGES = np.geomspace(0.04, 0.5, 24)  # cycles per pixel that the largest q may stand for, where it is not known


def power_spectrum_features(crops: np.ndarray) -> np.ndarray:
    """Logarithm of the power spectrum of each sample, averaged over its crops: its scattering, to first order.

    Masks or grey levels of shape (n, crops, height, width) give (n, height, width), zero frequency at the centre; crops
    of the size of the pattern give spectra of that size.

    Source
    ------
    The paper's introduction: "One could in principle apply fast Fourier transform on an SEM image to obtain a
    SAXS-like scattering pattern albeit with worse statistics". It does not compare with it.
    """
    if crops.ndim != 4 or crops.dtype.kind not in "bf":
        raise ValueError(
            "crops must be masks (bool) or grey levels (float) of shape (n, crops, height, width); got "
            f"{crops.dtype} of {crops.shape}"
        )
    power = np.stack([np.mean([power_spectrum(crop) for crop in sample], axis=0) for sample in crops])
    return np.log(power + SPECTRUM_FLOOR)


def fourier_transform(
    crops: np.ndarray, scattering: np.ndarray, train: Sequence[int], q: np.ndarray | None = None,
    cycles: np.ndarray | None = None,
) -> np.ndarray:
    """The power spectrum of the micrographs as their scattering, without anything learnt but two numbers.

    These are the ones of a straight line from the logarithm of the power to the intensity: least squares over the
    training samples. Where the geometry is not known, the scale of the scattering vector is a third. Pixels of patterns
    that are 0 in every training sample record nothing (beam stop, gaps): they do not count, and stay 0. The beam hits
    the centre of a pattern. Source: see `power_spectrum_features`.

    Parameters
    ----------
    crops : bool ndarray of shape (n, crops, height, width)
    scattering : ndarray of shape (n, height, width) or (n, points)
        In [0, 1], as what is returned.
    q : ndarray of shape (points,), optional
        q of 1-D profiles, in any unit.
    cycles : ndarray of shape (n,), optional
        Cycles per pixel of the micrograph that one pixel of the pattern, or one unit of q, stands for.
    """
    check_finite("scattering", scattering)
    chosen = np.asarray(train)
    if (q is not None) != (scattering.ndim == 2):
        raise ValueError(f"q must be given for 1-D profiles alone; got {q!r} for scattering of {scattering.shape}")
    spectra = power_spectrum_features(crops)
    if q is None:
        rows, columns = (np.arange(length) - (length - 1) / 2 for length in scattering.shape[1:])
        at = np.stack(np.meshgrid(rows, columns, indexing="ij"))  # [px of the pattern] from the beam
        seen = (scattering[chosen] > 0).any(axis=0)
    else:
        turns = np.linspace(0, np.pi, 64, endpoint=False)
        at = np.stack([np.outer(np.abs(q), np.sin(turns)), np.outer(np.abs(q), np.cos(turns))])
        seen = np.ones(scattering.shape[1:], dtype=bool)
    if not seen.any():
        raise ValueError("scattering must be above 0 somewhere in the training samples; got 0 everywhere")

    def guess(scales: np.ndarray) -> tuple[float, np.ndarray]:
        """Squared error on the training samples, and the prediction, with so many cycles per unit of `at`."""
        mapped = np.stack([_spectrum_at(one, at * scale) for one, scale in zip(spectra, scales, strict=True)])
        mapped = mapped if q is None else mapped.mean(axis=-1)
        x, y = mapped[chosen][:, seen], scattering[chosen][:, seen]
        slope = ((x - x.mean()) * (y - y.mean())).mean() / max(x.var(), 1e-12)  # a flat spectrum predicts the mean
        predicted = np.where(seen, np.clip(slope * (mapped - x.mean()) + y.mean(), 0, 1), 0)
        return float(np.square(predicted[chosen] - scattering[chosen]).sum()), predicted

    if cycles is not None:
        check_shape("cycles", cycles, (len(scattering),))
        check_finite("cycles", cycles)
        return guess(cycles)[1]
    guesses = (guess(np.full(len(scattering), edge / np.abs(at).max())) for edge in SPECTRUM_EDGES)
    return min(guesses, key=lambda found: found[0])[1]


def _spectrum_at(spectrum: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """A spectrum (height, width), zero frequency at the centre, at frequencies (2, ...) [cycles per pixel]: (...)."""
    sides = np.array(spectrum.shape).reshape(2, *[1] * (cycles.ndim - 1))
    return ndimage.map_coordinates(spectrum, cycles * sides + sides // 2, order=1, mode="nearest")


def noise_floor(patterns: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """Mean absolute error of a perfect answer without noise; only one that copies the noise has less.

    A pattern through the beam is the same on both sides of it (Friedel's law), so what differs is the noise of two
    pixels. The beam is where turned patterns differ least, within a sixteenth of a side about the centre.

    Parameters
    ----------
    patterns : ndarray of shape (n, channels, height, width)
        As the errors compare them.
    seen : bool ndarray of shape (n, height, width)
        Pixels that record something; the others have no noise.

    Returns
    -------
    ndarray of shape (n,), or None
        None if what differs is not the noise of single pixels: its means over 2 x 2 pixels are then more than half as
        large. So it is where the beam grazes the sample, and where patterns were made smaller.
    """
    check_shape("patterns", patterns, ("n", "channels", "height", "width"))
    check_shape("seen", seen, (len(patterns), *patterns.shape[2:]))
    reach = min(patterns.shape[2:]) // 16
    mean, seen_in_all = patterns.mean(axis=(0, 1)), np.asarray(seen.all(axis=0))
    shifts = product(range(-reach, reach + 1), repeat=2)

    def difference(of: np.ndarray, seen: np.ndarray, shift: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """To the turned and shifted pattern, 0 where either is not seen; and where both are."""
        turned, turned_seen = (
            ndimage.shift(one[..., ::-1, ::-1], (*(0,) * (one.ndim - 2), *shift), order=0) for one in (of, seen)
        )
        both = np.broadcast_to(np.logical_and(seen, turned_seen), of.shape)
        return np.where(both, of - turned, 0), both

    def mean_difference(shift: tuple[int, ...]) -> float:
        between, both = difference(mean, seen_in_all, shift)
        return float(np.abs(between).sum() / both.sum()) if both.any() else np.inf

    between, both = difference(patterns, seen[:, np.newaxis], min(shifts, key=mean_difference))
    blocks, whole = (_blocks(one) for one in (between, both))
    whole = np.asarray(whole.all(axis=(3, 5)))
    singles, means = np.abs(blocks).mean(axis=(3, 5))[whole], np.abs(blocks.mean(axis=(3, 5)))[whole]
    if not len(singles) or not means.mean() <= WHITE * singles.mean():
        return None
    noise = np.abs(between).sum(axis=(1, 2, 3)) / both.sum(axis=(1, 2, 3)) / np.sqrt(2)
    return noise * seen.mean(axis=(1, 2))


def _blocks(images: np.ndarray) -> np.ndarray:
    """Images (n, channels, height, width) in blocks of 2 x 2 pixels: (n, channels, rows, 2, columns, 2)."""
    n, channels, height, width = images.shape
    even = images[..., : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, channels, height // 2, 2, width // 2, 2)


class SpectralReadout:
    """Micrographs to scattering by the regression of `baselines.kernel_ridge` from their power spectra.

    Parameters
    ----------
    spectra : ndarray of shape (n, height, width)
        `power_spectrum_features` of the training samples.
    scattering : ndarray of shape (n, ...)
        Patterns or profiles of the same samples, in [0, 1].
    """

    def __init__(self, spectra: np.ndarray, scattering: np.ndarray):
        if len(scattering) != len(spectra):
            raise ValueError(f"scattering must hold {len(spectra)} samples as the spectra; got {len(scattering)}")
        check_finite("spectra", spectra)
        check_finite("scattering", scattering)
        self.spectrum_shape, self.shape = spectra.shape[1:], scattering.shape[1:]
        self.regression = KernelRegression(*(values.reshape(len(values), -1) for values in (spectra, scattering)))

    def predict(self, spectra: np.ndarray) -> np.ndarray:
        """Scattering of spectra (n, height, width): (n, ...) in [0, 1]."""
        check_shape("spectra", spectra, ("n", *self.spectrum_shape))
        predicted = self.regression.predict(spectra.reshape(len(spectra), -1))
        return np.clip(predicted, 0, 1).reshape(len(spectra), *self.shape)
