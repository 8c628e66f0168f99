"""The profile for SLURM and the scripts of the page on clusters, without a cluster."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from pairvae_lib.config import PAPER_SEEDS, PAPER_TRAINING_SIZES

ROOT = Path(__file__).parents[1]
PROFILES = ROOT / "workflow" / "profiles"
PAGE = (ROOT / "book" / "cluster.md").read_text()


def settings_of(profile: str) -> dict[str, object]:
    return yaml.safe_load((PROFILES / profile / "config.yaml").read_text())


def snakemake(*words: str, results: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({} if results is None else {"PAIRVAE_RESULTS": str(results)})
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def blocks(language: str) -> list[str]:
    """The code blocks of the page in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_profile_of_slurm_says_what_the_default_says():
    ours, default = settings_of("slurm"), settings_of("default")
    assert {key: ours.get(key) for key in default if key != "cores"} == {
        key: value for key, value in default.items() if key != "cores"
    }
    assert ours["executor"] == "slurm" and ours["default-resources"]["cpus_per_task"] == 1


@pytest.mark.end_to_end
def test_a_profile_has_options_of_this_snakemake(tmp_path):
    known = set(re.findall(r"--([a-z-]+)", snakemake("--help", results=tmp_path).stdout))
    for profile in ("default", "slurm"):
        named = {key for key in settings_of(profile) if not key.startswith("slurm-")}
        assert named and named <= known, profile


@pytest.mark.end_to_end
def test_a_sweep_is_planned_with_the_profile_of_slurm(tmp_path):
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the extra `cluster` is not installed")
    words = ("--workflow-profile", "workflow/profiles/slurm", "--dry-run")
    config = ("--config", "profile=tiny", "seeds=42,43", "sizes=8")
    planned = snakemake("sweep", *words, *config, results=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"^05_evaluation_seed43-n8 +1$", planned.stdout, re.MULTILINE)
    assert re.search(r"^total +11$", planned.stdout, re.MULTILINE)


@pytest.mark.end_to_end
def test_what_is_recorded_of_a_checkout_moves_along_with_it():
    config = ("--config", "profile=tiny", "seeds=42,43", "sizes=8")
    planned = snakemake("sweep", "--dry-run", "--forceall", *config)
    files = re.findall(r"^    (?:input|output): (.*)$", planned.stdout + planned.stderr, re.MULTILINE)
    assert len(files) > 10 and not [line for line in files if str(ROOT) in line]


@pytest.mark.end_to_end
@pytest.mark.parametrize("inside", [True, False])
def test_the_runs_of_the_references_are_planned(inside, tmp_path):
    targets = runpy.run_path(str(ROOT / "workflow" / "references.py"))["targets"]
    results = ROOT / "results" / "none" if inside else tmp_path
    planned = snakemake("--dry-run", *targets("start1", results), results=results)
    assert planned.returncode == 0 and "05_evaluation_seed43" in planned.stdout, planned.stdout + planned.stderr
    assert not (ROOT / "results" / "none").exists()


def lines_of(script: str, variable: str, folder: Path) -> set[str]:
    """What a script runs, over all its numbers, with a program in place of `pairvae` that says what it was given."""
    program = folder / ".venv" / "bin" / "pairvae"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "pairvae $*"\n')
    program.chmod(0o755)
    return {
        subprocess.run(
            ["bash", "-euc", script],
            cwd=folder,
            env=os.environ | {variable: str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for number in range(len(PAPER_SEEDS) * len(PAPER_TRAINING_SIZES))
    }


WANTED = {
    f"pairvae run 05_evaluation --profile standard -p seed {seed} -p n_train {size}"
    for seed, size in product(PAPER_SEEDS, PAPER_TRAINING_SIZES)
}


def test_the_job_array_of_the_page_is_the_sweep(tmp_path):
    (script,) = [block for block in blocks("bash") if block.startswith("#!")]
    assert f"--array=0-{len(WANTED) - 1} " in script
    assert lines_of(script, "SLURM_ARRAY_TASK_ID", tmp_path) == WANTED


def test_the_kubernetes_job_of_the_page_is_the_sweep(tmp_path):
    (job,) = map(yaml.safe_load, blocks("yaml"))
    assert job["spec"]["completions"] == len(WANTED) and job["spec"]["completionMode"] == "Indexed"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["bash", "-euc"]
    (script,) = container["args"]
    assert lines_of(script, "JOB_COMPLETION_INDEX", tmp_path) == WANTED
    volumes = {volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
