"""A figure of the paper's size and that of this run as two tabs: by mouse, by keys, on paper, without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from visiting import Visit

pytestmark = pytest.mark.browser

PAGE = "notebooks/04_pair_vae.html"


@pytest.fixture
def visit(browser: Browser, address: str):
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}))
    visit.open(f"{address}/{PAGE}#fig-4a")
    yield visit
    assert visit.faults == []
    visit.page.close()


def test_the_papers_size_comes_first_and_keys_change_to_this_run(visit):
    tabs = visit.page.locator(".figure-tabs").first
    paper, run = (tabs.get_by_role("tab", name=name) for name in ("Paper’s size", "This run"))
    panels = tabs.locator(".figure-panel").all()
    assert paper.get_attribute("aria-selected") == "true"
    assert [panel.is_visible() for panel in panels] == [True, False]
    caption = visit.page.locator("[id=fig-4a]")
    assert caption.count() == 1 and caption.is_visible()
    paper.focus()
    paper.press("ArrowRight")
    assert [panel.is_visible() for panel in panels] == [False, True]
    assert run.get_attribute("aria-selected") == "true" and panels[1].locator("img:visible").count() == 1
    assert caption.is_visible()  # it is of both
    paper.click()
    assert [panel.is_visible() for panel in panels] == [True, False]


def test_both_are_on_paper(visit):
    visit.page.emulate_media(media="print")
    assert all(panel.is_visible() for panel in visit.page.locator(".figure-panel").all())
    assert not any(tab.is_visible() for tab in visit.page.get_by_role("tab").all())


def test_without_scripts_both_stand_where_the_text_has_them(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGE}")
    assert page.locator(".figure-tabs").count() == 0
    assert page.locator("[class*=tag_beside-]:visible").count() >= 4 and page.locator("#fig-4a").is_visible()
    context.close()
