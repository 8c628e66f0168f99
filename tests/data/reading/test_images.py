from __future__ import annotations

import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from pairvae_lib.data.reading.images import (
    ImageHeader,
    eight_bit,
    frame_window,
    grey_image,
    image_header,
    is_grey,
    read_image,
)

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (20, 30), dtype=np.uint16)
FLOAT = RNG.normal(size=(20, 30)).astype(np.float32)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
RGBA = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
BILEVEL = RNG.uniform(size=(20, 30)) < 0.5


def tiff(path, image, **options):
    tifffile.imwrite(path, image, **options)
    return path


def pillow(path, image, **options):
    Image.fromarray(image).save(path, **options)
    return path


def npy(path, image):
    np.save(path, image)
    return path


WRITERS = {
    "plain.tif": lambda p: (tiff(p, GREY8), GREY8),
    "lzw.tiff": lambda p: (tiff(p, GREY8, compression="lzw"), GREY8),
    "lzw16.tif": lambda p: (tiff(p, GREY16, compression="lzw", predictor=True), GREY16),
    "deflate.tif": lambda p: (tiff(p, FLOAT, compression="zlib"), FLOAT),
    "int32.tif": lambda p: (tiff(p, GREY16.astype(np.int32) - 5), GREY16.astype(np.int32) - 5),
    "rgb.tif": lambda p: (tiff(p, RGB, photometric="rgb", compression="lzw"), RGB),
    "rgba.TIF": lambda p: (tiff(p, RGBA, photometric="rgb", extrasamples=["unassalpha"]), RGBA),
    "planes.tif": lambda p: (
        tiff(p, np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"),
        RGB,
    ),
    "inverted.tif": lambda p: (tiff(p, ~GREY8, photometric="miniswhite"), GREY8),
    "bits.tif": lambda p: (tiff(p, BILEVEL, photometric="minisblack"), BILEVEL),
    "grey.png": lambda p: (pillow(p, GREY8), GREY8),
    "grey16.png": lambda p: (pillow(p, GREY16), GREY16),
    "bits.png": lambda p: (pillow(p, BILEVEL), BILEVEL),
    "rgb.png": lambda p: (pillow(p, RGB), RGB),
    "rgba.PNG": lambda p: (pillow(p, RGBA), RGBA),
    "grey.npy": lambda p: (npy(p, GREY16), GREY16),
    "float.npy": lambda p: (npy(p, FLOAT), FLOAT),
    "rgb.npy": lambda p: (npy(p, RGB), RGB),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_lossless_format_is_read_exactly(tmp_path, name):
    path, expected = WRITERS[name](tmp_path / name)
    image = read_image(path)
    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image, expected)
    channels = expected.shape[2] if expected.ndim == 3 else 1
    assert image_header(path) == ImageHeader(20, 30, channels, expected.dtype)


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG"])
def test_jpeg(tmp_path, name):
    smooth = np.stack([np.tile(np.linspace(0, 250, 32), (24, 1))] * 3, axis=-1).astype(np.uint8)
    path = pillow(tmp_path / name, smooth, format="JPEG", quality=95)
    assert image_header(path) == ImageHeader(24, 32, 3, np.dtype(np.uint8))
    assert np.abs(read_image(path).astype(int) - smooth).mean() < 2
    grey = pillow(tmp_path / f"grey_{name}", smooth[..., 0], format="JPEG", quality=95)
    assert read_image(grey).shape == (24, 32)


def test_indexed_colours_become_rgb(tmp_path):
    few = np.array([[0, 128], [255, 0]], dtype=np.uint8)
    rgb = np.stack([few, few, few[::-1]], axis=-1)
    Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    assert (read_image(tmp_path / "p.png") == rgb).all()
    assert image_header(tmp_path / "p.png").channels == 3
    palette = np.zeros((3, 256), np.uint16)
    palette[:, 7] = 0x1234, 0xFFFF, 0x00FF
    tiff(tmp_path / "p.tif", np.full((4, 5), 7, np.uint8), photometric="palette", colormap=palette)
    assert (read_image(tmp_path / "p.tif") == (0x12, 0xFF, 0x00)).all()
    assert image_header(tmp_path / "p.tif").channels == 3


def test_a_preview_beside_the_image_is_left_out(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GREY8)
        writer.write(GREY8[::4, ::4])
    assert (read_image(tmp_path / "a.tif") == GREY8).all()


def reason(path) -> str:
    with pytest.raises(ValueError) as header:
        image_header(path)
    with pytest.raises(ValueError) as pixels:
        read_image(path)
    assert str(header.value) == str(pixels.value)
    return str(header.value)


def test_what_is_no_image_has_a_reason(tmp_path):
    for name in ("a.tif", "a.png", "a.jpg", "a.npy"):
        (tmp_path / name).write_text("<html>not found</html>")
        assert reason(tmp_path / name)
        (tmp_path / f"empty_{name}").write_bytes(b"")
        assert reason(tmp_path / f"empty_{name}")
    assert reason(tmp_path / "a.tif") == "is no TIFF file, though its name says so"
    (tmp_path / "b.tif").write_bytes(pillow(tmp_path / "b.png", GREY8).read_bytes())
    assert reason(tmp_path / "b.tif") == "is no TIFF file, though its name says so: its content is PNG"


def test_unusable_images(tmp_path):
    assert "must hold one image; got a stack of 3" == reason(
        tiff(tmp_path / "stack.tif", np.stack([GREY8, GREY8, GREY8]), photometric="minisblack")
    )
    assert (
        reason(npy(tmp_path / "line.npy", np.zeros(5)))
        == "must have shape (height, width) or (height, width, channels); got (5,)"
    )
    assert (
        reason(npy(tmp_path / "many.npy", np.zeros((4, 5, 9))))
        == "must be an image of 1 to 4 channels; got 4 x 5 px, 9 channels"
    )
    assert (
        reason(npy(tmp_path / "complex.npy", np.zeros((4, 5), complex)))
        == "must hold real numbers as pixels; got complex128"
    )
    assert "1 to 4 channels; got 0 x 5 px" in reason(npy(tmp_path / "none.npy", np.zeros((0, 5))))
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object))
    assert "object" in reason(tmp_path / "objects.npy").lower()
    Image.fromarray(RGBA, mode=None).convert("RGB").convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert reason(tmp_path / "cmyk.jpg") == "pixels of type CMYK are not supported; save it as grey or RGB"


