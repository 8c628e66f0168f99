from __future__ import annotations

import json
import re

import claims_world
import pytest
from claims_world import CLASSES, edit, failing, only_training, write_world

from pairvae_lib.assessment import errors as evaluation
from pairvae_lib.assessment.statistics import SIGNIFICANT
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.claims import ALL_CROPS, CLAIMS, DEFAULT, DIRECT, DRAWS, IMAGES, INTENSITY, S2, Claim, View
from pairvae_lib.claims.ledger import (
    FIELDS,
    decided_claims,
    ledger_file,
    read_ledger,
    save_ledger,
)
from pairvae_lib.claims.published import published_root
from pairvae_lib.claims.study import HELD_OUT, TRAIN, largest_rise, read_studies
from pairvae_lib.claims.verdicts import HOLDS, NOT, ONLY_MIXED, RESAMPLES, UNDECIDED, UNTESTABLE, VERDICTS
from pairvae_lib.config import PROTOCOLS
from pairvae_lib.data.simulation.morphologies import RANGES

IDS = [claim.id for claim in CLAIMS]
OF_IMAGES = [claim.id for claim in CLAIMS if claim.basis == IMAGES]
REAL = {"data": "afm-gisaxs-0a1b2c", "classes": ("dots", "lines", "mixed"), "techniques": ("profile", "micrograph")}


def named(claim: str) -> Claim:
    return next(one for one in CLAIMS if one.id == claim)


def verdicts(study, *claims: str, resamples: int = 250) -> dict[str, tuple[str, str]]:
    """Verdicts of mixed and held out, every claim in a family of its own: what is tested is the claim, not Holm."""
    found = {}
    for claim in claims or IDS:
        mixed, held_out = decided_claims([study], [named(claim)], resamples)
        assert (mixed["assessment"], held_out["assessment"]) == ("mixed", "held_out")
        found[claim] = (mixed["verdict"], held_out["verdict"])
    return found


def only_study(root, **world):
    folder = write_world(root, **world)
    (study,) = read_studies(root, "tiny", folder.name)
    return study


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return only_study(tmp_path_factory.mktemp("holds"))


def test_every_claim_of_the_requirement_has_an_entry():
    assert {claim.number for claim in CLAIMS} == set(range(1, 17))
    assert len(set(IDS)) == len(IDS)
    for claim in CLAIMS:
        assert claim.wording and claim.statistic and claim.claimed.bounds and claim.test.startswith(str(claim.claimed))
        assert re.match(r"Fig\. |text on Fig\. ", claim.paper_item)


def test_names_are_those_of_the_modules_that_write_them():
    assert (INTENSITY, S2) == (evaluation.INTENSITY, evaluation.S2) and evaluation.SUBSETS == (TRAIN, HELD_OUT)
    assert {ALL_CROPS, DEFAULT, DIRECT} <= set(PROTOCOLS)
    assert set(CLASSES) == set(RANGES)


@pytest.mark.parametrize("claim", IDS)
def test_a_claim_holds_where_it_is_true(world, claim):
    assert verdicts(world, claim)[claim] == (HOLDS, HOLDS)


def test_no_claim_holds_where_none_is_true(tmp_path):
    study = only_study(tmp_path, good=failing)
    fails = {claim: (NOT, NOT) for claim in IDS}
    # 10b holds wherever 7a fails on this side
    assert verdicts(study) == fails | {"10b": (HOLDS, HOLDS)}
    rows = decided_claims([study], [claim for claim in CLAIMS if claim.number == 10], 1000)
    assert {row["overall"] for row in rows} == {NOT}


def test_what_only_training_samples_show_holds_only_mixed(tmp_path):
    study = only_study(tmp_path, good=only_training)
    # left out: the parts in which a mixture of both kinds of sample is so near a bound that it decides nothing
    tested = ("1", "2a", "3", "4", "5", "6", "7a", "7b", "8", "9a", "16f", "16g")
    assert verdicts(study, *tested, resamples=500) == {claim: (ONLY_MIXED, NOT) for claim in tested}
    mixed, held_out = decided_claims([study], [named("1")], 1000)
    assert mixed["overall"] == held_out["overall"] == ONLY_MIXED
    (contrast,) = held_out["contrasts"]
    assert contrast["shown"] and contrast["effect"] == pytest.approx((0.82 - 0.51) * 2 / 3, rel=0.1)


