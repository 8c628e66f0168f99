from __future__ import annotations

from pathlib import Path

import pytest

from pairvae_lib.claims.claims import CLAIMS
from pairvae_lib.claims.ledger import (
    as_markdown,
    as_text,
    data_of,
    details_markdown,
    effect_of,
    encoder_ledgers,
    entries_markdown,
    ledger_file,
    over_encoders,
    save_ledger,
    sentences_markdown,
)
from pairvae_lib.claims.sentences import SENTENCES


def row(claim="2a", data="simulated", assessment="mixed", **more):
    return {
        "id": claim,
        "paper_item": "Fig. 3B",
        "wording": "PMMA | too much",
        "statistic": "phase fraction",
        "test": "above 0",
        "basis": "images",
        "data": data,
        "assessment": assessment,
        "effect": 0.01234,
        "interval": [0.01, 0.0199],
        "n_images": 48,
        "n_seeds": 3,
        "verdict": "holds",
        "reason": "skew: the effect is above 0, p = 0.01",
        "cases": [],
    } | more


NOTHING = {"effect": None, "interval": None, "verdict": "cannot be tested here", "reason": "no skew in these data"}
ROWS = [row(), row(assessment="held_out", **NOTHING), row(data="afm"), row(data="afm", assessment="held_out")]


def test_an_effect_has_its_interval_where_there_is_one():
    assert effect_of(row()) == "0.0123 [0.01, 0.0199]"
    assert effect_of(row(interval=None)) == "0.0123"
    assert effect_of(row(**NOTHING)) == "–"


def test_the_text_names_data_effect_verdict_and_reason():
    lines = as_text(ROWS).splitlines()
    assert lines[:2] == ["simulated", "---------"] and "afm" in lines
    assert lines[3] == "2a   held_out  –                          cannot be tested here (no skew in these data)"


def test_the_table_has_one_line_per_claim():
    lines = as_markdown(ROWS, "simulated").splitlines()
    assert len(lines) == 3 and len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert lines[2].endswith("| 0.0123 [0.01, 0.0199] | **holds** | – | cannot be tested here |")
    assert data_of(ROWS) == ("simulated", "afm")
    with pytest.raises(ValueError, match="^data must be one of simulated, afm; got 'x'$"):
        as_markdown(ROWS, "x")


def test_the_details_name_counts_and_cases():
    case = {"label": "skew", "effect": 1.0, "interval": None, "verdict": "holds"}
    shown = details_markdown([row(cases=[case]), ROWS[1]], "simulated").splitlines()
    assert shown[2] == "  - mixed: holds (skew: the effect is above 0, p = 0.01); 48 images, trainings: 3"
    assert shown[3] == "    - skew: 1, holds"
    assert shown[4] == "  - held out: cannot be tested here (no skew in these data)"
    contrast = {"label": "skew", "effect": 0.3, "interval": [0.1, 0.5], "shown": True}
    told = details_markdown([row(contrasts=[contrast]), ROWS[1]], "simulated")
    assert told.splitlines()[3].endswith("than on held-out samples alone by: 0.3 [0.1, 0.5], shown")


def test_the_page_of_the_book_lists_the_entries_as_they_are():
    page = (Path(__file__).parents[2] / "book" / "claims.md").read_text(encoding="utf-8")
    assert entries_markdown() in page, "put the table of ledger.entries_markdown() into book/claims.md"
    assert len(entries_markdown().splitlines()) == len(CLAIMS) + 2
    assert sentences_markdown() in page, "put the table of ledger.sentences_markdown() into book/claims.md"


def test_every_sentence_of_results_is_a_claim_or_says_why_it_is_none():
    ids = {claim.id for claim in CLAIMS}
    assert {claim for one in SENTENCES for claim in one.claims} == ids
    assert all(bool(one.claims) != bool(one.why) for one in SENTENCES)
    assert any("U-Net" in one.says for one in SENTENCES)


# --- several encoders -------------------------------------------------------------------------------------------------

LEDGERS = {
    "resnet": [row("1"), row("1", assessment="held_out"), row("2a"), row("2a", assessment="held_out")],
    "cnn": [
        row("1"), row("1", assessment="held_out", verdict="does not hold", effect=2.0, interval=None),
        row("2a"), row("2a", assessment="held_out", verdict="undecided"), row("2a", data="afm"),
    ],
}


def test_a_verdict_that_changes_depends_on_the_encoder():
    rows = over_encoders(LEDGERS)
    assert data_of(rows) == ("resnet", "cnn", "all encoders")
    common = {(row["id"], row["assessment"]): row for row in rows if row["data"] == "all encoders"}
    assert common["1", "mixed"]["verdict"] == "holds"
    assert common["1", "held_out"]["verdict"] == "depends on the encoder, which is not public"
    assert common["1", "held_out"]["reason"] == "resnet: holds (0.0123 [0.01, 0.0199]); cnn: does not hold (2)"
    assert common["2a", "held_out"]["verdict"] == "undecided"


def test_the_ledgers_of_several_encoders_lie_beside_each_other(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    assert encoder_ledgers("standard") == {}
    whole = [row("1") | {"claim": 1}]
    for name in ("standard-resnet50", "standard", "standard-cnn", "paper-cnn"):
        save_ledger(ledger_file(name), whole)
    assert list(encoder_ledgers("standard")) == ["default", "cnn", "resnet50"]  # the first is of older results
    run = tmp_path / "standard" / "simulated" / "seed43-n48" / "errors.json"
    run.parent.mkdir(parents=True)
    run.write_text('{"run": {"encoder": "narrow"}}')
    measured = tmp_path / "standard" / "afm" / "seed43" / "errors.json"
    measured.parent.mkdir(parents=True)
    measured.write_text('{"run": {}}')  # older than the simulated ones
    assert list(encoder_ledgers("standard")) == ["narrow", "cnn", "resnet50"]