def test_cmyk_tiff(tmp_path):
    tiff(tmp_path / "cmyk.tif", RGBA, photometric="separated")
    with pytest.raises(ValueError, match="colours of type SEPARATED are not supported; save it as grey or RGB"):
        read_image(tmp_path / "cmyk.tif")


@pytest.mark.parametrize("name", ["grey.png", "lzw.tiff", "plain.tif", "rgb.npy", "a.jpg"])
def test_cut_files_have_a_reason(tmp_path, name):
    path = tmp_path / name
    if name == "a.jpg":
        pillow(path, RGB, quality=95)
    else:
        WRITERS[name](path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ValueError):
        read_image(path)


def test_nan_and_infinity_have_a_reason(tmp_path):
    bad = FLOAT.copy()
    bad[0, :2] = np.nan, np.inf
    for path in (npy(tmp_path / "a.npy", bad), tiff(tmp_path / "a.tif", bad)):
        image_header(path)
        with pytest.raises(ValueError, match="^2 of 600 pixels are NaN or infinite$"):
            read_image(path)


def test_grey_of_any_number_of_channels():
    assert grey_image(GREY8) is GREY8
    assert (grey_image(np.stack([GREY8, RGB[..., 0]], axis=-1)) == GREY8).all()
    assert (grey_image(np.repeat(GREY16[..., None], 3, axis=2)) == GREY16).all()
    four = np.dstack([GREY8, GREY8, GREY8, np.full_like(GREY8, 255)])  # as the paper's micrographs
    assert (grey_image(four) == GREY8).all()
    assert grey_image(np.array([[[100, 200, 50, 9]]], dtype=np.uint8)).tolist() == [[153]]  # .299, .587, .114
    assert grey_image(np.array([[[1.0, 0, 0]]])).tolist() == [[0.299]]


def test_is_grey():
    assert is_grey(GREY8)
    assert is_grey(GREY8[..., None])
    assert is_grey(np.dstack([GREY8, GREY8, GREY8, RGB[..., 0]]))
    assert not is_grey(RGB)


def test_eight_bits_stay_and_two_levels_become_black_and_white():
    assert eight_bit(GREY8) is GREY8
    two = np.where(BILEVEL, 9, 4)
    for image in (BILEVEL, two.astype(np.uint8), two.astype(np.uint16), two.astype(float), -two[::-1]):
        assert (eight_bit(image) == np.where(image == image.max(), 255, 0)).all()
        assert eight_bit(image).dtype == np.uint8


