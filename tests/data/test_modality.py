"""What counts as a technique."""

from __future__ import annotations

import pytest

from pairvae_lib.data.modality import Modality


def test_images_and_profiles():
    assert Modality("sem", (64, 96), "bernoulli").is_image
    assert not Modality("profile", (128,), "gaussian").is_image


def test_a_modality_is_a_value():
    assert Modality("sem", (32, 32), "bernoulli") == Modality("sem", (32, 32), "bernoulli")
    assert Modality("sem", (32, 32), "bernoulli") != Modality("sem", (32, 32), "gaussian")
    assert len({Modality("sem", (32, 32), "bernoulli"), Modality("sem", (32, 32), "bernoulli")}) == 1


@pytest.mark.parametrize("shape", [(), (0, 32), (-32,), (33,), (64, 40), (32, 32, 32)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError) as caught:
        Modality("sem", shape, "bernoulli")
    expected = f"shape of modality 'sem' must be (height, width) or (points,), each a multiple of 32; got {shape}"
    assert str(caught.value) == expected


def test_other_likelihoods_are_refused():
    with pytest.raises(ValueError, match="^likelihood must be one of bernoulli, gaussian; got 'poisson'$"):
        Modality("sem", (32, 32), "poisson")
