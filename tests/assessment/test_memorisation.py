"""The nearest crop of a micrograph, against the same by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.assessment.memorisation import best_overlap
from pairvae_lib.morphology.masks import dice


def test_a_crop_is_found_wherever_it_lies():
    rng = np.random.default_rng(0)
    micrograph = rng.random((37, 50)) < 0.5
    crops = np.stack([micrograph[row : row + 16, col : col + 16] for row, col in ((0, 0), (21, 34), (7, 13))])
    np.testing.assert_array_equal(best_overlap(crops, micrograph), np.ones(3))


def test_it_is_the_best_of_all_positions():
    rng = np.random.default_rng(1)
    micrograph = rng.random((20, 23)) < 0.4
    masks = rng.random((4, 12, 9)) < 0.6
    every = np.stack([micrograph[r : r + 12, c : c + 9] for r in range(9) for c in range(15)])
    expected = [dice(mask, every).max() for mask in masks]
    np.testing.assert_allclose(best_overlap(masks, micrograph), expected)


def test_nothing_resembles_nothing_alone():
    nothing = np.zeros((1, 4, 4), dtype=bool)
    assert best_overlap(nothing, np.ones((8, 8), dtype=bool)) == [0]
    assert best_overlap(nothing, np.zeros((8, 8), dtype=bool)) == [1]


def test_errors():
    mask, micrograph = np.ones((1, 8, 8), dtype=bool), np.ones((8, 7), dtype=bool)
    with pytest.raises(ValueError, match=r"micrograph must be at least 8 x 8 px as the masks; got \(8, 7\)"):
        best_overlap(mask, micrograph)
    with pytest.raises(ValueError, match="masks must be a boolean array"):
        best_overlap(mask.astype(float), micrograph)
    with pytest.raises(ValueError, match="micrograph must be a boolean array"):
        best_overlap(mask, micrograph.astype(float))
