"""Where and in which arithmetic trainings run: processor or GPU, single precision or bfloat16."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Literal, cast

import torch

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Precision

Resolved = Literal["fp32", "bf16"]
CPU = torch.device("cpu")
DEVICE = "PAIRVAE_DEVICE"  # environment variable: cpu or cuda, where a training should not choose by itself


def training_device(precision: Precision) -> torch.device:
    """Where a training runs: on a CUDA GPU if there is one, unless its numbers are to be the same everywhere.

    Parameters
    ----------
    precision : "auto", "fp32" or "bf16"
        Of the profile. "fp32" stays on the processor: what is compared with committed numbers is computed there.

    Raises
    ------
    ValueError
        If the environment variable PAIRVAE_DEVICE names another device than cpu or cuda, or a GPU that is not there.
    """
    named = os.environ.get(DEVICE) or ("cuda" if torch.cuda.is_available() and precision != "fp32" else "cpu")
    check_one_of(DEVICE, named, ("cpu", "cuda"))
    if named == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{DEVICE} must name a device of this machine; got 'cuda', and there is no CUDA GPU")
    return torch.device(named)


def resolved(precision: Precision, device: torch.device = CPU) -> Resolved:
    """What "auto" means on this machine; others are returned as they are.

    Parameters
    ----------
    precision : "auto", "fp32" or "bf16"
        "auto" is bf16 on a GPU and on a processor with bfloat16 instructions (AMX, AVX-512 BF16), else fp32.
    device : torch.device

    Raises
    ------
    ValueError
        If it is none of these.
    """
    check_one_of("precision", precision, ("auto", "fp32", "bf16"))
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16"
    # torch has no public name for these, but compiles its own kernels by them.
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if fast else "fp32"


def training_precision(precision: Precision) -> Resolved:
    """What a training of this precision runs in on this machine."""
    return resolved(precision, training_device(precision))


def arithmetic(precision: Resolved, device: torch.device = CPU) -> AbstractContextManager[None]:
    """A context in which convolutions and matrix products run in this precision; parameters stay fp32."""
    context = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
    return cast(AbstractContextManager[None], context)
