from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from detector_files import counts, gaps, write_edf, write_poni
from PIL import Image
from scipy.ndimage import gaussian_filter

from pairvae_lib.checks import DataError
from pairvae_lib.config import PAPER, QUICK, TINY, Binarisation
from pairvae_lib.data import folder as folder_module
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.preprocessing import binarised, normalised_profile, resized_pattern
from pairvae_lib.data.reading import images, patterns, samples
from pairvae_lib.data.reading.patterns import scaled_pattern
from pairvae_lib.data.reading.process import IS_APART
from pairvae_lib.data.scaling import Scaling
from pairvae_lib.data.scattering import colour_mapped, folded_profile
from pairvae_lib.data.splits import group_split, stratified_split

AFM_GISAXS = Path(__file__).parents[3] / "shared" / "data" / "afm-gisaxs"


def micrograph(seed=0, shape=(48, 64)):
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 2)
    return np.clip(90 + 80 * (field > 0) + rng.normal(0, 8, shape), 0, 255).astype(np.uint8)


def pattern(seed=0, shape=(40, 40)):
    values = gaussian_filter(np.random.default_rng(seed).uniform(size=shape), 2)
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)


def profile_text(seed=0, last=0.3, header="# q (1/nm) I\n"):
    rng = np.random.default_rng(seed)
    q = np.concatenate([-np.linspace(0.1, 0.01, 40), np.linspace(0.01, last, 120)])
    intensity = (np.abs(q) ** -2 + 500 * np.exp(-(((np.abs(q) - 0.05) / 0.01) ** 2))) * rng.uniform(1, 100)
    intensity[np.abs(q) < 0.015] = 0
    return header + "\n".join(f"{a:.6g} {b:.6g}" for a, b in zip(q, intensity, strict=True))


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower().startswith(".tif"):
        tifffile.imwrite(path, image, compression="lzw")
    elif path.suffix == ".npy":
        np.save(path, image)
    else:
        Image.fromarray(image).save(path)


def write_manifest(folder, rows, delimiter=","):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def image_folder(folder, n=4, **more):
    """8-bit micrographs and 16-bit patterns."""
    rows = []
    for i in range(n):
        write_image(folder / f"sem/{i}.tif", micrograph(i))
        write_image(folder / f"saxs/{i}.png", np.rint(pattern(i) * 65535).astype(np.uint16))
        rows.append({"sample_id": f"s{i}", "saxs": f"saxs/{i}.png", "sem": f"sem/{i}.tif"} | more)
    return write_manifest(folder, rows), rows


def profile_folder(folder, n=4):
    """Binary micrographs with a frame, and 1-D profiles."""
    rows = []
    for i in range(n):
        shape = (50, 50) if i else (60, 66)
        mask = binarised(micrograph(i, shape))
        write_image(
            folder / f"images/{i}.tiff",
            np.pad(np.where(mask, 255, 0), ((2, 0), (2, 0)), constant_values=255).astype(np.uint8),
        )
        (folder / f"{i}.dat").write_text(profile_text(i))
        rows.append({"sample_id": f"s{i}", "afm": f"images/{i}.tiff", "profile": f"{i}.dat", "batch": f"b{i % 2}"})
    return write_manifest(folder, rows), rows


def paper_folder(folder, n=2, names=None):
    """The layout of the paper's own data."""
    for i in range(n):
        image = np.full((960, 1280, 4), 255, np.uint8)
        image[:830, :, :3] = micrograph(i, (830, 1280))[..., None]
        name = names[i] if names else f"film_{i:02d}"
        write_image(folder / f"SEM/{name}.tif", image)
        (folder / "SAXS").mkdir(exist_ok=True)
        Image.fromarray(colour_mapped(pattern(i, (200, 200)))).save(folder / f"SAXS/film_{i:02d}.jpg", quality=95)
    return folder


def detector_folder(folder, n=4):
    """Patterns of detectors with gaps, one mask and one calibration for all; micrographs of floats."""
    rows = []
    for i in range(n):
        write_image(folder / f"sem/{i}.tif", micrograph(i).astype(np.float32))
        (folder / "saxs").mkdir(exist_ok=True)
        write_edf(folder / f"saxs/{i}.edf", counts(i))
        rows.append({"sample_id": f"s{i}", "saxs": f"saxs/{i}.edf", "sem": f"sem/{i}.tif"})
    np.save(folder / "mask.npy", gaps())
    write_poni(folder / "detector.poni")
    return write_manifest(folder, rows), rows


@pytest.mark.parametrize("make", [image_folder, profile_folder, paper_folder, detector_folder])
def test_every_file_is_decoded_once_on_its_way_to_training(tmp_path, monkeypatch, make):
    make(tmp_path)
    monkeypatch.setenv(IS_APART, "none")  # all is decoded here, where it can be counted
    decoded, headers = Counter(), Counter()

    def counting(module, name, count):
        original = getattr(module, name)

        def counted(path, *more):
            count[path.relative_to(tmp_path).as_posix()] += 1
            return original(path, *more)

        monkeypatch.setattr(module, name, counted)

    for module, name in ((images, "image_pixels"), (patterns, "image_pixels")):
        counting(module, name, decoded)
    for name in ("read_curve", "calibration"):
        counting(samples, name, decoded)
    counting(folder_module, "image_header", headers)
    data = open_pairs(tmp_path)
    Scaling.of(prepare(data, TINY), data)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert decoded == Counter(files - {"manifest.csv"})
    assert set(headers.values()) == {1}


