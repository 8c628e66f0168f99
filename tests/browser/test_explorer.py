"""The latent explorer in Chromium: in the book, and on a page of its own with a profile for scattering."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from lab import fresh_model, pairs_of_kinds
from playwright.sync_api import Browser, Locator, Page
from visiting import Visit, come_near_widgets

from benchmarks.explorer import opened, served, write_page
from pairvae_lib.book.explorer.examples import Exploration, write_exploration
from pairvae_lib.book.explorer.widget import FRONT_END
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.claims.published import EXAMPLE_PROFILE, published_root
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.data.scattering import azimuthal_average
from pairvae_lib.data.splits import Split
from pairvae_lib.models.pairvae import PairVAE, coloured, fresh_vae, intensities_of
from pairvae_lib.morphology.masks import directional_correlation, two_point_correlation

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CHAPTER = "notebooks/06_generation"
EXAMPLE = published_root() / EXAMPLE_PROFILE / "simulated" / "seed43-n48"
PUBLISHED, OWN = "published, paper profile", "this run, quick profile"
SHARE = 1e-3  # of the largest output: weights are stored in 16 bits
NARROW = 390  # px
SPLIT = Split(train=(0, 1, 2, 3, 4, 5), held_out=(6, 7, 8, 9, 10, 11))

PIXELS = "canvas => canvas.toDataURL()"
MAP = """async ([source, mask, height, width, reach]) => {
  const address = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  return Array.from((await import(address)).directionalCorrelation(Float32Array.from(mask), height, width, reach));
}"""
NUMBERS = "(panel, name) => Array.from(panel[name])"
CURVE = "(panel, name) => ({x: Array.from(panel[name].x), y: Array.from(panel[name].y)})"
COMPUTED = """async ([source, name, values, height, width]) => {
  const address = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const {x, y} = (await import(address))[name](Float32Array.from(values), height, width);
  return {x: Array.from(x), y: Array.from(y)};
}"""


def explorer_on(page: Page) -> Locator:
    """The explorer of a page, ready."""
    come_near_widgets(page)
    root = page.locator(".pairvae-explorer")
    root.wait_for(timeout=30_000)
    root.scroll_into_view_if_needed()
    page.wait_for_selector(".pairvae-explorer[data-state=ready]", timeout=60_000)
    return root


def panel(root: Locator, route: str = "saxs_to_sem") -> Locator:
    """The part of the explorer that shows a route."""
    return root.locator(f".pairvae-panel[data-route={route}]")


def picture(part: Locator) -> str:
    """What the decoded picture shows."""
    return part.locator("figure canvas").nth(1).evaluate(PIXELS)


def wait_for_a_run(root: Locator, before: int) -> None:
    root.page.wait_for_function(f"document.querySelector('.pairvae-explorer').dataset.runs > {before}", timeout=10_000)


def press(root: Locator, control: Locator, key: str) -> None:
    """One key on a control, and the frame that follows."""
    before = int(root.get_attribute("data-runs"))
    control.focus()
    control.press(key)
    wait_for_a_run(root, before)


@pytest.fixture(scope="module")
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Chapter 6 with its explorer ready; what the page asked for before anyone came near it is kept."""
    visit = Visit(browser.new_page())
    visit.open(f"{address}/{CHAPTER}.html")
    visit.at_first = list(visit.requests)
    explorer_on(visit.page)
    yield visit
    visit.page.close()


@pytest.fixture
def root(visit: Visit) -> Locator:
    """The explorer as a reader finds it."""
    root = visit.page.locator(".pairvae-explorer")
    for reset in root.get_by_role("button", name="Back to the reconstruction").all():
        before = int(root.get_attribute("data-runs"))
        reset.click()
        wait_for_a_run(root, before)
    return root


def test_it_becomes_ready_asks_no_other_host_and_loads_only_when_near(visit, root):
    assert root.locator(".pairvae-status[role=status]").inner_text().startswith("Ready: ")
    assert {urlsplit(url).hostname for url in visit.requests if not url.startswith(("blob:", "data:"))} == {"localhost"}
    assert [url for url in visit.at_first if "/_static/explorer/" in url] == []
    assert [url for url in visit.requests if url.endswith(".wasm.gz")] != []
    assert visit.faults == []
    assert not root.locator("img.pairvae-still").is_visible()
    assert root.locator(".pairvae-loaded").inner_text() == ""


def test_a_page_without_it_loads_nothing_of_it(browser, address):
    visit = Visit(browser.new_page())
    visit.open(f"{address}/index.html")
    visit.page.wait_for_load_state("networkidle")
    assert [url for url in visit.requests if "explorer" in url] == []
    visit.page.close()


