from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from lab import TINY, untrained

from pairvae_lib.bundles.appraisal import appraisal_of
from pairvae_lib.bundles.bundle import ASSESSMENT, EXAMPLES, load_bundle
from pairvae_lib.bundles.report import (
    SIZE_LIMIT,
    Exhibit,
    attached_exhibits,
    data_lines,
    escaped,
    exhibits,
    limit_lines,
    model_card,
    packed_exhibits,
    pictures_of,
    report_content,
    report_page,
    training_lines,
    write_report,
)
from pairvae_lib.data.folder import open_pairs, prepare


@pytest.fixture(scope="module")
def bundle(lab_model):
    return load_bundle(lab_model)


@pytest.fixture(scope="module")
def pairs(lab_pairs):
    return prepare(open_pairs(lab_pairs, binarisation=TINY.binarisation), TINY)


def pictures(text):
    """How many pictures of samples a page shows: those of plots stand apart."""
    return sum(block.split("</div>")[0].count("<img ") for block in text.split('<div class="pictures">')[1:])


def test_a_report_is_one_small_file_that_says_the_verdict(bundle, tmp_path):
    found = write_report(tmp_path / "report.html", bundle)
    text = (tmp_path / "report.html").read_text()
    assert len(text) < SIZE_LIMIT and found.sentence() in text and found.memory_sentence() in text
    titles = "Does it beat", "Reconstructions", "Errors", "Morphology", "Memorisation", "Data", "Training", "Limits"
    for title in titles:
        assert f"<h2>{title}" in text
    assert pictures(text) == 6 * len(attached_exhibits(bundle)) > 0
    addresses = re.findall(r'<img alt="[^"]+" src="([^"]+)">', text)
    assert len(addresses) == text.count("<img ") == pictures(text) + 3  # the curves
    assert all(one.startswith("data:image/png;base64,") for one in addresses) and not re.search("https?:", text)


def test_without_pictures_it_says_how_to_make_them(bundle):
    text = report_page(bundle, appraisal_of(bundle), [])
    assert "pairvae report MODEL --data DATA" in " ".join(text.split()) and pictures(text) == 0


def test_profiles_are_drawn_as_curves(bundle, pairs):
    profiles = replace(untrained(profiles=True), provenance=bundle.provenance)
    shown = [Exhibit("a", {name: np.full(32, 0.5, np.float32) for name in ("true gisaxs", "sem_to_gisaxs")})]
    text = report_page(profiles, appraisal_of(bundle), shown)
    assert 'alt="gisaxs of a"' in text and pictures(text) == 0


def test_profiles_without_q_are_refused(bundle):
    profiles = replace(untrained(profiles=True), provenance=bundle.provenance)
    profiles = replace(profiles, scalings=(replace(profiles.scalings[0], grid=None), profiles.scalings[1]))
    with pytest.raises(ValueError, match="scaling must hold the grid of its profiles of gisaxs; got none$"):
        report_page(profiles, appraisal_of(bundle), [Exhibit("a", {"true gisaxs": np.zeros(32, np.float32)})])


def test_the_same_as_numbers(bundle):
    found = appraisal_of(bundle)
    content = json.loads(json.dumps(report_content(found)))
    assert content["beats_retrieval"] == found.sentence() and content["samples"] == {"train": 8, "held out": 4}
    assert [one["difference"] for one in content["comparisons"]] == [None] * 3
    assert content["errors"]["S2"]["saxs_to_sem"]["held out"] == found.rows("S2")[1][2]


def test_pictures_are_made_again_from_the_data(bundle, pairs):
    again, stored = exhibits(bundle, pairs, 43), attached_exhibits(bundle)
    assert [one.title for one in again] == [one.title for one in stored]
    assert len(again) == 8 and {one.title.split(":")[0] for one in again} == {"held out", "training"}
    for first, second in zip(again, stored, strict=True):
        assert set(first.pictures) == set(second.pictures) == {
            "true saxs", "true sem", "saxs_to_saxs", "saxs_to_sem", "sem_to_saxs", "sem_to_sem",
        }
        for name, picture in first.pictures.items():
            assert second.pictures[name].astype(float) == pytest.approx(picture.astype(float), abs=1 / 500)


