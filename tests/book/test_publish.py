"""Published results: copied with their provenance, and held to it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pairvae_lib.book import publish as publishing
from pairvae_lib.book.explorer.examples import Exploration
from pairvae_lib.book.publish import add_published, check_published, publish, what_is_published
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.checks import DataError, MissingResult
from pairvae_lib.files.arrays import read_arrays, write_arrays, write_json
from pairvae_lib.files.runs import Run


def run(seed):
    return Run("tiny", seed, 8)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Two finished runs, published; returns the folder of all that is published."""
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(publishing, "published_root", lambda: tmp_path / "results" / "published")
    example, other = run(43), run(42)
    for one in (example, other):
        metrics = {"S2": {"a": [1.0]}, "components": {"a": [2.0]}}
        errors = {"run": {"n_train": one.n_train}, "medians": [], "errors": metrics, "references": metrics}
        write_json(one.errors_file, errors | {"properties": dict.fromkeys([*publishing.PROPERTIES, "components"], {})})
        arrays = {"r": np.arange(3.0), "S2 true": np.ones((2, 3)), "L vertical true": np.ones((2, 3))}
        write_arrays(one.curves_file, arrays | {"example true sem": np.ones((1, 4, 4), dtype=bool)})
        drawn = {"labels": np.array(["a"]), "distance 1": np.ones((1, 5)), "true": np.ones((1, 4, 4), dtype=bool)}
        write_arrays(one.generation_file, drawn)
    write_json(example.history_file, {"pair": {"total": [1.0]}})
    other = Run("tiny", 43, 8, protocol="direct")
    nothing = {"errors": {}, "references": {}, "properties": dict.fromkeys(publishing.PROPERTIES, {})}
    write_json(other.errors_file, nothing | {"errors": {"S2": [0.123456, None, 3]}})
    write_json(other.history_file, {"solo sem": {"kl": [1.0]}, "pair": {"total": [2.0]}})
    smaller = Run("tiny", 43, 4)
    write_json(smaller.errors_file, nothing)
    write_json(smaller.history_file, {"pair": {"total": [9.0] * 18 + [3.0, 2.0]}})
    write_arrays(other.curves_file, {"r": np.arange(3.0)})
    scores = dict.fromkeys(publishing.SCORES, 0.5) | {"fraction_bias": 0.1}
    rows = [scores | {"illumination": light} for light in (0, 1.0, 4)]
    write_json(example.data_root / "thresholds.json", {"rows": rows})
    example.pair_file.write_bytes(b"large")
    publish([example, run(42), other, smaller], example)
    return tmp_path / "results" / "published"


def test_small_results_are_laid_out_as_they_were(published):
    folder = published / "tiny" / "simulated"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "provenance.json", "seed42-n8/curves.npz", "seed42-n8/errors.json", "seed42-n8/generation.npz",
        "seed43-n4/errors.json", "seed43-n4/history.json", "seed43-n8/curves.npz",
        "seed43-n8/direct/errors.json", "seed43-n8/direct/history.json", "seed43-n8/errors.json",
        "seed43-n8/generation.npz", "seed43-n8/history.json", "thresholds.json",
    ]
    direct = folder / "seed43-n8" / "direct"
    assert json.loads((direct / "errors.json").read_text())["errors"] == {"S2": [0.1235, None, 3]}  # four digits
    assert json.loads((direct / "history.json").read_text()) == {"pair": {"total": [2.0]}}
    whole, part = (json.loads((folder / name / "errors.json").read_text()) for name in ("seed43-n8", "seed42-n8"))
    assert "medians" in whole and set(whole["errors"]) == {"S2", "components"}
    history = json.loads((folder / "seed43-n4" / "history.json").read_text())
    assert history == {"pair": {"total": [2.5]}, "largest rise": {"total": 1e-6}}  # at the end; it never rises
    (light,) = json.loads((folder / "thresholds.json").read_text())["rows"]
    assert light == dict.fromkeys(publishing.SCORES, 0.5) | {"illumination": 1.0}
    assert "medians" not in part and set(part["errors"]) == set(part["references"]) == {"S2"}
    assert set(part["properties"]) == set(publishing.PROPERTIES) < set(whole["properties"])
    assert set(read_arrays(folder / "seed42-n8" / "curves.npz")) == {"r", "S2 true"}
    assert set(read_arrays(folder / "seed42-n8" / "generation.npz")) == {"labels", "distance 1"}
    assert set(read_arrays(folder / "seed43-n8" / "generation.npz")) == {"labels", "distance 1", "true"}
    whole = {"r", "S2 true", "L vertical true", "example true sem"}
    assert set(read_arrays(folder / "seed43-n8" / "curves.npz")) == whole
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["profile"] == "tiny" and provenance["example"] == "seed43-n8"
    assert provenance["trained_at"] == provenance["commit"]
    assert {"python", "torch", "porespy"} <= provenance["versions"].keys()
    assert provenance["machine"]["cores"] > 0


