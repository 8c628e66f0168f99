"""What microscopes leave in their images: data bars, previews, and tags that tell of both."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from pairvae_lib.data.reading.images import data_bar, file_image_rows, file_nm_per_pixel, read_image
from pairvae_lib.data.reading.samples import MeasuredFile, SampleFiles

FEI, TESCAN = 34682, 50431


def texture(seed=0, shape=(300, 320)):
    grey = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return (255 * (grey - grey.min()) / np.ptp(grey)).astype(np.uint8)


def with_bar(level, rows=40):
    """A texture above a bar of one level with text."""
    image = Image.fromarray(np.vstack([texture(), np.full((rows, 320), level, np.uint8)]))
    ImageDraw.Draw(image).text((10, 312), "HV 5 kV  WD 4.1 mm  500 nm |----|", fill=255 if level < 128 else 0)
    return np.asarray(image)


@pytest.mark.parametrize("level", [0, 255, 60])
def test_a_data_bar_is_noticed(level):
    assert data_bar(with_bar(level)) == pytest.approx(300, abs=1)


def test_what_is_no_data_bar(tmp_path):
    lamellae = np.where(np.arange(300)[:, None] // 30 % 2 + np.zeros(320), 200, 40) + texture() // 10
    dark = texture().copy()
    dark[260:] //= 8  # a substrate without text
    for grey in (texture(), lamellae.astype(np.uint8), dark, np.where(texture() > 127, 255, 0).astype(np.uint8)):
        assert data_bar(grey) is None
    Image.fromarray(with_bar(0)).save(tmp_path / "a.jpg", quality=80)
    assert data_bar(np.asarray(Image.open(tmp_path / "a.jpg"))) == pytest.approx(300, abs=8)


def test_tags_tell_the_rows_of_the_image(tmp_path):
    text = "[Scan]\r\nPixelWidth=2e-9\r\n[Image]\r\nResolutionX=320\r\nResolutionY={}\r\n"
    for rows, told in ((300, 300), (340, None), (999, None)):
        tifffile.imwrite(tmp_path / "fei.tif", with_bar(0), extratags=[(FEI, "s", 0, text.format(rows), True)])
        assert file_image_rows(tmp_path / "fei.tif") == told
    tags = b"[MAIN]\r\nPixelSizeX=2e-9\r\nPixelSizeY=2e-9\r\nImageStripSize=40\r\n"
    tifffile.imwrite(tmp_path / "tescan.tif", with_bar(0), extratags=[(TESCAN, "B", len(tags), tags, True)])
    assert file_image_rows(tmp_path / "tescan.tif") == 300
    assert file_nm_per_pixel(tmp_path / "tescan.tif") == pytest.approx(2)
    tifffile.imwrite(tmp_path / "plain.tif", with_bar(0))
    assert file_image_rows(tmp_path / "plain.tif") is None


def test_the_largest_page_is_the_image(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(texture()[::8, ::8])
        file.write(texture())
    assert (read_image(tmp_path / "a.tif") == texture()).all()


def test_a_bitmap_is_an_image(tmp_path):
    Image.fromarray(texture()).save(tmp_path / "a.bmp")
    assert (read_image(tmp_path / "a.bmp") == texture()).all()


def test_fewer_rows_than_lie_above_the_data_bar_are_refused(tmp_path):
    Image.fromarray(texture()).save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    assert len(SampleFiles().micrograph(MeasuredFile(path, "mask", image_rows=300))) == 300
    with pytest.raises(ValueError, match=r"^300 px high, expected at least the 301 rows above the data bar"):
        SampleFiles().micrograph(MeasuredFile(path, "mask", image_rows=301))
