from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from detector_files import counts, gaps, grey, pairs_folder, write_edf
from PIL import Image

from pairvae_lib.config import TINY
from pairvae_lib.data.inspection import Seen, SeenFile, as_page, as_text, cautions, explained_share, inspected
from pairvae_lib.data.modality import Axis
from pairvae_lib.data.reading.samples import Technique


def test_what_is_there(tmp_path):
    done = []
    found = inspected(pairs_folder(tmp_path, n=12), TINY, progress=lambda *counts: done.append(counts))
    assert found.is_usable
    assert done == [(i, 12) for i in range(13)]
    assert found.facts == {
        "samples": "12",
        "area fraction of the bright phase": "0.450 on average, 0.300 to 0.600",
        "morphologies": "dots (1), lines (11)",
        "groups": "a (6), b (6)",
    }
    saxs, sem = (next(column for column in found.columns if column.column == name) for name in ("saxs", "sem"))
    assert saxs.taken_for == "patterns, raw counts on a log scale"
    assert (saxs.files, saxs.size) == ("12 of 12", "60 x 80 px (12)")
    assert saxs.left_out == f"{gaps().mean():.1%} of the pixels masked (12 files), filled by symmetry"
    assert (sem.size, sem.unit, sem.left_out) == ("48 x 64 px (12)", "2 nm per px by nm_per_pixel", "nothing")
    assert found.as_json()["columns"][1]["column"] == "saxs"
    assert "left out" in as_text(found)
    assert [re.split(r"[:;,]", line)[0] for line in found.warnings] == [
        "12 samples",
        "morphologies of fewer than 3 samples cannot be assessed",
        "leakage",
    ]
    assert found.as_json()["samples"][3]["files"][1]["area_fraction"] == pytest.approx(0.6, abs=0.01)
    json.dumps(found.as_json())


def test_every_problem_has_a_line_and_the_rest_is_still_seen(tmp_path):
    folder = pairs_folder(tmp_path, n=12)
    (folder / "1.edf").write_bytes((folder / "1.edf").read_bytes()[:-100])
    (folder / "2.png").write_bytes(b"")
    Image.fromarray(grey(0, shape=(20, 64))).save(folder / "3.png")
    Image.fromarray(np.full((48, 64), 9, np.uint8)).save(folder / "4.png")
    found = inspected(folder, TINY)
    assert not found.is_usable
    assert sorted(found.problems) == [
        "1.edf: is cut: 19100 bytes of pixels, expected 19200 for 60 x 80 px",
        "2.png: is no PNG file, though its name says so",
        "3.png: micrograph of 20 x 64 px is smaller than the crop of 32 px",
        "4.png: all pixels are equal (9)",
    ]
    assert len(found.samples) == 12
    assert found.samples[1].files[0].shape is None
    assert found.samples[1].area_fraction is not None
    assert "not readable" in as_page(found)


def test_too_few_and_none(tmp_path):
    found = inspected(pairs_folder(tmp_path, n=8), TINY)
    assert found.problems == (
        "8 usable samples; training needs at least 12, two thirds of which are a batch of 8",
    )
    found = inspected(pairs_folder(tmp_path, n=10), TINY)
    assert found.problems[0].endswith("a batch of 8, or train with --n-train 8")
    found = inspected(tmp_path / "nowhere", TINY)
    assert (found.problems, found.samples, found.warnings) == (("is not a folder",), (), ())
    assert as_text(found) == f"{tmp_path / 'nowhere'}: not usable: 1 problem\n  samples: 0\n  problem: is not a folder"
    assert "<h2>Samples" not in as_page(found)


# ---- cautions: of each, that it comes, and that it does not come without reason


SAXS, SEM = Technique("saxs", "pattern"), Technique("sem", "mask")
CURVES = Technique("saxs", "profile", Axis("q", "1/nm"))


