"""Error tables of models whose answers are known beforehand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from pairvae_lib.assessment.errors import (
    A2,
    COMPONENTS,
    FLOOR,
    FOURIER,
    FOURIER_FITTED,
    INTENSITY,
    L_HORIZONTAL,
    L_VERTICAL,
    NEAREST_SCATTERING,
    S2,
    S2_PERIODIC,
    SUBSETS,
    Assessment,
    assess,
    examples,
    morphology_statistics,
    pair_reconstructions,
    solo_reconstructions,
    write_sweep,
)
from pairvae_lib.assessment.memorisation import memorisation
from pairvae_lib.checks import MissingResult
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.splits import Split
from pairvae_lib.files.runs import Run
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import Posterior
from pairvae_lib.models.training import focused_crops
from pairvae_lib.morphology.masks import dice, phase_fraction

SEED = 43
SPLIT = Split(train=(7, 2, 0, 5, 9, 3, 8, 1), held_out=(4, 6, 10, 11))
MICROGRAPH_METRICS = [S2, S2_PERIODIC, A2, L_VERTICAL, L_HORIZONTAL, COMPONENTS]
REFERENCES = ["nearest neighbour", "three nearest neighbours", "kernel ridge", "training mean", "shuffled pairs"]


class Identity:
    """A VAE whose latent is what it is shown."""

    def __init__(self, modality):
        self.modality = modality

    def encode(self, x):
        return Posterior(x, torch.zeros(1))

    def decode(self, latent):
        return latent

    def coded(self, x):
        return x

    def mode(self, decoded):
        return decoded > 0.5 if self.modality.likelihood == "bernoulli" else decoded


class Table(Identity):
    """A VAE whose latent is the place of what it is shown in a table."""

    def __init__(self, modality, known):
        super().__init__(modality)
        self.known = known

    def encode(self, x):
        return Posterior((x.flatten(1)[:, None] == self.known.flatten(1)).all(2).int().argmax(1), torch.zeros(1))

    def decode(self, latent):
        return self.known[latent]


class Constant(Identity):
    """A VAE that always answers the same."""

    def decode(self, latent):
        return torch.full((len(latent), 1, 32, 32), 1.0 if self.modality.likelihood == "bernoulli" else 0.25)


class Answers:
    """A PairVAE of given VAEs."""

    routes = [(source, target) for source in ("saxs", "sem") for target in ("saxs", "sem")]

    def __init__(self, *vaes):
        self.vaes = {vae.modality.name: vae for vae in vaes}

    def vae(self, name):
        return self.vaes[name]


def answers(pairs, micrographs):
    """A PairVAE that knows the pairs: it finds what it is shown in a table, and answers from another."""
    tables = map(torch.from_numpy, (pairs.scattering, micrographs))
    return Answers(*map(Table, pairs.modalities, tables))


SAXS, SEM = Modality("saxs", (32, 32), "gaussian"), Modality("sem", (32, 32), "bernoulli")
ALIKE = Answers(Constant(SAXS), Constant(SEM))
SOLO = {"saxs": Identity(SAXS), "sem": Identity(SEM)}


@pytest.fixture(scope="module")
def one_crop(pattern_pairs):
    """Micrographs of the size of a crop: there is one crop of each, so a perfect answer exists."""
    return replace(pattern_pairs, masks=tuple(mask[:32, :32] for mask in pattern_pairs.masks))


@pytest.fixture(scope="module")
def perfect(one_crop, small):
    """The assessment of perfect answers."""
    micrographs = one_crop.crops_at(range(12), 32, (0, 0))
    return assess(answers(one_crop, micrographs), one_crop, SPLIT, small, SEED, SOLO)


@pytest.fixture
def made_up():
    """An assessment of five images, three of them held out."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    return Assessment(
        sample_ids=tuple("abcde"),
        morphologies=("rows", "columns", "rows", "rows", "columns"),
        subsets=np.array(["held out", "train", "held out", "train", "held out"]),
        errors={INTENSITY: {"saxs_to_saxs": values}, S2: {"saxs_to_sem": values / 10, "sem_to_sem": -values}},
        references={INTENSITY: {"training mean": values + 1}, S2: {FLOOR: values * np.pi}},
        memorisation={"own training crop": np.array([0.98, 1 / 3])},
        properties={"period": {"true": np.array([np.nan, 2, 3, 4, 5])}},
        curves={},
    )


