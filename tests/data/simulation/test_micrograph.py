from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairvae_lib.data.simulation.micrograph import density, formed_micrograph, uneven_illumination, with_data_bar
from pairvae_lib.data.simulation.morphologies import Parameters, drawn_parameters


@pytest.fixture
def lit_evenly() -> Parameters:
    """Good contrast, no shading."""
    return replace(drawn_parameters("hexagonal", np.random.default_rng(0)), contrast=1.0, illumination=0.0)


def stripes_down(rows: int = 96, cols: int = 96) -> np.ndarray:
    """One layer of vertical lamellae of 12 px."""
    return np.sin(2 * np.pi * (np.arange(cols) + 0.5) / 12) * np.ones((1, rows, 1), dtype=np.float32)


def test_density_is_a_share_that_is_half_at_the_interface() -> None:
    assert density(np.array([-1.0, 0.0, 1.0])) == pytest.approx([0, 0.5, 1], abs=1e-9)


def test_a_film_of_ps_is_dark_everywhere(lit_evenly: Parameters) -> None:
    grey = formed_micrograph(np.full((1, 128, 128), -1.0), lit_evenly, np.random.default_rng(0))
    assert grey.dtype == np.uint8
    assert grey.mean() == pytest.approx(60, abs=0.5)


def test_pmma_is_brighter_than_ps_and_more_so_at_good_contrast(lit_evenly: Parameters) -> None:
    phi = stripes_down()
    gaps = []
    for contrast in (0.0, 1.0):
        grey = formed_micrograph(phi, replace(lit_evenly, contrast=contrast), np.random.default_rng(0))
        gaps.append(grey[phi[0] > 0.5].mean() - grey[phi[0] < -0.5].mean())
    assert gaps[1] > gaps[0] > 30


def test_a_second_layer_shines_through(lit_evenly: Parameters) -> None:
    top = np.full((96, 96), -1.0)
    below = np.where(np.arange(96) < 48, -1.0, 1.0) * np.ones((96, 1))
    grey = formed_micrograph(np.stack([top, below]), lit_evenly, np.random.default_rng(0)).astype(float)
    assert grey[:, 60:].mean() - grey[:, :36].mean() == pytest.approx(0.15 * 140, abs=1)


def test_the_same_generator_state_gives_the_same_micrograph(lit_evenly: Parameters) -> None:
    first, second = (formed_micrograph(stripes_down(), lit_evenly, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_shading_stays_within_twice_its_amplitude_and_is_none_at_zero() -> None:
    shading = uneven_illumination((40, 60), 10.0, np.random.default_rng(1))
    assert shading.shape == (40, 60)
    assert 0 < np.abs(shading).max() <= 20
    assert not uneven_illumination((40, 60), 0.0, np.random.default_rng(1)).any()


@pytest.mark.parametrize(("rows", "cols", "bar"), [(830, 1280, 130), (415, 640, 65)])
def test_the_data_bar_lies_below_the_untouched_image(rows: int, cols: int, bar: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (rows, cols), dtype=np.uint8)
    whole = with_data_bar(image)
    assert whole.shape == (rows + bar, cols)
    assert np.array_equal(whole[:rows], image)
    written = whole[rows:] > 200
    assert written[:, : cols // 4].any()  # SIMULATED
    scale_bar = written[round(0.35 * bar)]
    assert scale_bar[cols // 2 :].sum() == round(200 / 2.75)


def test_errors_name_the_argument(lit_evenly: Parameters) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"phi must have shape \(layers, rows, cols\); got \(8, 8\)"):
        formed_micrograph(np.zeros((8, 8)), lit_evenly, rng)
    with pytest.raises(ValueError, match="contrast must lie between 0 and 1; got 1.5"):
        formed_micrograph(np.zeros((1, 8, 8)), replace(lit_evenly, contrast=1.5), rng)
    with pytest.raises(ValueError, match="doming must lie between 0 and 1; got -1"):
        formed_micrograph(np.zeros((1, 8, 8)), replace(lit_evenly, doming=-1), rng)
    with pytest.raises(ValueError, match="amplitude must lie between 0 and 255; got -1"):
        uneven_illumination((4, 4), -1, rng)
    with pytest.raises(ValueError, match=r"micrograph must have shape \(rows, cols\); got \(4,\)"):
        with_data_bar(np.zeros(4, dtype=np.uint8))
    with pytest.raises(ValueError, match="nm_per_pixel must be above 0; got 0"):
        with_data_bar(np.zeros((80, 400), dtype=np.uint8), 0)