def sample(name, group=None, morphology="lines", scattering=None, **facts):
    first = {"digest": f"s{name}"} | (scattering or {})
    second = {"digest": f"m{name}", "turned_digest": f"t{name}", "nm_per_pixel": 2.0, "area_fraction": 0.5} | facts
    files = SeenFile(f"{name}.edf", "pattern", **first), SeenFile(f"{name}.tif", "mask", **second)
    return Seen(name, morphology, f"g{ord(name[-1]) % 3}" if group is None else group, files)


def plenty(first=0, **facts):
    """A good folder, with other facts of its first samples."""
    return [
        sample(f"s{i:02d}", **({"area_fraction": 0.4 + 0.01 * (i * 7 % 11)} | (facts if i < first else {})))
        for i in range(60)
    ]


def test_a_good_folder_has_no_warning():
    assert cautions(plenty(), (SAXS, SEM)) == []
    assert cautions(plenty(), (CURVES, SEM)) == []


@pytest.mark.parametrize(
    ("samples", "start"),
    [
        (plenty()[:40], "40 samples: two thirds of them are fewer than the 32 of the paper's smallest training set; "),
        (plenty(2, morphology="dots"), "morphologies of fewer than 3 samples cannot be assessed: dots (2)"),
        (plenty(3, morphology=""), "3 of 60 samples have no morphology"),
        (plenty(60, group=""), "no column group or batch: whether samples of one film"),
        (plenty(1, group="own"), "groups of one sample: own"),
        (
            [sample(f"s{i:02d}", area_fraction=0.3 + 0.1 * (i % 3), group=f"g{i % 3}") for i in range(60)],
            "leakage: the group alone explains 100% of the variance of the area fraction, so that a random split",
        ),
        (plenty(2, scattering={"digest": "x"}), "the same saxs file under different names: s00, s01"),
        (plenty(2, digest="x"), "the same sem file under different names: s00, s01"),
        (plenty(60, nm_per_pixel=None), "pixel sizes of sem are unknown: lengths are in"),
        (plenty(2, nm_in_tags=2.5), "nm_per_pixel of the manifest differs from the tags of sem: s00, s01"),
        (plenty(2, area_fraction=0.97), "nearly all or nothing of the mask is bright, look at its threshold: s00, s01"),
        (
            plenty(2, scattering={"saturated": 0.002, "is_counts": True}),
            "more than 0.1% of the pixels have the largest value (saturated): ",
        ),
        (
            plenty(2, scattering={"saturated": 0.02, "is_counts": False}),
            "more than 1.0% of the pixels have the largest value (saturated): ",
        ),
        (
            plenty(2, scattering={"is_dark_at_beam": True}),
            "dark about the beam, and nothing is masked (a beam stop? add a mask file): ",
        ),
        (
            plenty(2, scattering={"masked": 0.1}),
            "the beam is taken to be in the middle of the patterns; a .poni file or beam_row and",
        ),
        (
            [
                sample("s0", scattering={"beam": (9.0, 9.0), "shape": (60, 80)}),
                sample("s1", scattering={"beam": (9.0, 11.0)}),
            ],
            "the beam is not at the same place in all patterns, which a model sees as a difference of samples",
        ),
    ],
)
def test_cautions(samples, start):
    assert [line for line in cautions(samples, (SAXS, SEM)) if line.startswith(start)]
    assert not [line for line in cautions(plenty(), (SAXS, SEM)) if line.startswith(start)]


def test_q_without_a_unit():
    assert cautions(plenty(), (replace(CURVES, axis=Axis()), SEM)) == [
        "the unit of q is unknown: a model takes files of an unknown unit only"
    ]


def test_an_axis_without_a_name():
    (line,) = cautions(plenty(), (replace(CURVES, name="uv", axis=Axis("x", "", False)), SEM))
    assert line.startswith("no uv file says what its first column is") and "uv_axis" in line


def test_copies_are_found_however_turned(tmp_path):
    folder = pairs_folder(tmp_path, n=12)
    turned = np.rot90(np.asarray(Image.open(folder / "3.png")))[:, ::-1]
    tifffile.imwrite(folder / "copy.tif", turned)
    text = (folder / "manifest.csv").read_text()
    (folder / "manifest.csv").write_text(text.replace("5.png", "copy.tif"))
    lines = inspected(folder, TINY).warnings
    assert "sem that are copies of one another, perhaps turned or mirrored: s3, s5" in lines
    assert not [line for line in lines if line.startswith("the same")]