# reconstructions and statistics ---------------------------------------------------------------------------------------


def test_reconstructions_are_those_of_the_model_in_parts(fresh_pair, pattern_pairs):
    x = {
        "saxs": pattern_pairs.scattering,
        "sem": pattern_pairs.crops(np.arange(70) % 12, 32, np.random.default_rng(0)),
    }
    found = pair_reconstructions(fresh_pair, x)
    assert list(found) == ["saxs_to_saxs", "saxs_to_sem", "sem_to_saxs", "sem_to_sem"]
    for route, values in found.items():
        source, target = route.split("_to_")
        with torch.no_grad():
            expected = fresh_pair.reconstruct(torch.from_numpy(x[source]), source, target)
        assert values.shape == (len(x[source]), 32, 32)
        assert values.dtype == (np.bool_ if target == "sem" else np.float32)
        np.testing.assert_allclose(values, expected[:, 0], rtol=1e-5)
    solo = solo_reconstructions({name: fresh_pair.vae(name) for name in fresh_pair.names}, x)
    assert list(solo) == ["saxs_to_saxs", "sem_to_sem"]
    for route, values in solo.items():
        np.testing.assert_array_equal(values, found[route])


def test_statistics_of_lines():
    row, col = np.indices((32, 32))
    masks = np.stack([row % 8 < 4, col % 8 < 4])[:, np.newaxis]
    found = morphology_statistics(masks)
    assert {name: values.shape for name, values in found.items()} == {
        S2: (2, 1, 16), S2_PERIODIC: (2, 1, 16), A2: (2, 1, 17 * 17), L_VERTICAL: (2, 1, 9), L_HORIZONTAL: (2, 1, 9),
        COMPONENTS: (2, 1, 1),
    }
    np.testing.assert_allclose(found[L_HORIZONTAL][0, 0], 0.5)  # a line along the rows is never left
    np.testing.assert_allclose(found[L_VERTICAL][0, 0, 5:], 0)  # and 4 px wide
    np.testing.assert_array_equal(found[L_VERTICAL][1], found[L_HORIZONTAL][0])
    np.testing.assert_allclose(found[COMPONENTS], np.log(5))  # four lines
    np.testing.assert_allclose(found[S2_PERIODIC][..., 0], 0.5)
    np.testing.assert_allclose(found[S2][..., 0], phase_fraction(masks))
    np.testing.assert_allclose(found[S2][0], found[S2][1])  # the radial S2 does not know of direction
    along_rows = found[A2].reshape(2, 17, 17)[0]
    assert along_rows[8, 8] == pytest.approx(1)  # zero lag
    np.testing.assert_allclose(along_rows[8], 1)  # along a line
    assert along_rows[4, 8] == pytest.approx(-1)  # half a period across
    np.testing.assert_allclose(found[A2].reshape(2, 17, 17)[1], along_rows.T, atol=1e-12)


# the error table ------------------------------------------------------------------------------------------------------


def test_the_truth_has_no_error(perfect):
    assert {metric: list(routes) for metric, routes in perfect.errors.items()} == {
        INTENSITY: ["solo saxs_to_saxs", "saxs_to_saxs", "sem_to_saxs"],
    } | {metric: ["solo sem_to_sem", "saxs_to_sem", "sem_to_sem"] for metric in MICROGRAPH_METRICS}
    for routes in perfect.errors.values():
        for route, values in routes.items():
            np.testing.assert_array_equal(values, np.zeros(12), route)


def test_subsets_are_those_of_the_split(perfect, one_crop):
    assert perfect.sample_ids == one_crop.sample_ids
    assert perfect.morphologies == one_crop.morphologies
    found = {subset: set(np.flatnonzero(perfect.subsets == subset)) for subset in SUBSETS}
    assert found == {"train": set(SPLIT.train), "held out": set(SPLIT.held_out)}
    parts = perfect.split(np.arange(12))
    assert {subset: list(values) for subset, values in parts.items()} == {
        "train": sorted(SPLIT.train),
        "held out": sorted(SPLIT.held_out),
    }


