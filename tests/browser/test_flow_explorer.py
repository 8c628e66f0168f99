"""The explorer of the flow in Chromium: in chapter 8, and on a page of its own with a profile for scattering."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import axe_core_python
import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page
from visiting import Visit, come_near_widgets

from benchmarks.explorer import opened, served, write_page
from pairvae_lib.book.explorer.examples import FlowExploration, write_flow_exploration
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.claims.beyond import published_folder
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.files.arrays import read_arrays
from pairvae_lib.models.flow.config import FLOWS
from pairvae_lib.models.flow.network import fresh_flow
from pairvae_lib.morphology.masks import directional_correlation, two_point_correlation

pytestmark = pytest.mark.browser

CHAPTER = "notebooks/08_beyond"
PUBLISHED = published_folder() / "simulated"
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
NARROW = 390  # px
SHARE = 2e-3  # of pixels that may differ: weights are stored in 16 bits, and a pixel may lie on the threshold
NUMBERS = "(panel, name) => panel[name].map(one => Array.from(one))"


class Given:
    """A generator whose normal numbers are known."""

    def __init__(self, numbers: list[list[float]]):
        self.numbers = np.array(numbers, np.float32)

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        return self.numbers.astype(dtype).reshape(shape)


@pytest.fixture(scope="module")
def flow():
    return load_bundle(PUBLISHED / "flow").model


@pytest.fixture(scope="module")
def explored(flow):
    found = read_arrays(PUBLISHED / "pictures.npz")
    return FlowExploration.of(flow, found["samples"], found["classes"], found["scattering"], found["true"])


def explorer_on(page: Page) -> Locator:
    """The explorer of a page, with its first ensemble drawn."""
    come_near_widgets(page)
    root = page.locator(".pairvae-explorer")
    root.wait_for(timeout=30_000)
    root.scroll_into_view_if_needed()
    page.wait_for_selector(".pairvae-explorer[data-state=ready]", timeout=60_000)
    wait_for_a_run(root, 0)
    return root


def wait_for_a_run(root: Locator, before: int) -> None:
    """Until another ensemble is complete."""
    root.page.wait_for_function(f"document.querySelector('.pairvae-explorer').dataset.runs > {before}", timeout=120_000)


def runs(root: Locator) -> int:
    return int(root.get_attribute("data-runs"))


def choose(root: Locator, menu: str, **chosen: object) -> None:
    """An entry of a menu, and the ensemble that follows."""
    before = runs(root)
    root.get_by_label(menu, exact=True).select_option(**chosen)
    wait_for_a_run(root, before)


def masks_of(root: Locator, side: int = 64) -> np.ndarray:
    masks = np.array(root.locator(".pairvae-panel").evaluate(NUMBERS, "masks"))
    return masks.reshape(len(masks), side, side) > 0.5


def sampled(flow, explored, root: Locator, index: int, side: int = 64, steps: int = 8) -> np.ndarray:
    """What the library draws from the noise that the browser drew from."""
    noise = root.locator(".pairvae-panel").evaluate(NUMBERS, "noise")
    scattering = as_seen(explored.measured[explored.modalities[0].name][[index] * len(noise)])
    return flow.sample(torch.from_numpy(scattering)[:, None], side, Given(noise), steps)[:, 0].numpy()


@pytest.fixture(scope="module")
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    visit = Visit(browser.new_page())
    visit.open(f"{address}/{CHAPTER}.html")
    explorer_on(visit.page)
    yield visit
    visit.page.close()


@pytest.fixture
def root(visit: Visit) -> Locator:
    """The explorer, back at the first sample with everything as usual."""
    root = visit.page.locator(".pairvae-explorer")
    for label, index in (("Sample", 0), ("Steps", 1), ("Size", 0), ("Masks", 1)):
        if root.get_by_label(label, exact=True).evaluate("one => one.selectedIndex") != index:
            choose(root, label, index=index)
    share = root.get_by_label("Its share")
    if share.input_value() != "0":
        before = runs(root)
        share.press("Home")
        wait_for_a_run(root, before)
    return root


def test_it_draws_eight_masks_as_the_library_does_and_asks_no_other_host(visit, root, flow, explored):
    assert root.get_by_role("group", name="Drawn from the SAXS of ").locator("canvas").count() == 8
    drawn = masks_of(root)
    assert np.mean(drawn != sampled(flow, explored, root, 0)) <= SHARE
    assert len({mask.tobytes() for mask in drawn}) == 8
    assert {urlsplit(url).hostname for url in visit.requests if not url.startswith(("blob:", "data:"))} == {"localhost"}
    assert visit.faults == [] and root.locator(".pairvae-status[role=status]").inner_text().startswith("Ready: ")
    assert not root.locator("img.pairvae-still").is_visible()


def test_the_scattering_is_used_and_the_error_is_the_librarys(root, explored):
    true = [two_point_correlation(masks)[1].mean(axis=0) for masks in explored.measured["sem"]]
    own, others = [], []
    for index in range(len(explored.sample_ids)):
        if index:
            choose(root, "Sample", index=index)
        s2 = two_point_correlation(masks_of(root))[1].mean(axis=0)
        errors = [float(np.abs(s2 - one).mean()) for one in true]
        own.append(errors[index])
        others.append(np.mean(errors[:index] + errors[index + 1 :]))
        assert float(root.locator(".pairvae-panel").get_attribute("data-error")) == pytest.approx(own[-1], abs=1e-4)
        shown = re.search(r"mean absolute difference ([\d.]+)", root.locator(".pairvae-numbers").inner_text())
        assert shown is not None and float(shown[1].rstrip(".")) == pytest.approx(own[-1], abs=1.5e-4)  # four digits
    assert np.mean(own) < 0.5 * np.mean(others)  # the answer to another's scattering is far worse


def test_the_maps_are_the_librarys(root, explored):
    drawn = directional_correlation(masks_of(root), 16, normalised=True).mean(axis=0)
    found = np.array(root.locator(".pairvae-panel").evaluate("panel => Array.from(panel.map)")).reshape(33, 33)
    np.testing.assert_allclose(found, drawn, atol=1e-9)


def test_another_size_and_another_number_of_steps(root, flow, explored):
    choose(root, "Masks", label="4")
    choose(root, "Size", label="128 px")
    assert np.mean(masks_of(root, 128) != sampled(flow, explored, root, 0, 128)) <= SHARE
    choose(root, "Size", label="64 px")
    choose(root, "Steps", label="4")
    assert np.mean(masks_of(root) != sampled(flow, explored, root, 0, steps=4)) <= SHARE


def test_by_keys_it_draws_again_and_mixes_two_samples(root, flow, explored):
    before, first = runs(root), masks_of(root)
    again = root.get_by_role("button", name="Draw again")
    again.focus()
    again.press("Enter")
    wait_for_a_run(root, before)
    assert np.mean(masks_of(root) != first) > 0.1
    choose(root, "Mixed with", index=2)
    share, panel = root.get_by_label("Its share"), root.locator(".pairvae-panel")
    share.focus()
    before = runs(root)
    share.press("End")
    wait_for_a_run(root, before)
    assert root.get_by_role("group", name="Drawn from the SAXS of ladders").locator("canvas").count() == 8
    assert root.get_by_role("group", name="True crops of ladders").is_visible()
    assert share.get_attribute("aria-valuetext") == "100 %"
    assert np.mean(masks_of(root) != sampled(flow, explored, root, 2)) <= SHARE  # all of it: the other sample's own
    before = runs(root)
    share.press("PageDown")
    wait_for_a_run(root, before)
    part = int(share.input_value()) / 100
    assert 0 < part < 1
    expected = (1 - part) * explored.conditions[0] + part * explored.conditions[2]
    np.testing.assert_allclose(panel.evaluate("one => Array.from(one.condition)"), expected, atol=1e-5)
    assert root.get_by_role("group", name="Drawn between the two").locator("canvas").count() == 8


def test_every_control_has_a_name_and_axe_finds_nothing(visit, root):
    for control in root.locator("input, select").all():
        assert control.evaluate("one => one.labels.length") == 1
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
        assert control.bounding_box()["height"] >= 24
    visit.page.evaluate(AXE)
    found = visit.page.evaluate("axe.run('.pairvae-explorer', {resultTypes: ['violations']})")["violations"]
    assert [(one["id"], [node["html"][:80] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_telephone(browser, address, theme):
    page = browser.new_page(viewport={"width": NARROW, "height": 844}, reduced_motion="reduce")
    page.add_init_script(f"localStorage.mode = localStorage.theme = {theme!r}")
    page.goto(f"{address}/{CHAPTER}.html", wait_until="networkidle")
    root = explorer_on(page)
    edges = root.locator("*").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(edges) <= NARROW
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    page.evaluate(AXE)
    rules = "axe.run('.pairvae-explorer', {resultTypes: ['violations'], runOnly: ['color-contrast']})"
    assert page.evaluate(rules)["violations"] == []
    page.close()


def test_a_flow_that_is_not_there_is_told_beside_the_still_picture(browser, address):
    page = browser.new_page()
    page.route("**/saxs_to_sem_flow.onnx", lambda route: route.fulfill(status=200, body="no weights"))
    page.goto(f"{address}/{CHAPTER}.html", wait_until="networkidle")
    come_near_widgets(page)
    root = page.locator(".pairvae-explorer")
    root.scroll_into_view_if_needed()
    page.wait_for_selector(".pairvae-explorer[data-state=error]", timeout=60_000)
    assert "saxs_to_sem_flow.onnx is no flow that can be run (" in root.get_by_role("alert").inner_text()
    assert root.locator("img.pairvae-still").is_visible()
    page.close()


def test_a_profile_is_drawn_as_a_curve(browser, profile_pairs, tmp_path):
    flow = fresh_flow(*profile_pairs.modalities, FLOWS["tiny"].architecture, len(profile_pairs), 0).eval()
    torch.nn.init.normal_(flow.net.out.weight)
    flow.regression.learn(profile_pairs.scattering, np.random.default_rng(0).standard_normal((len(profile_pairs), 2)))
    masks = np.stack([profile_pairs.masks[i][:32, :32][None] for i in range(3)])
    explored = FlowExploration.of(
        flow, profile_pairs.sample_ids[:3], profile_pairs.morphologies[:3], profile_pairs.scattering[:3, 0], masks,
        profile_pairs.q,
    )
    site: Path = tmp_path / "site"
    site.mkdir()
    write_page(site, {"one": write_flow_exploration(tmp_path / "flow", flow, explored)})
    with served(site) as address:
        page = opened(browser, address)
        root = page.locator(".pairvae-explorer")
        wait_for_a_run(root, 0)
        assert np.mean(masks_of(root, 32) != sampled(flow, explored, root, 0, 32)) <= SHARE
        assert root.locator("svg").count() == 3  # the profile, that of the other sample, S2
        page.close()
