"""Folders as a laboratory has them: nothing that only a simulator knows; and faults that a check must find."""

from __future__ import annotations

import csv

import pytest

from pairvae_lib.bundles.train import work_folder
from pairvae_lib.checks import DataError, MissingResult
from pairvae_lib.cli.laboratory import broken_copy, laboratory_folder, with_trainings
from pairvae_lib.data.folder import open_pairs
from pairvae_lib.files.runs import Run


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    return Run("tiny")


def write_simulation(folder):
    """A simulated folder of one pair, with what a laboratory would not have."""
    for name in ("saxs", "sem", "mask"):
        (folder / name).mkdir(parents=True)
        (folder / name / "s0").write_text(name)
    header = "sample_id,saxs,sem,mask,morphology,nm_per_pixel,q_scale,image_rows,sim_pitch"
    (folder / "manifest.csv").write_text(header + "\ns0,saxs/s0,sem/s0,mask/s0,skew,2.75,0.004,415,1.4\n")


def test_simulated_pairs_are_copied_without_what_only_the_simulator_knows(run, tmp_path):
    write_simulation(run.data_folder)
    for _ in range(2):  # a second time it is made anew
        folder = laboratory_folder(run, tmp_path)
        (folder / "leftover").write_text("")
    (folder / "leftover").unlink()
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["manifest.csv", "saxs/s0", "sem/s0"]
    with (folder / "manifest.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "sample_id": "s0", "saxs": "saxs/s0", "sem": "sem/s0", "morphology": "skew", "nm_per_pixel": "2.75",
        "q_scale": "0.004", "image_rows": "415",
    }
    assert (folder / "sem" / "s0").read_text() == "sem"


def test_measured_pairs_stay_where_they_are(lab_pairs, tmp_path):
    assert laboratory_folder(Run("tiny", data=str(lab_pairs)), tmp_path) == lab_pairs.resolve()
    assert not (tmp_path / "pairs").exists()


def test_every_fault_of_a_broken_copy_is_found_and_the_original_is_left_alone(lab_pairs, tmp_path):
    broken = broken_copy(lab_pairs, tmp_path)
    with pytest.raises(DataError) as caught:
        open_pairs(broken)
    text = str(caught.value)
    assert "saxs/s01.png" in text and "s02" in text  # what is missing, and the name that stands there twice
    assert len(open_pairs(lab_pairs)) == 12
    assert (broken / "sem" / "s00.png").stat().st_size <= 400


def test_a_broken_copy_needs_four_pairs(lab_pairs, tmp_path):
    with pytest.raises(ValueError, match="^count must be at least 4 pairs of the folder; got 3$"):
        broken_copy(lab_pairs, tmp_path, count=3)


def test_trainings_lie_where_an_interrupted_training_would_have_left_them(run, tmp_path):
    model = tmp_path / "model"
    with pytest.raises(MissingResult, match="pairvae run 03_solo_vae --profile tiny$"):
        with_trainings(run, model)
    run.folder.mkdir(parents=True)
    run.solo_file.write_text("solo")
    run.pair_file.write_text("pair")
    model.mkdir()
    (model / "old").write_text("")
    assert with_trainings(run, model) == model and not model.exists()
    work = work_folder(model)
    assert {path.name: path.read_text() for path in work.iterdir()} == {"solo.pt": "solo", "pair.pt": "pair"}