def test_references_stand_beside_every_metric(perfect):
    assert {metric: list(named) for metric, named in perfect.references.items()} == {
        INTENSITY: [*REFERENCES, FOURIER_FITTED, NEAREST_SCATTERING],  # these pairs have no pixel sizes
    } | {metric: [*REFERENCES, FLOOR] for metric in MICROGRAPH_METRICS}
    for named in perfect.references.values():
        assert all(values.shape == (12,) and np.isfinite(values).all() for values in named.values())
    # samples 10 and 11 are copies of 0 and 1, which are trained on; of each there is but one crop
    for metric in (S2, A2, INTENSITY):
        nearest = perfect.references[metric]["nearest neighbour"]
        np.testing.assert_allclose(nearest[[10, 11]], 0, atol=1e-12)
        if metric != S2:  # lines along rows have a neighbour of the same period along columns, which S2 takes for equal
            assert (nearest[list(SPLIT.train)] > 1e-3).all()  # never itself
        assert (perfect.references[metric]["training mean"] > 1e-3).all()
    for metric in (S2, A2):
        np.testing.assert_allclose(perfect.references[metric][FLOOR], 0, atol=1e-12)


def test_the_fourier_transform_is_not_fitted_where_the_pixel_sizes_are_known(one_crop, small):
    known = replace(one_crop, nm_per_pixel=(2.0,) * 12, q_per_pixel=(0.03,) * 12)
    found = assess(answers(known, known.crops_at(range(12), 32, (0, 0))), known, SPLIT, small, SEED, SOLO)
    assert FOURIER in found.references[INTENSITY] and FOURIER_FITTED not in found.references[INTENSITY]


def test_the_nearest_scattering_is_that_of_another_training_sample(perfect):
    nearest = perfect.references[INTENSITY][NEAREST_SCATTERING]
    np.testing.assert_allclose(nearest[[10, 11]], 0, atol=1e-12)  # copies of 0 and 1
    assert (nearest[list(SPLIT.train)] > 1e-3).all()  # never itself


def test_errors_are_means_over_crops(pattern_pairs, small):
    profile = replace(small, assessment=replace(small.assessment, crops=3))
    found = assess(ALIKE, pattern_pairs, SPLIT, profile, SEED, {"saxs": Identity(SAXS), "sem": Constant(SEM)})
    crops = pattern_pairs.crops(np.repeat(np.arange(12), 3), 32, rng_for(SEED, "assessment"))
    statistics = morphology_statistics(crops.reshape(12, 3, 32, 32) > 0.5)
    for route in ("solo sem_to_sem", "saxs_to_sem", "sem_to_sem"):
        np.testing.assert_allclose(found.errors[S2][route], (1 - statistics[S2]).mean(axis=(1, 2)))  # all bright: 1
        np.testing.assert_allclose(found.errors[A2][route], np.abs(statistics[A2]).mean(axis=(1, 2)))  # no structure
    for route in ("saxs_to_saxs", "sem_to_saxs"):
        expected = np.abs(pattern_pairs.scattering - 0.25).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(found.errors[INTENSITY][route], expected, rtol=1e-5)
    for metric, values in statistics.items():
        between = [np.abs(values[:, i] - values[:, j]).mean(axis=1) for i, j in ((0, 1), (0, 2), (1, 2))]
        np.testing.assert_allclose(found.references[metric][FLOOR], np.mean(between, axis=0))


