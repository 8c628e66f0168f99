"""Numbers of the chapters, and the bands that they are held to."""

from __future__ import annotations

import json
from importlib.metadata import version

import numpy as np
import pytest

from pairvae_lib.book import bands as reference
from pairvae_lib.book.bands import agreement, bands, conclusion_table, differences, merged, noted, seen, widened
from pairvae_lib.book.chapters import chapter_names
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import Run
from pairvae_lib.models.precision import arithmetic_in_force

SEEN = {"numbers": {"loss": [1.9, 2.1], "kl": None}, "conclusions": {"a below b": True, "c below d": None}}


@pytest.fixture
def chapter(tmp_path, monkeypatch) -> str:
    file = tmp_path / "reference.json"
    monkeypatch.setattr(reference, "reference_file", lambda: file)
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    write_json(file, {"chapters": {"03_solo_vae": SEEN}})
    return "03_solo_vae"


def test_numbers_in_their_bands_are_ok_and_noted(chapter):
    said = agreement(Run(), chapter, {"loss": 2.19, "kl": 1e9}, {"a below b": np.True_, "c below d": False}, "abc")
    assert said == "OK: 1 number and 1 conclusion are as on other processors."
    numbers, conclusions = {"loss": 2.19, "kl": 1e9}, {"a below b": True, "c below d": False}
    held = {"numbers": numbers, "conclusions": conclusions, "weights": "abc", "arithmetic": arithmetic_in_force()}
    assert noted(Run(), chapter) == held
    assert noted(Run(), "04_pair_vae") is None


@pytest.mark.parametrize(
    ("numbers", "conclusions", "line"),
    [
        ({"loss": 2.4, "kl": 1.0}, {}, "loss is 2.4 (band: 1.7 to 2.3)"),
        ({"loss": float("nan"), "kl": 1.0}, {}, "loss is not defined (band: 1.7 to 2.3)"),
        ({"kl": 1.0}, {}, "“loss” is missing"),
        ({"loss": 2.0, "kl": 1.0, "new": 1.0}, {}, "“new” is new"),
        ({"loss": 2.0, "kl": 1.0}, {"a below b": False}, "“a below b” is not true"),
    ],
)
def test_whatever_differs_is_said_and_nothing_fails(chapter, numbers, conclusions, line):
    said = agreement(Run(), chapter, numbers, {"a below b": True, "c below d": True} | conclusions)
    assert said == f"Of 1 number and 1 conclusion, 1 are not as on other processors: {line}."
    assert Run().numbers_file(chapter).exists()


def test_a_chapter_without_a_reference_goes_on(chapter):
    assert "“total” is new" in agreement(Run(), "04_pair_vae", {"total": 1.0})


def test_another_run_has_no_reference(chapter):
    assert agreement(Run(seed=44), chapter, {}) == "There is no reference for these parameters."
    assert not Run(seed=44).numbers_file(chapter).exists()


def test_the_table_of_conclusions_says_which_hang_on_the_processor(chapter):
    table = conclusion_table(Run(), chapter, {"a below b": False, "c below d": np.True_, "e": True})
    assert table["here"].tolist() == ["no", "yes", "yes"]
    assert table["on other processors"].tolist() == ["yes", "either way", "not known"]
    assert conclusion_table(Run(seed=44), chapter, {"a below b": True}).to_dict() == {"here": {"a below b": "yes"}}
    long = "a statement of more than fifty letters, all of which are read on the page"
    assert long in conclusion_table(Run(), chapter, {long: True})._repr_html_()


def found(loss, above=True):
    return {"numbers": {"loss": loss}, "conclusions": {"above": above}}


def held(*runs):
    """The bands that follow from runs."""
    return widened(merged(map(seen, runs)))


def test_a_band_is_the_range_widened_by_its_width():
    assert merged(map(seen, [found(2.0), found(2.2), found(2.1)]))["numbers"] == {"loss": [2.0, 2.2]}
    assert held(found(2.0), found(2.2), found(2.1)) == {"numbers": {"loss": [1.8, 2.4]}, "conclusions": {"above": True}}


def test_what_was_seen_elsewhere_stays_seen():
    before = merged([seen(found(2.0)), seen(found(2.2))])
    assert merged([before, seen(found(2.1))]) == before
    further = merged([before, seen(found(2.3, False))])
    assert further == {"numbers": {"loss": [2.0, 2.3]}, "conclusions": {"above": None}}
    undecided = merged([before, seen(found(None, False))])
    assert merged([undecided, seen(found(2.1))]) == {"numbers": {"loss": None}, "conclusions": {"above": None}}


def test_what_does_not_vary_is_held_to_half_a_percent():
    assert held(found(2.0), found(2.0))["numbers"] == {"loss": [1.99, 2.01]}
    assert held(found(-2.0))["numbers"] == {"loss": [-2.01, -1.99]}
    assert held(found(0.0))["numbers"] == {"loss": [0.0, 0.0]}


def test_what_varies_too_much_is_not_held():
    assert held(found(1.0), found(2.0, False)) == {"numbers": {"loss": None}, "conclusions": {"above": None}}
    assert held(found(None), found(2.0))["numbers"] == {"loss": None}


def test_runs_that_note_other_names_are_refused():
    with pytest.raises(ValueError, match=r"^all runs must note the same numbers; got \['kl'\] and \['loss'\]$"):
        merged([seen(found(1.0)), seen({"numbers": {"kl": 1.0}, "conclusions": {"above": True}})])


def test_a_merged_reference_holds_every_run_that_it_was_made_of():
    runs = [found(value) for value in np.random.default_rng(0).normal(2, 0.05, 8)]
    assert all(differences(run, held(*runs)) == [] for run in runs)


@pytest.mark.book
@pytest.mark.parametrize("name", chapter_names())
def test_the_chapters_of_the_book_lie_in_their_bands(name):
    content = noted(Run(), name)
    assert (content is None) == (name not in json.loads(reference.reference_file().read_text())["chapters"])
    if content is not None:
        assert differences(content, bands(name)) == []


@pytest.mark.book
@pytest.mark.parametrize("name", [name for name in chapter_names() if "fixed" in bands(name)])
def test_the_chapters_of_the_book_have_the_committed_numbers_and_bits(name):
    made_with = json.loads(reference.reference_file().read_text())["made_with"]
    here, content = {package: version(package) for package in made_with}, noted(Run(), name)
    assert content is not None
    if content["arithmetic"] != "fixed" or here != made_with:
        pytest.skip(f"in {content['arithmetic']} arithmetic, or with {here} instead of {made_with}, others are right")
    assert content["numbers"] == pytest.approx(bands(name)["fixed"], rel=1e-3, nan_ok=True)
    assert content.get("weights") == bands(name).get("weights")
