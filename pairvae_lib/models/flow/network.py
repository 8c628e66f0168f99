"""Conditional flow: scattering to an ensemble of micrographs, in place of one answer.

A pattern fixes the statistics of a morphology, not where on the sample the micrograph was taken. The flow leaves that
to noise: x_t = (1 - t) noise + t mask, with the mask as -1 and 1, and a network that predicts P(mask = 1 | x_t, t,
scattering). At t = 0, where x_t tells nothing, its loss is the very likelihood of PairVAE's scattering -> micrograph.
Shapes: B batch, K components of the condition, H and W any height and width [px].

Source: Lipman et al. 2023, flow matching with a straight path; the network is a small U-Net (Ronneberger et al. 2015)
whose features are scaled and shifted by the condition (Perez et al. 2018).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pairvae_lib.checks import check_positive
from pairvae_lib.data.modality import Modality
from pairvae_lib.models.flow.condition import StatisticsRegression
from pairvae_lib.models.flow.config import FlowArchitecture
from pairvae_lib.models.precision import Resolved, arithmetic

LEVELS = 3  # resolutions of the U-Net
PX_PER_STEP = 2**LEVELS  # sides of an image inside the network are multiples of this many px
TIME_FREQUENCIES = 16
GROUPS = 8  # of channels that are normalised together


class Residual(nn.Module):
    """Two convolutions of 3 px with a shortcut; the condition scales and shifts the features between them."""

    def __init__(self, before: int, after: int, embedded: int):
        super().__init__()
        self.first_norm, self.second_norm = nn.GroupNorm(GROUPS, before), nn.GroupNorm(GROUPS, after)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.modulation = nn.Linear(embedded, 2 * after)
        self.shortcut: nn.Module = nn.Identity() if before == after else nn.Conv2d(before, after, 1)
        nn.init.zeros_(self.second.weight)  # the block starts as its shortcut

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, before, H, W), (B, embedded) -> (B, after, H, W)."""
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.first(F.silu(self.first_norm(x)))
        h = F.silu(self.second_norm(h) * (1 + scale) + shift)
        return self.shortcut(x) + self.second(h)


