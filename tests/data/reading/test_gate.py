from __future__ import annotations

import os
import socket

import h5py
import numpy as np
import pytest
import tifffile
from detector_files import counts, write_edf
from PIL import Image

from pairvae_lib.data.reading import gate
from pairvae_lib.data.reading.detectors import is_curve
from pairvae_lib.data.reading.images import image_header, image_pixels
from pairvae_lib.data.reading.profiles import read_profile

COUNTS = counts()
HOW = "set the environment variable PAIRVAE_LIMITS=2"


@pytest.fixture
def place(tmp_path):
    """A folder beside files that must not be read: bytes, and the dataset `d` of secret.h5."""
    (tmp_path / "secret.bin").write_bytes(bytes(range(256)) * 16)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["d"] = np.arange(4096, dtype="u1").reshape(64, 64)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def virtual(path, source, dataset, shape=(64, 64)):
    layout = h5py.VirtualLayout(shape, "u1")
    layout[:] = h5py.VirtualSource(source, dataset, shape=shape)
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("data", layout)
    return path


def external(path, name, place):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, (64, 64), "u1", external=[(str(place.parent / "secret.bin"), 0, 4096)])
    return path


def test_a_virtual_dataset_over_external_storage_is_refused(place):
    path = external(place / "a.h5", "hidden_mask", place)  # no image by its name
    with pytest.raises(ValueError, match="^/hidden_mask must hold its values itself; got external storage$"):
        image_pixels(virtual(path, ".", "hidden_mask"))
    external(place / "b.h5", "d", place)
    with pytest.raises(ValueError, match="^/d must hold its values itself; got external storage$"):
        image_pixels(virtual(place / "c.h5", "b.h5", "d"))


@pytest.mark.parametrize("inner", ["/d", "/"])
def test_a_file_beside_that_links_out_is_refused(place, inner):
    with h5py.File(place / "b.h5", "w") as file:
        file["g"] = h5py.ExternalLink(str(place.parent / "secret.h5"), inner)
    with h5py.File(place / "a.h5", "w") as file:
        file["data"] = h5py.ExternalLink("b.h5", "/g" if inner == "/d" else "/g/d")
    with pytest.raises(ValueError, match="^must not point to files out of its folder; got '.*secret.h5'$"):
        image_pixels(place / "a.h5")
    with pytest.raises(ValueError, match="points to nothing that can be read"):
        image_pixels(virtual(place / "c.h5", "b.h5", "g" if inner == "/d" else "g/d"))


def test_names_that_hdf5_would_look_for_elsewhere_are_refused(place, monkeypatch):
    monkeypatch.chdir(place.parent)  # HDF5 looks there, too
    with pytest.raises(ValueError, match="^is missing$"):
        image_pixels(virtual(place / "a.h5", "secret.h5", "d"))
    with pytest.raises(ValueError, match="^must not point to files out of its folder; got 'b%b.h5'$"):
        gate.neighbour(place / "a.h5", "b%b.h5")  # a name for any number of files


def test_virtual_datasets_and_links_within_the_folder_are_read(place):
    image = np.arange(4096, dtype="u1").reshape(64, 64)
    with h5py.File(place / "part.h5", "w") as file:
        file["frames"] = np.stack([image, image.T])
    layout, source = h5py.VirtualLayout((64, 64), "u1"), h5py.VirtualSource("part.h5", "frames", (2, 64, 64))
    layout[:32], layout[33::2], layout[32::2] = source[1, :32], source[0, 33::2], source[0, 32::2]
    with h5py.File(place / "a.h5", "w") as file:
        file.create_virtual_dataset("data", layout, fillvalue=7)
    assert (image_pixels(place / "a.h5")[0] == np.concatenate([image.T[:32], image[32:]])).all()
    assert (image_pixels(virtual(place / "b.h5", "a.h5", "data"))[0] == image_pixels(place / "a.h5")[0]).all()
    with h5py.File(place / "c.h5", "w") as file:
        file["there"] = h5py.ExternalLink("b.h5", "/data")
    assert (image_pixels(place / "c.h5")[0] == image_pixels(place / "a.h5")[0]).all()


