"""Building blocks: exact sizes, exact equality of the two forms, names of the weights."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pairvae_lib.models.pairvae import (
    NARROW_RESNET,
    ConvolutionalBackbone,
    DoublingConvolution,
    NarrowResNetBackbone,
    ResNet50Backbone,
)


def direct_transposed(x, weight, bias, padding):
    """The definition, one input pixel after the other."""
    batch, _, height, width = x.shape
    kernel = weight.shape[-1]
    full = np.zeros((batch, weight.shape[1], 2 * height + kernel, 2 * width + kernel))
    for row in range(height):
        for col in range(width):
            patch = np.einsum("bi,iokl->bokl", x[:, :, row, col], weight)
            full[:, :, 2 * row : 2 * row + kernel, 2 * col : 2 * col + kernel] += patch
    inner = full[:, :, padding : padding + 2 * height, padding : padding + 2 * width]
    return inner + bias[None, :, None, None]


@pytest.mark.parametrize("form", ["transposed", "subpixel", "tiled"])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 0), (5, 1), (7, 2), (9, 3), (15, 6)])
def test_doubling_is_the_definition_with_keras_padding(kernel, padding, form):
    torch.manual_seed(0)
    layer = DoublingConvolution(2, 3, kernel, form=form).double()
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64)
    expected = direct_transposed(x.numpy(), layer.weight.detach().numpy(), layer.bias.detach().numpy(), padding)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, atol=1e-12)


def test_doubling_of_a_profile():
    layer = DoublingConvolution(2, 3, 5, dims=1)
    assert layer(torch.zeros(1, 2, 8)).shape == (1, 3, 16)


def test_initial_scales_follow_the_output_channels():
    torch.manual_seed(0)
    literal = DoublingConvolution(32, 32, 15)
    assert float(literal.weight.detach().std()) == pytest.approx((2 / (32 * 15 * 15)) ** 0.5, rel=0.02)  # .0167
    assert float(literal.weight.detach().abs().max()) <= 2 * 0.0167 / 0.8796 * 1.01
    collapsed = DoublingConvolution(32, 1, 15, collapsed_from=32)
    assert float(collapsed.weight.detach().std()) == pytest.approx(0.0167 / 32**0.5, rel=0.05)


@pytest.mark.parametrize("kernel", [1, 4])
def test_kernel_must_be_odd(kernel):
    with pytest.raises(ValueError, match=f"kernel must be odd and at least 3; got {kernel}"):
        DoublingConvolution(1, 1, kernel)


def test_form_and_dims_are_named():
    with pytest.raises(ValueError, match="form must be one of transposed, subpixel, tiled, rowwise; got 'fft'"):
        DoublingConvolution(1, 1, 3, form="fft")
    with pytest.raises(ValueError, match="dims must be one of 1, 2; got 3"):
        DoublingConvolution(1, 1, 3, dims=3)


def test_backbone_halves_five_times():
    assert ConvolutionalBackbone((4, 4, 4, 4, 8))(torch.zeros(2, 1, 64, 96)).shape == (2, 8, 2, 3)
    assert ConvolutionalBackbone((4, 4, 4, 4, 8), dims=1)(torch.zeros(2, 1, 128)).shape == (2, 8, 4)


def test_every_cell_of_the_narrow_resnet_sees_the_whole_image():
    backbone = NarrowResNetBackbone().eval()
    assert sum(p.numel() for p in backbone.parameters()) == pytest.approx(7e5, rel=0.02)
    x = torch.rand(1, 1, 192, 192, requires_grad=True)
    features = backbone(x)
    assert features.shape == (1, 128, 6, 6)
    features[0, :, 0, 0].sum().backward()
    assert (x.grad[0, 0, :160, :160] != 0).float().mean() > 0.9  # the plain one sees 63 px


def test_the_shipped_narrow_resnet_tells_textures_apart_wherever_they_are_cut():
    backbone = NarrowResNetBackbone(NARROW_RESNET).eval()
    angles = torch.tensor([0.0, 0.5, 1.0, 1.5])
    row, col = torch.meshgrid(torch.arange(400.0), torch.arange(400.0), indexing="ij")
    waves = torch.stack([torch.sin((row * angle.sin() + col * angle.cos()) / 3) for angle in angles])
    first, second = (
        backbone((waves[:, None, start : start + 192, start : start + 192] > 0).float()).detach().mean((2, 3))
        for start in (0, 137)
    )
    first, second = first - first.mean(0), second - first.mean(0)
    distances = torch.cdist(first, second)
    assert distances.argmin(1).tolist() == [0, 1, 2, 3]


def test_a_weight_file_in_half_precision_is_read(tmp_path):
    backbone = NarrowResNetBackbone()
    save_file({name: x.half() if x.dim() else x for name, x in backbone.state_dict().items()}, tmp_path / "half")
    again = NarrowResNetBackbone(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in again.parameters())
    with pytest.raises(ValueError, match="half must hold a ResNet50's tensors"):
        ResNet50Backbone(tmp_path / "half")


def test_resnet50_has_the_known_size_and_reads_its_own_weights(tmp_path):
    backbone = ResNet50Backbone().eval()
    # 25 557 032 parameters of the usual ResNet-50, less the 2048 x 1000 + 1000 of its classifier
    assert sum(p.numel() for p in backbone.parameters()) == 25_557_032 - 2_049_000
    assert backbone(torch.zeros(1, 1, 64, 64)).shape == (1, 2048, 2, 2)
    save_file({**backbone.state_dict(), "fc.bias": torch.zeros(1000)}, tmp_path / "weights.safetensors")
    again = ResNet50Backbone(tmp_path / "weights.safetensors").eval()
    x = torch.rand(1, 1, 32, 32)
    assert torch.equal(backbone(x), again(x))


def test_resnet50_refuses_other_weights(tmp_path):
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="other.safetensors must hold a ResNet50's tensors"):
        ResNet50Backbone(tmp_path / "other.safetensors")


def test_a_random_resnet50_has_features_of_unit_size_in_inference_mode():
    torch.manual_seed(0)
    backbone = ResNet50Backbone().eval()
    crops = (torch.nn.functional.avg_pool2d(torch.randn(4, 1, 128, 128), 9, 1, 4) > 0).float()
    features = backbone(crops)
    assert 0.1 < float(features.detach().std()) < 10
