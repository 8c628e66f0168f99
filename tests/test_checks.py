"""One wording for all errors: name, what was expected, what was got."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pairvae_lib.checks import (
    DataError,
    MissingResult,
    check_finite,
    check_mask,
    check_one_of,
    check_positive,
    check_range,
    check_shape,
)


def message(check, *arguments) -> str:
    with pytest.raises(ValueError) as caught:
        check(*arguments)
    return str(caught.value)


def test_what_is_right_passes():
    check_one_of("target", "sem", ("saxs", "sem"))
    check_positive("n", 1)
    check_range("fraction", 0, 0, 1)
    check_range("fraction", 1, 0, 1)
    check_shape("patterns", np.zeros((5, 1, 3)), ("batch", 1, 3))
    check_shape("scalar", np.float32(0), ())
    check_finite("q", np.arange(3))
    check_mask("mask", np.zeros((2, 3, 4), dtype=bool))


def test_one_of():
    assert message(check_one_of, "target", "afm", ("saxs", "sem")) == "target must be one of saxs, sem; got 'afm'"
    assert message(check_one_of, "dims", 3, (1, 2)) == "dims must be one of 1, 2; got 3"


@pytest.mark.parametrize("value", [0, -1.5, float("nan")])
def test_positive(value):
    assert message(check_positive, "n", value) == f"n must be above 0; got {value}"


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_range(value):
    assert message(check_range, "fraction", value, 0, 1) == f"fraction must lie between 0 and 1; got {value}"


@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 1), (5, 1, 3, 1), ()])
@pytest.mark.parametrize("zeros", [np.zeros, torch.zeros])
def test_shape(zeros, shape):
    expected = f"patterns must have shape (batch, 1, 3); got {shape}"
    assert message(check_shape, "patterns", zeros(shape), ("batch", 1, 3)) == expected


def test_shape_of_one_axis_is_written_as_a_tuple():
    assert message(check_shape, "q", np.zeros(3), (4,)) == "q must have shape (4,); got (3,)"
    assert message(check_shape, "q", np.zeros(3), ()) == "q must have shape (); got (3,)"


def test_finite():
    values = np.array([[1, np.nan], [np.inf, -np.inf]])
    assert message(check_finite, "q", values) == "q must be finite; got 3 NaN or infinite of 4 values"


def test_mask():
    expected = "mask must be a boolean array of shape (..., height, width); got "
    assert message(check_mask, "mask", np.zeros((2, 2), dtype=np.uint8)) == expected + "uint8 of shape (2, 2)"
    assert message(check_mask, "mask", np.zeros(4, dtype=bool)) == expected + "bool of shape (4,)"
    assert message(check_mask, "mask", [[True]]) == expected + "list"
    assert message(check_mask, "mask", torch.zeros(2, 2, dtype=torch.bool)) == expected + "Tensor"


def test_a_data_error_lists_every_problem():
    error = DataError(Path("data"), (problem for problem in ("a.png is missing", "b.png is empty")))
    assert str(error) == "data: 2 problems\n  - a.png is missing\n  - b.png is empty"
    assert error.problems == ["a.png is missing", "b.png is empty"]
    assert str(DataError("data", ["no manifest.csv"])) == "data: 1 problem\n  - no manifest.csv"
    assert isinstance(error, ValueError)


def test_a_missing_result_names_the_command():
    error = MissingResult(Path("results") / "solo.pt", "pairvae run 03_solo_vae")
    assert str(error) == f"{Path('results') / 'solo.pt'} is not there yet; make it with: pairvae run 03_solo_vae"
    assert isinstance(error, FileNotFoundError)
