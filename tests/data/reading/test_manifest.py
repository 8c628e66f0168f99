"""Manifests and folders from somebody else: faults have a line, and nothing out of the folder is opened."""

from __future__ import annotations

import os
import unicodedata

import numpy as np
import pytest
from detector_files import BEAM, SHAPE, counts, fabio_written, gaps, write_edf, write_eiger, write_nxcansas, write_poni
from PIL import Image

from pairvae_lib.checks import DataError
from pairvae_lib.config import TINY
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.data.reading.patterns import scaled_pattern

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (70, 90), dtype=np.uint8)
Q = np.geomspace(0.05, 1, 60)


def written(folder, rows, encoding="utf-8", separator=","):
    names = list(rows[0])
    lines = [separator.join(names), *(separator.join(str(row[name]) for name in names) for row in rows)]
    (folder / "manifest.csv").write_bytes("\r\n".join(lines).encode(encoding))
    return folder


def data_folder(folder, n=3, suffix=".edf", **more):
    """Detector images with gaps, and grey micrographs."""
    rows = []
    for i in range(n):
        levels = np.where(gaps(), -1, counts(i)).astype(np.int32)
        fabio_written(folder / f"{i}{suffix}", levels)
        Image.fromarray(np.roll(GREY, i)).save(folder / f"{i}.png")
        rows.append({"sample_id": f"s{i}", "saxs": f"{i}{suffix}", "sem": f"{i}.png"} | more)
    return written(folder, rows), rows


def problems_of(folder, **options):
    with pytest.raises(DataError) as error:
        open_pairs(folder, **options)
    return error.value.problems


# ---- detector images


@pytest.mark.parametrize("suffix", [".edf", ".cbf", ".h5", ".nxs", ".tif"])
def test_a_folder_of_detector_images(tmp_path, suffix):
    folder, _ = data_folder(tmp_path, suffix=suffix, beam_row=BEAM[0], beam_col=BEAM[1])
    data = open_pairs(folder)
    assert not data.is_profile
    whole = [scaled_pattern(counts(i).astype(float), data.techniques[0].limits) for i in range(3)]
    for i in range(3):
        difference = np.abs(data.scattering(i) - whole[i])
        assert difference[~gaps()].max() < 1e-6
        assert difference[gaps()].mean() < 0.05  # filled, where black would be off by half
    assert prepare(data, TINY).scattering.shape[0] == 3


def test_an_eiger_master_is_a_pattern_whatever_its_type(tmp_path):
    folder, rows = data_folder(tmp_path, n=2, beam_row=BEAM[0], beam_col=BEAM[1])
    for i, row in enumerate(rows):
        row["saxs"] = f"{i}_master.h5"
        write_eiger(folder / row["saxs"], np.where(gaps(), 65535, counts(i)).astype(np.uint16))
    data = open_pairs(written(folder, rows))
    assert data.techniques[0].limits is not None
    assert data.techniques[0].limits[1] < 4  # 65535 is no count


def test_a_calibration_gives_the_beam_and_q(tmp_path):
    folder, rows = data_folder(tmp_path)
    write_poni(folder / "setup.poni")
    data = open_pairs(folder)
    assert data.q_scale == pytest.approx([0.0054035] * 3, rel=1e-4)
    write_poni(folder / "own.poni", dist=4.0)
    assert problems_of(folder) == ["expected at most one of the folder's calibrations; got own.poni, setup.poni"]
    for row, poni in zip(rows, ("", "own.poni", ""), strict=True):
        row["poni"] = poni
    assert open_pairs(written(folder, rows)).q_scale == pytest.approx([0.0054035, 0.0027018, 0.0054035], rel=1e-4)
    for row in rows:
        row["q_scale"] = "0.5"
    assert open_pairs(written(folder, rows)).q_scale.tolist() == [0.5] * 3


