"""The claims' table: menus choose rows and columns, and without scripts all of it is there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from visiting import Visit

pytestmark = pytest.mark.browser

PAGE = "notebooks/09_claims.html"
SEEN = """rows => rows.filter(row => row.checkVisibility())
  .map(row => [...row.querySelectorAll('td .verdict')].filter(one => one.checkVisibility()).map(one => one.dataset))"""


@pytest.fixture
def visit(browser: Browser, address: str):
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}))
    visit.open(f"{address}/{PAGE}")
    yield visit
    visit.page.close()


def test_menus_choose(visit):
    claims = visit.page.locator(".claims").first
    seen = lambda: claims.locator("tbody tr").evaluate_all(SEEN)  # noqa: E731
    everything = seen()
    claims.get_by_label("Samples").select_option("held_out")
    assert {one["assessment"] for row in seen() for one in row} == {"held_out"}
    claims.get_by_label("Data").select_option(index=1)
    assert all(len(row) == 1 for row in seen()) and len(seen()) == len(everything)
    claims.get_by_label("Verdict").select_option("does not hold")
    assert {row[0]["verdict"] for row in seen()} == {"does not hold"}
    assert claims.locator("output").inner_text() == f"{len(seen())} of {len(everything)} statements"
    for name in ("Samples", "Data", "Verdict"):
        claims.get_by_label(name).select_option(index=0)
    assert seen() == everything
    assert visit.faults == []


def test_a_statement_opens_its_numbers_and_leads_to_its_figure(visit):
    first = visit.page.locator(".claims tbody tr").first
    assert not first.locator("details p").first.is_visible()
    first.locator("summary").focus()
    first.locator("summary").press("Enter")
    assert "Measured: " in first.locator("details p").first.inner_text()
    link = first.get_by_role("link").first
    assert link.inner_text() == "Fig. 3A" and link.get_attribute("href") == "03_solo_vae.html#fig-3a"


@pytest.mark.parametrize("width", [1280, 390])
def test_without_scripts_it_is_a_plain_table(browser, address, width):
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/{PAGE}")
    assert page.locator(".claims").first.locator("tbody tr:visible").count() == 40
    assert not any(menu.is_visible() for menu in page.locator(".claims select").all())
    context.close()
