"""Building blocks of encoders and decoders: the doubling transposed convolution, and the convolutional backbones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of

Form = Literal["transposed", "subpixel"]
BATCH_NORM: dict[str, Any] = {"eps": 1e-3, "momentum": 0.01}  # Keras' defaults (its momentum .99 is torch's .01)


class DoublingConvolution(nn.Module):
    """Transposed convolution of stride 2 that doubles every side exactly (Keras' "same").

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : int
        Odd, at least 3 [px].
    dims : 1 or 2
        Profile or image.
    collapsed_from : int
        Where the original takes the mean over that many output channels, our one channel has their mean kernel: the
        same function, that many times cheaper. It only changes the initial scale (and the optimiser: `model.adam`).
    form : "transposed" or "subpixel"
        Sub-pixel: the same sum as an ordinary convolution to 2^dims phases and a shuffle. Which is faster depends on
        the machine; images only.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        dims: int = 2,
        collapsed_from: int = 1,
        form: Form = "transposed",
    ):
        super().__init__()
        check_one_of("dims", dims, (1, 2))
        check_one_of("form", form, ("transposed", "subpixel"))
        if kernel < 3 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and at least 3; got {kernel}")
        self.kernel, self.dims, self.form, self.collapsed_from = kernel, dims, form, collapsed_from
        self.padding = (kernel - 2) // 2  # Keras pads this much before, one more after
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, *[kernel] * dims))
        self.bias = nn.Parameter(torch.empty(out_channels))
        # Keras stores these kernels as (k, k, OUT, in) and reads fan_in off the third axis; biases are He-normal, too.
        literal_channels = out_channels * collapsed_from
        shrink = collapsed_from**-0.5  # a mean of independent draws
        self._he_normal(self.weight, literal_channels * kernel**dims, shrink)
        self._he_normal(self.bias, literal_channels, shrink)

    @staticmethod
    def _he_normal(parameter: nn.Parameter, fan_in: int, shrink: float) -> None:
        """Truncated at two standard deviations, as Keras does; a mean of such draws is close to normal."""
        scale = (2 / fan_in) ** 0.5 * shrink
        if shrink == 1:
            truncation = 0.8796256610342398  # standard deviation of a unit normal cut at 2
            bound = 2 * scale / truncation
            nn.init.trunc_normal_(parameter, std=scale / truncation, a=-bound, b=bound)
        else:
            nn.init.normal_(parameter, std=scale)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, *sides) -> (batch, out_channels, *doubled sides)."""
        if self.dims == 1:
            return F.conv_transpose1d(x, self.weight, self.bias, stride=2, padding=self.padding)[..., :-1]
        if self.form == "subpixel":
            return self._subpixel(x)
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=self.padding)[..., :-1, :-1]

    def _subpixel(self, x: Tensor) -> Tensor:
        """out[2i + a] = sum_d x[i - d] w[2d + a + padding]: an ordinary convolution for each phase a."""
        first = -((self.padding + 1) // 2)  # smallest d
        front = -(2 * first + self.padding)  # zeros that align the kernel with phase 0
        taps = (self.kernel + front + 1) // 2
        last = first + taps - 1
        back = 2 * taps - self.kernel - front
        in_channels, out_channels = self.weight.shape[:2]
        weight = F.pad(self.weight, (front, back, front, back)).view(in_channels, out_channels, taps, 2, taps, 2)
        weight = weight.permute(1, 3, 5, 0, 2, 4).flip(4, 5).reshape(4 * out_channels, in_channels, taps, taps)
        phases = F.conv2d(F.pad(x, (last, -first, last, -first)), weight, self.bias.repeat_interleave(4))
        return F.pixel_shuffle(phases, 2)


class ConvolutionalBackbone(nn.Sequential):
    """Stride-2 convolutions of three pixels with batch norm and ReLU, for images (dims=2) or profiles (dims=1)."""

    def __init__(self, channels: Sequence[int], dims: int = 2):
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv1d, nn.BatchNorm1d)
        layers: list[nn.Module] = []
        for before, after in zip((1, *channels[:-1]), channels, strict=True):
            layers += [convolution(before, after, 3, stride=2, padding=1), norm(after, **BATCH_NORM), nn.ReLU()]
        super().__init__(*layers)
        self.out_channels = channels[-1]


class Bottleneck(nn.Module):
    """Residual block of ResNet-50: 1 x 1, 3 x 3, 1 x 1 convolutions (He et al. 2016)."""

    def __init__(self, in_channels: int, width: int, stride: int):
        super().__init__()
        out_channels = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, height, width) -> (batch, 4 * width, height / stride, width / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50Backbone(nn.Module):
    """ResNet-50 without its top: (batch, 1, height, width) -> (batch, 2048, height / 32, width / 32).

    Parameters
    ----------
    weights : path or None
        A safetensors file with the usual names (conv1.weight, layer1.0.conv1.weight, ...), as most libraries save
        them; None for random weights. The paper's own weights are not public.

    Raises
    ------
    ValueError
        If the file's names or shapes do not fit.
    """

    out_channels = 2048

    def __init__(self, weights: str | Path | None = None):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        channels = 64
        for index, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
            stage = [Bottleneck(channels if i == 0 else 4 * width, width, 2 if i == 0 < index - 1 else 1)
                     for i in range(blocks)]
            channels = 4 * width
            setattr(self, f"layer{index}", nn.Sequential(*stage))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if weights is None:
            self._normalise()
        else:
            self._load(Path(weights))

    @torch.no_grad()
    def _normalise(self) -> None:
        """Set the statistics of batch norm by blurred, thresholded noise, which looks like domains.

        In inference mode with the usual initial statistics the activations grow with every residual block, until
        posteriors underflow.
        """
        domains = (F.avg_pool2d(torch.randn(8, 1, 96, 96), 9, 1, 4) > 0).float()
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        self(domains)
        for norm in norms:
            norm.momentum = 0.1

    def _load(self, weights: Path) -> None:
        """Read a weight file; a classifier's top (fc.*) is left out."""
        from safetensors.torch import load_file

        state = {name: value for name, value in load_file(weights).items() if not name.startswith("fc.")}
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"weights {weights} must hold a ResNet-50's tensors; {error}") from None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, height, width) -> (batch, 2048, height / 32, width / 32)."""
        x = F.relu(self.bn1(self.conv1(x.expand(-1, 3, -1, -1))))
        x = F.max_pool2d(x, 3, 2, 1)
        for index in range(1, 5):
            x = getattr(self, f"layer{index}")(x)
        return x
