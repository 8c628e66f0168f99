from __future__ import annotations

import json
from pathlib import Path

import pytest
from detector_files import pairs_folder

from pairvae_lib import cli
from pairvae_lib.data import download as fetching


def code_of(*words: str) -> int:
    """Exit code of a command line."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return ended.value.code or 0


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return pairs_folder(tmp_path / "data", n=12)


def test_check_says_what_is_there(folder, capsys):
    before = sorted(folder.iterdir())
    assert code_of("check", str(folder), "--profile", "tiny") == 0
    shown, errors = capsys.readouterr()
    assert shown.startswith(f"{folder}: usable, 3 warnings\n  samples: 12\n")
    assert errors == ""  # a bar only on a terminal
    assert sorted(folder.iterdir()) == before


def test_check_writes_a_page_and_json(folder, tmp_path, capsys):
    page = tmp_path / "new/report.html"
    assert code_of("check", str(folder), "--profile", "tiny", "--out", str(page), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["usable"], len(found["samples"]), found["profile"]) == (True, 12, "tiny")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert code_of("check", str(folder), "--profile", "tiny", "--out", str(page)) == 0
    assert capsys.readouterr().out.endswith(f"{page}\n")


def test_check_ends_as_it_says(folder, capsys):
    assert code_of("check", str(folder), "--profile", "tiny", "--strict") == 1
    assert code_of("check", str(folder), "--profile", "quick") == 2  # micrographs of 48 px, crops of 64
    assert "problem: 0.png: micrograph of 48 x 64 px is smaller than the crop of 64 px" in capsys.readouterr().out
    assert code_of("check", str(folder / "none")) == 2
    assert "not usable: 1 problem" in capsys.readouterr().out
    assert code_of("check", str(folder), "--profile", "huge") == 2
    assert "profile must be one of" in capsys.readouterr().err


def test_check_says_when_it_cannot_write(folder, capsys):
    assert code_of("check", str(folder), "--profile", "tiny", "--out", str(folder / "0.png/report.html")) == 2
    assert "0.png is a file, not a folder" in capsys.readouterr().err


def test_fetch_goes_by_the_mirror(tmp_path, monkeypatch, capsys):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    entries = (fetching.Entry("", "manifest.csv", "-"),)
    text = fetching.manifest_text(entries)
    (mirror / "manifest.csv").write_text(text)
    good = fetching.Entry(fetching.sha256(text.encode()).hexdigest(), "manifest.csv", "-")
    monkeypatch.setattr(fetching, "registry", lambda name: (good,))
    monkeypatch.setenv("PAIRVAE_DATA", str(mirror))
    assert code_of("fetch", "afm-gisaxs", "--out", str(tmp_path / "out")) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}\n"
    assert (tmp_path / "out/manifest.csv").read_text() == text
    monkeypatch.chdir(tmp_path)
    assert code_of("fetch", "afm-gisaxs") == 0
    assert Path("data/afm-gisaxs/manifest.csv").is_file()
    (tmp_path / "out/manifest.csv").write_text("mine")
    assert code_of("fetch", "afm-gisaxs", "--out", str(tmp_path / "out")) == 2
    assert "is there already, and is not this data set as it was" in capsys.readouterr().err


def test_fetch_names_what_there_is(capsys):
    assert code_of("fetch", "doerk") == 2
    assert "data set must be one of afm-gisaxs; got 'doerk'" in capsys.readouterr().err
    assert code_of("fetch", "--help") == 0
    shown = capsys.readouterr().out
    assert "10.18126/qboh-6fav" in shown
    assert "10.18126/09ow-8g8k" in shown
    assert "SAXS/*.jpg" in shown
