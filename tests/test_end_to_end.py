"""Every chapter for real, by the command line, at the tiny profile: every step runs, nothing is learnt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from pairvae_lib.chapters import chapter_names, product
from pairvae_lib.ledger import read_ledger
from pairvae_lib.runs import Run
from pairvae_lib.verdicts import UNTESTABLE

pytestmark = pytest.mark.end_to_end

PROFILE = "tiny"


def pairvae(results: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the `pairvae` command does with these words."""
    program = Path(sys.executable).with_name("pairvae")
    environment = os.environ | {"PAIRVAE_RESULTS": str(results)}
    return subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Three commands from nothing: they run all chapters."""
    folder = tmp_path_factory.mktemp("results")
    for notebook, first in (("05_evaluation", 4), ("06_generation", 0), ("09_claims", 0)):
        done = pairvae(folder, "run", notebook, "--profile", PROFILE)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("running it first") == first
    return folder


@pytest.fixture
def run(results, monkeypatch) -> Run:
    monkeypatch.setenv("PAIRVAE_RESULTS", str(results))
    return Run(PROFILE)


@pytest.mark.parametrize("name", chapter_names())
def test_a_chapter_leaves_its_notebook_and_its_product(run, name):
    made = product(run, name)
    assert made is None or made.exists()
    notebook = nbformat.read(run.notebook(name), as_version=4)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)
    assert not list(run.notebook(name).parent.glob("*.failed.ipynb"))


def test_the_ledger_is_made_from_what_the_chapters_wrote(results, run):
    done = pairvae(results, "claims", "--profile", PROFILE)
    assert done.returncode == 0, done.stderr
    rows = read_ledger(PROFILE)
    assert {row["claim"] for row in rows} == set(range(1, 16))
    mixed = {row["id"]: row["verdict"] for row in rows if row["assessment"] == "mixed"}
    untested = {name for name, verdict in mixed.items() if verdict == UNTESTABLE}
    assert not untested & {"1", "6", "7a", "7b", "9", "14c", "15a", "15b"}  # twelve samples are enough for these


def test_another_seed_gives_other_errors_and_only_the_chapters_that_depend_on_it_run(results, run):
    done = pairvae(results, "run", "05", "--profile", PROFILE, "-p", "seed", "44")
    assert done.returncode == 0, done.stderr
    assert "01_data are missing" not in done.stdout and "03_solo_vae are missing" in done.stdout
    errors = [json.loads(Run(PROFILE, seed).errors_file.read_text()) for seed in (43, 44)]
    assert errors[0] != errors[1]


def test_running_a_chapter_again_gives_the_same_product(results, run):
    before = run.pair_file.read_bytes()
    done = pairvae(results, "run", "04", "--profile", PROFILE, "--no-upstream")
    assert done.returncode == 0, done.stderr
    assert run.pair_file.read_bytes() == before


AFM_GISAXS = Path(__file__).parents[2] / "shared" / "data" / "afm-gisaxs"


@pytest.mark.skipif(not AFM_GISAXS.is_dir(), reason="the measured pairs are not beside the checkout")
def test_measured_pairs_give_the_same_tables_as_simulated_ones(results, run, monkeypatch):
    done = pairvae(results, "run", "05", "--profile", "quick", "-p", "data", str(AFM_GISAXS), "-p", "n_train", "24")
    assert done.returncode == 0, done.stderr
    measured = Run("quick", n_train=24, data=str(AFM_GISAXS))
    rows = json.loads(measured.errors_file.read_text())["medians"]
    names = {"profile": "saxs", "micrograph": "sem"}
    for old, new in names.items():
        rows = [row | {"name": row["name"].replace(old, new)} for row in rows]
    simulated = json.loads(run.errors_file.read_text())["medians"]
    labels = ("metric", "kind", "name")
    assert sorted([row[key] for key in labels] for row in rows) == sorted(
        [row[key] for key in labels] for row in simulated
    )
    assert all(0 < row[subset] < 1 for row in rows for subset in ("train", "held out", "mixed"))


@pytest.mark.skipif(not AFM_GISAXS.is_dir(), reason="the measured pairs are not beside the checkout")
def test_a_batch_of_the_measured_pairs_can_be_held_out(results, run):
    words = ("-p", "data", str(AFM_GISAXS), "-p", "held_out", "Batch2")
    done = pairvae(results, "run", "05", "--profile", PROFILE, *words)
    assert done.returncode == 0, done.stderr
    content = json.loads(Run(PROFILE, data=str(AFM_GISAXS), held_out="Batch2").errors_file.read_text())
    assert sum(sample["subset"] == "held out" for sample in content["samples"]) == 38
    assert sum(sample["subset"] == "train" for sample in content["samples"]) == 153 - 38


def test_the_command_that_an_error_names_works(results):
    elsewhere = results / "empty"
    refused = pairvae(elsewhere, "run", "03", "--profile", "tiny", "-p", "seed", "44", "--no-upstream")
    assert refused.returncode == 2
    command = refused.stderr.strip().rpartition("make it with: pairvae ")[2].split()
    assert command[:2] == ["run", "01_data"]
    assert pairvae(elsewhere, *command).returncode == 0