class UNet(nn.Module):
    """Noisy image, time and condition to logits: half, quarter and eighth of the resolution, and back."""

    def __init__(self, architecture: FlowArchitecture):
        super().__init__()
        widths, embedded = architecture.channels, architecture.embedded
        self.embedding = nn.Sequential(
            nn.Linear(2 * TIME_FREQUENCIES + architecture.components, embedded), nn.SiLU(),
            nn.Linear(embedded, embedded), nn.SiLU(),
        )
        self.into = nn.Conv2d(4, widths[0], 3, padding=1)  # four pixels are one place of four channels
        self.down = nn.ModuleList(
            Residual(before, after, embedded) for before, after in zip((widths[0], *widths), widths, strict=False)
        )
        self.middle = Residual(widths[-1], widths[-1], embedded)
        upwards = widths[::-1]
        self.up = nn.ModuleList(
            Residual(below + beside, beside, embedded)
            for below, beside in zip((upwards[0], *upwards), upwards, strict=False)
        )
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.out = nn.Conv2d(widths[0], 4, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """(B, 1, H, W), (B,), (B, K) -> logits (B, 1, H, W)."""
        octaves = torch.exp(torch.arange(TIME_FREQUENCIES, device=x.device) * (math.log(256) / (TIME_FREQUENCIES - 1)))
        phase = time[:, None] * octaves * math.pi / 2
        embedding = self.embedding(torch.cat([phase.sin(), phase.cos(), condition], dim=1))
        h = self.into(F.pixel_unshuffle(x, 2))
        beside = []
        for level, block in enumerate(self.down):
            h = block(F.avg_pool2d(h, 2) if level else h, embedding)
            beside.append(h)
        h = self.middle(h, embedding)
        for level, block in enumerate(self.up):
            h = F.interpolate(h, scale_factor=2.0, mode="nearest") if level else h
            h = block(torch.cat([h, beside[-1 - level]], dim=1), embedding)
        return F.pixel_shuffle(self.out(F.silu(self.norm(h))), 2)


class ConditionalFlow(nn.Module):
    """Scattering -> masks.

    Parameters
    ----------
    scattering, micrograph : Modality
        The micrograph must be a mask; the scattering may be of any kind, also micrographs by another technique.
    samples : int
        How many training samples its condition is learnt from: what `regression` reads of the morphology off the
        scattering; training teaches it that first.

    Attributes
    ----------
    precision : str
        The arithmetic of the network, "fp32" unless a training sets it.
    """

    def __init__(self, scattering: Modality, micrograph: Modality, architecture: FlowArchitecture, samples: int):
        super().__init__()
        check_drawable(scattering, micrograph)
        self.modalities = (scattering, micrograph)
        self.architecture = architecture
        self.precision: Resolved = "fp32"
        self.regression = StatisticsRegression(scattering, samples, architecture.components)
        self.net = UNet(architecture)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.regression.known.device

    def condition(self, scattering: Tensor) -> Tensor:
        """(B, 1 or crops, *shape) -> (B, K): what the regression says of the morphology."""
        return self.regression(scattering)

    def forward(self, x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Logits of P(mask = 1): (B, 1, H, W), (B,), (B, K) -> (B, 1, H, W); H and W multiples of PX_PER_STEP."""
        with arithmetic(self.precision, x.device):
            if self.precision == "bf16":
                x = x.contiguous(memory_format=torch.channels_last)  # the layout of the fast bfloat16 kernels
            return self.net(x, time, condition).float()

    @torch.no_grad()
    def sample(
        self, scattering: Tensor, size: int | tuple[int, int], rng: np.random.Generator, steps: int = 30
    ) -> Tensor:
        """One mask for each entry of the scattering: repeat an entry for an ensemble.

        Parameters
        ----------
        scattering : Tensor of shape (B, 1, *shape), or (B, crops, *shape) of micrographs
        size : int or (int, int) [px]
            Height and width; any, whatever the size of the training crops.
        rng : numpy.random.Generator
            Draws the noise, all that tells the masks of one ensemble apart.
        steps : int
            Of Euler's method.

        Returns
        -------
        Tensor of bool, shape (B, 1, height, width)
        """
        height, width = (size, size) if isinstance(size, int) else size
        for name, value in (("height", height), ("width", width), ("steps", steps)):
            check_positive(name, value)
        condition = self.condition(scattering)
        rows, cols = (-(-length // PX_PER_STEP) * PX_PER_STEP for length in (height, width))
        noise = rng.standard_normal((len(scattering), 1, rows, cols), dtype=np.float32)
        x = torch.from_numpy(noise).to(self.device)
        for step in range(steps):
            time = step / steps
            expected = torch.tanh(self(x, x.new_full((len(x),), time), condition) / 2)  # 2 P - 1
            x = x + (expected - x) / (steps - step)  # = dt (expected - x) / (1 - t); the last step arrives there
        return x[:, :, :height, :width] > 0


def noised(mask: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """State of the flow: (B, 1, H, W) masks of 0 and 1, standard normal noise, (B,) times from 0 to 1."""
    t = time[:, None, None, None]
    return (1 - t) * noise + t * (2 * mask - 1)


def check_drawable(scattering: Modality, micrograph: Modality) -> None:
    """Raise ValueError unless what would be drawn are masks."""
    if micrograph.kind != "mask":
        found = " and ".join(f"{one.name} ({one.kind})" for one in (scattering, micrograph))
        raise ValueError(f"a flow draws masks, so the second technique must be of the kind mask; got {found}")


def fresh_flow(
    scattering: Modality, micrograph: Modality, architecture: FlowArchitecture, samples: int, seed: int
) -> ConditionalFlow:
    """A flow with initial weights drawn from `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ConditionalFlow(scattering, micrograph, architecture, samples)
