"""Ranks of ways: by their mean errors on the same samples, with a verdict that chance does not make."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.applications import best_way, picture_errors, rank_rows, ranks
from pairvae_lib.assessment.statistics import FEWEST_IMAGES

ASKED = ("reading", "period")


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def ranked(candidates=("a", "b"), **by_way):
    (rank,) = ranks({ASKED: by_way}, candidates, rng())
    return rank


def test_what_errs_less_on_every_sample_is_better():
    rank = ranked(a=np.linspace(1, 2, 8), b=np.linspace(0.5, 0.6, 8), c=np.zeros(8))
    assert (rank.best, rank.next, rank.samples) == ("b", "a", 8)
    assert rank.errors == pytest.approx({"a": 1.5, "b": 0.55, "c": 0})
    assert rank.p_value == pytest.approx(2 / 2001)  # no resample is on the other side
    assert rank.verdict == "better than a"


def test_what_errs_less_on_half_of_the_samples_is_not_told_apart():
    rank = ranked(a=np.array([1.0, 2, 1, 2, 1, 2]), b=np.array([2.0, 1, 2, 1, 2, 0.9]))
    assert rank.p_value > 0.5 and rank.verdict == "not told apart from a"


def test_equal_errors_are_not_told_apart():
    rank = ranked(a=np.ones(8), b=np.ones(8))
    assert rank.p_value == 1 and rank.verdict == "not told apart from b"


def test_few_samples_tell_nothing_however_clear():
    enough, few = (ranked(a=np.ones(count), b=np.zeros(count)) for count in (FEWEST_IMAGES, FEWEST_IMAGES - 1))
    assert enough.verdict == "better than a"
    assert np.isnan(few.p_value) and few.verdict == "too few samples to tell from a"


def test_a_sample_that_one_way_does_not_know_counts_for_none():
    rank = ranked(a=np.array([1.0, 1, np.nan]), b=np.array([2.0, 2, 0]))
    assert (rank.best, rank.samples, rank.errors["b"]) == ("a", 2, 2)
    assert ranks({ASKED: {"a": np.full(3, np.nan), "b": np.ones(3)}}, ("a", "b"), rng()) == []


def test_p_values_are_corrected_for_all_questions():
    clear = {"a": np.ones(8), "b": np.zeros(8)}
    few = {"a": np.ones(2), "b": np.zeros(2)}
    found = ranks({("x", "1"): clear, ("x", "2"): few, ("x", "3"): clear}, ("a", "b"), rng())
    assert [rank.question[1] for rank in found] == ["1", "2", "3"]
    assert found[0].p_value == found[2].p_value == pytest.approx(2 * 2 / 2001)
    assert np.isnan(found[1].p_value)  # which is no test


def test_rows_say_all_of_it():
    (row,) = rank_rows([ranked(a=np.ones(8), b=np.zeros(8))])
    assert row.pop("p (Holm)") == pytest.approx(2 / 2001)
    assert row == {
        "application": "reading", "quantity": "period", "a": 1, "b": 0, "best": "b", "verdict": "better than a",
    }


def test_the_best_way_is_one_of_the_candidates():
    errors = {"a": np.array([3.0, 0]), "b": np.array([1.0, 1]), "truth": np.zeros(2)}
    assert best_way(errors, ("a", "b")) == "b" and best_way(errors, {"a": None}) == "a"


def test_pictures_are_held_to_the_mean_correlation_of_the_true_crops():
    stripes = np.broadcast_to(np.arange(32) // 4 % 2 == 0, (2, 3, 32, 32))
    others = {"same": stripes, "turned": stripes.swapaxes(-1, -2), "full": stripes | True}
    found = picture_errors({"true": stripes} | others)
    assert list(found) == ["S2", "A2"] and list(found["S2"]) == ["same", "turned", "full"]
    for metric in found:
        np.testing.assert_array_equal(found[metric]["same"], 0)
        assert found[metric]["full"].shape == (2,) and (found[metric]["full"] > 0.1).all()
    np.testing.assert_allclose(found["S2"]["turned"], 0, atol=1e-6)  # which knows no direction
    assert (found["A2"]["turned"] > 0.1).all()


def test_what_cannot_be_ranked_is_named():
    values = {"a": np.ones(3), "b": np.ones(3)}
    with pytest.raises(ValueError, match="^candidates must be at least 2 ways, to be compared; got 1$"):
        ranks({ASKED: values}, ("a",), rng())
    with pytest.raises(ValueError, match="^candidate must be one of a, b; got 'c'$"):
        ranks({ASKED: values}, ("a", "c"), rng())
    with pytest.raises(ValueError, match=r"^reading, period: b must have shape \(3,\); got \(2,\)$"):
        ranks({ASKED: {"a": np.ones(3), "b": np.ones(2)}}, ("a", "b"), rng())
    with pytest.raises(ValueError, match="^candidates must be at least one way; got none$"):
        best_way(values, ())
    with pytest.raises(ValueError, match="^'true' must be one of a; got 'true'$"):
        picture_errors({"a": np.ones((1, 1, 8, 8), bool)})