def test_a_key_press_moves_it(root):
    part = panel(root)
    slider = part.get_by_label("Direction 1", exact=True)
    before = picture(part)
    for _ in range(5):
        press(root, slider, "ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "+0.5 sd"
    assert part.locator("output").first.inner_text() == "+0.5 sd"
    moved = picture(part)
    assert moved != before
    for _ in range(5):
        press(root, slider, "ArrowLeft")
    assert picture(part) == before


@pytest.mark.parametrize("route", ["saxs_to_sem", "sem_to_saxs"])
def test_what_it_decodes_is_what_torch_decodes(root, route):
    part = panel(root, route)
    press(root, part.get_by_label("Direction 2", exact=True), "PageUp")
    bundle = load_bundle(EXAMPLE / "model")
    source, target = route.split("_to_")
    latent = torch.tensor(part.evaluate(NUMBERS, "latent")).view(1, *bundle.model.vae(source).latent_shape)
    with torch.inference_mode():
        expected = bundle.model.vae(target).decode(latent)
    decoded = torch.tensor(part.evaluate(NUMBERS, "decoded"), dtype=torch.float32).view(1, 1, 192, 192)
    if target == "saxs":  # colours here, their intensities there; two intensities may have colours equally near
        miss = [(coloured(one) - expected).norm(dim=1) for one in (decoded, intensities_of(expected))]
        assert (miss[0] - miss[1]).abs().max() <= SHARE
    else:
        assert (decoded - expected).abs().max() <= SHARE * max(1, expected.abs().max())
    explored = Exploration.load(EXAMPLE / "exploration.safetensors")
    moved = latent.flatten().numpy() - explored.centres[source][0]
    along = explored.directions[source][1]
    np.testing.assert_allclose(moved, along * (moved @ along) / (along @ along), atol=1e-5)


def test_the_curves_are_the_librarys(root):
    part = panel(root)
    press(root, part.get_by_label("Direction 1", exact=True), "ArrowRight")
    decoded = np.array(part.evaluate(NUMBERS, "decoded")).reshape(192, 192)
    true = Exploration.load(EXAMPLE / "exploration.safetensors").measured["sem"][0]
    for name, mask in (("curve", decoded > 0), ("trueCurve", true)):
        drawn = part.evaluate(CURVE, name)
        r, s2 = two_point_correlation(mask)
        np.testing.assert_allclose(drawn["x"], r, rtol=1e-12)
        np.testing.assert_allclose(drawn["y"], s2, rtol=1e-10)


@pytest.mark.parametrize("shape", [(64, 64), (33, 48), (50, 21), (2, 2)])
def test_statistics_in_the_browser_equal_the_librarys(visit, shape):
    source = (FRONT_END / "statistics.js").read_text(encoding="utf-8")
    rng = np.random.default_rng(0)
    for mask in (rng.random(shape) < 0.3, np.ones(shape, bool), np.zeros(shape, bool)):
        found = visit.page.evaluate(COMPUTED, [source, "twoPointCorrelation", mask.ravel().tolist(), *shape])
        r, s2 = two_point_correlation(mask)
        np.testing.assert_allclose(found["x"], r, rtol=1e-12)
        np.testing.assert_allclose(found["y"], s2, rtol=1e-12, atol=1e-15)
    pattern = rng.random(shape, dtype=np.float32)
    found = visit.page.evaluate(COMPUTED, [source, "azimuthalAverage", pattern.ravel().tolist(), *shape])
    q, intensity = azimuthal_average(pattern)
    np.testing.assert_array_equal(found["x"], q)
    np.testing.assert_allclose(found["y"], intensity, rtol=1e-6)


def test_few_sliders_are_seen_at_first_each_between_what_its_ends_draw(root):
    part = panel(root)
    assert part.locator(".pairvae-direction:visible").count() == 2
    written = "[...document.querySelectorAll('.pairvae-direction small')].filter(one => one.textContent).length >= 2"
    root.page.wait_for_function(written)
    slider = part.get_by_label("Direction 1", exact=True)
    low, high = part.locator(".pairvae-direction canvas").all()[:2]
    for end, key in ((low, "Home"), (high, "End")):
        press(root, slider, key)
        assert picture(part) == end.evaluate(PIXELS)
    told = part.locator(".pairvae-direction small").first.inner_text()
    assert told.startswith("bright fraction ")
    part.locator("summary").click()
    assert part.locator(".pairvae-direction:visible").count() == 6
    part.locator("summary").click()


def test_the_map_of_correlations_is_the_librarys(root):
    decoded = np.array(panel(root).evaluate(NUMBERS, "decoded")).reshape(192, 192) > 0
    source = (FRONT_END / "statistics.js").read_text(encoding="utf-8")
    found = root.page.evaluate(MAP, [source, decoded.ravel().tolist(), 192, 192, 48])
    np.testing.assert_allclose(
        np.array(found).reshape(97, 97), directional_correlation(decoded, 48, normalised=True), atol=1e-9
    )


def test_a_sample_that_was_trained_on_gives_its_crop(root):
    root.get_by_label("Model").select_option(label=OWN)
    root.page.wait_for_function("document.querySelector('.pairvae-panel').latent?.length === 128", timeout=30_000)
    samples, before = root.get_by_label("Sample"), int(root.get_attribute("data-runs"))
    seen = samples.locator("optgroup[label='trained on'] option")
    assert seen.count() == 4
    samples.select_option(value=seen.first.get_attribute("value"))
    wait_for_a_run(root, before + 1)
    told = panel(root).locator(".pairvae-numbers").inner_text()
    assert float(told.split("crop that it was trained on: Dice ")[1][:4]) > 0.95
    root.get_by_label("Model").select_option(label=PUBLISHED)
    root.page.wait_for_function("document.querySelector('.pairvae-panel').latent?.length === 1152", timeout=30_000)
    root.page.wait_for_selector(".pairvae-explorer[data-state=ready]")


def test_drawing_again_draws_another_and_the_way_back_is_open(root):
    part = panel(root)
    rebuilt, seen = picture(part), set()
    for _ in range(3):
        press(root, part.get_by_role("button", name="Draw again"), "Enter")
        seen.add(picture(part))
    assert len(seen | {rebuilt}) == 4
    variance = part.get_by_label("Variance")
    assert variance.get_attribute("aria-valuetext") == "× 1"
    latents = []
    for key in ("ArrowRight", "ArrowRight"):  # 2 and 4 times the variance of the same draw
        press(root, variance, key)
        latents.append(np.array(part.evaluate(NUMBERS, "latent")))
    explored = Exploration.load(EXAMPLE / "exploration.safetensors")
    two, four = (latent - explored.centres["saxs"][0] for latent in latents)
    np.testing.assert_allclose(four, two * 2**0.5, atol=1e-4)
    assert np.std(two / np.sqrt(2 * explored.variances["saxs"])) == pytest.approx(1, abs=0.1)
    press(root, part.get_by_role("button", name="Back to the reconstruction"), "Enter")
    assert picture(part) == rebuilt


def test_another_sample_and_another_model(root):
    part, page = panel(root), root.page
    first, explored = picture(part), Exploration.load(EXAMPLE / "exploration.safetensors")
    samples = root.get_by_label("Sample")
    names = zip(explored.morphologies, explored.sample_ids, strict=True)
    assert samples.locator("option").all_inner_texts() == [f"{kind} ({name})" for kind, name in names]
    before = int(root.get_attribute("data-runs"))
    samples.select_option(index=3)
    wait_for_a_run(root, before + 1)
    assert picture(part) != first
    np.testing.assert_allclose(part.evaluate(NUMBERS, "latent"), explored.centres["saxs"][3], atol=1e-6)
    root.get_by_label("Model").select_option(label=OWN)
    page.wait_for_function("document.querySelector('.pairvae-panel').latent?.length === 128", timeout=30_000)
    assert part.locator("canvas").nth(1).evaluate("canvas => canvas.width") == 64
    root.get_by_label("Model").select_option(label=PUBLISHED)
    page.wait_for_function("document.querySelector('.pairvae-panel').latent?.length === 1152", timeout=30_000)
    page.wait_for_selector(".pairvae-explorer[data-state=ready]")
    assert picture(part) == first


def test_every_control_has_a_name_and_room_for_a_finger(root):
    for summary in root.locator("summary").all():
        summary.click()
    for control in root.locator("input, select").all():
        control.wait_for(state="visible")
        assert control.evaluate("one => one.labels.length") == 1
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
        assert control.bounding_box()["height"] >= 24
    for canvas in root.locator("canvas, svg").all():
        assert canvas.get_attribute("role") == "img" and canvas.get_attribute("aria-label")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_telephone(browser, address, theme):
    page = browser.new_page(viewport={"width": NARROW, "height": 844}, has_touch=True)
    page.add_init_script(f"localStorage.mode = localStorage.theme = {theme!r}")
    page.goto(f"{address}/{CHAPTER}.html", wait_until="networkidle")
    root = explorer_on(page)
    edges = root.locator("*").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(edges) <= NARROW
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    ground, ink = (
        [int(part) for part in root.evaluate(f"one => getComputedStyle(one).{name}.match(/\\d+/g)")[:3]]
        for name in ("backgroundColor", "color")
    )
    assert sum(ground) - sum(ink) > 500 if theme == "light" else sum(ink) - sum(ground) > 500
    slider = panel(root).get_by_label("Direction 1", exact=True)
    slider.scroll_into_view_if_needed()
    before, box = int(root.get_attribute("data-runs")), slider.bounding_box()
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    wait_for_a_run(root, before)
    assert slider.get_attribute("aria-valuetext").startswith("+2.")
    page.close()


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"status": 200, "body": "no weights"}, "sem_decoder.onnx is no decoder that can be run ("),
        ({"status": 404, "body": ""}, "sem_decoder.onnx could not be loaded (404)"),
    ],
)
def test_a_broken_model_is_told_beside_the_still_picture(browser, address, broken, sentence):
    page = browser.new_page()
    page.route("**/sem_decoder.onnx", lambda route: route.fulfill(**broken))
    page.goto(f"{address}/{CHAPTER}.html", wait_until="networkidle")
    come_near_widgets(page)
    root = page.locator(".pairvae-explorer")
    root.scroll_into_view_if_needed()
    page.wait_for_selector(".pairvae-explorer[data-state=error]", timeout=60_000)
    alert = root.get_by_role("alert").inner_text()
    assert sentence in alert and alert.startswith("The explorer does not run: ")
    assert root.locator("img.pairvae-still").is_visible()
    assert root.locator("img.pairvae-still").evaluate("one => one.naturalWidth") > 100
    page.unroute("**/sem_decoder.onnx")  # it comes back: a choice of the reader starts it anew
    root.get_by_label("Model").select_option(label=OWN)
    page.wait_for_selector(".pairvae-explorer[data-state=ready]", timeout=60_000)
    page.close()


