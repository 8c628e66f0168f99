"""A whole comparison at the smallest budget: trained, stopped, resumed, assessed and published."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from shutil import copytree

import numpy as np
import pytest

from benchmarks.beyond import Contest, definition, models, peers, publishing, run_contest
from benchmarks.beyond.publishing import publish_outcomes
from pairvae_lib.assessment.ensemble_errors import METRICS
from pairvae_lib.book.publish import check_published
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.checks import MissingResult
from pairvae_lib.claims.beyond import read_outcomes
from pairvae_lib.config import QUICK
from pairvae_lib.files.arrays import read_arrays
from pairvae_lib.models.flow.config import FLOW_SHOWN

PEERS = () if find_spec("multivae") is None else peers.PEERS  # where they are not installed, all else is tested
pytestmark = pytest.mark.filterwarnings("ignore:::(multivae|pythae|pydantic|torchvision|torchmetrics|importlib)")


@pytest.fixture(scope="module")
def results(tmp_path_factory, films):
    """The folder of results of one comparison."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRVAE_RESULTS", str(folder))
        patch.setattr(definition, "simulate", lambda target, *_: copytree(films, target))
        run_contest(Contest("gap", budget="tiny", peers=PEERS))
    return folder


@pytest.fixture
def contest(results, monkeypatch, no_simulator):
    """That comparison."""
    monkeypatch.setenv("PAIRVAE_RESULTS", str(results))
    return Contest("gap", budget="tiny", peers=PEERS)


def test_every_method_is_held_to_every_metric(contest):
    outcome = json.loads(contest.result_file.read_text())
    n = outcome["run"]["n_held_out"]
    assert n == 4 and outcome["run"]["n_train"] == 8
    everyone = {"floor", "nearest neighbour", "three neighbours", "class mixture", "another sample", "PairVAE", *PEERS}
    everyone |= {"flow", "flow, shuffled scattering", "PairVAE, drawn as in Fig. 7", "one true crop"}
    assert set(outcome["errors"]) == set(METRICS)
    for methods in outcome["errors"].values():
        assert set(methods) == everyone | {"statistics ridge"}
        assert all(len(values) == n and np.isfinite(values).all() for values in methods.values())
    assert set(outcome["within_class"]) == everyone
    assert set(outcome["spread"]) == everyone - {"one true crop"}  # one has no spread
    assert set(outcome["scattering"]) >= {"PairVAE", *PEERS, "spectral readout", "training mean"}
    assert set(outcome["seconds"]) == {"PairVAE", *PEERS, "flow", "flow, a mask"}
    assert None not in outcome["seconds"].values()


def test_an_outcome_is_kept_and_models_are_read(contest, monkeypatch):
    first = contest.result_file.read_bytes()
    assert run_contest(contest) == contest.result_file and contest.result_file.read_bytes() == first

    def trains(*_):
        raise AssertionError("a training was started")

    for room, what in (("models.protocol", "solo"), ("models.protocol", "pair"), ("models.flow.training", "flow")):
        monkeypatch.setattr(f"pairvae_lib.{room}.train_{what}", trains)
    monkeypatch.setattr("benchmarks.beyond.peers.train_peer", trains)
    contest.result_file.unlink()
    run_contest(contest)
    again, before = (json.loads(text) for text in (contest.result_file.read_bytes(), first))
    for outcome in (again, before):
        outcome["seconds"].pop("flow, a mask")
    assert again == before


def test_pictures_are_masks_of_every_class(contest):
    found = read_arrays(contest.pictures_file)
    assert list(found["classes"]) == ["columns", "rows"]
    assert found["flow"].shape == found["nearest neighbour"].shape == (2, 2, 32, 32)
    assert found["training crop"].shape == found["training reconstruction"].shape == (2, 1, 32, 32)
    assert found["flow"].dtype == np.bool_


def test_the_flow_is_a_model_that_commands_read(contest):
    bundle = load_bundle(contest.bundle_folder)
    (route,) = KINDS["flow"].routes(bundle.model)
    assert route == ("saxs", "sem")
    x = np.random.default_rng(0).random((2, 1, 32, 32), dtype=np.float32)
    drawn = KINDS["flow"].drawn(bundle.model, x, *route, 3, np.random.default_rng(0))
    assert drawn.shape == (2, 3, 32, 32) and drawn.dtype == np.bool_
    assert len(bundle.provenance["sample_ids"]["held_out"]) == 4
    assert "the middle third of blend mean in every class" in (contest.bundle_folder / "card.md").read_text()


def test_of_a_resumed_training_no_time_is_known(tmp_path):
    clock = models.Clock(tmp_path / "seconds.json")
    (tmp_path / "flow.partial").touch()
    assert clock.timed("flow", tmp_path / "flow.pt", lambda file: file.touch() or 7) == 7
    clock.timed("pair", tmp_path / "pair.pt", lambda file: file.touch())
    clock.timed("pair", tmp_path / "pair.pt", lambda file: None)  # it is there: nothing is timed
    assert clock.seconds["flow"] is None and clock.seconds["pair"] >= 0


def test_fewer_epochs_of_all_trainings():
    half = models.fewer_epochs(QUICK, 0.5)
    assert half.solo.epochs == {"bernoulli": 100, "gaussian": 300}
    assert (half.pair.random_crop_epochs, half.pair.focused_epochs) == (12, 125)
    least = models.fewer_epochs(QUICK, 1e-6)
    assert set(least.solo.epochs.values()) == {1} and least.pair.epochs == 2


@pytest.mark.skipif(not PEERS, reason="only comparisons with peers are published")
def test_outcomes_are_published_and_held_to_their_hashes(contest, tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "published_folder", lambda: tmp_path / "published" / "beyond")
    folder = publish_outcomes(budget="tiny")
    assert {path.name for path in folder.iterdir()} == {"gap-seed43.json", "pictures.npz", "provenance.json", "flow"}
    assert check_published(tmp_path / "published")[0].startswith("beyond/simulated: 5 files")
    assert load_bundle(folder / "flow").model.architecture == replace(FLOW_SHOWN, components=2)
    assert sum(path.stat().st_size for path in (folder / "flow").iterdir()) < 1e6
    assert list(read_outcomes(tmp_path / "published" / "beyond")) == [("simulated", "gap")]
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["budget"] == "tiny" and "multivae" in provenance["versions"]


def test_nothing_to_publish_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    with pytest.raises(MissingResult, match="python -m benchmarks.beyond --data simulated --budget quick"):
        publish_outcomes(budget="quick")


