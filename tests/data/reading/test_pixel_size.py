from __future__ import annotations

import numpy as np
import pytest
import tifffile

from pairvae_lib.data.reading.images import common_scale, file_nm_per_pixel

GREY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
FEI, FEI_HELIOS, ZEISS = 34680, 34682, 34118  # numbers of the tags


def fei(path, width="2.5e-009", height="2.5e-009", tag=FEI_HELIOS):
    text = f"[User]\r\nDate=1\r\n[Scan]\r\nPixelWidth={width}\r\nPixelHeight={height}\r\n"
    tifffile.imwrite(path, GREY, extratags=[(tag, "s", 0, text, True)])
    return path


def zeiss(path, *lines):
    text = "0\r\nDP_X\r\nbeam = 3 kV\r\n" + "".join(f"{line}\r\n" for line in lines)
    data = text.encode("cp1252")
    tifffile.imwrite(path, GREY, extratags=[(ZEISS, "s", len(data), data, True)])
    return path


def imagej(path, unit, resolution):
    tifffile.imwrite(path, GREY, imagej=True, resolution=resolution, metadata={"unit": unit})
    return path


@pytest.mark.parametrize("tag", [FEI, FEI_HELIOS])
def test_fei(tmp_path, tag):
    assert file_nm_per_pixel(fei(tmp_path / "a.tif", tag=tag)) == pytest.approx(2.5)


def test_zeiss(tmp_path):
    path = zeiss(tmp_path / "a.tif", "AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 1.117 nm")
    assert file_nm_per_pixel(path) == pytest.approx(1.117)
    path = zeiss(tmp_path / "b.tif", "AP_PIXEL_SIZE", "Pixel Size = 0.25 µm")
    assert file_nm_per_pixel(path) == pytest.approx(250 * 1024 / 30)  # the pixel of a screen of 1024 px
    path = zeiss(tmp_path / "w.tif", "AP_PIXEL_SIZE", "Pixel Size = 9 nm", "AP_WIDTH", "Width = 3.000 µm")
    assert file_nm_per_pixel(path) == pytest.approx(100)  # 30 px across
    assert file_nm_per_pixel(zeiss(tmp_path / "c.tif", "AP_MAG", "Mag = 100")) is None


@pytest.mark.parametrize(
    ("unit", "resolution", "size"),
    [
        ("nm", (0.4, 0.4), 2.5),
        ("um", (400, 400), 2.5),
        ("\\u00B5m", (400, 400), 2.5),
        ("micron", (500, 500), 2),
        ("pixel", (1, 1), None),
        ("inch", (72, 72), None),
        ("", (1, 1), None),
    ],
)
def test_imagej(tmp_path, unit, resolution, size):
    found = file_nm_per_pixel(imagej(tmp_path / "a.tif", unit, resolution))
    assert found is None if size is None else found == pytest.approx(size)


def test_the_resolution_of_a_printer_is_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(300, 300), resolutionunit="inch")
    assert file_nm_per_pixel(tmp_path / "a.tif") is None
    assert file_nm_per_pixel(tmp_path / "a.png") is None  # not opened


def test_unusable_sizes(tmp_path):
    with pytest.raises(ValueError, match="^must have square pixels; got 2.5 x 3 nm in its tags$"):
        file_nm_per_pixel(fei(tmp_path / "a.tif", height="3e-9"))
    for width in ("0.0", "-1e-9", "nan"):
        with pytest.raises(ValueError, match="^pixel size in its tags must be positive; got "):
            file_nm_per_pixel(fei(tmp_path / "a.tif", width, width))
    with pytest.raises(ValueError, match="^could not convert string to float: 'wide'$"):
        file_nm_per_pixel(fei(tmp_path / "a.tif", "wide", "wide"))
    with pytest.raises(ValueError, match="^pixel size in its tags must be positive; got a resolution of 0$"):
        file_nm_per_pixel(imagej(tmp_path / "a.tif", "nm", ((0, 1), (0, 1))))
    with pytest.raises(ValueError, match="^is missing$"):
        file_nm_per_pixel(tmp_path / "none.tif")


def test_the_common_scale_is_the_coarsest():
    assert common_scale([None, None]) is None
    assert common_scale([2.5, 2.5]) is None
    assert common_scale([2.5, 2.52]) is None
    assert common_scale([2.5, 5.0, 3.0]) == 5.0
    with pytest.raises(ValueError) as error:
        common_scale([2.5, None, 2.5])
    assert str(error.value) == (
        "the pixel size is known of 2 of 3 micrographs, so that they cannot be brought to one scale; fill the column "
        "nm_per_pixel for all, or write unknown in it for all"
    )
    with pytest.raises(ValueError, match="^pixel sizes from 1 to 4.1 nm differ by more than a factor of 4; leave out "):
        common_scale([1, 2, 4.1])