def test_links_in_a_circle_end(place):
    for name, other in (("a", "b"), ("b", "a")):
        with h5py.File(place / f"{name}.h5", "w") as file:
            file["data"] = h5py.ExternalLink(f"{other}.h5", "/data")
    with pytest.raises(ValueError, match="points to nothing that can be read"):
        image_pixels(place / "a.h5")
    with h5py.File(place / "c.h5", "w") as file:
        file["data"] = np.ones((8, 8))
        for i in range(10):
            file[f"r{i}"] = file["/"]
    assert not is_curve(place / "c.h5")
    assert image_pixels(place / "c.h5")[0].shape == (8, 8)


def test_an_edf_file_holds_its_pixels_itself(place):
    os.symlink(place.parent / "secret.bin", place / "raw.bin")
    path = write_edf(place / "a.edf", COUNTS, EDF_BinaryFileName="raw.bin", EDF_BinaryFilePosition="0")
    with pytest.raises(ValueError, match="^must hold its pixels itself; got a header with edf_binaryfilename$"):
        image_pixels(path)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".npy", ".edf", ".cbf", ".h5"])
def test_content_of_another_format_is_refused_by_its_name(tmp_path, suffix):
    levels = np.arange(4096, dtype="u1").reshape(64, 64)
    others = {name: tmp_path / f"other{name}" for name in (".tif", ".png", ".jpg", ".npy", ".h5", ".ps", ".gif")}
    tifffile.imwrite(others[".tif"], levels)
    for name in (".png", ".jpg", ".gif"):
        Image.fromarray(levels).save(others[name])
    np.save(others[".npy"], levels)
    with h5py.File(others[".h5"], "w") as file:
        file["data"] = levels
    others[".ps"].write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\nshowpage\n%%EOF\n")
    for name, other in others.items():
        path = tmp_path / f"a{suffix}"
        path.write_bytes(other.read_bytes())
        if name != suffix:
            with pytest.raises(ValueError, match=rf"^is no {gate.FORMATS[suffix][0]} file, though its name says so: "):
                image_header(path)


def test_no_image_starts_another_program(tmp_path, monkeypatch):
    def started(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen.__init__", started)
    monkeypatch.setenv("PAIRVAE_DECODES", "none")  # in this process
    for name in ("a.png", "a.jpg", "a.tif"):
        (tmp_path / name).write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\nshowpage\n%%EOF\n")
        with pytest.raises(ValueError, match="its content is PostScript$"):
            image_pixels(tmp_path / name)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    os.mkfifo(tmp_path / "a.dat")
    (tmp_path / "b.tif").mkdir()
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind(str(tmp_path / "c.tif"))
        for name, read in (("a.tif", image_pixels), ("b.tif", image_pixels), ("c.tif", image_pixels)):
            with pytest.raises(ValueError):
                read(tmp_path / name)
    with pytest.raises(ValueError, match="^is no file$"):
        read_profile(tmp_path / "a.dat")


def test_limits_name_themselves_and_can_be_raised(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((70, 8, 8), "u1"), photometric="minisblack", metadata=None)
    with pytest.raises(ValueError, match=f"^has more than 64 pages; expected at most 64 pages .*{HOW}"):
        image_header(tmp_path / "a.tif")
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", "u1", (5000, 5000)).flush()
    with pytest.raises(ValueError, match=f"^claims 5000 x 5000 px; expected at most 20000000 pixels .*{HOW}"):
        image_header(tmp_path / "a.npy")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(10_001):
            file.create_group(f"g{i}")
    with pytest.raises(ValueError, match=f"^has 10001 groups and datasets, or more; expected .*{HOW}"):
        image_header(tmp_path / "a.h5")
    np.save(tmp_path / "b.npy", np.ones((8, 8)))
    os.truncate(tmp_path / "b.npy", 2**33)
    with pytest.raises(ValueError, match=f"^has 8589934592 bytes; expected .*{HOW}"):
        image_header(tmp_path / "b.npy")
    monkeypatch.setenv(gate.FACTOR, "2")
    monkeypatch.setenv("PAIRVAE_DECODES", "none")  # in this process, where the variable is set
    assert image_header(tmp_path / "a.npy").width == 5000
    with pytest.raises(ValueError, match="PAIRVAE_LIMITS=4"):
        image_header(tmp_path / "b.npy")
    monkeypatch.setenv(gate.FACTOR, "much")
    with pytest.raises(ValueError, match="^environment variable PAIRVAE_LIMITS must be a number from 1 to 1000; got"):
        image_header(tmp_path / "a.npy")
