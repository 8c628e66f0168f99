"""Every chapter for real, by the command line, at the tiny profile: every step runs, nothing is learnt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from pairvae_lib.assessment.errors import write_sweep
from pairvae_lib.book.chapters import chapter_names, product
from pairvae_lib.claims.ledger import read_ledger
from pairvae_lib.claims.verdicts import UNTESTABLE
from pairvae_lib.files.locks import ChapterInUse, locked
from pairvae_lib.files.runs import Run

pytestmark = pytest.mark.end_to_end

PROFILE = "tiny"
CHAPTERS = [name for name in chapter_names() if name != "08_beyond"]  # that shows what is published, in every profile


def pairvae(results: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the `pairvae` command does with these words."""
    program = Path(sys.executable).with_name("pairvae")
    environment = os.environ | {"PAIRVAE_RESULTS": str(results)}
    return subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A few commands from nothing: they run all chapters. The first is the one that an error names."""
    folder = tmp_path_factory.mktemp("results")
    refused = pairvae(folder, "run", "03", "--profile", PROFILE, "-p", "seed", "44", "--no-upstream")
    assert refused.returncode == 2
    command = refused.stderr.strip().rpartition("make it with: pairvae ")[2].split()
    assert command[:2] == ["run", "01_data"]
    assert pairvae(folder, *command).returncode == 0
    others = [(name, 0) for name in CHAPTERS if name > "06"]
    for notebook, first in (("05_evaluation", 3), ("06_generation", 0), *others):
        done = pairvae(folder, "run", notebook, "--profile", PROFILE)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("running it first") == first
    return folder


@pytest.fixture
def run(results, monkeypatch) -> Run:
    monkeypatch.setenv("PAIRVAE_RESULTS", str(results))
    return Run(PROFILE)


@pytest.mark.parametrize("name", CHAPTERS)
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
    assert {row["claim"] for row in rows} == set(range(1, 17))
    mixed = {row["id"]: row["verdict"] for row in rows if row["assessment"] == "mixed"}
    untested = {name for name, verdict in mixed.items() if verdict == UNTESTABLE}
    assert not untested & {"1", "6", "7a", "7b", "9a", "9b", "9c", "9d"}  # twelve samples are enough for these
    assert untested >= {"14c", "15a", "15b"}  # one training is not


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
def test_a_batch_of_the_measured_pairs_held_out_gives_the_tables_of_simulated_pairs(results, run):
    words = ("-p", "data", str(AFM_GISAXS), "-p", "held_out", "Batch2")
    done = pairvae(results, "run", "05", "--profile", PROFILE, *words)
    assert done.returncode == 0, done.stderr
    content = json.loads(Run(PROFILE, data=str(AFM_GISAXS), held_out="Batch2").errors_file.read_text())
    assert sum(sample["subset"] == "held out" for sample in content["samples"]) == 38
    assert sum(sample["subset"] == "train" for sample in content["samples"]) == 153 - 38
    rows = content["medians"]
    # The simulator's pixel sizes are known, those of the measured pairs are not.
    names = {"profile": "saxs", "micrograph": "sem", "Fourier transform, fitted scale": "Fourier transform"}
    for old, new in names.items():
        rows = [row | {"name": row["name"].replace(old, new)} for row in rows]
    simulated = json.loads(run.errors_file.read_text())["medians"]
    labels = ("metric", "kind", "name")
    assert sorted([row[key] for key in labels] for row in rows) == sorted(
        [row[key] for key in labels] for row in simulated
    )
    for row in rows:
        most = 5 if row["metric"] == "components" else 1  # a difference of logarithms; the others are of probabilities
        assert all(0 <= row[subset] < most for subset in ("train", "held out", "mixed")), row


SWEEP = ("sweep", "--profile", PROFILE, "--seeds", "43", "--sizes", "8", "--protocols", "", "--cores", "1")


def started_sweep(results: Path) -> subprocess.Popen[bytes]:
    """A sweep in a process group of its own."""
    program = Path(sys.executable).with_name("pairvae")
    environment = os.environ | {"PAIRVAE_RESULTS": str(results)}
    return subprocess.Popen([program, *SWEEP], env=environment, start_new_session=True, stderr=subprocess.DEVNULL)


def wait_until(happened: Callable[[], bool], seconds: float = 900) -> None:  # that of a busy machine
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def is_free(target: Path) -> bool:
    """Whether no process holds it."""
    try:
        with locked(target):
            return True
    except ChapterInUse:
        return False


def contents(run: Run) -> dict[str, Any]:
    """Everything that the chapters have made of one run, to the last bit."""

    def bits(value: object) -> object:
        if isinstance(value, torch.Tensor):
            return value.dtype, tuple(value.shape), value.numpy().tobytes()
        return {key: bits(item) for key, item in value.items()} if isinstance(value, dict) else value

    files = (run.solo_file, run.pair_file)
    states = {file.name: bits(torch.load(file, weights_only=True)) for file in files}
    return states | {file.name: file.read_bytes() for file in (run.pairs_file, run.errors_file)}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds child processes as Linux tells them")
def test_a_sweep_killed_twice_ends_with_the_bits_of_chapters_left_alone(results, run, tmp_path, monkeypatch):
    # Two thirds of twelve pairs are the eight of the sweep; only the table says which way they were asked for.
    undisturbed = contents(run)
    undisturbed["errors.json"] = undisturbed["errors.json"].replace(b'"n_train": null', b'"n_train": 8')
    write_sweep([run], tmp_path / "undisturbed.json")
    copied = tmp_path / run.data_root.relative_to(results)
    shutil.copytree(run.data_root, copied, ignore=shutil.ignore_patterns("seed*"))
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    disturbed = Run(PROFILE, 43, 8)
    assert disturbed.data_root == copied and not disturbed.folder.exists()

    # Another one in the same folder is refused at once; the whole group of processes is killed within a training.
    sweep = started_sweep(tmp_path)
    wait_until((copied / ".sweep.lock").exists)
    second = pairvae(tmp_path, *SWEEP)
    assert second.returncode == 2
    assert second.stderr.startswith(f"pairvae: sweep is being run in {copied} by process {sweep.pid} on ")
    assert second.stderr.count("\n") == 1 and second.stdout == ""
    wait_until(disturbed.solo_file.with_suffix(".saxs.partial").exists)
    os.killpg(sweep.pid, signal.SIGKILL)
    assert sweep.wait() == -signal.SIGKILL
    assert not disturbed.solo_file.exists()

    # The workflow alone is killed: the chapter that it started lives on, and is waited for.
    sweep = started_sweep(tmp_path)
    chapter = disturbed.notebook("04_pair_vae")
    lock = chapter.with_name(f".{chapter.stem}.lock")
    wait_until(lambda: lock.exists() and lock.stat().st_size > 0)
    workflow = Path(f"/proc/{sweep.pid}/task/{sweep.pid}/children").read_text().split()
    assert len(workflow) == 1
    os.kill(int(workflow[0]), signal.SIGKILL)
    assert sweep.wait() == 1
    refused = pairvae(tmp_path, *SWEEP)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"pairvae: 04_pair_vae is being run in {disturbed.folder} by process ")
    assert refused.stderr.count("\n") == 1
    wait_until(lambda: is_free(chapter))

    done = pairvae(tmp_path, *SWEEP)
    assert done.returncode == 0, done.stderr
    assert contents(disturbed) == undisturbed
    assert (copied / "sweep.json").read_bytes() == (tmp_path / "undisturbed.json").read_bytes()
    assert not list(copied.rglob("*.partial"))
