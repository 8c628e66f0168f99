"""PairVAE: two variational autoencoders, one for each technique, whose latents are brought together.

Four routes follow from two encoders and two decoders: each technique reconstructed from itself and from the other.
Shapes: B batch, C latent channels, h and w latent cells (an image has 32 px per cell and side). This file is the whole
model, with the terms of its losses, initial weights and optimiser; `training.py` weighs the terms and trains it, and
`protocol.py` runs its stages in order. Settings are in `config.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of, check_shape
from pairvae_lib.config import PX_PER_LATENT_CELL, Architecture, Likelihood, Profile
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.scattering import COLOUR_STOPS
from pairvae_lib.models.doubling import FORMS, Form, fastest
from pairvae_lib.models.precision import Resolved, arithmetic

Measured = TypeVar("Measured", Tensor, np.ndarray)
NARROW_RESNET = Path(__file__).with_name("narrow_resnet.safetensors")
BATCH_NORM: dict[str, Any] = {"eps": 1e-3, "momentum": 0.01}  # Keras' defaults (its momentum .99 is torch's .01)


class DoublingConvolution(nn.Module):
    """Transposed convolution of stride 2 that doubles every side exactly (Keras' "same"), of a profile or an image.

    Parameters
    ----------
    kernel : int
        Odd, at least 3 [px].
    dims : 1 or 2
        Profile or image.
    collapsed_from : int
        Where the original takes the mean over that many output channels, our one channel has their mean kernel: the
        same function, that many times cheaper. It only changes the initial scale (and the optimiser: `adam`).
    form : "transposed", "subpixel", "tiled" or "rowwise"
        The literal form, or one of `doubling.py` that computes the same sums of an image in fewer operations. Which is
        the fastest depends on the machine; rowwise is for one output channel.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, dims: int = 2, collapsed_from: int = 1,
        form: Form = "transposed",
    ):
        super().__init__()
        check_one_of("dims", dims, (1, 2))
        check_one_of("form", form, tuple(FORMS))
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
            return F.conv_transpose1d(x, self.weight, self.bias, stride=2, padding=self.padding)[..., :-1].contiguous()
        return FORMS[self.form](x, self.weight, self.bias, self.padding)


def doublings(module: nn.Module) -> list[DoublingConvolution]:
    """All doubling layers of a model, in their order."""
    return [part for part in module.modules() if isinstance(part, DoublingConvolution)]