def problems_of(folder, **options) -> list[str]:
    with pytest.raises(DataError) as error:
        open_pairs(folder, **options)
    assert str(error.value).startswith(f"{folder}: {len(error.value.problems)} problem")
    return error.value.problems


# ---- manifest folders of images


def test_a_manifest_of_images(tmp_path):
    folder, _ = image_folder(tmp_path, morphology="skew", nm_per_pixel="2.75", q_scale="0.01", temperature="20.5")
    data = open_pairs(folder)
    assert len(data) == 4
    assert data.folder == folder
    assert (data.scattering_name, data.micrograph_name) == ("saxs", "sem")
    assert data.sample_ids == ("s0", "s1", "s2", "s3")
    assert data.morphologies == ("skew",) * 4
    assert data.groups is None
    assert data.nm_per_pixel.tolist() == [2.75] * 4
    assert data.q_scale.tolist() == [0.01] * 4
    assert not data.has_truth
    assert not data.is_profile
    for i in range(4):
        assert data.scattering(i) == pytest.approx(pattern(i), abs=1e-5)
        assert data.scattering(i).dtype == np.float32
        assert (data.micrograph(i) == micrograph(i)).all()
        assert (data.mask(i) == binarised(micrograph(i))).all()
        assert data.true_mask(i) is None


def test_optional_columns_may_be_left_out_or_empty(tmp_path):
    folder, rows = image_folder(tmp_path)
    data = open_pairs(str(folder))
    assert (data.morphologies, data.groups, data.nm_per_pixel, data.q_scale) == (None, None, None, None)
    for row, label, size in zip(rows, ("skew", "", "", "ladders"), ("", "3", "", ""), strict=True):
        row |= {"morphology": label, "q_scale": size, "nm_per_pixel": ""}
    data = open_pairs(write_manifest(folder, rows))
    assert data.morphologies == ("skew", "unlabelled", "unlabelled", "ladders")
    assert np.isnan(data.q_scale).tolist() == [True, False, True, True]
    assert data.nm_per_pixel is None


def test_masks_are_kept_and_micrographs_are_read_when_asked_for(tmp_path):
    folder, _ = image_folder(tmp_path)
    data = open_pairs(folder)
    mask = data.mask(0)
    (folder / "sem/0.tif").unlink()
    assert data.mask(0) is mask
    with pytest.raises(DataError, match=r"1 problem\n  - sem/0.tif: is missing"):
        data.micrograph(0)


def test_the_binarisation_can_be_chosen(tmp_path):
    folder, _ = image_folder(tmp_path)
    settings = Binarisation(window=25)
    data = open_pairs(folder, binarisation=settings)
    assert (data.mask(0) == binarised(micrograph(0), settings)).all()


def test_the_data_bar_is_left_out(tmp_path):
    folder, rows = image_folder(tmp_path, image_rows="40")
    assert (open_pairs(folder).micrograph(1) == micrograph(1)[:40]).all()
    rows[2]["image_rows"] = "99"
    assert problems_of(write_manifest(folder, rows)) == [
        "sem/2.tif: 48 px high, expected at least the 99 rows above the data bar"
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_differ_in_their_delimiter(tmp_path, delimiter):
    folder, rows = image_folder(tmp_path)
    text = write_manifest(folder, rows, delimiter).joinpath("manifest.csv").read_text()
    (folder / "manifest.csv").write_text("\ufeff" + text + "\n\n", encoding="utf-8")
    assert len(open_pairs(folder)) == 4


FORMATS = {
    "tif": ("a.tif", lambda i: micrograph(i)),
    "png": ("a.png", lambda i: micrograph(i)),
    "rgb": ("rgb.png", lambda i: np.repeat(micrograph(i)[..., None], 3, axis=2)),
    "rgba": ("rgba.tif", lambda i: np.dstack([micrograph(i)] * 3 + [np.full((48, 64), 255, np.uint8)])),
    "npy": ("a.npy", lambda i: micrograph(i)),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_micrograph_in_any_format(tmp_path, kind):
    name, make = FORMATS[kind]
    folder, rows = image_folder(tmp_path, n=2)
    for i, row in enumerate(rows):
        row["sem"] = f"{i}{name}"
        if kind == "rgba":
            tifffile.imwrite(
                folder / row["sem"], make(i), photometric="rgb", compression="lzw", extrasamples=["unassalpha"]
            )
        else:
            write_image(folder / row["sem"], make(i))
    data = open_pairs(write_manifest(folder, rows))
    assert (data.micrograph(1) == micrograph(1)).all()


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint16, 100), (np.float32, 1e-3), (np.int32, 1000)])
def test_micrographs_of_more_bits_give_the_same_mask(tmp_path, dtype, scale):
    folder, rows = image_folder(tmp_path, n=2)
    for i, row in enumerate(rows):
        row["sem"] = f"{i}.tif"
        write_image(folder / row["sem"], (micrograph(i) * np.float64(scale)).astype(dtype))
    data = open_pairs(write_manifest(folder, rows))
    assert data.micrograph(0).dtype == np.uint8
    assert (data.mask(0) == binarised(micrograph(0))).mean() > 0.98


