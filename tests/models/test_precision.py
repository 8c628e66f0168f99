"""Which arithmetic a training runs in."""

import numpy as np
import pytest
import torch

from pairvae_lib.models.precision import arithmetic, resolved, training_device
from pairvae_lib.models.protocol import load_or_train_pair, load_or_train_solo


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_asked_for_is_taken(precision):
    assert resolved(precision) == precision


@pytest.mark.parametrize(("tiles", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_follows_the_processor(monkeypatch, tiles, expected):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)  # vectors alone do not pay
    assert resolved("auto") == expected


def test_a_gpu_is_taken_where_numbers_need_not_be_the_same_everywhere(monkeypatch):
    monkeypatch.delenv("PAIRVAE_DEVICE", raising=False)
    for there, expected in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert training_device("auto").type == training_device("bf16").type == expected
        assert training_device("fp32").type == "cpu"
    assert resolved("auto", torch.device("cuda")) == "bf16"
    monkeypatch.setenv("PAIRVAE_DEVICE", "cpu")
    assert training_device("auto").type == "cpu"


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PAIRVAE_DEVICE", "cuda")
    with pytest.raises(ValueError, match="PAIRVAE_DEVICE must name a device of this machine; got 'cuda', and there is"):
        training_device("auto")
    monkeypatch.setenv("PAIRVAE_DEVICE", "tpu")
    with pytest.raises(ValueError, match="^PAIRVAE_DEVICE must be one of cpu, cuda; got 'tpu'$"):
        training_device("auto")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_both_trainings_run_on_a_gpu(pattern_pairs, small_barlow, tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_DEVICE", "cuda")
    train = tuple(range(8))
    vaes, _ = load_or_train_solo(pattern_pairs, train, small_barlow, 43, tmp_path / "solo.pt")
    model, history = load_or_train_pair(vaes, pattern_pairs, train, small_barlow, 43, tmp_path / "pair.pt")
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}  # assessment is on the processor
    assert np.isfinite(history.losses["total"]).all()


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