def test_an_effect_that_is_the_same_held_out_but_not_decided_there_does_not_hold_only_mixed(tmp_path):
    study = only_study(tmp_path, sizes=(32,), seeds=(43,), protocols=False)

    def blur(content):  # of the held-out images of each sign as many: undecided there
        errors = content["errors"]["intensity"]["saxs_to_saxs"]
        for place, sample in enumerate(content["samples"]):
            if sample["subset"] == "held out" and place % 2:
                errors[place] = 0.0

    edit(study.folder / "seed43-n32" / "errors.json", blur)
    (study,) = read_studies(tmp_path, "tiny")
    mixed, held_out = decided_claims([study], [named("6")], 1000)
    assert (mixed["verdict"], held_out["verdict"], mixed["overall"]) == (HOLDS, UNDECIDED, UNDECIDED)
    assert [case["shown"] for case in held_out["contrasts"]] == [False]


def test_the_whole_ledger_holds_where_all_is_true(world):
    rows = decided_claims([world], resamples=60)
    assert [(row["id"], row["assessment"]) for row in rows] == [(one, a) for one in IDS for a in ("mixed", "held_out")]
    some = [claim for claim in CLAIMS if claim.number not in (10, 11, 16)]  # the more tests, the more resamples
    assert {row["overall"] for row in decided_claims([world], some, 2500)} == {HOLDS}


def test_too_few_images_to_decide_is_told_from_their_number_and_that_of_the_tests(tmp_path):
    study = only_study(tmp_path, sizes=(32,), seeds=(43,), protocols=False)  # 16 held out, 4 of each class
    mixed, alone = decided_claims([study], [named("6")], 100)
    assert (mixed["verdict"], alone["verdict"]) == (HOLDS, HOLDS)  # p <= 2 / 101 in one test
    (row, *_) = decided_claims([study], [named("6"), named("8")], 100)
    assert row["verdict"] == UNTESTABLE  # among five
    assert row["reason"] == "too few images: whatever they say, p is 0.02 or more, 0.099 or more among 5 tests"
    assert row["effect"] == mixed["effect"] and row["p"] is None


def test_rows_are_strict_json_with_their_fields(world, tmp_path):
    some = [named(claim) for claim in ("1", "6", "7a", "8", "9c", "10a", "11c", "12b", "14b", "15a")]
    rows = decided_claims([world], some, 1500)
    save_ledger(tmp_path / "claims.json", rows)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    read = json.loads((tmp_path / "claims.json").read_text(), parse_constant=refuse)
    assert read == rows
    for row in read:
        assert set(FIELDS) <= set(row) and row["verdict"] in VERDICTS and row["data"] == "simulated"
        low, high = row["interval"] or (row["effect"], row["effect"])
        assert low <= row["effect"] <= high
        if row["basis"] in (IMAGES, DRAWS):
            assert row["interval"] and 0 < row["p"] <= 1 and row["n_images"] > 0
    by_key = {(row["id"], row["assessment"]): row for row in read}
    assert by_key["6", "mixed"]["n_images"] == 48 and by_key["6", "mixed"]["n_seeds"] == 3
    assert by_key["6", "mixed"]["effect"] == pytest.approx(0.01, rel=0.05)
    assert by_key["6", "mixed"]["relative"] == pytest.approx(0.5, rel=0.05)
    seeds = by_key["6", "mixed"]["by_seed"]
    assert list(seeds) == ["seed 42", "seed 43", "seed 44"]
    assert list(seeds.values()) == pytest.approx([0.01] * 3, rel=0.05)
    assert by_key["7a", "mixed"]["threshold"] == [0.8, 1.25] and by_key["6", "mixed"]["threshold"] == [0, None]
    assert [case["label"] for case in by_key["8", "mixed"]["cases"]] == sorted(CLASSES)
    assert [case["label"] for case in by_key["10a", "mixed"]["cases"]] == [
        f"{size} pairs, {route} → saxs" for size in (16, 32) for route in ("saxs", "sem")
    ]


