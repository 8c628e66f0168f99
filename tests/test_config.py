"""The paper's numbers, and profiles that fit together."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from pairvae_lib.config import (
    COLOURS_TO_INTENSITY,
    PAPER,
    PAPER_LATENTS,
    PAPER_TRAINING_SIZES,
    PROFILES,
    PROTOCOLS,
    PX_PER_LATENT_CELL,
    QUICK,
    TRAINING_FRACTION,
    PairTraining,
    profile_named,
    protocol_settings,
)

EVERY = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


def test_profiles_are_found_by_their_names():
    assert list(PROFILES) == ["tiny", "quick", "standard", "paper"]
    for name, profile in PROFILES.items():
        assert profile_named(name) is profile
        assert profile.name == name


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="^profile must be one of tiny, quick, standard, paper; got 'big'$"):
        profile_named("big")


def test_a_profile_may_have_another_encoder():
    profile = profile_named("standard-resnet50")
    assert profile.name == "standard-resnet50" and profile.architecture.encoder == "resnet50"
    own = replace(PROFILES["standard"].architecture, encoder="resnet50")
    assert profile == replace(PROFILES["standard"], name="standard-resnet50", architecture=own)
    with pytest.raises(ValueError, match="^profile 'standard-x' must name an encoder after 'standard': one of .*cnn"):
        profile_named("standard-x")
    with pytest.raises(ValueError, match="^profile must be one of tiny, .*; got 'big-cnn'$"):
        profile_named("big-cnn")


def test_latents_of_the_paper():
    assert PAPER.latent_shape == (32, 6, 6)
    assert np.prod(PAPER.latent_shape) == PAPER_LATENTS == 1152
    assert QUICK.latent_shape == (32, 2, 2)


def test_a_profile_has_as_many_points_per_latent_cell_as_a_cell_has_pixels_along_a_side():
    assert PAPER.profile_points == 1152
    assert QUICK.profile_points == 128


def test_the_papers_protocol():
    assert PAPER.image_size == 192
    assert PAPER.solo.epochs == {"bernoulli": 1000, "gaussian": 500}
    assert (PAPER.pair.random_crop_epochs, PAPER.pair.focused_epochs, PAPER.pair.epochs) == (100, 1000, 1100)
    assert PAPER.solo.batch_size == PAPER.pair.batch_size == 8
    assert PAPER.solo.learning_rate == PAPER.pair.learning_rate == 1e-3
    assert PAPER.pair.self_weight == {"bernoulli": 0.04, "gaussian": 0.04}
    assert PAPER.pair.cross_weight == {"bernoulli": 0.4, "gaussian": 1.0}
    assert PAPER.pair.barlow_weight == 0.005
    assert PAPER.architecture.decoder_filters == {"bernoulli": 32, "gaussian": 8}
    assert PAPER.architecture.decoder_kernel == {"bernoulli": 15, "gaussian": 5}
    assert (PAPER.assessment.crops, PAPER.assessment.generated) == (10, 100)
    assert PAPER_TRAINING_SIZES == (32, 48, 64)
    assert round(TRAINING_FRACTION * PAPER.simulation.n_pairs) == 48


def test_protocols_differ_in_their_crops_alone():
    crops = {name: protocol_settings(PAPER.pair, name).random_crop_epochs for name in PROTOCOLS}
    assert crops == {"direct": 100, "two_phase": 100, "one_crop": 1, "ten_crops": 10, "all_crops": 1100}  # Fig. S3
    for name in PROTOCOLS:
        settings = protocol_settings(PAPER.pair, name)
        assert settings.epochs == PAPER.pair.epochs
        assert replace(settings, random_crop_epochs=100, focused_epochs=1000) == PAPER.pair
    assert protocol_settings(PROFILES["tiny"].pair, "ten_crops").random_crop_epochs == 1
    with pytest.raises(ValueError, match="^protocol must be one of direct, two_phase, .*; got 'none'$"):
        protocol_settings(PAPER.pair, "none")


def test_the_loss_weights_do_not_depend_on_the_profile():
    for profile in PROFILES.values():
        for name in ("barlow_weight", "redundancy_weight", "learning_rate"):
            assert getattr(profile.pair, name) == getattr(PAPER.pair, name)
        for name in ("self_weight", "cross_weight"):
            assert getattr(profile.pair, name)["bernoulli"] == getattr(PAPER.pair, name)["bernoulli"]
        assert profile.solo.kl_weight["bernoulli"] == PAPER.solo.kl_weight["bernoulli"]
    assert (QUICK.pair.self_weight, QUICK.pair.cross_weight) == (PAPER.pair.self_weight, PAPER.pair.cross_weight)


def test_intensities_stand_to_the_other_losses_as_the_colours_of_the_paper():
    standard = PROFILES["standard"]
    assert (PAPER.architecture.pattern_channels, standard.architecture.pattern_channels) == (3, 1)
    for weights, own in ((PAPER.pair.self_weight, standard.pair.self_weight),
                         (PAPER.pair.cross_weight, standard.pair.cross_weight)):
        assert own["gaussian"] == pytest.approx(COLOURS_TO_INTENSITY * weights["gaussian"])
    assert standard.solo.kl_weight["gaussian"] == pytest.approx(2e-6 / COLOURS_TO_INTENSITY)


@EVERY
def test_a_profile_fits_together(profile):
    assert profile.image_size % PX_PER_LATENT_CELL == 0
    assert profile.profile_points == PX_PER_LATENT_CELL * profile.latent_shape[1] * profile.latent_shape[2]
    assert 2 ** len(profile.architecture.encoder_channels) == PX_PER_LATENT_CELL
    assert all(kernel % 2 == 1 for kernel in profile.architecture.decoder_kernel.values())
    n_train = round(TRAINING_FRACTION * profile.simulation.n_pairs)
    assert n_train % profile.solo.batch_size == n_train % profile.pair.batch_size == 0  # no pair waits for its turn
    assert profile.assessment.crops >= 2  # else there is no crop-to-crop floor


def test_committed_numbers_do_not_depend_on_the_processors_kind():
    assert PROFILES["tiny"].precision == QUICK.precision == "fp32"
    assert PROFILES["standard"].precision == PAPER.precision == "auto"


def test_a_profile_does_not_change():
    with pytest.raises(FrozenInstanceError):
        QUICK.image_size = 128
    with pytest.raises(FrozenInstanceError):
        PairTraining().focused_epochs = 1
