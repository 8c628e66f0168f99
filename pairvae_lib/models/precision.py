"""One arithmetic for all processors: how a chapter comes out the same, bit for bit, wherever it is run."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Precision

Resolved = Literal["fp32", "bf16"]
CPU = torch.device("cpu")
DEVICE = "PAIRVAE_DEVICE"  # environment variable: cpu or cuda, where a training should not choose by itself


def training_device(precision: Precision) -> torch.device:
    """Where a training runs: on a CUDA GPU if there is one, unless its numbers are to be the same everywhere.

    "fp32" stays on the processor: what is compared with committed numbers is computed there. ValueError if the variable
    PAIRVAE_DEVICE names another device than cpu or cuda, or a GPU that is not there.
    """
    named = os.environ.get(DEVICE) or ("cuda" if torch.cuda.is_available() and precision != "fp32" else "cpu")
    check_one_of(DEVICE, named, ("cpu", "cuda"))
    if named == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{DEVICE} must name a device of this machine; got 'cuda', and there is no CUDA GPU")
    return torch.device(named)


def resolved(precision: Precision, device: torch.device = CPU) -> Resolved:
    """What "auto" means on this machine; others are returned as they are.

    It is bf16 on a GPU and on a processor with matrix instructions for it (AMX), else fp32: with AVX-512 BF16 alone, a
    pair step took 948 ms in bf16 and 437 ms in fp32 (a Xeon that was kept from its AMX).
    """
    check_one_of("precision", precision, ("auto", "fp32", "bf16"))
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16"
    # torch has no public name for it, but compiles its own kernels by it.
    return "bf16" if torch.cpu._is_amx_tile_supported() else "fp32"


def training_precision(precision: Precision) -> Resolved:
    """What a training of this precision runs in on this machine."""
    return resolved(precision, training_device(precision))


def arithmetic(precision: Resolved, device: torch.device = CPU) -> AbstractContextManager[None]:
    """A context in which convolutions and matrix products run in this precision; parameters stay fp32."""
    context = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
    return cast(AbstractContextManager[None], context)


ARITHMETIC = "PAIRVAE_ARITHMETIC"  # environment variable: fixed (the default), or own for that of the processor at hand


def fixed_arithmetic() -> dict[str, str]:
    """Environment variables with which a process rounds alike on every x86-64 processor with AVX2, whoever made it.

    Libraries choose their kernels by the processor, and kernels round differently. These variables name one set of
    kernels for torch, oneDNN, MKL and NumPy that processors since 2013 (Intel) and 2015 (AMD) have. With one thread and
    in fp32 the same program then computes the same bits on all of them. They must be set before a process starts. What
    BLAS computes for NumPy and SciPy (regressions, principal components) still differs in its last digits.

    Empty where the processor has no AVX2: it computes in its own arithmetic.
    """
    known = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # what NumPy would use here; no empty list
    if not {"X86_V3", "AVX2"} & set(known):  # their names since NumPy 2.4, and before
        return {}
    wider = [name for name in known if "AVX512" in name or name == "X86_V4"]
    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "COMPATIBLE",
        "NPY_DISABLE_CPU_FEATURES": os.environ.get("NPY_DISABLE_CPU_FEATURES") or " ".join(wider),
    }


def chapter_arithmetic(precision: Precision) -> dict[str, str]:
    """Environment variables of a chapter's process: the fixed arithmetic in fp32, unless PAIRVAE_ARITHMETIC is own.

    What is to be fast is left in the processor's own arithmetic.
    """
    named = os.environ.get(ARITHMETIC, "fixed")
    check_one_of(ARITHMETIC, named, ("fixed", "own"))
    return fixed_arithmetic() if precision == "fp32" and named == "fixed" else {}


def arithmetic_in_force() -> str:
    """What this process computes in: "fixed", or the widest kernels that torch has for this processor, as "AVX512"."""
    fixed = fixed_arithmetic()
    if fixed and fixed.items() <= os.environ.items():
        return "fixed"
    import torch  # a chapter or two do without

    return torch.backends.cpu.get_cpu_capability()


def processor() -> str:
    """What the system calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
