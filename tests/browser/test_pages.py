"""Every page of the built book for every reader: links that lead on, weight, pictures in words, contrast, print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_core_python
import pytest
import yaml
from playwright.sync_api import Browser, Page
from visiting import Visit, come_near_widgets

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
FIRST_PAGE_BYTES = 1_000_000
GRAVE = ("serious", "critical")
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
SHORTCUTS = {"How to re-run", "Use your own data", "Cite", "Status"}
WAYS = (("light", WIDE), ("dark", NARROW))
# The black text of a picture is lost on a dark page, unless the picture has a ground of its own.
DARK_PICTURES = """() => [...document.querySelectorAll(".cell_output img")]
  .filter(one => one.checkVisibility() && getComputedStyle(one).backgroundColor !== "rgb(255, 255, 255)")
  .map(one => one.alt)"""


def opened(browser: Browser, address: str, name: str, mode: str, size: dict[str, int]) -> Page:
    """A page in one of the theme's modes."""
    page = browser.new_page(viewport=size)
    page.add_init_script(f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}');")
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.evaluate("async () => { if (window.MathJax?.startup) await window.MathJax.startup.promise; }")
    come_near_widgets(page)
    page.wait_for_timeout(300)
    return page


@dataclass
class Place:
    """A page as others see it: anchors that can be linked to, and links to this book, resolved."""

    anchors: set[str]
    links: set[str]


@pytest.fixture(scope="module")
def places(browser, address) -> dict[str, Place]:
    """Every page that can be reached from the first one, by its path."""
    found: dict[str, Place] = {}
    waiting = [f"{TOC['root']}.html"]
    page = browser.new_page(java_script_enabled=False)
    page.route("**/*", lambda route: route.continue_() if route.request.resource_type == "document" else route.abort())
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        page.goto(f"{address}/{path}", wait_until="domcontentloaded")
        anchors = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        links = page.evaluate("[...document.querySelectorAll('a[href]')].map(one => one.href)")
        found[path] = Place(set(anchors), {link for link in links if link.startswith(address)})
        targets = {unquote(urlsplit(link).path).lstrip("/") for link in found[path].links}
        waiting += [target for target in targets if target.endswith(".html") and (HTML / target).is_file()]
    page.close()
    return found


def test_no_link_and_no_anchor_is_dead(places):
    assert {f"{name}.html" for name in PAGES} <= set(places)
    dead = []
    for path, place in places.items():
        for link in place.links:
            target = unquote(urlsplit(link).path).lstrip("/")
            anchor = unquote(urlsplit(link).fragment)
            known = target in places and (not anchor or anchor in places[target].anchors)
            if not known and (target in places or not (HTML / target).is_file()):
                dead.append((path, link))
    assert dead == []


def test_the_first_page_is_light(browser, address):
    page = browser.new_page()
    sizes = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(f"{address}/{TOC['root']}.html", wait_until="networkidle")
    assert sum(sizes) < FIRST_PAGE_BYTES
    page.close()


@pytest.fixture(
    scope="module", params=[(name, *way) for name in PAGES for way in WAYS], ids=lambda way: f"{way[0]}-{way[1]}"
)
def reading(browser, address, request) -> Iterator[tuple[Page, str]]:
    """Each page in turn, in both modes, wide in one and narrow in the other; and the mode."""
    name, mode, size = request.param
    page = opened(browser, address, name, mode, size)
    yield page, mode
    page.close()


def test_every_picture_is_told_in_words_of_its_own(reading):
    page, _ = reading
    texts = page.evaluate("[...document.querySelectorAll('article img')].map(one => one.getAttribute('alt') ?? '')")
    assert not [text for text in texts if len(text.split()) < 2 or text.split("/")[-1].endswith((".png", ".svg"))]


def test_nothing_keeps_a_reader_out(reading):
    page, mode = reading
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    # What is folded away is read when it is opened, and has faded in; folded, it has places, too, over one another.
    page.add_style_tag(content="* {animation: none !important; transition: none !important}")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    grave = [
        (fault["id"], place["html"][:200], place["failureSummary"])
        for fault in found
        if fault["impact"] in GRAVE
        for place in fault["nodes"]
    ]
    assert grave == []


def test_figures_have_a_ground_of_their_own_on_a_dark_page(reading):
    page, mode = reading
    assert mode == "light" or page.evaluate(DARK_PICTURES) == []


def test_shortcuts_stand_on_every_page(reading):
    page, _ = reading
    shown = page.locator(".bd-footer-content .quick-links a")
    assert {one.inner_text() for one in shown.all() if one.is_visible()} == SHORTCUTS


def test_the_switch_changes_the_mode(browser, address):
    page = opened(browser, address, TOC["root"], "light", WIDE)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    for _ in range(2):  # light, dark, and that of the system
        page.locator(".theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_timeout(300)
    assert page.evaluate(ground) != before
    page.close()


def test_search_finds_without_a_network(browser, address):
    visit = Visit(browser.new_page())
    visit.open(f"{address}/search.html?q=memorisation")
    visit.page.locator("#search-results li a").first.wait_for(timeout=20_000)
    hits = visit.page.locator("#search-results li a").all_inner_texts()
    assert any("Evaluation" in hit for hit in hits)
    pages = [urlsplit(hit.get_attribute("href")).path for hit in visit.page.locator("#search-results li > a").all()]
    listed = ["reference.html" in path or "_modules/" in path for path in pages]
    assert listed == sorted(listed), "pages that explain stand before the list of functions"
    assert {urlsplit(url).hostname for url in visit.requests if url.startswith("http")} == {"localhost"}
    assert visit.faults == []
    visit.page.close()


def test_the_first_page_shows_results_before_text(browser, address):
    page = opened(browser, address, TOC["root"], "light", WIDE)
    pictures = page.locator(".comparison-tile").first.bounding_box()
    assert pictures is not None and pictures["y"] + pictures["height"] < WIDE["height"]
    bars = page.locator(".cover-verdicts .bar > span")
    assert bars.count() > 0 and all(any(letter.isdigit() for letter in text) for text in bars.all_inner_texts())
    page.close()


def test_without_scripts_a_picture_stands_for_every_widget(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for name in ("02_preprocessing", "03_solo_vae", "04_pair_vae", "06_generation"):
        page.goto(f"{address}/notebooks/{name}.html")
        stills = page.locator(".still")
        assert stills.count() >= 1 and all(still.is_visible() for still in stills.all())
    context.close()


def test_with_scripts_the_picture_does_not_stand_beside_its_widget(browser, address):
    page = opened(browser, address, "notebooks/04_pair_vae", "light", WIDE)
    assert not any(still.is_visible() for still in page.locator(".still").all())
    page.close()


def test_a_chapter_is_legible_on_paper(browser, address):
    page = opened(browser, address, "notebooks/04_pair_vae", "dark", WIDE)
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page") > 5
    page.emulate_media(media="print")
    furniture = page.locator(".bd-sidebar-primary, .bd-header-article, .quick-links, .prev-next-area")
    assert not any(one.is_visible() for one in furniture.all())
    for head in ("h1", "h2"):
        assert page.locator(f"{head}:visible").count() > 0
    ink = page.locator("article p").first.evaluate("one => getComputedStyle(one).color.match(/\\d+/g).map(Number)")
    assert max(ink[:3]) < 110, "light text is lost on paper, also where the page was dark"
    page.close()
