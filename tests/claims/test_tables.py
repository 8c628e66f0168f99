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
    entries_markdown,
    summary_markdown,
)


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


def test_the_summary_groups_parts_by_what_became_of_them():
    rows = [row("1"), row("1", assessment="held_out", effect=0.02, interval=None)]
    rows += [row("2a", verdict="holds only mixed with training data")]
    rows += [row("2a", assessment="held_out", verdict="undecided")]
    rows += [row("3"), row("3", assessment="held_out", verdict="does not hold")]
    rows += [row("14a", basis="trainings"), row("14a", assessment="held_out", basis="trainings")]
    lines = summary_markdown([*rows, *ROWS], "simulated").split("\n")
    heads = [line for line in lines if line.startswith("**")]
    assert heads == [
        "**Holds** (2)", "**Cannot be tested here** (1)", "**Holds only mixed with training data** (1)",
        "**Does not hold** (1)",
    ]
    assert lines[2] == (
        "- **1** (Fig. 3B) PMMA | too much. *phase fraction: 0.0123 [0.01, 0.0199] mixed, 0.02 held out*"
    )
    assert lines[3].endswith("*phase fraction: 0.0123 [0.01, 0.0199]*")  # whole trainings are neither
    assert "*no skew in these data*" in summary_markdown(ROWS, "simulated")


def test_the_details_name_counts_and_cases():
    case = {"label": "skew", "effect": 1.0, "interval": None, "verdict": "holds"}
    shown = details_markdown([row(cases=[case]), ROWS[1]], "simulated").splitlines()
    assert shown[2] == "  - mixed: holds (skew: the effect is above 0, p = 0.01); 48 images, trainings: 3"
    assert shown[3] == "    - skew: 1, holds"
    assert shown[4] == "  - held out: cannot be tested here (no skew in these data)"


def test_the_page_of_the_book_lists_the_entries_as_they_are():
    page = (Path(__file__).parents[2] / "book" / "claims.md").read_text(encoding="utf-8")
    assert entries_markdown() in page, "put the table of ledger.entries_markdown() into book/claims.md"
    assert len(entries_markdown().splitlines()) == len(CLAIMS) + 2
