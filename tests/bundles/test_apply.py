from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import tifffile
import torch
from lab import TINY, untrained, write_profile
from PIL import Image
from safetensors.torch import save

from pairvae_lib.bundles.apply import (
    SELF_ERRORS,
    SURE,
    Measurement,
    Treatment,
    disagreement,
    generated,
    read_measurement,
    reconstructed,
    self_error,
)
from pairvae_lib.bundles.bundle import LATENTS, latent_variance, load_bundle
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.data.inspection import inspected
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.scaling import Scaling
from pairvae_lib.models.latents import posterior
from pairvae_lib.models.protocol import split_pairs

NM = Treatment(nm_per_pixel=2.5)


@pytest.fixture(scope="module")
def bundle(lab_model):
    return load_bundle(lab_model)


@pytest.fixture(scope="module")
def pattern(bundle, lab_pairs):
    return read_measurement(bundle, lab_pairs / "saxs" / "s03.png", "saxs")


def test_files_are_seen_as_in_training(bundle, lab_pairs):
    pairs = prepare(open_pairs(lab_pairs, binarisation=TINY.binarisation), TINY)
    for index in (0, 5):
        seen = read_measurement(bundle, lab_pairs / "saxs" / f"s{index:02d}.png", "saxs").seen
        assert np.array_equal(seen, pairs.scattering[index, 0])
        mask = read_measurement(bundle, lab_pairs / "sem" / f"s{index:02d}.png", "sem", NM).seen
        assert np.array_equal(mask, pairs.masks[index])


def test_an_ensemble_is_drawn_from_the_posterior(bundle, pattern):
    found = reconstructed(bundle, pattern, "sem", samples=5)
    assert found.drawn.shape == (5, 32, 32) and found.drawn.dtype == np.bool_
    x = torch.from_numpy(pattern.seen[None, None])
    assert np.array_equal(found.best, bundle.model.reconstruct(x, "saxs", "sem")[0, 0].numpy())
    intensities = reconstructed(bundle, pattern, "saxs", samples=3).drawn
    assert intensities.dtype == np.float32 and len(np.unique(intensities[:, 0, 0])) == 3


def test_the_same_file_gives_the_same_ensemble(bundle, pattern, lab_pairs):
    again = read_measurement(bundle, lab_pairs / "saxs" / "s03.png", "saxs")
    first, second = (reconstructed(bundle, one, "saxs", 4).drawn for one in (pattern, again))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, reconstructed(bundle, pattern, "saxs", 4, seed=44).drawn)


def test_every_member_sees_a_crop_of_its_own(bundle, lab_pairs):
    micrograph = read_measurement(bundle, lab_pairs / "sem" / "s03.png", "sem", NM)
    found = reconstructed(bundle, micrograph, "saxs", samples=6)
    assert found.drawn.shape == (6, 32, 32) and found.best is None
    exact = replace(micrograph, seen=micrograph.seen[:32, :32])
    assert reconstructed(bundle, exact, "saxs", samples=6).best is not None


def test_a_larger_variance_generates_more_widely(bundle, pattern):
    near, far = (generated(bundle, pattern, "saxs", 24, variance).drawn for variance in (1e-6, 4.0))
    assert near.shape == far.shape == (24, 32, 32)
    assert near.std(axis=0).mean() < 0.1 * far.std(axis=0).mean()


def test_the_variance_is_that_of_the_training_samples(bundle, lab_pairs):
    seen = np.stack([
        read_measurement(bundle, lab_pairs / "saxs" / f"{name}.png", "saxs").seen for name in bundle.provenance["train"]
    ])[:, None]
    expected = posterior(bundle.model.vae("saxs"), seen).latent_mean.var(dim=0, correction=0)
    assert torch.allclose(latent_variance(bundle)["saxs"], expected, rtol=1e-4, atol=1e-9)


