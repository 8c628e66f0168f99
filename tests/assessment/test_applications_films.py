"""Films of an annealing: the same windows at all times, and errors that vanish for the truth."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.applications import FLOOR, Film, annealing_film, film_errors
from pairvae_lib.config import QUICK
from pairvae_lib.morphology.masks import two_point_correlation


@pytest.fixture(scope="module")
def film() -> Film:
    return annealing_film("ladders", QUICK, seed=3, crops=2, shares=(0.1, 0.5, 0.5))


def test_a_film_is_what_a_model_sees(film):
    assert film.scattering.shape == (3, 1, 64, 64) and film.scattering.dtype == np.float32
    assert film.masks.shape == film.others.shape == (3, 2, 64, 64)
    assert film.times[0] < film.times[1] == film.times[2]


def test_windows_stay_where_they_are(film):
    np.testing.assert_array_equal(film.masks[1], film.masks[2])
    np.testing.assert_array_equal(film.others[1], film.others[2])
    assert (film.masks[0] != film.masks[1]).any() and (film.masks != film.others).any()


def test_the_same_seed_gives_the_same_film_and_another_gives_another(film):
    again = annealing_film("ladders", QUICK, seed=3, crops=2, shares=(0.1,))
    np.testing.assert_array_equal(again.scattering[0], film.scattering[0])
    np.testing.assert_array_equal(again.masks[0], film.masks[0])
    assert annealing_film("ladders", QUICK, seed=4, crops=2, shares=(0.1,)).times[0] != again.times[0]


def test_errors_are_those_of_the_mean_correlation(film):
    inverted = ~film.masks
    errors = film_errors(film, {"truth": film.masks, "inverted": inverted})
    np.testing.assert_array_equal(errors["truth"], 0)
    s2 = [two_point_correlation(masks[1])[1].mean(axis=0) for masks in (film.masks, inverted, film.others)]
    assert errors["inverted"][1] == pytest.approx(np.abs(s2[0] - s2[1]).mean())
    assert errors[FLOOR][1] == pytest.approx(np.abs(s2[0] - s2[2]).mean())


def test_what_does_not_fit_is_named(film):
    with pytest.raises(ValueError, match="^share must lie between 1e-06 and 1; got 0$"):
        annealing_film("ladders", QUICK, seed=3, shares=(0,))
    with pytest.raises(ValueError, match="^morphology must be one of hexagonal, "):
        annealing_film("dots", QUICK, seed=3)
    with pytest.raises(ValueError, match=r"^predicted\['a'\] must have shape \(3, 2, 64, 64\); got \(2, 2, 64, 64\)$"):
        film_errors(film, {"a": film.masks[:2]})
