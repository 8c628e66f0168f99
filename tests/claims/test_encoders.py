"""Losses by encoder, of results that were written by hand."""

from __future__ import annotations

import pytest

from pairvae_lib.claims.encoders import SOLO, encoder_losses, losses_file, losses_markdown
from pairvae_lib.config import COLOURS_TO_INTENSITY
from pairvae_lib.files.arrays import write_json


def run(root, profile, name, solo, encoder, n_train=48, ends=(0.5, 0.002, 0.001, 0.3, 0.2)):
    """Results of a training: two training samples and one held-out sample, whose errors must not count."""
    names = ("barlow", "saxs_to_saxs", "sem_to_saxs", "sem_to_sem", "saxs_to_sem")
    folder = root / profile / "simulated" / name
    write_json(folder / "history.json", {"pair": {key: [end] for key, end in zip(names, ends, strict=True)}})
    subsets = ("train", "train", "held out")
    write_json(folder / "errors.json", {
        "run": {"n_train": n_train} | ({"encoder": encoder} if encoder else {}),
        "samples": [{"subset": subset} for subset in subsets],
        "errors": {"intensity": {"solo saxs_to_saxs": [solo, solo, 9.0]}},
        "references": {"intensity": {"training mean": [0.02, 0.02, 0.02]}},
    })


def test_losses_stand_beside_the_papers_on_its_scale(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    assert [row["encoder"] for row in encoder_losses()] == ["the paper's"]
    run(tmp_path, "standard", "seed42-n48", 0.018, "")
    run(tmp_path, "standard", "seed43-n48", 0.022, "", ends=(0.7, 0.004, 0.001, 0.3, 0.2))
    run(tmp_path, "standard", "seed43-n64", 0.1, "", n_train=64)
    run(tmp_path, "standard", "seed43-n32", 0.1, "", n_train=32)
    run(tmp_path, "paper-cnn", "seed43-n48", 0.01, "cnn")
    paper, cnn, standard = encoder_losses()
    assert paper["saxs_to_saxs"] == 0.005 and SOLO not in paper
    assert (standard["profile"], standard["encoder"], standard["trainings"]) == ("standard", "barlow_cnn", 2)
    assert standard["barlow"] == pytest.approx(0.6) and standard["sem_to_sem"] == pytest.approx(0.3)
    assert standard["saxs_to_saxs"] == pytest.approx(0.003 * COLOURS_TO_INTENSITY)
    assert standard[SOLO] == pytest.approx(1.0)
    assert cnn["saxs_to_saxs"] == pytest.approx(0.002) and cnn[SOLO] == pytest.approx(0.5)  # colours already
    lines = losses_markdown([paper, cnn]).splitlines()
    assert len(lines) == 4 and lines[2].endswith("| – |")
    assert lines[3].startswith("| cnn | paper-cnn | 1 | 0.5 | 0.002 |")


def test_results_of_earlier_settings_are_intensities(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    run(tmp_path, "paper", "seed43-n48", 0.02, "")
    write_json(tmp_path / "paper" / "simulated" / "provenance.json", {"earlier": "patterns as intensities"})
    assert encoder_losses()[1]["saxs_to_saxs"] == pytest.approx(0.002 * COLOURS_TO_INTENSITY)


def test_the_book_holds_the_losses_of_what_is_published():
    assert losses_file().read_text(encoding="utf-8") == losses_markdown(encoder_losses(published=True))
