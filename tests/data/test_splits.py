from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from pairvae_lib.data.splits import Split, gap_split, group_split, series_of, stratified_split

LABELS = ("a",) * 18 + ("b",) * 18 + ("c",) * 18 + ("d",) * 18


def counts(labels, indices):
    return Counter(labels[i] for i in indices)


@pytest.mark.parametrize("n_train", [32, 48, 64])
def test_the_papers_sizes_are_stratified(n_train):
    split = stratified_split(LABELS, n_train, seed=43)
    assert len(split.train) == n_train
    assert sorted(split.train + split.held_out) == list(range(72))
    assert set(counts(LABELS, split.train).values()) == {n_train // 4}


def test_any_mix_gives_the_exact_total_and_every_label_on_both_sides():
    rng = np.random.default_rng(0)
    for seed in range(200):
        sizes = rng.integers(1, 12, rng.integers(1, 6))
        labels = [f"m{k}" for k, size in enumerate(sizes) for _ in range(size)]
        if len(labels) < 2:
            continue
        n_train = int(rng.integers(1, len(labels)))
        split = stratified_split(labels, n_train, seed)
        assert len(split.train) == n_train
        assert sorted(split.train + split.held_out) == list(range(len(labels)))
        train, held_out = counts(labels, split.train), counts(labels, split.held_out)
        several = sum(size > 1 for size in sizes)
        if n_train >= several and len(labels) - n_train >= several:
            floor = several <= n_train <= sum(max(size - 1, 1) for size in sizes)
            for label, size in zip((f"m{k}" for k in range(len(sizes))), sizes, strict=True):
                if size > 1 and floor:
                    assert train[label] and held_out[label]


def test_shares_follow_the_sizes():
    labels = ["many"] * 60 + ["few"] * 12
    assert counts(labels, stratified_split(labels, 48, 1).train) == {"many": 40, "few": 8}


def test_a_label_of_two_is_on_both_sides():
    labels = ["many"] * 70 + ["two"] * 2
    for n_train in (2, 36, 70):
        assert counts(labels, stratified_split(labels, n_train, 5).train)["two"] == 1


def test_the_seed_decides():
    assert stratified_split(LABELS, 48, 43) == stratified_split(LABELS, 48, 43)
    assert stratified_split(LABELS, 48, 43) != stratified_split(LABELS, 48, 44)


def test_training_samples_are_mixed_and_held_out_ones_rise():
    split = stratified_split(LABELS, 48, 43)
    first_batches = [LABELS[i] for i in split.train[:16]]
    assert len(set(first_batches)) > 2
    assert list(split.held_out) == sorted(split.held_out)


@pytest.mark.parametrize("n_train", [0, 72, -1])
def test_an_impossible_number_of_training_samples(n_train):
    with pytest.raises(ValueError, match=f"n_train must lie between 1 and 71 for 72 samples; got {n_train}"):
        stratified_split(LABELS, n_train, 0)


def test_one_group_is_held_out():
    groups = ("x", "y", "x", "z", "y")
    split = group_split(groups, "y")
    assert sorted(split.train) == [0, 2, 3]
    assert split.held_out == (1, 4)
    assert group_split(groups, "y", seed=1) == group_split(groups, "y", seed=1)
    assert {group_split(groups, "y", seed).train for seed in range(20)} > {split.train}


def test_group_errors():
    with pytest.raises(ValueError, match=r"held_out must be one of at least two groups \(x, y\); got 'w'"):
        group_split(("x", "y"), "w")
    with pytest.raises(ValueError, match=r"held_out must be one of at least two groups \(x\); got 'x'"):
        group_split(("x", "x"), "x")
    with pytest.raises(ValueError, match="held_out='x' needs a column 'group' or 'batch' in the manifest"):
        group_split(None, "x")


def test_a_split_is_a_value():
    assert Split((1,), (0,)) == Split((1,), (0,))


FOLDS = [(32, range(43, 45)), (48, range(43, 46)), (48, range(46, 49)), (64, range(43, 52))]


@pytest.mark.parametrize(("n_train", "seeds"), FOLDS)
def test_seeds_that_follow_one_another_hold_out_every_sample(n_train, seeds):
    labels = ["hexagonal", "skew", "alternating lines", "ladders"] * 18
    splits = [stratified_split(labels, n_train, seed) for seed in seeds]
    assert set().union(*(split.held_out for split in splits)) == set(range(72))
    if n_train != 32:  # folds that do not overlap
        assert sum(len(split.held_out) for split in splits) == 72


def test_a_new_round_of_folds_is_another_order():
    labels = ["a", "b"] * 18
    assert len({stratified_split(labels, 24, seed).held_out for seed in range(43, 52)}) == 9
    assert stratified_split(labels, 24, 0).train  # seeds before the first one are in rounds, too


def test_the_series_of_a_sample_is_the_letters_that_its_name_begins_with():
    assert series_of(["E_100", "X3", "sim0001", "7b"]) == ("series-E", "series-X", "series-sim", "series-")


def test_a_gap_is_an_interval_in_every_class_with_samples_on_both_sides():
    values = np.random.default_rng(0).random(72)
    split = gap_split(LABELS, values, seed=1)
    assert sorted(split.train + split.held_out) == list(range(72))
    assert counts(LABELS, split.held_out) == {label: 6 for label in "abcd"}
    for label in "abcd":
        inside = [values[i] for i in split.held_out if LABELS[i] == label]
        outside = np.array([values[i] for i in split.train if LABELS[i] == label])
        assert not ((outside >= min(inside)) & (outside <= max(inside))).any()
        assert (outside < min(inside)).sum() == (outside > max(inside)).sum() == 6


def test_the_seed_of_a_gap_only_orders_the_training_samples():
    values = list(range(72))
    first, second = gap_split(LABELS, values, seed=1), gap_split(LABELS, values, seed=2)
    assert first.held_out == second.held_out and sorted(first.train) == sorted(second.train)
    assert first.train != second.train and first == gap_split(LABELS, values, seed=1)


def test_a_gap_leaves_a_sample_on_either_side():
    assert gap_split("aaa", [3.0, 1.0, 2.0], share=1).held_out == (2,)
    assert gap_split("aaaa", [0.0, 1.0, 2.0, 3.0], share=0.9).held_out == (1, 2)
    assert gap_split("aaaaaa", [1.0, 3.0, 0.0, 2.0, 4.0, 1.0]).held_out == (0, 3, 5)  # equal values stay together


@pytest.mark.parametrize(
    ("labels", "values", "share", "message"),
    [
        ("ab", [1.0], 0.3, "values must be 2 as the labels; got 1"),
        ("aaa", [1.0, np.nan, 2.0], 0.3, "values must be finite; got 1 NaN"),
        ("aaa", [1.0, 2.0, 3.0], 1.5, "share must lie between 0 and 1; got 1.5"),
        ("aa", [1.0, 2.0], 0.3, "values of 'a' must leave samples on both sides of an interval; got [1.0, 2.0]"),
        ("aaaa", [1.0, 2.0, 2.0, 2.0], 0.3, "values of 'a' must leave samples on both sides of an interval"),
    ],
)
def test_a_gap_that_is_none_is_refused(labels, values, share, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        gap_split(labels, values, share=share)
