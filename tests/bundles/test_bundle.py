from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pairvae_lib.bundles import bundle as room
from pairvae_lib.bundles.bundle import (
    ASSESSMENT,
    CARD,
    CONFIG,
    MODEL,
    Bundle,
    BundleError,
    Scaling,
    load_bundle,
    save_bundle,
)
from pairvae_lib.config import PROFILES
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.files.writing import CannotWrite
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import fresh_flow
from pairvae_lib.models.pairvae import PairVAE, fresh_vae

TINY = PROFILES["tiny"]
SEM = Modality("sem", (32, 32), "mask")
PATTERN, PROFILE = Modality("saxs", (32, 32), "pattern"), Modality("gisaxs", (32,), "profile")


def made(scattering: Modality = PATTERN, profile=TINY) -> Bundle:
    modalities = (scattering, SEM)
    model = PairVAE(*(fresh_vae(modality, profile, seed) for seed, modality in enumerate(modalities))).eval()
    q = None if scattering.is_image else tuple(0.01 * k for k in range(1, 33))
    scalings = Scaling(axis=Axis("q", "1/nm"), grid=q, limits=(-3.0, 0.5)), Scaling(nm_per_pixel=3.9)
    return Bundle(model, modalities, scalings, profile.name, {"seed": 43, "train": ["a", "b"]})


@pytest.fixture
def saved(tmp_path):
    return save_bundle(tmp_path / "model", made(), "# A model\n")


def change(folder, **values):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | values))


@pytest.mark.parametrize(
    ("scattering", "profile"),
    [
        (PATTERN, TINY),
        (PROFILE, TINY),
        (PATTERN, replace(TINY, architecture=replace(TINY.architecture, encoder="barlow_cnn"))),
        (PATTERN, replace(TINY, architecture=replace(TINY.architecture, encoder="narrow_resnet"))),
        (PATTERN, replace(TINY, architecture=replace(TINY.architecture, encoder="resnet50"))),
    ],
)
def test_what_was_saved_comes_back_bit_for_bit(tmp_path, scattering, profile):
    before = made(scattering, profile)
    folder = save_bundle(tmp_path / "model", before, "# A model\n")
    after = load_bundle(folder)
    assert {path.name for path in folder.iterdir()} == {MODEL, CONFIG, CARD}
    assert (after.modalities, after.scalings, after.profile, after.provenance, after.kind) == (
        before.modalities, before.scalings, before.profile, before.provenance, before.kind
    )
    state = after.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in before.model.state_dict().items())
    assert not after.model.training


@pytest.mark.parametrize("scattering", [PATTERN, PROFILE])
def test_a_flow_comes_back_bit_for_bit_and_draws_the_same(tmp_path, scattering):
    flow = fresh_flow(scattering, SEM, FlowArchitecture((8, 8, 16), 16, 2), 5, 0).eval()
    torch.nn.init.normal_(flow.net.out.weight)
    rng = np.random.default_rng(0)
    flow.regression.learn(rng.random((5, 1, *scattering.shape), dtype=np.float32), rng.standard_normal((5, 2)))
    before = Bundle(flow, flow.modalities, made(scattering).scalings, "quick", {"seed": 43}, "flow")
    after = load_bundle(save_bundle(tmp_path / "model", before, "# A flow\n"))
    state = after.model.state_dict()
    assert after.kind == "flow" and after.model.architecture == flow.architecture
    assert all(torch.equal(value, state[name]) for name, value in flow.state_dict().items())
    x = torch.from_numpy(rng.random((1, 1, *scattering.shape), dtype=np.float32))
    masks = [model.sample(x, 24, np.random.default_rng(1), 2) for model in (flow, after.model)]
    assert torch.equal(*masks)


def test_half_precision_rounds_once_and_computes_in_full(tmp_path):
    before = made()
    after = load_bundle(save_bundle(tmp_path / "model", before, "", half=True))
    state = after.model.state_dict()
    for name, value in before.model.state_dict().items():
        assert state[name].dtype == value.dtype
        assert torch.equal(state[name], value.half().float() if value.is_floating_point() else value)


