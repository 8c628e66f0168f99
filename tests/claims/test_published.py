"""Which results the book's figures show."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.checks import MissingResult
from pairvae_lib.claims import published as room
from pairvae_lib.claims.published import published_results
from pairvae_lib.config import PROTOCOLS
from pairvae_lib.files.arrays import write_arrays, write_json
from pairvae_lib.files.runs import Run


def make(folder, name="seed43-n48", value=0):
    """A run's saved results."""
    write_json(folder / name / "errors.json", {"value": value})
    write_arrays(folder / name / "curves.npz", {"r": np.array([value])})
    write_json(folder / name / "history.json", {"pair": {"total": [value]}})


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A published sweep and a published example; returns the folder of all that is published."""
    root = tmp_path / "results" / "published"
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(room, "published_root", lambda: root)
    for value, profile in enumerate(("standard", "paper")):
        make(root / profile / "simulated", value=value)
        write_json(root / profile / "simulated" / "provenance.json", {"example": "seed43-n48"})
    make(root / "standard" / "simulated", "seed44-n48", 5)
    for protocol in PROTOCOLS:
        if protocol != "two_phase":
            make(root / "standard" / "simulated", f"seed43-n48/{protocol}", 7)
    write_arrays(root / "standard" / "simulated" / "seed43-n48" / "generation.npz", {"r": np.array([9])})
    return root


def test_the_default_run_shows_the_papers_size_and_the_standard_sweep(published):
    shown = published_results(Run())
    assert shown.errors == {"value": 1} and shown.curves["r"] == [1] and shown.history["pair"]["total"] == [1]
    # of both profiles; other protocols are not among them
    assert [errors["value"] for errors in shown.every_errors] == [1, 0, 5]
    assert set(shown.protocol_histories) == set(PROTOCOLS)
    assert shown.protocol_histories["direct"]["pair"]["total"] == [7]
    assert shown.generation["r"] == [9]  # the example has drawn none
    assert "profiles paper and standard" in shown.source


def test_without_the_papers_size_the_sweep_has_the_example(published):
    (published / "paper" / "simulated" / "provenance.json").unlink()
    assert published_results(Run()).errors == {"value": 0}


def test_runs_that_differ_in_the_seed_alone_are_alike(tmp_path):
    runs = {"seed43-n48": (43, 48), "seed44-n48": (44, 48), "seed43-n64": (43, 64)}
    for name, (seed, n) in runs.items():
        write_json(tmp_path / name / "errors.json", {"run": {"profile": "paper", "seed": seed, "n_train": n}})
    shown = room.PublishedResults(tmp_path / "seed43-n48", tmp_path, "")
    assert [one["run"]["seed"] for one in shown.alike] == [43, 44]
    direct = tmp_path / "seed43-n48" / "direct"
    write_json(direct / "errors.json", {"run": {"profile": "paper", "seed": 43, "n_train": 48, "protocol": "direct"}})
    shown = room.PublishedResults(direct, tmp_path, "")
    assert shown.alike == [shown.errors]  # a run by another protocol stands alone


def test_an_assessed_run_shows_itself(published):
    run = Run("standard", 45, 32)
    assert published_results(run).errors == {"value": 1}
    make(run.data_root, run.folder.name, 11)
    assert published_results(run).errors == {"value": 11}
    assert published_results(run).source == f"this run: {run.command('05_evaluation')}"
    assert list(published_results(run).protocol_histories) == ["two_phase"]  # no sweep: those that it has
    (run.folder / "history.json").unlink()
    with pytest.raises(MissingResult, match="history.json is not there yet; make it with: pairvae run 04_pair_vae"):
        _ = published_results(run).protocol_histories


def test_the_digest_changes_with_what_is_published(published):
    before = room.published_digest()
    assert room.published_digest() == before
    write_json(published / "standard" / "claims.json", [])
    assert room.published_digest() != before


def test_nothing_to_show(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "published_root", lambda: tmp_path)
    with pytest.raises(MissingResult, match="provenance.json is not there yet"):
        published_results(Run("tiny", 7))
