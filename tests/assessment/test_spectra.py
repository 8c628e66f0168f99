"""Micrographs as scattering: where the power lies, and what three fitted numbers make of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pairvae_lib.assessment import spectra
from pairvae_lib.assessment.baselines import kernel_ridge
from pairvae_lib.assessment.spectra import SpectralReadout, fourier_transform, noise_floor, power_spectrum_features


def test_power_spectrum_of_stripes_peaks_at_their_frequency():
    stripes = np.tile(np.arange(32) % 8 < 4, (2, 3, 32, 1))
    features = power_spectrum_features(stripes)
    assert features.shape == (2, 32, 32)
    assert set(zip(*(np.argwhere(features[0] > 0).T - 16), strict=True)) == {(0, -12), (0, -4), (0, 4), (0, 12)}
    np.testing.assert_allclose(features[0, 0, 0], np.log(spectra.SPECTRUM_FLOOR))


def test_power_spectra_are_averaged_before_the_logarithm():
    crops = np.random.default_rng(8).random((1, 2, 16, 16)) < 0.5
    single = [np.exp(power_spectrum_features(crops[:, [index]])) for index in range(2)]
    np.testing.assert_allclose(np.exp(power_spectrum_features(crops)), np.mean(single, axis=0))


def test_power_spectra_do_not_see_where_a_crop_lies():
    mask = np.random.default_rng(9).random((16, 16)) < 0.5
    shifted = np.roll(mask, (3, 5), axis=(0, 1))
    np.testing.assert_allclose(
        power_spectrum_features(mask[None, None]), power_spectrum_features(shifted[None, None]), atol=1e-9
    )


def stripes(periods, side=64, crops=2):
    """Masks (n, crops, side, side) of vertical stripes of half filling, other phases in other crops."""
    column = np.arange(side)
    return np.stack([
        np.stack([np.tile((column + 3 * crop) % period < period / 2, (side, 1)) for crop in range(crops)])
        for period in periods
    ])


def test_the_scale_of_the_scattering_vector_is_found():
    """Patterns that are the spectra themselves, at a known number of cycles per pixel at the edge, come back."""
    masks = stripes([6, 8, 10, 12, 16, 9, 7])
    edge = spectra.SPECTRUM_EDGES[18]
    features = power_spectrum_features(masks)
    rows = columns = 32 + edge * 64 * np.linspace(-1, 1, 40)
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    patterns = np.stack([ndimage.map_coordinates(spectrum, at, order=1, mode="nearest") for spectrum in features])
    patterns = (patterns - patterns.min()) / np.ptp(patterns)
    found = fourier_transform(masks, patterns, range(5))
    np.testing.assert_allclose(found, patterns, atol=1e-9)


def test_a_known_scale_is_not_fitted_and_a_ring_lies_where_it_should():
    """Rings at 51 px of the pattern, for a period of 550/51 px of the micrograph, as in the simulator."""
    period, centre = 550 / 51, 95.5
    masks = stripes([period, period * 1.2, period * 0.8, period], side=192)
    rows, columns = np.indices((192, 192)) - centre
    rings = [np.exp(-(((np.hypot(rows, columns) - 550 / p) / 3) ** 2)) for p in period * np.array([1, 1.2, 0.8, 1])]
    found = fourier_transform(masks, np.stack(rings), [0, 1, 2], cycles=np.full(4, 1 / 550))
    along_columns = found[3, 95, 96:]
    assert abs(along_columns.argmax() + 0.5 - 51) <= 2


def test_masked_pixels_do_not_count():
    masks = stripes([6, 8, 10, 12])
    patterns = np.random.default_rng(1).random((4, 20, 20)) * 0.5 + 0.25
    stopped = patterns.copy()
    stopped[:, :, 8:12] = 0  # a beam stop
    free, behind = (fourier_transform(masks, one, [0, 1, 2], cycles=np.full(4, 0.02)) for one in (patterns, stopped))
    assert (behind[:, :, 8:12] == 0).all() and (free[:, :, 8:12] > 0).all()
    # the line is fitted to the rest alone: around the level of what is recorded, not that of the beam stop
    assert behind[:, :, :8].mean() == pytest.approx(patterns[:3].mean(), abs=0.02)
    with pytest.raises(ValueError, match="^scattering must be above 0 somewhere in the training samples; got 0 every"):
        fourier_transform(masks, np.zeros((4, 20, 20)), [0, 1])
    with pytest.raises(ValueError, match="^cycles must have shape"):
        fourier_transform(masks, patterns, [0, 1], cycles=np.ones(3))


def test_a_profile_peaks_where_the_stripes_say():
    periods = [6.0, 8.0, 12.0, 16.0, 24.0, 32.0]
    masks = stripes(periods, side=96)
    q = np.linspace(0.01, 0.25, 60)  # cycles per pixel
    profiles = np.stack([np.exp(-(((q - 1 / period) / 0.01) ** 2)) for period in periods])
    found = fourier_transform(masks, profiles, range(5), q=q)
    peak = q[found.argmax(axis=1)]
    np.testing.assert_allclose(peak, 1 / np.array(periods), rtol=0.17)  # steps of the scale are 12 %


def test_what_is_not_trained_on_does_not_matter_for_the_three_numbers():
    masks, patterns = stripes([6, 8, 10, 12]), np.random.default_rng(0).random((4, 20, 20))
    other = patterns.copy()
    other[3] = 0
    first, second = (fourier_transform(masks, values, [0, 1, 2]) for values in (patterns, other))
    np.testing.assert_array_equal(first, second)


def test_errors():
    masks = stripes([6, 8])
    with pytest.raises(ValueError, match=r"crops must be masks \(bool\) or grey levels \(float\) .*; got int64"):
        power_spectrum_features(np.zeros((1, 1, 8, 8), dtype=int))
    with pytest.raises(ValueError, match=r"of shape \(n, crops, height, width\); got bool of \(8, 8\)"):
        power_spectrum_features(np.zeros((8, 8), dtype=bool))
    with pytest.raises(ValueError, match=r"q must be given for 1-D profiles alone; got None .* \(2, 9\)"):
        fourier_transform(masks, np.zeros((2, 9)), [0])
    with pytest.raises(ValueError, match="q must be given for 1-D profiles alone"):
        fourier_transform(masks, np.zeros((2, 9, 9)), [0], q=np.arange(9.0))
    with pytest.raises(ValueError, match="scattering must be finite"):
        fourier_transform(masks, np.full((2, 9, 9), np.nan), [0])


# readout --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def readable():
    """Spectra, and scattering that is a smooth function of them."""
    rng = np.random.default_rng(0)
    spectra = rng.standard_normal((20, 4, 4))
    return spectra, 0.5 + 0.4 * np.tanh(spectra[:, :2].reshape(20, 8) @ rng.standard_normal((8, 5)) / 3)


def test_the_readout_is_the_kernel_ridge_of_the_baselines(readable):
    spectra, scattering = readable
    readout = SpectralReadout(spectra[:15], scattering[:15])
    expected = kernel_ridge(spectra, scattering, range(15), range(15, 20))
    np.testing.assert_allclose(readout.predict(spectra[15:]), np.clip(expected, 0, 1), atol=1e-12)


def test_the_readout_learns_and_stays_in_range(readable):
    spectra, scattering = readable
    readout = SpectralReadout(spectra, scattering.reshape(20, 1, 5))
    again = readout.predict(spectra)
    assert again.shape == (20, 1, 5)
    assert np.abs(again[:, 0] - scattering).mean() < 0.5 * np.abs(scattering - scattering.mean(axis=0)).mean()
    far = readout.predict(50 * spectra)
    assert far.min() >= 0 and far.max() <= 1


def test_the_readout_names_what_is_wrong(readable):
    spectra, scattering = readable
    with pytest.raises(ValueError, match="training samples must be at least 3; got 2"):
        SpectralReadout(spectra[:2], scattering[:2])
    with pytest.raises(ValueError, match="scattering must hold 20 samples as the spectra; got 19"):
        SpectralReadout(spectra, scattering[:19])
    with pytest.raises(ValueError, match="spectra must be finite; got 1 NaN"):
        SpectralReadout(np.where(np.arange(320).reshape(spectra.shape) == 7, np.nan, spectra), scattering)
    with pytest.raises(ValueError, match="features of the training samples must differ; got equal ones only"):
        SpectralReadout(np.repeat(spectra[:1], 5, axis=0), scattering[:5])
    with pytest.raises(ValueError, match=r"spectra must have shape \(n, 4, 4\); got \(20, 4, 3\)"):
        SpectralReadout(spectra, scattering).predict(spectra[..., :3])


def two_beams(n=6, side=64, beam=(31.5, 33.0), deviation=0.01):
    """Smooth patterns (n, 1, side, side) about the beam, what of them is seen, the same without noise."""
    rng = np.random.default_rng(5)
    rows, columns = (np.arange(side) - at for at in beam)
    row, column = np.meshgrid(rows, columns, indexing="ij")
    radius, angle = np.hypot(row, column), np.arctan2(row, column)
    clean = np.stack([0.4 + 0.2 * np.cos(radius / (3 + k)) + 0.1 * np.cos(2 * angle + k) for k in range(n)])
    noisy = clean + deviation * rng.standard_normal(clean.shape)
    seen = np.broadcast_to((radius > 5) & (np.abs(row - 12) > 2), clean.shape)
    return np.where(seen, noisy, 0)[:, np.newaxis], seen, np.where(seen, clean, 0)[:, np.newaxis]


@pytest.mark.parametrize("beam", [(31.5, 31.5), (31.5, 33.0), (30.0, 31.5)], ids=str)
def test_the_noise_floor_is_the_error_of_the_pattern_without_noise(beam):
    noisy, seen, clean = two_beams(beam=beam)
    found = noise_floor(noisy, seen)
    assert found is not None and found.shape == (6,)
    np.testing.assert_allclose(found, np.abs(noisy - clean).mean(axis=(1, 2, 3)), rtol=0.06)
    colours = noise_floor(np.concatenate([noisy, 3 * noisy], axis=1), seen)
    np.testing.assert_allclose(colours, 2 * found)


def test_no_noise_floor_where_the_two_halves_differ_by_more_than_noise():
    noisy, seen, _ = two_beams()
    grazing = noisy + np.where(seen, np.linspace(0, 0.3, 64)[:, np.newaxis], 0)[:, np.newaxis]
    assert noise_floor(grazing, seen) is None
    smaller = noisy.reshape(6, 1, 32, 2, 32, 2).mean(axis=(3, 5))
    assert noise_floor(smaller, smaller[:, 0] > 0) is None  # at the edges of what is not seen
    with pytest.raises(ValueError, match=r"seen must have shape \(6, 64, 64\); got \(6, 64\)"):
        noise_floor(noisy, seen[:, 0])