def test_half_precision_leaves_what_a_flow_reads_off_the_scattering_as_it_is(tmp_path):
    rng = np.random.default_rng(0)
    flow = fresh_flow(PROFILE, SEM, FlowArchitecture((8, 8, 16), 16, 8), 200, 0).eval()
    scattering = np.cumsum(rng.standard_normal((200, 1, *PROFILE.shape)), axis=-1).astype(np.float32) / 100
    flow.regression.learn(scattering, rng.standard_normal((200, 8)) + scattering[:, 0, :8] * 50)
    before = Bundle(flow, flow.modalities, made(PROFILE).scalings, "quick", {"seed": 43}, "flow")
    after = load_bundle(save_bundle(tmp_path / "model", before, "# A flow\n", half=True)).model
    x = torch.from_numpy(scattering)
    assert torch.equal(after.condition(x), flow.condition(x))
    assert not torch.equal(after.net.into.weight, flow.net.into.weight)


def test_a_folder_that_is_there_is_not_touched(saved):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    with pytest.raises(FileExistsError, match="is there already; name a folder that does not exist yet"):
        save_bundle(saved, made(), "other")
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room, "write_json", full)
    with pytest.raises(CannotWrite, match="cannot write .*model: No space left on device"):
        save_bundle(tmp_path / "model", made(), "")
    assert list(tmp_path.iterdir()) == []


def reason(text: str) -> str:
    return "cannot be used as a trained model: " + text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"format": "zip"}, "config.json is not that of a pairvae bundle"),
        ({"format_version": 3, "library": "9.9"}, "its format version must be 2; got 3, written by pairvae_lib '9.9'"),
        ({"kind": "gan"}, "its kind must be one of .*; got 'gan'"),
        ({"modalities": []}, "config.json does not describe a model"),
        ({"scalings": [{"binarisation": {}, "x": 3}] * 2}, "config.json does not describe a model .*scaling has no x"),
        ({"sha256": "0"}, "model.safetensors is not the file that config.json was written with"),
    ],
)
def test_a_changed_config_is_refused(saved, values, text):
    change(saved, **values)
    with pytest.raises(BundleError, match=reason(text)):
        load_bundle(saved)


def test_a_gigantic_shape_is_refused_before_memory_is_taken(saved):
    config = json.loads((saved / CONFIG).read_text())
    architecture = config["model"]["architecture"] | {"hidden": 10**9}
    change(saved, model=config["model"] | {"architecture": architecture})
    with pytest.raises(BundleError, match=reason(r"model.safetensors does not fit config.json: .*1000000000")):
        load_bundle(saved)


def test_a_tampered_shape_is_refused(saved):
    state = load_file(saved / MODEL)
    name = next(iter(state))
    state[name] = torch.zeros(3, 3)
    save_file(state, saved / MODEL)
    text = rf"model.safetensors does not fit config.json: {re.escape(name)} \(3,"
    with pytest.raises(BundleError, match=reason(text)):
        load_bundle(saved)


def test_a_tampered_number_is_refused(saved):
    state = load_file(saved / MODEL)
    next(iter(state.values())).view(-1)[0] += 1
    save_file(state, saved / MODEL)
    with pytest.raises(BundleError, match=reason("model.safetensors is not the file")):
        load_bundle(saved)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    bundle = made()
    with torch.no_grad():
        next(bundle.model.parameters()).view(-1)[0] = torch.nan
    with pytest.raises(BundleError, match=reason("model.safetensors holds NaN or infinity in ")):
        load_bundle(save_bundle(tmp_path / "model", bundle, ""))


@pytest.mark.parametrize(("name", "text"), [(MODEL, "is not a whole safetensors file"), (CONFIG, "is not JSON")])
def test_a_truncated_file_is_refused(saved, name, text):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match=reason(f"{name} {text}")):
        load_bundle(saved)


def test_what_is_no_bundle_is_refused(tmp_path, saved):
    with pytest.raises(BundleError, match=reason("it is not a folder")):
        load_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match=reason("it holds no config.json")):
        load_bundle(tmp_path)
    (saved / MODEL).unlink()
    with pytest.raises(BundleError, match=reason("it holds no model.safetensors")):
        load_bundle(saved)