@pytest.mark.parametrize("suffix", ["png", "npy", "tif"])
@pytest.mark.parametrize("levels", [(0, 255), (0, 1), (30, 31)])
def test_a_binary_micrograph_is_taken_as_it_is(tmp_path, suffix, levels):
    folder, rows = image_folder(tmp_path, n=2)
    mask = np.random.default_rng(0).uniform(size=(48, 64)) < 0.4  # so fine that smoothing would change it
    write_image(folder / f"binary.{suffix}", np.where(mask, levels[1], levels[0]).astype(np.uint8))
    rows[0]["sem"] = f"binary.{suffix}"
    data = open_pairs(write_manifest(folder, rows))
    assert (data.mask(0) == mask).all()
    assert (data.micrograph(0) == np.where(mask, 255, 0)).all()


# ---- patterns


def pattern_folder(folder, *files):
    rows = []
    for i, (name, image) in enumerate(files):
        write_image(folder / name, image)
        write_image(folder / f"{i}_sem.tif", micrograph(i))
        rows.append({"sample_id": f"s{i}", "saxs": name, "sem": f"{i}_sem.tif"})
    return write_manifest(folder, rows)


def test_patterns_of_every_type(tmp_path):
    values = pattern()
    folder = pattern_folder(
        tmp_path,
        ("a.png", np.rint(values * 255).astype(np.uint8)),
        ("b.tif", np.rint(values * 65535).astype(np.uint16)),
        ("c.npy", values),
        ("d.png", colour_mapped(values)),
        ("e.npy", values.astype(np.float64)),
    )
    data = open_pairs(folder)
    for i, tolerance in enumerate((0.5 / 255, 0.5 / 65535, 0, 0.5 / 1016, 1e-7)):
        assert np.abs(data.scattering(i) - values).max() <= tolerance * 1.01


def test_colours_of_jpeg_are_inverted(tmp_path):
    values = pattern(shape=(192, 192))
    write_image(tmp_path / "x.tif", micrograph())
    Image.fromarray(colour_mapped(values)).save(tmp_path / "x.jpg", quality=95)
    folder = write_manifest(tmp_path, [{"sample_id": "x", "saxs": "x.jpg", "sem": "x.tif"}])
    assert np.abs(open_pairs(folder).scattering(0) - values).mean() < 0.02


def test_patterns_in_another_colour_map_are_refused(tmp_path):
    other = np.dstack([np.full((40, 40), 68), 230 * pattern(), 84 + 60 * pattern()]).astype(np.uint8)
    folder = pattern_folder(tmp_path, ("a.png", other), ("b.png", colour_mapped(pattern())))
    (problem,) = problems_of(folder)
    assert problem.startswith("a.png: coloured, but not in the colour map black-blue-red-yellow-white (mean distance ")
    assert problem.endswith(" levels); save its scalar intensities")


def test_raw_counts_are_scaled_by_their_logarithm_alike(tmp_path):
    counts = [10 ** (4 * pattern(i).astype(np.float64)) for i in range(3)]
    counts[1][:3] = 0
    counts[2][5, 5] = 1e12  # a hot pixel
    folder = pattern_folder(tmp_path, *((f"{i}.npy", image) for i, image in enumerate(counts)))
    data = open_pairs(folder)
    low, high = data.techniques[0].limits
    assert (low, high) == (pytest.approx(0, abs=0.1), pytest.approx(4, abs=0.1))
    assert data.scattering(0) == pytest.approx(np.clip((np.log10(counts[0]) - low) / (high - low), 0, 1), abs=1e-6)
    assert (data.scattering(1)[:3] == 0).all()
    assert data.scattering(2)[5, 5] == 1
    pairs = prepare(data, TINY)
    assert pairs.measured[0].limits == data.techniques[0].limits
    assert (scaled_pattern(counts[0], pairs.measured[0].limits) == data.scattering(0)).all()


def test_counts_with_masked_pixels_below_zero_are_filled(tmp_path):
    whole = pattern() + pattern()[::-1, ::-1]
    image = np.rint(10 ** (2 * whole)).astype(np.int32)
    expected = scaled_pattern(
        image.astype(np.float64), open_pairs(pattern_folder(tmp_path, ("a.tif", image))).techniques[0].limits
    )
    gap = image.copy()
    gap[10:12] = -1
    data = open_pairs(pattern_folder(tmp_path, ("a.tif", gap)))
    assert data.scattering(0) == pytest.approx(expected, abs=0.01)


def test_scaled_pattern_errors():
    with pytest.raises(ValueError, match=r"pattern without limits must lie in \[0, 1\]; got 0 to 7"):
        scaled_pattern(np.array([[0.0, 7.0]]))


def test_unusable_patterns(tmp_path):
    counts = (20 * pattern()).astype(np.uint16)
    folder = pattern_folder(tmp_path, *((f"{i}.tif", counts) for i in range(2)))
    assert open_pairs(folder).techniques[0].limits[1] == pytest.approx(np.log10(counts.max()), abs=0.1)
    folder = pattern_folder(
        tmp_path,
        ("flat.npy", np.full((40, 40), 0.5)),
        ("nan.npy", np.full((40, 40), np.nan)),
        ("dark.npy", -pattern()),
        ("wide.png", np.tile(np.arange(50, dtype=np.uint8), (40, 1))),
        ("deep.tif", np.dstack([counts, counts + 9, counts])),
        ("good.npy", pattern()),
        ("fine.npy", pattern(1)),
    )
    assert problems_of(folder) == [
        "flat.npy: all pixels are equal (0.5)",
        "nan.npy: 1600 of 1600 pixels are NaN or infinite",
        "dark.npy: no count is positive; got -1 to -0",
        "deep.tif: a coloured pattern must have 8 bits per channel; got uint16",
        "wide.png: 40 x 50 px, expected 40 x 40 as most patterns",
    ]


