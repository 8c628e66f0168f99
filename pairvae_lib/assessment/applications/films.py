"""A time series: from the scattering of a film while it is annealed to a film of its micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.checks import check_range, check_shape
from pairvae_lib.config import Profile
from pairvae_lib.data.preprocessing import binarised, random_crop, resized_pattern
from pairvae_lib.data.simulation.film import annealing
from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.morphology.masks import two_point_correlation

SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the whole annealing: much happens early
FLOOR = "other crops of the film"


@dataclass(frozen=True, eq=False)
class Film:
    """A film of t moments, as the model sees it.

    Parameters
    ----------
    times : ndarray of shape (t,) [time units of the phase field]
    scattering : float32 ndarray of shape (t, 1, size, size)
        In [0, 1].
    masks, others : bool ndarray of shape (t, n, size, size)
        Twice n crops of the micrograph, at the same places at all times.
    """

    times: np.ndarray
    scattering: NDArray[np.float32]
    masks: NDArray[np.bool_]
    others: NDArray[np.bool_]


def annealing_film(
    morphology: str, profile: Profile, seed: int, crops: int = 16, shares: Sequence[float] = SHARES
) -> Film:
    """A newly simulated film, which no model was trained on.

    Parameters
    ----------
    morphology : str
        One of `simulation.MORPHOLOGIES`.
    profile : Profile
        Its sizes and binarisation.
    seed : int
        Of its parameters and of everything random in it.
    crops : int
        Of each micrograph.
    shares : sequence of float
        When to look, in shares of the whole annealing.
    """
    for share in shares:
        check_range("share", share, 1e-6, 1)
    own = crc32(morphology.encode())
    parameters = drawn_parameters(morphology, np.random.default_rng([seed, own]))
    size = profile.image_size
    patterns, masks = [], []
    times = [share * parameters.duration for share in shares]
    for moment in annealing(parameters, profile.simulation.size, times, seed + own):
        patterns.append(resized_pattern(moment.pattern, size))
        mask = binarised(moment.micrograph, profile.binarisation)
        rng = np.random.default_rng([seed, own, 1])  # anew every time: the same windows
        masks.append(np.stack([random_crop(mask, size, rng) for _ in range(2 * crops)]))
    every = np.stack(masks)
    return Film(np.array(times), np.stack(patterns)[:, np.newaxis], every[:, :crops], every[:, crops:])


def film_errors(film: Film, predicted: Mapping[str, NDArray[np.bool_]]) -> dict[str, np.ndarray]:
    """Error of the mean S2 of what was predicted, at every time.

    Parameters
    ----------
    film : Film
    predicted : mapping of str to bool ndarray of shape (t, n, size, size)
        As many masks of each moment as the film has crops, by the way that drew them.

    Returns
    -------
    dict of str to ndarray of shape (t,)
        Mean absolute difference in S2, of the means over the masks of each moment; and FLOOR, that of as many other
        crops of the same film: no prediction can be expected to do better.
    """
    _, true = two_point_correlation(film.masks)
    errors: dict[str, np.ndarray] = {}
    for name, masks in {**predicted, FLOOR: film.others}.items():
        check_shape(f"predicted[{name!r}]", masks, (len(film.times), film.masks.shape[1], *film.masks.shape[2:]))
        _, s2 = two_point_correlation(masks)
        errors[name] = np.abs(s2.mean(axis=1) - true.mean(axis=1)).mean(axis=-1)
    return errors
