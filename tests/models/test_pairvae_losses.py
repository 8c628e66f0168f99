"""Loss terms against numbers worked out by hand or by torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence as reference_kl

from pairvae_lib.models.pairvae import (
    barlow_twins_loss,
    cross_correlation,
    kl_divergence,
    negative_elbo,
    reconstruction_loss,
)


def test_kl_of_the_prior_is_zero():
    assert float(kl_divergence(torch.zeros(3, 4), torch.ones(3, 4))) == 0


def test_kl_sums_latents_and_averages_the_batch():
    torch.manual_seed(0)
    mean, scale = torch.randn(5, 2, 3, 3), torch.rand(5, 2, 3, 3) + 0.1
    expected = reference_kl(Normal(mean, scale), Normal(0.0, 1.0)).sum((1, 2, 3)).mean()
    assert float(kl_divergence(mean, scale)) == pytest.approx(float(expected), rel=1e-6)


def test_monte_carlo_kl_of_the_original_has_the_same_expectation():
    torch.manual_seed(0)
    mean, scale = torch.full((1, 1), 0.7), torch.full((1, 1), 0.4)
    sample = Normal(mean, scale).sample((200_000,))
    estimate = (Normal(mean, scale).log_prob(sample) - Normal(0.0, 1.0).log_prob(sample)).mean()
    assert float(estimate) == pytest.approx(float(kl_divergence(mean, scale)), abs=0.01)


def test_bernoulli_without_knowledge_costs_ln_2():
    target = torch.tensor([[[[0.0, 1.0]]]])
    assert float(reconstruction_loss(torch.zeros(1, 1, 1, 2), target, "bernoulli")) == pytest.approx(math.log(2))


def test_gaussian_is_the_mean_squared_error():
    assert float(reconstruction_loss(torch.full((2, 1, 3), 0.5), torch.zeros(2, 1, 3), "gaussian")) == 0.25


def test_negative_elbo_is_a_weighted_sum():
    assert float(negative_elbo(torch.tensor(0.5), torch.tensor(10.0), 0.01)) == pytest.approx(0.6)


def test_reconstruction_errors():
    with pytest.raises(ValueError, match=r"target must have the decoded shape \(1, 2\); got \(1, 3\)"):
        reconstruction_loss(torch.zeros(1, 2), torch.zeros(1, 3), "gaussian")
    with pytest.raises(ValueError, match="likelihood must be one of bernoulli, gaussian; got 'poisson'"):
        reconstruction_loss(torch.zeros(1, 2), torch.zeros(1, 2), "poisson")


def hadamard(size):
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix


def test_barlow_of_equal_uncorrelated_latents_is_zero():
    latent = hadamard(8)[:, 1:5]  # orthogonal columns of mean 0
    assert float(barlow_twins_loss(latent, latent, 0.005)) == pytest.approx(0, abs=1e-10)


def test_barlow_by_hand():
    columns = hadamard(8)
    first, second = columns[:, [1, 2]], columns[:, [2, 1]]  # swapped: C = [[0, 1], [1, 0]]
    torch.testing.assert_close(cross_correlation(first, second), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert float(barlow_twins_loss(first, second, 0.25)) == pytest.approx(1 + 0.25 * 1, rel=1e-5)


def test_barlow_flattens_and_survives_a_constant_latent():
    latent = torch.zeros(4, 2, 3, 3, requires_grad=True)
    loss = barlow_twins_loss(latent, latent, 0.005)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1)
    assert torch.isfinite(latent.grad).all()


def test_barlow_errors():
    with pytest.raises(ValueError, match=r"second latent must have the first's shape \(4, 2\); got \(4, 3\)"):
        barlow_twins_loss(torch.zeros(4, 2), torch.zeros(4, 3), 0.1)
    with pytest.raises(ValueError, match="at least 2 samples to be standardised over the batch; got 1"):
        barlow_twins_loss(torch.zeros(1, 2), torch.zeros(1, 2), 0.1)