def test_a_profile_is_drawn_as_a_curve(browser, small, profile_pairs, tmp_path):
    first, second = (fresh_vae(modality, small, seed) for seed, modality in enumerate(profile_pairs.modalities))
    model = PairVAE(first, second).eval()
    explored = Exploration.of(model, profile_pairs, SPLIT, np.random.default_rng(0))
    site: Path = tmp_path / "site"
    site.mkdir()
    write_page(site, {"one": write_exploration(tmp_path / "one", model, explored)})
    with served(site) as address:
        page = opened(browser, address)
        root = page.locator(".pairvae-explorer")
        part = panel(root, "sem_to_profile")
        press(root, part.get_by_label("Direction 1", exact=True), "ArrowRight")
        drawn = part.evaluate(CURVE, "curve")
        np.testing.assert_allclose(drawn["x"], profile_pairs.q, rtol=1e-6)
        latent = torch.tensor(part.evaluate(NUMBERS, "latent")).view(1, *first.latent_shape)
        with torch.inference_mode():
            expected = first.decode(latent).flatten().numpy()
        np.testing.assert_allclose(drawn["y"], expected, atol=SHARE)
        assert part.locator("svg").count() == 1
        assert part.locator("svg text").all_text_contents()[-3:] == ["truth", "reconstruction", "this one"]
        given = panel(root, "profile_to_sem").locator("figure").first
        assert given.locator("svg path.curve").count() == 2  # the line, and its mark in the legend
        assert json.loads(root.get_attribute("data-runs")) >= 3
        page.close()