def test_a_mask_of_the_folder_and_of_a_sample(tmp_path):
    folder, rows = data_folder(tmp_path, beam_row=BEAM[0], beam_col=BEAM[1])
    for i in range(3):
        write_edf(folder / f"{i}.edf", np.where(gaps(), 10**6, counts(i)).astype(np.int32))  # hot, and not marked
    bright = open_pairs(folder)
    assert bright.techniques[0].limits[1] > 5
    np.save(folder / "mask.npy", gaps())
    data = open_pairs(folder)
    assert data.techniques[0].limits[1] < 4
    rows[1]["saxs_mask"] = "own.npy"
    for i in (0, 2):
        rows[i]["saxs_mask"] = ""
    np.save(folder / "own.npy", np.zeros((3, 3)))
    assert problems_of(written(folder, rows)) == ["1.edf: its mask own.npy must have shape (60, 80); got (3, 3)"]
    np.save(folder / "own.npy", np.zeros(SHAPE))
    assert open_pairs(written(folder, rows)).techniques[0].limits[1] > 5
    write_edf(folder / "mask.edf", gaps().astype(np.uint8))
    assert problems_of(folder) == ["expected at most one of the folder's masks; got mask.edf, mask.npy"]


def test_azimuthal_averages_by_the_name_of_the_column(tmp_path):
    folder, rows = data_folder(tmp_path)
    for row in rows:
        row["saxs_profile"] = row.pop("saxs")
    written(folder, rows)
    assert problems_of(folder)[0] == (
        "manifest.csv line 2: saxs_profile is to be averaged, which needs a calibration: one .poni file in the folder, "
        "or the column poni"
    )
    write_poni(folder / "setup.poni")
    data = open_pairs(folder)
    assert data.is_profile
    assert data.q_unit == "1/nm"
    q, intensity = data.scattering(0)
    assert intensity.max() < 4000
    beyond = q > 0.06
    assert q[beyond][np.argmax(intensity[beyond])] == pytest.approx(15 * 0.0054035, rel=0.05)
    (folder / "setup.poni").write_text("Detector: /etc/passwd\n")
    assert problems_of(folder)[0] == (
        "0.edf: its calibration setup.poni: must not name further files; got 'Detector: /etc/passwd'"
    )


def test_a_folder_of_nxcansas_curves(tmp_path):
    folder, rows = data_folder(tmp_path)
    for i, row in enumerate(rows):
        row["saxs"] = f"{i}.h5"
        write_nxcansas(folder / row["saxs"], Q, Q**-3 + i, "1/angstrom")
    data = open_pairs(written(folder, rows))
    assert (data.is_profile, data.q_unit) == (True, "1/angstrom")
    assert data.scattering(1)[1] == pytest.approx(Q**-3 + 1)


@pytest.mark.parametrize(
    ("row", "col", "got"), [("", "3", "'' and '3'"), ("3", "", "'3' and ''"), ("nan", "1", "'' and '1'")]
)
def test_a_beam_needs_both_numbers(tmp_path, row, col, got):
    folder, _ = data_folder(tmp_path, n=1, beam_row=row, beam_col=col)
    assert problems_of(folder) == [f"manifest.csv line 2: beam_row and beam_col must both be numbers; got {got}"]


# ---- hostile manifests


@pytest.fixture
def watched(tmp_path):
    """A data folder beside a file that must not be opened."""
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.png").mkdir()  # which cannot be read as a file: whoever tried would say so
    data_folder(folder, beam_row=BEAM[0], beam_col=BEAM[1])
    yield folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "secret.png"]


@pytest.mark.parametrize("name", ["../secret.png", "a/../../secret.png", "..\\secret.png", "/etc/secret.png"])
def test_paths_out_of_the_folder(watched, name):
    rows = [{"sample_id": "s", "saxs": "0.edf", "sem": name}]
    assert problems_of(written(watched, rows)) == [
        f"manifest.csv line 2: sem must be a path within the folder; got {name!r}"
    ]


def test_links_out_of_the_folder(watched):
    (watched / "link.png").symlink_to(watched.parent / "secret.png")
    (watched / "up").symlink_to(watched.parent)
    (watched / "circle.png").symlink_to(watched / "circle.png")
    names = ("link.png", "up/secret.png", "circle.png")
    rows = [{"sample_id": f"s{i}", "saxs": f"{i}.edf", "sem": name} for i, name in enumerate(names)]
    assert problems_of(written(watched, rows))[:2] == [
        "manifest.csv line 2: sem must be a file that lies within the folder; got 'link.png'",
        "manifest.csv line 3: sem must be a file that lies within the folder; got 'up/secret.png'",
    ]
    assert "circle.png" in problems_of(watched)[2]
    (watched / "inside.png").symlink_to(watched / "0.png")
    assert len(open_pairs(written(watched, [rows[0] | {"sem": "inside.png"}]))) == 1


