from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
import pytest

from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES, RANGES, Parameters, drawn_parameters


def test_the_four_morphologies_of_the_paper() -> None:
    assert MORPHOLOGIES == ("hexagonal", "skew", "alternating lines", "ladders")


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
def test_every_range_names_a_parameter_and_none_is_missing(morphology: str) -> None:
    for ranges in RANGES[morphology]:
        assert set(ranges) == {field.name for field in fields(Parameters)}
        assert all(low <= high for low, high in ranges.values())


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
def test_drawn_parameters_lie_in_their_ranges(morphology: str) -> None:
    for variant, ranges in enumerate(RANGES[morphology]):
        drawn = asdict(drawn_parameters(morphology, np.random.default_rng(1), variant))
        del drawn["domain_scattering"]  # has a log-normal spread beside its range
        for name, value in drawn.items():
            assert ranges[name][0] <= value <= ranges[name][1], name


def test_the_same_generator_state_draws_the_same() -> None:
    first, second = (drawn_parameters("skew", np.random.default_rng(3)) for _ in range(2))
    assert first == second


def test_both_kinds_of_ladders_are_drawn() -> None:
    rng = np.random.default_rng(0)
    pitches = [drawn_parameters("ladders", rng).pitch for _ in range(20)]
    assert min(pitches) < 2.2 < 2.4 < max(pitches)


def test_unknown_morphology_is_named() -> None:
    with pytest.raises(ValueError, match="morphology must be one of hexagonal, skew, .*; got 'gyroid'"):
        drawn_parameters("gyroid", np.random.default_rng(0))


def test_unknown_variant_is_named() -> None:
    with pytest.raises(ValueError, match="variant must be one of 0, 1; got 2"):
        drawn_parameters("ladders", np.random.default_rng(0), 2)