def test_names_with_any_sign_survive_packing():
    shown = [Exhibit('a|b: "c", ä', {"true x|y": np.zeros((2, 2), bool)})]
    bundle = replace(untrained(), attachments={EXAMPLES: packed_exhibits(shown)})
    assert attached_exhibits(bundle)[0].title == shown[0].title
    assert list(attached_exhibits(bundle)[0].pictures) == ["true x|y"]


def test_other_data_are_refused(bundle, pairs):
    with pytest.raises(ValueError, match="^the data are not those that the model was trained on: digest .* instead of"):
        exhibits(bundle, pairs.subset(range(11)), 43)


@pytest.mark.parametrize("content", [b"x", packed_exhibits([Exhibit("a", {"true x": np.zeros((2000, 1), bool)})])])
def test_something_else_in_place_of_pictures_is_refused(content):
    with pytest.raises(ValueError, match="^examples.safetensors does not hold pictures"):
        attached_exhibits(replace(untrained(), attachments={EXAMPLES: content}))


@pytest.mark.parametrize("lines", [data_lines, training_lines, limit_lines])
def test_a_provenance_that_tells_nothing_is_refused(bundle, lines):
    assert lines(bundle)
    with pytest.raises(ValueError, match="^the model's provenance does not describe a training"):
        lines(replace(bundle, provenance={}))


def test_names_cannot_write_markdown(bundle):
    facts = bundle.provenance | {"data": "[x](http://y) <b>\n# z", "morphologies": {"a|b": 3}}
    card = model_card(replace(bundle, provenance=facts), appraisal_of(bundle))
    assert r"\[x\](http://y) \<b\> # z" in card and r"a\|b 3" in card
    assert escaped("a_b*c") == r"a\_b\*c"


def test_names_cannot_write_html(bundle):
    facts = bundle.provenance | {"name": "<script>", "data": "<img src=x>"}
    assessment = json.loads(bundle.attachments[ASSESSMENT])
    assessment["errors"]["S2"]["<b>"] = assessment["errors"]["S2"]["saxs_to_sem"]
    hostile = replace(
        bundle, provenance=facts, attachments={ASSESSMENT: json.dumps(assessment).encode()}
    )
    text = report_page(hostile, appraisal_of(hostile), [])
    assert "<script>" not in text and "<img src=x" not in text and "<b>" not in text and "&lt;b&gt;" in text


@pytest.fixture(scope="module")
def flow(lab_flow):
    return load_bundle(lab_flow)


def test_a_flow_has_the_same_report_and_card_in_its_own_words(flow):
    found = appraisal_of(flow)
    text, card = report_page(flow, found, attached_exhibits(flow)), model_card(flow, found)
    for sentence in (found.sentence(), *found.facts().values()):
        assert sentence in html.unescape(text) and sentence.replace("_", r"\_") in card
    for title in "Does it beat", "Reconstructions", "Errors", "Morphology", "Memorisation", "Ensembles", "Limits":
        assert f"<h2>{title}" in text
    assert pictures(text) == 7 * len(attached_exhibits(flow)) == 56  # a pattern, three true crops, three drawn
    assert "A conditional flow for saxs" in card and "PairVAE for" not in card
    assert "No member of it is the micrograph" in card
    assert "It holds the first measurement of every training sample" in card and "no curve of a sample" not in card
    for metric in found.metrics:
        assert f"**{metric}**" in card


def test_a_flow_shows_several_masks_in_order(flow, pairs):
    again, stored = exhibits(flow, pairs, 43), attached_exhibits(flow)
    names = ["true saxs", "true sem", "true sem 2", "true sem 3", "saxs_to_sem", "saxs_to_sem 2", "saxs_to_sem 3"]
    assert [list(one.pictures) for one in again] == [names] * 8
    assert all(sorted(one.pictures) == sorted(names) for one in stored)
    assert list(pictures_of(stored[0], "sem")) == names[1:] and list(pictures_of(stored[0], "saxs")) == ["true saxs"]
    for first, second in zip(again, stored, strict=True):
        assert all(np.array_equal(first.pictures[name], second.pictures[name]) for name in names[1:])


def test_a_flow_as_numbers(flow):
    content = json.loads(json.dumps(report_content(appraisal_of(flow))))
    assert set(content["sentences"]) == {"memorisation", "spread", "scattering"}
    assert len(content["comparisons"]) == 6 and "intensity" not in content["errors"]
