"""One pair of every kind: what it holds, and whether its statistics are those of the real data."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from pairvae_lib.data.preprocessing import binarised
from pairvae_lib.data.simulation import SimulatedPair, simulate_pair
from pairvae_lib.data.simulation.pattern import BEAM_CENTRE, detector_mask
from pairvae_lib.morphology.masks import lineal_path, phase_fraction, two_point_correlation

KINDS = ("hexagonal", "skew", "alternating lines", "narrow ladders", "wide ladders")

# Of the binarised micrograph, as it was measured over 36 quick pairs (the five real images: hexagonal .419, 7.5, 12.5,
# .27, .53; narrow ladders .551, 6.5, 11.5, .51, .57; wide ladders .492, 6.5, 12.5, .41, .53): PMMA fraction; r [px] of
# the first minimum and maximum of S2; S2 / fraction there.
MEASURED = {
    "hexagonal": (0.43, 7.5, 12.4, 0.27, 0.54),
    "skew": (0.475, 7.5, 14.5, 0.31, 0.57),
    "alternating lines": (0.435, 7.1, 11.8, 0.285, 0.54),
    "narrow ladders": (0.53, 6.8, 11.6, 0.43, 0.585),
    "wide ladders": (0.495, 7.5, 12.7, 0.38, 0.555),
}


def crops(mask: np.ndarray, size: int = 192) -> np.ndarray:
    """The four corners."""
    rows, cols = mask.shape
    corners = product((0, rows - size), (0, cols - size))
    return np.stack([mask[row : row + size, col : col + size] for row, col in corners])


def first_extrema(curve: np.ndarray) -> tuple[int, int]:
    """Indices of the first minimum and the maximum after it."""
    slope = np.diff(curve)
    low = int(np.argmax(slope > 0))
    return low, low + int(np.argmax(slope[low:] < 0))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_pair_holds(pairs: dict[str, SimulatedPair], kind: str) -> None:
    pair = pairs[kind]
    assert kind.endswith(pair.morphology)
    assert (pair.micrograph.shape, pair.micrograph.dtype) == ((415, 640), np.uint8)
    assert (pair.mask.shape, pair.mask.dtype) == ((415, 640), np.bool_)
    assert (pair.pattern.shape, pair.pattern.dtype) == ((192, 192), np.float32)
    assert 0 <= pair.pattern.min() < pair.pattern.max() <= 1
    assert not pair.pattern[detector_mask()].any()
    assert all(isinstance(value, float) for value in pair.parameters.values())
    assert pair.micrograph[pair.mask].mean() > pair.micrograph[~pair.mask].mean() + 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_binarised_micrograph_has_the_statistics_of_the_real_ones(
    pairs: dict[str, SimulatedPair], kind: str
) -> None:
    masks = crops(binarised(pairs[kind].micrograph))
    fraction, low_r, high_r, low, high = MEASURED[kind]
    assert phase_fraction(masks).mean() == pytest.approx(fraction, abs=0.05)
    r, s2 = two_point_correlation(masks)
    curve = s2.mean(axis=0) / s2[:, 0].mean()
    minimum, maximum = first_extrema(curve)
    assert r[minimum] == pytest.approx(low_r, abs=1.6)
    assert r[maximum] == pytest.approx(high_r, abs=1.6)
    assert curve[minimum] == pytest.approx(low, abs=0.06)
    assert curve[maximum] == pytest.approx(high, abs=0.06)


def test_lines_run_down_the_rows_and_rungs_break_them(pairs: dict[str, SimulatedPair]) -> None:
    down = {kind: lineal_path(crops(pairs[kind].mask), "vertical", [20])[1].mean() for kind in KINDS}
    across = {kind: lineal_path(crops(pairs[kind].mask), "horizontal", [20])[1].mean() for kind in KINDS}
    for kind in ("hexagonal", "skew", "alternating lines"):
        assert across[kind] < 0.02 < 0.07 < down[kind]
    for kind in ("narrow ladders", "wide ladders"):
        assert down[kind] < 0.09  # real: .013 after binarisation


@pytest.mark.parametrize(("kind", "radius"), [("hexagonal", 46), ("skew", 51), ("wide ladders", 50)])
def test_the_ring_lies_where_the_micrograph_says(pairs: dict[str, SimulatedPair], kind: str, radius: float) -> None:
    pattern = pairs[kind].pattern
    row, col = np.ogrid[:192, :192]
    q = np.hypot(row - BEAM_CENTRE[0], col - BEAM_CENTRE[1])
    off_axis = (np.abs(row - BEAM_CENTRE[0]) > 20) & ~detector_mask()
    profile = [pattern[off_axis & (np.abs(q - at) < 1.5)].mean() for at in range(40, 70)]
    assert 40 + int(np.argmax(profile)) == pytest.approx(radius, abs=4)


def test_the_same_generator_state_gives_the_same_pair_on_any_number_of_threads(
    pairs: dict[str, SimulatedPair],
) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        again = simulate_pair("ladders", "quick", np.random.default_rng(11), 1)
    finally:
        torch.set_num_threads(threads)
    first = pairs["wide ladders"]
    assert np.array_equal(again.micrograph, first.micrograph)
    assert np.array_equal(again.mask, first.mask)
    assert np.array_equal(again.pattern, first.pattern)
    assert again.parameters == first.parameters


def test_errors_name_the_argument() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="size must be one of quick, full; got 'huge'"):
        simulate_pair("skew", "huge", rng)
    with pytest.raises(ValueError, match="morphology must be one of .*; got 'gyroid'"):
        simulate_pair("gyroid", "quick", rng)
    with pytest.raises(ValueError, match="variant must be one of 0; got 1"):
        simulate_pair("skew", "quick", rng, 1)
