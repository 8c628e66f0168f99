"""The crop window: what its front end is given, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.book import crop_window
from pairvae_lib.morphology.masks import two_point_correlation

RNG = np.random.default_rng(0)
MASK = RNG.random((70, 101)) < 0.4


def test_the_front_end_gets_the_whole_mask_and_its_correlation():
    widget = crop_window(MASK, RNG.random((16, 16)), "saxs")
    bits = np.frombuffer(widget.mask_bits, np.uint8).reshape(70, -1)
    np.testing.assert_array_equal(np.unpackbits(bits, axis=-1, count=101).astype(bool), MASK)
    assert widget.shape == [70, 101] and widget.size == 32
    r, s2 = two_point_correlation(MASK)
    np.testing.assert_array_equal(widget.r, r[:16])
    np.testing.assert_array_equal(widget.s2, s2[:16])
    data, metadata = widget._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG") and metadata["image/png"]["alt"] == widget.poster_text


def test_the_window_is_no_larger_than_half_the_micrograph():
    assert crop_window(np.tile(MASK, (8, 8)), RNG.random((16, 16))).size == 128


def test_scattering_may_be_a_profile():
    q = np.geomspace(0.1, 1, 20)
    widget = crop_window(MASK, 1 / q**2, "gisaxs", q, "1/nm")
    assert widget.scattering.startswith(b"\x89PNG") and widget.scattering_text == "GISAXS of the sample"


def test_a_small_micrograph_is_refused():
    with pytest.raises(ValueError, match=r"^mask must be at least 32 px high and wide; got \(31, 64\)"):
        crop_window(MASK[:31, :64], RNG.random((16, 16)))