def test_no_picture_of_measured_data_is_published(published, tmp_path):
    (tmp_path / "films").mkdir()
    measured = Run("tiny", 43, 8, data=str(tmp_path / "films"))
    metrics = {"S2": {"a": [0.123456]}, "S2 periodic": {}, "A2": {}, "L vertical": {}, "components": {}}
    nothing = {"errors": metrics, "references": metrics, "properties": dict.fromkeys(publishing.PROPERTIES, {})}
    write_json(measured.errors_file, nothing)
    curves = {"r": np.arange(3.0), "S2 true": np.full((2, 3), 0.12345), "example true profile": np.ones((1, 3))}
    write_arrays(measured.curves_file, curves | {"training example crop": np.ones((1, 4, 4), dtype=bool)})
    drawn = {"S2 mean 1": np.ones((1, 3)), "distance 1": np.ones((1, 5)), "labels": np.array(["a"])}
    write_arrays(measured.generation_file, drawn | {"drawn 1": np.ones((1, 5, 4, 4), dtype=bool)})
    other = Run("tiny", 43, 8, data=measured.data, held_out="edge")
    write_json(other.errors_file, nothing)
    write_arrays(other.curves_file, curves)
    folder = publish([measured, other], measured) / "seed43-n8"
    assert set(read_arrays(folder.parent / "seed43-n8-without-edge" / "curves.npz")) == {"r", "S2 true"}
    kept = read_arrays(folder / "curves.npz")
    assert set(kept) == {"r", "S2 true"}
    np.testing.assert_array_equal(kept["S2 true"], np.float16(0.123))  # in thousandths, which pack well
    assert set(read_arrays(folder / "generation.npz")) == set(drawn)
    errors = json.loads((folder / "errors.json").read_text())["errors"]
    assert errors == {"S2": {"a": [0.123]}, "A2": {}, "L vertical": {}}


def test_what_is_as_it_was_passes(published):
    lines = check_published()
    assert lines == what_is_published() and lines[0].startswith("tiny/simulated: 4 trainings, 12 files, commit ")


def test_publishing_again_replaces(published):
    publish([run(43)], run(43), trained_at="abc")
    assert not (published / "tiny" / "simulated" / "seed42-n8").exists()
    assert json.loads((published / "tiny" / "simulated" / "provenance.json").read_text())["trained_at"] == "abc"
    check_published()


def test_every_difference_is_named(published, monkeypatch):
    folder = published / "tiny" / "simulated"
    (folder / "seed42-n8" / "errors.json").unlink()
    (folder / "seed43-n8" / "errors.json").write_text("{}")
    (folder / "seed43-n8" / "better.json").write_text("{}")
    monkeypatch.setattr(publishing, "settings_digest", lambda profile: "another")
    with pytest.raises(DataError) as caught:
        check_published()
    assert caught.value.problems == [
        "tiny/simulated/seed42-n8/errors.json: missing",
        "tiny/simulated/seed43-n8/errors.json: its content has changed since it was published",
        "tiny/simulated/seed43-n8/better.json: not in provenance.json",
        "tiny/simulated: the profile 'tiny' has other settings now",
    ]


def test_results_of_earlier_settings_say_so(published, monkeypatch):
    file = published / "tiny" / "simulated" / "provenance.json"
    write_json(file, json.loads(file.read_text()) | {"earlier": "made with a smaller encoder"})
    monkeypatch.setattr(publishing, "settings_digest", lambda profile: "another")
    assert check_published()[0].endswith("; made with a smaller encoder")


def test_nothing_published_is_no_success(tmp_path):
    with pytest.raises(DataError, match="no provenance.json below it"):
        check_published(tmp_path)
    assert what_is_published(tmp_path) == []


def test_only_finished_runs_of_one_kind(published, monkeypatch):
    with pytest.raises(MissingResult, match="pairvae run 05_evaluation --profile tiny -p seed 44 -p n_train 8"):
        publish([run(44)], run(43))
    with pytest.raises(ValueError, match="^runs must be of one profile and data set to be published together$"):
        publish([Run("quick")], run(43))
    monkeypatch.setattr(publishing, "is_stale", lambda run, name: True)
    with pytest.raises(ValueError, match="errors.json must come from the code there is now; pairvae run 05_evaluation"):
        publish([run(43)], run(43))