def test_counts_that_are_all_equal(tmp_path):
    image = np.zeros((40, 40), np.float32)
    image[3:9] = 7
    assert problems_of(pattern_folder(tmp_path, ("a.npy", image))) == ["saxs: all positive counts are equal"]


# ---- 1-D profiles


def test_a_manifest_of_profiles(tmp_path):
    folder, _ = profile_folder(tmp_path)
    data = open_pairs(folder)
    assert (data.scattering_name, data.micrograph_name) == ("profile", "afm")
    assert data.is_profile
    assert data.q_unit == "1/nm"
    assert data.groups == ("b0", "b1", "b0", "b1")
    q, intensity = data.scattering(1)
    expected = folded_profile(*np.loadtxt(folder / "1.dat").T)
    assert (q == expected[0]).all()
    assert (intensity == expected[1]).all()
    assert q[0] > 0.014


def test_a_frame_of_a_binary_micrograph_is_cut(tmp_path):
    folder, _ = profile_folder(tmp_path)
    data = open_pairs(folder)
    assert data.mask(0).shape == (60, 66)
    for i in range(1, 4):
        assert (data.mask(i) == binarised(micrograph(i, (50, 50)))).all()


def test_profiles_are_prepared_on_their_common_q(tmp_path):
    folder, _ = profile_folder(tmp_path)
    (folder / "3.dat").write_text(profile_text(3, last=0.2))
    data = open_pairs(folder)
    pairs = prepare(data, TINY)
    assert pairs.scattering.shape == (4, 1, 32)
    assert [modality.likelihood for modality in pairs.modalities] == ["gaussian", "bernoulli"]
    assert (pairs.modalities[0].shape, pairs.modalities[1].shape) == ((32,), (32, 32))
    assert pairs.q_unit == "1/nm"
    assert pairs.q[0] == max(data.scattering(i)[0][0] for i in range(4))
    assert pairs.q[-1] == 0.2
    assert (pairs.scattering.min(), pairs.scattering.max()) == (0, 1)
    # the arbitrary factor between the profiles is gone
    assert np.abs(pairs.scattering - pairs.scattering[0]).max() < 0.02
    new = normalised_profile(*data.scattering(2), pairs.q, pairs.measured[0].limits)
    assert (new == pairs.scattering[2, 0]).all()


def test_q_is_brought_to_one_unit_by_its_scale(tmp_path):
    folder, rows = profile_folder(tmp_path)
    text = profile_text(2).splitlines()[1:]
    per_angstrom = [f"{float(line.split()[0]) / 10:.8g} {line.split()[1]}" for line in text]
    (folder / "2.dat").write_text("# q (1/angstrom)\n" + "\n".join(per_angstrom))
    data = open_pairs(folder)
    assert data.q_unit == "1/nm"
    assert data.scattering(2)[0] == pytest.approx(data.scattering(1)[0], rel=1e-4)
    for row in rows:
        row["q_scale"] = "10" if row["sample_id"] == "s2" else "1"
    data = open_pairs(write_manifest(folder, rows))
    assert data.q_unit == "1/nm"
    assert data.scattering(2)[0] == pytest.approx(data.scattering(1)[0], rel=1e-4)


def test_profiles_that_do_not_fit_together(tmp_path):
    folder, rows = profile_folder(tmp_path, n=5)
    (folder / "0.dat").write_text(profile_text(0, header=""))
    (folder / "1.dat").write_text("# q (1/nm)\n" + "\n".join(f"{q} 5" for q in np.linspace(0.25, 0.4, 30)))
    (folder / "2.dat").write_text("# q (1/nm)\n" + "\n".join(f"{q} 5" for q in np.linspace(2, 4, 30)))
    problems = problems_of(folder)
    assert problems[0] == ("0.dat: q in an unknown unit, and in 1/nm in most profiles; say it in a column q_unit")
    assert problems[1].startswith("1.dat: covers q from 0.25 to 0.4, too little of the usual ")
    assert problems[2].startswith("2.dat: covers q from 2 to 4, too little of the usual ")
    assert len(problems) == 3


def test_profiles_that_only_touch(tmp_path):
    folder, _ = profile_folder(tmp_path, n=3)
    for i, (first, last) in enumerate([(1, 10), (10, 100), (1, 100)]):
        (folder / f"{i}.dat").write_text(
            "# q (1/nm)\n" + "\n".join(f"{q:.17g} {1 / q}" for q in np.geomspace(first, last, 40))
        )
    assert problems_of(folder) == [
        "0.dat: covers q from 1 to 10, too little of the usual 1 to 100",
        "1.dat: covers q from 10 to 100, too little of the usual 1 to 100",
    ]


def test_a_profile_that_is_all_beam_stop(tmp_path):
    folder, _ = profile_folder(tmp_path, n=2)
    (folder / "0.dat").write_text("# q (1/nm)\n" + "\n".join(f"0.{i + 10} {10.0**i}" for i in range(20)))
    assert problems_of(folder) == ["0.dat: must hold at least 16 points outside the beam stop; got 1"]


# ---- which column is which


