"""Words and outputs of any kind end in a result or in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from lab import code_of

PLAIN = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("check", ""), "an argument must not be empty"),
        (("check", ".", "--out", ""), "--out must name a file or a folder"),
        (("simulate", "--out="), "--out must name a file or a folder"),
        (("reconstruct", "model", "", "--from", "saxs", "--out", "x"), "an argument must not be empty"),
    ],
)
def test_an_empty_word_is_no_file(tmp_path, monkeypatch, capsys, words, named):
    monkeypatch.chdir(tmp_path)
    assert code_of(*words) == 2
    assert capsys.readouterr().err == f"pairvae: {named}; got ''\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [
        ("--variance", "nan"), ("--variance", "1e9"), ("--q-scale", "nan"), ("--q-scale", "-1"), ("--beam", "nan,1"),
        ("--image-rows", "0"), ("--nm-per-pixel", "inf"), ("--seed", "-1"), ("--seed", str(2**64)),
        ("--count", "10001"), ("--threads", "0"), ("--out", "x" * 300),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused_before_anything_is_read(lab_model, lab_pairs, tmp_path, capsys, words):
    given = ("generate", lab_model, lab_pairs / "saxs/s01.png", "--from", "saxs", "--out", tmp_path / "out")
    assert code_of(*given, *words) == 2
    shown = capsys.readouterr()
    assert shown.err and "Traceback" not in shown.err and shown.out == ""
    assert not (tmp_path / "out").exists()


def test_an_output_without_arrows_gets_plain_characters(tmp_path):
    program = "import sys; from pairvae_lib.cli import main; import pairvae_lib.cli.data as data\n"
    program += "data.profile_named = lambda name: print('a \\u2192 b \\u2013 \\u03b1')\nmain(sys.argv[1:])"
    words = [sys.executable, "-c", program, "check", str(tmp_path / "é")]
    done = subprocess.run(words, env=os.environ | PLAIN, capture_output=True, text=True)
    assert done.stdout.startswith("a -> b - \\u03b1\n")
    assert "codec can't" not in done.stderr


def test_a_file_without_permission_is_named_in_a_sentence(tmp_path, monkeypatch, capsys):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "secret.tif")

    monkeypatch.setattr("pairvae_lib.cli.data.profile_named", refused)
    assert code_of("check", tmp_path) == 2
    assert capsys.readouterr().err == "pairvae: cannot use secret.tif: Permission denied\n"