@pytest.fixture
def trained(published, fresh_pair, pattern_pairs, monkeypatch):
    """The example of what is published, with a model of its own."""
    example = run(43)
    pattern_pairs.save(example.pairs_file)
    example.pair_file.write_bytes(b"a checkpoint")
    monkeypatch.setattr(publishing, "load_pair", lambda *_: (fresh_pair, None))
    return example


def test_the_example_of_its_profile_is_published_with_its_model(
    published, trained, pattern_pairs, fresh_pair, monkeypatch
):
    monkeypatch.setattr(publishing, "EXAMPLE_PROFILE", "tiny")
    folder = publish([trained], trained) / "seed43-n8" / "model"
    check_published()
    bundle = load_bundle(folder)
    assert (bundle.profile, bundle.modalities) == ("tiny", pattern_pairs.modalities)
    assert bundle.provenance["digest"] == pattern_pairs.digest and len(bundle.provenance["sample_ids"]["train"]) == 8
    for name, value in fresh_pair.state_dict().items():
        np.testing.assert_allclose(bundle.model.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    known = bundle.provenance["sample_ids"]
    shown = set(Exploration.load(folder.with_name("exploration.safetensors")).sample_ids)
    assert shown & set(known["held_out"]) and shown & set(known["train"])  # what it remembers can be seen, too
    assert shown <= {*known["held_out"], *known["train"]}
    assert "Trained on 8 of 12 simulated pairs" in (folder / "card.md").read_text()
    trained.pair_file.unlink()
    with pytest.raises(MissingResult, match="pairvae run 04_pair_vae --profile tiny"):
        publish([trained], trained)
    check_published()


@pytest.fixture
def finished(published):
    """Files of two more runs: of another size, and another seed of the example's."""
    runs = [Run("tiny", 42, 4), Run("tiny", 44, 8)]
    for one in runs:
        nothing = {"errors": {}, "references": {}, "properties": dict.fromkeys(publishing.PROPERTIES, {})}
        write_json(one.errors_file, nothing)
        write_arrays(one.curves_file, {"r": np.arange(3.0), "S2 true": np.ones((2, 3)), "L vertical true": np.ones(2)})
    return runs


def test_runs_are_added_to_what_is_published(published, finished):
    folder = published / "tiny" / "simulated"
    before = json.loads((folder / "provenance.json").read_text())
    assert add_published(finished, trained_at="abc") == folder
    assert check_published()[0].startswith("tiny/simulated: 6 trainings (2 added later), 15 files, ")
    after = json.loads((folder / "provenance.json").read_text())
    assert set(after["added"]) == {"seed42-n4", "seed44-n8"}
    assert after["added"]["seed42-n4"]["trained_at"] == "abc" and after["added"]["seed42-n4"]["machine"]["cores"] > 0
    kept = before.keys() - {"files", "wall_seconds"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert before["files"].items() <= after["files"].items()
    assert not (folder / "seed42-n4" / "curves.npz").exists()  # another size
    assert set(read_arrays(folder / "seed44-n8" / "curves.npz")) == {"r", "S2 true"}
    finished[1].curves_file.unlink()
    add_published(finished[1:])  # again: what is there is what it has now
    assert check_published()[0].startswith("tiny/simulated: 6 trainings (2 added later), 14 files, ")
    assert json.loads((folder / "provenance.json").read_text())["added"]["seed44-n8"]["trained_at"] != "abc"


def test_only_what_belongs_there_is_added(published, finished, monkeypatch):
    with pytest.raises(FileNotFoundError, match="holds no provenance.json: there is nothing to add to$"):
        add_published([Run("quick", 43, 8)])
    with pytest.raises(ValueError, match="^runs must be of one profile and data set to be published together$"):
        add_published([*finished, Run("quick", 43, 8)])
    with pytest.raises(ValueError, match="^seed43-n8 is the published example: publish all runs anew$"):
        add_published([run(43)])
    with pytest.raises(MissingResult, match="pairvae run 05_evaluation --profile tiny -p seed 45 -p n_train 8"):
        add_published([*finished, run(45)])
    monkeypatch.setattr(publishing, "settings_digest", lambda profile: "another")
    with pytest.raises(ValueError, match="was made with other settings of 'tiny': publish all runs anew$"):
        add_published(finished)
    monkeypatch.undo()
    assert what_is_published(published)[0].startswith("tiny/simulated: 4 trainings, 12 files, ")


def test_what_is_committed_is_as_it_was_published():
    """The results that the book shows; `pairvae published --check`."""
    assert check_published()
