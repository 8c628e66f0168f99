from __future__ import annotations

import json

from lab import code_of


def test_reconstruct_and_generate_write_an_ensemble_for_each_file(lab_model, lab_pairs, tmp_path, capsys):
    files = [lab_pairs / "saxs" / f"s0{k}.png" for k in (1, 2)]
    assert code_of("reconstruct", lab_model, *files, "--from", "saxs", "--samples", 3, "--out", tmp_path / "r") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'r' / 's01'}\n{tmp_path / 'r' / 's02'}\n"
    words = ("--from", "saxs", "--to", "sem", "--variance", 0.5, "--count", 2, "--out", tmp_path / "g", "--json")
    assert code_of("generate", lab_model, files[0], *words) == 0
    (made,) = json.loads(capsys.readouterr().out)["ensembles"]
    assert (made["variance"], made["samples"], made["folder"]) == (0.5, 2, str(tmp_path / "g" / "s01"))


def test_a_bad_file_does_not_keep_the_others_from_being_done(lab_model, lab_pairs, tmp_path, capsys):
    bad, good = tmp_path / "bad.png", lab_pairs / "saxs" / "s01.png"
    bad.write_bytes(b"x")
    words = ("reconstruct", lab_model, bad, good, "--from", "saxs", "--samples", 1, "--out", tmp_path / "out")
    assert code_of(*words) == 2
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path / 'out' / 's01'}\n" and f"pairvae: {bad} cannot be used: " in shown.err
    assert code_of(*words, "--json") == 2
    assert [one["file"] for one in json.loads(capsys.readouterr().out)["refused"]] == [str(bad)]


def test_micrographs_to_scattering(lab_model, lab_pairs, tmp_path, capsys):
    file = lab_pairs / "sem" / "s01.png"
    assert code_of("reconstruct", lab_model, file, "--from", "sem", "--samples", 2, "--out", tmp_path) == 2
    assert "its pixel size is not known, and the model's is 2.5 nm; say it" in capsys.readouterr().err
    words = ("--from", "sem", "--samples", 2, "--out", tmp_path, "--nm-per-pixel", 2.5)
    assert code_of("reconstruct", lab_model, file, *words) == 0
    assert (tmp_path / "s01" / "profile.csv").exists()


def test_watch_once(lab_model, lab_pairs, tmp_path, capsys):
    words = ("watch", lab_pairs / "saxs", "--model", lab_model, "--out", tmp_path / "out", "--samples", 1, "--once")
    assert code_of(*words) == 0
    assert len((tmp_path / "out" / "log.jsonl").read_text().splitlines()) == 12
    assert "s01.png: done after" in capsys.readouterr().err
