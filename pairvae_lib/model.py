"""PairVAE: two variational autoencoders, one for each technique, whose latents are brought together.

Four routes follow from two encoders and two decoders: each technique reconstructed from itself and from the other.
Shapes: B batch, C latent channels, h and w latent cells (an image has 32 px per cell and side).
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of, check_shape
from pairvae_lib.config import PX_PER_LATENT_CELL, Architecture, Profile
from pairvae_lib.layers import BATCH_NORM, ConvolutionalBackbone, DoublingConvolution, Form, ResNet50Backbone
from pairvae_lib.modality import Modality
from pairvae_lib.precision import Resolved, arithmetic

DOUBLINGS = int(math.log2(PX_PER_LATENT_CELL))
WIDE_KERNEL = 9  # px; from here on the sub-pixel form and bfloat16 pay


class Posterior(NamedTuple):
    """Independent normal distribution of a latent: mean and standard deviation, each (B, C, h, w)."""

    latent_mean: Tensor
    latent_scale: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Reparameterised sample, (B, C, h, w), from standard normal `noise` of that shape."""
        return self.latent_mean + self.latent_scale * noise


class Encoder(nn.Module):
    """Measurement to posterior: a convolutional backbone, then two dense layers per latent cell.

    Parameters
    ----------
    modality : Modality
    architecture : Architecture
        "barlow_cnn" and "resnet50" hold their backbone FROZEN in inference mode, as the paper does. The backbone of a
        1-D profile is always trained, since there is no image to pretrain it on.
    latent_shape : (C, h, w)
    """

    def __init__(self, modality: Modality, architecture: Architecture, latent_shape: tuple[int, int, int]):
        super().__init__()
        self.frozen = modality.is_image and architecture.encoder != "cnn"
        self.backbone: ConvolutionalBackbone | ResNet50Backbone
        if modality.is_image and architecture.encoder == "resnet50":
            self.backbone = ResNet50Backbone(architecture.backbone_weights)
        else:
            self.backbone = ConvolutionalBackbone(architecture.encoder_channels, dims=len(modality.shape))
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
        """(B, 1, *shape) -> posterior of shape (B, C, h, w)."""
        return self.posterior(self.prepared(x))


class Decoder(nn.Module):
    """Latent to measurement: four doubling blocks and a fifth, doubling output layer.

    Bernoulli: returns logits. The original ends in a linear layer of as many channels as the blocks have, and takes
    their mean; here that layer is collapsed to its mean kernel. Gaussian: returns intensities (a sigmoid); the original
    has three colour channels, here there is one of scalar intensity.
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
        self.output = DoublingConvolution(filters, 1, kernel, dims, collapsed_from, form)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 1, *shape): logits or intensities."""
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

    def _arithmetic(self) -> AbstractContextManager[None]:
        """The context of all its computations."""
        return arithmetic(self.precision if self.decoder.kernel >= WIDE_KERNEL else "fp32", self.device)

    def encode(self, x: Tensor) -> Posterior:
        """Posterior of measurements.

        Parameters
        ----------
        x : Tensor of shape (B, 1, *modality.shape)
        """
        check_shape(f"{self.modality.name} measurements", x, ("batch", 1, *self.modality.shape))
        return self.posterior(self.prepared(x))

    def prepared(self, x: Tensor) -> Tensor:
        """What of measurements never changes in training (see `Encoder.prepared`)."""
        with self._arithmetic():
            return self.encoder.prepared(x)

    def posterior(self, prepared: Tensor) -> Posterior:
        """Posterior from the output of `prepared`."""
        with self._arithmetic():
            return self.encoder.posterior(prepared)

    def decode(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 1, *modality.shape): logits (bernoulli) or intensities (gaussian)."""
        check_shape("latent", latent, ("batch", *self.latent_shape))
        with self._arithmetic():
            return self.decoder(latent)

    def shown(self, decoded: Tensor) -> Tensor:
        """What is shown of a decoder's output: the Bernoulli mode (p > 1/2, a boolean mask), or the intensities."""
        return decoded > 0 if self.modality.likelihood == "bernoulli" else decoded

    def reconstruct(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Encode, decode and show; from the posterior mean, or from the sample that `noise` gives."""
        posterior = self.encode(x)
        return self.shown(self.decode(posterior.latent_mean if noise is None else posterior.sample(noise)))


class PairVAE(nn.Module):
    """Two VAEs with latents of one shape: four routes of reconstruction.

    Parameters
    ----------
    first, second : VAE
        Solo-trained, or fresh for direct pair training.
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

    def reconstruct(self, x: Tensor, source: str, target: str, noise: Tensor | None = None) -> Tensor:
        """Measurements of `target` from those of `source`.

        Parameters
        ----------
        x : Tensor of shape (B, 1, *shape of source)
        source, target : str
            Names of modalities; equal ones give a self-reconstruction.
        noise : Tensor of shape (B, C, h, w), optional
            Standard normal noise for a sample of the latent (as the original's assessment does); else its mean.

        Returns
        -------
        Tensor of shape (B, 1, *shape of target)
            Boolean mask (bernoulli) or intensities in [0, 1] (gaussian).
        """
        posterior = self.vae(source).encode(x)
        latent = posterior.latent_mean if noise is None else posterior.sample(noise)
        return self.vae(target).shown(self.vae(target).decode(latent))


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