def test_profiles(tmp_path):
    bundle = untrained(profiles=True)
    profile = read_measurement(bundle, write_profile(tmp_path / "a.dat"), "gisaxs")
    assert profile.seen.shape == (32,)
    assert reconstructed(bundle, profile, "sem", 3).drawn.shape == (3, 32, 32)
    unknown = write_profile(tmp_path / "b.dat", unit="?")
    told = read_measurement(bundle, unknown, "gisaxs", Treatment(q_unit="1/angstrom"))
    assert np.array_equal(told.seen, profile.seen)
    scaled = read_measurement(bundle, unknown, "gisaxs", Treatment(q_scale=10.0))
    assert scaled.seen == pytest.approx(profile.seen, abs=1e-6)
    Image.fromarray(np.eye(32, dtype=np.uint8)).save(tmp_path / "detector.tif")
    with pytest.raises(ValueError, match="detector.tif cannot be used: .*; name the .poni file"):
        read_measurement(bundle, tmp_path / "detector.tif", "gisaxs")


def test_a_profile_beyond_the_range_of_the_training_is_doubted(tmp_path):
    bundle = untrained(profiles=True)
    steep = read_measurement(bundle, write_profile(tmp_path / "a.dat", exponent=-9.0), "gisaxs")
    doubts = reconstructed(bundle, steep, "sem", 1).warnings
    assert any("of the profile lie beyond the values" in doubt for doubt in doubts)
    flat = read_measurement(bundle, write_profile(tmp_path / "b.dat", exponent=-3.0), "gisaxs")
    assert reconstructed(bundle, flat, "sem", 1).warnings == ()


def test_a_measurement_that_the_model_does_not_give_back_is_doubted(bundle, pattern):
    error = self_error(bundle, pattern)
    assert error == pytest.approx(np.abs(reconstructed(bundle, pattern, "saxs", 1).best - pattern.seen).mean())
    for largest, doubted in ((0.9 * error, True), (0.999 * error, False), (1.1 * error, False)):
        strict = replace(bundle, provenance=bundle.provenance | {SELF_ERRORS: {"saxs": {"largest": largest}}})
        doubts = reconstructed(strict, pattern, "sem", 1).warnings
        assert [doubt.startswith("the model gives this measurement itself back with an error") for doubt in doubts] == (
            [True] * doubted
        )
    assert self_error(bundle, replace(pattern, source="sem")) is None


def test_an_ensemble_of_one_answer_is_doubted(bundle, pattern, monkeypatch):
    def sure(_, x, source, target, n, rng):
        masks = rng.random((1, 1, 32, 32)) < 0.5
        return masks.repeat(n, axis=1)

    monkeypatch.setattr(KINDS["pairvae"], "drawn", sure)
    assert SURE in reconstructed(bundle, pattern, "sem", 4).warnings
    assert SURE not in reconstructed(bundle, pattern, "sem", 1).warnings
    monkeypatch.setattr(KINDS["pairvae"], "drawn", lambda *given: given[-1].random((1, 4, 32, 32)) < 0.5)
    found = reconstructed(bundle, pattern, "sem", 4)
    assert SURE not in found.warnings and 0.2 < disagreement(found.drawn) < 0.4


def test_rows_of_the_data_bar_are_left_out(tmp_path, rng):
    bundle = untrained()
    bundle = replace(bundle, scalings=(Scaling(), Scaling(nm_per_pixel=2.5, image_rows=36)))
    file = tmp_path / "a.png"
    Image.fromarray(rng.integers(256, size=(44, 40), dtype=np.uint8)).save(file)
    assert read_measurement(bundle, file, "sem", NM).seen.shape == (36, 40)
    assert read_measurement(bundle, file, "sem", Treatment(image_rows=40, nm_per_pixel=2.5)).seen.shape == (40, 40)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "missing.png cannot be used: is missing"),
        ("folder.png", "folder.png cannot be used: is no file"),
        ("small.png", "small.png cannot be used: 20 x 20 px, but the model was trained on patterns of 40 x 44 px"),
        ("broken.png", "broken.png cannot be used: "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(bundle, tmp_path, rng, name, message):
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(rng.integers(256, size=(20, 20), dtype=np.uint8)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "small.png").read_bytes()[:100])
    with pytest.raises(ValueError, match=message):
        read_measurement(bundle, tmp_path / name, "saxs")


