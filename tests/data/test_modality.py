"""What counts as a technique."""

from __future__ import annotations

import pytest

from pairvae_lib.data.modality import Axis, Modality


def test_images_and_profiles():
    assert Modality("sem", (64, 96), "mask").is_image
    assert not Modality("profile", (128,), "profile").is_image


def test_a_modality_is_a_value():
    assert Modality("sem", (32, 32), "mask") == Modality("sem", (32, 32), "mask")
    assert Modality("sem", (32, 32), "mask") != Modality("sem", (32, 32), "pattern")
    assert len({Modality("sem", (32, 32), "mask"), Modality("sem", (32, 32), "mask")}) == 1


@pytest.mark.parametrize("shape", [(), (0, 32), (-32,), (33,), (64, 40), (32, 32, 32)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError) as caught:
        Modality("sem", shape, "mask")
    expected = f"shape of modality 'sem' must be (height, width) of a mask, each a multiple of 32; got {shape}"
    assert str(caught.value) == expected


def test_the_likelihood_follows_from_the_kind_and_other_kinds_are_refused():
    kinds = ("pattern", "image", "mask")
    found = [Modality("a", (32, 32), kind).likelihood for kind in kinds]
    assert found == ["gaussian", "gaussian", "bernoulli"]
    with pytest.raises(ValueError, match="must be one of profile, pattern, image, mask; got 'poisson'$"):
        Modality("sem", (32, 32), "poisson")


def test_the_grid_of_an_axis_has_both_ends():
    assert Axis().grid(1, 100, 3) == pytest.approx([1, 10, 100])
    assert Axis("wavelength", "nm", is_log=False).grid(-1, 1, 3) == pytest.approx([-1, 0, 1])
    grid = Axis().grid(0.0037725900000001, 0.145705, 128)
    assert (grid[0], grid[-1]) == (0.0037725900000001, 0.145705)  # so a profile that ends there covers it
    for low, high, points, message in (
        (0, 1, 4, "0 < low < high; got 0 and 1"),
        (2, 1, 4, "0 < low < high; got 2 and 1"),
        (1, 2, 1, "points must be at least 2; got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Axis().grid(low, high, points)
