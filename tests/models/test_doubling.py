"""Forms of the doubling convolution: one function with one gradient, in both precisions, at any size."""

import numpy as np
import pytest
import torch

from pairvae_lib.models.doubling import FORMS, fastest
from pairvae_lib.models.pairvae import DoublingConvolution


def passed(form, x, weight, bias, upstream):
    """Output and gradients with respect to input, kernel and bias."""
    given = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
    y = FORMS[form](*given, (weight.shape[-1] - 2) // 2)
    return [y.detach(), *torch.autograd.grad(y, given, upstream.to(y.dtype))]


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("kernel", [9, 15])
@pytest.mark.parametrize(("form", "out"), [("subpixel", 3), ("tiled", 3), ("tiled", 1), ("rowwise", 1)])
@pytest.mark.parametrize("sides", [(6, 6), (7, 7), (12, 12), (13, 5), (25, 24), (40, 1)])
def test_a_form_is_the_literal_one_with_its_gradients(form, out, kernel, sides, batch):
    torch.manual_seed(0)
    x, bias = torch.randn(batch, 4, *sides), torch.randn(out)
    weight = torch.randn(4, out, kernel, kernel)
    upstream = torch.randn(batch, out, 2 * sides[0], 2 * sides[1])
    exact = passed("transposed", x.double(), weight.double(), bias.double(), upstream)
    for found, expected in zip(passed(form, x, weight, bias, upstream), exact, strict=True):
        assert found.shape == expected.shape and found.dtype == torch.float32
        assert float((found - expected).abs().max()) < 2e-5 * float(expected.abs().max())


def test_at_the_papers_size_tiles_are_as_exact():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(5, 32, 48, 48), torch.randn(32, 32, 15, 15), torch.randn(32)
    upstream = torch.randn(5, 32, 96, 96)
    exact = passed("transposed", x.double(), weight.double(), bias.double(), upstream)
    for found, expected in zip(passed("tiled", x, weight, bias, upstream), exact, strict=True):
        assert float((found - expected).abs().max()) < 2e-6 * float(expected.abs().max())


def test_layout_of_the_input_changes_nothing():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(3, 4, 14, 10), torch.randn(4, 1, 15, 15), torch.randn(1)
    for form in ("subpixel", "tiled", "rowwise"):
        rows = FORMS[form](x, weight, bias, 6)
        channels = FORMS[form](x.contiguous(memory_format=torch.channels_last), weight, bias, 6)
        torch.testing.assert_close(rows, channels, rtol=0, atol=2e-5 * float(rows.abs().max()))


def doubled(form, dims, memory):
    """A batch after a layer with one output channel."""
    torch.manual_seed(0)
    layer = DoublingConvolution(4, 1, 15, dims, form=form)
    return layer(torch.randn(3, 4, *[6] * dims).contiguous(memory_format=memory)).detach()


SPREAD, CHANNELS = torch.contiguous_format, torch.channels_last


@pytest.mark.parametrize(
    ("form", "dims", "memory"),
    [("transposed", 1, SPREAD), *((form, 2, memory) for form in FORMS for memory in (SPREAD, CHANNELS))],
)
def test_batch_norm_after_it_takes_exact_roots(form, dims, memory):
    y = doubled(form, dims, memory)
    variances = torch.rand(200) + 0.1
    zero, one = torch.zeros(1), torch.ones(1)
    scaled = [torch.nn.functional.batch_norm(y, zero, variance[None], one, zero, eps=0) for variance in variances]
    exact = [y.numpy() * (np.float32(1) / np.sqrt(variance)) for variance in variances.numpy()]
    np.testing.assert_array_equal(torch.stack(scaled).numpy(), np.stack(exact))


def test_the_fastest_form_is_one_that_was_offered(monkeypatch):
    x, weight, bias = torch.zeros(1, 2, 6, 6), torch.zeros(2, 1, 9, 9), torch.zeros(1)
    times = [9, 3, 2, 3, 1, 3, 5, 3]  # of both forms in turn
    clock = iter([at for seconds in times for at in (0, seconds)])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert fastest(("subpixel", "rowwise"), x, weight, bias, 3) == "subpixel"  # by its best time
