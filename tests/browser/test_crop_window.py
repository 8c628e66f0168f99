"""The crop window of chapter 1: it is dragged, its statistics are the library's, and phases are shuffled."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.morphology.masks import two_point_correlation

pytestmark = pytest.mark.browser

PAGE = "notebooks/01_data.html"
ARRAY = "(root, name) => Array.from(root[name])"


def window(visit):
    root = visit.page.locator(".pairvae-window[data-state=ready]")
    root.wait_for(timeout=30_000)
    root.scroll_into_view_if_needed()
    return root


def values(root, name):
    """An image of the window."""
    flat = np.array(root.evaluate(ARRAY, name))
    side = int(len(flat) ** 0.5)
    return flat.reshape(side, side)


def runs(root):
    return int(root.get_attribute("data-runs"))


def moved(root, before):
    root.page.wait_for_function(f"document.querySelector('.pairvae-window').dataset.runs > {before}", timeout=10_000)


def test_dragging_changes_the_window_and_not_the_pattern(visit):
    root = window(visit)
    first, pattern = values(root, "own"), root.locator("img").get_attribute("src")
    box = root.locator(".pairvae-ground").bounding_box()
    before = runs(root)
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 5, box["y"] + 5, steps=4)
    visit.page.mouse.up()
    moved(root, before)
    assert root.get_by_label("From the top").input_value() == root.get_by_label("From the left").input_value() == "0"
    assert (values(root, "own") != first).any()
    assert root.locator("img").get_attribute("src") == pattern


def test_the_statistics_are_the_librarys(visit):
    root = window(visit)
    before = runs(root)
    root.get_by_label("From the left").focus()
    root.get_by_label("From the left").press("ArrowRight")
    moved(root, before)
    own = values(root, "own")
    expected = np.abs(np.fft.fftshift(np.fft.fft2(own))) ** 2
    np.testing.assert_allclose(values(root, "power"), expected, rtol=1e-6, atol=1e-6 * expected.max())
    drawn = root.evaluate("root => Array.from(root.curve.y)")
    np.testing.assert_allclose(drawn, two_point_correlation(own > 0.5)[1], rtol=1e-10)


def test_shuffled_phases_keep_the_spectrum_and_not_the_picture(visit):
    root = window(visit)
    own, power = values(root, "own"), values(root, "power")
    for button in ("Keep the spectrum, shuffle the phase", "Back to the window"):
        before = runs(root)
        root.get_by_role("button", name=button).click()
        moved(root, before)
        np.testing.assert_allclose(values(root, "power"), power, rtol=1e-5, atol=1e-6 * power.max())
        kept = np.allclose(values(root, "shown"), own, atol=1e-6)
        assert kept == button.startswith("Back")
