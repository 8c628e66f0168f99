from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from pairvae_lib.data.simulation.morphologies import Parameters, drawn_parameters
from pairvae_lib.data.simulation.phase_field import (
    LONG_STEPS,
    PREFERRED_PERIOD,
    SHORT_STEPS,
    Grid,
    Layer,
    Scheme,
    evolved,
    grating_profile,
    patches,
    upsampled,
)


def layer(
    start: np.ndarray, spacing: float = 1.0, target: float = 0.0, scheme: Scheme = SHORT_STEPS, **options: float
) -> Layer:
    """A layer without a grating."""
    grid, options = Grid(*start.shape, spacing=spacing), {"connectivity": 0.0} | options
    return Layer(grid, start, np.full(start.shape, target), np.zeros(start.shape), **options, scheme=scheme)


def wave(rows: int, cols: int, along_rows: int, along_cols: int) -> np.ndarray:
    """A cosine with that many periods down the rows and across the columns."""
    row, col = np.ogrid[:rows, :cols]
    return np.cos(2 * pi * (along_rows * row / rows + along_cols * col / cols))


@pytest.fixture
def plain() -> Parameters:
    """A blend without grating, patches, noise or a second layer."""
    hexagonal = drawn_parameters("hexagonal", np.random.default_rng(0))
    return replace(hexagonal, grating=0.0, blend_patches=0.0, noise=0.0, blend_mean=0.0, duration=60.0)


def test_without_connectivity_a_step_conserves_the_mean() -> None:
    start = 0.1 + 0.3 * np.random.default_rng(0).standard_normal((32, 48))
    film = layer(start, cross_mobility=0.2)
    for _ in range(20):
        film.step()
    assert film.phi.mean().item() == pytest.approx(start.mean(), abs=1e-6)


def test_connectivity_draws_the_mean_to_its_target() -> None:
    film = layer(np.zeros((16, 16)), target=0.4, connectivity=0.25, time_step=2.0)
    film.step()
    assert film.phi.numpy() == pytest.approx(2 * 0.25 * 0.4 / (1 + 2 * 0.25))


def test_the_second_order_is_nearer_to_the_exponential() -> None:
    film = layer(np.zeros((16, 16)), target=0.4, connectivity=0.25, time_step=2.0, scheme=LONG_STEPS)
    film.step()
    assert film.phi.numpy() == pytest.approx(0.4 * (1 - 1 / (1 + 0.5 + 0.5**2 / 2)))
    assert film.phi.numpy() == pytest.approx(0.4 * (1 - np.exp(-0.5)), rel=0.03)


def test_a_layer_may_be_paced_on_the_way() -> None:
    start = 0.3 * np.random.default_rng(0).standard_normal((16, 24))
    film, slow = layer(start, connectivity=0.1), layer(start, connectivity=0.1)
    film.pace(2.0, LONG_STEPS)
    film.step()
    paced = layer(start, connectivity=0.1, time_step=2.0, scheme=LONG_STEPS)
    paced.step()
    slow.step()
    assert np.array_equal(film.phi, paced.phi)
    assert not np.array_equal(film.phi, slow.phi)


def test_long_steps_lead_to_the_same_film() -> None:
    parameters = replace(drawn_parameters("hexagonal", np.random.default_rng(0)), duration=200.0)
    grid = Grid(96, 128, PREFERRED_PERIOD / 7)
    short, long = (evolved(parameters, grid, np.random.default_rng(5), long)[0] for long in (False, True))
    assert not np.array_equal(short, long)
    assert np.corrcoef(short.ravel(), long.ravel())[0, 1] > 0.9
    assert (long > 0).mean() == pytest.approx((short > 0).mean(), abs=0.01)
    assert long.std() == pytest.approx(short.std(), rel=0.02)


@pytest.mark.parametrize("scheme", [SHORT_STEPS, LONG_STEPS], ids=["short", "long"])
@pytest.mark.parametrize(("along_rows", "along_cols"), [(3, 0), (0, 5), (2, 4)])
def test_a_faint_wave_grows_at_the_linear_rate(along_rows: int, along_cols: int, scheme: Scheme) -> None:
    alpha, eta, time_step, spacing = 0.1, 0.2, 0.5, 1.1
    start = 1e-4 * wave(32, 48, along_rows, along_cols)
    k_row, k_col = 2 * pi * along_rows / (32 * spacing), 2 * pi * along_cols / (48 * spacing)
    k2 = k_row**2 + k_col**2
    decay = time_step * (alpha + scheme.stabiliser * k2 + k2**2 + eta * k_col**2)
    kept = 1 / (1 + decay if scheme.order == 1 else 1 + decay + decay**2 / 2)
    gain = kept + (1 - kept) / decay * time_step * k2 * (1 + scheme.stabiliser)
    film = layer(start, spacing, connectivity=alpha, cross_mobility=eta, time_step=time_step, scheme=scheme)
    film.step()
    assert film.phi.numpy() == pytest.approx(gain * start, abs=1e-9)


def test_the_grating_enters_as_a_chemical_potential() -> None:
    grid, h = Grid(16, 24, 1.0), wave(16, 24, 0, 2)
    k2 = (2 * pi * 2 / 24) ** 2
    film = Layer(grid, np.zeros(grid.shape), np.zeros(grid.shape), h, connectivity=0.1)
    film.step()
    assert film.phi.numpy() == pytest.approx(k2 * h / (1 + 0.1 + SHORT_STEPS.stabiliser * k2 + k2**2), abs=1e-6)