def test_a_beam_stop_that_nobody_masked(tmp_path):
    folder = pairs_folder(tmp_path, n=12)
    for i in range(10):
        write_edf(folder / f"{i}.edf", np.where(gaps(), 0, counts(i)).astype(np.int32))
    assert [line for line in inspected(folder, TINY).warnings if line.startswith("dark about the beam, and nothing is")]


def test_the_share_that_groups_explain():
    rng = np.random.default_rng(0)
    names = [f"g{i % 5}" for i in range(60)]
    shifts = {f"g{k}": k for k in range(5)}
    assert explained_share([shifts[name] for name in names], names) == 1
    assert explained_share(rng.normal(size=60), names) < 0.15
    noisy = [shifts[name] + value for name, value in zip(names, rng.normal(size=60), strict=True)]
    assert explained_share(noisy, names) == pytest.approx(2 / 3, abs=0.1)  # var of 0..4 is 2, of the noise 1
    assert explained_share([1.0, 1.0], ["a", "b"]) == 0
    assert explained_share(rng.normal(size=4), list("abcd")) == 0  # every sample its own group explains nothing
    assert explained_share([], []) == 0


# ---- the page


def test_the_page_needs_nothing_else_and_says_what_it_shows(tmp_path):
    folder = pairs_folder(tmp_path, columns=lambda i: {"morphology": "<script>alert(1)</script>"})
    page = as_page(inspected(folder, TINY))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "url(" not in page
    assert page.count("<img ") == page.count('alt="') == 20
    assert "default-src 'none'" in page
    assert '<html lang="en">' in page


def test_many_samples_stay_within_five_megabytes():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (96, 96), dtype=np.uint8)
    found = inspected("nowhere", TINY)
    shown = plenty(60, picture=noise, scattering={"picture": noise})
    page = as_page(replace(found, techniques=(SAXS, SEM), samples=tuple(shown * 10)))
    assert "Samples (160 of 600, evenly spaced)" in page
    assert len(page) < 5e6  # of noise, which does not compress


# ---- what check says of each column