def test_every_case_of_a_claim_has_a_label_of_its_own(world):
    for claim in CLAIMS:
        labels = [case.label for case in claim.measure(View(world, "mixed", world.middle))]
        assert len(set(labels)) == len(labels), claim.id


def test_the_same_results_give_the_same_ledger_and_a_claim_does_not_depend_on_the_others(world):
    some = [named(claim) for claim in ("1", "2b", "9b", "11c", "12b")]
    rows = decided_claims([world], some, 200)
    assert decided_claims([world], some, 200) == rows
    alone = decided_claims([world], some[:1], 200)
    assert [row["interval"] for row in alone] == [row["interval"] for row in rows[:2]]


def test_p_values_are_adjusted_over_all_cases_of_an_assessment(world):
    alone = {row["assessment"]: row["p"] for row in decided_claims([world], [named("6")], 500)}
    together = [row for row in decided_claims([world], [named("6"), named("8"), named("10a")], 500) if row["id"] == "6"]
    assert alone["mixed"] == pytest.approx(2 / 501, rel=1e-3)  # the least that 500 resamples can give
    # one case of claim 6, four classes, two routes at two training sizes
    assert together[0]["p"] == pytest.approx(9 * alone["mixed"], rel=1e-3) and together[0]["p_is_bound"]


def test_neither_kind_of_sample_is_in_an_assessment(world, tmp_path):
    root = tmp_path / "results"
    write_world(root, sizes=(16,), protocols=False)
    for path in root.glob("tiny/simulated/*/errors.json"):
        edit(
            path,
            lambda content: content["errors"]["intensity"].update(
                {
                    route: [
                        None if sample["subset"] == "neither" else value
                        for value, sample in zip(values, content["samples"], strict=True)
                    ]
                    for route, values in content["errors"]["intensity"].items()
                }
            ),
        )
    (with_nulls,) = read_studies(root, "tiny")
    whole = only_study(tmp_path / "whole", sizes=(16,), protocols=False)
    assert decided_claims([with_nulls], [named("6")], 100) == decided_claims([whole], [named("6")], 100)


def test_a_reconstruction_without_a_period_does_not_keep_it(tmp_path):
    folder = write_world(tmp_path, protocols=False)

    def lose(content):
        content["properties"]["period"]["solo sem_to_sem"] = [None] * len(content["samples"])

    for path in folder.glob("*/errors.json"):
        edit(path, lose)
    (study,) = read_studies(tmp_path, "tiny")
    row = decided_claims([study], [named("3")], 200)[0]
    assert row["verdict"] == NOT and row["effect"] == 0


def test_a_period_that_the_truth_does_not_have_is_not_counted(tmp_path):
    folder = write_world(tmp_path, protocols=False)

    def lose(content):
        content["properties"]["period"]["true"][:12] = [None] * 12  # all alternating lines

    for path in folder.glob("*/errors.json"):
        edit(path, lose)
    (study,) = read_studies(tmp_path, "tiny")
    row = decided_claims([study], [named("3")], 200)[0]
    assert row["verdict"] == UNTESTABLE and "0 images of alternating lines; at least 6 are needed" in row["reason"]


