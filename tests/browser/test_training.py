"""The training of chapter 4 to move through: from its start, with the overlap of every picture and a cursor."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

PAGE = "notebooks/04_pair_vae.html"
OVERLAPS = "root => root.overlaps"
CURSOR = "root => Number(root.querySelector('.cursor').getAttribute('d').match(/^M([\\d.]+)/)[1])"


def test_it_starts_at_the_start_and_ends_with_what_was_trained_on(visit):
    root = visit.page.locator(".pairvae-training")
    root.wait_for(timeout=30_000)
    slider = root.get_by_label("Epochs", exact=True)
    assert slider.input_value() == "0" and slider.get_attribute("aria-valuetext") == "0"
    assert slider.bounding_box()["width"] > 0.5 * root.bounding_box()["width"]
    at_first, cursor = root.evaluate(OVERLAPS), root.evaluate(CURSOR)
    slider.focus()
    slider.press("End")
    last = root.evaluate(OVERLAPS)
    assert root.evaluate(CURSOR) > cursor
    trained_on = range(len(last[0]) // 2)
    assert all(last[0][k] > 0.9 > at_first[0][k] for k in trained_on)
    shown = root.locator("figcaption").filter(has_text="Dice").all_inner_texts()
    assert shown == [f"Dice {value:.2f}" for route in last for value in route]


def test_the_losses_are_a_control_too(visit):
    root = visit.page.locator(".pairvae-training")
    root.wait_for(timeout=30_000)
    plot = root.get_by_role("img", name="Losses of")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    visit.page.mouse.click(box["x"] + 0.97 * box["width"], box["y"] + box["height"] / 2)
    slider = root.get_by_label("Epochs", exact=True)
    assert slider.input_value() == slider.get_attribute("max")
