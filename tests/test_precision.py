"""Which arithmetic a training runs in."""

import pytest
import torch

from pairvae_lib.precision import arithmetic, resolved


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_asked_for_is_taken(precision):
    assert resolved(precision) == precision


@pytest.mark.parametrize(
    ("tiles", "vectors", "expected"), [(True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")]
)
def test_auto_follows_the_processor(monkeypatch, tiles, vectors, expected):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vectors)
    assert resolved("auto") == expected


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of auto, fp32, bf16; got 'fp16'"):
        resolved("fp16")


def test_only_bf16_changes_the_arithmetic():
    x, weight = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 3, 3)
    exact = torch.nn.functional.conv2d(x, weight)
    with arithmetic("fp32"):
        assert torch.equal(torch.nn.functional.conv2d(x, weight), exact)
    with arithmetic("bf16"):
        rounded = torch.nn.functional.conv2d(x, weight)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.02, atol=0.02)
