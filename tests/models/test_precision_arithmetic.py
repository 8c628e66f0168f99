"""One arithmetic for all processors."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.metadata import version

import numpy as np
import pytest
import torch

from pairvae_lib.models.precision import ARITHMETIC, arithmetic_in_force, chapter_arithmetic, fixed_arithmetic

# Digests of a convolution, a product, a sum, a sigmoid and functions of NumPy; the first four were also seen, under the
# same variables, on a processor of another maker.
PROBE = """
import hashlib
import numpy as np
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
x, w = torch.randn(8, 16, 38, 38), torch.randn(64, 16, 5, 5)
found = [torch.nn.functional.conv2d(x, w), torch.randn(256, 256) @ torch.randn(256, 256)]
found += [torch.randn(100000).sum(), torch.randn(1000).sigmoid()]
found = [value.numpy() for value in found]
y = np.random.default_rng(0).random(1000) + 0.1
found += [np.exp(y), np.tanh(y), np.log1p(y), y**2.7]
print(*(hashlib.sha256(value.tobytes()).hexdigest()[:8] for value in found))
"""
VERSIONS = {"torch": "2.13.0+cpu", "numpy": "2.4.6"}
DIGESTS = "4243c5d5 a108d043 8a3344d8 c0cb9447 c81ad301 ec6f500c 11507c21 ad9fa9ce"


@cache
def digests(**environment: str) -> str:
    """What the probe prints in a process with these variables."""
    kept = {key: value for key, value in os.environ.items() if key not in fixed_arithmetic()}
    words = [sys.executable, "-c", PROBE]
    return subprocess.run(words, env=kept | environment, capture_output=True, text=True, check=True).stdout.strip()


def test_the_fixed_arithmetic_gives_the_same_bits_on_every_processor():
    here = {name: version(name) for name in VERSIONS}
    if not fixed_arithmetic() or here != VERSIONS:
        pytest.skip(f"no AVX2, or other versions: {here} instead of {VERSIONS}")
    assert digests(**fixed_arithmetic()) == DIGESTS


def test_another_arithmetic_gives_other_bits():
    others = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
    if not fixed_arithmetic():
        pytest.skip("no x86-64 processor with AVX2")
    assert digests(**others).split()[:4] != digests(**fixed_arithmetic()).split()[:4]


def test_a_process_within_the_fixed_arithmetic_keeps_it(monkeypatch):
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "X86_V4")
    assert fixed_arithmetic().get("NPY_DISABLE_CPU_FEATURES", "X86_V4") == "X86_V4"


def test_what_is_in_force_is_said(monkeypatch):
    for name in fixed_arithmetic():
        monkeypatch.delenv(name, raising=False)
    assert arithmetic_in_force() == torch.backends.cpu.get_cpu_capability()
    for name, value in fixed_arithmetic().items():
        monkeypatch.setenv(name, value)
    assert not fixed_arithmetic() or arithmetic_in_force() == "fixed"


def test_a_processor_without_avx2_keeps_its_own():
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    code = "from pairvae_lib.models.precision import fixed_arithmetic; print(fixed_arithmetic())"
    hidden = {"NPY_DISABLE_CPU_FEATURES": " ".join(found)} if found else {}  # NumPy then says what an older one has
    environment = os.environ | hidden
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "{}"


def test_chapters_in_single_precision_run_in_it_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv(ARITHMETIC, raising=False)
    assert chapter_arithmetic("fp32") == fixed_arithmetic()
    assert chapter_arithmetic("auto") == {}
    monkeypatch.setenv(ARITHMETIC, "own")
    assert chapter_arithmetic("fp32") == {}
    monkeypatch.setenv(ARITHMETIC, "fast")
    with pytest.raises(ValueError, match="^PAIRVAE_ARITHMETIC must be one of fixed, own; got 'fast'$"):
        chapter_arithmetic("fp32")