class ConvolutionalBackbone(nn.Sequential):
    """Stride-2 convolutions of three pixels with batch norm and ReLU, for images (dims=2) or profiles (dims=1)."""

    def __init__(self, channels: Sequence[int], dims: int = 2, in_channels: int = 1):
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv1d, nn.BatchNorm1d)
        layers: list[nn.Module] = []
        for before, after in zip((in_channels, *channels[:-1]), channels, strict=True):
            layers += [convolution(before, after, 3, stride=2, padding=1), norm(after, **BATCH_NORM), nn.ReLU()]
        super().__init__(*layers)
        self.in_channels, self.out_channels = in_channels, channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1 or in_channels, ...) -> (batch, out_channels, ... / 32); a grey image is seen as equal colours."""
        return super().forward(x if self.in_channels == 1 else x.expand(-1, self.in_channels, -1, -1))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """What a residual block adds its convolutions to: its input, brought to the size of its output."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions (He et al. 2016)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, height, width) -> (batch, out_channels, height / stride, width / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class NarrowResNetBackbone(nn.Sequential):
    """A residual network that sees the whole image: (batch, 1 or 3, height, width) -> (batch, 128, h / 32, w / 32).

    The layout of ResNet-18 with a quarter of its widths: .7 M parameters. `weights` is a safetensors file; the shipped
    one, `NARROW_RESNET`, was pretrained by Barlow Twins on other micrographs (`workflow/pretrain_encoder.py`).
    """

    WIDTHS = (16, 32, 64, 128)
    out_channels = WIDTHS[-1]

    def __init__(self, weights: str | Path | None = None):
        layers: list[nn.Module] = [nn.Conv2d(3, self.WIDTHS[0], 7, 2, 3, bias=False), nn.BatchNorm2d(self.WIDTHS[0]),
                                   nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for stage, (before, after) in enumerate(zip((self.WIDTHS[0], *self.WIDTHS), self.WIDTHS, strict=False)):
            layers += [BasicBlock(before, after, 1 if stage == 0 else 2), BasicBlock(after, after, 1)]
        super().__init__(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if weights is not None and not cast(Tensor, self[0].weight).is_meta:  # a bundle reads shapes first
            load_backbone(self, Path(weights))

    def forward(self, x: Tensor) -> Tensor:
        """A grey image is seen as three equal colours."""
        return super().forward(x.expand(-1, 3, -1, -1))


def load_backbone(backbone: nn.Module, weights: Path) -> None:
    """Read a weight file, also one in half precision; a classifier's top (fc.*) is left out."""
    from safetensors.torch import load_file

    state = {name: value.float() if value.is_floating_point() else value for name, value in load_file(weights).items()}
    try:
        backbone.load_state_dict({name: value for name, value in state.items() if not name.startswith("fc.")})
    except RuntimeError as error:
        kind = type(backbone).__name__.removesuffix("Backbone")
        raise ValueError(f"weights {weights} must hold a {kind}'s tensors; {error}") from None


class Bottleneck(nn.Module):
    """Residual block of ResNet-50: 1 x 1, 3 x 3, 1 x 1 convolutions (He et al. 2016)."""

    def __init__(self, in_channels: int, width: int, stride: int):
        super().__init__()
        out_channels = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, height, width) -> (batch, 4 * width, height / stride, width / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50Backbone(nn.Module):
    """ResNet-50 without its top: (batch, 1, height, width) -> (batch, 2048, height / 32, width / 32).

    `weights` is a safetensors file with the usual names (conv1.weight, layer1.0.conv1.weight, ...), as most libraries
    save them; None for random weights. The paper's own weights are not public.
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
            load_backbone(self, Path(weights))

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

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, height, width) -> (batch, 2048, height / 32, width / 32)."""
        x = F.relu(self.bn1(self.conv1(x.expand(-1, 3, -1, -1))))
        x = F.max_pool2d(x, 3, 2, 1)
        for index in range(1, 5):
            x = getattr(self, f"layer{index}")(x)
        return x


DOUBLINGS = int(math.log2(PX_PER_LATENT_CELL))
WIDE_KERNEL = 9  # px; from here on the sub-pixel form and bfloat16 pay


def channels_of(modality: Modality, architecture: Architecture) -> int:
    """How many channels a measurement has for a model: three where patterns are seen in colours."""
    return architecture.pattern_channels if modality.kind == "pattern" else 1


def coloured(intensities: Tensor) -> Tensor:
    """Colours in [0, 1] of intensities in [0, 1], in the colour map of the published patterns.

    (B, 1, height, width) -> (B, 3, height, width).
    """
    stops = torch.as_tensor(COLOUR_STOPS / 255, dtype=intensities.dtype, device=intensities.device)  # (stops, 3)
    place = intensities[:, 0].clamp(0, 1) * (len(stops) - 1)
    below = place.floor().clamp(max=len(stops) - 2)
    share = (place - below)[..., None]
    first = below.long()
    return ((1 - share) * stops[first] + share * stops[first + 1]).permute(0, 3, 1, 2)


def intensities_of(colours: Tensor) -> Tensor:
    """The intensities whose colours come nearest: (B, 3, height, width) -> (B, 1, height, width)."""
    stops = torch.as_tensor(COLOUR_STOPS / 255, dtype=colours.dtype, device=colours.device)
    along = (stops[1:] - stops[:-1])[..., None, None]  # (segments, 3, 1, 1)
    offset = colours[:, None] - stops[:-1][..., None, None]  # (B, segments, 3, height, width)
    share = ((offset * along).sum(2) / along.square().sum(1)).clamp(0, 1)  # (B, segments, height, width)
    distance = (offset - share[:, :, None] * along).square().sum(2)
    nearest = distance.argmin(1, keepdim=True)
    return (nearest + share.gather(1, nearest)) / len(along)


class Posterior(NamedTuple):
    """Independent normal distribution of a latent: mean and standard deviation, each (B, C, h, w)."""

    latent_mean: Tensor
    latent_scale: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Reparameterised sample, (B, C, h, w), from standard normal `noise` of that shape."""
        return self.latent_mean + self.latent_scale * noise


class Encoder(nn.Module):
    """Measurement to posterior: a convolutional backbone, then two dense layers per latent cell.

    All architectures but "cnn" hold their backbone FROZEN in inference mode, as the paper does. The backbone of a 1-D
    profile is always trained, since there is no image to pretrain it on.
    """

    def __init__(self, modality: Modality, architecture: Architecture, latent_shape: tuple[int, int, int]):
        super().__init__()
        self.frozen = modality.is_image and architecture.encoder != "cnn"
        self.backbone: ConvolutionalBackbone | NarrowResNetBackbone | ResNet50Backbone
        if modality.is_image and architecture.encoder == "resnet50":
            self.backbone = ResNet50Backbone(architecture.backbone_weights)
        elif modality.is_image and architecture.encoder == "narrow_resnet":
            self.backbone = NarrowResNetBackbone(architecture.backbone_weights or NARROW_RESNET)
        else:
            channels = architecture.pattern_channels if modality.is_image else 1
            self.backbone = ConvolutionalBackbone(architecture.encoder_channels, len(modality.shape), channels)
        width = self.backbone.out_channels
        # A segment of a profile has no place in the image: every latent cell must see all of it.
        self.mix: nn.Module = nn.Identity()
        if not modality.is_image:
            cells = latent_shape[1] * latent_shape[2]
            self.mix = nn.Sequential(
                nn.Flatten(),
                nn.Linear(width * modality.shape[0] // PX_PER_LATENT_CELL, width * cells),
                nn.ReLU(),
                nn.Unflatten(1, (width, *latent_shape[1:])),
            )
        self.hidden = nn.Conv2d(width, architecture.hidden, 1)  # a dense layer per cell
        self.out = nn.Conv2d(architecture.hidden, 2 * latent_shape[0], 1)
        for bias in (self.hidden.bias, self.out.bias):
            nn.init.zeros_(cast(Tensor, bias))
        nn.init.normal_(self.hidden.weight, std=0.05)  # Keras' random_normal
        nn.init.xavier_uniform_(self.out.weight)
        if self.frozen:
            self.backbone.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Encoder:
        """As usual, but a frozen backbone stays in inference mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def prepared(self, x: Tensor) -> Tensor:
        """What of `x` never changes in training, to be computed once: the features of a frozen backbone, else x."""
        if not self.frozen:
            return x
        with torch.no_grad():
            return torch.cat([self.backbone(part) for part in x.split(32)])  # parts bound the memory

    def posterior(self, prepared: Tensor) -> Posterior:
        """Posterior from the output of `prepared`."""
        features = prepared if self.frozen else self.backbone(prepared)
        statistics = self.out(F.relu(self.hidden(self.mix(features)))).to(self.out.weight.dtype)  # (B, 2C, h, w)
        latent_mean, raw_scale = statistics.chunk(2, dim=1)
        return Posterior(latent_mean, F.softplus(raw_scale))

    def forward(self, x: Tensor) -> Posterior:
        """(B, 1 or 3, *shape) -> posterior of shape (B, C, h, w)."""
        return self.posterior(self.prepared(x))


class Decoder(nn.Module):
    """Latent to measurement: four doubling blocks and a fifth, doubling output layer.

    Bernoulli: returns logits. The original ends in a linear layer of as many channels as the blocks have, and takes
    their mean; here that layer is collapsed to its mean kernel. Gaussian: returns intensities (a sigmoid), or with
    `Architecture.pattern_channels` 3, as in the original, colours.
    """

    def __init__(self, modality: Modality, architecture: Architecture, latent_shape: tuple[int, int, int]):
        super().__init__()
        self.likelihood = modality.likelihood
        filters = architecture.decoder_filters[modality.likelihood]
        self.kernel = kernel = architecture.decoder_kernel[modality.likelihood]
        dims = len(modality.shape)
        norm = nn.BatchNorm2d if modality.is_image else nn.BatchNorm1d
        form: Form = "subpixel" if modality.is_image and kernel >= WIDE_KERNEL else "transposed"
        channels = latent_shape[0]
        self.mix: nn.Module = nn.Identity()
        if not modality.is_image:
            points = modality.shape[0] // PX_PER_LATENT_CELL
            self.mix = nn.Sequential(
                nn.Flatten(), nn.Linear(math.prod(latent_shape), channels * points), nn.Unflatten(1, (channels, points))
            )
        blocks: list[nn.Module] = []
        for before in (channels, *[filters] * (DOUBLINGS - 2)):
            blocks += [DoublingConvolution(before, filters, kernel, dims, form=form), norm(filters, **BATCH_NORM),
                       nn.ReLU()]
        self.blocks = nn.Sequential(*blocks)
        collapsed_from = filters if modality.likelihood == "bernoulli" else 1
        self.output = DoublingConvolution(
            filters, channels_of(modality, architecture), kernel, dims, collapsed_from, form
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 1 or 3, *shape): logits, or intensities or colours."""
        if torch.is_autocast_enabled(latent.device.type):
            latent = latent.contiguous(memory_format=torch.channels_last)  # the layout of the fast bfloat16 kernels
        decoded = self.output(self.blocks(self.mix(latent))).to(latent.dtype)
        return decoded if self.likelihood == "bernoulli" else decoded.sigmoid()


class VAE(nn.Module):
    """Variational autoencoder of one modality.

    Its attribute `precision`, "fp32" unless a training sets it, is the arithmetic of its convolutions; a decoder of
    small kernels stays in fp32, where it is the faster one.
    """

    def __init__(self, modality: Modality, architecture: Architecture, latent_shape: tuple[int, int, int]):
        super().__init__()
        self.modality = modality
        self.architecture = architecture
        self.latent_shape = latent_shape
        self.precision: Resolved = "fp32"
        self.encoder = Encoder(modality, architecture, latent_shape)
        self.decoder = Decoder(modality, architecture, latent_shape)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.encoder.out.weight.device

    def measure_forms(self, batch: int) -> None:
        """Give every wide layer the form that is the fastest here for that many images at a time.

        Tiles are computed in fp32, so they compete there only. Others keep their form: profiles, small kernels, GPUs.
        """
        if not self.modality.is_image or self.decoder.kernel < WIDE_KERNEL or self.device.type != "cpu":
            return
        sides = self.latent_shape[1:]
        with self._arithmetic():
            for layer in doublings(self):
                channels, out = layer.weight.shape[:2]
                x = torch.zeros(batch, channels, *sides)
                candidates: tuple[Form, ...] = ("subpixel", "rowwise") if out == 1 else ("subpixel", "tiled")
                if out == 1 or self.precision == "fp32":
                    layer.form = fastest(candidates, x, layer.weight, layer.bias, layer.padding)
                sides = (2 * sides[0], 2 * sides[1])

    def _arithmetic(self) -> AbstractContextManager[None]:
        """The context of all its computations."""
        return arithmetic(self.precision if self.decoder.kernel >= WIDE_KERNEL else "fp32", self.device)

    def encode(self, x: Tensor) -> Posterior:
        """Posterior of measurements of shape (B, 1, *modality.shape)."""
        check_shape(f"{self.modality.name} measurements", x, ("batch", 1, *self.modality.shape))
        return self.posterior(self.prepared(x))

    def coded(self, x: Tensor) -> Tensor:
        """Measurements (B, 1, *modality.shape) as the model sees and decodes them: (B, 3, ...) if in colours."""
        return coloured(x) if channels_of(self.modality, self.architecture) == 3 else x

    def prepared(self, x: Tensor) -> Tensor:
        """What of measurements never changes in training (see `Encoder.prepared`)."""
        with self._arithmetic():
            return self.encoder.prepared(self.coded(x))

    def posterior(self, prepared: Tensor) -> Posterior:
        """Posterior from the output of `prepared`."""
        with self._arithmetic():
            return self.encoder.posterior(prepared)

    def decode(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 1 or 3, *modality.shape): logits (bernoulli), or intensities or colours (gaussian)."""
        check_shape("latent", latent, ("batch", *self.latent_shape))
        with self._arithmetic():
            return self.decoder(latent)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Posterior]:
        """Decoded measurements, and the posterior: from its mean, or from the sample that `noise` gives.

        (B, 1, *modality.shape), and standard normal noise of shape (B, C, h, w).
        """
        posterior = self.encode(x)
        return self.decode(posterior.latent_mean if noise is None else posterior.sample(noise)), posterior

    def mode(self, decoded: Tensor) -> Tensor:
        """Of a decoder's output the most probable measurement: a boolean mask (p > 1/2), or the intensities."""
        if self.modality.likelihood == "bernoulli":
            return decoded > 0
        return intensities_of(decoded) if decoded.shape[1] == 3 else decoded

    def reconstruct(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """The most probable measurements that the model decodes from those of `x`."""
        return self.mode(self(x, noise)[0])


class PairVAE(nn.Module):
    """Two VAEs with latents of one shape: four routes of reconstruction.

    The VAEs are solo-trained, or fresh for direct pair training.
    """

    def __init__(self, first: VAE, second: VAE):
        super().__init__()
        if first.modality.name == second.modality.name:
            raise ValueError(f"the two modalities must have different names; got {first.modality.name!r} twice")
        if first.latent_shape != second.latent_shape:
            raise ValueError(f"latents must have one shape; got {first.latent_shape} and {second.latent_shape}")
        self.vaes = nn.ModuleDict({vae.modality.name: vae for vae in (first, second)})

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two modalities."""
        first, second = self.vaes
        return first, second

    @property
    def routes(self) -> list[tuple[str, str]]:
        """(source, target) of the four routes."""
        return [(source, target) for source in self.names for target in self.names]

    def vae(self, name: str) -> VAE:
        """The VAE of a modality."""
        check_one_of("modality", name, self.names)
        return cast(VAE, self.vaes[name])

    def forward(
        self, measurements: Mapping[str, Tensor], noise: Mapping[str, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Posterior]]:
        """Every route from the modalities that are given.

        Parameters
        ----------
        measurements : mapping of modality to Tensor of shape (B, 1, *shape)
        noise : mapping of modality to Tensor of shape (B, C, h, w), optional
            Standard normal noise for samples of the latents; else their means.

        Returns
        -------
        decoded : dict of route ("saxs_to_sem") to Tensor of shape (B, 1, *shape of the target)
            Logits (bernoulli) or intensities (gaussian).
        posteriors : dict of modality to Posterior
        """
        posteriors = {name: self.vae(name).encode(x) for name, x in measurements.items()}
        latents = {
            name: found.latent_mean if noise is None else found.sample(noise[name])
            for name, found in posteriors.items()
        }
        decoded = {
            route_name(source, target): self.vae(target).decode(latent)
            for source, latent in latents.items()
            for target in self.names
        }
        return decoded, posteriors

    def reconstruct(self, x: Measured, source: str, target: str, noise: Tensor | None = None) -> Measured:
        """Measurements of `target` from those of `source`.

        Parameters
        ----------
        x : Tensor or float32 ndarray of shape (B, 1, *shape of source)
        source, target : str
            Names of modalities; equal ones give a self-reconstruction.
        noise : Tensor of shape (B, C, h, w), optional
            Standard normal noise for a sample of the latent (as the original's assessment does); else its mean.

        Returns
        -------
        Tensor or ndarray of shape (B, 1, *shape of target)
            Boolean mask (bernoulli) or intensities in [0, 1] (gaussian).
        """
        if isinstance(x, np.ndarray):
            with torch.inference_mode():
                given = torch.from_numpy(x).to(self.vae(source).device)
                return self.reconstruct(given, source, target, noise).cpu().numpy()
        posterior = self.vae(source).encode(x)
        latent = posterior.latent_mean if noise is None else posterior.sample(noise)
        return self.vae(target).mode(self.vae(target).decode(latent))


def route_name(source: str, target: str) -> str:
    """Name of a route in tables and figures: "saxs_to_sem"."""
    return f"{source}_to_{target}"


def fresh_vae(modality: Modality, profile: Profile, seed: int) -> VAE:
    """A VAE with initial weights drawn from `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VAE(modality, profile.architecture, profile.latent_shape)


def adam(module: nn.Module, learning_rate: float, eps: float) -> torch.optim.Adam:
    """Adam over the trainable parameters of `module`, with the learning dynamics of the literal output layer.

    The collapsed output layer's gradient is that of each of its n literal channels times n, and Adam's step depends on
    the gradient through g / (|g| + eps) alone: with an eps n times larger it takes the literal step.

    The fused form takes its square roots exactly. torch's own square root of a whole tensor is an approximation that
    depends on the processor's maker.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    for part in module.modules():
        factor = part.collapsed_from if isinstance(part, DoublingConvolution) else 1
        own = [parameter for parameter in part.parameters(recurse=False) if parameter.requires_grad]
        groups.setdefault(eps * factor, []).extend(own)
    return torch.optim.Adam(
        [{"params": parameters, "eps": group_eps} for group_eps, parameters in groups.items() if parameters],
        lr=learning_rate,
        fused=True,
    )


# A latent that is constant over a batch of 8 would divide by zero (the original has no such guard).
STANDARDISATION_EPS = 1e-6


def kl_divergence(latent_mean: Tensor, latent_scale: Tensor) -> Tensor:
    """KL divergence of N(mean, scale^2) from N(0, 1) [nats], summed over the latents, averaged over the batch.

    Mean and scale (a standard deviation, above 0) have shape (batch, ...). In closed form; the original estimates it
    from the one sample that it decodes, which has the same expectation and more noise.
    """
    kl = 0.5 * (latent_mean.square() + latent_scale.square() - 1) - latent_scale.log()
    return kl.flatten(1).sum(1).mean()


def reconstruction_loss(decoded: Tensor, target: Tensor, likelihood: Likelihood) -> Tensor:
    """Mean loss per pixel of what a decoder returns, (batch, 1, ...), against the measurement: nats, or squared error.

    "bernoulli": negative log likelihood of targets 0 or 1, given logits. "gaussian": mean squared error of intensities.
    """
    if decoded.shape != target.shape:
        raise ValueError(f"target must have the decoded shape {tuple(decoded.shape)}; got {tuple(target.shape)}")
    check_one_of("likelihood", likelihood, ("bernoulli", "gaussian"))
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(decoded, target)
    return F.mse_loss(decoded, target)


def negative_elbo(reconstruction: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Objective of solo training: reconstruction + beta * kl, beta in units of loss per nat."""
    return reconstruction + beta * kl


def cross_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Cross-correlation over the batch of two latents (batch, ...), flattened and standardised: (latents, latents)."""
    if first.shape != second.shape:
        raise ValueError(f"second latent must have the first's shape {tuple(first.shape)}; got {tuple(second.shape)}")
    if len(first) < 2:
        raise ValueError(f"latents must hold at least 2 samples to be standardised over the batch; got {len(first)}")
    standardised = []
    for latent in (first.flatten(1), second.flatten(1)):
        centred = latent - latent.mean(0)
        standardised.append(centred * (centred.square().mean(0) + STANDARDISATION_EPS**2).rsqrt())  # sqrt is inexact
    return standardised[0].T @ standardised[1] / len(first)


def barlow_twins_loss(first: Tensor, second: Tensor, redundancy_weight: float) -> Tensor:
    """Alignment of two latents (batch, ...) of the same samples: invariance + redundancy_weight * redundancy.

    invariance = mean over the diagonal of (1 - C_ii)^2; redundancy = mean over the off-diagonal of C_ij^2. Means, as in
    the public notebooks: against the official sums the redundancy weighs (latents - 1) times less.
    """
    correlation = cross_correlation(first, second)
    size = len(correlation)
    diagonal = correlation.diagonal()
    invariance = (1 - diagonal).square().mean()
    redundancy = (correlation.square().sum() - diagonal.square().sum()) / (size * (size - 1))
    return invariance + redundancy_weight * redundancy
