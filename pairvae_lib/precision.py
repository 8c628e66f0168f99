"""Arithmetic of training: single precision, or bfloat16 where the processor multiplies matrices in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, cast

import torch

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Precision

Resolved = Literal["fp32", "bf16"]


def resolved(precision: Precision) -> Resolved:
    """What "auto" means on this machine; others are returned as they are.

    Parameters
    ----------
    precision : "auto", "fp32" or "bf16"
        "auto" is bf16 on a processor with bfloat16 matrix instructions (AMX, AVX-512 BF16), else fp32.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    check_one_of("precision", precision, ("auto", "fp32", "bf16"))
    if precision != "auto":
        return precision
    # torch has no public name for these, but compiles its own kernels by them.
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if fast else "fp32"


def arithmetic(precision: Resolved) -> AbstractContextManager[None]:
    """A context in which convolutions and matrix products run in this precision; parameters stay fp32."""
    context = torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")
    return cast(AbstractContextManager[None], context)