def test_a_linked_manifest_and_linked_common_files(watched):
    outside = watched.parent / "secret.png/file.png"
    Image.fromarray(GREY).save(outside)
    (watched / "mask.png").symlink_to(outside)
    assert "mask.png: must be a file within the folder" in problems_of(watched)
    (watched / "manifest.csv").unlink()
    (watched / "manifest.csv").symlink_to(outside)
    assert problems_of(watched) == ["manifest.csv: must be a file within the folder, of at most 16 MiB"]


def test_a_pipe_is_no_file(watched):
    os.mkfifo(watched / "pipe.png")  # opening it would wait for ever
    rows = [{"sample_id": "s", "saxs": "0.edf", "sem": "pipe.png"}]
    assert problems_of(written(watched, rows)) == [
        "manifest.csv line 2: sem must be a file that lies within the folder; got 'pipe.png'"
    ]


@pytest.mark.parametrize(
    ("column", "value"), [("sem", "a\0b.png"), ("sample_id", "s\x1b[31m"), ("morphology", "x\0"), ("sem", "\u202e.png")]
)
def test_control_characters(watched, column, value):
    row = {"sample_id": "s", "saxs": "0.edf", "sem": "0.png", "morphology": "m"} | {column: value}
    assert problems_of(written(watched, [row])) == [
        f"manifest.csv line 2: {column} must not hold control characters; got {value!r}"
    ]


def test_long_fields_are_cut_in_messages(watched):
    row = {"sample_id": "s", "saxs": "0.edf", "sem": "x" * 5000 + ".png", "nm_per_pixel": "9" * 400 + "x"}
    name, number = sorted(problems_of(written(watched, [row])), key=len)
    assert name.endswith("... (5004 characters)") or number.endswith("... (5004 characters)")
    assert max(len(name), len(number)) < 250


def test_tables_that_are_too_large(watched, monkeypatch):
    rows = [{"sample_id": "s", "saxs": "0.edf", "sem": "x" * 140000 + ".png"}]
    assert problems_of(written(watched, rows)) == [
        "manifest.csv line 2: field larger than field limit (131072)",
        "manifest.csv: no usable row",
    ]
    monkeypatch.setattr("pairvae_lib.data.reading.manifest.MAX_MANIFEST", 2**20)
    (watched / "manifest.csv").write_bytes(b"sample_id,saxs,sem\n" + b"a,b,c\n" * 2**18)
    assert problems_of(watched) == ["manifest.csv: must be a file within the folder, of at most 1 MiB"]


@pytest.mark.parametrize("row", [b"s,../a.edf,b.png\n", b"a,b\n"])
def test_a_table_of_faults_is_not_read_to_its_end(watched, row):
    (watched / "manifest.csv").write_bytes(b"sample_id,saxs,sem\n" + b"s,0.edf,0.png\n" + row * 100000)
    problems = problems_of(watched)
    assert len(problems) == 1001
    assert problems[-1] == "manifest.csv: more than 1000 faults up to line 1003; the rest was not read"


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8-sig", ";"), ("utf-8", "\t"), ("ascii", ",")])
def test_customs_of_spreadsheets_are_read(watched, encoding, separator):
    row = {"sample_id": "s", "saxs": "0.edf", "sem": "0.png", "beam_row": BEAM[0], "beam_col": BEAM[1]}
    assert len(open_pairs(written(watched, [row], encoding, separator))) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_encodings_of_spreadsheets_are_read(watched, encoding):
    row = {"sample_id": "Größe", "saxs": "0.edf", "sem": "0.png", "beam_row": BEAM[0], "beam_col": BEAM[1]}
    assert open_pairs(written(watched, [row], encoding)).sample_ids == ("Größe",)


def test_formulas_are_words(watched):
    row = {"sample_id": "=cmd|' /C calc'!A0", "saxs": "0.edf", "sem": "0.png"}
    row |= {"beam_row": BEAM[0], "beam_col": BEAM[1]}
    assert open_pairs(written(watched, [row])).sample_ids == ("=cmd|' /C calc'!A0",)


def test_links_in_the_papers_layout(tmp_path):
    folder = tmp_path / "data"
    (folder / "SEM").mkdir(parents=True)
    (folder / "SAXS").mkdir()
    Image.fromarray(GREY).save(tmp_path / "secret.tif")
    (folder / "SEM/a.tif").symlink_to(tmp_path / "secret.tif")
    Image.fromarray(GREY).save(folder / "SAXS/a.jpg")
    assert "SEM/a.tif: must be a file within the folder" in problems_of(folder)


