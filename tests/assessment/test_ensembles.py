"""Who answers with what: crops of the right micrographs, and ensembles of models in the order of the queries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.beyond.assessment import class_answer, others_answer
from pairvae_lib.assessment.baselines import nearest_neighbours
from pairvae_lib.assessment.ensembles import (
    crops_of,
    flow_answer,
    neighbours_answer,
    pairvae_answer,
)
from pairvae_lib.assessment.memorisation import best_overlap
from pairvae_lib.data.splits import Split
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import fresh_flow
from pairvae_lib.models.latents import PART

SPLIT = Split((0, 1, 2, 3, 6, 7, 8, 9), (4, 5, 10, 11))


def rng():
    return np.random.default_rng(0)


def comes_from(mask, pairs):
    """Samples whose micrograph holds the mask."""
    return {i for i, micrograph in enumerate(pairs.masks) if best_overlap(mask[None], micrograph)[0] == 1}


def test_crops_come_from_the_micrographs_that_are_named(pattern_pairs):
    answer = crops_of(pattern_pairs, np.array([[0, 1], [3, 4]]), rng())
    assert answer.shape == (2, 2, 32, 32) and answer.dtype == np.bool_
    assert 1 in comes_from(answer[0, 1], pattern_pairs) and 3 in comes_from(answer[1, 0], pattern_pairs)


def test_neighbours_take_turns(pattern_pairs):
    answer = neighbours_answer(pattern_pairs, SPLIT, 2, 5, rng())
    assert answer.shape == (4, 5, 32, 32)
    nearest = nearest_neighbours(pattern_pairs.scattering, SPLIT.train, SPLIT.held_out, 2)
    for query in range(4):
        for k in range(5):
            assert nearest[query, k % 2] in comes_from(answer[query, k], pattern_pairs)


def test_the_class_is_kept_and_never_the_sample_itself(pattern_pairs):
    answer = class_answer(pattern_pairs, SPLIT, 6, rng())
    columns, rows = (answer[[i for i, q in enumerate(SPLIT.held_out) if q % 2 == odd]] for odd in (0, 1))
    assert (columns == columns[:, :, :1]).all() and not (columns == columns[..., :1]).all()  # lines along the columns
    assert (rows == rows[..., :1]).all()


def test_a_class_without_training_samples_is_answered_by_any(pattern_pairs):
    split = Split((0, 2, 4), (1,))
    assert class_answer(pattern_pairs, split, 3, rng()).shape == (1, 3, 32, 32)


def test_another_sample_is_one_training_sample(pattern_pairs):
    answer = others_answer(pattern_pairs, SPLIT, 3, rng())
    for masks in answer:
        assert set.intersection(*(comes_from(mask, pattern_pairs) for mask in masks)) & set(SPLIT.train)


def test_pairvae_answers_from_samples_of_its_posterior(fresh_pair, pattern_pairs):
    torch.nn.init.zeros_(fresh_pair.vae("sem").decoder.output.bias)  # a fresh decoder may answer with white alone
    given = (fresh_pair, pattern_pairs.scattering[[3, 8]], "saxs", "sem", PART)  # more than one part
    answer = pairvae_answer(*given, rng())
    assert answer.shape == (2, PART, 32, 32)
    assert np.array_equal(answer, pairvae_answer(*given, rng()))
    assert len({mask.tobytes() for mask in answer[0]}) > 1
    noise = torch.from_numpy(rng().standard_normal((1, 8, 1, 1), dtype=np.float32))
    x = torch.from_numpy(pattern_pairs.scattering[[3]])
    assert np.array_equal(answer[0, 0], fresh_pair.reconstruct(x, "saxs", "sem", noise)[0, 0].numpy())


def test_a_flow_answers_at_any_size(pattern_pairs):
    flow = fresh_flow(*pattern_pairs.modalities, FlowArchitecture((8, 8, 8), 8, 2), 5, 0)
    flow.regression.learn(pattern_pairs.scattering[:5], np.random.default_rng(0).standard_normal((5, 2)))
    assert flow_answer(flow, pattern_pairs.scattering[:3], 2, 20, rng(), steps=2).shape == (3, 2, 20, 20)
    with pytest.raises(ValueError, match="steps must be above 0; got 0"):
        flow_answer(flow, pattern_pairs.scattering[:1], 2, 20, rng(), steps=0)