def test_a_config_of_many_megabytes_is_refused(saved):
    change(saved, padding=" " * room.CONFIG_LIMIT)
    with pytest.raises(BundleError, match=reason("config.json must be below 4 MB")):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", ".hidden", "", "a\\b"])
def test_a_name_that_could_leave_a_folder_is_refused(saved, name):
    config = json.loads((saved / CONFIG).read_text())
    change(saved, modalities=[config["modalities"][0], config["modalities"][1] | {"name": name}])
    with pytest.raises(BundleError, match=reason("config.json does not describe a model")):
        load_bundle(saved)


@pytest.fixture
def attached(tmp_path):
    return save_bundle(tmp_path / "model", replace(made(), attachments={ASSESSMENT: b"{}"}), "")


def test_attachments_come_back(attached):
    assert load_bundle(attached).attachments == {ASSESSMENT: b"{}"}
    assert {path.stat().st_mode & 0o777 for path in attached.iterdir()} == {0o644}


def test_a_folder_of_the_time_before_attachments_is_read(saved):
    config = json.loads((saved / CONFIG).read_text())
    del config["attachments"]
    (saved / CONFIG).write_text(json.dumps(config))
    assert load_bundle(saved).attachments == {}


def test_an_attachment_of_another_name_is_refused(saved, tmp_path):
    with pytest.raises(ValueError, match="^name of an attachment must be one of assessment.json, .*; got '../x'$"):
        save_bundle(tmp_path / "other", replace(made(), attachments={"../x": b""}), "")
    assert not (tmp_path / "other").exists()
    change(saved, attachments={"../../x": "0"})
    with pytest.raises(BundleError, match=reason(r"an attachment must be one of .*; got '\.\./\.\./x'")):
        load_bundle(saved)


def test_a_changed_attachment_is_refused(attached, monkeypatch):
    (attached / ASSESSMENT).write_bytes(b"[]")
    with pytest.raises(BundleError, match=reason("assessment.json is not the file that config.json was written with")):
        load_bundle(attached)
    monkeypatch.setattr(room, "ATTACHMENT_LIMIT", 1)
    with pytest.raises(BundleError, match=reason("assessment.json must be below 1e-06 MB; got 2 bytes")):
        load_bundle(attached)
    (attached / ASSESSMENT).unlink()
    with pytest.raises(BundleError, match=reason("it holds no assessment.json, which config.json names")):
        load_bundle(attached)


@pytest.mark.parametrize("name", [CONFIG, MODEL])
@pytest.mark.parametrize("target", ["/proc/self/mem", "/dev/zero", "elsewhere"])
def test_a_link_out_of_the_folder_is_refused(saved, name, target):
    if target == "elsewhere":
        target = saved.parent / "elsewhere"
        (saved / name).rename(target)
    else:
        (saved / name).unlink()
    (saved / name).symlink_to(target)
    with pytest.raises(BundleError, match=reason(f"{name} must be a file within the folder")):
        load_bundle(saved)


@pytest.mark.parametrize("scattering", [PATTERN, PROFILE])
def test_a_bundle_of_format_version_1_still_loads(tmp_path, scattering):
    after = made(scattering)
    folder = save_bundle(tmp_path / "model", after, "# A model\n")
    config = json.loads((folder / CONFIG).read_text())
    first, second = config.pop("scalings")
    config["format_version"] = 1
    config["modalities"] = [
        {"name": one.name, "shape": one.shape, "likelihood": one.likelihood} for one in after.modalities
    ]
    config["scaling"] = {
        "binarisation": first["binarisation"], "q": first["grid"] if scattering is PROFILE else None,
        "q_unit": first["axis"]["unit"], "limits": first["limits"], "nm_per_pixel": second["nm_per_pixel"],
        "pattern_shape": None, "image_rows": None,
    }
    (folder / CONFIG).write_text(json.dumps(config))
    before = load_bundle(folder)
    assert before.modalities == after.modalities
    of_first, of_second = before.scalings
    assert (of_first.axis.unit, of_first.limits, of_second.nm_per_pixel) == ("1/nm", (-3.0, 0.5), 3.9)
    assert of_first.grid == (after.scalings[0].grid if scattering is PROFILE else None)