def test_properties_and_curves_are_those_of_the_crops(pattern_pairs, small):
    profile = replace(small, assessment=replace(small.assessment, crops=3))
    found = assess(ALIKE, pattern_pairs, SPLIT, profile, SEED, {"saxs": Identity(SAXS), "sem": Constant(SEM)})
    crops = pattern_pairs.crops(np.repeat(np.arange(12), 3), 32, rng_for(SEED, "assessment"))
    masks = crops.reshape(12, 3, 32, 32) > 0.5
    assert set(found.properties) == {"phase fraction", "period", "long-range order", "lineal path", "components"}
    np.testing.assert_allclose(found.properties["phase fraction"]["true"], masks.mean(axis=(1, 2, 3)))
    for route in ("solo sem_to_sem", "saxs_to_sem", "sem_to_sem"):  # all bright
        np.testing.assert_array_equal(found.properties["phase fraction"][route], 1)
        np.testing.assert_array_equal(found.properties["lineal path"][route], 1)
        np.testing.assert_array_equal(found.properties["components"][route], 1)
        np.testing.assert_allclose(found.properties["long-range order"][route], 0, atol=1e-12)
        assert np.isnan(found.properties["period"][route]).all()
        np.testing.assert_array_equal(found.curves[f"L vertical {route}"], np.ones((12, 9)))
    np.testing.assert_allclose(found.curves["S2 true"][:, 0], masks.mean(axis=(1, 2, 3)))
    assert list(found.curves["subsets"]) == list(found.subsets)
    assert list(found.curves["z"]) == list(range(9))


def test_the_seed_decides_on_the_crops(pattern_pairs, small):
    micrographs = focused_crops(pattern_pairs, range(12), small.pair, SEED)
    model = answers(pattern_pairs, micrographs)
    first, same, other = (assess(model, pattern_pairs, SPLIT, small, seed, SOLO) for seed in (1, 1, 2))
    assert first.medians() == same.medians() != other.medians()


# memorisation ---------------------------------------------------------------------------------------------------------


def test_a_model_that_draws_its_training_crops(pattern_pairs, small):
    seen = focused_crops(pattern_pairs, range(12), small.pair, SEED)
    found = assess(answers(pattern_pairs, seen), pattern_pairs, SPLIT, small, SEED, SOLO).memorisation
    assert {name: len(values) for name, values in found.items()} == {
        "own training crop": 8,
        "other crops of the sample": 8,
        "nearest training crop": 4,
        "nearest training crop, true": 4,
        "nearest crop of a training micrograph": 4,
        "nearest crop of a training micrograph, true": 4,
    }
    anywhere = found["nearest crop of a training micrograph"]
    assert (anywhere >= found["nearest training crop"]).all()  # the training crops are among those at any position
    np.testing.assert_array_equal(found["own training crop"], np.ones(8))
    assert (found["other crops of the sample"] < 1).any()