def columns_folder(folder, **columns):
    """One row; a column's file is made by its suffix."""
    folder.mkdir(exist_ok=True)
    row = {"sample_id": "s"}
    for name, suffix in columns.items():
        row[name] = f"{name}.{suffix}"
        if suffix == "dat":
            (folder / row[name]).write_text(profile_text())
        else:
            write_image(folder / row[name], pattern() if suffix == "npy" else micrograph())
    return write_manifest(folder, [row])


@pytest.mark.parametrize(
    ("columns", "scattering", "microscopy"),
    [
        ({"SAXS": "npy", "SEM": "tif"}, "SAXS", "SEM"),
        ({"gisaxs_2d": "npy", "afm height": "png"}, "gisaxs_2d", "afm height"),
        ({"waxs": "npy", "tem1": "npy"}, "waxs", "tem1"),
        ({"my pattern": "npy", "binary_mask": "png"}, "my pattern", "binary_mask"),
        ({"curve": "dat", "micrograph": "png"}, "curve", "micrograph"),
        ({"sans": "dat", "micrograph": "png"}, "sans", "micrograph"),
    ],
)
def test_names_of_columns(tmp_path, columns, scattering, microscopy):
    data = open_pairs(columns_folder(tmp_path, **columns))
    assert (data.scattering_name, data.micrograph_name) == (scattering, microscopy)


def test_an_unknown_column_of_images(tmp_path):
    folder = columns_folder(tmp_path, saxs="npy", height="tif")
    assert problems_of(folder) == [
        "manifest.csv: column 'height' holds image files of unknown kind; say it by --kind height=KIND, one of "
        "profile, pattern, image, mask, truth, detector_mask, ignore (a name with one of saxs, waxs, gisaxs, sans, "
        "pattern, scattering is a pattern, with one of sem, afm, tem, micrograph a mask, with one of image, photo, "
        "optical, grey, gray an image)"
    ]
    assert open_pairs(folder, kinds={"height": "image"}).micrograph_name == "height"


def test_kinds_overrule_the_names(tmp_path):
    folder = columns_folder(tmp_path, sem="npy", saxs="tif")
    data = open_pairs(folder, kinds={"sem": "pattern", "saxs": "mask"})
    assert (data.scattering_name, data.micrograph_name) == ("sem", "saxs")


def test_too_many_and_too_few_columns(tmp_path):
    folder = columns_folder(tmp_path, saxs="npy", curve="dat", sem="tif")
    assert problems_of(folder) == [
        "manifest.csv: expected two columns of measurements; got saxs (pattern), curve (profile), sem (mask): "
        "leave out all but two by --kind COLUMN=ignore"
    ]
    assert not open_pairs(folder, kinds={"curve": "ignore"}).is_profile
    assert open_pairs(folder, kinds={"saxs": "ignore"}).is_profile
    assert problems_of(columns_folder(tmp_path, sem="tif")) == [
        "manifest.csv: expected two columns of measurements; got sem (mask)"
    ]
    assert problems_of(columns_folder(tmp_path, saxs="npy", uv="dat", mask="png")) == [
        "manifest.csv: expected two columns of measurements; got saxs (pattern), uv (profile), mask (mask): "
        "leave out all but two by --kind COLUMN=ignore"
    ]
    assert problems_of(columns_folder(tmp_path, saxs="npy", mask_a="png", mask_b="png", sem="tif")) == [
        "manifest.csv: expected at most one column of true masks; got columns mask_a, mask_b"
    ]


def test_kinds_errors(tmp_path):
    folder = columns_folder(tmp_path, saxs="npy", sem="tif")
    with pytest.raises(ValueError, match="column in kinds must be one of sample_id, saxs, sem; got 'afm'"):
        open_pairs(folder, kinds={"afm": "mask"})
    with pytest.raises(ValueError, match=r"kinds\['sem'\] must be one of profile, pattern, .*; got 'micrograph'"):
        open_pairs(folder, kinds={"sem": "micrograph"})
    assert problems_of(folder, kinds={"saxs": "profile"}) == [
        "manifest.csv line 2: saxs is to be averaged, which needs a calibration: one .poni file in the folder, or the "
        "column poni"
    ]
    folder = columns_folder(tmp_path / "text", curve="dat", sem="tif")
    assert problems_of(folder, kinds={"curve": "pattern"}) == [
        "manifest.csv: column 'curve' is a pattern column, but holds text files"
    ]
    with pytest.raises(
        ValueError, match="kinds must be left out for a folder without manifest.csv; got {'a': 'pattern'}"
    ):
        open_pairs(paper_folder(tmp_path / "paper", 1), kinds={"a": "pattern"})


def test_other_columns_are_left_aside(tmp_path):
    folder, rows = image_folder(tmp_path)
    for i, row in enumerate(rows):
        row |= {"alpha": f"{0.1 * i}", "note": "like fig.png" if i == 1 else "", "": "x", "operator": "A. Tif"}
    rows[0]["note"] = rows[2]["note"] = "fine"
    assert len(open_pairs(write_manifest(folder, rows))) == 4


# ---- faults of manifests and files


