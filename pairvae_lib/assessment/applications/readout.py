"""Hard-to-read to easy-to-read data: spacing, fraction and class of the domains, read off an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_one_of, check_shape
from pairvae_lib.morphology.masks import directional_correlation, domain_period, phase_fraction, two_point_correlation

NUMBERS = ("period", "fraction")


class ClassReader:
    """The class of an ensemble: that of the training samples whose mean directional correlation is nearest.

    Parameters
    ----------
    masks : bool ndarray of shape (m, n, height, width)
        Several crops of each of m training micrographs.
    morphologies : sequence of str, length m
        Their classes.
    """

    def __init__(self, masks: NDArray[np.bool_], morphologies: Sequence[str]):
        if not len(masks) or len(morphologies) != len(masks):
            raise ValueError(f"morphologies must be {len(masks)} as masks, and at least one; got {len(morphologies)}")
        features = _directional(masks)
        self.names = tuple(sorted(set(morphologies)))
        labels = np.asarray(morphologies)
        self._centres = np.stack([features[labels == name].mean(axis=0) for name in self.names])

    def __call__(self, masks: NDArray[np.bool_]) -> NDArray[np.str_]:
        """Classes of ensembles, (m, n, height, width) -> (m,)."""
        features = _directional(masks)
        distance = np.square(features[:, np.newaxis] - self._centres).sum(axis=-1)
        return np.array(self.names)[distance.argmin(axis=1)]


@dataclass(frozen=True, eq=False)
class Readout:
    """What is read off the ensembles of m samples.

    Parameters
    ----------
    period : ndarray of shape (m,) [px]
        First maximum of the mean S2; NaN where it has none.
    fraction : ndarray of shape (m,)
        Share of PMMA.
    morphology : ndarray of str, shape (m,)
    """

    period: np.ndarray
    fraction: np.ndarray
    morphology: np.ndarray


def readout(masks: NDArray[np.bool_], reader: ClassReader) -> Readout:
    """Spacing, fraction and class of the domains in ensembles.

    Parameters
    ----------
    masks : bool ndarray of shape (m, n, height, width)
    reader : ClassReader
    """
    check_shape("masks", masks, ("samples", "members", "height", "width"))
    r, s2 = two_point_correlation(masks)
    return Readout(domain_period(r, s2.mean(axis=1)), phase_fraction(masks).mean(axis=1), reader(masks))


def reading_rows(
    sample_ids: Sequence[str], morphologies: Sequence[str], true: Readout, read: Readout
) -> list[dict[str, str | float]]:
    """What was read of every sample, beside the same read off its true micrograph.

    Parameters
    ----------
    sample_ids, morphologies : sequence of str, length m
    true, read : Readout

    Returns
    -------
    list of dict
        One for each sample: "sample", "morphology" (as the data say), "class read", "class read, true",
        "period [px]", "period, true", "fraction", "fraction, true".
    """
    return [
        {
            "sample": sample_id,
            "morphology": morphology,
            "class read": str(read.morphology[k]),
            "class read, true": str(true.morphology[k]),
            "period [px]": float(read.period[k]),
            "period, true": float(true.period[k]),
            "fraction": float(read.fraction[k]),
            "fraction, true": float(true.fraction[k]),
        }
        for k, (sample_id, morphology) in enumerate(zip(sample_ids, morphologies, strict=True))
    ]


def reading_errors(found: Mapping[str, Readout], morphologies: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Error of every reading.

    Parameters
    ----------
    found, morphologies
        As `agreement_rows`.

    Returns
    -------
    dict of quantity to dict of way to ndarray of shape (m,)
        "period [px]" and "PMMA fraction": absolute difference from that off the true micrograph, NaN where either could
        not be read; "class": 1 where it is wrong. Without "true".
    """
    check_one_of("'true'", "true", tuple(found))
    true, labels = found["true"], np.asarray(morphologies)
    ways = {name: read for name, read in found.items() if name != "true"}
    return {
        "period [px]": {name: np.abs(read.period - true.period) for name, read in ways.items()},
        "PMMA fraction": {name: np.abs(read.fraction - true.fraction) for name, read in ways.items()},
        "class": {name: (read.morphology != labels).astype(float) for name, read in ways.items()},
    }


def agreement_rows(found: Mapping[str, Readout], morphologies: Sequence[str]) -> list[dict[str, str | float]]:
    """How well readings agree with those off the true micrographs, and with the true classes.

    Parameters
    ----------
    found : mapping of str to Readout
        By the way that drew the ensembles; "true" for crops of the true micrographs.
    morphologies : sequence of str, length m
        The true classes.

    Returns
    -------
    list of dict
        One for each way: "way"; of period and fraction the correlation coefficient with the true ones and the median
        absolute error, over the samples of which both are known; "period read", the share of samples of which the
        period could be read; "class", the share of classes that are right. A correlation is NaN where one side does not
        vary.
    """
    check_one_of("'true'", "true", tuple(found))
    rows = []
    for name, read in found.items():
        row: dict[str, str | float] = {"way": name}
        for number in NUMBERS:
            values, true = getattr(read, number), getattr(found["true"], number)
            known = np.isfinite(values) & np.isfinite(true)
            varies = known.sum() > 2 and np.ptp(values[known]) > 0 and np.ptp(true[known]) > 0
            row[f"{number}: correlation"] = float(np.corrcoef(values[known], true[known])[0, 1]) if varies else np.nan
            row[f"{number}: error"] = float(np.median(np.abs(values - true)[known])) if known.any() else np.nan
        row["period read"] = float(np.isfinite(read.period).mean())
        row["class"] = float((read.morphology == np.asarray(morphologies)).mean())
        rows.append(row)
    return rows


def _directional(masks: NDArray[np.bool_]) -> np.ndarray:
    """Directional autocorrelation up to a quarter of the image, averaged over each ensemble, (m, features)."""
    quarter = min(masks.shape[-2:]) // 4
    return directional_correlation(masks, quarter, normalised=True).mean(axis=1).reshape(len(masks), -1)
