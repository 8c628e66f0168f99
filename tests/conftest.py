"""Small data and models for the tests of training and assessment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lab import write_pairs

from pairvae_lib.bundles.train import TrainingJob, train_bundle
from pairvae_lib.config import QUICK, Architecture, Assessment, BarlowPretraining, Profile
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs
from pairvae_lib.models.pairvae import PairVAE, fresh_vae

torch.set_num_threads(1)  # bit-identical results are promised for one thread

SIZE = 32  # px
POINTS = 64


def synthetic_pairs(profiles: bool = False, n: int = 12) -> PreparedPairs:
    """Lines along the rows or the columns, and scattering with one peak that tells their period and direction."""
    periods = [4 + i % 5 for i in range(n)]  # px
    row, col = np.indices((40, 44))
    masks = tuple((row if i % 2 else col) % period < period / 2 for i, period in enumerate(periods))
    if profiles:
        modality = Modality("profile", (POINTS,), "profile")
        scattering = np.stack([np.exp(-((np.arange(POINTS) - 7 * period) ** 2) / 20) for period in periods])
    else:
        modality = Modality("saxs", (SIZE, SIZE), "pattern")
        peaks = [(3 * period, 16) if i % 2 else (16, 3 * period) for i, period in enumerate(periods)]
        row, col = np.indices((SIZE, SIZE))
        scattering = np.stack([np.exp(-((row - r) ** 2 + (col - c) ** 2) / 20) for r, c in peaks])
    over = (Axis(), np.geomspace(0.01, 1, POINTS)) if profiles else ()
    return PreparedPairs(
        sample_ids=tuple(f"sample {i}" for i in range(n)),
        morphologies=tuple(("columns", "rows")[i % 2] for i in range(n)),
        groups=tuple("abc"[i % 3] for i in range(n)),
        measured=(
            Measurements(modality, scattering[:, np.newaxis].astype(np.float32), *over),
            Measurements(Modality("sem", (SIZE, SIZE), "mask"), masks),
        ),
    )


@pytest.fixture(scope="session")
def pattern_pairs() -> PreparedPairs:
    """Twelve pairs of a scattering pattern and a micrograph."""
    return synthetic_pairs()


@pytest.fixture(scope="session")
def telling_pairs() -> PreparedPairs:
    """Forty pairs of ten kinds, so that the scattering of each tells what others with the like look like."""
    return synthetic_pairs(n=40)


@pytest.fixture(scope="session")
def profile_pairs() -> PreparedPairs:
    """Twelve pairs of a 1-D scattering profile and a micrograph."""
    return synthetic_pairs(profiles=True)


@pytest.fixture(scope="session")
def small() -> Profile:
    """A profile that trains in a second: every part is there, a few channels wide."""
    return replace(
        QUICK,
        name="small",
        image_size=SIZE,
        precision="fp32",
        architecture=Architecture(
            encoder="cnn",
            encoder_channels=(4, 4, 4, 4, 8),
            hidden=8,
            latent_channels=8,
            decoder_filters={"bernoulli": 4, "gaussian": 4},
            decoder_kernel={"bernoulli": 9, "gaussian": 5},
        ),
        barlow=BarlowPretraining(steps=4, batch_size=8, projector=(8, 8, 16)),
        solo=replace(QUICK.solo, epochs={"bernoulli": 4, "gaussian": 5}, batch_size=4),
        pair=replace(QUICK.pair, random_crop_epochs=3, focused_epochs=3, batch_size=4),
        assessment=Assessment(crops=2, generated=4),
    )


@pytest.fixture(scope="session")
def small_barlow(small: Profile) -> Profile:
    """The same with a pretrained, frozen image encoder."""
    return replace(small, name="small barlow", architecture=replace(small.architecture, encoder="barlow_cnn"))


@pytest.fixture
def fresh_pair(small: Profile, pattern_pairs: PreparedPairs) -> PairVAE:
    """An untrained PairVAE of a pattern and a micrograph, in inference mode."""
    first, second = (fresh_vae(modality, small, seed) for seed, modality in enumerate(pattern_pairs.modalities))
    return PairVAE(first, second).eval()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def lab_pairs(tmp_path_factory) -> Path:
    """A folder of pairs as files; to be read only."""
    return write_pairs(tmp_path_factory.mktemp("lab") / "pairs")


@pytest.fixture(scope="session")
def lab_model(tmp_path_factory, lab_pairs) -> Path:
    """The folder of a model trained on `lab_pairs`, with examples; to be read only."""
    out = tmp_path_factory.mktemp("model") / "lab model"
    train_bundle(TrainingJob(str(lab_pairs), out, "tiny", examples=True))
    return out


@pytest.fixture(scope="session")
def lab_flow(tmp_path_factory, lab_pairs) -> Path:
    """The folder of a conditional flow trained on `lab_pairs`, with examples; to be read only."""
    out = tmp_path_factory.mktemp("flow") / "lab flow"
    train_bundle(TrainingJob(str(lab_pairs), out, "tiny", examples=True, kind="flow"))
    return out
