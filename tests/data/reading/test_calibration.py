from __future__ import annotations

import sys
from math import pi

import numpy as np
import pytest
from detector_files import (
    BEAM,
    DISTANCE,
    PIXEL,
    SHAPE,
    WAVELENGTH,
    counts,
    distances,
    gaps,
    write_poni,
)

from pairvae_lib.data.reading.patterns import averaged_profile, calibration

Q_PER_PIXEL = 2 * pi / (WAVELENGTH * 1e9) * PIXEL / DISTANCE  # 1/nm, at small angles


def test_the_beam_and_the_q_of_a_pixel(tmp_path):
    known = calibration(write_poni(tmp_path / "a.poni"))
    assert known.centre == pytest.approx(BEAM)
    assert known.q_per_pixel == pytest.approx(Q_PER_PIXEL, rel=1e-6)
    assert known.shape == SHAPE


def test_the_average_has_its_peak_where_the_ring_is_and_leaves_gaps_out(tmp_path):
    known = calibration(write_poni(tmp_path / "a.poni"))
    for value in (0, -1, 1e9, np.nan):
        levels = np.where(gaps(), value, counts(ring=20)).astype(np.float64)
        q, intensity = averaged_profile(levels, gaps(), known)
        beyond = q > 10 * Q_PER_PIXEL
        assert q[beyond][np.argmax(intensity[beyond])] == pytest.approx(20 * Q_PER_PIXEL, abs=Q_PER_PIXEL)
        assert intensity.max() < counts(ring=20).max()
        assert intensity.min() > 19
        assert q[0] > 1.5 * Q_PER_PIXEL  # behind the beam stop nothing was measured
        assert (np.diff(q) > 0).all()


def test_the_average_is_that_of_rings(tmp_path):
    known = calibration(write_poni(tmp_path / "a.poni"))
    q, intensity = averaged_profile(counts().astype(float), np.zeros(SHAPE, bool), known)
    ring = np.rint(distances()) == 24
    assert np.interp(24 * Q_PER_PIXEL, q, intensity) == pytest.approx(counts()[ring].mean(), rel=0.02)


def test_shapes_that_do_not_fit(tmp_path):
    known = calibration(write_poni(tmp_path / "a.poni"))
    with pytest.raises(
        ValueError, match=r"^must have the shape of the detector of its .poni file, \(60, 80\); got \(9, 9\)$"
    ):
        averaged_profile(np.ones((9, 9)), np.zeros((9, 9), bool), known)
    with pytest.raises(ValueError, match="^no pixel holds a measurement$"):
        averaged_profile(np.ones(SHAPE), np.ones(SHAPE, bool), known)
    far = calibration(write_poni(tmp_path / "far.poni", beam=(1e9, 0.0)))
    with pytest.raises(ValueError, match="^has its beam at row 1e[+]09, col "):
        averaged_profile(np.ones(SHAPE), np.zeros(SHAPE, bool), far)


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_unusable_calibrations(tmp_path):
    path = write_poni(tmp_path / "a.poni")
    with pytest.raises(ValueError, match="^must give a Wavelength above 0; got "):
        calibration(edited(path, "Wavelength: 1e-10", "Wavelength: 0"))
    with pytest.raises(ValueError, match="^must give a Distance above 0; got -1"):
        calibration(edited(write_poni(path), "Distance: 2.0", "Distance: -1"))
    with pytest.raises(ValueError, match="^must have orientation 3, rows from the top; got 2$"):
        calibration(edited(write_poni(path), '"orientation": 3', '"orientation": 2'))
    path.write_text("no calibration")
    with pytest.raises(ValueError):
        calibration(path)
    path.write_bytes(b"\xff\x00\x81")
    with pytest.raises(ValueError, match="codec can't decode"):
        calibration(path)
    path.write_text("#" * 70000)
    with pytest.raises(ValueError, match="^must be a .poni file of at most 65536 bytes; got 70000$"):
        calibration(path)
    with pytest.raises(ValueError, match="^is missing$"):
        calibration(tmp_path / "none.poni")


@pytest.mark.parametrize(
    "line",
    [
        'Detector: NexusDetector\nDetector_config: {"filename": "/etc/passwd"}',
        "Detector: /etc/passwd",
        "Detector: ../secret.h5",
        "SplineFile: /etc/passwd",
        'Detector_config: {"splineFile": "x.spline"}',
    ],
)
def test_a_calibration_that_names_further_files_is_refused(tmp_path, line):
    (tmp_path / "a.poni").write_text(f"poni_version: 2\n{line}\nDistance: 1\nWavelength: 1e-10\n")
    with pytest.raises(ValueError, match="^must not name further files; got "):
        calibration(tmp_path / "a.poni")


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    path = write_poni(tmp_path / "b.poni", beam=(1.0, 2.0))
    monkeypatch.setitem(sys.modules, "pyFAI", None)
    with pytest.raises(ValueError, match=r"^a calibration \(.poni\) needs the package pyFAI; install it with: pip"):
        calibration(path)
