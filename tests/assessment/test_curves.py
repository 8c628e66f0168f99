"""What is kept of a run for its figures."""

from __future__ import annotations

import numpy as np

from pairvae_lib.assessment.errors import example_results, latent_results
from pairvae_lib.data.splits import Split
from pairvae_lib.models.pairvae import PairVAE, fresh_vae
from pairvae_lib.models.training import focused_crops

SPLIT = Split(train=(7, 2, 0, 5, 9, 3, 8, 1), held_out=(4, 6, 10, 11))


def test_examples_are_held_out_and_recalled_ones_are_trained_on(fresh_pair, pattern_pairs, small):
    solo = {name: fresh_pair.vae(name) for name in fresh_pair.names}
    found = example_results(solo, fresh_pair, pattern_pairs, SPLIT, small, 43)
    labels = list(found["example labels"])
    assert labels == ["columns", "rows"]
    assert list(found["example index"]) == [4, 11]  # the first held out of each
    np.testing.assert_array_equal(found["example true saxs"], pattern_pairs.scattering[[4, 11], 0])
    for series in ("solo sem_to_sem", "sem_to_sem", "saxs_to_sem", "true sem"):
        assert found[f"example {series}"].shape == (2, 32, 32) and found[f"example {series}"].dtype == bool
    for series in ("solo saxs_to_saxs", "saxs_to_saxs", "sem_to_saxs"):
        assert found[f"example {series}"].dtype == np.float32
    first = [next(i for i in SPLIT.train if pattern_pairs.morphologies[i] == label) for label in labels]
    seen = focused_crops(pattern_pairs, tuple(first), small.pair, 43)[:, 0] > 0.5
    np.testing.assert_array_equal(found["training example crop"], seen)
    assert "q" not in found


def test_profiles_keep_their_q(profile_pairs, small):
    model = PairVAE(*(fresh_vae(modality, small, i) for i, modality in enumerate(profile_pairs.modalities))).eval()
    solo = {name: model.vae(name) for name in model.names}
    found = example_results(solo, model, profile_pairs, SPLIT, small, 43)
    np.testing.assert_array_equal(found["q"], profile_pairs.q)
    statistics, coordinates, uncertainty = latent_results(solo, model, profile_pairs, small, 43)
    name = profile_pairs.modalities[0].name
    assert set(statistics) == {f"solo {name}", "solo sem", f"pair {name}", "pair sem"}
    assert {values.shape for values in coordinates.values()} == {(12, 2)}
    assert uncertainty["S2 spread"].shape == (12,)