def test_every_fault_is_listed_at_once(tmp_path):
    folder, rows = image_folder(tmp_path, n=12)
    rows[1]["sem"] = "../elsewhere.tif"
    rows[2]["sem"] = "/etc/passwd.tif"
    rows[3]["saxs"] = "saxs/missing.png"
    rows[4]["sem"] = ""
    rows[5]["sem"] = "notes"
    rows[6]["sample_id"] = ""
    rows[7]["sample_id"] = "s0"
    rows[8]["sem"] = "sem/broken.tif"
    rows[9]["sem"] = "C:\\data\\a.tif"
    rows[10]["sem"] = "sem\\..\\..\\a.tif"
    (folder / "sem/broken.tif").write_text("not an image")
    assert problems_of(write_manifest(folder, rows)) == [
        "manifest.csv line 3: sem must be a path within the folder; got '../elsewhere.tif'",
        "manifest.csv line 4: sem must be a path within the folder; got '/etc/passwd.tif'",
        "manifest.csv line 6: sem is empty",
        "manifest.csv line 7: sem must end as one of .bmp, .cbf, .chi, .csv, .dat, .edf, .h5, .hdf5, .jpeg, .jpg, "
        ".npy, .nxs, .png, .tif, .tiff, .txt, .xy; got 'notes'",
        "manifest.csv line 8: sample_id is empty",
        "manifest.csv line 11: sem must be a path within the folder; got 'C:\\\\data\\\\a.tif'",
        "manifest.csv line 12: sem must be a path within the folder; got 'sem\\\\..\\\\..\\\\a.tif'",
        "manifest.csv: sample_id 's0' occurs more than once",
        "sem/broken.tif: is no TIFF file, though its name says so",
        "saxs/missing.png: is missing",
    ]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("nm_per_pixel", "-1", "nm_per_pixel must be a positive number; got '-1'"),
        ("nm_per_pixel", "big", "nm_per_pixel must be a positive number; got 'big'"),
        ("q_scale", "none", "q_scale must be a positive number; got 'none'"),
        ("q_scale", "inf", "q_scale must be a positive number; got 'inf'"),
        ("image_rows", "12.5", "image_rows must be a positive whole number; got '12.5'"),
        ("image_rows", "0", "image_rows must be a positive whole number; got '0'"),
        ("group", "", "group is empty"),
        ("batch", "", "batch is empty"),
    ],
)
def test_faulty_fields(tmp_path, column, value, reason):
    folder, rows = image_folder(tmp_path, n=2)
    for row in rows:
        row[column] = "1"
    rows[1][column] = value
    assert f"manifest.csv line 3: {reason}" in problems_of(write_manifest(folder, rows))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["manifest.csv: no column sample_id; the columns are missing"]),
        ("sample_id,saxs,sem\n", ["manifest.csv: no usable row"]),
        ("film,saxs,sem\na,b,c\n", ["manifest.csv: no column sample_id; the columns are film, saxs, sem"]),
        ("sample_id,sem,sem\na,b,c\n", ["manifest.csv: column 'sem' occurs more than once"]),
        (
            "sample_id,saxs,sem\na,b\n",
            ["manifest.csv line 2: 2 fields for 3 columns", "manifest.csv: no usable row"],
        ),
        (
            "sample_id,saxs,sem\na,b.png,c.tif\nd,e.dat,f.tif\n",
            ["manifest.csv: column 'saxs' mixes image files (1 rows) and text files (1 rows)"],
        ),
        (
            "sample_id,n\na,1\n",
            ["manifest.csv: expected two columns of measurements; got none"],
        ),
        (
            "sample_id,saxs\na,c.dat\n",
            ["manifest.csv: expected two columns of measurements; got saxs (profile)"],
        ),
    ],
)
def test_faulty_manifests(tmp_path, text, problems):
    (tmp_path / "manifest.csv").write_text(text)
    assert problems_of(tmp_path) == problems


