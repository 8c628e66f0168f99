from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab import untrained, write_profile
from PIL import Image
from throwaway import no_file_larger_than

from pairvae_lib.bundles.apply import Ensemble, Measurement, read_measurement, reconstructed
from pairvae_lib.bundles.bundle import Scaling
from pairvae_lib.bundles.write import LONGEST_NAME, _write_curves, folder_name, folder_names, write_ensemble
from pairvae_lib.files.arrays import read_arrays
from pairvae_lib.files.writing import CannotWrite
from pairvae_lib.morphology.masks import lineal_path, two_point_correlation


@pytest.fixture
def ensemble(rng) -> Ensemble:
    measurement = Measurement("a b.tif", "0" * 64, "saxs", np.zeros((32, 32), np.float32))
    masks = rng.random((5, 32, 32)) < 0.5
    return Ensemble(measurement, "sem", masks, masks[0], ("be careful",))


def table(path: Path) -> tuple[list[str], np.ndarray]:
    head, *rows = csv.reader(path.read_text().splitlines())
    return head, np.array(rows, dtype=float)


def test_micrographs_are_images_of_one_bit_with_curves(tmp_path, ensemble):
    summary = write_ensemble(tmp_path / "out", "a", untrained(), ensemble, {"seed": 43})
    folder = tmp_path / "out" / "a"
    for number, mask in enumerate(ensemble.drawn, start=1):
        with Image.open(folder / "ensemble" / f"{number}.png") as image:
            assert image.mode == "1" and np.array_equal(np.array(image), mask)
    with Image.open(folder / "overview.png") as image:
        assert image.size == (4 * 36 - 4, 2 * 36 - 4)  # 5 members and the reconstruction
    r, s2 = two_point_correlation(ensemble.drawn)
    head, rows = table(folder / "S2.csv")
    assert head == ["r [px]", "r [nm]", "mean", "sd", *(f"sample {k}" for k in range(1, 6))]
    expected = np.column_stack([r, 2.5 * r, s2.mean(axis=0), s2.std(axis=0), *s2])
    assert rows == pytest.approx(expected, rel=1e-5, abs=1e-9)
    for axis in ("vertical", "horizontal"):
        _, rows = table(folder / f"L_{axis}.csv")
        assert rows[:, 4:].T == pytest.approx(lineal_path(ensemble.drawn, axis, np.arange(9))[1], rel=1e-5)
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert summary["statistics"]["phase_fraction"]["mean"] == pytest.approx(ensemble.drawn.mean(), rel=1e-5)
    assert (summary["seed"], summary["warnings"], summary["input"]["file"]) == (43, ["be careful"], "a b.tif")
    assert summary["files"] == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name != "summary.json"
    )


def test_without_pixel_size_lengths_are_in_pixels_alone(tmp_path, ensemble):
    bundle = untrained()
    bundle = replace(bundle, scalings=(Scaling(), Scaling()))
    summary = write_ensemble(tmp_path, "a", bundle, ensemble)
    assert table(tmp_path / "a" / "S2.csv")[0][:2] == ["r [px]", "mean"]
    assert "period_nm" not in summary["statistics"] and summary["nm_per_pixel"] is None


def test_patterns_are_images_and_numbers(tmp_path, rng):
    micrograph = Measurement("a.png", "1", "sem", rng.random((40, 40)) < 0.5)
    found = reconstructed(untrained(), micrograph, "saxs", 12)
    write_ensemble(tmp_path, "a", untrained(), found)
    stored = read_arrays(tmp_path / "a" / "patterns.npz")
    assert stored["members"] == pytest.approx(found.drawn, abs=1e-6)
    assert (tmp_path / "a" / "ensemble" / "01.png").exists() and (tmp_path / "a" / "mean.png").exists()
    head, rows = table(tmp_path / "a" / "profile.csv")
    assert head[:3] == ["q [px]", "mean", "sd"] and rows.shape == (16, 15)


def test_profiles_are_logarithms_over_q(tmp_path, rng):
    bundle = untrained(profiles=True)
    profile = read_measurement(bundle, write_profile(tmp_path / "a.dat"), "gisaxs")
    found = reconstructed(bundle, profile, "gisaxs", 3)
    write_ensemble(tmp_path, "a", bundle, found)
    head, rows = table(tmp_path / "a" / "profile.csv")
    assert head[0] == "q [1/angstrom]" and rows[:, 0] == pytest.approx(bundle.scalings[0].grid, rel=1e-5)
    assert rows[:, 3:].T == pytest.approx(-1.5 + 3 * found.drawn, rel=1e-4, abs=1e-5)


def test_what_this_wrote_is_replaced_and_nothing_else(tmp_path, ensemble):
    write_ensemble(tmp_path, "a", untrained(), ensemble)
    fewer = replace(ensemble, drawn=ensemble.drawn[:2])
    write_ensemble(tmp_path, "a", untrained(), fewer)
    assert len(list((tmp_path / "a" / "ensemble").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("x")
    with pytest.raises(FileExistsError, match="b is there already and holds something else"):
        write_ensemble(tmp_path, "b", untrained(), ensemble)
    assert (tmp_path / "b" / "mine.txt").read_text() == "x"


def test_a_full_disk_leaves_nothing_behind(tmp_path, ensemble):
    with no_file_larger_than(100), pytest.raises(CannotWrite, match="cannot write .*a: File too large"):
        write_ensemble(tmp_path, "a", untrained(), ensemble)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".hidden", ".."])
def test_a_name_cannot_leave_the_folder(tmp_path, ensemble, name):
    with pytest.raises(ValueError, match="^name must be one part of a path, and not hidden; got"):
        write_ensemble(tmp_path / "out", name, untrained(), ensemble)
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "..", ".", ".hidden", "a\\b", "a\0b", "", "ä" * 300, "a:b", "~"]
)
def test_any_text_becomes_one_part_of_a_path(tmp_path, name):
    safe = folder_name(name)
    assert len(safe) <= LONGEST_NAME and not safe.startswith(".") and not set(safe) & set("/\\\0:~")
    (tmp_path / safe).mkdir()
    assert (tmp_path / safe).parent == tmp_path and safe != ""


def test_files_of_one_name_get_folders_of_their_own():
    files = [Path(name) for name in ("x/a.tif", "y/a.tif", "a.png", "A.dat", "b.tif")]
    assert folder_names(files) == ["a", "a~2", "a~3", "A~4", "b"]


def test_curves_are_written_to_six_digits(tmp_path):
    curves = np.array([[0.5, np.nan, 1e-7], [0.25, 2, 1234567.0]])
    _write_curves(tmp_path / "a.csv", "r", np.array([0.0, 1, 2]), curves, 2.5)
    head, *rows = (tmp_path / "a.csv").read_text().split("\n")
    assert head == "r [px],r [nm],mean,sd,sample 1,sample 2"
    assert rows == ["0,0,0.375,0.125,0.5,0.25", "1,2.5,nan,nan,nan,2", "2,5,617284,617283,1e-07,1.23457e+06", ""]