def test_domains_take_the_preferred_period(plain: Parameters) -> None:
    grid = Grid(128, 128, PREFERRED_PERIOD / 8)
    (phi,) = evolved(replace(plain, duration=200.0), grid, np.random.default_rng(2))
    power = np.abs(np.fft.fft2(phi)) ** 2
    k = np.hypot(*np.meshgrid(*2 * [2 * pi * np.fft.fftfreq(128, grid.spacing)]))
    period = 2 * pi / np.average(k, weights=power**2) / PREFERRED_PERIOD
    assert 1.0 < period < 1.12


def test_a_film_is_the_same_for_the_same_generator_state() -> None:
    parameters = replace(drawn_parameters("skew", np.random.default_rng(0)), duration=20.0)
    first, second = (evolved(parameters, Grid(32, 48, 1.2), np.random.default_rng(5)) for _ in range(2))
    assert first.shape == (2, 32, 48)
    assert first.dtype == np.float32
    assert np.array_equal(first, second)


def test_only_the_bottom_of_two_layers_feels_the_grating(plain: Parameters) -> None:
    """Over one step the top layer does not yet know of the grating."""
    coupled = replace(plain, layer_coupling=1e-9, bottom_mean=0.0, duration=1.0, blend_patches=0.0)
    with_grating, without = (
        evolved(replace(coupled, grating=h), Grid(32, 48, 1.2), np.random.default_rng(5)) for h in (0.5, 0.0)
    )
    assert with_grating[0] == pytest.approx(without[0], abs=1e-6)
    assert np.abs(with_grating[1] - without[1]).max() > 0.01


def test_a_grating_repeats_after_its_pitch_and_round_the_grid() -> None:
    profile = grating_profile(120, 10, duty=0.3, softness=0.1, phase=0.2)
    assert profile == pytest.approx(np.roll(profile, 12))
    assert profile.max() <= 1
    assert profile.min() >= 0


def test_a_grating_with_sharp_edges_covers_its_duty() -> None:
    profile = grating_profile(1000, 4, duty=0.3, softness=1e-4, phase=0.001)
    assert profile.mean() == pytest.approx(0.3, abs=0.005)
    assert set(np.round(profile, 6)) <= {0.0, 0.5, 1.0}


def test_the_number_of_stripes_is_the_nearest_whole_one() -> None:
    grid = Grid(8, 96, PREFERRED_PERIOD / 8)  # 12 periods wide
    assert [grid.stripes(pitch) for pitch in (1.0, 1.04, 2.0, 2.5, 100.0)] == [12, 12, 6, 5, 1]


def test_patches_have_unit_variance_and_gaussian_correlation() -> None:
    grid = Grid(512, 512, PREFERRED_PERIOD / 8)
    field = patches(grid, row_length=1.0, col_length=0.5, rng=np.random.default_rng(4))
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-4)
    # filter exp(-(k l)^2 / 2): correlation exp(-d^2 / (4 l^2)), and 8 px are one L0
    assert (field * np.roll(field, 8, axis=0)).mean() == pytest.approx(np.exp(-1 / 4), abs=0.05)
    assert (field * np.roll(field, 8, axis=1)).mean() == pytest.approx(np.exp(-1), abs=0.05)


def test_upsampling_a_wave_is_exact() -> None:
    assert upsampled(wave(16, 24, 3, 5), (24, 36)) == pytest.approx(wave(24, 36, 3, 5), abs=1e-5)


@pytest.mark.parametrize("shape", [(24, 35), (14, 36)])
def test_upsampling_to_an_odd_or_coarser_grid_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"shape must be even and at least that of phi, \(16, 24\), .*; got \("):
        upsampled(wave(16, 24, 3, 5), shape)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match="spacing must be above 0; got 0"):
        Grid(8, 8, 0)
    with pytest.raises(ValueError, match="rows must be above 0; got 0"):
        Grid(0, 8, 1.0)
    with pytest.raises(ValueError, match="cols must be above 0; got -1"):
        Grid(8, -1, 1.0)
    with pytest.raises(ValueError, match="pitch must be above 0; got 0"):
        Grid(8, 8, 1.0).stripes(0)
    with pytest.raises(ValueError, match="stripes must be above 0; got 0"):
        grating_profile(8, 0, 0.5, 0.1)
    with pytest.raises(ValueError, match="softness must be above 0; got 0"):
        grating_profile(8, 1, 0.5, 0)
    with pytest.raises(ValueError, match="time_step must be above 0; got 0"):
        layer(np.zeros((8, 8)), time_step=0)
    with pytest.raises(ValueError, match="order must be one of 1, 2; got 3"):
        Scheme(order=3, stabiliser=1.0)
    with pytest.raises(ValueError, match="stabiliser must be above 0; got 0"):
        Scheme(order=1, stabiliser=0)
    with pytest.raises(ValueError, match=r"target must have shape \(8, 8\); got \(8,\)"):
        Layer(Grid(8, 8, 1.0), np.zeros((8, 8)), np.zeros(8), np.zeros((8, 8)), connectivity=0.1)
