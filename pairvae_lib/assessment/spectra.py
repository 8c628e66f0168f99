"""Micrographs as scattering: their power spectra, as features and as a prediction that nothing was trained for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from pairvae_lib.checks import check_finite, check_mask, check_shape
from pairvae_lib.data.scattering import power_spectrum
from pairvae_lib.models.kernel_regression import KernelRegression

SPECTRUM_FLOOR = 1e-3  # variance per mode; keeps the logarithm finite where a mask has no power
SPECTRUM_EDGES = np.geomspace(0.04, 0.5, 24)  # cycles per pixel that the largest q may stand for


def power_spectrum_features(crops: np.ndarray) -> np.ndarray:
    """Logarithm of the power spectrum of each sample, averaged over its crops: its scattering, to first order.

    Masks of shape (n, crops, height, width) give (n, height, width), zero frequency at the centre; crops of the size of
    the pattern give spectra of that size.

    Source
    ------
    The paper's introduction: "One could in principle apply fast Fourier transform on an SEM image to obtain a
    SAXS-like scattering pattern albeit with worse statistics". It does not compare with it.
    """
    check_mask("crops", crops)
    if crops.ndim != 4:
        raise ValueError(f"crops must have shape (n, crops, height, width); got {crops.shape}")
    power = np.stack([np.mean([power_spectrum(crop) for crop in sample], axis=0) for sample in crops])
    return np.log(power + SPECTRUM_FLOOR)


def fourier_transform(
    crops: np.ndarray, scattering: np.ndarray, train: Sequence[int], q: np.ndarray | None = None
) -> np.ndarray:
    """The power spectrum of the micrographs as their scattering, without anything learnt but three numbers.

    These are the scale of the scattering vector and the two of a straight line from the logarithm of the power to the
    intensity: least squares over the training samples. Source: see `power_spectrum_features`.

    Parameters
    ----------
    crops : bool ndarray of shape (n, crops, height, width)
    scattering : ndarray of shape (n, height, width) or (n, points)
        In [0, 1], as what is returned.
    q : ndarray of shape (points,), optional
        q of 1-D profiles, in any unit.
    """
    check_finite("scattering", scattering)
    chosen = np.asarray(train)
    if (q is not None) != (scattering.ndim == 2):
        raise ValueError(f"q must be given for 1-D profiles alone; got {q!r} for scattering of {scattering.shape}")
    spectra = power_spectrum_features(crops)
    height, width = spectra.shape[-2:]
    if q is None:
        rows, columns = (np.linspace(-1, 1, length) for length in scattering.shape[1:])
        at = np.stack(np.meshgrid(rows, columns, indexing="ij"))  # in units of the largest q along an axis
    else:
        turns = np.linspace(0, np.pi, 64, endpoint=False)
        at = np.stack([np.outer(np.abs(q), np.sin(turns)), np.outer(np.abs(q), np.cos(turns))]) / np.abs(q).max()

    def guess(edge: float) -> tuple[float, np.ndarray]:
        """Squared error on the training samples, and the prediction, if the largest q is `edge` cycles a pixel."""
        places = at * edge * np.array([height, width]).reshape(2, *[1] * (at.ndim - 1))
        places += np.array([height // 2, width // 2]).reshape(2, *[1] * (at.ndim - 1))
        mapped = np.stack([ndimage.map_coordinates(spectrum, places, order=1, mode="nearest") for spectrum in spectra])
        mapped = mapped if q is None else mapped.mean(axis=-1)
        x, y = mapped[chosen], scattering[chosen]
        slope = ((x - x.mean()) * (y - y.mean())).mean() / max(x.var(), 1e-12)  # a flat spectrum predicts the mean
        predicted = np.clip(slope * (mapped - x.mean()) + y.mean(), 0, 1)
        return float(np.square(predicted[chosen] - scattering[chosen]).sum()), predicted

    return min((guess(edge) for edge in SPECTRUM_EDGES), key=lambda found: found[0])[1]


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