def test_what_the_model_does_not_know_is_refused(bundle, pattern):
    with pytest.raises(ValueError, match="^modality must be one of saxs, sem; got 'tem'$"):
        bundle.modality("tem")
    with pytest.raises(ValueError, match="^route must be one of saxs to saxs, saxs to sem, .*; got saxs to tem$"):
        reconstructed(bundle, pattern, "tem")
    with pytest.raises(ValueError, match="^samples must lie between 1 and 10000; got 0$"):
        reconstructed(bundle, pattern, "sem", samples=0)
    with pytest.raises(ValueError, match="^count must lie between 1 and 10000; got 20000$"):
        generated(bundle, pattern, "sem", count=20_000)
    with pytest.raises(ValueError, match="^target must be one of saxs, sem; got 'tem'$"):
        generated(bundle, pattern, "tem")
    with pytest.raises(ValueError, match="^variance_scale must be above 0; got -1.0$"):
        generated(bundle, pattern, "sem", variance=-1.0)
    assert (bundle.other("saxs"), bundle.other("sem")) == ("sem", "saxs")


def test_generation_needs_latents():
    bundle = untrained()
    measurement = Measurement("a", "0", "saxs", np.zeros((32, 32), np.float32))
    with pytest.raises(ValueError, match="^the model's folder holds no latents.safetensors, which generation needs"):
        generated(bundle, measurement, "sem")
    shape = bundle.model.vae("sem").latent_shape
    good = {name: torch.ones(shape) for name in ("saxs", "sem")}
    for content, message in (
        (b"x", "^latents.safetensors is not a safetensors file"),
        (save({"saxs": torch.ones(shape)}), r"^latents.safetensors must hold sem of shape \(32, 1, 1\)$"),
        (save(good | {"sem": -torch.ones(shape)}), "^latents.safetensors must hold variances: finite, not below 0$"),
    ):
        with pytest.raises(ValueError, match=message):
            generated(replace(bundle, attachments={LATENTS: content}), measurement, "sem")
    with pytest.raises(ValueError, match="^generate needs a model with latents, of the kind 'pairvae'; got 'flow'"):
        generated(replace(bundle, model=torch.nn.Identity(), kind="flow"), measurement, "sem")


def test_a_flow_draws_and_what_it_does_not_know_is_refused_with_a_way_out(lab_flow, lab_pairs):
    flow = load_bundle(lab_flow)
    measurement = read_measurement(flow, lab_pairs / "saxs" / "s03.png", "saxs")
    found = reconstructed(flow, measurement, "sem", 3)
    assert found.drawn.shape == (3, 32, 32) and found.best is None and found.self_error is None
    assert not any("generate" in warning for warning in found.warnings)
    mask = read_measurement(flow, lab_pairs / "sem" / "s03.png", "sem", NM)
    with pytest.raises(ValueError, match="^route must be one of saxs to sem; got sem to saxs; a model of the kind 'pa"):
        reconstructed(flow, mask, "saxs")
    with pytest.raises(ValueError, match="got 'flow', whose ensembles pairvae reconstruct draws as widely as the meas"):
        generated(flow, measurement, "sem")


@pytest.fixture
def of_profiles(bundle):
    """A model that was trained on profiles in 1/nm, of which only the scaling is asked for."""
    profile = Modality("saxs", (32,), "profile")
    scaling = Scaling(axis=Axis("q", "1/nm"), grid=tuple(np.geomspace(0.2, 2, 32)), limits=(-2.0, 2.0))
    return replace(bundle, modalities=(profile, bundle.modalities[1]), scalings=(scaling, Scaling(image_rows=60)))


def test_a_unit_on_the_command_line_overrules_the_file_with_a_warning(of_profiles, tmp_path):
    q = np.geomspace(0.1, 3, 100)
    rows = "\n".join(f"{value:.8g} {1 / value:.8g} 0.1 0.2" for value in q)
    (tmp_path / "a.dat").write_text(f"# q_A^-1 I dI dq\n{rows}")
    (tmp_path / "b.dat").write_text(f"# q_nm^-1 I dI dq\n{rows}\n4 nan 0 0")
    expected = read_measurement(of_profiles, tmp_path / "b.dat", "saxs")
    assert expected.warnings == ()
    with pytest.raises(ValueError, match="covers q from 1 to 30, but the model needs 0.2 to 2 1/nm$"):
        read_measurement(of_profiles, tmp_path / "a.dat", "saxs")
    overruled = read_measurement(of_profiles, tmp_path / "a.dat", "saxs", Treatment(q_unit="1/nm"))
    assert np.array_equal(overruled.seen, expected.seen)
    assert overruled.warnings == ("q is taken in 1/nm, as q_unit says, and the file says 1/angstrom",)
    with pytest.raises(ValueError, match="q_unit must be one of 1/nm, 1/angstrom, unknown; got 'cm'"):
        read_measurement(of_profiles, tmp_path / "a.dat", "saxs", Treatment(q_unit="cm"))


