"""ONNX files: another program computes from them what torch computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from pairvae_lib.bundles import onnx as exporting
from pairvae_lib.bundles.onnx import export_decoder, export_encoder, export_onnx
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.flow.network import PX_PER_STEP, fresh_flow
from pairvae_lib.models.pairvae import PairVAE, fresh_vae

KINDS = [("saxs", 1e-3), ("sem", 1e-3), ("profile", 1e-5), ("colours", 1e-5)]  # with their tolerances


def trained_like(vae):
    """A fresh VAE with the statistics of batch norm that a training would leave."""
    generator = torch.Generator().manual_seed(0)
    for module in vae.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (module.running_mean, module.bias.data):
                values.copy_(torch.randn(values.shape, generator=generator) / 4)
            for values in (module.running_var, module.weight.data):
                values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    return vae.eval()


def computed(file, **given):
    """Outputs of an ONNX file by onnxruntime."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {name: values.numpy() for name, values in given.items()})


@pytest.fixture(scope="module")
def vaes(small, small_barlow, pattern_pairs, profile_pairs):
    """One VAE of every kind that a folder of pairs may ask for."""
    pattern, micrograph = pattern_pairs.modalities
    kinds = {"saxs": (pattern, small), "sem": (micrograph, small_barlow)}
    in_colours = replace(small, architecture=replace(small.architecture, pattern_channels=3))
    kinds |= {"profile": (profile_pairs.modalities[0], small), "colours": (pattern, in_colours)}
    return {kind: trained_like(fresh_vae(modality, profile, 1)) for kind, (modality, profile) in kinds.items()}


@pytest.fixture(scope="module")
def folder(vaes, tmp_path_factory):
    """Both parts of all of them; the weights of the images in 16 bits."""
    folder = tmp_path_factory.mktemp("onnx") / "new"
    files = export_onnx(PairVAE(vaes["saxs"], vaes["sem"]), folder)
    assert [file.name for file in files] == [
        "saxs_encoder.onnx", "saxs_decoder.onnx", "sem_encoder.onnx", "sem_decoder.onnx",
    ]
    for kind in ("profile", "colours"):
        export_decoder(vaes[kind], folder / f"{kind}_decoder.onnx", half=False)
        export_encoder(vaes[kind], folder / f"{kind}_encoder.onnx", half=False)
    return folder


