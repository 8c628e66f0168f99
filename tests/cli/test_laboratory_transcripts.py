"""Transcripts: what was typed, what was answered, with short names; and a failure that nobody explains is one."""

from __future__ import annotations

import pytest

from pairvae_lib.cli import laboratory as transcripts
from pairvae_lib.cli.laboratory import WIDTH, listing, transcript


def test_commands_and_answers_have_short_names(lab_pairs, tmp_path):
    places = {"pairs": lab_pairs, "page.html": tmp_path / "p.html"}
    text = transcript("check pairs --out page.html --profile tiny", places)
    lines = text.splitlines()
    assert lines[0] == "$ pairvae check pairs --out page.html --profile tiny"
    assert lines[-1] == "page.html" and (tmp_path / "p.html").exists()
    assert str(lab_pairs) not in text and str(tmp_path) not in text
    assert max(map(len, lines)) <= WIDTH


def test_a_path_may_begin_with_a_short_name_and_a_refusal_has_its_exit_code(lab_pairs):
    text = transcript("check pairs/nowhere", {"pairs": lab_pairs})
    assert "pairs/nowhere" in text and text.endswith("(exit code 2)")
    assert str(lab_pairs) not in text


def test_a_failure_that_is_not_explained_is_raised(monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(transcripts.app, "registered_commands", [])
    transcripts.app.command("fail")(lambda: fail())
    with pytest.raises(RuntimeError, match=r"^pairvae fail failed: ZeroDivisionError\(\)$"):
        transcript("fail", {})


def test_a_listing_has_sizes_and_counts(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x" * 1_300_000)
    (tmp_path / "card.md").write_bytes(b"x" * 1200)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a").write_text("")
    assert [line.split() for line in listing(tmp_path).splitlines()] == [
        ["card.md", "1.2", "kB"], ["model.bin", "1.3", "MB"], ["parts/", "1", "files"],
    ]
