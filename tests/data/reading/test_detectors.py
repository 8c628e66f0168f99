from __future__ import annotations

import numpy as np
import pytest
from detector_files import counts, fabio_written, gaps, write_cbf, write_edf, write_eiger, write_nexus

from pairvae_lib.data.reading.detectors import detector_image, detector_shape, no_signal
from pairvae_lib.data.reading.images import image_header, image_pixels, read_image

COUNTS = counts()
GAPS = gaps()
DUMMIED = np.where(GAPS, -1, COUNTS).astype(np.int32)


@pytest.mark.parametrize("suffix", [".edf", ".cbf", ".h5", ".nxs", ".hdf5", ".tif"])
def test_a_detector_image_in_any_format(tmp_path, suffix):
    path = fabio_written(tmp_path / f"a{suffix}", DUMMIED)
    header = image_header(path)
    assert (header.height, header.width, header.channels, header.dtype) == (*COUNTS.shape, 1, np.int32)
    levels, missing = image_pixels(path)
    assert (missing == GAPS).all()
    assert (levels[~missing] == COUNTS[~GAPS]).all()
    if suffix != ".tif":
        assert levels.dtype == np.float64
        with pytest.raises(ValueError, match=f"^{GAPS.sum()} of 4800 pixels hold no measurement$"):
            read_image(path)
        assert (read_image(fabio_written(tmp_path / f"whole{suffix}", COUNTS)) == COUNTS).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_an_eiger_master_file_with_its_data_file(tmp_path, dtype):
    bad = np.zeros(COUNTS.shape, bool)
    bad[5, 6:9] = True
    levels = np.where(GAPS, np.iinfo(dtype).max, COUNTS).astype(dtype)
    path = write_eiger(tmp_path / "scan_1_master.h5", levels, bad)
    assert detector_shape(path) == (COUNTS.shape, np.dtype(dtype))
    read, missing = detector_image(path)
    assert (missing == (GAPS | bad)).all()
    assert (read[~missing] == COUNTS[~missing]).all()
    (tmp_path / "scan_1_data_000001.h5").unlink()
    with pytest.raises(ValueError, match="^needs the file scan_1_data_000001.h5 beside it, which is not there$"):
        detector_image(path)


def test_the_dummy_value_of_an_edf_header(tmp_path):
    levels = np.where(GAPS, 7.25, COUNTS).astype(np.float32)
    _, missing = detector_image(write_edf(tmp_path / "a.edf", levels, Dummy="7", DDummy="0.5"))
    assert (missing == GAPS).all()
    _, missing = detector_image(write_edf(tmp_path / "b.edf", levels, Dummy="none"))
    assert not missing.any()


def test_customs_of_detectors():
    two, noise = np.array([[-1.0, 5], [-2, 3]]), np.array([[-1.0, -1.5], [-2, 3]])
    assert no_signal(two).tolist() == [[True, False], [True, False]]
    assert not no_signal(noise).any()
    assert no_signal(np.array([[-1.0, -2, -3, 4]])).tolist() == [[True, True, True, False]]
    for dtype in (np.int64, np.uint64, np.float64, np.float32):  # of a detector that marks by 2^32 - 1
        assert no_signal(np.array([[5, 2**32 - 1]], dtype=dtype)).tolist() == [[False, True]]
    assert no_signal(np.array([[7, 65535, 65535]], dtype=np.int32)).tolist() == [[False, True, True]]
    assert not no_signal(np.array([[7, 65535, 65536]], dtype=np.int32)).any()
    assert no_signal(np.array([[np.nan, np.inf, 1]])).tolist() == [[True, True, False]]
    assert no_signal(np.array([[-3, 0, 4]])).tolist() == [[True, False, False]]
    assert not no_signal(np.array([[True, False]])).any()
    for dtype, marked in ((np.uint8, False), (np.uint16, False), (np.uint32, True), (np.uint64, True)):
        largest = np.array([[np.iinfo(dtype).max, 0]], dtype=dtype)
        assert no_signal(largest).tolist() == [[marked, False]]
        assert no_signal(largest, is_detector=True).tolist() == [[True, False]]