def test_dice_coefficients_by_hand(pattern_pairs, small):
    seen = focused_crops(pattern_pairs, SPLIT.train, small.pair, SEED)[:, 0] > 0.5
    reconstructed = np.zeros((12, 32, 32), dtype=bool)
    reconstructed[list(SPLIT.train)] = seen
    reconstructed[7] = ~seen[0]
    reconstructed[list(SPLIT.held_out)[1:]] = seen[3]
    true = pattern_pairs.crops(np.repeat(np.arange(12), 2), 32, np.random.default_rng(0)).reshape(12, 2, 32, 32) > 0.5
    found = memorisation(reconstructed, pattern_pairs, SPLIT, small.pair, true, SEED)
    np.testing.assert_array_equal(found["own training crop"], [0, 1, 1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(found["nearest training crop"], [0, 1, 1, 1])  # an empty one resembles none
    others = [np.mean([dice(reconstructed[i], crop) for crop in true[i]]) for i in SPLIT.train]
    np.testing.assert_allclose(found["other crops of the sample"], others)
    nearest = [max(dice(true[i, 0], crop) for crop in seen) for i in SPLIT.held_out]
    np.testing.assert_allclose(found["nearest training crop, true"], nearest)


def test_memorisation_takes_the_crops_of_the_training_seed(pattern_pairs, small):
    """With another seed the focused crops are others, and are not recognised."""
    seen = focused_crops(pattern_pairs, range(12), small.pair, SEED)
    found = assess(answers(pattern_pairs, seen), pattern_pairs, SPLIT, small, SEED + 1, SOLO)
    assert (found.memorisation["own training crop"] < 1).any()


# the table ------------------------------------------------------------------------------------------------------------


def test_medians_hold_train_held_out_and_mixed(made_up):
    rows = made_up.medians()
    assert [list(row) for row in rows] == [["metric", "kind", "name", "train", "held out", "mixed"]] * 5
    assert [tuple(row.values()) for row in rows[:4]] == [
        (INTENSITY, "route", "saxs_to_saxs", 3.0, 3.0, 3.0),
        (INTENSITY, "reference", "training mean", 4.0, 4.0, 4.0),
        (S2, "route", "saxs_to_sem", pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3)),
        (S2, "route", "sem_to_sem", -3.0, -3.0, -3.0),
    ]
    skewed = replace(made_up, errors={S2: {"route": np.array([9.0, 1.0, 5.0, 2.0, 6.0])}}, references={S2: {}})
    (row,) = skewed.medians()
    assert (row["train"], row["held out"], row["mixed"]) == (1.5, 6.0, 5.0)


def test_the_file_gives_everything_back(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    run = Run("tiny", seed=5)
    path = tmp_path / "new" / "errors.json"
    made_up.save(path, run)
    content = json.loads(path.read_text())
    assert content["run"] == asdict(run) | {"encoder": "cnn"}
    assert content["samples"][1] == {"sample_id": "b", "morphology": "columns", "subset": "train"}
    assert [sample["sample_id"] for sample in content["samples"]] == list("abcde")
    assert content["medians"] == made_up.medians()
    assert content["errors"] == {
        metric: {name: list(values) for name, values in routes.items()} for metric, routes in made_up.errors.items()
    }
    assert content["references"][S2][FLOOR] == [3.14159, 6.28319, 9.42478, 12.5664, 31.4159]  # six digits
    assert content["memorisation"] == {"own training crop": [0.98, 0.333333]}
    assert content["properties"] == {"period": {"true": [None, 2, 3, 4, 5]}}  # JSON has no NaN
    assert content["modalities"] == {"scattering": "saxs", "micrograph": "sem"}
    made_up.save(path, run, latents={"solo saxs": {"spread": 1 / 3}})
    assert json.loads(path.read_text())["latents"] == {"solo saxs": {"spread": 0.333333}}
    assert [file.name for file in path.parent.iterdir()] == ["errors.json"]


def test_the_file_names_data_by_name_and_content_and_not_by_place(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    (tmp_path / "films").mkdir()
    run = Run("tiny", data=str(tmp_path / "films"))
    made_up.save(tmp_path / "errors.json", run)
    assert json.loads((tmp_path / "errors.json").read_text())["run"]["data"] == run.data_root.name
    assert str(tmp_path) not in (tmp_path / "errors.json").read_text()


def test_examples_are_the_first_of_every_morphology():
    morphologies = ("rows", "columns", "rows", "skew", "columns")
    assert list(examples(morphologies, (4, 2, 1, 0)).items()) == [("columns", 4), ("rows", 2)]
    assert examples(morphologies, ()) == {}


def test_pairs_that_were_neither_trained_on_nor_held_out_are_in_neither_subset(pattern_pairs, small):
    split = Split(train=SPLIT.train, held_out=SPLIT.held_out[:2])
    micrographs = focused_crops(pattern_pairs, range(12), small.pair, SEED)
    found = assess(answers(pattern_pairs, micrographs), pattern_pairs, split, small, SEED, SOLO)
    assert {int(i) for i in np.flatnonzero(found.subsets == "neither")} == {10, 11}
    assert {int(i) for i in np.flatnonzero(found.subsets == "held out")} == {4, 6}


def test_a_sweep_gathers_the_medians_of_its_runs(perfect, tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    runs = [Run("tiny", seed, n_train=8) for seed in (42, 43)]
    for run in runs:
        perfect.save(run.errors_file, run)
    write_sweep(runs, tmp_path / "sweep.json")
    rows = json.loads((tmp_path / "sweep.json").read_text())
    assert [row["seed"] for row in rows] == [42] * (len(rows) // 2) + [43] * (len(rows) // 2)
    assert {row["n_train"] for row in rows} == {8}
    assert [row["name"] for row in rows[: len(rows) // 2]] == [row["name"] for row in perfect.medians()]


def test_a_sweep_names_the_run_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    with pytest.raises(MissingResult, match="pairvae run 05_evaluation --profile tiny -p seed 42"):
        write_sweep([Run("tiny", 42)], tmp_path / "sweep.json")
