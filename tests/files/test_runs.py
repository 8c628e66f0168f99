"""Where results lie, and the command that makes them."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from pairvae_lib.checks import MissingResult
from pairvae_lib.config import PAPER, QUICK, protocol_settings
from pairvae_lib.files import runs
from pairvae_lib.files.runs import Run, content_hash, project_root, results_root


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def own_data(tmp_path) -> Path:
    folder = tmp_path / "my films"
    (folder / "sem").mkdir(parents=True)
    (folder / "manifest.csv").write_text("sample_id\n1\n")
    (folder / "sem" / "1.tif").write_bytes(b"grey")
    return folder


def test_the_paths_of_the_default_run(results):
    run, root = Run(), results / "quick" / "simulated"
    assert run.settings == QUICK
    assert run.data_root == root
    assert run.data_folder == root / "data"
    assert run.pairs_file == root / "pairs.npz"
    assert run.thresholds_file == root / "thresholds.json"
    assert run.folder == root / "seed43"
    assert run.solo_file == root / "seed43" / "solo.pt"
    assert run.pair_file == root / "seed43" / "pair.pt"
    assert run.flow_file == root / "seed43" / "flow.pt"
    assert run.errors_file == root / "seed43" / "errors.json"
    assert run.generation_file == root / "seed43" / "generation.npz"
    assert run.curves_file == root / "seed43" / "curves.npz"
    assert run.history_file == root / "seed43" / "history.json"
    assert run.notebook("01_data") == root / "01_data.ipynb"
    assert run.notebook("02_preprocessing") == root / "02_preprocessing.ipynb"
    assert run.notebook("03_solo_vae") == root / "seed43" / "03_solo_vae.ipynb"
    assert run.notebook("06_generation") == root / "seed43" / "06_generation.ipynb"


def test_what_changes_the_outcome_changes_the_folder(own_data):
    every = [
        Run(),
        Run("paper"),
        Run(seed=44),
        Run(n_train=16),
        Run(n_train=16, held_out="b"),
        Run(held_out="b"),
        Run(data=str(own_data)),
    ]
    assert len({run.folder for run in every}) == len(every)
    assert Run("paper").settings == PAPER
    assert Run(n_train=16, held_out="b").folder.name == "seed43-n16-without-b"
    assert Run(held_out="../a b").folder.name == "seed43-without-..%2Fa b"


def test_the_users_data_are_known_by_name_and_content(own_data, results, monkeypatch):
    run = Run(data=str(own_data))
    assert run.data_folder == own_data
    assert run.data_root == results / "quick" / f"my films-{content_hash(own_data)}"
    monkeypatch.chdir(own_data.parent)
    assert Run(data="my films").data_root == run.data_root
    assert Run(data="my films").data_folder == own_data


def test_the_hash_follows_names_and_content_alone(own_data, tmp_path):
    first = content_hash(own_data)
    assert len(first) == 6 and set(first) <= set("0123456789abcdef")
    copy = Path(shutil.copytree(own_data, tmp_path / "copy"))
    assert content_hash(copy) == first
    (copy / "sem" / "1.tif").write_bytes(b"gray")
    changed = content_hash(copy)
    (copy / "sem" / "1.tif").write_bytes(b"grey")
    (copy / "sem" / "1.tif").rename(copy / "sem" / "2.tif")
    assert len({first, changed, content_hash(copy)}) == 3


def test_the_results_folder(results, tmp_path, monkeypatch):
    assert results_root() == results
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIRVAE_RESULTS", "elsewhere")
    assert results_root() == tmp_path / "elsewhere"
    monkeypatch.delenv("PAIRVAE_RESULTS")
    monkeypatch.setattr(runs, "project_root", lambda: tmp_path / "checkout")
    assert results_root() == tmp_path / "checkout" / "results"


def test_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "__file__", str(tmp_path / "pairvae_lib" / "files" / "runs.py"))
    with pytest.raises(FileNotFoundError) as caught:
        project_root()
    expected = f"{tmp_path} holds no notebooks/text folder: install the package from a checkout (pip install -e .)"
    assert str(caught.value) == expected
    (tmp_path / "notebooks" / "text").mkdir(parents=True)
    assert project_root() == tmp_path


def test_a_protocol_shares_solo_training_and_keeps_the_rest_apart():
    run, usual = Run(seed=42, protocol="all_crops"), Run(seed=42)
    assert (run.solo_file, run.notebook("03_solo_vae")) == (usual.solo_file, usual.notebook("03_solo_vae"))
    for name in ("pair_file", "errors_file", "curves_file", "history_file", "generation_file"):
        assert getattr(run, name) == usual.folder / "all_crops" / getattr(usual, name).name
    assert run.notebook("04_pair_vae").parent == usual.folder / "all_crops"
    assert run.settings.pair == protocol_settings(usual.settings.pair, "all_crops")
    assert run.command("03_solo_vae") == "pairvae run 03_solo_vae --profile quick -p seed 42"
    assert run.command("04_pair_vae").endswith("-p seed 42 -p protocol all_crops")
    with pytest.raises(ValueError, match="^protocol must be one of direct, two_phase, .*; got 'three_phase'$"):
        Run(protocol="three_phase")


def test_the_command_holds_what_differs_from_the_default(own_data):
    assert Run().command("03_solo_vae") == "pairvae run 03_solo_vae --profile quick"
    run = Run("tiny", seed=42, n_train=8, held_out="b")
    assert run.command("04_pair_vae") == "pairvae run 04_pair_vae --profile tiny -p seed 42 -p n_train 8 -p held_out b"


def test_the_command_can_be_given_to_a_shell(own_data):
    words = shlex.split(Run(data=str(own_data), held_out="batch 2").command("05_evaluation"))
    assert words[3:] == ["--profile", "quick", "-p", "data", str(own_data), "-p", "held_out", "batch 2"]


def test_a_missing_result_names_the_command():
    run = Run(seed=44)
    with pytest.raises(MissingResult) as caught:
        run.require(run.solo_file, "03_solo_vae")
    command = "pairvae run 03_solo_vae --profile quick -p seed 44"
    assert str(caught.value) == f"{run.solo_file} is not there yet; make it with: {command}"
    run.folder.mkdir(parents=True)
    run.solo_file.touch()
    assert run.require(run.solo_file, "03_solo_vae") == run.solo_file


def test_impossible_runs():
    with pytest.raises(ValueError, match="^profile must be one of tiny, quick, standard, paper; got 'big'$"):
        Run("big")
    with pytest.raises(ValueError, match="^data must be 'simulated' or a folder of paired data; got 'no such folder'$"):
        Run(data="no such folder")