def changed(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


def test_headers_that_lie_are_refused_before_memory_is_taken(tmp_path):
    edf = changed(write_edf(tmp_path / "a.edf", COUNTS), b"Dim_1 = 80 ;", b"Dim_1 = 1000000 ;")
    with pytest.raises(ValueError, match=r"^is cut: \d+ bytes of pixels, expected 240000000 for 60 x 1000000 px$"):
        image_header(edf)
    cbf = changed(write_cbf(tmp_path / "a.cbf", COUNTS), b"Fastest-Dimension: 80", b"Fastest-Dimension: 800000000")
    with pytest.raises(ValueError, match=r"^is cut: \d+ bytes of pixels in the file, \d+ by its header, for 60 x"):
        image_header(cbf)
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", shape=(10**6, 10**6), dtype="i4", chunks=(1, 1000))
    assert (tmp_path / "a.h5").stat().st_size < 10**5
    with pytest.raises(ValueError, match=r"^/entry/data/data has 10+ values; expected at most 20000000 pixels \(to"):
        image_pixels(tmp_path / "a.h5")


@pytest.mark.parametrize("suffix", [".edf", ".cbf", ".h5"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_cut_files_have_a_reason(tmp_path, suffix, share):
    path = fabio_written(tmp_path / f"a{suffix}", COUNTS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError) as error:
        image_pixels(path)
    assert str(error.value)


@pytest.mark.parametrize("suffix", [".edf", ".cbf", ".h5"])
def test_files_that_are_something_else_have_a_reason(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("<html>not found</html>" * 40)
    with pytest.raises(ValueError) as error:
        image_pixels(path)
    name = {".edf": "EDF", ".cbf": "CBF", ".h5": "HDF5"}[suffix]
    assert str(error.value) == f"is no {name} file, though its name says so"
    with pytest.raises(ValueError, match="^is missing$"):
        image_pixels(tmp_path / f"missing{suffix}")


def test_faulty_headers(tmp_path):
    edf = changed(write_edf(tmp_path / "a.edf", COUNTS), b"SignedInteger", b"Complexity123")
    with pytest.raises(ValueError, match="^holds pixels of an unknown type; got 'Complexity123'$"):
        image_header(edf)
    edf = changed(write_edf(tmp_path / "b.edf", COUNTS), b"Dim_2 = 60 ;", b"Dim_2 = -6 ;")
    with pytest.raises(ValueError, match="^Dim_2 must be a whole number; got '-6'$"):
        image_header(edf)
    edf = changed(write_edf(tmp_path / "c.edf", COUNTS), b"Image = 0 ;", b"Dim_3 = 5 ;")
    with pytest.raises(ValueError, match="^must hold one image; got a stack of 5$"):
        image_header(edf)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_the_header_tells_the_type_that_is_read(tmp_path, dtype):
    levels = np.arange(12, dtype=dtype).reshape(3, 4)
    assert detector_shape(write_edf(tmp_path / "a.edf", levels)) == ((3, 4), np.dtype(dtype))
    assert (detector_image(tmp_path / "a.edf")[0] == levels).all()


def test_stacks_are_refused(tmp_path):
    stack = np.stack([COUNTS, COUNTS, COUNTS])
    with pytest.raises(ValueError, match="^must hold one image; got 3 frames in 1 datasets: sum or split them first$"):
        image_header(write_nexus(tmp_path / "a.h5", stack))
    assert image_header(write_nexus(tmp_path / "b.h5", stack[:1])).height == 60
    image = write_edf(tmp_path / "a.edf", COUNTS)
    image.write_bytes(image.read_bytes() * 2)
    with pytest.raises(ValueError, match="^must hold one image; got 2 frames: sum or split them first$"):
        detector_image(image)


def test_random_bytes_in_detector_files_never_fail_in_another_way(tmp_path):
    rng = np.random.default_rng(1)
    for suffix in (".edf", ".cbf", ".h5"):
        path = fabio_written(tmp_path / f"a{suffix}", COUNTS)
        whole = path.read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            for place in rng.integers(0, min(len(data), 2500), rng.integers(1, 6)):
                data[place] = rng.integers(256)
            path.write_bytes(data)
            try:
                assert image_pixels(path)[0].ndim == 2
            except ValueError as error:
                assert str(error)