def test_a_manifest_that_is_not_text(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00s\x81")
    (problem,) = problems_of(tmp_path)
    assert problem.startswith("manifest.csv: cannot be read as text (")


def test_shared_files_need_a_group(tmp_path):
    folder, rows = image_folder(tmp_path)
    rows[1]["saxs"] = rows[0]["saxs"]
    rows[3] |= {"saxs": rows[2]["saxs"], "sem": rows[2]["sem"]}
    assert problems_of(write_manifest(folder, rows)) == [
        "manifest.csv: 0.png belongs to samples 's0' and 's1'; samples that share a file need the same group, "
        "lest a split tear them apart",
        "manifest.csv: sample 's3' has the files of an earlier sample",
    ]
    rows[3]["sem"] = "sem/3.tif"
    for row, group in zip(rows, "xxyy", strict=True):
        row["group"] = group
    assert open_pairs(write_manifest(folder, rows)).groups == ("x", "x", "y", "y")


def test_other_folders(tmp_path):
    assert problems_of(tmp_path) == ["holds neither manifest.csv nor the folders SEM and SAXS"]
    assert problems_of(tmp_path / "nowhere") == ["is not a folder"]


def test_broken_pixels_are_listed_when_they_are_read(tmp_path):
    folder, _ = image_folder(tmp_path)
    for i in (1, 3):
        path = folder / f"sem/{i}.tif"
        write_image(path, np.full((48, 64), 9, np.uint8))
    data = open_pairs(folder)
    with pytest.raises(DataError) as error:
        prepare(data, TINY)
    assert error.value.problems == ["sem/1.tif: all pixels are equal (9)", "sem/3.tif: all pixels are equal (9)"]


def test_float_micrographs_are_checked_for_nan(tmp_path):
    folder, rows = image_folder(tmp_path, n=2)
    write_image(folder / "bad.npy", np.where(np.eye(48, 64), np.nan, 1.5))
    rows[0]["sem"] = "bad.npy"
    assert problems_of(write_manifest(folder, rows)) == ["bad.npy: 48 of 3072 pixels are NaN or infinite"]


def test_random_manifests_never_fail_in_another_way(tmp_path):
    folder, _ = image_folder(tmp_path, n=3, morphology="skew", batch="b", nm_per_pixel="2", image_rows="40")
    path = folder / "manifest.csv"
    original = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    pieces = [
        b",",
        b"\n",
        b'"',
        b"\x00",
        b"../",
        b"/",
        b".png",
        b".dat",
        b"-1",
        b"\xff",
        b";",
        b"nan",
        b"a" * 300,
        b"\r",
        b" ",
    ]
    opened = 0
    for _ in range(400):
        data = bytearray(original)
        for _ in range(rng.integers(1, 6)):
            place = int(rng.integers(len(data)))
            piece = pieces[rng.integers(len(pieces))]
            data[place : place + int(rng.integers(0, 4))] = piece
        path.write_bytes(data)
        try:
            opened += len(open_pairs(folder)) > 0
        except DataError as error:
            assert error.problems
    assert opened < 400


# ---- the paper's own layout


def test_the_papers_layout(tmp_path):
    folder = paper_folder(tmp_path)
    (folder / "SEM/._film_00.tif").write_bytes(b"left by a file manager")
    (folder / "SEM/notes.txt").write_text("x")
    data = open_pairs(folder)
    assert (data.scattering_name, data.micrograph_name) == ("saxs", "sem")
    assert data.sample_ids == ("film_00", "film_01")
    assert data.morphologies is None
    for i in range(2):
        assert (data.micrograph(i) == micrograph(i, (830, 1280))).all()
        assert np.abs(data.scattering(i) - pattern(i, (200, 200))).mean() < 0.02
    pairs = prepare(data, PAPER)
    assert pairs.scattering.shape == (2, 1, 192, 192)
    assert pairs.morphologies == ("unlabelled", "unlabelled")
    assert pairs.masks[0].shape == (830, 1280)


def test_the_papers_micrographs_stay_as_they_are(tmp_path):
    folder = paper_folder(tmp_path)
    image = np.full((960, 1280), 255, np.uint8)
    image[:830] = micrograph(0, (830, 1280))
    tifffile.imwrite(folder / "SEM/film_00.tif", image, imagej=True, resolution=(0.4, 0.4), metadata={"unit": "nm"})
    data = open_pairs(folder)
    assert data.nm_per_pixel is None
    assert data.micrograph(0).shape == (830, 1280)


def test_the_papers_layout_pairs_by_order(tmp_path):
    data = open_pairs(paper_folder(tmp_path, names=["B12", "B9"]))
    assert data.sample_ids == ("B12", "B9")
    assert (data.micrograph(1) == micrograph(1, (830, 1280))).all()


def test_faults_of_the_papers_layout(tmp_path):
    folder = paper_folder(tmp_path, 2)
    (folder / "SEM/film_02.tif").write_bytes(b"")
    assert problems_of(folder) == [
        "SEM holds 3 .tif files, SAXS 2 .jpg files: expected equal counts",
        "SEM/film_02.tif: no pattern of that name",
    ]
    (folder / "SAXS/film_005.jpg").write_bytes((folder / "SAXS/film_01.jpg").read_bytes())
    assert problems_of(folder) == [
        "SEM/film_01.tif: number 2 in SEM, but number 3 in SAXS",
        "SEM/film_02.tif: is no TIFF file, though its name says so",
    ]
    (folder / "SAXS/film_005.jpg").rename(folder / "SAXS/film_02.jpg")
    write_image(folder / "SEM/film_02.tif", micrograph(0, (830, 1000)))
    write_image(folder / "SEM/film_01.tif", micrograph(0, (700, 1280)))
    assert problems_of(folder) == [
        "SEM/film_01.tif: 700 px high, expected at least the 830 rows above the data bar",
        "SEM/film_02.tif: 1000 px wide, expected 1280 as the paper's data",
    ]
    write_image(folder / "SEM/film_01.tiff", micrograph(0, (830, 1280)))
    (folder / "SAXS/film_03.jpg").write_bytes((folder / "SAXS/film_01.jpg").read_bytes())
    assert "SEM/film_01.tiff: another file has the same name" in problems_of(folder)
    for path in (folder / "SEM").iterdir():
        path.unlink()
    assert problems_of(folder)[0] == "SEM holds 0 .tif files, SAXS 4 .jpg files: expected equal counts"


# ---- the simulator's layout


def simulated_folder(folder, n=3):
    """What the simulator writes, in small: a data bar, true masks, parameters."""
    rows = []
    for i in range(n):
        grey = micrograph(i)
        write_image(folder / f"sem/{i:03d}.tif", np.vstack([grey, np.full((10, 64), 30, np.uint8)]))
        write_image(folder / f"saxs/{i:03d}.png", np.rint(pattern(i) * 65535).astype(np.uint16))
        write_image(folder / f"mask/{i:03d}.png", binarised(grey))
        rows.append(
            {
                "sample_id": f"{i:03d}",
                "saxs": f"saxs/{i:03d}.png",
                "sem": f"sem/{i:03d}.tif",
                "mask": f"mask/{i:03d}.png",
                "morphology": ("skew", "ladders")[i % 2],
                "nm_per_pixel": "2.75",
                "q_scale": "0.004",
                "image_rows": "48",
                "alpha": "0.15",
                "steps": "200",
            }
        )
    (folder / "simulation.json").write_text("{}")
    return write_manifest(folder, rows), rows


def test_the_simulators_layout(tmp_path):
    folder, _ = simulated_folder(tmp_path)
    data = open_pairs(folder)
    assert data.has_truth
    assert (data.scattering_name, data.micrograph_name) == ("saxs", "sem")
    assert data.morphologies == ("skew", "ladders", "skew")
    for i in range(3):
        assert (data.micrograph(i) == micrograph(i)).all()
        assert data.true_mask(i).dtype == np.bool_
        assert (data.true_mask(i) == data.mask(i)).all()
    pairs = prepare(data, TINY)
    assert pairs.measured[1].nm_per_pixel == (2.75,) * 3
    assert pairs.modalities[0].name == "saxs"
    assert (pairs.scattering[1, 0] == resized_pattern(data.scattering(1), 32)).all()
    assert (pairs.masks[2] == data.mask(2)).all()


def test_true_masks_follow_the_frame_and_the_bar(tmp_path):
    folder, rows = simulated_folder(tmp_path, n=2)
    framed = np.pad(micrograph(0), ((2, 0), (0, 0)), constant_values=255)
    write_image(folder / "sem/000.tif", np.vstack([framed, np.zeros((8, 64), np.uint8)]))
    full = np.vstack([np.ones((2, 64), bool), binarised(micrograph(0)), np.zeros((8, 64), bool)])
    write_image(folder / "mask/000.png", full)
    rows[0]["image_rows"] = "50"
    rows[1]["mask"] = ""
    data = open_pairs(write_manifest(folder, rows))
    assert (data.micrograph(0) == micrograph(0)).all()
    assert (data.true_mask(0) == binarised(micrograph(0))).all()
    assert data.true_mask(1) is None


def test_faults_of_true_masks(tmp_path):
    folder, rows = simulated_folder(tmp_path)
    write_image(folder / "mask/000.png", np.ones((48, 60), bool))
    rows[1]["mask"] = "mask/gone.png"
    assert problems_of(write_manifest(folder, rows)) == [
        "mask/000.png: 48 x 60 px, expected the 48 x 64 px of the micrograph",
        "mask/gone.png: is missing",
    ]
    write_image(folder / "mask/000.png", micrograph())
    rows[1]["mask"] = "mask/001.png"
    data = open_pairs(write_manifest(folder, rows))
    with pytest.raises(DataError, match=r"mask/000.png: a true mask must have two levels; got \d+"):
        data.true_mask(0)


# ---- preparation


def test_images_smaller_than_the_crop_are_listed(tmp_path):
    folder, _ = image_folder(tmp_path)
    write_image(folder / "sem/2.tif", micrograph(2, (80, 80)))
    with pytest.raises(DataError) as error:
        prepare(open_pairs(folder), QUICK)
    assert error.value.problems == [
        f"sem/{i}.tif: micrograph of 48 x 64 px is smaller than the crop of 64 px" for i in (0, 1, 3)
    ]


def test_the_binarisation_must_be_the_profiles(tmp_path):
    folder, _ = image_folder(tmp_path)
    settings = Binarisation(window=25)
    with pytest.raises(ValueError, match=r"dataset must be opened with binarisation=.*window=15.*got .*window=25"):
        prepare(open_pairs(folder, binarisation=settings), TINY)
    assert len(prepare(open_pairs(folder, binarisation=settings), replace(TINY, binarisation=settings))) == 4


def test_prepared_pairs_survive_their_file_and_are_split(tmp_path):
    folder, _ = image_folder(tmp_path / "data", morphology="skew", batch="b")
    pairs = prepare(open_pairs(folder), TINY)
    pairs.save(tmp_path / "pairs.npz")
    loaded = PreparedPairs.load(tmp_path / "pairs.npz")
    assert (loaded.scattering == pairs.scattering).all()
    split = stratified_split(loaded.morphologies, 3, 0)
    assert loaded.crops(split.train, 32, np.random.default_rng(0)).shape == (3, 1, 32, 32)
    with pytest.raises(ValueError, match="at least two groups"):
        group_split(loaded.groups, "b")


# ---- real data


@pytest.mark.skipif(not AFM_GISAXS.is_dir(), reason="the real data are not beside the checkout")
def test_real_afm_and_gisaxs():
    data = open_pairs(AFM_GISAXS)
    assert len(data) == 153
    assert data.q_unit == "1/angstrom"
    assert len(set(data.groups)) == 6
    pairs = prepare(data, QUICK)
    assert pairs.scattering.shape == (153, 1, 128)
    assert {mask.shape for mask in pairs.masks} == {(256, 256), (320, 320)}
    assert not any((mask[:1] == mask[0, 0]).all() or (mask[:, :1] == mask[0, 0]).all() for mask in pairs.masks[1:9])
    assert ((pairs.scattering == 0) | (pairs.scattering == 1)).mean() < 0.003
    # nearly every film shows its first order as a peak over its surroundings; the period is about 35 nm
    near = (pairs.q > 0.014) & (pairs.q < 0.024)
    slope = np.polyfit(np.log(pairs.q), pairs.scattering[:, 0].T, 1)
    line = slope[0][:, None] * np.log(pairs.q) + slope[1][:, None]
    above = np.where(near, pairs.scattering[:, 0] - line, -1)
    peak = pairs.q[above.argmax(axis=1)]
    assert np.median(peak) == pytest.approx(2 * np.pi / 350, rel=0.05)
    split = group_split(pairs.groups, "Batch2")
    assert len(split.held_out) == 38
