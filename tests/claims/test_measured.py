"""The published study of measured pairs: samples count where their batch is held out."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.study import LEAKY, NEAREST, published_measured
from pairvae_lib.files.arrays import write_arrays, write_json

SOLO, CROSS, OWN = "solo micrograph_to_micrograph", "profile_to_micrograph", "micrograph_to_micrograph"
BATCH_OF = {"a": "one", "b": "one", "c": "two", "d": "two", "e": "two"}
CROSS_ERRORS = {"one": [1.0, 2.0, 30.0, 40.0, 50.0], "two": [10.0, 20.0, 3.0, 4.0, 5.0]}  # of a to e, by batch left out


def write_run(folder, held_out, cross, subsets):
    """A finished run of five samples."""
    write_json(
        folder / "errors.json",
        {
            "run": {"profile": folder.parts[-3], "seed": 43, "n_train": None, "data": "films", "held_out": held_out},
            "samples": [
                {"sample_id": sample, "morphology": "lines", "subset": subset}
                for sample, subset in zip(BATCH_OF, subsets, strict=True)
            ],
            "modalities": {"scattering": "profile", "micrograph": "micrograph"},
            "errors": {"S2": {SOLO: [9.0] * 5, CROSS: cross, OWN: [8.0] * 5}},
            "references": {"S2": {NEAREST: [2.5] * 5}},
            "properties": {},
            "latents": {},
        },
    )
    curves = {f"S2 {series}": np.full((5, 2), k) + np.arange(5)[:, None] for k, series in enumerate((SOLO, CROSS, OWN))}
    write_arrays(folder / "curves.npz", curves | {"S2 true": np.zeros((5, 2)), "r": np.array([0.5, 1.5])})


def write_study(root, profile, random=True):
    folder = root / profile / "films-123abc"
    for batch, cross in CROSS_ERRORS.items():
        subsets = ["held out" if own == batch else "train" for own in BATCH_OF.values()]
        write_run(folder / f"seed43-without-{batch}", batch, cross, subsets)
    if random:
        write_run(folder / "seed43", "", [1.0] * 5, ["train", "held out", "train", "held out", "train"])
    write_json(folder / "provenance.json", {})


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path, "quick")
    return published_measured(tmp_path)


def test_the_largest_profile_of_measured_pairs_is_found(study, tmp_path):
    assert (study.profile, study.data, study.cross) == ("quick", "films", CROSS)
    assert study.metrics == ("S2",) and study.counts() == {"one": 2, "two": 3}
    write_study(tmp_path, "standard")
    write_json(tmp_path / "paper" / "simulated" / "provenance.json", {})  # another kind of data
    write_run(tmp_path / "paper" / "simulated" / "seed43", "", [1.0] * 5, ["train"] * 5)
    assert published_measured(tmp_path).profile == "standard"


def test_every_sample_counts_where_its_batch_was_left_out(study):
    assert study.errors("S2", CROSS) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    assert study.errors("S2", CROSS, "train") == {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50}
    assert study.errors("S2", CROSS, random=True) == {"b": 1, "d": 1}
    assert study.batch_medians("S2") == {
        "one": {SOLO: 9, CROSS: 1.5, OWN: 8, NEAREST: 2.5},
        "two": {SOLO: 9, CROSS: 4, OWN: 8, NEAREST: 2.5},
    }


def test_rows_put_the_left_out_batches_beside_the_leaky_split(study):
    rows = {row["name"]: row for row in study.rows("S2")}
    assert list(rows) == [SOLO, CROSS, OWN, NEAREST]
    row = rows[CROSS]
    assert (row["train"], row["batch held out"], row[LEAKY]) == (30, 3, 1)
    assert row["less nearest"] == 0.5 and row["from"] < 0.5 < row["to"]
    assert row["better in"] == 0.5  # of two batches
    assert rows[SOLO]["from"] == rows[SOLO]["to"] == 6.5


def test_the_random_split_has_medians_of_its_own(study):
    assert study.random_medians("S2", (CROSS, NEAREST)) == {CROSS: 1.0, NEAREST: 2.5}


def test_curves_are_those_of_held_out_samples(study):
    r, curves = study.held_out_curves()
    np.testing.assert_array_equal(r, [0.5, 1.5])
    assert list(curves) == ["true", SOLO, CROSS, OWN]
    np.testing.assert_array_equal(curves[CROSS][:, 0], [1, 2, 3, 4, 5])


def test_without_a_random_split_there_is_none_to_show(tmp_path):
    write_study(tmp_path, "quick", random=False)
    study = published_measured(tmp_path)
    assert LEAKY not in study.rows("S2")[0]
    assert study.random_medians("S2", (CROSS,)) is None
    with pytest.raises(ValueError, match="^random must be False for films: no random split is published$"):
        study.errors("S2", CROSS, random=True)
    with pytest.raises(ValueError, match="^metric must be one of S2; got 'A2'$"):
        study.rows("A2")


def test_what_is_not_published_is_missing(tmp_path):
    with pytest.raises(MissingResult, match="is not there yet; make it with: pairvae sweep --data FOLDER --groups"):
        published_measured(tmp_path)
