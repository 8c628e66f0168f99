"""Which comparison it is: who is held out, by which column, and where results lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.beyond import Contest, definition
from benchmarks.beyond.definition import CONTROLS, contest_pairs, contest_split, control_values, joined
from pairvae_lib.data.splits import FIRST_SEED


@pytest.fixture
def folder(tmp_path, pattern_pairs):
    """A folder with a manifest of those pairs."""
    rows = [f"{name},{k % 5},n" for k, name in enumerate(pattern_pairs.sample_ids)]
    (tmp_path / "manifest.csv").write_text("\n".join(["sample_id,dose,note", *rows[::-1]]))
    return tmp_path


def test_controls_are_read_by_sample_and_not_by_row(folder, pattern_pairs):
    assert control_values(folder, "dose", pattern_pairs.sample_ids) == [k % 5 for k in range(12)]


@pytest.mark.parametrize("column", ["note", "pitch"])
def test_a_column_without_numbers_is_refused(folder, pattern_pairs, column):
    with pytest.raises(ValueError, match=f"column '{column}' of .*manifest.csv must hold a number for every sample"):
        control_values(folder, column, pattern_pairs.sample_ids)


def test_a_gap_is_cut_out_of_the_control(folder, pattern_pairs):
    contest = Contest("gap", data=str(folder), budget="tiny", control="dose", peers=())
    split, said = contest_split(contest, pattern_pairs, folder)
    assert said == "the middle third of dose in every class"
    assert {pattern_pairs.morphologies[i] for i in split.held_out} == set(pattern_pairs.morphologies)
    assert contest.folder.name == f"gap-dose-seed{FIRST_SEED}-without-peers"


def test_batches_take_turns_with_the_seed(folder, pattern_pairs):
    held_out = set()
    for seed in range(FIRST_SEED, FIRST_SEED + 3):
        split, said = contest_split(Contest("batch", seed, str(folder), "tiny", peers=()), pattern_pairs, folder)
        (group,) = {pattern_pairs.groups[i] for i in split.held_out}
        assert said == f"batch {group}"
        held_out.add(group)
    assert held_out == set(pattern_pairs.groups)


def test_a_random_split_is_that_of_the_chapters(folder, pattern_pairs):
    split, said = contest_split(Contest("random", data=str(folder), budget="tiny", peers=()), pattern_pairs, folder)
    assert len(split.held_out) == 4 and said == "a random third, stratified by class"


def test_controls_of_the_simulator_take_turns_with_the_seed():
    assert [Contest("gap", FIRST_SEED + k, peers=()).column for k in range(4)] == [*CONTROLS, CONTROLS[0]]


def test_simulated_pairs_are_prepared_once(tmp_path, monkeypatch, no_simulator):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    contest = Contest("gap", budget="tiny", peers=())
    pairs, folder = contest_pairs(contest)
    assert folder == tmp_path / "beyond" / "tiny" / "simulated" / "data" and len(pairs) == 12
    assert no_simulator == [(12, "quick", 2023)]
    assert len(control_values(folder, contest.column, pairs.sample_ids)) == 12
    before = (contest.data_root / "pairs.npz").stat().st_mtime_ns
    again, _ = contest_pairs(contest)
    assert again.digest == pairs.digest and (contest.data_root / "pairs.npz").stat().st_mtime_ns == before


def test_final_numbers_are_of_pairs_that_nothing_was_chosen_by(tmp_path, monkeypatch, no_simulator):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    contest = Contest("test", budget="tiny", peers=())
    pairs, folder = contest_pairs(contest)
    assert no_simulator == [(12, "quick", 2023), (12, "quick", 4099)]
    split, said = contest_split(contest, pairs, folder)
    assert said == "pairs that the simulator draws with seed 4099"
    assert [pairs.groups[i] for i in split.held_out] == ["test"] * 12 and len(split.train) == 12
    alone, _ = contest_pairs(Contest("random", budget="tiny", peers=()))
    first = pairs.subset(range(12))
    assert first.sample_ids == tuple(f"development {name}" for name in alone.sample_ids)
    np.testing.assert_array_equal(first.scattering, alone.scattering)


def test_joined_pairs_keep_their_pixel_sizes(pattern_pairs):
    sized = replace(pattern_pairs, nm_per_pixel=(2.0,) * len(pattern_pairs))
    assert joined({"a": sized, "b": sized}).nm_per_pixel == (2.0,) * 2 * len(pattern_pairs)
    assert joined({"a": sized, "b": pattern_pairs}).nm_per_pixel is None


def test_only_pairs_that_were_prepared_alike_are_joined(pattern_pairs, profile_pairs):
    with pytest.raises(ValueError, match="^sets must be prepared alike; got .* and, in 'b', "):
        joined({"a": pattern_pairs, "b": profile_pairs})


def test_the_test_set_is_simulated(folder):
    with pytest.raises(ValueError, match="data must be 'simulated' for the split 'test'; got"):
        Contest("test", data=str(folder), peers=())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"split": "fold"}, "split must be one of random, gap, batch, test; got 'fold'"),
        ({"budget": "huge"}, "budget must be one of tiny, quick, standard; got 'huge'"),
        ({"data": "nowhere", "peers": ()}, "data must be 'simulated' or a folder of paired data; got 'nowhere'"),
    ],
)
def test_names_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        Contest(**values)


def test_without_multivae_the_peers_must_be_left_out(monkeypatch):
    monkeypatch.setattr(definition, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"peers must be none \(--no-peers\) .*'.\[peers\]'\); got MVAE, MoPoE"):
        Contest()
    assert Contest(peers=()).folder.name == "gap-seed43-without-peers"


def test_a_gap_in_data_of_ones_own_needs_a_control(folder):
    with pytest.raises(ValueError, match="control must name a column of the manifest for the split 'gap'; got ''"):
        Contest("gap", data=str(folder), peers=())


def test_batches_need_groups(folder, pattern_pairs):
    with pytest.raises(ValueError, match="needs a column 'group' or 'batch' in the manifest"):
        contest_split(Contest("batch", budget="tiny", peers=()), replace(pattern_pairs, groups=None), folder)