def test_measured_data_test_what_they_can(tmp_path):
    study = only_study(tmp_path, **REAL, batches=("A", "B", "C"), sizes=(32,), seeds=(43,))
    assert study.data == "afm-gisaxs, batches held out"
    rows = {(row["id"], row["assessment"]): row for row in decided_claims([study], resamples=2000)}
    reasons = {claim: row["reason"] for (claim, _), row in rows.items() if row["verdict"] == UNTESTABLE}
    of_classes = {claim for claim in IDS if named(claim).number in (13, 16)} | {"2b", "3", "4", "5"}
    assert set(reasons) == of_classes | {"10a", "10b", "10c", "11a", "11b", "11c"}
    assert reasons["2b"] == "no ladders in these data"
    assert reasons["3"] == "no hexagonal or alternating lines in these data"
    assert reasons["10a"] == "one training size only (all other batches)"
    assert reasons["13a"] == "measured micrographs have no true phases to hold a threshold to"
    assert all(
        row["effect"] is None and row["interval"] is None for row in rows.values() if row["verdict"] == UNTESTABLE
    )
    assert rows["2a", "mixed"]["verdict"] == HOLDS and rows["2a", "mixed"]["overall"] == UNTESTABLE  # 2b is part of it
    assert rows["6", "held_out"]["n_images"] == 48  # every image is held out with its batch
    assert rows["6", "held_out"]["verdict"] == HOLDS


def test_a_class_of_few_images_is_no_case(tmp_path):
    world = REAL | {"classes": ("dots", *["lines"] * 8, "mixed", "mixed", "mixed")}  # dots: 4 of 48 images
    study = only_study(tmp_path, **world, sizes=(32,), seeds=(42, 43, 44), protocols=False)
    row = decided_claims([study], [named("8")], 500)[0]
    assert [case["label"] for case in row["cases"]] == ["lines", "mixed"] and row["verdict"] == HOLDS


def test_a_study_of_few_images_can_test_little_and_does_not_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(claims_world, "N", 12)
    folder = write_world(tmp_path, sizes=(32,), seeds=(43,), protocols=False)

    def without_classes(content):
        content["latents"]["pair sem"]["between_classes"] = None
        content["properties"]["long-range order"]["true"] = [0.0] * 12

    edit(folder / "seed43-n32" / "errors.json", without_classes)
    (study,) = read_studies(tmp_path, "tiny")
    rows = {(row["id"], row["assessment"]): row for row in decided_claims([study], resamples=50)}
    assert rows["8", "mixed"]["reason"] == "no class has 6 images"
    assert rows["6", "held_out"]["reason"] == "4 images; at least 6 are needed"
    assert rows["15a", "mixed"]["reason"] == "the samples have no classes"
    assert rows["5", "mixed"]["reason"] == "0 images of skew; at least 6 are needed"


def test_a_random_split_of_measured_data_stands_apart(tmp_path):
    write_world(tmp_path, **REAL, batches=("A", "B"), sizes=(32,), seeds=(43,))
    write_world(tmp_path, **REAL, sizes=(32,), seeds=(43,))
    write_world(tmp_path, sizes=(32,), seeds=(43,))
    names = [study.data for study in read_studies(tmp_path, "tiny")]
    assert names == ["simulated", "afm-gisaxs, batches held out", "afm-gisaxs, random split (leaky)"]


def test_series_that_are_left_out_stand_apart_from_batches(tmp_path):
    write_world(tmp_path, **REAL, batches=("A", "series-E", "series-F"), sizes=(32,), seeds=(43,), protocols=False)
    studies = read_studies(tmp_path, "tiny")
    assert [study.data for study in studies] == ["afm-gisaxs, batches held out", "afm-gisaxs, series held out"]
    assert [len(study.runs) for study in studies] == [1, 2]


def test_one_run_of_a_quick_profile_says_what_it_cannot_tell(tmp_path):
    study = only_study(tmp_path, sizes=(32,), seeds=(43,), protocols=False)
    some = [named(claim) for claim in ("6", "8", "10a", "12a", "14a", "15a")]
    rows = {(row["id"], row["assessment"]): row for row in decided_claims([study], some, 1000)}
    assert rows["6", "held_out"]["verdict"] == HOLDS and rows["6", "held_out"]["n_images"] == 16
    assert rows["8", "held_out"]["reason"] == "4 images of alternating lines; at least 6 are needed"
    assert rows["8", "mixed"]["overall"] == UNTESTABLE
    assert rows["10a", "mixed"]["reason"] == "one training size only (32 pairs)"
    assert rows["12a", "mixed"]["reason"].endswith("pairvae run 06_generation --profile tiny -p seed 43 -p n_train 32")
    assert rows["14a", "mixed"]["reason"] == "no training by the protocol 'all_crops' among these runs"
    assert rows["15a", "mixed"]["verdict"] == UNTESTABLE
    assert rows["15a", "mixed"]["reason"] == "1 training; at least 3 are needed"
    assert rows["15a", "mixed"]["effect"] == pytest.approx(0.2043) and rows["15a", "mixed"]["interval"] is None