def test_random_manifests_of_detector_images_never_fail_in_another_way(tmp_path):
    folder, _ = data_folder(tmp_path, poni="", saxs_mask="", beam_row=BEAM[0], beam_col=BEAM[1], nm_per_pixel="2")
    original = (folder / "manifest.csv").read_bytes()
    pieces = [b",", b"\r\n", b'"', b"\0", b"../", b"/", b".h5", b".poni", b"1e400", b"\xff", b";", b"unknown", b"\x85"]
    opened = 0
    for _ in range(120):
        data = bytearray(original)
        for _ in range(RNG.integers(1, 5)):
            place = int(RNG.integers(len(data)))
            data[place : place + int(RNG.integers(0, 4))] = pieces[RNG.integers(len(pieces))]
        (folder / "manifest.csv").write_bytes(data)
        try:
            opened += len(open_pairs(folder)) > 0
        except DataError as error:
            assert error.problems
    assert 0 < opened < 120


# ---- one scale of micrographs


def test_micrographs_are_brought_to_the_coarsest_scale(tmp_path):
    folder, rows = data_folder(tmp_path, beam_row=BEAM[0], beam_col=BEAM[1])
    for row, size in zip(rows, ("2", "4", "2.01"), strict=True):
        row["nm_per_pixel"] = size
    field = np.kron(RNG.uniform(size=(35, 45)) < 0.5, np.ones((2, 2)))
    Image.fromarray(np.where(field, 255, 0).astype(np.uint8)).save(folder / "0.png")
    data = open_pairs(written(folder, rows))
    assert data.nm_per_pixel.tolist() == [4.0] * 3
    assert data.mask(0).shape == (35, 45)
    assert (data.mask(0) == (field[::2, ::2] > 0)).all()  # two pixels by two are one
    assert (data.micrograph(1) == np.roll(GREY, 1)).all()
    assert data.micrograph(2).shape == (35, 45)
    pairs = prepare(data, TINY)
    assert pairs.measured[1].nm_per_pixel == (4.0,) * 3
    assert pairs.masks[0].shape == (35, 45)


def test_true_masks_follow_the_scale(tmp_path):
    folder, rows = data_folder(tmp_path, beam_row=BEAM[0], beam_col=BEAM[1])
    for row, size in zip(rows, ("2", "4", "4"), strict=True):
        truth = f"truth_{row['sample_id']}.png"
        Image.fromarray(np.where(GREY > 99, 255, 0).astype(np.uint8)).save(folder / truth)
        row |= {"nm_per_pixel": size, "truth": truth}
    data = open_pairs(written(folder, rows))
    assert [data.true_mask(i).shape for i in range(3)] == [data.mask(i).shape for i in range(3)]
    assert (data.true_mask(1) == (GREY > 99)).all()


def test_scales_that_cannot_be_brought_together(tmp_path):
    folder, rows = data_folder(tmp_path, beam_row=BEAM[0], beam_col=BEAM[1])
    for row, size in zip(rows, ("2", "", "2"), strict=True):
        row["nm_per_pixel"] = size
    assert problems_of(written(folder, rows)) == [
        "sem: the pixel size is known of 2 of 3 micrographs, so that they cannot be brought to one scale; fill the "
        "column nm_per_pixel for all, or write unknown in it for all"
    ]
    for row, size in zip(rows, ("2", "9", "2"), strict=True):
        row["nm_per_pixel"] = size
    assert problems_of(written(folder, rows)) == [
        "sem: pixel sizes from 2 to 9 nm differ by more than a factor of 4; leave out the micrographs of one "
        "magnification"
    ]
    for row in rows:
        row["nm_per_pixel"] = "Unknown"
    assert open_pairs(written(folder, rows)).nm_per_pixel is None


