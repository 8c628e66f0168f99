"""What scattering says of a morphology: components of its statistics, by a regression that is learnt in a second.

Some fifty patterns are too few for a network to find out what matters in them. Kernel ridge regression needs no more;
so it reads the statistics of the morphology off the scattering, and the flow draws masks that have them. In place of
scattering there may be micrographs by another technique: their power spectra are read, which know no place.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pairvae_lib.checks import check_finite, check_mask, check_shape
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import Indices, Measurements
from pairvae_lib.models.kernel_regression import KernelRegression
from pairvae_lib.morphology.masks import directional_correlation, lineal_path, phase_fraction, two_point_correlation

MISSED = 0.25  # root-mean-square error of the regression, left out, in the units of every component
EXACT = 0.03  # of a component's deviation; no regression is trusted to err less
LOOKS = 16  # crops of a micrograph whose power spectra are averaged; of one alone the spectrum is mostly noise
POWER_FLOOR = 1e-3  # variance per mode; keeps the logarithm finite where a micrograph has no power


def morphology_components(masks: np.ndarray, components: int) -> np.ndarray:
    """Leading principal components of the statistics of a set of morphologies, masks of shape (n, crops, size, size).

    Returns
    -------
    float64 ndarray of shape (n, components)
        Each of mean 0 and variance 1 over the n, or 0 from the n-th on and where nothing varies; of two-point
        correlation, directional correlation, phase fraction and both lineal paths, which count alike.
    """
    check_mask("masks", masks)
    quarter = masks.shape[-1] // 4
    lengths = np.arange(quarter + 1)
    statistics = [
        two_point_correlation(masks)[1],
        directional_correlation(masks, quarter, normalised=True),
        phase_fraction(masks)[..., np.newaxis],
        *(lineal_path(masks, direction, lengths)[1] for direction in ("vertical", "horizontal")),
    ]
    blocks = []
    for values in statistics:
        mean = values.mean(axis=1).reshape(len(masks), -1)
        centred = mean - mean.mean(axis=0)
        blocks.append(centred / max(math.sqrt(np.square(centred).sum(axis=1).mean()), 1e-6))
    scores, deviation, axes = np.linalg.svd(np.concatenate(blocks, axis=1), full_matrices=False)
    signs = np.sign(axes[range(len(axes)), np.abs(axes).argmax(axis=1)])  # the same everywhere
    varies = deviation > 1e-6  # equal samples: no signal, no NaN
    whitened = scores * (signs * varies * math.sqrt(len(masks)))
    return np.pad(whitened, ((0, 0), (0, max(0, components - len(axes)))))[:, :components]


def conditioning(measured: Measurements, indices: Indices, rng: np.random.Generator) -> NDArray[np.float32]:
    """What a condition is read off: scattering, (m, 1, *shape), or LOOKS random crops of each micrograph."""
    looks = LOOKS if measured.modality.is_cropped else 1
    return measured.shown(np.repeat(indices, looks), rng).reshape(-1, looks, *measured.modality.shape)


def scattering_features(scattering: Tensor) -> Tensor:
    """(B, 1, *shape) -> float64 (B, F): of a pattern the root of its means over 2 x 2 px, a profile as it is."""
    scattering = scattering.double()
    return (_halved(scattering).clamp(min=0).sqrt() if scattering.ndim == 4 else scattering).flatten(1)


def micrograph_features(crops: Tensor) -> Tensor:
    """(B, crops, H, W) -> float64 (B, F): the logarithm of the mean power spectrum of the crops, over 2 x 2 px of it.

    Half the plane, since the other half is the same. A micrograph that is shifted has the same features.
    """
    crops = crops.double()
    centred = crops - crops.mean(dim=(2, 3), keepdim=True)
    power = torch.fft.rfft2(centred, norm="ortho").abs().square().mean(dim=1)
    return (_halved(power) + POWER_FLOOR).log().flatten(1)


def _halved(images: Tensor) -> Tensor:
    """Means over 2 x 2 px: (B, ..., H, W) -> (B, H // 2, W // 2)."""
    height, width = (length // 2 for length in images.shape[-2:])
    return images[..., : 2 * height, : 2 * width].reshape(-1, height, 2, width, 2).mean(dim=(2, 4))


class StatisticsRegression(nn.Module):
    """Scattering to components of the statistics: kernel ridge regression with a Gaussian kernel, one a component.

    It learns from so many `samples`. Scattering has 1 channel; micrographs in its place have any number of crops.
    """

    known: Tensor
    weights: Tensor
    offsets: Tensor
    widths: Tensor

    def __init__(self, scattering: Modality, samples: int, components: int):
        super().__init__()
        self.scattering = scattering
        self.channels: int | str = "crops" if scattering.is_cropped else 1
        self.features = micrograph_features if scattering.is_cropped else scattering_features
        halves = (length // 2 for length in scattering.shape)
        features = math.prod(halves if scattering.is_image else scattering.shape) // (1 + scattering.is_cropped)
        self.register_buffer("known", torch.zeros(samples, features))
        self.register_buffer("weights", torch.zeros(samples, components))
        self.register_buffer("offsets", torch.zeros(components))
        self.register_buffer("widths", torch.ones(components))

    def learn(self, scattering: np.ndarray, targets: np.ndarray) -> Tensor:
        """Learn from pairs: scattering, float32 (samples, channels, *shape), and targets (samples, components).

        Returns the targets, (samples, components), in the units of the answers, in which the regression misses them by
        MISSED when they are left out.
        """
        samples, components = self.weights.shape
        check_shape("scattering", scattering, (samples, self.channels, *self.scattering.shape))
        check_shape("targets", targets, (samples, components))
        check_finite("scattering", scattering)
        features = self.features(torch.from_numpy(scattering))
        scaled = np.zeros_like(targets)
        for place in range(components):
            fitted = KernelRegression(features.numpy(), targets[:, [place]])
            missed = max(math.sqrt(np.square(fitted.left_out).mean()), EXACT)
            unit = MISSED / missed
            scaled[:, place] = unit * targets[:, place]
            self.weights[:, place] = torch.from_numpy(unit * fitted.weights[:, 0])
            self.offsets[place] = unit * fitted.offset[0]
            self.widths[place] = fitted.width
        self.known.copy_(features)
        return torch.from_numpy(scaled).float()

    def forward(self, scattering: Tensor) -> Tensor:
        """(B, channels, *shape) -> (B, components)."""
        check_shape("scattering", scattering, ("batch", self.channels, *self.scattering.shape))
        known, widths, weights = (one.double() for one in (self.known, self.widths, self.weights))
        squares = self._squared_distances(self.features(scattering), known)
        kernel = torch.exp(-squares[:, :, None] / (2 * widths.square()))  # (B, samples, components)
        # in float64: the weights are large numbers that nearly cancel
        return ((kernel * weights).sum(dim=1) + self.offsets).float()

    def _squared_distances(self, features: Tensor, known: Tensor) -> Tensor:
        """(B, F) and (samples, F) -> (B, samples)."""
        return torch.cdist(features, known, compute_mode="donot_use_mm_for_euclid_dist").square()
