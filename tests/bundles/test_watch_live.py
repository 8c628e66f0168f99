"""A delivery into a watched folder: every file a line, broken ones too, and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from lab import untrained

from pairvae_lib.bundles import watch
from pairvae_lib.bundles.apply import read_measurement
from pairvae_lib.bundles.train import as_bundle
from pairvae_lib.bundles.watch import delivered
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.files.runs import Run
from pairvae_lib.models.flow.config import FLOWS
from pairvae_lib.models.flow.network import fresh_flow


def test_every_file_gets_a_line_and_none_is_done_twice(lab_pairs):
    files = sorted((lab_pairs / "saxs").glob("*.png"))[:3]
    delivery = delivered(untrained(), files, samples=2, pause=0.01)
    status = {line["file"]: line["status"] for line in delivery.lines}
    assert status == {"broken.png": "failed"} | {file.name: "done" for file in files}
    assert delivery.repeated == 0
    assert len(delivery.seconds) == 3 and all(0 < seconds < 30 for seconds in delivery.seconds)
    (broken,) = (row for row in delivery.rows if row["status"] == "failed")
    assert broken["reason"].startswith("broken.png cannot be used: ")  # no path of the throwaway folder


def test_a_bundle_treats_files_as_the_training_data_were(lab_pairs, pattern_pairs, fresh_pair):
    run = Run("tiny", data=str(lab_pairs))
    dataset = open_pairs(lab_pairs, binarisation=run.settings.binarisation)
    pairs = prepare(dataset, run.settings)
    bundle = as_bundle(fresh_pair, pairs, dataset, run)
    assert bundle.scalings[0].pattern_shape == (40, 44) and bundle.profile == "tiny"
    seen = read_measurement(bundle, dataset.listing.samples[5].scattering, "saxs").seen
    assert seen == pytest.approx(pairs.scattering[5, 0])


def test_a_flow_is_a_bundle_too(lab_pairs):
    run = Run("tiny", data=str(lab_pairs))
    dataset = open_pairs(lab_pairs, binarisation=run.settings.binarisation)
    pairs = prepare(dataset, run.settings)
    flow = fresh_flow(*pairs.modalities, FLOWS["tiny"].architecture, len(pairs), 1).eval()
    flow.regression.learn(pairs.scattering, np.random.default_rng(1).standard_normal((len(pairs), 2)))
    bundle = as_bundle(flow, pairs, dataset, run)
    assert bundle.kind == "flow"
    files = [sample.scattering for sample in dataset.listing.samples[:2]]
    assert len(delivered(bundle, files, samples=2, pause=0.01).seconds) == 2


def test_nothing_to_deliver_is_refused():
    with pytest.raises(ValueError, match="^number of files must be above 0; got 0$"):
        delivered(untrained(), [])


def test_a_watch_that_does_not_get_on_is_given_up(lab_pairs, monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.2)
    monkeypatch.setattr(watch.Watch, "run", lambda self: None)
    files = sorted((lab_pairs / "saxs").glob("*.png"))[:1]
    with pytest.raises(TimeoutError, match="^2 files must have a line in the log after 0.2 s; got 0$"):
        delivered(untrained(), files)
