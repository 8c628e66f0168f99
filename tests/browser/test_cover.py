"""The first page's picture: a menu of samples on either side, from a server and from disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from visiting import Visit

pytestmark = pytest.mark.browser

HTML = Path(__file__).parents[2] / "_build" / "html"
PAGE = "book/index.html"
LARGEST = 400_000  # bytes of the picture
VISIBLE = "side => [...side.querySelectorAll('.comparison-sample')].map(one => one.checkVisibility())"


@pytest.fixture(params=["server", "disk"])
def visit(browser: Browser, address: str, request: pytest.FixtureRequest):
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}))
    visit.open(f"{address}/{PAGE}" if request.param == "server" else (HTML / PAGE).as_uri())
    yield visit
    visit.page.close()


def test_each_side_has_a_menu_that_changes_its_pictures_alone(visit):
    sides = ("trained on", "held out")
    trained, held_out = (visit.page.get_by_role("region", name=f"Samples {side}") for side in sides)
    menu = trained.get_by_label("Sample")
    names = menu.locator("option").all_inner_texts()
    assert len(names) > 3 and len(set(names)) == len(names)
    for side in (trained, held_out):
        assert side.evaluate(VISIBLE) == [True, *[False] * (len(side.evaluate(VISIBLE)) - 1)]
    before = trained.locator(".picture:visible").first.get_attribute("src")
    menu.focus()
    menu.press("ArrowDown")
    assert trained.evaluate(VISIBLE)[:2] == [False, True] and held_out.evaluate(VISIBLE)[0]
    assert trained.locator(".picture:visible").first.get_attribute("src") != before
    told = trained.get_by_role("status").inner_text()
    assert told.startswith("SAXS→SEM overlaps the crop that it was trained on by ")
    assert visit.faults == []


def test_memory_shows(visit):
    told = visit.page.locator(".comparison-told").all_text_contents()
    overlaps = [float(text.split(" by ")[1].split(";")[0]) for text in told]
    half = visit.page.locator(".comparison-side").first.locator(".comparison-told").count()
    assert min(overlaps[:half]) > 0.9 > sum(overlaps[half:]) / len(overlaps[half:])


def test_it_is_small(visit):
    assert visit.page.locator(".comparison").evaluate("one => one.outerHTML.length") < LARGEST


def test_without_scripts_the_first_samples_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGE}")
    assert page.locator(".picture:visible").count() == 18
    assert not any(menu.is_visible() for menu in page.locator(".comparison select").all())
    context.close()
