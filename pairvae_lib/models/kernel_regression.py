"""Kernel ridge regression whose two settings are chosen by leaving one sample out."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.kernel_ridge import KernelRidge

KERNEL_WIDTHS = (0.5, 1.0, 2.0, 4.0)  # in root-mean-square distances between training samples
NOISE_LEVELS = (1e-3, 1e-2, 1e-1, 1.0)  # noise variance over signal variance
MEAN_VARIANCE = 1e3  # prior variance of the mean over signal variance: the mean is left free


class KernelRegression:
    """scikit-learn's kernel ridge regression, with a Gaussian kernel, a free mean, and the settings that generalise.

    Parameters
    ----------
    features : ndarray of shape (n, F)
    targets : ndarray of shape (n, outputs)

    Attributes
    ----------
    width : float [unit of the features]
        The prediction is exp(-d^2 / (2 width^2)) @ weights + offset, with d the distances to the n samples.
    weights : ndarray of shape (n, outputs)
    offset : ndarray of shape (outputs,)
    left_out : ndarray of shape (n, outputs)
        What each sample is missed by, target less prediction, when it is left out.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray):
        if len(features) < 3:
            raise ValueError(f"training samples must be at least 3; got {len(features)}")
        self._known = features.astype(np.float64)
        scale = float(np.mean(pdist(self._known, "sqeuclidean")))
        if scale == 0:
            raise ValueError("features of the training samples must differ; got equal ones only")
        least = np.inf
        for width, noise in product(KERNEL_WIDTHS, NOISE_LEVELS):
            kernel = _kernel(self._known, self._known, width * np.sqrt(scale))
            ridge = KernelRidge(alpha=noise, kernel="precomputed").fit(kernel, targets.astype(np.float64))
            left_out = ridge.dual_coef_ / np.diag(np.linalg.inv(kernel + noise * np.eye(len(kernel))))[:, np.newaxis]
            error = float(np.square(left_out).sum())
            if error < least:
                least, self.width = error, width * float(np.sqrt(scale))
                self.weights, self.left_out = ridge.dual_coef_, left_out
        self.offset = MEAN_VARIANCE * self.weights.sum(axis=0)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Targets of features of shape (m, F): (m, outputs)."""
        return _kernel(features, self._known, self.width) @ self.weights


def _kernel(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernel of unit variance, and the variance of the mean."""
    return np.exp(-cdist(first, second, "sqeuclidean") / (2 * width**2)) + MEAN_VARIANCE