AXES = {"profile #1": ("q [1/nm]", ["0.02", "3"]), "profile #2": ("wavelength [nm]", ["350", "800"])}
IS_GREY = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.every((value, k) => k % 4 === 3 || value === data[k - (k % 4)]);
}"""


@pytest.mark.parametrize("kinds", [("profile", "profile"), ("image", "profile"), ("mask", "pattern")], ids=" & ".join)
def test_any_pair_of_kinds_is_explored(browser, small, kinds, tmp_path):
    pairs, rng = pairs_of_kinds(*kinds), np.random.default_rng(0)
    model = fresh_model(pairs, small)
    explored = Exploration.of(model, pairs, SPLIT, rng)
    wide = {name: rng.standard_normal(x.shape, dtype=np.float32) for name, x in explored.directions.items()}
    explored = replace(explored, directions=wide)  # those of a fresh model change too little to be seen
    site: Path = tmp_path / "site"
    site.mkdir()
    write_page(site, {"one": write_exploration(tmp_path / "one", model, explored)})
    with served(site) as address:
        page = opened(browser, address)
        root = page.locator(".pairvae-explorer")
        for source, target in (pairs.modalities, pairs.modalities[::-1]):
            part = panel(root, f'"{source.name}_to_{target.name}"')
            given, made, *others = part.locator(".pairvae-tiles figure").all()
            seen = [(given, source), (made, target)]
            if target.kind != "profile":
                seen.append((others[0], target))
            for figure, modality in seen:
                assert figure.locator("figcaption").inner_text().startswith(f"{modality.name}, ")
                if modality.kind == "profile":
                    label, ends = AXES[modality.name]
                    texts = figure.locator("svg text").all_text_contents()
                    assert label in texts and set(ends) <= set(texts)
                else:
                    assert figure.locator("canvas").evaluate(IS_GREY) == (modality.kind != "pattern")
            drawn = "svg path.this-one" if target.kind == "profile" else "canvas"
            shown = "one => one.toDataURL?.() ?? one.getAttribute('d')"
            slider = part.get_by_label("Direction 1", exact=True)
            press(root, slider, "ArrowRight")
            before = made.locator(drawn).first.evaluate(shown)
            press(root, slider, "End")
            assert made.locator(drawn).first.evaluate(shown) != before
            latent = torch.tensor(part.evaluate(NUMBERS, "latent")).view(1, *explored.latent_shape)
            moved = explored.centres[source.name][0] + 3 * explored.directions[source.name][0]
            np.testing.assert_allclose(latent.flatten(), moved, atol=1e-5)
            with torch.inference_mode():
                expected = model.vae(target.name).decode(latent).flatten().numpy()
            values = np.array(part.evaluate(NUMBERS, "decoded"))
            assert np.abs(values - expected).max() <= SHARE * max(1, np.abs(expected).max())
            told = part.locator(".pairvae-numbers").inner_text()
            true = as_seen(explored.measured[target.name][0]).ravel()
            if target.kind == "mask":
                assert "Dice" in told and "mean absolute difference in S₂" in told
            else:
                error = float(told.split("mean absolute difference in intensity ")[1][:6])
                assert error == pytest.approx(np.abs(values - true).mean(), abs=1e-4) and "Dice" not in told
        page.set_viewport_size({"width": NARROW, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        page.close()


def test_a_file_of_version_1_is_explored(browser, tmp_path):
    site, folder = tmp_path / "site", tmp_path / "one"
    site.mkdir()
    model, explored = load_bundle(EXAMPLE / "model").model, Exploration.load(EXAMPLE / "exploration.safetensors")
    write_exploration(folder, model, explored)
    shutil.copy(EXAMPLE / "exploration.safetensors", folder)  # as it was published
    write_page(site, {"one": folder})
    with served(site) as address:
        page = opened(browser, address)
        part = panel(page.locator(".pairvae-explorer"))
        np.testing.assert_allclose(part.evaluate(NUMBERS, "latent"), explored.centres["saxs"][0], atol=1e-6)
        r, s2 = two_point_correlation(explored.measured["sem"][0])
        np.testing.assert_allclose(part.evaluate(CURVE, "trueCurve")["y"], s2, rtol=1e-10)
        page.close()


@pytest.mark.parametrize("chapter", [CHAPTER, "notebooks/08_beyond"])
def test_it_runs_on_a_page_that_is_read_from_disk(browser, chapter):
    visit = Visit(browser.new_page())
    visit.open((ROOT / "_build" / "html" / f"{chapter}.html").as_uri())
    root = explorer_on(visit.page)
    visit.page.wait_for_function("document.querySelector('.pairvae-explorer').dataset.runs > 0", timeout=60_000)
    assert root.locator(".pairvae-status").inner_text().startswith("Ready: ")
    assert visit.faults == []
    visit.page.close()


def test_a_file_that_is_not_beside_the_page_is_named_with_the_cure(browser):
    page = browser.new_page()
    page.route("**/sem_decoder.onnx.js", lambda route: route.abort())
    page.goto((ROOT / "_build" / "html" / f"{CHAPTER}.html").as_uri())
    come_near_widgets(page)
    page.wait_for_selector(".pairvae-explorer[data-state=error]", timeout=60_000)
    alert = page.locator(".pairvae-explorer").get_by_role("alert").inner_text()
    assert "sem_decoder.onnx could not be loaded" in alert and "make read" in alert
    page.close()