def test_a_micrograph_with_fewer_rows_than_those_of_the_training_needs_a_word(of_profiles, tmp_path):
    grey = np.random.default_rng(0).integers(20, 200, (50, 64), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match="50 px high, expected at least the 60 rows above the data bar"):
        read_measurement(of_profiles, tmp_path / "a.bmp", "sem")
    assert read_measurement(of_profiles, tmp_path / "a.bmp", "sem", Treatment(image_rows=44)).seen.shape == (44, 64)
    tags = "[Scan]\r\nPixelWidth=2e-9\r\n[Image]\r\nResolutionY=46\r\n"
    tifffile.imwrite(tmp_path / "a.tif", grey, extratags=[(34682, "s", 0, tags, True)])
    assert read_measurement(of_profiles, tmp_path / "a.tif", "sem").seen.shape == (46, 64)


def gisaxs(path, i):
    rows, cols = np.indices((64, 64))
    levels = np.where(rows < 40, 50 + i + 300 * np.exp(-(((np.abs(cols - 32) - 9) / 3) ** 2)), 0).astype(np.int32)
    levels[:, 20:22], levels[12:14] = -1, -1
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = levels


def counts_of_16_bits(path, i):
    tifffile.imwrite(path, np.random.default_rng(i).poisson(30, (64, 64)).astype(np.uint16))


def of_mixed_units(path, i):
    q, head = np.geomspace(0.1, 3, 90), "q (1/nm)\tI"
    if i % 3 == 0:
        q, head = q / 10, "Q (Å⁻¹)\tI"
    noise = np.random.default_rng(i).normal(0, 3, 90)
    path.write_text(f"{head}\n" + "".join(f"{a}\t{a**-2.0 + b}\n" for a, b in zip(q, noise, strict=True)), "utf-8")


@pytest.mark.parametrize(
    ("name", "suffix", "write", "beam"),
    [
        ("gisaxs", ".h5", gisaxs, (45.0, 32.0)),
        ("saxs", ".tif", counts_of_16_bits, None),
        ("saxs", ".txt", of_mixed_units, None),
    ],
)
def test_what_check_calls_usable_is_read_alike_for_training_and_reconstruction(
    bundle, tmp_path, name, suffix, write, beam
):
    header, ends = ("sample_id", name, "sem", "group"), ()
    if beam:
        header, ends = (*header, "beam_row", "beam_col"), beam
    lines = [",".join(header)]
    for i in range(12):
        write(tmp_path / f"{i}{suffix}", i)
        grey = np.random.default_rng(i).integers(20, 220, (40, 48), dtype=np.uint8)
        Image.fromarray(grey).save(tmp_path / f"{i}.bmp")
        lines.append(",".join(map(str, (f"s{i}", f"{i}{suffix}", f"{i}.bmp", "g", *ends))))
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    assert inspected(tmp_path, TINY).is_usable
    dataset = open_pairs(tmp_path, binarisation=TINY.binarisation)
    pairs = prepare(dataset, TINY)
    assert split_pairs(pairs, 43).train
    model = replace(bundle, modalities=pairs.modalities, scalings=Scaling.of(pairs, dataset))
    for i in (0, 5):
        seen = read_measurement(model, tmp_path / f"{i}{suffix}", name, Treatment(beam=beam)).seen
        assert seen == pytest.approx(pairs.scattering[i, 0], abs=1e-6)
        assert np.array_equal(read_measurement(model, tmp_path / f"{i}.bmp", "sem").seen, pairs.masks[i])
