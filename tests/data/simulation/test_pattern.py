from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.data.simulation.pattern import (
    BEAM_CENTRE,
    Q_SCALE,
    detector_mask,
    expected_intensity,
    on_detector,
    power_of,
    recorded_pattern,
)

ROW, COL = np.ogrid[:240, :360]


def test_the_detector_mask_is_the_real_one() -> None:
    masked = detector_mask()
    assert np.flatnonzero(masked.all(axis=0)).tolist() == list(range(90, 103))
    assert np.flatnonzero(masked.all(axis=1)).tolist() == [*range(12, 24), *range(168, 180)]
    assert np.flatnonzero(masked[60]).tolist() == list(range(90, 103))
    assert np.flatnonzero(masked[84]).tolist() == list(range(86, 109))
    assert np.flatnonzero(masked[96]).tolist() == list(range(86, 118))
    assert masked.sum() == 13 * 192 + 24 * (192 - 13) + 25 * (23 - 13) + 6 * 9


def test_power_adds_up_to_the_variance() -> None:
    rng = np.random.default_rng(0)
    field = rng.standard_normal((240, 360))
    field -= field.mean(axis=0)  # nothing on the line where the grating scatters
    power, _ = power_of([field], stripes=12)
    replaced = sum(power[1, side * order * 12] for order in (1, 2, 3, 4) for side in (-1, 1))
    assert (power.sum() - replaced) / field.size == pytest.approx(field.var(), rel=1e-3)


def test_power_is_its_own_mirror_image_and_a_mean_over_fields() -> None:
    rng = np.random.default_rng(0)
    fields = [rng.standard_normal((24, 36)) for _ in range(2)]
    power, coherent = power_of(fields, stripes=3)
    assert power[:, 1:] == pytest.approx(power[:, :0:-1])
    single = [power_of([field], 3) for field in fields]
    assert power == pytest.approx((single[0][0] + single[1][0]) / 2)
    assert coherent == pytest.approx((single[0][1] + single[1][1]) / 2)


def test_the_grating_is_taken_out_of_the_power_and_measured() -> None:
    field = 0.5 + 0.3 * np.cos(2 * np.pi * 12 * COL / 360) + 0.1 * np.cos(2 * np.pi * 36 * COL / 360) + 0 * ROW
    power, coherent = power_of([field], stripes=12)
    assert coherent == pytest.approx([0.15**2, 0, 0.05**2, 0])
    assert power == pytest.approx(np.zeros_like(power), abs=1e-20)


def test_even_power_stays_even_on_the_detector() -> None:
    pattern = on_detector(np.ones((280, 432)), 1.5, rotation=1.5)
    assert pattern == pytest.approx(np.ones((192, 192)))


@pytest.mark.parametrize(("rotation", "row_shift"), [(0.0, 0.0), (90.0, 50.0)])
def test_a_distance_scatters_to_q_scale_over_it(rotation: float, row_shift: float) -> None:
    """Waves along the columns, 11 micrograph px apart; turned by 90 degrees they scatter along the rows."""
    cols = 440
    power = np.zeros((280, cols))
    power[0, [60, -60]] = 1.0  # 60 periods over 440 x 1.5 px
    pattern = on_detector(power, 1.5, rotation)
    first_row, first_col = np.unravel_index(pattern.argmax(), pattern.shape)
    radius = np.hypot(first_row - BEAM_CENTRE[0], first_col - BEAM_CENTRE[1])
    assert radius == pytest.approx(Q_SCALE / 11, abs=1)
    assert abs(first_row - BEAM_CENTRE[0]) == pytest.approx(row_shift, abs=1)


def test_spots_lie_at_the_orders_of_the_grating_and_turn_with_it() -> None:
    parameters = drawn_parameters("alternating lines", np.random.default_rng(0))
    field = (COL % 15 < 5) + 0.0 * ROW  # 24 stripes of 22.5 micrograph px: first order at 24.4 px
    flat, turned = (
        expected_intensity([field], replace(parameters, rotation=angle), 24, 1.5)
        - expected_intensity([np.zeros_like(field)], replace(parameters, rotation=angle), 24, 1.5)
        for angle in (0.0, 2.0)
    )
    second = slice(round(96.5 + 48.9) - 4, round(96.5 + 48.9) + 5)
    spot = flat[:, second]
    assert spot.max() > 5
    assert np.unravel_index(spot.argmax(), spot.shape)[1] == pytest.approx(4, abs=1)
    rows = np.arange(192)
    centre = [np.average(rows, weights=pattern[:, second].sum(axis=1)) for pattern in (flat, turned)]
    assert centre[1] - centre[0] == pytest.approx(48.9 * np.sin(np.radians(2)), abs=0.3)


def test_what_is_recorded_spans_zero_to_one_and_nothing_under_the_mask() -> None:
    rng = np.random.default_rng(0)
    assert not recorded_pattern(np.zeros((192, 192)), rng).any()
    bright = recorded_pattern(np.full((192, 192), 1e4), rng)
    assert bright.dtype == np.float32
    assert np.array_equal(bright, ~detector_mask())


def test_the_scale_is_logarithmic() -> None:
    value = recorded_pattern(np.full((192, 192), 20.0), np.random.default_rng(0))[~detector_mask()]
    assert value.mean() == pytest.approx(np.log1p(20.0) / 5, abs=1e-3)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match="densities must hold at least one field; got none"):
        power_of([], 3)
    with pytest.raises(ValueError, match=r"densities must have shape \(4, 6\); got \(4, 8\)"):
        power_of([np.zeros((4, 6)), np.zeros((4, 8))], 3)
    with pytest.raises(ValueError, match="stripes must be above 0; got 0"):
        power_of([np.zeros((4, 6))], 0)
    with pytest.raises(ValueError, match="micrograph_px must be above 0; got 0"):
        on_detector(np.zeros((4, 6)), 0, 1.0)
    with pytest.raises(ValueError, match=r"intensity must have shape \(192, 192\); got \(4, 6\)"):
        recorded_pattern(np.zeros((4, 6)), np.random.default_rng(0))