@pytest.mark.parametrize(("kind", "tolerance"), KINDS)
def test_a_decoder_decodes_as_torch_does_any_number_at_a_time(vaes, folder, kind, tolerance):
    vae, file = vaes[kind], folder / f"{kind}_decoder.onnx"
    latents = torch.randn(3, *vae.latent_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        decoded = vae.decode(latents)
        expected = (vae.mode(decoded) if kind == "colours" else decoded).numpy()
    np.testing.assert_allclose(computed(file, latent=latents)[0], expected, atol=tolerance)
    np.testing.assert_allclose(computed(file, latent=latents[:1])[0], expected[:1], atol=tolerance)


@pytest.mark.parametrize(("kind", "tolerance"), KINDS)
def test_an_encoder_encodes_as_torch_does(vaes, folder, kind, tolerance):
    vae, file = vaes[kind], folder / f"{kind}_encoder.onnx"
    x = torch.rand(40, 1, *vae.modality.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = vae.encode(x)
    mean, scale = computed(file, measurement=x)
    np.testing.assert_allclose(mean, expected.latent_mean.numpy(), atol=tolerance)
    np.testing.assert_allclose(scale, expected.latent_scale.numpy(), atol=tolerance)


def test_a_file_says_what_it_is_and_nothing_of_this_machine(vaes, folder):
    for file in folder.iterdir():
        graph = onnx.load(file)
        assert not {"BatchNormalization", "If", "Loop"} & {node.op_type for node in graph.graph.node}
        described = {entry.key: entry.value for entry in graph.metadata_props}
        kind, part = file.stem.split("_")
        modality = vaes[kind].modality
        assert described["modality"] == modality.name and described["part"] == part
        assert described["shape"] == " ".join(map(str, modality.shape))
        assert b"site-packages" not in file.read_bytes() and b"pairvae_lib/" not in file.read_bytes()


def test_sixteen_bits_halve_the_file(vaes, folder, tmp_path):
    vae = vaes["sem"]
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    form = vae.decoder.output.form
    whole = export_decoder(vae, tmp_path / "whole.onnx", half=False)
    assert vae.decoder.output.form == form  # the model is as it was
    assert all(torch.equal(value, before[name]) for name, value in vae.state_dict().items())
    sizes = [
        sum(onnx.numpy_helper.to_array(weight).nbytes for weight in onnx.load(file).graph.initializer)
        for file in (folder / "sem_decoder.onnx", whole)
    ]
    assert 0.5 <= sizes[0] / sizes[1] < 0.55


def test_a_weight_too_large_for_sixteen_bits_is_refused(vaes, tmp_path):
    vae = vaes["saxs"]
    weight = vae.decoder.output.weight.data
    kept = weight[0, 0, 0, 0].item()
    weight[0, 0, 0, 0] = 1e5
    try:
        with pytest.raises(ValueError, match=r"weights must lie within 65504 .* has 100000: export with half=False$"):
            export_decoder(vae, tmp_path / "decoder.onnx")
    finally:
        weight[0, 0, 0, 0] = kept
    assert not list(tmp_path.iterdir())


def test_without_the_extra_the_command_that_brings_it_is_named(vaes, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    assert not exporting.can_export()
    with pytest.raises(ValueError, match=r"needs the packages onnx and onnxscript, .* -e '.\[onnx\]'$"):
        export_decoder(vaes["saxs"], tmp_path / "decoder.onnx")


@pytest.fixture(scope="module")
def flow(pattern_pairs):
    """A flow whose last layer says something, as that of a fresh one does not."""
    flow = fresh_flow(*pattern_pairs.modalities, FlowArchitecture((8, 8, 16), 16, 3), len(pattern_pairs), 0).eval()
    targets = np.random.default_rng(0).standard_normal((len(pattern_pairs), 3))
    flow.regression.learn(pattern_pairs.scattering, targets)
    for parameter in flow.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return flow


@pytest.fixture(scope="module")
def flow_folder(flow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx") / "flow"
    files = export_onnx(flow, folder)
    assert [file.name for file in files] == ["saxs_condition.onnx", "saxs_to_sem_flow.onnx"]
    return folder


@pytest.mark.parametrize(("n", "rows", "columns"), [(1, 4, 4), (3, 2, 9)])
def test_a_flow_answers_as_torch_does_for_states_of_any_size(flow, flow_folder, n, rows, columns):
    numbers = torch.Generator().manual_seed(1)
    state = torch.randn(n, 1, rows * PX_PER_STEP, columns * PX_PER_STEP, generator=numbers)
    time, condition = torch.rand(n, generator=numbers), torch.randn(n, 3, generator=numbers)
    with torch.no_grad():
        expected = flow(state, time, condition).numpy()
    assert expected.std() > 0.1
    (logits,) = computed(flow_folder / "saxs_to_sem_flow.onnx", state=state, time=time, condition=condition)
    np.testing.assert_allclose(logits, expected, atol=2e-3 * np.abs(expected).max())  # weights in 16 bits


def test_the_condition_of_a_flow_is_read_off_the_scattering_as_torch_does(flow, flow_folder, pattern_pairs):
    scattering = torch.from_numpy(pattern_pairs.scattering)
    (condition,) = computed(flow_folder / "saxs_condition.onnx", measurement=scattering)
    expected = flow.condition(scattering).numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(condition, expected, atol=1e-6)
    described = {entry.key: entry.value for entry in onnx.load(flow_folder / "saxs_condition.onnx").metadata_props}
    assert described["part"] == "condition" and described["components"] == "3"
