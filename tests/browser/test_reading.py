"""The built book as a reader meets it: in Chromium, without a kernel and without the internet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page
from visiting import Visit, come_near_widgets

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NARROW = 390  # px, a telephone
PAPER = 718  # px, A4 between margins of 10 mm

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
WITH_WIDGETS = tuple(
    f"notebooks/{name}" for name in ("02_preprocessing", "03_solo_vae", "04_pair_vae", "06_generation")
)

# What is cut off: what scrolls sideways, and tables that stick out of what holds them.
CUT = """() => {
  document.querySelectorAll("article details").forEach(one => (one.open = true));
  const shown = what => [...document.querySelectorAll(what)].filter(one => one.checkVisibility());
  const clips = one => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX);
  const holder = one => clips(one) || !one.parentElement ? one : holder(one.parentElement);
  const right = one => one.getBoundingClientRect().right;
  return [
    ...shown("article pre").filter(one => one.scrollWidth > one.clientWidth + 1),
    ...shown("article table").filter(one => right(one) > right(holder(one.parentElement)) + 1),
  ].map(one => one.innerText.slice(0, 80));
}"""
# One number for what the visible pictures of an output show.
PICTURES = """output => {
  const shown = [...output.querySelectorAll("img, canvas")].filter(one => one.checkVisibility());
  return shown.map(one => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    canvas.getContext("2d").drawImage(one, 0, 0, 64, 64);
    return canvas.toDataURL();
  }).join();
}"""
# What sticks out of the page to the right, but for what scrolls by itself.
STICKING_OUT = """() => {
  const scrolls = one => one && one !== document.body &&
    (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  return [...document.querySelectorAll("main *:not(.headerlink), article *:not(.headerlink)")]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > window.innerWidth + 1 && !scrolls(one))
    .map(one => one.outerHTML.slice(0, 200));
}"""


@pytest.fixture(scope="module", params=PAGES)
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Each page in turn, on a wide screen."""
    visit = Visit(browser.new_page())
    visit.open(f"{address}/{request.param}.html")
    yield visit
    visit.page.close()


def widget_outputs(page: Page) -> list[Locator]:
    """Outputs that hold a widget with a control, drawn."""
    come_near_widgets(page)
    outputs = page.locator(".cell_output").filter(has=page.locator(".jupyter-widgets"))
    return [one for one in outputs.all() if controls(one)]


def controls(output: Locator) -> list[Locator]:
    """Sliders and menus of an output, visible ones only."""
    return [one for one in output.locator(".noUi-handle, select").all() if one.is_visible()]


def move(control: Locator) -> None:
    """One step with the keyboard, to the side where there is room."""
    if control.evaluate("one => one.tagName") == "SELECT":
        chosen = control.evaluate("one => one.selectedIndex")
        control.select_option(index=1 if chosen == 0 else 0)
        return
    at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
    control.focus()
    control.press("ArrowLeft" if at_end else "ArrowRight")


def test_a_page_asks_no_other_host(visit):
    hosts = {urlsplit(url).hostname for url in visit.requests if urlsplit(url).scheme in ("http", "https")}
    assert hosts == {"localhost"}


def test_a_page_gets_all_that_it_asks_for(visit):
    assert visit.refused == []


def test_a_page_runs_without_a_fault(visit):
    assert visit.faults == []


def test_every_formula_is_set(visit):
    formulas = visit.page.locator("span.math, div.math").count()
    assert visit.page.locator(":is(span, div).math mjx-container").count() == formulas


def test_the_address_of_the_book_leads_to_its_introduction(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_url(f"{address}/{TOC['root']}.html")
    page.close()


@pytest.mark.parametrize("name", WITH_WIDGETS)
def test_every_control_changes_the_picture_without_a_kernel(browser, address, name):
    visit = Visit(browser.new_page())
    visit.open(f"{address}/{name}.html")
    outputs = widget_outputs(visit.page)
    assert outputs, "there is no slider and no menu on the page"
    for output in outputs:
        for control in controls(output):
            before = output.evaluate(PICTURES)
            assert before, "no picture is shown beside the control"
            move(control)
            visit.page.wait_for_timeout(300)
            assert output.evaluate(PICTURES) != before, control.evaluate("one => one.outerHTML")
    assert visit.faults == []
    visit.page.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_of_a_narrow_screen(browser, address, name):
    visit = Visit(browser.new_page(viewport={"width": NARROW, "height": 844}))
    visit.open(f"{address}/{name}.html")
    if name in WITH_WIDGETS:
        widget_outputs(visit.page)
    assert visit.page.evaluate(STICKING_OUT) == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= NARROW
    stretched = visit.page.evaluate(
        """[...document.querySelectorAll(".cell_output img")]
           .filter(image => Math.abs(image.width / image.height * image.naturalHeight / image.naturalWidth - 1) > 0.02)
           .map(image => image.alt)"""
    )
    assert stretched == []
    visit.page.close()


@pytest.mark.parametrize("width", [1280, NARROW, PAPER])
@pytest.mark.parametrize("name", PAGES)
def test_no_code_no_output_and_no_table_is_cut(browser, address, name, width):
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.emulate_media(media="print" if width == PAPER else "screen")
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.evaluate(CUT)  # unfolds what is folded; tables are laid out anew after that
    page.wait_for_timeout(200)
    assert page.evaluate(CUT) == []
    page.close()


def test_code_of_eighty_columns_fits_a_wide_page(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/notebooks/05_evaluation.html", wait_until="load")
    pre = page.locator(".cell_input pre:visible").first
    one, long = (pre.evaluate(f"pre => (pre.textContent = 'm'.repeat({n}), pre.clientHeight)") for n in (1, 80))
    assert one == long
    page.close()