def test_the_tags_of_a_micrograph_give_its_size_unless_the_manifest_does(tmp_path):
    import tifffile

    folder, rows = data_folder(tmp_path, n=2, beam_row=BEAM[0], beam_col=BEAM[1])
    for row in rows:
        row["sem"] = row["sem"].replace("png", "tif")
        tifffile.imwrite(folder / row["sem"], GREY, imagej=True, resolution=(0.4, 0.4), metadata={"unit": "nm"})
    assert open_pairs(written(folder, rows)).nm_per_pixel.tolist() == [2.5, 2.5]
    for row, size in zip(rows, ("unknown", "unknown"), strict=True):
        row["nm_per_pixel"] = size
    assert open_pairs(written(folder, rows)).nm_per_pixel is None
    for row, size in zip(rows, ("5", ""), strict=True):
        row["nm_per_pixel"] = size
    assert open_pairs(written(folder, rows)).nm_per_pixel.tolist() == [5.0, 5.0]


# ---- manifests of other systems


def rows_of(folder):
    """The lines of a good manifest, as fields."""
    data_folder(folder, n=2, beam_row=BEAM[0], beam_col=BEAM[1])
    return [line.split(",") for line in (folder / "manifest.csv").read_text().splitlines()]


def joined(rows, separator=",", quote=""):
    return "\n".join(separator.join(f"{quote}{field}{quote}" for field in row) for row in rows) + "\n"


@pytest.mark.parametrize(
    "spelled",
    [
        lambda rows: joined(rows).replace("\n", "\r"),
        lambda rows: "\n" + joined(rows, " , "),
        lambda rows: "sep=;\n" + joined(rows, ";"),
        lambda rows: joined(rows, ";").replace(".0;", ",0;").replace(".5", ",5"),
        lambda rows: joined([rows[0], *([str(i), *row] for i, row in enumerate(rows[1:], 1))], quote='"'),  # R
        lambda rows: joined([["", *rows[0]], *([str(i), *row] for i, row in enumerate(rows[1:]))]),  # pandas
        lambda rows: joined(rows).replace("sample_id", "Sample ID").replace("beam_row", "Beam Row"),
        lambda rows: joined(rows).replace("sample_id", "Sample"),
        lambda rows: joined(rows).replace(".edf", ".EDF").replace(".png", ".Png"),
        lambda rows: joined(rows).replace("0.edf", ".\\0.edf"),
        lambda rows: joined([[*row, ""] for row in rows]) + ",,,,,,\n",
        lambda rows: joined([[*rows[0], "nm_per_pixel", "morphology"], *([*row, "NA", "#N/A"] for row in rows[1:])]),
    ],
)
def test_manifests_of_other_programs_are_read(tmp_path, spelled):
    rows = rows_of(tmp_path)
    expected = open_pairs(tmp_path)
    (tmp_path / "manifest.csv").write_text(spelled(rows), encoding="utf-8", newline="")
    data = open_pairs(tmp_path)
    assert data.sample_ids == expected.sample_ids
    assert [sample.scattering for sample in data.listing.samples] == [s.scattering for s in expected.listing.samples]
    assert data.files.beam(data.listing.files(0)[0]) == BEAM
    assert data.nm_per_pixel is None


def test_backslashes_and_both_forms_of_an_accent_are_found(tmp_path):
    rows = rows_of(tmp_path)
    (tmp_path / "Bilder").mkdir()
    for row in rows[1:]:
        place = rows[0].index("sem")
        (tmp_path / row[place]).rename(tmp_path / "Bilder" / unicodedata.normalize("NFD", f"é{row[place]}"))
        row[place] = f"bilder\\é{row[place]}"
    (tmp_path / "manifest.csv").write_text(joined(rows), encoding="utf-8")
    assert len(open_pairs(tmp_path)) == 2


def test_an_unknown_suffix_is_named(tmp_path):
    rows = rows_of(tmp_path)
    for row in rows[1:]:
        (tmp_path / row[rows[0].index("sem")]).with_suffix(".gif").write_bytes(b"")
    (tmp_path / "manifest.csv").write_text(joined(rows).replace(".png", ".gif"))
    (problem, *_) = problems_of(tmp_path)
    assert problem.startswith("manifest.csv: column 'sem' holds files that end as .gif; expected one of")


def test_what_every_column_is_taken_for(tmp_path):
    rows = rows_of(tmp_path)
    rows = [[*row, extra] for row, extra in zip(rows, ["operator", "me", "you"], strict=True)]
    (tmp_path / "manifest.csv").write_text(joined(rows))
    roles = open_pairs(tmp_path).listing.columns
    assert roles["saxs"] == "patterns"
    assert roles["sem"] == "masks"
    assert roles["operator"] == "left aside"
    assert roles["beam_row"] == "facts of the measurements"
