r"""Faster forms of the transposed convolution of stride 2 that doubles an image: the same sums, fewer operations.

All compute :math:`y_{2i+a} = \sum_d x_{i-d}\, w_{2d+a+p}` (per dimension; a = 0, 1 is the phase of an output pixel, p
the padding). That is an ordinary convolution of r = 8 taps for a kernel of 15 px, to four times as many channels.

- `subpixel` is that convolution.
- `tiled` computes it on tiles of n = m + r - 1 inputs that give m outputs each ("overlap-save"). On a tile it is a
  cyclic one, so a product after a discrete Fourier transform. Of a real tile and an odd n, frequency k > 0 is
  :math:`a + ib`, of the kernel :math:`c + id`, and three real products make the complex one (Gauss):
  :math:`k_1 = c(a+b),\ k_2 = a(d-c),\ k_3 = b(c+d)` give :math:`(k_1 - k_3) + i(k_1 + k_2)`. With the sums in the
  matrices of the transforms, a dimension is :math:`y = Y^T [(G w) \odot (D x)]`, where D, G and Y have
  R = (3n - 1) / 2 rows; an image is the same along rows and columns. Between D and Y stand R^2 matrix products (tiles,
  channels) x (channels, channels) and nothing else: R^2 / m^2 = 5.4 products for an output in place of 64.
- `rowwise` is for a single output channel, where a convolution to four channels leaves vector registers empty: the
  convolution sums over channels and taps along the column only, and gives the taps along the row as channels; shifted
  by their place, these are then summed.

Source: overlap-save and Gauss' product are textbook; Winograd (1980) for the form Y^T [(G w) (D x)].
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

Form = Literal["transposed", "subpixel", "tiled", "rowwise"]
TILE = 12  # outputs along a side of a tile, at most; the fastest of 6 to 24 for 8 taps
REPEATS = 4  # of a measurement
TILES_AT_ONCE = 64  # so that what is between the transforms stays in the cache


def transposed(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """The literal form. (B, C, h, w) and a kernel (C, O, k, k) give (B, O, 2h, 2w); so do all forms, without gaps.

    With gaps, batch norm would take its root by a function that rounds differently on other processors.
    """
    return F.conv_transpose2d(x, weight, bias, stride=2, padding=padding)[..., :-1, :-1].contiguous()


def subpixel(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """An ordinary convolution to the four phases, and a shuffle."""
    kernels, margins = _phases(weight, padding)
    in_channels, out_channels, taps = kernels.shape[:3]
    kernels = kernels.permute(1, 3, 5, 0, 2, 4).flip(4, 5).reshape(4 * out_channels, in_channels, taps, taps)
    return F.pixel_shuffle(F.conv2d(F.pad(x, margins * 2), kernels, bias.repeat_interleave(4)), 2)


def tiled(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """The convolution of `subpixel` by transforms of tiles."""
    kernels, (before, after) = _phases(weight, padding)
    in_channels, out_channels, taps = kernels.shape[:3]
    kernels = kernels.permute(2, 4, 0, 3, 5, 1).flip(0, 1).reshape(taps, taps, in_channels, 4 * out_channels)
    batch, _, *sides = x.shape
    counts = [-(-side // TILE) for side in sides]
    outputs = max(-(-side // count) for side, count in zip(sides, counts, strict=True))
    outputs += (outputs + taps) % 2  # an odd tile
    row_end, col_end = (after + count * outputs - side for side, count in zip(sides, counts, strict=True))
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, before, col_end, before, row_end)).contiguous()
    y = _TiledCorrelation.apply(padded, kernels, outputs)[:, : sides[0], : sides[1]]
    phases = (y + bias.repeat(4)).view(batch, *sides, 2, 2, out_channels)  # (B, h, w, a, b, O)
    return phases.permute(0, 1, 3, 2, 4, 5).reshape(batch, 2 * sides[0], 2 * sides[1], out_channels).permute(0, 3, 1, 2)


def rowwise(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """The convolution of `subpixel` to one channel: taps along columns first, then those along rows."""
    kernels, margins = _phases(weight, padding)
    in_channels, _, taps = kernels.shape[:3]
    kernels = kernels[:, 0].permute(3, 2, 4, 0, 1).flip(4).reshape(4 * taps, in_channels, taps, 1)  # (d, a, b), C, d
    padded = F.pad(x, margins * 2).contiguous(memory_format=torch.channels_last)
    terms = F.conv2d(padded, kernels).permute(0, 2, 3, 1).contiguous()
    y = _ShiftedSum.apply(terms, taps).unflatten(-1, (2, 2)) + bias  # (B, h, w, a, b)
    return y.permute(0, 1, 3, 2, 4).reshape(len(x), 1, 2 * x.shape[2], 2 * x.shape[3])


FORMS: dict[Form, Callable[[Tensor, Tensor, Tensor, int], Tensor]] = {
    "transposed": transposed, "subpixel": subpixel, "tiled": tiled, "rowwise": rowwise,
}


def _phases(weight: Tensor, padding: int) -> tuple[Tensor, tuple[int, int]]:
    """Kernels by phase, (in, out, taps, 2, taps, 2), and the zeros that the input gets before and after."""
    kernel = weight.shape[-1]
    first = -((padding + 1) // 2)  # smallest d
    front = -(2 * first + padding)  # zeros that align the kernel with phase 0
    taps = (kernel + front + 1) // 2
    back = 2 * taps - kernel - front
    kernels = F.pad(weight, (front, back, front, back)).view(*weight.shape[:2], taps, 2, taps, 2)
    return kernels, (first + taps - 1, -first)


@cache
def _transforms(outputs: int, taps: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """D (R, n), G (R, taps) and Y (R, outputs) of the module's formula."""
    n = outputs + taps - 1
    angle = 2 * np.pi * np.arange(1, (n - 1) // 2 + 1)[:, None] * np.arange(n) / n
    c, s, one = np.cos(angle), np.sin(angle), np.ones((1, n))
    data = np.concatenate([one, c, -s, c - s])  # a, b, a + b
    kernel = np.concatenate([one, s - c, c + s, c])[:, :taps]  # d - c, c + d, c, of the conjugate: a correlation
    back = np.concatenate([one, -2 * s, -2 * c, 2 * (c - s)])[:, :outputs] / n
    d, g, y = (torch.tensor(matrix, dtype=dtype) for matrix in (data, kernel, back))
    return d, g, y


class _TiledCorrelation(torch.autograd.Function):
    """(B, H, W, C) with kernels (taps, taps, C, O) to (B, H - taps + 1, W - taps + 1, O), in tiles of `outputs`.

    H and W must be whole numbers of tiles, plus taps - 1. Rows are transformed first; then, for one of their R
    frequencies after the other, the columns, the products and the way back of the columns.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, outputs: int) -> Tensor:
        taps, _, channels, out = kernels.shape
        to, of_kernel, back = _transforms(outputs, taps, x.dtype)
        rank, n = to.shape
        down, across = (side // outputs for side in (x.shape[1] - taps + 1, x.shape[2] - taps + 1))
        by_row = (of_kernel @ kernels.reshape(taps, -1)).view(rank, taps, -1)
        weights = (of_kernel @ by_row).view(rank, rank, channels, out)
        ctx.images = max(1, TILES_AT_ONCE // (down * across))
        spectra, found = [], []
        for part in x.split(ctx.images):
            count = len(part) * down * across
            image, row, col, _ = part.stride()
            tiles = part.as_strided((n, n, len(part), down, across, channels),
                                    (row, col, image, outputs * row, outputs * col, 1))
            rows = (to @ tiles.reshape(n, -1)).view(rank, n, -1)
            spectrum = x.new_empty(rank, rank, count, channels)
            product, of_rows = x.new_empty(rank, count, out), x.new_empty(rank, outputs, count * out)
            for k in range(rank):
                torch.mm(to, rows[k], out=spectrum[k].view(rank, -1))
                torch.bmm(spectrum[k], weights[k], out=product)
                torch.mm(back.T, product.view(rank, -1), out=of_rows[k])
            y = (back.T @ of_rows.view(rank, -1)).view(outputs, outputs, len(part), down, across, out)
            found.append(y.permute(2, 3, 0, 4, 1, 5).reshape(len(part), down * outputs, across * outputs, out))
            spectra.append(spectrum)
        ctx.shape, ctx.outputs, ctx.taps = x.shape, outputs, taps
        ctx.save_for_backward(weights, *spectra)
        return torch.cat(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """Each step of `forward` transposed, from the last one to the first."""
        weights, *spectra = ctx.saved_tensors
        outputs, taps = ctx.outputs, ctx.taps
        to, of_kernel, back = _transforms(outputs, taps, grad.dtype)
        rank, n = to.shape
        channels, out = weights.shape[2:]
        down, across = (side // outputs for side in grad.shape[1:3])
        of_weights, of_x = torch.zeros_like(weights), grad.new_zeros(ctx.shape)
        for part, spectrum, of_part in zip(
            grad.split(ctx.images), spectra, of_x.split(ctx.images), strict=True
        ):
            count = len(part) * down * across
            tiles = part.reshape(len(part), down, outputs, across, outputs, out).permute(2, 4, 0, 1, 3, 5)
            of_rows = (back @ tiles.reshape(outputs, -1)).view(rank, outputs, -1)
            product, of_spectrum = grad.new_empty(rank, count, out), grad.new_empty(rank, count, channels)
            rows = grad.new_empty(rank, n, count * channels)
            for k in range(rank):
                torch.mm(back, of_rows[k], out=product.view(rank, -1))
                torch.baddbmm(of_weights[k], spectrum[k].transpose(1, 2), product, out=of_weights[k])
                torch.bmm(product, weights[k].transpose(1, 2), out=of_spectrum)
                torch.mm(to.T, of_spectrum.view(rank, -1), out=rows[k])
            of_tiles = (to.T @ rows.view(rank, -1)).view(n, n, len(part), down, across, channels)
            for i, j in np.ndindex(down, across):
                place = of_part[:, i * outputs : i * outputs + n, j * outputs : j * outputs + n]
                place += of_tiles[:, :, :, i, j].permute(2, 0, 1, 3)
        by_row = (of_kernel.T @ of_weights.view(rank, rank, -1)).view(rank, -1)
        return of_x, (of_kernel.T @ by_row).view(taps, taps, channels, out), None


class _ShiftedSum(torch.autograd.Function):
    """Terms (B, h, w + taps - 1, taps x 4) to (B, h, w, 4): the sum over d of term d, moved by d along the row."""

    @staticmethod
    def forward(ctx: Any, terms: Tensor, taps: int) -> Tensor:
        batch, height, width, channels = terms.shape
        image, row, col, _ = terms.stride()
        ctx.taps, four = taps, channels // taps
        shape, first = (batch, height, width - taps + 1, taps, four), (taps - 1) * four
        return terms.as_strided(shape, (image, row, col, col - four, 1), terms.storage_offset() + first).sum(3)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        batch, height, width, four = grad.shape
        padded = F.pad(grad, (0, 0, ctx.taps - 1, ctx.taps - 1)).contiguous()
        image, row, col, _ = padded.stride()
        shape = (batch, height, width + ctx.taps - 1, ctx.taps * four)
        return padded.as_strided(shape, (image, row, col, 1)).contiguous(), None


def fastest(candidates: tuple[Form, ...], x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Form:
    """The form whose forward and backward pass takes this processor the least time, the best of `REPEATS` in turn."""
    given = tuple(tensor.detach().requires_grad_() for tensor in (x, weight, bias))
    seconds = dict.fromkeys(candidates, float("inf"))
    for _ in range(REPEATS):
        for form in candidates:
            began = time.perf_counter()
            torch.autograd.grad(FORMS[form](given[0], given[1], given[2], padding).sum(), given)
            seconds[form] = min(seconds[form], time.perf_counter() - began)
    return min(seconds, key=seconds.__getitem__)
