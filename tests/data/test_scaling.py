from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from pairvae_lib.data.modality import Axis
from pairvae_lib.data.preprocessing import binarised, normalised_profile, resized_pattern
from pairvae_lib.data.reading.profiles import Curve
from pairvae_lib.data.scaling import Scaling

Q = np.geomspace(0.01, 0.1, 64)
INTENSITY = 1e3 * Q**-3
PROFILES = Scaling(axis=Axis("q", "1/angstrom"), grid=tuple(np.geomspace(0.02, 0.08, 32)), limits=(-1.5, 1.5))
SPECTRA = Scaling(
    axis=Axis("wavelength", "nm", is_log=False), grid=tuple(np.linspace(400, 700, 32)), is_log=False, limits=(-1.0, 2.0)
)


def curve(q, unit="", intensity=INTENSITY, axis="q"):
    return Curve(np.asarray(q), np.asarray(intensity), unit, axis=axis)


def test_it_survives_json():
    scaling = Scaling(limits=(-3.0, 0.5), nm_per_pixel=2.75, pattern_shape=(192, 200), image_rows=830)
    for one in (scaling, PROFILES, SPECTRA):
        assert Scaling.from_json(json.loads(json.dumps(asdict(one)))) == one


def test_a_profile_is_seen_as_in_training():
    seen = PROFILES.seen_profile(curve(Q, "1/angstrom"))
    assert np.array_equal(seen, normalised_profile(Q, INTENSITY, np.array(PROFILES.grid), PROFILES.limits))


def test_a_known_unit_is_converted():
    expected = PROFILES.seen_profile(curve(Q, "1/angstrom"))
    assert PROFILES.seen_profile(curve(Q * 10, "1/nm")) == pytest.approx(expected, abs=1e-6)


def test_a_grid_that_ends_where_the_profile_ends_outlives_the_conversion():
    scaling = Scaling(axis=Axis("q", "1/nm"), grid=tuple(np.geomspace(Q[0], Q[-1], 32)), limits=(-1.5, 1.5))
    for factor in (1 + 5e-7, 1 - 5e-7):
        assert np.isfinite(scaling.seen_profile(curve(Q / 10 * factor, "1/angstrom"))).all()


@pytest.mark.parametrize(
    ("scaling", "q", "unit", "message"),
    [
        (PROFILES, Q, "", r"^q is in an unknown unit, but the model was trained on q in 1/angstrom; say the unit"),
        (PROFILES, Q, "1/m", r"^q is in 1/m, but the model was trained on q in 1/angstrom"),
        (PROFILES, Q * 3, "1/angstrom", r"^covers q from 0.03 to 0.3, but the model needs 0.02 to 0.08 1/angstrom$"),
        (PROFILES, Q / 3, "1/angstrom", r"^covers q from 0.00333\d* to 0.0333\d*, but the model needs 0.02 to 0.08"),
        (replace(PROFILES, axis=Axis()), Q, "1/nm", r"^q is in 1/nm, but the model was trained on q in an unknown"),
        (Scaling(), Q, "1/nm", r"^the model was trained on 2-D patterns, not on 1-D profiles$"),
    ],
)
def test_a_profile_unlike_those_of_the_training_is_refused(scaling, q, unit, message):
    with pytest.raises(ValueError, match=message):
        scaling.seen_profile(curve(q, unit))


def test_a_spectrum_is_seen_on_its_own_scale():
    x = np.linspace(300, 800, 101)
    seen = SPECTRA.seen_profile(curve(x, "nm", (x - 400) / 300, "wavelength"))
    assert seen == pytest.approx((np.linspace(0, 1, 32) + 1) / 3, abs=0.01)
    assert seen[1:-1] == pytest.approx((np.linspace(0, 1, 32)[1:-1] + 1) / 3, abs=1e-5)


@pytest.mark.parametrize(
    ("axis", "unit", "message"),
    [
        ("q", "1/nm", "^is over q, but the model was trained on profiles over wavelength"),
        ("", "", r"^is over an axis that it does not name, .*say so by axis: 'wavelength \[nm\]'$"),
        ("wavelength", "um", "^wavelength is in um, but the model was trained on wavelength in nm"),
        ("wavelength", "", "^wavelength is in an unknown unit, but the model was trained on wavelength in nm"),
    ],
)
def test_a_spectrum_unlike_those_of_the_training_is_refused(axis, unit, message):
    x = np.linspace(300, 800, 64)
    with pytest.raises(ValueError, match=message):
        SPECTRA.seen_profile(curve(x, unit, x, axis))


