from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest
from detector_files import counts, write_eiger, write_nexus, write_nxcansas

from pairvae_lib.data.reading.detectors import hdf5_curve, hdf5_image, hdf5_image_shape, is_curve
from pairvae_lib.data.reading.profiles import read_profile

Q = np.linspace(0.05, 0.9, 40)
INTENSITY = Q**-3 + 2
COUNTS = counts()


@pytest.mark.parametrize(
    ("unit", "scale", "known"),
    [
        ("1/nm", 1, "1/nm"),
        ("nm^-1", 1, "1/nm"),
        ("1/angstrom", 1, "1/angstrom"),
        ("1/A", 1, "1/angstrom"),
        ("1/m", 1e-9, "1/nm"),
        ("furlong", 1, ""),
    ],
)
def test_a_curve_of_nxcansas(tmp_path, unit, scale, known):
    path = write_nxcansas(tmp_path / "a.h5", Q, INTENSITY, unit)
    assert is_curve(path)
    q, intensity, found = read_profile(path)
    assert q == pytest.approx(Q * scale)
    assert intensity == pytest.approx(INTENSITY)
    assert found == known


def test_unusable_curves(tmp_path):
    path = write_nxcansas(tmp_path / "two.h5", Q, INTENSITY, entries=2)
    with pytest.raises(ValueError, match=r"^must hold one curve .*; got 2: average or split them first$"):
        hdf5_curve(path)
    with pytest.raises(ValueError, match=r"^I and Q must have one shape, of at most 1048576 points; got \(40,\) and"):
        hdf5_curve(write_nxcansas(tmp_path / "short.h5", Q[1:], INTENSITY))
    bad = INTENSITY.copy()
    bad[3] = np.nan
    assert read_profile(write_nxcansas(tmp_path / "nan.h5", Q, bad))[0] == pytest.approx(np.delete(Q, 3))
    with pytest.raises(ValueError, match="^must hold at least 16 points of positive intensity; got 10$"):
        read_profile(write_nxcansas(tmp_path / "few.h5", Q[:10], INTENSITY[:10]))
    with pytest.raises(ValueError, match=r"^must hold one curve .*; got 0$"):
        read_profile(write_nexus(tmp_path / "image.h5", COUNTS))
    with h5py.File(tmp_path / "long.h5", "w") as file:
        group = file.create_group("a")
        group.attrs["canSAS_class"] = "SASdata"
        for name in "QI":
            group.create_dataset(name, shape=(10**12,), dtype="f8", chunks=(1000,))
    with pytest.raises(ValueError, match=r"^I and Q must have one shape, of at most 1048576 points"):
        hdf5_curve(tmp_path / "long.h5")


def test_the_image_is_found_by_its_class_or_alone(tmp_path):
    path = write_nexus(tmp_path / "a.h5", COUNTS, name="frame")
    assert not is_curve(path)
    with h5py.File(path, "a") as file:
        file["entry/thumbnail"] = COUNTS[::4, ::4]  # of no class
    assert (hdf5_image(path)[0] == COUNTS).all()
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["some/where"] = COUNTS
        file["soft"] = h5py.SoftLink("/some/where")
        file["circle"] = h5py.SoftLink("/circle")
    assert hdf5_image_shape(tmp_path / "plain.h5") == (COUNTS.shape, np.int32)
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["numbers"] = np.arange(9)
    with pytest.raises(ValueError, match=r"^holds no image \(a dataset of two axes\)$"):
        hdf5_image(tmp_path / "none.h5")


def test_a_mask_of_another_shape(tmp_path):
    path = write_eiger(tmp_path / "a_master.h5", COUNTS, np.zeros((3, 4), bool))
    with pytest.raises(ValueError, match=r"^pixel_mask must have the shape of the image, \(60, 80\); got \(3, 4\)$"):
        hdf5_image(path)


