"""One arithmetic for all processors: how a chapter comes out the same, bit for bit, wherever it is run."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Precision

ARITHMETIC = "PAIRVAE_ARITHMETIC"  # environment variable: fixed (the default), or own for that of the processor at hand


def fixed_arithmetic() -> dict[str, str]:
    """Environment variables with which a process rounds alike on every x86-64 processor with AVX2, whoever made it.

    Libraries choose their kernels by the processor, and kernels round differently. These variables name one set of
    kernels for torch, oneDNN, MKL and NumPy that processors since 2013 (Intel) and 2015 (AMD) have. With one thread and
    in fp32 the same program then computes the same bits on all of them. They must be set before a process starts. What
    BLAS computes for NumPy and SciPy (regressions, principal components) still differs in its last digits.

    Returns
    -------
    dict of str to str
        Empty where the processor has no AVX2: it computes in its own arithmetic.
    """
    known = np.show_config(mode="dicts")["SIMD Extensions"]["found"]  # what NumPy would use here
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

    Parameters
    ----------
    precision : "auto", "fp32" or "bf16"
        Of the profile. What is to be fast is left in the processor's own arithmetic.

    Raises
    ------
    ValueError
        If PAIRVAE_ARITHMETIC is neither fixed nor own.
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