def test_trainings_that_disagree_decide_nothing(tmp_path):
    folder = write_world(tmp_path, sizes=(32,), protocols=False)
    edit(folder / "seed43-n32" / "errors.json", lambda c: c["latents"]["pair sem"].update(between_classes=0.1))
    (study,) = read_studies(tmp_path, "tiny")
    row = decided_claims([study], [named("15a")])[0]
    assert row["verdict"] == UNDECIDED and row["reason"] == "in 2 of 3 trainings above 0"
    assert row["interval"] == pytest.approx([-0.2, 0.2044])


def test_a_rise_is_read_as_it_was_noted_or_found_in_the_epochs(tmp_path):
    # the first tenth, two epochs, does not count
    assert largest_rise([9.0, *[1.0] * 9, 1.5, 1.2, *[1.0] * 8]) == 0.5  # the first tenth, two epochs, does not count
    assert largest_rise([1.0, 50.0, *[1.0] * 18]) == 1e-6
    folder = write_world(tmp_path, sizes=(32,))
    epochs = json.loads((folder / "seed42-n32" / "history.json").read_text())["pair"]

    def thin(content):
        content["largest rise"] = {name: largest_rise(values) for name, values in epochs.items()}
        content["pair"] = {name: values[-1:] for name, values in epochs.items()}

    def row():
        (study,) = read_studies(tmp_path, "tiny")
        return decided_claims([study], [named("14b")], 100)[0]

    whole = row()
    for path in folder.glob("*/history.json"):
        edit(path, thin)
    assert row() == whole and whole["verdict"] == HOLDS
    for path in folder.glob("*/history.json"):
        edit(path, lambda content: content.pop("largest rise"))
    assert row()["reason"] == "no training by direct has a partner by two_phase whose largest rise is noted"


def test_what_counts_no_images_is_the_same_in_both_assessments(world):
    rows = decided_claims([world], resamples=50)
    for mixed, held_out in zip(rows[::2], rows[1::2], strict=True):
        if mixed["basis"] != IMAGES:
            assert mixed == held_out | {"assessment": "mixed"}


def test_the_training_size_of_most_runs_is_the_middle(tmp_path):
    write_world(tmp_path, sizes=(16, 32), protocols=False)
    write_world(tmp_path, sizes=(16,), seeds=(45, 46), protocols=False)
    (study,) = read_studies(tmp_path, "tiny")
    assert study.middle == 16 and study.sizes == (16, 32)
    assert {run.size for run in study.trainings(16)} == {16}


def test_the_same_training_counts_once(tmp_path):
    folder = write_world(tmp_path, sizes=(32,), seeds=(43,), protocols=False)
    (folder / "seed43-n32").rename(folder / "seed43")
    edit(folder / "seed43" / "errors.json", lambda content: content["run"].update(n_train=None))
    write_world(tmp_path, sizes=(32,), seeds=(43,), protocols=False)
    (study,) = read_studies(tmp_path, "tiny")
    assert len(study.runs) == 1


def test_one_run_can_be_read_alone(world):
    (study,) = read_studies(world.folder.parents[1], "tiny", only=world.folder / "seed43-n32")
    assert [run.label for run in study.runs] == ["seed 43"]


def test_a_missing_study_is_named_with_the_command(tmp_path):
    with pytest.raises(
        MissingResult, match="errors.json is not there yet; .*: pairvae run 05_evaluation --profile quick$"
    ):
        read_studies(tmp_path, "quick")


