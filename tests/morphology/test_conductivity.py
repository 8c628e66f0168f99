"""Effective conductivity: exact for stripes, within the bounds that hold for any structure, and reciprocal."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.morphology.conductivity import (
    conductivity_errors,
    effective_conductivity,
    ensemble_conductivity,
    spread_rows,
)

HIGH, LOW = 3.0, 0.2


def stripes(rows: int = 12, cols: int = 18, period: int = 6, width: int = 2) -> np.ndarray:
    """Vertical stripes, a third of them PMMA."""
    return np.broadcast_to(np.arange(cols) % period < width, (rows, cols))


@pytest.mark.parametrize("width", [1, 2, 5])
def test_stripes_conduct_with_the_arithmetic_mean_along_and_the_harmonic_mean_across(width):
    mask = stripes(width=width)
    share = width / 6
    along = share * HIGH + (1 - share) * LOW
    across = 1 / (share / HIGH + (1 - share) / LOW)
    assert effective_conductivity(mask, "vertical", (HIGH, LOW)) == pytest.approx(along, rel=1e-12)
    assert effective_conductivity(mask, "horizontal", (HIGH, LOW)) == pytest.approx(across, rel=1e-12)
    assert effective_conductivity(mask.T, "horizontal", (HIGH, LOW)) == pytest.approx(along, rel=1e-12)


def test_one_phase_conducts_as_it_does_alone_whatever_the_shape_of_the_image():
    for phase, expected in ((True, HIGH), (False, LOW)):
        mask = np.full((5, 23), phase)
        assert effective_conductivity(mask, "vertical", (HIGH, LOW)) == pytest.approx(expected, rel=1e-12)
        assert effective_conductivity(mask, "horizontal", (HIGH, LOW)) == pytest.approx(expected, rel=1e-12)


def test_any_structure_lies_between_the_harmonic_and_the_arithmetic_mean():
    rng = np.random.default_rng(2)
    for share in (0.2, 0.5, 0.8):
        mask = rng.random((20, 24)) < share
        phi = mask.mean()
        found = effective_conductivity(mask, "vertical", (HIGH, LOW))
        assert 1 / (phi / HIGH + (1 - phi) / LOW) < found < phi * HIGH + (1 - phi) * LOW


def test_a_checkerboard_conducts_with_the_geometric_mean():
    """Keller's theorem, J. Math. Phys. 5, 548 (1964); the grid makes it come out only roughly at the corners."""
    row, col = np.indices((96, 96))
    mask = (row // 24 + col // 24) % 2 == 0
    assert effective_conductivity(mask, "vertical", (4.0, 1.0)) == pytest.approx(2.0, rel=0.02)


def test_ensembles_are_solved_one_by_one():
    masks = np.stack([stripes(), stripes(width=3), stripes(width=4), stripes(width=5)]).reshape(2, 2, 12, 18)
    found = ensemble_conductivity({"true": masks}, (HIGH, LOW))["true"]
    assert found["vertical"].shape == found["horizontal"].shape == (2, 2)
    assert found["vertical"][1, 0] == pytest.approx(effective_conductivity(masks[1, 0], "vertical", (HIGH, LOW)))
    assert found["horizontal"][0, 1] == pytest.approx(effective_conductivity(masks[0, 1], "horizontal", (HIGH, LOW)))


def test_errors_and_spreads_are_in_decades():
    true = {axis: np.array([[1.0, 1.0], [10.0, 10.0]]) for axis in ("vertical", "horizontal")}
    other = {axis: np.array([[10.0, 10.0], [100.0, 100.0]]) for axis in ("vertical", "horizontal")}
    wide = {axis: np.array([[0.1, 1.9], [1.0, 19.0]]) for axis in ("vertical", "horizontal")}
    rows = spread_rows({"true": true, "other": other, "wide": wide})
    assert [(row["direction"], row["way"]) for row in rows[:2]] == [("vertical", "other"), ("vertical", "wide")]
    assert rows[0]["error of the mean"] == pytest.approx(1) and rows[0]["spread"] == rows[0]["true spread"] == 0
    assert rows[1]["error of the mean"] == pytest.approx(0)
    assert rows[1]["spread"] == pytest.approx(np.log10(19) / 2)


def test_errors_of_the_conductivity_are_those_of_the_means_of_every_sample():
    true = {axis: np.array([[1.0, 1.0], [5.0, 15.0]]) for axis in ("vertical", "horizontal")}
    other = {axis: np.array([[50.0, 150.0], [10.0, 10.0]]) for axis in ("vertical", "horizontal")}
    errors = conductivity_errors({"true": true, "other": other})
    assert list(errors) == ["vertical", "horizontal"] and list(errors["vertical"]) == ["other"]
    np.testing.assert_allclose(errors["horizontal"]["other"], [2, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("mask", "axis", "conductivities", "message"),
    [
        (np.ones((4, 4)), "vertical", (1, 1), r"^mask must be a boolean array .*; got float64 of shape \(4, 4\)$"),
        (np.ones((2, 4, 4), bool), "vertical", (1, 1), r"^mask must have shape \(height, width\); got \(2, 4, 4\)$"),
        (stripes(), "radial", (1, 1), "^axis must be one of vertical, horizontal; got 'radial'$"),
        (stripes(), "vertical", (1, 0), "^conductivity must be above 0; got 0$"),
    ],
)
def test_what_cannot_be_solved_is_named(mask, axis, conductivities, message):
    with pytest.raises(ValueError, match=message):
        effective_conductivity(mask, axis, conductivities)


def test_a_comparison_needs_the_truth():
    with pytest.raises(ValueError, match="^'true' must be one of a; got 'true'$"):
        spread_rows({"a": {"vertical": np.ones((1, 1)), "horizontal": np.ones((1, 1))}})
    with pytest.raises(ValueError, match="^'true' must be one of a; got 'true'$"):
        conductivity_errors({"a": {"vertical": np.ones((1, 1)), "horizontal": np.ones((1, 1))}})
