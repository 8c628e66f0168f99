"""Shapes, sizes and routes of the model, and the exact savings against the literal forms."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.literal import LiteralOutput, make_literal
from pairvae_lib.config import PAPER, QUICK, Architecture
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.scattering import colour_mapped
from pairvae_lib.models.pairvae import (
    VAE,
    DoublingConvolution,
    PairVAE,
    Posterior,
    adam,
    coloured,
    fresh_vae,
    intensities_of,
    route_name,
)

SAXS = Modality("saxs", (64, 64), "gaussian")
SEM = Modality("sem", (64, 64), "bernoulli")
PROFILE = Modality("profile", (128,), "gaussian")


@pytest.fixture(scope="module")
def model():
    return PairVAE(fresh_vae(SAXS, QUICK, 0), fresh_vae(SEM, QUICK, 1)).eval()


def test_paper_decoders_have_the_original_number_of_parameters():
    shape = PAPER.latent_shape
    assert shape == (32, 6, 6)
    architecture = replace(PAPER.architecture, encoder="cnn")
    sem = VAE(Modality("sem", (192, 192), "bernoulli"), architecture, shape).decoder
    saxs = VAE(Modality("saxs", (192, 192), "gaussian"), architecture, shape).decoder
    # 1 152 416 and 11 899 in the original; the collapsed layer drops 31 of 32 channels
    collapsed = 31 * (32 * 15 * 15 + 1)
    assert sum(p.numel() for p in sem.parameters()) == 1_152_416 - collapsed
    assert sum(p.numel() for p in saxs.parameters()) == 11_899


def test_paper_encoder_is_a_frozen_resnet():
    encoder = VAE(SEM, replace(PAPER.architecture, encoder="resnet50"), (32, 2, 2)).encoder
    assert encoder.frozen
    encoder.train()
    assert not encoder.backbone.training
    trainable = {name.split(".")[0] for name, p in encoder.named_parameters() if p.requires_grad}
    assert trainable == {"hidden", "out"}


@pytest.mark.parametrize("modality", [SAXS, SEM, PROFILE])
def test_round_trip_shapes(modality):
    vae = fresh_vae(modality, QUICK, 0).eval()
    x = torch.rand(3, 1, *modality.shape).round()
    posterior = vae.encode(x)
    assert posterior.latent_mean.shape == posterior.latent_scale.shape == (3, 32, 2, 2)
    assert (posterior.latent_scale > 0).all()
    assert vae.decode(posterior.latent_mean).shape == x.shape
    shown = vae.reconstruct(x)
    assert shown.dtype == (torch.bool if modality is SEM else torch.float32)


def test_every_latent_of_a_profile_sees_all_of_it():
    vae = fresh_vae(PROFILE, QUICK, 0).eval()
    x = torch.rand(1, 1, 128, requires_grad=True)
    vae.encode(x).latent_mean[0, :, 0, 0].square().sum().backward()
    assert (x.grad[0, 0, ::32] != 0).all()


def test_sample_is_mean_plus_scale_times_noise():
    posterior = Posterior(torch.ones(1, 2, 1, 1), torch.full((1, 2, 1, 1), 0.5))
    assert posterior.sample(torch.full((1, 2, 1, 1), 2.0)).flatten().tolist() == [2, 2]


def test_four_routes(model):
    names = [route_name(*route) for route in model.routes]
    assert names == ["saxs_to_saxs", "saxs_to_sem", "sem_to_saxs", "sem_to_sem"]
    x = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        cross = model.reconstruct(x, source="saxs", target="sem")
        latent = model.vae("saxs").encode(x).latent_mean
        assert torch.equal(cross, model.vae("sem").decode(latent) > 0)
        noise = torch.zeros_like(latent)
        assert torch.equal(cross, model.reconstruct(x, "saxs", "sem", noise))
        noisy = model.reconstruct(x, "saxs", "saxs", noise + 1)
        assert not torch.equal(noisy, model.reconstruct(x, "saxs", "saxs"))


def test_forward_decodes_every_route_and_gives_the_posteriors(model):
    x = {"saxs": torch.rand(2, 1, 64, 64), "sem": (torch.rand(2, 1, 64, 64) > 0.5).float()}
    with torch.no_grad():
        decoded, posteriors = model(x)
        noise = {name: torch.ones_like(one.latent_mean) for name, one in posteriors.items()}
        noisy, _ = model(x, noise)
        for source, target in model.routes:
            vae, route = model.vae(target), route_name(source, target)
            assert torch.equal(vae.mode(decoded[route]), model.reconstruct(x[source], source, target))
            assert torch.equal(vae.mode(noisy[route]), model.reconstruct(x[source], source, target, noise[source]))
        alone, posterior = model.vae("saxs")(x["saxs"])
    assert torch.equal(alone, decoded["saxs_to_saxs"])
    assert torch.equal(posterior.latent_mean, posteriors["saxs"].latent_mean)
    assert list(model({"sem": x["sem"]})[0]) == ["sem_to_saxs", "sem_to_sem"]


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = fresh_vae(SEM, QUICK, 3), fresh_vae(SEM, QUICK, 3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_errors_name_value_and_expectation(model):
    with pytest.raises(ValueError, match=r"saxs .* must have shape \(batch, 1, 64, 64\); got \(2, 1, 32, 32\)"):
        model.reconstruct(torch.zeros(2, 1, 32, 32), "saxs", "sem")
    with pytest.raises(ValueError, match="modality must be one of saxs, sem; got 'afm'"):
        model.reconstruct(torch.zeros(2, 1, 64, 64), "saxs", "afm")
    with pytest.raises(ValueError, match=r"latent must have shape \(batch, 32, 2, 2\); got \(1, 3\)"):
        model.vae("sem").decode(torch.zeros(1, 3))
    vae = model.vae("sem")
    with pytest.raises(ValueError, match="must have different names; got 'sem' twice"):
        PairVAE(vae, vae)
    with pytest.raises(ValueError, match=r"latents must have one shape; got \(32, 2, 2\) and \(32, 1, 1\)"):
        PairVAE(vae, VAE(SAXS, QUICK.architecture, (32, 1, 1)))
    with pytest.raises(ValueError, match="likelihood must be one of bernoulli, gaussian; got 'poisson'"):
        Modality("saxs", (64, 64), "poisson")
    with pytest.raises(ValueError, match=r"shape of modality 'saxs' must be .* multiple of 32; got \(60, 64\)"):
        Modality("saxs", (60, 64), "gaussian")


def literal_twin(vae):
    """A literal copy of a VAE, and the VAE itself set to compute the same function."""
    torch.manual_seed(1)
    twin = copy.deepcopy(vae)
    make_literal(twin.decoder)
    with torch.no_grad():
        vae.decoder.output.weight.copy_(twin.decoder.output.collapsed_weight)
        vae.decoder.output.bias.copy_(twin.decoder.output.collapsed_bias)
    return twin


def test_collapsed_output_layer_is_the_literal_function():
    vae = fresh_vae(SEM, QUICK, 0).double().eval()
    twin = literal_twin(vae)
    latent = torch.randn(2, 32, 2, 2, dtype=torch.float64)
    assert isinstance(twin.decoder.output, LiteralOutput)
    torch.testing.assert_close(vae.decode(latent), twin.decode(latent), rtol=0, atol=1e-12)


def test_collapsed_output_layer_has_the_literal_training_dynamics():
    vae = fresh_vae(SEM, QUICK, 0).double().eval()
    twin = literal_twin(vae)
    latent = torch.randn(4, 32, 2, 2, dtype=torch.float64)
    target = (torch.rand(4, 1, 64, 64, dtype=torch.float64) < 0.4).double()
    optimizers = [adam(vae, 1e-3, 1e-7), torch.optim.Adam(twin.parameters(), 1e-3, eps=1e-7)]
    for _ in range(5):
        for network, optimizer in zip((vae, twin), optimizers, strict=True):
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(network.decode(latent), target).backward()
            optimizer.step()
    torch.testing.assert_close(vae.decode(latent), twin.decode(latent), rtol=0, atol=1e-9)
    torch.testing.assert_close(vae.decoder.output.weight, twin.decoder.output.collapsed_weight, rtol=0, atol=1e-10)


def test_adam_eps_grows_only_with_the_collapsed_layer():
    vae = fresh_vae(SEM, QUICK, 0)
    groups = {group["eps"]: group["params"] for group in adam(vae, 1e-3, 1e-7).param_groups}
    assert sorted(groups) == pytest.approx([1e-7, 16e-7])
    assert {id(p) for p in groups[max(groups)]} == {id(p) for p in vae.decoder.output.parameters()}


def test_cached_features_equal_a_full_pass():
    vae = fresh_vae(SEM, replace(QUICK, architecture=replace(QUICK.architecture, encoder="barlow_cnn")), 0).train()
    x = torch.rand(40, 1, 64, 64)
    prepared = vae.encoder.prepared(x)
    assert not prepared.requires_grad and prepared.shape == (40, 64, 2, 2)
    cached, whole = vae.encoder.posterior(prepared[:4]), vae.encode(x[:4])
    torch.testing.assert_close(cached.latent_mean, whole.latent_mean)


def test_large_kernels_take_the_subpixel_form():
    forms = {m.form for m in fresh_vae(SEM, QUICK, 0).decoder.modules() if isinstance(m, DoublingConvolution)}
    assert forms == {"subpixel"}


def test_a_resnet50_takes_its_weights_from_the_file_that_the_architecture_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="resnet.safetensors"):
        missing = str(tmp_path / "resnet.safetensors")
        VAE(SEM, replace(PAPER.architecture, encoder="resnet50", backbone_weights=missing), (32, 2, 2))


def test_a_pattern_in_colours_is_a_published_file(rng):
    intensities = torch.from_numpy(rng.random((2, 1, 8, 8)).astype(np.float32))
    found = coloured(intensities)
    expected = colour_mapped(intensities[:, 0].numpy())  # (2, 8, 8, 3) levels
    np.testing.assert_allclose(255 * found.permute(0, 2, 3, 1), expected, atol=0.5001)
    torch.testing.assert_close(intensities_of(found), intensities, atol=1e-5, rtol=0)


def test_colours_off_the_map_become_the_intensity_of_the_nearest_one():
    off = torch.tensor([[0.0, 0.1, 0.5], [1.0, 0.9, 0.95]])[..., None, None]  # between black and blue; near white
    expected = torch.tensor([0.5 / (254 / 255) / 4, 3 / 4 + 0.95 / (254 / 255) / 4])
    torch.testing.assert_close(intensities_of(off).flatten(), expected, atol=1e-5, rtol=0)


def test_a_model_of_the_paper_sees_and_draws_colours_and_gives_intensities(rng):
    architecture = Architecture(encoder="cnn", encoder_channels=(4, 4, 8, 8, 8), pattern_channels=3)
    model = PairVAE(*(VAE(modality, architecture, (4, 2, 2)) for modality in (SAXS, SEM))).eval()
    assert [model.vae(name).encoder.backbone[0].weight.shape[1] for name in model.names] == [3, 3]
    patterns = rng.random((2, 1, 64, 64)).astype(np.float32)
    saxs = model.vae("saxs")
    with torch.no_grad():
        decoded, _ = saxs(torch.from_numpy(patterns))
    assert decoded.shape == saxs.coded(torch.from_numpy(patterns)).shape == (2, 3, 64, 64)
    found = model.reconstruct(patterns, "saxs", "saxs")
    assert found.shape == patterns.shape and found.min() >= 0 and found.max() <= 1
    assert model.reconstruct(patterns, "saxs", "sem").shape == (2, 1, 64, 64)