@pytest.mark.parametrize("scale", [1, 257, 1e-5])
def test_other_images_are_scaled_robustly(scale):
    levels = np.tile(np.arange(1000.0), (40, 1))
    image = levels * scale if scale != 257 else (levels * 50).astype(np.uint16)
    image[0, 0] = 65535 if scale == 257 else 1e6  # a hot pixel
    scaled = eight_bit(image)
    expected = np.rint(np.clip((levels - 1) / 997, 0, 1) * 255)
    assert np.abs(scaled[1:] - expected[1:]).max() <= 1
    assert (scaled.min(), scaled.max()) == (0, 255)


def test_an_image_that_is_mostly_flat_is_still_scaled():
    image = np.zeros((100, 100))
    image[0, :3] = 1, 2, 4
    assert eight_bit(image)[0, :4].tolist() == [64, 128, 255, 0]


def test_a_flat_image_has_a_reason():
    with pytest.raises(ValueError, match=r"^all pixels are equal \(7\)$"):
        eight_bit(np.full((3, 3), 7))


def framed(image, top=0, bottom=0, left=0, right=0, level=255):
    return np.pad(image, ((top, bottom), (left, right)), constant_values=level)


@pytest.mark.parametrize("widths", [(2, 0, 2, 0), (1, 1, 1, 1), (4, 3, 2, 1), (0, 0, 0, 0), (0, 2, 0, 0)])
def test_a_frame_is_cut(widths):
    assert (framed(GREY8, *widths)[frame_window(framed(GREY8, *widths))] == GREY8).all()


def test_a_band_wider_than_a_frame_is_image():
    assert framed(GREY8, top=5)[frame_window(framed(GREY8, top=5))].shape == (25, 30)


def test_bands_of_two_levels_are_not_one_frame():
    image = framed(framed(GREY8, top=3, level=0), top=2, level=255)
    assert (image[frame_window(image)] == image[2:]).all()


def test_stripes_and_flat_images_are_not_all_frame():
    stripes = np.tile(np.arange(12) % 6 < 3, (8, 1))
    rows, cols = frame_window(stripes)
    assert (rows, stripes[rows, cols].shape) == (slice(0, 8), (8, 6))
    assert frame_window(np.zeros((3, 3))) == (slice(None), slice(None))


def test_sizes_that_lie_are_refused_before_memory_is_taken(tmp_path):
    limit = "px; expected at most 20000000 pixels (to allow twice as much of everything, set the environment variable "
    limit += "PAIRVAE_LIMITS=2)"
    header = np.lib.format.header_data_from_array_1_0(GREY8) | {"shape": (10**6, 10**6)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    assert reason(tmp_path / "a.npy") == f"claims 1000000 x 1000000 {limit}"
    path = tiff(tmp_path / "a.tif", GREY8)
    with tifffile.TiffFile(path, mode="r+b") as opened:
        for name in ("ImageLength", "ImageWidth"):
            opened.pages.first.tags[name].overwrite(10**6, dtype="I")
    assert reason(path) == f"claims 1000000 x 1000000 {limit}"
    whole = bytearray(pillow(tmp_path / "a.png", GREY8).read_bytes())
    whole[16:24] = (10**6).to_bytes(4, "big") * 2
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(whole)
    assert "exceeds limit" in reason(tmp_path / "a.png")


def test_a_large_image_is_no_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # below its 600 px, above half of them
    assert (read_image(pillow(tmp_path / "a.png", GREY8)) == GREY8).all()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright_however_the_camera_was_held(tmp_path, suffix, orientation):
    corner = np.zeros((24, 40), dtype=np.uint8)
    corner[:8, :16] = 255  # bright above on the left, as it was seen
    turns = {
        1: corner, 2: corner[:, ::-1], 3: corner[::-1, ::-1], 4: corner[::-1],
        5: corner.T, 6: np.rot90(corner), 7: corner[::-1, ::-1].T, 8: np.rot90(corner, -1),
    }  # fmt: skip
    image = Image.fromarray(np.ascontiguousarray(turns[orientation]))
    exif = image.getexif()
    exif[0x112] = orientation
    image.save(tmp_path / f"a{suffix}", exif=exif, **({"quality": 95} if suffix == ".jpg" else {}))
    header = image_header(tmp_path / f"a{suffix}")
    assert (header.height, header.width) == (24, 40)
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}") > 128, corner > 128)