@pytest.fixture
def outside(tmp_path):
    """A folder with data, beside one with a file that they must not reach."""
    (tmp_path / "data").mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["entry/data/data"] = COUNTS
    return tmp_path / "data"


@pytest.mark.parametrize("relative", [True, False])
def test_links_out_of_the_folder_are_refused(outside, relative):
    target = "../secret.h5" if relative else str(outside.parent / "secret.h5")
    path = write_eiger(outside / "a_master.h5", COUNTS, target=target)
    with pytest.raises(ValueError, match=f"^must not point to files out of its folder; got '{target}'$"):
        hdf5_image(path)


def test_links_through_a_symbolic_link_are_refused(outside):
    (outside / "inside.h5").symlink_to(outside.parent / "secret.h5")
    with pytest.raises(ValueError, match="^must not point to files out of its folder; got 'inside.h5'$"):
        hdf5_image(write_eiger(outside / "a_master.h5", COUNTS, target="inside.h5"))


def test_storage_out_of_the_file_is_refused(outside):
    (outside.parent / "secret.bin").write_bytes(bytes(4800))
    with h5py.File(outside / "raw.h5", "w") as file:
        file.create_dataset("data", (60, 80), "u1", external=[(str(outside.parent / "secret.bin"), 0, 4800)])
    with pytest.raises(ValueError, match="^/data must hold its values itself; got external storage$"):
        hdf5_image(outside / "raw.h5")
    layout = h5py.VirtualLayout((60, 80), "i4")
    layout[:] = h5py.VirtualSource("../secret.h5", "entry/data/data", (60, 80))
    with h5py.File(outside / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with pytest.raises(ValueError, match="^must not point to files out of its folder; got '../secret.h5'$"):
        hdf5_image(outside / "virtual.h5")


def test_virtual_datasets_within_the_folder_are_read(outside):
    with h5py.File(outside / "part.h5", "w") as file:
        file["data"] = COUNTS
    layout = h5py.VirtualLayout((60, 80), "i4")
    layout[:] = h5py.VirtualSource("part.h5", "data", (60, 80))
    with h5py.File(outside / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    assert (hdf5_image(outside / "virtual.h5")[0] == COUNTS).all()


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    path = write_nexus(tmp_path / "a.h5", COUNTS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ValueError, match=r"^reading HDF5 needs the package h5py; install it with: pip install .*\.\[field\]'$"
    ):
        hdf5_image(path)


# ---- which dataset is the measurement


def made(path, build):
    with h5py.File(path, "w") as file:
        build(file)
    return path


def group(file, name, nx_class="NXdata", **attributes):
    new = file.require_group(name)
    new.attrs["NX_class"] = nx_class
    for key, value in attributes.items():
        new.attrs[key] = value
    return new


def detector_with_flat_field(file):
    new = group(file, "entry/instrument/lambda", "NXdetector")
    new["data"], new["flatfield"] = COUNTS[None], np.ones(COUNTS[None].shape)


def signal_of_old_nexus(file):
    new = group(file, "entry/data")
    new["counts"], new["errors"], new["raw"] = COUNTS, np.sqrt(COUNTS), COUNTS * 2
    new["counts"].attrs["signal"] = 1


def default_of_two(file):
    file.attrs["default"] = "entry"
    group(file, "entry", "NXentry", default="corrected")
    for name, factor in (("raw", 2), ("corrected", 1)):
        group(file, f"entry/{name}", signal="frame")["frame"] = COUNTS * factor


def canonical_2d(file):
    new = file.create_group("sasentry01/sasdata01")
    new.attrs["canSAS_class"] = "SASdata"
    new["I"], new["Idev"], new["Qx"], new["Qy"] = COUNTS, COUNTS, COUNTS * 0.1, COUNTS * 0.1


def monitor_beside(file):
    detector_with_flat_field(file)
    new = group(file, "entry/monitor", signal="current", axes="time")
    new["current"], new["time"] = np.arange(9.0), np.arange(9.0)


@pytest.mark.parametrize(
    "build", [detector_with_flat_field, signal_of_old_nexus, default_of_two, canonical_2d, monitor_beside]
)
def test_conventions_say_which_dataset_is_the_image(tmp_path, build):
    path = made(tmp_path / "a.nxs", build)
    assert not is_curve(path)
    assert (hdf5_image(path)[0] == COUNTS).all()


def curves(shape, q="q", axes=(".", "q"), **attributes):
    def build(file):
        new = group(file, "entry/result", signal="I", axes=list(axes)[-len(shape) - 1 :], **attributes)
        new[q], new["I"] = Q, np.broadcast_to(INTENSITY, (*shape, len(Q)))
        new[q].attrs["unit"] = "nm^-1"

    return build


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_curve_is_no_image_whatever_its_shape(tmp_path, shape):
    path = made(tmp_path / "a.h5", curves(shape))
    assert is_curve(path)
    q, intensity, unit = read_profile(path)
    assert q == pytest.approx(Q)
    assert intensity == pytest.approx(INTENSITY)
    assert unit == "1/nm"
    with pytest.raises(ValueError, match=r"^holds no image \(a dataset of two axes\), but 1 curves$"):
        hdf5_image(path)


def test_many_curves_and_curves_over_something_else_are_refused(tmp_path):
    path = made(tmp_path / "a.h5", curves((12,), axes=("time", "q")))
    assert is_curve(path)
    with pytest.raises(ValueError, match=r"^must hold one curve .*; got 12: average or split them first$"):
        read_profile(path)
    with pytest.raises(ValueError, match="^must be a profile over q; got '2th_deg', and the file names no wavelength"):
        read_profile(made(tmp_path / "b.h5", curves((1,), q="2th_deg", axes=(".", "2th_deg"))))


@pytest.mark.parametrize(("unit", "factor"), [("deg", 180 / np.pi), ("radians", 1.0)])
def test_two_theta_becomes_q_where_the_file_names_the_wavelength(tmp_path, unit, factor):
    def build(file):
        new = group(file, "entry/result", signal="I", axes=["two_theta"])
        new["two_theta"], new["I"] = 2 * np.arcsin(Q * 0.154 / (4 * np.pi)) * factor, INTENSITY
        new["two_theta"].attrs["units"] = unit
        file["entry/instrument/wavelength"] = 1.54
        file["entry/instrument/wavelength"].attrs["units"] = "angstrom"

    q, intensity, found = read_profile(made(tmp_path / "a.h5", build))
    assert q == pytest.approx(Q)
    assert intensity == pytest.approx(INTENSITY)
    assert found == "1/nm"


def test_the_default_of_two_curves_is_read(tmp_path):
    def build(file):
        file.attrs["default"] = "e"
        group(file, "e", "NXentry", default="sub")
        for name, factor in (("raw", 2), ("sub", 1)):
            new = file.create_group(f"e/{name}")
            new.attrs["canSAS_class"] = "SASdata"
            new["Q"], new["I"] = Q, INTENSITY * factor

    assert read_profile(made(tmp_path / "a.h5", build))[1] == pytest.approx(INTENSITY)


def test_masks_of_nexus_and_of_nxcansas(tmp_path):
    bad = np.zeros(COUNTS.shape, np.uint32)
    bad[3, 5:9] = 16

    def detector(file):
        group(file, "entry/data", signal="data")["data"] = COUNTS
        group(file, "entry/instrument/pilatus", "NXdetector")["pixel_mask"] = bad

    def canonical(file):
        canonical_2d(file)
        file["sasentry01/sasdata01/Mask"] = bad > 0

    for build in (detector, canonical):
        assert (hdf5_image(made(tmp_path / "a.h5", build))[1] == (bad > 0)).all()

    def curve(file):
        curves(())(file)
        file["entry/result/Mask"] = np.arange(len(Q)) < 4

    assert read_profile(made(tmp_path / "c.h5", curve))[0] == pytest.approx(Q[4:])