def folder_of(folder, write_profile, write_micrograph, n=12, suffix=".png", columns=""):
    """Pairs of 1-D profiles and micrographs that two functions write to a path, given a number."""
    lines = [f"sample_id,saxs,sem,group{columns and ',' + columns.partition('=')[0]}"]
    for i in range(n):
        write_profile(folder / f"{i}.dat", i)
        write_micrograph(folder / f"{i}{suffix}", i)
        lines.append(f"s{i},{i}.dat,{i}{suffix},g{i % 3}{columns and ',' + columns.partition('=')[2]}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


Q = np.geomspace(0.1, 3, 80)


def curve(header="# q (1/nm) I", tail=0.0, q=Q, more=""):
    def write(path, i):
        intensity = q**-3.0 + i - tail * (np.arange(len(q)) % 2) * (q > 2)
        path.write_text(f"{header}\n" + "".join(f"{a:.6g} {b:.6g}\n" for a, b in zip(q, intensity, strict=True)) + more)

    return write


def plain_grey(path, i):
    Image.fromarray(grey(i)).save(path)


def column(found, name):
    return next(one for one in found.columns if one.column == name)


def test_units_points_and_columns_of_profiles_are_told(tmp_path):
    write = curve("# q_A^-1 I sigma", tail=30.0, more="5 nan\n")
    found = inspected(folder_of(tmp_path, write, plain_grey), TINY)
    assert found.is_usable
    told = column(found, "saxs")
    assert told.size == "80 points (12)"
    assert told.taken_for == "1-D profiles; columns 'q_A^-1' and 'intensity' of 2"
    assert told.unit == "q in 1/angstrom by the label 'q_A^-1'"
    few = int(((np.arange(80) % 2) * (Q > 2)).sum())
    assert told.left_out.startswith("12 points without a number (12 files)")
    assert f"{12 * few} points negative, averaged with a neighbour (12 files)" in told.left_out
    assert told.values.startswith("q 0.1 to 3, intensity ")


def test_a_unit_that_nobody_knows_is_a_problem_until_it_is_said(tmp_path):
    found = inspected(folder_of(tmp_path, curve("# q I"), plain_grey), TINY)
    assert found.problems == (
        "saxs: no file names the unit of q; add a column q_unit with 1/nm or 1/angstrom (or unknown, if nobody knows "
        "it)",
    )
    found = inspected(folder_of(tmp_path, curve("# q I"), plain_grey, columns="q_unit=nm^-1"), TINY)
    assert (found.is_usable, found.techniques[0].axis) == (True, Axis("q", "1/nm"))
    assert column(found, "saxs").unit == "q in 1/nm by q_unit"
    found = inspected(folder_of(tmp_path, curve("# q I"), plain_grey, columns="q_unit=unknown"), TINY)
    assert (found.is_usable, found.techniques[0].axis) == (True, Axis())
    found = inspected(folder_of(tmp_path, curve(), plain_grey, columns="q_unit=1/angstrom"), TINY)
    assert any(line.startswith("q is taken in 1/angstrom, as q_unit says, and the file") for line in found.warnings)


def test_known_units_are_converted_to_that_of_most(tmp_path):
    def mixed(path, i):
        (curve("# q (1/A) I", q=Q / 10) if i % 3 == 0 else curve())(path, i)

    found = inspected(folder_of(tmp_path, mixed, plain_grey), TINY)
    assert found.is_usable
    assert found.facts["q that all saxs cover"] == "0.1 to 3 1/nm"


def test_data_bars_are_cut_by_tags_or_warned_of(tmp_path):
    def barred(path, i):
        strip = np.full((20, 64), 255, np.uint8)
        strip[6:14:2, 5:40:3] = 0
        texture = np.random.default_rng(i).integers(40, 220, (100, 64), dtype=np.uint8)
        picture = np.vstack([texture, strip])
        tags = "[Scan]\r\nPixelWidth=2e-9\r\n[Image]\r\nResolutionY=100\r\n"
        tifffile.imwrite(path, picture, extratags=[(34682, "s", 0, tags, True)] if path.suffix == ".tif" else [])

    (tmp_path / "fei").mkdir()
    found = inspected(folder_of(tmp_path / "fei", curve(), barred, suffix=".tif"), TINY)
    told = column(found, "sem")
    assert (told.size, told.unit, told.left_out) == (
        "100 x 64 px (12)", "2 nm per px by tags", "20 rows of a data bar, by tags",
    )
    found = inspected(folder_of(tmp_path, curve(), barred, suffix=".tiff"), TINY)
    assert [line for line in found.warnings if "data bar, from row 100 on" in line and "image_rows" in line]


def test_counts_of_16_bits_are_told_from_scaled_intensities(tmp_path):
    for name, levels, told in (
        ("counts", lambda i: counts(i).clip(0, 3000), "patterns, raw counts on a log scale"),
        ("scaled", lambda i: 65535 * np.log1p(counts(i)) / 12, "patterns, scaled intensities"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        pairs_folder(folder, n=12)
        for i in range(12):
            tifffile.imwrite(folder / f"{i}.tif", levels(i).astype(np.uint16))
        (folder / "manifest.csv").write_text((folder / "manifest.csv").read_text().replace(".edf", ".tif"))
        found = inspected(folder, TINY)
        assert (found.is_usable, column(found, "saxs").taken_for) == (True, told)


def test_masks_over_half_of_the_pixels_and_grazing_incidence_are_warned_of():
    masked = plenty(2, scattering={"masked": 0.6})
    half = [line for line in cautions(masked, (SAXS, SEM)) if "is the mask inverted?" in line]
    assert half and half[0].endswith("s00, s01")
    grazing = cautions(plenty(2, scattering={"masked": 0.1, "is_grazing": True}), (SAXS, SEM))
    assert [line for line in grazing if line.startswith("grazing incidence: masked pixels are filled by left-right")]