def test_missing_files_of_a_run_are_named_with_the_command(tmp_path):
    study = only_study(tmp_path, **REAL, batches=("A",), sizes=(32,), seeds=(43,), protocols=False)
    run = study.runs[0]
    (run.folder / "curves.npz").unlink()
    (run.folder / "history.json").unlink()
    where = "--profile tiny -p seed 43 -p data FOLDER -p held_out A$"
    with pytest.raises(MissingResult, match=f"curves.npz is not .*: pairvae run 05_evaluation {where}"):
        decided_claims([study], [named("9a")])
    with pytest.raises(MissingResult, match=f"history.json is not .*: pairvae run 04_pair_vae {where}"):
        decided_claims([study], [named("14c")])
    simulated = only_study(tmp_path, protocols=False)
    (simulated.folder / "thresholds.json").unlink()
    with pytest.raises(MissingResult, match="thresholds.json .*: pairvae run 02_preprocessing --profile tiny$"):
        decided_claims([simulated], [named("13a")])


def test_results_of_other_code_are_refused(tmp_path):
    folder = write_world(tmp_path, sizes=(32,), seeds=(43,), protocols=False)
    path = folder / "seed43-n32" / "errors.json"
    edit(path, lambda content: content["errors"].pop("S2 periodic"))
    (study,) = read_studies(tmp_path, "tiny")
    wanted = "errors.json must hold 'errors' / 'S2 periodic' / 'sem_to_sem'; it was written by other code, make it anew"
    with pytest.raises(ValueError, match=f"{wanted} with: pairvae run 05_evaluation --profile tiny -p seed 43"):
        study.runs[0].error("S2 periodic", "{M}_to_{M}")
    edit(path, lambda content: content.pop("latents"))
    with pytest.raises(
        ValueError, match="must hold run, samples, .*; got none of latents: .*pairvae run 05_evaluation"
    ):
        read_studies(tmp_path, "tiny")


def test_a_ledger_that_is_not_there_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    with pytest.raises(
        MissingResult, match="claims.json is not there yet; make it with: pairvae claims --profile tiny$"
    ):
        read_ledger("tiny")
    with pytest.raises(MissingResult, match="pairvae claims --profile tiny --published$"):
        read_ledger("tiny", published=True)
    save_ledger(ledger_file("tiny"), [{"data": "simulated", "id": "1"}])
    with pytest.raises(ValueError, match="claims.json must hold id, .* in every row; paper_item, .* missing$"):
        read_ledger("tiny")


def test_other_data_stay_in_the_file(tmp_path):
    path = tmp_path / "claims.json"
    save_ledger(path, [{"data": "a", "id": "1"}, {"data": "b", "id": "1"}])
    save_ledger(path, [{"data": "a", "id": "2"}], keep_others=True)
    assert json.loads(path.read_text()) == [{"data": "a", "id": "2"}, {"data": "b", "id": "1"}]
    save_ledger(path, [{"data": "b", "id": "3"}])
    assert json.loads(path.read_text()) == [{"data": "b", "id": "3"}]


def test_there_are_enough_resamples_for_all_tests_of_the_paper(tmp_path):
    study = only_study(tmp_path, sizes=(16, 24, 32), protocols=True)
    cases = [one for claim in CLAIMS for one in claim.measure(View(study, "mixed", study.middle))]
    assert 2 / (RESAMPLES + 1) * len(cases) < SIGNIFICANT / 1.3


# --- what is published ------------------------------------------------------------------------------------------------

PUBLISHED = sorted(path.parent.name for path in published_root().glob("*/claims.json"))


@pytest.mark.end_to_end
@pytest.mark.parametrize("profile", PUBLISHED)
def test_the_published_ledger_is_what_the_published_results_say(profile):
    again = decided_claims(read_studies(published_root(), profile))
    for row, published in zip(again, read_ledger(profile, published=True), strict=True):
        assert {key: row[key] for key in ("id", "data", "assessment", "verdict")} == {
            key: published[key] for key in ("id", "data", "assessment", "verdict")
        }
        if row["effect"] is None or published["effect"] is None:
            assert row["effect"] == published["effect"]
        else:
            assert row["effect"] == pytest.approx(published["effect"], rel=1e-3)
