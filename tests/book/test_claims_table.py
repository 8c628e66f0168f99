"""The claims as a table: every statement in words, every verdict of every column, links that lead somewhere."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from pairvae_lib.book.chapters import text_file
from pairvae_lib.book.claims_table import PLAIN, claims_table, figure_address, published_claims_table
from pairvae_lib.claims.claims import CLAIMS
from pairvae_lib.claims.ledger import read_ledger
from pairvae_lib.claims.verdicts import HOLDS, NOT, UNDECIDED


def row(id_="1", data="simulated", assessment="mixed", verdict=HOLDS, **others):
    """A row of a ledger."""
    return {
        "id": id_, "data": data, "assessment": assessment, "verdict": verdict, "paper_item": "Fig. 3A",
        "wording": "a < b", "statistic": "ratio", "test": "below 1", "effect": 0.5, "interval": [0.4, 0.6],
    } | others  # fmt: skip


def texts(html, pattern):
    """What stands between tags, as text."""
    return [unescape(re.sub(r"<[^>]+>", "", found)).strip() for found in re.findall(pattern, html, re.DOTALL)]


def test_every_claim_is_said_in_plain_words():
    assert set(PLAIN) == {claim.id for claim in CLAIMS}
    assert all(words.endswith(".") and "→" not in words for words in PLAIN.values())


def test_a_verdict_of_each_column_and_assessment():
    rows = [row(), row(assessment="held_out", verdict=NOT), row(data="afm-gisaxs, all", verdict=UNDECIDED, effect=None)]
    html = claims_table(rows)
    assert texts(html, r"<th scope=\"col\".*?</th>") == ["The paper says", "Simulated pairs", "AFM-GISAXS, all"]
    first, second = re.findall(r"<td.*?</td>", html, re.DOTALL)
    assert texts(first, r"<span.*?</span>") == ["mixed ✓ yes", "held out ✗ no"]
    assert texts(second, r"<span.*?</span>") == ["mixed ? unclear"]
    assert "Simulated pairs: 0.5 [0.4, 0.6] mixed; 0.5 [0.4, 0.6] held out" in html and "a &lt; b" in html


def test_the_figure_of_every_claim_is_found():
    for claim in CLAIMS:
        address = figure_address(claim.paper_item)
        page, label = address.split(".html#")
        assert f"({label})=" in text_file(page).read_text(encoding="utf-8")
    assert figure_address("Fig. 5").endswith("#fig-5a")
    assert figure_address("method") is None and figure_address("Fig. 99") is None


def test_the_published_verdicts_are_all_there():
    rows = read_ledger("paper", published=True)
    html = published_claims_table(["paper"])
    assert html.count("data-assessment=") == len(rows)
    for verdict in {one["verdict"] for one in rows}:
        count = sum(one["verdict"] == verdict for one in rows)
        assert html.count(f'data-verdict="{verdict}"') == count + 1  # and once in the list of words


def test_each_profile_has_a_column_and_other_encoders_have_none(tmp_path, monkeypatch):
    monkeypatch.setattr("pairvae_lib.claims.ledger.published_root", lambda: tmp_path)
    for folder, verdict in (("standard", HOLDS), ("standard-cnn", NOT), ("paper", NOT)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "claims.json").write_text(json.dumps([row(verdict=verdict)]))
    heads = texts(published_claims_table(["standard", "paper"]), r"<th scope=\"col\".*?</th>")
    assert heads[1:] == ["Simulated pairs, standard profile", "Simulated pairs, paper profile"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "^rows must hold at least one row of a ledger"),
        ([row("99")], "^claim must be one of .*; got '99'"),
        ([row(verdict="maybe")], "^verdict of claim 1 must be one of .*; got 'maybe'"),
        ([row(assessment="all")], "^assessment of claim 1 must be one of .*; got 'all'"),
    ],
)
def test_what_is_no_ledger(rows, message):
    with pytest.raises(ValueError, match=message):
        claims_table(rows)