def test_the_scaling_of_a_bundle_of_version_1_is_read():
    before = {"binarisation": {}, "q": [0.1, 0.2], "q_unit": "1/nm", "limits": [-1.0, 1.0], "nm_per_pixel": 2.5}
    assert Scaling.from_json(before) == Scaling(
        axis=Axis("q", "1/nm"), grid=(0.1, 0.2), limits=(-1.0, 1.0), nm_per_pixel=2.5
    )


def test_patterns_are_seen_as_in_training(rng):
    levels = rng.integers(256, size=(48, 64), dtype=np.uint8)
    seen = Scaling(pattern_shape=(48, 64)).seen_pattern(levels, 32)
    assert np.array_equal(seen, resized_pattern(levels / np.float32(255), 32))
    counts = 10.0 ** rng.uniform(0, 4, (48, 64))
    seen = Scaling(limits=(0.0, 4.0)).seen_pattern(counts, 48)
    assert seen == pytest.approx(resized_pattern(np.log10(counts) / 4, 48), abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "scale", "message"),
    [
        ((64, 48), 1.0, r"^64 x 48 px, but the model was trained on patterns of 48 x 64 px: another q range$"),
        ((48, 64), 9.0, r"^pattern without limits must lie in \[0, 1\]; got"),
    ],
)
def test_a_pattern_unlike_those_of_the_training_is_refused(rng, shape, scale, message):
    with pytest.raises(ValueError, match=message):
        Scaling(pattern_shape=(48, 64)).seen_pattern(scale * rng.random(shape), 32)


def test_micrographs_of_two_levels_are_masks_others_are_binarised(rng):
    mask = rng.random((40, 50)) < 0.5
    assert np.array_equal(Scaling().seen_mask(np.where(mask, 255, 0).astype(np.uint8), 32), mask)
    grey = rng.integers(256, size=(40, 50), dtype=np.uint8)
    assert np.array_equal(Scaling().seen_mask(grey, 32), binarised(grey))


def test_a_micrograph_smaller_than_a_crop_is_refused():
    with pytest.raises(ValueError, match=r"^micrograph of 20 x 50 px is smaller than the model's crop of 32 px$"):
        Scaling().seen_mask(np.zeros((20, 50), dtype=np.uint8), 32)


def test_a_finer_micrograph_is_brought_to_the_models_scale(rng):
    scaling = Scaling(nm_per_pixel=4.0)
    mask = rng.random((40, 60)) < 0.5
    grey = np.where(mask, 255, 0).astype(np.uint8)
    fine = grey.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(scaling.seen_mask(fine, 32, nm_per_pixel=2.0), mask)
    assert np.array_equal(scaling.seen_mask(grey, 32, nm_per_pixel=4.02), mask)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (None, "^its pixel size is not known, and the model's is 4 nm; say it$"),
        (5.0, "^its pixels of 5 nm are coarser than the model's of 4 nm$"),
        (0.5, "^its pixels of 0.5 nm are finer than the model's of 4 nm by more than a factor of 4$"),
        (2.0, "^micrograph of 30 x 30 px is smaller than the model's crop of 32 px$"),
    ],
)
def test_a_micrograph_of_another_scale_is_refused(rng, own, message):
    with pytest.raises(ValueError, match=message):
        Scaling(nm_per_pixel=4.0).seen_mask(rng.integers(256, size=(60, 60), dtype=np.uint8), 32, own)


def test_a_scaling_with_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="^scaling has no x$"):
        Scaling.from_json({"binarisation": {}, "x": 3})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grid": [0.2, 0.1]}, r"^grid must rise from above 0; got 2 values from \(0.2,\)$"),
        ({"grid": [0.0, 0.1]}, "^grid must rise from above 0"),
        ({"grid": [0.1, float("nan")]}, "^grid must be finite"),
        ({"limits": [1.0, 0.0]}, r"^limits must be \(low, high\) with low < high; got \(1.0, 0.0\)$"),
        ({"nm_per_pixel": -1.0}, "^nm_per_pixel must be above 0 and finite; got -1.0$"),
        ({"image_rows": 0}, "^image_rows must be above 0 and finite; got 0$"),
    ],
)
def test_a_scaling_that_cannot_be_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Scaling.from_json({"binarisation": {}} | values)
