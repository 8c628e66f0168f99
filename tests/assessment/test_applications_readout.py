"""Readings off ensembles of lines whose period, fraction and direction are known."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.applications import (
    ClassReader,
    Readout,
    agreement_rows,
    reading_errors,
    reading_rows,
    readout,
)


def lines(period: int, width: int, direction: str, n: int = 3, side: int = 48) -> np.ndarray:
    """An ensemble of lines at different places."""
    row, col = np.indices((side, side))
    across = row if direction == "rows" else col
    return np.stack([(across + shift) % period < width for shift in range(n)])


@pytest.fixture(scope="module")
def reader() -> ClassReader:
    masks = np.stack([lines(8, 4, "rows"), lines(9, 4, "rows"), lines(8, 4, "columns"), lines(9, 4, "columns")])
    return ClassReader(masks, ["rows", "rows", "columns", "columns"])


def test_period_fraction_and_class_are_read(reader):
    found = readout(np.stack([lines(8, 4, "columns"), lines(12, 3, "rows")]), reader)
    np.testing.assert_allclose(found.period, [8, 12], rtol=0.13)  # radially averaged: see `masks.domain_period`
    assert found.period[0] < found.period[1]
    np.testing.assert_allclose(found.fraction, [0.5, 0.25], atol=0.02)
    assert found.morphology.tolist() == ["columns", "rows"]


def test_an_ensemble_without_domains_has_no_period(reader):
    assert np.isnan(readout(np.ones((1, 2, 48, 48), bool), reader).period).all()


def test_agreement_is_that_of_the_samples_both_sides_know():
    true = Readout(np.array([1.0, 2.0, 3.0, np.nan]), np.array([0.1, 0.2, 0.3, 0.4]), np.array(list("abab")))
    read = Readout(np.array([2.0, 4.0, np.nan, 1.0]), np.full(4, 0.2), np.array(list("aaaa")))
    same, other = agreement_rows({"true": true, "other": read}, list("abab"))
    assert same["period: correlation"] == pytest.approx(1) and same["period: error"] == 0
    assert same["class"] == 1 and same["period read"] == 0.75
    assert np.isnan(other["period: correlation"])  # two samples are no sample
    assert other["period: error"] == 1.5  # of 1 and 2
    assert np.isnan(other["fraction: correlation"]) and other["fraction: error"] == pytest.approx(0.1)
    assert other["class"] == 0.5


def test_errors_of_readings_are_those_of_every_sample():
    true = Readout(np.array([1.0, 2.0, np.nan]), np.array([0.1, 0.2, 0.3]), np.array(list("abc")))
    read = Readout(np.array([3.0, np.nan, 1.0]), np.array([0.2, 0.2, 0.2]), np.array(list("aab")))
    errors = reading_errors({"true": true, "other": read}, list("aba"))
    assert list(errors) == ["period [px]", "PMMA fraction", "class"]
    assert all(list(by_way) == ["other"] for by_way in errors.values())
    np.testing.assert_array_equal(errors["period [px]"]["other"], [2, np.nan, np.nan])
    np.testing.assert_allclose(errors["PMMA fraction"]["other"], [0.1, 0, 0.1])
    np.testing.assert_array_equal(errors["class"]["other"], [0, 1, 1])


def test_readings_stand_beside_the_true_ones():
    true = Readout(np.array([1.0]), np.array([0.5]), np.array(["a"]))
    read = Readout(np.array([2.0]), np.array([0.4]), np.array(["b"]))
    assert reading_rows(["s"], ["c"], true, read) == [
        {
            "sample": "s",
            "morphology": "c",
            "class read": "b",
            "class read, true": "a",
            "period [px]": 2.0,
            "period, true": 1.0,
            "fraction": 0.4,
            "fraction, true": 0.5,
        }
    ]


def test_what_does_not_fit_is_named(reader):
    with pytest.raises(ValueError, match="^morphologies must be 1 as masks, and at least one; got 2$"):
        ClassReader(lines(8, 4, "rows")[np.newaxis], ["a", "b"])
    with pytest.raises(ValueError, match="^morphologies must be 0 as masks, and at least one; got 0$"):
        ClassReader(np.ones((0, 2, 8, 8), bool), [])
    with pytest.raises(ValueError, match=r"^masks must have shape \(samples, members, height, width\); got "):
        readout(lines(8, 4, "rows"), reader)
    with pytest.raises(ValueError, match="^'true' must be one of a; got 'true'$"):
        agreement_rows({"a": Readout(np.ones(1), np.ones(1), np.array(["a"]))}, ["a"])
    with pytest.raises(ValueError, match="^'true' must be one of a; got 'true'$"):
        reading_errors({"a": Readout(np.ones(1), np.ones(1), np.array(["a"]))}, ["a"])
